"""What lies in a folder: by kind, and in words."""

from pathlib import Path

import pytest

from radlearn.challenges.folders import describe_folder, files_in, volume_files, within


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
        (("README", "xrays/a.dcm", "xrays/b.DCM"), "holds 1 suffixless file (README) and the folder xrays (2 .dcm files)"),
        (("xrays/deep/a.dcm",), "holds the folder xrays (with the folder deep)"),
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


def test_files_are_listed_without_hidden_ones_and_volumes_at_any_depth(tmp_path: Path) -> None:
    with_files(tmp_path, "b.nii", "a.csv", ".c.nii", "deep/er/d.nii.gz", ".hidden/e.nii")
    assert [path.name for path in files_in(tmp_path)] == ["a.csv", "b.nii"]
    assert [within(path, tmp_path) for path in volume_files(tmp_path)] == ["b.nii", "deep/er/d.nii.gz"]
