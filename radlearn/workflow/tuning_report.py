"""A choice made again on validation people, told: a table on the terminal, `tuning/` in the run folder, one object for programs.

Every lesson's `tune` ends here. What was evaluated with the choice before is named, because its scores belong to another model now.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure
from rich.box import SIMPLE_HEAD
from rich.table import Table as TerminalTable

from radlearn.files import write_json
from radlearn.pictures.report import SYNTHETIC, Block, Headline, Note, Picture, Section, Table, Text, cell_text, write_report
from radlearn.pictures.style import save_png
from radlearn.progress import console, say
from radlearn.training.run_folder import Run

HONEST = (
    "All of this was chosen on validation people. What stands under 'others chose' was evaluated, for every fifth of them, by what the other "
    "four fifths chose: that is the honest figure. Chosen and evaluated on the same people, everything seems to help. What it is worth on "
    "people who had no part in training or choosing, only 'evaluate' says."
)


@dataclass(frozen=True)
class Drawn:
    """A figure, the name of its file, and the words for those who see it and those who do not."""

    name: str
    figure: Figure
    caption: str
    alt: str


@dataclass(frozen=True)
class Tuning:
    """What was chosen, and what led to it."""

    title: str
    # What was chosen, in a sentence or two.
    words: str
    headline: Sequence[Headline]
    # The first is also printed on the terminal.
    tables: Sequence[Table]
    drawn: Sequence[Drawn]
    # What must not be overlooked.
    warnings: Sequence[str]
    # What programs are told, as JSON values.
    content: Mapping[str, Any]
    # Whether it differs from what the run had before.
    changed: bool
    # Flags that `evaluate` now needs too.
    evaluate_with: Sequence[str] = ()
    # What the cases are called.
    items: str = "X-rays"


def tell_tuning(run: Run, people: Sequence[str], tuning: Tuning) -> dict[str, Any]:
    """Print what was chosen, write `tuning/` into the run folder, and return what programs are told.

    Args:
        people: (cases,) the person of each validation case.

    Returns:
        what `tuning/tuning.json` holds. `scores_of_before` names the score files in the run folder that belong to the choice before.
    """
    stale = sorted(str(path.relative_to(run.folder)) for path in run.folder.glob("**/scores*.json")) if tuning.changed else []
    synthetic = bool(run.about.get("synthetic"))
    content = {
        "task": run.task,
        "split": "validation",
        "synthetic": synthetic,
        "cases": len(people),
        "persons": len(set(people)),
        "changed": tuning.changed,
        "scores_of_before": stale,
        **tuning.content,
    }
    folder = run.folder / "tuning"
    pictures = [Picture(save_png(one.figure, folder / f"{one.name}.png"), one.caption, one.alt) for one in tuning.drawn]
    warnings: list[Block] = [Note(text, "warning") for text in tuning.warnings]
    page = write_report(
        folder / "tuning.html",
        tuning.title,
        tuning.words,
        tuning.headline,
        [Section("What was tried", [Note(HONEST), *warnings, *tuning.tables]), Section("The curves", [*pictures, Text(tuning.words)])],
        ribbon=SYNTHETIC if synthetic else "",
        facts=[("run", run.folder.name), ("chosen on", f"validation: {len(people):,} {tuning.items} of {content['persons']:,} people")],
        footers=["Intervals hold 95 %: a bootstrap over people, each drawn with all that is theirs."],
    )
    write_json(folder / "tuning.json", content)
    _print(run, tuning, stale)
    say(f"With curves: {page}")
    return content


def _print(run: Run, tuning: Tuning, stale: Sequence[str]) -> None:
    shown = tuning.tables[0]
    table = TerminalTable(box=SIMPLE_HEAD, title=tuning.title, title_justify="left", title_style="bold", pad_edge=False)
    for place, column in enumerate(shown.columns):
        words = all(isinstance(row[place], str) for row in shown.rows)
        table.add_column(column, no_wrap=words, justify="left" if words else "right")
    for row in shown.rows:
        table.add_row(*(f"{cell:.3f}" if isinstance(cell, float) and cell == cell else cell_text(cell) for cell in row))
    console.print(table)
    for one in tuning.headline:
        say(f"{one.label}: {cell_text(one.value)}{f' ({one.note})' if one.note else ''}")
    say(tuning.words if tuning.changed else f"{tuning.words} The same as before: what was evaluated with it holds.", style="bold")
    for text in tuning.warnings:
        say(text, style="yellow")
    again = " ".join(["radlearn", run.task, "evaluate", shlex.quote(str(run.folder)), *tuning.evaluate_with])
    if stale:
        say(f"{', '.join(stale)}: scores and report of the choice before; they belong to it, not to this one.", style="yellow")
    if tuning.changed:
        say(f"Next: {again}")
