"""Lesion-wise detection: which true lesions were found, and how many predicted lesions are false.

A lesion is a connected component of a mask (26-connected in three dimensions) above a minimum volume: half the components of a real mask
are specks of a few voxels, artefacts of drawing. A true lesion is found if at least a share of its volume is predicted; a predicted lesion
is false if less than that share of it is true. Specks count for the overlap: a prediction that lies on a true speck is not false.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from radlearn.errors import BadSetting
from radlearn.metrics.masks import MM3_PER_ML, Spacing, bounding_box, checked_masks, voxel_mm3
from radlearn.metrics.predictions import OneOrPerDraw, share

# A sphere 6 mm in diameter.
SMALLEST_ML = 0.1
FOUND_SHARE = 0.1


@dataclass(frozen=True)
class LesionCounts:
    """The lesions of a scan, how many of them were found, and how many predicted lesions are false."""

    lesions: int
    found_lesions: int
    false_lesions: int


def lesion_counts(
    predicted: ArrayLike, truth: ArrayLike, spacing_mm: Spacing, smallest_ml: float = SMALLEST_ML, found_share: float = FOUND_SHARE
) -> LesionCounts:
    """Count the lesions of one scan, those found, and the false ones.

    Args:
        predicted, truth: bool (or 0 and 1) of the same shape.
        spacing_mm: between voxel centres along the axes of the masks.
        smallest_ml: components below this volume are ignored; 0 counts every single voxel.
        found_share: share of a component's volume, above 0 and at most 1, that must lie on the other mask.

    Raises:
        BadSetting: shapes, spacing or limits are invalid.

    >>> truth, predicted = np.zeros((2, 30, 10, 10), bool)
    >>> truth[2:8, 2:8, 2:8] = truth[20:26, 2:8, 2:8] = True  # two lesions
    >>> predicted[4:10, 2:8, 2:8] = predicted[13:18, 2:8, 2:8] = True  # one found, one false
    >>> lesion_counts(predicted, truth, (1.0, 1.0, 1.0))
    LesionCounts(lesions=2, found_lesions=1, false_lesions=1)
    """
    p, t = checked_masks(predicted, truth)
    if not smallest_ml >= 0 or not 0 < found_share <= 1:
        found = f"smallest_ml is {smallest_ml}, found_share is {found_share}"
        raise BadSetting(f"{found}; expected a volume of 0 or more and a share above 0, at most 1.")
    voxel_ml = voxel_mm3(spacing_mm, p.ndim) / MM3_PER_ML
    box = bounding_box(p, t)
    if box is None:
        return LesionCounts(0, 0, 0)
    p, t = p[box], t[box]
    true_shares = _covered_shares(t, p, smallest_ml, voxel_ml)
    predicted_shares = _covered_shares(p, t, smallest_ml, voxel_ml)
    # 0.3 of ten voxels is slightly more than three in floating point; three of ten must still count.
    least = found_share - 1e-12
    return LesionCounts(len(true_shares), int((true_shares >= least).sum()), int((predicted_shares < least).sum()))


def lesion_sensitivity(found_lesions: ArrayLike, lesions: ArrayLike, weights: ArrayLike | None = None) -> OneOrPerDraw:
    """Return the share of the lesions of all scans, (scans,) each, that were found, in [0, 1]; NaN without lesions.

    `weights` are (scans,) or (draws, scans), how often each scan counts.

    >>> float(lesion_sensitivity([1, 0, 3], [2, 0, 6]))
    0.5
    """
    found, there = (np.asarray(counts, dtype=np.float64) for counts in (found_lesions, lesions))
    w = np.ones(len(there)) if weights is None else np.asarray(weights, dtype=np.float64)
    return share(w @ found, w @ there)


def _covered_shares(mask: np.ndarray, other: np.ndarray, smallest_ml: float, voxel_ml: float) -> np.ndarray:
    """Return, for every large enough component of `mask`, the share of it that lies on `other`, float64 (components,)."""
    from scipy.ndimage import label

    pieces, count = label(mask, structure=np.ones((3,) * mask.ndim))
    sizes = np.bincount(pieces[mask], minlength=count + 1)[1:]
    covered = np.bincount(pieces[mask & other], minlength=count + 1)[1:]
    large = sizes * voxel_ml >= smallest_ml * (1 - 1e-9)
    return covered[large] / sizes[large]
