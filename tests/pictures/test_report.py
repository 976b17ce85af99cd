"""The report is one file that loads nothing, shows everything in order, and lets no text become markup."""

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radlearn.errors import BadSetting
from radlearn.metrics.intervals import Interval
from radlearn.pictures import report
from radlearn.pictures.report import (
    NOT_FOR_PATIENTS,
    SYNTHETIC,
    Headline,
    Note,
    Picture,
    Section,
    Table,
    Text,
    cell_text,
    replace_section,
    write_report,
)

HOSTILE = "<script>alert('1')</script>\"><img src=x onerror=alert(1)> & {{ 7 * 7 }}"


class Page(HTMLParser):
    """What a browser would see: tags with attributes, and the text between them."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open[-1] != "style":
            self.texts.append(data.strip())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def png(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    Image.fromarray(np.zeros((30, 40), dtype=np.uint8)).save(path)
    return path


def full_report(path: Path, png: Path, text: str = "words") -> Page:
    sections = [
        Section(f"First {text}", [Text(f"one {text}\n\ntwo"), Picture(png, f"caption {text}", f"alt {text}", wide=False)]),
        Section("Second", [Note(f"note {text}", "warning"), Table([f"column {text}", "n"], [[text, 1234], ["b", None]], f"table {text}")]),
        Section("Third", [Table(["a"], [[text]], "folded", folded=True), Picture(png.read_bytes(), "c", "a")]),
    ]
    headline = [Headline(f"AUROC {text}", Interval(0.9, 0.8, 0.95), f"note {text}", (0.5, 1), chance=0.5), Headline("X-rays", 1234)]
    facts = [(f"run {text}", text)]
    return Page(
        write_report(
            path, f"Title {text}", f"subtitle {text}", headline, sections, ribbon=f"{SYNTHETIC} {text}", facts=facts, footers=[text]
        )
    )


def test_everything_that_was_given_is_on_the_page_in_its_order(tmp_path: Path, png: Path) -> None:
    page = full_report(tmp_path / "report.html", png)
    expected = [f"{SYNTHETIC} words", "Title words", "subtitle words", "AUROC words", "0.90", "0.80 – 0.95", "note words", "X-rays",
                "1,234", "run words", "First words", "one words", "two", "caption words", "Second", "note words", "table words",
                "column words", "1,234", "–", "Third", "folded", "words", NOT_FOR_PATIENTS]  # fmt: skip
    at = page.texts.index(f"{SYNTHETIC} words")
    for text in expected:
        at = page.texts.index(text, at)
    assert page.open == []


def test_the_contents_lead_to_every_section(tmp_path: Path, png: Path) -> None:
    page = full_report(tmp_path / "report.html", png)
    targets = [str(link["href"]).removeprefix("#") for link in page.all("a")]
    assert targets == [section["id"] for section in page.all("section")]
    assert len(targets) == 3


def test_hostile_text_is_shown_and_never_run(tmp_path: Path, png: Path) -> None:
    plain, hostile = full_report(tmp_path / "a.html", png), full_report(tmp_path / "b.html", png, HOSTILE)
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in plain.tags]
    assert [sorted(attributes) for _, attributes in hostile.tags] == [sorted(attributes) for _, attributes in plain.tags]
    assert f"caption {HOSTILE}" in hostile.texts
    assert hostile.all("img")[0]["alt"] == f"alt {HOSTILE}"
    assert "49" not in " ".join(hostile.texts)


def test_the_page_loads_nothing_and_runs_nothing(tmp_path: Path, png: Path) -> None:
    page = full_report(tmp_path / "report.html", png)
    for tag, attributes in page.tags:
        assert tag not in ("script", "iframe", "object", "embed", "base", "form")
        for name in ("src", "href", "data", "srcset", "action", "poster"):
            assert str(attributes.get(name, "data:")).startswith(("data:", "#"))
        assert not any(name.startswith("on") for name in attributes)
    assert not re.search(r"https?://|file:|url\(|@import|@font-face", page.source)
    policy = next(str(meta["content"]) for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert str(tmp_path) not in page.source


def test_pictures_are_embedded_whole_with_their_size_and_words(tmp_path: Path, png: Path) -> None:
    images = full_report(tmp_path / "report.html", png).all("img")
    assert len(images) == 2
    for image in images:
        assert base64.b64decode(str(image["src"]).removeprefix("data:image/png;base64,")) == png.read_bytes()
        assert (image["width"], image["height"]) == ("40", "30")
        assert image["alt"]


def test_the_same_content_is_the_same_file(tmp_path: Path, png: Path) -> None:
    first, second = full_report(tmp_path / "a.html", png), full_report(tmp_path / "b.html", png)
    assert first.source == second.source


def test_it_always_says_that_it_is_not_for_clinical_use_and_synthetic_only_when_it_is(tmp_path: Path) -> None:
    page = Page(write_report(tmp_path / "report.html", "t", "s", [], []))
    assert page.texts[-1] == NOT_FOR_PATIENTS
    assert "ynthetic" not in " ".join(page.texts)
    assert not any("ribbon" in str(attributes.get("class")) for _, attributes in page.tags)


def test_the_interval_lies_on_its_line_where_its_figures_say(tmp_path: Path) -> None:
    page = Page(write_report(tmp_path / "r.html", "t", "s", [Headline("AUROC", Interval(0.75, 0.6, 0.9), scale=(0.5, 1), chance=0.5)], []))
    assert [mark["style"] for mark in page.all("i")] == ["left:20.0%;width:60.0%"]
    assert [mark["style"] for mark in page.all("em")] == ["left:50.0%"]
    assert [mark["style"] for mark in page.all("u")] == ["left:0.0%"]


def test_a_score_without_interval_says_so_and_draws_none(tmp_path: Path) -> None:
    page = Page(write_report(tmp_path / "r.html", "t", "s", [Headline("a", Interval(0.75)), Headline("b", Interval(float("nan")))], []))
    assert page.texts.count("no interval") == 2
    assert "0.75" in page.texts
    assert "–" in page.texts
    assert not page.all("em")


def test_numbers_stand_to_the_right_and_words_to_the_left(tmp_path: Path) -> None:
    table = Table(["name", "n", "score"], [["a", 1, Interval(0.9, 0.8, 0.95)], ["b", None, None]])
    page = Page(write_report(tmp_path / "r.html", "t", "s", [], [Section("s", [table])]))
    assert [cell.get("class") for cell in page.all("td")] == [None, "number", "number"] * 2


def test_cells_are_written_as_people_write_them() -> None:
    assert cell_text(np.int64(12345)) == "12,345"
    assert cell_text(np.float32(-0.5)) == "−0.5"
    assert cell_text(True) == "yes"
    assert cell_text(None) == "–"
    assert cell_text("a") == "a"


def test_what_cannot_be_shown_is_refused_by_name(tmp_path: Path, png: Path) -> None:
    def write(block: Picture | Table | Note) -> None:
        write_report(tmp_path / "r.html", "t", "s", [], [Section("s", [block])])

    with pytest.raises(BadSetting, match="is not a PNG"):
        write(Picture(b"GIF89a", "c", "a"))
    with pytest.raises(BadSetting, match=r"picture\.png: has no alternative text"):
        write(Picture(png, "c", " "))
    with pytest.raises(BadSetting, match="a row has 1 cells for 2 columns"):
        write(Table(["a", "b"], [["only one"]]))
    with pytest.raises(BadSetting, match="expected 'info' or 'warning'"):
        write(Note("n", "loud"))
    assert not (tmp_path / "r.html").exists()


def test_a_section_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    sections = [Section("One & only", [Text("old words")]), Section("Two", [Text("One & only"), Table(["a"], [[1]])])]
    page = write_report(tmp_path / "report.html", "A title", "", [], sections)
    before = page.read_text()
    replace_section(page, Section("One & only", [Note(HOSTILE), Table(["b"], [[0.5]])]))
    found = Page(page)
    assert "old words" not in found.texts
    assert HOSTILE in " ".join(found.texts)
    assert [dict(attributes).get("id") for tag, attributes in found.tags if tag == "section"] == ["section-1", "section-2"]
    assert page.read_text().split("section-2")[-1] == before.split("section-2")[-1]
    # The same again, and a title that is not there, change nothing.
    for section in (Section("One & only", [Note(HOSTILE), Table(["b"], [[0.5]])]), Section("Three", [Text("new")])):
        same = page.read_text()
        replace_section(page, section)
        assert page.read_text() == same


def test_each_score_of_the_headline_says_that_its_patients_are_synthetic(tmp_path: Path) -> None:
    headline = [Headline("AUROC", Interval(0.9, 0.8, 0.95), "ranks"), Headline("Dice", Interval(0.5)), Headline("Files", 12, "counted")]
    for ribbon, count in ((SYNTHETIC, 2), ("", 0), ("Draft", 0)):
        page = write_report(tmp_path / "r.html", "t", "s", headline, [], ribbon=ribbon).read_text()
        assert page.count("synthetic patients") == count
    assert "ranks; synthetic patients" in write_report(tmp_path / "r.html", "t", "s", headline, [], ribbon=SYNTHETIC).read_text()


def test_no_other_module_writes_html_and_the_template_trusts_no_text() -> None:
    package = Path(str(report.__file__)).parents[1]
    template = (package / "pictures" / "report.html").read_text()
    assert not re.search(r"\|\s*safe|autoescape|<script|Markup", template)
    modules = {path.relative_to(package).as_posix(): path.read_text(encoding="utf-8") for path in package.rglob("*.py")}
    assert [name for name, text in modules.items() if re.search(r"Environment\(|</\w+>", text)] == ["pictures/report.py"]
