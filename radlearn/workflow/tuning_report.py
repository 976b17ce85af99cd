"""The report of a task's `tune` command: a table on the terminal, `tuning/` in the run folder, and JSON values.

It names the score files that were written with the previous choice, because they no longer describe the run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure
from rich.box import SIMPLE_HEAD
from rich.table import Table as TerminalTable

from radlearn.amounts import counted
from radlearn.json_files import write_json
from radlearn.pictures.report import SYNTHETIC, Block, Headline, Note, Picture, Section, Table, Text, cell_text, write_report
from radlearn.pictures.style import save_png
from radlearn.progress import console, say
from radlearn.training.run_folder import Run
from radlearn.workflow.report_frame import INTERVALS, SaveFigure

CROSS_FITTING = (
    "All of this was chosen on validation persons. Scores chosen on other persons are cross-fitted: each fifth of the persons is evaluated "
    "with what was chosen on the other four fifths. Scores on the same persons as the choice are too optimistic."
)
METHOD = f"{CROSS_FITTING} For scores on test persons, who took no part in training or choosing, run 'evaluate'."


@dataclass(frozen=True)
class NamedFigure:
    """A figure with the name of its file, its caption and its alternative text."""

    name: str
    figure: Figure
    caption: str
    alt: str


@dataclass(frozen=True)
class Tuning:
    """What was chosen, and the evidence for it."""

    title: str
    # The choice in a sentence or two.
    words: str
    headline: Sequence[Headline]
    # The first is also printed on the terminal.
    tables: Sequence[Table]
    drawn: Sequence[NamedFigure]
    warnings: Sequence[str]
    # Further entries of `tuning.json`, as JSON values.
    content: Mapping[str, Any]
    # Whether the choice differs from the previous one.
    changed: bool
    # Further arguments that `evaluate` needs with this choice, not quoted.
    evaluate_with: Sequence[object] = ()
    # Plural name of the cases.
    items: str = "X-rays"


def postprocessing_blocks(
    ablation: Table, drawn: Sequence[NamedFigure], values: Sequence[Sequence[Any]], picture: SaveFigure
) -> list[Block]:
    """Return how a run's postprocessing was chosen, for the report of its evaluation; `values` as name, value, meaning."""
    return [
        Note(CROSS_FITTING),
        *(picture(one.name, one.figure, one.caption, one.alt, wide=True) for one in drawn),
        ablation,
        Table(("postprocessing", "value", "meaning"), values, "The postprocessing, as postprocessing.json in the run folder has it."),
    ]


def mean_blocks(values: Sequence[Sequence[Any]]) -> list[Block]:
    """Return the postprocessing of an ensemble whose runs were validated on different persons; `values` as in `postprocessing_blocks`."""
    return [
        Note(
            "The runs were validated on different persons. Each case that one of them was validated on was in another's training, so no "
            "postprocessing could be chosen for what they predict together: this is the mean of their own."
        ),
        Table(("postprocessing", "value", "meaning"), values, "The postprocessing, as postprocessing.json in this folder has it."),
    ]


def report_tuning(run: Run, persons: Sequence[str], tuning: Tuning) -> dict[str, Any]:
    """Print the choice and write `tuning/` into the run folder; `persons` (cases,) are those of the validation cases.

    Returns:
        the content of `tuning/tuning.json`. `scores_of_before` lists the score files that were written with the previous choice.
    """
    stale = sorted(str(path.relative_to(run.folder)) for path in run.folder.glob("**/scores*.json")) if tuning.changed else []
    synthetic = bool(run.about.get("synthetic"))
    content = {
        "task": run.task,
        "split": "validation",
        "synthetic": synthetic,
        "cases": len(persons),
        "persons": len(set(persons)),
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
        [Section("What was tried", [Note(METHOD), *warnings, *tuning.tables]), Section("The curves", [*pictures, Text(tuning.words)])],
        ribbon=SYNTHETIC if synthetic else "",
        facts=[
            ("run", run.folder.name),
            ("chosen on", f"validation: {counted(len(persons), tuning.items)} of {counted(content['persons'], 'persons')}"),
        ],
        footers=[INTERVALS],
    )
    write_json(folder / "tuning.json", content)
    _print(run, tuning, stale)
    say(f"Report: {page}")
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
    if run.about.get("synthetic"):
        say(f"{SYNTHETIC}.")
    say(tuning.words if tuning.changed else f"{tuning.words} Unchanged: earlier scores remain valid.", style="bold")
    for text in tuning.warnings:
        say(text, style="yellow")
    if stale:
        say(f"{', '.join(stale)}: written with the previous choice; no longer the scores of this run.", style="yellow")
    if tuning.changed:
        say(f"Next: {run.command('evaluate', run.folder, *tuning.evaluate_with)}")
