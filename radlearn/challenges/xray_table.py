"""A person's own X-rays in a table: see `own_table` for its columns. These say what is on an X-ray, and one of the first two is needed:

label                  1 where the X-ray shows the finding, 0 where it does not
x0, y0, x1, y1         a box around a finding, in pixels of the X-ray, origin top left; a row for each box, empty where there is none
category               a finer class, such as Normal
view, sex, age_years   AP or PA, F or M, a number; where an X-ray's header lacks them
"""

import math
from collections.abc import Sequence
from pathlib import Path

from radlearn.amounts import counted, verb_of
from radlearn.challenges.csv_hints import finite_number, number_hint
from radlearn.challenges.own_table import OwnImage, OwnTable, accepted, data_folder, one_value, read_table
from radlearn.challenges.table_rows import HEADER_LINE, Cells, columns_of
from radlearn.challenges.xray_case import XrayCase
from radlearn.errors import BadLayout

LABEL, BOX = "label", ("x0", "y0", "x1", "y1")
OPTIONAL = {"view": ("AP", "PA"), "sex": ("F", "M")}
AGE, CATEGORY = "age_years", "category"
KNOWN = (LABEL, *BOX, *OPTIONAL, AGE, CATEGORY)
OLDEST = 120
MEANT = {"true": 1, "yes": 1, "positive": 1, "pos": 1, "false": 0, "no": 0, "negative": 0, "neg": 0}

Box = tuple[float, float, float, float]


def is_xray_table(path: Path) -> bool:
    """Tell whether a table says what is on X-rays: a label, or boxes."""
    return LABEL in (columns := columns_of(path)) or set(BOX) <= set(columns)


def find_cases(path: Path) -> list[XrayCase]:
    """Return the X-rays of a table; errors as `own_table.accepted`."""
    return accepted(*audit(path))


def audit(path: Path) -> tuple[OwnTable, list[XrayCase]]:
    """Return a table, with everything that is wrong in it among its troubles, and the X-rays of which nothing is."""
    columns = columns_of(path)
    boxes = [column for column in BOX if column in columns]
    table = read_table(path, BOX if boxes else (LABEL,), KNOWN)
    if LABEL not in columns and not boxes and table.troubles:
        table.troubles[-1] += f" Instead of {LABEL}, {', '.join(BOX)} say where findings are."
    cases = [_case_of(table, image) for image in table.images]
    if found := [box for case in cases for box in case.boxes_xyxy_px]:
        _look_at_boxes(table, found)
    return table, cases


def _case_of(table: OwnTable, image: OwnImage) -> XrayCase:
    boxes = _boxes_of(table, image) if BOX[0] in table.columns else []
    label: bool | None = bool(boxes)
    if LABEL in table.columns:
        label = _label_of(table, image)
        if label is False and boxes:
            line = next(line for line, cells in image.rows if any(cells[column] for column in BOX))
            table.troubles.append(f"{table.at(line, LABEL)}: is 0, but the row has a box; a box belongs to label 1.")
    if not boxes and len(image.rows) > 1:
        line, _ = image.rows[1]
        table.troubles.append(f"{table.at(line, 'path')}: is the image of line {image.line} again; expected one row for each image.")
    told = {name: _told(table, image, name, values) for name, values in OPTIONAL.items()}
    return XrayCase(
        image.image_id,
        image.path,
        label,
        tuple(boxes),
        one_value(table, image, CATEGORY) or None,
        image.person,
        **told,
        age_years=_age_of(table, image),
        data_folder=data_folder(image.path, table),
        split=image.split,
        groups=image.groups,
    )


def _label_of(table: OwnTable, image: OwnImage) -> bool | None:
    text = one_value(table, image, LABEL)
    if (value := finite_number(text)) in (0.0, 1.0):
        return bool(value)
    hint = f" Write {MEANT[text.lower()]}." if text.lower() in MEANT else ""
    table.troubles.append(f"{table.at(image.line, LABEL)}: is {text!r}; expected 0 or 1.{hint or number_hint(text)}")
    return None


def _boxes_of(table: OwnTable, image: OwnImage) -> list[Box]:
    boxes: list[Box] = []
    seen: dict[Box, int] = {}
    for line, cells in image.rows:
        if not any(cells[column] for column in BOX):
            if len(image.rows) > 1:
                found = f"is empty, but line {image.rows[0][0] if line != image.rows[0][0] else image.rows[1][0]} is of the same image"
                table.troubles.append(f"{table.at(line, BOX[0])}: {found}; expected a box in each of several rows.")
            continue
        if (box := _box_of(table, line, cells)) is None:
            continue
        if (first := seen.setdefault(box, line)) != line:
            table.troubles.append(f"{table.at(line, BOX[0])}: the box is that of line {first} again; keep one of them.")
        else:
            boxes.append(box)
    return boxes


def _box_of(table: OwnTable, line: int, cells: Cells) -> Box | None:
    x0, y0, x1, y1 = values = [finite_number(cells[column]) for column in BOX]
    if wrong := [column for column, value in zip(BOX, values, strict=True) if math.isnan(value)]:
        text = cells[wrong[0]]
        found = f"is {text!r}; expected a number in pixels, or all four of {', '.join(BOX)} empty"
        table.troubles.append(f"{table.at(line, wrong[0])}: {found}.{number_hint(text)}")
        return None
    for column, low, high, text in ((BOX[2], x0, x1, "right"), (BOX[3], y0, y1, "lower")):
        if high <= low:
            start = BOX[BOX.index(column) - 2]
            found = f"is {cells[column]}, and {start} is {cells[start]}; expected the {text} end of the box, which is larger"
            table.troubles.append(f"{table.at(line, column)}: {found}. Are these width and height? Add them to x0 and y0.")
            return None
    for column, value in ((BOX[0], x0), (BOX[1], y0)):
        if value < 0:
            table.troubles.append(f"{table.at(line, column)}: is {cells[column]}, outside of the X-ray; expected 0 or more.")
            return None
    return x0, y0, x1, y1


def _look_at_boxes(table: OwnTable, boxes: Sequence[Box]) -> None:
    # No finding is smaller than a pixel.
    if max(map(max, boxes)) <= 2 and any(x1 - x0 < 1 or y1 - y0 < 1 for x0, y0, x1, y1 in boxes):
        found = f"none of the {len(boxes):,} boxes reaches beyond 2 px, so they look like shares of the X-ray, 0 to 1"
        advice = "Multiply x0 and x1 by the X-ray's width, y0 and y1 by its height"
        table.troubles.append(f"{table.at(HEADER_LINE, BOX[0])}: {found}; expected pixels. {advice}.")


def _told(table: OwnTable, image: OwnImage, column: str, values: tuple[str, ...]) -> str | None:
    text = one_value(table, image, column)
    if text and text not in values:
        hint = f" Write {text.upper()[0]}." if column == "sex" and text.upper()[0] in values else ""
        table.troubles.append(f"{table.at(image.line, column)}: is {text!r}; expected {' or '.join(values)}, or an empty field.{hint}")
    return text or None


def _age_of(table: OwnTable, image: OwnImage) -> float | None:
    text = one_value(table, image, AGE)
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
        raise BadLayout(f"{found} ({bare[0].path}). Detection learns from boxes: columns {', '.join(BOX)}, in pixels.")
    return list(cases)
