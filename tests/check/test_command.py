"""The command: a table for people, one JSON object for scripts, and an exit code."""

import json
from pathlib import Path

import pytest

from radlearn import cli
from radlearn.check import audit, page
from radlearn.check.command import check
from radlearn.errors import BadLayout


def test_clean_xrays_leave_with_zero_and_json_is_alone(built_in_xrays: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", str(built_in_xrays), "--json", "--workers", "1"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["found"]["error"] == said["found"]["warning"] == 0
    assert said["files"] == 48


def test_an_error_leaves_with_one_and_is_told_with_its_file(spoilt: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = min((spoilt / "stage_2_train_images").glob("*.dcm"))
    broken.write_bytes(b"")
    assert cli.main(["check", str(spoilt), "--workers", "1"]) == 1
    told = capsys.readouterr()
    assert broken.name in told.out.replace("\n", "").replace(" ", "")
    assert "What to do" in told.out
    assert "something must be mended" in told.err


def test_a_folder_that_is_not_there_leaves_with_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", str(tmp_path / "none")]) == 2
    assert "there is no such folder" in capsys.readouterr().err
    with pytest.raises(BadLayout, match="there is no such folder"):
        check(tmp_path / "none")


def test_a_page_that_cannot_be_written_is_found_before_the_folder_is_read(
    built_in_xrays: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit, "audit_folder", lambda *_: pytest.fail("the folder was read"))
    (tmp_path / "cases.csv").write_text("path,label\n")
    image = min((built_in_xrays / "stage_2_train_images").glob("*.dcm"))
    for out, said in (
        (Path("/proc/page.html"), "/proc: No file can be made there"), (tmp_path, "is a folder"), (Path("/dev/null"), "a device"),
        (tmp_path / "cases.csv", "cases.csv: is there already, and is no page"), (image, f"{image.name}: is there already, and is no page"),
    ):  # fmt: skip
        assert cli.main(["check", str(built_in_xrays), "--out", str(out)]) == 2
        assert said in capsys.readouterr().err
    assert (tmp_path / "cases.csv").read_text() == "path,label\n"


def test_what_was_found_is_told_though_the_page_cannot_be_written_at_last(
    built_in_xrays: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(path: Path, *_: object) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(page, "write_page", full)
    assert cli.main(["check", str(built_in_xrays), "--workers", "1", "--out", str(tmp_path / "page.html")]) == 2
    told = capsys.readouterr()
    assert "0 errors" in told.out
    assert f"{tmp_path / 'page.html'}: No space left on device" in told.err
