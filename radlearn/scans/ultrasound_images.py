"""Ultrasound images: grey values in [0, 1], and the size of a pixel where the file says it.

Machines tint their images and write in colour beside them, so pictures in colour are read as their luminance, which is noted. A picture
has no size in mm: its resolution tag is that of a printer, and is not believed. A volume file has one in its affine, unless that is 1 mm,
which programs write for what they do not know.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from radlearn.errors import UnreadableScan
from radlearn.scans.dicom import is_dicom, read_radiograph
from radlearn.scans.plain_images import read_plain_image

SMALLEST_PX = 16
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


class UltrasoundImage(NamedTuple):
    """Grey values float32 (rows, columns) in [0, 1], row 0 at the probe.

    `spacing_mm` is the distance between rows and that between columns, None where the file has no such measure. `notes` says what was
    decided to read it.
    """

    pixels: np.ndarray
    spacing_mm: tuple[float, float] | None
    notes: tuple[str, ...]


def read_ultrasound(path: str | Path) -> UltrasoundImage:
    """Read an ultrasound image: a picture, one frame in DICOM, or a NIfTI, MetaImage or NRRD file of one slice.

    Raises:
        UnreadableScan: as `read_plain_image` and `read_radiograph`; fewer than 16 pixels along a side; all values are alike.
    """
    path = Path(path)
    if is_dicom(path):
        frame = read_radiograph(path)
        pixels, notes = frame.pixels, frame.notes
        # A secondary capture may have been cropped or stretched after its spacing was written.
        spacing = None if frame.header.sop_class.startswith(SECONDARY_CAPTURE) else frame.header.spacing_in_patient_mm
    else:
        (pixels, _, notes), size = read_plain_image(path, colours="luminance")
        spacing, notes = size.mm, (*notes, *filter(None, [size.note]))
    if min(pixels.shape) < SMALLEST_PX:
        rows, columns = pixels.shape
        raise UnreadableScan(f"{path}: has {rows} × {columns} pixels (rows × columns); expected at least {SMALLEST_PX} along each side.")
    if pixels.min() == pixels.max():
        raise UnreadableScan(f"{path}: all its pixels are alike; nothing can be seen on it.")
    return UltrasoundImage(pixels, spacing, tuple(notes))
