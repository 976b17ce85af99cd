"""Files that cannot be read are listed, and all of them being unreadable is an error."""

import os
from pathlib import Path

import pytest

from radlearn.errors import BadSetting, UnreadableScan
from radlearn.workflow.unreadable_files import UnreadableFiles, is_of_the_file


def test_each_file_is_listed_once_with_its_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unreadable = UnreadableFiles(tmp_path, "X-rays")
    unreadable.add(Path("a.dcm"), UnreadableScan("a.dcm: is empty."))
    unreadable.add(Path("b.dcm"), UnreadableScan("no decoder."))
    unreadable.report(readable=1)
    assert (tmp_path / "unreadable.txt").read_text() == "a.dcm: is empty.\nb.dcm: no decoder.\n"
    assert "2 X-rays could not be read" in capsys.readouterr().err


def test_many_files_are_all_in_the_file_and_ten_on_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unreadable = UnreadableFiles(tmp_path, "scans")
    for number in range(12):
        unreadable.add(Path(f"{number}.nii"), UnreadableScan("is empty."))
    unreadable.report(readable=1)
    assert capsys.readouterr().err.count(": is empty.") == 10
    assert len((tmp_path / "unreadable.txt").read_text().splitlines()) == 12


def test_nothing_is_said_where_all_files_could_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    UnreadableFiles(tmp_path, "scans").report(readable=3)
    assert capsys.readouterr().err == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError("Unable to allocate 32.0 GiB"), r"needs more memory than there is (Unable to allocate 32.0 GiB)."),
        (PermissionError(13, "Permission denied"), "cannot be opened (Permission denied)."),
        (KeyError("PixelData"), "cannot be read (KeyError: 'PixelData')."),
        (UnreadableScan("no plugin:\nTraceback (most recent call last):\n  File 'x.py'\nIndexError: 3"), "no plugin: IndexError: 3"),
    ],
)
def test_each_trouble_is_one_line_with_its_file_and_without_a_traceback(error: Exception, words: str, tmp_path: Path) -> None:
    assert is_of_the_file(error)
    unreadable = UnreadableFiles(tmp_path, "files")
    unreadable.add(Path(os.fsdecode(b"bad\xff.dcm")), error)
    unreadable.report(readable=1)
    assert (tmp_path / "unreadable.txt").read_text(encoding="utf-8") == f"bad\\xff.dcm: {words}\n"


def test_what_would_go_wrong_with_every_file_ends_the_pass() -> None:
    assert not is_of_the_file(BadSetting("size_px is 0"))
    assert not is_of_the_file(RuntimeError("CUDA error: an illegal memory access was encountered"))
    assert not is_of_the_file(KeyboardInterrupt())


def test_a_list_of_files_that_were_mended_since_does_not_stay(tmp_path: Path) -> None:
    (tmp_path / "unreadable.txt").write_text("a.dcm: is empty.\n")
    UnreadableFiles(tmp_path, "files").report(readable=2)
    assert not (tmp_path / "unreadable.txt").exists()


def test_without_a_folder_no_file_is_written_and_none_readable_is_an_error(tmp_path: Path) -> None:
    unreadable = UnreadableFiles(None, "files")
    unreadable.add(Path("a.dcm"), UnreadableScan("is empty."))
    with pytest.raises(UnreadableScan, match="The only file could not be read"):
        unreadable.report(readable=0)
