"""How far the scores of repeats lie apart: mean, worst, lowest and highest over the seeds."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table as TerminalTable

from radlearn.amounts import counted
from radlearn.errors import BadRunFolder
from radlearn.folder_walks import real_path
from radlearn.json_files import write_json
from radlearn.pictures.report import SYNTHETIC, Command, Section, Table
from radlearn.pictures.style import spoken
from radlearn.progress import console
from radlearn.training.run_folder import Run
from radlearn.use_cases import USE_CASES
from radlearn.workflow.repeats import Repeats, repeats_of
from radlearn.workflow.scores_file import interval_of, read_scores

SECTION = "Other seeds"


def spread_of(values: Sequence[float], higher_is_better: bool | None) -> dict[str, float | None]:
    """Return mean, worst, lowest and highest of a score over seeds; all None where a run has no such score.

    Args:
        higher_is_better: None where that is not known; the worst is then None.

    >>> spread_of([0.25, 0.75, 0.5], higher_is_better=True)
    {'mean': 0.5, 'worst': 0.25, 'lowest': 0.25, 'highest': 0.75}
    """
    if not values or any(math.isnan(value) for value in values):
        return dict.fromkeys(("mean", "worst", "lowest", "highest"))
    lowest, highest = min(values), max(values)
    worst = None if higher_is_better is None else lowest if higher_is_better else highest
    return {"mean": sum(values) / len(values), "worst": worst, "lowest": lowest, "highest": highest}


def write_spread(repeats: Repeats, found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Write `spread.json` into a folder of repeats (`spread-SPLIT.json` for other splits than "test") and return its content.

    Args:
        found: the content of the score file of each run.
    """
    first, kept = found[0], USE_CASES[repeats.task].load_case_format(repeats.runs[0]) if repeats.task in USE_CASES else None
    known = {} if kept is None else {name: score.higher_is_better for name, score in kept.scores.items()}
    values = {name: [interval_of(one["scores"][name]).value for one in found] for name in first["scores"]}
    content = {
        **{key: first[key] for key in ("task", "split", "synthetic", "cases", "persons")},
        "repeats": len(found),
        "seeds": repeats.seeds,
        "scores": {name: spread_of(each, known.get(name)) for name, each in values.items()},
        "runs": [
            {"seed": seed, "run": run.folder.name, "scores": one["scores"]}
            for seed, run, one in zip(repeats.seeds, repeats.runs, found, strict=True)
        ],
    }
    write_json(repeats.folder / ("spread.json" if first["split"] == "test" else f"spread-{first['split']}.json"), content)
    return content


def show_spread(content: Mapping[str, Any], names: Sequence[str], labels: Mapping[str, str]) -> None:
    """Print the spread of some scores on the terminal; `labels` names scores that only one challenge has."""
    amounts = f"{counted(content['cases'], 'cases')} of {counted(content['persons'], 'persons')}"
    title = f"{counted(content['repeats'], 'seeds')} on one split of persons, evaluated on {content['split']}: {amounts}"
    title += f". {SYNTHETIC}" if content["synthetic"] else ""
    table = TerminalTable(title=title, title_justify="left")
    for column in ("score", "mean", "worst", "lowest to highest"):
        table.add_column(column, no_wrap=True, justify="left" if column == "score" else "right")
    # Runs of several labels have means over them in place of a task's own scores.
    for name in [name for name in names if name in content["scores"]] or list(content["scores"]):
        one = content["scores"][name]
        ends = "–" if one["lowest"] is None else f"{one['lowest']:.3f} to {one['highest']:.3f}"
        table.add_row(spoken(name, labels), *("–" if one[key] is None else f"{one[key]:.3f}" for key in ("mean", "worst")), ends)
    console.print(table)


def spread_section(run: Run, found: Mapping[str, Any]) -> Section | None:
    """Return the place of a run among its repeats, for its report; None where it stands alone.

    Args:
        found: the content of the run's score file.
    """
    repeats = repeats_of(run)
    if repeats is None:
        return None
    own_name, others = real_path(run.folder).name, len(repeats.seeds) - 1
    contents = [found if run.folder.name == own_name else _content(run, found["split"]) for run in repeats.runs]
    values = {seed: content["scores"] for seed, content in zip(repeats.seeds, contents, strict=True) if content is not None}
    if len(values) < 2:
        meaning = f"This is one of {others + 1} trainings that differ by their seed alone. The others are not evaluated yet."
        return Section(SECTION, [Command(repeats.evaluate_command, meaning)])
    rows = []
    for name, own in found["scores"].items():
        spread = spread_of([interval_of(one[name]).value if name in one else math.nan for one in values.values()], None)
        rows.append([spoken(name), interval_of(own).value, *(spread[key] for key in ("mean", "lowest", "highest"))])
    caption = (
        f"{len(values)} trainings that differ by their seed alone ({', '.join(map(str, values))}), on one split of persons. "
        "What to expect of such a training is the mean, not the best."
    )
    return Section(SECTION, [Table(["score", "this run", "mean", "lowest", "highest"], rows, caption)])


def _content(run: Run, split: str) -> Mapping[str, Any] | None:
    try:
        return read_scores(run, split)
    except BadRunFolder:
        return None
