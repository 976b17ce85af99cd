"""Ultrasound images: grey values in [0, 1], and the size of a pixel where the file says it.

Machines tint their images and write in colour beside them, so pictures in colour are read as their luminance, which is noted. A picture
has no size in mm: its resolution tag is that of a printer, and is not believed. A volume file has one in its affine, unless that is 1 mm,
which programs write for what they do not know.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from radlearn.amounts import counted
from radlearn.errors import UnreadableScan
from radlearn.scans.dicom import is_dicom
from radlearn.scans.plain_images import read_plain_image
from radlearn.scans.ultrasound_dicom import read_ultrasound_dicom
from radlearn.scans.ultrasound_regions import Box, too_deep

SMALLEST_PX = 16
MOST_VALUES, FLAT_ABOVE, LOOKED_AT = 32, 0.9, 64
"""Of a label map: grey values, the share of neighbours that have the same one, and rows that are looked at for it first. Speckle has others
everywhere: of 102 real images the share is 0.73 at most, with their black borders, and none has fewer than 200 values."""


class UltrasoundImage(NamedTuple):
    """Grey values float32 (rows, columns) in [0, 1], row 0 at the probe.

    `spacing_mm` is the distance between rows and that between columns, None where the file has no such measure, and `spacing_from` the
    field that it comes from. `notes` says what was decided to read it. `calibrated` are the parts of the image in which pixels have this
    size; empty where it is all of it.
    """

    pixels: np.ndarray
    spacing_mm: tuple[float, float] | None
    notes: tuple[str, ...]
    spacing_from: str = ""
    calibrated: tuple[Box, ...] = ()


def read_ultrasound(path: str | Path) -> UltrasoundImage:
    """Read an ultrasound image: a picture, one frame in DICOM, or a NIfTI, MetaImage or NRRD file of one slice.

    Raises:
        UnreadableScan: as `read_plain_image` and `read_ultrasound_dicom`; fewer than 16 pixels along a side; all values are alike; it is
            a label map.
    """
    path = Path(path)
    if is_dicom(path):
        pixels, (spacing, source, _), notes, calibrated = read_ultrasound_dicom(path)
    else:
        calibrated = ()
        (pixels, _, notes), size = read_plain_image(path, colours="luminance")
        spacing, source, notes = size.mm, size.source, (*notes, *filter(None, [size.note]))
    if spacing is not None and (deep := too_deep(spacing, len(pixels), calibrated)):
        spacing, source, notes, calibrated = None, "", (*notes, deep), ()
    if min(pixels.shape) < SMALLEST_PX:
        rows, columns = pixels.shape
        raise UnreadableScan(f"{path}: has {rows} × {columns} pixels (rows × columns); expected at least {SMALLEST_PX} along each side.")
    if pixels.min() == pixels.max():
        raise UnreadableScan(f"{path}: all its pixels are alike; nothing can be seen on it.")
    if values := _values_of_label_map(pixels):
        found = f"{path}: is no image but looks like a label map: flat areas of {counted(values, 'values')}, and no speckle"
        raise UnreadableScan(f"{found}. Leave it out, or name the image that it belongs to.")
    return UltrasoundImage(pixels, spacing, tuple(notes), source, calibrated)


def _values_of_label_map(pixels: np.ndarray) -> int:
    """Return how many values what is surely a label map has; 0 for an image."""
    rows = pixels[:: max(1, len(pixels) // LOOKED_AT)]
    if (rows[:, 1:] == rows[:, :-1]).mean() < FLAT_ABOVE or (pixels[:, 1:] == pixels[:, :-1]).mean() < FLAT_ABOVE:
        return 0
    values = len(np.unique(pixels))
    return values if values <= MOST_VALUES else 0
