"""By how much the scores of two recipes differ on the same cases, paired by person, and by how much those of single seeds do."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from radlearn.metrics.case_scores import CaseScore, Columns, in_one_call
from radlearn.metrics.intervals import Interval, paired_bootstrap_bands


@dataclass(frozen=True)
class ScoreDifference:
    """One score of two recipes on the same cases.

    `first` and `second` are the scores of their trainings, one for each seed; `difference` is mean(second) − mean(first).
    """

    name: str
    score: CaseScore
    first: tuple[float, ...]
    second: tuple[float, ...]
    difference: Interval

    @property
    def means(self) -> tuple[float, float]:
        """The mean over the seeds, of both."""
        return float(np.mean(self.first)), float(np.mean(self.second))

    @property
    def holds_zero(self) -> bool | None:
        """Whether the interval holds 0; None where there is no interval."""
        return self.difference.low <= 0 <= self.difference.high if self.difference.is_known else None

    @property
    def better(self) -> Literal["first", "second"] | None:
        """Which is better by an interval that does not hold 0."""
        if self.holds_zero is not False:
            return None
        return "second" if (self.difference.value > 0) == self.score.higher_is_better else "first"

    @property
    def in_numbers(self) -> str:
        """The difference and its interval, with signs, as text."""
        interval = self.difference
        value, low, high = (f"{number:+.3f}".replace("-", "−") for number in (interval.value, interval.low, interval.high))
        if math.isnan(interval.value):
            return "–"
        return f"{value} ({low} to {high})" if interval.is_known else f"{value} (no interval)"

    @property
    def seed_spread(self) -> float:
        """From the lowest to the highest seed, of the one that spreads more; NaN where neither has more than one."""
        spreads = [max(values) - min(values) for values in (self.first, self.second) if len(values) > 1]
        return max(spreads) if spreads else math.nan

    @property
    def is_within_seed_spread(self) -> bool:
        """Whether the seeds of one recipe differ by more than the recipes do."""
        return abs(self.difference.value) < self.seed_spread


def score_differences(
    scores: Mapping[str, CaseScore],
    persons: ArrayLike,
    groups: Sequence[Sequence[Columns]],
    draws: int = 1000,
    seed: int = 0,
) -> list[list[ScoreDifference]]:
    """Return for every group after the first how each score differs from that of the first; all are drawn with the same persons.

    Args:
        persons: (cases,).
        groups: group → training → its columns, the same cases in the same order in all.
    """
    values = {name: [tuple(score.value(training) for training in group) for group in groups] for name, score in scores.items()}
    drawn = [name for name, score in scores.items() if score.has_interval]
    found: dict[tuple[int, str], Interval] = {}
    if drawn:
        together, used = in_one_call([scores[name] for name in drawn])
        arrays: list[Any] = [[[training[name] for name in used] for training in group] for group in groups]
        for place, band in enumerate(paired_bootstrap_bands(together, persons, arrays, draws, seed), start=1):
            found |= {(place, name): interval for name, interval in zip(drawn, band.intervals(), strict=True)}

    def difference(name: str, place: int) -> ScoreDifference:
        first, second = values[name][0], values[name][place]
        plain = Interval(float(np.mean(second) - np.mean(first)))
        return ScoreDifference(name, scores[name], first, second, found.get((place, name), plain))

    return [[difference(name, place) for name in scores] for place in range(1, len(groups))]
