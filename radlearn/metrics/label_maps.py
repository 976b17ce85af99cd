"""Scores of one class of a label map in two dimensions: overlap, distance of the borders, area.

An image may be without the class, and an image that is rightly left empty must count for something. So there are two Dice scores: the
overlap where the class is there or is found, undefined where both are empty; and that of challenges with such images, where an image that
is rightly left empty counts as 1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import binary_erosion, distance_transform_edt

from radlearn.metrics.masks import bounding_box, checked_masks, checked_spacing, dice_score, voxel_mm3, voxels_in


@dataclass(frozen=True)
class AreaScores:
    """The scores of one class of an image; lengths in mm where the spacing is in mm, else in pixels, areas in the square of it."""

    dice_score: float
    dice_score_with_empty: float
    hausdorff95: float
    truth_area: float
    predicted_area: float

    @property
    def area_error(self) -> float:
        """|predicted − true area|, which includes images where one of the two is empty."""
        return abs(self.predicted_area - self.truth_area)


def area_scores(predicted: ArrayLike, truth: ArrayLike, spacing: tuple[float, float] = (1.0, 1.0)) -> AreaScores:
    """Return the scores of one class of an image.

    Args:
        predicted, truth: bool (rows, columns) of the same shape.
        spacing: distance between rows and between columns in mm; (1, 1) gives pixels.

    >>> truth = np.zeros((9, 9), bool)
    >>> truth[2:6, 2:6] = True
    >>> area_scores(np.roll(truth, 2, axis=0), truth, (0.5, 1.0))
    AreaScores(dice_score=0.5, dice_score_with_empty=0.5, hausdorff95=1.0, truth_area=8.0, predicted_area=8.0)
    """
    p, t = checked_masks(predicted, truth)
    dice, pixel = dice_score(p, t), voxel_mm3(spacing, 2)
    return AreaScores(
        dice_score=dice,
        dice_score_with_empty=1.0 if np.isnan(dice) else dice,
        hausdorff95=hausdorff95(p, t, spacing),
        truth_area=voxels_in(t) * pixel,
        predicted_area=voxels_in(p) * pixel,
    )


def hausdorff95(predicted: ArrayLike, truth: ArrayLike, spacing: tuple[float, float] = (1.0, 1.0)) -> float:
    """Return the 95th percentile of the distances between the borders, the larger of both directions, in the unit of `spacing`.

    A border is the pixels of a mask that have a neighbour outside it, above, below, left or right; the frame of the image is outside.
    Infinity where one mask is empty, NaN where both are.

    Source: Huttenlocher et al. 1993, IEEE Transactions on Pattern Analysis and Machine Intelligence 15(9):850, doi:10.1109/34.232073; as
    MONAI's `compute_hausdorff_distance(percentile=95)`.

    >>> line = np.zeros((5, 8), bool)
    >>> line[2, 1:4] = True
    >>> hausdorff95(np.roll(line, 3, axis=1), line)
    2.9
    """
    p, t = checked_masks(predicted, truth)
    steps = checked_spacing(spacing, 2)
    if not p.any() or not t.any():
        return float("nan") if not p.any() and not t.any() else float("inf")
    # A pixel more on each side: what touches the edge of the box is no border for that.
    box = bounding_box(p, t)
    assert box is not None
    p, t = (np.pad(mask[box], 1) for mask in (p, t))
    borders = [mask & ~binary_erosion(mask) for mask in (p, t)]
    far = [distance_transform_edt(~border, sampling=steps) for border in borders]
    there, back = (np.percentile(far[other][borders[own]], 95) for own, other in ((0, 1), (1, 0)))
    return float(max(there, back))
