"""Which values of an item are files, and what else makes it another item."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from radlearn.errors import BadSetting
from radlearn.monai_parts.item_files import files_of_item, paths_in


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current directory with two files and a folder in it."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.nii", "b.nii"):
        (tmp_path / name).write_text(name)
    (tmp_path / "series").mkdir()
    return tmp_path


def tag(**item: Any) -> str:
    return files_of_item({"image": Path("a.nii"), **item}).tag


def test_files_come_in_the_order_of_their_keys_absolute_and_as_written(here: Path) -> None:
    found = files_of_item({"z": "./b.nii", "a": Path("nowhere.nii"), "m": [here / "a.nii", "b.nii", "./series"], "label": "word"})
    assert found.sources == (here / "nowhere.nii", here / "a.nii", here / "b.nii", here / "series", here / "b.nii")
    assert found.names == ("nowhere.nii", str(here / "a.nii"), "b.nii", "./series", "./b.nii")
    assert found.first == "nowhere.nii"


def test_a_word_is_a_path_only_where_it_names_one(here: Path) -> None:
    names = {"words": "PA/lateral", "folder": "series", "empty": "", "number": 3, "nothing": None, "file": "a.nii"}
    assert files_of_item(names).sources == (here / "a.nii",)


def test_paths_lie_inside_lists_and_dictionaries_too(here: Path) -> None:
    found = files_of_item({"images": {"ct": ["a.nii", (Path("b.nii"),)], "mask": None}})
    assert found.sources == (here / "a.nii", here / "b.nii")


def test_the_paths_of_a_value_are_as_written(here: Path) -> None:
    assert paths_in({"a": ["./a.nii", 3], "b": Path("x")}) == ["./a.nii", "x"]
    assert paths_in("word") == paths_in(None) == paths_in([1, np.zeros(2)]) == []


def test_the_spelling_of_a_path_does_not_make_another_item(here: Path) -> None:
    assert tag(mask=here / "b.nii") == tag(mask="./b.nii") == tag(mask=Path("b.nii"))
    assert tag(mask=Path("b.nii")) == tag(mask=Path("another.nii"))


def test_a_bare_word_that_is_a_file_counts_as_a_word_too() -> None:
    """It may be a label."""
    assert tag(label="a.nii") != tag(label="b.nii")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"label": 1}, {"label": 2}),
        ({"label": 1}, {"label": True}),
        ({"label": 1}, {"label": 1.0}),
        ({"label": 1}, {"view": 1}),
        ({"label": 1}, {}),
        ({"label": np.float32(1)}, {"label": np.float64(1)}),
        ({"label": None}, {}),
        ({"label": "a"}, {"label": ["a"]}),
        ({"label": ("a",)}, {"label": ["a"]}),
        ({"boxes": np.zeros((2, 4))}, {"boxes": np.zeros((4, 2))}),
        ({"boxes": np.zeros((2, 4))}, {"boxes": np.ones((2, 4))}),
        ({"boxes": torch.zeros(2)}, {"boxes": np.zeros(2, np.float32)}),
        ({"mask": None}, {"mask": Path("b.nii")}),
        ({"mask": [Path("b.nii"), "word"]}, {"mask": [Path("b.nii"), "another"]}),
        ({"mask": ["word", Path("b.nii")]}, {"mask": [Path("b.nii"), "word"]}),
        ({"mask": Path("b.nii")}, {"mask": [Path("b.nii")]}),
        ({"x": [Path("a.nii"), Path("b.nii")], "y": []}, {"x": [Path("a.nii")], "y": [Path("b.nii")]}),
        ({"x": {"a": 1}}, {"x": {"b": 1}}),
    ],
)
def test_another_value_is_another_item(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert tag(**one) != tag(**other)
    assert tag(**one) == tag(**one)


def test_neither_its_name_nor_the_order_of_its_keys_makes_another() -> None:
    assert tag(id="ann", label=1) == tag(label=1) == files_of_item({"label": 1, "image": Path("a.nii")}).tag
    assert files_of_item({"id": Path("b.nii"), "image": Path("a.nii")}).names == ("a.nii",)


@pytest.mark.parametrize("item", [{}, {"label": 1}, {"id": "a.nii"}, {"image": "nowhere.nii"}])
def test_an_item_without_a_file_is_refused(item: dict[str, Any]) -> None:
    with pytest.raises(BadSetting, match=r"an item names no file: .*use monai\.data\.Dataset without any"):
        files_of_item(item)


def test_what_is_no_item_is_refused() -> None:
    with pytest.raises(BadSetting, match=r"an item is 'a\.nii'; expected a dictionary, such as \{'image': PATH\}"):
        files_of_item("a.nii")  # type: ignore[arg-type]


def test_a_value_that_cannot_be_compared_is_refused_with_its_key() -> None:
    with pytest.raises(BadSetting, match=r"^info: a set cannot be kept"):
        files_of_item({"image": Path("a.nii"), "info": {1, 2}})
