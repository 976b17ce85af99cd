"""Reads MetaImage (`.mha`) and NRRD (`.nrrd`) volumes with SimpleITK.

ITK decodes the voxels and finds their place. Before that radlearn looks through the header and the packed voxels: ITK trusts sizes, opens
whatever file a header names, leaves voxels at 0 where unpacking fails, and takes axes that nothing is said of as left, back, head. Files
whose voxels lie in a second file (`.mhd`, `.nhdr`) are refused by name: the pair is easily torn.

Source: https://itk.org/Wiki/ITK/MetaIO/Documentation; https://teem.sourceforge.net/nrrd/format.html.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from radlearn.errors import UnreadableScan
from radlearn.files import opened_to_read
from radlearn.scans.file_names import ITK_SUFFIXES
from radlearn.scans.geometry import Grid, Volume, lps_affine
from radlearn.scans.nifti import AGAIN, MOST_BYTES, MOST_PACKED, SUSPECT_BYTES, only_finite

if TYPE_CHECKING:  # SimpleITK takes a third of a second to import, and NIfTI needs none of it.
    import SimpleITK

MOST_HEADER_BYTES = 1 << 20
"Slicer writes a few lines a segment."
PIECE_BYTES = 1 << 20
CONVERT = "Convert it to .nii.gz, for example with SimpleITK."
AXES_UNKNOWN = "the file does not say which way its axes go; they are taken as left, back, head, as ITK does"
WITHOUT_PLACE = {"", "3d-right-handed", "3d-left-handed", "scanner-xyz"}
"NRRD's spaces that name no direction of the patient."


class _Start(NamedTuple):
    """What a header says: its lines by name, where the voxels begin, and how they are packed ("", "zlib", "gzip")."""

    lines: dict[str, str]
    voxels_at: int
    packed: str
    note: str


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
        UnreadableScan: a missing, truncated or damaged file, voxels in another file, not one volume of real numbers, lengths in other
            units than mm, or values that are not finite.
    """
    path = Path(path)
    start, grid, reader = _looked_through(path)
    import SimpleITK

    _prove_voxels(path, start, _bytes_of(reader))
    try:
        # SimpleITK's arrays are reversed, [k, j, i].
        voxels = SimpleITK.GetArrayFromImage(reader.Execute()).T
    except RuntimeError as error:
        raise UnreadableScan(f"{path}: cannot be read ({_reason(error)}). {AGAIN}") from None
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
    return _looked_through(Path(path))[1]


def _looked_through(path: Path) -> "tuple[_Start, Grid, SimpleITK.ImageFileReader]":
    start = _start(path)
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
    sizes = reader.GetSize()
    if reader.GetNumberOfComponents() != 1 or len(sizes) != 3:
        several = f"{reader.GetNumberOfComponents()} values a voxel" if len(sizes) == 3 else f"{len(sizes)} axes"
        shape = " × ".join(str(size) for size in sizes)
        raise UnreadableScan(f"{path}: has {shape} voxels with {several}; expected one volume (i, j, k), one number a voxel. {CONVERT}")
    if not min(sizes) >= 1:
        raise UnreadableScan(f"{path}: has the shape {tuple(sizes)}; expected sizes of 1 or more. Its header is damaged. {AGAIN}")
    declared, packed = _bytes_of(reader), path.stat().st_size
    if declared > MOST_BYTES or (declared > SUSPECT_BYTES and declared > MOST_PACKED * packed):
        found = f"{path}: its header declares {declared:,} bytes of voxels in a file of {packed:,}"
        raise UnreadableScan(f"{found}; that is no scan, and it is not unpacked. {AGAIN}")
    affine = np.eye(4)
    affine[:3, :3] = np.array(reader.GetDirection()).reshape(3, 3) * reader.GetSpacing()
    affine[:3, 3] = reader.GetOrigin()
    if not np.isfinite(affine).all() or not abs(np.linalg.det(affine[:3, :3])) > 1e-9:
        raise UnreadableScan(f"{path}: its axes are {affine[:3].tolist()}, which span no volume. {CONVERT}")
    return start, Grid((sizes[0], sizes[1], sizes[2]), lps_affine(affine)), reader


def _bytes_of(reader: "SimpleITK.ImageFileReader") -> int:
    import SimpleITK

    one = SimpleITK.Image([1, 1], reader.GetPixelID()).GetSizeOfPixelComponent()
    return int(one * np.prod(reader.GetSize(), dtype=object))


def _start(path: Path) -> _Start:
    try:
        with opened_to_read(path) as opened:
            head = opened.read(MOST_HEADER_BYTES)
    except FileNotFoundError:
        raise UnreadableScan(f"{path}: there is no such file.") from None
    except OSError as error:
        raise UnreadableScan(f"{path}: cannot be read ({error.strerror or error}); expected a MetaImage or NRRD file.") from None
    if not head:
        raise UnreadableScan(f"{path}: is empty (0 bytes). {AGAIN}")
    return _meta_start(path, head) if path.name.lower().endswith(".mha") else _nrrd_start(path, head)


def _meta_start(path: Path, head: bytes) -> _Start:
    lines: dict[str, str] = {}
    at = 0
    # The voxels follow the line that says where they are.
    while "elementdatafile" not in lines:
        end = head.find(b"\n", at)
        name, found, value = head[at : max(end, 0)].decode("latin-1").partition("=")
        if end < 0 or not found:
            raise UnreadableScan(f"{path}: is no MetaImage: its header has no line ElementDataFile. Expected a .mha file. {AGAIN}")
        lines[name.strip().lower()] = value.strip()
        at = end + 1
    if lines["elementdatafile"].upper() != "LOCAL":
        where = lines["elementdatafile"][:80]
        raise UnreadableScan(f"{path}: its voxels lie in another file, {where!r}; expected them in the same one. {CONVERT}")
    if lines.get("binarydata", "True").lower() == "false" or lines.get("headersize", "0") not in ("0", "-1"):
        raise UnreadableScan(f"{path}: its voxels are written as text, or behind another header; radlearn does not read that. {CONVERT}")
    packed = "zlib" if lines.get("compresseddata", "False").lower() == "true" else ""
    placed = {"transformmatrix", "rotation", "orientation"} & set(lines)
    return _Start(lines, at, packed, "" if placed else AXES_UNKNOWN)


def _nrrd_start(path: Path, head: bytes) -> _Start:
    if not head.startswith(b"NRRD000"):
        raise UnreadableScan(f"{path}: is not an NRRD file: it begins with {head[:8]!r}. {AGAIN}")
    end = min((place + len(blank) for blank in (b"\n\n", b"\n\r\n") if (place := head.find(blank)) >= 0), default=-1)
    text = head[: end if end >= 0 else len(head)].decode("latin-1")
    lines = {}
    for line in text.splitlines()[1:]:
        name, found, value = line.partition(":")
        # `name:=value` is a remark, and says nothing of the voxels.
        if found and not line.startswith("#") and not value.startswith("="):
            lines[name.strip().lower()] = value.strip()
    if "data file" in lines or "datafile" in lines or end < 0:
        raise UnreadableScan(f"{path}: its voxels lie in another file, or are missing; expected them after the header. {CONVERT}")
    packed = {"raw": "", "gzip": "gzip", "gz": "gzip"}.get(lines.get("encoding", "").lower())
    skips = [lines.get(name, "0") for name in ("line skip", "lineskip", "byte skip", "byteskip")]
    if packed is None or set(skips) != {"0"}:
        found = f"encoding {lines.get('encoding', '')!r}" if packed is None else "bytes to be skipped before the voxels"
        raise UnreadableScan(f"{path}: has {found[:60]}; radlearn reads raw and gzip. {CONVERT}")
    if units := [unit for unit in lines.get("space units", "").replace('"', " ").split() if unit not in ("mm", "millimeter", "millimetre")]:
        raise UnreadableScan(f"{path}: its lengths are in {units[0][:20]!r}; expected millimetres. {CONVERT}")
    placed = lines.get("space", "").lower() not in WITHOUT_PLACE and "space directions" in lines
    return _Start(lines, end, packed, "" if placed else AXES_UNKNOWN)


def _prove_voxels(path: Path, start: _Start, wanted: int) -> None:
    """Raise an UnreadableScan where the voxels are not all there, or the checksum of packed ones is not right."""
    if not start.packed:
        there = path.stat().st_size - start.voxels_at
        if there < wanted:
            raise UnreadableScan(f"{path}: ends after {max(there, 0):,} of {wanted:,} bytes of voxels. It is truncated. {AGAIN}")
        return
    unpacker = zlib.decompressobj(wbits=31 if start.packed == "gzip" else 15)
    found = 0
    try:
        for piece in _packed_voxels(path, start):
            while piece and not unpacker.eof and found <= wanted:
                found += len(unpacker.decompress(piece, PIECE_BYTES))
                piece = unpacker.unconsumed_tail
    except zlib.error as error:
        raise UnreadableScan(f"{path}: its packed voxels are damaged ({error}). {AGAIN}") from None
    if found < wanted or (found == wanted and not unpacker.eof):
        raise UnreadableScan(f"{path}: ends after {found:,} of {wanted:,} bytes of voxels, or within them. It is truncated. {AGAIN}")
    if found > wanted:
        raise UnreadableScan(f"{path}: holds more voxels than its header declares ({wanted:,} bytes). {AGAIN}")


def _packed_voxels(path: Path, start: _Start) -> Iterator[bytes]:
    with opened_to_read(path) as opened:
        opened.seek(start.voxels_at)
        yield from iter(lambda: opened.read(PIECE_BYTES), b"")


def _reason(error: RuntimeError) -> str:
    """Return the last words of ITK's message, which begins with places in its source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].rpartition("): ")[2][:160] if lines else "no reason given"
