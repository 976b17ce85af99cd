"""Masks, read and written on the grid of their scan, and the probabilities that they were made of.

A mask on another grid than its scan, or with ambiguous values, is worse than none: both are refused.
"""

from pathlib import Path

import numpy as np

from radlearn.errors import BadSetting, UnreadableScan
from radlearn.scans.geometry import Grid, Volume, same_grid
from radlearn.scans.nifti import write_volume
from radlearn.scans.volume_files import read_volume

CUTS = {1: 0.5, 255: 127.0}
"The value for inside, 1, or 255 in an 8-bit image; and the threshold above which a grey value counts as inside."
MOST_BETWEEN = 0.5  # In a resampled mask: voxels between outside and inside, per voxel inside. Two real lung masks have 0.04
FEW_VALUES = 32  # Up to so many different integers count as labels and not as grey values
ROUNDED_WITHIN = 1e-5  # Weighted means of float32 end up to 2e-7 above 1
WRITTEN_WITHIN = 1e-5  # Relative; a NIfTI's float32 rounds at 6e-8


def read_mask(path: str | Path, scan: Volume | None = None) -> Volume:
    """Read a binary mask.

    Values 0 and 1, of any type, are taken as they are. Values 0 and 255, and grey values close to 0 and 1 or to 0 and 255, as resampling
    leaves them, are thresholded in the middle; `notes` says so.

    The voxels are bool (i, j, k), with the affine of the scan where it is given. An empty mask is valid.

    Raises:
        UnreadableScan: as `read_volume`; another grid than the scan's; several labels, or ambiguous grey values.
    """
    volume = read_volume(path)
    if scan is not None:
        refuse_another_grid(path, volume.grid, scan.grid, scan.path.name if scan.path else "")
    top = _top(Path(path), volume.voxels)
    notes: tuple[str, ...] = ()
    if top == 255 or _is_grey(volume.voxels):
        low, high = volume.voxels.min(), volume.voxels.max()
        notes = (f"the mask holds values from {low:g} to {high:g}; values above {CUTS[top]:g} count as inside",)
    return Volume(volume.voxels > CUTS[top], volume.affine if scan is None else scan.affine, volume.path, notes)


def refuse_another_grid(path: str | Path, mask: Grid, scan: Grid, scan_name: str) -> None:
    """Raise an UnreadableScan unless the grid of a mask is that of its scan, within `SAME_WITHIN_VOXELS`; the names are for the message."""
    if not same_grid(mask, scan):
        raise UnreadableScan(
            f"{path}: the mask lies on another grid than its scan {scan_name}.\n"
            f"  mask: {mask}\n  scan: {scan}\n"
            "It may belong to another scan, or have been reoriented or resampled. Save it again on the grid of the scan."
        )


def write_mask_like(path: str | Path, mask: np.ndarray, source: Volume) -> None:
    """Write a mask (i, j, k) as uint8 0 and 1 on the grid of its scan, and read it back to verify that.

    Raises:
        BadSetting: the mask is not bool, or not of the scan's shape.
        UnreadableScan: the file reads back differently: a full or failing disk.
    """
    if mask.dtype != bool or mask.shape != source.voxels.shape:
        found = f"{path}: the mask is {mask.dtype} of shape {mask.shape}"
        raise BadSetting(f"{found}; expected bool of the shape of its scan, {source.voxels.shape}.")
    _write_proved(path, mask, source.affine)


def write_probability_like(path: str | Path, probability: np.ndarray, source: Volume) -> None:
    """Write a probability at each voxel (i, j, k) as float32 on the grid of its scan, and read it back to verify that.

    Means over windows and resampling round: what lies outside [0, 1] by less than 0.00001 is written as 0 or 1.

    Raises:
        BadSetting: it is not float, not of the scan's shape, or holds values outside [0, 1].
        UnreadableScan: the file reads back differently: a full or failing disk.
    """
    if probability.dtype.kind != "f" or probability.shape != source.voxels.shape:
        found = f"{path}: the probability is {probability.dtype} of shape {probability.shape}"
        raise BadSetting(f"{found}; expected float of the shape of its scan, {source.voxels.shape}.")
    low, high = float(probability.min()), float(probability.max())
    if not (low >= -ROUNDED_WITHIN and high <= 1 + ROUNDED_WITHIN):
        raise BadSetting(f"{path}: the values lie from {low:.7g} to {high:.7g}; a probability is from 0 to 1.")
    _write_proved(path, np.clip(probability, 0, 1).astype(np.float32, copy=False), source.affine)


def _write_proved(path: str | Path, voxels: np.ndarray, affine: np.ndarray) -> None:
    write_volume(path, voxels, affine)
    written = read_volume(path)
    differs = np.abs(written.affine - affine).max() > WRITTEN_WITHIN * max(1.0, np.abs(affine).max())
    if differs or not np.array_equal(written.voxels, voxels):
        raise UnreadableScan(f"{path}: reads back differently from what was written. Is the disk full or failing? Write it again.")


def _top(path: Path, voxels: np.ndarray) -> int:
    """Return the value for inside, 1 or 255, or raise an UnreadableScan."""
    low, high = float(voxels.min()), float(voxels.max())
    if low == 0 and high == 0:
        return 1
    if not _is_grey(voxels):
        if high in CUTS and low in (0, high) and np.count_nonzero(voxels) == np.count_nonzero(voxels == high):
            return int(high)
        values = np.unique(voxels)
        if len(values) <= FEW_VALUES:
            said = ", ".join(f"{value:g}" for value in values[:8]) + (", …" if len(values) > 8 else "")
            raise UnreadableScan(f"{path}: has the labels {said}; expected a mask of 0 and 1. Save the labels that count as inside as 1.")
    for top in CUTS:
        # Resampling may overshoot at edges, by a third at most.
        if low < -0.5 * top or high > 1.5 * top:
            continue
        inside = np.count_nonzero(voxels > 0.75 * top)
        between = np.count_nonzero(voxels > 0.25 * top) - inside
        if inside and between <= MOST_BETWEEN * inside:
            return top
    raise UnreadableScan(
        f"{path}: its values, from {low:g} to {high:g}, are not close to 0 and 1 or to 0 and 255, so the mask is ambiguous; expected "
        "0 and 1. It may be a scan or a probability: apply a threshold."
    )


def is_near(voxels: np.ndarray, value: float) -> np.ndarray:
    """Return which voxels are a whole number, but for the rounding of means and of a rescale (0.9999999): bool, of the same shape.

    >>> is_near(np.array([0.0, 0.9999999, 0.5, 1.0]), 1).tolist()
    [False, True, False, True]
    """
    return voxels == value if voxels.dtype.kind != "f" else np.abs(voxels - value) <= ROUNDED_WITHIN * max(1.0, abs(value))


def _is_grey(voxels: np.ndarray) -> bool:
    """Whether there are values that are not integers."""
    return voxels.dtype.kind == "f" and not np.array_equal(voxels, np.rint(voxels))
