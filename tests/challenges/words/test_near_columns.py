"""A column that is nearly called as one that is read, or holds what it would hold, is named and never passed over."""

from pathlib import Path

import pytest

from radlearn.challenges.tables.ct_table import audit as ct_audit
from radlearn.challenges.tables.xray_table import audit
from radlearn.challenges.words.near_columns import other_persons, subset_word

SUBSETS = ("train", "train", "validation", "test", "train", "train")


def table_of(folder: Path, columns: dict[str, list[str]], persons: str = "person") -> Path:
    """A table of six pictures, two of each person."""
    for number in range(6):
        (folder / f"{number}.png").touch()
    every = {"path": [f"{number}.png" for number in range(6)], persons: [f"p{number // 2}" for number in range(6)], **columns}
    lines = [",".join(every), *(",".join(row) for row in zip(*every.values(), strict=True))]
    (folder / "cases.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "cases.csv"


LABELS = {"label": list("010101")}


@pytest.mark.parametrize(
    "column", ["SPLIT", "Split ", "split_", "ｓｐｌｉｔ", "subset", "set", "Partition", "dataset", "phase", "fold", "role"]
)
def test_a_split_under_another_name_is_named(tmp_path: Path, column: str) -> None:
    table, _ = audit(table_of(tmp_path, {**LABELS, column: list(SUBSETS)}))
    (trouble,) = table.troubles
    assert trouble.startswith(f"cases.csv, line 1, column {column.strip()}: ")
    assert "Is it the split? Then call it" in trouble


def test_words_that_mean_subsets_are_known_and_what_to_write_is_said(tmp_path: Path) -> None:
    words = ["Training", "training set", "val", "testing", "Training", "dev"]
    table, _ = audit(table_of(tmp_path, {**LABELS, "subset": words}))
    assert "train for Training, train for training set, validation for val, test for testing, validation for dev" in table.troubles[0]
    assert [subset_word(word) for word in ("trainset", "TEST_SET", "valid", "site")] == ["train", "test", "validation", ""]


@pytest.mark.parametrize(
    "columns",
    [
        {"fold": list("012340")},
        {"subset": ["train"] * 6},
        {"scanner": ["TR", "TS"] * 3},
        {"phase": ["inspiration", "expiration"] * 3},
        {"site": ["test", "train", "North"] * 2},
        {"View": ["frontal", "lateral"] * 3},
        {"Label_source": ["a", "b"] * 3},
        {"split": ["train", "validation", "test"] * 2, "subset": ["train", "test"] * 3, "person": list("abcdef")},
        {"participant": list("aabbcc")},
        {"patient_id": list("aabbcc"), "study_id": list("abcdef")},
        {"patient_id": ["anonymous"] * 4 + ["x"] * 2},
        {"PatientID": [""] * 6},
    ],
    ids=str,
)
def test_columns_that_mean_something_else_are_groups_as_before(tmp_path: Path, columns: dict[str, list[str]]) -> None:
    table, cases = audit(table_of(tmp_path, {**LABELS, **columns}))
    assert table.troubles == []
    assert len(cases) == 6


NEAR = {
    "Person": list("aabbcc"), "VIEW": ["AP", "PA"] * 3, "Sex": list("FMFMFM"), "Age Years": ["40"] * 6, "age-years": ["40"] * 6,
}  # fmt: skip


@pytest.mark.parametrize("column", NEAR)
def test_every_column_that_is_read_is_asked_for_under_near_names(tmp_path: Path, column: str) -> None:
    persons = "study" if column == "Person" else "person"
    table, _ = audit(table_of(tmp_path, {**LABELS, column: NEAR[column]}, persons))
    assert [trouble.partition(":")[0] for trouble in table.troubles] == [f"cases.csv, line 1, column {column}"]
    assert "Then call it so" in table.troubles[0]


def test_marks_that_nobody_sees_are_no_part_of_a_name(tmp_path: Path) -> None:
    table, cases = audit(table_of(tmp_path, {"\ufefflabel\xa0": list("010101"), "\u200bsplit": list(SUBSETS)}))
    assert table.columns == ("path", "person", "label", "split")
    assert [case.label for case in cases] == [False, True] * 3


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"label_mass": list("010101"), "Label_effusion": list("010101")}, "Is Label_effusion a label? Then call it label_effusion"),
        ({"LABEL mass": list("010101")}, "Is LABEL mass a label? Then call it label_mass"),
        ({"label_mass": list("010101"), "Label": list("010101")}, "column Label: is not read"),
        ({"X0": ["1"] * 6, "Y0": ["1"] * 6, "X1": ["9"] * 6, "Y1": ["9"] * 6}, "Are X0, Y0, X1, Y1 boxes? Then call them x0, y0, x1, y1"),
        ({**LABELS, **{name: ["9"] * 6 for name in ("X Min", "Y Min", "X Max", "Y Max")}}, "Then call them x_min, y_min, x_max, y_max"),
    ],
)
def test_labels_and_boxes_under_near_names_are_named(tmp_path: Path, columns: dict[str, list[str]], said: str) -> None:
    table, _ = audit(table_of(tmp_path, columns))
    assert any(said in trouble for trouble in table.troubles), table.troubles


def test_what_only_x_rays_have_is_a_group_of_cts(tmp_path: Path) -> None:
    for number in range(6):
        (tmp_path / f"m{number}.nii").touch()
    masks = [f"m{number}.nii" for number in range(6)]
    table, _ = ct_audit(table_of(tmp_path, {"mask": masks, "Sex": list("FMFMFM")}))
    assert table.troubles == []
    assert table.images[0].groups == (("Sex", "F"),)
    table, _ = ct_audit(table_of(tmp_path, {"mask": masks, "SPLIT": list(SUBSETS)}))
    assert "column SPLIT" in table.troubles[0]


@pytest.mark.parametrize(
    "column", ["patient_id", "PatientID", "Subject", "MRN", "pat_id", "patient_no", "PatNr", "Patienten-ID", "patient_name", "id_paciente"]
)
def test_two_columns_that_contradict_each_other_about_persons_are_refused(tmp_path: Path, column: str) -> None:
    table, _ = audit(table_of(tmp_path, {**LABELS, column: list("zzzzyy")}))
    (trouble,) = table.troubles
    assert trouble.startswith(
        f"cases.csv, line 1, column {column}: z is one person by this column and 2 by the column person, such as p0 and p1"
    )


def test_numbers_of_several_sites_are_asked_about_and_not_refused(tmp_path: Path) -> None:
    persons = ["A-1", "A-1", "B-1", "B-1", "A-2", "A-2"]
    table, _ = audit(table_of(tmp_path, {**LABELS, "person": persons, "patient_id": list("111122")}, "study"))
    assert table.troubles == []
    assert "column patient_id: 1 is one person by this column and 2 by the column person" in table.notes[-1]


@pytest.mark.parametrize(("column", "values", "asked"), [("fold", "012340", True), ("CV-fold", "111222", True), ("fold", "000000", False),
                                                         ("fold", "abcabc", False), ("site", "012340", False)])  # fmt: skip
def test_a_column_of_folds_is_asked_for_and_stays_a_group(tmp_path: Path, column: str, values: str, asked: bool) -> None:
    table, cases = audit(table_of(tmp_path, {**LABELS, column: list(values)}))
    listed = ", ".join(sorted(set(values)))
    assert [f"column {column} holds {listed} and is not read as a split" in note for note in table.notes] == [True] * asked
    assert table.troubles == []
    assert cases[0].groups == ((column, values[0]),)
    table, _ = audit(table_of(tmp_path, {**LABELS, column: list(values), "split": ["train"] * 2 + ["validation"] * 2 + ["test"] * 2}))
    assert table.notes == []


def test_a_column_that_says_nothing_hides_none_that_contradicts() -> None:
    numbers, scanners = ("1", "2", "3"), ("x", "x", "y")
    rows = [{"patient_id": number, "subject_id": scanner} for number, scanner in zip(numbers, scanners, strict=True)]
    troubles, question = other_persons(["path", "person", "patient_id", "subject_id"], ["a", "b", "c"], rows)
    assert [column for column, _ in troubles] == ["subject_id"]
    assert troubles[0][1].startswith("x is one person by this column and 2 by the column person, such as a and b.")
    assert question == ""
