"""The 348 bytes before a NIfTI's voxels: what shape they have, of what type they are and where they lie.

NIfTI-1 (https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h) as one NumPy record. No library stands between, so that nibabel and
SimpleITK can be asked, in the tests, as readers who know nothing of this one.
"""

import numpy as np

BYTES = 348
VOXELS_AT = 352
"The header, then four bytes that say `no extensions`."

HEADER = np.dtype(
    [
        ("sizeof_hdr", "i4"),
        ("unused_1", "V35"),
        ("dim_info", "u1"),
        ("dim", "i2", 8),
        ("intent", "f4", 3),
        ("intent_code", "i2"),
        ("datatype", "i2"),
        ("bitpix", "i2"),
        ("slice_start", "i2"),
        ("pixdim", "f4", 8),
        ("vox_offset", "f4"),
        ("scl_slope", "f4"),
        ("scl_inter", "f4"),
        ("slice_end", "i2"),
        ("slice_code", "u1"),
        ("xyzt_units", "u1"),
        ("unused_2", "V24"),
        ("descrip", "S80"),
        ("aux_file", "S24"),
        ("qform_code", "i2"),
        ("sform_code", "i2"),
        ("quatern", "f4", 3),
        ("qoffset", "f4", 3),
        ("srow", "f4", (3, 4)),
        ("intent_name", "S16"),
        ("magic", "S4"),
    ]
)

TYPE_OF_CODE = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    64: "f8",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
}
CODE_OF_TYPE = {np.dtype(name): code for code, name in TYPE_OF_CODE.items()}


def header_bytes(shape: tuple[int, ...], dtype: np.dtype, affine: np.ndarray) -> bytes:
    """Return the header of a volume, little-endian, with the four bytes after it.

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
    directions = affine[:3, :3] / spacing
    if np.allclose(directions.T @ directions, np.eye(3), atol=1e-5):
        # A quaternion cannot hold a reflection: pixdim[0] = -1 says that k was turned round.
        handedness = 1.0 if np.linalg.det(directions) > 0 else -1.0
        header["pixdim"][0] = handedness
        header["qform_code"] = 1
        header["quatern"] = _quaternion(directions * (1, 1, handedness))
        header["qoffset"] = affine[:3, 3]
    return header.tobytes() + bytes(VOXELS_AT - BYTES)


def _quaternion(rotation: np.ndarray) -> np.ndarray:
    """Return (b, c, d) of the unit quaternion a + bi + cj + dk with a ≥ 0 that turns as `rotation` does.

    It is the eigenvector of the largest eigenvalue of a symmetric matrix, which holds also where half turns make other formulas divide by
    nothing. Source: Bar-Itzhack 2000, J. Guidance 23(6):1085, doi:10.2514/2.4654.
    """
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation
    upper = np.array(
        [
            [xx + yy + zz, zy - yz, xz - zx, yx - xy],
            [zy - yz, xx - yy - zz, xy + yx, xz + zx],
            [xz - zx, xy + yx, yy - xx - zz, yz + zy],
            [yx - xy, xz + zx, yz + zy, zz - xx - yy],
        ]
    )
    quaternion = np.linalg.eigh(upper)[1][:, -1]
    return np.where(quaternion[0] < 0, -1, 1) * quaternion[1:]
