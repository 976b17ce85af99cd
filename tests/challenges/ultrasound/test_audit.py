"""A folder and a table of images with label maps, looked through for `radlearn check`."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radlearn import use_cases
from radlearn.challenges.ultrasound import CHALLENGE
from radlearn.challenges.ultrasound.audit import audit_folder
from radlearn.challenges.ultrasound.layout import find_cases, layout_folder
from radlearn.check.audit import audit_folder as checked
from radlearn.check.rules import RULES
from radlearn.errors import BadLayout


def speckle(seed: int) -> np.ndarray:
    return (255 * np.random.default_rng(seed).random((60, 80))).astype(np.uint8)


def mask(rows: slice = slice(10, 20)) -> np.ndarray:
    inside = np.zeros((60, 80), np.uint8)
    inside[rows, 30:40] = 255
    return inside


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "train").mkdir()
    for number in range(6):
        Image.fromarray(speckle(number)).save(tmp_path / "train" / f"{1 + number // 3}_{number}.tif")
        Image.fromarray(mask() if number % 2 else mask(slice(0, 0))).save(tmp_path / "train" / f"{1 + number // 3}_{number}_mask.tif")
    return tmp_path


def found_in(folder: Path) -> set[tuple[str, str]]:
    return {(one.rule, one.file) for one in audit_folder(folder).findings if one.rule != "about"}


def test_a_sound_folder_has_nothing_but_what_it_is_about(data: Path) -> None:
    audited = audit_folder(data)
    assert found_in(data) == set()
    assert [one.found for one in audited.findings] == [
        "nerve: on 3 of the 6 images; quartiles of its area 100/100/100 px",
        "6 images of 2 persons",
    ]
    assert "6 images with masks" in audited.recognised
    assert len(audited.looked_at) == 12


def save(data: Path, name: str, pixels: np.ndarray) -> None:
    Image.fromarray(pixels).save(data / "train" / name)


def repeat(data: Path) -> None:
    """Write the image 1_1 once more, with an empty mask."""
    save(data, "1_7.tif", speckle(1))
    save(data, "1_7_mask.tif", mask(slice(0, 0)))


@pytest.mark.parametrize(
    ("spoil", "rule", "file"),
    [
        (lambda data: save(data, "1_1_mask.tif", mask()[:50]), "pair-size", "train/1_1.tif"),
        (lambda data: save(data, "1_1_mask.tif", speckle(9)), "mask-values", "train/1_1.tif"),
        (lambda data: save(data, "1_1.tif", np.full((60, 80), 7, np.uint8)), "pair-unreadable", "train/1_1.tif"),
        (lambda data: (data / "train" / "1_1.tif").write_bytes(b"no picture"), "pair-unreadable", "train/1_1.tif"),
        (lambda data: (data / "train" / "1_1.tif").write_bytes(b""), "file-empty", "train/1_1.tif"),
        (lambda data: (data / "train" / "1_1_mask.tif").unlink(), "pair-missing", "train"),
        (lambda data: save(data, "1_1_mask.tif", 255 - mask()), "mask-inverted", "train/1_1.tif"),
        (
            lambda data: save(data, "1_7.tif", speckle(1)) or save(data, "1_7_mask.tif", mask(slice(0, 0))),
            "masks-contradict",
            "train/1_1.tif",
        ),
        (lambda data: [save(data, f"{1 + n // 3}_{n}_mask.tif", mask(slice(0, 0))) for n in range(6)], "mask-none", ""),
    ],
)
def test_what_is_wrong_is_found_with_its_rule_and_file(data: Path, spoil: object, rule: str, file: str) -> None:
    spoil(data)  # type: ignore[operator]
    assert found_in(data) == {(rule, file)}
    assert rule in RULES


def test_the_same_picture_of_another_person_is_not_compared(data: Path) -> None:
    save(data, "9_1.tif", speckle(1))
    save(data, "9_1_mask.tif", mask(slice(0, 0)))
    assert found_in(data) == set()


def test_a_table_is_looked_through_by_its_classes(data: Path) -> None:
    labels = mask() // 255
    labels[40:50, 10:15] = 2
    save(data, "two.png", labels)
    (data / "t.csv").write_text(
        "path,mask,person,classes\ntrain/1_0.tif,train/two.png,a,nerve|vessel\ntrain/1_1.tif,none.png,b,nerve|vessel\n"
    )
    audited = audit_folder(data / "t.csv")
    assert [one.found for one in audited.findings if one.rule == "about"][:2] == [
        "nerve: on the only image; quartiles of its area 100/100/100 px", "vessel: on the only image; quartiles of its area 50/50/50 px",
    ]  # fmt: skip
    assert [one.rule for one in audited.findings if one.rule != "about"] == ["table"]


def test_check_says_nothing_of_these_images_as_x_rays(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(use_cases, "challenges", lambda: {CHALLENGE.name: CHALLENGE})
    found = checked(data, workers=1)
    assert (found.xrays, found.labelled) == ([], {"ultrasound": 6})
    assert {one.rule for one in found.findings} == {"about"}
    (data / "t.csv").write_text("path,mask,person\ntrain/1_0.tif,train/1_1_mask.tif,a\n")
    assert checked(data / "t.csv", workers=1).xrays == []


@pytest.mark.parametrize("names", ["nerve", "artery"])
def test_a_class_without_a_name_is_an_error_as_it_is_in_training(tmp_path: Path, names: str) -> None:
    rows = ["path,mask,person,classes"]
    for number in range(4):
        Image.fromarray(speckle(number)).save(tmp_path / f"{number}.png")
        Image.fromarray((mask() > 0).astype(np.uint8) * (1 + (number == 2))).save(tmp_path / f"{number}_mask.png")
        rows.append(f"{number}.png,{number}_mask.png,p{number},{names}")
    (tmp_path / "cases.csv").write_text("\n".join(rows))
    found = [one for one in audit_folder(tmp_path / "cases.csv").findings if one.rule == "class-unnamed"]
    assert [(one.file, one.found) for one in found] == [("2.png", f"its mask holds class 2, and 1 class is named ({names})")]
    assert RULES["class-unnamed"].severity == "error"
    assert "column classes of a table, joined by |" in RULES["class-unnamed"].advice
    (tmp_path / "cases.csv").write_text("\n".join(rows).replace(names, f"{names}|vessel"))
    assert "class-unnamed" not in {rule for rule, _ in found_in(tmp_path / "cases.csv")}


def test_masks_that_are_shown_inverted_and_maps_of_two_kinds_are_found(data: Path) -> None:
    Image.fromarray(mask()).convert("RGB").quantize(2).save(data / "train" / "1_1_mask.tif")
    assert found_in(data) == {("mask-shown", "train/1_1.tif")}
    labels = mask() // 255
    labels[40:50, 10:15] = 2
    save(data, "numbers.png", labels)
    save(data, "white.png", mask())
    rows = ("train/1_0.tif,train/numbers.png,a", "train/1_1.tif,train/white.png,b", "train/1_2.tif,train/1_0_mask.tif,c")
    (data / "t.csv").write_text("\n".join(["path,mask,person", *rows]) + "\n")
    assert found_in(data / "t.csv") == {("mask-mixed", "train/1_1.tif")}
    (data / "u.csv").write_text("\n".join(["path,mask,person", *rows[1:]]) + "\n")
    assert found_in(data / "u.csv") == set()


@pytest.mark.parametrize("told_by", ["table", "size"])
def test_the_images_of_the_challenge_without_any_mask_are_no_loose_pictures(told_by: str, tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    for number in range(3):
        Image.fromarray(np.resize(speckle(number), (420, 580) if told_by == "size" else (60, 80))).save(
            tmp_path / "train" / f"1_{number}.tif"
        )
    if told_by == "table":
        assert layout_folder(tmp_path) is None
        (tmp_path / "train_masks.csv").write_text("subject,img,pixels\n")
    assert layout_folder(tmp_path) == tmp_path
    assert found_in(tmp_path) == {("pair-missing", "train")}
    with pytest.raises(BadLayout, match=r"images have no mask"):
        find_cases(tmp_path)
