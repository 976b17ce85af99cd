"""Whether two CTs are one and the same scan: clipped, resampled, made noisier, or with some slices less at either end.

Chests resemble each other, so what counts is what is fine in them, as in X-rays (`scans.look_alikes`): vessels, fissures, ribs. A CT is
laid out in layers of 10 mm, each 24 × 24 over the box around its lungs; two are one where the layers nearly coincide at some height,
because slices that were cut off at an end move the others. Values are clipped to a range that any lung CT keeps.

Of 12 built-in and 3 real CTs two different ones reach 0.84 at most, and one that was clipped, cut or made noisier stays above 0.96.
"""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter

from radlearn.scans.area_means import area_means
from radlearn.scans.geometry import box_around

SAME_ABOVE = 0.92
LAYER_MM = 10.0
LAYERS = 40
SIDE = 24
BLUR = 1.0
RANGE_HU = (-950.0, 150.0)
PARTS = 4
"Heights in a layer at which another layer may begin."
SHIFTS = range(-6 * PARTS, 6 * PARTS + 1)
LEAST_SHARED = 0.6
"Of the layers of the lower of two CTs, and at least `LEAST_LAYERS`: a few layers may coincide by chance."
LEAST_LAYERS = 8


def layers_at_all_heights(hu: np.ndarray, lungs: np.ndarray | None, spacing_mm: Sequence[float]) -> np.ndarray:
    """Return the layers that begin at each quarter of a layer, uint8 (heights, 24, 24), each 1 or more, from the feet up.

    Args:
        hu: (x, y, z), its axes to the left, the back and the head.
        lungs: of the same shape, in whose box the layers lie; None or empty for the whole.
    """
    seen = hu[box] if lungs is not None and (box := box_around(lungs)) is not None else hu
    # A fraction of the voxels is enough for means of so many.
    step_x, step_y = (max(1, length // (4 * SIDE)) for length in seen.shape[:2])
    flat = np.clip(seen[::step_x, ::step_y].astype(np.float32), *RANGE_HU)
    for axis in (0, 1):
        flat = area_means(flat, np.linspace(0, flat.shape[axis], SIDE + 1), axis)
    parts = int(PARTS * flat.shape[2] * spacing_mm[2] / LAYER_MM + 1e-3)
    if parts < PARTS:
        return np.zeros((0, SIDE, SIDE), np.uint8)
    means = area_means(flat, np.arange(parts + 1) * LAYER_MM / PARTS / spacing_mm[2], 2)
    means = np.lib.stride_tricks.sliding_window_view(means, PARTS, axis=2).mean(axis=-1)
    low, high = RANGE_HU
    return np.moveaxis(1 + np.rint(254 * (means - low) / (high - low)), 2, 0).astype(np.uint8)


def thumbnail_of_ct(at_all_heights: np.ndarray) -> np.ndarray:
    """Return what is kept of a CT, uint8 (40, 24, 24): of `layers_at_all_heights` those above each other; 0 above it."""
    kept = np.zeros((LAYERS, SIDE, SIDE), np.uint8)
    own = at_all_heights[::PARTS][:LAYERS]
    kept[: len(own)] = own
    return kept


class CtLooks:
    """What is kept of CTs, uint8 (CTs, 40, 24, 24), with which others are compared."""

    def __init__(self, thumbnails: np.ndarray) -> None:
        # No CT of them may be as high as there is room.
        most = max(1, int(thumbnails.any(axis=(2, 3)).sum(axis=1).max(initial=0)))
        shape = (len(thumbnails), most)
        detail = _detail(thumbnails[:, :most].reshape(-1, SIDE, SIDE))
        self._detail, self._energy = detail.reshape(*shape, -1), (detail**2).sum(axis=1).reshape(shape)

    def likeness(self, at_all_heights: np.ndarray) -> np.ndarray:
        """Return how alike a CT, from `layers_at_all_heights`, is to each of these at the height where it is most: (CTs,), from −1 to 1."""
        count, most = self._energy.shape
        best = np.zeros(count, np.float32)
        if not len(at_all_heights):
            return best
        detail = _detail(at_all_heights)
        energy, known = (detail**2).sum(axis=1), self._energy > 0
        products = np.stack([detail @ self._detail[:, number].T for number in range(most)])
        own_layers = (len(at_all_heights) + PARTS - 1) // PARTS
        least = np.maximum(LEAST_LAYERS, LEAST_SHARED * np.minimum(own_layers, known.sum(axis=1)))
        layers = np.arange(most)
        for shift in SHIFTS:
            at = shift + PARTS * layers
            its = layers[(at >= 0) & (at < len(detail))]
            mine, shared = at[its], known[:, its]
            lengths = np.sqrt((shared * energy[mine]).sum(axis=1) * self._energy[:, its].sum(axis=1))
            alike = products[its, mine].sum(axis=0) / np.maximum(lengths, 1e-6)
            best = np.maximum(best, np.where(shared.sum(axis=1) >= least, alike, 0))
        return best


def _detail(layers: np.ndarray) -> np.ndarray:
    """Return what is fine in each of many layers, float32 (layers, 24 · 24): 0 for one that is not there."""
    values = layers.astype(np.float32)
    values -= gaussian_filter(values, (0, BLUR, BLUR))
    flat = values.reshape(len(layers), -1)
    return flat - flat.mean(axis=1, keepdims=True)
