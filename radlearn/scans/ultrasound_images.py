"""Ultrasound images: grey values in [0, 1], and the size of a pixel where the file says it.

Machines tint their images and write in colour beside them, so pictures in colour are read as their luminance, which is noted. A picture
has no size in mm: its resolution tag is that of a printer, and is not believed.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from radlearn.errors import UnreadableScan
from radlearn.scans.dicom import is_dicom
from radlearn.scans.picture_files import read_picture
from radlearn.scans.ultrasound_dicom import read_ultrasound_dicom

SMALLEST_PX = 16


class UltrasoundImage(NamedTuple):
    """Grey values float32 (rows, columns) in [0, 1], row 0 at the probe.

    `spacing_mm` is the distance between rows and that between columns, None where the file has no such measure, and `spacing_from` the
    field that it comes from. `notes` says what was decided to read it.
    """

    pixels: np.ndarray
    spacing_mm: tuple[float, float] | None
    notes: tuple[str, ...]
    spacing_from: str = ""


def read_ultrasound(path: str | Path) -> UltrasoundImage:
    """Read an ultrasound image, a picture or one frame in DICOM.

    Raises:
        UnreadableScan: as `read_picture` and `read_ultrasound_dicom`; fewer than 16 pixels along a side; all values are alike.
    """
    path = Path(path)
    if is_dicom(path):
        pixels, (spacing, source, _), notes = read_ultrasound_dicom(path)
    else:
        picture = read_picture(path, colours="luminance")
        pixels, spacing, source, notes = picture.pixels, None, "", picture.notes
    if min(pixels.shape) < SMALLEST_PX:
        rows, columns = pixels.shape
        raise UnreadableScan(f"{path}: has {rows} × {columns} pixels (rows × columns); expected at least {SMALLEST_PX} along each side.")
    if pixels.min() == pixels.max():
        raise UnreadableScan(f"{path}: all its pixels are alike; nothing can be seen on it.")
    return UltrasoundImage(pixels, spacing, tuple(notes), source)
