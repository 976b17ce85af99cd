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
from radlearn.amounts import counted
from radlearn.errors import BadRunFolder, BadSetting, RadlearnError
from radlearn.json_files import read_json, write_json
from radlearn.number_bounds import MOST_EPOCHS, MOST_SEED, checked_number
from radlearn.pictures.report import SYNTHETIC, Block, Command, Link, Note, Section, Table, write_report
from radlearn.pictures.style import spoken
from radlearn.progress import console, say
from radlearn.training.run_folder import Run, open_run, unused_folder
from radlearn.training.run_state import is_finished
from radlearn.use_cases import USE_CASES
from radlearn.workflow.data_source import built_in_folder
from radlearn.workflow.scores_file import interval_of, read_scores
from radlearn.workflow.splits import cases_by_subset
from radlearn.workflow.task import AnyTask

FEW_SHARE = 0.5
"With fewer of the usual patients, the scores of the few test people say little."
UNFINISHED = "demo.unfinished.json"
"What a demo that was stopped was asked for, and its run folders: the same command goes on with them."


def demo(share: float = 1.0, seed: int = 0, epochs: int | None = None, out: Path | None = None) -> None:
    """Train and evaluate every task on built-in patients, which are made at the first call. Stopped, the same command goes on.

    Args:
        share: How many cases to make, as a share of the usual number (800 X-rays, 120 CTs).
        seed: Another seed, other patients and another training.
        epochs: Passes over the training cases; those of the default presets if not named.
        out: Folder for the runs and the page; runs in the current folder if not named.
    """
    if not 0 < share <= 100:
        raise BadSetting(f"--share is {share:g}; it must be above 0 and at most 100. 1 is the usual number of cases.")
    checked_number("--seed", seed, 0, MOST_SEED)
    if epochs is not None:
        checked_number("--epochs", epochs, 1, MOST_EPOCHS)
    begun, names = time.monotonic(), [name for name, one in USE_CASES.items() if one.load_challenge().built_in]
    say(f"radlearn demo: {', '.join(names)} on built-in patients. For learning and research, not for clinical use.")
    sections, commands = [], []
    base = out or Path("runs")
    page, note_of_runs, wishes = base / "demo.html", base / UNFINISHED, {"share": share, "seed": seed, "epochs": epochs}
    places = _begun(note_of_runs, wishes)
    for name in names:
        api = getattr(radlearn, name)
        task: AnyTask = api.task
        usual = task.challenge.built_in
        assert usual is not None
        cases = built_in_folder(task.challenge, max(1, round(share * usual.count)), seed)
        settings = replace(next(iter(task.presets.values())), seed=seed)
        settings = settings if epochs is None else replace(settings, epochs=epochs)
        goes_on = name in places
        place = Path(places.setdefault(name, str(out / name if out else unused_folder(base / name))))
        write_json(note_of_runs, {"wishes": wishes, "runs": places})
        run, scores = _gone_on_with(api, place) if goes_on and (place / "settings.json").exists() else _anew(api, settings, cases, place)
        sections.append(_section(name, task, run, scores, page))
        example = cases_by_subset(task.challenge.find_cases(cases), run)["test"][0].path
        commands += _commands(name, run, example, None if share == 1 and seed == 0 else cases)
    minutes, seconds = divmod(round(time.monotonic() - begun), 60)
    note = f"All of it took {minutes} min {seconds:02d} s."
    if share < FEW_SHARE:
        note += (
            f" Of the usual number of patients {share:.0%} were made: with so few in the test, the scores say only that everything runs."
        )
    _tell(sections, commands)
    _write_page(page, sections, commands, note)
    note_of_runs.unlink(missing_ok=True)
    say(f"{note} Open this page in a browser: {page}", style="bold")


def _begun(path: Path, wishes: dict[str, Any]) -> dict[str, str]:
    """Return task -> run folder of a demo that was stopped and was asked for the same; nothing where there is none."""
    try:
        found = read_json(path)
        runs = found["runs"] if found["wishes"] == wishes else {}
        return {str(name): str(place) for name, place in runs.items()}
    except (RadlearnError, KeyError, TypeError, AttributeError):
        return {}


def _anew(api: Any, settings: Any, cases: Path, place: Path) -> tuple[Run, dict[str, Any]]:
    run = api.train_with(settings, cases, place)
    return run, api.evaluate(run)


def _gone_on_with(api: Any, place: Path) -> tuple[Run, dict[str, Any]]:
    """Return a run, and its scores, of a demo that was stopped before, during or after its training."""
    run = open_run(place, api.task.name)
    if not is_finished(run):
        say(f"Going on with {place}, which was stopped.", style="bold")
        run = api.resume(run)
    elif (place / "report.html").exists():
        try:
            scores = read_scores(run, "test")
        except BadRunFolder as error:
            # Such as after `tune`: what the page shows must be what the run does now.
            say(str(error), style="yellow")
            return run, api.evaluate(run)
        say(f"{place} was trained and evaluated before this demo was stopped.", style="bold")
        return run, scores
    return run, api.evaluate(run)


def _section(name: str, task: AnyTask, run: Run, scores: dict[str, Any], page: Path) -> Section:
    """Return the scores of a task beside its trivial baselines, and the link to its report."""
    labels = {task.challenge.box_score.name: task.challenge.box_score.label} if task.challenge.box_score else {}
    rows = [[spoken(score, labels), *_numbers(scores["scores"][score])] for score in task.headline_scores]
    rows += [[_baseline_name(baseline, scores["scores"], labels), *_numbers(found)] for baseline, found in scores["baselines"].items()]
    caption = (
        f"On {counted(scores['cases'], task.challenge.units)} of {counted(scores['persons'], 'persons')} that "
        f"were not trained on. {SYNTHETIC}."
    )
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


def _commands(name: str, run: Run, example: Path, cases: Path | None) -> list[Command]:
    """Return what to type next; `cases` are the data of the demo where they are not those that a training uses by itself."""
    predicted, other = run.folder / "example", run.folder.with_name(f"{run.folder.name}-5-epochs")
    data = [] if cases is None else ["--data", cases]
    return [
        Command(hints.command(name, "predict", run.folder, example, "--out", predicted), f"{name.capitalize()}: predict for a test image"),
        Command(
            hints.command(name, "train", "--epochs", 5, *data, "--run", other), "Train again with another setting; --help lists them all"
        ),
        Command(hints.command(name, "evaluate", other), "Evaluate it on the same test people"),
        Command(hints.command("compare", run.folder, other), "Which of the two is better, and is the difference more than luck?"),
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
