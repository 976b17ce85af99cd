"""Which lesions of a scan were found, and how many were made up.

A lesion is a connected piece of a mask; voxels that touch by a face, an edge or a corner are connected. Pieces below a volume are no
lesions: half the pieces of a real mask are specks of a few voxels, left by whoever or whatever drew it. A true lesion is found when at
least a share of its volume is predicted; a predicted lesion is false when less than that share of it is true. A speck still counts
where it overlaps: a prediction that lies on a true speck is not false.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from radlearn.errors import BadSetting
from radlearn.metrics.masks import MM3_PER_ML, bounding_box, checked_masks, checked_spacing
from radlearn.metrics.predictions import OneOrPerDraw, share

# A ball 6 mm across.
SMALLEST_ML = 0.1
FOUND_SHARE = 0.1


@dataclass(frozen=True)
class LesionCounts:
    """How many lesions a scan has, how many of them were found, and how many predicted ones are false."""

    lesions: int
    found_lesions: int
    false_lesions: int


def lesion_counts(
    predicted: ArrayLike,
    truth: ArrayLike,
    spacing_mm: Sequence[float],
    smallest_ml: float = SMALLEST_ML,
    found_share: float = FOUND_SHARE,
) -> LesionCounts:
    """Count the lesions of one scan, those found and those made up.

    Args:
        predicted, truth: bool (or 0 and 1) of the same shape.
        spacing_mm: between voxel centres along the axes of the masks.
        smallest_ml: pieces below this volume are no lesions; 0 counts every voxel that stands alone.
        found_share: of a piece's volume, above 0 and at most 1: how much of it must lie on the other mask.

    Raises:
        BadSetting: shapes, spacing or limits make no sense.

    >>> truth, predicted = np.zeros((2, 30, 10, 10), bool)
    >>> truth[2:8, 2:8, 2:8] = truth[20:26, 2:8, 2:8] = True  # two lesions
    >>> predicted[4:10, 2:8, 2:8] = predicted[13:18, 2:8, 2:8] = True  # one found, one made up
    >>> lesion_counts(predicted, truth, (1.0, 1.0, 1.0))
    LesionCounts(lesions=2, found_lesions=1, false_lesions=1)
    """
    p, t = checked_masks(predicted, truth)
    if not smallest_ml >= 0 or not 0 < found_share <= 1:
        found = f"smallest_ml is {smallest_ml}, found_share is {found_share}"
        raise BadSetting(f"{found}; expected a volume of 0 or more and a share above 0, at most 1.")
    voxel_ml = float(np.prod(checked_spacing(spacing_mm, p.ndim))) / MM3_PER_ML
    box = bounding_box(p, t)
    if box is None:
        return LesionCounts(0, 0, 0)
    p, t = p[box], t[box]
    true_shares = _covered_shares(t, p, smallest_ml, voxel_ml)
    predicted_shares = _covered_shares(p, t, smallest_ml, voxel_ml)
    # 0.3 of ten voxels is a little more than three in floating point; three of ten must still count.
    least = found_share - 1e-12
    return LesionCounts(len(true_shares), int((true_shares >= least).sum()), int((predicted_shares < least).sum()))


def lesion_sensitivity(found_lesions: ArrayLike, lesions: ArrayLike, weights: ArrayLike | None = None) -> OneOrPerDraw:
    """Return the share of all scans' lesions that were found, in [0, 1]; NaN without lesions.

    Args:
        found_lesions, lesions: (scans,), from `lesion_counts`.
        weights: (scans,) or (draws, scans), how often each scan counts.

    >>> float(lesion_sensitivity([1, 0, 3], [2, 0, 6]))
    0.5
    """
    found, there = np.asarray(found_lesions, dtype=np.float64), np.asarray(lesions, dtype=np.float64)
    w = np.ones(len(there)) if weights is None else np.asarray(weights, dtype=np.float64)
    return share(w @ found, w @ there)


def _covered_shares(mask: np.ndarray, other: np.ndarray, smallest_ml: float, voxel_ml: float) -> np.ndarray:
    """Return, for every connected piece of `mask` that is large enough, the share of it that lies on `other`, float64 (pieces,)."""
    from scipy.ndimage import label

    pieces, count = label(mask, structure=np.ones((3,) * mask.ndim))
    sizes = np.bincount(pieces[mask], minlength=count + 1)[1:]
    covered = np.bincount(pieces[mask & other], minlength=count + 1)[1:]
    large = sizes * voxel_ml >= smallest_ml * (1 - 1e-9)
    return covered[large] / sizes[large]
