"""From a probability at every voxel to a mask: where it is cut, and how small a piece may be.

These numbers are chosen on validation people (`mask_tuning`) and kept in the run folder.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from radlearn.errors import BadSetting
from radlearn.metrics.masks import MM3_PER_ML, bounding_box
from radlearn.training.run_folder import Run
from radlearn.workflow.postprocessing_file import read_postprocessing, write_postprocessing


@dataclass(frozen=True)
class MaskPostprocessing:
    """How a probability becomes a mask.

    Raises:
        BadSetting: if a number is outside what it may be.
    """

    # A voxel is in the mask from this probability on.
    threshold: float = 0.5
    # A connected piece below this volume is left out.
    smallest_ml: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise BadSetting(f"threshold is {self.threshold!r}; it must be above 0 and at most 1.")
        if not 0 <= self.smallest_ml < float("inf"):
            raise BadSetting(f"smallest_ml is {self.smallest_ml!r}; it must be 0 or more.")


def mask_of(probability: np.ndarray, postprocessing: MaskPostprocessing, spacing_mm: Sequence[float]) -> np.ndarray:
    """Return the mask that a postprocessing makes of a scan's probability.

    Args:
        probability: (i, j, k), in [0, 1], on the source grid.
        spacing_mm: between its voxels.

    Returns:
        bool of the same shape. Voxels that touch by a face, an edge or a corner are one piece.
    """
    mask = np.asarray(probability >= postprocessing.threshold)
    box = bounding_box(mask)
    if postprocessing.smallest_ml == 0 or box is None:
        return mask
    number, volumes_ml = pieces(mask[box], spacing_mm)
    # Piece 0 is the outside.
    stays = np.concatenate([[False], volumes_ml >= smallest_kept(postprocessing.smallest_ml)])
    mask[box] = stays[number]
    return mask


def pieces(mask: np.ndarray, spacing_mm: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return to which connected piece each voxel belongs, int (i, j, k), 0 for none, and the volume of each in ml, (pieces,)."""
    from scipy.ndimage import label

    number, count = label(mask, structure=np.ones((3, 3, 3)))
    voxel_ml = float(np.prod(spacing_mm)) / MM3_PER_ML
    return number, np.bincount(number.ravel(), minlength=count + 1)[1:] * voxel_ml


def smallest_kept(smallest_ml: float) -> float:
    """Return the volume from which on a piece stays; a hair less, because ten voxels of 0.01 ml are not quite 0.1 ml in floating point."""
    return smallest_ml * (1 - 1e-9)


def write_mask_postprocessing(run: Run, postprocessing: MaskPostprocessing, about: dict[str, Any]) -> None:
    """Write `postprocessing.json` into the run folder: the postprocessing, and with it `about`, how it was found (JSON values)."""
    write_postprocessing(run, postprocessing, about)


def mask_postprocessing_of(run: Run) -> tuple[MaskPostprocessing, dict[str, Any]]:
    """Read a run's postprocessing, and how it was found; errors as `read_postprocessing`."""
    return read_postprocessing(run, MaskPostprocessing)
