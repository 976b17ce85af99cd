"""What a message tells the reader to type can be pasted."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from radlearn import hints
from radlearn.file_names import readable


def test_words_are_quoted_for_a_shell() -> None:
    line = hints.command("classification", "evaluate", Path("my runs") / "it's")
    assert shlex.split(line)[-3:] == ["classification", "evaluate", "my runs/it's"]


def test_outside_the_environment_the_program_is_named_by_a_path_that_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    line = hints.command("--version")
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("radlearn ")


def test_inside_the_environment_its_name_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    assert hints.program() == "radlearn"


def test_another_radlearn_on_the_path_is_not_taken_for_this_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "radlearn"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert hints.program() != "radlearn"


def test_a_program_inside_the_current_folder_is_named_from_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.chdir(Path(sys.executable).parent.parent.parent)
    assert not hints.program().startswith("/")


def test_where_a_copy_of_a_lesson_runs_its_task_is_called_by_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(hints, "_copies", {})
    monkeypatch.chdir(tmp_path)
    hints.name_copy("classification", tmp_path / "my file.py")
    assert hints.has_copy("classification")
    assert hints.command("classification", "evaluate", "my run") == "python './my file.py' evaluate 'my run'"
    assert hints.command("compare", "a", "b") == "radlearn compare a b"
    assert hints.file_command(tmp_path / "run" / "lesson.py", "resume", "run") == "python run/lesson.py resume run"


def test_python_is_named_by_a_path_where_the_shell_finds_another(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Not inside the folder of the environment, where a relative path is shorter.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Path(hints.python()).is_absolute()
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    assert hints.python() == "python"


@pytest.mark.parametrize("word", [b"my run", b"it's", b"M\xfcller", b"a\nb", b"-run", b"$HOME", b"R\xc3\xb6 \xff'\\"])
def test_a_folder_of_any_name_is_what_bash_makes_of_the_line(word: bytes) -> None:
    line = hints.command("classification", "evaluate", Path(os.fsdecode(word)))
    shown = readable(line).encode()
    assert b"\n" not in shown
    words = subprocess.run(["bash", "-c", b"printf '%s\\0' " + shown], capture_output=True, check=True).stdout.split(b"\0")
    assert words[-2].removeprefix(b"./") == word
    assert not words[-2].startswith(b"-")


def test_a_program_in_the_current_folder_itself_is_not_looked_for_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.chdir(Path(sys.executable).parent)
    done = subprocess.run(["/bin/sh", "-c", hints.command("--version")], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("radlearn ")
