"""What a prediction left out of a folder is said, and what it read, wrote or refused is not."""

from pathlib import Path

import pytest

from radlearn.challenges.left_out import say_left_out
from radlearn.challenges.ultrasound.layout import find_images


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "images"
    (place / "deeper").mkdir(parents=True)
    for name in ("a.dcm", "film.PNG", "packed.dcm.gz", "deeper/b.nrrd", "deeper/scan", "README.md", "labels.csv", ".hidden.png"):
        (place / name).write_bytes(b"something")
    return place


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().err.split())


def test_each_kind_is_counted_and_what_lies_beside_images_everywhere_is_not(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    say_left_out([folder], [folder / "a.dcm"], None, "X-rays")
    told = said(capsys)
    assert f"{folder}: 4 files were left out" in told
    assert all(kind in told for kind in ("1 .png", "1 .dcm.gz", "1 .nrrd", "1 without an ending"))
    assert "A picture is predicted for where it is named itself" in told
    assert f"check {folder}" in told


def test_what_stands_before_the_last_dot_is_no_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("scan.1.nrrd", "scan.2.nrrd", "packed.v1.mha.gz"):
        (tmp_path / name).touch()
    say_left_out([tmp_path], [], None, "X-rays")
    assert "(2 .nrrd, 1 .mha.gz)" in said(capsys)


def test_nothing_is_said_where_all_was_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    say_left_out([folder], [path for path in folder.rglob("*") if path.is_file()], None, "X-rays")
    assert said(capsys) == ""


def test_slices_of_a_series_answers_and_masks_are_not_missed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "case_seg.nii.gz").write_bytes(b"mask")
    (folder / "out/overlays").mkdir(parents=True)
    (folder / "out/overlays/a.png").write_bytes(b"picture")
    say_left_out([folder], [folder / "a.dcm", folder / "film.PNG", folder / "packed.dcm.gz", folder / "deeper"], folder / "out", "CTs")
    assert said(capsys) == ""


def test_a_link_to_what_was_read_is_what_was_read(folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links/again.dcm").symlink_to(folder / "a.dcm")
    say_left_out([tmp_path / "links", folder / "a.dcm"], [folder / "a.dcm"], None, "X-rays")
    assert said(capsys) == ""


@pytest.mark.parametrize("what", ["X-rays", "CTs", "images"])
def test_links_in_a_circle_end_nothing(folder: Path, capsys: pytest.CaptureFixture[str], what: str) -> None:
    for one, other in (("one.nrrd2", "two.nrrd2"), ("two.nrrd2", "one.nrrd2"), ("self.dcm", "self.dcm")):
        (folder / one).symlink_to(folder / other)
    say_left_out([folder, folder / "one.nrrd2"], [folder / "self.dcm"], folder / "out", what)
    assert "2 .nrrd2" in said(capsys)


def test_pictures_of_earlier_predictions_are_said_and_those_of_this_one_are_not(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for out in ("now", "before"):
        (folder / out / "overlays").mkdir(parents=True)
        (folder / out / "predictions.csv").touch()
        (folder / out / "overlays" / "a.png").touch()
    say_left_out([folder], [path for path in folder.rglob("*") if path.is_file()], folder / "now", "X-rays")
    assert said(capsys) == f"{folder}: 1 file in overlays is left out: pictures of earlier predictions, and no images."


def test_masks_of_images_are_named_by_whoever_lists_the_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.png", "a_mask.png", "packed.zip"):
        (tmp_path / name).write_bytes(b"something")
    assert [case.path.name for case in find_images(tmp_path)] == ["a.png"]
    assert said(capsys) == f"{tmp_path}: 1 mask was left out, by name and place."
    say_left_out([tmp_path], [tmp_path / "a.png"], None, "images")
    assert f"{tmp_path}: 1 file was left out (1 .zip)" in said(capsys)


def test_pictures_beside_dicom_are_not_called_unreadable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("state.dcm", "a.png", "b.jfif"):
        (tmp_path / name).write_bytes(b"something")
    say_left_out([tmp_path], [tmp_path / "state.dcm"], None, "X-rays")
    told = said(capsys)
    assert "2 files were left out" in told
    assert "because beside DICOM files pictures are taken for something else" in told
    assert "no X-rays that radlearn reads" not in told
