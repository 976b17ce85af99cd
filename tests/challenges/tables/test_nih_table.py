"""The table of NIH ChestX-ray14 as it is published: read without renaming, and refused where it is wrong."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radlearn.challenges import rsna
from radlearn.challenges.rsna.audit import audit_folder
from radlearn.challenges.tables.nih_table import FINDINGS, audit, is_nih, table_in
from radlearn.errors import BadLayout
from radlearn.workflow.table_command import write_first_table

HEAD = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position\n"
PUBLISHED = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,OriginalImage[Width,Height],"
    "OriginalImagePixelSpacing[x,y],\n"
    "a.png,Cardiomegaly|Effusion,0,1,058Y,M,PA,2682,2749,0.143,0.143,\n"
    "b.png,No Finding,0,2,411,F,AP,2500,2048,0.168,0.168,\n"
)


def folder_of(folder: Path, text: str, images: str = "images_001/images") -> Path:
    (folder / images).mkdir(parents=True)
    for name in ("a.png", "b.png"):
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / images / name)
    (folder / "Data_Entry_2017.csv").write_text(text)
    return folder


def test_the_table_is_read_as_it_is_published(tmp_path: Path) -> None:
    one, other = rsna.find_cases(folder_of(tmp_path, PUBLISHED))
    assert (one.image_id, one.person, one.view, one.sex, one.age_years) == ("a", "1", "PA", "M", 58.0)
    assert {name for name, value in one.labels if value} == {"Cardiomegaly", "Effusion"}
    assert [name for name, _ in one.labels] == list(FINDINGS)
    # An age that nobody has is not known.
    assert (other.label, other.age_years, {value for _, value in other.labels}) == (False, None, {False})
    assert one.path == tmp_path / "images_001/images/a.png"
    assert rsna.find_cases(tmp_path / "Data_Entry_2017.csv") == [one, other]
    assert not rsna.CHALLENGE.is_synthetic(tmp_path)
    assert audit_folder(tmp_path).recognised == "the table of NIH ChestX-ray14: 2 X-rays"


BAD = {
    "a.png,Pneumona,0,1,58,M,PA\n": "line 2, column Finding Labels: is 'Pneumona', and 'Pneumona' is none of ",
    "a.png,Mass|pneumonia,0,1,58,M,PA\n": "Write Pneumonia.",
    "a.png,Mass|No Finding,0,1,58,M,PA\n": "line 2, column Finding Labels: is 'Mass|No Finding'; expected findings or No Finding, not",
    "a.png,,0,1,58,M,PA\n": "line 2, column Finding Labels: is ''; expected findings joined by |, or No Finding.",
    "a.png,Mass||Hernia,0,1,58,M,PA\n": "line 2, column Finding Labels: is 'Mass||Hernia'; expected findings joined by |, or No Finding.",
    "a.png,Mass,0,,58,M,PA\n": "line 2, column Patient ID: is empty; expected whose image it is.",
    "a.png,Mass,0,1,58,X,PA\n": "line 2, column Patient Gender: is 'X'; expected F or M, or an empty field.",
    "a.png,Mass,0,1,58,M,pa\n": "line 2, column View Position: is 'pa'; expected AP or PA, or an empty field. Write PA.",
    "a.png,Mass,0,1,about 50,M,PA\n": "line 2, column Patient Age: is 'about 50'; expected whole years, an age",
    "a.png,Mass,0,1,58,M,PA\na.png,Mass,0,1,58,M,PA\n": "line 3, column Image Index: a.png is in line 2 too; expected one row",
    ",Mass,0,1,58,M,PA\n": "line 2, column Image Index: is empty; expected the name of an image.",
    "z.png,Mass,0,1,58,M,PA\n": "line 2, column Image Index: is 'z.png', and neither it nor any other image of the table lies in",
    "a.png,Mass,0,1,58,M\n": "line 2: has 6 fields where the header has 7.",
}


@pytest.mark.parametrize("row", BAD, ids=range(len(BAD)))
def test_a_bad_row_names_row_column_value_and_rule(tmp_path: Path, row: str) -> None:
    path = folder_of(tmp_path, HEAD + row) / "Data_Entry_2017.csv"
    assert any(BAD[row] in trouble for trouble in audit(path)[0].troubles), audit(path)[0].troubles
    with pytest.raises(BadLayout, match="would train wrongly"):
        rsna.find_cases(tmp_path)


def test_images_that_are_not_unpacked_are_left_out_which_is_said(tmp_path: Path) -> None:
    table, cases = audit(folder_of(tmp_path, HEAD + "a.png,Mass,0,1,58,M,PA\nc.png,Mass,0,2,58,M,PA\n") / "Data_Entry_2017.csv")
    assert [case.image_id for case in cases] == ["a"]
    assert "Data_Entry_2017.csv: 1 of 2 images is not in the folders beside it; these rows are left out." in table.notes
    assert not table.troubles


def test_an_image_of_the_same_name_that_a_prediction_wrote_is_no_other_image(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, PUBLISHED)
    (folder / "out" / "overlays").mkdir(parents=True)
    (folder / "out" / "overlays" / "a.png").touch()
    assert rsna.find_cases(folder)[0].path.parent == folder / "images_001" / "images"
    (folder / "images_002").mkdir()
    (folder / "images_002" / "a.png").touch()
    (trouble,) = audit(folder / "Data_Entry_2017.csv")[0].troubles
    assert "line 2, column Image Index: a.png lies in " in trouble
    assert "expected one file" in trouble


def test_two_tables_in_a_folder_are_a_question(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, PUBLISHED)
    (folder / "Data_Entry_2017_v2020.csv").write_text(PUBLISHED)
    with pytest.raises(BadLayout, match=r"holds 2 tables of NIH ChestX-ray14 .* Name one of them"):
        rsna.find_cases(folder)
    assert len(rsna.find_cases(folder / "Data_Entry_2017_v2020.csv")) == 2
    assert table_in(folder / "images_001") is None
    assert not is_nih(("Image Index", "Label"))


def test_a_first_table_of_it_gives_the_same_labels(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "nih", PUBLISHED)
    write_first_table("classification", rsna.CHALLENGE, folder, tmp_path / "cases.csv", ())
    there, here = rsna.find_cases(folder), rsna.find_cases(tmp_path / "cases.csv")
    assert [(case.image_id, case.person, case.labels, case.view, case.sex, case.age_years) for case in here] == [
        (case.image_id, case.person, case.labels, case.view, case.sex, case.age_years) for case in there
    ]


def test_the_real_sample_is_read_as_the_csv_module_reads_it(shared_data: Path) -> None:
    folder = shared_data / "nih_multilabel_sample"
    cases = rsna.find_cases(folder)
    with open(folder / "Data_Entry_2017.csv", newline="") as opened:
        rows = list(csv.DictReader(opened))
    expected = Counter(name for row in rows for name in row["Finding Labels"].split("|") if name != "No Finding")
    assert Counter(name for case in cases for name, value in case.labels if value) == expected
    assert len(cases) == len(rows) == 240
    assert {case.person for case in cases} == {row["Patient ID"] for row in rows}
    assert Counter(case.view for case in cases) == Counter(row["View Position"] for row in rows)


@pytest.mark.parametrize(
    ("written", "hint"),
    [("Effusoin", " Write Effusion."), ("Pnuemonia", " Write Pneumonia."), ("Tuberculosis", ""), ("Scoliosis", ""), ("Massive", "")],
)
def test_only_a_misspelling_gets_a_proposal(tmp_path: Path, written: str, hint: str) -> None:
    table, _ = audit(folder_of(tmp_path, f"{HEAD}a.png,{written},0,1,58,M,PA\nb.png,No Finding,0,2,58,M,PA\n") / "Data_Entry_2017.csv")
    assert table.troubles[0].endswith(f"{FINDINGS[-1]}, No Finding.{hint}")


def test_the_published_division_is_not_passed_over_in_silence(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, PUBLISHED.replace("411", "41"))
    assert audit(folder / "Data_Entry_2017.csv")[0].notes == []
    (folder / "test_list.txt").write_text("a.png\n")
    (note,) = audit(folder / "Data_Entry_2017.csv")[0].notes
    assert note.startswith("test_list.txt lies beside the table and is not followed")
    (folder / "train_val_list.txt").write_text("b.png\n")
    (note,) = audit(folder / "Data_Entry_2017.csv")[0].notes
    assert note.startswith("train_val_list.txt and test_list.txt lie beside the table and are not followed")


@pytest.mark.parametrize("task", ["detection", "classification"])
@pytest.mark.parametrize("name", ["BBox_List_2017.csv", "bbox_list_2017.CSV", ""])
def test_a_list_of_boxes_is_not_passed_over_in_silence(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, task: str) -> None:
    folder_of(tmp_path, PUBLISHED)
    if name:
        (tmp_path / name).write_text("Image Index,Finding Label,Bbox [x,y,w,h],,,\na.png,Mass,1,1,3,3,,,\n")
    write_first_table(task, rsna.CHALLENGE, tmp_path, None)
    said = " ".join(capsys.readouterr().err.split())
    assert (f"{name} lies beside the table and is not read" in said) is bool(name)
    assert "radlearn classification train" in said
    assert "radlearn detection train" not in said
    assert ("lacks what detection learns from: it is for classification." in said) is (task == "detection")


@pytest.mark.parametrize(("ages", "count"), [(("58", "411"), 1), (("148", "411"), 2), (("58", "120"), 0), (("", "020D"), 0)])
def test_ages_that_nobody_has_are_counted(tmp_path: Path, ages: tuple[str, str], count: int) -> None:
    rows = "".join(f"{name}.png,No Finding,0,{name},{age},M,PA\n" for name, age in zip("ab", ages, strict=True))
    table, cases = audit(folder_of(tmp_path, HEAD + rows) / "Data_Entry_2017.csv")
    assert sum(case.age_years is None and bool(age) for case, age in zip(cases, ages, strict=True)) == count
    said = [note for note in table.notes if "taken for not known" in note]
    assert len(said) == (count > 0)
    assert all(f"{count} age{'s' * (count > 1)} above 120 years" in note for note in said)


def published(folder: Path, persons: list[str], names: list[str]) -> list[str]:
    (folder / "images").mkdir(parents=True)
    for name in names:
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "images" / name)
    rows = "".join(f"{name},No Finding,0,{person},50,M,PA\n" for name, person in zip(names, persons, strict=True))
    (folder / "Data_Entry_2017.csv").write_text(HEAD + rows)
    return audit(folder / "Data_Entry_2017.csv")[0].troubles


NAMES = ["00000001_000.png", "00000001_001.png", "00000002_000.png", "00000003_000.png"]


@pytest.mark.parametrize(("persons", "lines"), [(["1", "2", "2", "3"], [3]), (["2", "3", "1", "1"], [3]), (["P1", "P2", "P2", "P3"], [3])])
def test_a_column_of_persons_that_was_moved_is_refused(tmp_path: Path, persons: list[str], lines: list[int]) -> None:
    (said,) = published(tmp_path, persons, NAMES)
    assert said.startswith(f"Data_Entry_2017.csv, line {lines[0]}, column Patient ID: is {persons[1]!r}, and line 2 has {persons[0]!r}")
    assert "in the published table 1" in said


@pytest.mark.parametrize("persons", [["1", "1", "2", "3"], ["1", "1.0", "2", "3"], ["0", "0", "1", "2"], ["P7", "P7", "P9", "P7"]])
def test_persons_who_were_numbered_anew_are_taken(tmp_path: Path, persons: list[str]) -> None:
    assert not published(tmp_path, persons, NAMES)


def test_other_names_of_images_say_nothing_of_persons(tmp_path: Path) -> None:
    assert not published(tmp_path, ["1", "2", "3"], ["a_000.png", "a_001.png", "0001_001.png"])
