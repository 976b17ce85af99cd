"""Images ready for training: the case of each, and what the deterministic transforms made of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from radlearn.amounts import begun, part_of, verb_of
from radlearn.challenges.challenge import Case
from radlearn.errors import BadLayout
from radlearn.monai_parts.mapped_dataset import MappedDataset, Words
from radlearn.progress import say
from radlearn.scans.label_map_files import SHOWN, SHOWN_NOTE, read_label_map, refuse_another_size
from radlearn.scans.plain_images import refuse_other_axes
from radlearn.scans.ultrasound_images import UltrasoundImage, read_ultrasound
from radlearn.tasks.segmentation.inverted_masks import say_inverted
from radlearn.training.run_folder import Run
from radlearn.workflow.splits import split_cases
from radlearn.workflow.table_splits import SplitWords

IMAGES = Words("image cache", "images", "prepared", "Repair or remove these files")


class LabelMapCase(Case, Protocol):
    """An image of any challenge, with its label map where there is one."""

    @property
    def mask_path(self) -> Path | None:
        """The label map, of the size of the image; None where there is none."""


LabelMapCaseT = TypeVar("LabelMapCaseT", bound=LabelMapCase)


@dataclass(frozen=True)
class Frame:
    """A case, and its item of a data set with the keys `image` and `mask`."""

    case: LabelMapCase
    dataset: MappedDataset
    index: int
    # The class of the run that each value of the file is, 0 for none; empty where they are numbered alike.
    numbers: tuple[int, ...] = ()
    # Whether each class of the run was looked for when the label map was drawn; empty where all were.
    looked_for: tuple[bool, ...] = ()

    @property
    def item(self) -> dict[str, Any]:
        """What the deterministic transforms made of it, on memory maps."""
        return self.dataset.cached(self.index)

    @property
    def pixels_of_class(self) -> np.ndarray:
        """How many pixels each class has in the file, int (classes with the background,), in the numbers of the run."""
        counts = np.asarray(self.dataset.meta(self.index, "mask").get("pixels_of_class", [0]))
        if not self.numbers:
            return counts
        values = np.arange(len(counts))
        return np.bincount(_renumbered(values, self.numbers), counts, len(counts)).astype(counts.dtype)

    def is_looked_for(self, number: int) -> bool:
        """Whether class `number` of the run was looked for: what nobody looked for is unknown, not absent."""
        return not self.looked_for or self.looked_for[number - 1]

    def image_and_truth(self) -> tuple[UltrasoundImage, np.ndarray]:
        """Read the image and its label map in the numbers of the run, as the function of this name reads those of the file."""
        image, labels = image_and_truth(self.case)
        return image, _renumbered(labels, self.numbers) if self.numbers else labels

    @property
    def label(self) -> bool:
        """Whether its label map has any class beside the background."""
        return bool(self.pixels_of_class[1:].any())

    @property
    def highest_class(self) -> int:
        """The highest class in its label map, 0 where that is empty."""
        there = np.flatnonzero(self.pixels_of_class)
        return int(there[-1]) if len(there) else 0

    @property
    def spacing_mm(self) -> tuple[float, float] | None:
        """Distance between rows and between columns of the file in mm; None where it says none."""
        down, across = self.dataset.meta(self.index, "image")["spacing_mm"]
        return None if np.isnan([down, across]).any() else (float(down), float(across))

    @property
    def as_white(self) -> bool:
        """Whether class 1 is what is white in its label map, and not what has the number 1."""
        return bool(self.dataset.meta(self.index, "mask").get("as_white"))

    @property
    def notes(self) -> list[str]:
        """What was decided to read and prepare it."""
        return [note for key in ("image", "mask") for note in self.dataset.meta(self.index, key).get("notes", "").splitlines()]


def frames_of(cases: Sequence[LabelMapCase], dataset: MappedDataset) -> list[Frame]:
    """Return the frames of cases whose items a data set holds, in the same order."""
    return [Frame(case, dataset, index) for index, case in enumerate(cases)]


def _renumbered(values: np.ndarray, numbers: Sequence[int]) -> np.ndarray:
    table = np.zeros(256, np.uint8)
    table[: len(numbers)] = numbers
    return table[values]


def image_and_truth(case: LabelMapCase) -> tuple[UltrasoundImage, np.ndarray]:
    """Read an image and its true label map, uint8 (rows, columns), from their files.

    Raises:
        BadLayout: if it has no label map.
        UnreadableScan: as the two readers; the two have different sizes.
    """
    if case.mask_path is None:
        raise BadLayout(f"{case.path}: has no label map, which evaluation needs. 'predict' works without one.")
    image, found = read_ultrasound(case.path), read_label_map(case.mask_path)
    refuse_another_size(case.mask_path, found.labels.shape, image.pixels.shape, case.path.name)
    refuse_other_axes(case.mask_path, case.path)
    return image, found.labels


def with_classes(frames: Sequence[Frame], classes: int) -> np.ndarray:
    """Return which frames have which class, bool (frames, classes)."""
    counts = np.array([np.pad(frame.pixels_of_class, (0, classes + 1))[1 : classes + 1] for frame in frames])
    return counts.reshape(len(frames), classes) > 0


def split_frames(frames: Sequence[Frame], seed: int, fold: int | None, run: Run) -> dict[str, list[Frame]]:
    """Split images by person into training, validation and test as `split_cases` does, stratified by whether an image is empty.

    Where hardly any image is empty, they are stratified by whether the area of all classes is above the median.

    Raises:
        BadSetting: as `split_cases`.
    """
    say_doubtful_masks(frames)
    shown = np.array([frame.label for frame in frames], bool)
    empty_persons = {frame.case.person for frame in frames if not frame.label}
    if len(empty_persons) >= FEWEST_EMPTY and len({frame.case.person for frame in frames if frame.label}) >= FEWEST_EMPTY:
        return split_cases(frames, seed, fold, run, shown.tolist(), SplitWords("images", "anything labelled", least=1))
    share = np.array([share_inside(frame) for frame in frames])
    above = shown & (share > np.median(share))
    return split_cases(frames, seed, fold, run, above.tolist(), SplitWords("images", "an above-median labelled area", least=1))


def share_inside(frame: Frame) -> float:
    """Return the share of an image that any class covers."""
    counts = frame.pixels_of_class
    return float(counts[1:].sum() / max(counts.sum(), 1))


def say_doubtful_masks(frames: Sequence[Frame]) -> None:
    """Say which label maps may be inverted, are read as they are shown, or may be numbered in another way than the others."""
    say_inverted([(frame.case.image_id, share_inside(frame)) for frame in frames], "images")
    if shown := [frame.case.image_id for frame in frames if SHOWN_NOTE in frame.notes]:
        say(
            f"{begun(part_of(len(shown), len(frames), 'label maps'))}, such as that of {shown[0]}, {verb_of(len(shown), 'are')} {SHOWN}.",
            style="yellow",
        )
    white, numbered = [one for one in frames if one.as_white], [one for one in frames if one.highest_class > 1]
    if white and numbered:
        say(
            f"{begun(part_of(len(white), len(frames), 'label maps'))} {verb_of(len(white), 'hold')} 0 and white alone, such as that of "
            f"{white[0].case.image_id}, which is read as class 1; others hold classes up to {max(one.highest_class for one in numbered)}. "
            "Save the numbers of the classes where white means another one.",
            style="yellow",
        )


FEWEST_EMPTY = 10  # Persons: with fewer, whether an image is empty can hardly be divided among three subsets


def length_unit_of(spacings: Sequence[tuple[float, float] | None]) -> str:
    """Return "mm" where every image has a spacing, else "px": what is measured in two units has no mean.

    >>> length_unit_of([(0.1, 0.1), None])
    'px'
    """
    return "mm" if spacings and all(spacing is not None for spacing in spacings) else "px"


Item = Mapping[str, Any]
