"""The baseline that a lesion segmenter has to beat: whatever in the lungs is denser than lungs are is called a lesion.

It knows no lesion from a vessel, and it misses what is white up to the chest wall, where the lungs that air shows end. But it needs no
training, and a network that does no better has learnt nothing.
"""

from collections.abc import Iterable

import numpy as np

THRESHOLDS_HU = tuple(range(-800, -199, 50))


def threshold_baseline_mask(hu: np.ndarray, lungs: np.ndarray, threshold_hu: float) -> np.ndarray:
    """Return the voxels of the lungs above `threshold_hu`, bool (i, j, k).

    Args:
        hu: Hounsfield units (i, j, k).
        lungs: bool, of the same shape (`scans.lungs.lung_mask`).
    """
    return lungs & (hu > threshold_hu)


def threshold_baseline_dice(hu: np.ndarray, lungs: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the Dice of the rule on one scan for each of `THRESHOLDS_HU`, float64 (cuts,); NaN where both masks are empty."""
    values, hit = hu[lungs], truth[lungs]
    # How many voxels of the lungs, and of the lesions in them, lie above each cut.
    above = np.array([[np.count_nonzero(values > cut), np.count_nonzero(values[hit] > cut)] for cut in THRESHOLDS_HU], dtype=float)
    both = above[:, 0] + np.count_nonzero(truth)
    return np.divide(2 * above[:, 1], both, out=np.full(len(THRESHOLDS_HU), np.nan), where=both > 0)


def best_threshold_hu(tables: Iterable[np.ndarray]) -> float:
    """Return the cut with the best mean Dice over scans; `tables` from `threshold_baseline_dice`."""
    stacked = np.stack(list(tables))
    counted = (~np.isnan(stacked)).sum(axis=0)
    return float(THRESHOLDS_HU[int(np.argmax(np.nansum(stacked, axis=0) / np.maximum(counted, 1)))])
