"""The 348-byte header of a NIfTI: shape, type and affine of its voxels.

NIfTI-1 (https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h) as one NumPy record. It is parsed without a library, so that nibabel
and SimpleITK are independent witnesses in the tests.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from radlearn.errors import UnreadableScan
from radlearn.scans.nifti_place import CONVERT, affine_of, write_qform

BYTES = 348
VOXELS_AT = 352  # After the header, four bytes mean no extensions

HEADER = np.dtype([
    ("sizeof_hdr", "i4"), ("unused_1", "V35"), ("dim_info", "u1"), ("dim", "i2", 8),
    ("intent", "f4", 3), ("intent_code", "i2"), ("datatype", "i2"), ("bitpix", "i2"), ("slice_start", "i2"), ("pixdim", "f4", 8),
    ("vox_offset", "f4"), ("scl_slope", "f4"), ("scl_inter", "f4"), ("slice_end", "i2"), ("slice_code", "u1"), ("xyzt_units", "u1"),
    ("unused_2", "V24"), ("descrip", "S80"), ("aux_file", "S24"),
    ("qform_code", "i2"), ("sform_code", "i2"), ("quatern", "f4", 3), ("qoffset", "f4", 3), ("srow", "f4", (3, 4)),
    ("intent_name", "S16"), ("magic", "S4"),
])  # fmt: skip

TYPE_OF_CODE = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
OTHER_TYPES = {
    1: "one bit a voxel", 32: "complex", 128: "RGB colour", 1536: "float128", 1792: "complex", 2048: "complex", 2304: "RGBA colour",
}  # fmt: skip
CODE_OF_TYPE = {np.dtype(name): code for code, name in TYPE_OF_CODE.items()}


@dataclass(frozen=True)
class Header:
    """The header of a NIfTI as `parsed` returns it, validated."""

    shape: tuple[int, int, int]
    dtype: np.dtype  # As stored, byte order included
    affine: np.ndarray  # float64 4 × 4, index to RAS mm
    slope: float
    intercept: float  # value = slope · stored + intercept
    voxels_at: int  # Offset of the first voxel in bytes


def parsed(path: Path, content: bytes) -> Header:
    """Parse and validate the header: the first 348 bytes of the file, or all where it has fewer; `path` is named in errors.

    Raises:
        UnreadableScan: not a single-file NIfTI-1, not one 3-D volume of real numbers, no affine, or two that differ.
    """
    if len(content) < BYTES:
        raise UnreadableScan(f"{path}: has {len(content)} bytes; a NIfTI header has {BYTES}. The file is truncated. Copy it again.")
    byte_order: Literal["<", ">"] = "<" if int.from_bytes(content[:4], "little") == BYTES else ">"
    header = np.frombuffer(content, HEADER.newbyteorder(byte_order), 1)[0]
    if header["sizeof_hdr"] != BYTES or bytes(header["magic"]) != b"n+1":
        raise UnreadableScan(f"{path}: {_what_else(content)}; radlearn reads single-file NIfTI-1 (.nii, .nii.gz). {CONVERT}")
    axes = int(header["dim"][0])
    sizes = [int(size) for size in header["dim"][1 : axes + 1]]
    if not 3 <= axes <= 7 or min(sizes) < 1 or max(sizes[3:], default=1) > 1:
        several = 3 < axes <= 7 and min(sizes) > 0
        found = f"{tuple(sizes)}, " + (f"{np.prod(sizes[3:])} volumes in one file" if several else f"{axes} axes")
        raise UnreadableScan(f"{path}: has the shape {found}; expected one volume (i, j, k). Save each volume in its own file.")
    code = int(header["datatype"])
    if code not in TYPE_OF_CODE:
        found = OTHER_TYPES.get(code, f"numbers of unknown type {code}")
        raise UnreadableScan(f"{path}: holds {found}; expected integers or floats. {CONVERT}")
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or not np.isfinite(slope):  # Both mean no scaling, in the standard and in nibabel.
        slope, intercept = 1.0, 0.0
    if not np.isfinite(intercept):
        raise UnreadableScan(f"{path}: scl_inter is {intercept}; expected a finite number. {CONVERT}")
    starts = float(header["vox_offset"])
    if not VOXELS_AT <= starts < 2**31:
        raise UnreadableScan(f"{path}: vox_offset is {starts:g}; expected at least {VOXELS_AT}, where the header ends. {CONVERT}")
    shape, dtype = (sizes[0], sizes[1], sizes[2]), np.dtype(TYPE_OF_CODE[code]).newbyteorder(byte_order)
    return Header(shape, dtype, affine_of(path, header, shape), slope, intercept, int(starts))


def header_bytes(shape: tuple[int, ...], dtype: np.dtype, affine: np.ndarray) -> bytes:
    """Return the header of a volume, little-endian, and the four bytes after it.

    Args:
        shape: (i, j, k), each at most 32,767.
        dtype: one of `CODE_OF_TYPE`.
        affine: 4 × 4, index to RAS mm. It is written as the sform; as the qform too where it is a rotation with spacing, because some
            readers know only that.
    """
    header = np.zeros((), HEADER.newbyteorder("<"))
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    header["sizeof_hdr"] = BYTES
    header["dim"] = (3, *shape, 1, 1, 1, 1)
    header["datatype"] = CODE_OF_TYPE[np.dtype(dtype).newbyteorder("=")]
    header["bitpix"] = np.dtype(dtype).itemsize * 8
    header["pixdim"] = (1, *spacing, 1, 1, 1, 1)
    header["vox_offset"] = VOXELS_AT
    header["scl_slope"] = 1
    header["xyzt_units"] = 2  # millimetres
    header["sform_code"] = 1  # scanner coordinates
    header["srow"] = affine[:3]
    header["magic"] = b"n+1"
    write_qform(header, affine)
    return header.tobytes() + bytes(VOXELS_AT - BYTES)


def _what_else(content: bytes) -> str:
    """Describe a file that is not a single-file NIfTI-1."""
    sizes = (int.from_bytes(content[:4], "little"), int.from_bytes(content[:4], "big"))
    if 540 in sizes:
        return "is NIfTI-2"
    if BYTES in sizes:
        return "is half of a pair (.hdr and .img) or the older Analyze format, which does not distinguish left from right"
    if content[128:132] == b"DICM":
        return "is DICOM"
    return f"is not a NIfTI file: it begins with {content[:4]!r}"
