"""Masks: read onto the grid of the scan they belong to, and written onto it.

A mask that lies elsewhere than its scan, or whose numbers do not say plainly what is inside, is worse than none: both are refused.
"""

from pathlib import Path

import numpy as np

from radlearn.errors import BadSetting, UnreadableScan
from radlearn.scans.geometry import Volume, same_grid
from radlearn.scans.nifti import read_volume, write_volume

CUTS = {1: 0.5, 255: 127.0}
"What writers put for `inside`, 1, or white in a picture of bytes; and above what grey counts as inside."
MOST_BETWEEN = 0.5
"Of a mask that was resampled: voxels between outside and inside, per voxel inside. Two real lung masks have 0.04."
FEW_VALUES = 32
"So many different whole numbers at most look like the numbers of organs, not like grey."
WRITTEN_WITHIN = 1e-5
"Relative; a NIfTI's float32 rounds at 6e-8."


def read_mask(path: str | Path, scan: Volume | None = None) -> Volume:
    """Read a mask of inside and outside.

    Values 0 and 1, of any type, are taken as they are. Values 0 and 255, and grey that gathers around 0 and 1 or around 0 and 255, as
    resampling leaves it, are cut in the middle; `notes` says so.

    Args:
        path: of a NIfTI file.
        scan: the scan it belongs to, whose grid it must have.

    Returns:
        bool voxels (i, j, k), with the scan's own affine where there is a scan. All False is a fine mask: nothing was found.

    Raises:
        UnreadableScan: as `read_volume`; another grid than the scan's; several labels, or grey that says nothing plainly.
    """
    volume = read_volume(path)
    if scan is not None and not same_grid(volume.grid, scan.grid):
        raise UnreadableScan(
            f"{path}: the mask lies on another grid than its scan {scan.path.name if scan.path else ''}.\n"
            f"  mask: {volume.grid}\n  scan: {scan.grid}\n"
            "It may belong to another scan, or was turned or resampled. Save it again on the grid of the scan."
        )
    top = _top(Path(path), volume.voxels)
    notes: tuple[str, ...] = ()
    if top == 255 or _is_grey(volume.voxels):
        low, high = volume.voxels.min(), volume.voxels.max()
        notes = (f"the mask holds values from {low:g} to {high:g}; above {CUTS[top]:g} was taken as inside",)
    return Volume(volume.voxels > CUTS[top], volume.affine if scan is None else scan.affine, volume.path, notes)


def write_mask_like(path: str | Path, mask: np.ndarray, source: Volume) -> None:
    """Write a mask (i, j, k) as uint8 0 and 1 on the grid of its scan, and read it back to prove that it lies there.

    Raises:
        BadSetting: the mask is not bool, or not of the scan's shape.
        UnreadableScan: what was written reads back as something else: a full or failing disk.
    """
    if mask.dtype != bool or mask.shape != source.voxels.shape:
        raise BadSetting(
            f"{path}: the mask is {mask.dtype} of shape {mask.shape}; expected bool of the shape of its scan, {source.voxels.shape}."
        )
    write_volume(path, mask, source.affine)
    written = read_volume(path)
    differs = np.abs(written.affine - source.affine).max() > WRITTEN_WITHIN * max(1.0, np.abs(source.affine).max())
    if differs or not np.array_equal(written.voxels, mask):
        raise UnreadableScan(f"{path}: reads back otherwise than it was written. Is the disk full or failing? Write it again.")


def _top(path: Path, voxels: np.ndarray) -> int:
    """Return the value that means `inside`, 1 or 255; an UnreadableScan says why there is none."""
    low, high = float(voxels.min()), float(voxels.max())
    if low == 0 and high == 0:
        return 1
    if not _is_grey(voxels):
        if high in CUTS and low in (0, high) and np.count_nonzero(voxels) == np.count_nonzero(voxels == high):
            return int(high)
        values = np.unique(voxels)
        if len(values) <= FEW_VALUES:
            said = ", ".join(f"{value:g}" for value in values[:8]) + (", …" if len(values) > 8 else "")
            raise UnreadableScan(
                f"{path}: holds the labels {said}; expected a mask of 0 and 1. Choose which of them are inside and save those as 1."
            )
    for top in CUTS:
        # Resampling overshoots at edges, by a third at most.
        if low < -0.5 * top or high > 1.5 * top:
            continue
        inside = np.count_nonzero(voxels > 0.75 * top)
        between = np.count_nonzero(voxels > 0.25 * top) - inside
        if inside and between <= MOST_BETWEEN * inside:
            return top
    raise UnreadableScan(
        f"{path}: its values, from {low:g} to {high:g}, do not gather around 0 and 1 or 0 and 255, so what is inside is not plain; "
        "expected a mask of 0 and 1. It may be a scan or a probability: cut it at the value you mean."
    )


def _is_grey(voxels: np.ndarray) -> bool:
    """Whether there are values that are no whole numbers."""
    return voxels.dtype.kind == "f" and not np.array_equal(voxels, np.rint(voxels))
