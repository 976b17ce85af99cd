"""The scores of an evaluation on the terminal, with their intervals."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from radlearn.amounts import counted
from radlearn.pictures.report import SYNTHETIC
from radlearn.pictures.style import spoken
from radlearn.progress import console
from radlearn.workflow.scores_file import interval_of


def show_scores(found: Mapping[str, Any], labels: Mapping[str, str]) -> None:
    """Print the scores of a score file on standard error; `labels` names scores that only one challenge has.

    Scores on synthetic patients say so in the heading, so that none is taken for a place on a leaderboard.
    """
    amounts = f"{counted(found['cases'], 'cases')} of {counted(found['persons'], 'persons')}"
    title = f"{found['task']}, evaluated on {found['split']}: {amounts}" + (f". {SYNTHETIC}" if found["synthetic"] else "")
    table = Table(title=title, title_justify="left")
    table.add_column("score", no_wrap=True)
    table.add_column("value", justify="right")
    table.add_column("95 % interval")
    for name, score in found["scores"].items():
        interval = interval_of(score)
        value = "–" if interval.value != interval.value else f"{interval.value:.3f}"
        table.add_row(spoken(name, labels), value, f"{interval.low:.3f} to {interval.high:.3f}" if interval.is_known else "–")
    console.print(table)
