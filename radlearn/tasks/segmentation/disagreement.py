"""What several runs predict for a scan: the mean of their probabilities, and how far their masks differ.

Probabilities are averaged on the voxels of the scan's file, because each run may see the scan at another spacing. They are
taken one after another, and of each run its mask is kept, one bit a voxel: an ensemble takes hardly more memory than a run.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from radlearn.metrics.masks import Spacing, dice_score, volume_ml
from radlearn.tasks.segmentation.evaluated_scan import PackedMask
from radlearn.tasks.segmentation.postprocessing import MaskPostprocessing, mask_of
from radlearn.workflow.ensembles import disagreement


class MaskDisagreement(NamedTuple):
    """How far the masks differ that the runs of an ensemble would give alone, each with its own postprocessing."""

    # Population standard deviation of the volume over the runs, in ml.
    volume_sd_ml: float
    # 1 - the mean Dice over all pairs of runs, 0 to 1; two empty masks agree. Runs that find the same volume in other places differ here.
    disagreement: float


def mean_probability(
    each: Iterable[np.ndarray], postprocessings: Sequence[MaskPostprocessing], spacing_mm: Spacing
) -> tuple[np.ndarray, MaskDisagreement | None]:
    """Return the mean of the probabilities of several runs for one scan, and how far the runs differ; of one run what it gives, and None.

    Args:
        each: for every run its probability, float32 (i, j, k) on the source grid; taken one after another.
        postprocessings: those of the runs, in the same order.
        spacing_mm: between the voxels.

    >>> runs = [np.full((2, 2, 2), 0.25, np.float32), np.full((2, 2, 2), 0.75, np.float32)]
    >>> mean, differ = mean_probability(runs, [MaskPostprocessing(0.5)] * 2, (10.0, 10.0, 10.0))
    >>> float(mean[0, 0, 0]), differ
    (0.5, MaskDisagreement(volume_sd_ml=4.0, disagreement=1.0))
    """
    runs = iter(each)
    first = next(runs)
    if len(postprocessings) == 1:
        return first, None
    # A copy: what a run returned is not changed.
    total, masks = np.array(first, np.float32), [_mask(first, postprocessings[0], spacing_mm)]
    volumes, distances = [volume_ml(masks[0].unpacked(), spacing_mm)], []
    del first
    for probability, postprocessing in zip(runs, postprocessings[1:], strict=True):
        total += probability
        mask = _mask(probability, postprocessing, spacing_mm)
        found = mask.unpacked()
        volumes.append(volume_ml(found, spacing_mm))
        distances += [1 - np.nan_to_num(dice_score(found, other.unpacked()), nan=1.0) for other in masks]
        masks.append(mask)
    total /= len(masks)
    return total, MaskDisagreement(float(disagreement(volumes)), float(np.mean(distances)))


def _mask(probability: np.ndarray, postprocessing: MaskPostprocessing, spacing_mm: Spacing) -> PackedMask:
    return PackedMask.of(mask_of(probability, postprocessing, spacing_mm))
