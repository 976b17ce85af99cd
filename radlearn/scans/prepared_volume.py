"""A prepared CT on the disk: arrays that are mapped, not read, so that a training patch costs a few pages and a case no memory.

    image.npy         int16 (x, y, z): Hounsfield units within the window, axes to the left, the back and the head
    mask.npy          bool, the same shape; missing where there is no mask
    foreground.npy    int16 (voxels, 3): indices inside the mask to draw patches from
    background.npy    int16 (voxels, 3): indices inside the lungs, outside the mask
    entry.json        what is needed to go back to the source, and the size of each file

`entry.json` is written last, and the folder gets its name after that: a folder by its name is whole.
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
    """A CT as a network sees it. Holds no voxels itself: what is asked for is looked up in the files, and let go again."""

    folder: Path
    path: Path
    "Where it came from."
    mask_path: Path | None
    resampled: ResampledGrid
    window_hu: tuple[int, int]
    lung_ml: float
    "Of the lungs as far as air shows them."
    notes: tuple[str, ...]
    lesion_ml: float
    "Of the mask on the scan's own grid; 0 without one."

    @property
    def source(self) -> Grid:
        """The scan's own grid."""
        return self.resampled.source

    @property
    def grid(self) -> Grid:
        """Where the prepared voxels lie."""
        return self.resampled.grid

    @property
    def shape(self) -> Voxels:
        """Of the prepared scan, (x, y, z)."""
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
        """Return a block of the image and of the mask, in any place; what lies beyond the scan is air.

        Args:
            start_voxel: index of its first voxel; may be negative.
            size_voxels: (x, y, z).

        Returns:
            float32 in [0, 1] as `scaled`, and bool, None where there is no mask; both of `size_voxels` and in memory of their own.
        """
        image = self.scaled(_copied(padded_block(self.image, start_voxel, size_voxels, self.window_hu[0])))
        mask = self.mask
        return image, None if mask is None else _copied(padded_block(mask, start_voxel, size_voxels, False))

    def start_around(self, centre_voxel: Voxels, size_voxels: Voxels) -> Voxels:
        """Return where the patch starts that has a voxel in its middle, moved into the scan as far as it fits there."""
        return start_around(centre_voxel, size_voxels, self.shape)

    def back_to_source(self, probability: np.ndarray) -> np.ndarray:
        """Return a probability (x, y, z) on the prepared grid at the source's voxels, to be cut there: resampled once, 0 elsewhere.

        Returns:
            float32 of `source.shape`, in the order of the scan's file: it lies on `source.affine`.

        Raises:
            BadSetting: of another shape than the prepared scan.
        """
        return self.resampled.back_to_source(probability)

    def _mapped(self, name: str) -> np.ndarray:
        # Opened each time: a map that is kept counts every page ever touched as memory of this process.
        path = self.folder / f"{name}.npy"
        with open(path, "rb") as file:
            stat = os.fstat(file.fileno())
            shape, dtype, offset = _header(path, (stat.st_ino, stat.st_size, stat.st_mtime_ns))
            return np.ndarray(shape, dtype, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), offset)


@lru_cache(maxsize=100_000)
def _header(path: Path, stamp: tuple[int, int, int]) -> tuple[tuple[int, ...], np.dtype, int]:
    """Return shape, type and place of the array in a file of this stamp. Remembered: reading it takes longer than opening the map."""
    mapped = np.load(path, mmap_mode="r")
    return mapped.shape, mapped.dtype, mapped.offset


def _copied(block: np.ndarray) -> np.ndarray:
    """Return a block in memory of its own, copied row by row: voxel by voxel, as numpy would, takes twice to four times as long."""
    row = np.dtype((np.void, block.shape[-1] * block.itemsize))
    return np.array(block.view(row), order="C").view(block.dtype)


def write_entry(folder: Path, volume: Prepared, preparation: Preparation) -> None:
    """Write a prepared CT into an empty folder, to the disk; the folder is for the caller to move into place."""
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
    """Return what lies in a folder, None where it is not there or not whole: then it is to be made again."""
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
        # However a disk or an editor may have damaged it, the scan itself is still there.
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
