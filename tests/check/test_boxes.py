"""Boxes and persons checked against the X-rays."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from radlearn.challenges.xray_case import XrayCase as Case
from radlearn.check.boxes import box_findings
from radlearn.check.radiographs import XrayFacts
from radlearn.scans.dicom import RadiographHeader

HEADER = RadiographHeader("AP", "F", 40.0, None, "same", "1", "2", "3", "CR", "MONOCHROME2", (1000, 1000), 8)


def found(boxes: tuple[tuple[float, float, float, float], ...]) -> list[str]:
    path = Path("a.dcm")
    case = Case("a", path, True, boxes, None, "p")
    return [one.rule for one in box_findings([case], {path: XrayFacts(path, header=HEADER)}, Path())]


def test_boxes_are_held_against_their_xray() -> None:
    assert found(((100, 100, 300, 400),)) == []
    assert found(((900, 100, 1001, 400),)) == ["box-outside"]
    assert found(((900, 100, 905, 400),)) == ["box-tiny"]
    assert found(((0, 0, 1000, 900),)) == ["box-huge"]
    assert found(((100, 100, 300, 400), (102, 100, 300, 400))) == ["box-doubled"]


def test_one_patient_id_on_xrays_of_two_people_is_told() -> None:
    cases = [Case(name, Path(f"{name}.dcm"), False, (), None, person) for name, person in (("a", "p"), ("b", "q"), ("c", "q"))]
    facts = {case.path: XrayFacts(case.path, header=HEADER) for case in cases}
    (one,) = box_findings(cases, facts, Path())
    assert (one.rule, one.file, one.also) == ("persons-header", "a.dcm", ("b.dcm",))


@pytest.mark.parametrize(
    ("told", "columns"),
    [
        ({"view": "PA"}, "view"),
        ({"sex": "M"}, "sex"),
        ({"age_years": 43.0}, "age_years"),
        ({"view": "PA", "sex": "M", "age_years": 12.0}, "view and sex and age_years"),
        ({"view": "AP", "sex": "F", "age_years": 41.0}, ""),
        ({}, ""),
    ],
)
def test_what_a_table_says_otherwise_than_the_header_is_told(told: dict[str, Any], columns: str) -> None:
    case = replace(Case("a", Path("a.dcm"), False, (), None, "p"), **told)
    found = [
        one.found for one in box_findings([case], {case.path: XrayFacts(case.path, header=HEADER)}, Path()) if one.rule == "header-other"
    ]
    assert found == [f"its {columns} in the table is another than in its header"] * bool(columns)
    silent = replace(HEADER, view=None, sex=None, age_years=None)
    assert not list(box_findings([case], {case.path: XrayFacts(case.path, header=silent)}, Path()))


@pytest.mark.parametrize("turn", [1, 3, 6, 8])
def test_boxes_on_a_turned_picture_are_told(tmp_path: Path, turn: int) -> None:
    path, exif = tmp_path / "a.jpg", Image.Exif()
    exif[274] = turn
    Image.fromarray(np.zeros((80, 80), np.uint8)).save(path, exif=exif)
    told = []
    for boxes in (((10.0, 10.0, 60.0, 50.0),), ()):
        case = Case("a", path, bool(boxes), boxes, None, "p")
        told.append([one.rule for one in box_findings([case], {path: XrayFacts(path, header=HEADER)}, tmp_path)])
    # HEADER has 1000 × 1000 px, on which this box is no tiny one.
    assert told == [["box-turned"] * (turn != 1), []]


def drawn(count: int, scale: float, boxes_each: int = 1, size: tuple[int, int] = (1000, 1000)) -> list[str]:
    """Return what is told of boxes of both lungs, in pixels of X-rays of a size (height, width), times a scale."""
    rng = np.random.default_rng(5)
    cases = []
    for number in range(count):
        x, y = rng.choice([150, 600], boxes_each) + rng.uniform(0, 80, boxes_each), rng.uniform(150, 600, boxes_each)
        corners = np.stack([x, y, x + 180, y + 240], axis=1) / 1000 * np.array([size[1], size[0]] * 2) * scale
        boxes = tuple((float(x0), float(y0), float(x1), float(y1)) for x0, y0, x1, y1 in corners)
        cases.append(Case(str(number), Path(f"{number}.dcm"), True, boxes, None, str(number)))
    header = replace(HEADER, size_px=size)
    findings = box_findings(cases, {case.path: XrayFacts(case.path, header=header) for case in cases}, Path())
    return [one.found for one in findings if one.rule == "box-grid"]


def test_boxes_of_smaller_copies_are_told_with_their_grid() -> None:
    (said,) = drawn(40, 0.224)
    # The farthest ends between 858 and 860 of 1000 px.
    assert said.startswith("all 40 boxes lie within 193 px from the top left, on X-rays whose sides are 1,000 px and more")
    assert "copies of about 224 × 224 px" in said
    # 224 of 2240 px across and 205 of 2048 px down.
    assert "about 224 × 224 px" in drawn(40, 0.1, size=(2048, 2240))[0]


def test_boxes_where_they_belong_or_too_few_are_no_grid() -> None:
    assert not drawn(40, 1)
    assert not drawn(40, 0.9)
    assert not drawn(12, 0.224)
    # Twenty boxes on two X-rays say little.
    assert not drawn(2, 0.224, boxes_each=10)


def test_one_box_beyond_is_proof_against_a_grid() -> None:
    cases = [Case(str(number), Path(f"{number}.dcm"), True, ((50, 50, 150, 150),), None, str(number)) for number in range(30)]
    facts = {case.path: XrayFacts(case.path, header=replace(HEADER, patient_id=None)) for case in cases}
    assert [one.rule for one in box_findings(cases, facts, Path())] == ["box-grid"]
    cases[7] = replace(cases[7], boxes_xyxy_px=((600, 300, 800, 700),))
    assert not list(box_findings(cases, facts, Path()))


def test_a_person_who_is_a_woman_and_a_man_by_the_headers_is_told() -> None:
    cases = [Case(name, Path(f"{name}.dcm"), False, (), None, "p") for name in "ab"]
    headers = [replace(HEADER, sex=sex) for sex in "FM"]
    (one,) = box_findings(cases, {case.path: XrayFacts(case.path, header=said) for case, said in zip(cases, headers, strict=True)}, Path())
    assert (one.rule, one.file, one.also) == ("persons-header", "a.dcm", ("b.dcm",))
    assert "its person is a woman and a man" in one.found


def test_an_examination_of_two_people_and_a_file_of_another_row_are_told() -> None:
    cases = [Case(name, Path(f"{name}.dcm"), False, (), None, name) for name in "abcd"]
    told = (("b", "1"), ("a", "2"), ("x", "3"), ("y", "3"))
    facts = {
        case.path: XrayFacts(case.path, header=replace(HEADER, patient_id=patient, study_uid=study, series_uid=""))
        for case, (patient, study) in zip(cases, told, strict=True)
    }
    found = {one.rule: one for one in box_findings(cases, facts, Path())}
    assert set(found) == {"persons-study", "header-exchanged"}
    assert (found["persons-study"].file, found["persons-study"].also) == ("c.dcm", ("d.dcm",))
    assert (found["header-exchanged"].file, found["header-exchanged"].also) == ("a.dcm", ("b.dcm",))
    assert found["header-exchanged"].severity == "error"
