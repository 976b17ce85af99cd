"""Reads and writes NIfTI volumes.

Nothing is reoriented or resampled: the array has the order of the file, and the affine gives its place in the patient. `nifti_header`
parses the header; this module handles files and compression.
"""

import itertools
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from radlearn.errors import BadSetting, UnreadableScan
from radlearn.files import written_whole
from radlearn.scans.geometry import Volume
from radlearn.scans.nifti_header import BYTES, CODE_OF_TYPE, Header, header_bytes, parsed
from radlearn.scans.rescaling import rescaled

try:
    # Decompresses a CT in half of zlib's time; it affects only speed.
    from isal import isal_zlib as unpacking
except ImportError:
    import zlib as unpacking  # type: ignore[no-redef]

__all__ = ["Volume", "read_volume", "write_volume"]

PIECE_BYTES = 1 << 19  # Read and decompressed at once: small enough for the processor's cache
AGAIN = "Copy or download it again, or remove it."

GZIP = b"\x1f\x8b"
GZIP_LEVEL = 1  # Level 6 takes several times as long for a CT and saves a tenth of its size
MOST_ALONG_AN_AXIS = 32_767
WIDENED = {np.dtype(bool): np.uint8, np.dtype(np.float16): np.float32}


def read_volume(path: str | Path) -> Volume:
    """Read one volume as it is stored: nothing is reoriented or resampled.

    Stored integers keep their type; with an integer slope and intercept they become the smallest of int16 and int32 that holds the result.
    All else is float32.

    The file is NIfTI-1, gzipped or not, of any name. The voxels are (i, j, k) in its memory order (i fastest); the affine is to RAS mm (the
    sform where there is one, else the qform).

    Raises:
        UnreadableScan: a missing, empty, truncated or damaged file, not NIfTI-1, not one volume of real numbers, no affine or two that
            differ, or values that are not finite (NaN, infinity).
    """
    path = Path(path)
    try:
        with open(path, "rb", buffering=0) as opened:
            header, stored = _header_and_stored(path, opened)
    except FileNotFoundError:
        raise UnreadableScan(f"{path}: there is no such file.") from None
    except OSError as error:
        raise UnreadableScan(f"{path}: cannot be read ({error.strerror or error}); expected a NIfTI file.") from None
    voxels = rescaled(stored, header.slope, header.intercept)
    if voxels.dtype.kind == "f" and not (finite := np.isfinite(voxels)).all():
        raise UnreadableScan(
            f"{path}: {finite.size - int(finite.sum()):,} of {finite.size:,} voxels are not finite (NaN or infinity). radlearn does not "
            "guess their values: find out what wrote them, or fill them with -1024 HU."
        )
    return Volume(voxels, header.affine, path)


def _header_and_stored(path: Path, opened: BinaryIO) -> tuple[Header, np.ndarray]:
    """Return the header and the stored numbers (i, j, k), in the processor's byte order."""
    content = _content(path, opened)
    start = b""
    while len(start) < BYTES and (piece := next(content, None)) is not None:
        start += piece
    header = parsed(path, start[:BYTES])
    wanted = header.dtype.itemsize * int(np.prod(header.shape, dtype=object))
    # gzip compresses at most 1032 : 1, so no memory is allocated for a header that declares more than this.
    if wanted > 1032 * path.stat().st_size:
        found = f"{path}: its header declares {wanted:,} bytes of voxels, more than such a file can hold"
        raise UnreadableScan(f"{found}. It is truncated. {AGAIN}")
    stored = np.empty(wanted, np.uint8)
    at = -header.voxels_at
    for piece in itertools.chain([start], content):
        # Read to the end even when the voxels are complete, because gzip's checksum is there.
        part = np.frombuffer(piece, np.uint8)[max(0, -at) : wanted - at if at < wanted else 0]
        stored[max(0, at) : max(0, at) + part.size] = part
        at += len(piece)
    if at < wanted:
        raise UnreadableScan(f"{path}: ends after {max(at, 0):,} of {wanted:,} bytes of voxels. It is truncated. {AGAIN}")
    typed = stored.view(header.dtype).reshape(header.shape, order="F")
    return header, typed.astype(header.dtype.newbyteorder("="), copy=False)


def _content(path: Path, opened: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes of the file piece by piece, decompressed if they are gzip."""
    piece = opened.read(PIECE_BYTES)
    if not piece:
        raise UnreadableScan(f"{path}: is empty (0 bytes). {AGAIN}")
    if not piece.startswith(GZIP):
        while piece:
            yield piece
            piece = opened.read(PIECE_BYTES)
        return
    while piece.startswith(GZIP):  # A gzip file may have several members.
        unpacker = unpacking.decompressobj(wbits=31)
        try:
            while piece and not unpacker.eof:
                yield unpacker.decompress(piece)
                piece = unpacker.unused_data if unpacker.eof else opened.read(PIECE_BYTES)
        except (zlib.error, unpacking.error) as error:  # type: ignore[misc]
            raise UnreadableScan(f"{path}: its gzip data are damaged ({error}). {AGAIN}") from None
        if not unpacker.eof:
            raise UnreadableScan(f"{path}: ends within its gzip data. It is truncated. {AGAIN}")
        piece = piece or opened.read(PIECE_BYTES)


def write_volume(path: str | Path, voxels: np.ndarray, affine: np.ndarray) -> None:
    """Write a volume as NIfTI-1, atomically; the same volume gives the same bytes.

    Args:
        path: ends in `.nii` or `.nii.gz`; its folder is created.
        voxels: (i, j, k), of an integer or float type, which is kept; bool becomes uint8 0 and 1, float16 becomes float32.
        affine: 4 × 4 from index to RAS mm. NIfTI holds it in float32.

    Raises:
        BadSetting: another name, shape, type or affine.
    """
    path, affine = Path(path), np.asarray(affine, np.float64)
    if not path.name.endswith((".nii", ".nii.gz")):
        raise BadSetting(f"{path}: the name of a NIfTI file must end in .nii or .nii.gz.")
    voxels = np.asarray(voxels)
    if voxels.dtype in WIDENED:
        voxels = voxels.astype(WIDENED[voxels.dtype])
    if voxels.dtype.newbyteorder("=") not in CODE_OF_TYPE:
        raise BadSetting(f"{path}: the voxels are {voxels.dtype}; NIfTI holds integers and floats of up to 64 bits.")
    if voxels.ndim != 3 or not voxels.size or max(voxels.shape) > MOST_ALONG_AN_AXIS:
        raise BadSetting(f"{path}: the voxels have shape {voxels.shape}; expected (i, j, k), each from 1 to {MOST_ALONG_AN_AXIS:,}.")
    if affine.shape != (4, 4) or not np.isfinite(affine).all() or not np.linalg.det(affine[:3, :3]):
        raise BadSetting(f"{path}: the affine is {affine.tolist()}; expected 4 × 4 finite numbers that span three directions.")
    header = header_bytes(voxels.shape, voxels.dtype, affine)
    little = voxels.astype(voxels.dtype.newbyteorder("<"), copy=False)
    with written_whole(path) as temporary, open(temporary, "wb") as opened:
        # zlib's own gzip header has no time and no name, unlike that of Python's `gzip`.
        packer = zlib.compressobj(GZIP_LEVEL, wbits=31) if path.name.endswith(".gz") else None
        for piece in (header, *(little[:, :, k].tobytes(order="F") for k in range(voxels.shape[2]))):
            opened.write(packer.compress(piece) if packer else piece)
        if packer:
            opened.write(packer.flush())
