"""CTs ready to learn from: what is known of each, and its voxels in the cache."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from radlearn.challenges.covid19 import Case
from radlearn.errors import BadLayout
from radlearn.scans.geometry import Volume
from radlearn.scans.prepared_volume import PreparedVolume
from radlearn.scans.volume_cache import Preparation, cached_volumes, read_scan
from radlearn.training.run_folder import Run
from radlearn.workflow.splits import SplitWords, split_cases


class Scan(NamedTuple):
    """A case and its scan as the network sees it."""

    case: Case
    prepared: PreparedVolume

    @property
    def label(self) -> bool:
        """Whether its mask holds a lesion that is seen at the prepared spacing; False too without a mask."""
        return self.prepared.mask_path is not None and len(self.prepared.foreground) > 0

    @property
    def true(self) -> np.ndarray:
        """The mask that the network is to find, bool (x, y, z) on its grid, a map; nothing anywhere without one."""
        mask = self.prepared.mask
        return np.zeros(self.prepared.shape, bool) if mask is None else mask


def prepared_scans(cases: Sequence[Case], preparation: Preparation) -> list[Scan]:
    """Read, turn, crop and resample every CT and its mask once into the cache, or find them there.

    Raises:
        UnreadableScan: with the first files that cannot be read, or whose mask lies on another grid.
    """
    volumes = cached_volumes([case.path for case in cases], [case.mask_path for case in cases], preparation)
    return [Scan(case, volume) for case, volume in zip(cases, volumes, strict=True)]


def scan_and_truth(scan: Scan) -> tuple[Volume, np.ndarray]:
    """Read a scan and its true mask, bool (i, j, k), from their files: what it is evaluated by, on its own grid.

    Raises:
        BadLayout: if it has no mask.
        UnreadableScan: as `read_scan`.
    """
    source, mask = read_scan(scan.prepared.path, scan.prepared.mask_path)
    if mask is None:
        raise BadLayout(f"{scan.prepared.path}: has no mask, so nothing can be evaluated by it. 'predict' needs none.")
    return source, mask.voxels


def split_scans(scans: Sequence[Scan], seed: int, fold: int | None, run: Run) -> dict[str, list[Scan]]:
    """Split scans by person into training, validation and test, as `people.split_cases`, so that every subset gets light and heavy cases.

    Nearly every scan of the challenge has a lesion, so that having one says nothing; having more than most says who is ill. What counts is
    the mask in its file: at another spacing the same people are tested.
    """
    words = SplitWords("scans", "more lesion than most", least=1)
    return split_cases(scans, seed, fold, run, above_median_burden([scan.prepared.lesion_ml for scan in scans]), words)


def above_median_burden(lesion_ml: Sequence[float]) -> list[bool]:
    """Return which scans belong to the half with more lesion: never one without any; of equal ones the first belong to the other half.

    >>> above_median_burden([5.0, 1.0, 1.0, 1.0]), above_median_burden([0.0, 0.0, 2.0, 0.0])
    ([True, False, False, True], [False, False, True, False])
    """
    load = np.asarray(lesion_ml)
    order = np.argsort(load, kind="stable")
    heavy = np.zeros(len(order), bool)
    heavy[order[(len(order) + 1) // 2 :]] = True
    return (heavy & (load > 0)).tolist()
