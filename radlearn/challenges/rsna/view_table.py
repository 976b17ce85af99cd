"""Which view an X-ray was taken in, for evaluating within a view: from a table of header fields, or from the X-rays themselves."""

import csv
import io
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from radlearn.amounts import counted, none_of, part_of
from radlearn.challenges.folders import stem
from radlearn.challenges.tables.csv_rows import path_text, rows_in
from radlearn.challenges.troubles import listed
from radlearn.challenges.words.near_columns import VIEWS
from radlearn.challenges.words.near_ids import near_strangers
from radlearn.errors import BadLayout
from radlearn.scans.views import view_named

HEADER_TABLES = ("headers.csv", "headers.csv.gz", "stage_2_train_headers.csv", "stage_2_train_headers.csv.gz")
"Looked for beside the labels."
SHOWN = 5
ID_COLUMNS, VIEW_COLUMNS = ("patientId", "PatientID"), ("view", "ViewPosition")


def views_of(labels_csv: Path, image_ids: Collection[str], given: Path | None = None) -> tuple[dict[str, str], list[str]]:
    """Return image → view, without images whose view is not known, and what a person should know about it.

    Args:
        labels_csv: the labels table; a table of header fields may lie beside it.
        given: such a table (patientId and view, or DICOM's PatientID and ViewPosition), or a folder of the X-rays; looked for if None.

    Raises:
        BadLayout: if what was given is not there or cannot be understood.
    """
    place = given or next((labels_csv.parent / name for name in HEADER_TABLES if (labels_csv.parent / name).is_file()), None)
    if place is None:
        told = "the AUROC within a view is left out. Say with --views where a table (patientId,view) or the X-rays are."
        return {}, [f"{labels_csv.parent}: there is no table of views, so {told}"]
    if not place.exists():
        raise BadLayout(f"{place}: there is no such file or folder; expected a table with patientId and view, or a folder of X-rays.")
    found = _in_xrays(place) if place.is_dir() else _in_table(place)
    if near := near_strangers(place.name, found, image_ids):
        raise BadLayout(listed(place, near, "in it cannot be understood"))
    views = {image_id: view for image_id in image_ids if (view := found.get(image_id, ""))}
    if not views:
        raise BadLayout(f"{place}: says the view of {none_of(len(image_ids), 'images')}. Are they the same X-rays?")
    notes = []
    if others := Counter(view for view in views.values() if view not in VIEWS):
        said = ", ".join(f"{view!r} of {counted(count, 'images')}" for view, count in others.most_common(SHOWN))
        notes.append(f"{place.name}: says the view {said}, neither {' nor '.join(VIEWS)}; the AUROC within a view is without them.")
    if unknown := len(image_ids) - len(views):
        notes.append(f"{place.name}: says no view for {part_of(unknown, len(image_ids), 'images')}.")
    return {image_id: view for image_id, view in views.items() if view in VIEWS}, notes


def _in_table(path: Path) -> dict[str, str]:
    text, troubles = path_text(path)
    try:
        header = [column.strip() for column in next(csv.reader(io.StringIO(text, newline="")), [])]
    except csv.Error as error:
        header = []
        troubles.append(f"{path.name}, line 1: is not CSV ({error}).")
    columns = tuple(next((name for name in names if name in header), names[0]) for names in (ID_COLUMNS, VIEW_COLUMNS))
    found: dict[str, str] = {}
    for line, (image_id, view) in () if troubles else rows_in(path.name, text, columns, troubles):
        view = view_named(view)
        if found.setdefault(image_id, view) != view:
            troubles.append(f"{path.name}, line {line}: the view of {image_id} is {view!r} here and {found[image_id]!r} before.")
    if troubles:
        raise BadLayout(listed(path, troubles, "in it cannot be understood"))
    return found


def _in_xrays(folder: Path) -> dict[str, str]:
    from radlearn.scans.dicom import find_xrays, read_header  # pydicom, which tables need not

    paths = find_xrays(folder)
    return {stem(path.name): read_header(path).view or "" for path in paths}
