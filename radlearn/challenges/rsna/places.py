"""Where the X-rays and tables of the RSNA challenge lie when they do not lie where its layout has them, and what to do about it."""

import re
import shlex
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from radlearn.amounts import counted, part_of, verb_of
from radlearn.challenges.folders import files_in, stem, within
from radlearn.challenges.tables.meant_columns import meant_columns
from radlearn.challenges.tables.table_rows import is_table
from radlearn.folder_walks import walked
from radlearn.scans.file_names import DICOM_SUFFIXES, PACKED_SUFFIXES, PICTURE_SUFFIXES

STAGE = re.compile(r"stage_\d+_", re.IGNORECASE)
LABEL_COLUMNS = {"patientId", "x", "y", "width", "height", "Target"}


def images_folder(root: Path, name: str) -> Path:
    """Return the folder of X-rays of a layout: `name` in it or, as some programs unpack an archive, a folder of that name in that one."""
    folder = root / name
    inner = folder / name
    if inner.is_dir() and not any(path.name.lower().endswith(DICOM_SUFFIXES) for path in files_in(folder)):
        return inner
    return folder


def elsewhere(root: Path, folder: Path, absent: Collection[str]) -> tuple[set[str], str]:
    """Return which of the X-rays that are missing in their folder lie elsewhere, or there as pictures, and that in words; "" for none.

    Args:
        root: of the layout.
        folder: of its X-rays.
        absent: ids of those that have no file there.
    """
    moved: dict[str, Path] = {}
    packed: dict[str, Path] = {}
    drawn: dict[str, Path] = {}
    bare_names: dict[str, Path] = {}
    for place, names in walked(root):
        for name in names:
            bare = name[: -len(Path(name).suffix)] if name.lower().endswith(PACKED_SUFFIXES) else name
            if (one := stem(bare)) not in absent:
                continue
            if bare != name:
                packed.setdefault(one, place / name)
                continue
            if one == name and place.is_relative_to(folder):
                bare_names.setdefault(one, place / name)
            elif name.lower().endswith(DICOM_SUFFIXES):
                moved.setdefault(one, place / name)
            elif name.lower().endswith(PICTURE_SUFFIXES) and (place.is_relative_to(folder) or not folder.is_dir()):
                drawn.setdefault(one, place / name)
    if moved:
        ((place, _),) = Counter(path.parent for path in moved.values()).most_common(1)
        amount = (
            f"{part_of(len(moved), len(absent), 'X-rays', 'of')} that {verb_of(len(moved), 'are')} missing {verb_of(len(moved), 'lie')}"
        )
        return set(moved), f"{amount} in {within(place, root)}: move them to {within(folder, root)}"
    if bare_names:
        amount = f"{counted(len(bare_names), 'X-rays')} {verb_of(len(bare_names), 'lie')} there without a suffix"
        return set(bare_names), f"{amount}, such as {within(min(bare_names.values()), root)}: name each ID.dcm"
    if packed:
        first = min(packed.values())
        amount = f"{counted(len(packed), 'X-rays')} {verb_of(len(packed), 'lie')} packed as {''.join(first.suffixes[-2:])}"
        many = shlex.quote(within(first.parent, root))
        how = f"gunzip {many}/*{first.suffix}" if first.suffix.lower() == ".gz" else "each into a file that ends with .dcm"
        return set(packed), f"{amount}, such as {within(first, root)}: unpack them ({how})"
    if drawn:
        first = min(drawn.values())
        amount = (
            f"{counted(len(drawn), 'X-rays')} {verb_of(len(drawn), 'lie')} there as {first.suffix.lower()}, such as {within(first, root)}"
        )
        advice = "Put the DICOM files there, or name the pictures in a table of your own: columns path, person, and label or x0, y0, x1, y1"
        return set(drawn), f"{amount}; the challenge's are DICOM, on whose pixels the boxes lie. {advice}"
    return set(), ""


def near_layout(folder: Path, labels: str, images: str) -> str:
    """Return what to rename in a folder that holds the challenge's labels under another name, as of its first stage; "" where none does.

    Args:
        folder: that is not the layout.
        labels: what the table of labels is called.
        images: what the folder of X-rays is called.
    """
    if not folder.is_dir():
        return ""
    columns = {path: meant_columns(path) for path in files_in(folder) if is_table(path)}
    tables = [path for path, (names, _) in columns.items() if set(names) >= LABEL_COLUMNS]
    # A copy that somebody divided is not the challenge's table.
    if len(tables) != 1:
        return ""
    called = STAGE.sub("", images)
    places = [path for path in folder.iterdir() if path.is_dir() and STAGE.sub("", path.name.lower()) == called and path.name != images]
    also = f", and the folder {places[0].name} {images}" if len(places) == 1 and not (folder / images).is_dir() else ""
    trouble = columns[tables[0]][1].removesuffix(".")
    unread = f". It is not read as it is, either: {trouble}" if trouble else ""
    return f"{tables[0].name} has the columns of the challenge's table of labels. Call it {labels}{also}{unread}"
