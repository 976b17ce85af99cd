"""The pages of the site, laid out for Sphinx: those of the project with their pictures, the API reference, the code itself.

A page stands where it stands in the project; README.md becomes index.md. Links to code lead to a page that shows it.
"""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from radlearn.files import write_text
from radlearn.use_cases import USE_CASES
from radlearn.workflow.lesson_notebook import with_links
from tools import api_pages

PAGES = ("*.md", "radlearn/*/*.md", "radlearn/*/data/README.md", "benchmarks/*.md", "docs/**/*.md")
# Others than these are copied as they are, and linked as files.
SHOWN_AS_CODE = {".py": "python", ".toml": "toml", ".json": "json", ".sh": "bash", ".html": "html", ".cff": "yaml", "": "text"}
API = Path("api/README.md")
PICTURES = {".webp", ".png", ".jpg", ".jpeg", ".gif", ".svg"}
# Not part of the search: who looks for a word wants the page that explains it.
NOT_SEARCHED = "---\nnosearch: true\norphan: true\n---\n"


def lay_out(project: Path, out: Path, package: str = "radlearn") -> list[Path]:
    """Write the sources of all pages into an empty folder.

    Args:
        project: the folder of the project, which holds README.md.
        out: the source folder of Sphinx.
        package: whose reference is written.

    Returns:
        the pages of the project, as they are named in it.

    Raises:
        ValueError: a page links to a file that is not there.
    """
    found = dict.fromkeys(page.relative_to(project) for pattern in PAGES for page in sorted(project.glob(pattern)))
    pages = [page for page in found if not any(part.startswith(".") for part in page.parts)]
    linked: set[Path] = set()
    broken: list[str] = []
    for page in pages:
        text = with_links((project / page).read_text(encoding="utf-8"), _links_of(project, page, pages, linked, broken))
        write_text(out / place_of(page), text + _contents(pages) if page == Path("README.md") else text)
    if broken:
        raise ValueError("These links lead nowhere:\n" + "\n".join(broken))
    for file in linked:
        if file.suffix in PICTURES:
            (out / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(project / file, out / file)
    loaded = api_pages.loaded(project, package)
    write_text(out / "api" / "index.md", api_pages.index(loaded))
    for room in api_pages.rooms(loaded):
        write_text(out / "api" / f"{room.path}.md", api_pages.page(room))
    for file in linked:
        if file.suffix not in PICTURES:
            write_text(out / place_of_code(file), _code(project, file))
    return pages


def place_of(page: Path) -> Path:
    """Return where a page of the project lies in the site's sources."""
    return page.with_name("index.md") if page.name == "README.md" else page


def place_of_code(file: Path) -> Path:
    """Return where the page that shows a file lies in the site's sources."""
    return Path("code") / file.with_name(f"{file.name}.md")


def _links_of(project: Path, page: Path, pages: list[Path], linked: set[Path], broken: list[str]) -> Callable[[str], str | None]:
    def change(link: str) -> str | None:
        name, _, anchor = link.partition("#")
        if not name:
            return link
        target = Path(os.path.normpath(page.parent / name))
        if (project / target / "README.md").is_file():
            target = target / "README.md"
        if not (project / target).is_file() or target.parts[0] == "..":
            broken.append(f"{page}: {link}")
            return None
        if target in pages:
            place = place_of(target)
        else:
            linked.add(target)
            place = target if target.suffix in PICTURES else place_of_code(target)
        return Path(os.path.relpath(place, place_of(page).parent)).as_posix() + (f"#{anchor}" if anchor else "")

    return change


def _contents(pages: list[Path]) -> str:
    """Return the table of contents of the site: lessons first, in the order of the registry."""
    folders = {task: Path("radlearn") / use_case.folder.name for task, use_case in USE_CASES.items()}
    lessons = {folder / "README.md": task.capitalize() for task, folder in folders.items()}
    data = {folder / "data" / "README.md": f"Data for {task}" for task, folder in folders.items()}
    titles = {**lessons, **data, API: "API reference"}
    thorax = Path("radlearn/digital_thorax/README.md")
    medicine = [page for page in pages if page.parent == Path("radlearn/lessons_of_medicine")]
    guides = [page for page in pages if page.parts[0] == "docs"]
    about = [Path(f"{name}.md") for name in ("ARCHITECTURE", "CHANGELOG", "CONTRIBUTING", "SECURITY")]
    taken = {*titles, thorax, *medicine, *guides, *about, Path("README.md")}
    groups = {
        "Lessons": [*lessons, thorax],
        "Lessons of medicine": medicine,
        "Guides": guides,
        "Data": data,
        "Reference": [API, *(page for page in pages if page not in taken)],
        "Project": about,
    }
    trees = []
    for name, members in groups.items():
        if not (there := [page for page in members if page in pages or page == API]):
            continue
        lines = [f"{titles[page]} <{place_of(page).as_posix()}>" if page in titles else place_of(page).as_posix() for page in there]
        trees.append("```{toctree}\n:hidden:\n:maxdepth: 1\n" + f":caption: {name}\n\n" + "\n".join(lines) + "\n```")
    return "\n\n" + "\n\n".join(trees) + "\n"


def _code(project: Path, file: Path) -> str:
    text = (project / file).read_text(encoding="utf-8")
    fence = "`" * (3 + max((len(ticks) for ticks in re.findall(r"^`+", text, flags=re.MULTILINE)), default=0))
    language = SHOWN_AS_CODE.get(file.suffix, "text")
    return f"{NOT_SEARCHED}# `{file.as_posix()}`\n\n{fence}{{code-block}} {language}\n:linenos:\n\n{text}\n{fence}\n"
