"""How much two masks of one scan overlap, and how far their volumes differ.

Every function takes one scan, because scans differ in shape. Masks are arrays in any axis order; `spacing_mm` names the distance
between voxel centres along the same axes. `mask_table.py` makes all scores of a scan at once and the table over scans.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from radlearn.errors import BadSetting

MM3_PER_ML = 1000.0


def dice_score(predicted: ArrayLike, truth: ArrayLike) -> float:
    """Return the Dice overlap 2|P∩T| / (|P|+|T|) of one scan.

    Args:
        predicted, truth: bool (or 0 and 1) of the same shape.

    Returns:
        In [0, 1]; 0 where one of the two is empty; NaN where both are: the question has no answer there.

    Source: Dice 1945, Ecology 26(3):297, doi:10.2307/1932409.

    >>> dice_score([1, 1, 0, 0], [0, 1, 1, 0])  # one voxel in common, two in each
    0.5
    """
    p, t = checked_masks(predicted, truth)
    both = voxels_in(p) + voxels_in(t)
    return 2 * voxels_in(p & t) / both if both else float("nan")


def volume_ml(mask: ArrayLike, spacing_mm: Sequence[float]) -> float:
    """Return the volume of a mask in millilitres: its voxels times the volume of one.

    >>> volume_ml(np.ones((10, 10, 10)), (1.0, 2.0, 5.0))
    10.0
    """
    (m,) = checked_masks(mask)
    return voxels_in(m) * float(np.prod(checked_spacing(spacing_mm, m.ndim))) / MM3_PER_ML


def volume_error_ml(predicted: ArrayLike, truth: ArrayLike, spacing_mm: Sequence[float]) -> float:
    """Return |Vp − Vt| in millilitres, 0 or more. Masks of equal volume in different places have no volume error."""
    p, t = checked_masks(predicted, truth)
    return abs(volume_ml(p, spacing_mm) - volume_ml(t, spacing_mm))


def volume_error_percent(predicted: ArrayLike, truth: ArrayLike) -> float:
    """Return 100 · |Vp − Vt| / Vt, 0 or more.

    Returns:
        Infinity where only the truth is empty: no share of nothing is large enough. NaN where both are empty.

    Source: Roth et al. 2022, Medical Image Analysis 82:102605 (there without the factor 100).

    >>> volume_error_percent([1, 1, 1, 0], [0, 1, 1, 0])
    50.0
    """
    p, t = checked_masks(predicted, truth)
    here, there = voxels_in(p), voxels_in(t)
    if there == 0:
        return float("inf") if here else float("nan")
    return 100 * abs(here - there) / there


def voxels_in(mask: np.ndarray) -> int:
    """Return how many voxels of a bool mask are True, as a whole number of Python, whose products do not overflow."""
    return int(np.count_nonzero(mask))


def checked_masks(*masks: ArrayLike) -> tuple[np.ndarray, ...]:
    """Return the masks as bool arrays, or say what is wrong with them.

    Raises:
        BadSetting: shapes differ, or a value is neither 0 nor 1 (a mask of 0 and 255 is thresholded by whoever reads it).
    """
    arrays = [np.asarray(mask) for mask in masks]
    if len(shapes := {array.shape for array in arrays}) > 1:
        raise BadSetting(f"masks of shapes {' and '.join(map(str, sorted(shapes)))}: expected both on the grid of one scan.")
    for array in arrays:
        if array.dtype != bool and len(other := array[(array != 0) & (array != 1)]):
            found = ", ".join(f"{value:g}" for value in np.unique(other)[:5])
            raise BadSetting(f"a mask holds {found}; expected only 0 and 1 (or False and True). Apply a threshold first.")
    return tuple(array.astype(bool, copy=False) for array in arrays)


def checked_spacing(spacing_mm: Sequence[float], axes: int) -> np.ndarray:
    """Return the spacing as float64 (axes,), or say what is wrong with it.

    Raises:
        BadSetting: not one number per axis, or one that is not above 0 and finite.
    """
    spacing = np.asarray(spacing_mm, dtype=np.float64)
    if spacing.shape != (axes,) or not np.all(np.isfinite(spacing) & (spacing > 0)):
        raise BadSetting(f"spacing_mm is {spacing_mm}; expected {axes} numbers above 0, one per axis of the mask.")
    return spacing


def bounding_box(*masks: np.ndarray) -> tuple[slice, ...] | None:
    """Return the smallest box, a slice per axis, that holds every True voxel of all the masks; None where there is none.

    What lies outside touches no surface and no lesion, and a lesion box is a small part of a chest.
    """
    box: list[slice] = []
    for axis in range(masks[0].ndim):
        others = tuple(other for other in range(masks[0].ndim) if other != axis)
        # The axes already cut make the later looks cheaper: of 18 million voxels only the first look sees all.
        filled = np.logical_or.reduce([mask[tuple(box)].any(axis=others) for mask in masks])
        places = np.flatnonzero(filled)
        if not len(places):
            return None
        box.append(slice(int(places[0]), int(places[-1]) + 1))
    return tuple(box)
