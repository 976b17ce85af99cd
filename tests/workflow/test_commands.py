"""The command line of a task."""

import subprocess
import sys
from pathlib import Path

import pytest

from radlearn.errors import BadSetting
from radlearn.rsna_pneumonia_classification import classify_pneumonia as lesson
from radlearn.workflow import commands


def test_without_a_command_the_commands_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    commands.run_command(lesson.TASK, [])
    listed = capsys.readouterr().err
    assert all(f"  {command}" in listed for command in ("train", "resume", "evaluate", "tune", "predict", "submit"))


def test_a_lesson_ends_with_an_exit_code(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ending:
        commands.main(lesson.TASK, ["evaluate", str(tmp_path)])
    assert ending.value.code == 2


@pytest.mark.parametrize("arguments", [["--preset", "slow"], ["--preset=slow"]])
def test_a_preset_is_known_however_it_is_written(arguments: list[str]) -> None:
    with pytest.raises(BadSetting, match="'slow'"):
        commands.run_command(lesson.TASK, ["train", *arguments])


def test_the_tune_options_are_flags_with_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        commands.run_command(lesson.TASK, ["tune", "--help"])
    listed = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "--wanted-specificity {None}|FLOAT Specificity to reach, in place of a sensitivity." in listed
    assert "--json" in listed


@pytest.mark.slow
def test_the_lesson_file_is_a_program_too() -> None:
    done = subprocess.run([sys.executable, lesson.__file__, "train", "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "--size-px" in done.stdout
