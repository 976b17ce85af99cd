"""Areas beside COCO's boxes tell corners from sizes where they do so surely."""

from pathlib import Path

import pytest

from radlearn.challenges.first_tables.boxes.coco_areas import CocoAreas, corners_by_outline
from radlearn.challenges.first_tables.boxes.coco_boxes import read_coco
from radlearn.challenges.first_tables.boxes.coco_outlines import box_around
from tests.challenges.first_tables.boxes.test_coco_boxes import coco

CORNERS = [(10, 5, 30, 25, 400), (40, 10, 60, 30, 400), (20, 3, 70, 39, 1800)]
"x0, y0, x1, y1 and the area between."


def said_of(boxes: list[tuple[float, ...]], folder: Path) -> str:
    marks = [
        {"id": number, "image_id": 7, "category_id": 1, "bbox": list(box[:4]), "area": box[4]} for number, box in enumerate(boxes, start=1)
    ]
    marked = read_coco(coco(folder, annotations=marks), [folder / "images" / name for name in ("a.png", "b.png")])
    assert marked is not None
    assert not marked.troubles
    return " ".join(one for one in marked.assumed if "corners" in one)


def test_areas_between_corners_are_said(tmp_path: Path) -> None:
    said = said_of(CORNERS, tmp_path)
    assert said.startswith("The area of each of 3 boxes, such as coco.json, annotation 1, is that of the box between two corners")


@pytest.mark.parametrize(
    "boxes",
    [
        # Width × height; an outline within; one box alone; a box at the image's own corner; one that fits its size among others.
        [(10, 5, 20, 20, 400), (40, 10, 20, 20, 400)],
        [(10, 5, 20, 20, 250), (40, 10, 20, 20, 222.5)],
        CORNERS[:1],
        [(0, 0, 30, 25, 750), (0, 0, 20, 20, 400)],
        [*CORNERS, (10, 5, 20, 20, 400)],
        [(10, 5, 30, 25, 0), (40, 10, 60, 30, 0)],
    ],
)
def test_areas_that_prove_nothing_are_passed_over(tmp_path: Path, boxes: list[tuple[float, ...]]) -> None:
    assert said_of(boxes, tmp_path) == ""


@pytest.mark.parametrize("area", [None, "", "x", float("nan"), [], -3])
def test_what_is_no_area_says_nothing(area: object) -> None:
    areas = CocoAreas()
    for _ in range(3):
        areas.look_at((10, 5, 30, 25), area, "here")
    assert areas.said() == ""


OUTLINES = {
    "a polygon": [[10, 5, 30, 5, 30, 25, 10, 25]],
    "a triangle": [[10.4, 5, 30, 25.3, 20, 5.2]],
    "two parts": [[10, 5, 15, 5, 15, 9], [20, 20, 30, 20, 30, 25]],
    "a mask": {"size": [40, 80], "counts": [10 * 40 + 5, *[20, 20] * 19, 20, 40 * 80 - 29 * 40 - 25]},
}


@pytest.mark.parametrize("outline", OUTLINES)
def test_an_outline_between_two_corners_is_proof_with_one_annotation(tmp_path: Path, outline: str) -> None:
    mark = {"id": 1, "image_id": 7, "category_id": 1, "bbox": [10, 5, 30, 25], "segmentation": OUTLINES[outline]}
    images = [tmp_path / "images" / name for name in ("a.png", "b.png")]
    marked = read_coco(coco(tmp_path, annotations=[mark]), images)
    assert marked is not None
    (trouble,) = marked.troubles
    assert trouble.startswith("coco.json, annotation 1: bbox is 10, 5, 30, 25, and its segmentation reaches from 10")
    assert "these are two corners, x0, y0, x1, y1; expected x, y, width, height" in trouble
    right = read_coco(coco(tmp_path, annotations=[{**mark, "bbox": [10, 5, 20, 20]}]), images)
    assert right is not None
    assert right.troubles == []


@pytest.mark.parametrize("outline", [[[12, 8, 28, 8, 20, 24]], [[0, 0, 1, 1]], "", [], {"size": [1, 1], "counts": [1]}])
def test_an_outline_elsewhere_or_none_says_nothing_of_corners(outline: object) -> None:
    assert corners_by_outline((10, 5, 30, 25), box_around(outline)) == ""
    assert corners_by_outline((0, 0, 30, 25), (0, 0, 30, 25)) == ""


def test_areas_of_boxes_in_shares_of_the_image_are_compared_too() -> None:
    areas = CocoAreas()
    for _ in range(3):
        areas.look_at((0.1, 0.1, 0.5, 0.6), 0.2, "here")
    assert "is that of the box between two corners" in areas.said()
