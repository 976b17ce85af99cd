"""Boxes in two formats over the same images: read where they say the same, refused where they do not."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from radlearn.challenges.first_tables.boxes.marked_images import Mark, Marked
from radlearn.challenges.first_tables.boxes.two_formats import hold_against
from radlearn.challenges.first_tables.table import xray_table
from radlearn.errors import BadLayout
from tests.challenges.first_tables.test_table import picture

Boxes = Mapping[str, list[tuple[float, float, float, float]]]
SIZE = (100, 200)
TRUE: Boxes = {"a": [(10, 5, 30, 25), (40, 10, 61, 30)], "b": [(3, 4, 50, 60)], "c": []}


def yolo(folder: Path, boxes: Boxes) -> None:
    (folder / "labels").mkdir()
    height, width = SIZE
    for name, marks in boxes.items():
        lines = [f"0 {(x0 + x1) / 2 / width:.4f} {(y0 + y1) / 2 / height:.4f} {(x1 - x0) / width:.4f} {(y1 - y0) / height:.4f}\n"
                 for x0, y0, x1, y1 in marks]  # fmt: skip
        (folder / "labels" / f"{name}.txt").write_text("".join(lines))


def voc(folder: Path, boxes: Boxes, kind: str = "Opacity") -> None:
    (folder / "Annotations").mkdir()
    for name, marks in boxes.items():
        things = "".join(
            f"<object><name>{kind}</name><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
            for x0, y0, x1, y1 in marks
        )
        (folder / "Annotations" / f"{name}.xml").write_text(f"<annotation><filename>{name}.png</filename>{things}</annotation>")


def coco(folder: Path, boxes: Boxes, kind: str = "opacity") -> None:
    images = [{"id": number, "file_name": f"{name}.png"} for number, name in enumerate(boxes)]
    marks = [
        {"image_id": number, "category_id": 1, "bbox": [x0, y0, x1 - x0, y1 - y0]}
        for number, name in enumerate(boxes)
        for x0, y0, x1, y1 in boxes[name]
    ]
    content = {"images": images, "annotations": marks, "categories": [{"id": 1, "name": kind}]}
    (folder / "boxes.json").write_text(json.dumps(content))


WRITERS = {"COCO": coco, "Pascal VOC": voc, "YOLO": yolo}
PAIRS = [("COCO", "Pascal VOC"), ("COCO", "YOLO"), ("Pascal VOC", "YOLO")]


def folder_of(folder: Path) -> Path:
    for name in TRUE:
        picture(folder / "images" / f"{name}.png", SIZE)
    return folder


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_what_says_the_same_is_read_once_and_said(tmp_path: Path, first: str, second: str) -> None:
    WRITERS[first](folder_of(tmp_path), TRUE)
    WRITERS[second](tmp_path, {name: boxes[::-1] for name, boxes in TRUE.items()})
    table = xray_table(tmp_path)
    assert [row["x0"] for row in table.rows] == ["10", "40", "3", ""]
    assert f"Boxes as {second} lie there too and say the same of 3 images: those as {first} are read." in table.assumed


MOVED: Boxes = {**TRUE, "b": [(13, 4, 60, 60)]}
FEWER: Boxes = {**TRUE, "a": TRUE["a"][:1]}
MORE: Boxes = {**TRUE, "c": [(1, 2, 30, 40)]}
LACKING: Boxes = {name: TRUE[name] for name in "bc"}


@pytest.mark.parametrize(("first", "second"), PAIRS)
@pytest.mark.parametrize("other", [MOVED, FEWER, MORE, LACKING])
@pytest.mark.parametrize("turn", [False, True])
def test_what_says_something_else_is_refused(tmp_path: Path, first: str, second: str, other: Boxes, turn: bool) -> None:
    some = (other, TRUE) if turn else (TRUE, other)
    for kind, boxes in zip((first, second), some, strict=True):
        writer: Callable[[Path, Boxes], None] = WRITERS[kind]
        writer(folder_of(tmp_path), boxes)
    which = next(name for name in TRUE if TRUE[name] != other.get(name))
    with pytest.raises(BadLayout) as refused:
        xray_table(tmp_path)
    said = str(refused.value)
    assert f"There are boxes as {first} and as {second}, and they differ on the boxes of images/{which}.png: " in said
    assert "move the files of one of the two away" in said
    assert ("nothing as" in said) == (other is LACKING)


def test_classes_that_are_called_otherwise_differ_and_numbers_say_nothing(tmp_path: Path) -> None:
    coco(folder_of(tmp_path), TRUE, "nodule")
    voc(tmp_path, TRUE)
    with pytest.raises(BadLayout, match=r"they differ on the boxes of 2 images, such as images/a\.png: 2 boxes as COCO, 2 boxes as Pascal"):
        xray_table(tmp_path)


def test_boxes_of_no_finding_are_none_in_either(tmp_path: Path) -> None:
    coco(folder_of(tmp_path), TRUE)
    voc(tmp_path, TRUE)
    (tmp_path / "Annotations" / "c.xml").write_text(
        "<annotation><object><name>No finding</name><bndbox><xmin>0</xmin><ymin>0</ymin><xmax>1</xmax><ymax>1</ymax></bndbox></object>"
        "</annotation>"
    )
    assert len(xray_table(tmp_path).rows) == 4


def test_images_that_only_the_other_says_to_be_without_a_box_are_named(tmp_path: Path) -> None:
    coco(folder_of(tmp_path), {name: TRUE[name] for name in "ab"})
    voc(tmp_path, TRUE)
    said = [line for line in xray_table(tmp_path).assumed if "lie there too" in line]
    assert said == ["Boxes as Pascal VOC lie there too and say the same of 2 images; of 1 further image only the latter say that they have "
                    "none: those as COCO are read."]  # fmt: skip


def test_what_a_network_found_beside_what_people_drew_is_left_out(tmp_path: Path) -> None:
    coco(folder_of(tmp_path), TRUE)
    for name in TRUE:
        (tmp_path / "images" / f"{name}.txt").write_text("0 .5 .5 .2 .2 .91\n0 .4 .4 .2 .2 .55\n")
    assert [row["x0"] for row in xray_table(tmp_path).rows] == ["10", "40", "3", ""]


@pytest.mark.parametrize(("room", "agree"), [(1.9, True), (2.1, False)])
def test_what_rounding_explains_is_the_same(tmp_path: Path, room: float, agree: bool) -> None:
    image = picture(tmp_path / "a.png", SIZE)
    one, other = (Marked(tmp_path, {image: [Mark("", box, "a")]}, called=name) for name, box in
                  (("A", (10.0, 10.0, 50.0, 50.0)), ("B", (10 + room, 10.0, 50.0, 50.0))))  # fmt: skip
    hold_against(one, [other])
    assert (not one.troubles) == agree


def test_numbers_in_text_files_beside_boxes_are_no_boxes(tmp_path: Path) -> None:
    coco(folder_of(tmp_path), TRUE)
    (tmp_path / "images" / "a.txt").write_text("1 512 400 30 20\n2 100 100 30 20\n")
    assert len(xray_table(tmp_path).rows) == 4
