"""Input of the scores: one probability and one true label per case, validated before any score is computed."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from radlearn.errors import BadSetting

#: A float; or, for weights of shape (draws, cases), a float64 array with one value per draw.
OneOrPerDraw = float | Any


def checked_predictions(
    probabilities: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None, between_0_and_1: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return probabilities (float64), labels (bool) and weights (float64).

    Args:
        probabilities: (cases,), finite; any number, such as a mean brightness, where only the order counts.
        labels: (cases,), bool or 0 and 1.
        weights: (cases,) or (draws, cases): how often each case counts, 0 or more; None counts each once.
        between_0_and_1: refuse values outside [0, 1].

    Raises:
        BadSetting: lengths differ, a probability is not finite, a label is neither 0 nor 1.
    """
    p, y = np.asarray(probabilities), np.asarray(labels)
    if p.ndim != 1 or p.shape != y.shape:
        raise BadSetting(f"probabilities of shape {p.shape} and labels of shape {y.shape}: expected one of each per case, both (cases,).")
    p = p.astype(np.float64)
    if len(bad := np.flatnonzero(~np.isfinite(p))):
        raise BadSetting(
            f"probabilities: {len(bad)} of {len(p)} are not finite (the first is {p[bad[0]]}, case {bad[0]}). A score over the rest "
            "would hide them. Find their cause, or exclude those cases and report it."
        )
    if between_0_and_1 and len(bad := np.flatnonzero((p < 0) | (p > 1))):
        raise BadSetting(f"probabilities: {p[bad[0]]} (case {bad[0]}) is outside 0 to 1. Apply a sigmoid to logits first.")
    if y.dtype != bool:
        if len(bad := np.flatnonzero((y != 0) & (y != 1))):
            raise BadSetting(f"labels: case {bad[0]} is {y[bad[0]]}; expected 0 or 1 (or False and True).")
        y = y.astype(bool)
    w = np.ones(len(p)) if weights is None else np.asarray(weights, dtype=np.float64)
    if w.ndim not in (1, 2) or w.shape[-1] != len(p):
        raise BadSetting(f"weights of shape {w.shape} for {len(p)} cases: expected ({len(p)},) or (draws, {len(p)}).")
    return p, y, w


def share(part: Any, whole: Any) -> Any:
    """Return part / whole, elementwise; NaN where the whole is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.asarray(whole) > 0, np.divide(part, whole), np.nan)[()]


def pooled_share(parts: ArrayLike, wholes: ArrayLike, weights: ArrayLike | None = None) -> OneOrPerDraw:
    """Return Σ parts / Σ wholes over the cases, such as hits of all true boxes; NaN where the whole is 0.

    Args:
        parts, wholes: (cases,).
        weights: (cases,) or (draws, cases), how often each case counts.

    >>> float(pooled_share([1, 0, 1], [1, 2, 1]))
    0.5
    """
    w = np.ones(len(np.asarray(parts))) if weights is None else np.asarray(weights, dtype=np.float64)
    return share(w @ np.asarray(parts, dtype=np.float64), w @ np.asarray(wholes, dtype=np.float64))
