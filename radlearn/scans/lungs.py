"""Where the lungs are in a chest CT, from Hounsfield units alone; nothing is learnt.

Air inside the body that is neither windpipe nor bowel is lung. That holds until the lung is ill: consolidation and fluid are as dense as
liver. So the *mask* is closed over what air surrounds, and the *box* does not trust air alone: it is mirrored about the body's midline,
widened to the ribs, which enclose lung of any density, and given up for the whole body, with a word, where too little air is left.
All work is done on a coarse grid in LPS; an oblique scan is treated along its own axes.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull

from radlearn.errors import BadSetting
from radlearn.scans.geometry import Box, Grid, box_around, index_of, spacing_mm, to_orientation, voxel_volume_ml, with_spacing, world_mm
from radlearn.scans.resampling import resampled

COARSE_MM = 2.5
AIR_HU, LUNG_BELOW_HU, GAS_BELOW_HU, BONE_ABOVE_HU = -1024.0, -400.0, -945.0, 200.0
"GAS: the median of a windpipe or a bowel; emphysema stays above it."
LEAST_LUNG_ML = 20.0
CLOSED_OVER_MM = 12.0
WINDPIPE_ML_PER_MM = (0.03, 0.8)
"Its cross-section: 0.3 to 8 cm²."
MARGIN_MM = 10.0
"Beyond lungs and ribs."
BELOW_MM, BELOW_LOPSIDED_MM = 50.0, 90.0
"Beyond the lowest air: a lung's base may be airless, and an effusion pushes the diaphragm down."
LEAST_SHARE = 0.10
"Of the body beside it: healthy lungs are 30 to 45 %."
LEAST_HEIGHT = 0.4
"Of the body's width: healthy lungs are 0.6 to 0.8."
LOPSIDED_BELOW = 0.5
"Air of one side over the other's; healthy left lungs have 0.8 to 0.95 of the right's."


@dataclass(frozen=True)
class LungBox:
    """A block of the scan that holds both lungs.

    `box` is in the scan's own order: `voxels[box]`. `is_body` says that it is the body's block, because too little air was found to trust;
    `note` says why, in words, and is empty otherwise.
    """

    box: Box
    is_body: bool = False
    note: str = ""


@dataclass(frozen=True)
class _Coarse:
    """The scan on a coarse grid in LPS, and what was found on it."""

    grid: Grid
    hu: np.ndarray
    body: np.ndarray
    lungs: np.ndarray
    midline: float
    "Index along x where left and right meet."


def lung_mask(hu: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Return the lungs: air, the vessels in it, and what lesions air surrounds; windpipe and bowel are left out.

    A lung that is white up to the chest wall is not found. The border is as coarse as 2.5 mm or the scan's own spacing.

    Args:
        hu: Hounsfield units (i, j, k) of a chest; padding of any depth below air counts as air.
        affine: 4 × 4, index to RAS mm.

    Returns:
        bool (i, j, k).

    Raises:
        BadSetting: `hu` is not three-dimensional.
    """
    found, source = _look(hu, affine)
    return resampled(found.lungs.astype(np.float32), found.grid, source) > 0.5


def lung_box(hu: np.ndarray, affine: np.ndarray) -> LungBox:
    """Return the block of the scan that holds both lungs, whatever fills them.

    Args:
        hu: Hounsfield units (i, j, k) of a chest; padding of any depth below air counts as air.
        affine: 4 × 4, index to RAS mm.

    Returns:
        The block; the body's, with a note, where there is too little air to tell; the whole scan where there is no body either.

    Raises:
        BadSetting: `hu` is not three-dimensional.
    """
    found, source = _look(hu, affine)
    if not found.body.any():
        return LungBox(_on_source(((0, 0, 0), found.grid.shape), found.grid, source), True, "no body was found; the whole scan is taken")
    low, high = _ends(found.body)
    if doubt := _doubt(found):
        low[2], high[2] = 0, found.grid.shape[2]
        return LungBox(_on_source((low, high), found.grid, source), True, f"{doubt}; the block of the whole body is taken")
    lung_low, lung_high = _ends(found.lungs)
    # As far from the midline on the one side as on the other: the lung that is seen says where the other's wall is.
    reach = max(found.midline - lung_low[0], lung_high[0] - found.midline)
    lung_low[0], lung_high[0] = int(np.floor(found.midline - reach)), int(np.ceil(found.midline + reach))
    step = np.array(spacing_mm(found.grid.affine))
    beside = slice(max(0, lung_low[2]), lung_high[2])
    bone = (found.hu > BONE_ABOVE_HU) & found.body
    for axis, levels in ((0, slice(beside.start, (beside.start + beside.stop + 1) // 2)), (1, beside)):
        # Across, only in the lower half: above are the shoulder blades and arms.
        if (seen := bone[:, :, levels].any(axis=(1 - axis, 2))).any():
            ends = np.flatnonzero(seen)
            lung_low[axis], lung_high[axis] = min(lung_low[axis], ends[0]), max(lung_high[axis], ends[-1] + 1)
    margin = np.ceil(MARGIN_MM / step).astype(int)
    below = int(np.ceil((BELOW_LOPSIDED_MM if _lopsided(found) < LOPSIDED_BELOW else BELOW_MM) / step[2]))
    low[:2] = np.maximum(low, lung_low - margin)[:2]
    high[:2] = np.minimum(high, lung_high + margin)[:2]
    low[2], high[2] = max(0, lung_low[2] - below), min(found.grid.shape[2], lung_high[2] + 2 * margin[2])
    return LungBox(_on_source((low, high), found.grid, source))


def _look(hu: np.ndarray, affine: np.ndarray) -> tuple[_Coarse, Grid]:
    """Return what a coarse look finds, and the scan's own grid."""
    if hu.ndim != 3:
        raise BadSetting(f"the scan has shape {hu.shape}; expected (i, j, k).")
    source = Grid((hu.shape[0], hu.shape[1], hu.shape[2]), np.asarray(affine, float))
    turned, turned_affine = to_orientation(hu, source.affine, "LPS")
    fine = Grid((turned.shape[0], turned.shape[1], turned.shape[2]), turned_affine)
    along_i, along_j, along_k = (max(COARSE_MM, step) for step in spacing_mm(turned_affine))
    grid = with_spacing(fine, (along_i, along_j, along_k))
    coarse = resampled(np.maximum(turned, turned.dtype.type(AIR_HU)), fine, grid, outside=AIR_HU)
    body = _body(coarse)
    columns = np.flatnonzero(body.any(axis=(1, 2)))
    midline = float(columns[0] + columns[-1] + 1) / 2 if columns.size else grid.shape[0] / 2
    return _Coarse(grid, coarse, body, _lungs(coarse, body, grid, midline), midline), source


def _body(hu: np.ndarray) -> np.ndarray:
    """Return the largest solid thing and all that it surrounds; the couch is thinner and goes.

    Where the scanner's field cuts through the chest wall the lung is open to the side: so each slice is spanned like a rubber band, and
    outside is only what is connected to the border through pure air, which lung is not.
    """
    flat = ndimage.generate_binary_structure(3, 1)
    flat[:, :, [0, 2]] = False
    solid = hu > LUNG_BELOW_HU
    kept = _largest(ndimage.binary_opening(solid, flat))
    kept = ndimage.binary_dilation(kept, flat, iterations=2) & solid
    spanned = np.stack([_spanned(kept[:, :, k]) for k in range(hu.shape[2])], axis=2)
    edge = np.ones_like(solid)
    edge[1:-1, 1:-1] = False
    pure = ndimage.gaussian_filter(hu, 1.0) < GAS_BELOW_HU
    outside = ndimage.binary_propagation(edge & pure, flat, mask=pure)
    return spanned & ~ndimage.binary_dilation(outside, flat) | kept


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


def _lungs(hu: np.ndarray, body: np.ndarray, grid: Grid, midline: float) -> np.ndarray:
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
    # Blurred, because lung is as dark in single voxels only.
    dark = ndimage.binary_opening(air & (ndimage.gaussian_filter(hu, 1.0) < GAS_BELOW_HU), iterations=2)
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
        labels, count = ndimage.label(air[:, :, k] & (hu[:, :, k] < -850))
        spots = []
        for number in range(1, count + 1):
            spot = labels == number
            x = float(np.mean(np.nonzero(spot)[0]))
            is_small = WINDPIPE_ML_PER_MM[0] <= spot.sum() * spot_ml_per_mm <= WINDPIPE_ML_PER_MM[1]
            if is_small and (abs(x - midline) * step[0] < 30 if above is None else (spot & above).any()):
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


def _ends(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first index and the one past the last of the True voxels along each axis."""
    held = np.nonzero(mask)
    return np.array([axis.min() for axis in held]), np.array([axis.max() + 1 for axis in held])


def _lopsided(found: _Coarse) -> float:
    """Return the air of the smaller side over that of the larger, in [0, 1]."""
    counts = found.lungs.sum(axis=(1, 2))
    middle = round(found.midline)
    sides = sorted((int(counts[:middle].sum()), int(counts[middle:].sum())))
    return sides[0] / max(sides[1], 1)


def _doubt(found: _Coarse) -> str:
    """Return in words why the air is too little to say where the lungs are, "" if it is enough."""
    if not found.lungs.any():
        return "no lung was found that holds air"
    levels = found.lungs.any(axis=(0, 1))
    share = found.lungs.sum() / found.body[:, :, levels].sum()
    if share < LEAST_SHARE:
        return f"the lungs found fill only {share:.0%} of the body beside them"
    step = spacing_mm(found.grid.affine)
    low, high = _ends(found.lungs)
    body_low, body_high = _ends(found.body)
    height, width = (high[2] - low[2]) * step[2], (body_high[0] - body_low[0]) * step[0]
    is_cut = low[2] == 0 and high[2] == found.grid.shape[2]
    if height < LEAST_HEIGHT * width and not is_cut:
        return f"the lungs found are only {height:.0f} mm high in a body {width:.0f} mm wide"
    return ""


def _on_source(ends: tuple[np.ndarray | tuple[int, ...], np.ndarray | tuple[int, ...]], grid: Grid, source: Grid) -> Box:
    """Return a block of `grid` as the block of `source` that holds it."""
    faces = index_of(source.affine, world_mm(grid.affine, np.array(ends, float) - 0.5)) + 0.5
    low, high = np.floor(faces.min(axis=0) + 1e-6), np.ceil(faces.max(axis=0) - 1e-6)
    parts = [slice(max(0, int(a)), min(count, int(b))) for a, b, count in zip(low, high, source.shape, strict=True)]
    return parts[0], parts[1], parts[2]
