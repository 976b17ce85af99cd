"""A copy of a lesson is a program of its own: its runs keep its code, and what is said to type next calls it."""

import importlib.util
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from radlearn import hints
from radlearn.json_files import read_json
from radlearn.rsna_pneumonia_classification import classify_pneumonia as lesson
from radlearn.training.run_folder import new_run, open_run
from radlearn.workflow.commands import main
from radlearn.workflow.lesson_file import about_copy, differs, is_copy, lesson_file
from radlearn.workflow.repeats import open_repeats
from radlearn.workflow.task import AnyTask, Commands
from radlearn.workflow.task_api import TaskApi

AT_ONCE = """
def at_once(settings, data_folder, run):
    from radlearn.json_files import write_json

    write_json(run.folder / "postprocessing.json", {"task": run.task, "postprocessing": {}})
    return run


TASK = Task("""


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AnyTask:
    """The task of a changed copy of the first lesson, `my lesson/mine.py`, whose training ends at once."""
    file = tmp_path / "my lesson" / "mine.py"
    file.parent.mkdir()
    text = Path(str(lesson.__file__)).read_text()
    file.write_text(text.replace("\nTASK = Task(", AT_ONCE).replace("Commands(train,", "Commands(at_once,"))
    spec = importlib.util.spec_from_file_location("mine", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "mine", module)
    spec.loader.exec_module(module)
    # What this process calls a task is forgotten after the test.
    monkeypatch.setattr(hints, "_copies", {})
    monkeypatch.chdir(tmp_path)
    return module.TASK


def trained(task: AnyTask, data: Path, *flags: str) -> None:
    with pytest.raises(SystemExit) as ending:
        main(task, ["train", "--data", str(data), "--device", "cpu", *flags])
    assert ending.value.code == 0


def test_the_registered_lesson_is_no_copy(copied: AnyTask) -> None:
    assert lesson_file(lesson.TASK) == Path(str(lesson.__file__))
    assert not is_copy(lesson.TASK)
    assert about_copy(lesson.TASK) == {}
    assert is_copy(copied)
    assert about_copy(copied) == {"lesson": "mine.py"}


def test_a_task_of_no_file_is_no_copy() -> None:
    made: Any = Commands(partial(int), int, int, int, int)  # type: ignore[arg-type]
    assert lesson_file(replace(lesson.TASK, commands=made)) is None
    assert not is_copy(replace(lesson.TASK, commands=made))
    # A task that is not registered can be called by its file alone.
    assert is_copy(replace(lesson.TASK, name="another"))


def test_a_run_keeps_the_file_that_made_it_and_hints_call_the_copy(
    copied: AnyTask, small_rsna: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(copied, small_rsna, "--run", "run")
    said = " ".join(capsys.readouterr().err.split())
    assert said.endswith("Next: python 'my lesson/mine.py' evaluate run")
    run = open_run(Path("run"))
    assert run.lesson.read_text() == Path("my lesson/mine.py").read_text()
    assert run.resume_command == "python 'my lesson/mine.py' resume run"
    with pytest.raises(SystemExit):
        main(copied, ["evaluate", "--help"])
    assert "usage: python 'my lesson/mine.py' evaluate" in " ".join(capsys.readouterr().out.split())


def test_elsewhere_the_run_of_a_copy_is_called_by_the_code_that_it_keeps(
    copied: AnyTask, small_rsna: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(copied, small_rsna, "--run", "run")
    trained(copied, small_rsna, "--run", "three", "--repeats", "3")
    # Another process, which is not the copy.
    monkeypatch.setattr(hints, "_copies", {})
    run = open_run(Path("run"))
    assert run.resume_command == "python run/lesson.py resume run"
    assert open_repeats(Path("three")).evaluate_command == "python three/seed-0/lesson.py evaluate three"
    assert differs(lesson.TASK, run)
    assert not differs(copied, run)
    capsys.readouterr()
    TaskApi(lesson.TASK)._opened_run(run)
    said = " ".join(capsys.readouterr().err.split())
    assert "trained by mine.py; here radlearn's own lesson is used. The run keeps its code, a program that may do anything." in said
    assert "If you know who wrote it: python run/lesson.py evaluate run" in said


def test_a_run_of_the_registered_lesson_keeps_its_file_and_is_called_by_its_task(small_rsna: Path, tmp_path: Path) -> None:
    task = lesson.TASK
    at_once: Any = replace(task, commands=replace(task.commands, train=lambda settings, data, run: run))
    run = TaskApi(at_once).train_with(task.presets["quick"], small_rsna, tmp_path / "of-a-lambda")
    # Its function is of this file, so it counts as a copy of the lesson.
    assert run.lesson.read_text() == Path(__file__).read_text()
    made = new_run(tmp_path / "run", task.name, task.presets["quick"], about_copy(task), lesson_file(task))
    assert made.lesson.read_text() == Path(str(lesson.__file__)).read_text()
    assert not made.made_by_copy
    assert made.resume_command == f"radlearn classification resume {tmp_path / 'run'}"
    assert "lesson" not in read_json(made.folder / "settings.json")
