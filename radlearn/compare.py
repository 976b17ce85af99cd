"""Runs compared person by person: which is better, by how much, how sure that is, and which cases changed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table as TerminalTable

from radlearn import hints
from radlearn.amounts import counted
from radlearn.errors import BadSetting, RadlearnError
from radlearn.folder_walks import real_path
from radlearn.json_files import read_json, write_json
from radlearn.metrics.score_differences import ScoreDifference, score_differences
from radlearn.pictures.comparison import ComparedName, difference_figure
from radlearn.pictures.report import SYNTHETIC, cell_text
from radlearn.pictures.style import save_png, spoken
from radlearn.progress import console, say, waiting
from radlearn.training.run_folder import unused_folder
from radlearn.use_cases import USE_CASES
from radlearn.workflow.compared_runs import ComparedRun, ComparedRuns, compared_runs

CHANGED_CASES = 10
LEAST_CHANGE = 1e-9
SEED_LUCK = "{names}. The interval says what other test persons could change, not what another seed could. To learn that: {command}"
WITHIN_SPREAD = "{pair}: {names} differ by less than the seeds of one of them do. More seeds may turn this round."
LOWER = "↓ lower is better"
SEEDS = "; seeds: from the lowest to the highest of one recipe"
EACH_ALONE = "Each interval stands alone: of twenty scores without a true difference, about one misses 0 by chance."


def compare(folders: Sequence[Path | str], out: Path | str | None = None, split: str = "test") -> dict[str, Any]:
    """Compare runs, or folders of repeats, with the first of them; print the result and write `compare.json` and `compare.png`.

    Args:
        folders: two or more; all evaluated on the same persons.
        out: folder for the two files; None for runs/compare/DATE-TIME.
        split: "test", or "external" for runs that were evaluated on other data.

    Returns:
        what `compare.json` holds.

    Raises:
        BadSetting: if `out` holds a comparison of other runs.
        BadSetting, BadRunFolder: as `compared_runs`.
    """
    together = compared_runs([Path(folder) for folder in folders], split)
    if out is not None:
        _refuse_other(Path(out) / "compare.json", together, split)
    # Headline scores first; the others in the order of `scores.json`.
    scores = dict(sorted(together.kept.scores.items(), key=lambda item: not item[1].headline))
    with waiting("Bootstrapping differences by person"):
        differences = score_differences(scores, together.cases.persons, [run.trainings for run in together.runs])
    first, others = together.runs[0], together.runs[1:]
    labels = _labels(together.task)
    pairs = list(zip(others, differences, strict=True))
    folder = unused_folder(Path("runs") / "compare") if out is None else Path(out)
    content = {
        "task": together.task,
        "split": split,
        "synthetic": together.synthetic,
        "cases": len(together.cases.image_ids),
        "persons": len(set(together.cases.persons.tolist())),
        "runs": [_run_content(run, together) for run in together.runs],
        "differences": [
            {
                "run": other.name,
                "against": first.name,
                "scores": {one.name: _difference_content(one, first, other) for one in found},
                "changed_cases": _changed_cases(together, first, other),
            }
            for other, found in pairs
        ],
        "quality": together.kept.quality.name,
        "warnings": _warnings(together, pairs, labels),
        "picture": str(folder / "compare.png"),
    }
    names = [ComparedName(run.name, str(run.folder), len(run.seeds)) for run in together.runs]
    save_png(difference_figure(names, differences, labels, together.synthetic), folder / "compare.png")
    write_json(folder / "compare.json", content)
    _show(content, pairs, labels)
    say(f"Written: {folder / 'compare.png'}, {folder / 'compare.json'}")
    return content


def _refuse_other(path: Path, together: ComparedRuns, split: str) -> None:
    """Raise BadSetting where a file holds another comparison, or anything else; the same one is made again in its place."""
    if not path.exists():
        return
    try:
        found = read_json(path)
        now = [real_path(run.folder) for run in together.runs]
        same = found["split"] == split and [real_path(run["folder"]) for run in found["runs"]] == now
        said = " and ".join(str(run["folder"]) for run in found["runs"])
    except (RadlearnError, KeyError, TypeError):
        same, said = False, "something else"
    if not same:
        raise BadSetting(f"{path}: holds a comparison of {said}, which would be replaced. Choose another folder with --out, or remove it.")


def verdict(difference: ScoreDifference, first: str, second: str) -> str:
    """Return in words which of two is better by a score, or why that is not known."""
    if difference.difference.value != difference.difference.value:
        return "undefined for one of them"
    if difference.holds_zero is None:
        return "no interval for a median" if not difference.score.has_interval else "too few persons for an interval"
    if difference.better is None:
        return "the interval holds 0"
    said = f"{first if difference.better == 'first' else second} is better"
    return f"{said}, by less than seeds differ" if difference.is_within_seed_spread else said


def _labels(task: str) -> dict[str, str]:
    box_score = USE_CASES[task].load_challenge().box_score
    return {box_score.name: box_score.label} if box_score else {}


def _run_content(run: ComparedRun, together: ComparedRuns) -> dict[str, Any]:
    values = {name: [score.value(columns) for columns in run.trainings] for name, score in together.kept.scores.items()}
    scores = {
        name: {"mean": float(np.mean(each)), "lowest": min(each), "highest": max(each), "by_seed": each} for name, each in values.items()
    }
    return {"name": run.name, "folder": run.folder, "seeds": run.seeds, "scores": scores}


def _difference_content(one: ScoreDifference, first: ComparedRun, second: ComparedRun) -> dict[str, Any]:
    better = {"first": first.name, "second": second.name}.get(one.better or "")
    return {
        **one.difference.as_dict(),
        "holds_zero": one.holds_zero,
        "better": better,
        "seed_spread": one.seed_spread,
        "is_within_seed_spread": one.is_within_seed_spread,
        "in_words": verdict(one, first.name, second.name),
    }


def _changed_cases(together: ComparedRuns, first: ComparedRun, second: ComparedRun) -> list[dict[str, Any]]:
    """Return the cases whose quality changed most, the mean over seeds, the largest change first."""
    before, after = (np.mean([together.kept.quality.of(columns) for columns in run.trainings], axis=0) for run in (first, second))
    ids, change = together.cases.image_ids, after - before
    order = np.lexsort((ids, -np.abs(change)))
    return [
        {
            "image_id": str(ids[row]),
            "person": str(together.cases.persons[row]),
            **{name: together.cases.columns[name][row].item() for name in together.kept.truth},
            first.name: float(before[row]),
            second.name: float(after[row]),
        }
        for row in order[:CHANGED_CASES]
        if abs(change[row]) > LEAST_CHANGE
    ]


def _warnings(
    together: ComparedRuns, pairs: Sequence[tuple[ComparedRun, Sequence[ScoreDifference]]], labels: Mapping[str, str]
) -> list[str]:
    found = []
    if single := [run.name for run in together.runs if len(run.seeds) == 1]:
        command = f"{hints.command(together.task, 'train', '--repeats', 3)} …"
        names = f"{', '.join(single)}: one seed{' each' * (len(single) > 1)}"
        found.append(SEED_LUCK.format(names=names, command=command))
    for other, differences in pairs:
        if close := [spoken(one.name, labels) for one in differences if one.is_within_seed_spread]:
            pair = f"{other.name} against {together.runs[0].name}"
            found.append(WITHIN_SPREAD.format(pair=pair, names=", ".join(close)))
    return found


def _show(content: Mapping[str, Any], pairs: Sequence[tuple[ComparedRun, Sequence[ScoreDifference]]], labels: Mapping[str, str]) -> None:
    amounts = f"{counted(content['cases'], 'cases')} of {counted(content['persons'], 'persons')}"
    say(f"{content['task']}, {content['split']}: {amounts}, the same for all.")
    if content["synthetic"]:
        say(f"{SYNTHETIC}.")
    for run in content["runs"]:
        seeds = f", the mean of {len(run['seeds'])} seeds" if len(run["seeds"]) > 1 else ""
        say(f"  {run['name']} = {run['folder']}{seeds}", style="bold")
    first = content["runs"][0]["name"]
    for (other, differences), found in zip(pairs, content["differences"], strict=True):
        has_seeds = any(one.seed_spread == one.seed_spread for one in differences)
        table = _table(f"{other.name} against {first}")
        table.caption, table.caption_justify = LOWER + SEEDS * has_seeds, "left"
        table.add_column("score")
        for column in (first, other.name, f"{other.name} − {first}", "95 % interval", *(["seeds"] * has_seeds)):
            table.add_column(column, justify="right", no_wrap=True)
        table.add_column("")
        for one in differences:
            name = spoken(one.name, labels) + ("" if one.score.higher_is_better else " ↓")
            difference, _, interval = one.in_numbers.partition(" ")
            numbers = [*map(_number, one.means), difference, interval.strip("()"), *([_number(one.seed_spread)] * has_seeds)]
            table.add_row(name, *numbers, found["scores"][one.name]["in_words"])
        console.print(table)
        _show_cases(found, content["quality"])
    for warning in content["warnings"]:
        say(warning, style="yellow")
    say(EACH_ALONE)


def _show_cases(found: Mapping[str, Any], quality: str) -> None:
    if not found["changed_cases"]:
        say("No case changed.")
        return
    table = _table(f"Cases that changed most: {quality}")
    for column, name in enumerate(found["changed_cases"][0]):
        table.add_column(name.replace("_", " "), justify="left" if column < 2 else "right")
    for case in found["changed_cases"]:
        table.add_row(*map(cell_text, case.values()))
    console.print(table)


def _table(title: str) -> TerminalTable:
    return TerminalTable(box=SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)


def _number(value: float) -> str:
    return "–" if value != value else f"{value:.3f}"
