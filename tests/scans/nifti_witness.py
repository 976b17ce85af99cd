"""What a NIfTI file holds, by those who share no code with radlearn: the offsets of nifti1.h, and SimpleITK."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sitk = pytest.importorskip("SimpleITK", reason="SimpleITK, the independent reader, is not installed")

# Where each field of the header lies, and of what kind it is.
FIELDS = {
    "sizeof_hdr": (0, "i"),
    "dim": (40, "8h"),
    "datatype": (70, "h"),
    "bitpix": (72, "h"),
    "pixdim": (76, "8f"),
    "vox_offset": (108, "f"),
    "scl_slope": (112, "f"),
    "scl_inter": (116, "f"),
    "xyzt_units": (123, "B"),
    "glmin": (144, "i"),
    "qform_code": (252, "h"),
    "sform_code": (254, "h"),
    "quatern": (256, "3f"),
    "qoffset": (268, "3f"),
    "srow": (280, "12f"),
    "magic": (344, "4s"),
}
CODES = {"u1": 2, "i2": 4, "i4": 8, "f4": 16, "f8": 64, "i1": 256, "u2": 512, "u4": 768, "i8": 1024, "u8": 1280}


def fields_of(content: bytes, order: str = "<") -> dict[str, Any]:
    """Return every field of a header: a number, bytes, or a tuple of numbers."""
    found = {name: struct.unpack_from(order + kind, content, offset) for name, (offset, kind) in FIELDS.items()}
    return {name: values if len(values) > 1 else values[0] for name, values in found.items()}


def with_fields(content: bytes, order: str = "<", **fields: Any) -> bytes:
    """Return the file with some fields of its header changed."""
    changed = bytearray(content)
    for name, value in fields.items():
        offset, kind = FIELDS[name]
        struct.pack_into(order + kind, changed, offset, *(value if isinstance(value, tuple) else (value,)))
    return bytes(changed)


def nifti_bytes(voxels: np.ndarray, affine: np.ndarray, order: str = "<", **fields: Any) -> bytes:
    """Return an uncompressed file of the voxels (i, j, k) with an sform and no qform; `fields` replace what would stand there."""
    header = {
        "sizeof_hdr": 348,
        "dim": (3, *voxels.shape, 1, 1, 1, 1),
        "datatype": CODES[voxels.dtype.str[1:]],
        "bitpix": 8 * voxels.dtype.itemsize,
        "pixdim": (1, *np.linalg.norm(affine[:3, :3], axis=0), 1, 1, 1, 1),
        "vox_offset": 352,
        "scl_slope": 1,
        "xyzt_units": 2,
        "sform_code": 1,
        "srow": tuple(affine[:3].ravel()),
        "magic": b"n+1\0",
    }
    return with_fields(bytes(352), order, **(header | fields)) + voxels.astype(voxels.dtype.newbyteorder(order)).tobytes("F")


def read_by_sitk(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the voxels (i, j, k) and the affine to RAS mm as SimpleITK reads them: it has (k, j, i) and LPS."""
    image = sitk.ReadImage(str(path))
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return sitk.GetArrayFromImage(image).transpose(2, 1, 0), np.diag([-1, -1, 1, 1]) @ affine


def write_by_sitk(path: Path, voxels: np.ndarray, affine: np.ndarray) -> None:
    """Write voxels (i, j, k) with an affine to RAS mm as SimpleITK writes them."""
    image, to_lps = sitk.GetImageFromArray(voxels.transpose(2, 1, 0)), np.diag([-1, -1, 1, 1]) @ affine
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((to_lps[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(to_lps[:3, 3].tolist())
    sitk.WriteImage(image, str(path))
