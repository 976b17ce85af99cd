"""Folders named by their class; how they become labels is in `test_first_table`."""

import csv
from pathlib import Path

import pytest

from radlearn.challenges.first_tables.class_folders import has_usual_names, read_class_folders
from radlearn.challenges.rsna import CHALLENGE
from radlearn.errors import BadSetting
from radlearn.workflow.table_command import write_first_table
from tests.challenges.first_tables.test_table import picture


def test_a_usual_name_for_images_without_a_finding_is_known_in_any_case(tmp_path: Path) -> None:
    assert has_usual_names([tmp_path / "Healthy" / "a.png"])
    assert not has_usual_names([tmp_path / "images" / "a.png"])


def test_one_folder_alone_is_no_class(tmp_path: Path) -> None:
    images = [picture(tmp_path / "images" / f"{number}.png") for number in range(2)]
    assert read_class_folders(tmp_path, images, ()) is None


LAYOUTS: dict[str, tuple[tuple[str, ...], tuple[str, ...], dict[str, int]]] = {
    "folders of files and masks": (
        ("COVID/images/1.png", "COVID/masks/1.png", "Normal/images/2.png", "Normal/masks/2.png"),
        (),
        {"COVID/images/1.png": 1, "Normal/images/2.png": 0},
    ),
    "the same sites below each class": (
        ("normal/site1/1.png", "normal/site2/2.png", "covid/site1/3.png", "covid/site2/4.png"),
        (),
        {"normal/site1/1.png": 0, "normal/site2/2.png": 0, "covid/site1/3.png": 1, "covid/site2/4.png": 1},
    ),
    "a site of one class": (("normal/a/1.png", "covid/b/2.png"), (), {"normal/a/1.png": 0, "covid/b/2.png": 1}),
    "classes below each site": (
        ("a/normal/1.png", "a/covid/2.png", "b/normal/3.png", "b/covid/4.png"),
        (),
        {"a/normal/1.png": 0, "a/covid/2.png": 1, "b/normal/3.png": 0, "b/covid/4.png": 1},
    ),
    "asked for outside": (("viral/a/1.png", "covid/a/2.png"), ("covid",), {"viral/a/1.png": 0, "covid/a/2.png": 1}),
    "asked for inside": (("a/viral/1.png", "a/covid/2.png"), ("covid",), {"a/viral/1.png": 0, "a/covid/2.png": 1}),
    "in subsets": (("train/no/png/1.png", "test/yes/png/2.png"), (), {"train/no/png/1.png": 0, "test/yes/png/2.png": 1}),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_class_may_be_an_outer_folder(tmp_path: Path, layout: str) -> None:
    files, positive, labels = LAYOUTS[layout]
    table = read_class_folders(tmp_path, [picture(tmp_path / name) for name in files], positive)
    assert table is not None
    assert {Path(str(row["path"])).relative_to(tmp_path).as_posix(): row["label"] for row in table.rows} == labels
    assert ("2 pictures in folders of masks are left out." in table.assumed) == any("masks" in name for name in files)


def test_a_class_called_like_masks_is_one_where_no_images_lie_beside_it(tmp_path: Path) -> None:
    table = read_class_folders(tmp_path, [picture(tmp_path / name) for name in ("normal/1.png", "mask/2.png")], ())
    assert table is not None
    assert [row["label"] for row in table.rows] == [1, 0]


def test_where_names_repeat_below_several_folders_these_are_asked_about(tmp_path: Path) -> None:
    images = [picture(tmp_path / name) for name in ("viral/a/1.png", "viral/b/2.png", "covid/a/3.png", "covid/b/4.png")]
    with pytest.raises(BadSetting, match=r"the folders are covid \(2 images\), viral \(2 images\)\. Which of them"):
        read_class_folders(tmp_path, images, ())


@pytest.mark.parametrize(("positive", "column"), [("normal", "folder"), ("no finding", "folder"), ("effusion", "category")])
def test_a_table_of_folders_is_read_again_whichever_of_them_is_wanted(positive: str, column: str, tmp_path: Path) -> None:
    names = ["normal" if positive != "no finding" else "no finding", "effusion", "oedema"]
    for name in names:
        for number in range(2):
            picture(tmp_path / "images" / name / f"{name}-{number}.png", (40, 80 + number))
    write_first_table("classification", CHALLENGE, tmp_path / "images", tmp_path / "cases.csv", [positive])
    cases = CHALLENGE.find_cases(tmp_path / "cases.csv")
    assert {case.path.parent.name for case in cases if case.label} == {positive}
    with open(tmp_path / "cases.csv", newline="") as opened:
        assert {row[column] for row in csv.DictReader(opened)} == set(names)
