"""`radlearn thorax`: what is asked for and no more, nothing written over, and on after a kill."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from radlearn import built_in_patients, hints
from radlearn.built_in_patients import BEGUN, LOCK, write_patients
from radlearn.errors import BadLayout, BadSetting
from radlearn.json_files import read_json, write_json


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What was asked of the writers, which write no patients here."""
    asked: list[tuple[str, int]] = []

    def write(folder: Path, count: int, *_: Any, **__: Any) -> None:
        asked.append((folder.name, count))
        folder.mkdir(parents=True)
        (folder / "truth.csv").touch()

    monkeypatch.setattr("radlearn.digital_thorax.cohort.write_rsna", write)
    monkeypatch.setattr("radlearn.digital_thorax.ct_cohort.write_covid19", write)
    monkeypatch.setattr("radlearn.digital_thorax.findings_table.write_findings_table", lambda folder: folder / "findings.csv")
    monkeypatch.setattr(built_in_patients, "_draw", lambda *_: None)
    return asked


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ({}, [("rsna", 800), ("covid19", 120)]),
        ({"xrays": 60}, [("rsna", 60)]),
        ({"cts": 3}, [("covid19", 3)]),
        ({"xrays": 60, "cts": 3}, [("rsna", 60), ("covid19", 3)]),
        ({"xrays": 0, "cts": 3}, [("covid19", 3)]),
    ],
)
def test_who_names_one_number_gets_that_alone(
    named: dict[str, int], expected: list[tuple[str, int]], written: list[tuple[str, int]], tmp_path: Path
) -> None:
    write_patients(tmp_path / "out", **named)
    assert written == expected
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(name for name, _ in expected)


@pytest.mark.parametrize("named", [{"xrays": 0}, {"cts": 0}, {"xrays": 0, "cts": 0}, {"xrays": -1, "cts": 3}, {"cts": -2}])
def test_numbers_that_write_nothing_are_refused(named: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="expected numbers from 0 on, and not both 0"):
        write_patients(tmp_path / "out", **named)
    assert list(tmp_path.iterdir()) == []


def test_a_command_that_was_killed_goes_on_with_what_is_missing(
    written: list[tuple[str, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("radlearn.digital_thorax.ct_cohort.write_covid19", killed)
        with pytest.raises(KeyboardInterrupt):
            write_patients(tmp_path, xrays=2, cts=1)
    # What a kill leaves, which nobody could clear away.
    (tmp_path / ".covid19-unfinished-ab12cd34" / "Train").mkdir(parents=True)
    with pytest.raises(BadLayout, match=r"thorax\.unfinished\.json: other patients were begun there"):
        write_patients(tmp_path, xrays=2, cts=1, seed=5)
    write_patients(tmp_path, xrays=2, cts=1)
    assert written == [("rsna", 2), ("covid19", 1)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["covid19", "rsna"]
    # Once all is there, the same command would write over it.
    with pytest.raises(BadLayout, match="rsna"):
        write_patients(tmp_path, xrays=2, cts=1)


def test_a_start_that_fails_leaves_no_folder_and_other_files_are_left_alone(
    written: list[tuple[str, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise BadLayout("no room")

    monkeypatch.setattr("radlearn.digital_thorax.cohort.write_rsna", full)
    with pytest.raises(BadLayout, match="no room"):
        write_patients(tmp_path / "new" / "out", xrays=2)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "mine" / "covid19").mkdir(parents=True)
    (tmp_path / "mine" / "covid19" / "precious.txt").touch()
    with pytest.raises(BadLayout, match="covid19: is not empty"):
        write_patients(tmp_path / "mine", xrays=2, cts=1)
    # Even where an unfinished command would go on.
    write_json(tmp_path / "mine" / BEGUN, {"xrays": 2, "cts": 1, "ct_size": "small", "seed": 0, "twins": False})
    with pytest.raises(BadLayout, match="covid19: is not empty"):
        write_patients(tmp_path / "mine", xrays=2, cts=1)
    assert (tmp_path / "mine" / "covid19" / "precious.txt").exists()
    assert not (tmp_path / "mine" / LOCK).exists()


@pytest.mark.slow
def test_a_real_kill_leaves_what_the_same_command_clears_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = "import sys; from radlearn.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "thorax", "--out", str(tmp_path / "out"), "--xrays", "3", "--workers", "1"]
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    ends = time.monotonic() + 120
    while not list((tmp_path / "out").glob(".rsna-unfinished-*/*/*.dcm")):
        assert running.poll() is None
        assert time.monotonic() < ends
        time.sleep(0.02)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    assert read_json(tmp_path / "out" / BEGUN)["xrays"] == 3
    write_patients(tmp_path / "out", xrays=3, workers=1)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["contact_sheet.png", "patients.png", "rsna"]
    assert len(list((tmp_path / "out" / "rsna").glob("*/*.dcm"))) == 3
    assert "training needs about 48" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(("enough", "is_named"), [(1, True), (2, False)])
def test_it_ends_with_a_picture_and_with_a_command_that_trains_on_what_it_wrote_where_that_is_enough(
    enough: int, is_named: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("radlearn.built_in_patients.ENOUGH_XRAYS", enough)
    (tmp_path / "patients.png").touch()
    write_patients(tmp_path, xrays=1, cts=0, workers=1)
    command = hints.command("classification", "train", "--data", tmp_path / "rsna")
    said = capsys.readouterr().err.replace("\n", "")
    assert (command in said) == is_named
    several = tmp_path / "rsna" / "findings.csv"
    assert (hints.command("classification", "train", "--data", several) in said) == is_named
    assert several.read_text().startswith("path,person,label_consolidation,")
    assert (tmp_path / "contact_sheet.png").stat().st_size > 1000


def test_what_workers_of_a_killed_process_write_meanwhile_is_removed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(folder: Path, *_: Any, **__: Any) -> None:
        (folder.parent / ".rsna-unfinished-ab12cd34" / "stage_2_train_images").mkdir(parents=True)
        folder.mkdir()

    monkeypatch.setattr("radlearn.digital_thorax.cohort.write_rsna", write)
    monkeypatch.setattr("radlearn.digital_thorax.findings_table.write_findings_table", lambda folder: folder / "findings.csv")
    monkeypatch.setattr("radlearn.built_in_patients._draw", lambda *_: None)
    write_patients(tmp_path, xrays=2)
    assert [path.name for path in tmp_path.iterdir()] == ["rsna"]


def test_what_is_made_anew_after_a_kill_is_said(written: list[tuple[str, int]], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wishes = {"xrays": 3, "cts": 0, "ct_size": "small", "seed": 0, "twins": True}
    write_json(tmp_path / BEGUN, wishes)
    for name in ("a", "b"):
        (tmp_path / ".rsna-unfinished-ab12cd34" / "stage_2_train_images").mkdir(parents=True, exist_ok=True)
        (tmp_path / ".rsna-unfinished-ab12cd34" / "stage_2_train_images" / f"{name}.dcm").touch()
    # The command to give again can be pasted.
    with pytest.raises(
        BadLayout, match=r"Give that command again \(.*thorax --xrays 3 --cts 0 --ct-size small --seed 0 --twins --out .*\)"
    ):
        write_patients(tmp_path, xrays=4, twins=True)
    write_patients(tmp_path, xrays=3, twins=True)
    assert "2 X-rays were written before this command was stopped; all X-rays are made anew" in " ".join(capsys.readouterr().err.split())
    assert written == [("rsna", 3)]


@pytest.mark.parametrize("content", ["", "{", "[]", "3"])
def test_a_damaged_note_of_what_was_begun_says_what_to_do(content: str, written: list[tuple[str, int]], tmp_path: Path) -> None:
    (tmp_path / BEGUN).write_text(content)
    with pytest.raises(BadLayout, match=r"thorax\.unfinished\.json.* Remove this file, or choose another folder"):
        write_patients(tmp_path, xrays=3)
    assert written == []
