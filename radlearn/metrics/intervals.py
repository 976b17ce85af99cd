"""Uncertainty of a score: bootstrap intervals by person.

The X-rays of one person are correlated, so a thousand X-rays of three hundred people carry less information than a thousand X-rays of a
thousand people. The bootstrap therefore resamples *people* with replacement, each with all their X-rays; the middle 95 % of the scores of
such draws is the interval.

No interval is given where it would be unreliable: for fewer than ten people, where more than one draw in a hundred has no score (fewer
than about five people of the rarer class), and for medians (arXiv:2409.17763). A score at its limit, such as an AUROC of exactly 1, gets
an interval of zero width, because the bootstrap only resamples errors that occurred.

An interval holds its score. Where the percentiles of the draws do not, because a rare draw is what happened, it is widened to the score. A
score that resampling itself raises, such as a mean distance, which noise can only enlarge (`centred`), has its draws shifted by that bias.

Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, ch. 13 (percentile interval); by clusters, Field & Welsh 2007,
Journal of the Royal Statistical Society B 69(3):369, doi:10.1111/j.1467-9868.2007.00593.x.
"""

import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from radlearn.errors import BadSetting

FEWEST_PERSONS = 10
MOST_DRAWS_WITHOUT_SCORE = 0.01
# 32 MB of weights at a time: fast, and small enough for 26,684 X-rays and a thousand draws.
WEIGHTS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Interval:
    """A score and the middle `level` of its bootstrap draws; low and high are NaN where no interval can be given."""

    value: float
    low: float = math.nan
    high: float = math.nan
    dropped_draws: int = 0

    @property
    def is_known(self) -> bool:
        """Whether there is an interval."""
        return not (math.isnan(self.low) or math.isnan(self.high))

    def as_dict(self) -> dict[str, float]:
        """Return `{"value", "low", "high"}`, as in `scores.json`."""
        return {"value": self.value, "low": self.low, "high": self.high}

    def __format__(self, digits: str) -> str:
        """Return text such as "0.91 (0.87–0.94)" for the format ".2f"; a dash where there is no score.

        >>> f"{Interval(0.914, 0.871, 0.942):.2f}", f"{Interval(0.914):.2f}", f"{Interval(math.nan):.2f}"
        ('0.91 (0.87–0.94)', '0.91 (no interval)', '–')
        """
        digits = digits or ".3g"
        if math.isnan(self.value):
            return "–"
        shown = [format(number, digits).replace("-", "−") for number in (self.value, self.low, self.high)]
        between = " to " if "−" in shown[1] else "–"
        return f"{shown[0]} ({shown[1]}{between}{shown[2]})" if self.is_known else f"{shown[0]} (no interval)"


@dataclass(frozen=True)
class Band:
    """A curve and its pointwise intervals, each float64 (points,); low and high are NaN where no interval can be given.

    Pointwise: each single point is covered with the chosen probability, the whole curve less often.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def intervals(self) -> list[Interval]:
        """Return each point as an `Interval`."""
        return [Interval(float(value), float(low), float(high)) for value, low, high in zip(self.value, self.low, self.high, strict=True)]


def bootstrap_interval(
    score: Callable[..., Any], persons: ArrayLike, *arrays: ArrayLike, draws: int = 1000, seed: int = 0, level: float = 0.95
) -> Interval:
    """Return `score(*arrays)` with its bootstrap interval by person; draws without a score (a class is missing) are left out and counted.

    Args:
        score: takes the arrays and returns one number. If it has an argument `weights` (all scores of `radlearn.metrics` do; a
            `functools.partial` keeps it), it is called with the weights of many draws, (draws, cases) -> (draws,). Any other is called
            once per draw with resampled arrays, which is slower.
        persons: (cases,), the person of each case, text or whole numbers.
        arrays: each (cases, …), such as probabilities and labels.
        draws: number of draws. A draw depends only on `seed` and its number, so more draws continue the same sequence.
        level: between 0 and 1.

    Raises:
        BadSetting: lengths differ, a person is missing, or draws or level are invalid.

    >>> from radlearn.metrics.ranking import auroc_score
    >>> people = [f"person {i // 2}" for i in range(40)]
    >>> interval = bootstrap_interval(auroc_score, people, np.arange(40) % 7, np.arange(40) % 3 == 0)
    >>> interval.low < interval.value < interval.high
    True
    """
    band, dropped = _bootstrapped(score, persons, arrays, draws, seed, level)
    if band.value.ndim != 0:
        raise BadSetting(f"the score returns an array of shape {band.value.shape}; expected one number. Use bootstrap_band for curves.")
    return Interval(float(band.value), float(band.low), float(band.high), int(dropped))


def bootstrap_band(
    curve: Callable[..., Any],
    persons: ArrayLike,
    *arrays: ArrayLike,
    draws: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    centred: ArrayLike = False,
) -> Band:
    """Return `curve(*arrays)`, an array of points, with a pointwise bootstrap interval by person; arguments as in `bootstrap_interval`.

    `centred`: bool (points,), which of them are distances (0 or more) that resampling itself raises. Their draws are shifted so that the
    middle one is the value, and cut off at 0.

    >>> from functools import partial
    >>> from radlearn.metrics.ranking import sensitivity_at_rates
    >>> people = [f"person {i // 2}" for i in range(40)]
    >>> height = partial(sensitivity_at_rates, false_positive_rates=np.linspace(0, 1, 5))
    >>> band = bootstrap_band(height, people, np.arange(40) % 7, np.arange(40) % 3 == 0, draws=200)
    >>> band.value.shape, bool(np.all(band.low <= band.high))
    ((5,), True)
    """
    return _bootstrapped(curve, persons, arrays, draws, seed, level, centred)[0]


def paired_bootstrap_interval(
    score: Callable[..., Any],
    persons: ArrayLike,
    first: Sequence[ArrayLike],
    second: Sequence[ArrayLike],
    draws: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Return `score(*second) - score(*first)` for two predictions for the same cases; every draw takes the same persons for both.

    What is difficult for one model mostly is for the other, so their scores rise and fall together from draw to draw, and their
    difference is known better than either score. Comparing two intervals by eye misses that.

    Args:
        first, second: the arrays of each, as after `persons` in `bootstrap_interval`.

    >>> errors = np.linspace(0, 1, 40) ** 2
    >>> interval = paired_bootstrap_interval(np.mean, range(40), [errors], [errors + 0.1])
    >>> f"{interval:.2f}"  # every case is worse by the same amount: nothing depends on who is drawn
    '0.10 (0.10–0.10)'
    """
    (band,) = paired_bootstrap_bands(score, persons, [[first], [second]], draws, seed, level)
    if band.value.ndim != 0:
        raise BadSetting(f"the score returns an array of shape {band.value.shape}; expected one number. Use paired_bootstrap_bands.")
    return Interval(float(band.value), float(band.low), float(band.high))


def paired_bootstrap_bands(
    score: Callable[..., Any],
    persons: ArrayLike,
    groups: Sequence[Sequence[Sequence[ArrayLike]]],
    draws: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> list[Band]:
    """Return the difference of every group after the first to the first, with pointwise intervals; a draw takes the same persons for all.

    A group is what one or more trainings of a recipe predicted for the same cases; its score is the mean over them. The intervals contain
    which persons were in the test set. They do not contain the luck of a seed, because the trainings are not drawn.

    Args:
        score: as in `bootstrap_interval`; it may also return a row of numbers.
        persons: (cases,).
        groups: group → training → the arrays of the score, (cases, …) each.

    Raises:
        BadSetting: fewer than two groups, a group without a training, or as `bootstrap_interval`.
    """
    if len(groups) < 2 or not all(groups):
        raise BadSetting(f"groups hold {[len(group) for group in groups]} trainings; expected at least two groups of at least one.")

    def weighted(*rows: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        again, parts = {} if weights is None else {"weights": weights}, iter(rows)
        means = [
            np.mean([np.asarray(score(*islice(parts, len(arrays)), **again), dtype=np.float64) for arrays in group], axis=0)
            for group in groups
        ]
        return np.stack([mean - means[0] for mean in means[1:]], axis=0 if weights is None else 1)

    def plain(*rows: np.ndarray) -> np.ndarray:
        return weighted(*rows)

    knows_weights = "weights" in inspect.signature(score).parameters
    arrays = tuple(array for group in groups for training in group for array in training)
    band = _bootstrapped(weighted if knows_weights else plain, persons, arrays, draws, seed, level)[0]
    return [Band(*one) for one in zip(band.value, band.low, band.high, strict=True)]


def _bootstrapped(
    score: Callable[..., Any],
    persons: ArrayLike,
    arrays: tuple[ArrayLike, ...],
    draws: int,
    seed: int,
    level: float,
    centred: ArrayLike = False,
) -> tuple[Band, int]:
    rows = [np.asarray(array) for array in arrays]
    numbers, count = _numbered(persons)
    if not rows or any(len(array) != len(numbers) for array in rows):
        raise BadSetting(f"{len(numbers)} persons for arrays of {[len(array) for array in rows]} rows; expected one person per case.")
    if draws < 1 or not 0 < level < 1:
        raise BadSetting(f"draws is {draws}, level is {level}; expected at least 1 draw and a level between 0 and 1, such as 0.95.")
    value = np.asarray(score(*rows), dtype=np.float64)
    unknown = np.full_like(value, np.nan)
    if count < FEWEST_PERSONS or np.isnan(value).all():
        return Band(value, unknown, unknown), 0

    drawn = np.concatenate(list(_drawn_scores(score, rows, numbers, count, draws, seed)))
    without = np.isnan(drawn).sum(axis=0)
    given = (without <= MOST_DRAWS_WITHOUT_SCORE * draws) & ~np.isnan(value)
    low, high = unknown.copy(), unknown.copy()
    if given.any():
        tail = (1 - level) / 2 * 100
        low[given], high[given] = np.nanpercentile(drawn[:, given], [tail, 100 - tail], axis=0)
        if (shifted := given & np.asarray(centred, dtype=bool)).any():
            bias = np.nanmedian(drawn[:, shifted], axis=0) - value[shifted]
            low[shifted], high[shifted] = np.maximum(low[shifted] - bias, 0), high[shifted] - bias
        low[given], high[given] = np.minimum(low, value)[given], np.maximum(high, value)[given]
    return Band(value, low, high), int(np.max(without))


def _drawn_scores(
    score: Callable[..., Any], rows: list[np.ndarray], numbers: np.ndarray, count: int, draws: int, seed: int
) -> Iterator[np.ndarray]:
    """Yield the scores of all draws in chunks, each (some, …)."""
    if "weights" in inspect.signature(score).parameters:
        at_once = max(1, min(draws, WEIGHTS_AT_ONCE // len(numbers)))
        for first in range(0, draws, at_once):
            weights = np.stack([_times_drawn(count, seed, draw)[numbers] for draw in range(first, min(first + at_once, draws))])
            yield np.asarray(score(*rows, weights=weights.astype(np.float64)), dtype=np.float64)
        return
    for draw in range(draws):
        again = np.repeat(np.arange(len(numbers)), _times_drawn(count, seed, draw)[numbers])
        yield np.asarray(score(*(array[again] for array in rows)), dtype=np.float64)[None]


def _times_drawn(count: int, seed: int, draw: int) -> np.ndarray:
    """Return how often each of `count` persons is in this draw, int (count,); a function of seed and draw only."""
    return np.bincount(np.random.default_rng([seed, draw]).integers(0, count, size=count), minlength=count)


def _numbered(persons: ArrayLike) -> tuple[np.ndarray, int]:
    """Return each case's person as a number, and the number of persons. Numbers follow the order of names, not of rows."""
    names = np.asarray(persons, dtype=object).ravel()
    missing = [i for i, name in enumerate(names) if name is None or name == "" or name != name]
    if missing:
        found = f"persons: case {missing[0]} has none ({names[missing[0]]!r})"
        raise BadSetting(f"{found}. Give every case of an unknown person a name of its own.")
    unique, numbers = np.unique(names.astype(str), return_inverse=True)
    return numbers, len(unique)
