"""Reads and writes NIfTI volumes with nibabel.

nibabel decodes and makes the header. radlearn decompresses, because isal needs half the time of zlib, and refuses by name what is damaged
or ambiguous, where nibabel would repair the header or choose. Nothing is reoriented or resampled: the array has the order of the file, and
the affine gives its place in the patient.
"""

import itertools
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from radlearn.errors import BadSetting, UnreadableScan
from radlearn.files import nothing_there, opened_to_read, written_whole
from radlearn.scans.geometry import Grid, Volume, spacing_mm
from radlearn.scans.nifti_header import AGAIN, BYTES, HELD, MOST_BYTES_BESIDE, VOXELS_AT, grid_of, header_of, sizes_of_slice
from radlearn.scans.nifti_place import affine_of, has_place
from radlearn.scans.one_slice import OneSlice, SliceGrid, turned_upright
from radlearn.scans.pixel_order import order_words
from radlearn.scans.rescaling import rescaled

try:
    # Decompresses a CT in half of zlib's time; it affects only speed.
    from isal import isal_zlib as unpacking
except ImportError:
    import zlib as unpacking  # type: ignore[no-redef]

if TYPE_CHECKING:  # nibabel takes half a second to import, and imports pydicom; so only the functions that need it do.
    from nibabel.nifti1 import Nifti1Header

__all__ = ["Volume", "only_finite", "read_grid", "read_slice", "read_slice_grid", "read_volume", "write_volume"]

START_BYTES = 1 << 12  # Read and decompressed first: the header lies in it
PIECE_BYTES = 1 << 19  # Read and decompressed at once: small enough for the processor's cache
UNPACKED_AT_ONCE = 1 << 23  # A thousandth of a bomb, and more than such a piece of a CT unpacks to

MOST_BYTES = 1 << 34
"Of voxels. A chest CT of 2,000 slices takes a quarter of it with 64 bits a voxel."
SUSPECT_BYTES, MOST_PACKED = 1 << 31, 200
"So much is not unpacked from a file that is smaller by this factor: a CT shrinks to a quarter, and a mask is not that large."

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
    with _opened(path) as opened:
        header, content = _started(path, opened)
        grid = grid_of(path, header)
        stored = _stored(path, header, grid.shape, content)
    slope, intercept = header.get_slope_inter()
    with np.errstate(over="ignore", invalid="ignore"):  # What overflows is refused below.
        voxels = rescaled(stored, 1 if slope is None else slope, intercept or 0)
    only_finite(path, voxels)
    return Volume(voxels, grid.affine, path)


def only_finite(path: Path, voxels: np.ndarray) -> None:
    """Raise an UnreadableScan where voxels of a file are NaN or infinite."""
    if voxels.dtype.kind == "f" and not (finite := np.isfinite(voxels)).all():
        raise UnreadableScan(
            f"{path}: {finite.size - int(finite.sum()):,} of {finite.size:,} voxels are not finite (NaN or infinity). radlearn does not "
            "guess their values: find out what wrote them, or fill them with what lies there, such as -1024 HU in a CT and 0 in a mask."
        )


def read_grid(path: str | Path) -> Grid:
    """Read the grid of a NIfTI file from its header alone: a CT's voxels take a thousand times as long.

    Raises:
        UnreadableScan: the header cannot be read, or is one that `read_volume` refuses.
    """
    path = Path(path)
    with _opened(path) as opened:
        return grid_of(path, _started(path, opened)[0])


def read_slice(path: str | Path) -> OneSlice:
    """Read a file of one slice, also one of two axes and one without a place in the patient. Numbers are of the types of `read_volume`.

    Raises:
        SeveralSlices: it is a volume.
        UnreadableScan: as `read_volume`, but values need not be finite.
    """
    path = Path(path)
    with _opened(path) as opened:
        header, content = _started(path, opened)
        sizes = sizes_of_slice(path, header)
        affine = affine_of(path, header, (*sizes[:2], 1)) if has_place(header) else None
        stored = _stored(path, header, tuple(sizes), content)
    bits, order = 8 * stored.dtype.itemsize, ""
    if (names := stored.dtype.names) is not None:
        values, bits = np.stack([stored[name] for name in names], axis=-1), 8
    else:
        # Before the rescale, which may make another number of 0.
        order = order_words(stored.reshape((sizes[0], sizes[1]), order="F").T) if stored.size == sizes[0] * sizes[1] else ""
        slope, intercept = header.get_slope_inter()
        with np.errstate(over="ignore", invalid="ignore"):
            values = rescaled(stored, 1 if slope is None else slope, intercept or 0)
    values = turned_upright(values.reshape((sizes[0], sizes[1], -1), order="F"))
    return OneSlice(values, bits, affine, affine is not None, order)


def read_slice_grid(path: str | Path) -> SliceGrid:
    """Read the header of a file of one slice alone; errors as `read_slice`."""
    path = Path(path)
    with _opened(path) as opened:
        header, _ = _started(path, opened)
        columns, rows, _ = sizes_of_slice(path, header)
        return SliceGrid(columns, rows, affine_of(path, header, (columns, rows, 1)) if has_place(header) else None)


def write_volume(path: str | Path, voxels: np.ndarray, affine: np.ndarray) -> None:
    """Write a volume as NIfTI-1, atomically; the same volume gives the same bytes.

    Args:
        path: ends in `.nii` or `.nii.gz`; its folder is created.
        voxels: (i, j, k), of an integer or float type, which is kept; bool becomes uint8 0 and 1, float16 becomes float32.
        affine: 4 × 4 from index to RAS mm. NIfTI holds it in float32. It is written as the sform; as the qform too where it is a rotation
            with spacing, because some readers know only that.

    Raises:
        BadSetting: another name, shape, type or affine.
    """
    path, affine = Path(path), np.asarray(affine, np.float64)
    if not path.name.endswith((".nii", ".nii.gz")):
        raise BadSetting(f"{path}: the name of a NIfTI file must end in .nii or .nii.gz.")
    voxels = np.asarray(voxels)
    if voxels.dtype in WIDENED:
        voxels = voxels.astype(WIDENED[voxels.dtype])
    if voxels.dtype.newbyteorder("=") not in HELD:
        raise BadSetting(f"{path}: the voxels are {voxels.dtype}; NIfTI holds integers and floats of up to 64 bits.")
    if voxels.ndim != 3 or not voxels.size or max(voxels.shape) > MOST_ALONG_AN_AXIS:
        raise BadSetting(f"{path}: the voxels have shape {voxels.shape}; expected (i, j, k), each from 1 to {MOST_ALONG_AN_AXIS:,}.")
    if affine.shape != (4, 4) or not np.isfinite(affine).all() or not np.linalg.det(affine[:3, :3]):
        raise BadSetting(f"{path}: the affine is {affine.tolist()}; expected 4 × 4 finite numbers that span three directions.")
    header = _header_bytes(voxels, affine)
    little = voxels.astype(voxels.dtype.newbyteorder("<"), copy=False)
    with written_whole(path) as temporary, open(temporary, "wb") as opened:
        # zlib's own gzip header has no time and no name, unlike that of Python's `gzip`.
        packer = zlib.compressobj(GZIP_LEVEL, wbits=31) if path.name.endswith(".gz") else None
        for piece in (header, *(little[:, :, k].tobytes(order="F") for k in range(voxels.shape[2]))):
            opened.write(packer.compress(piece) if packer else piece)
        if packer:
            opened.write(packer.flush())


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading; an `OSError` becomes an `UnreadableScan`."""
    try:
        with opened_to_read(path, buffering=0) as opened:
            yield opened
    except FileNotFoundError:
        raise UnreadableScan(f"{path}: {nothing_there(path)}.") from None
    except OSError as error:
        raise UnreadableScan(f"{path}: cannot be read ({error.strerror or error}); expected a NIfTI file.") from None


def _started(path: Path, opened: BinaryIO) -> "tuple[Nifti1Header, Iterator[bytes]]":
    """Return the header, and the content of the file from its beginning, piece by piece."""
    content = _content(path, opened)
    header, start = header_of(path, content)
    return header, itertools.chain([start], content)


def _stored(path: Path, header: "Nifti1Header", shape: tuple[int, ...], content: Iterator[bytes]) -> np.ndarray:
    """Return the stored numbers, (i, j, k) or (column, row, channel), in the processor's byte order."""
    dtype = header.get_data_dtype()
    wanted = dtype.itemsize * int(np.prod(shape, dtype=object))
    # gzip compresses at most 1032 : 1, so no memory is allocated for a header that declares more than this.
    packed = path.stat().st_size
    if wanted > 1032 * packed:
        found = f"{path}: its header declares {wanted:,} bytes of voxels, more than such a file can hold"
        raise UnreadableScan(f"{found}. It is truncated. {AGAIN}")
    if wanted > MOST_BYTES or (wanted > SUSPECT_BYTES and wanted > MOST_PACKED * packed):
        found = f"{path}: its header declares {wanted:,} bytes of voxels in a file of {packed:,}"
        raise UnreadableScan(f"{found}; that is no scan, and it is not unpacked. {AGAIN}")
    stored = np.empty(wanted, np.uint8)
    at = -int(header["vox_offset"])
    for piece in content:
        # Read to the end even when the voxels are complete, because gzip's checksum is there.
        part = np.frombuffer(piece, np.uint8)[max(0, -at) : wanted - at if at < wanted else 0]
        stored[max(0, at) : max(0, at) + part.size] = part
        at += len(piece)
        if at > wanted + MOST_BYTES_BESIDE:
            found = f"{path}: goes on for more than {MOST_BYTES_BESIDE:,} bytes after its voxels"
            raise UnreadableScan(f"{found}; expected its end. {AGAIN}")
    if at < wanted:
        raise UnreadableScan(f"{path}: ends after {max(at, 0):,} of {wanted:,} bytes of voxels. It is truncated. {AGAIN}")
    return stored.view(dtype).reshape(shape, order="F").astype(dtype.newbyteorder("="), copy=False)


def _content(path: Path, opened: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes of the file piece by piece, decompressed if they are gzip."""
    piece = opened.read(START_BYTES)
    if not piece:
        raise UnreadableScan(f"{path}: is empty (0 bytes). {AGAIN}")
    if not piece.startswith(GZIP):
        yield from itertools.chain([piece], iter(lambda: opened.read(PIECE_BYTES), b""))
        return
    while piece.startswith(GZIP):  # A gzip file may have several members.
        unpacker = unpacking.decompressobj(wbits=31)
        try:
            while piece and not unpacker.eof:
                yield unpacker.decompress(piece, UNPACKED_AT_ONCE)
                piece = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail or opened.read(PIECE_BYTES)
        except (zlib.error, unpacking.error) as error:  # type: ignore[misc]
            raise UnreadableScan(f"{path}: its gzip data are damaged ({error}). {AGAIN}") from None
        if not unpacker.eof:
            raise UnreadableScan(f"{path}: ends within its gzip data. It is truncated. {AGAIN}")
        if len(piece) < len(GZIP):
            piece += opened.read(PIECE_BYTES)


def _header_bytes(voxels: np.ndarray, affine: np.ndarray) -> bytes:
    """Return the header of a volume, little-endian, and the four bytes after it."""
    from nibabel.nifti1 import Nifti1Header

    header = Nifti1Header(endianness="<")
    header.set_data_dtype(voxels.dtype)
    header.set_data_shape(voxels.shape)
    header.set_zooms(spacing_mm(affine))
    header.set_xyzt_units("mm")
    header.set_sform(affine, "scanner")
    directions = affine[:3, :3] / spacing_mm(affine)
    # A quaternion cannot express shear: nibabel would write the closest rotation.
    if np.allclose(directions.T @ directions, np.eye(3), atol=1e-5):
        header.set_qform(affine, "scanner")
    header.set_data_offset(VOXELS_AT)
    return header.binaryblock + bytes(VOXELS_AT - BYTES)
