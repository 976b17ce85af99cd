"""One class under two spellings: neither is taken for the finding without the other."""

import json
from pathlib import Path

import pytest

from radlearn.challenges.first_tables.table import xray_table
from radlearn.challenges.words.class_spellings import refuse_other_spellings, written_alike
from radlearn.errors import BadSetting
from tests.challenges.first_tables.test_table import picture


@pytest.mark.parametrize(("one", "other"), [("a b", "A_B"), ("Pneumonia", " pneumonia "), ("covid-19", "COVID 19"), ("ｔｂ", "TB")])
def test_spellings_that_differ_in_nothing_that_is_heard(one: str, other: str) -> None:
    assert written_alike(one) == written_alike(other)
    with pytest.raises(BadSetting, match="only in how it is written"):
        refuse_other_spellings([one], {one: one, other: other}, "folders")
    refuse_other_spellings([one, other], {one: one, other: other}, "folders")


@pytest.mark.parametrize(("one", "other"), [("HER2+", "HER2-"), ("1_2", "12"), ("covid", "covid-19"), ("nodule", "nodules")])
def test_other_classes_may_be_named_alone(one: str, other: str) -> None:
    refuse_other_spellings([one], {one: one, other: other}, "folders")
    assert written_alike(one) != written_alike(other)


def in_yolo(folder: Path) -> None:
    (folder / "classes.txt").write_text("Pneumonia\npneumonia\ncardiomegaly\n")
    for number in range(6):
        (folder / f"{number}.txt").write_text(f"{number % 3} .5 .5 .2 .2\n")


def in_voc(folder: Path) -> None:
    for number in range(6):
        name = ("Pneumonia", "PNEUMONIA", "cardiomegaly")[number % 3]
        box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>"
        (folder / f"{number}.xml").write_text(f"<annotation><object><name>{name}</name>{box}</object></annotation>")


def in_coco(folder: Path) -> None:
    images = [{"id": number, "file_name": f"{number}.png"} for number in range(6)]
    marks = [{"image_id": number, "category_id": number % 3, "bbox": [1, 1, 8, 8]} for number in range(6)]
    categories = [{"id": number, "name": name} for number, name in enumerate(("Pneumonia", "pneumonia", "cardiomegaly"))]
    (folder / "a.json").write_text(json.dumps({"images": images, "annotations": marks, "categories": categories}))


@pytest.mark.parametrize("write", [in_yolo, in_voc, in_coco])
def test_boxes_of_one_spelling_are_not_taken_alone_and_what_is_left_out_is_named(tmp_path: Path, write) -> None:  # type: ignore[no-untyped-def]
    for number in range(6):
        picture(tmp_path / f"{number}.png")
    write(tmp_path)
    with pytest.raises(BadSetting, match=r"\(2 boxes on 2 images\) differs from Pneumonia \(2 boxes on 2 images\) only in how"):
        xray_table(tmp_path, ["Pneumonia"])
    table = xray_table(tmp_path, ["cardiomegaly"])
    assert [bool(row["x0"]) for row in table.rows] == [False, False, True] * 2
    (said,) = (line for line in table.assumed if line.startswith("Boxes of other classes are left out: "))
    assert "Pneumonia (2 boxes on 2 images)" in said
    assert "cardiomegaly" not in said


def test_folders_of_one_spelling_are_not_taken_alone(tmp_path: Path) -> None:
    for name in (
        "train/PNEUMONIA/a.png",
        "val/PNEUMONIA/b.png",
        "test/pneumonia/c.png",
        *(f"{s}/NORMAL/{s}.png" for s in ("train", "test")),
    ):
        picture(tmp_path / name)
    with pytest.raises(BadSetting, match=r"of the folders, PNEUMONIA \(2 images\) differs from pneumonia \(1 image\) only in how"):
        xray_table(tmp_path, ["pneumonia"])
    assert sum(int(str(row["label"])) for row in xray_table(tmp_path, ["pneumonia", "PNEUMONIA"]).rows) == 3
    assert sum(int(str(row["label"])) for row in xray_table(tmp_path).rows) == 3
