"""X-rays in a table: labels, boxes and what headers lack."""

from dataclasses import replace
from pathlib import Path

import pytest

from radlearn.challenges import rsna
from radlearn.challenges.tables.xray_table import audit, find_cases, is_xray_table, with_boxes
from radlearn.challenges.xray_case import with_headers
from radlearn.errors import BadLayout
from radlearn.scans.dicom import RadiographHeader
from tests.challenges.tables.test_own_table import table_of


def cases_of(folder: Path, text: str) -> list[rsna.Case]:
    return find_cases(table_of(folder, text))


def test_labels_and_boxes_make_cases(tmp_path: Path) -> None:
    text = "path,person,x0,y0,x1,y1,category\na.dcm,p,10,20,30.5,60,Opacity\na.dcm,p,1,2,3,4,Opacity\nb.dcm,q,,,,,Normal\n"
    one, other = cases_of(tmp_path, text)
    assert (one.image_id, one.label, one.boxes_xyxy_px) == ("a", True, ((10, 20, 30.5, 60), (1, 2, 3, 4)))
    assert (other.label, other.boxes_xyxy_px, other.category) == (False, (), "Normal")
    assert one.folder == tmp_path
    labelled = cases_of(tmp_path, "path,label\na.dcm,1\nb.dcm,0.0\n")
    assert [case.label for case in labelled] == [True, False]
    assert rsna.find_cases(tmp_path / "cases.csv") == labelled
    assert rsna.layout_folder(tmp_path / "cases.csv") == tmp_path / "cases.csv"


def test_what_is_known_of_a_person_fills_what_the_header_lacks(tmp_path: Path) -> None:
    cases = cases_of(tmp_path, "path,label,view,sex,age_years\na.dcm,1,AP,F,61\nb.dcm,0,,,\n")
    assert [(case.view, case.sex, case.age_years) for case in cases] == [("AP", "F", 61.0), (None, None, None)]
    rest = dict.fromkeys(("patient_id", "study_uid", "series_uid", "sop_uid", "modality", "photometric"), "")
    empty = RadiographHeader(size_px=(8, 8), view=None, sex=None, age_years=None, spacing_mm=None, stored_bits=8, **rest)
    said = replace(empty, view="PA", sex="M", age_years=50.0)
    assert [(case.view, case.sex, case.age_years) for case in with_headers(cases, [empty, said])] == [("AP", "F", 61.0), ("PA", "M", 50.0)]
    assert with_headers(cases[:1], [said])[0].view == "PA"


BOX = "path,x0,y0,x1,y1\n"
BAD = {
    "path,label\na.dcm,2\n": "line 2, column label: is '2'; expected 0 or 1.",
    "path,label\na.dcm,yes\n": "line 2, column label: is 'yes'; expected 0 or 1. Write 1.",
    "path,label\na.dcm,\n": "line 2, column label: is ''; expected 0 or 1.",
    "path,label\na.dcm,0\na.dcm,0\n": "line 3, column path: is the image of line 2 again",
    "path,label\na.dcm,0\na.dcm,1\n": "line 3, column label: is '1' here and '0' in line 2",
    f"{BOX}a.dcm,1,2,3,\n": "line 2, column y1: is ''; expected a number in pixels",
    f"{BOX}a.dcm,1,2,x,4\n": "line 2, column x1: is 'x'; expected a number in pixels",
    f'{BOX}a.dcm,"1,5",2,3,4\n': "all four of x0, y0, x1, y1 empty. It has a decimal comma; write 1.5.",
    f"{BOX}a.dcm,100,100,50,60\n": "line 2, column x1: is 50, and x0 is 100; expected the right end of the box, which is larger",
    f"{BOX}a.dcm,-1,2,3,4\n": "line 2, column x0: is -1, outside of the X-ray; expected 0 or more.",
    f"{BOX}a.dcm,0.1,0.2,0.3,0.4\n": "line 1, column x0: none of the boxes reaches beyond 2 px",
    f"{BOX}a.dcm,0.1,0.1,0.3,0.4\nb.dcm,10,20,300,400\n": "line 2, column x0: the box 0.1, 0.1, 0.3, 0.4 is smaller than a pixel",
    f"{BOX}a.dcm,10,20,300,400\nb.dcm,100,100,100.5,300\n": "line 3, column x0: the box 100, 100, 100.5, 300 is smaller than a pixel",
    f"{BOX}a.dcm,1,2,30,40\nb.dcm,0,0,0,0\n": "line 3, column x0: the box is 0, 0, 0, 0, which holds nothing. Where there is no finding",
    f"{BOX}a.dcm,1,2,30,40\nb.dcm,-1,-1,-1,-1\n": "which holds nothing. Where there is no finding",
    f"{BOX}a.dcm,1,2,30,40\na.dcm,,,,\n": "line 3, column x0: is empty, but line 2 is of the same image",
    f"{BOX}a.dcm,1,2,30,40\na.dcm,1,2,30,40\n": "line 3, column x0: the box is that of line 2 again; keep one of them.",
    "path,label,x0,y0,x1,y1\na.dcm,0,1,2,30,40\n": "line 2, column label: is 0, but the row has a box; a box belongs to label 1.",
    "path,x0,y0\na.dcm,1,2\n": "line 1: the columns are path, x0, y0; expected also x1, y1.",
    "path,site\na.dcm,1\n": "expected also label. Instead of label, x0, y0, x1, y1 say where findings are.",
    "path,label,view\na.dcm,1,frontal\n": "line 2, column view: is 'frontal'; expected AP or PA, or an empty field.",
    "path,label,sex\na.dcm,1,female\n": "line 2, column sex: is 'female'; expected F or M, or an empty field. Write F.",
    "path,label,sex\na.dcm,1,Mujer\n": "expected F or M, or an empty field. Write F.",
    "path,label,sex\na.dcm,1,männlich\n": "expected F or M, or an empty field. Write M.",
    "path,label,sex\na.dcm,1,f\n": "is 'f'; expected F or M, or an empty field. Write F.",
    "path,label,view\na.dcm,1,pa\n": "is 'pa'; expected AP or PA, or an empty field. Write PA.",
    "path,label,view\na.dcm,1,AP portable\n": "is 'AP portable'; expected AP or PA, or an empty field. Write AP.",
    "path,xmin,ymin,xmax,ymax\na.dcm,5,2,4,40\n": "is 4, and xmin is 5; expected the right end of the box, which is larger. Are "
    "these width and height? Add them to xmin and ymin.",
    "path,x1,y1,x2,y2\na.dcm,0,0,0,0\n": "line 2, column x1: the box is 0, 0, 0, 0, which holds nothing. Where there is no finding,",
    "path,x,y,width,height\na.dcm,1,2,3,4\n": "expected also label. Are x, y, width, height boxes? Write the columns x0, y0, x1, y1: "
    "x0 = x, y0 = y, x1 = x + width, y1 = y + height.",
    "path,X,Y,W,H\na.dcm,1,2,3,4\n": "Are X, Y, W, H boxes? Write the columns x0, y0, x1, y1: x0 = X, y0 = Y, x1 = X + W, y1 = Y + H.",
    "path,cx,cy,w,h\na.dcm,1,2,3,4\n": "x0 = cx - w / 2, y0 = cy - h / 2, x1 = cx + w / 2, y1 = cy + h / 2.",
    "path,x0,y0,width,height\na.dcm,1,2,3,4\n": "expected also x1, y1. Are x0, y0, width, height boxes?",
    "path,label,x,y,w,h\na.dcm,1,2,3,4,5\na.dcm,1,20,3,4,5\n": "expected one row for each image. Are x, y, w, h boxes?",
    "path,y\na.dcm,1\n": "expected also label. Is y the label? Then call it so.",
    "path,label,age_years\na.dcm,1,061Y\n": "line 2, column age_years: is '061Y'; expected years from 0 to 120",
}  # fmt: skip


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_a_bad_table_names_row_column_value_and_rule(tmp_path: Path, text: str) -> None:
    path = table_of(tmp_path, text)
    assert any(BAD[text] in trouble for trouble in audit(path)[0].troubles), audit(path)[0].troubles
    with pytest.raises(BadLayout, match=r"cases\.csv: "):
        find_cases(path)


@pytest.mark.parametrize("word", ["Mädchen", "madame", "fils", "Herr", "femur", "männin", "unknown", "O", "1"])
def test_a_word_for_sex_that_is_not_known_gets_no_hint(tmp_path: Path, word: str) -> None:
    (trouble,) = audit(table_of(tmp_path, f"path,label,sex,person\na.dcm,1,{word},p\n"))[0].troubles
    assert trouble.endswith("expected F or M, or an empty field.")


@pytest.mark.parametrize("columns", ["x0,y0,x1,y1", "xmin,ymin,xmax,ymax", "x_min,y_min,x_max,y_max", "x1,y1,x2,y2", "y2,x2,y1,x1"])
def test_the_same_two_corners_under_other_names(tmp_path: Path, columns: str) -> None:
    values = "40,30,20,10" if columns.startswith("y2") else "10,20,30,40"
    path = table_of(tmp_path, f"path,{columns},person\na.dcm,{values},p\nb.dcm,,,,,q\n")
    cases = find_cases(path)
    assert is_xray_table(path)
    assert [case.boxes_xyxy_px for case in cases] == [((10, 20, 30, 40),), ()]
    assert [case.groups for case in cases] == [(), ()]


def test_a_corner_and_a_size_beside_a_label_are_asked_about(tmp_path: Path) -> None:
    table, cases = audit(table_of(tmp_path, "path,label,person,x,y,w,h\na.dcm,1,p,1,2,3,4\n"))
    assert not table.troubles
    assert cases[0].label is True
    assert any(note.startswith("cases.csv: boxes are not read. Are x, y, w, h boxes? Write the columns") for note in table.notes)


def test_detection_needs_a_box_for_every_finding(tmp_path: Path) -> None:
    cases = cases_of(tmp_path, "path,label\na.dcm,1\nb.dcm,0\n")
    with pytest.raises(BadLayout, match="1 X-ray with the finding has no box, the first being a "):
        with_boxes(cases)
    assert with_boxes(cases[1:]) == cases[1:]


def test_a_table_of_masks_is_none_of_x_rays(tmp_path: Path) -> None:
    assert not is_xray_table(table_of(tmp_path, "path,mask\na.dcm,b.dcm\n"))
    assert rsna.layout_folder(tmp_path / "cases.csv") is None
    with pytest.raises(BadLayout, match="expected also label"):
        rsna.find_cases(tmp_path / "cases.csv")


def test_of_a_table_that_cannot_be_read_no_columns_are_asked_for(tmp_path: Path) -> None:
    troubles = audit(table_of(tmp_path, "path;person;label\na.dcm;p;1\n"))[0].troubles
    assert len(troubles) == 1
    assert troubles[0].endswith("It is separated by semicolons; save it with commas, and numbers with points.")


def test_what_to_do_about_a_box_that_is_none_is_said(tmp_path: Path) -> None:
    for box, advice in (
        ("0.1,0.1,0.3,0.4", "It looks like shares of the X-ray, 0 to 1. Multiply x0 and x1 by the X-ray's width, y0 and y1 by its height."),
        ("100,100,100.5,300", "expected pixels. Correct it, or remove the row."),
        ("0,0,0,0", "Where there is no finding, leave all four of x0, y0, x1, y1 empty."),
        ("5,7,5,7", "Where there is no box, leave all four fields empty."),
        ("50,70,50,90", "Are these width and height? Add them to x0 and y0."),
        ("50,70,90,70", "Are these width and height? Add them to x0 and y0."),
    ):
        (trouble,) = audit(table_of(tmp_path, f"{BOX}a.dcm,10,20,300,400\nb.dcm,{box}\n"))[0].troubles
        assert trouble.endswith(advice)


def test_findings_beside_a_label_are_said_to_be_subgroups(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.dcm").touch()
    (tmp_path / "cases.csv").write_text("path,label,label_mass,label_source\na.dcm,1,0,CT\nb.dcm,0,1,CT\n")
    (note,) = [note for note in audit(tmp_path / "cases.csv")[0].notes if "label_mass" in note]
    assert "only label is learnt" in note
    assert "label_source" not in note


@pytest.mark.parametrize("name", ["opacity", "Lung Opacity", "nodule_1"])
def test_a_class_in_the_place_of_the_label_of_boxes_is_told_apart(tmp_path: Path, name: str) -> None:
    (trouble,) = audit(table_of(tmp_path, f"path,person,label,x0,y0,x1,y1\na.dcm,p,{name},1,2,30,40\n"))[0].troubles
    assert "expected 0 or 1. Is it the class of a box? Then call the column class_name: an X-ray with a box has" in trouble
    table, cases = audit(table_of(tmp_path, f"path,person,class_name,x0,y0,x1,y1\na.dcm,p,{name},1,2,30,40\n"))
    assert not table.troubles
    assert cases[0].label is True


@pytest.mark.parametrize(
    ("rows", "is_one"), [("1,a.dcm,0\n2,b.dcm,1\n", True), ("1,a.dcm,0\nb.dcm,1\n", False), ("a.dcm,0,87\nb.dcm,0,13\n", False)]
)
def test_names_of_rows_without_a_header_are_said_once(tmp_path: Path, rows: str, is_one: bool) -> None:
    troubles = audit(table_of(tmp_path, f"path,label\n{rows}"))[0].troubles
    assert any("has one field more than the header" in trouble and "row.names = FALSE" in trouble for trouble in troubles) is is_one
    assert not is_one or len(troubles) == 1
