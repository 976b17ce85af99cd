"""A lesson's page becomes a notebook: Python is run, prose is read, links lead somewhere."""

import re
from pathlib import Path

import jupytext
import pytest

from radlearn.use_cases import USE_CASES
from radlearn.workflow.lesson_notebook import as_notebook, lay_out, slug, with_links

FRONT = "---\njupyter:\n  jupytext:\n    text_representation:\n      extension: .md\n      format_name: markdown\n---\n\n"
PAGE = (
    FRONT
    + """# A question

Look at [the code](code.py), [`the data`](data/README.md) and [another page](../other/README.md#what-it-is).

![a picture](images/one.webp)

```bash
radlearn classification train  # [not a link](code.py)
```

```python
answer = 42
```

After the cell: [above](#a-question), [gone](gone.py), [outside](../../README.md), [the world](https://example.org/a.py).

```python
answer + 1
```
"""
)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of two pages that link to each other."""
    lesson, other = tmp_path / "project" / "package" / "lesson", tmp_path / "project" / "package" / "other"
    for folder in (lesson / "images", lesson / "data", other):
        folder.mkdir(parents=True)
    (tmp_path / "project" / "README.md").write_text("# The project\n")
    (lesson / "README.md").write_text(PAGE)
    (lesson / "code.py").write_text("print(1)\n")
    (lesson / "images" / "one.webp").write_bytes(b"RIFF")
    (lesson / "data" / "README.md").write_text("# Put the data here\n\n[Back](../README.md)\n")
    (other / "README.md").write_text(FRONT + "# Other\n\n## What it is\n\n[Back](../lesson/README.md)\n\n```python\n1\n```\n")
    return lesson.parent


def test_python_becomes_cells_and_everything_else_is_read() -> None:
    cells = as_notebook(PAGE, lambda link: link).cells
    assert [cell.cell_type for cell in cells] == ["markdown", "code", "markdown", "code"]
    assert [cell.source for cell in cells if cell.cell_type == "code"] == ["answer = 42", "answer + 1"]
    assert "```bash\nradlearn classification train  # [not a link](code.py)\n```" in cells[0].source


def test_the_same_page_is_the_same_notebook() -> None:
    written = [jupytext.writes(as_notebook(PAGE, lambda link: link), fmt="ipynb") for _ in range(2)]
    assert written[0] == written[1]
    assert '"name": "python3"' in written[0]


def test_links_are_changed_in_prose_and_not_in_code() -> None:
    text = "[a](one.md) `[b](two.md)` ``[c](`x`)`` ![d](three.webp)\n\n```text\n[e](four.md)\n```\n\n~~~\n[f](five.md)\n~~~\n[g](six.md#x)"
    found: list[str] = []

    def change(link: str) -> str:
        found.append(link)
        return f"new/{link}"

    changed = with_links(text, change)
    assert found == ["one.md", "three.webp", "six.md#x"]
    assert changed.replace("new/", "") == text


def test_a_picture_inside_a_link_and_an_address_in_html_are_links_too() -> None:
    text = '[![small](small.webp)](large.webp) <img src="here.webp" alt="[x]"> [out](https://a.org/b) [mail](mailto:a@b.org)'
    changed = with_links(text, lambda link: f"new/{link}")
    assert changed == (
        '[![small](new/small.webp)](new/large.webp) <img src="new/here.webp" alt="[x]"> [out](https://a.org/b) [mail](mailto:a@b.org)'
    )
    assert with_links("see [the `code`](gone.py).", lambda link: None) == "see the `code`."


def test_what_a_page_links_to_lies_beside_it_and_every_link_works(package: Path, tmp_path: Path) -> None:
    out = tmp_path / "lessons"
    notebook, is_new = lay_out(package / "lesson" / "README.md", out)
    assert (notebook, is_new) == (out / "lesson" / "lesson.ipynb", True)
    written = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert written == {"lesson/lesson.ipynb", "lesson/code.py", "lesson/images/one.webp", "lesson/data/README.md", "other/other.ipynb"}
    prose = "\n".join(cell.source for cell in jupytext.read(notebook).cells if cell.cell_type == "markdown")
    assert "[another page](../other/other.ipynb#What-it-is)" in prose
    assert "[above](#A-question), gone, outside, [the world](https://example.org/a.py)" in prose
    # The copy says where the folder is that it is about.
    copied = (out / "lesson" / "data" / "README.md").read_text()
    assert str(package / "lesson" / "data") in copied
    assert "[Back](../lesson.ipynb)" in copied


def test_several_pages_of_one_folder_become_a_notebook_each(package: Path, tmp_path: Path) -> None:
    for name, other in (("one", "two"), ("two", "one")):
        (package / "other" / f"{name}.md").write_text(f"{FRONT}# Page {name}\n\n[on]({other}.md), [up](README.md)\n")
    (package / "other" / "README.md").write_text(f"{FRONT}# Other\n\n## What it is\n\n[first](one.md)\n")
    lay_out(package / "lesson" / "README.md", tmp_path / "lessons")
    out = tmp_path / "lessons" / "other"
    assert {path.name for path in out.iterdir()} == {"other.ipynb", "one.ipynb", "two.ipynb"}
    for name, other in (("one", "two"), ("two", "one")):
        assert f"# Page {name}\n\n[on]({other}.ipynb), [up](other.ipynb)" in jupytext.read(out / f"{name}.ipynb").cells[0].source


def test_what_the_learner_changed_is_kept(package: Path, tmp_path: Path) -> None:
    out = tmp_path / "lessons"
    notebook, _ = lay_out(package / "lesson" / "README.md", out)
    notebook.write_text("mine")
    (out / "lesson" / "code.py").write_text("mine too")
    (out / "other" / "other.ipynb").unlink()
    assert lay_out(package / "lesson" / "README.md", out) == (notebook, False)
    assert notebook.read_text() == "mine"
    assert (out / "lesson" / "code.py").read_text() == "mine too"
    assert (out / "other" / "other.ipynb").exists()


def test_anchors_are_those_of_code_hosts() -> None:
    assert slug("What to change, and what happens then") == "what-to-change-and-what-happens-then"


@pytest.mark.parametrize("task", USE_CASES)
def test_each_lesson_becomes_a_notebook_whose_files_are_there(task: str, tmp_path: Path) -> None:
    page = USE_CASES[task].folder / "README.md"
    notebook, _ = lay_out(page, tmp_path)
    cells = jupytext.read(notebook).cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    assert code == [cell.source for cell in jupytext.read(page).cells if cell.cell_type == "code"]
    assert len(code) >= 6
    notebooks = list(tmp_path.rglob("*.ipynb"))
    assert tmp_path / "digital_thorax" / "digital_thorax.ipynb" in notebooks
    for one in notebooks:
        prose = "\n".join(cell.source for cell in jupytext.read(one).cells if cell.cell_type == "markdown")
        links = [link for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", prose) if "://" not in link]
        assert len(links) >= 3
        assert [link for link in links if not (one.parent / link).is_file()] == []
        assert "README.md" not in " ".join(link for link in links if "data/" not in link)
