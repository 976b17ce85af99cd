"""How well probabilities put the positive cases above the negative ones, whatever the threshold.

Every score takes `weights`: how often each case counts. A bootstrap draw is nothing but such weights, so a thousand draws are one
call on (draws, cases), and the cases are sorted once instead of a thousand times (`intervals.py`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from radlearn.errors import BadSetting
from radlearn.metrics.predictions import OneOrPerDraw, checked_predictions, share


def auroc_score(probabilities: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> OneOrPerDraw:
    """Return the area under the ROC curve: the share of (positive, negative) pairs in which the positive is higher; a tie counts half.

    Args:
        probabilities: (cases,), any finite numbers: only their order counts.
        labels: bool (cases,).
        weights: (cases,) or (draws, cases), how often each case counts.

    Returns:
        float in [0, 1], 0.5 for chance; (draws,) for weights of two dimensions. NaN where a class is missing.

    Source: Hanley & McNeil 1982, Radiology 143(1):29, doi:10.1148/radiology.143.1.7063747.

    >>> float(auroc_score([0.9, 0.4, 0.4, 0.1], [1, 1, 0, 0]))  # of four pairs three are right and one is a tie
    0.875
    """
    p, y, w = checked_predictions(probabilities, labels, weights)
    return share(*_pairs_won(p, y, w))


def within_view_auroc_score(
    probabilities: ArrayLike, labels: ArrayLike, views: ArrayLike, weights: ArrayLike | None = None
) -> OneOrPerDraw:
    """Return the AUROC over the pairs of one and the same view: AP with AP, PA with PA, all pooled.

    Bedridden patients are imaged AP and are ill more often, so a model that reads only the view already scores 0.706 on the 26,684
    X-rays of the Kaggle pneumonia challenge 2018. Within a view that shortcut is worth exactly 0.5.

    Args:
        probabilities, labels, weights: as in `auroc_score`.
        views: str (cases,). Cases whose view is unknown ("" or None) are in no pair. NaN where no view has both classes.

    >>> float(within_view_auroc_score([0.9, 0.8, 0.2, 0.1], [1, 0, 1, 0], ["AP", "AP", "PA", "PA"]))
    1.0
    """
    p, y, w = checked_predictions(probabilities, labels, weights)
    names = np.array(["" if view is None else str(view) for view in np.asarray(views, dtype=object).ravel()], dtype=str)
    if len(names) != len(p):
        raise BadSetting(f"views: {len(names)} for {len(p)} cases; expected one a case.")
    won = pairs = np.zeros(w.shape[:-1])
    for name in sorted(set(names.tolist()) - {""}):
        here = names == name
        won_here, pairs_here = _pairs_won(p[here], y[here], w[..., here])
        won, pairs = won + won_here, pairs + pairs_here
    return share(won, pairs)


def average_precision_score(probabilities: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> OneOrPerDraw:
    """Return Σ (Rₙ − Rₙ₋₁) Pₙ over the thresholds from high to low: precision, averaged over the positives as they are found.

    Chance is the share of positives, not 0.5: compare it only between data with the same share. Arguments as in `auroc_score`; the result
    is in (0, 1], and NaN where a class is missing.

    Source: Manning, Raghavan & Schütze 2008, Introduction to Information Retrieval, ch. 8; without interpolation, as in scikit-learn.

    >>> round(float(average_precision_score([0.9, 0.8, 0.7], [1, 0, 1])), 4)  # (1/1 + 2/3) / 2
    0.8333
    """
    p, y, w = checked_predictions(probabilities, labels, weights)
    _, found, alarms = _counted_from_the_top(p, y, w)
    if found.shape[-1] == 0:
        return share(found.sum(axis=-1), 0)
    newly_found = np.diff(found, prepend=0.0, axis=-1)
    area = np.nansum(newly_found * share(found, found + alarms), axis=-1)
    return np.where(alarms[..., -1] > 0, share(area, found[..., -1]), np.nan)[()]


@dataclass(frozen=True)
class RocCurve:
    """Sensitivity against false-positive rate, both in [0, 1] and rising from (0, 0) to (1, 1), one point a distinct probability.

    `thresholds[i]` is the lowest probability called positive at point i; at the first point nothing is, and it is infinite.
    """

    false_positive_rate: np.ndarray
    sensitivity: np.ndarray
    thresholds: np.ndarray


@dataclass(frozen=True)
class PrecisionRecallCurve:
    """Precision against recall (= sensitivity), one point a distinct probability, from the highest threshold to the lowest."""

    recall: np.ndarray
    precision: np.ndarray
    thresholds: np.ndarray


def roc_curve(probabilities: ArrayLike, labels: ArrayLike) -> RocCurve:
    """Return the ROC curve, every distinct probability taken as threshold; NaN rates where a class is missing."""
    p, y, w = checked_predictions(probabilities, labels)
    values, found, alarms = _counted_from_the_top(p, y, w)
    return RocCurve(share(np.r_[0.0, alarms], (~y).sum()), share(np.r_[0.0, found], y.sum()), np.r_[np.inf, values])


def precision_recall_curve(probabilities: ArrayLike, labels: ArrayLike) -> PrecisionRecallCurve:
    """Return the precision–recall curve, every distinct probability taken as threshold; NaN recall where no case is positive."""
    p, y, w = checked_predictions(probabilities, labels)
    values, found, alarms = _counted_from_the_top(p, y, w)
    return PrecisionRecallCurve(share(found, y.sum()), share(found, found + alarms), values)


def sensitivity_at_rates(
    probabilities: ArrayLike, labels: ArrayLike, false_positive_rates: ArrayLike, weights: ArrayLike | None = None
) -> np.ndarray:
    """Return the ROC curve's height at the given false-positive rates, straight between its points: what a band is made of.

    `false_positive_rates` are (points,), in [0, 1]; the other arguments as in `auroc_score`. float64 (points,), or (draws, points); NaN
    where a class is missing. At a rate with a vertical step, the upper end of it.
    """
    p, y, w = checked_predictions(probabilities, labels, weights)
    rates = np.asarray(false_positive_rates, dtype=np.float64)
    _, found, alarms = _counted_from_the_top(p, y, np.atleast_2d(w))
    heights = np.full((len(found), len(rates)), np.nan)
    for i, (found_here, alarms_here) in enumerate(zip(found, alarms, strict=True)):
        if len(found_here) and found_here[-1] > 0 and alarms_here[-1] > 0:
            x, height = np.r_[0.0, alarms_here / alarms_here[-1]], np.r_[0.0, found_here / found_here[-1]]
            left = np.searchsorted(x, rates, side="right") - 1
            right = np.minimum(left + 1, len(x) - 1)
            step = np.where(right > left, x[right] - x[left], 1.0)
            heights[i] = height[left] + (height[right] - height[left]) * (rates - x[left]) / step
    return heights if w.ndim == 2 else heights[0]


def precision_at_recalls(probabilities: ArrayLike, labels: ArrayLike, recalls: ArrayLike, weights: ArrayLike | None = None) -> np.ndarray:
    """Return the precision at the highest threshold whose recall reaches each of `recalls`: what a band is made of.

    `recalls` are (points,), above 0 and at most 1; the other arguments as in `auroc_score`. float64 (points,), or (draws, points); NaN
    where a class is missing.
    """
    p, y, w = checked_predictions(probabilities, labels, weights)
    wanted = np.asarray(recalls, dtype=np.float64)
    _, found, alarms = _counted_from_the_top(p, y, np.atleast_2d(w))
    heights = np.full((len(found), len(wanted)), np.nan)
    for i, (found_here, alarms_here) in enumerate(zip(found, alarms, strict=True)):
        if len(found_here) and found_here[-1] > 0 and alarms_here[-1] > 0:
            # 0.7 · 10 is a little more than 7 in floating point; 7 of 10 must still count as a recall of 0.7.
            at = np.searchsorted(found_here, wanted * found_here[-1] - 1e-9, side="left")
            heights[i] = found_here[at] / (found_here[at] + alarms_here[at])
    return heights if w.ndim == 2 else heights[0]


def _pairs_won(p: np.ndarray, y: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs that positives win (ties half) and all pairs, each (...,)."""
    negatives = p[~y]
    order = np.argsort(negatives, kind="stable")
    weight_up_to = np.concatenate([np.zeros((*w.shape[:-1], 1)), np.cumsum(w[..., ~y][..., order], axis=-1)], axis=-1)
    below = weight_up_to[..., np.searchsorted(negatives[order], p[y], side="left")]
    not_above = weight_up_to[..., np.searchsorted(negatives[order], p[y], side="right")]
    positives = w[..., y]
    return (positives * (below + not_above)).sum(axis=-1) / 2, positives.sum(axis=-1) * weight_up_to[..., -1]


def _counted_from_the_top(p: np.ndarray, y: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the distinct probabilities from high to low, and the positives and negatives at or above each, (..., distinct)."""
    order = np.argsort(-p, kind="stable")
    ordered = p[order]
    last_of_its_value = np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], True]) if len(p) else np.array([], dtype=int)
    in_order = w[..., order]
    found = np.cumsum(in_order * y[order], axis=-1)[..., last_of_its_value]
    alarms = np.cumsum(in_order * ~y[order], axis=-1)[..., last_of_its_value]
    return ordered[last_of_its_value], found, alarms
