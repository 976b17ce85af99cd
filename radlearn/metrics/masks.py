"""Overlap and volume difference of two masks of one scan.

Every function takes one scan, because scans differ in shape. Masks are arrays in any axis order; `spacing_mm` is the distance between
voxel centres along the same axes, or, where these are not at right angles, a square matrix whose columns are the steps along them in mm.
`mask_table.py` computes all scores of a scan at once and the table over scans.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from radlearn.errors import BadSetting

MM3_PER_ML = 1000.0
Spacing = Sequence[float] | np.ndarray
"(axes,) lengths, or (axes, axes) with a step in mm in each column."


def dice_score(predicted: ArrayLike, truth: ArrayLike) -> float:
    """Return the Dice overlap 2|P∩T| / (|P|+|T|), in [0, 1], of two masks of one scan, bool (or 0 and 1) of the same shape.

    0 where one of the two is empty; NaN (undefined) where both are.

    Source: Dice 1945, Ecology 26(3):297, doi:10.2307/1932409.

    >>> dice_score([1, 1, 0, 0], [0, 1, 1, 0])  # one voxel in common, two in each
    0.5
    """
    p, t = checked_masks(predicted, truth)
    both = voxels_in(p) + voxels_in(t)
    return 2 * voxels_in(p & t) / both if both else float("nan")


def volume_ml(mask: ArrayLike, spacing_mm: Spacing) -> float:
    """Return the volume of a mask in millilitres: the number of its voxels times the volume of one.

    >>> volume_ml(np.ones((10, 10, 10)), (1.0, 2.0, 5.0))
    10.0
    """
    (m,) = checked_masks(mask)
    return voxels_in(m) * voxel_mm3(spacing_mm, m.ndim) / MM3_PER_ML


def volume_error_ml(predicted: ArrayLike, truth: ArrayLike, spacing_mm: Spacing) -> float:
    """Return |Vp − Vt| in millilitres, 0 or more. Masks of equal volume in different places have no volume error."""
    p, t = checked_masks(predicted, truth)
    return abs(volume_ml(p, spacing_mm) - volume_ml(t, spacing_mm))


def volume_error_percent(predicted: ArrayLike, truth: ArrayLike) -> float:
    """Return 100 · |Vp − Vt| / Vt, 0 or more; infinity where only the truth is empty, NaN where both are.

    Source: Roth et al. 2022, Medical Image Analysis 82:102605 (there without the factor 100).

    >>> volume_error_percent([1, 1, 1, 0], [0, 1, 1, 0])
    50.0
    """
    p, t = checked_masks(predicted, truth)
    predicted_voxels, true_voxels = voxels_in(p), voxels_in(t)
    if true_voxels == 0:
        return float("inf") if predicted_voxels else float("nan")
    return 100 * abs(predicted_voxels - true_voxels) / true_voxels


def voxels_in(mask: np.ndarray) -> int:
    """Return the number of True voxels of a bool mask, as a Python int, which does not overflow."""
    return int(np.count_nonzero(mask))


def checked_masks(*masks: ArrayLike) -> tuple[np.ndarray, ...]:
    """Return the masks as bool arrays.

    Raises:
        BadSetting: shapes differ, or a value is neither 0 nor 1 (apply a threshold to a mask of 0 and 255 first).
    """
    arrays = [np.asarray(mask) for mask in masks]
    if len(shapes := {array.shape for array in arrays}) > 1:
        raise BadSetting(f"masks of shapes {' and '.join(map(str, sorted(shapes)))}; expected the same shape, that of the scan.")
    for array in arrays:
        if array.dtype != bool and len(other := array[(array != 0) & (array != 1)]):
            found = ", ".join(f"{value:g}" for value in np.unique(other)[:5])
            raise BadSetting(f"a mask holds {found}; expected only 0 and 1 (or False and True). Apply a threshold first.")
    return tuple(array.astype(bool, copy=False) for array in arrays)


def checked_spacing(spacing_mm: Spacing, axes: int) -> np.ndarray:
    """Return the spacing as float64 (axes,), or (axes, axes) where it is a matrix of steps.

    Raises:
        BadSetting: not one number or one step per axis, a length that is not positive, a number that is not finite, steps in one plane.
    """
    spacing = np.asarray(spacing_mm, dtype=np.float64)
    if spacing.shape == (axes, axes) and np.isfinite(spacing).all() and abs(np.linalg.det(spacing)) > 0:
        return spacing
    if spacing.shape != (axes,) or not np.all(np.isfinite(spacing) & (spacing > 0)):
        raise BadSetting(f"spacing_mm is {spacing_mm}; expected {axes} positive numbers, one per axis of the mask.")
    return spacing


def voxel_mm3(spacing_mm: Spacing, axes: int = 3) -> float:
    """Return the volume of a voxel in mm³ (or its area or length, with fewer axes).

    >>> voxel_mm3((1.0, 2.0, 5.0)), round(voxel_mm3([[1, 0, 0], [0, 2, 3], [0, 0, 5]]), 9)
    (10.0, 10.0)
    """
    spacing = checked_spacing(spacing_mm, axes)
    return float(np.prod(spacing)) if spacing.ndim == 1 else float(abs(np.linalg.det(spacing)))


def points_mm(index: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Return indices (points, axes) in mm from the first voxel; `spacing` as `checked_spacing` returns it."""
    return index * spacing if spacing.ndim == 1 else index @ spacing.T


def bounding_box(*masks: np.ndarray) -> tuple[slice, ...] | None:
    """Return the smallest box, a slice per axis, that contains every True voxel of all masks; None if there is none.

    Nothing outside it affects a surface or a lesion, and it is a small part of a chest.
    """
    box: list[slice] = []
    for axis in range(masks[0].ndim):
        others = tuple(other for other in range(masks[0].ndim) if other != axis)
        # Cropping along the axes done so far makes the later passes cheaper: only the first reads all voxels.
        filled = np.logical_or.reduce([mask[tuple(box)].any(axis=others) for mask in masks])
        places = np.flatnonzero(filled)
        if not len(places):
            return None
        box.append(slice(int(places[0]), int(places[-1]) + 1))
    return tuple(box)
