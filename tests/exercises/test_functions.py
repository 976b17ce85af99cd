"""A function is judged on hidden cases: the first that goes wrong is shown, with the mistake that goes wrong in the same way."""

from typing import Any

import numpy as np
import pytest

from radlearn.exercises.answers import Fields, Mistake, NotAnAnswer, Number, Numbers
from radlearn.exercises.functions import Case, Function, plain_call


def cases() -> list[Case]:
    return [Case("two numbers", ([1, 2],)), Case("one number", ([5],)), Case("no number", ([],)), Case("many", (list(range(50)),))]


MEAN = Function(cases, Number(nan=True))
MISTAKES = (
    Mistake(lambda numbers: sum(numbers), "This is the sum."),
    Mistake(lambda numbers: sum(numbers) / len(numbers), "Look first."),
    Mistake(lambda numbers: numbers[0] if numbers else float("nan"), "Only the first."),
)


def mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers) if numbers else float("nan")


def told(function: Any, kind: Function = MEAN) -> str | None:
    return kind.diagnosis(kind.read(function), mean, MISTAKES)


def test_a_right_function_has_no_diagnosis_whatever_its_way() -> None:
    assert told(mean) is None
    assert told(lambda numbers: np.mean(numbers) if numbers else np.nan) is None


def test_a_known_mistake_is_told_with_the_case_on_which_it_goes_wrong() -> None:
    assert told(sum) == "Two numbers: Your function returned 3. Expected: 1.5. This is the sum."
    assert told(lambda numbers: mean(numbers) if len(numbers) else 1 / 0) == (
        "No number: Your function raised ZeroDivisionError (division by zero). Expected: nan. Look first."
    )


def test_a_mistake_among_others_is_recognised_by_one_case() -> None:
    assert (
        told(lambda numbers: -1 if len(numbers) == 50 else sum(numbers))
        == "Two numbers: Your function returned 3. Expected: 1.5. This is the sum."
    )
    # The first wrong case is like no known mistake, a later one is.
    both = told(lambda numbers: 7 if len(numbers) == 2 else sum(numbers) / len(numbers))
    assert both is not None
    assert both.startswith("No number: ")
    assert both.endswith("Look first.")


def test_an_unknown_mistake_is_shown_without_a_diagnosis() -> None:
    assert told(lambda numbers: mean(numbers) + 1) == "Two numbers: Your function returned 2.5. Expected: 1.5."


def test_results_of_another_kind_and_errors_are_shown_and_raise_nothing() -> None:
    assert "did not return what was asked for. None is no number. Is a `return` missing?" in str(told(lambda numbers: None))
    assert "missing" not in str(told(lambda numbers: "three"))
    assert "raised TypeError" in str(told(lambda: 1))
    assert "raised KeyError" in str(told(lambda numbers: {}["x"]))
    with pytest.raises(NotAnAnswer, match="A number is no function"):
        MEAN.read(1.5)


def test_each_call_has_its_own_arguments() -> None:
    kept: list[Case] = cases()

    def greedy(numbers: list[float]) -> float:
        result = mean(numbers)
        numbers.clear()
        return result

    assert Function(lambda: kept, Number(nan=True)).diagnosis(greedy, mean, MISTAKES) is None
    assert kept[0].arguments == ([1, 2],)


def test_two_functions_are_the_same_answer_if_they_return_the_same() -> None:
    assert MEAN.same(mean, lambda numbers: mean(numbers))
    assert not MEAN.same(mean, sum)
    assert MEAN.answer_of(mean) is mean
    assert plain_call(sum, [1, 2]) == 3


def test_of_several_facts_only_the_wrong_ones_are_shown() -> None:
    kind = Function(cases, Fields({"length": Number(), "sum": Number()}))
    right = lambda numbers: {"length": len(numbers), "sum": sum(numbers)}  # noqa: E731
    says = kind.diagnosis(lambda numbers: right(numbers) | {"sum": 0}, right, ())
    assert says == "Two numbers: Your function returned sum 0. Expected: sum 3."


def test_arrays_are_shown_on_one_line() -> None:
    kind = Function(cases, Numbers((None,)))
    says = kind.diagnosis(lambda numbers: np.zeros(100), lambda numbers: np.ones(100), ())
    assert says is not None
    assert "\n" not in says
    assert len(says) < 200


def test_a_mistake_that_would_go_wrong_where_the_answer_is_right_is_not_told() -> None:
    # As the sum on one list; but the sum is wrong on two numbers as well, where this is right.
    assert (
        told(lambda numbers: sum(numbers) if len(numbers) == 50 else mean(numbers)) == "Many: Your function returned 1225. Expected: 24.5."
    )
    # As the sum on one of three lists on which that is wrong: chance is not excluded.
    assert "This is the sum" not in str(told(lambda numbers: {0: -7, 2: 3, 50: -7}.get(len(numbers), mean(numbers))))


def test_of_two_mistakes_the_one_that_explains_more_is_told() -> None:
    ends = (Mistake(lambda numbers: numbers[-1] if numbers else float("nan"), "Only the last."), *MISTAKES)
    # On two numbers and on many it returns the first, on none it raises an error.
    says = MEAN.diagnosis(lambda numbers: numbers[0], mean, ends)
    assert says is not None
    assert says.endswith("Only the first.")


def test_a_mistake_of_many_functions_is_recognised_by_what_a_call_gave() -> None:
    raising = Mistake(
        lambda numbers: numbers.mean(), "Lists have no such method.", fits=lambda returned: "no attribute" in returned.trouble
    )
    says = MEAN.diagnosis(lambda numbers: numbers.average(), mean, (*MISTAKES, raising))
    assert says is not None
    assert says.startswith("Two numbers: Your function raised AttributeError")
    assert says.endswith("Lists have no such method.")
    assert "Lists" not in str(MEAN.diagnosis(sum, mean, (raising, *MISTAKES)))


def test_a_call_that_cannot_judge_what_is_returned_says_so() -> None:
    def judged(function: Any, numbers: list[float]) -> float:
        raise NotAnAnswer("This is no pair")

    kind = Function(cases, Number(), call=judged)
    assert kind._results(sum)[0].trouble == "Your function did not return what was asked for. This is no pair."


def test_a_function_that_returns_the_same_in_every_case_is_told_so_and_no_mistake() -> None:
    # The sum of no numbers is 0 as well.
    assert told(lambda numbers: 0) == ("Two numbers: Your function returned 0. Expected: 1.5. It returns the same in every case.")
    assert "every case" not in str(told(lambda numbers: 1 / 0))


def test_a_result_that_is_alike_by_chance_is_no_sign_of_a_mistake() -> None:
    # Wrong by one everywhere; on one case that is the result of a known mistake, on three it is not.
    by_chance = (Mistake(lambda numbers: 6 if len(numbers) == 1 else mean(numbers), "One number is 6."),)
    assert MEAN.diagnosis(lambda numbers: mean(numbers) + 1 if numbers else -1, mean, by_chance) == (
        "Two numbers: Your function returned 2.5. Expected: 1.5."
    )
    # An error in the other cases does not count against it.
    says = MEAN.diagnosis(lambda numbers: 6 if len(numbers) == 1 else 1 / 0, mean, by_chance)
    assert says is not None
    assert says.endswith("One number is 6.")
