"""CTs ready for training: the case of each, and what the deterministic transforms made of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from monai.transforms import Invertd

from radlearn.amounts import counted, verb_of
from radlearn.challenges.challenge import Case
from radlearn.errors import BadLayout, BadSetting
from radlearn.hints import command
from radlearn.monai_parts.mapped_dataset import MappedDataset, Words
from radlearn.scans.ct_files import read_scan
from radlearn.scans.geometry import Volume
from radlearn.tasks.segmentation.inverted_masks import say_inverted
from radlearn.training.run_folder import Run
from radlearn.workflow.splits import split_cases
from radlearn.workflow.table_splits import SplitWords

FEWEST_WITH_LESION = 3  # One for each subset
# How the data set of CTs speaks of itself.
CTS = Words("CT cache", "CTs", "prepared", "Repair or remove these files")


class MaskCase(Case, Protocol):
    """A CT of any challenge, with the mask of its lesions where there is one."""

    @property
    def mask_path(self) -> Path | None:
        """The mask on the grid of the CT; None where there is none."""


MaskCaseT = TypeVar("MaskCaseT", bound=MaskCase)


@dataclass(frozen=True)
class Scan:
    """A case, and its item of a data set with the keys `image`, `mask`, `lungs` and `mask_fg_indices`."""

    case: MaskCase
    dataset: MappedDataset
    index: int

    @property
    def item(self) -> dict[str, Any]:
        """What the deterministic transforms made of it, on memory maps."""
        return self.dataset.cached(self.index)

    @property
    def label(self) -> bool:
        """Whether its mask holds a lesion that is seen at the prepared spacing; False too without a mask."""
        return self.case.mask_path is not None and len(self.item["mask_fg_indices"]) > 0

    @property
    def lesion_ml(self) -> float:
        """Volume of the mask in its file; 0 without one."""
        return 0.0 if self.case.mask_path is None else float(self.dataset.meta(self.index, "mask")["volume_ml"])

    @property
    def share_inside(self) -> float:
        """The share of its file that lies inside its mask."""
        return self.lesion_ml / (float(np.prod(self.shape)) * abs(float(np.linalg.det(self.affine[:3, :3]))) / 1000)

    @property
    def affine(self) -> np.ndarray:
        """The affine of the file, float64 4 × 4, index to RAS mm."""
        return np.asarray(self.dataset.meta(self.index, "image")["original_affine"], np.float64)

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of the file, (i, j, k)."""
        i, j, k = map(int, self.dataset.meta(self.index, "image")["spatial_shape"])
        return i, j, k

    @property
    def lungs(self) -> np.ndarray:
        """The lungs, as they were found when the scan was prepared, on the grid of the file: bool (i, j, k); empty where none were."""
        item = self.item
        if not item["image"].meta["lungs_found"]:
            return np.zeros(self.shape, bool)
        back = Invertd("lungs", self.dataset.transform, orig_keys="image", nearest_interp=False)
        return np.asarray(back({**item, "lungs": item["lungs"].float()})["lungs"][0] > 0.5)

    @property
    def notes(self) -> list[str]:
        """What was corrected or decided to read and prepare it."""
        found = [note for key in ("image", "mask") for note in self.dataset.meta(self.index, key).get("notes", "").splitlines()]
        if self.lesion_ml > 0 and not self.label:
            found.append(f"the mask's {self.lesion_ml:.3g} ml are too small or too thin to be seen at the prepared spacing")
        return list(dict.fromkeys(found))


def scans_of(cases: Sequence[MaskCase], dataset: MappedDataset) -> list[Scan]:
    """Return the scans of cases whose items a data set holds, in the same order."""
    return [Scan(case, dataset, index) for index, case in enumerate(cases)]


def scan_and_truth(scan: Scan) -> tuple[Volume, np.ndarray]:
    """Read a scan and its true mask, bool (i, j, k), from their files, on the scan's own grid.

    Raises:
        BadLayout: if it has no mask.
        UnreadableScan: as `read_scan`.
    """
    source, mask = read_scan(scan.case.path, scan.case.mask_path)
    if mask is None:
        raise BadLayout(f"{scan.case.path}: has no mask, which evaluation needs. 'predict' works without one.")
    return source, mask.voxels


def split_scans(scans: Sequence[Scan], seed: int, fold: int | None, run: Run) -> dict[str, list[Scan]]:
    """Split scans by person into training, validation and test as `split_cases` does, stratified by lesion burden.

    Nearly every scan of a lesion challenge has a lesion, so stratifying by its presence would do nothing. The burden is that of the mask
    in its file, so the split does not depend on the prepared spacing.

    Raises:
        BadSetting: also if fewer than three masks have anything inside.
    """
    say_inverted([(scan.case.image_id, scan.share_inside) for scan in scans], "scans")
    shown = sum(scan.lesion_ml > 0 for scan in scans)
    if scans and shown < FEWEST_WITH_LESION:
        found = "all of them are empty" if shown == 0 else f"only {shown:,} of them {verb_of(shown, 'show')} a lesion"
        raise BadSetting(
            f"{counted(len(scans), 'scans')} {verb_of(len(scans), 'have')} masks, but {found}; every subset of a "
            f"split needs one with a lesion. "
            f"Are lesions stored as 1? '{command('check')}' lists empty masks."
        )
    words = SplitWords("scans", "an above-median lesion burden", least=1)
    return split_cases(scans, seed, fold, run, above_median_burden([scan.lesion_ml for scan in scans]), words)


def above_median_burden(lesion_ml: Sequence[float]) -> list[bool]:
    """Return which scans have a lesion burden in the upper half; of equal burdens, the first scans count as the lower half.

    A scan without a lesion is never in the upper half.

    >>> above_median_burden([5.0, 1.0, 1.0, 1.0]), above_median_burden([0.0, 0.0, 2.0, 0.0])
    ([True, False, False, True], [False, False, True, False])
    """
    burden = np.asarray(lesion_ml)
    order = np.argsort(burden, kind="stable")
    above = np.zeros(len(order), bool)
    above[order[(len(order) + 1) // 2 :]] = True
    return (above & (burden > 0)).tolist()
