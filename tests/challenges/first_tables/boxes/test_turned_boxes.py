"""Turned rectangles become the boxes around them, which is said, whatever program wrote the angle."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radlearn.challenges.first_tables.boxes.turned_boxes import box_around_turned
from radlearn.challenges.first_tables.table import xray_table
from tests.challenges.first_tables.test_table import boxes_of, picture

BOX = (30, 40, 50, 90)


def around(degrees: float) -> tuple[float, ...]:
    """Turn the four corners and take their ends."""
    angle = math.radians(degrees)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    middle = np.array([40.0, 65.0])
    corners = np.array([[30, 40], [50, 40], [50, 90], [30, 90]]) - middle
    turned = corners @ turn.T + middle
    return (*turned.min(axis=0), *turned.max(axis=0))


def coco_in(folder: Path, attributes: Any, **further: Any) -> Path:
    picture(folder / "a.png", (120, 120))
    x0, y0, x1, y1 = BOX
    mark = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [x0, y0, x1 - x0, y1 - y0], "attributes": attributes, **further}
    content = {"images": [{"id": 1, "file_name": "a.png"}], "annotations": [mark], "categories": [{"id": 1, "name": "opacity"}]}
    (folder / "coco.json").write_text(json.dumps(content))
    return folder


def voc_in(folder: Path, thing: str) -> Path:
    picture(folder / "a.png", (120, 120))
    text = f"<annotation><filename>a.png</filename><object><name>opacity</name>{thing}</object></annotation>"
    (folder / "a.xml").write_text(text)
    return folder


BNDBOX = "<bndbox><xmin>30</xmin><ymin>40</ymin><xmax>50</xmax><ymax>90</ymax></bndbox>"


@pytest.mark.parametrize("degrees", [0, 1, 30, 60, 90, 135, 180, 300, -45])
def test_the_box_lies_around_the_turned_corners(degrees: float) -> None:
    assert np.allclose(box_around_turned(BOX, degrees), around(degrees), atol=1e-5)


@pytest.mark.parametrize("degrees", [60.0, 300.0, 90.0])
@pytest.mark.parametrize("program", ["CVAT's COCO", "CVAT's VOC", "roLabelImg"])
def test_an_angle_beside_a_box_is_followed_and_said(tmp_path: Path, program: str, degrees: float) -> None:
    if program == "CVAT's COCO":
        coco_in(tmp_path, {"occluded": False, "rotation": degrees})
    elif program == "CVAT's VOC":
        said = f"<attributes><attribute><name>rotation</name><value>{degrees}</value></attribute></attributes>"
        voc_in(tmp_path, BNDBOX + said)
    else:
        said = f"<robndbox><cx>40</cx><cy>65</cy><w>20</w><h>50</h><angle>{math.radians(degrees)!r}</angle></robndbox>"
        voc_in(tmp_path, said)
    ((box,),) = boxes_of(tmp_path, "opacity").values()
    assert np.allclose(box, around(degrees), atol=1e-3)
    assert any("1 rectangle that was turned is read as the box around it" in said for said in xray_table(tmp_path, ["opacity"]).assumed)


@pytest.mark.parametrize("attributes", [{"rotation": 0.0}, {"rotation": 180}, {"occluded": True}, {"rotation": "n/a"}, None])
def test_a_box_that_is_not_turned_stays(tmp_path: Path, attributes: Any) -> None:
    assert boxes_of(coco_in(tmp_path, attributes), "opacity") == {"a": [BOX]}


def test_an_outline_is_turned_already_and_corners_outside_are_cut_off(tmp_path: Path) -> None:
    coco_in(tmp_path / "a", {"rotation": 45}, segmentation=[[20, 40, 60, 40, 60, 80, 20, 80]])
    assert boxes_of(tmp_path / "a", "opacity") == {"a": [(20, 40, 60, 80)]}
    coco_in(tmp_path / "b", {"rotation": 90}, bbox=[5, 10, 20, 100])
    # 100 px across around x 15: from -35 to 65.
    assert boxes_of(tmp_path / "b", "opacity") == {"a": [(0, 50, 65, 70)]}
