"""What the header of a NIfTI file says of its numbers: their type, how many there are, where they lie.

What is damaged or ambiguous is refused by name, where nibabel would repair the header or choose.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from radlearn.errors import UnreadableScan
from radlearn.file_kinds import image_kind, kind_of
from radlearn.scans.geometry import Grid
from radlearn.scans.nifti_place import CONVERT, affine_of
from radlearn.scans.one_slice import CHANNELS, NO_SCAN, columns_and_rows

if TYPE_CHECKING:  # nibabel takes half a second to import, and imports pydicom; so only the functions that need it do.
    from nibabel.nifti1 import Nifti1Header

BYTES = 348  # Of a header
VOXELS_AT = 352  # After the header, four bytes mean no extensions
AGAIN = "Copy or download it again, or remove it."
MOST_BYTES_BESIDE = 1 << 26
"Before the voxels, where extensions lie, and after them, to the end of the file."
HELD = {np.dtype(name) for name in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8")}
COLOURS = (128, 2304)
"Types whose numbers are three or four in one: RGB24 and RGBA32."
VECTORS = (1007, 2003, 2004)
"Intents of a fifth axis that holds the channels of a pixel."
NIFTI_2 = "Convert it: nibabel.Nifti1Image.from_image(nibabel.load(FILE)) holds the same, to be saved with nibabel.save."
OF_SERIES = "Name the folder of its series, or convert it, for example with dcm2niix; an X-ray is read under a name that ends with .dcm"
OTHER_TYPES = {
    1: "one bit a voxel", 32: "complex", 128: "RGB colour", 1536: "float128", 1792: "complex", 2048: "complex", 2304: "RGBA colour",
}  # fmt: skip


def header_of(path: Path, content: Iterator[bytes]) -> "tuple[Nifti1Header, bytes]":
    """Return the header, of which all is validated but shape, type and place, and the bytes that were taken from the content for it."""
    from nibabel.nifti1 import HeaderDataError, Nifti1Header

    start = b""
    while len(start) < BYTES and (piece := next(content, None)) is not None:
        start += piece
    kind = f"DICOM. {OF_SERIES}" if image_kind(start) == "DICOM" else kind_of(start)
    if len(start) < BYTES and kind:
        raise UnreadableScan(f"{path}: is no NIfTI file but {kind}, or remove it.")
    if len(start) < BYTES:
        raise UnreadableScan(f"{path}: has {len(start)} bytes; a NIfTI header has {BYTES}. The file is truncated. Copy it again.")
    # Unchecked: nibabel's checks log and repair, and its guess of the byte order believes `dim`.
    header = Nifti1Header(start[:BYTES], "<" if int.from_bytes(start[:4], "little") == BYTES else ">", check=False)
    if header["sizeof_hdr"] != BYTES or header["magic"] != Nifti1Header.single_magic:
        if kind and not kind.startswith("NIfTI") and not {540, BYTES} & _sizes(start):
            raise UnreadableScan(f"{path}: is {kind}, or remove it. Expected single-file NIfTI-1 (.nii, .nii.gz).")
        advice = NIFTI_2 if 540 in _sizes(start) else CONVERT
        raise UnreadableScan(f"{path}: {_what_else(start)}; radlearn reads single-file NIfTI-1 (.nii, .nii.gz). {advice}")
    try:
        header.get_slope_inter()
    except HeaderDataError:
        raise UnreadableScan(f"{path}: scl_inter is {header['scl_inter']}; expected a finite number. {CONVERT}") from None
    starts = float(header["vox_offset"])
    if not VOXELS_AT <= starts < MOST_BYTES_BESIDE:
        expected = f"expected at least {VOXELS_AT}, where the header ends, and not much more"
        raise UnreadableScan(f"{path}: vox_offset is {starts:g}; {expected}. {CONVERT}")
    return header, start


def grid_of(path: Path, header: "Nifti1Header") -> Grid:
    """Return the shape and the place of a volume."""
    axes, sizes = _axes(path, header)
    if not 3 <= axes <= 7 or min(sizes) < 1 or max(sizes[3:], default=1) > 1:
        several = 3 < axes <= 7 and min(sizes) > 0
        found = f"{tuple(sizes)}, " + (f"{np.prod(sizes[3:])} volumes in one file" if several else f"{axes} axes")
        hint = NO_SCAN if axes == 2 else "Save each volume in its own file."
        raise UnreadableScan(f"{path}: has the shape {found}; expected one volume (i, j, k). {hint}")
    _refuse_type(path, header)
    shape = (sizes[0], sizes[1], sizes[2])
    return Grid(shape, affine_of(path, header, shape))


def sizes_of_slice(path: Path, header: "Nifti1Header") -> tuple[int, int, int]:
    """Return the columns, the rows, and the channels that are stored one after another, of a file of one slice."""
    _, sizes = _axes(path, header)
    channels = sizes.pop() if len(sizes) == 5 and int(header["intent_code"]) in VECTORS else 1
    columns, rows = columns_and_rows(path, sizes)
    _refuse_type(path, header, COLOURS)
    if channels > 1 and (channels not in CHANNELS or header.get_data_dtype().kind != "u"):
        found = f"{channels} numbers of type {header.get_data_dtype()} a pixel"
        raise UnreadableScan(f"{path}: has {found}; expected grey, or red, green and blue of 8 or 16 bits. {CONVERT}")
    return columns, rows, channels


def _axes(path: Path, header: "Nifti1Header") -> tuple[int, list[int]]:
    """Return how many axes a header declares, and their lengths."""
    axes = int(header["dim"][0])
    sizes: list[int] = header["dim"][1 : axes + 1].tolist()  # get_data_shape() would take some for a FreeSurfer surface.
    if 0 < axes <= 7 and min(sizes) < 1:
        raise UnreadableScan(f"{path}: has the shape {tuple(sizes)}; expected sizes of 1 or more. Its header is damaged. {AGAIN}")
    return axes, sizes


def _refuse_type(path: Path, header: "Nifti1Header", further: Collection[int] = ()) -> None:
    """Raise an UnreadableScan where the numbers are of a type that is not read; `further` types are read too."""
    from nibabel.nifti1 import data_type_codes

    code = int(header["datatype"])
    if code not in further and (code not in data_type_codes or header.get_data_dtype().newbyteorder("=") not in HELD):
        found = OTHER_TYPES.get(code, f"numbers of unknown type {code}")
        raise UnreadableScan(f"{path}: holds {found}; expected integers or floats. {CONVERT}")


def _sizes(start: bytes) -> set[int]:
    """Return the size of its header that a file names, in either byte order."""
    return {int.from_bytes(start[:4], "little"), int.from_bytes(start[:4], "big")}


def _what_else(start: bytes) -> str:
    """Describe a file that is not a single-file NIfTI-1."""
    sizes = _sizes(start)
    if 540 in sizes:
        return "is NIfTI-2"
    if BYTES in sizes:
        return "is half of a pair (.hdr and .img) or the older Analyze format, which does not distinguish left from right"
    return f"is not a NIfTI file: it begins with {start[:4]!r}"
