"""The notebooks for Colab and Kaggle: their first cell is tried in made folders, as these machines have them."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from radlearn.use_cases import USE_CASES
from tools import notebooks
from tools.lesson_pages import MEDICINE_PAGES

ON_KAGGLE = {"KAGGLE_KERNEL_RUN_TYPE": "Interactive"}
ON_COLAB = {"COLAB_RELEASE_TAG": "release-colab"}
Cell = Callable[..., dict[str, Any]]


@pytest.fixture
def cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cell:
    """Runs the first cell on a made machine, whose root is `tmp_path`; returns what it leaves behind."""
    for name in ("KAGGLE_KERNEL_RUN_TYPE", "KAGGLE_URL_BASE", "COLAB_RELEASE_TAG", "COLAB_BACKEND_VERSION", "RADLEARN_DATA"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def run(task: str = "classification", machine: dict[str, str] | None = None) -> dict[str, Any]:
        for name, value in (machine or {}).items():
            monkeypatch.setenv(name, value)
        space: dict[str, Any] = {}
        code = notebooks.setup(task, "radlearn==9").replace('root: Path = Path("/")', f"root: Path = Path({str(tmp_path)!r})")
        exec(compile(code, "first cell", "exec"), space)
        return space

    return run


def rsna(folder: Path) -> Path:
    (folder / "stage_2_train_images").mkdir(parents=True)
    (folder / "stage_2_train_labels.csv").write_text("patientId,x,y,width,height,Target\n")
    return folder


def covid19(folder: Path) -> Path:
    (folder / "Train").mkdir(parents=True)
    (folder / "Train" / "volume-covid19-A-0001_seg.nii.gz").write_bytes(b"")
    return folder


@pytest.mark.parametrize("name", ["rsna-pneumonia-detection-challenge", "competitions/rsna-pneumonia-detection-challenge"])
def test_on_kaggle_the_competition_is_found_where_it_is_mounted(name: str, tmp_path: Path, cell: Cell) -> None:
    rsna(tmp_path / "kaggle" / "input" / name)
    (tmp_path / "kaggle" / "input" / "another" / "deep").mkdir(parents=True)
    assert cell("detection", ON_KAGGLE)["challenge_data"] == tmp_path / "kaggle" / "input" / name


def test_on_kaggle_cts_are_found_in_a_dataset(tmp_path: Path, cell: Cell) -> None:
    folder = covid19(tmp_path / "kaggle" / "input" / "datasets" / "someone" / "covid" / "COVID-19-20_v2")
    assert cell("segmentation", ON_KAGGLE)["challenge_data"] == folder
    # X-rays are not among them.
    assert cell("classification", ON_KAGGLE)["challenge_data"] is None


def test_on_colab_the_data_are_found_in_drive_and_in_content(tmp_path: Path, cell: Cell) -> None:
    there = rsna(tmp_path / "content" / "rsna")
    assert cell(machine=ON_COLAB)["challenge_data"] == there
    in_drive = rsna(tmp_path / "content" / "drive" / "MyDrive" / "data" / "rsna")
    assert cell(machine=ON_COLAB)["challenge_data"] == in_drive


def test_a_folder_that_was_chosen_comes_first(tmp_path: Path, cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    rsna(tmp_path / "kaggle" / "input" / "rsna")
    chosen = rsna(tmp_path / "mine" / "rsna")
    monkeypatch.setenv("RADLEARN_DATA", str(tmp_path / "mine"))
    assert cell(machine=ON_KAGGLE)["challenge_data"] == chosen


def test_on_another_machine_only_what_lies_beside_the_notebook_is_used(tmp_path: Path, cell: Cell) -> None:
    rsna(tmp_path / "kaggle" / "input" / "rsna")
    assert cell()["challenge_data"] is None
    assert cell()["WHERE"] == "own"
    beside = rsna(tmp_path / "work" / "data" / "rsna")
    assert cell()["challenge_data"] == beside


def test_without_data_it_says_what_is_used_and_how_to_add_them(cell: Cell, capsys: pytest.CaptureFixture[str]) -> None:
    assert cell(machine=ON_KAGGLE)["challenge_data"] is None
    said = capsys.readouterr().out
    assert "RSNA" in said
    assert "built-in patients (synthetic) are used" in said
    assert "Add Input" in said
    # radlearn is installed here, and is not installed again.
    assert "Installing" not in said


class Pip:
    """Stands for pip: notes what is asked of it."""

    def __init__(self, exit_code: int) -> None:
        self.exit_code, self.asked = exit_code, [""]

    def __call__(self, call: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        self.asked.append(call[-1])
        return subprocess.CompletedProcess(call, self.exit_code, "", "WARNING: old pip\nERROR: No matching distribution found\n")


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> Pip:
    made = Pip(0)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("subprocess.run", made)
    return made


def test_radlearn_is_installed_from_a_wheel_that_lies_there_else_from_the_index(tmp_path: Path, cell: Cell, pip: Pip) -> None:
    cell(machine=ON_KAGGLE)
    assert pip.asked[-1] == "radlearn==9"
    wheel = tmp_path / "kaggle" / "input" / "wheels" / "radlearn-0.2.0-py3-none-any.whl"
    wheel.parent.mkdir(parents=True)
    wheel.write_bytes(b"")
    cell(machine=ON_KAGGLE)
    assert pip.asked[-1] == str(wheel)


@pytest.mark.parametrize(("machine", "remedy"), [(ON_KAGGLE, "Switch on 'Internet'"), (ON_COLAB, "to /content"), ({}, "this notebook")])
def test_an_installation_that_fails_is_one_clear_message(machine: dict[str, str], remedy: str, cell: Cell, pip: Pip) -> None:
    pip.exit_code = 1
    with pytest.raises(SystemExit, match=r"could not be installed: ERROR: No matching distribution found") as ending:
        cell(machine=machine)
    assert remedy in str(ending.value)
    assert "old pip" not in str(ending.value)


def test_the_first_cell_needs_the_standard_library_alone() -> None:
    code = notebooks.setup("segmentation", "radlearn==9")
    imported = set(re.findall(r"^(?:from|import) ([\w]+)", code, flags=re.MULTILINE))
    assert imported <= sys.stdlib_module_names
    assert "'radlearn==9', 'Train/*_seg.nii.gz'" in code


@pytest.mark.parametrize("name", MEDICINE_PAGES)
def test_a_lesson_of_medicine_keeps_its_built_in_patients(name: str) -> None:
    first, *others = notebooks.notebook(name, "radlearn==9").cells
    assert first.source.startswith("#@title")
    code = "\n".join(cell.source for cell in others if cell.cell_type == "code")
    assert "built_in_folder(CHALLENGE, xrays_to_make, seed=" in code
    assert "challenge_data or built_in" not in code
    assert ("challenge_data or Path(os.environ" in code) == (name == "phantom")
    prose = "\n".join(cell.source for cell in others if cell.cell_type == "markdown")
    assert "](data:image/webp;base64," in prose
    assert "](images/" not in prose


@pytest.mark.parametrize("task", USE_CASES)
def test_a_lesson_is_one_file_that_begins_with_the_installation(task: str) -> None:
    made = notebooks.notebook(task, "radlearn==9", "https://example.org/radlearn/blob/main/")
    nbformat.validate(made)
    first, *others = made.cells
    assert first.source.startswith("#@title")
    code = [cell.source for cell in others if cell.cell_type == "code"]
    assert sum("data = challenge_data or built_in_folder(CHALLENGE, " in cell for cell in code) == 1
    prose = "\n".join(cell.source for cell in others if cell.cell_type == "markdown")
    links = re.findall(r"\]\(([^)\s]+)\)", prose)
    assert any(link.startswith("data:image/webp;base64,UklGR") for link in links)
    assert [link for link in links if not link.startswith(("data:image/webp;base64,", "https://", "#"))] == []
    assert any(link.startswith(f"https://example.org/radlearn/blob/main/radlearn/{USE_CASES[task].folder.name}/") for link in links)
    without = "\n".join(cell.source for cell in notebooks.notebook(task, "radlearn==9").cells[1:])
    assert "example.org" not in without
    assert not re.search(r"\]\([^)#:]+\.(py|md)", without)
