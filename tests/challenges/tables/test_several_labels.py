"""Several labels in a table of one's own, with the notes on it that `label_notes` makes."""

from pathlib import Path

import pytest

from radlearn.challenges import rsna
from radlearn.challenges.tables.label_notes import with_some_label
from radlearn.challenges.tables.xray_table import audit, find_cases, is_xray_table, label_columns
from radlearn.errors import BadLayout
from radlearn.rsna_pneumonia_detection.detect_pneumonia import TASK as DETECTION
from tests.challenges.tables.test_own_table import table_of

HEAD = "path,person,label_mass,label_effusion\n"
BAD = {
    f"{HEAD}a.dcm,p,1,yes\n": "line 2, column label_effusion: is 'yes'; expected 0 or 1, or an empty field where it is not known. Write 1.",
    f"{HEAD}a.dcm,p,-1,0\n": "line 2, column label_mass: is '-1'; expected 0 or 1, or an empty field where it is not known.",
    f"{HEAD}a.dcm,p,1,0\nb.dcm,q,0.7,0\n": "line 3, column label_mass: is '0.7'; expected 0 or 1",
    f'{HEAD}a.dcm,p,"0,7",0\n': "line 2, column label_mass: is '0,7'; expected 0 or 1, or an empty field where it is not known. It has a",
    f"{HEAD}a.dcm,p,nan,0\n": "line 2, column label_mass: is 'nan'; expected 0 or 1, or an empty field",
    "path,person,label_\na.dcm,p,1\n": "line 1, column label_: has no name that can be read; expected label_NAME, such as label_effusion.",
    "path,label_Mass,label_mass\na.dcm,1,0\n": "line 1, column label_mass: differs from label_Mass only in small and capital letters",
    "path,label_mass,label_mass\na.dcm,1,0\n": "line 1: the column label_mass is there twice; expected each once.",
    f"{HEAD}a.dcm,,1,0\n": "line 2, column person: is empty; expected whose image it is.",
    f"{HEAD}a.dcm,p,1,0\na.dcm,p,1,0\n": "line 3, column path: is the image of line 2 again; expected one row for each image.",
    f"{HEAD}a.dcm,p,1,0\na.dcm,p,0,0\n": "line 3, column label_mass: is '0' here and '1' in line 2, which is of the same image.",
    f"{HEAD}z.dcm,p,1,0\n": "line 2, column path: is 'z.dcm', and there is no such file",
    "path,label_mass,sex\na.dcm,1,woman\n": "line 2, column sex: is 'woman'; expected F or M, or an empty field. Write F.",
    "path,label_mass,age_years\na.dcm,1,411\n": "line 2, column age_years: is '411'; expected years from 0 to 120",
    "path,person,split,label_mass\na.dcm,p,train,1\nb.dcm,p,test,0\n": "line 3, column split: person p is in test here and in train",
    "image,label_mass\na.dcm,1\n": "line 1: the columns are image, label_mass; expected also path. Is image the path? Then call it so.",
}


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_a_bad_table_of_several_labels_names_row_column_value_and_rule(tmp_path: Path, text: str) -> None:
    path = table_of(tmp_path, text)
    assert any(BAD[text] in trouble for trouble in audit(path)[0].troubles), audit(path)[0].troubles
    with pytest.raises(BadLayout, match="would train wrongly"):
        find_cases(path)


def test_labels_are_there_not_there_or_not_known(tmp_path: Path) -> None:
    one, other = find_cases(table_of(tmp_path, f"{HEAD}a.dcm,p,1.0,\nb.dcm,q,0,0\n"))
    assert one.labels == (("mass", True), ("effusion", None))
    assert other.labels == (("mass", False), ("effusion", False))
    assert (one.label, other.label, one.person, one.groups) == (True, False, "p", ())
    assert one.truth == ("mass: True", "effusion: None")
    assert is_xray_table(tmp_path / "cases.csv")
    assert rsna.find_cases(tmp_path / "cases.csv") == [one, other]


def test_rows_without_any_known_label_are_left_out_which_is_said(tmp_path: Path) -> None:
    table, cases = audit(table_of(tmp_path, f"{HEAD}a.dcm,p,1,\nb.dcm,q,,\n"))
    assert [case.image_id for case in cases] == ["a"]
    assert "cases.csv: of 1 X-ray no label is known, so it is left out." in table.notes
    assert with_some_label(table, cases) == cases


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ("path,label_a,label_b", ("label_a", "label_b")),
        ("path,label,label_source", ()),
        ("path,x0,y0,x1,y1,label_source", ()),
        ("path,mask,label_quality", ()),
        ("path,labels,Label_a", ()),
    ],
)
def test_beside_another_truth_such_a_column_only_describes_the_image(columns: str, expected: tuple[str, ...]) -> None:
    assert label_columns(columns.split(",")) == expected


def test_beside_a_label_it_makes_subgroups_as_before(tmp_path: Path) -> None:
    (case, _) = find_cases(table_of(tmp_path, "path,label,label_source\na.dcm,1,report\nb.dcm,0,reader\n"))
    assert (case.label, case.labels, case.groups) == (True, (), (("label_source", "report"),))
    assert case.truth == ("True",)


def test_detection_asks_for_boxes(tmp_path: Path) -> None:
    path = table_of(tmp_path, f"{HEAD}a.dcm,p,1,0\nb.dcm,q,0,0\n")
    with pytest.raises(BadLayout, match="Detection learns from boxes: columns x0, y0, x1, y1, in pixels"):
        DETECTION.labelled_cases(path)
