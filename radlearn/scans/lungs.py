"""The lungs in a chest CT, found from Hounsfield units without learning.

Air inside the body that is neither trachea nor bowel is lung. This fails for diseased lungs: consolidation and fluid are as dense as
liver. So the *mask* is closed over what air surrounds. The *box* does not rely on air alone: it is mirrored about the body's midline,
widened to the ribs, which enclose lung of any density, and replaced by the box of the whole body, with a note, where too little air is
left. The *hull* is where a lesion of the lung can lie (`lung_hull`). All work is done on a coarse grid in LPS; an oblique scan is treated
along its own axes.
"""

from dataclasses import dataclass

import numpy as np

from radlearn.errors import BadSetting
from radlearn.scans.chest_air import AIR_HU, body_of, lungs_of, smoothed
from radlearn.scans.geometry import Box, Grid, Volume, box_around, index_of, spacing_mm, to_orientation, with_spacing, world_mm
from radlearn.scans.lung_hull import BONE_ABOVE_HU, LOPSIDED_BELOW, hull_of
from radlearn.scans.resampling import resampled

COARSE_MM = 2.5
MARGIN_MM = 10.0  # Added beyond lungs and ribs
BELOW_MM, BELOW_LOPSIDED_MM = 50.0, 90.0
"Added below the lowest air: the base of a lung may be airless, and an effusion pushes the diaphragm down."
LEAST_SHARE = 0.10  # Of the body at the same level: healthy lungs are 30 to 45 %
LEAST_HEIGHT = 0.4  # Of the body's width: healthy lungs are 0.6 to 0.8


@dataclass(frozen=True)
class LungBox:
    """A block of the scan that holds both lungs.

    `box` is in the scan's own order: `voxels[box]`. `is_body` means that it is the block of the body, because too little air was found;
    `note` then says why, and is empty otherwise.
    """

    box: Box
    is_body: bool = False
    note: str = ""


@dataclass(frozen=True)
class _Coarse:
    """The scan on a coarse grid in LPS, with body and lungs."""

    grid: Grid
    hu: np.ndarray
    body: np.ndarray
    lungs: np.ndarray
    midline: float  # Index along x between left and right


def lung_mask(hu: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Return the lungs, bool (i, j, k): air, the vessels in it, and lesions that air surrounds; without trachea and bowel.

    Consolidation that reaches the chest wall is missed. The border is accurate to 2.5 mm or the scan's spacing, whichever is larger.

    Args:
        hu: Hounsfield units (i, j, k) of a chest; padding of any depth below air counts as air.
        affine: 4 × 4, index to RAS mm.

    Raises:
        BadSetting: `hu` is not three-dimensional.
    """
    return find_lungs(hu, affine)[0]


def lung_box(hu: np.ndarray, affine: np.ndarray) -> LungBox:
    """Return the block of the scan that holds both lungs, whatever their density; arguments and errors as `lung_mask`.

    It is that of the body, with a note, where there is too little air; the whole scan where no body is found either.
    """
    return _box(*_coarse(hu, affine))


def find_lungs(hu: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, LungBox]:
    """Return `lung_mask` and `lung_box` for the cost of one."""
    found, source = _coarse(hu, affine)
    return resampled(found.lungs.astype(np.float32), found.grid, source) > 0.5, _box(found, source)


def lung_hull(hu: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Return where a lesion of the lung can lie, bool (i, j, k): the lungs, airless parts and fluid around them included, inside the ribs.

    It also holds the mediastinum and what lies under the diaphragm at the level of the lungs; muscles of the back, collarbones and couch
    lie outside. It is the whole scan where too little air is found to say (`lung_box` then has a note). Arguments and errors as
    `lung_mask`.
    """
    return find_lungs_and_hull(hu, affine)[2]


def find_lungs_and_hull(hu: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, LungBox, np.ndarray]:
    """Return `lung_mask`, `lung_box` and `lung_hull` for little more than the cost of one."""
    found, source = _coarse(hu, affine)
    lungs, box = resampled(found.lungs.astype(np.float32), found.grid, source) > 0.5, _box(found, source)
    if box.is_body:
        return lungs, box, np.ones(hu.shape, bool)
    hull = hull_of(found.hu, found.body, found.lungs, found.grid, found.midline)
    return lungs, box, resampled(hull.astype(np.float32), found.grid, source) > 0.5


def _coarse(hu: np.ndarray, affine: np.ndarray) -> tuple[_Coarse, Grid]:
    """Return body and lungs on a coarse grid, and the scan's own grid."""
    if hu.ndim != 3:
        raise BadSetting(f"the scan has shape {hu.shape}; expected (i, j, k).")
    source = Volume(hu, np.asarray(affine, float)).grid
    turned = Volume(*to_orientation(hu, source.affine, "LPS"))
    along_i, along_j, along_k = (max(COARSE_MM, step) for step in spacing_mm(turned.affine))
    grid = with_spacing(turned.grid, (along_i, along_j, along_k))
    coarse = resampled(np.maximum(turned.voxels, np.float32(AIR_HU)), turned.grid, grid, outside=AIR_HU)
    smooth = smoothed(coarse)
    body = body_of(coarse, smooth)
    columns = np.flatnonzero(body.any(axis=(1, 2)))
    midline = float(columns[0] + columns[-1] + 1) / 2 if columns.size else grid.shape[0] / 2
    return _Coarse(grid, coarse, body, lungs_of(coarse, smooth, body, grid, midline), midline), source


def _box(found: _Coarse, source: Grid) -> LungBox:
    """Return the block that holds both lungs, or the body's."""
    if not found.body.any():
        return LungBox(_on_source(((0, 0, 0), found.grid.shape), found.grid, source), True, "no body was found; the whole scan is used")
    low, high = _ends(found.body)
    if doubt := _doubt(found):
        low[2], high[2] = 0, found.grid.shape[2]
        return LungBox(_on_source((low, high), found.grid, source), True, f"{doubt}; the block of the whole body is used")
    lung_low, lung_high = _ends(found.lungs)
    # Symmetric about the midline: the lung that is found shows where the wall of the other is.
    reach = max(found.midline - lung_low[0], lung_high[0] - found.midline)
    lung_low[0], lung_high[0] = int(np.floor(found.midline - reach)), int(np.ceil(found.midline + reach))
    step = np.array(spacing_mm(found.grid.affine))
    beside = slice(max(0, lung_low[2]), lung_high[2])
    bone = (found.hu > BONE_ABOVE_HU) & found.body
    for axis, levels in ((0, slice(beside.start, (beside.start + beside.stop + 1) // 2)), (1, beside)):
        # From left to right only in the lower half: above are the shoulder blades and arms.
        if (seen := bone[:, :, levels].any(axis=(1 - axis, 2))).any():
            ends = np.flatnonzero(seen)
            lung_low[axis], lung_high[axis] = min(lung_low[axis], ends[0]), max(lung_high[axis], ends[-1] + 1)
    margin = np.ceil(MARGIN_MM / step).astype(int)
    below = int(np.ceil((BELOW_LOPSIDED_MM if _lopsided(found) < LOPSIDED_BELOW else BELOW_MM) / step[2]))
    low[:2] = np.maximum(low, lung_low - margin)[:2]
    high[:2] = np.minimum(high, lung_high + margin)[:2]
    low[2], high[2] = max(0, lung_low[2] - below), min(found.grid.shape[2], lung_high[2] + 2 * margin[2])
    return LungBox(_on_source((low, high), found.grid, source))


def _ends(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first index and the one after the last of the True voxels along each axis."""
    box = box_around(mask)
    assert box is not None, "the caller has asked whether there are any"
    return np.array([part.start for part in box]), np.array([part.stop for part in box])


def _lopsided(found: _Coarse) -> float:
    """Return the ratio of the air of the smaller side to that of the larger, in [0, 1]."""
    counts = found.lungs.sum(axis=(1, 2))
    middle = round(found.midline)
    sides = sorted((int(counts[:middle].sum()), int(counts[middle:].sum())))
    return sides[0] / max(sides[1], 1)


def _doubt(found: _Coarse) -> str:
    """Return why there is too little air to locate the lungs, "" if there is enough."""
    if not found.lungs.any():
        return "no lung that holds air was found"
    levels = found.lungs.any(axis=(0, 1))
    share = found.lungs.sum() / found.body[:, :, levels].sum()
    if share < LEAST_SHARE:
        return f"the lungs found fill only {share:.0%} of the body at their level"
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
