"""The labels that probabilities are scored against: the challenge's table, the same without boxes, or a table of one's own.

Probabilities have no use for boxes, so a table needs none: `patientId,Target`, or `path` (or `id`), `label` and `person` as in `own_table`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from radlearn.challenges.folders import stem, volume_stem
from radlearn.challenges.rsna import tables
from radlearn.challenges.rsna.scoring import labels_of, persons_beside
from radlearn.challenges.tables.csv_hints import finite_number, number_hint
from radlearn.challenges.tables.table_rows import HEADER_LINE, Cells, rows_of
from radlearn.challenges.troubles import listed
from radlearn.challenges.words.near_columns import ID, PATH, PERSON, VIEW, VIEWS
from radlearn.csv_cells import restored
from radlearn.errors import BadLayout

PATIENT, TARGET, LABEL = "patientId", "Target", "label"


class LabelTruth(NamedTuple):
    """What is known of each image; `persons` and `views` only where the tables say them."""

    images: Mapping[str, tables.LabelledImage]
    persons: Mapping[str, str]
    views: Mapping[str, str]
    notes: list[str]


def label_truth(path: Path) -> LabelTruth:
    """Read the labels of images.

    Raises:
        BadLayout: there is no such table, or something is wrong in it.
    """
    columns, rows, troubles = rows_of(path) if path.is_file() else ((), [], [])
    boxes = [column for column in tables.LABEL_COLUMNS if column in columns and column not in (PATIENT, TARGET)]
    is_short = {PATIENT, TARGET} <= set(columns) and not any(cells[column] for _, cells in rows for column in boxes)
    is_own = LABEL in columns and bool({PATH, ID} & set(columns)) and TARGET not in columns
    if troubles or not (is_short or is_own):
        images = labels_of(path)
        return LabelTruth(images, *_persons(path, images))
    name = (PATIENT, TARGET) if is_short else (ID if ID in columns else PATH, LABEL)
    images, persons, views, troubles = _read(path.name, rows, *name)
    if troubles:
        raise BadLayout(listed(path, troubles, "in it cannot be scored against"))
    if PERSON not in columns:
        return LabelTruth(images, *_persons(path, images)._replace(views=views))
    return LabelTruth(images, persons, views, [])


class _Beside(NamedTuple):
    persons: Mapping[str, str]
    views: Mapping[str, str]
    notes: list[str]


def _persons(path: Path, images: Mapping[str, tables.LabelledImage]) -> _Beside:
    persons, notes = persons_beside(path, images)
    return _Beside(persons, {}, notes)


def _read(
    table: str, rows: list[tuple[int, Cells]], name: str, label: str
) -> tuple[dict[str, tables.LabelledImage], dict[str, str], dict[str, str], list[str]]:
    images: dict[str, tables.LabelledImage] = {}
    persons: dict[str, str] = {}
    views: dict[str, str] = {}
    places: dict[str, tuple[str, int]] = {}
    troubles = []
    for line, cells in rows:
        where, text = f"{table}, line {line}", cells[label]
        image_id = restored(cells[name])
        if name == PATH:
            file = image_id.replace("\\", "/").rpartition("/")[2]
            image_id = volume_stem(file) or stem(file)
        if not image_id:
            troubles.append(f"{where}, column {name}: is empty; expected which image it is.")
            continue
        if (value := finite_number(text)) not in (0.0, 1.0):
            troubles.append(f"{where}, column {label}: is {text!r}; expected 0 or 1.{number_hint(text)}")
            continue
        first = images.setdefault(image_id, tables.LabelledImage(line, bool(value)))
        if first.target != bool(value):
            troubles.append(f"{where}: {label} of {image_id} is {text} here and {int(bool(first.target))} in line {first.line}.")
        elif name == PATH and (before := places.setdefault(image_id, (cells[PATH], line)))[0] != cells[PATH]:
            found = f"{image_id} is the name of another image too, line {before[1]}"
            troubles.append(f"{where}: {found}. Add a column {ID} with a name for each.")
        if person := restored(cells.get(PERSON, "")):
            persons[image_id] = person
        if cells.get(VIEW, "") in VIEWS:
            views[image_id] = cells[VIEW]
    if not images and not troubles:
        troubles.append(f"{table}, line {HEADER_LINE}: has a header and no rows.")
    return images, persons, views, troubles
