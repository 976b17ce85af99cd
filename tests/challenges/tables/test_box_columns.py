"""Columns beside the corners of boxes: the size of the image, or of the box, and what describes each box."""

from dataclasses import replace
from pathlib import Path

import pytest

from radlearn.challenges.tables.box_columns import of_boxes, size_columns
from radlearn.challenges.tables.xray_table import audit
from radlearn.challenges.xray_case import with_headers
from radlearn.check.boxes import _boxes_of
from radlearn.errors import BadLayout
from radlearn.scans.dicom import RadiographHeader
from tests.challenges.tables.test_own_table import table_of


def table(further: str, *cells: str) -> str:
    rows = ("a.dcm,p,10,20,30,40", "a.dcm,p,50,60,90,80", "b.dcm,q,,,,")
    return f"path,person,x0,y0,x1,y1,{further}\n" + "".join(f"{row},{cell}\n" for row, cell in zip(rows, cells, strict=True))


@pytest.mark.parametrize("column", ["side", "comment", "area", "box_id", "confidence", "index", "Unnamed: 0", "lesion"])
def test_what_differs_between_the_boxes_of_an_image_describes_boxes(tmp_path: Path, column: str) -> None:
    read, cases = audit(table_of(tmp_path, table(f"{column},site", "1,A", "2,A", ",B")))
    assert not read.troubles
    assert [case.groups for case in cases] == [(("site", "A"),), (("site", "B"),)]
    assert read.notes == [
        f"cases.csv: {column} describes boxes and not X-rays, because the rows of 1 X-ray differ there: no subgroups are made of it."
    ]


def test_several_such_columns_are_named_in_one_note(tmp_path: Path) -> None:
    read, _ = audit(table_of(tmp_path, table("side,area", "left,1", "right,2", ",")))
    assert [note.partition(" because")[0] for note in read.notes] == ["cases.csv: side, area describe boxes and not X-rays,"]


@pytest.mark.parametrize(
    ("column", "cells"), [("view", ("AP", "PA", "")), ("sex", ("F", "M", "")), ("age_years", ("4", "5", "")),
                          ("patient_id", ("1", "2", "3")), ("label", ("1", "0", "0")),
                          ("category", ("x", "y", "")), ("split", ("train", "test", "validation"))],
)  # fmt: skip
def test_what_an_image_has_one_of_may_not_differ(tmp_path: Path, column: str, cells: tuple[str, ...]) -> None:
    assert any(f"column {column}: is " in trouble for trouble in audit(table_of(tmp_path, table(column, *cells)))[0].troubles)


@pytest.mark.parametrize("names", ["width,height", "image_width,image_height", "ImgWidth,ImgHeight", "w,h"])
def test_the_size_of_the_image_beside_corners_is_held_against_it(tmp_path: Path, names: str) -> None:
    read, cases = audit(table_of(tmp_path, table(names, "120,100", "120,100", "120,100")))
    assert read.troubles == read.notes == []
    assert [case.groups for case in cases] == [(), ()]
    headers = [RadiographHeader("AP", "F", 40.0, None, "", "1", "2", "3", "CR", "MONOCHROME2", (100, 120), 8)] * 2
    assert [case.boxes_xyxy_px for case in with_headers(cases, headers)] == [((10, 20, 30, 40), (50, 60, 90, 80)), ()]
    larger = replace(headers[0], size_px=(200, 240))
    with pytest.raises(BadLayout, match=r"a: the table says that it is 120 × 100 px .*, and it is 240 × 200.*multiply x by 240 / 120"):
        with_headers(cases, [larger, larger])
    assert [found.rule for found in _boxes_of(cases[0], (200, 240), "a")][:1] == ["box-table-size"]


@pytest.mark.parametrize(
    ("cells", "trouble"),
    [
        (("20,20", "40,20", ","), ""),
        (("21,21", "41,21", ","), ""),
        (("20,20", "44,20", ","), "line 3, column width: width and height are neither the size of the box between x0, y0, x1, y1 nor one"),
        (("80,100", "80,100", ","), "line 2, column width: width and height are neither"),
    ],
)
def test_a_size_beside_corners_is_the_boxs_or_asked_about(tmp_path: Path, cells: tuple[str, ...], trouble: str) -> None:
    read, cases = audit(table_of(tmp_path, table("width,height", *cells)))
    assert [trouble in one for one in read.troubles] == ([True] if trouble else [])
    assert cases[0].boxes_xyxy_px == ((10, 20, 30, 40), (50, 60, 90, 80))


def test_columns_that_may_differ_are_those_that_say_nothing_of_the_image() -> None:
    assert of_boxes(["path", "side", "patient_id", "", "x0"], ["path", "x0"]) == ("side",)
    assert size_columns(["w", "h", "width"]) == [("w", "h")]
    assert size_columns(["window", "height"]) == []
