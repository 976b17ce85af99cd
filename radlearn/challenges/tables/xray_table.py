"""A person's own X-rays in a table: see `own_table` for its columns. These say what is on an X-ray, and one of the first three is needed:

label                  1 where the X-ray shows the finding, 0 where it does not
label_NAME             several findings, each in a column of its own, in place of `label`: 1, 0, or empty where it is not known
x0, y0, x1, y1         a box around a finding, in pixels of the X-ray, origin top left; a row for each box, empty where there is none;
                       the same as xmin, ymin, xmax, ymax, as x_min, y_min, x_max, y_max, or as x1, y1, x2, y2
category               a finer class, such as Normal
view, sex, age_years   AP or PA, F or M, a number; where an X-ray's header lacks them; other names of theirs: `header_columns`
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from radlearn.amounts import counted, verb_of
from radlearn.challenges.tables import nih_table
from radlearn.challenges.tables.box_classes import look_at_classes, look_at_labels
from radlearn.challenges.tables.box_columns import image_sizes, note_box_columns, of_boxes, size_columns
from radlearn.challenges.tables.box_readers import reader_note
from radlearn.challenges.tables.csv_hints import finite_number, number_hint
from radlearn.challenges.tables.header_columns import NOT_SAID, OLDEST, meant_by, taken_columns
from radlearn.challenges.tables.label_notes import is_any_there, note_contradictions, note_readers, with_some_label
from radlearn.challenges.tables.label_words import note_reversed
from radlearn.challenges.tables.own_table import SHARED_COLUMNS, accepted, data_folder, one_value, read_table
from radlearn.challenges.tables.table_boxes import BOX, Corners, boxes_of, corners_in, look_at_boxes, near_corners, size_hint
from radlearn.challenges.tables.table_files import OwnImage, OwnTable
from radlearn.challenges.tables.table_rows import HEADER_LINE, columns_of, rows_of
from radlearn.challenges.words.near_columns import VIEWS
from radlearn.challenges.xray_case import XrayCase
from radlearn.errors import BadLayout
from radlearn.file_names import called

LABEL, PREFIX = "label", "label_"
NEAR_LABEL = re.compile(r"labels?[\s_.:-]+(?=\w)", re.IGNORECASE)
OPTIONAL = {"view": VIEWS, "sex": ("F", "M")}
AGE, CATEGORY, MASK = "age_years", "category", "mask"
KNOWN = (LABEL, *BOX, *OPTIONAL, AGE, CATEGORY)
MEANT = {"true": 1, "yes": 1, "positive": 1, "pos": 1, "false": 0, "no": 0, "negative": 0, "neg": 0}


def is_xray_table(path: Path) -> bool:
    """Tell whether a table says what is on X-rays: a label, several, or boxes; or is that of NIH ChestX-ray14."""
    columns = columns_of(path)
    corners = corners_in(columns)
    has_boxes = bool(corners) and set(corners) <= set(columns)
    is_nih = nih_table.is_nih(columns) or bool(nih_table.spelling_words(columns))
    return LABEL in columns or has_boxes or bool(label_columns(columns)) or is_nih


def label_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of several labels.

    Beside a label, boxes or masks, which are the truth then, such a column only describes the image, as `label_source` does.

    >>> label_columns(["path", "label_mass", "label_effusion"]), label_columns(["path", "label", "label_source"])
    (('label_mass', 'label_effusion'), ())
    """
    if LABEL in columns or MASK in columns or corners_in(columns):
        return ()
    return tuple(column for column in columns if column.startswith(PREFIX))


def _notes_on_others(table: OwnTable) -> list[str]:
    """Return what a person should know about columns `label_NAME` beside `label`; nothing where they hold no findings."""
    others = [column for column in table.columns if column.startswith(PREFIX) and column != PREFIX and _is_label(table, column)]
    if not others:
        return []
    named = f"{', '.join(others[:3])}{', …' * (len(others) > 3)}"
    found = f"{table.path.name}: has the column {LABEL} and {named}: only {LABEL} is learnt, the others describe subgroups"
    return [f"{found}. To learn several findings, call it {PREFIX}NAME too."]


def _is_label(table: OwnTable, column: str) -> bool:
    """Whether a column holds 0 and 1 alone, as a finding would."""
    cells = {cells.get(column, "") for image in table.images for _, cells in image.rows} - {""}
    return bool(cells) and cells <= {"0", "1", "0.0", "1.0"}


def find_cases(path: Path) -> list[XrayCase]:
    """Return the X-rays of a table; errors as `own_table.accepted`."""
    return accepted(*audit(path))


def audit(path: Path) -> tuple[OwnTable, list[XrayCase]]:
    """Return a table, with everything that is wrong in it among its troubles, and the X-rays of which nothing is."""
    columns, rows, _ = rows_of(Path(path))
    if nih_table.is_nih(columns):
        return nih_table.audit(path)
    if words := nih_table.spelling_words(columns):
        return OwnTable(Path(path), columns, troubles=[f"{Path(path).name}, line {HEADER_LINE}: {words}"]), []
    box, several = corners_in(columns), label_columns(columns)
    needed = box or several or (LABEL,)
    is_whole = bool(box) and set(box) <= set(columns)
    taken, told = taken_columns(columns, [cells for _, cells in rows])
    sizes_in = (column for pair in size_columns(columns) for column in pair if is_whole)
    known = (*KNOWN, *taken.values(), *box, *several, *sizes_in)
    of_each = of_boxes(columns, (*SHARED_COLUMNS, *known)) if box else ()
    table = read_table(path, needed, known, of_each)
    note_box_columns(table, of_each)
    table.notes += [f"{table.path.name}: {words}" for words in told]
    if LABEL in columns:
        table.notes += _notes_on_others(table)
        look_at_labels(table, LABEL)
        note_reversed(table, LABEL)
    # Corners are whole without a size, which may be that of the image.
    hint = ("" if is_whole else size_hint(columns)) or _near_hint(table, several)
    lacking = bool(table.troubles) and "expected also" in table.troubles[-1]
    if columns and lacking and not table.images and not set(needed) <= set(columns):
        further = f" Instead of {LABEL}, {', '.join(BOX)} say where findings are. Of several, each has {PREFIX}NAME."
        table.troubles[-1] += hint or ("" if box else further)
    elif size_hint(columns) and not box:
        table.notes.append(f"{table.path.name}: boxes are not read.{hint}")
    elif hint:
        table.troubles.append(f"{table.path.name}, line {HEADER_LINE}: not all columns are read.{hint}")
    sizes = image_sizes(table, box) if is_whole else {}
    cases = [replace(_case_of(table, image, box, taken), stated_px=sizes.get(image.line)) for image in table.images]
    if any(case.boxes_xyxy_px for case in cases):
        look_at_boxes(table, box)
        look_at_classes(table, box, LABEL in columns)
        table.notes += filter(None, [reader_note(table, cases)])
    if several:
        _look_at_names(table, several)
        note_readers(table, [column.removeprefix(PREFIX) for column in several], PREFIX)
        note_contradictions(table, cases, PREFIX)
        cases = with_some_label(table, cases)
    return table, cases


def _near_hint(table: OwnTable, several: Sequence[str]) -> str:
    """Return what to rename, where columns are nearly called as the corners of boxes or as labels are; "" where none is."""
    columns = table.columns
    if near := near_corners(columns):
        wanted = ", ".join(column.casefold().replace(" ", "_") for column in near)
        return f" Are {', '.join(near)} boxes? Then call them {wanted}; else leave them out."
    labels = [
        column
        for column in columns
        if NEAR_LABEL.match(column)
        and not column.startswith(PREFIX)
        and {cells[column] for image in table.images for _, cells in image.rows} <= {"", "0", "1", "0.0", "1.0"}
    ]
    # Beside a label, boxes or masks such a column describes the image.
    if not labels or not (several or label_columns([*columns, PREFIX])):
        return ""
    return f" Is {labels[0]} a label? Then call it {PREFIX}{NEAR_LABEL.sub('', labels[0])}; else leave it out."


def _look_at_names(table: OwnTable, several: Sequence[str]) -> None:
    """Note among the troubles columns of labels without a name, and two whose names are one but for small and capital letters."""
    first: dict[str, str] = {}
    for column in several:
        where, name = table.at(HEADER_LINE, column), column.removeprefix(PREFIX).strip()
        if not name or not name.isprintable():
            table.troubles.append(f"{where}: has no name that can be read; expected {PREFIX}NAME, such as {PREFIX}effusion.")
        elif (other := first.setdefault(name.casefold(), column)) != column:
            table.troubles.append(f"{where}: differs from {other} only in small and capital letters; expected one column for each label.")


def _case_of(table: OwnTable, image: OwnImage, box: Corners, taken: Mapping[str, str]) -> XrayCase:
    boxes = boxes_of(table, image, box) if box else []
    label: bool | None = bool(boxes)
    labels = tuple((column.removeprefix(PREFIX), _label_of(table, image, column)) for column in label_columns(table.columns))
    if labels:
        label = is_any_there(labels)
    elif LABEL in table.columns:
        label = _label_of(table, image)
        if label is False and boxes:
            line = next(line for line, cells in image.rows if any(cells[column] for column in box))
            table.troubles.append(f"{table.at(line, LABEL)}: is 0, but the row has a box; a box belongs to label 1.")
    if not boxes and len(image.rows) > 1:
        line, _ = image.rows[1]
        hint = "" if box else size_hint(table.columns)
        table.troubles.append(f"{table.at(line, 'path')}: is the image of line {image.line} again; expected one row for each image.{hint}")
    told = {name: _told(table, image, name, values, taken.get(name)) for name, values in OPTIONAL.items()}
    return XrayCase(
        image.image_id,
        image.path,
        label,
        tuple(boxes),
        one_value(table, image, CATEGORY) or None,
        image.person,
        view=told["view"],
        sex=told["sex"],
        age_years=_age_of(table, image, taken.get(AGE)),
        data_folder=data_folder(image.path, table),
        split=image.split,
        groups=image.groups,
        labels=labels,
    )


def _label_of(table: OwnTable, image: OwnImage, column: str = LABEL) -> bool | None:
    text = one_value(table, image, column)
    if (value := finite_number(text)) in (0.0, 1.0):
        return bool(value)
    if not text and column != LABEL:
        return None
    hint = f" Write {MEANT[text.lower()]}." if text.lower() in MEANT else ""
    if column == LABEL and corners_in(table.columns) and any(map(str.isalpha, text)):
        hint = hint or " Is it the class of a box? Then call the column class_name: an X-ray with a box has the label 1 without it."
    expected = "0 or 1" if column == LABEL else "0 or 1, or an empty field where it is not known"
    table.troubles.append(f"{table.at(image.line, column)}: is {text!r}; expected {expected}.{hint or number_hint(text)}")
    return None


def _told(table: OwnTable, image: OwnImage, column: str, values: tuple[str, ...], called: str | None) -> str | None:
    """Return the view or the sex, from its own column or from one that is taken for it (`called`)."""
    if called is not None:
        return meant_by(column, _said(table, image, called)) or None
    text = one_value(table, image, column)
    if text and text not in values:
        meant = meant_by(column, text)
        hint = f" Write {meant}." if meant else ""
        table.troubles.append(f"{table.at(image.line, column)}: is {text!r}; expected {' or '.join(values)}, or an empty field.{hint}")
    return text or None


def _said(table: OwnTable, image: OwnImage, column: str) -> str:
    text = one_value(table, image, column)
    return "" if text.casefold() in NOT_SAID else text


def _age_of(table: OwnTable, image: OwnImage, called: str | None) -> float | None:
    text = one_value(table, image, AGE) if called is None else meant_by(AGE, _said(table, image, called))
    value = finite_number(text) if text else math.nan
    if text and not 0 <= value <= OLDEST:
        found = f"is {text!r}; expected years from 0 to {OLDEST}, or an empty field"
        table.troubles.append(f"{table.at(image.line, AGE)}: {found}.{number_hint(text)}")
    return None if math.isnan(value) else value


def with_boxes(cases: Sequence[XrayCase]) -> list[XrayCase]:
    """Return the cases, of which every one with the finding must have a box.

    Raises:
        BadLayout: if one has none: the table says that there is something, and not where.
    """
    if bare := [case for case in cases if case.label and not case.boxes_xyxy_px]:
        found = f"{counted(len(bare), 'X-rays')} with the finding {verb_of(len(bare), 'have')} no box, the first being {bare[0].image_id}"
        raise BadLayout(f"{found} ({called(bare[0].path)}). Detection learns from boxes: columns {', '.join(BOX)}, in pixels.")
    return list(cases)
