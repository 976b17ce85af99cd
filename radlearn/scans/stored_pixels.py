"""Reads the stored numbers of a DICOM file, or says why they cannot be read.

pydicom parses, and a fixed decoder decompresses. It is fixed because pydicom's own choice depends on the installed packages, and
python-gdcm makes it three times slower on JPEG Baseline. `display` interprets the numbers.
"""

import io
import re
import struct
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
from pydicom.tag import Tag

from radlearn.errors import UnreadableScan
from radlearn.file_kinds import kind_of, picture_advice
from radlearn.files import MOST_BYTES, nothing_there, opened_to_read
from radlearn.scans import jpeg
from radlearn.scans.dicom_parsing import ITEM, InWords, are_whole_items, complete_description, parsed
from radlearn.scans.jpeg import MEND
from radlearn.scans.pixel_order import order_words, other_sides
from radlearn.scans.plain_jpeg import plain_jpeg
from radlearn.scans.unused_bits import Cleaned, refuse_high_bit, without_unused_bits

# On damaged bytes pydicom and the decoders may raise nearly any built-in error.
DAMAGE = (
    ArithmeticError, AssertionError, AttributeError, BytesLengthException, EOFError, InvalidDicomError, LookupError,
    MemoryError, OSError, RuntimeError, StructError, TypeError, ValueError, zlib.error,
)  # fmt: skip

# pylibjpeg here is pylibjpeg-openjpeg (MIT; pylibjpeg-libjpeg is GPL): it decodes to the same values as gdcm, and raises an error on
# damage where gdcm writes to the terminal. gdcm decodes what the others cannot.
PLUGIN_OF = {
    **dict.fromkeys((uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian), ""),
    **dict.fromkeys((uid.ExplicitVRBigEndian, uid.DeflatedExplicitVRLittleEndian), ""),
    uid.RLELossless: "pydicom",
    **dict.fromkeys((uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit), "pillow"),
    **dict.fromkeys((uid.JPEGLossless, uid.JPEGLosslessSV1, uid.JPEGLSLossless, uid.JPEGLSNearLossless), "gdcm"),
    **dict.fromkeys((uid.JPEG2000Lossless, uid.JPEG2000, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K), "pylibjpeg"),
}

LOSSY_JPEG = (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit)
HEADER_BYTES = 1 << 16  # more than the header of nearly any X-ray
MOST_PIXELS = 1 << 27
"More than any X-ray has: one of the whole body at 0.1 mm has 80 million. Beyond, an array would be made for a number that is damaged."
MOST_SURPLUS_BYTES, SURPLUS_WORDS = 4096, "are Rows and Columns right?"
WITHOUT_PREAMBLE = re.compile(rb"[\x02\x08]\0.\0", re.DOTALL)
"The tag of an element of the first groups that there are."
ADD_PREAMBLE = "Export it as DICOM Part 10, or write it so with gdcmconv or pydicom"
SEQUENCE_DELIMITER = b"\xfe\xff\xdd\xe0\0\0\0\0"
# The first item of encapsulated pixels (PS3.5 A.4), JPEG of any kind, a JPEG 2000.
STARTS_OF_COMPRESSED = (ITEM, b"\xff\xd8\xff", jpeg.START_OF_JPEG_2000)
PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
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
        _refuse_other_objects(path, dataset, with_pixels)
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
            _refuse_missing_bytes(path, said, size_px)
            note = _surplus_note(said, size_px)
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


def _refuse_other_objects(path: Path, dataset: pydicom.Dataset, with_pixels: bool) -> None:
    """Raise an `UnreadableScan` unless the header declares one monochrome frame that can be decoded."""
    kind = _kind(dataset)
    pixels = next((keyword for keyword in PIXEL_KEYWORDS if dataset.get(keyword)), None)
    if dataset.get("Rows") is None or dataset.get("BitsAllocated") is None:
        raise UnreadableScan(
            f"{path}: holds no image ({kind}): its header has no rows and columns, or ends before them. Leave "
            "such files out; if it was an image, copy or export it again."
        )
    if int(dataset.get("NumberOfFrames") or 1) > 1:
        found = f"{path}: has {dataset.NumberOfFrames} frames ({kind})"
        raise UnreadableScan(f"{found}; radlearn reads single images. Split it into frames, or remove it.")
    photometric = photometric_of(dataset)
    samples = int(dataset.get("SamplesPerPixel") or 1)
    if samples > 1 or photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise UnreadableScan(
            f"{path}: {'is in colour' if photometric else 'does not declare greyscale'}: PhotometricInterpretation is {photometric!r}, "
            f"samples per pixel {samples}; radlearn reads MONOCHROME1 and MONOCHROME2. Convert it to greyscale, or remove it."
        )
    refuse_absurd_size(path, int(dataset.Rows), int(dataset.Columns))
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax not in PLUGIN_OF:
        found = f"{path}: there is no decoder for its transfer syntax, which is {f'{syntax.name} ({syntax})' if syntax else 'missing'}"
        raise UnreadableScan(f"{found}. Convert it, for example with 'gdcmconv --raw IN OUT'.")
    if with_pixels and pixels is None:
        size = f"{dataset.Columns} × {dataset.Rows} px (width × height)"
        if not _begins_pixels(path):
            raise UnreadableScan(
                f"{path}: holds no pixels: its header declares an image of {size}, and no pixel data follow. Only the header was kept, "
                "or the file was cut short there. Export it again with its pixels, or remove it."
            )
        raise UnreadableScan(f"{path}: is truncated: its header declares an image of {size}, but the file ends before or within it. {MEND}")


def _begins_pixels(path: Path) -> bool:
    """Whether pixel data with at least one byte is announced anywhere in a file of which pydicom returned none."""
    with opened_to_read(path, most_bytes=MOST_BYTES) as opened:
        content = opened.read()
    tags = [Tag(keyword) for keyword in PIXEL_KEYWORDS]
    orders = [struct.pack(order + "HH", tag.group, tag.element) for tag in tags for order in "<>"]
    # Of a file without pixels the last element may be them, of length 0.
    return any(content[at + 8 :].strip(b"\0") for one in orders if (at := content.rfind(one)) >= 0)


def photometric_of(said: Any) -> str:
    """Return PhotometricInterpretation in the capitals of the standard, "" where it is missing."""
    return str(said.get("PhotometricInterpretation") or "").strip(" \0").upper()


def refuse_absurd_size(path: Path, rows: int, columns: int) -> None:
    """Raise an `UnreadableScan` for an image that has no pixels, or more than any has."""
    if rows <= 0 or columns <= 0:
        raise UnreadableScan(f"{path}: its header declares {rows} rows and {columns} columns. {MEND}")
    if rows * columns > MOST_PIXELS:
        found = f"{path}: its header declares {columns:,} × {rows:,} px (width × height)"
        raise UnreadableScan(f"{found}; radlearn reads images of up to {MOST_PIXELS:,} pixels. The header is damaged. {MEND}")


def _refuse_missing_bytes(path: Path, dataset: pydicom.Dataset, size_px: tuple[int, int]) -> None:
    """Raise an `UnreadableScan` unless all uncompressed pixels are there."""
    expected = -(-size_px[0] * size_px[1] * int(dataset.BitsAllocated) // 8)
    found = len(next(dataset[keyword].value for keyword in PIXEL_KEYWORDS if dataset.get(keyword)))
    if found < expected or found - expected >= max(expected, 2):
        _refuse_compressed(path, dataset)
    if found < expected:
        raise UnreadableScan(f"{path}: is truncated: it holds {found:,} bytes of pixels where its header declares {expected:,}. {MEND}")
    if found - expected >= max(expected, 2):
        which = "Rows, Columns, BitsAllocated, SamplesPerPixel or NumberOfFrames is wrong. Correct the header, or export it again."
        many = f"{found:,} bytes of pixels, {found / expected:.3g} times as many as its header declares"
        raise UnreadableScan(f"{path}: holds {many}: {which}")


def _refuse_compressed(path: Path, dataset: pydicom.Dataset) -> None:
    """Raise an `UnreadableScan` where pixels of another size than the header declares begin as compressed ones do."""
    start = bytes(next(dataset[keyword].value for keyword in PIXEL_KEYWORDS if dataset.get(keyword))[:4])
    if start.startswith(STARTS_OF_COMPRESSED):
        syntax = dataset.file_meta.TransferSyntaxUID
        found = f"{path}: its pixels begin as a compressed image does, but its TransferSyntaxUID ({syntax}, {syntax.name}) says that they"
        raise UnreadableScan(f"{found} are not compressed. Correct TransferSyntaxUID, or export it again from its source.")


def _surplus_note(dataset: pydicom.Dataset, size_px: tuple[int, int]) -> str:
    """Return a note on uncompressed pixels with more bytes behind them than blocks of a disk are filled up with; "" else."""
    expected = -(-size_px[0] * size_px[1] * int(dataset.BitsAllocated) // 8)
    found = len(next(dataset[keyword].value for keyword in PIXEL_KEYWORDS if dataset.get(keyword)))
    if found - expected <= MOST_SURPLUS_BYTES:
        return ""
    return f"{found - expected:,} bytes follow its pixels, and are left out: {SURPLUS_WORDS}"


def _kind(dataset: pydicom.Dataset) -> str:
    """Describe the kind of DICOM object, for messages."""
    modality = dataset.get("Modality") or "none"
    sop_class = dataset.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID")
    return f"Modality {modality}, {sop_class.name}" if sop_class else f"Modality {modality}"


def _silence_gdcm() -> None:
    """Stop gdcm from writing to the terminal; its JPEG library still prints a line about damaged data."""
    import gdcm

    gdcm.Trace.WarningOff()
    gdcm.Trace.ErrorOff()
    gdcm.Trace.DebugOff()
