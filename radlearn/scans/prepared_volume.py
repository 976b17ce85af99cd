"""A prepared CT on the disk: memory-mapped arrays, so that a training patch reads a few pages and a case takes no memory.

    image.npy         int16 (x, y, z): Hounsfield units within the window, axes to the left, the back and the head
    mask.npy          bool, the same shape; missing where there is no mask
    foreground.npy    int16 (voxels, 3): indices inside the mask to sample patches from
    background.npy    int16 (voxels, 3): indices inside the lungs, outside the mask
    entry.json        the geometry needed to resample back to the source, and the size of each file

`entry.json` is written last, and the folder is renamed after that: a folder with its final name is complete.
"""

import json
import mmap
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from radlearn.files import write_json
from radlearn.scans.geometry import Grid
from radlearn.scans.preparation import Preparation, Prepared, padded_block, start_around
from radlearn.scans.resampled_grid import ResampledGrid

ENTRY = "entry.json"
FORMAT = 2
Voxels = tuple[int, int, int]


@dataclass(frozen=True)
class PreparedVolume:
    """A prepared CT. It holds no voxels: each access maps the file anew."""

    folder: Path
    path: Path  # The scan's file or folder
    mask_path: Path | None
    resampled: ResampledGrid
    window_hu: tuple[int, int]
    lung_ml: float  # Volume of the lungs that `lung_mask` finds
    notes: tuple[str, ...]
    lesion_ml: float  # Volume of the mask on the scan's own grid; 0 without one

    @property
    def source(self) -> Grid:
        """The scan's own grid."""
        return self.resampled.source

    @property
    def grid(self) -> Grid:
        """The grid of the prepared voxels."""
        return self.resampled.grid

    @property
    def shape(self) -> Voxels:
        """Shape of the prepared scan, (x, y, z)."""
        return self.resampled.grid.shape

    @property
    def image(self) -> np.ndarray:
        """Read-only map int16 (x, y, z), Hounsfield units within the window."""
        return self._mapped("image")

    @property
    def mask(self) -> np.ndarray | None:
        """Read-only map bool (x, y, z); None where the scan has no mask."""
        return None if self.mask_path is None else self._mapped("mask")

    @property
    def foreground(self) -> np.ndarray:
        """Read-only map int16 (voxels, 3) of indices inside the mask; may be empty."""
        return self._mapped("foreground")

    @property
    def background(self) -> np.ndarray:
        """Read-only map int16 (voxels, 3) of indices inside the lungs and outside the mask."""
        return self._mapped("background")

    def scaled(self, hu: np.ndarray) -> np.ndarray:
        """Return float32 in [0, 1]: 0 at the lower end of the window, 1 at the upper."""
        low, high = self.window_hu
        result = hu.astype(np.float32, subok=False)
        result -= low
        result /= high - low
        return result

    def patch(self, start_voxel: Voxels, size_voxels: Voxels) -> tuple[np.ndarray, np.ndarray | None]:
        """Return a block of the image and of the mask from `start_voxel`, which may be negative; voxels beyond the scan are air.

        float32 in [0, 1] as `scaled`, and bool, None where there is no mask; both of `size_voxels` and in memory of their own.
        """
        image = self.scaled(_copied(padded_block(self.image, start_voxel, size_voxels, self.window_hu[0])))
        mask = self.mask
        return image, None if mask is None else _copied(padded_block(mask, start_voxel, size_voxels, False))

    def start_around(self, centre_voxel: Voxels, size_voxels: Voxels) -> Voxels:
        """Return the start of the patch around a voxel, moved into the scan where it fits."""
        return start_around(centre_voxel, size_voxels, self.shape)

    def back_to_source(self, probability: np.ndarray) -> np.ndarray:
        """Resample a probability (x, y, z) onto the source grid, to be thresholded there: `ResampledGrid.back_to_source`."""
        return self.resampled.back_to_source(probability)

    def _mapped(self, name: str) -> np.ndarray:
        # Opened each time: every page that a kept map ever touched counts as memory of this process.
        path = self.folder / f"{name}.npy"
        with open(path, "rb") as file:
            stat = os.fstat(file.fileno())
            shape, dtype, offset = _header(path, (stat.st_ino, stat.st_size, stat.st_mtime_ns))
            return np.ndarray(shape, dtype, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), offset)


@lru_cache(maxsize=100_000)
def _header(path: Path, stamp: tuple[int, int, int]) -> tuple[tuple[int, ...], np.dtype, int]:
    """Return shape, type and offset of the array in a file of this stamp; cached, because reading them takes longer than mapping."""
    mapped = np.load(path, mmap_mode="r")
    return mapped.shape, mapped.dtype, mapped.offset


def _copied(block: np.ndarray) -> np.ndarray:
    """Return a copy of a block, made row by row: NumPy's copy, voxel by voxel, takes two to four times as long."""
    row = np.dtype((np.void, block.shape[-1] * block.itemsize))
    return np.array(block.view(row), order="C").view(block.dtype)


def write_entry(folder: Path, volume: Prepared, preparation: Preparation) -> None:
    """Write a prepared CT into an empty folder and flush it to the disk; the caller moves the folder into place."""
    arrays = {"image": volume.image, "foreground": volume.foreground, "background": volume.background}
    if volume.mask is not None:
        arrays["mask"] = volume.mask
    sizes = {}
    for name, array in arrays.items():
        path = folder / f"{name}.npy"
        with open(path, "wb") as opened:
            np.save(opened, np.ascontiguousarray(array), allow_pickle=False)
            opened.flush()
            os.fsync(opened.fileno())
        sizes[path.name] = path.stat().st_size
    said = {
        "format": FORMAT,
        "source_shape": volume.resampled.source.shape,
        "source_affine": volume.resampled.source.affine,
        "box": [(part.start, part.stop) for part in volume.resampled.box],
        "spacing_mm": volume.resampled.spacing_mm,
        "window_hu": preparation.window_hu,
        "lung_ml": volume.lung_ml,
        "notes": volume.notes,
        "lesion_ml": volume.lesion_ml,
        "files": sizes,
    }
    write_json(folder / ENTRY, said)


def opened_entry(folder: Path, path: Path, mask_path: Path | None) -> PreparedVolume | None:
    """Open the prepared CT in a folder; None where it is missing or incomplete and must be made again."""
    try:
        said = json.loads((folder / ENTRY).read_text(encoding="utf-8"))
        whole = said["format"] == FORMAT and all((folder / name).stat().st_size == size for name, size in said["files"].items())
        if not whole or ("mask.npy" in said["files"]) != (mask_path is not None):
            return None
        volume = PreparedVolume(
            folder,
            path,
            mask_path,
            ResampledGrid(_grid(said), _box(said), _three(said["spacing_mm"])),
            (int(said["window_hu"][0]), int(said["window_hu"][1])),
            float(said["lung_ml"]),
            tuple(map(str, said["notes"])),
            float(said["lesion_ml"]),
        )
        if volume.image.shape != volume.shape or volume.image.dtype != np.int16:
            return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # However the entry was damaged, it can be made again from the scan.
        return None
    return volume


def _grid(said: dict[str, Any]) -> Grid:
    i, j, k = (int(count) for count in said["source_shape"])
    affine = np.array(said["source_affine"], np.float64)
    if affine.shape != (4, 4):
        raise ValueError(f"the affine has shape {affine.shape}")
    return Grid((i, j, k), affine)


def _box(said: dict[str, Any]) -> tuple[slice, slice, slice]:
    i, j, k = (slice(int(first), int(end)) for first, end in said["box"])
    return i, j, k


def _three(numbers: list[float]) -> tuple[float, float, float]:
    i, j, k = map(float, numbers)
    return i, j, k
