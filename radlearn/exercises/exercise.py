"""One exercise: a question, what is given, graded hints, a solution that runs, and a checker with a diagnosis for common mistakes."""

import copy
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from radlearn.exercises.answers import Kind, Mistake, NotAnAnswer, described
from radlearn.exercises.functions import Function

WIDTH = 110


@dataclass(frozen=True)
class Result:
    """What `check` found: whether the answer is right, and the message that was printed."""

    right: bool
    message: str = field(repr=False)


def nothing_given() -> dict[str, Any]:
    """Return what is given where the question says all."""
    return {}


@dataclass
class Exercise:
    """An exercise of a lesson; `question`, `hint` and `solution` print, `check` prints and returns.

    Attributes:
        lesson: `classification`, `detection`, `segmentation` or `ultrasound`.
        number: 1 for `q1`.
        title: the question in one line, in the learner's words.
        task: what to do.
        answer: what to hand over, with its unit.
        why: why it matters in medicine, one sentence.
        expects: the kind of the answer.
        right: computes the right answer, from the exact truth or a hidden computation; the right function where one is asked for.
        mistakes: common wrong answers with their diagnoses; the first that fits is told, so those that many values show come last.
        hints: from a nudge to nearly all.
        code: the solution, which runs as it stands and leaves the answer in `answer`.
        learned: what a right answer shows.
        given: makes what the learner works on.
        about_given: what that is, a line for each name.
    """

    lesson: str
    number: int
    title: str
    task: str
    answer: str
    why: str
    expects: Kind
    right: Callable[..., Any]
    mistakes: tuple[Mistake, ...]
    hints: tuple[str, ...]
    code: str
    learned: str
    given: Callable[[], Mapping[str, Any]] = nothing_given
    about_given: Mapping[str, str] = field(default_factory=dict)
    _hints_told: int = field(default=0, init=False, repr=False)

    @property
    def name(self) -> str:
        """Return the name to import, such as `q1`."""
        return f"q{self.number}"

    @property
    def text(self) -> str:
        """Return what `question` prints."""
        lines = [f"{self.lesson.capitalize()}, {self.name}. {self.title}", "", _paragraphs(self.task), ""]
        if self.about_given:
            lines += [f"Given by {self.name}.data(), a dictionary:", *_listed(self.about_given), ""]
        lines += [_paragraphs(f"Hand over {self.answer}."), "", _paragraphs(f"Why: {self.why}"), ""]
        return "\n".join([*lines, f"{self.name}.check(answer)   {self.name}.hint()   {self.name}.solution()"])

    @property
    def solution_code(self) -> str:
        """Return what `solution` prints: a program that ends by checking its answer."""
        start = f"from radlearn.exercises.{self.lesson} import {self.name}\n"
        return f"{start}{textwrap.dedent(self.code).rstrip()}\n\n{self.name}.check(answer)"

    def question(self) -> None:
        """Print the question."""
        print(self.text)

    def data(self) -> dict[str, Any]:
        """Return what is given, each time anew: it may be changed without harm."""
        return copy.deepcopy(dict(self.given()))

    def hint(self) -> None:
        """Print the next hint; after the last one, that there are no more."""
        if self._hints_told == len(self.hints):
            print(_paragraphs(f"There are no more hints; all {len(self.hints)} are told. {self.name}.solution() shows one way."))
            return
        self._hints_told += 1
        last = f" That was the last hint; {self.name}.solution() shows one way." if self._hints_told == len(self.hints) else ""
        print(_paragraphs(f"Hint {self._hints_told} of {len(self.hints)}: {self.hints[self._hints_told - 1]}{last}"))

    def solution(self) -> None:
        """Print a solution. It runs as it stands, and is one of many."""
        print(self.solution_code)

    def check(self, answer: object = None) -> Result:
        """Check an answer, print what was found, and return it. It raises no error, whatever the answer is."""
        right, message = self._checked(answer)
        result = Result(right, f"{'Right.' if right else 'Not yet.'} {message}")
        print(result.message)
        return result

    def _checked(self, answer: object) -> tuple[bool, str]:
        expected = f"Expected: {self.answer}."
        if isinstance(self.expects, Function):
            expected += " Hand over the function itself, without calling it."
        try:
            value = self.expects.read(answer)
            says = self.expects.diagnosis(value, self.right, self.mistakes)
            if says == "":
                says = f"{self.expects.known(value, self.expects.read(self.right()))} {self.name}.hint() helps."
        except NotAnAnswer as error:
            return False, f"{error}. {expected}"
        # An answer is an object of the learner's own, and its methods may raise anything.
        except Exception as error:
            return False, f"{described(answer)} could not be read ({type(error).__name__}). {expected}"
        if says is None:
            return True, self.learned
        return False, says


def table_of_contents(exercises: Mapping[str, Exercise]) -> str:
    """Return a line for each exercise: its name and its title."""
    return "\n".join(f"{name:4} {exercise.title}" for name, exercise in exercises.items())


def _paragraphs(text: str) -> str:
    blocks = textwrap.dedent(text).strip().split("\n\n")
    # A block that is indented is code and keeps its lines.
    return "\n\n".join(block if block.startswith("    ") else textwrap.fill(" ".join(block.split()), WIDTH) for block in blocks)


def _listed(about: Mapping[str, str]) -> list[str]:
    return [textwrap.fill(f"{name}: {says}", WIDTH, initial_indent="  ", subsequent_indent="    ") for name, says in about.items()]
