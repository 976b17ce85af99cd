"""Which images of DICOM files can be read, by what their headers declare, and with which decoder; why not the others."""

import struct
from pathlib import Path
from typing import Any

import pydicom
from pydicom import uid
from pydicom.tag import Tag

from radlearn.errors import UnreadableScan
from radlearn.files import MOST_BYTES, opened_to_read
from radlearn.scans import jpeg
from radlearn.scans.dicom_parsing import ITEM
from radlearn.scans.jpeg import MEND

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
MOST_PIXELS = 1 << 27
"More than any X-ray has: one of the whole body at 0.1 mm has 80 million. Beyond, an array would be made for a number that is damaged."
MOST_SURPLUS_BYTES, SURPLUS_WORDS = 4096, "are Rows and Columns right?"
# The first item of encapsulated pixels (PS3.5 A.4), JPEG of any kind, a JPEG 2000.
STARTS_OF_COMPRESSED = (ITEM, b"\xff\xd8\xff", jpeg.START_OF_JPEG_2000)
PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def refuse_other_objects(path: Path, dataset: pydicom.Dataset, with_pixels: bool) -> None:
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


def refuse_missing_bytes(path: Path, dataset: pydicom.Dataset, size_px: tuple[int, int]) -> None:
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


def surplus_note(dataset: pydicom.Dataset, size_px: tuple[int, int]) -> str:
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
