"""The lessons' pages are true: every cell runs, every file and symbol they name exists."""

import re
from pathlib import Path

import jupytext
import pytest

PROJECT = Path(__file__).resolve().parents[2]
LESSON = PROJECT / "radlearn" / "rsna_pneumonia_classification" / "README.md"
PAGES = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", PROJECT / "ARCHITECTURE.md", LESSON, LESSON.parent / "data" / "README.md"]


@pytest.mark.slow
def test_every_cell_of_the_classification_lesson_runs() -> None:
    notebook = jupytext.read(LESSON)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert len(cells) >= 6
    # The same lesson with fewer patients and one pass over them: what is tested is that it runs.
    assert "films_to_make, epochs = 800, 24" in cells[0]
    cells[0] = cells[0].replace("films_to_make, epochs = 800, 24", "films_to_make, epochs = 64, 1")
    space: dict[str, object] = {}
    for cell in cells:
        exec(compile(cell, str(LESSON), "exec"), space)
    assert space["scores"]["split"] == "test"  # type: ignore[index]
    assert (space["run"].folder / "report.html").exists()  # type: ignore[attr-defined]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_file_a_page_links_to_exists(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text())
    for link in links:
        if "://" not in link:
            assert (page.parent / link).exists(), f"{page.name} links to {link}"
    assert page.read_text().startswith(("#", "---"))


def test_every_symbol_the_lesson_names_exists() -> None:
    from radlearn.rsna_pneumonia_classification import classify_pneumonia as lesson

    prose = re.sub(r"```.*?```", "", LESSON.read_text(), flags=re.DOTALL)
    named = set(re.findall(r"`([A-Za-z_]+)`", prose))
    known = set(dir(lesson)) | set(lesson.Settings.__dataclass_fields__) | set(lesson.PRESETS)
    elsewhere = {"patientId", "one_cycle", "within_view_auroc_score"}
    assert named - known - elsewhere == set()
    flags = set(re.findall(r"`--([a-z][a-z-]*)", prose)) - {"data"}
    assert len(flags) >= 5
    assert {flag.replace("-", "_") for flag in flags} <= set(lesson.Settings.__dataclass_fields__)
