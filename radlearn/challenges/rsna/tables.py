"""The tables of the RSNA layout, read row by row, with everything that is wrong in them named by file and line.

Nothing is raised on the way: each reader returns what it understood and what it did not, so that a person mends a table once and
not once per row. A line number is the one an editor shows: the header is line 1.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from radlearn.amounts import none_of
from radlearn.challenges.box_edges import EDGE_PX
from radlearn.challenges.folders import stem
from radlearn.challenges.tables.csv_hints import finite_number, number_hint
from radlearn.challenges.tables.csv_rows import rows_in
from radlearn.challenges.words.near_ids import NearIds
from radlearn.challenges.words.nobody import rounded_trouble
from radlearn.challenges.xray_case import CATEGORIES, OPACITY

LABEL_COLUMNS = ("patientId", "x", "y", "width", "height", "Target")
CLASS_COLUMNS = ("patientId", "class")
PERSON_COLUMNS = ("patientId", "person")

Box = tuple[float, float, float, float]


@dataclass
class LabelledImage:
    """What the labels table says of one image: its Target, its boxes (x0, y0, x1, y1 in source pixels), where it first stands."""

    line: int
    target: bool | None  # None where the table says neither 0 nor 1
    boxes_xyxy_px: list[Box] = field(default_factory=list)


def labels_in(name: str, text: str) -> tuple[dict[str, LabelledImage], list[str]]:
    """Read the labels table, and return its images in the order of their first rows, and one line per thing that is wrong.

    It has one row per box, or one row with empty box fields where Target is 0.
    """
    images: dict[str, LabelledImage] = {}
    troubles: list[str] = []
    seen: dict[tuple[str, ...], int] = {}
    for line, row in rows_in(name, text, LABEL_COLUMNS, troubles):
        image_id, *numbers, target_text = row
        where = f"{name}, line {line}"
        if trouble := _id_trouble(image_id):
            troubles.append(f"{where}: {trouble}")
            continue
        target = finite_number(target_text)
        if target not in (0.0, 1.0):
            troubles.append(f"{where}: Target is {target_text!r}; expected 0 or 1.{number_hint(target_text)}")
            images.setdefault(image_id, LabelledImage(line, None))
            continue
        image = images.setdefault(image_id, LabelledImage(line, bool(target)))
        box, trouble = _box(numbers, bool(target))
        key = (image_id, str(target), *(map(str, box) if box else numbers))
        if (first := seen.setdefault(key, line)) != line:
            troubles.append(f"{where}: says the same as line {first}; keep one of them.")
        elif image.target is not None and image.target != bool(target):
            troubles.append(f"{where}: Target of {image_id} is {target_text} here and {int(image.target)} in line {image.line}.")
        elif trouble:
            troubles.append(f"{where}: {trouble}")
        elif box:
            image.boxes_xyxy_px.append(box)
    boxes = [box for image in images.values() for box in image.boxes_xyxy_px]
    # No opacity is smaller than a pixel.
    if boxes and max(map(max, boxes)) <= 2 and any(x1 - x0 < 1 or y1 - y0 < 1 for x0, y0, x1, y1 in boxes):
        found = f"{none_of(len(boxes), 'boxes', 'of its')} reaches beyond 2 px, so they look like shares of the X-ray, 0 to 1"
        troubles.append(f"{name}: {found}; expected pixels. Multiply x and width by the X-ray's width, y and height by its height.")
    return images, troubles


def classes_in(name: str, text: str, images: Mapping[str, LabelledImage], labels_name: str) -> tuple[dict[str, str], list[str]]:
    """Read the class table, which repeats an image once per box, and return image → class, and one line per thing that is wrong."""
    classes: dict[str, str] = {}
    troubles: list[str] = []
    lines: dict[str, int] = {}
    near = NearIds(images)
    for line, (image_id, category) in rows_in(name, text, CLASS_COLUMNS, troubles):
        where = f"{name}, line {line}"
        if trouble := _id_trouble(image_id):
            troubles.append(f"{where}: {trouble}")
        elif lines.setdefault(image_id, line) != line:
            if classes.get(image_id, category) != category:
                troubles.append(f"{where}: {image_id} is {category!r} here and {classes[image_id]!r} in line {lines[image_id]}.")
        elif category not in CATEGORIES:
            troubles.append(f"{where}: class is {category!r}; expected one of {', '.join(map(repr, CATEGORIES))}.")
        elif image_id not in images:
            troubles.append(f"{where}: {image_id} has no row in {labels_name}.{near.hint(image_id)}")
        else:
            classes[image_id] = category
            label = images[image_id]
            if label.target is not None and label.target != (category == OPACITY):
                found = f"class is {category!r} but Target is {int(label.target)} in {labels_name}, line {label.line}"
                troubles.append(f"{where}: {found}; {OPACITY!r} is Target 1, and only that.")
    if text and (lines or not troubles):
        missing = [(image.line, image_id) for image_id, image in images.items() if image_id not in lines]
        troubles += [f"{labels_name}, line {line}: {image_id} has no row in {name}." for line, image_id in missing]
    return classes, troubles


def persons_in(name: str, text: str) -> tuple[dict[str, str], list[str]]:
    """Read `persons.csv`, image → person, and return it with one line per thing that is wrong."""
    persons: dict[str, str] = {}
    troubles: list[str] = []
    lines: dict[str, int] = {}
    for line, (image_id, person) in rows_in(name, text, PERSON_COLUMNS, troubles):
        where = f"{name}, line {line}"
        first = lines.setdefault(image_id, line)
        if trouble := _id_trouble(image_id):
            troubles.append(f"{where}: {trouble}")
        elif not person:
            troubles.append(f"{where}: person is empty. Leave the row out where it is not known whose image it is.")
        elif persons.setdefault(image_id, person) != person:
            troubles.append(f"{where}: {image_id} belongs to person {person!r} here and to {persons[image_id]!r} in line {first}.")
    if rounded := rounded_trouble(persons.values()):
        troubles.append(f"{name}: person {rounded}")
    return persons, troubles


def persons_in_mapping(name: str, text: str, image_ids: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """Read the public mapping of the challenge's images to NIH ChestX-ray14, whose file names begin with the person.

    The mapping is a JSON list of records such as `{"subset_img_id": "0004cfab-…", "img_id": "00019124_001.png", …}`. The fields
    are found by what they hold, not by their names: the one that is an image of this folder, and the one that is an NIH file name.

    Source: pneumonia-challenge-dataset-mappings_2018.json, RSNA; Wang et al. 2017, arXiv:1705.02315, for the file names.
    """
    known = set(image_ids)
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        return {}, [f"{name}, line {error.lineno}: is not JSON ({error.msg}). Download it again."]
    except (RecursionError, ValueError) as error:
        # Nested too deeply, or a number of more digits than Python converts.
        return {}, [f"{name}: is JSON that cannot be read ({str(error).partition(';')[0]}). Download it again."]
    if isinstance(content, dict):
        content = next((value for value in content.values() if isinstance(value, list)), [])
    persons: dict[str, str] = {}
    troubles: list[str] = []
    for record in content if isinstance(content, list) else []:
        values = [value for value in record.values() if isinstance(value, str)] if isinstance(record, dict) else []
        numbers = [match[1] for value in values if (match := re.fullmatch(r"(\d{8})_\d{3}(?:\.png)?", value))]
        for image_id in known.intersection(values) if numbers else ():
            person = str(int(numbers[0]))
            if persons.setdefault(image_id, person) != person:
                troubles.append(f"{name}: {image_id} belongs to person {person} in one record and to {persons[image_id]} in another.")
    if not persons:
        troubles.append(f"{name}: maps none of the images of {LABEL_COLUMNS[0]} to an NIH file name. Is it the file that RSNA publishes?")
    return persons, troubles


def _id_trouble(image_id: str) -> str:
    if not image_id:
        return "patientId is empty."
    if any(mark in image_id for mark in "/\\:") or image_id.startswith(".") or not image_id.isprintable():
        return f"patientId is {image_id!r}; an id is a file's name without .dcm: no dot before it, no /, \\, : or control character in it."
    if (bare := stem(image_id)) != image_id:
        return f"patientId is {image_id!r}; an id is a file's name without {image_id[len(bare) :]}. Write {bare}."
    return ""


def _box(fields: list[str], target: bool) -> tuple[Box | None, str]:
    """Return the box of a row, None where it has none, and what is wrong with it."""
    if not any(fields):
        return None, "Target is 1, but the box is empty; expected x, y, width, height." if target else ""
    named = dict(zip(LABEL_COLUMNS[1:5], fields, strict=True))
    x, y, width, height = values = [finite_number(text) for text in fields]
    if wrong := [f"{column} is {text!r}" for (column, text), value in zip(named.items(), values, strict=True) if math.isnan(value)]:
        hint = next((hint for text in fields if (hint := number_hint(text))), "")
        return None, f"{', '.join(wrong)}; expected a number{'' if target else ', or an empty field where Target is 0'}.{hint}"
    if not target:
        return None, f"Target is 0, but there is a box ({', '.join(fields)}); a box belongs to Target 1."
    if x < -EDGE_PX or y < -EDGE_PX or width <= 0 or height <= 0:
        found = ", ".join(f"{column} {text}" for column, text in named.items())
        return None, f"the box ({found}) is not inside an image: x and y are at least 0, width and height above 0."
    return (max(x, 0.0), max(y, 0.0), x + width, y + height), ""
