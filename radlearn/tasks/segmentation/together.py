"""Several runs that predict together, for CTs and for images in two dimensions: each prepares a case as it was trained to see it.

What they find is averaged on the grid of the file, because what each run sees has a grid of its own.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from radlearn.challenges.challenge import Case

CaseT = TypeVar("CaseT", bound=Case)
DifferT = TypeVar("DifferT")


class Prepared(Protocol):
    """A case as a run sees it."""

    @property
    def item(self) -> Mapping[str, Any]:
        """What the run's transforms made of it; `id` is the case's `image_id`."""


PreparedT = TypeVar("PreparedT", bound=Prepared)
PredictedT = TypeVar("PredictedT")


@dataclass(frozen=True)
class Segmenter(Generic[CaseT, PreparedT]):
    """A trained run as an ensemble uses it.

    Args:
        prepare: cases → as this run sees them, in the same order.
        infer: the item of such a case → its probability, float32, on the grid of its file.
    """

    prepare: Callable[[Sequence[CaseT]], list[PreparedT]]
    infer: Callable[[Mapping[str, Any]], np.ndarray]


class Together(Generic[CaseT, PreparedT, DifferT]):
    """Cases as each run sees them, and what all predict for them.

    Args:
        mean: (what each run predicts, taken one after another; the case as the first run sees it) → their mean, and how far they differ.
    """

    def __init__(
        self,
        members: Sequence[Segmenter[CaseT, PreparedT]],
        cases: Sequence[CaseT],
        mean: Callable[[Iterable[np.ndarray], PreparedT], tuple[np.ndarray, DifferT | None]],
    ) -> None:
        self.members, self.mean = members, mean
        self.by_run = [member.prepare(cases) for member in members]
        self.names = [case.image_id for case in cases]
        self._number_of = {name: number for number, name in enumerate(self.names)}
        self._differ: dict[str, DifferT] = {}

    @property
    def prepared(self) -> list[PreparedT]:
        """The cases as the first run sees them."""
        return self.by_run[0]

    @property
    def differ(self) -> list[DifferT]:
        """How far the runs differ on each case, in their order; all must have been inferred."""
        return [self._differ[name] for name in self.names]

    def infer(self, item: Mapping[str, Any]) -> np.ndarray:
        """Return the mean probability for a case, from its item of the first run, and keep how far the runs differ."""
        number = self._number_of[item["id"]]
        # The item that is given is the first run's: it is not mapped a second time.
        items = (item if of_run is self.by_run[0] else of_run[number].item for of_run in self.by_run)
        each = (member.infer(own) for member, own in zip(self.members, items, strict=True))
        mean, differ = self.mean(each, self.prepared[number])
        if differ is not None:
            self._differ[item["id"]] = differ
        return mean


def predicted_by_all(
    each: Iterable[PredictedT], mean: Callable[[Iterable[np.ndarray], PredictedT], tuple[np.ndarray, object]]
) -> PredictedT:
    """Return what several runs predict for one file together: the first run's prediction with the `probability` and `features` of all.

    Args:
        each: what every run predicts, dataclasses with `probability`, `differ` and `features` (one array a run, or None where they are
            not known); taken one after another.
        mean: (the probabilities of the runs, taken one after another; what the first predicts) → their mean, and how far they differ.
    """
    runs: Iterator[Any] = iter(each)
    first = next(runs)
    features: list[Sequence[np.ndarray] | None] = []

    def probabilities() -> Iterator[np.ndarray]:
        for one in itertools.chain([first], runs):
            features.append(one.features)
            yield one.probability

    probability, differ = mean(probabilities(), first)
    known = [own for own in features if own is not None]
    together = [one for own in known for one in own] if len(known) == len(features) else None
    return replace(first, probability=probability, differ=differ, features=together)  # type: ignore[no-any-return]
