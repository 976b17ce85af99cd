"""A split that files make by their names is kept where it is a whole one."""

import json
from pathlib import Path

import pytest

from radlearn.challenges import rsna
from radlearn.challenges.first_tables.named_splits import subset_in
from radlearn.challenges.first_tables.table import xray_table
from tests.challenges.first_tables.test_table import picture, written

PARTS = {"train": range(4), "val": range(4, 6), "test": range(6, 8)}
SUBSETS = dict(zip(PARTS, ("train", "validation", "test"), strict=True))


def images(folder: Path) -> Path:
    for number in range(8):
        picture(folder / "images" / f"{number}.png")
    return folder


def in_yolo(folder: Path) -> None:
    (folder / "labels").mkdir()
    for number in range(8):
        (folder / "labels" / f"{number}.txt").write_text("0 .5 .5 .2 .2\n" * (number % 2))


def in_voc(folder: Path) -> None:
    (folder / "Annotations").mkdir()
    thing = "<object><name>opacity</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object>"
    for number in range(8):
        (folder / "Annotations" / f"{number}.xml").write_text(f"<annotation>{thing * (number % 2)}</annotation>")


def in_coco(folder: Path, name: str, numbers: range | list[int]) -> None:
    listed = [{"id": number, "file_name": f"{number}.png"} for number in numbers]
    marks = [{"image_id": number, "category_id": 1, "bbox": [1, 1, 8, 8]} for number in numbers if number % 2]
    content = {"images": listed, "annotations": marks, "categories": [{"id": 1, "name": "opacity"}]}
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(content))


def assert_kept(folder: Path) -> None:
    split_of = {int(case.image_id): (case.split, case.label) for case in rsna.find_cases(written(folder))}
    assert split_of == {number: (SUBSETS[name], number % 2 == 1) for name, numbers in PARTS.items() for number in numbers}


@pytest.mark.parametrize("name", ["instances_{}.json", "{}.json", "annotations/instances_{}2017.json", "{}-annotations.coco.json"])
def test_coco_files_of_subsets(tmp_path: Path, name: str) -> None:
    for part, numbers in PARTS.items():
        in_coco(images(tmp_path), name.format(part), numbers)
    assert_kept(tmp_path)


@pytest.mark.parametrize("line", ["images/{}.png", "./images/{}.png", "/data/set/images/{}.png", "{}.png", "{}"])
def test_lists_of_yolo(tmp_path: Path, line: str) -> None:
    in_yolo(images(tmp_path))
    for part, numbers in PARTS.items():
        (tmp_path / f"{part}.txt").write_text("".join(line.format(number) + "\n" for number in numbers))
    assert_kept(tmp_path)


@pytest.mark.parametrize("name", ["{}.txt", "opacity_{}.txt"])
def test_image_sets_of_pascal_voc(tmp_path: Path, name: str) -> None:
    in_voc(images(tmp_path))
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    flags = (" -1", "  1") if "opacity" in name else ("", "")
    for part, numbers in PARTS.items():
        (lists / name.format(part)).write_text("".join(f"{number}{flags[number % 2]}\n" for number in numbers))
    (lists / "trainval.txt").write_text("".join(f"{number}\n" for number in range(6)))
    assert_kept(tmp_path)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"train": range(6), "val": range(6, 8)}, "because no file is called like test: for a split of your own add a column split."),
        ({**PARTS, "test": range(6, 7)}, "because 1 image is in none of them, such as images/7.png: for a split"),
        ({**PARTS, "test": range(5, 8)}, "because 1 image is in several, such as images/5.png in test.txt and val.txt: for a split"),
    ],
)
def test_what_is_no_whole_split_is_said(tmp_path: Path, parts: dict[str, range], words: str) -> None:
    in_yolo(images(tmp_path))
    for part, numbers in parts.items():
        (tmp_path / f"{part}.txt").write_text("".join(f"images/{number}.png\n" for number in numbers))
    table = xray_table(tmp_path)
    assert "split" not in table.columns
    (said,) = (line for line in table.assumed if "are not used as a split" in line)
    assert said.startswith(f"The files {', '.join(f'{part}.txt' for part in sorted(parts))} are not used as a split, ")
    assert words in said


def test_folders_and_files_that_make_two_splits_make_none(tmp_path: Path) -> None:
    for name, numbers in PARTS.items():
        for number in numbers:
            picture(tmp_path / name / f"{number}.png")
            (tmp_path / name / f"{number}.txt").write_text("0 .5 .5 .2 .2\n")
        (tmp_path / f"{name}.txt").write_text("".join(f"{number}.png\n" for number in numbers))
    assert {row["split"] for row in xray_table(tmp_path).rows} == {"train", "validation", "test"}
    for name, numbers in {"train": [0, 1, 2, 4], "val": [3, 5], "test": [6, 7]}.items():
        (tmp_path / f"{name}.txt").write_text("".join(f"{number}.png\n" for number in numbers))
    table = xray_table(tmp_path)
    assert "split" not in table.columns
    assert any("No split is kept: " in line and "2 images are in another subset by the one" in line for line in table.assumed)


def test_a_text_of_such_a_name_that_lists_nothing_is_no_list(tmp_path: Path) -> None:
    in_yolo(images(tmp_path))
    (tmp_path / "training.txt").write_text("Trained readers drew these boxes.\nTwo of them.\n")
    assert not any("as a split" in line for line in xray_table(tmp_path).assumed)


@pytest.mark.parametrize(
    ("name", "subset"), [("autosplit_val.txt", "validation"), ("TEST.json", "test"), ("latest.json", ""), ("contrast.txt", "")]
)
def test_a_subset_is_a_word_of_the_name(name: str, subset: str) -> None:
    assert subset_in(name) == subset
