"""X-rays that look the same as one that a run was trained on, as `training.look_alikes` keeps and finds them."""

from collections.abc import Mapping, Sequence
from functools import partial

from radlearn.scans.known_pictures import KnownPictures, thumbnails_of
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.look_alikes import USED, LookWords, write_thumbnails
from radlearn.training.look_alikes import LookAlikes as AnyLookAlikes
from radlearn.training.run_folder import Run

WORDS = LookWords("X-rays", "a picture, a negative or a smaller copy")


def write_look_alikes(run: Run, split: Mapping[str, Sequence[PreparedRadiograph]]) -> None:
    """Write small pictures of the training and validation X-rays into the run folder, 1 KB each, or 2 KB with a plain border."""
    kept = [(xray, subset) for subset in USED for xray in split[subset]]
    write_thumbnails(run, [(xray.case.image_id, subset) for xray, subset in kept], [thumbnails_of(xray.pixels[0]) for xray, _ in kept])


class LookAlikes(AnyLookAlikes):
    """Finds X-rays that look the same as one of runs: also negative, turned, mirrored, with other greys, with or without a border."""

    def __init__(self, runs: Sequence[Run]) -> None:
        super().__init__(runs, WORDS, lambda thumbnails: KnownPictures(thumbnails).like)


def report_look_alikes(run: Run, xrays: Sequence[PreparedRadiograph]) -> None:
    """Say which X-rays of other data look the same as one that the run was trained or validated on; errors as `LookAlikes`."""
    known = LookAlikes([run])
    for xray in xrays:
        known.look_at(xray.case.path, partial(thumbnails_of, xray.pixels[0]))
    known.report([xray.case.path for xray in xrays], len(xrays))
