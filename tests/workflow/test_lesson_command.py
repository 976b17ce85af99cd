"""`radlearn TASK lesson`: JupyterLab is asked for the learner's own copy."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import pytest

from radlearn import cli
from radlearn.errors import BadSetting, PackageMissing
from radlearn.use_cases import USE_CASES
from radlearn.workflow import lesson_command


class Lab:
    """Stands for JupyterLab: notes how it was called, is interrupted once, and ends."""

    calls: ClassVar[list[list[str]]] = []
    exit_code = 0

    def __init__(self, call: list[str]) -> None:
        Lab.calls.append(call)
        self.interrupts = [KeyboardInterrupt]

    def wait(self) -> int:
        if self.interrupts:
            raise self.interrupts.pop()
        return Lab.exit_code


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> type[Lab]:
    Lab.calls, Lab.exit_code = [], 0
    monkeypatch.setattr(lesson_command, "Popen", Lab)
    monkeypatch.setattr(lesson_command, "CAN_BECOME", False)
    monkeypatch.setattr(lesson_command, "find_spec", lambda name: name)
    return Lab


def test_a_lesson_is_opened_once_it_is_written_and_then_as_it_was_left(
    lab: type[Lab], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    notebook = tmp_path / "lessons" / "rsna_pneumonia_detection" / "rsna_pneumonia_detection.ipynb"
    assert cli.main(["detection", "lesson"]) == 0
    assert "It is yours" in capsys.readouterr().err
    notebook.write_text("mine")
    assert cli.main(["detection", "lesson", "--no-browser"]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "is there already and is opened as you left it. For a fresh one: radlearn detection lesson --out lessons-2" in said
    assert notebook.read_text() == "mine"
    for call in lab.calls:
        assert call[:3] == [sys.executable, "-m", "jupyterlab"]
        assert f"--ServerApp.root_dir={tmp_path / 'lessons'}" in call
        assert "--LabApp.default_url=/lab/tree/rsna_pneumonia_detection/rsna_pneumonia_detection.ipynb" in call
    assert ["--no-browser" in call for call in lab.calls] == [False, True]


def test_without_the_extra_one_sentence_gives_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lesson_command, "find_spec", lambda name: None if name in ("jupyterlab", "ipykernel") else find_spec(name))
    assert cli.main(["segmentation", "lesson", "--out", str(tmp_path / "out")]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "radlearn needs jupyterlab and ipykernel. Install what lessons need: " in said
    assert said.endswith(' install "radlearn[lessons]"') or said.endswith(' "radlearn[lessons]"')
    assert not (tmp_path / "out").exists()


def test_where_there_is_no_pip_the_command_is_that_of_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lesson_command, "find_spec", lambda name: None)
    assert lesson_command.install_command("lessons").startswith("uv pip install --python ")


def test_where_it_can_radlearn_becomes_jupyterlab(lab: type[Lab], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Became(Exception):
        pass

    def become(program: str, call: list[str]) -> None:
        raise Became(program, *call[:3])

    monkeypatch.setattr(lesson_command, "CAN_BECOME", True)
    monkeypatch.setattr(lesson_command.os, "execv", become)
    with pytest.raises(Became) as became:
        lesson_command.open_lesson("detection", USE_CASES["detection"].folder, tmp_path, browser=False)
    assert became.value.args == (sys.executable, sys.executable, "-m", "jupyterlab")
    assert lab.calls == []


def test_a_jupyterlab_that_fails_is_no_traceback(lab: type[Lab], tmp_path: Path) -> None:
    lab.exit_code = 3
    with pytest.raises(PackageMissing, match=r"exit code 3.*\.ipynb"):
        lesson_command.open_lesson("detection", USE_CASES["detection"].folder, tmp_path)


def test_a_task_without_a_page_has_no_lesson(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"README\.md: there is no such page"):
        lesson_command.open_lesson("squares", tmp_path, tmp_path)


def test_the_page_is_written_without_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from radlearn import cli; from radlearn.workflow import lesson_command\n"
        "lesson_command.find_spec, lesson_command._jupyterlab = lambda name: name, lambda *all: None\n"
        f"code = cli.main(['classification', 'lesson', '--out', {str(tmp_path)!r}])\n"
        "print(code, [name for name in ('torch', 'monai') if name in sys.modules])"
    )
    done: Any = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0 []"


@pytest.mark.slow
def test_jupyterlab_starts_with_the_lesson(tmp_path: Path) -> None:
    if find_spec("jupyterlab") is None or find_spec("ipykernel") is None:
        pytest.skip('JupyterLab is not installed: pip install "radlearn[lessons]"')
    call = [sys.executable, "-m", "radlearn", "classification", "lesson", "--no-browser", "--out", str(tmp_path)]
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as lab:
        assert lab.stdout is not None
        try:
            opened = next((line for line in lab.stdout if "/lab/tree/" in line), "")
        finally:
            lab.terminate()
    assert "/lab/tree/rsna_pneumonia_classification/rsna_pneumonia_classification.ipynb" in opened
