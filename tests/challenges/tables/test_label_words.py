"""Folders and columns that name classes, against the label."""

from pathlib import Path

import pytest

from radlearn.challenges.table_audit import audit_xray_table
from radlearn.challenges.tables.label_words import _class_folder, is_the_label
from radlearn.challenges.tables.xray_table import audit


def table_in(folder: Path, names: dict[str, str], label_of: dict[str, int], column: str = "") -> Path:
    """Write four X-rays of each class, in its folder or with its name in a column."""
    lines = [f"path,person,label{',' * bool(column)}{column}"]
    for name, place in names.items():
        (folder / place).mkdir(parents=True, exist_ok=True)
        for number in range(4):
            (folder / place / f"{name}{number}.png").touch()
            lines.append(f"{place}/{name}{number}.png,{name}{number},{label_of[name]}{f',{name}' if column else ''}")
    path = folder / "cases.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    ("places", "label_of", "found"),
    [
        ({"COVID": "d/COVID", "normal": "d/normal"}, {"COVID": 0, "normal": 1}, "all 4 X-rays in folders called normal have label 1, and"),
        ({"PNEUMONIA": "PNEUMONIA", "NORMAL": "NORMAL/png"}, {"PNEUMONIA": 0, "NORMAL": 1}, "in folders called NORMAL have label 1"),
        ({"a": "effusion", "b": "healthy", "c": "mass"}, {"a": 0, "b": 1, "c": 1}, "4 of 4 X-rays in folders called healthy have label 1;"),
        ({"COVID": "d/COVID", "normal": "d/normal"}, {"COVID": 1, "normal": 0}, ""),
        ({"a": "normal", "b": "normal"}, {"a": 0, "b": 1}, ""),
        ({"a": "site1", "b": "site2"}, {"a": 0, "b": 1}, ""),
    ],
)  # fmt: skip
def test_labels_that_folders_contradict_are_named(tmp_path: Path, places: dict[str, str], label_of: dict[str, int], found: str) -> None:
    path = table_in(tmp_path, places, label_of)
    assert [found in note for note in audit(path)[0].notes] == ([True] if found else [])
    assert [one.rule for one in audit_xray_table(path).findings] == (["label-words"] if found else [])


@pytest.mark.parametrize("column", ["diagnosis", "Disease", "condition"])
@pytest.mark.parametrize("is_reversed", [True, False])
def test_so_are_those_that_a_diagnosis_contradicts(tmp_path: Path, column: str, is_reversed: bool) -> None:
    path = table_in(tmp_path, {"COVID": "x", "normal": "x"}, {"COVID": int(not is_reversed), "normal": int(is_reversed)}, column)
    notes = audit(path)[0].notes
    assert [f"all 4 X-rays whose {column} is normal have label 1" in note for note in notes] == [True] * is_reversed


@pytest.mark.parametrize(
    ("column", "values", "is_it"),
    [
        ("class", ["pneumonia", "normal"], True),
        ("finding", ["x", "y"], True),
        ("severity", ["mild", ""], True),
        ("type", ["bacterial", "none"], True),
        ("remark", ["opacity", "no opacity"], True),
        ("scanner", ["A", "B"], False),
        ("scanner", ["A", ""], False),
        ("exam", ["1", "0"], False),
        ("type", ["portable", "fixed"], False),
    ],
)
def test_a_column_is_the_label_by_its_words(column: str, values: list[str], is_it: bool) -> None:
    assert is_the_label(column, values * 3, [True, False] * 3) is is_it
    assert not is_the_label(column, values * 3, [True, False, True, False, False, True])


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("t/sick/a.png", "sick"),
        ("t/sick/p1/a.png", "p1"),
        ("t/normal/p1/a.png", "normal"),
        ("t/normal/no finding/a.png", "no finding"),
        ("t/a.png", "t"),
    ],
)
def test_of_the_folders_of_an_image_one_called_normal_counts_else_its_own(image: str, name: str) -> None:
    assert _class_folder(Path(image), Path("t")) == name
