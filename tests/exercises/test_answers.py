"""Answers are read as learners hand them over, and what cannot be read is named."""

from typing import Any

import numpy as np
import pytest

from radlearn.exercises.answers import Fields, Mistake, Name, NotAnAnswer, Number, Numbers, described, shape_text


class Tensor:
    """What a tensor on a GPU that has a gradient does."""

    def detach(self) -> "Tensor":
        return self

    def cpu(self) -> np.ndarray:
        return np.array([2.5])


@pytest.mark.parametrize("answer", [2.5, np.float32(2.5), np.array(2.5), [2.5], np.array([[2.5]]), Tensor()])
def test_a_number_is_read_from_whatever_holds_one(answer: Any) -> None:
    assert Number().read(answer) == 2.5


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (True, "truth value True"),
        ("2.5", "text '2.5'"),
        (None, "None"),
        ([1, 2], "list of 2"),
        (len, "function"),
        (np.zeros((2, 3)), "array of shape (2, 3)"),
        ([[1], [2, 3]], "list of 2"),
        (float("nan"), "NaN"),
        ({"a": 1}, "dict of 1"),
        (2j, "complex"),
    ],
)
def test_what_is_no_number_is_named(answer: Any, found: str) -> None:
    with pytest.raises(NotAnAnswer) as caught:
        Number().read(answer)
    assert found in str(caught.value)
    assert found == "NaN" or found in described(answer)


def test_a_number_may_be_off_by_what_is_allowed_and_no_more() -> None:
    assert Number(within=0.01).same(1.009, 1.0)
    assert not Number(within=0.01).same(1.011, 1.0)
    assert Number(within=0, share_within=0.01).same(202.0, 200.0)
    assert not Number(within=0, share_within=0.01).same(203.0, 200.0)
    assert Number(nan=True).same(Number(nan=True).read(float("nan")), float("nan"))
    assert Number().same(float("inf"), float("inf"))
    assert not Number().same(float("inf"), float("-inf"))


@pytest.mark.parametrize(
    "answer", ["p1", " p1 ", ["p1"], ("p1",), {"p1"}, np.array(["p1"]), np.array("p1").item(), [["p1"]], np.str_("p1")]
)
def test_a_name_is_read_alone_or_as_the_only_one(answer: Any) -> None:
    assert Name().read(answer) == "p1"


@pytest.mark.parametrize("answer", [["p1", "p2"], [], 1, None, [1], {"p1": 2}])
def test_what_is_no_single_name_is_refused(answer: Any) -> None:
    with pytest.raises(NotAnAnswer, match="no name"):
        Name().read(answer)


def test_arrays_are_compared_with_their_shape() -> None:
    kind = Numbers((None, 2), within=0.1)
    assert kind.same(kind.read([[1, 2], [3, 4]]), kind.read(np.array([[1.05, 2], [3, 4]])))
    assert not kind.same(kind.read([[1, 2], [3, 4]]), kind.read([[1, 2]]))
    assert not kind.same(kind.read([[1, 2]]), kind.read([[1, 2.2]]))
    assert kind.read(np.zeros((0, 2))).shape == (0, 2)
    assert kind.read(np.ones((1, 2), bool)).tolist() == [[1.0, 1.0]]
    with pytest.raises(NotAnAnswer, match=r"The shape is \(2,\) and not \(n, 2\)"):
        kind.read([1, 2])
    with pytest.raises(NotAnAnswer, match="no array of numbers"):
        kind.read([["a", "b"]])
    with pytest.raises(NotAnAnswer, match="NaN"):
        kind.read([[1, float("nan")]])
    assert Numbers(None).read(5.0).shape == ()
    assert shape_text((None, 4)) == "(n, 4)"
    assert shape_text((3,)) == "(3,)"


def test_a_mistake_in_one_of_several_answers_is_recognised() -> None:
    kind = Fields({"who": Name(), "much": Number()})
    mistakes = [Mistake(lambda: {"who": "B"}, "B is the other."), Mistake(lambda: {"much": -2.0}, "The sign.")]

    def told(**answer: Any) -> str | None:
        return kind.diagnosis(kind.read(answer), lambda: {"who": "A", "much": 2.0}, mistakes)

    assert told(who="A", much=2) is None
    assert told(who="B", much=2) == "B is the other. Right so far: much."
    assert told(who="B", much=-2) == "B is the other. The sign."
    assert told(who="C", much=5) == ""
    assert told(who="C", much=2) == "'who': 'C' is not the one that is asked for. Right so far: much."
    with pytest.raises(NotAnAnswer, match="'much': The text 'two' is no number"):
        kind.read({"who": "A", "much": "two"})
    with pytest.raises(NotAnAnswer, match="A list of 1 is no dictionary with 'who', 'much'"):
        kind.read([1])


def test_a_mistake_of_many_values_is_recognised_in_one_of_several_answers() -> None:
    kind = Fields({"who": Name(), "much": Number()})
    mistakes = [
        Mistake(lambda: {"much": -2.0}, "The sign."),
        Mistake(lambda: {"much": 20.0}, lambda given: f"{given['much']:g} is more than ten.", fits=lambda given: given["much"] > 10),
    ]

    def told(**answer: Any) -> str | None:
        return kind.diagnosis(kind.read(answer), lambda: {"who": "A", "much": 2.0}, mistakes)

    assert told(who="A", much=11) == "11 is more than ten. Right so far: who."
    assert told(who="A", much=-2) == "The sign. Right so far: who."
    assert told(who="B", much=11) == "11 is more than ten. 'who': 'B' is not the one that is asked for."


def test_of_what_follows_from_a_wrong_answer_nothing_is_said() -> None:
    kind = Fields({"one": Number(), "double": Number()}, follows={"double": lambda given: 2 * given["one"]})
    mistakes = [Mistake(lambda: {"one": -3.0}, "The sign.")]

    def told(**answer: Any) -> str | None:
        return kind.diagnosis(kind.read(answer), lambda: {"one": 3.0, "double": 6.0}, mistakes)

    assert told(one=3, double=6) is None
    assert told(one=-3, double=-6) == "The sign."
    assert told(one=-3, double=5) == "The sign. 'double': The number is too low."
    assert kind.known({"one": 4.0, "double": 8.0}, {"one": 3.0, "double": 6.0}) == "'one': The number is too high."


@pytest.mark.parametrize(
    ("value", "right", "says"),
    [
        (0.3, 0.2, "The number is too high."),
        (0.1, 0.2, "The number is too low."),
        (-0.2, 0.2, "A share lies between 0 and 1; this does not."),
        (20.0, 0.2, "This is in percent; a share from 0 to 1 was asked for."),
        (30.0, 0.2, "A share lies between 0 and 1; this does not."),
        (float("inf"), 0.2, "A share lies between 0 and 1; this does not."),
        (0.084, 0.08411, "The right number rounds to this: give more digits."),
        (0.1, 0.08411, "The number is too high."),
        (float("nan"), 0.2, "NaN is not the answer."),
        (0.2, float("nan"), "This is a number, where NaN was asked for."),
    ],
)
def test_what_is_known_of_a_share(value: float, right: float, says: str) -> None:
    assert Number(share=True, nan=True).known(value, right) == says


def test_what_is_known_of_a_number_a_name_and_an_array() -> None:
    assert Number().known(-4.0, 4.0) == "The size is right, the sign is not."
    assert Number().known(400.0, 4.0) == "The number is too high."
    assert Name().known("ap", "AP") == "Capital and small letters are not the same here."
    assert Name().known("PA", "AP") == "'PA' is not the one that is asked for."
    array = np.array([1.0, 2.0, 3.0])
    assert Numbers(None).known(array[:2], array) == "The shape is (2,), and (3,) was asked for."
    assert Numbers(None).known(array + [0, 0, 1], array) == "2 of the 3 numbers are right."
    assert Numbers(None).known(array + [0, 1, 1], array) == "1 of the 3 numbers is right."
    assert Numbers(None).known(array + 1, array) == "None of the 3 numbers are right."


@pytest.mark.parametrize(
    ("answer", "shape", "says"),
    [
        (np.zeros((5, 1)), (None,), "The shape is (5, 1) and not (n,): there is an axis of length 1 too many"),
        (np.zeros((1, 3)), (3,), "The shape is (1, 3) and not (3,): there is an axis of length 1 too many"),
        (np.zeros((4, 7)), (None, 4), "The shape is (4, 7) and not (n, 4): the axes are the other way round"),
        (np.zeros((6, 3)), (3,), "The shape is (6, 3) and not (3,): these are 6 answers, and one was asked for"),
        (np.zeros((2, 4)), (None,), "The shape is (2, 4) and not (n,)"),
        (np.zeros((5, 5)), (None, 4), "The shape is (5, 5) and not (n, 4)"),
    ],
)
def test_how_a_shape_differs_is_said_where_it_is_plain(answer: np.ndarray, shape: tuple[int | None, ...], says: str) -> None:
    with pytest.raises(NotAnAnswer) as caught:
        Numbers(shape).read(answer)
    assert str(caught.value) == says
