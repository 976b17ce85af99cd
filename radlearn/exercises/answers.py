"""What an answer can be: a number, a name, an array, several of these by name. Each kind reads an answer and compares two of its kind.

Learners hand over whatever they have: a float or a NumPy scalar, a list or a tensor, a name alone or in a list. A kind reads all of
these. What it cannot read it names, so that a checker never raises an error.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


class NotAnAnswer(Exception):
    """An answer of another kind than the expected one. The message says what was found."""


@dataclass(frozen=True)
class Mistake:
    """A common wrong answer, and what it shows.

    Attributes:
        answer: computes the wrong answer; where a function is asked for, it is the wrong function.
        says: the diagnosis; or a function that makes it from the wrong value, where the diagnosis quotes what is known of that value.
        fits: for a mistake that many values share: whether a wrong value shows it. `answer` is then one example. Of several answers by
            name it gets the whole dictionary, of a function what one call gave (`functions.Returned`).
    """

    answer: Callable[..., Any]
    says: str | Callable[[Any], str]
    fits: Callable[[Any], bool] | None = None

    def told(self, value: Any) -> str:
        """Return the diagnosis of a wrong value."""
        return self.says if isinstance(self.says, str) else self.says(value)


class Kind(ABC):
    """What an answer can be."""

    @abstractmethod
    def read(self, answer: object) -> Any:
        """Return the answer as this kind's own value.

        Raises:
            NotAnAnswer: it is of another kind.
        """

    @abstractmethod
    def same(self, value: Any, other: Any) -> bool:
        """Return whether two values that were read are the same answer."""

    def answer_of(self, computed: Callable[..., Any]) -> Any:
        """Return the answer that `Mistake.answer` or `Exercise.right` stands for."""
        return computed()

    def diagnosis(self, value: Any, right: Callable[..., Any], mistakes: Sequence[Mistake]) -> str | None:
        """Return None for a right value, the diagnosis of a known mistake, or "" for any other wrong value."""
        if self.same(value, self.read(right())):
            return None
        return next((mistake.told(value) for mistake in mistakes if self._shows(value, mistake)), "")

    def _shows(self, value: Any, mistake: Mistake) -> bool:
        return mistake.fits(value) if mistake.fits else self.same(value, self.read(mistake.answer()))

    def known(self, value: Any, right: Any) -> str:
        """Return what is certain of a wrong value that is no known mistake, beside that its form is right; "" if that is nothing."""
        return ""


@dataclass(frozen=True)
class Number(Kind):
    """One number; NaN counts only with `nan`.

    Attributes:
        within: how far it may be off, for instance because it was computed in single precision.
        share_within: the same, relative to the right number.
        nan: whether NaN can be an answer.
        share: whether the number is a share, 0 to 1, which a learner may give in percent.
    """

    within: float = 1e-6
    share_within: float = 0.0
    nan: bool = False
    share: bool = False

    def read(self, answer: object) -> float:
        array = _array(answer)
        if array.size != 1 or array.dtype.kind not in "iuf":
            raise NotAnAnswer(f"{described(answer)} is no number")
        value = float(array.reshape(()))
        if np.isnan(value) and not self.nan:
            raise NotAnAnswer("NaN is no number")
        return value

    def same(self, value: float, other: float) -> bool:
        return bool(np.isclose(value, other, rtol=self.share_within, atol=self.within, equal_nan=True))

    def known(self, value: float, right: float) -> str:
        if np.isnan(value) or np.isnan(right):
            return "NaN is not the answer." if np.isnan(value) else "This is a number, where NaN was asked for."
        if self.share and not 0 <= value <= 1:
            percent = self.same(value / 100, right)
            return "This is in percent; a share from 0 to 1 was asked for." if percent else "A share lies between 0 and 1; this does not."
        if self.same(-value, right):
            return "The size is right, the sign is not."
        if _rounded_too_far(value, right):
            return "The right number rounds to this: give more digits."
        return f"The number is too {'high' if value > right else 'low'}."


@dataclass(frozen=True)
class Name(Kind):
    """A name, alone or as the only one in a list. Spaces around it do not count."""

    def read(self, answer: object) -> str:
        while isinstance(answer, list | tuple | set | frozenset | np.ndarray) and len(_array(list(answer)).ravel()) == 1:
            answer = next(iter(answer))
        if not isinstance(answer, str):
            raise NotAnAnswer(f"{described(answer)} is no name")
        return str(answer).strip()

    def same(self, value: str, other: str) -> bool:
        return value == other

    def known(self, value: str, right: str) -> str:
        if value.lower() == right.lower():
            return "Capital and small letters are not the same here."
        return f"{value[:40]!r} is not the one that is asked for."


@dataclass(frozen=True)
class Numbers(Kind):
    """An array of numbers, also as nested lists or a tensor.

    Attributes:
        shape: None in it stands for any length, None in place of it for any shape.
        within, nan: as in `Number`.
    """

    shape: tuple[int | None, ...] | None
    within: float = 1e-6
    nan: bool = False

    def read(self, answer: object) -> np.ndarray:
        array = _array(answer)
        if array.dtype.kind not in "biuf" and array.size:
            raise NotAnAnswer(f"{described(answer)} is no array of numbers")
        if self.shape is not None and not _fits(array.shape, self.shape):
            raise NotAnAnswer(f"The shape is {array.shape} and not {shape_text(self.shape)}{_mismatch(array.shape, self.shape)}")
        value = array.astype(np.float64)
        if np.isnan(value).any() and not self.nan:
            raise NotAnAnswer("There is a NaN in it")
        return value

    def same(self, value: np.ndarray, other: np.ndarray) -> bool:
        return value.shape == other.shape and bool(np.allclose(value, other, rtol=0, atol=self.within, equal_nan=True))

    def known(self, value: np.ndarray, right: np.ndarray) -> str:
        if value.shape != right.shape:
            return f"The shape is {value.shape}, and {right.shape} was asked for."
        close = int(np.isclose(value, right, rtol=0, atol=self.within, equal_nan=True).sum())
        return f"{close or 'None'} of the {right.size} numbers {'is' if close == 1 else 'are'} right."


@dataclass(frozen=True)
class Fields(Kind):
    """Several answers by name, as a dictionary. A wrong one may be told from a part of them: `other` may hold fewer names.

    Attributes:
        kinds: the kind of each answer.
        follows: computes an answer from the others. If it follows as it should from a wrong one, nothing is said of it.
    """

    kinds: Mapping[str, Kind]
    follows: Mapping[str, Callable[[dict[str, Any]], Any]] = field(default_factory=dict)

    def read(self, answer: object) -> dict[str, Any]:
        names = ", ".join(repr(name) for name in self.kinds)
        if not isinstance(answer, Mapping):
            raise NotAnAnswer(f"{described(answer)} is no dictionary with {names}")
        missing = [name for name in self.kinds if name not in answer]
        if missing:
            raise NotAnAnswer(f"{', '.join(repr(name) for name in missing)} is missing in the dictionary")
        return self._read(answer)

    def _read(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        value = {}
        for name in [name for name in self.kinds if name in answer]:
            try:
                value[name] = self.kinds[name].read(answer[name])
            except NotAnAnswer as error:
                raise NotAnAnswer(f"{name!r}: {error}") from None
        return value

    def same(self, value: dict[str, Any], other: dict[str, Any]) -> bool:
        return all(self.kinds[name].same(value[name], other[name]) for name in other)

    def diagnosis(self, value: Any, right: Callable[..., Any], mistakes: Sequence[Mistake]) -> str | None:
        truth = self._read(right())
        if self.same(value, truth):
            return None
        good = [name for name in truth if self.same(value, {name: truth[name]})]
        known: list[str] = []
        explained = set(good)
        for mistake in mistakes:
            names = set(self._read(mistake.answer()))
            # What one mistake explains needs no second one.
            if not explained & names and self._shows_part(value, mistake):
                known.append(mistake.told(value))
                explained |= names
        if not known and not good:
            return ""
        known += [self._told(name, value, truth) for name in truth if name not in explained and not self._only_follows(name, value)]
        return " ".join([*known, f"Right so far: {', '.join(good)}."] if good else known)

    def _shows_part(self, value: dict[str, Any], mistake: Mistake) -> bool:
        return mistake.fits(value) if mistake.fits else self.same(value, self._read(mistake.answer()))

    def _only_follows(self, name: str, value: dict[str, Any]) -> bool:
        return name in self.follows and self.kinds[name].same(value[name], self.follows[name](value))

    def _told(self, name: str, value: dict[str, Any], truth: dict[str, Any]) -> str:
        return f"{name!r}: {self.kinds[name].known(value[name], truth[name])}"

    def known(self, value: dict[str, Any], right: dict[str, Any]) -> str:
        return " ".join(self._told(name, value, right) for name in right if not self._only_follows(name, value))


def shape_text(shape: Sequence[int | None]) -> str:
    """Return a shape in words: `(n, 4)` for (None, 4)."""
    lengths = ["n" if length is None else str(length) for length in shape]
    return f"({', '.join(lengths)}{',' if len(lengths) == 1 else ''})"


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(length in (None, found) for found, length in zip(shape, wanted, strict=True))


def _mismatch(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> str:
    """Return how a shape differs from the one that is wanted, where that is plain, as the end of a sentence."""
    if _fits(tuple(length for length in shape if length != 1), wanted):
        return ": there is an axis of length 1 too many"
    if len(wanted) > 1 and _fits(shape[::-1], wanted):
        return ": the axes are the other way round"
    if None not in wanted and _fits(shape[1:], wanted):
        return f": these are {shape[0]} answers, and one was asked for"
    return ""


def _rounded_too_far(value: float, right: float) -> bool:
    # Only where two digits or so agree: 0 and 1 are what many numbers round to.
    near = abs(value - right) < 0.05 * abs(right)
    return near and any(round(right, digits) == value for digits in range(6))


def described(answer: object) -> str:
    """Return what an answer is, in a few words. It never raises, whatever the object's own methods do."""
    try:
        return _described(answer)
    except Exception:
        return f"A {type(answer).__name__}"


def _described(answer: object) -> str:
    if answer is None:
        return "None"
    if isinstance(answer, bool | np.bool_):
        return f"The truth value {bool(answer)}"
    if isinstance(answer, str):
        return f"The text {answer[:40]!r}"
    if isinstance(answer, int | float | np.number):
        return "A number"
    if isinstance(answer, np.ndarray):
        return f"An array of shape {answer.shape}"
    if isinstance(answer, list | tuple | set | frozenset | dict):
        return f"A {type(answer).__name__} of {len(answer)}"
    if callable(answer):
        return "A function"
    return f"A {type(answer).__name__}"


def _array(answer: object) -> np.ndarray:
    """Return an answer as an array; a tensor that has a gradient or lies on a GPU, too."""
    try:
        if callable(detach := getattr(answer, "detach", None)):
            answer = detach().cpu()
        if isinstance(answer, bool | np.bool_ | str | bytes | set | frozenset | dict):
            return np.array(None, dtype=object)
        return np.asarray(answer)
    # Lists of different lengths, and objects whose methods raise whatever they like.
    except Exception:
        return np.array(None, dtype=object)
