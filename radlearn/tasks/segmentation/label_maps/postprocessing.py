"""From a network's probabilities to a label map: a threshold for each class, and the smallest parts that are kept.

Sizes are in percent of the image, because images of one data set differ in size, and most have no spacing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge, Len
from pydantic import ConfigDict
from typing_extensions import TypedDict

from radlearn.errors import BadSetting
from radlearn.tasks.segmentation.label_maps.threshold_baseline import GreyRule


class ClassInFile(TypedDict):
    """How the values of a class were chosen."""

    ablation: Annotated[list[dict[str, Any]], Len(1)]
    curve: dict[str, list[float | None]]
    # Images of training and of validation that have the class.
    training_images: Annotated[int, Ge(0)]
    validation_images: Annotated[int, Ge(0)]


class Beside(TypedDict, total=False):
    """What stands beside the postprocessing."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    validation_images: Annotated[int, Ge(0)]
    length_unit: str
    chosen: dict[str, ClassInFile]
    threshold_baseline: list[GreyRule]


@dataclass(frozen=True)
class ClassPostprocessing:
    """How the probability of a class becomes its part of a label map.

    Raises:
        BadSetting: if a value is out of its range.
    """

    name: str
    # A pixel may belong to the class from this probability on.
    threshold: float = 0.5
    # Connected components below this share of the image, in percent, are removed.
    smallest_percent: float = 0.0
    # An image with less than this share of the class in all, in percent, is called free of it.
    smallest_image_percent: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise BadSetting(f"threshold of {self.name} is {self.threshold!r}; it must be above 0 and at most 1.")
        for name in ("smallest_percent", "smallest_image_percent"):
            if not 0 <= (value := getattr(self, name)) <= 100:
                raise BadSetting(f"{name} of {self.name} is {value!r}; it must be from 0 to 100.")


@dataclass(frozen=True)
class LabelMapPostprocessing:
    """What was chosen for classes 1, 2, …, in the order of the network's outputs after the background.

    Raises:
        BadSetting: if there is no class, or two have one name.
    """

    BESIDE: ClassVar = Beside

    classes: tuple[ClassPostprocessing, ...]

    def __post_init__(self) -> None:
        if not self.classes or len(set(self.names)) < len(self.classes):
            raise BadSetting(f"classes are {', '.join(self.names) or 'none'}; expected at least one, each once.")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the classes."""
        return tuple(one.name for one in self.classes)


def in_words(one: ClassPostprocessing) -> str:
    """Return what was chosen for a class in a sentence."""
    small = f"components under {one.smallest_percent:g} % of the image are removed"
    small = small if one.smallest_percent else "components of every size are kept"
    empty = one.smallest_image_percent
    empty_words = f"; an image with less than {empty:g} % of it in all is called free of it" if empty else ""
    return f"{one.name}: from a probability of {one.threshold:.2f} on; {small}{empty_words}."


def label_map_of(probability: np.ndarray, postprocessing: LabelMapPostprocessing) -> np.ndarray:
    """Apply a postprocessing to the probabilities of an image.

    A pixel gets the class whose probability is highest beside its threshold, of those that reach it.

    Args:
        probability: (classes with the background, rows, columns), in [0, 1]; the background comes first and is not looked at.

    Returns:
        uint8 (rows, columns), 0 being the background.
    """
    thresholds = np.array([one.threshold for one in postprocessing.classes])[:, None, None]
    if len(probability) != len(thresholds) + 1:
        raise BadSetting(f"there are probabilities of {len(probability) - 1} classes; expected {len(thresholds)}.")
    beside = probability[1:] / thresholds
    labels = np.where(beside.max(axis=0) >= 1, beside.argmax(axis=0) + 1, 0).astype(np.uint8)
    for number, one in enumerate(postprocessing.classes, start=1):
        mask = labels == number
        labels[mask & ~kept_parts(mask, one.smallest_percent, one.smallest_image_percent)] = 0
    return labels


def kept_parts(mask: np.ndarray, smallest_percent: float, smallest_image_percent: float) -> np.ndarray:
    """Return a mask, bool (rows, columns), without components that are too small; empty where too little is left.

    >>> kept_parts(np.array([[True, False, True, True]]), 30.0, 0.0).tolist()
    [[False, False, True, True]]
    """
    if smallest_percent > 0 and mask.any():
        number, percent = components(mask)
        mask = np.concatenate([[False], percent >= smallest_kept(smallest_percent)])[number]
    return mask if 100 * mask.mean() >= smallest_kept(smallest_image_percent) else np.zeros_like(mask)


def components(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the component of each pixel, int (rows, columns), 0 for none, and the size of each in percent of the image, (components,).

    Pixels that touch by an edge or a corner are connected.
    """
    from scipy.ndimage import label

    number, count = label(mask, structure=np.ones((3, 3)))
    return number, 100 * np.bincount(number.ravel(), minlength=count + 1)[1:] / mask.size


def smallest_kept(percent: float) -> float:
    """Return the size from which on a part is kept: slightly less, because sums of shares round."""
    return percent * (1 - 1e-9)


def plain(names: Sequence[str]) -> LabelMapPostprocessing:
    """Return the postprocessing in which nothing is tuned."""
    return LabelMapPostprocessing(tuple(ClassPostprocessing(name) for name in names))
