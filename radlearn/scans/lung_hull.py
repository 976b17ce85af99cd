"""The hull of the lungs: where a lesion of the lung can lie, whether that part of the lung holds air or not.

Air shows a lung only as far as it is healthy. Consolidation that reaches the chest wall, and fluid, are as dense as muscle. What separates
them from muscle are the ribs. So the hull of a lung is the convex hull of its air in each axial slice, and beyond it all that a ray from
its middle meets before the first rib: white dorsal lung, an effusion, the mediastinum on its side; but no muscle of the back, no collarbone
and no couch. Where a lung lacks what the other has, the mirror image of the other takes its place: all of it for a lung that is mostly
white, only the apex otherwise. A lung that is low for the width of the body may have an airless base, so its hull reaches further down.

Works on the coarse grid in LPS that `lungs` makes.
"""

import numpy as np
from scipy import ndimage

from radlearn.scans.geometry import Grid, box_around, spacing_mm
from radlearn.scans.mask_shapes import spanned, within_mm

BONE_ABOVE_HU = 200.0
MARGIN_MM = 10.0  # Around it all: rays end at the inner side of ribs, some of which are met a little early
RIBS_REACH_MM = 15.0  # Along the body: ribs slope, so a slice cuts only some of them
RAYS = 90  # In a slice, from the middle of a lung
LEAST_RIBS = 1 / 3  # Of the rays of a slice
RAY_STEP_MM = 2.0
LONGEST_RAY_MM = 240.0
SKIN_MM = 10.0  # The least thickness of a chest wall
LOPSIDED_BELOW = 0.5  # Air of one side over the other's; healthy left lungs have 0.8 to 0.95 of the right's
HEALTHY_HEIGHT = 0.7  # Of a lung, over the width of the body
BELOW_MM = (20.0, 50.0)  # Added below the lowest air of a lung: at least, and at most where it is low


def hull_of(hu: np.ndarray, body: np.ndarray, lungs: np.ndarray, grid: Grid, midline: float) -> np.ndarray:
    """Return the hull of both lungs, bool (x, y, z); empty where no lung holds air.

    Args:
        hu: (x, y, z) in LPS on `grid`.
        body: from `chest_air.body_of`.
        lungs: from `chest_air.lungs_of`.
        grid: of the voxels.
        midline: index along x where left and right meet.
    """
    hull = np.zeros_like(lungs)
    step = spacing_mm(grid.affine)
    block = box_around(body, 0.0, step)
    if block is None or not lungs.any():
        return hull
    width_mm = (block[0].stop - block[0].start) * step[0]
    hu, body, lungs, midline = hu[block], body[block], lungs[block], midline - block[0].start
    ribs = ndimage.maximum_filter1d((hu > BONE_ABOVE_HU) & body, 2 * round(RIBS_REACH_MM / step[2]) + 1, axis=2)
    left = np.arange(len(lungs))[:, None, None] >= midline
    found = np.zeros_like(lungs)
    for side, other in ((left, ~left), (~left, left)):
        own = _completed(lungs & side, _mirrored(lungs & other, midline))
        seen = np.stack([spanned(own[:, :, k]) for k in range(own.shape[2])], axis=2)
        levels = np.flatnonzero(own.any(axis=(0, 1)))
        below_mm = np.clip(HEALTHY_HEIGHT * width_mm - len(levels) * step[2], *BELOW_MM)
        lowest = max(0, int(levels[0]) - round(below_mm / step[2]))
        found |= seen | _inside_ribs(seen, ribs, body, lowest, side.nonzero()[0], step)
    hull[block] = within_mm(found, MARGIN_MM, step)
    return hull


def _completed(own: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
    """Return the air of one side, with what only the mirror image of the other side has of it."""
    if own.sum() < LOPSIDED_BELOW * mirrored.sum():
        return own | mirrored
    # Only above the middle: below, a diaphragm may be higher than the other.
    levels = np.flatnonzero((own | mirrored).any(axis=(0, 1)))
    upper = np.arange(own.shape[2]) > (levels[0] + levels[-1]) / 2
    is_white = upper & (own.sum(axis=(0, 1)) < LOPSIDED_BELOW * mirrored.sum(axis=(0, 1)))
    return own | mirrored & is_white


def _mirrored(mask: np.ndarray, midline: float) -> np.ndarray:
    """Return the mirror image of a mask about the midline."""
    source = np.rint(2 * midline - 1 - np.arange(len(mask))).astype(int)
    inside = (source >= 0) & (source < len(mask))
    return mask[np.clip(source, 0, len(mask) - 1)] & inside[:, None, None]


def _inside_ribs(
    seen: np.ndarray, ribs: np.ndarray, body: np.ndarray, lowest: int, columns: np.ndarray, step: tuple[float, float, float]
) -> np.ndarray:
    """Return what rays from the middle of a lung meet before the first rib outside of what is seen of it, bool (x, y, z).

    Args:
        seen: the convex hull of the lung's air in each slice.
        lowest: the level to begin with.
        columns: the indices along x of the lung's side of the body.
    """
    inside = np.zeros_like(seen)
    levels = np.flatnonzero(seen.any(axis=(0, 1)))
    middles = np.array([ndimage.center_of_mass(seen[:, :, k]) for k in levels])
    angles = 2 * np.pi * np.arange(RAYS) / RAYS
    along_mm = np.arange(0, LONGEST_RAY_MM, RAY_STEP_MM)
    rows = np.arange(seen.shape[1])[None, :]
    for k in range(lowest, int(levels[-1]) + 1):
        x0, y0 = (np.interp(k, levels, middles[:, axis]) for axis in (0, 1))
        x = np.clip(np.rint(x0 + np.cos(angles)[:, None] * along_mm / step[0]).astype(int), 0, seen.shape[0] - 1)
        y = np.clip(np.rint(y0 + np.sin(angles)[:, None] * along_mm / step[1]).astype(int), 0, seen.shape[1] - 1)
        reach_mm = _reach_mm(seen[x, y, k], ribs[x, y, k], body[x, y, k])
        across_mm, down_mm = ((columns[:, None] - x0) * step[0]).astype(np.float32), ((rows - y0) * step[1]).astype(np.float32)
        ray = np.rint(np.arctan2(down_mm, across_mm) * (RAYS / (2 * np.pi))).astype(np.int32)
        # Negative angles count from the last ray.
        inside[columns, :, k] = across_mm**2 + down_mm**2 < reach_mm[ray] ** 2
    return inside


def _reach_mm(seen: np.ndarray, ribs: np.ndarray, body: np.ndarray) -> np.ndarray:
    """Return how far each ray goes before a rib, float (rays,); a ray that meets none, as its neighbours on both sides.

    Where few rays meet any, ribs are not seen, and a ray that meets none ends where air does.

    Args:
        seen: bool (rays, steps) along the rays, as `ribs` and `body`.
    """
    steps = np.arange(seen.shape[1])
    last_air = np.where(seen, steps, 0).max(axis=1)
    # A rib may bulge into the convex hull of the air; what is dense further inside is no rib.
    beyond = steps >= (last_air - round(MARGIN_MM / RAY_STEP_MM))[:, None]
    first_rib = np.where(ribs & beyond, steps, len(steps)).min(axis=1)
    # With its neighbours, because a ray may pass between two ribs.
    first_rib = ndimage.minimum_filter1d(first_rib, 3, mode="wrap")
    meets = np.flatnonzero(first_rib < len(steps))
    if len(meets) < LEAST_RIBS * len(seen):
        return np.asarray(np.where(first_rib < len(steps), first_rib, last_air) * RAY_STEP_MM)
    # In front, ribs end in cartilage.
    reach = np.interp(np.arange(len(seen)), meets, first_rib[meets], period=len(seen))
    skin = np.where(~body & (steps >= last_air[:, None]), steps, len(steps)).min(axis=1) - SKIN_MM / RAY_STEP_MM
    return np.asarray(np.clip(np.minimum(reach, skin), 0, None) * RAY_STEP_MM)
