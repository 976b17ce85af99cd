"""JPEG frames: checks that a frame is complete and matches the DICOM header, and decodes greyscale directly to a smaller size.

A JPEG stores 8 × 8 blocks as cosine coefficients. Transforming back only the lowest 2 × 2 of them gives the image at a quarter of
its size for a fraction of the work, and differs from averaging the full image by 0.06 grey levels of 255 on real X-rays.
"""

from pathlib import Path
from struct import error as StructError
from struct import unpack_from

import numpy as np
import simplejpeg

from radlearn.amounts import counted
from radlearn.errors import UnreadableScan

# JPEG, JPEG-LS and JPEG 2000 all end with it (ISO 10918-1 B.1.1.3, 14495-1 C.1.1, 15444-1 A.4.4).
END_OF_IMAGE = b"\xff\xd9"
START_OF_JPEG_2000 = b"\xff\x4f\xff\x51"
START_OF_DATA = b"\xff\x93"
"Of a JPEG 2000: before the first coded tile."
START_OF_SCAN = 0xDA
# Start-of-frame markers of JPEG (C0 to CF without DHT, JPG and DAC) and of JPEG-LS (F7).
FRAME_MARKERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
MEND = "Copy or export it again from its source, or remove it."


def refuse_damaged(path: Path, frame: bytes, size_px: tuple[int, int], bits: int, channels: int = 1) -> None:
    """Refuse frames that decoders would accept wrongly: they fill a missing end with grey, and gdcm aborts the process on a larger image.

    Args:
        path: named in errors.
        frame: one compressed image: JPEG of any kind, JPEG-LS or JPEG 2000.
        size_px: (height, width) in the DICOM header.
        bits: the most that a pixel may have.
        channels: of the image, 3 where it is in colour.

    Raises:
        UnreadableScan: no end marker (what follows it is padding), no readable start, colour, another size or more bits.
    """
    if not _has_end(frame):
        raise UnreadableScan(f"{path}: is truncated: its compressed image of {len(frame):,} bytes has no end marker. {MEND}")
    try:
        height, width, components, precision = _frame_header(frame)
    except (IndexError, StructError, ValueError):
        raise UnreadableScan(f"{path}: its compressed image is damaged: it does not start as JPEG or JPEG 2000. {MEND}") from None
    if components != channels:
        found = f"{path}: its compressed image is {'in colour' if components > 1 else 'grey'} ({counted(components, 'components')})"
        raise UnreadableScan(f"{found}; its header declares {'greyscale' if channels == 1 else 'colour'}. Convert or remove it.")
    if (height, width) != size_px or precision > bits:
        mend = MEND if (height, width) != size_px else "Correct BitsAllocated, BitsStored and HighBit in its header, or export it again."
        raise UnreadableScan(
            f"{path}: its compressed image is {height} × {width} of {precision} bits; its header declares {size_px[0]} × {size_px[1]} "
            f"of at most {bits} (BitsAllocated). {mend}"
        )


def refuse_sign(path: Path, precision: int | None, allocated: int) -> None:
    """Refuse a JPEG of 8 bits, which have no sign, in a header of more bits with one: decoders would look for two bytes a pixel."""
    if precision == 8 < allocated:
        found = f"{path}: its header declares pixels of {allocated} bits with a sign, but its JPEG has 8 bits and no sign"
        raise UnreadableScan(
            f"{found}. Correct BitsAllocated, BitsStored, HighBit and PixelRepresentation in its header, or export it again."
        )


def precision_of(frame: bytes) -> int | None:
    """Return the bits of a pixel that a compressed image itself names; None where its beginning cannot be read."""
    try:
        return _frame_header(frame)[3]
    except (IndexError, StructError, ValueError):
        return None


def smallest_eighths(size_px: tuple[int, int], at_least_px: tuple[int, int]) -> int:
    """Return the smallest n of 1 … 8 for which n/8 of (height, width) is not below `at_least_px`; 8 if there is none.

    >>> smallest_eighths((1024, 1024), (256, 256)), smallest_eighths((1024, 1024), (257, 20)), smallest_eighths((100, 100), (256, 256))
    (2, 3, 8)
    """
    return next((n for n in range(1, 8) if all(side * n >= wanted * 8 for side, wanted in zip(size_px, at_least_px, strict=True))), 8)


def smallest_whole_eighths(size_px: tuple[int, int], at_least_px: int) -> int:
    """Return the smallest n of 1 … 7 for which n/8 of both sides is whole and at least `at_least_px`; 8 if there is none.

    >>> smallest_whole_eighths((1024, 1024), 256), smallest_whole_eighths((2500, 2048), 256), smallest_whole_eighths((999, 1024), 100)
    (2, 2, 8)
    """
    return next((n for n in range(1, 8) if all(side * n % 8 == 0 and side * n >= at_least_px * 8 for side in size_px)), 8)


def decoded_grey(path: Path, frame: bytes, size_px: tuple[int, int], eighths: int = 8) -> np.ndarray:
    """Decode a greyscale 8-bit JPEG to uint8, at its own size or at 1/8 … 7/8 of it.

    Args:
        path: named in errors.
        frame: the whole JPEG.
        size_px: its (height, width).
        eighths: of the size. Where that is not a whole number of pixels, the last row or column lies partly outside the image.

    Raises:
        UnreadableScan: the JPEG is damaged.
    """
    height, width = (-(-side * eighths // 8) for side in size_px)
    try:
        return simplejpeg.decode_jpeg(frame, "GRAY", min_height=height, min_width=width, min_factor=1)[..., 0]
    except ValueError as error:
        raise UnreadableScan(f"{path}: its JPEG image is damaged. {MEND}") from error


def _has_end(frame: bytes) -> bool:
    """Whether an end marker follows the beginning of the coded pixels, among which it cannot occur.

    Any bytes may follow it: encoders pad a frame to an even length, and not all of them with 0.
    """
    start = _pixels_start(frame)
    return frame.rfind(END_OF_IMAGE, start) >= 0 if start is not None else frame[-64:].rstrip(b"\0").endswith(END_OF_IMAGE)


def _pixels_start(frame: bytes) -> int | None:
    """Return where the coded pixels begin; None where that cannot be found."""
    try:
        if not frame.startswith(b"\xff\xd8"):
            return frame.index(START_OF_DATA, frame.index(START_OF_JPEG_2000))
        place = 2
        # Segments are skipped by their lengths, because a thumbnail in one of them has an end marker of its own.
        while frame[place] == 0xFF and frame[place + 1] != START_OF_SCAN:
            place += 1 if frame[place + 1] == 0xFF else 2 + unpack_from(">H", frame, place + 2)[0]
        return place if frame[place] == 0xFF else None
    except (IndexError, StructError, ValueError):
        return None


def _frame_header(frame: bytes) -> tuple[int, int, int, int]:
    """Return height, width, components and bits of a pixel, from SOF (ISO 10918-1 B.2.2) or SIZ (ISO 15444-1 A.5.1)."""
    if not frame.startswith(b"\xff\xd8"):
        # JPEG 2000 may lie in a JP2 wrapper, against the standard.
        start = frame.index(START_OF_JPEG_2000)
        right, bottom, left, top = unpack_from(">4I", frame, start + 8)
        components, depth = unpack_from(">HB", frame, start + 40)
        return bottom - top, right - left, components, (depth & 0x7F) + 1
    place = 2
    while frame[place] == 0xFF:
        marker = frame[place + 1]
        if marker in FRAME_MARKERS:
            precision, height, width, components = unpack_from(">BHHB", frame, place + 4)
            return height, width, components, precision
        # A marker may be preceded by any number of fill bytes FF.
        place += 1 if marker == 0xFF else 2 + unpack_from(">H", frame, place + 2)[0]
    raise ValueError("no start of frame")
