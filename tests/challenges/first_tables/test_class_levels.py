"""Which level of folders names the class: that of a usual name for images without a finding, whatever lies in it."""

from pathlib import Path

import pytest

from radlearn.challenges.first_tables.class_folders import read_class_folders
from radlearn.challenges.first_tables.class_levels import class_names, has_usual_name, inner_names
from radlearn.errors import BadSetting

LAYOUTS: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "a folder in one class": ({"normal/1.png": "normal", "normal/new/2.png": "normal", "covid/3.png": "covid"}, ("new",)),
    "the same folder in both": (
        {"normal/1.png": "normal", "normal/follow-up/2.png": "normal", "covid/3.png": "covid", "covid/follow-up/4.png": "covid"},
        ("follow-up",),
    ),
    "kinds of one class": ({"normal/1.png": "normal", "covid/mild/2.png": "covid", "covid/severe/3.png": "covid"}, ("mild", "severe")),
    "people below classes": (
        {"Healthy/p1/1.png": "Healthy", "Healthy/p2/a/2.png": "Healthy", "TB/p3/3.png": "TB"},
        ("a", "p1", "p2", "p3"),
    ),
    "classes below people": ({"p1/normal/1.png": "normal", "p2/covid/2.png": "covid", "p3/viral/2024/3.png": "viral"}, ("2024",)),
    "in subsets, of which one lacks a class": (
        {"train/normal/1.png": "normal", "train/covid/2.png": "covid", "val/covid/png/old/3.png": "covid"},
        ("old",),
    ),
    "visits called 0 and 1": (
        {"normal/0/1.png": "normal", "normal/1/2.png": "normal", "covid/0/3.png": "covid", "covid/1/4.png": "covid"},
        ("0", "1"),
    ),
    "classes called 0 and 1": ({"0/1.png": "0", "0/more/2.png": "0", "1/3.png": "1"}, ("more",)),
    "a usual name in a usual name": ({"normal/control/1.png": "normal", "covid/2.png": "covid"}, ("control",)),
    "at several depths": (
        {"a/normal/1.png": "normal", "b/c/normal/2.png": "normal", "d/covid/3.png": "covid", "a/covid/4.png": "covid"},
        (),
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_folders_beside_a_usual_name_are_the_classes_and_folders_in_them_are_none(layout: str) -> None:
    expected, inside = LAYOUTS[layout]
    root = Path("data")
    found = class_names(root, [root / name for name in expected], ())
    assert {path.relative_to(root).as_posix(): name for path, name in found.items()} == expected
    assert inner_names(root, found) == list(inside)


@pytest.mark.parametrize(
    "files",
    [
        ("normal/1.png", "covid/2.png", "covid/control/3.png"),
        ("control/normal/1.png", "control/covid/2.png", "case/normal/3.png", "case/covid/4.png"),
        ("normal/1.png", "site a/normal/2.png", "site a/covid/3.png"),
    ],
)
def test_where_two_levels_give_another_label_it_is_asked_and_the_answer_is_taken(files: tuple[str, ...]) -> None:
    root = Path("data")
    with pytest.raises(BadSetting, match=r"both .* and .* could be the class\. Which folders .* Say so with --positive NAME"):
        class_names(root, [root / name for name in files], ())
    table = read_class_folders(root, [root / name for name in files], ("covid",))
    assert table is not None
    assert [(row["label"], "covid" in str(row["path"])) for row in table.rows] == [
        (int("covid" in name), "covid" in name) for name in sorted(files)
    ]


def test_a_class_that_is_asked_for_may_lie_in_another(tmp_path: Path) -> None:
    names = ("normal/1.png", "pneumonia/bacteria/2.png", "pneumonia/virus/3.png", "pneumonia/virus/old/4.png")
    table = read_class_folders(tmp_path, [tmp_path / name for name in names], ("virus",))
    assert table is not None
    assert [row["label"] for row in table.rows] == [0, 0, 1, 1]


def test_what_lies_in_no_class_is_left_out_and_what_lies_in_classes_is_said(tmp_path: Path) -> None:
    names = ("a/normal/1.png", "a/normal/new/2.png", "a/covid/3.png", "unsorted/4.png")
    table = read_class_folders(tmp_path, [tmp_path / name for name in names], ())
    assert table is not None
    assert [row["label"] for row in table.rows] == [1, 0, 0]
    assert "1 image outside of the classes' folders is left out." in table.assumed
    assert "Folders within those (new) are taken for no classes of their own, but for dates, sites or people." in table.assumed


def test_a_usual_name_is_known_in_any_case() -> None:
    assert has_usual_name("No Finding")
    assert not has_usual_name("follow-up")


def test_the_question_names_all_images_and_the_folder_of_most_of_them() -> None:
    names = ("normal/1.png", "covid/2.png", "covid/control/old/3.png", "covid/control/4.png", "covid/control/5.png")
    with pytest.raises(BadSetting, match=r"data: of the 3 images in covid/control and the like both covid and control could be the class"):
        class_names(Path("data"), [Path("data") / name for name in names], ())
