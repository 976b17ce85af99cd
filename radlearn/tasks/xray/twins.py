"""What X-rays look like, for a split: copies with other pixel values, among themselves and among what earlier runs have seen.

One X-ray as a DICOM file and as a picture, a negative or a smaller copy has two digests. Under the names of two persons it would be
trained on and tested on.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from radlearn.scans.known_pictures import thumbnails_of
from radlearn.scans.look_alikes import thumbnail_of
from radlearn.scans.same_xrays import groups, same_xrays
from radlearn.tasks.xray.look_alikes import LookAlikes
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run
from radlearn.workflow.earlier_runs import Seen


class XrayLooks:
    """The looks of X-rays; they are read when they are asked for, which a run that has its split already never does."""

    def __init__(self, xrays: Sequence[PreparedRadiograph]) -> None:
        self._xrays = xrays

    @cached_property
    def _thumbnails(self) -> np.ndarray:
        return np.stack([thumbnail_of(xray.pixels[0]) for xray in self._xrays])

    def twins(self) -> list[list[int]]:
        """Return the numbers of X-rays that are one, for each such: turned, mirrored or negative as `check` finds them."""
        return [numbers for numbers, _ in groups(same_xrays(self._thumbnails))] if self._xrays else []

    def resembling(self, earlier: Sequence[Run]) -> list[tuple[Seen, str] | None]:
        """Return for each X-ray where earlier runs saw one that looks the same, and the name that it had there."""
        known = LookAlikes(earlier)
        found = [known.like(thumbnails_of(xray.pixels[0])) for xray in self._xrays]
        return [None if alike is None else (Seen(alike.subset, alike.run), alike.name) for alike in found]
