"""Columns of one's own in the table of NIH ChestX-ray14: followed, or named where they are not."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radlearn.challenges import rsna
from radlearn.challenges.tables.nih_further import is_own
from radlearn.challenges.tables.xray_table import audit

SUBSETS = ("train", "train", "validation", "test")


def table_of(folder: Path, **further: list[str]) -> Path:
    (folder / "images").mkdir(parents=True)
    lines = ["Image Index,Finding Labels,Patient ID,View Position" + "".join(f",{column}" for column in further)]
    for number in range(4):
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "images" / f"{number}.png")
        cells = [
            f"{number}.png",
            "Mass" if number % 2 else "No Finding",
            str(number),
            "PA",
            *(values[number] for values in further.values()),
        ]
        lines.append(",".join(cells))
    path = folder / "Data_Entry_2017.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_split_in_the_published_table_is_followed(tmp_path: Path) -> None:
    path = table_of(tmp_path, split=list(SUBSETS))
    (tmp_path / "test_list.txt").write_text("3.png\n")
    table, cases = audit(path)
    assert tuple(case.split for case in cases) == SUBSETS
    assert table.troubles == table.notes == []
    assert [case.split for case in rsna.find_cases(tmp_path)] == list(SUBSETS)


@pytest.mark.parametrize(("column", "values"), [("split", ["train", "train", "Test", "validation"]), ("subset", list(SUBSETS))])
def test_a_split_that_is_written_otherwise_is_refused(tmp_path: Path, column: str, values: list[str]) -> None:
    (trouble, *_) = audit(table_of(tmp_path, **{column: values}))[0].troubles
    assert f"column {column}" in trouble


def test_what_describes_the_images_makes_subgroups(tmp_path: Path) -> None:
    table, cases = audit(table_of(tmp_path, site=["A", "B", "A", ""], scanner=["x"] * 4))
    assert [case.groups for case in cases][2:] == [(("site", "A"), ("scanner", "x")), (("scanner", "x"),)]
    assert table.troubles == table.notes == []


@pytest.mark.parametrize(
    ("further", "unread"),
    [
        ({"label": ["1", "0", "1", "0"]}, "label is not read"),
        ({"person": ["a", "a", "b", "c"]}, "person is not read"),
        ({"path": ["images/0.png"] * 4, "view": ["AP"] * 4}, "path, view are not read"),
        ({"x0": ["1"] * 4, "y0": ["1"] * 4, "x1": ["5"] * 4, "y1": ["5"] * 4}, "x0, y0, x1, y1 are not read"),
        ({"person": ["a", "b", "c", "d"], "view": ["PA"] * 4}, ""),
    ],
)
def test_columns_that_say_something_else_are_named(tmp_path: Path, further: dict[str, list[str]], unread: str) -> None:
    table, cases = audit(table_of(tmp_path, **further))
    assert [unread in note for note in table.notes] == ([True] if unread else [])
    assert [case.person for case in cases] == ["0", "1", "2", "3"]
    assert not any(case.groups for case in cases)


def test_with_files_and_a_truth_it_is_ones_own_table(tmp_path: Path) -> None:
    path = table_of(
        tmp_path, path=[f"images/{number}.png" for number in range(4)], person=["a", "b", "c", "d"], label=["0", "1", "0", "1"],
        split=list(SUBSETS),
    )  # fmt: skip
    table, cases = audit(path)
    assert not table.troubles
    assert [(case.person, case.label, case.labels) for case in cases] == [(p, n % 2 == 1, ()) for n, p in enumerate("abcd")]
    assert is_own(table.columns)
