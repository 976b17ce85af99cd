"""Ids for the first table of a folder, where several of its images have one name and the table could not be read without."""

import os
import re
from collections import Counter
from pathlib import Path

from radlearn.amounts import counted, verb_of
from radlearn.challenges.first_tables.rows import FirstTable, Row
from radlearn.challenges.folders import distinct_ids, ids_with_folders, stem, volume_stem
from radlearn.challenges.words.near_columns import ID, PAGE, PATH
from radlearn.scans.tiff_pages import page_name

FORBIDDEN = re.compile(r"^\.|[/\\:]")
"In an id, by which files are named."


def add_ids(table: FirstTable, place: Path) -> None:
    """Add the column `id` where the names of the images do not tell them apart, and say so.

    Args:
        table: paths and more.
        place: the folder in which the table will lie. Its reader tells images below it apart by their folders too.
    """
    images = list(dict.fromkeys(map(_image, table.rows)))
    paths = [path for path, _ in images]
    names = [page_name(stem(path.name), page) if page else volume_stem(path.name) or stem(path.name) for path, page in images]
    if ID in table.columns or len(set(_as_read(paths, names, place))) == len(paths):
        return
    root = Path(os.path.commonpath([path.parent for path in paths]))
    ids = distinct_ids(paths, [FORBIDDEN.sub("_", name) for name in names], root)
    # Folders may be called in ways that an id may not.
    ids = distinct_ids([root] * len(paths), [FORBIDDEN.sub("_", one) for one in ids], root)
    id_of = dict(zip(images, ids, strict=True))
    table.columns = (table.columns[0], ID, *table.columns[1:])
    for row in table.rows:
        row[ID] = id_of[_image(row)]
    shared = [name for name, count in Counter(names).items() if count > 1]
    table.assumed.append(
        f"{counted(len(shared), 'names')} {verb_of(len(shared), 'are')} of several images, such as {shared[0]}: the column {ID} gives "
        "each image a name of its own. Where two files show the same X-ray, remove the row of one."
    )


def _image(row: Row) -> tuple[Path, int]:
    """Return the file of a row and which of its pages it is; 0 for a file of one."""
    return Path(str(row[PATH])), int(str(row.get(PAGE) or 0))


def _as_read(paths: list[Path], names: list[str], place: Path) -> list[str]:
    try:
        return ids_with_folders(paths, names, place)
    except ValueError:
        return names
