"""Which folder stands for which DICOM series: on many CDs the slices of one series are spread over several folders."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from radlearn.errors import BadLayout, UnreadableScan
from radlearn.file_names import readable
from radlearn.files import opened_to_read
from radlearn.scans.dicom_parsing import parsed
from radlearn.scans.stored_pixels import parsing


class _Place(NamedTuple):
    """What a slice says of its place among others; "" where it says nothing."""

    series: str
    number: str


def one_folder_a_series(files: Sequence[Path], root: Path) -> set[Path]:
    """Return the folders in which DICOM files lie, one for each series as far as a look at one file of each folder tells.

    Where several folders hold parts of one series, that is the folder above all of them, if nothing else lies below it. Parts have one
    SeriesInstanceUID and no InstanceNumber in common: copies have all of them, and of people whose UIDs were all set to one the first is 1.

    Args:
        files: DICOM files, sorted.
        root: the folder that was searched.

    Raises:
        BadLayout: parts of a series lie among those of others, so that each would be read as a CT of its own.
    """
    by_folder: dict[Path, list[Path]] = {}
    for path in files:
        by_folder.setdefault(path.parent, []).append(path)
    by_series: dict[str, list[Path]] = {}
    for folder, inside in by_folder.items() if len(by_folder) > 1 else ():
        if uid := _place(inside[0]).series:
            by_series.setdefault(uid, []).append(folder)
    folders = set(by_folder)
    for places in by_series.values():
        if len(places) < 2 or not _are_parts([by_folder[place] for place in places]):
            continue
        above = Path(os.path.commonpath(places))
        if any(other not in places and above in (other, *other.parents) for other in by_folder):
            listed = ", ".join(readable(str(place)) for place in places[:3]) + (", …" if len(places) > 3 else "")
            found = f"{readable(str(root))}: {len(places)} folders hold parts of one series ({listed})"
            raise BadLayout(f"{found}; each would be read as a CT of its own. Put the files of a series into one folder.")
        folders = folders - set(places) | {above}
    return folders


def _are_parts(folders: Sequence[Sequence[Path]]) -> bool:
    """Whether files of several folders, all with a number, have none in common."""
    numbers = [[_place(path).number for path in inside] for inside in folders]
    every = [number for inside in numbers for number in inside]
    return "" not in every and len(set(every)) == len(every)


def _place(path: Path) -> _Place:
    try:
        with parsing(path), opened_to_read(path) as opened:
            said = parsed(opened, stop_before_pixels=True)
            if said.get("Rows") is None:
                return _Place("", "")
            return _Place(*(str(said.get(keyword) or "").strip(" \0") for keyword in ("SeriesInstanceUID", "InstanceNumber")))
    except (UnreadableScan, OSError):
        # Whoever reads it says so.
        return _Place("", "")
