"""A folder of repeats: created at once, recognised by what is in it, and continued where it stopped."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from radlearn.errors import BadRunFolder, BadSetting, Interrupted
from radlearn.files import write_text
from radlearn.training.run_folder import Run, open_run, settings_as
from radlearn.training.settings import TrainingSettings
from radlearn.workflow.repeats import (
    Repeats,
    checked_count,
    completed,
    holds_repeats,
    new_repeats,
    open_repeats,
    refuse_repeats,
    repeats_of,
    stopped_together,
)

ABOUT = {"data": "/data/rsna", "synthetic": False}


def made(folder: Path, **changes: Any) -> Repeats:
    return new_repeats(folder, "classification", TrainingSettings(seed=5, epochs=3, **changes), 3, ABOUT)


@pytest.mark.parametrize("count", [0, -1, 101, 2.0, "3", True, None])
def test_a_number_of_repeats_that_is_none_is_refused(count: Any) -> None:
    with pytest.raises(BadSetting, match=r"^repeats is .*; it must be a whole number from 1 to 100, the number of runs to train\.$"):
        checked_count(count)


def test_one_and_a_hundred_are_numbers_of_repeats() -> None:
    assert (checked_count(1), checked_count(100)) == (1, 100)


def test_the_runs_differ_by_their_seed_alone_and_share_the_split_of_the_first(tmp_path: Path) -> None:
    repeats = made(tmp_path / "repeats")
    assert repeats.seeds == (5, 6, 7)
    settings = [settings_as(open_run(run.folder, "classification"), TrainingSettings) for run in repeats.runs]
    assert [one.seed for one in settings] == [5, 6, 7]
    assert [one.seed_of_split for one in settings] == [5, 5, 5]
    assert len({replace(one, seed=0) for one in settings}) == 1
    assert {open_run(run.folder).about["data"] for run in repeats.runs} == {"/data/rsna"}
    other = made(tmp_path / "others", split_seed=2)
    assert {settings_as(open_run(run.folder), TrainingSettings).seed_of_split for run in other.runs} == {2}


def test_a_folder_is_recognised_by_what_is_in_it_even_if_it_was_moved(tmp_path: Path) -> None:
    repeats = made(tmp_path / "repeats")
    moved = tmp_path / "any name"
    shutil.move(repeats.folder, moved)
    assert holds_repeats(moved)
    assert not holds_repeats(moved / "seed-5")
    assert not holds_repeats(tmp_path)
    opened = open_repeats(moved, "classification")
    assert (opened.seeds, opened.task) == (repeats.seeds, "classification")
    assert opened.resume_command == f"radlearn classification resume '{moved}'"
    assert opened.evaluate_command == f"radlearn classification evaluate '{moved}'"


def test_without_a_name_it_is_among_the_runs_of_its_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert new_repeats(None, "classification", TrainingSettings(), 2, ABOUT).folder.parent == Path("runs/classification")


def test_a_used_folder_is_refused_and_left_alone(tmp_path: Path) -> None:
    made(tmp_path / "repeats")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BadRunFolder, match=r"already holds 3 repeats of classification.*To continue: radlearn classification resume"):
        made(tmp_path / "repeats")
    with pytest.raises(BadRunFolder, match=r"already holds 3 repeats"):
        refuse_repeats(tmp_path / "repeats")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.txt").write_text("years of work")
    with pytest.raises(BadRunFolder, match=r"thesis is not empty\. Choose another folder"):
        made(tmp_path / "thesis")
    assert sorted(path for path in tmp_path.rglob("*") if "thesis" not in path.name) == before


def test_repeats_of_another_task_are_refused(tmp_path: Path) -> None:
    made(tmp_path / "repeats")
    with pytest.raises(BadRunFolder, match="holds repeats of classification, not of detection"):
        open_repeats(tmp_path / "repeats", "detection")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"task": "classification"}', '{"format": 1, "task": "classification", "seeds": []}',
                '{"format": 2, "task": "classification", "seeds": [1]}', '{"format": 1, "task": "classification", "seeds": ["1"]}'],
)  # fmt: skip
def test_a_damaged_plan_is_refused(tmp_path: Path, content: str) -> None:
    repeats = made(tmp_path / "repeats")
    (repeats.folder / "repeats.json").write_text(content)
    with pytest.raises(BadRunFolder, match=r"repeats\.json"):
        open_repeats(repeats.folder)
    # Its runs are runs all the same.
    assert repeats_of(repeats.runs[0]) is None
    assert open_run(repeats.runs[0].folder).task == "classification"


def test_a_run_knows_the_repeats_that_it_is_one_of(tmp_path: Path) -> None:
    repeats = made(tmp_path / "repeats")
    found = repeats_of(repeats.runs[1])
    assert found is not None
    assert found.seeds == repeats.seeds
    shutil.copytree(repeats.runs[1].folder, repeats.folder / "my copy")
    assert repeats_of(Run(repeats.folder / "my copy", "classification")) is None
    shutil.copytree(repeats.runs[1].folder, tmp_path / "alone")
    assert repeats_of(Run(tmp_path / "alone", "classification")) is None


def test_a_run_that_was_removed_is_begun_again_with_its_own_seed(tmp_path: Path) -> None:
    repeats = made(tmp_path / "repeats")
    before = json.loads((repeats.runs[1].folder / "settings.json").read_text())
    shutil.rmtree(repeats.runs[1].folder)
    assert [(run.folder.name, settings.seed, settings.seed_of_split) for run, settings in completed(repeats, TrainingSettings)] == [
        ("seed-5", 5, 5),
        ("seed-6", 6, 5),
        ("seed-7", 7, 5),
    ]
    assert json.loads((repeats.runs[1].folder / "settings.json").read_text()) == before
    for run in repeats.runs:
        shutil.rmtree(run.folder)
    with pytest.raises(BadRunFolder, match="none of its 3 runs is left"):
        list(completed(repeats, TrainingSettings))


def test_an_interruption_names_the_command_that_continues_all(tmp_path: Path) -> None:
    repeats = made(tmp_path / "my repeats")
    run = repeats.runs[1]
    with pytest.raises(Interrupted) as raised, stopped_together(repeats, run):
        raise Interrupted(f"Stopped by Ctrl-C, saved after step 3 of 9. To continue: {run.resume_command}")
    assert str(raised.value) == f"Stopped by Ctrl-C, saved after step 3 of 9. To continue: {repeats.resume_command}"
    with pytest.raises(KeyboardInterrupt), stopped_together(repeats, run):
        raise KeyboardInterrupt
    write_text(repeats.runs[0].last_checkpoint, "")
    with pytest.raises(Interrupted, match=r"To continue: radlearn classification resume '.*my repeats'$"), stopped_together(repeats, run):
        raise KeyboardInterrupt


@pytest.mark.parametrize("as_link", [False, True])
def test_a_run_in_the_place_of_another_is_not_counted_twice(tmp_path: Path, as_link: bool) -> None:
    repeats = made(tmp_path / "repeats")
    first, second = (run.folder for run in repeats.runs[:2])
    shutil.rmtree(second)
    if as_link:
        second.symlink_to(first)
    else:
        shutil.copytree(first, second)
    with pytest.raises(BadRunFolder, match=rf"{second.name}: was trained with seed {repeats.seeds[0]}, not {repeats.seeds[1]}"):
        open_repeats(tmp_path / "repeats")
