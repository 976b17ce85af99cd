"""One slice in a file of volumes: an X-ray or another image in two dimensions, as NIfTI, MetaImage and NRRD files keep it too.

The slice is taken as ITK takes it, and with it SimpleITK.GetArrayFromImage and nnU-Net: the first axis of the file runs across, the second
one down, row 0 on top. What the affine says of these axes is told and never acted on: many programs write the identity, which would turn an
upright X-ray upside down.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from radlearn.amounts import counted
from radlearn.errors import UnreadableScan

NO_SCAN = "It is an image, as an X-ray is, and no scan."
CHANNELS = (3, 4)
"Red, green and blue, and how opaque."


class SeveralSlices(UnreadableScan):
    """A volume stands where an image was expected."""


class SliceGrid(NamedTuple):
    """Columns and rows, and the affine of `OneSlice`."""

    columns: int
    rows: int
    affine: np.ndarray | None


class OneSlice(NamedTuple):
    """What a file of one slice holds.

    `values` is (rows, columns), of the type that the rescale of the file gives, or (rows, columns, 3 or 4) in colour; `bits` are those of
    a stored number; `affine` is float64 4 × 4, from (column, row, 0) to RAS mm, None where the file says nothing of its place;
    `has_spacing` is whether the file says how far apart its pixels are; `order` is what is odd about where its pixels lie, as
    `pixel_order` says it.
    """

    values: np.ndarray
    bits: int
    affine: np.ndarray | None
    has_spacing: bool
    order: str = ""


def turned_upright(values: np.ndarray) -> np.ndarray:
    """Return (columns, rows, channels), as files keep them, as (rows, columns), or (rows, columns, channels) of several."""
    turned = values.swapaxes(0, 1)
    return turned if turned.shape[2] > 1 else turned[..., 0]


def columns_and_rows(path: Path, sizes: Sequence[int]) -> tuple[int, int]:
    """Return how many columns and rows a file has, by the lengths of its axes.

    Raises:
        SeveralSlices: a further axis is longer than 1.
        UnreadableScan: there are no two axes.
    """
    if len(sizes) < 2:
        raise UnreadableScan(f"{path}: has {counted(len(sizes), 'axes')}; expected an image (columns, rows).")
    columns, rows, *further = (int(size) for size in sizes)
    if (slices := int(np.prod(further, dtype=object))) > 1:
        found = f"{path}: holds {counted(slices, 'slices')} of {columns} × {rows} px (columns × rows), as a CT or another stack does"
        raise SeveralSlices(f"{found}; expected one image. Save the slice that is meant as a file of its own, or take a task for volumes.")
    return columns, rows
