"""Boxes in a table of one's own X-rays: which of its columns are their corners, and the box of each row."""

import math
from collections.abc import Sequence

from radlearn.amounts import counted, none_of
from radlearn.challenges.box_edges import EDGE_PX
from radlearn.challenges.tables.csv_hints import finite_number, number_hint
from radlearn.challenges.tables.table_files import OwnImage, OwnTable
from radlearn.challenges.tables.table_rows import HEADER_LINE, Cells

BOX = ("x0", "y0", "x1", "y1")
CORNERS = (BOX, ("xmin", "ymin", "xmax", "ymax"), ("x_min", "y_min", "x_max", "y_max"), ("x1", "y1", "x2", "y2"))
"What the same two corners are called elsewhere."
STARTS = (
    ("x", "y"),
    ("x0", "y0"),
    ("x1", "y1"),
    ("xmin", "ymin"),
    ("x_min", "y_min"),
    ("left", "top"),
    ("bbox_x", "bbox_y"),
    ("bbox [x", "y"),
)
CENTRES = (("cx", "cy"), ("x_center", "y_center"), ("x_centre", "y_centre"), ("xcenter", "ycenter"))
SIZES = (("width", "height"), ("w", "h"), ("bbox_width", "bbox_height"), ("bbox_w", "bbox_h"), ("w", "h]"))

MOST_AS_SHARE = 2
"A corner may lie there, as the sum of a place and a size that are at most 1 each."
MOST_AS_MARK_PX, ROUNDED_PX = 1, 0.01
"A box that is no larger marks that there is none: VinDr-CXR writes 0, 0, 1, 1 for No finding."

Box = tuple[float, float, float, float]
Corners = tuple[str, ...]


def corners_in(columns: Sequence[str]) -> Corners:
    """Return the four columns of a table that are the corners of boxes: `BOX` where some of these are there, none without any.

    >>> corners_in(["path", "x1", "y1", "x2", "y2"]), corners_in(["path", "x0"]), corners_in(["path", "label"])
    (('x1', 'y1', 'x2', 'y2'), ('x0', 'y0', 'x1', 'y1'), ())
    """
    whole = next((corners for corners in CORNERS if set(corners) <= set(columns)), ())
    return whole or (BOX if set(BOX) & set(columns) else ())


def near_corners(columns: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that are called like corners of boxes but for case and blanks, where no column is called so; none without any.

    >>> near_corners(["path", "XMin", "YMin", "XMax", "YMax"]), near_corners(["path", "x1", "y1", "x2", "y2"])
    (('XMin', 'YMin', 'XMax', 'YMax'), ())
    """
    by_plain = {column.casefold().replace(" ", "_"): column for column in columns}
    whole = next((corners for corners in CORNERS if set(corners) <= by_plain.keys()), ())
    return () if corners_in(columns) else tuple(by_plain[corner] for corner in whole)


def size_hint(columns: Sequence[str]) -> str:
    """Return what to do about columns of a corner, or a centre, and a size; "" where there are none.

    >>> size_hint(["path", "x", "y", "w", "h"])
    ' Are x, y, w, h boxes? Write the columns x0, y0, x1, y1: x0 = x, y0 = y, x1 = x + w, y1 = y + h.'
    """
    by_lower = {column.lower(): column for column in columns}
    for start in (*STARTS, *CENTRES):
        for size in SIZES:
            if not set(start) | set(size) <= by_lower.keys():
                continue
            x, y, width, height = (by_lower[name] for name in (*start, *size))
            ends = [f"{x} - {width} / 2", f"{y} - {height} / 2", f"{x} + {width} / 2", f"{y} + {height} / 2"]
            if start in STARTS:
                ends = [x, y, f"{x} + {width}", f"{y} + {height}"]
            said = ", ".join(f"{name} = {end}" for name, end in zip(BOX, ends, strict=True))
            return f" Are {x}, {y}, {width}, {height} boxes? Write the columns {', '.join(BOX)}: {said}."
    return ""


def boxes_of(table: OwnTable, image: OwnImage, box: Corners) -> list[Box]:
    """Return the boxes of an image; what is wrong with one is noted among the troubles."""
    boxes: list[Box] = []
    seen: dict[Box, int] = {}
    for line, cells in image.rows:
        if not any(cells[column] for column in box):
            if len(image.rows) > 1:
                empty = f"is empty, but line {image.rows[0][0] if line != image.rows[0][0] else image.rows[1][0]} is of the same image"
                table.troubles.append(f"{table.at(line, box[0])}: {empty}; expected a box in each of several rows.")
            continue
        if (found := _box_of(table, line, cells, box)) is None:
            continue
        if (first := seen.setdefault(found, line)) != line:
            table.troubles.append(f"{table.at(line, box[0])}: the box is that of line {first} again; keep one of them.")
        else:
            boxes.append(found)
    return boxes


def _box_of(table: OwnTable, line: int, cells: Cells, box: Corners) -> Box | None:
    x0, y0, x1, y1 = values = [finite_number(cells[column]) for column in box]
    if wrong := [column for column, value in zip(box, values, strict=True) if math.isnan(value)]:
        text = cells[wrong[0]]
        found = f"is {text!r}; expected a number in pixels, or all four of {', '.join(box)} empty"
        table.troubles.append(f"{table.at(line, wrong[0])}: {found}.{number_hint(text)}")
        return None
    if len(set(values)) == 1:
        found = f"the box is {', '.join(cells[column] for column in box)}, which holds nothing"
        table.troubles.append(f"{table.at(line, box[0])}: {found}. Where there is no finding, leave all four of {', '.join(box)} empty.")
        return None
    for column, low, high, text in ((box[2], x0, x1, "right"), (box[3], y0, y1, "lower")):
        if high <= low:
            start = box[box.index(column) - 2]
            advice = f"Are these width and height? Add them to {box[0]} and {box[1]}."
            if x0 == x1 and y0 == y1:
                advice = "Where there is no box, leave all four fields empty."
            found = f"is {cells[column]}, and {start} is {cells[start]}; expected the {text} end of the box, which is larger"
            table.troubles.append(f"{table.at(line, column)}: {found}. {advice}")
            return None
    for column, value in ((box[0], x0), (box[1], y0)):
        if value < -EDGE_PX:
            table.troubles.append(f"{table.at(line, column)}: is {cells[column]}, outside of the X-ray; expected 0 or more.")
            return None
    return max(x0, 0.0), max(y0, 0.0), x1, y1


def look_at_boxes(table: OwnTable, box: Corners) -> None:
    """Note boxes of a pixel or less, which no finding is: they mark that there is none, are shares of the X-ray, or mean something else."""
    boxes = {
        line: (x0, y0, x1, y1)
        for image in table.images
        for line, cells in image.rows
        for x0, y0, x1, y1 in [[finite_number(cells[column]) for column in box]]
        if x1 > x0 and y1 > y0
    }
    marks: dict[Box, list[int]] = {}
    for line, ends in boxes.items():
        if is_mark(ends):
            marks.setdefault(ends, []).append(line)
    for ends, lines in marks.items():
        again = f", as in {counted(len(lines) - 1, 'more rows')}" if len(lines) > 1 else ""
        found = f"the box {', '.join(f'{end:g}' for end in ends)} is a single pixel{again}"
        table.troubles.append(
            f"{table.at(lines[0], box[0])}: {found}. Where there is no finding, leave all four of {', '.join(box)} empty."
        )
    boxes = {line: ends for line, ends in boxes.items() if ends not in marks}
    tiny = [line for line, (x0, y0, x1, y1) in boxes.items() if x1 - x0 < 1 or y1 - y0 < 1]
    advice = f"Multiply {box[0]} and {box[2]} by the X-ray's width, {box[1]} and {box[3]} by its height"
    if tiny and max(map(max, boxes.values())) <= MOST_AS_SHARE:
        found = f"{none_of(len(boxes), 'boxes')} reaches beyond {MOST_AS_SHARE} px, so they look like shares of the X-ray, 0 to 1"
        table.troubles.append(f"{table.at(HEADER_LINE, box[0])}: {found}; expected pixels. {advice}.")
        return
    for line in tiny:
        written = ", ".join(f"{end:g}" for end in boxes[line])
        shares = max(boxes[line]) <= MOST_AS_SHARE
        hint = f" It looks like shares of the X-ray, 0 to 1. {advice}." if shares else " Correct it, or remove the row."
        table.troubles.append(f"{table.at(line, box[0])}: the box {written} is smaller than a pixel; expected pixels.{hint}")


def is_mark(box: Box) -> bool:
    """Whether a box is one whole pixel, which marks that there is none.

    >>> is_mark((0, 0, 1, 1)), is_mark((0, 0, 0.5, 1)), is_mark((0, 0, 1, 2))
    (True, False, False)
    """
    x0, y0, x1, y1 = box
    whole = all(abs(end - round(end)) < ROUNDED_PX for end in box)
    return whole and round(x1) - round(x0) == round(y1) - round(y0) == MOST_AS_MARK_PX
