"""Decisions at a threshold: confusion counts, sensitivity, specificity, net benefit, and the choice of the threshold.

Choose a threshold on validation people and evaluate it on test people; chosen and evaluated on the same people, it is optimistic.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from radlearn.errors import BadSetting
from radlearn.metrics.predictions import OneOrPerDraw, checked_predictions, share
from radlearn.metrics.ranking import roc_curve


@dataclass(frozen=True)
class ConfusionCounts:
    """The confusion matrix at one threshold."""

    true_positives: int
    false_negatives: int
    false_positives: int
    true_negatives: int


def confusion_counts(probabilities: ArrayLike, labels: ArrayLike, threshold: float) -> ConfusionCounts:
    """Count true and false positives and negatives where a probability of at least `threshold` is called positive.

    >>> confusion_counts([0.9, 0.5, 0.5, 0.1], [1, 1, 0, 0], threshold=0.5)
    ConfusionCounts(true_positives=2, false_negatives=0, false_positives=1, true_negatives=1)
    """
    p, y, _ = checked_predictions(probabilities, labels)
    called = p >= _checked_threshold(threshold)
    return ConfusionCounts(int((called & y).sum()), int((~called & y).sum()), int((called & ~y).sum()), int((~called & ~y).sum()))


def sensitivity(probabilities: ArrayLike, labels: ArrayLike, threshold: float, weights: ArrayLike | None = None) -> OneOrPerDraw:
    """Return the share of positive cases called positive, in [0, 1]; NaN without positive cases. `weights` as in `auroc_score`."""
    p, y, w = checked_predictions(probabilities, labels, weights)
    return share(w @ ((p >= _checked_threshold(threshold)) & y).astype(float), w @ y.astype(float))


def specificity(probabilities: ArrayLike, labels: ArrayLike, threshold: float, weights: ArrayLike | None = None) -> OneOrPerDraw:
    """Return the share of negative cases called negative, in [0, 1]; NaN without negative cases. `weights` as in `auroc_score`."""
    p, y, w = checked_predictions(probabilities, labels, weights)
    return share(w @ ((p < _checked_threshold(threshold)) & ~y).astype(float), w @ (~y).astype(float))


def accuracy(probabilities: ArrayLike, labels: ArrayLike, threshold: float, weights: ArrayLike | None = None) -> OneOrPerDraw:
    """Return the share of correct decisions, in [0, 1]; NaN without cases. `weights` as in `auroc_score`.

    Where one X-ray in five is positive, "always negative" has an accuracy of 0.8: report sensitivity and specificity too.
    """
    p, y, w = checked_predictions(probabilities, labels, weights)
    return share(w @ ((p >= _checked_threshold(threshold)) == y).astype(float), w.sum(axis=-1))


def youden_threshold(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Return the threshold with the highest sensitivity + specificity − 1; of several, the one with the highest sensitivity.

    It lies halfway between the lowest probability that it calls positive and the next one below, so that a new case just below a known
    one is not excluded. NaN where a class is missing.

    Source: Youden 1950, Cancer 3(1):32, doi:10.1002/1097-0142(1950)3:1<32::AID-CNCR2820030106>3.0.CO;2-3.

    >>> round(youden_threshold([0.9, 0.6, 0.4, 0.1], [1, 1, 0, 0]), 6)
    0.5
    """
    curve = roc_curve(probabilities, labels)
    # In integers, since rounding of fractions could decide a tie.
    y = checked_predictions(probabilities, labels)[1]
    positives, negatives = int(y.sum()), int((~y).sum())
    if positives == 0 or negatives == 0:
        return float("nan")
    found, alarms = np.rint(curve.sensitivity * positives), np.rint(curve.false_positive_rate * negatives)
    gain = (found * negatives - alarms * positives)[1:]
    return _just_below(curve.thresholds[1:], len(gain) - 1 - int(np.argmax(gain[::-1])))


def threshold_for_sensitivity(probabilities: ArrayLike, labels: ArrayLike, wanted: float) -> float:
    """Return the highest threshold with a sensitivity of at least `wanted`.

    It lies halfway between the lowest probability that it calls positive and the next one below. NaN without positive cases.

    Args:
        probabilities, labels: (cases,), of the people on whom the threshold is chosen.
        wanted: sensitivity, above 0 and at most 1.

    Raises:
        BadSetting: `wanted` is out of range.
    """
    if not 0 < wanted <= 1:
        raise BadSetting(f"wanted sensitivity is {wanted}; expected a number above 0 and at most 1, such as 0.95.")
    curve = roc_curve(probabilities, labels)
    if np.isnan(curve.sensitivity).any() or len(curve.thresholds) == 1:
        return float("nan")
    # 0.7 · 10 is slightly more than 7 in floating point; 7 of 10 must still count as a sensitivity of 0.7.
    return _just_below(curve.thresholds[1:], int(np.argmax(curve.sensitivity[1:] >= wanted - 1e-12)))


def threshold_for_specificity(probabilities: ArrayLike, labels: ArrayLike, wanted: float) -> float:
    """Return the lowest threshold with a specificity of at least `wanted`.

    It lies halfway between the lowest probability that it calls positive and the next one below; it is above all probabilities if too many
    negative cases have the highest one. NaN without negative cases.     Arguments and errors as in `threshold_for_sensitivity`.
    """
    if not 0 < wanted <= 1:
        raise BadSetting(f"wanted specificity is {wanted}; expected a number above 0 and at most 1, such as 0.95.")
    curve = roc_curve(probabilities, labels)
    if np.isnan(curve.false_positive_rate).any() or len(curve.thresholds) == 1:
        return float("nan")
    at = int(np.flatnonzero(1 - curve.false_positive_rate >= wanted - 1e-12)[-1])
    return _just_below(curve.thresholds[1:], at - 1) if at else float(np.nextafter(curve.thresholds[1], np.inf))


def net_benefit(probabilities: ArrayLike, labels: ArrayLike, thresholds: ArrayLike, weights: ArrayLike | None = None) -> np.ndarray:
    """Return TP/n − FP/n · t/(1−t): true positives per case, minus false positives weighted by the odds of the threshold t.

    float64 (points,), or (draws, points), at most the share of positives; NaN without cases.
    Acting at a probability of 10 % implies that one missed patient is as bad as nine false positives. Acting on everyone is
    `net_benefit` of probabilities that are all 1; acting on no one has a net benefit of 0.

    Args:
        probabilities: (cases,), in [0, 1] and calibrated, since the threshold is interpreted as a probability.
        labels, weights: as in `auroc_score`.
        thresholds: (points,), at least 0 and below 1.

    Source: Vickers & Elkin 2006, Medical Decision Making 26(6):565, doi:10.1177/0272989X06295361.
    """
    p, y, w = checked_predictions(probabilities, labels, weights, between_0_and_1=True)
    t = np.asarray(thresholds, dtype=np.float64)
    if t.ndim != 1 or not np.all((t >= 0) & (t < 1)):
        raise BadSetting(f"thresholds: found {thresholds!r}; expected a list of numbers, each at least 0 and below 1.")
    called = p[:, None] >= t
    found, alarms = w @ (called & y[:, None]).astype(float), w @ (called & ~y[:, None]).astype(float)
    return share(found - alarms * (t / (1 - t)), w.sum(axis=-1, keepdims=True))


def _checked_threshold(threshold: float) -> float:
    if np.isnan(threshold):
        why = "threshold is NaN, because it was chosen where a class is missing"
        raise BadSetting(f"{why}. Choose it on people of both classes, or give a number.")
    return threshold


def _just_below(falling: np.ndarray, at: int) -> float:
    """Return the midpoint between `falling[at]` and the next value, or `falling[at]` if there is no number between them."""
    middle = float((falling[at] + falling[at + 1]) / 2) if at + 1 < len(falling) else float(falling[at])
    return middle if at + 1 == len(falling) or middle > falling[at + 1] else float(falling[at])
