"""Headers add to a case of X-rays, and contradict its boxes."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from radlearn.challenges.xray_case import XrayCase, with_headers
from radlearn.errors import BadLayout

IMAGES = Path("data/images")
CASES = [
    XrayCase("a", IMAGES / "a.dcm", False, (), "Normal", "7"),
    XrayCase("b", IMAGES / "b.dcm", True, ((10.0, 20.0, 40.0, 60.0), (50.0, 60.0, 120.0, 140.0)), "Lung Opacity", "7"),
    XrayCase("c", IMAGES / "c.dcm", False, (), "Normal", "8"),
]


def test_the_data_folder_holds_the_folder_of_images() -> None:
    assert {case.folder for case in CASES} == {Path("data")}


def header(**fields: object) -> SimpleNamespace:
    known = {"view": "PA", "sex": "F", "age_years": 40.0, "size_px": (200, 120), "patient_id": "p", "study_uid": "", "series_uid": ""}
    return SimpleNamespace(**(known | fields))


def test_headers_fill_in_view_sex_and_age() -> None:
    filled = with_headers(CASES, [header(), header(view=None, sex="M", age_years=None), header(view="AP")])
    assert [(case.image_id, case.view, case.sex, case.age_years) for case in filled] == [
        ("a", "PA", "F", 40.0),
        ("b", None, "M", None),
        ("c", "AP", "F", 40.0),
    ]


def test_a_box_beyond_its_xray_is_named_once_the_xray_is_known() -> None:
    # Rows and columns must not be mixed up: the boxes reach to x 120 and y 140.
    with pytest.raises(BadLayout, match=r"x 50, y 60, width 70, height 80 of b reaches beyond its X-ray of 119 × 200 px"):
        with_headers(CASES, [header(), header(size_px=(200, 119)), header()])
    with pytest.raises(BadLayout, match="of b reaches beyond its X-ray of 120 × 139 px"):
        with_headers(CASES, [header(), header(size_px=(139, 120)), header()])


def test_people_whom_only_the_headers_know_are_mentioned(capsys: pytest.CaptureFixture[str]) -> None:
    cases = [replace(case, person=case.image_id) for case in CASES]
    with_headers(cases, [header(patient_id="1"), header(patient_id="2"), header(patient_id="")])
    assert capsys.readouterr().err == ""
    with_headers(cases, [header(patient_id="1"), header(patient_id="2"), header(patient_id="1")])
    assert "2 images count as a person each, though their headers share a PatientID" in capsys.readouterr().err


def test_an_examination_of_several_persons_and_files_of_others_are_mentioned(capsys: pytest.CaptureFixture[str]) -> None:
    headers = [header(patient_id=patient, study_uid=study) for patient, study in (("b", "1"), ("a", "2"), ("", "2"))]
    with_headers(CASES, headers)
    said = " ".join(capsys.readouterr().err.split())
    assert "1 examination (StudyInstanceUID or SeriesInstanceUID of the headers) is of several persons" in said
    assert "2 of the 3 X-rays have the patientId of another row" in said
    # In a table of one's own names of files are any.
    own = [replace(case, data_folder=Path("data")) for case in CASES]
    with_headers(own, [header(patient_id="b"), header(patient_id="a"), header(patient_id="")])
    assert capsys.readouterr().err == ""


def test_a_table_that_contradicts_the_headers_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    written = [replace(CASES[0], view="PA", sex="F", age_years=41.0), replace(CASES[1], person="9", view="AP", sex="M", age_years=70.0)]
    filled = with_headers(written, [header(), header(view=None, sex=None, age_years=None)])
    assert [(case.view, case.sex, case.age_years) for case in filled] == [("PA", "F", 40.0), ("AP", "M", 70.0)]
    assert capsys.readouterr().err == ""
    filled = with_headers(written, [header(), header(sex="F", age_years=30.0)])
    assert [(case.view, case.sex, case.age_years) for case in filled] == [("PA", "F", 40.0), ("PA", "F", 30.0)]
    told = " ".join(capsys.readouterr().err.split())
    name = CASES[1].path.name
    assert f"In the table the view of 1 X-ray (such as {name}), the sex of 1 X-ray (such as {name}), the age_years of 1 X-ray" in told
    assert told.endswith("is another than in the header, which is taken.")
