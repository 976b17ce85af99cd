"""What an evaluation keeps of each scan for its report, so that no file is read and no lungs are found a second time."""

from dataclasses import dataclass

import numpy as np

from radlearn.metrics.mask_table import MaskScores
from radlearn.metrics.masks import bounding_box
from radlearn.pictures.slices import SlicePanel, axial, level_words
from radlearn.scans.geometry import Volume, spacing_mm, to_orientation
from radlearn.tasks.segmentation.scans import Scan


@dataclass(frozen=True)
class PackedMask:
    """A mask as one bit per voxel of its bounding box: the masks of a whole test set fit into memory."""

    bits: np.ndarray
    box: tuple[slice, ...]
    shape: tuple[int, ...]

    @classmethod
    def of(cls, mask: np.ndarray) -> "PackedMask":
        """Pack a bool mask of any shape."""
        box = bounding_box(mask) or (slice(0, 0),) * mask.ndim
        return cls(np.packbits(mask[box]), box, mask.shape)

    def unpacked(self) -> np.ndarray:
        """Return the mask, bool."""
        mask = np.zeros(self.shape, bool)
        inside = mask[self.box]
        inside[:] = np.unpackbits(self.bits, count=inside.size).reshape(inside.shape)
        return mask


@dataclass(frozen=True)
class EvaluatedScan:
    """One scan with its scores; masks are packed, on the source grid."""

    scan: Scan
    scores: MaskScores
    baseline_dice_score: float
    truth: PackedMask
    predicted: PackedMask
    lungs: PackedMask
    # The axial slice with the most wrong voxels.
    worst_slice: SlicePanel

    @property
    def title(self) -> str:
        """The scan's name and its Dice, for pictures."""
        return title_of(self.scan, self.scores)

    def masks_lps(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[float, float, float]]:
        """Return lungs, true and predicted mask in LPS order, and the spacing along their axes in mm."""
        masks = (mask.unpacked() for mask in (self.lungs, self.truth, self.predicted))
        (lungs, affine), (truth, _), (predicted, _) = (to_orientation(mask, self.scan.affine, "LPS") for mask in masks)
        return lungs, truth, predicted, spacing_mm(affine)


def worst_slice(scan: Scan, source: Volume, truth: np.ndarray, predicted: np.ndarray, scores: MaskScores) -> SlicePanel:
    """Return the axial slice with the most wrong voxels; with the most lesion where none is wrong; else the middle one.

    Args:
        source: the scan as it is in its file; `truth` and `predicted`, bool (i, j, k), lie on its grid.
        scores: of the predicted mask.
    """
    hu, affine = to_orientation(source.voxels, source.affine, "LPS")
    true, found = (to_orientation(mask, source.affine, "LPS")[0] for mask in (truth, predicted))
    spacing = spacing_mm(affine)
    wrong, either = (true ^ found).sum(axis=(0, 1)), (true | found).sum(axis=(0, 1))
    level = int(np.argmax(wrong if wrong.any() else either)) if either.any() else hu.shape[2] // 2
    note = f"{level_words(level, hu.shape[2])}; true {scores.truth_ml:.0f} ml, found {scores.predicted_ml:.0f} ml"
    # Copies: a view of a slice would keep its whole scan in memory.
    hu_slice, true_slice, found_slice = (axial(volume, level).copy() for volume in (hu, true, found))
    return SlicePanel(hu_slice, true_slice, found_slice, (spacing[1], spacing[0]), title_of(scan, scores), note)


def title_of(scan: Scan, scores: MaskScores) -> str:
    """Return a scan's name with its Dice, where there is one."""
    return f"{scan.case.image_id}: {dice_words(scores)}"


def dice_words(scores: MaskScores) -> str:
    """Return the Dice of a scan in words.

    >>> from types import SimpleNamespace
    >>> dice_words(SimpleNamespace(dice_score=0.5)), dice_words(SimpleNamespace(dice_score=float("nan")))
    ('Dice 0.50', 'no lesion, none found')
    """
    return "no lesion, none found" if np.isnan(scores.dice_score) else f"Dice {scores.dice_score:.2f}"
