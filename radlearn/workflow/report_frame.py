"""What the reports of all tasks share: file names, the frame of the page, tables of scores, training curves and settings."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from matplotlib.figure import Figure

from radlearn.errors import BadRunFolder
from radlearn.pictures import curves
from radlearn.pictures.report import SYNTHETIC, Block, Headline, Note, Picture, Section, Table, replace_section, write_report
from radlearn.pictures.style import save_png, spoken
from radlearn.progress import progress_bar, say
from radlearn.training.loading import case_seed
from radlearn.training.run_files import CHANGED
from radlearn.training.run_folder import Run
from radlearn.training.splits import count_by_subset, split_of
from radlearn.workflow.scores_file import interval_of
from radlearn.workflow.spread import spread_section

INTERVALS = "Intervals hold 95 %: a bootstrap over persons, each drawn with all their images."


class SaveFigure(Protocol):
    """Saves a figure as NAME.png and returns it as a picture of the page."""

    def __call__(self, name: str, figure: Figure, caption: str, alt: str, wide: bool = False) -> Picture: ...


@contextmanager
def saved_figures(folder: Path, count: int) -> Iterator[SaveFigure]:
    """Provide a function that saves pictures in a folder, with a progress bar for about `count` of them."""
    with progress_bar("writing the report", count, "pictures") as bar:

        def picture(name: str, figure: Figure, caption: str, alt: str, wide: bool = False) -> Picture:
            path = save_png(figure, folder / f"{name}.png")
            bar.advance()
            return Picture(path, caption, alt, wide)

        yield picture


def write_run_report(
    run: Run,
    found: Mapping[str, Any],
    title: str,
    subtitle: str,
    headline: Sequence[Headline],
    sections: Mapping[str, Callable[[SaveFigure], list[Block]]],
    pictures: int,
) -> Path:
    """Write the pictures and the report of an evaluated run. One of several repeats begins with its place among them.

    Args:
        found: the content of its score file.
        sections: heading -> function that draws the section, in order.
        pictures: about how many there will be, for the progress bar.

    Returns:
        the path of the page, as `report_path`. Its pictures are in `pictures/` for the split "test", in `pictures/SPLIT` for any other.
    """
    split = found["split"]
    page, folder = report_path(run, split), run.pictures if split == "test" else run.pictures / split
    with saved_figures(folder, pictures) as picture:
        drawn = [Section(heading, blocks(picture)) for heading, blocks in sections.items()]
    among_repeats = spread_section(run, found)
    drawn = drawn if among_repeats is None else [among_repeats, *drawn]
    if doubts := found.get("notes"):
        drawn = [Section("What is doubtful", [Note(note, "warning") for note in doubts]), *drawn]
    members = [Path(folder).name for folder in run.about.get("runs", ())]
    facts = [
        ("run", f"ensemble of {len(members)}: {', '.join(members)}" if members else run.folder.name),
        ("evaluated on", split if run.evaluated_on is None else f"{split}: {run.evaluated_on}"),
        ("network", str(run.settings.get("network", ""))),
        ("trained on", run.about["data"]),
    ]
    ribbon = SYNTHETIC if found["synthetic"] else ""
    write_report(page, title, subtitle, headline, drawn, ribbon=ribbon, facts=facts, footers=[INTERVALS])
    say(f"Report: {page}")
    return page


def report_path(run: Run, split: str) -> Path:
    """Return where the report on a split is: `report.html` for "test", `report-SPLIT.html` for any other."""
    return run.folder / ("report.html" if split == "test" else f"report-{split}.html")


def renew_spread(run: Run, found: Mapping[str, Any]) -> None:
    """Show the place of a run among its repeats as it is now; `found`: the content of its score file."""
    page, section = report_path(run, found["split"]), spread_section(run, found)
    if section is not None and page.exists():
        replace_section(page, section)


def split_table(run: Run, items: str) -> Table:
    """Return how many items (such as "X-rays") of how many persons each subset of a run's split holds."""
    rows = [[subset, *counts] for subset, counts in count_by_subset(split_of(run)).items()]
    return Table(["subset", items, "persons"], rows, f"Split by person: no person's {items} are in two subsets.")


def score_table(found: Mapping[str, Any], meanings: Mapping[str, str], caption: str, labels: Mapping[str, str] | None = None) -> Table:
    """Return the scores of a score file with their meanings; `labels` names scores that only one challenge has."""
    rows = [[spoken(name, labels), interval_of(score), meanings[name]] for name, score in found["scores"].items()]
    caption = f"{caption} {SYNTHETIC}." if found.get("synthetic") else caption
    return Table(["score", "value (95 % interval)", "meaning"], rows, caption)


def random_order(count: int) -> list[int]:
    """Return the numbers below `count` in a random order that is always the same."""
    return np.random.default_rng(case_seed(0, count)).permutation(count).tolist()


def training_blocks(
    run: Run, scores: Sequence[str], best_by: str, picture: SaveFigure, labels: Mapping[str, str] | None = None
) -> list[Block]:
    """Return the training curves and the table of settings.

    Args:
        scores: validation scores to draw, including `best_by`.
        best_by: the score that selects the best weights.
        labels: display names of scores that only one challenge has.
    """
    keep, history = run.settings.get("keep", "best"), run.history
    for number, line in enumerate(history, start=1):
        if lacking := [name for name in (*scores, "loss") if name not in line] or [best_by] * (line.get(best_by) is None):
            raise BadRunFolder(f"{run.history_file}, line {number}: {lacking[0]} is missing. {CHANGED} {run.history_again}")
    figure = curves.history_figure(history, scores, best_by, labels, keep)
    rows = [[name, str(value)] for name, value in run.settings.items()]
    alt = "Training loss and validation scores over the epochs."
    which = "the first of the runs" if "runs" in run.about else "this run"
    return [
        picture("history", figure, f"The training of {which}. The weights of the {keep} epoch were kept.", alt, wide=True),
        Table(["setting", "value"], rows, f"The settings of {which}.", folded=True),
    ]
