"""What a file is by its first bytes, for messages about one that is another kind than its name says."""

import lzma
import re
import struct
import zipfile
import zlib
from pathlib import Path

DAMAGED_ZIP = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, NotImplementedError, OSError, ValueError, IndexError,
    struct.error, OverflowError,
)  # fmt: skip
"What zipfile raises of what is in a zip; RuntimeError for a password, NotImplementedError for a way of packing that it does not know."

MADE_OF = "Use the DICOM or NIfTI file that it was made of"
ONE_FILE = "Make one file of the two: SimpleITK.WriteImage(SimpleITK.ReadImage('{0}'), 'NAME.nii.gz')"
HEADER_BYTES = 4096
KINDS: tuple[tuple[bytes, str, str], ...] = (
    (rb"\x1f\x8b", "packed with gzip", "Unpack it first (gunzip)"),
    (rb"PK\x03\x04.{26}\[Content_Types\]|PK\x03\x04.{26}(?:xl|docProps)/", "an Excel workbook (.xlsx)", "Save the table as CSV UTF-8"),
    (rb"PK\x03\x04|PK\x05\x06", "a zip archive", "Unpack it first"),
    (rb"BZh[1-9]1AY&SY|\xfd7zXZ\x00|\x28\xb5\x2f\xfd|7z\xbc\xaf\x27\x1c|Rar!\x1a\x07", "packed", "Unpack it first"),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document, such as .xls", "Save the table as CSV UTF-8"),
    (rb"version https://git-lfs", "a Git LFS pointer, which stands for the file", "Fetch the file itself with 'git lfs pull'"),
    (rb"\s*(?:<!doctype html|<html|<head)", "an HTML page, as a failed download leaves it", "Download it again"),
    (rb"\s*<\?xml", "XML", "Look where the file came from"),
    (rb"\x89PNG\r\n\x1a\n", "a PNG picture", MADE_OF),
    (rb"\xff\xd8\xff", "a JPEG picture", MADE_OF),
    (rb"II\*\x00|MM\x00\*|II\+\x00|MM\x00\+", "a TIFF picture", MADE_OF),
    (rb"\x00\x00\x00\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51", "a JPEG 2000 picture", MADE_OF),
    (rb"RIFF.{4}WEBP", "a WebP picture", MADE_OF),
    (rb"GIF8[79]a", "a GIF picture", MADE_OF),
    (rb".{4}ftyp(?:heic|heix|hevc|mif1|msf1|avif)", "a HEIF picture", MADE_OF),
    (
        rb"P[1-6]\s(?:#[^\n]*\n)?\s*\d+\s+\d+\s",
        "a portable grey map (PGM) or another such picture",
        MADE_OF,
    ),
    (rb"BM.{4}\x00{4}", "a BMP picture", MADE_OF),
    (rb"%PDF-", "a PDF document", "Use the file that it was made of"),
    (rb"\x89HDF\r\n\x1a\n", "HDF5", "Convert it, for example with h5py and nibabel"),
    (rb"\x93NUMPY", "a NumPy array, which has no place in the patient", "Use the file that it was made of"),
    (rb"NRRD000.*?\ndata ?file:", "the header of an NRRD volume whose voxels lie in another file", ONE_FILE.format("NAME.nhdr")),
    (rb"NRRD000", "NRRD", "Name it .nrrd"),
    (
        rb"ObjectType\s*=\s*Image.*?\nElementDataFile\s*=\s*(?!LOCAL)\S",
        "the header of a MetaImage whose voxels lie in another file",
        ONE_FILE.format("NAME.mhd"),
    ),
    (rb"ObjectType\s*=\s*Image", "MetaImage", "Name it .mha"),
    (rb".{128}DICM", "DICOM", "Give it a name that ends with .dcm"),
    (rb".{344}(?:n\+1|ni1|n\+2|ni2)\x00", "NIfTI", "Name it .nii or .nii.gz"),
    (rb"SQLite format 3\x00", "a SQLite database", "Look where the file came from"),
    (rb"PAR1", "a Parquet table", "Save the table as CSV UTF-8"),
    (rb"\s*[\[{]\s*[\"{\[\]}]", "JSON", "Save the table as CSV, one row a line"),
)
"Pattern of the beginning, what it is, and what to do with it. More special ones stand before."
IMAGES = ("DICOM", "NIfTI", "NRRD", "MetaImage")
"Kinds of scans and X-rays; pictures are called so."
STAND_INS = ("a Git LFS pointer", "an HTML page")


READ_BY_NAME = {"a PNG picture": ".png", "a JPEG picture": ".jpg", "a TIFF picture": ".tif", "a BMP picture": ".bmp"}
"Pictures that are read as X-rays under such a name."


def picture_advice(start: bytes) -> str:
    """Return what kind of picture a file is and how it becomes one that is read as an X-ray; "" where it is no picture that is known.

    >>> picture_advice(b"GIF89a")
    'a GIF picture, which radlearn does not read. Convert it to PNG or TIFF without loss, or use the DICOM file that it was made of'
    """
    kind = kind_of(start).partition(". ")[0]
    if "picture" not in kind:
        return ""
    if suffix := READ_BY_NAME.get(kind):
        return f"{kind}. Give it a name that ends with {suffix}"
    return f"{kind}, which radlearn does not read. Convert it to PNG or TIFF without loss, or use the DICOM file that it was made of"


def kind_of(start: bytes) -> str:
    """Return what a file is and what to do with it, as `a PNG picture. Use …`, by its first 4096 bytes; "" where they tell nothing.

    >>> kind_of(b"<!DOCTYPE html><html>")
    'an HTML page, as a failed download leaves it. Download it again'
    """
    found = ((what, advice) for pattern, what, advice in KINDS if re.match(pattern, start[:HEADER_BYTES], re.DOTALL | re.IGNORECASE))
    return next((f"{what}. {advice}" for what, advice in found), "")


def image_kind(start: bytes) -> str:
    """Return what kind of image a file is by its first bytes, without what to do; "" where it is none.

    >>> image_kind(b"GIF89a"), image_kind(bytes(128) + b"DICM"), image_kind(b"%PDF-1.7")
    ('a GIF picture', 'DICOM', '')
    """
    kind = kind_of(start).partition(". ")[0]
    return kind if kind in IMAGES or kind.endswith("picture") else ""


def stand_in(path: Path) -> str:
    """Return what stands in a file's place, and what to do, where a clone or a download left something else; "" otherwise."""
    try:
        with open(path, "rb") as opened:
            kind = kind_of(opened.read(HEADER_BYTES))
    except OSError:
        return ""
    return kind if kind.startswith(STAND_INS) else ""
