"""What every exercise keeps: it says its question, gives its hints, takes any answer, and its solution is right."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radlearn import exercises
from radlearn.exercises import LESSONS, classification, detection, segmentation, ultrasound
from radlearn.exercises.answers import Fields, Mistake, Name, Number
from radlearn.exercises.exercise import Exercise, Result, table_of_contents
from radlearn.exercises.functions import Function
from radlearn.use_cases import USE_CASES

ALL = [exercise for lesson in (classification, detection, segmentation, ultrasound) for exercise in lesson.EXERCISES.values()]
every_exercise = pytest.mark.parametrize("exercise", ALL, ids=lambda exercise: f"{exercise.lesson}-{exercise.name}")


class Spiteful:
    """An object that raises an error whatever is asked of it."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


class SpitefulNumber:
    def detach(self) -> None:
        raise RuntimeError("no")

    def __array__(self, *arguments: Any, **settings: Any) -> np.ndarray:
        raise RuntimeError("no")


def nonsense() -> Iterator[Any]:
    yield from (
        None,
        True,
        "perhaps",
        b"\x00",
        -123456.5,
        float("nan"),
        float("inf"),
        1 + 2j,
        object(),
        Exercise,
        {},
        [],
        set(),
        [[1], [2, 3]],
    )
    yield from ({"run": None, "view": [], "ras_mm": "here", "a": 1}, {1: 2}, np.zeros((0, 0)), np.array(["a"]), np.full((2, 2), None))
    yield from (Spiteful(), SpitefulNumber(), ["p00001", "p00002"], iter(()), range(10**6))


def foolish_functions() -> Iterator[Callable[..., Any]]:
    yield lambda: 1
    yield lambda *arguments: None
    yield lambda *arguments: "much"
    yield lambda *arguments: Spiteful()
    yield lambda *arguments: [[1], [2, 3]]
    yield lambda *arguments: arguments[0].no_such_thing
    yield lambda *arguments: -12345


def quiet(exercise: Exercise, answer: Any, capsys: pytest.CaptureFixture[str]) -> Result:
    result = exercise.check(answer)
    # What is printed is what is returned.
    assert capsys.readouterr().out == result.message + "\n"
    return result


@every_exercise
def test_the_solution_runs_and_is_right(exercise: Exercise, capsys: pytest.CaptureFixture[str]) -> None:
    space: dict[str, Any] = {}
    exercise.solution()
    exec(compile(capsys.readouterr().out, exercise.name, "exec"), space)
    said = capsys.readouterr().out
    assert said.startswith("Right. ")
    assert quiet(exercise, space["answer"], capsys) == Result(True, said.rstrip("\n"))
    assert space[exercise.name] is exercise


@every_exercise
def test_each_common_mistake_has_its_own_diagnosis(exercise: Exercise, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(exercise.mistakes) >= 5
    assert len({mistake.says for mistake in exercise.mistakes}) == len(exercise.mistakes)
    always = [mistake.says for mistake in exercise.mistakes if isinstance(mistake.says, str)]
    for mistake in exercise.mistakes:
        answer = exercise.expects.answer_of(mistake.answer)
        if isinstance(answer, dict):
            # A mistake in one of several answers; the others are right.
            answer = exercise.right() | answer
        result = quiet(exercise, answer, capsys)
        assert not result.right
        says = mistake.says if isinstance(mistake.says, str) else mistake.told(exercise.expects.read(answer))
        assert says in result.message
        assert [other for other in always if other in result.message and other not in says] == []
        # The form of these answers is right, so it is not told again.
        assert exercise.answer not in result.message


@every_exercise
def test_nonsense_is_no_error_and_is_told_what_was_expected(exercise: Exercise, capsys: pytest.CaptureFixture[str]) -> None:
    for answer in nonsense():
        result = quiet(exercise, answer, capsys)
        assert not result.right
        assert result.message.startswith("Not yet. ")
        try:
            exercise.expects.read(answer)
        except Exception:
            assert exercise.answer in result.message
        else:
            # What could be read has the right form: the message is about the value.
            assert exercise.answer not in result.message
            assert len(result.message) > len("Not yet. ")
    assert exercise.answer in quiet(exercise, None, capsys).message
    assert exercise.answer in quiet(exercise, Spiteful(), capsys).message
    if isinstance(exercise.expects, Function):
        for function in foolish_functions():
            result = quiet(exercise, function, capsys)
            assert not result.right
            assert "Expected: " in result.message


@every_exercise
def test_what_is_given_can_be_changed_without_harm(exercise: Exercise) -> None:
    first, again = exercise.data(), exercise.data()
    assert set(first) == {name for names in exercise.about_given for name in names.split(", ")}
    for name, value in first.items():
        if isinstance(value, np.ndarray):
            value[...] = value[::-1].copy() if value.ndim == 1 else 0
            np.testing.assert_array_equal(exercise.data()[name], again[name])
        elif isinstance(value, list):
            value.clear()
            assert exercise.data()[name] == again[name] != []


@every_exercise
def test_the_question_says_what_to_hand_over_and_why(exercise: Exercise, capsys: pytest.CaptureFixture[str]) -> None:
    exercise.question()
    said = capsys.readouterr().out
    together = " ".join(said.split())
    for part in (exercise.title, exercise.answer, exercise.why, f"{exercise.name}.check(answer)", *exercise.about_given.values()):
        assert " ".join(part.split()) in together
    assert max(map(len, said.splitlines())) <= 110
    assert exercise.why.endswith(".")
    assert exercise.title.endswith(("?", "."))
    assert not exercise.answer.endswith(".")


@every_exercise
def test_hints_come_one_after_the_other_and_then_there_are_no_more(exercise: Exercise, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(exercise.hints) >= 2
    exercise._hints_told = 0
    told = []
    for _ in range(len(exercise.hints) + 2):
        exercise.hint()
        told.append(" ".join(capsys.readouterr().out.split()))
    for hint, said in zip(exercise.hints, told, strict=False):
        assert " ".join(hint.split()) in said
    assert told[-1] == told[-2] == f"There are no more hints; all {len(exercise.hints)} are told. {exercise.name}.solution() shows one way."
    assert not any(" ".join(hint.split()) in told[-1] for hint in exercise.hints)
    assert f"{exercise.name}.solution()" in told[-3]
    assert "solution" not in told[0]


def test_each_lesson_has_eight_exercises_or_more_numbered_from_one(capsys: pytest.CaptureFixture[str]) -> None:
    for lesson, room in zip(LESSONS, (classification, detection, segmentation, ultrasound), strict=True):
        there = room.EXERCISES
        assert len(there) >= 8
        assert list(there) == [f"q{number}" for number in range(1, len(there) + 1)]
        assert all(exercise.lesson == lesson and getattr(room, name) is exercise for name, exercise in there.items())
        room.contents()
        said = capsys.readouterr().out
        assert said == table_of_contents(there) + "\n"
        assert all(exercise.title in said for exercise in there.values())


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_page_of_a_lesson_names_its_exercises_and_its_cell_tells_a_mistake(lesson: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = Path(USE_CASES[lesson].folder / "README.md").read_text(encoding="utf-8")
    section = re.split(r"^## ", page.split("\n## Exercises\n")[1], flags=re.MULTILINE)[0]
    room = getattr(exercises, lesson)
    assert re.findall(r"^- \*\*(q\d+)\*\* (.*)$", section, flags=re.MULTILINE) == [
        (name, each.title) for name, each in room.EXERCISES.items()
    ]
    (cell,) = re.findall(r"^```python\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL)
    exec(compile(cell, lesson, "exec"), {})
    said = capsys.readouterr().out
    assert said.startswith(room.q1.text)
    assert [mistake for mistake in room.q1.mistakes if isinstance(mistake.says, str) and mistake.says in said.splitlines()[-1]]


def test_an_exercise_without_its_lesson_is_asked_for_it() -> None:
    with pytest.raises(ImportError, match=r"q3: each lesson has its own.*from radlearn\.exercises\.detection import q3"):
        from radlearn.exercises import q3  # noqa: F401
    with pytest.raises(AttributeError, match="its lessons are classification, detection, segmentation, ultrasound"):
        _ = exercises.kidneys


def test_importing_and_asking_needs_nothing_heavy() -> None:
    code = (
        "import sys; from radlearn.exercises import classification, detection, segmentation, ultrasound; classification.q1.question(); "
        "classification.q1.check('p'); detection.q1.check(None); segmentation.q1.hint(); ultrasound.q1.hint(); "
        "heavy = ('torch', 'monai', 'matplotlib', 'pydicom', 'nibabel', 'sklearn', 'torchvision'); "
        "print([m for m in heavy if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"


def made(**changes: Any) -> Exercise:
    settings: dict[str, Any] = {
        "lesson": "detection", "number": 1, "title": "What?", "task": "Add.", "answer": "the sum", "why": "Sums.", "expects": Number(),
        "right": lambda: 3.0, "mistakes": (), "hints": ("a", "b"), "code": "answer = 3", "learned": "So it is.",
    }  # fmt: skip
    return Exercise(**(settings | changes))


def test_a_wrong_answer_of_no_known_kind_is_told_what_is_known_of_it_and_not_the_form(capsys: pytest.CaptureFixture[str]) -> None:
    assert quiet(made(), 4, capsys).message == "Not yet. The number is too high. q1.hint() helps."
    assert quiet(made(), "4", capsys).message == "Not yet. The text '4' is no number. Expected: the sum."
    assert quiet(made(), 3, capsys).message == "Right. So it is."


def test_a_mistake_of_many_values_is_recognised_and_quotes_the_value(capsys: pytest.CaptureFixture[str]) -> None:
    mistakes = (
        Mistake(lambda: 12.0, "This is the product."),
        Mistake(lambda: 100.0, lambda value: f"{value:g} has too many digits.", fits=lambda value: value > 10),
    )
    exercise = made(mistakes=mistakes)
    assert quiet(exercise, 12, capsys).message == "Not yet. This is the product."
    assert quiet(exercise, 345, capsys).message == "Not yet. 345 has too many digits."
    assert quiet(exercise, 9, capsys).message == "Not yet. The number is too high. q1.hint() helps."


def test_of_several_answers_those_that_are_right_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    exercise = made(expects=Fields({"who": Name(), "much": Number()}), right=lambda: {"who": "A", "much": 2})
    assert quiet(exercise, {"who": "A", "much": 3}, capsys).message == "Not yet. 'much': The number is too high. Right so far: who."
    assert quiet(exercise, {"who": "B", "much": 1}, capsys).message == (
        "Not yet. 'who': 'B' is not the one that is asked for. 'much': The number is too low. q1.hint() helps."
    )
    assert "'much' is missing" in quiet(exercise, {"who": "A"}, capsys).message
    assert quiet(exercise, {"who": "A", "much": 2.0, "more": 1}, capsys).right


def test_code_in_a_question_keeps_its_lines() -> None:
    text = made(
        task="""
        Mend this
        loader.

            def load():
                return 1

        It is wrong.
    """
    ).text
    assert "Mend this loader.\n\n    def load():\n        return 1\n\nIt is wrong.\n" in text
