"""Files that cannot be read are listed, and all of them being unreadable is an error."""

from pathlib import Path

import pytest

from radlearn.errors import UnreadableScan
from radlearn.workflow.unreadable_files import UnreadableFiles


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


def test_without_a_folder_no_file_is_written_and_none_readable_is_an_error(tmp_path: Path) -> None:
    unreadable = UnreadableFiles(None, "files")
    unreadable.add(Path("a.dcm"), UnreadableScan("is empty."))
    with pytest.raises(UnreadableScan, match="None of the 1 files could be read"):
        unreadable.report(readable=0)
