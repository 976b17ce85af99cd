"""The lessons, those of medicine too, as notebooks for Colab and Kaggle, each one file: `python -m tools.notebooks [--out DIR]`.

The first cell (`notebook_setup.py`) installs radlearn and finds the challenge's data. Pictures are inside of the notebook.
"""

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import tyro

from radlearn import __version__
from radlearn.files import write_text
from radlearn.progress import say
from radlearn.use_cases import USE_CASES
from radlearn.workflow.lesson_notebook import as_notebook
from tools.lesson_pages import PAGES, TASK_PAGES

PROJECT = Path(__file__).resolve().parents[1]
SETUP = Path(__file__).with_name("notebook_setup.py")
# A file by which a challenge's data are known.
MARKERS = {"rsna": "stage_2_train_labels.csv", "covid19": "Train/*_seg.nii.gz", "ultrasound": "train/*_mask.tif"}
# Where the challenge's data come in: in place of built-in patients in the lessons of the tasks, beside them on the page about phantoms.
# The other lessons of medicine need patients whose truth is known.
DATA_PLACE = re.compile(r"^(data|folder) = (?=built_in_folder\(|Path\(os\.environ)", re.MULTILINE)
WITH_DATA = (*TASK_PAGES, "phantom")
FILLED_IN = re.compile(r"^REQUIREMENT, MARKER, CHALLENGE_NAME = .*$", re.MULTILINE)
TITLE = "#@title Install radlearn and find the data (run this first)\n"


def main(out: Path = PROJECT / "build" / "notebooks", requirement: str = f"radlearn=={__version__}", project_url: str = "") -> None:
    """Write a notebook for each lesson.

    Args:
        out: Folder to write to.
        requirement: What pip installs where no wheel lies beside the data: a name, or the address of an archive.
        project_url: Where the project's files can be read, such as https://HOST/OWNER/radlearn/blob/main. Without it, links are text.
    """
    for name in PAGES:
        path = out / f"{name}.ipynb"
        write_text(path, jupytext.writes(notebook(name, requirement, project_url), fmt="ipynb"))
        say(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


def notebook(name: str, requirement: str, project_url: str = "") -> Any:
    """Return a lesson as a notebook that needs no other file.

    Args:
        name: of the page, as in `lesson_pages.PAGES`.

    Raises:
        ValueError: the lesson does not take its data in one place.
    """
    page = PAGES[name]
    made = as_notebook(page.read_text(encoding="utf-8"), _links_from(page, project_url))
    found = 0
    for cell in made.cells:
        if cell.cell_type == "code":
            cell.source, times = DATA_PLACE.subn(r"\1 = challenge_data or ", cell.source)
            found += times
    if found != (expected := int(name in WITH_DATA)):
        raise ValueError(f"{page}: 'data = built_in_folder(…)' or 'folder = Path(os.environ…' stands {found} times; expected {expected}.")
    first = nbformat.v4.new_code_cell(TITLE + setup(name, requirement), id="setup", metadata={"cellView": "form"})
    made.cells.insert(0, first)
    return made


def setup(name: str, requirement: str) -> str:
    """Return the first cell of a lesson's notebook."""
    # The lessons of medicine go on from the one on classification.
    challenge = USE_CASES[name if name in USE_CASES else "classification"].load_challenge()
    values = f"REQUIREMENT, MARKER, CHALLENGE_NAME = {requirement!r}, {MARKERS[challenge.name]!r}, {challenge.title!r}"
    text = SETUP.read_text(encoding="utf-8")
    filled, times = FILLED_IN.subn(lambda _: values, text)
    assert times == 1
    # Its first line is for who reads the project.
    return filled.partition("\n")[2]


def _links_from(page: Path, project_url: str) -> Callable[[str], str | None]:
    def change(link: str) -> str | None:
        name, _, anchor = link.partition("#")
        if not name:
            return link
        target = (page.parent / name).resolve()
        if target.suffix == ".webp" and target.is_file():
            # Colab shows no attachments of cells, but pictures that are written into the text.
            return f"data:image/webp;base64,{base64.b64encode(target.read_bytes()).decode()}"
        if not project_url or not target.is_relative_to(PROJECT):
            return None
        return f"{project_url.rstrip('/')}/{target.relative_to(PROJECT).as_posix()}" + (f"#{anchor}" if anchor else "")

    return change


if __name__ == "__main__":
    tyro.cli(main)
