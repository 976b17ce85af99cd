"""Two shapes made from a mask: the convex hull of a slice, and all that lies within some millimetres of it.

SciPy computes both differently, with a test of every pixel for each edge of a hull and a distance for every voxel. On the coarse grids on
which lungs are found, this takes a fraction of the time.
"""

import math

import numpy as np
from scipy.spatial import ConvexHull, QhullError

LEAST_PIXELS = 25  # What is smaller is noise, whose hull means nothing


def spanned(solid: np.ndarray) -> np.ndarray:
    """Return the convex hull of the True pixels of one slice, bool (x, y); the slice itself if it has too few, or if they lie on a line."""
    columns = np.flatnonzero(solid.any(axis=1))
    if np.count_nonzero(solid) < LEAST_PIXELS or len(columns) < 2:
        return solid
    held = solid[columns]
    lowest, highest = held.argmax(axis=1), held.shape[1] - 1 - held[:, ::-1].argmax(axis=1)
    # Only the ends of a column can be corners of the hull.
    points = np.concatenate([np.stack([columns, lowest], axis=1), np.stack([columns, highest], axis=1)])
    try:
        corners = points[ConvexHull(points).vertices]
    except QhullError:
        return solid
    # Counterclockwise: below from left to right, above from right to left.
    corners = np.roll(corners, -int(np.lexsort((corners[:, 1], corners[:, 0]))[0]), axis=0)
    last = int(np.lexsort((corners[:, 1], corners[:, 0]))[-1])
    below, above = corners[: last + 1], np.concatenate([corners[last:], corners[:1]])[::-1]
    across = np.arange(columns[0], columns[-1] + 1)
    bottom, top = (np.interp(across, *chain.T) for chain in (below, above))
    # At both ends an edge may run straight up.
    bottom[[0, -1]], top[[0, -1]] = lowest[[0, -1]], highest[[0, -1]]
    rows = np.arange(solid.shape[1])
    hull = np.zeros_like(solid)
    hull[columns[0] : columns[-1] + 1] = (rows <= top[:, None] + 1e-6) & (rows >= bottom[:, None] - 1e-6)
    return hull


def within_mm(mask: np.ndarray, reach_mm: float, spacing: tuple[float, float, float]) -> np.ndarray:
    """Return every voxel whose centre lies at most `reach_mm` from that of a True voxel, bool (i, j, k).

    It takes one pass over the mask for each column of voxels of such a ball, so it is for balls of a few voxels.

    >>> within_mm(np.eye(1, 7, 3, bool)[..., None], 2.0, (1.0, 1.0, 1.0))[0, :, 0].astype(int)
    array([0, 1, 1, 1, 1, 1, 0])
    """
    columns: dict[int, list[tuple[int, int]]] = {}
    for i in range(math.ceil(reach_mm / spacing[0]) + 1):
        for k in range(math.ceil(reach_mm / spacing[2]) + 1):
            aside_mm = math.hypot(i * spacing[0], k * spacing[2])
            if aside_mm <= reach_mm:
                half = 0
                while math.hypot(i * spacing[0], (half + 1) * spacing[1], k * spacing[2]) <= reach_mm:
                    half += 1
                columns.setdefault(half, []).append((i, k))
    reached = np.zeros_like(mask)
    column = mask.copy()
    for half in range(max(columns) + 1):
        if half and half < mask.shape[1]:
            column[:, half:] |= mask[:, :-half]
            column[:, :-half] |= mask[:, half:]
        for i, k in columns.get(half, ()):
            for di in {i, -i}:
                for dk in {k, -k}:
                    onto, source = zip(_overlap(di, mask.shape[0]), _overlap(dk, mask.shape[2]), strict=True)
                    reached[onto[0], :, onto[1]] |= column[source[0], :, source[1]]
    return reached


def _overlap(shift: int, count: int) -> tuple[slice, slice]:
    """Return where the voxels of an axis go if they are shifted, and which voxels stay inside."""
    shift = max(-count, min(shift, count))
    onto, source = slice(max(0, shift), count + min(0, shift)), slice(max(0, -shift), count - max(0, shift))
    return onto, source
