"""Calibration: whether a probability of 0.3 means three in ten, and recalibration by slope and intercept."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from radlearn.errors import BadSetting
from radlearn.metrics.intervals import Interval
from radlearn.metrics.predictions import OneOrPerDraw, checked_predictions, share

#: A saturated float32 sigmoid gives exactly 0 or 1, which have no logit; probabilities are clipped to this distance from them.
SUREST = 1e-6


def brier_error(probabilities: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> OneOrPerDraw:
    """Return the mean squared difference between probability and label, in [0, 1], lower is better; NaN without cases.

    Always predicting the share of positives π scores π (1 − π), the trivial baseline. `weights` as in `auroc_score`.

    Source: Brier 1950, Monthly Weather Review 78(1):1, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.

    >>> round(float(brier_error([0.8, 0.4], [1, 0])), 6)
    0.1
    """
    p, y, w = checked_predictions(probabilities, labels, weights, between_0_and_1=True)
    return share(w @ (p - y) ** 2, w.sum(axis=-1))


@dataclass(frozen=True)
class Recalibration:
    """P(positive) = sigmoid(intercept + slope · logit(p)). Intercept 0 and slope 1 mean well calibrated.

    A slope below 1 means overconfident probabilities, above 1 underconfident ones; at 0 they are uninformative, below 0 reversed.
    """

    intercept: float
    slope: float

    def apply(self, probabilities: ArrayLike) -> np.ndarray:
        """Return recalibrated probabilities, float64 of the same shape; for a slope above 0, in the same order."""
        p = np.asarray(probabilities, dtype=np.float64)
        return expit(self.intercept + self.slope * logit(np.clip(p, SUREST, 1 - SUREST)))


def fit_recalibration(
    probabilities: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None, start: Recalibration | None = None
) -> Recalibration:
    """Fit intercept and slope of a logistic regression of the label on the logit of the probability.

    Fitted on validation people, it recalibrates a model; fitted on test people, it measures the model's calibration. A weak prior
    (normal, intercept 0 ± 5, slope 1 ± 2) keeps the fit finite where maximum likelihood diverges or is undetermined: perfect separation,
    one class only, equal probabilities, or no case at all, which returns the prior mean. With 200 cases it changes the slope by less than
    1 %.

    Args:
        probabilities: (cases,), in [0, 1]; exactly 0 and 1 are allowed.
        labels: bool (cases,).
        weights: (cases,), how often each case counts.
        start: where the iteration begins; it affects the number of steps, not the result.

    Source: Cox 1958, Biometrika 45(3/4):562, doi:10.1093/biomet/45.3-4.562; on its interpretation, Van Calster et al. 2019, BMC Medicine
    17:230, doi:10.1186/s12916-019-1466-7.
    """
    p, y, w = checked_predictions(probabilities, labels, weights, between_0_and_1=True)
    if w.ndim != 1:
        raise BadSetting(f"weights of shape {w.shape}; expected ({len(p)},), for one fit.")
    evidence = np.stack([np.ones(len(p)), logit(np.clip(p, SUREST, 1 - SUREST))], axis=1)
    centre, precision = np.array([0.0, 1.0]), np.array([1 / 5**2, 1 / 2**2])

    def loss(line: np.ndarray) -> float:
        z = evidence @ line
        # log(1 + exp(z)), four times as fast as numpy.logaddexp; summed, because a long dot product would start threads on all cores.
        surprise = np.log1p(np.exp(-np.abs(z))) + np.maximum(z, 0) - y * z
        return float((w * surprise).sum() + precision @ (line - centre) ** 2 / 2)

    line = centre if start is None else np.array([start.intercept, start.slope])
    before = loss(line)
    for _ in range(100):
        fitted = expit(evidence @ line)
        slope_of_loss = evidence.T @ (w * (fitted - y)) + precision * (line - centre)
        curvature = (evidence.T * (w * fitted * (1 - fitted))) @ evidence + np.diag(precision)
        step = np.linalg.solve(curvature, slope_of_loss)
        # Newton's step may overshoot far from the solution; the loss is convex, so a shorter one always helps.
        length = 1.0
        while (now := loss(line - length * step)) > before and length > 1e-10:
            length /= 2
        line, gained = line - length * step if now <= before else line, before - now
        before = min(now, before)
        if np.abs(length * step).max() < 1e-10 or gained <= 0:
            break
    return Recalibration(intercept=float(line[0]), slope=float(line[1]))


def recalibration_line(probabilities: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> np.ndarray:
    """Return slope and intercept of `fit_recalibration`, (2,) or (draws, 2), for a bootstrap. `weights` as in `auroc_score`.

    NaN where a class is missing, and where all probabilities are the same: what the prior alone would say is no measurement.
    The intercept belongs to the slope; whether probabilities are too high or too low says `calibration_in_the_large`.
    """
    p, y, w = checked_predictions(probabilities, labels, weights, between_0_and_1=True)
    everybody = fit_recalibration(probabilities, labels)
    lines = np.full((len(np.atleast_2d(w)), 2), np.nan)
    for line, row in zip(lines, np.atleast_2d(w), strict=True):
        if row @ y > 0 and row @ ~y > 0 and np.ptp(p[row > 0]) > 0:
            # The solution for a draw lies near the one for all cases, so starting there saves steps.
            fit = fit_recalibration(probabilities, labels, row, everybody)
            line[:] = fit.slope, fit.intercept
    return lines if w.ndim == 2 else lines[0]


def calibration_in_the_large(probabilities: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> OneOrPerDraw:
    """Return the shift of all logits, the slope fixed at 1, after which the mean probability is the share of positives.

    0 is right. Below 0 the probabilities are too high on the whole, above 0 too low: at −0.7 their odds are twice what they should be.
    float, or (draws,) for weights of two dimensions; NaN where a class is missing. `weights` as in `auroc_score`.

    Source: Steyerberg et al. 2010, Epidemiology 21(1):128, doi:10.1097/EDE.0b013e3181c30fb2; the maximum-likelihood intercept of a
    logistic regression with the logit as offset.

    >>> round(float(calibration_in_the_large([0.5, 0.5, 0.5, 0.5], [1, 0, 0, 0])), 4)  # log(1/3)
    -1.0986
    """
    p, y, w = checked_predictions(probabilities, labels, weights, between_0_and_1=True)
    rows, z = np.atleast_2d(w), logit(np.clip(p, SUREST, 1 - SUREST))
    positives, everybody = rows @ y, rows.sum(axis=-1)
    has_both = (positives > 0) & (positives < everybody)
    middle = logit(np.divide(positives, everybody, out=np.full(len(rows), 0.5), where=has_both))
    # At these two shifts all probabilities lie on one side of the share of positives.
    low, high = middle - logit(1 - SUREST), middle + logit(1 - SUREST)
    shift = np.zeros(len(rows))
    for _ in range(100):
        fitted = expit(z + shift[:, None])
        too_many = (rows * fitted).sum(axis=-1) - positives
        low, high = np.where(too_many < 0, shift, low), np.where(too_many > 0, shift, high)
        slope = (rows * fitted * (1 - fitted)).sum(axis=-1)
        newton = shift - np.divide(too_many, slope, out=np.full(len(rows), np.inf), where=slope > 0)
        # Newton's step may overshoot; the solution lies between the two, so their middle is always nearer to it.
        step = np.where((newton > low) & (newton < high), newton, (low + high) / 2) - shift
        shift = shift + np.where(too_many == 0, 0, step)
        if np.abs(step[has_both & (too_many != 0)]).max(initial=0) < 1e-12:
            break
    # Where both agree already, nothing is to be shifted: near 0 and 1 a large shift would be needed for the last millionth.
    agree = np.abs((rows * expit(z)).sum(axis=-1) - positives) <= 2 * SUREST * everybody
    found = np.where(has_both, np.where(agree, 0.0, shift), np.nan)
    return found if w.ndim == 2 else found[0]


def level_in_words(in_the_large: Interval) -> str:
    """Return what `calibration_in_the_large` says, as a sentence.

    >>> level_in_words(Interval(0.9, 0.4, 1.4))
    'The probabilities are too low on the whole.'
    """
    if np.isnan(in_the_large.value):
        return "All are of the same class, so there is no calibration line."
    if not in_the_large.is_known:
        return "There are too few persons to say whether the probabilities are too high or too low on the whole."
    if in_the_large.low <= 0 <= in_the_large.high:
        return "There is no sign that the probabilities are too high or too low on the whole."
    return f"The probabilities are too {'low' if in_the_large.value > 0 else 'high'} on the whole."


@dataclass(frozen=True)
class ReliabilityBins:
    """Cases grouped by probability into bins of equal width, each array (bins,); the two means are NaN where a bin is empty."""

    edges: np.ndarray
    cases: np.ndarray
    mean_probability: np.ndarray
    positive_share: np.ndarray


def reliability_bins(probabilities: ArrayLike, labels: ArrayLike, bins: int = 10) -> ReliabilityBins:
    """Group the cases by probability into `bins` of equal width over [0, 1]; `edges` is (bins + 1,), upper edges exclusive."""
    p, y, _ = checked_predictions(probabilities, labels, between_0_and_1=True)
    member = _membership(p, bins)
    cases = member.sum(axis=0)
    return ReliabilityBins(np.linspace(0, 1, bins + 1), cases.astype(int), share(p @ member, cases), share(y @ member, cases))


def positive_shares(probabilities: ArrayLike, labels: ArrayLike, bins: int = 10, weights: ArrayLike | None = None) -> np.ndarray:
    """Return the share of positives in each of `bins` of equal width over [0, 1], (bins,) or (draws, bins), for `bootstrap_band`."""
    p, y, w = checked_predictions(probabilities, labels, weights, between_0_and_1=True)
    member = _membership(p, bins)
    return share((w * y) @ member, w @ member)


def calibration_error(probabilities: ArrayLike, labels: ArrayLike, bins: int = 10, weights: ArrayLike | None = None) -> OneOrPerDraw:
    """Return the mean over the cases of |mean probability − share of positives| of their bin, in [0, 1]; lower is better.

    It depends on the bins and is biased upward in small data, and again in a bootstrap, so report the recalibration slope and intercept
    first. NaN without cases. `weights` as in `auroc_score`.

    Source: Naeini, Cooper & Hauskrecht 2015, AAAI, doi:10.1609/aaai.v29i1.9602; ten equal widths as in Guo et al. 2017, arXiv:1706.04599.

    >>> round(float(calibration_error([0.8, 0.8, 0.2, 0.2], [1, 1, 0, 0])), 6)  # two bins, each 0.2 off
    0.2
    """
    p, y, w = checked_predictions(probabilities, labels, weights, between_0_and_1=True)
    return share(np.abs((w * (p - y)) @ _membership(p, bins)).sum(axis=-1), w.sum(axis=-1))


def _membership(p: np.ndarray, bins: int) -> np.ndarray:
    """Return float64 (cases, bins), 1 where the case lies in the bin."""
    if bins < 1:
        raise BadSetting(f"bins is {bins}; expected 1 or more.")
    number = np.minimum(np.searchsorted(np.linspace(0, 1, bins + 1), p, side="right") - 1, bins - 1)
    return (number[:, None] == np.arange(bins)).astype(np.float64)
