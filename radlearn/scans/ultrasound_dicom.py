"""Ultrasound images in DICOM: one frame, grey or in colour, as a picture of the same pixels would be read.

Machines tint their images and write in colour beside them, so that RGB, YBR and palettes are common. pydicom makes all of them RGB. Grey
frames are read as X-rays are, by `dicom`.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydicom.encaps import get_frame
from pydicom.pixels import apply_color_lut
from pydicom.uid import RLELossless

from radlearn.amounts import counted
from radlearn.errors import UnreadableScan
from radlearn.files import MOST_BYTES, opened_to_read
from radlearn.scans import jpeg
from radlearn.scans.chest_xray import NO_XRAY_MODALITIES, XRAY_MODALITIES
from radlearn.scans.decodable import LOSSY_JPEG, MOST_PIXELS, PLUGIN_OF, photometric_of
from radlearn.scans.dicom import read_frame
from radlearn.scans.dicom_parsing import parsed
from radlearn.scans.header_texts import text_in
from radlearn.scans.jpeg_pictures import jpeg_trouble
from radlearn.scans.picture_files import Stored, grey_of_channels, picture_of
from radlearn.scans.pixel_order import order_words
from radlearn.scans.pixel_spacing import SECONDARY_CAPTURE, PixelSpacing
from radlearn.scans.stored_pixels import parsing
from radlearn.scans.ultrasound_regions import REGIONS, Box, calibrated_boxes, ultrasound_spacing_of

PALETTE = "PALETTE COLOR"
ULTRASOUND = {"US", "IVUS"}
SAYS_NOTHING = {"OT", ""}
"Modalities of captured and converted images, which may be ultrasound."
OTHERS = (NO_XRAY_MODALITIES | XRAY_MODALITIES) - ULTRASOUND - SAYS_NOTHING
TAKE_A_FRAME = "Save the frame that you want as a PNG: pydicom.pixels.pixel_array(PATH, index=0) gives the first."


class UltrasoundFrame(NamedTuple):
    """Grey values float32 (rows, columns) in [0, 1], the size of a pixel, what was decided to read it, and where the size holds.

    `calibrated` is empty where it holds everywhere.
    """

    pixels: np.ndarray
    spacing: PixelSpacing
    notes: tuple[str, ...]
    calibrated: tuple[Box, ...] = ()


def read_ultrasound_dicom(path: Path) -> UltrasoundFrame:
    """Read the frame of a DICOM file; of one in colour its luminance.

    Raises:
        UnreadableScan: as `read_radiograph`; several frames; a modality that is surely not ultrasound.
    """
    with opened_to_read(path) as opened, parsing(path):
        said = parsed(opened, stop_before_pixels=True)
        frames, in_colour = int(said.get("NumberOfFrames") or 1), is_in_colour(said)
        # It may have been cut or stretched after its sizes were written.
        captured = str(said.get("SOPClassUID") or "").startswith(SECONDARY_CAPTURE)
        spacing = PixelSpacing(None) if captured else ultrasound_spacing_of(said)
        calibrated = calibrated_boxes(said) if spacing.source == REGIONS else ()
        modality = text_in(said, "Modality").upper()
    if modality in OTHERS:
        raise UnreadableScan(f"{path}: Modality is {modality}; expected ultrasound (US). Leave such files out.")
    if frames > 1:
        raise UnreadableScan(f"{path}: is a cine loop of {counted(frames, 'frames')}; expected one image. {TAKE_A_FRAME}")
    if in_colour:
        picture = picture_of(path, stored_colours(path, "luminance"))
        pixels, notes = picture.pixels, picture.notes
    else:
        pixels, notes = read_frame(path)
    doubt = "" if modality in ULTRASOUND else f"may be no ultrasound: Modality is {modality or 'missing'}"
    return UltrasoundFrame(pixels, spacing, tuple(dict.fromkeys(filter(None, (doubt, *notes, spacing.note)))), calibrated)


def is_in_colour(said: Any) -> bool:
    """Whether a header is that of an image in colour, in three channels or with a palette."""
    return int(said.get("SamplesPerPixel") or 1) == 3 or photometric_of(said) == PALETTE


def stored_colours(path: Path, colours: Any) -> Stored:
    """Return what is stored in one frame in colour, as `picture_files.read_stored` does of a picture.

    Raises:
        UnreadableScan: damaged, truncated, without a decoder.
    """
    with opened_to_read(path, most_bytes=MOST_BYTES) as opened, parsing(path):
        said = parsed(opened, stop_before_pixels=False)
        if not is_in_colour(said) or int(said.get("NumberOfFrames") or 1) > 1:
            raise UnreadableScan(f"{path}: is no single frame in colour.")
        size_px, syntax = (int(said.Rows), int(said.Columns)), said.file_meta.get("TransferSyntaxUID")
        if syntax not in PLUGIN_OF or not 0 < size_px[0] * size_px[1] <= MOST_PIXELS:
            known = f"{size_px[0]} × {size_px[1]} pixels, transfer syntax {getattr(syntax, 'name', syntax)}"
            raise UnreadableScan(f"{path}: cannot be decoded ({known}). Convert it, for example with 'gdcmconv --raw IN OUT'.")
        if syntax.is_encapsulated and syntax != RLELossless:
            frame = get_frame(said.PixelData, 0, number_of_frames=1)
            jpeg.refuse_damaged(path, frame, size_px, int(said.BitsAllocated), int(said.get("SamplesPerPixel") or 1))
            if syntax in LOSSY_JPEG and (trouble := jpeg_trouble(frame)):
                raise UnreadableScan(f"{path}: {trouble}. {jpeg.MEND}")
        said.pixel_array_options(decoding_plugin=PLUGIN_OF[syntax])
        channels = said.pixel_array
        if photometric_of(said) == PALETTE:
            channels = apply_color_lut(channels, said)
        if channels.shape != (*size_px, 3) or channels.dtype.kind != "u" or channels.dtype.itemsize > 2:
            raise UnreadableScan(f"{path}: decodes to {channels.dtype} of {channels.shape}; expected red, green and blue. {jpeg.MEND}")
    order = "" if syntax.is_encapsulated else order_words(channels.max(axis=2))
    white = 255 if channels.dtype.itemsize == 1 else 65535
    opaque = np.broadcast_to(np.uint16(white), size_px)
    grey = grey_of_channels(path, channels.astype(np.int16 if white == 255 else np.int32), opaque, white, colours)
    return grey._replace(order=order)
