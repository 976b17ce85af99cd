"""The RSNA Pneumonia Detection Challenge 2018: its folder, read into cases, and written again.

    stage_2_train_images/<patientId>.dcm     an X-ray each
    stage_2_train_labels.csv                 patientId,x,y,width,height,Target      a row per box, or one with no box where Target is 0
    stage_2_detailed_class_info.csv          patientId,class                        (may be missing)
    persons.csv                              patientId,person                       (radlearn's own; may be missing)

The challenge's `patientId` names an *image*: its 26,684 ids are about 11,400 people. So it is called `image_id` here, and who a
person is comes from `persons.csv`, or from RSNA's public mapping to NIH ChestX-ray14 where that file lies in the folder.

A label is a lung opacity suspicious for pneumonia, seen on the X-ray alone; pneumonia itself is a clinical diagnosis.

Source: Shih et al. 2019, Radiology: Artificial Intelligence 1(1):e180041, doi:10.1148/ryai.2019180041.
"""

import math
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from radlearn.amounts import counted, part_of, verb_of
from radlearn.challenges.folders import (
    FINDINGS_TABLE,
    describe_folder,
    distinct_ids,
    files_in,
    folder_that_holds,
    holds_exact_truth,
    named_pages,
    stem,
)
from radlearn.challenges.header_persons import PERSONS_TABLE
from radlearn.challenges.rsna import places, tables
from radlearn.challenges.tables import nih_table, xray_table
from radlearn.challenges.tables.csv_rows import path_text, table_text
from radlearn.challenges.tables.folder_tables import tables_hint, unused_tables
from radlearn.challenges.tables.table_rows import is_table
from radlearn.challenges.troubles import listed
from radlearn.challenges.words.near_ids import NearIds, near_strangers, only_strangers
from radlearn.challenges.words.nobody import nobody_notes
from radlearn.challenges.words.person_spellings import joined_in_table
from radlearn.challenges.xray_case import TABLE_ADVICE, with_headers
from radlearn.challenges.xray_case import XrayCase as Case
from radlearn.errors import BadLayout
from radlearn.files import write_text
from radlearn.folder_walks import real_path
from radlearn.progress import say
from radlearn.scans.file_names import DICOM_SUFFIXES

IMAGE_FOLDER = "stage_2_train_images"
UNLABELLED_FOLDER = "stage_2_test_images"
LABELS_TABLE = "stage_2_train_labels.csv"
CLASS_TABLE = "stage_2_detailed_class_info.csv"
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z")
MAPPING = "pneumonia-challenge-dataset-mappings*.json"

_NO_PERSONS = (
    f"{{folder}}: there is no {PERSONS_TABLE}, so every image counts as a person of its own. Where people have several images (RSNA's "
    "26,684 are about 11,400 people), the same person is then trained on and tested on, and the scores come out too good. Write "
    f"{PERSONS_TABLE} (columns patientId,person), or put RSNA's own mapping, {MAPPING.replace('*', '_2018')} from the challenge's page at "
    "rsna.org, into that folder."
)

__all__ = ["Case", "find_cases", "find_images", "layout_folder", "with_headers", "write_tables"]


def layout_folder(folder: Path) -> Path | None:
    """Return the folder that holds the labels table: `folder` itself or, as Kaggle's archive unpacks, the one folder in it that does.

    A table of X-rays is its own layout, and so is that of NIH ChestX-ray14 in a folder.

    Raises:
        BadLayout: if several folders in it do.
    """
    if is_table(Path(folder)):
        return Path(folder) if xray_table.is_xray_table(Path(folder)) else None
    found = folder_that_holds(Path(folder), lambda place: (place / LABELS_TABLE).is_file(), LABELS_TABLE)
    return nih_table.table_in(Path(folder)) if found is None else found


def find_cases(folder: Path) -> list[Case]:
    """Return the cases of the layout in `folder`, or of a table, in the order of its labels table, without opening an X-ray.

    View, sex and age are None until `with_headers`.

    Raises:
        BadLayout: if `folder` is not the layout (the message says what it holds), or if anything in the tables would train wrongly
            (the message names the first ten with file and line, and says how many there are).
    """
    if (place := layout_folder(folder)) is not None and is_table(place):
        return xray_table.find_cases(place)
    if is_table(Path(folder)):
        return xray_table.find_cases(Path(folder))
    cases, troubles, notes = audit(folder)
    if troubles:
        raise BadLayout(listed(Path(folder), troubles, *TABLE_ADVICE))
    for note in notes:
        say(note, style="bold yellow")
    return cases


def audit(folder: Path) -> tuple[list[Case], list[str], list[str]]:
    """Return the cases of a layout, everything in its tables that would train wrongly, and notes on it; a line each.

    Raises:
        BadLayout: if `folder` is not the layout.
    """
    root = layout_folder(folder)
    if root is None or not (root / IMAGE_FOLDER).is_dir():
        raise missing_layout(Path(folder) if root is None else root)
    images, listed_cases, troubles, notes = read_tables(root, Path(folder))
    # Built-in X-rays come with a table of their findings.
    known = {LABELS_TABLE, CLASS_TABLE, PERSONS_TABLE, *({FINDINGS_TABLE} if holds_exact_truth(root) else ())}
    if unused := unused_tables(root, known, tables.LABEL_COLUMNS):
        notes.append(unused)
    if not images:
        return [], troubles, notes
    paths: dict[str, Path] = {}
    folder_of_xrays = places.images_folder(root, IMAGE_FOLDER)
    for path in xrays_in(folder_of_xrays):
        if (other := paths.setdefault(stem(path.name), path)) is not path:
            troubles.append(f"{IMAGE_FOLDER}: {other.name} and {path.name} are both called {stem(path.name)}; keep one of them.")
    if absent := [image_id for image_id in images if image_id not in paths]:
        first = f"{absent[0]} ({LABELS_TABLE}, line {images[absent[0]].line})"
        amount = f"{part_of(len(absent), len(images), 'images')} of {LABELS_TABLE} {verb_of(len(absent), 'have')} no file here"
        near = NearIds(paths)
        hint = next((hint for image_id in absent if (hint := near.hint(image_id))), " Was the archive unpacked to its end?")
        if words := places.elsewhere(root, folder_of_xrays, set(absent))[1]:
            hint = f" {words[:1].upper()}{words[1:]}."
        troubles.append(f"{IMAGE_FOLDER}: {amount}, the first being {first}.{hint}")
    if unlisted := len(paths) - len(images) + len(absent):
        notes.append(
            f"{root / IMAGE_FOLDER}: {counted(unlisted, 'X-rays')} without a row in {LABELS_TABLE} {verb_of(unlisted, 'are')} left out."
        )
    return [replace(case, path=paths[case.image_id]) for case in listed_cases if case.image_id in paths], troubles, notes


def read_tables(root: Path, *folders: Path) -> tuple[dict[str, tables.LabelledImage], list[Case], list[str], list[str]]:
    """Return the labels, a case for each with the path where its X-ray would lie, and a line for each trouble and note of the tables.

    Args:
        root: the folder that holds the labels table.
        folders: where else the table of persons may lie.
    """
    text, troubles = path_text(root / LABELS_TABLE)
    images, more = tables.labels_in(LABELS_TABLE, text)
    troubles += more
    if not images:
        # Held against nothing, every row of the other tables would be wrong too, and hide what is.
        return {}, [], troubles or [f"{LABELS_TABLE}: has a header and no rows."], []
    classes: dict[str, str] = {}
    if (root / CLASS_TABLE).is_file():
        text, more = path_text(root / CLASS_TABLE)
        classes, wrong = tables.classes_in(CLASS_TABLE, text, images, LABELS_TABLE)
        troubles += more + wrong
    table, persons, more, alone = read_persons((root, *folders), images)
    troubles += more
    amount = f"does not list {part_of(alone, len(images), 'images')}; each of them counts as a person of its own."
    notes = [_NO_PERSONS.format(folder=root)] if table is None else [f"{table.name}: {amount}"] if alone else []
    notes += [] if table is None else nobody_notes(table.name, (persons[one] for one in images if one in persons), "images")
    persons, spelt = joined_in_table(PERSONS_TABLE if table is None else table.name, persons)
    notes += spelt
    cases = []
    for image_id, image in images.items():
        path, person = root / IMAGE_FOLDER / f"{image_id}.dcm", persons.get(image_id, image_id)
        cases.append(Case(image_id, path, bool(image.target), tuple(image.boxes_xyxy_px), classes.get(image_id), person))
    return images, cases, troubles, notes


def missing_layout(folder: Path) -> BadLayout:
    """Return the error for a folder that is not the layout: what was found, what was expected, what to do about the difference."""
    advice = "Put the challenge's files there (kaggle.com/c/rsna-pneumonia-detection-challenge/data), or name another folder with --data."
    files = files_in(folder) if folder.is_dir() else []
    if archives := [file.name for file in files if file.suffix in ARCHIVES]:
        advice = f"Unpack {', '.join(archives[:3])} in that folder first (unzip {archives[0]})."
    elif near := near_layout(folder):
        advice = f"{near}."
    elif (folder / LABELS_TABLE).is_file():
        images, _ = tables.labels_in(LABELS_TABLE, path_text(folder / LABELS_TABLE)[0])
        words = places.elsewhere(folder, folder / IMAGE_FOLDER, images)[1]
        where = f"{words[:1].upper()}{words[1:]}." if words else f"Put them into {IMAGE_FOLDER}/, one patientId.dcm each."
        advice = f"The table is there, its X-rays are not. {where}"
    elif own := tables_hint(folder):
        advice = own
    elif above := next((place for place in real_path(folder).parents[:2] if _holds_labels(place)), None):
        advice = f"The tables of these X-rays lie in the folder above: --data {shlex.quote(str(above))}."
    elif (folder / IMAGE_FOLDER).is_dir() or any(file.suffix.lower() in DICOM_SUFFIXES for file in files):
        advice = f"The X-rays are there, but not {LABELS_TABLE}, the table of labels. Without labels, use 'predict'."
    expected = f"{LABELS_TABLE} and {IMAGE_FOLDER}/ with one patientId.dcm per image"
    return BadLayout(f"{folder}: {describe_folder(folder)}. Expected {expected}. {advice}")


def _holds_labels(place: Path) -> bool:
    return (place / LABELS_TABLE).is_file() or nih_table.table_in(place) is not None


def near_layout(folder: Path) -> str:
    """Return what to rename or to name in a folder that is nearly the layout, or that of ChestX-ray14; "" where it is nothing like it."""
    place = Path(folder)
    if not place.is_dir() or layout_folder(place) is not None:
        return ""
    hint = tables_hint(place)
    return places.near_layout(place, LABELS_TABLE, IMAGE_FOLDER) or (hint.rstrip(".") if "ChestX-ray14 lies there" in hint else "")


def find_images(folder: Path) -> list[Case]:
    """List the X-rays of a folder that has no labels: `stage_2_test_images`, a folder that holds one, any folder of DICOM, or one file.

    Returns:
        Unlabelled cases, sorted by path. An id is the file's name without `.dcm`; where several files in different folders share
        one (IM0001 of every study), the folders' names stand before it, and a number behind it where that does not tell them apart.

    Raises:
        BadLayout: if there is no X-ray.
    """
    from radlearn.scans.dicom import find_xrays  # pydicom takes half a second to import, and listing cases needs none of it

    folder = Path(folder)
    challenge = (layout_folder(folder) or folder) / UNLABELLED_FOLDER
    root = challenge if challenge.is_dir() else folder
    paths = find_xrays(root, pictures=True) if root.exists() else []
    if not paths:
        raise BadLayout(
            f"{folder}: {describe_folder(folder)}. Expected DICOM X-rays (NAME.dcm, or any name with DICM at byte 128), "
            "pictures, or volume files of one slice (.nii.gz, .mha, .nrrd)."
        )
    ids = distinct_ids(paths, [stem(path.name) for path in paths], root)
    return [Case(name, file, None, (), None, one) for path, one in zip(paths, ids, strict=True) for name, file in named_pages(one, path)]


def write_tables(folder: Path, cases: Sequence[Case]) -> None:
    """Write the tables of the layout for `cases`, so that `find_cases` reads the same cases again; the X-rays are the caller's.

    The labels table comes last: before it, nobody takes the folder for a finished one.

    Raises:
        BadLayout: if a case could not be read back: without a label, a positive without a box, an id with a path separator, …
    """
    folder = Path(folder)
    bare = [case.image_id for case in cases if case.label is None or case.path != folder / IMAGE_FOLDER / f"{case.image_id}.dcm"]
    some, every = any(case.category for case in cases), all(case.category for case in cases)
    if bare or some != every:
        found = f"{bare[0]} has no label or is not {IMAGE_FOLDER}/ID.dcm" if bare else "some cases have a category and some have none"
        raise BadLayout(f"{folder}: {found}; such cases cannot be written in the challenge's layout.")
    label_rows: list[tuple[object, ...]] = []
    class_rows: list[tuple[object, ...]] = []
    for case in cases:
        boxes: list[tuple[float, ...] | None] = [(x0, y0, _extent(x0, x1), _extent(y0, y1)) for x0, y0, x1, y1 in case.boxes_xyxy_px]
        label_rows += [(case.image_id, *(box or [""] * 4), int(bool(case.label))) for box in boxes or [None]]
        class_rows += [(case.image_id, case.category)] * max(len(boxes), 1)
    labels = table_text(tables.LABEL_COLUMNS, label_rows)
    classes = table_text(tables.CLASS_COLUMNS, class_rows)
    persons = table_text(tables.PERSON_COLUMNS, [(case.image_id, case.person) for case in cases])
    # What was made is read before it is written, by the reader that will have to understand it.
    images, troubles = tables.labels_in(LABELS_TABLE, labels)
    troubles += tables.classes_in(CLASS_TABLE, classes, images, LABELS_TABLE)[1] if every else []
    troubles += tables.persons_in(PERSONS_TABLE, persons)[1]
    if troubles:
        raise BadLayout(listed(Path(folder), troubles, *TABLE_ADVICE))
    write_text(folder / PERSONS_TABLE, persons)
    if every:
        write_text(folder / CLASS_TABLE, classes)
    else:
        (folder / CLASS_TABLE).unlink(missing_ok=True)
    write_text(folder / LABELS_TABLE, labels)


def read_persons(folders: Sequence[Path], images: Mapping[str, tables.LabelledImage]) -> tuple[Path | None, dict[str, str], list[str], int]:
    """Return the table of persons, image → person, what is wrong with the table, and how many images it does not list.

    Args:
        folders: in which a table is looked for, in this order: `persons.csv`, which may be packed as NAME.gz, or RSNA's mapping.
    """
    # Never both: the same person may be called differently in the two, and would then be in two subsets.
    names = (PERSONS_TABLE, f"{PERSONS_TABLE}.gz", MAPPING)
    table = next((path for name in names for folder in folders for path in sorted(folder.glob(name))), None)
    if table is None:
        return None, {}, [], len(images)
    text, troubles = path_text(table)
    if not table.name.startswith(PERSONS_TABLE):
        persons, more = tables.persons_in_mapping(table.name, text, images)
    else:
        persons, more = tables.persons_in(table.name, text)
        more += near_strangers(table.name, persons, images) or only_strangers(table.name, persons, images)
    return table, persons, troubles + more, sum(image_id not in persons for image_id in images)


def _extent(start: float, end: float) -> float:
    """Return the width that, added to `start`, gives `end` again: the difference, or its neighbour where rounding is in the way."""
    width = end - start
    neighbours = (width, math.nextafter(width, math.inf), math.nextafter(width, -math.inf))
    return next((near for near in neighbours if start + near == end), width)


def xrays_in(folder: Path) -> list[Path]:
    """Return the X-rays that lie directly in a folder, sorted by name; hidden ones are left out."""
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.name.lower().endswith(DICOM_SUFFIXES) and not entry.name.startswith("."))
    return [folder / name for name in names]
