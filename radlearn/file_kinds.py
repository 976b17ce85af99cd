"""What a file is by its first bytes, for messages about one that is another kind than its name says."""

import re

KINDS: tuple[tuple[bytes, str, str], ...] = (
    (rb"\x1f\x8b", "packed with gzip", "Unpack it first (gunzip)"),
    (rb"PK\x03\x04.{26}\[Content_Types\]|PK\x03\x04.{26}(?:xl|docProps)/", "an Excel workbook (.xlsx)", "Save the table as CSV UTF-8"),
    (rb"PK\x03\x04|PK\x05\x06", "a zip archive", "Unpack it first"),
    (rb"BZh[1-9]1AY&SY|\xfd7zXZ\x00|\x28\xb5\x2f\xfd|7z\xbc\xaf\x27\x1c|Rar!\x1a\x07", "packed", "Unpack it first"),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document, such as .xls", "Save the table as CSV UTF-8"),
    (rb"version https://git-lfs", "a Git LFS pointer, which stands for the file", "Fetch the file itself with 'git lfs pull'"),
    (rb"\s*(?:<!doctype html|<html|<head)", "an HTML page, as a failed download leaves it", "Download it again"),
    (rb"\s*<\?xml", "XML", "Look where the file came from"),
    (rb"\x89PNG\r\n\x1a\n", "a PNG picture", "Use the DICOM or NIfTI file that it was made of"),
    (rb"\xff\xd8\xff", "a JPEG picture", "Use the DICOM or NIfTI file that it was made of"),
    (rb"II\*\x00|MM\x00\*|II\+\x00|MM\x00\+", "a TIFF picture", "Use the DICOM or NIfTI file that it was made of"),
    (rb"%PDF-", "a PDF document", "Use the file that it was made of"),
    (rb"\x89HDF\r\n\x1a\n", "HDF5", "Convert it, for example with h5py and nibabel"),
    (rb"\x93NUMPY", "a NumPy array, which has no place in the patient", "Use the file that it was made of"),
    (rb"NRRD000", "NRRD", "Convert it to NIfTI, for example with SimpleITK"),
    (rb"ObjectType\s*=\s*Image", "MetaImage (.mha)", "Convert it to NIfTI, for example with SimpleITK"),
    (rb".{128}DICM", "DICOM", "Name the folder of its series, or convert it, for example with dcm2niix"),
    (rb".{344}(?:n\+1|ni1|n\+2|ni2)\x00", "NIfTI", "Name it .nii or .nii.gz"),
    (rb"SQLite format 3\x00", "a SQLite database", "Look where the file came from"),
    (rb"PAR1", "a Parquet table", "Save the table as CSV UTF-8"),
    (rb"\s*[\[{]\s*[\"{\[\]}]", "JSON", "Save the table as CSV, one row a line"),
)
"Pattern of the beginning, what it is, and what to do with it. More special ones stand before."


def kind_of(start: bytes) -> str:
    """Return what a file is and what to do with it, as `a PNG picture. Use …`, by its first 512 bytes; "" where they tell nothing.

    >>> kind_of(b"<!DOCTYPE html><html>")
    'an HTML page, as a failed download leaves it. Download it again'
    """
    found = ((what, advice) for pattern, what, advice in KINDS if re.match(pattern, start[:512], re.DOTALL | re.IGNORECASE))
    return next((f"{what}. {advice}" for what, advice in found), "")
