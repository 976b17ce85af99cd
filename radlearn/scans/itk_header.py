"""What the header of a MetaImage or NRRD file says of its voxels: where they begin, how they are packed, whether it says their place.

ITK reads the same header; it opens whatever file one names, and takes 1 mm where one does not say how far apart the voxels are. Names of
MetaImage's lines are taken as ITK takes them: in another case they say nothing.

Source: https://itk.org/Wiki/ITK/MetaIO/Documentation; https://teem.sourceforge.net/nrrd/format.html.
"""

import re
from pathlib import Path
from typing import NamedTuple

from radlearn.errors import UnreadableScan
from radlearn.files import nothing_there, opened_to_read
from radlearn.scans.nifti_header import AGAIN

MOST_HEADER_BYTES = 1 << 20
"Slicer writes a few lines a segment."
CONVERT = "Convert it to .nii.gz, for example with SimpleITK."
AXES_UNKNOWN = "the file does not say which way its axes go; they are taken as left, back, head, as ITK does"
WITHOUT_PLACE = {"", "3d-right-handed", "3d-left-handed", "scanner-xyz"}
"NRRD's spaces that name no direction of the patient."
AXES = 3


class Start(NamedTuple):
    """Where the voxels begin, whether they are packed and have their larger byte first, and what is to be said of their axes.

    `has_spacing` is whether the header says how far apart they are.
    """

    voxels_at: int
    packed: bool
    is_big_endian: bool
    note: str
    has_spacing: bool


def start_of(path: Path, needs_spacing: bool = True) -> Start:
    """Read the header of a file, which `needs_spacing` where it is one of a volume.

    Raises:
        UnreadableScan: no such file, no header, voxels in another file or in an encoding that is not read, lengths that are not known or
            not in millimetres.
    """
    try:
        with opened_to_read(path) as opened:
            head = opened.read(MOST_HEADER_BYTES)
    except FileNotFoundError:
        raise UnreadableScan(f"{path}: {nothing_there(path)}.") from None
    except OSError as error:
        raise UnreadableScan(f"{path}: cannot be read ({error.strerror or error}); expected a MetaImage or NRRD file.") from None
    if not head:
        raise UnreadableScan(f"{path}: is empty (0 bytes). {AGAIN}")
    read = _meta_start if path.name.lower().endswith(".mha") else _nrrd_start
    return read(path, head, needs_spacing)


def _meta_start(path: Path, head: bytes, needs_spacing: bool) -> Start:
    lines: dict[str, str] = {}
    at = 0
    # The voxels follow the line that says where they are.
    while "ElementDataFile" not in lines:
        end = head.find(b"\n", at)
        name, found, value = head[at : max(end, 0)].decode("latin-1").partition("=")
        if end < 0 or not found:
            raise UnreadableScan(f"{path}: is no MetaImage: its header has no line ElementDataFile. Expected a .mha file. {AGAIN}")
        lines[name.strip()] = value.strip()
        at = end + 1
    if lines["ElementDataFile"].upper() != "LOCAL":
        where = lines["ElementDataFile"][:80]
        raise UnreadableScan(f"{path}: its voxels lie in another file, {where!r}; expected them in the same one. {CONVERT}")
    if not _is_true(lines.get("BinaryData", "True")) or lines.get("HeaderSize", "0") not in ("0", "-1"):
        raise UnreadableScan(f"{path}: its voxels are written as text, or behind another header; radlearn does not read that. {CONVERT}")
    if (unit := lines.get("DistanceUnits", "mm").lower()) in ("um", "cm"):
        raise UnreadableScan(f"{path}: its lengths are in {unit!r}; expected millimetres. {CONVERT}")
    has_spacing = bool({"ElementSpacing", "ElementSize"} & set(lines))
    if needs_spacing and not has_spacing:
        raise UnreadableScan(_without_spacing(path, "its header has no line ElementSpacing"))
    order = lines.get("BinaryDataByteOrderMSB", lines.get("ElementByteOrderMSB", "False"))
    placed = {"TransformMatrix", "Rotation", "Orientation"} & set(lines)
    return Start(at, _is_true(lines.get("CompressedData", "False")), _is_true(order), "" if placed else AXES_UNKNOWN, has_spacing)


def _is_true(value: str) -> bool:
    return value.startswith(("T", "t", "1"))


def _nrrd_start(path: Path, head: bytes, needs_spacing: bool) -> Start:
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
    packed = {"raw": False, "gzip": True, "gz": True}.get(lines.get("encoding", "").lower())
    skips = [lines.get(name, "0") for name in ("line skip", "lineskip", "byte skip", "byteskip")]
    if packed is None or set(skips) != {"0"}:
        found = f"encoding {lines.get('encoding', '')!r}" if packed is None else "bytes to be skipped before the voxels"
        raise UnreadableScan(f"{path}: has {found[:60]}; radlearn reads raw and gzip. {CONVERT}")
    if units := [unit for unit in lines.get("space units", "").replace('"', " ").split() if unit not in ("mm", "millimeter", "millimetre")]:
        raise UnreadableScan(f"{path}: its lengths are in {units[0][:20]!r}; expected millimetres. {CONVERT}")
    directions = re.findall(r"\([^)]*\)", lines.get("space directions", ""))
    lengths = [one for one in directions or lines.get("spacings", "").split() if "nan" not in one.lower()]
    # What has fewer axes is no volume, whatever their lengths.
    if needs_spacing and len(lengths) < AXES and lines.get("dimension") not in ("1", "2"):
        which = f"{len(lengths)} of {AXES} axes have" if lengths else "no axis has"
        raise UnreadableScan(_without_spacing(path, f"{which} a length in 'space directions' or 'spacings'"))
    placed = lines.get("space", "").lower() not in WITHOUT_PLACE and "space directions" in lines
    return Start(end, packed, lines.get("endian", "").lower() == "big", "" if placed else AXES_UNKNOWN, len(lengths) > 1)


def _without_spacing(path: Path, found: str) -> str:
    guess = "other programs take 1 mm, and every length and volume would be a guess"
    return f"{path}: does not say how far apart its voxels are: {found}; {guess}. Convert it again from its source, with its spacing."
