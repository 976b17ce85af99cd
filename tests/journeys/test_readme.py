"""The lessons' pages are true: every cell runs, every file and symbol they name exists."""

import re
from pathlib import Path

import jupytext
import pytest

PROJECT = Path(__file__).resolve().parents[2]
LESSONS = {
    "classification": PROJECT / "radlearn" / "rsna_pneumonia_classification" / "README.md",
    "detection": PROJECT / "radlearn" / "rsna_pneumonia_detection" / "README.md",
}
PAGES = [
    *(PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md")),
    *LESSONS.values(),
    *(page.parent / "data" / "README.md" for page in LESSONS.values()),
]
# What lessons name that is not theirs: columns, scores, schedules, and classes of the libraries.
ELSEWHERE = {"patientId", "one_cycle", "within_view_auroc_score", "DataLoader", "tv_tensors", "backward"}


@pytest.mark.slow
@pytest.mark.parametrize("task", LESSONS)
def test_every_cell_of_a_lesson_runs(task: str) -> None:
    notebook = jupytext.read(LESSONS[task])
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert len(cells) >= 6
    # The same lesson with fewer patients and one pass over them: what is tested is that it runs.
    full = re.compile(r"films_to_make, epochs = 800, \d+")
    assert sum(len(full.findall(cell)) for cell in cells) == 1
    space: dict[str, object] = {}
    for cell in cells:
        exec(compile(full.sub("films_to_make, epochs = 64, 1", cell), str(LESSONS[task]), "exec"), space)
    assert space["scores"]["split"] == "test"  # type: ignore[index]
    assert (space["run"].folder / "report.html").exists()  # type: ignore[attr-defined]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_file_a_page_links_to_exists(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text())
    for link in links:
        if "://" not in link:
            assert (page.parent / link).exists(), f"{page.name} links to {link}"
    assert page.read_text().startswith(("#", "---"))


@pytest.mark.parametrize("task", LESSONS)
def test_every_symbol_a_lesson_names_exists(task: str) -> None:
    import importlib

    import radlearn

    lesson = importlib.import_module(radlearn.LESSONS[task][0])
    prose = re.sub(r"```.*?```", "", LESSONS[task].read_text(), flags=re.DOTALL)
    named = set(re.findall(r"`([A-Za-z_]+)`", prose))
    verbs = {"train", "evaluate", "predict", "submit"}
    known = set(dir(lesson)) | set(lesson.Settings.__dataclass_fields__) | set(lesson.PRESETS) | verbs
    assert named - known - ELSEWHERE == set()
    flags = {flag.removeprefix("no-") for flag in re.findall(r"`--([a-z][a-z-]*)", prose)} - {"data"}
    assert len(flags) >= 5
    assert {flag.replace("-", "_") for flag in flags} <= set(lesson.Settings.__dataclass_fields__)
