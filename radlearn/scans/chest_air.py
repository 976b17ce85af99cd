"""Which air in a chest CT is lung, and which is the room, the windpipe, the stomach or the bowel.

They are told apart by what surrounds them, by shape, and by darkness: gas is as dark as the room, lung has vessels and walls in it and is
not. Works on a coarse grid, turned to LPS, of which `lungs` takes care.
"""

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull

from radlearn.scans.geometry import Grid, box_around, spacing_mm, voxel_volume_ml

AIR_HU, LUNG_BELOW_HU, GAS_BELOW_HU = -1024.0, -400.0, -945.0
"GAS: the median of a windpipe or a bowel; emphysema stays above it."
WINDPIPE_BELOW_HU = -850.0
WINDPIPE_ML_PER_MM = (0.03, 0.8)
"Its cross-section: 0.3 to 8 cm²."
WINDPIPE_FROM_MIDLINE_MM = 30.0
LEAST_LUNG_ML = 20.0
CLOSED_OVER_MM = 12.0
FLAT = ndimage.generate_binary_structure(2, 1)[:, :, None]
"A voxel and its four neighbours in the slice."


def body_of(hu: np.ndarray) -> np.ndarray:
    """Return the largest solid thing in (x, y, z) HU in LPS, and all that it surrounds; the couch is thinner and goes.

    Where the scanner's field cuts through the chest wall the lung is open to the side: so each slice is spanned like a rubber band, and
    outside is only what is connected to the border through pure air, which lung is not.
    """
    solid = hu > LUNG_BELOW_HU
    kept = _largest(ndimage.binary_opening(solid, FLAT))
    kept = ndimage.binary_dilation(kept, FLAT, iterations=2) & solid
    spanned = np.stack([_spanned(kept[:, :, k]) for k in range(hu.shape[2])], axis=2)
    edge = np.ones_like(solid)
    edge[1:-1, 1:-1] = False
    pure = ndimage.gaussian_filter(hu, 1.0) < GAS_BELOW_HU
    outside = ndimage.binary_propagation(edge & pure, FLAT, mask=pure)
    return spanned & ~ndimage.binary_dilation(outside, FLAT) | kept


def _spanned(solid: np.ndarray) -> np.ndarray:
    """Return the convex hull of the True pixels of one slice."""
    if np.count_nonzero(solid) < 25:
        return solid
    across, down, apart = ConvexHull(np.argwhere(solid)).equations.T  # across · x + down · y + apart <= 0 inside
    columns = np.arange(solid.shape[0])[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        bounds = -(apart + across * columns) / down
    top = np.where(down > 1e-9, bounds, np.inf).min(axis=1, keepdims=True)
    bottom = np.where(down < -1e-9, bounds, -np.inf).max(axis=1, keepdims=True)
    rows = np.arange(solid.shape[1])
    return np.asarray((rows <= top + 1e-6) & (rows >= bottom - 1e-6))


def lungs_of(hu: np.ndarray, body: np.ndarray, grid: Grid, midline: float) -> np.ndarray:
    """Return the air of the lungs with what it surrounds; no windpipe, no bowel.

    Args:
        hu: (x, y, z) in LPS on `grid`, padding at `AIR_HU`.
        body: from `body_of`.
        grid: where the voxels lie.
        midline: index along x where left and right meet.

    Returns:
        bool (x, y, z).
    """
    air = body & (hu < LUNG_BELOW_HU)
    air &= ~_windpipe(hu, air, grid, midline)
    air &= ~_gas(hu, air, grid)
    # Opened, so that a stomach does not hang on to the lung by one voxel of thin diaphragm.
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
    # Gas and stool below the lungs may be no darker than they.
    bottom = places[int(np.argmax(ml * is_lung))][2].start
    is_lung &= np.array([(block[2].start + block[2].stop) / 2 > bottom for block in places])
    kept = np.concatenate([[False], is_lung])[labels]
    kept = ndimage.binary_dilation(kept) & air
    left = np.arange(hu.shape[0])[:, None, None] >= midline
    # Side by side, or the closing would bridge the mediastinum.
    closed = _closed(kept & left, grid) | _closed(kept & ~left, grid)
    return np.stack([ndimage.binary_fill_holes(closed[:, :, k]) for k in range(hu.shape[2])], axis=2) & body


def _gas(hu: np.ndarray, air: np.ndarray, grid: Grid) -> np.ndarray:
    """Return gas in stomach and bowel that hangs on to the lung through a thin diaphragm: dark, thick, in the lower half."""
    # Blurred, because lung is as dark in single voxels only; opened within slices, which are far apart.
    dark = ndimage.binary_opening(air & (ndimage.gaussian_filter(hu, 1.0) < GAS_BELOW_HU), FLAT, iterations=2)
    labels, _ = ndimage.label(dark)
    gas = np.zeros_like(air)
    levels = np.flatnonzero(air.any(axis=(0, 1)))
    for number, found in enumerate(ndimage.find_objects(labels), start=1):
        ml = np.count_nonzero(labels[found] == number) * voxel_volume_ml(grid.affine)
        if ml >= LEAST_LUNG_ML and found[2].start + found[2].stop < levels[0] + levels[-1]:
            gas |= labels == number
    return ndimage.binary_dilation(gas, iterations=3, mask=air) if gas.any() else gas


def _windpipe(hu: np.ndarray, air: np.ndarray, grid: Grid, midline: float) -> np.ndarray:
    """Return the windpipe: from the topmost slices down, a small dark spot near the midline that lies over the one above."""
    step = spacing_mm(grid.affine)
    spot_ml_per_mm = step[0] * step[1] / 1000
    windpipe = np.zeros_like(air)
    above: np.ndarray | None = None
    for k in range(hu.shape[2] - 1, -1, -1):
        labels, count = ndimage.label(air[:, :, k] & (hu[:, :, k] < WINDPIPE_BELOW_HU))
        spots = []
        for number in range(1, count + 1):
            spot = labels == number
            x = float(np.mean(np.nonzero(spot)[0]))
            is_small = WINDPIPE_ML_PER_MM[0] <= spot.sum() * spot_ml_per_mm <= WINDPIPE_ML_PER_MM[1]
            if is_small and (abs(x - midline) * step[0] < WINDPIPE_FROM_MIDLINE_MM if above is None else (spot & above).any()):
                spots.append(spot)
        if above is not None and not spots:
            break
        if spots:
            above = ndimage.binary_dilation(np.logical_or.reduce(spots))
            windpipe[:, :, k] = above
    return windpipe & air


def _closed(mask: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the mask closed by a ball: filled wherever a ball of that radius cannot enter from outside."""
    step = spacing_mm(grid.affine)
    block = box_around(mask, 2 * CLOSED_OVER_MM, step)
    if block is None:
        return mask
    near = mask[block]
    grown = ndimage.distance_transform_edt(~near, sampling=step) <= CLOSED_OVER_MM
    closed = mask.copy()
    if not grown.all():
        closed[block] |= ndimage.distance_transform_edt(grown, sampling=step) > CLOSED_OVER_MM
    return closed


def _largest(mask: np.ndarray) -> np.ndarray:
    labels, count = ndimage.label(mask)
    return labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:])) if count else mask
