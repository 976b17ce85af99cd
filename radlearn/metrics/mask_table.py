"""All scores of predicted masks, one row per scan, and their summary over scans with intervals by person.

Some scores are undefined for some scans: Dice, surface Dice and distances where truth and prediction are both empty; a distance is
infinite where one of the two is empty, a relative volume error where the truth is. Such scans are excluded from mean and median, which is
optimistic, so their number is reported, and false lesions and volume errors in ml include every scan.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike

from radlearn.errors import BadSetting
from radlearn.metrics.case_scores import CaseScore, score_intervals
from radlearn.metrics.intervals import Interval
from radlearn.metrics.lesions import FOUND_SHARE, SMALLEST_ML, lesion_counts, lesion_sensitivity
from radlearn.metrics.masks import Spacing, checked_masks, dice_score, volume_error_percent, volume_ml
from radlearn.metrics.predictions import OneOrPerDraw, share
from radlearn.metrics.surfaces import surface_distances


@dataclass(frozen=True)
class MaskScores:
    """The scores of one predicted mask; NaN and infinity as in the functions of the same names."""

    dice_score: float
    surface_dice_score: float
    hausdorff95_mm: float
    truth_ml: float
    predicted_ml: float
    volume_error_ml: float
    volume_error_percent: float
    lesions: int
    found_lesions: int
    false_lesions: int


@dataclass(frozen=True)
class MaskSummary:
    """The scores over scans. `left_out`: for each score that excludes scans, how many."""

    scans: int
    scores: dict[str, Interval]
    left_out: dict[str, int]


def mask_scores(
    predicted: ArrayLike, truth: ArrayLike, spacing_mm: Spacing,
    tolerance_mm: float = 1.0, smallest_ml: float = SMALLEST_ML, found_share: float = FOUND_SHARE,
) -> MaskScores:  # fmt: skip
    """Return all scores of one scan; arguments as in `surface_dice_score` and `lesion_counts`.

    >>> box = np.zeros((8, 8, 8), bool)
    >>> box[2:6, 2:6, 2:6] = True
    >>> scores = mask_scores(np.roll(box, 2, axis=0), box, (1.0, 1.0, 5.0))
    >>> scores.dice_score, scores.hausdorff95_mm, scores.volume_error_ml, scores.found_lesions
    (0.5, 2.0, 0.0, 1)
    """
    p, t = checked_masks(predicted, truth)
    distances = surface_distances(p, t, spacing_mm)
    predicted_ml, truth_ml = volume_ml(p, spacing_mm), volume_ml(t, spacing_mm)
    return MaskScores(
        dice_score=dice_score(p, t),
        surface_dice_score=distances.dice_score(tolerance_mm),
        hausdorff95_mm=distances.hausdorff_mm(95.0),
        truth_ml=truth_ml,
        predicted_ml=predicted_ml,
        volume_error_ml=abs(predicted_ml - truth_ml),
        volume_error_percent=volume_error_percent(p, t),
        **vars(lesion_counts(p, t, spacing_mm, smallest_ml, found_share)),
    )


def mask_columns(table: Sequence[MaskScores]) -> dict[str, np.ndarray]:
    """Return each field of the rows as a column, (scans,)."""
    return {field.name: np.array([getattr(row, field.name) for row in table]) for field in fields(MaskScores)}


def mask_summary(table: Sequence[MaskScores], persons: ArrayLike, draws: int = 1000, seed: int = 0) -> MaskSummary:
    """Return the scores over scans, `MASK_SCORES`, with their intervals by person.

    Raises:
        BadSetting: no scans, or not one person per scan.
    """
    if not table:
        raise BadSetting("there is no scan to score; expected at least one row of scores.")
    columns = mask_columns(table)
    unknown = {name: int((~np.isfinite(columns[column])).sum()) for name, column in OF_SOME_SCANS.items()}
    return MaskSummary(
        len(table), score_intervals(MASK_SCORES, columns, persons, draws, seed), {name: count for name, count in unknown.items() if count}
    )


def mean_over_scans(values: ArrayLike, weights: ArrayLike | None = None) -> OneOrPerDraw:
    """Return the mean of the finite values, (scans,); NaN if there is none. `weights` are (scans,) or (draws, scans).

    >>> float(mean_over_scans([1.0, float("nan"), 3.0, float("inf")]))
    2.0
    """
    v = np.asarray(values, dtype=np.float64)
    w = np.ones(len(v)) if weights is None else np.asarray(weights, dtype=np.float64)
    known = np.isfinite(v)
    return share(w[..., known] @ v[known], w[..., known].sum(axis=-1))


def median_over_scans(values: ArrayLike) -> float:
    """Return the median of the finite values, (scans,); NaN if there is none.

    >>> median_over_scans([1.0, float("nan"), 3.0, float("inf"), float("inf")])
    2.0
    """
    v = np.asarray(values, dtype=np.float64)
    known = v[np.isfinite(v)]
    return float(np.median(known)) if len(known) else float("nan")


# Scores that leave out the scans without a finite value, and the columns that say which.
OF_SOME_SCANS = {
    "dice_score": "dice_score",
    "surface_dice_score": "surface_dice_score",
    "hausdorff95_mm": "hausdorff95_mm",
    "volume_error_percent": "volume_error_percent",
    "median_volume_error_percent": "volume_error_percent",
}
# All are means over scans except `lesion_sensitivity`, which is over the lesions of all scans, and the median, which has no interval.
MASK_SCORES = {
    "dice_score": CaseScore(function=mean_over_scans, columns=("dice_score",), headline=True),
    "surface_dice_score": CaseScore(function=mean_over_scans, columns=("surface_dice_score",), headline=True),
    "hausdorff95_mm": CaseScore(function=mean_over_scans, columns=("hausdorff95_mm",), higher_is_better=False, unit="mm"),
    "volume_error_percent": CaseScore(function=mean_over_scans, columns=("volume_error_percent",), higher_is_better=False, unit="%"),
    "median_volume_error_percent": CaseScore(
        function=median_over_scans,
        columns=("volume_error_percent",),
        higher_is_better=False,
        headline=True,
        unit="%",
        has_interval=False,
    ),
    "volume_error_ml": CaseScore(function=mean_over_scans, columns=("volume_error_ml",), higher_is_better=False, unit="ml"),
    "lesion_sensitivity": CaseScore(function=lesion_sensitivity, columns=("found_lesions", "lesions"), headline=True),
    "false_lesions_per_scan": CaseScore(
        function=mean_over_scans, columns=("false_lesions",), higher_is_better=False, headline=True, unit="per scan"
    ),
}
