"""The folder of Ultrasound Nerve Segmentation, read into cases."""

from pathlib import Path

import pytest

from radlearn.challenges.ultrasound.layout import audit, find_cases, find_images, layout_folder, person_image_and_kind
from radlearn.challenges.ultrasound_case import UltrasoundCase
from radlearn.errors import BadLayout

NAMES = ("1_1", "1_10", "1_2", "12_1")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data" / "train").mkdir(parents=True)
    for name in NAMES:
        for part in ("", "_mask"):
            (tmp_path / "data" / "train" / f"{name}{part}.tif").write_bytes(b"II*\0")
    return tmp_path / "data"


def test_cases_are_in_the_order_of_persons_and_images(data: Path) -> None:
    cases = find_cases(data)
    assert [case.image_id for case in cases] == ["1_1", "1_2", "1_10", "12_1"]
    assert [case.person for case in cases] == ["1", "1", "1", "12"]
    assert cases[3] == UltrasoundCase(
        "12_1", data / "train" / "12_1.tif", data / "train" / "12_1_mask.tif", "12", data, class_names=("nerve",)
    )  # fmt: skip
    assert cases[0].truth == (data / "train" / "1_1_mask.tif",)


def test_the_folder_around_it_and_train_itself_are_the_layout_too(data: Path) -> None:
    assert layout_folder(data.parent) == layout_folder(data) == data
    assert layout_folder(data / "train") == data / "train"
    assert [case.image_id for case in find_cases(data / "train")] == [case.image_id for case in find_cases(data.parent)]
    assert {case.folder for case in find_cases(data / "train")} == {data / "train"}


def test_names_say_person_image_and_kind() -> None:
    assert person_image_and_kind("7_12_MASK.TIF") == ("7", "7_12", True)
    assert person_image_and_kind("7_12.txt") is None
    assert person_image_and_kind("a7_12.tif") is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda train: (train / "1_1_mask.tif").unlink(), "1 of the 4 images has no mask, the first being 1_1.tif, for which 1_1_mask.tif"),
        (lambda train: (train / "12_1.tif").unlink(), "1 of the 4 masks has no image, the first being 12_1_mask.tif"),
        (lambda train: (train / "1_1.tif").write_bytes(b""), "train/1_1.tif: is empty"),
        (lambda train: (train / "1_1.png").write_bytes(b"x"), "train/1_1.tif: 1_1.png is the image 1_1 too"),
        (lambda train: (train / "extra.tif").write_bytes(b"x"), "train/extra.tif: is neither an image nor a mask by its name"),
        (lambda train: (train / "5_5.tif").mkdir(), "train/5_5.tif: is a folder"),
        (lambda train: (train / "5_5.tif").symlink_to("nowhere"), "train/5_5.tif: is a link to a file that is not there"),
    ],
)
def test_what_would_train_wrongly_is_refused_by_name(data: Path, change: object, words: str) -> None:
    change(data / "train")  # type: ignore[operator]
    assert any(words in trouble for trouble in audit(data)[1]), audit(data)[1]
    with pytest.raises(BadLayout, match="would go wrong"):
        find_cases(data)


def test_masks_alone_do_where_images_are_not_needed(data: Path) -> None:
    for name in NAMES:
        (data / "train" / f"{name}.tif").unlink()
    cases, troubles = audit(data, needs_images=False)
    assert (len(cases), troubles) == (4, [])


def test_another_folder_is_no_layout_and_it_is_said_what_is_expected(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"x")
    assert layout_folder(tmp_path) is None
    with pytest.raises(BadLayout, match=r"holds 1 .tif file.*Expected train/ with N_M.tif and N_M_mask.tif"):
        find_cases(tmp_path)


def test_two_layouts_in_one_folder_are_not_guessed_between(data: Path) -> None:
    other = data.parent / "other" / "train"
    other.mkdir(parents=True)
    (other / "1_1_mask.tif").write_bytes(b"x")
    with pytest.raises(BadLayout, match="Name one of them"):
        layout_folder(data.parent)


def test_images_for_a_submission_are_those_of_test_by_number(data: Path) -> None:
    (data / "test").mkdir()
    for name in ("10", "9", "1"):
        (data / "test" / f"{name}.tif").write_bytes(b"x")
    images = find_images(data)
    assert [case.image_id for case in images] == ["1", "9", "10"]
    assert {case.mask_path for case in images} == {None}
    assert images[0].truth == ()
    assert [case.image_id for case in find_images(data / "test")] == ["1", "9", "10"]
    assert {case.folder for case in find_images(data / "test")} == {data}


def test_masks_beside_images_are_no_images(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [case.image_id for case in find_images(data / "train")] == ["1_1", "1_2", "1_10", "12_1"]
    assert "4 masks were left out" in capsys.readouterr().err
    assert [case.image_id for case in find_images(data / "train" / "1_1_mask.tif")] == ["1_1_mask"]


def test_no_images_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadLayout, match=r"is empty\. Expected images"):
        find_images(tmp_path)
    with pytest.raises(BadLayout, match="there is no such folder"):
        find_images(tmp_path / "none")
