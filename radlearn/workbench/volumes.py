"""CTs ready to learn from: what is known of each, and its voxels in the cache."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from radlearn.challenges.covid19 import Case
from radlearn.scans.geometry import voxel_volume_ml
from radlearn.scans.prepared_volume import PreparedVolume
from radlearn.scans.volume_cache import Preparation, cached_volumes
from radlearn.training.run_folder import Run
from radlearn.workbench.people import Words, divided


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


def divided_scans(scans: Sequence[Scan], seed: int, fold: int | None, run: Run) -> dict[str, list[Scan]]:
    """Divide scans by person into training, validation and test, as `people.divided`, so that every side gets light and heavy cases.

    Nearly every scan of the challenge has a lesion, so that having one says nothing; having more than most says who is ill.
    """
    words = Words("scans", "more lesion than most", least=1)
    return divided(scans, seed, fold, run, heavier_half([lesion_ml(scan) for scan in scans]), words)


def heavier_half(load_ml: Sequence[float]) -> list[bool]:
    """Return which scans belong to the half with more lesion; of equal ones the first belong to the other.

    >>> heavier_half([5.0, 1.0, 1.0, 1.0])
    [True, False, False, True]
    """
    order = np.argsort(load_ml, kind="stable")
    heavy = np.zeros(len(order), bool)
    heavy[order[(len(order) + 1) // 2 :]] = True
    return heavy.tolist()


def lesion_ml(scan: Scan) -> float:
    """Return the volume of a scan's true lesions as the network sees them, in ml; 0 without a mask."""
    return np.count_nonzero(scan.true) * voxel_volume_ml(scan.prepared.grid.affine)
