"""CTs that look the same as one that a run was trained on: clipped, resampled, or with some slices less."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from radlearn.scans.ct_look_alikes import SAME_ABOVE, CtLooks, layers_at_all_heights, thumbnail_of_ct
from radlearn.scans.geometry import Volume, spacing_mm, to_orientation
from radlearn.tasks.segmentation.scans import Scan
from radlearn.training.look_alikes import USED, LookAlikes, LookWords, write_thumbnails
from radlearn.training.run_folder import Run

WORDS = LookWords("scans", "a clipped or resampled copy")


def write_ct_look_alikes(run: Run, split: Mapping[str, Sequence[Scan]]) -> None:
    """Write small pictures of the training and validation CTs into the run folder, 23 KB each."""
    kept = [(scan, subset) for subset in USED for scan in split[subset]]
    thumbnails = [[thumbnail_of_ct(as_prepared(run, scan))] for scan, _ in kept]
    write_thumbnails(run, [(scan.case.image_id, subset) for scan, subset in kept], thumbnails)


def as_prepared(run: Run, scan: Scan) -> np.ndarray:
    """Return the layers of a CT as the run prepared it: its axes to the left, the back and the head, its window from 0 to 1."""
    item, (low, high) = scan.item, run.settings.get("window_hu", (-1000, 400))
    image, lungs = np.asarray(item["image"][0], np.float32), np.asarray(item["lungs"][0]) > 0
    found = bool(item["image"].meta["lungs_found"])
    return layers_at_all_heights(low + (high - low) * image, lungs if found else None, spacing_mm(np.asarray(item["image"].affine)))


def as_in_file(scan: Volume, lungs: np.ndarray) -> np.ndarray:
    """Return the layers of a CT, and its lungs, as they are in its file."""
    (hu, affine), (turned, _) = (to_orientation(voxels, scan.affine, "LPS") for voxels in (scan.voxels, lungs))
    return layers_at_all_heights(hu, turned, spacing_mm(affine))


def ct_look_alikes(runs: Sequence[Run]) -> LookAlikes:
    """Return what finds CTs that look the same as one of runs; errors as `LookAlikes`."""

    def known(thumbnails: np.ndarray) -> Any:
        looks = CtLooks(thumbnails)

        def like(at_all_heights: np.ndarray) -> dict[int, float]:
            alike = looks.likeness(at_all_heights)
            return {int(number): float(alike[number]) for number in np.flatnonzero(alike > SAME_ABOVE)}

        return like

    return LookAlikes(runs, WORDS, known, ndim=4)


def report_ct_look_alikes(run: Run, scans: Sequence[Scan]) -> None:
    """Say which CTs of other data look the same as one that the run was trained or validated on; errors as `LookAlikes`."""
    known = ct_look_alikes([run])
    for scan in scans:
        known.look_at(scan.case.path, partial(as_prepared, run, scan))
    known.report([scan.case.path for scan in scans], len(scans))
