"""The threshold baseline of a lesion segmenter: all voxels of the lungs denser than a threshold chosen on validation.

It does not distinguish lesions from vessels, and it misses consolidation that reaches the chest wall, where the lungs found by their air
end. It needs no training; a network that scores no better is of no use.
"""

from collections.abc import Iterable

import numpy as np

THRESHOLDS_HU = tuple(range(-800, -199, 50))


def threshold_baseline_mask(hu: np.ndarray, lungs: np.ndarray, threshold_hu: float) -> np.ndarray:
    """Return the voxels of the lungs above `threshold_hu`, bool (i, j, k), as `hu` and `lungs` (`scans.lungs.lung_mask`)."""
    return lungs & (hu > threshold_hu)


def threshold_baseline_dice(hu: np.ndarray, lungs: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the Dice of one scan at each of `THRESHOLDS_HU`, float64 (thresholds,); NaN where both masks are empty."""
    values, hit = hu[lungs], truth[lungs]
    # How many voxels of the lungs, and of the lesions in them, lie above each threshold.
    above = np.array([[np.count_nonzero(values > cut), np.count_nonzero(values[hit] > cut)] for cut in THRESHOLDS_HU], dtype=float)
    both = above[:, 0] + np.count_nonzero(truth)
    return np.divide(2 * above[:, 1], both, out=np.full(len(THRESHOLDS_HU), np.nan), where=both > 0)


def best_threshold_hu(tables: Iterable[np.ndarray]) -> float:
    """Return the threshold with the best mean Dice over scans; `tables` from `threshold_baseline_dice`."""
    stacked = np.stack(list(tables))
    counted = (~np.isnan(stacked)).sum(axis=0)
    return float(THRESHOLDS_HU[int(np.argmax(np.nansum(stacked, axis=0) / np.maximum(counted, 1)))])
