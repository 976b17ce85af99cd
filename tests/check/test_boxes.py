"""Boxes and persons checked against the X-rays."""

from pathlib import Path

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
