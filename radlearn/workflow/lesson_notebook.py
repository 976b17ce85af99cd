"""A lesson's page as a notebook: each Python fence of its README.md is a code cell, the prose stands in Markdown cells.

What the page links to is laid out beside the notebook as it lies in the package: pictures, lesson files, and other pages, which become
notebooks too. So every link works in JupyterLab, which opens nothing outside of its own folder.
"""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from radlearn.files import write_text, written_whole

# A piece of code, which holds no link; a link or picture, whose text may hold one of these; an address in HTML.
SPAN = re.compile(
    r"(?P<code>(?P<ticks>`+)(?!`).*?(?<!`)(?P=ticks)(?!`))"
    r"|(?P<mark>!?)\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])*)\]\((?P<target>[^()\s]+)(?P<title>\s+\"[^\"]*\")?\)"
    r"|(?P<name>\b(?:src|href|srcset)=)\"(?P<address>[^\"]+)\"",
    re.DOTALL,
)
FENCE = re.compile(r"^(?P<fence>`{3,}|~{3,})[^\n]*\n.*?^(?P=fence)`*~*[ ]*$", re.DOTALL | re.MULTILINE)
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def with_links(text: str, change: Callable[[str], str | None]) -> str:
    """Return Markdown with its relative links changed; code is left alone.

    Args:
        change: gets the target of a link or picture, such as "images/a.webp" or "#anchor", and returns another, or None: then the text
            of the link remains.

    >>> with_links("[one](a.md), `[two](b.md)`, [three](https://example.org)", lambda target: f"x/{target}")
    '[one](x/a.md), `[two](b.md)`, [three](https://example.org)'
    """
    pieces, end = [], 0
    for fence in FENCE.finditer(text):
        pieces += [SPAN.sub(lambda found: _changed(found, change), text[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*pieces, SPAN.sub(lambda found: _changed(found, change), text[end:])])


def as_notebook(page: str, change: Callable[[str], str | None]) -> Any:
    """Return a page in jupytext's Markdown as a notebook (`nbformat.NotebookNode`), with its links changed as by `with_links`.

    Cells have numbers for ids, so that the same page is the same notebook. Fences of other languages stay in the prose.
    """
    import jupytext

    notebook = jupytext.reads(page, fmt="md")
    cells: list[Any] = []
    for cell in notebook.cells:
        if cell.cell_type == "code" and (other := re.match(r"%%(\w+)\n", cell.source)):
            # Jupytext would run the commands of a shell.
            cell.cell_type, cell.source = "markdown", f"```{other[1]}\n{cell.source[other.end() :]}\n```"
            for key in ("outputs", "execution_count"):
                cell.pop(key, None)
        if cell.cell_type == "markdown" and cells and cells[-1].cell_type == "markdown":
            cells[-1].source += f"\n\n{cell.source}"
        else:
            cells.append(cell)
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
        if cell.cell_type == "markdown":
            cell.source = with_links(cell.source, change)
    notebook.cells, notebook.metadata = cells, {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    return notebook


def lay_out(page: Path, out: Path) -> tuple[Path, bool]:
    """Write a lesson's page as a notebook, with all that it links to; keep every file that is there already.

    Args:
        page: `README.md` in a lesson's folder.
        out: the folder of the notebooks; each page gets a folder in it, of the same name as in the package.

    Returns:
        the notebook, and whether it is new.
    """
    import jupytext

    root = page.parents[1]
    notebook = out / _place(page, root)
    is_new, waiting, done = not notebook.exists(), [page], set()
    while waiting:
        source = waiting.pop()
        if source in done:
            continue
        done.add(source)
        target = out / _place(source, root)
        if source.suffix != ".md":
            if not target.exists():
                with written_whole(target) as temporary:
                    shutil.copyfile(source, temporary)
            continue
        change = _links_from(source, root, waiting)
        text = source.read_text(encoding="utf-8")
        if target.suffix == ".ipynb":
            written = jupytext.writes(as_notebook(text, change), fmt="ipynb")
        else:
            written = f"> This is a copy. The page is about the folder `{source.parent}`.\n\n{with_links(text, change)}"
        if not target.exists():
            write_text(target, written)
    return notebook, is_new


def _changed(found: re.Match[str], change: Callable[[str], str | None]) -> str:
    if found["code"]:
        return found[0]
    if found["name"]:
        address = found["address"] if _is_elsewhere(found["address"]) else change(found["address"])
        return found[0] if address is None else f'{found["name"]}"{address}"'
    text = SPAN.sub(lambda inner: _changed(inner, change), found["text"])
    target = found["target"] if _is_elsewhere(found["target"]) else change(found["target"])
    return text if target is None else f"{found['mark']}[{text}]({target}{found['title'] or ''})"


def _is_elsewhere(target: str) -> bool:
    return re.match(r"[a-zA-Z][a-zA-Z+.-]+:|//", target) is not None


def _place(source: Path, root: Path) -> Path:
    """Return where a file of the package lies among the notebooks."""
    place = source.relative_to(root)
    if not _is_notebook(source):
        return place
    # README.ipynb would say nothing in the tab of JupyterLab.
    return place.with_name(f"{place.parent.name}.ipynb") if place.name == "README.md" else place.with_suffix(".ipynb")


def _is_notebook(source: Path) -> bool:
    return source.suffix == ".md" and re.match(r"---\njupyter:", source.read_text(encoding="utf-8")) is not None


def _links_from(source: Path, root: Path, found: list[Path]) -> Callable[[str], str | None]:
    """Return what a link of a page becomes; append the files that it leads to to `found`."""

    def change(link: str) -> str | None:
        name, _, anchor = link.partition("#")
        target = Path(os.path.normpath(source.parent / name)) if name else source
        if not target.is_file() or not target.is_relative_to(root):
            # Nothing of the kind is installed.
            return None
        found.append(target)
        place = os.path.relpath(_place(target, root), _place(source, root).parent) if name else ""
        return Path(place).as_posix() * bool(name) + (f"#{_anchor_in(target, anchor)}" if anchor else "")

    return change


def _anchor_in(page: Path, anchor: str) -> str:
    """Return JupyterLab's anchor of a heading, from that of code hosts: its words as they are, joined by hyphens."""
    headings = re.findall(r"^#+ +(.+?) *$", page.read_text(encoding="utf-8"), flags=re.MULTILINE) if page.suffix == ".md" else []
    return next((heading.replace(" ", "-") for heading in headings if slug(heading) == anchor), anchor)


def slug(heading: str) -> str:
    """Return the anchor that code hosts give to a heading.

    >>> slug("No two X-rays are alike, or `nearly`")
    'no-two-x-rays-are-alike-or-nearly'
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
