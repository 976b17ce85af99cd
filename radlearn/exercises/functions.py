"""A function as an answer: it is called on hidden cases, and the first that goes wrong is shown.

A known mistake is itself a function. An answer shows it if both return the same on every hidden case. One of two mistakes in an answer
is recognised if the answer is wrong on every case which the mistake gets wrong, in the same way on most of them, and otherwise on no more
cases than these.
"""

import copy
import reprlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from radlearn.exercises.answers import Kind, Mistake, NotAnAnswer, described


@dataclass(frozen=True)
class Case:
    """A hidden case: what is awkward about it, and the arguments of the call."""

    what: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Returned:
    """What a call gave: a value that could be read, or why there is none (an error, a result of another kind)."""

    value: Any = None
    trouble: str = ""


def plain_call(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return `function(*arguments)`."""
    return function(*arguments)


@dataclass(frozen=True)
class Function(Kind):
    """A function, checked by what it returns.

    Attributes:
        cases: makes the hidden cases. Each call gets its own copy of the arguments.
        returns: what each call has to return.
        call: how the function is called, for answers that are judged by more than what is returned; it raises NotAnAnswer where what is
            returned cannot be judged.
    """

    cases: Callable[[], Sequence[Case]]
    returns: Kind
    call: Callable[..., Any] = plain_call

    def read(self, answer: object) -> Any:
        if not callable(answer):
            raise NotAnAnswer(f"{described(answer)} is no function")
        return answer

    def same(self, value: Any, other: Any) -> bool:
        return all(self._agree(one, two) for one, two in zip(self._results(value), self._results(other), strict=True))

    def answer_of(self, computed: Callable[..., Any]) -> Any:
        return computed

    def diagnosis(self, value: Any, right: Callable[..., Any], mistakes: Sequence[Mistake]) -> str | None:
        found, expected = self._results(value), self._results(right)
        wrong = [number for number in range(len(expected)) if not self._agree(found[number], expected[number])]
        if not wrong:
            return None
        shown, says = self._recognised(found, expected, wrong, mistakes)
        case = self.cases()[shown]
        mine, theirs = found[shown].value, expected[shown].value
        if isinstance(mine, dict):
            # Of several facts only those that are wrong.
            theirs = {name: fact for name, fact in theirs.items() if not self.returns.same(mine, {name: fact})}
            mine = {name: mine[name] for name in theirs}
        returned = found[shown].trouble or f"Your function returned {_short(mine)}."
        told = f"{case.what[0].upper()}{case.what[1:]}: {returned} Expected: {_short(theirs)}."
        return f"{told} {says}".rstrip()

    def _recognised(
        self, found: list[Returned], expected: list[Returned], wrong: list[int], mistakes: Sequence[Mistake]
    ) -> tuple[int, str]:
        """Return the number of the case to be shown, and the diagnosis of the known mistake that goes wrong in the same way."""
        known = [(mistake, self._results(mistake.answer)) for mistake in mistakes]
        for mistake, theirs in known:
            if all(map(self._agree, found, theirs)):
                return wrong[0], mistake.told(found[wrong[0]])
        if self._same_for_all(found) and not self._same_for_all(expected):
            return wrong[0], "It returns the same in every case."
        shared: list[tuple[list[int], Mistake]] = []
        for mistake, theirs in known:
            goes_wrong = [number for number in range(len(found)) if not self._agree(theirs[number], expected[number])]
            alike = [number for number in goes_wrong if self._agree(theirs[number], found[number])]
            # An error is no sign against a mistake: it may come from another one, before the result is known.
            otherwise = [number for number in wrong if number not in alike and not found[number].trouble]
            # Whoever makes a mistake does not get right what goes wrong by it; and few results that are alike may be chance.
            if set(goes_wrong) <= set(wrong) and 2 * len(alike) > len(goes_wrong) and len(alike) >= len(otherwise) and not mistake.fits:
                shared.append((alike, mistake))
        if shared:
            alike, mistake = max(shared, key=lambda one: len(one[0]))
            return alike[0], mistake.told(found[alike[0]])
        for mistake in mistakes:
            for number in wrong:
                if mistake.fits and mistake.fits(found[number]):
                    return number, mistake.told(found[number])
        return wrong[0], ""

    def _same_for_all(self, results: list[Returned]) -> bool:
        return not any(one.trouble for one in results) and all(self._agree(results[0], one) for one in results)

    def _agree(self, one: Returned, other: Returned) -> bool:
        if one.trouble or other.trouble:
            return one.trouble == other.trouble
        return self.returns.same(one.value, other.value)

    def _results(self, function: Callable[..., Any]) -> list[Returned]:
        return [self._result(function, case) for case in self.cases()]

    def _result(self, function: Callable[..., Any], case: Case) -> Returned:
        try:
            with np.errstate(all="ignore"):
                answer = self.call(function, *copy.deepcopy(case.arguments))
        except NotAnAnswer as error:
            return Returned(trouble=f"Your function did not return what was asked for. {error}.")
        # Whatever the learner's function raises is shown, and is never an error of the checker.
        except Exception as error:
            return Returned(trouble=f"Your function raised {type(error).__name__} ({str(error)[:120]}).")
        try:
            return Returned(self.returns.read(answer))
        except NotAnAnswer as error:
            forgotten = " Is a `return` missing?" if answer is None else ""
            return Returned(trouble=f"Your function did not return what was asked for. {error}.{forgotten}")
        except Exception:
            return Returned(trouble=f"Your function did not return what was asked for. {described(answer)} could not be read.")


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return np.array2string(value, precision=4, threshold=12, separator=", ").replace("\n", "")
    if isinstance(value, dict):
        return ", ".join(f"{name} {_short(one)}" for name, one in value.items())
    return f"{value:.4g}" if isinstance(value, float) else reprlib.repr(value)
