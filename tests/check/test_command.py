"""The command: a table for people, one JSON object for scripts, and an exit code."""

import json
from pathlib import Path

import pytest

from radlearn import cli
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
