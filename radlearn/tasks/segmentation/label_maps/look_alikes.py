"""Images that look the same as one that a run was trained on: as a JPEG, smaller, mirrored, with other greys."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from radlearn.scans.known_pictures import KnownPictures, thumbnails_of
from radlearn.scans.resize import fitted_px
from radlearn.tasks.segmentation.label_maps.frames import Frame
from radlearn.training.look_alikes import USED, LookAlikes, LookWords, write_thumbnails
from radlearn.training.run_folder import Run

WORDS = LookWords("images", "a JPEG, a mirrored or a smaller copy")


def write_frame_look_alikes(run: Run, split: Mapping[str, Sequence[Frame]]) -> None:
    """Write small pictures of the training and validation images into the run folder, 1 KB or 2 KB each."""
    kept = [(frame, subset) for subset in USED for frame in split[subset]]
    write_thumbnails(run, [(frame.case.image_id, subset) for frame, subset in kept], [as_prepared(frame) for frame, _ in kept])


def as_prepared(frame: Frame) -> list[np.ndarray]:
    """Return the thumbnails of an image as the run prepared it, without what it was padded with, as it lies in its file."""
    image = frame.item["image"]
    rows, columns = map(int, image.meta["spatial_shape"])
    side = image.shape[-1]
    height, width = fitted_px(rows, columns, side, "pad")
    top, left = (side - height) // 2, (side - width) // 2
    return thumbnails_of(np.asarray(image[0], np.float32)[top : top + height, left : left + width])


def frame_look_alikes(runs: Sequence[Run]) -> LookAlikes:
    """Return what finds images that look the same as one of runs; errors as `LookAlikes`."""
    return LookAlikes(runs, WORDS, lambda thumbnails: KnownPictures(thumbnails).like)


def report_frame_look_alikes(run: Run, frames: Sequence[Frame]) -> None:
    """Say which images of other data look the same as one that the run was trained or validated on; errors as `LookAlikes`."""
    known = frame_look_alikes([run])
    for frame in frames:
        known.look_at(frame.case.path, partial(as_prepared, frame))
    known.report([frame.case.path for frame in frames], len(frames))
