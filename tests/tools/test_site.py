"""The site holds every page, a reference and a search, and asks for nothing outside. Its tools are in the extra `site`."""

import json
import re
import textwrap
from importlib.util import find_spec
from pathlib import Path

import pytest

TOOLS = ("sphinx", "furo", "myst_parser", "griffe")
if missing := [tool for tool in TOOLS if find_spec(tool) is None]:
    pytest.skip(f'{", ".join(missing)} not installed: pip install "radlearn[site]"', allow_module_level=True)

from tools import api_pages, site, site_pages  # noqa: E402
from tools.site_links import troubles_in  # noqa: E402

PROJECT = Path(__file__).resolve().parents[2]
MODULE = '''
    """What a module is for: <b>bold</b> is no tag.

    More of it.
    """

    from dataclasses import dataclass
    from package.kinds import Kind

    LIMIT = 3
    "How many there may be."


    @dataclass(frozen=True)
    class Box:
        """A box.

        Args:
            width: of the box, in mm.
        """

        # How wide it is, in mm;
        # 0 or more.
        width: float = 1.0

        @property
        def area(self) -> float:
            """Its area."""
            return self.width**2

        def grown(self, by: float, *, twice: bool = False) -> "Box":
            """Return a larger box."""
            return self


    def count(*boxes: Box, kind: Kind | None = None, **others: int) -> dict[str, int]:
        """Return how many there are: `a < b` stays.

        Returns:
            counts (kinds,): int64, by
            kind.

        Raises:
            ValueError: too many.

        >>> count()
        {}
        """
        return {}


    def _hidden() -> None:
        """Nobody sees it."""
'''


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small project: a top page, a lesson with its picture, file and data, and a package of one module."""
    folder = tmp_path_factory.mktemp("project")
    lesson, package = folder / "radlearn" / "covid19_ct_segmentation", folder / "package"
    for new in (lesson / "images", lesson / "data" / "private", package / "room"):
        new.mkdir(parents=True)
    (folder / "README.md").write_text("# Top\n\n[The lesson](radlearn/covid19_ct_segmentation/README.md#what-it-is), [log](CHANGELOG.md)\n")
    (folder / "CHANGELOG.md").write_text("# Changelog\n\nsphygmomanometer\n")
    (lesson / "README.md").write_text(
        "---\njupyter:\n  jupytext: {}\n---\n\n# Lesson\n\n![A picture](images/one.webp) [the file](lesson.py) [data](data/README.md)\n\n"
        "## What it is\n\n[up](../../README.md), [a folder](data), [above](#lesson)\n\n```python\nx = 1\n```\n"
    )
    (lesson / "data" / "README.md").write_text("# Data\n")
    (lesson / "data" / "private" / "patients.md").write_text("# A secret\n")
    (lesson / "lesson.py").write_text('"""```"""\nstethoscope = 1\n')
    (lesson / "images" / "one.webp").write_bytes((PROJECT / "radlearn/covid19_ct_segmentation/images/solid.webp").read_bytes())
    (package / "__init__.py").write_text('"""A package."""\n')
    (package / "kinds.py").write_text('"""Kinds."""\n\n\nclass Kind:\n    """A kind."""\n')
    (package / "room" / "__init__.py").write_text('"""A room."""\n')
    (package / "room" / "boxes.py").write_text(textwrap.dedent(MODULE).lstrip())
    return folder


@pytest.fixture(scope="module")
def built(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of the small project."""
    folder = tmp_path_factory.mktemp("site")
    assert site.main(folder / "built", project, "package") == 0
    return folder / "built"


def test_a_module_is_described_without_being_imported(project: Path) -> None:
    (room,) = [one for one in api_pages.rooms(api_pages.loaded(project, "package")) if one.name == "room"]
    page = api_pages.page(room)
    assert "# `package.room`\n\nA room." in page
    assert "What a module is for: &lt;b>bold&lt;/b> is no tag." in page
    assert "- `width: float = 1.0`: How wide it is, in mm; 0 or more." in page
    assert "{py:property} Box.area" in page
    assert "{py:method} Box.grown(by: float, *, twice: bool = False) -> package.room.boxes.Box" in page.replace("'", "")
    signature = "{py:function} count(*boxes: package.room.boxes.Box, kind: package.kinds.Kind | None = None, **others: int)"
    assert f"{signature} -> dict[str, int]" in page
    assert "`a < b` stays" in page
    assert "**Returns**\n\ncounts (kinds,): int64, by\nkind." in page
    assert "- `ValueError`: too many." in page
    assert "```python\n>>> count()\n{}\n```" in page
    assert "How many there may be." in page
    assert "Nobody sees it" not in page


def test_every_page_is_there_with_its_pictures_and_its_code(built: Path) -> None:
    pages = {str(page.relative_to(built)) for page in built.rglob("*.html")}
    lesson = "radlearn/covid19_ct_segmentation"
    expected = {"index.html", f"{lesson}/index.html", f"{lesson}/data/index.html", f"code/{lesson}/lesson.py.html", "search.html"}
    assert pages >= {*expected, "CHANGELOG.html", "api/index.html", "api/package.room.html"}
    assert not any("private" in page for page in pages)
    text = (built / lesson / "index.html").read_text()
    assert 'href="../../code/radlearn/covid19_ct_segmentation/lesson.py.html"' in text
    assert re.search(r'<img alt="A picture"[^>]* src="\.\./\.\./_images/one\.webp"', text)
    assert "jupytext" not in text
    assert "stethoscope" in (built / "code" / lesson / "lesson.py.html").read_text()


def test_a_type_in_a_signature_is_a_link_to_it(built: Path) -> None:
    text = (built / "api" / "package.room.html").read_text()
    assert 'href="package.html#package.kinds.Kind"' in text
    assert 'id="package.room.boxes.count"' in text


def test_the_search_finds_words_and_functions_but_no_code(built: Path) -> None:
    index = (built / "searchindex.js").read_text()
    found = json.loads(index.removeprefix("Search.setIndex(").removesuffix(")"))
    assert "sphygmomanomet" in found["terms"]
    assert "package.room.boxes" in found["objects"]
    # A page on a disk may not fetch: the index is a script.
    assert 'src="searchindex.js"' in (built / "search.html").read_text()
    assert "stethoscop" not in found["terms"]


def test_no_page_asks_for_anything_outside_and_every_link_works(built: Path) -> None:
    assert troubles_in(built) == []
    assert "fonts.g" not in "".join(page.read_text() for page in built.rglob("*.html"))
    everything = "\n".join(page.read_text(errors="replace") for page in built.rglob("*") if page.suffix in (".html", ".css"))
    assert re.findall(r"""(?:src|srcset|data|poster)=["']?(?:https?:)?//|url\(["']?(?:https?:)?//|@import""", everything) == []


def test_a_link_that_leads_nowhere_stops_the_build(project: Path, tmp_path: Path) -> None:
    page = project / "CONTRIBUTING.md"
    page.write_text("# Contributing\n\n[gone](radlearn/gone.py) [outside](../elsewhere.md)\n")
    try:
        with pytest.raises(ValueError, match=r"CONTRIBUTING\.md: radlearn/gone\.py\nCONTRIBUTING\.md: \.\./elsewhere\.md"):
            site_pages.lay_out(project, tmp_path / "sources", "package")
    finally:
        page.unlink()


def test_a_place_that_a_link_names_and_no_page_has_stops_the_build(project: Path, tmp_path: Path) -> None:
    page = project / "CONTRIBUTING.md"
    page.write_text("# Contributing\n\n[gone](CHANGELOG.md#gone)\n")
    try:
        assert site.main(tmp_path / "site", project, "package") != 0
    finally:
        page.unlink()
    assert not (tmp_path / "site").exists()


@pytest.mark.slow
def test_the_pages_of_the_project_can_be_laid_out(tmp_path: Path) -> None:
    pages = site_pages.lay_out(PROJECT, tmp_path)
    expected = {"README.md", "ARCHITECTURE.md", "CHANGELOG.md", "radlearn/digital_thorax/README.md", "docs/add_a_use_case.md"}
    assert {str(page) for page in pages} >= expected
    top = (tmp_path / "index.md").read_text()
    for lesson in ("rsna_pneumonia_classification", "rsna_pneumonia_detection", "covid19_ct_segmentation", "ultrasound_nerve_segmentation"):
        assert f"<radlearn/{lesson}/index.md>" in top
        assert (tmp_path / "radlearn" / lesson / "images").is_dir()
    assert ":caption: Lessons of medicine\n\nradlearn/lessons_of_medicine/index.md\n" in top
    assert ":caption: Guides\n\ndocs/add_a_use_case.md\ndocs/your_own_data.md\n" in top
    assert "{py:function} auroc_score(" in (tmp_path / "api" / "radlearn.metrics.md").read_text()


@pytest.mark.slow
def test_the_site_of_the_project_has_no_broken_link_and_no_warning(tmp_path: Path) -> None:
    # With the reference of another package: that of radlearn takes a minute.
    assert site.main(tmp_path / "site", PROJECT, "tools") == 0
    for page in (
        "index",
        "ARCHITECTURE",
        "CHANGELOG",
        "SECURITY",
        "radlearn/digital_thorax/index",
        "radlearn/rsna_pneumonia_detection/index",
        "radlearn/lessons_of_medicine/twins",
        "docs/add_a_use_case",
    ):
        assert "Furo" in (tmp_path / "site" / f"{page}.html").read_text()
