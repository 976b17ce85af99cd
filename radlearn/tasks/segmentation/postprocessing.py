"""From a probability at every voxel to a mask: a threshold, the volume of the smallest component kept, and of the smallest mask kept.

The values are chosen on validation persons (`search`) and kept in the run folder.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NotRequired

import numpy as np
from annotated_types import Ge, Interval, Len
from pydantic import AfterValidator, ConfigDict
from typing_extensions import TypedDict

from radlearn.amounts import counted
from radlearn.errors import BadSetting
from radlearn.metrics.conformal_volume import FEWEST_SCANS, ConformalVolume
from radlearn.metrics.masks import MM3_PER_ML, Spacing, bounding_box, volume_ml, voxel_mm3
from radlearn.training.run_files import AblationInFile, Amount, Share, as_long_as


class VolumeInterval(TypedDict):
    """The fields of a `ConformalVolume`."""

    root_error: Annotated[float, Ge(0)]
    coverage: Annotated[float, Interval(gt=0, lt=1)]
    scans: Annotated[int, Ge(1)]


class StepInFile(AblationInFile):
    """A step of the search, with its Dice."""

    dice_score: Share | None
    cross_fitted_dice_score: Share | None


class CurveInFile(TypedDict):
    """What `search.curves` returns. A postprocessing of before has no smallest mask."""

    threshold: Annotated[list[Share], Len(1)]
    dice_score: list[Share | None]
    smallest_ml: NotRequired[list[Amount]]
    dice_score_by_smallest_ml: NotRequired[list[Share | None]]
    smallest_scan_ml: NotRequired[list[Amount]]
    dice_score_by_smallest_scan_ml: NotRequired[list[Share | None]]


def _of_one_length(curve: Mapping[str, Any]) -> Mapping[str, Any]:
    as_long_as("threshold", "dice_score")(curve)
    for name in ("smallest_ml", "smallest_scan_ml"):
        as_long_as(f"dice_score_by_{name}", name)(curve)
        as_long_as(name, f"dice_score_by_{name}")(curve)
    return curve


class Beside(TypedDict, total=False):
    """What stands beside the postprocessing: the threshold of the baseline, and the interval of volumes, None without one."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    baseline_threshold_hu: Annotated[float, Interval(ge=-2000, le=4000)]
    validation_scans: Annotated[int, Ge(0)]
    volume_interval: VolumeInterval | None
    ablation: Annotated[list[StepInFile], Len(1)]
    curve: Annotated[CurveInFile, AfterValidator(_of_one_length)]
    origin: str


def no_interval_because(about: Mapping[str, Any]) -> str:
    """Return why there is no interval of lesion volumes; `about` as for `volume_interval`, empty for a mean of several runs' own."""
    if "validation_scans" not in about:
        return "the postprocessing is the mean of several runs' own, which promises none."
    if (scans := about["validation_scans"]) < FEWEST_SCANS:
        return f"the run had {counted(scans, 'validation scans')}, and an interval needs {FEWEST_SCANS}."
    return "the run is older than intervals of volumes; 'tune' makes it one."


@dataclass(frozen=True)
class MaskPostprocessing:
    """How a probability becomes a mask.

    Raises:
        BadSetting: if a value is out of its range.
    """

    BESIDE: ClassVar = Beside

    # A voxel belongs to the mask from this probability on.
    threshold: float = 0.5
    # Connected components below this volume are removed.
    smallest_ml: float = 0.0
    # A scan with less than this in all is called free of lesions: its mask is empty.
    smallest_scan_ml: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise BadSetting(f"threshold is {self.threshold!r}; it must be above 0 and at most 1.")
        for name in ("smallest_ml", "smallest_scan_ml"):
            if not 0 <= (value := getattr(self, name)) < float("inf"):
                raise BadSetting(f"{name} is {value!r}; it must be 0 or more.")


def in_words(postprocessing: MaskPostprocessing) -> str:
    """Return a postprocessing in a sentence."""
    small = f"connected components under {postprocessing.smallest_ml:g} ml are removed"
    small = small if postprocessing.smallest_ml else "components of every size are kept"
    empty = postprocessing.smallest_scan_ml
    empty_words = f"; a scan with less than {empty:g} ml in all is called free of lesions" if empty else ""
    return f"The threshold on the probability is {postprocessing.threshold:.2f}; {small}{empty_words}."


def volume_interval(about: Mapping[str, Any]) -> ConformalVolume | None:
    """Return the interval of lesion volumes; None where the run has none: it is older, or had too few validation scans.

    Args:
        about: the content of `postprocessing.json` beside the postprocessing.
    """
    kept = about.get("volume_interval")
    return None if kept is None else ConformalVolume(**kept)


def mask_of(probability: np.ndarray, postprocessing: MaskPostprocessing, spacing_mm: Spacing) -> np.ndarray:
    """Apply a postprocessing to the probability of a scan.

    Args:
        probability: (i, j, k), in [0, 1], on the source grid.
        spacing_mm: between its voxels, or a matrix of steps: see `geometry.steps_mm`.

    Returns:
        bool of the same shape. Voxels that touch by a face, an edge or a corner are connected.
    """
    mask = np.asarray(probability >= postprocessing.threshold)
    box = bounding_box(mask)
    if box is None:
        return mask
    if postprocessing.smallest_ml > 0:
        number, volumes_ml = components(mask[box], spacing_mm)
        # Number 0 is the background.
        stays = np.concatenate([[False], volumes_ml >= smallest_kept(postprocessing.smallest_ml)])
        mask[box] = stays[number]
    if volume_ml(mask[box], spacing_mm) < smallest_kept(postprocessing.smallest_scan_ml):
        mask[box] = False
    return mask


def components(mask: np.ndarray, spacing_mm: Spacing) -> tuple[np.ndarray, np.ndarray]:
    """Return the connected component of each voxel, int (i, j, k), 0 for none, and the volume of each in ml, (components,)."""
    from scipy.ndimage import label

    number, count = label(mask, structure=np.ones((3, 3, 3)))
    voxel_ml = voxel_mm3(spacing_mm) / MM3_PER_ML
    return number, np.bincount(number.ravel(), minlength=count + 1)[1:] * voxel_ml


def smallest_kept(smallest_ml: float) -> float:
    """Return the volume from which on a part or a mask is kept: slightly less, because ten voxels of 0.01 ml are not quite 0.1 ml."""
    return smallest_ml * (1 - 1e-9)
