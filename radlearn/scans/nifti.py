"""NIfTI volumes: a path becomes voxels with their place in the patient, and back."""

import zlib
from pathlib import Path

import numpy as np

from radlearn.errors import BadSetting
from radlearn.files import written_whole
from radlearn.scans.geometry import Volume
from radlearn.scans.nifti_header import CODE_OF_TYPE, header_bytes

__all__ = ["Volume", "write_volume"]

GZIP_LEVEL = 1
"Level 6 takes several times as long for a CT and saves a tenth of its size."
MOST_ALONG_AN_AXIS = 32_767
WIDENED = {np.dtype(bool): np.uint8, np.dtype(np.float16): np.float32}


def write_volume(path: str | Path, voxels: np.ndarray, affine: np.ndarray) -> None:
    """Write a volume as NIfTI-1, whole or not at all; the same volume gives the same bytes.

    Args:
        path: ends in `.nii` or `.nii.gz`; its folder is made.
        voxels: (i, j, k), of an integer or float type, which is kept; bool becomes uint8 0 and 1, float16 becomes float32.
        affine: 4 × 4 from index to RAS mm. NIfTI holds it in float32.

    Raises:
        BadSetting: another name, shape, type or affine.
    """
    path, affine = Path(path), np.asarray(affine, np.float64)
    if not path.name.endswith((".nii", ".nii.gz")):
        raise BadSetting(f"{path}: ends in neither .nii nor .nii.gz; a NIfTI volume is written under one of these.")
    voxels = np.asarray(voxels)
    if voxels.dtype in WIDENED:
        voxels = voxels.astype(WIDENED[voxels.dtype])
    if voxels.dtype.newbyteorder("=") not in CODE_OF_TYPE:
        raise BadSetting(f"{path}: the voxels are {voxels.dtype}; NIfTI takes integers and floats of up to 64 bits.")
    if voxels.ndim != 3 or not voxels.size or max(voxels.shape) > MOST_ALONG_AN_AXIS:
        raise BadSetting(f"{path}: the voxels have shape {voxels.shape}; expected (i, j, k), each from 1 to {MOST_ALONG_AN_AXIS:,}.")
    if affine.shape != (4, 4) or not np.isfinite(affine).all() or not np.linalg.det(affine[:3, :3]):
        raise BadSetting(f"{path}: the affine is {affine.tolist()}; expected 4 × 4 finite numbers that span three directions.")
    header = header_bytes(voxels.shape, voxels.dtype, affine)
    little = voxels.astype(voxels.dtype.newbyteorder("<"), copy=False)
    with written_whole(path) as temporary, open(temporary, "wb") as opened:
        # zlib's own gzip header has neither a time nor a name in it, which Python's `gzip` would write.
        packer = zlib.compressobj(GZIP_LEVEL, wbits=31) if path.name.endswith(".gz") else None
        for piece in (header, *(little[:, :, k].tobytes(order="F") for k in range(voxels.shape[2]))):
            opened.write(packer.compress(piece) if packer else piece)
        if packer:
            opened.write(packer.flush())
