"""Reads the stored numbers of a DICOM file, or says why they cannot be read.

pydicom parses, and a fixed decoder decompresses. It is fixed because pydicom's own choice depends on the installed packages, and
python-gdcm makes it three times slower on JPEG Baseline. `display` interprets the numbers.
"""

import io
import re
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from struct import error as StructError
from typing import Any, BinaryIO

import numpy as np
import pydicom
from pydicom import uid
from pydicom.encaps import get_frame
from pydicom.errors import BytesLengthException, InvalidDicomError

from radlearn.errors import UnreadableScan
from radlearn.file_kinds import kind_of, picture_advice
from radlearn.files import MOST_BYTES, nothing_there, opened_to_read
from radlearn.scans import jpeg
from radlearn.scans.decodable import (
    LOSSY_JPEG,
    PLUGIN_OF,
    refuse_absurd_size,
    refuse_missing_bytes,
    refuse_other_objects,
    surplus_note,
)
from radlearn.scans.dicom_parsing import InWords, are_whole_items, complete_description, parsed
from radlearn.scans.jpeg import MEND
from radlearn.scans.pixel_order import order_words, other_sides
from radlearn.scans.plain_jpeg import plain_jpeg
from radlearn.scans.unused_bits import Cleaned, refuse_high_bit, without_unused_bits

# On damaged bytes pydicom and the decoders may raise nearly any built-in error.
DAMAGE = (
    ArithmeticError, AssertionError, AttributeError, BytesLengthException, EOFError, InvalidDicomError, LookupError,
    MemoryError, OSError, RuntimeError, StructError, TypeError, ValueError, zlib.error,
)  # fmt: skip

HEADER_BYTES = 1 << 16  # more than the header of nearly any X-ray
WITHOUT_PREAMBLE = re.compile(rb"[\x02\x08]\0.\0", re.DOTALL)
"The tag of an element of the first groups that there are."
ADD_PREAMBLE = "Export it as DICOM Part 10, or write it so with gdcmconv or pydicom"
SEQUENCE_DELIMITER = b"\xfe\xff\xdd\xe0\0\0\0\0"
# A warnings filter: action, message, category, module, line.
SILENCE = ("ignore", None, Warning, re.compile(r"pydicom|openjpeg|_?gdcm|importlib"), 0)


@dataclass(frozen=True)
class Xray:
    """An opened file that holds one monochrome frame."""

    path: Path
    said: Any  # The header: `said.get(keyword)` is the element's value, None if missing. To be used inside `parsing`
    jpeg: bytes | None
    "The image, if it is unsigned 8-bit JPEG Baseline, which `jpeg` decodes at any scale, and the file was opened with pixels."
    precision: int | None = None
    "The bits of a pixel that a compressed image itself names; None without one, or where it was not opened with pixels."
    note: str = ""
    "What the header does not say of its pixels, and what was taken for it."


@contextmanager
def parsing(path: Path) -> Iterator[None]:
    """Silence pydicom's warnings, and turn its errors on damaged bytes into an `UnreadableScan` that names the file."""
    # Without warnings.catch_warnings, which resets with every X-ray which warnings of other libraries were already shown, and which leaves
    # wrong filters behind where two threads exit it in the wrong order.
    filters: list[Any] = warnings.filters  # type: ignore[assignment]
    filters.insert(0, SILENCE)
    try:
        yield
    except DAMAGE as error:
        why = str(error) if isinstance(error, InWords) else "its header or its pixels cannot be decoded"
        raise UnreadableScan(f"{path}: is damaged or incomplete: {why}. {MEND}") from error
    finally:
        # Unless all filters were reset meanwhile.
        if SILENCE in filters:
            filters.remove(SILENCE)


def open_xray(path: Path, with_pixels: bool = True) -> Xray:
    """Parse a file and check that it holds one monochrome frame.

    Args:
        path: of one DICOM Part 10 file.
        with_pixels: False stops before the pixels, to read headers fast.

    Raises:
        UnreadableScan: missing, empty, without DICOM header, damaged, truncated, not an image, multi-frame, colour, no decoder.
    """
    try:
        with opened_to_read(path, most_bytes=MOST_BYTES if with_pixels else None) as opened:
            # All at once, because pydicom reads a few bytes at a time.
            start = opened.read(-1 if with_pixels else HEADER_BYTES)
            refuse_without_preamble(path, start)
            if plain := plain_jpeg(start, with_pixels):
                refuse_absurd_size(path, plain[0]["Rows"], plain[0]["Columns"])
                return Xray(path, *plain)
            opened.seek(0)
            return _opened_by_pydicom(path, io.BytesIO(start) if with_pixels else opened, with_pixels)
    except FileNotFoundError:
        raise UnreadableScan(f"{path}: {nothing_there(path)}.") from None
    except OSError as error:
        raise UnreadableScan(f"{path}: cannot be opened ({error.strerror or error}); expected a DICOM file.") from None


def refuse_without_preamble(path: Path, start: bytes) -> None:
    """Raise an UnreadableScan where a file does not begin as DICOM Part 10: what else it is, by its first bytes."""
    if not start:
        raise UnreadableScan(f"{path}: is empty (0 bytes). {MEND}")
    if start[128:132] != b"DICM":
        what = "It is another kind of file, or DICOM without its header. Export it as DICOM Part 10"
        if kind := picture_advice(start) or kind_of(start):
            what = f"It is {kind}"
        elif WITHOUT_PREAMBLE.match(start):
            what = f"It is DICOM whose preamble and file meta are missing. {ADD_PREAMBLE}"
        found = f"{path}: has no DICOM header: expected the letters DICM after 128 bytes, found {start[128:132]!r}"
        raise UnreadableScan(f"{found}. {what}, or remove it.")


def _opened_by_pydicom(path: Path, source: BinaryIO, with_pixels: bool) -> Xray:
    with parsing(path):
        dataset = parsed(source, stop_before_pixels=not with_pixels)
        if with_pixels and dataset.get("Rows") is None:
            # For a file that ends within its compressed pixels pydicom returns nothing, not even the header.
            dataset = _without_delimiter(source)
        refuse_other_objects(path, dataset, with_pixels)
        syntax = dataset.file_meta.TransferSyntaxUID
        note = complete_description(dataset) if with_pixels else ""
        if not with_pixels or not syntax.is_encapsulated or syntax == uid.RLELossless:
            return Xray(path, dataset, None, note=note)
        frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
        precision, allocated = jpeg.precision_of(frame), int(dataset.BitsAllocated)
        # Two bytes a pixel are often declared for a JPEG of 8 bits, for which Pillow's plugin would look.
        is_eight_bit = (syntax == uid.JPEGBaseline8Bit and allocated == 8) or (syntax in LOSSY_JPEG and allocated == 16 and precision == 8)
        is_grey_jpeg = is_eight_bit and not dataset.get("PixelRepresentation")
        return Xray(path, dataset, frame if is_grey_jpeg else None, precision, note)


def _without_delimiter(source: BinaryIO) -> pydicom.Dataset:
    """Return a dataset that lacks the delimiter after its last fragment, which other readers do without; else its header alone."""
    source.seek(0)
    dataset = parsed(io.BytesIO(source.read() + SEQUENCE_DELIMITER), stop_before_pixels=False)
    if dataset.get("PixelData") and are_whole_items(dataset.PixelData):
        return dataset
    source.seek(0)
    return parsed(source, stop_before_pixels=True)


def decoded(xray: Xray, eighths: int = 8) -> np.ndarray:
    """Return the stored values (height, width) exactly; of an X-ray with a `jpeg`, also at a fraction of its size. See `decoded_pixels`."""
    return decoded_pixels(xray, eighths).values


def decoded_pixels(xray: Xray, eighths: int = 8) -> Cleaned:
    """Return the stored values (height, width) exactly, and which of them are padding by bits that BitsStored does not count.

    Args:
        xray: from `open_xray`.
        eighths: of the size; below 8 only for an X-ray with a `jpeg` whose `Display` is linear: otherwise averaging before the mapping
            gives another image.

    Raises:
        UnreadableScan: damaged or truncated, or with values that BitsStored does not allow.
    """
    path, said, note = xray.path, xray.said, ""
    with parsing(path):
        size_px = (int(said.get("Rows")), int(said.get("Columns")))
    if xray.jpeg is not None:
        jpeg.refuse_damaged(path, xray.jpeg, size_px, bits=8)
        return Cleaned(jpeg.decoded_grey(path, xray.jpeg, size_px, eighths))
    with parsing(path):
        syntax = said.file_meta.TransferSyntaxUID
        is_plain = not syntax.is_encapsulated or syntax == uid.RLELossless
        if is_plain:
            _explained(path, refuse_high_bit, said)
        if not syntax.is_encapsulated:
            refuse_missing_bytes(path, said, size_px)
            note = surplus_note(said, size_px)
        elif syntax != uid.RLELossless:
            jpeg.refuse_damaged(path, get_frame(said.PixelData, 0, number_of_frames=1), size_px, int(said.BitsAllocated))
            if syntax in LOSSY_JPEG and said.get("PixelRepresentation"):
                jpeg.refuse_sign(path, xray.precision, int(said.BitsAllocated))
        if PLUGIN_OF[syntax] == "gdcm":
            _silence_gdcm()
        if syntax == uid.JPEGExtended12Bit and (xray.precision or 0) > 8:
            stored = _twelve_bits(path, size_px)
        else:
            # pydicom would drop bits that BitsStored does not count without looking at them.
            # gdcm drops bits that BitsStored does not count by itself.
            bits = max(int(said.get("BitsStored") or 0), xray.precision or 0)
            more = {"bits_stored": bits} if PLUGIN_OF[syntax] == "gdcm" else {}
            said.pixel_array_options(decoding_plugin=PLUGIN_OF[syntax], correct_unused_bits=False, **more)
            stored = said.pixel_array
    if stored.shape != size_px:
        raise UnreadableScan(f"{path}: decodes to an array of {stored.shape}, but its header declares {size_px}. {MEND}")
    cleaned: Cleaned = _explained(path, without_unused_bits, stored, said)
    order = order_words(stored) if not syntax.is_encapsulated else other_sides(stored) if is_plain else ""
    return cleaned._replace(note="; ".join(filter(None, [note, order, cleaned.note])))


def _twelve_bits(path: Path, size_px: tuple[int, int]) -> np.ndarray:
    """Decode a JPEG Extended of more than 8 bits with gdcm itself, because Pillow cannot and pydicom's plugins do not ask gdcm for it."""
    import gdcm

    _silence_gdcm()
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    if not reader.Read():
        raise InWords("its JPEG of 12 bits cannot be decoded")
    # SWIG gives bytes as text.
    content = reader.GetImage().GetBuffer().encode("utf-8", "surrogateescape")
    return np.frombuffer(content, "<u2").reshape(size_px).copy()


def _explained(path: Path, work: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function whose ValueError says in words what is wrong with a file, and what to do."""
    try:
        return work(*arguments)
    except ValueError as error:
        raise UnreadableScan(f"{path}: {error}.") from None


def _silence_gdcm() -> None:
    """Stop gdcm from writing to the terminal; its JPEG library still prints a line about damaged data."""
    import gdcm

    gdcm.Trace.WarningOff()
    gdcm.Trace.ErrorOff()
    gdcm.Trace.DebugOff()
