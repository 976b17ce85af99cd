"""Scores as functions of a table with a row for each evaluated case.

`evaluate` computes the scores of a run with them, and `compare` the differences between runs: one definition, so the two cannot differ.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from radlearn.metrics.intervals import Interval, bootstrap_band

Columns = Mapping[str, np.ndarray]
"Name → values, (cases,) each."


@dataclass(frozen=True, kw_only=True)
class CaseScore:
    """One score over cases.

    Args:
        function: takes the columns in this order, (cases,) each, and `weights` as in `bootstrap_interval`; returns one number.
        columns: names of the columns.
        higher_is_better: False for errors and for what is false.
        headline: whether it is among the few that are shown first.
        unit: "" for a number between 0 and 1, else the unit or what it is counted by, such as "mm" or "per scan".
        has_interval: False for a median, whose bootstrap interval is unreliable (`intervals`); its function needs no `weights`.
        centred: True for a distance that resampling itself raises, as in `bootstrap_band`.
    """

    function: Callable[..., Any]
    columns: tuple[str, ...]
    higher_is_better: bool = True
    headline: bool = False
    unit: str = ""
    has_interval: bool = True
    centred: bool = False

    def value(self, columns: Columns) -> float:
        """Return the score over all cases of a table; NaN where it is undefined."""
        return float(self.function(*(columns[name] for name in self.columns)))


def score_intervals(
    scores: Mapping[str, CaseScore], columns: Columns, persons: ArrayLike, draws: int = 1000, seed: int = 0
) -> dict[str, Interval]:
    """Return every score with its interval by person, in the order of `scores`; a score without an interval has its value alone.

    Args:
        columns: those of all scores; others are ignored.
        persons: (cases,).

    >>> from radlearn.metrics.boxes import mean_over_images
    >>> mean = CaseScore(function=mean_over_images, columns=("dice",))
    >>> found = score_intervals({"mean_dice": mean}, {"dice": np.linspace(0, 1, 20)}, range(20))
    >>> f"{found['mean_dice']:.1f}"
    '0.5 (0.4–0.6)'
    """
    drawn = [name for name, score in scores.items() if score.has_interval]
    found = {name: Interval(score.value(columns)) for name, score in scores.items() if not score.has_interval}
    if drawn:
        together, used = in_one_call([scores[name] for name in drawn])
        centred = [scores[name].centred for name in drawn]
        band = bootstrap_band(together, persons, *(columns[name] for name in used), draws=draws, seed=seed, centred=centred)
        found |= dict(zip(drawn, band.intervals(), strict=True))
    return {name: found[name] for name in scores}


def in_one_call(scores: list[CaseScore]) -> tuple[Callable[..., np.ndarray], tuple[str, ...]]:
    """Return a function of a row of scores, (scores,) or (draws, scores), and the columns that it takes.

    One bootstrap for all: on thousands of cases most of its time goes into drawing persons.
    """
    used = tuple(dict.fromkeys(name for score in scores for name in score.columns))

    def together(*arrays: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        table, again = dict(zip(used, arrays, strict=True)), {} if weights is None else {"weights": weights}
        found = [score.function(*(table[name] for name in score.columns), **again) for score in scores]
        return np.stack([np.asarray(one, dtype=np.float64) for one in found], axis=-1)

    return together, used
