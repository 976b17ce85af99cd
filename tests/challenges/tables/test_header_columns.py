"""View, sex and age under the names of DICOM and of other tables."""

from pathlib import Path

import pytest

from radlearn.challenges.tables.header_columns import meant_by, taken_columns
from radlearn.challenges.tables.xray_table import audit
from radlearn.challenges.xray_case import XrayCase
from tests.challenges.tables.test_own_table import table_of


def read(folder: Path, text: str) -> tuple[list[XrayCase], str]:
    table, cases = audit(table_of(folder, text))
    assert not table.troubles
    return cases, " ".join(table.notes)


@pytest.mark.parametrize(
    "names",
    ["ViewPosition,PatientSex,PatientAge", "View Position,Patient Gender,Patient Age", "projection,gender,age", "VIEW_POSITION,Gender,AGE"],
)
def test_they_are_read_under_other_names_and_make_no_subgroups(tmp_path: Path, names: str) -> None:
    rows = "a.dcm,p,1,AP,F,061Y,north\nb.dcm,q,0,pa,male,8,north\nc.dcm,r,0,,O,,north\n"
    cases, notes = read(tmp_path, f"path,person,label,{names},site\n{rows}")
    assert [(case.view, case.sex, case.age_years) for case in cases] == [("AP", "F", 61.0), ("PA", "M", 8.0), (None, None, None)]
    assert all(case.groups == (("site", "north"),) for case in cases)
    assert all(f"column {name} is read as the" in notes for name in names.split(","))


def test_a_column_of_something_else_is_not_taken_and_one_that_is_nearly_it_is_said(tmp_path: Path) -> None:
    cases, notes = read(tmp_path, "path,person,label,projection,gender,age\na.dcm,p,1,axial,F,old\nb.dcm,q,0,coronal,divers,young\n")
    assert [(case.view, case.sex, case.age_years) for case in cases] == [(None, None, None)] * 2
    assert dict(cases[0].groups) == {"projection": "axial", "gender": "F", "age": "old"}
    assert "column gender is not read as the sex, because it also says 'divers'; expected F or M." in notes
    assert "projection" not in notes
    assert "column age" not in notes


def test_a_column_of_the_right_name_comes_first(tmp_path: Path) -> None:
    cases, _ = read(tmp_path, "path,person,label,view,ViewPosition\na.dcm,p,1,AP,PA\nb.dcm,q,0,PA,AP\n")
    assert [case.view for case in cases] == ["AP", "PA"]
    assert taken_columns(["sex", "gender"], [{"sex": "F", "gender": "M"}]) == ({}, [])


def test_dates_of_birth_are_no_ages() -> None:
    assert not any(meant_by("age_years", text) for text in ("1961", "19610203", "-4", "121", "3M", ""))
    assert [meant_by("age_years", text) for text in ("120", "061Y")] == ["120", "061"]
