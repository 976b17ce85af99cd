"""The report of a run: a single self-contained HTML file that can be opened, sent or printed anywhere.

The page loads nothing: pictures and style are embedded, there is no script. All text is escaped, so an id or a DICOM field that looks
like HTML is shown as text. `report.html` beside this file is its template.
"""

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from radlearn.errors import BadSetting
from radlearn.files import write_text
from radlearn.metrics.intervals import Interval

NOT_FOR_PATIENTS = "For learning and research, not for clinical use."
SYNTHETIC = "Synthetic patients: not comparable with a leaderboard"

PNG_BEGINS = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Picture:
    """A PNG, as bytes or a file, with its caption and its alternative text (`alt`)."""

    png: bytes | Path
    caption: str
    alt: str
    # A narrow picture shares its row with the next narrow one if the window is wide enough.
    wide: bool = True


@dataclass(frozen=True)
class Table:
    """Rows of cells: text, whole numbers, floats (three digits), `Interval`s; None and NaN are shown as a dash."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    caption: str = ""
    # Collapsed until clicked, for long tables.
    folded: bool = False


@dataclass(frozen=True)
class Text:
    """Paragraphs, separated by empty lines."""

    text: str


@dataclass(frozen=True)
class Note:
    """A highlighted remark; `kind` is "info" or "warning"."""

    text: str
    kind: str = "info"


@dataclass(frozen=True)
class Link:
    """A link to a file; `href` is relative to the page."""

    text: str
    href: str
    note: str = ""


@dataclass(frozen=True)
class Command:
    """A command line that can be pasted, and what it does."""

    line: str
    meaning: str


Block = Picture | Table | Text | Note | Link | Command


@dataclass(frozen=True)
class Section:
    """A heading and the blocks below it, in order."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Headline:
    """One figure at the top of the page.

    An `Interval` is drawn on a line from `scale[0]` to `scale[1]`, with a tick at `chance` if given. Other figures are shown as text.
    """

    label: str
    value: Interval | float | int | str
    note: str = ""
    scale: tuple[float, float] | None = (0.0, 1.0)
    chance: float | None = None


def write_report(
    path: Path, title: str, subtitle: str, headline: Sequence[Headline], sections: Sequence[Section],
    *, ribbon: str = "", facts: Sequence[tuple[str, str]] = (), footers: Sequence[str] = (),
) -> Path:  # fmt: skip
    """Write the page atomically and return its path. The same content gives the same bytes.

    Args:
        path: of the file, usually `report.html`.
        title, subtitle: what was evaluated; on what, in a sentence.
        headline: the figures at the top, the most important first.
        sections: in reading order; they are numbered and listed in the contents.
        ribbon: a prominent line across the top of the page, such as `SYNTHETIC`, which is repeated beside each score of the headline.
        facts: (name, value) pairs: run folder, data, network, date.
        footers: further lines at the foot, before the note that the page is not for clinical use.

    Raises:
        BadSetting: a picture is not a PNG or has no alternative text, or a table's row does not fit its columns.
    """
    page = _rendered(
        sections, title=title, subtitle=subtitle, ribbon=ribbon, facts=list(facts),
        cards=[_card(_as_synthetic(one) if ribbon == SYNTHETIC else one) for one in headline],
        footers=[*footers, NOT_FOR_PATIENTS],
    )  # fmt: skip
    write_text(Path(path), page + "\n")
    return Path(path)


def replace_section(path: Path, section: Section) -> None:
    """Replace the section with this title in a page that `write_report` wrote; a page without one stays as it is."""
    page = _rendered([section], title="", subtitle="", ribbon="", facts=[], cards=[], footers=[])
    new = page[page.index('<section id="section-1">') :].split("\n", 1)[1].split("\n</section>")[0]
    # All text is escaped, so that neither heading nor end of a section occurs within one.
    heading = new.split("\n", 1)[0]
    before, found, rest = path.read_text(encoding="utf-8").partition(f'">\n{heading}\n')
    if found:
        write_text(path, "".join([before, '">\n', new, "\n</section>", rest.split("\n</section>", 1)[1]]))


def _rendered(sections: Sequence[Section], **parts: Any) -> str:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((Path(__file__).parent / "report.html").read_text(encoding="utf-8"))
    drawn = [
        {"id": f"section-{number}", "title": section.title, "blocks": [_block(block) for block in section.blocks]}
        for number, section in enumerate(sections, 1)
    ]
    return template.render(sections=drawn, **parts)


def cell_text(cell: Any) -> str:
    """Return the cell of a table as text.

    >>> cell_text(26684), cell_text(0.91449), cell_text(float("nan")), cell_text(Interval(0.9, 0.8, 0.95))
    ('26,684', '0.914', '–', '0.90 (0.80–0.95)')
    """
    if hasattr(cell, "item"):
        cell = cell.item()
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return "–"
    if isinstance(cell, Interval):
        return format(cell, ".2f")
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int):
        return f"{cell:,}"
    return f"{cell:.3g}".replace("-", "−") if isinstance(cell, float) else str(cell)


def _as_synthetic(one: Headline) -> Headline:
    """Return a score of the headline with the word that it was measured on synthetic patients; other figures as they are."""
    if not isinstance(one.value, Interval):
        return one
    return replace(one, note="; ".join(filter(None, (one.note, "synthetic patients"))))


def _card(one: Headline) -> dict[str, Any]:
    """Return a headline for the template: the figure, its interval as text, and the interval's position on its line in percent."""
    card: dict[str, Any] = {"label": one.label, "value": cell_text(one.value), "between": "", "line": None, "note": one.note}
    if isinstance(one.value, Interval):
        score = one.value
        card["value"] = "–" if math.isnan(score.value) else f"{score.value:.2f}".replace("-", "−")
        card["between"] = f"{score.low:.2f} – {score.high:.2f}".replace("-", "−") if score.is_known else "no interval"
        if score.is_known and one.scale:
            low, high = one.scale

            def place(number: float) -> float:
                return round(100 * min(max((number - low) / (high - low), 0), 1), 2)

            card["line"] = {
                "left": place(score.low),
                "width": max(round(place(score.high) - place(score.low), 2), 0.8),
                "at": place(score.value),
                "chance": None if one.chance is None else place(one.chance),
                "ends": [f"{low:g}", f"{high:g}"],
            }
    return card


def _block(block: Block) -> dict[str, Any]:
    if isinstance(block, Picture):
        return _picture(block)
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Note):
        if block.kind not in ("info", "warning"):
            raise BadSetting(f"Note(kind={block.kind!r}): expected 'info' or 'warning'.")
        return {"kind": "note", "level": block.kind, "paragraphs": _paragraphs(block.text)}
    if isinstance(block, Link | Command):
        return {"kind": type(block).__name__.lower(), **vars(block)}
    return {"kind": "text", "paragraphs": _paragraphs(block.text)}


def _picture(block: Picture) -> dict[str, Any]:
    named = str(block.png) if isinstance(block.png, Path) else f"Picture {block.caption[:40]!r}"
    content = block.png.read_bytes() if isinstance(block.png, Path) else block.png
    if not content.startswith(PNG_BEGINS) or len(content) < 24:
        raise BadSetting(f"{named}: is not a PNG. Draw it again, or give the bytes of `png_bytes(figure)`.")
    if not block.alt.strip():
        raise BadSetting(f"{named}: has no alternative text. Describe the picture in a sentence for readers who cannot see it.")
    # The size reserves space before a picture is decoded, so that the text does not move while it loads.
    width, height = (int.from_bytes(content[start : start + 4], "big") for start in (16, 20))
    data = base64.b64encode(content).decode("ascii")
    size = {"width": width, "height": height, "wide": block.wide}
    return {"kind": "picture", "data": data, **size, "caption": block.caption, "alt": block.alt}


def _table(block: Table) -> dict[str, Any]:
    for row in block.rows:
        if len(row) != len(block.columns):
            raise BadSetting(f"Table {block.caption[:40]!r}: a row has {len(row)} cells for {len(block.columns)} columns: {list(row)!r}.")
    columns = list(zip(*block.rows, strict=True)) if block.rows else [() for _ in block.columns]
    numeric = [any(not isinstance(cell, str) and cell is not None for cell in column) for column in columns]
    heads = list(zip(block.columns, numeric, strict=True))
    rows = [list(zip(map(cell_text, row), numeric, strict=True)) for row in block.rows]
    return {"kind": "table", "columns": heads, "rows": rows, "caption": block.caption, "folded": block.folded}


def _paragraphs(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]
