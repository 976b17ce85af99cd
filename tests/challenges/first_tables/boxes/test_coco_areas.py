"""Areas beside COCO's boxes tell corners from sizes where they do so surely."""

from pathlib import Path

import pytest

from radlearn.challenges.first_tables.boxes.coco_areas import CocoAreas
from radlearn.challenges.first_tables.boxes.coco_boxes import read_coco
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
