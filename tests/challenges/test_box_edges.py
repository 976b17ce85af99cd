"""Boxes that reach beyond their X-ray by rounding are cut off, and others refused, wherever they come from."""

from pathlib import Path

import pytest

from radlearn.challenges.box_edges import box_words, cut_off
from radlearn.challenges.rsna.scoring import labels_of
from radlearn.challenges.rsna.tables import labels_in
from radlearn.challenges.tables.xray_table import audit
from radlearn.challenges.xray_case import XrayCase, with_headers
from radlearn.check.boxes import _boxes_of
from radlearn.errors import BadLayout
from radlearn.scans.dicom import RadiographHeader
from tests.challenges.tables.test_own_table import table_of

HEADER = RadiographHeader("AP", "F", 40.0, None, "", "1", "2", "3", "CR", "MONOCHROME2", (1000, 1024), 8)


def case_of(*box: float) -> XrayCase:
    return XrayCase("a", Path("/d/x/a.dcm"), True, ((box[0], box[1], box[2], box[3]),), None, "p")


@pytest.mark.parametrize("end", [1024.000512, 1024.0000000000002, 1024.3, 1024.5])
def test_an_end_that_was_rounded_is_cut_off(tmp_path: Path, end: float) -> None:
    (case,) = with_headers([case_of(10, 20, end, 60)], [HEADER])
    assert case.boxes_xyxy_px == ((10, 20, 1024, 60),)
    assert not [found for found in _boxes_of(case_of(10, 20, end, 60), (1000, 1024), "a") if found.rule == "box-outside"]
    (tmp_path / "l.csv").write_text(f"patientId,x,y,width,height,Target\na,24,20,{end - 24!r},40,1\n")
    assert labels_of(tmp_path / "l.csv", (1000, 1024))["a"].boxes_xyxy_px == [(24, 20, 1024, 60)]


@pytest.mark.parametrize("start", [-0.3, -0.5, -1e-9])
def test_a_start_that_was_rounded_is_cut_off(tmp_path: Path, start: float) -> None:
    table, cases = audit(table_of(tmp_path, f"path,person,x0,y0,x1,y1\na.dcm,p,{start!r},20,30,40\nb.dcm,q,,,,\n"))
    assert not table.troubles
    assert cases[0].boxes_xyxy_px == ((0, 20, 30, 40),)
    images, troubles = labels_in("l.csv", f"patientId,x,y,width,height,Target\na,{start!r},20,30,40,1\n")
    assert not troubles
    assert images["a"].boxes_xyxy_px[0][:2] == (0, 20)


@pytest.mark.parametrize(
    ("box", "ends"), [((1000, 20, 1024.6, 60), "x 1000, y 20, width 24.6, height 40"), ((1024, 20, 1024.4, 60), "0.4")]
)
def test_what_reaches_farther_is_refused_with_its_numbers(box: tuple[float, ...], ends: str) -> None:
    with pytest.raises(BadLayout, match=f"{ends}.* of a reaches beyond its X-ray of 1024 × 1000 px"):
        with_headers([case_of(*box)], [HEADER])
    assert [found.rule for found in _boxes_of(case_of(*box), (1000, 1024), "a")] == ["box-outside"]


def test_numbers_tell_a_thousandth_of_a_pixel() -> None:
    assert box_words((12000.25, 0, 12345.678, 1)) == "x 12000.25, y 0, width 345.428, height 1"
    assert cut_off((0, 0, 5, 5), (5, 5)) == (0, 0, 5, 5)
