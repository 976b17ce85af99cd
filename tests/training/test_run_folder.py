"""A run folder is created once, opened by its settings.json, and may be moved."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from radlearn.errors import BadRunFolder
from radlearn.json_files import write_json
from radlearn.training.run_folder import new_run, open_run, refuse_changed_settings, settings_as


@dataclass(frozen=True)
class Settings:
    epochs: int = 3
    spacing_mm: tuple[float, ...] = (0.7, 0.7, 5.0)
    patch: tuple[int, int] | None = (96, 96)
    nothing: tuple[int, ...] | None = None
    stages: tuple[tuple[int, str], ...] = ((1, "a"), (2, "b"))
    weights: Path | None = None
    schedule: Literal["cosine", "constant"] = "cosine"
    name: str = "Zoë [x]"


def test_settings_come_back_as_they_were_tuples_and_paths_included(tmp_path: Path) -> None:
    settings = Settings(weights=Path("w") / "model.safetensors")
    run = new_run(tmp_path / "run", "classification", settings, {"preset": "quick", "data": Path("/data/rsna")})
    opened = open_run(run.folder, "classification")
    assert settings_as(opened, Settings) == settings
    assert opened == run
    assert opened.about["preset"] == "quick"
    assert opened.about["data"] == "/data/rsna"


def test_a_new_run_goes_to_runs_task_date_time_and_the_next_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = (new_run(None, "segmentation", Settings()) for _ in range(2))
    assert first.folder.parent == second.folder.parent == Path("runs/segmentation")
    assert first.folder != second.folder
    assert re.match(r"\d{4}-\d\d-\d\d-\d{6}", first.folder.name)


def test_an_existing_run_is_not_overwritten_and_the_command_to_continue_is_given(tmp_path: Path) -> None:
    folder = tmp_path / "my run"
    new_run(folder, "classification", Settings())
    with pytest.raises(BadRunFolder, match=r"already holds a run of .*To continue: radlearn classification resume '.*my run'$"):
        new_run(folder, "classification", Settings())


def test_a_folder_with_other_things_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(BadRunFolder, match="is not empty and holds no run"):
        new_run(tmp_path, "classification", Settings())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(BadRunFolder, match="is not empty and holds no run"):
        new_run(tmp_path / "thesis.txt", "classification", Settings())


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    assert new_run(tmp_path, "classification", Settings()).folder == tmp_path


def test_other_folders_are_not_opened(tmp_path: Path) -> None:
    with pytest.raises(BadRunFolder, match="there is no such run folder"):
        open_run(tmp_path / "absent")
    run = new_run(tmp_path / "runs" / "one", "classification", Settings())
    with pytest.raises(BadRunFolder, match=r"is not a run folder: it has no settings\.json\. It contains runs, the newest is .*one"):
        open_run(tmp_path)
    with pytest.raises(BadRunFolder, match="is a run of classification, not of detection"):
        open_run(run.folder, "detection")
    (run.folder / "settings.json").write_text("{ half")
    with pytest.raises(BadRunFolder, match="is not JSON"):
        open_run(run.folder)
    write_json(run.folder / "settings.json", {"learning_rate": 1})
    with pytest.raises(BadRunFolder, match="has no 'task' and 'settings'"):
        open_run(run.folder)
    write_json(run.folder / "settings.json", {"task": "classification", "settings": {}})
    with pytest.raises(BadRunFolder, match=r"was written by radlearn 0\.1.*\(radlearn classification train …\)"):
        open_run(run.folder)


def test_settings_of_another_version_are_named(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Older:
        epochs: int = 3
        momentum: float = 0.9

    run = new_run(tmp_path / "run", "classification", Older())
    with pytest.raises(BadRunFolder, match=r"unknown: momentum; missing: name, nothing.*The run was made by radlearn \d"):
        settings_as(run, Settings)


def test_a_moved_run_keeps_working_and_holds_no_path_of_its_own(tmp_path: Path) -> None:
    run = new_run(tmp_path / "here", "classification", Settings())
    run.history_file.write_text('{"epoch": 1, "loss": 0.5}\n{"epoch": 2, "loss": 0.25}\n')
    moved = open_run(shutil.move(run.folder, tmp_path / "there"))
    assert [line["loss"] for line in moved.history] == [0.5, 0.25]
    assert moved.resume_command == f"radlearn classification resume {tmp_path / 'there'}"
    assert all(str(tmp_path) not in path.read_text() for path in moved.folder.rglob("*.json"))


def test_a_history_is_empty_before_the_first_epoch_and_refused_when_damaged(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run", "classification", Settings())
    assert run.history == []
    run.history_file.write_text('{"epoch": 1}\n{"epo')
    with pytest.raises(BadRunFolder, match=r"history\.jsonl: is not one JSON object per line"):
        _ = run.history


def test_a_run_of_a_newer_radlearn_is_not_called_old(tmp_path: Path) -> None:
    folder = new_run(tmp_path / "run", "classification", Settings()).folder
    settings = json.loads((folder / "settings.json").read_text())
    write_json(folder / "settings.json", {**settings, "format": settings["format"] + 1})
    with pytest.raises(BadRunFolder, match=r"was written by a newer radlearn \(format 3; .* reads 2\)\. Update radlearn"):
        open_run(folder)


def test_settings_that_were_changed_after_training_are_refused_except_those_of_the_machine(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run", "classification", Settings())
    weights = {"settings": {**run.settings}}
    refuse_changed_settings(run, weights, run.best_weights)
    refuse_changed_settings(run, {}, run.best_weights)
    weights["settings"] |= {"device": "cuda", "workers": 8, "precision": "16-mixed", "tensorboard": True}
    refuse_changed_settings(run, weights, run.best_weights)
    for name, then in (("epochs", 4), ("spacing_mm", [1.0, 1.0, 5.0]), ("name", None), ("another", 1)):
        with pytest.raises(
            BadRunFolder, match=rf"settings\.json: was changed after training: {name} is .*trained with {re.escape(repr(then))}"
        ):
            refuse_changed_settings(run, {"settings": {**weights["settings"], name: then}}, run.best_weights)
