"""What lies in a folder, in words."""

from pathlib import Path

import pytest

from radlearn.challenges.rsna_folder import describe_folder, missing_layout

EXPECTED = ("images", "labels.csv")


def with_files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((), "is empty"),
        ((".hidden",), "is empty"),
        (("a.zip",), "holds 1 .zip file (a.zip)"),
        (("b.dcm", "a.dcm", "x.csv"), "holds 2 .dcm files and 1 .csv file (x.csv)"),
        (("README", "xrays/a.dcm", "xrays/b.DCM"), "holds 1 suffixless file (README) and the folder X-rays (2 .dcm files)"),
        (("xrays/deep/a.dcm",), "holds the folder X-rays (no files in it)"),
    ],
)
def test_a_folder_is_described_by_kind(tmp_path: Path, names: tuple[str, ...], words: str) -> None:
    assert describe_folder(with_files(tmp_path, *names)) == words


def test_what_is_no_folder_is_described_too(tmp_path: Path) -> None:
    assert describe_folder(tmp_path / "none") == "there is no such folder"
    assert describe_folder(with_files(tmp_path, "a.zip") / "a.zip") == "is a .zip file, not a folder"


def test_many_folders_are_counted_not_listed(tmp_path: Path) -> None:
    words = describe_folder(with_files(tmp_path, *(f"study{number:02d}/a.dcm" for number in range(30))))
    assert "study04" in words
    assert "study05" not in words
    assert words.endswith("and 25 more folders")


@pytest.mark.parametrize(
    ("names", "advice"),
    [
        ((), "Put the challenge's files there"),
        (("rsna.zip",), "Unpack rsna.zip in that folder first"),
        (("labels.csv",), "The table is there; the X-rays it speaks of are not. Put them into images/"),
        (("images/a.dcm",), "The X-rays are there, but not labels.csv"),
        (("a.dcm",), "The X-rays are there, but not labels.csv"),
        (("holiday.jpg",), "Put the challenge's files there"),
    ],
)
def test_the_advice_fits_what_is_there(tmp_path: Path, names: tuple[str, ...], advice: str) -> None:
    words = str(missing_layout(with_files(tmp_path, *names), EXPECTED))
    assert words.startswith(f"{tmp_path}: {describe_folder(tmp_path)}. Expected labels.csv and images/")
    assert advice in words
