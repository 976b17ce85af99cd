"""Reads MetaImage (`.mha`) and NRRD (`.nrrd`) volumes with SimpleITK.

ITK finds the voxels' type and place, and reads those that are not packed. radlearn looks through the header before, `scans.itk_header`,
and unpacks: ITK trusts sizes, leaves voxels at 0 or unset where unpacking fails, and takes axes that nothing is said of as left, back,
head. Files whose voxels lie in a second file (`.mhd`, `.nhdr`) are refused by name: the pair is easily torn.
"""

import math
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from radlearn.errors import UnreadableScan
from radlearn.files import opened_to_read
from radlearn.scans.file_names import ITK_SUFFIXES
from radlearn.scans.geometry import Grid, Volume, lps_affine
from radlearn.scans.itk_header import CONVERT, Start, start_of
from radlearn.scans.nifti import GZIP, MOST_BYTES, MOST_PACKED, SUSPECT_BYTES, only_finite
from radlearn.scans.nifti_header import AGAIN
from radlearn.scans.one_slice import CHANNELS, NO_SCAN, OneSlice, SliceGrid, columns_and_rows, turned_upright
from radlearn.scans.pixel_order import order_words

if TYPE_CHECKING:  # SimpleITK takes a third of a second to import, and NIfTI needs none of it.
    import SimpleITK

PIECE_BYTES = 1 << 20


def is_itk_file(path: str | Path) -> bool:
    """Tell by its name whether a file is a MetaImage or an NRRD file.

    >>> is_itk_file("CT.MHA"), is_itk_file("ct.nii.gz")
    (True, False)
    """
    return str(path).lower().endswith(ITK_SUFFIXES)


def read_itk_volume(path: str | Path) -> Volume:
    """Read one volume as it is stored: integers keep their type, all else is float32, nothing is reoriented or resampled.

    The voxels are (i, j, k) in the order of the file (i fastest); the affine is to RAS mm. `notes` says so where the file does not say
    which way its axes go.

    Raises:
        UnreadableScan: a missing, truncated or damaged file, voxels in another file, not one volume of real numbers, lengths that are not
            known or in other units than mm, or values that are not finite.
    """
    path = Path(path)
    start, reader = _looked_through(path)
    grid = _grid(path, reader)
    voxels = _voxels(path, start, reader)
    if voxels.dtype.kind == "f":
        with np.errstate(over="ignore"):
            voxels = voxels.astype(np.float32, copy=False)
    only_finite(path, voxels)
    return Volume(voxels, grid.affine, path, (start.note,) if start.note else ())


def read_itk_grid(path: str | Path) -> Grid:
    """Read the grid of a file from its header alone.

    Raises:
        UnreadableScan: the header cannot be read, or is one that `read_itk_volume` refuses.
    """
    path = Path(path)
    return _grid(path, _looked_through(path)[1])


def read_itk_slice(path: str | Path) -> OneSlice:
    """Read a file of one slice, also one of two axes, one in colour and one that does not say how far apart its pixels are.

    Raises:
        SeveralSlices: it is a volume.
        UnreadableScan: as `read_itk_volume`, but values need not be finite.
    """
    path = Path(path)
    start, reader = _looked_through(path, needs_spacing=False)
    columns, rows = _columns_and_rows(path, reader)
    values = _voxels(path, start, reader)
    bits = 8 * values.dtype.itemsize
    # Channels come first where voxels are in the order of the file.
    values = turned_upright(np.moveaxis(values.reshape((-1, columns, rows), order="F"), 0, 2))
    order = order_words(values) if values.ndim == 2 else ""
    return OneSlice(values, bits, lps_affine(_affine(path, reader)), start.has_spacing, order)


def read_itk_slice_grid(path: str | Path) -> SliceGrid:
    """Read the header of a file of one slice alone; errors as `read_itk_slice`."""
    path = Path(path)
    _, reader = _looked_through(path, needs_spacing=False)
    columns, rows = _columns_and_rows(path, reader)
    return SliceGrid(columns, rows, lps_affine(_affine(path, reader)))


def _looked_through(path: Path, needs_spacing: bool = True) -> "tuple[Start, SimpleITK.ImageFileReader]":
    start = start_of(path, needs_spacing)
    import SimpleITK

    # ITK prints to the terminal what it then raises.
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    reader.SetImageIO("MetaImageIO" if path.name.lower().endswith(".mha") else "NrrdImageIO")
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise UnreadableScan(f"{path}: its header cannot be read ({_reason(error)}). {AGAIN}") from None
    return start, reader


def _grid(path: Path, reader: "SimpleITK.ImageFileReader") -> Grid:
    """Return the shape and the place of a volume."""
    sizes = reader.GetSize()
    if reader.GetNumberOfComponents() != 1 or len(sizes) != 3:
        several = f"{reader.GetNumberOfComponents()} values a voxel" if len(sizes) == 3 else f"{len(sizes)} axes"
        shape = " × ".join(str(size) for size in sizes)
        hint = NO_SCAN if len(sizes) == 2 else CONVERT
        raise UnreadableScan(f"{path}: has {shape} voxels with {several}; expected one volume (i, j, k), one number a voxel. {hint}")
    _refuse_sizes(path, reader)
    return Grid((sizes[0], sizes[1], sizes[2]), lps_affine(_affine(path, reader)))


def _columns_and_rows(path: Path, reader: "SimpleITK.ImageFileReader") -> tuple[int, int]:
    """Return the columns and rows of a file of one slice."""
    _refuse_sizes(path, reader)
    shape = columns_and_rows(path, reader.GetSize())
    channels, kind = reader.GetNumberOfComponents(), _type_of(reader)
    if channels > 1 and (channels not in CHANNELS or kind not in (np.uint8, np.uint16)):
        found = f"{channels} numbers of type {kind} a pixel"
        raise UnreadableScan(f"{path}: has {found}; expected grey, or red, green and blue of 8 or 16 bits. {CONVERT}")
    return shape


def _refuse_sizes(path: Path, reader: "SimpleITK.ImageFileReader") -> None:
    """Raise an UnreadableScan where a header declares nothing, or more than such a file can hold."""
    sizes = reader.GetSize()
    if not min(sizes) >= 1:
        raise UnreadableScan(f"{path}: has the shape {tuple(sizes)}; expected sizes of 1 or more. Its header is damaged. {AGAIN}")
    declared, packed = _bytes_declared(reader), path.stat().st_size
    if declared > MOST_BYTES or (declared > SUSPECT_BYTES and declared > MOST_PACKED * packed):
        found = f"{path}: its header declares {declared:,} bytes of voxels in a file of {packed:,}"
        raise UnreadableScan(f"{found}; that is no scan, and it is not unpacked. {AGAIN}")


def _bytes_declared(reader: "SimpleITK.ImageFileReader") -> int:
    return _type_of(reader).itemsize * reader.GetNumberOfComponents() * math.prod(reader.GetSize())


def _affine(path: Path, reader: "SimpleITK.ImageFileReader") -> np.ndarray:
    """Return the affine to LPS mm, float64 4 × 4, of the first three axes; what has two lies in the plane of the first two."""
    axes = len(reader.GetSize())
    held = min(axes, 3)
    affine = np.eye(4)
    affine[:held, :held] = (np.array(reader.GetDirection()).reshape(axes, axes) * reader.GetSpacing())[:held, :held]
    affine[:held, 3] = reader.GetOrigin()[:held]
    if not np.isfinite(affine).all() or not abs(np.linalg.det(affine[:3, :3])) > 1e-9:
        raise UnreadableScan(f"{path}: its axes are {affine[:3].tolist()}, which span no volume. {CONVERT}")
    return affine


def _voxels(path: Path, start: Start, reader: "SimpleITK.ImageFileReader") -> np.ndarray:
    """Return the stored numbers in the order of the file, the first axis the fastest; channels stand before it where there are several."""
    import SimpleITK

    kind, wanted, channels = _type_of(reader), _bytes_declared(reader), reader.GetNumberOfComponents()
    shape = (*((channels,) if channels > 1 else ()), *reader.GetSize())
    if start.packed:
        stored = _unpacked(path, start, wanted).view(kind.newbyteorder(">" if start.is_big_endian else "<"))
        return stored.astype(kind, copy=False).reshape(shape, order="F")
    _refuse_other_size(path, start, reader, wanted)
    try:
        # SimpleITK's arrays are reversed, [k, j, i], with the channels last.
        return SimpleITK.GetArrayFromImage(reader.Execute()).T
    except RuntimeError as error:
        raise UnreadableScan(f"{path}: cannot be read ({_reason(error)}). {AGAIN}") from None


def _type_of(reader: "SimpleITK.ImageFileReader") -> np.dtype:
    import SimpleITK

    return SimpleITK.GetArrayViewFromImage(SimpleITK.Image([1, 1], reader.GetPixelID())).dtype


def _refuse_other_size(path: Path, start: Start, reader: "SimpleITK.ImageFileReader", wanted: int) -> None:
    """Raise an UnreadableScan where voxels that are not packed are not all there, or are more than the header declares."""
    there = path.stat().st_size - start.voxels_at
    if there < wanted:
        raise UnreadableScan(f"{path}: ends after {max(there, 0):,} of {wanted:,} bytes of voxels. It is truncated. {AGAIN}")
    # Less may be padding.
    declared = math.prod(reader.GetSize()[2:])
    if more := (there - wanted) // (wanted // declared):
        slices = f"{more:,} more {'slice' if more == 1 else 'slices'}"
        raise UnreadableScan(f"{path}: holds {slices} than the {declared:,} that its header declares ({wanted:,} bytes). {AGAIN}")


def _unpacked(path: Path, start: Start, wanted: int) -> np.ndarray:
    """Return the bytes of packed voxels, as long as they are declared to be and of the right checksum.

    ITK believes the size of the packed bytes that a header gives. Where that is wrong it does not fail: its voxels are whatever was in
    memory.
    """
    found, at = np.empty(wanted, np.uint8), 0
    with opened_to_read(path) as opened:
        opened.seek(start.voxels_at)
        piece = opened.read(PIECE_BYTES)
        unpacker = zlib.decompressobj(wbits=31 if piece.startswith(GZIP) else 15)
        try:
            while piece and not unpacker.eof and at <= wanted:
                # One byte more than wanted shows that there are more.
                part = unpacker.decompress(piece, min(PIECE_BYTES, wanted + 1 - at))
                found[at : at + len(part)] = np.frombuffer(part, np.uint8)[: wanted - at]
                at += len(part)
                piece = unpacker.unconsumed_tail or opened.read(PIECE_BYTES)
        except zlib.error as error:
            raise UnreadableScan(f"{path}: its packed voxels are damaged ({error}). {AGAIN}") from None
    if at > wanted:
        raise UnreadableScan(f"{path}: holds more voxels than its header declares ({wanted:,} bytes). {AGAIN}")
    if at < wanted or not unpacker.eof:
        raise UnreadableScan(f"{path}: ends after {at:,} of {wanted:,} bytes of voxels, or within them. It is truncated. {AGAIN}")
    return found


def _reason(error: RuntimeError) -> str:
    """Return the last words of ITK's message, which begins with places in its source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].rpartition("): ")[2][:160] if lines else "no reason given"
