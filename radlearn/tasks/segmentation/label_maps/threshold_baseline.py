"""The threshold baseline of a label map: all pixels that are brighter, or darker, than a threshold chosen on validation, after smoothing.

It needs no training, and knows neither shape nor place; a network that scores no better is of no use.
"""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter
from typing_extensions import TypedDict

CUTS = tuple(round(0.05 * step, 2) for step in range(1, 20))
SMOOTHED_SHARE = 0.02
"Standard deviation of the smoothing, as a share of the rows: speckle is coarser than a pixel."


class GreyRule(TypedDict):
    """Which pixels a baseline marks: those above a grey value from 0 to 1, or those below."""

    brighter: bool
    cut: float


def smoothed(image: np.ndarray) -> np.ndarray:
    """Return grey values (rows, columns) without speckle, float32."""
    return gaussian_filter(np.asarray(image, np.float32), SMOOTHED_SHARE * image.shape[0])


def threshold_baseline_mask(smooth: np.ndarray, rule: GreyRule) -> np.ndarray:
    """Return the pixels that a rule marks, bool (rows, columns); `smooth` from `smoothed`."""
    return np.asarray(smooth > rule["cut"] if rule["brighter"] else smooth < rule["cut"])


def baseline_table(smooth: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the Dice of a class of an image for brighter and darker than each of `CUTS`, (2, cuts); NaN where both are empty.

    >>> grey, truth = np.array([[0.9, 0.9, 0.1]]), np.array([[True, True, False]])
    >>> baseline_table(grey, truth)[0, CUTS.index(0.5)].item()
    1.0
    """
    bins = np.digitize(smooth.ravel(), CUTS)
    of_all, of_true = np.bincount(bins, minlength=len(CUTS) + 1), np.bincount(bins[truth.ravel()], minlength=len(CUTS) + 1)
    # How many pixels lie below each cut, and at it or above.
    below, hit = np.cumsum(of_all)[:-1], np.cumsum(of_true)[:-1]
    found, common = np.stack([of_all.sum() - below, below]), np.stack([of_true.sum() - hit, hit])
    both = found + of_true.sum()
    return np.divide(2.0 * common, both, out=np.full(both.shape, np.nan), where=both > 0)


def best_rule(tables: Sequence[np.ndarray]) -> GreyRule:
    """Return the rule with the best mean Dice over images; `tables` from `baseline_table`."""
    stacked = np.stack(tables)
    known = ~np.isnan(stacked)
    means = np.where(known, stacked, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    side, cut = np.unravel_index(int(np.argmax(means)), means.shape)
    return {"brighter": bool(side == 0), "cut": CUTS[int(cut)]}
