"""The deterministic preparation of a CT: one orientation, one spacing, one window, cropped to the lungs.

A mask is resampled linearly, with the weights of the image, and thresholded at one half, so that its border coincides with that of the
image. Resampled there and back, full-size built-in CTs at 1.25 × 1.25 × 5 mm keep 0.002 to 0.005 more Dice than by nearest neighbour; where
6 mm slices of small built-in CTs become 5 mm, they lose 0.003 in the mean and 0.01 at most.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from radlearn.errors import BadSetting
from radlearn.scans.geometry import Box, Volume, voxel_volume_ml
from radlearn.scans.lungs import LungBox, find_lungs
from radlearn.scans.resampled_grid import Lengths, ResampledGrid

INT16 = np.iinfo(np.int16)


@dataclass(frozen=True)
class Preparation:
    """How CTs are prepared; all fields are part of a cache's name."""

    # Right to left, front to back, feet to head.
    spacing_mm: Lengths = (1.25, 1.25, 5.0)
    # Lowest and highest Hounsfield unit; values outside are clipped.
    window_hu: tuple[int, int] = (-1000, 500)
    # "lungs": the block of both lungs. "nothing": the whole scan.
    crop: Literal["lungs", "nothing"] = "lungs"
    # How many voxels of lesions, and of the rest of the lungs, are kept to sample patches from.
    indices_at_most: int = 20_000

    def __post_init__(self) -> None:
        low, high = self.window_hu
        spacing = all(0 < length < float("inf") for length in self.spacing_mm)
        if not (INT16.min <= low < high <= INT16.max and spacing and self.indices_at_most > 0):
            wanted = "spacings above 0 mm, a window from lower to higher HU within ±32,767, and indices_at_most above 0"
            raise BadSetting(f"{self}: expected {wanted}.")
        if self.crop not in ("lungs", "nothing"):
            raise BadSetting(f"crop is {self.crop!r}; expected 'lungs' or 'nothing'.")


@dataclass(frozen=True)
class Prepared:
    """A prepared CT in memory."""

    resampled: ResampledGrid
    image: np.ndarray  # int16 (x, y, z) on `resampled.grid`: Hounsfield units within the window. uint8 would round by up to 3 HU
    mask: np.ndarray | None  # bool of the same shape
    foreground: np.ndarray  # int16 (voxels, 3): indices of the mask's voxels, a random sample where there are more than `indices_at_most`
    background: np.ndarray
    "int16 (voxels, 3): indices inside the lungs and outside the mask; anywhere outside the mask where no lungs were found."
    lungs: np.ndarray  # bool (i, j, k) of the source: `lung_mask`
    lung_ml: float  # Volume of `lungs`: air, vessels and what air surrounds; without consolidation that reaches the chest wall
    notes: tuple[str, ...]
    lesion_ml: float = 0.0  # Volume of the mask on the source grid; 0 without a mask


def prepared(scan: Volume, mask: Volume | None, preparation: Preparation) -> Prepared:
    """Prepare a CT and, if there is one, its mask, which `read_mask` has checked to lie on the same grid.

    Raises:
        BadSetting: the mask has another shape than its scan, or is not bool.
    """
    if mask is not None and (mask.voxels.shape != scan.voxels.shape or mask.voxels.dtype != bool):
        raise BadSetting(f"the mask is {mask.voxels.dtype} of shape {mask.voxels.shape}; expected bool of {scan.voxels.shape}.")
    lungs, found = find_lungs(scan.voxels, scan.affine)
    box = found.box if preparation.crop == "lungs" else _whole(scan)
    resampled = ResampledGrid(scan.grid, box, preparation.spacing_mm)
    # Clipped before resampling, because metal and padding would bleed into their neighbours.
    image = np.rint(resampled.onto_grid(np.clip(scan.voxels, *preparation.window_hu))).astype(np.int16)
    inside = np.ones(image.shape, bool) if found.is_body else _cut(resampled, lungs)
    lesion = None if mask is None else _cut(resampled, mask.voxels)
    return Prepared(
        resampled,
        image,
        lesion,
        _drawn(np.zeros_like(inside) if lesion is None else lesion, preparation.indices_at_most),
        _drawn(inside if lesion is None else inside & ~lesion, preparation.indices_at_most),
        lungs,
        float(np.count_nonzero(lungs)) * voxel_volume_ml(scan.affine),
        (*scan.notes, *_notes(found, mask, box, lesion, preparation)),
        0.0 if mask is None else float(np.count_nonzero(mask.voxels)) * voxel_volume_ml(scan.affine),
    )


def _whole(scan: Volume) -> Box:
    i, j, k = scan.voxels.shape
    return slice(0, i), slice(0, j), slice(0, k)


def _cut(resampled: ResampledGrid, mask: np.ndarray) -> np.ndarray:
    return np.asarray(resampled.onto_grid(mask) > 0.5)


def _drawn(mask: np.ndarray, at_most: int) -> np.ndarray:
    """Return indices (voxels, 3) of True voxels, in memory order; the sample is deterministic."""
    flat = np.flatnonzero(mask)
    if flat.size > at_most:
        flat = np.sort(np.random.default_rng(0).choice(flat, at_most, replace=False))
    return np.stack(np.unravel_index(flat, mask.shape), axis=1).astype(np.int16)


def _notes(found: LungBox, mask: Volume | None, box: Box, lesion: np.ndarray | None, preparation: Preparation) -> tuple[str, ...]:
    """Return notes about a CT: lungs that were not found, parts of the mask that are lost."""
    notes = [found.note] if found.note and preparation.crop == "lungs" else []
    if mask is None or lesion is None:
        return tuple(notes)
    notes += mask.notes
    total, held = np.count_nonzero(mask.voxels), np.count_nonzero(mask.voxels[box])
    if held < total:
        notes.append(f"{(total - held) / total:.1%} of the mask lies outside the block of the lungs and is lost")
    if total and not lesion.any():
        spacing = " × ".join(f"{length:g}" for length in preparation.spacing_mm)
        notes.append(f"the mask's {total:,} voxels are too small or too thin to be seen at {spacing} mm")
    return tuple(notes)


def start_around(centre: tuple[int, int, int], size: tuple[int, int, int], shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return the start of the patch of `size` around `centre`, moved into the volume where it fits.

    A volume smaller than the patch is centred in it.

    >>> start_around((5, 50, 3), (32, 32, 8), (100, 60, 4))
    (0, 28, -2)
    """
    starts = []
    for middle, wanted, there in zip(centre, size, shape, strict=True):
        fits = wanted <= there
        starts.append(min(max(0, int(middle) - wanted // 2), there - wanted) if fits else -((wanted - there) // 2))
    i, j, k = starts
    return i, j, k


def padded_block(voxels: np.ndarray, start: tuple[int, int, int], size: tuple[int, int, int], fill: float) -> np.ndarray:
    """Return the block of `size` from `start`: a view where it lies inside the volume, else a new array, `fill` beyond the volume."""
    ends = list(zip(start, size, voxels.shape, strict=True))
    if all(first >= 0 and first + wanted <= there for first, wanted, there in ends):
        i, j, k = (slice(first, first + wanted) for first, wanted, _ in ends)
        return voxels[i, j, k]
    block = np.full(size, fill, voxels.dtype)
    if all(first < there and first + wanted > 0 for first, wanted, there in ends):
        there_at = tuple(slice(max(0, first), min(there, first + wanted)) for first, wanted, there in ends)
        here_at = tuple(slice(part.start - first, part.stop - first) for part, first in zip(there_at, start, strict=True))
        block[here_at] = voxels[there_at]
    return block
