"""What several runs predict for a scan: the mean of their probabilities, and how far their masks differ.

Probabilities are averaged on the voxels of the scan's file, because each run may see the scan at another spacing. They are
taken one after another, and of each run its mask is kept, one bit a voxel: an ensemble takes hardly more memory than a run.
"""

from collections.abc import Iterable, Iterator, Sequence
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


class MaskDifferences:
    """The masks that several runs give for one image or scan, taken one after another."""

    def __init__(self) -> None:
        self._masks: list[PackedMask] = []
        self._sizes: list[float] = []
        self._distances: list[float] = []

    def add(self, mask: np.ndarray, size: float) -> None:
        """Take the mask of one more run, bool of the shape of the others, and its size in whatever unit."""
        self._distances += [1 - float(np.nan_to_num(dice_score(mask, other.unpacked()), nan=1.0)) for other in self._masks]
        self._masks.append(PackedMask.of(mask))
        self._sizes.append(size)

    @property
    def size_sd(self) -> float:
        """The population standard deviation of the sizes over the runs."""
        return float(disagreement(self._sizes))

    @property
    def disagreement(self) -> float:
        """1 - the mean Dice over all pairs of runs, 0 to 1; two empty masks agree. Of fewer than two runs it is 0."""
        return float(np.mean(self._distances)) if self._distances else 0.0


def mean_of(each: Iterable[np.ndarray]) -> np.ndarray:
    """Return the mean of probabilities of one shape, float32, which are taken one after another and not changed.

    >>> mean_of([np.array([0.25, 0.5]), np.array([0.75, 0.5])]).tolist()
    [0.5, 0.5]
    """
    runs = iter(each)
    total, number = np.array(next(runs), np.float32), 1
    for probability in runs:
        total += probability
        number += 1
    total /= number
    return total


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
    if len(postprocessings) == 1:
        return next(iter(each)), None
    differences = MaskDifferences()

    def looked_at() -> Iterator[np.ndarray]:
        for probability, postprocessing in zip(each, postprocessings, strict=True):
            mask = mask_of(probability, postprocessing, spacing_mm)
            differences.add(mask, volume_ml(mask, spacing_mm))
            yield probability

    mean = mean_of(looked_at())
    return mean, MaskDisagreement(differences.size_sd, differences.disagreement)
