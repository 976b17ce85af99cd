"""Every task once, on built-in patients: trained, evaluated, and one page with the scores, the reports and what to type next."""

import os
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.table import Table as TerminalTable

import radlearn
from radlearn import hints
from radlearn.errors import BadSetting
from radlearn.pictures.report import SYNTHETIC, Block, Command, Link, Note, Section, Table, write_report
from radlearn.pictures.style import spoken
from radlearn.progress import console, say
from radlearn.training.run_folder import Run
from radlearn.use_cases import USE_CASES
from radlearn.workflow.data_source import built_in_folder
from radlearn.workflow.scores_file import interval_of
from radlearn.workflow.splits import cases_by_subset
from radlearn.workflow.task import AnyTask


def demo(share: float = 1.0, seed: int = 0, epochs: int | None = None, out: Path | None = None) -> None:
    """Train and evaluate every task on built-in patients, which are made at the first call.

    Args:
        share: How many cases to make, as a share of the usual number (800 X-rays, 120 CTs).
        seed: Another seed, other patients and another training.
        epochs: Passes over the training cases; those of the default presets if not named.
        out: Folder for the runs and the page; runs in the current folder if not named.
    """
    if not 0 < share <= 100:
        raise BadSetting(f"--share is {share:g}; it must be above 0 and at most 100. 1 is the usual number of cases.")
    begun, names = time.monotonic(), [name for name, one in USE_CASES.items() if one.load_challenge().built_in]
    say(f"radlearn demo: {', '.join(names)} on built-in patients. For learning and research, not for clinical use.")
    sections, commands = [], []
    page = (out or Path("runs")) / "demo.html"
    for name in names:
        api = getattr(radlearn, name)
        task: AnyTask = api.task
        usual = task.challenge.built_in
        assert usual is not None
        cases = built_in_folder(task.challenge, max(1, round(share * usual.count)), seed)
        settings = replace(next(iter(task.presets.values())), seed=seed)
        run = api.train_with(settings if epochs is None else replace(settings, epochs=epochs), cases, out and out / name)
        scores = api.evaluate(run)
        sections.append(_section(name, task, run, scores, page))
        example = cases_by_subset(task.challenge.find_cases(cases), run)["test"][0].path
        commands += _commands(name, run, example)
    minutes, seconds = divmod(round(time.monotonic() - begun), 60)
    note = f"All of it took {minutes} min {seconds:02d} s."
    _tell(sections, commands)
    _write_page(page, sections, commands, note)
    say(f"{note} Open this page in a browser: {page}", style="bold")


def _section(name: str, task: AnyTask, run: Run, scores: dict[str, Any], page: Path) -> Section:
    """Return the scores of a task beside its trivial baselines, and the link to its report."""
    labels = {task.challenge.box_score.name: task.challenge.box_score.label} if task.challenge.box_score else {}
    rows = [[spoken(score, labels), *_numbers(scores["scores"][score])] for score in task.headline_scores]
    rows += [[_baseline_name(baseline, scores["scores"], labels), *_numbers(found)] for baseline, found in scores["baselines"].items()]
    caption = f"On {scores['cases']:,} {task.challenge.units} of {scores['persons']:,} persons that were not trained on. {SYNTHETIC}."
    report = Link("Report", os.path.relpath(run.folder / "report.html", page.parent), "with all scores, pictures and settings")
    return Section(name.capitalize(), [Table(("score", "value", "95 % interval"), rows, caption), report])


def _baseline_name(baseline: str, scores: Iterable[str], labels: dict[str, str]) -> str:
    """Return the name of a baseline, which ends with the score that it is a baseline for.

    >>> _baseline_name("view_only_auroc_score", ["auroc_score"], {}), _baseline_name("no_box_hit_score", ["hit_score"], {})
    ('baseline: AUROC of view only', 'baseline: hit score of no box')
    """
    score = max((one for one in scores if baseline.endswith(f"_{one}")), key=len, default="")
    what = baseline.removesuffix(f"_{score}").replace("_", " ")
    return f"baseline: {spoken(score, labels)} of {what}" if score else f"baseline: {what}"


def _commands(name: str, run: Run, example: Path) -> list[Command]:
    predicted = run.folder / "example"
    return [
        Command(hints.command(name, "predict", run.folder, example, "--out", predicted), f"{name.capitalize()}: predict for a test image"),
        Command(hints.command(name, "train", "--epochs", 5), "Train again with another setting; --help lists them all"),
    ]


def _tell(sections: list[Section], commands: list[Command]) -> None:
    for section in sections:
        found = section.blocks[0]
        assert isinstance(found, Table)
        table = TerminalTable(title=f"{section.title}. {found.caption}", title_justify="left")
        for place, column in enumerate(found.columns):
            table.add_column(column, justify="right" if place == 1 else "left")
        for row in found.rows:
            table.add_row(*row, style="dim" if row[0].startswith("baseline") else None)
        console.print(table)
    say("What to type next:")
    for one in commands:
        say(f"  # {one.meaning}\n  {one.line}")


def _write_page(page: Path, sections: list[Section], commands: list[Command], note: str) -> None:
    data = "To train on a challenge's own data, name their folder: radlearn TASK train --data FOLDER. Each lesson says where to get them."
    last: list[Block] = [*commands, Note(data)]
    write_report(
        page,
        "What radlearn learnt from its built-in patients",
        f"{len(sections)} models, trained and evaluated on this machine. {note}",
        [],
        [*sections, Section("What to type next", last)],
        ribbon=SYNTHETIC,
        footers=["Intervals are 95 % bootstrap intervals over persons."],
    )


def _numbers(score: dict[str, float | None]) -> tuple[str, str]:
    interval = interval_of(score)
    value = "–" if interval.value != interval.value else f"{interval.value:.3f}"
    # Medians have no interval.
    return value, f"{interval.low:.3f} to {interval.high:.3f}" if interval.is_known else "–"
