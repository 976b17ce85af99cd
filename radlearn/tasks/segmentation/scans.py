"""CTs ready for training: the case of each, and its voxels in the cache."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from radlearn.challenges.challenge import Case
from radlearn.errors import BadLayout
from radlearn.scans.geometry import Volume
from radlearn.scans.prepared_volume import PreparedVolume
from radlearn.scans.volume_cache import Preparation, cached_volumes, read_scan
from radlearn.training.run_folder import Run
from radlearn.workflow.splits import SplitWords, split_cases


class MaskCase(Case, Protocol):
    """A CT of any challenge, with the mask of its lesions where there is one."""

    @property
    def mask_path(self) -> Path | None:
        """The mask on the grid of the CT; None where there is none."""


MaskCaseT = TypeVar("MaskCaseT", bound=MaskCase)


class Scan(NamedTuple):
    """A case and its prepared scan."""

    case: MaskCase
    prepared: PreparedVolume

    @property
    def label(self) -> bool:
        """Whether its mask holds a lesion that is seen at the prepared spacing; False too without a mask."""
        return self.prepared.mask_path is not None and len(self.prepared.foreground) > 0

    @property
    def true(self) -> np.ndarray:
        """The true mask on the prepared grid, bool (x, y, z), memory-mapped; all False without one."""
        mask = self.prepared.mask
        return np.zeros(self.prepared.shape, bool) if mask is None else mask


def prepared_scans(cases: Sequence[MaskCase], preparation: Preparation) -> list[Scan]:
    """Prepare every CT and its mask into the cache, or find them there.

    Raises:
        UnreadableScan: with the first files that cannot be read, or whose mask lies on another grid.
    """
    volumes = cached_volumes([case.path for case in cases], [case.mask_path for case in cases], preparation)
    return [Scan(case, volume) for case, volume in zip(cases, volumes, strict=True)]


def scan_and_truth(scan: Scan) -> tuple[Volume, np.ndarray]:
    """Read a scan and its true mask, bool (i, j, k), from their files, on the scan's own grid.

    Raises:
        BadLayout: if it has no mask.
        UnreadableScan: as `read_scan`.
    """
    source, mask = read_scan(scan.prepared.path, scan.prepared.mask_path)
    if mask is None:
        raise BadLayout(f"{scan.prepared.path}: has no mask, which evaluation needs. 'predict' works without one.")
    return source, mask.voxels


def split_scans(scans: Sequence[Scan], seed: int, fold: int | None, run: Run) -> dict[str, list[Scan]]:
    """Split scans by person into training, validation and test as `split_cases` does, stratified by lesion burden.

    Nearly every scan of a lesion challenge has a lesion, so stratifying by its presence would do nothing. The burden is that of the mask
    in its file, so the split does not depend on the prepared spacing.
    """
    words = SplitWords("scans", "an above-median lesion burden", least=1)
    return split_cases(scans, seed, fold, run, above_median_burden([scan.prepared.lesion_ml for scan in scans]), words)


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
