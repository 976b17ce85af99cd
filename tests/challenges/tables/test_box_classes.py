"""Boxes of a table whose class says that they are none are refused, and several classes are named."""

from pathlib import Path

import pytest

from radlearn.challenges.tables.box_classes import class_columns
from radlearn.challenges.tables.xray_table import audit
from tests.challenges.tables.test_own_table import table_of

HEAD = "path,x0,y0,x1,y1"


def audited(folder: Path, column: str, rows: list[str], head: str = HEAD) -> tuple[list[str], list[str], list[bool | None]]:
    table, cases = audit(table_of(folder, "\n".join([f"{head},{column}", *rows]) + "\n"))
    return table.troubles, [note for note in table.notes if "no column person" not in note], [case.label for case in cases]


@pytest.mark.parametrize("columns", ["class_name", "Finding", "finding_categories", "Class Name", "category"])
def test_a_class_is_told_by_the_name_of_its_column(columns: str) -> None:
    assert class_columns(["path", columns, "site", "pacemaker", "class_id"]) == (columns,)


def test_numbers_of_classes_are_taken_where_no_names_stand_beside_them() -> None:
    assert class_columns(["path", "class_id", "site"]) == ("class_id",)


@pytest.mark.parametrize("name", ["No finding", "Normal", "healthy", "no pneumonia", "NO_FINDING", "negative", "none"])
def test_a_box_of_a_class_that_denies_a_finding_is_refused_whatever_its_size(tmp_path: Path, name: str) -> None:
    rows = ["a.dcm,50,50,90,90,pneumonia", f"b.dcm,0,0,1024,1024,{name}", f"c.dcm,20,20,80,90,{name}"]
    (trouble,), _, _ = audited(tmp_path, "class_name", rows)
    assert trouble.startswith(f"cases.csv, line 3, column class_name: is '{name}', which says that there is no finding")
    assert "the row has a box, and so are those of 1 more row. Where there is no finding, leave all four of x0, y0, x1, y1 empty" in trouble


@pytest.mark.parametrize("name", ["No finding", "Normal", "healthy"])
def test_such_a_class_without_a_box_is_sound(tmp_path: Path, name: str) -> None:
    troubles, notes, labels = audited(tmp_path, "class_name", ["a.dcm,50,50,90,90,pneumonia", f"b.dcm,,,,,{name}"])
    assert (troubles, notes, labels) == ([], [], [True, False])


@pytest.mark.parametrize(("column", "word"), [("prior", "no"), ("pacemaker", "none"), ("arm", "control"), ("class_id", "0")])
def test_other_columns_and_numbers_deny_nothing(tmp_path: Path, column: str, word: str) -> None:
    troubles, _, labels = audited(tmp_path, column, [f"a.dcm,50,50,90,90,{word}", f"b.dcm,,,,,{word}"])
    assert troubles == []
    assert labels == [True, False]


@pytest.mark.parametrize("box", ["0,0,1,1", "1,1,2,2", "0.0,0.0,1.0,1.0", "1023,1023,1024,1024"])
def test_a_single_pixel_marks_that_there_is_none(tmp_path: Path, box: str) -> None:
    (trouble,), _, _ = audited(tmp_path, "site", ["a.dcm,50,50,90,90,N", f"b.dcm,{box},N", f"c.dcm,{box},N"])
    ends = ", ".join(f"{float(end):g}" for end in box.split(","))
    assert trouble.startswith(f"cases.csv, line 3, column x0: the box {ends} is a single pixel, as in 1 more row.")
    assert "leave all four of x0, y0, x1, y1 empty" in trouble


def test_several_classes_are_named_with_their_boxes_and_may_be_on_one_xray(tmp_path: Path) -> None:
    rows = ["a.dcm,5,5,90,90,Pneumonia", "a.dcm,9,9,90,90,Cardiomegaly", "b.dcm,5,5,90,90,Pneumonia", "c.dcm,,,,,"]
    troubles, (note,), labels = audited(tmp_path, "class_name", rows)
    assert (troubles, labels) == ([], [True, True, False])
    assert "of 2 classes, Pneumonia (2 boxes on 2 X-rays), Cardiomegaly (1 box on 1 X-ray), and all of them are learnt as one" in note


def test_a_class_without_its_box_is_said_unless_a_label_says_what_is_there(tmp_path: Path) -> None:
    rows = ["a.dcm,5,5,90,90,Pneumonia", "b.dcm,,,,,Pneumonia", "c.dcm,,,,,Normal"]
    _, (note,), _ = audited(tmp_path, "class_name", rows)
    assert "1 row of class Pneumonia in the column class_name has no box" in note
    labelled = [row.replace("m,", "m,1,", 1) if "Pneu" in row else row.replace("m,", "m,0,", 1) for row in rows]
    assert audited(tmp_path, "class_name", labelled, HEAD.replace("path", "path,label")) == ([], [], [True, True, False])


CONTRADICTED = [
    (
        ["1,Normal", "0,Lung Opacity"],
        ["line 2, column category: is 'Normal', and label is 1", "line 3, column category: is 'Lung Opacity', and label is 0"],
    ),
    (["1,Lung Opacity", "0,Lung Opacity"], ["line 3, column category: is 'Lung Opacity', and label is 0; 'Lung Opacity' is label 1"]),
    (["1,No Lung Opacity / Not Normal", "1,Lung Opacity"], ["line 2, column category: is 'No Lung Opacity / Not Normal', and label is 1"]),
    (["1,healthy", "1,healthy"], ["is 'healthy', and label is 1, as in 1 more row; a class that says there is no finding is label 0"]),
    (["1.0,No finding", "0,mass"], ["line 2, column category: is 'No finding', and label is 1.0"]),
]


@pytest.mark.parametrize(("rows", "words"), CONTRADICTED, ids=str)
def test_a_label_that_its_class_contradicts_is_refused(tmp_path: Path, rows: list[str], words: list[str]) -> None:
    text = "\n".join(["path,label,category", *(f"{name}.dcm,{row}" for name, row in zip("ab", rows, strict=True))])
    troubles = audit(table_of(tmp_path, text + "\n"))[0].troubles
    assert len(troubles) == len(words)
    assert all(word in trouble for word, trouble in zip(words, troubles, strict=True))


@pytest.mark.parametrize(
    "rows",
    [
        ["1,viral", "0,bacterial"],
        ["1,No Lung Opacity / Not Normal", "0,Normal"],
        ["1,", "0,"],
        ["0,mass", "1,mass"],
        ["1,0", "0,1"],
        ["1,ICU", "0,ward"],
    ],
    ids=str,
)
def test_a_finer_class_may_be_of_either_label(tmp_path: Path, rows: list[str]) -> None:
    text = "\n".join(["path,label,category", *(f"{name}.dcm,{row}" for name, row in zip("ab", rows, strict=True))])
    assert audit(table_of(tmp_path, text + "\n"))[0].troubles == []
