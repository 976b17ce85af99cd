"""Which air in a chest CT is lung, and which is the room, the trachea, the stomach or the bowel.

They are distinguished by their surroundings, shape and density: gas is as dark as the room, while lung contains vessels and walls.
Works on a coarse grid in LPS, which `lungs` makes.
"""

import numpy as np
from scipy import ndimage

from radlearn.scans.geometry import Grid, box_around, spacing_mm, voxel_volume_ml
from radlearn.scans.mask_shapes import spanned, within_mm

AIR_HU, LUNG_BELOW_HU, GAS_BELOW_HU = -1024.0, -400.0, -945.0  # GAS: the median of trachea and bowel is below it; emphysema stays above it
TRACHEA_BELOW_HU = -850.0
TRACHEA_ML_PER_MM = (0.03, 0.8)  # Its cross-section: 0.3 to 8 cm²
TRACHEA_FROM_MIDLINE_MM = 30.0
LEAST_LUNG_ML = 20.0
CLOSED_OVER_MM = 12.0
FLAT = ndimage.generate_binary_structure(2, 1)[:, :, None]  # A voxel and its four neighbours in the slice


def smoothed(hu: np.ndarray) -> np.ndarray:
    """Return HU without the noise of single voxels, in which lung is as dark as pure air."""
    return np.asarray(ndimage.gaussian_filter(hu, 1.0))


def body_of(hu: np.ndarray, smooth: np.ndarray) -> np.ndarray:
    """Return the largest solid component in (x, y, z) HU in LPS, and all that it surrounds; the couch is thinner and is removed.

    Where the field of view cuts through the chest wall, the lung is open to the side. So each slice is replaced by its convex hull, and
    only what is connected to the border through pure air, which lung is not, counts as outside. `smooth` is from `smoothed`.
    """
    solid = hu > LUNG_BELOW_HU
    kept = _largest(ndimage.binary_opening(solid, FLAT))
    kept = ndimage.binary_dilation(kept, FLAT, iterations=2) & solid
    whole = np.stack([spanned(kept[:, :, k]) for k in range(hu.shape[2])], axis=2)
    edge = np.ones_like(solid)
    edge[1:-1, 1:-1] = False
    pure = smooth < GAS_BELOW_HU
    outside = ndimage.binary_propagation(edge & pure, FLAT, mask=pure)
    return whole & ~ndimage.binary_dilation(outside, FLAT) | kept


def lungs_of(hu: np.ndarray, smooth: np.ndarray, body: np.ndarray, grid: Grid, midline: float) -> np.ndarray:
    """Return the air of the lungs and what it surrounds, without trachea and bowel, bool (x, y, z).

    Args:
        hu: (x, y, z) in LPS on `grid`, padding at `AIR_HU`.
        smooth: from `smoothed`.
        body: from `body_of`.
        grid: of the voxels.
        midline: index along x where left and right meet.
    """
    air = body & (hu < LUNG_BELOW_HU)
    air &= ~_trachea(hu, air, grid, midline)
    air &= ~_gas(smooth, air, grid)
    # Opened, so that a stomach is not connected to the lung by one voxel of thin diaphragm.
    labels, count = ndimage.label(ndimage.binary_opening(air))
    if not count:
        return np.zeros_like(body)
    places = ndimage.find_objects(labels)
    ml = np.bincount(labels.ravel())[1:] * voxel_volume_ml(grid.affine)
    is_lung = ml >= LEAST_LUNG_ML
    for number in np.flatnonzero(is_lung):
        block = places[number]
        is_lung[number] = np.median(hu[block][labels[block] == number + 1]) > GAS_BELOW_HU
    if not is_lung.any():
        return np.zeros_like(body)
    # Gas and stool below the lungs may be as dense as the lungs.
    bottom = places[int(np.argmax(ml * is_lung))][2].start
    is_lung &= np.array([(block[2].start + block[2].stop) / 2 > bottom for block in places])
    kept = np.concatenate([[False], is_lung])[labels]
    kept = ndimage.binary_dilation(kept) & air
    left = np.arange(hu.shape[0])[:, None, None] >= midline
    # Each side separately, or the closing would bridge the mediastinum.
    closed = _closed(kept & left, grid) | _closed(kept & ~left, grid)
    return np.asarray(ndimage.binary_fill_holes(closed, FLAT)) & body


def _gas(smooth: np.ndarray, air: np.ndarray, grid: Grid) -> np.ndarray:
    """Return gas in stomach and bowel that is connected to the lung through a thin diaphragm: dark, thick, in the lower half."""
    # Opened within slices, which may be far apart.
    dark = ndimage.binary_opening(air & (smooth < GAS_BELOW_HU), FLAT, iterations=2)
    labels, _ = ndimage.label(dark)
    gas = np.zeros_like(air)
    levels = np.flatnonzero(air.any(axis=(0, 1)))
    for number, found in enumerate(ndimage.find_objects(labels), start=1):
        ml = np.count_nonzero(labels[found] == number) * voxel_volume_ml(grid.affine)
        if ml >= LEAST_LUNG_ML and found[2].start + found[2].stop < levels[0] + levels[-1]:
            gas |= labels == number
    return ndimage.binary_dilation(gas, iterations=3, mask=air) if gas.any() else gas


def _trachea(hu: np.ndarray, air: np.ndarray, grid: Grid, midline: float) -> np.ndarray:
    """Return the trachea: from the topmost slices down, a small dark spot near the midline that overlaps the one above."""
    step = spacing_mm(grid.affine)
    spot_ml_per_mm = step[0] * step[1] / 1000
    trachea = np.zeros_like(air)
    above: np.ndarray | None = None
    for k in range(hu.shape[2] - 1, -1, -1):
        labels, count = ndimage.label(air[:, :, k] & (hu[:, :, k] < TRACHEA_BELOW_HU))
        spots = []
        ml_per_mm = np.bincount(labels.ravel(), minlength=count + 1)[1:] * spot_ml_per_mm
        is_small = (ml_per_mm >= TRACHEA_ML_PER_MM[0]) & (ml_per_mm <= TRACHEA_ML_PER_MM[1])
        for number in 1 + np.flatnonzero(is_small):
            spot = labels == number
            x = float(np.mean(np.nonzero(spot)[0]))
            if abs(x - midline) * step[0] < TRACHEA_FROM_MIDLINE_MM if above is None else (spot & above).any():
                spots.append(spot)
        if above is not None and not spots:
            break
        if spots:
            above = ndimage.binary_dilation(np.logical_or.reduce(spots))
            trachea[:, :, k] = above
    return trachea & air


def _closed(mask: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the morphological closing of the mask by a ball of `CLOSED_OVER_MM`."""
    step = spacing_mm(grid.affine)
    block = box_around(mask, 2 * CLOSED_OVER_MM, step)
    if block is None:
        return mask
    closed = mask.copy()
    grown = within_mm(mask[block], CLOSED_OVER_MM, step)
    # Nothing of a block that it fills says where to shrink it from.
    if not grown.all():
        closed[block] |= ~within_mm(~grown, CLOSED_OVER_MM, step)
    return closed


def _largest(mask: np.ndarray) -> np.ndarray:
    labels, count = ndimage.label(mask)
    return labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:])) if count else mask
