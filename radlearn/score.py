"""The official scores of predictions of any tool, computed here: no account, no upload."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.table import Table

from radlearn import use_cases
from radlearn.endings import print_json
from radlearn.outputs import prove_output
from radlearn.pictures.report import SYNTHETIC
from radlearn.progress import console, say

if TYPE_CHECKING:
    from radlearn.challenges.challenge import Scorer
    from radlearn.metrics.intervals import Interval


def scorers() -> dict[str, "Scorer"]:
    """Return what the challenges of the registry can score, by the names on the command line."""
    return {scorer.name: scorer for challenge in use_cases.challenges().values() for scorer in challenge.scorers}


def command_of(scorer: "Scorer") -> Callable[..., None]:
    """Return the function that the command line of a scorer is made from: the flags of all scorers, and its own options."""
    options = scorer.options

    def score(
        truth: Annotated[Path, tyro.conf.arg(help=scorer.truth)],
        submission: Annotated[Path, tyro.conf.arg(help=scorer.submission)],
        json: Annotated[bool, tyro.conf.arg(help="Print one JSON object on standard output.")] = False,
        out: Annotated[Path | None, tyro.conf.arg(help=scorer.table)] = None,
        options: Annotated[options, tyro.conf.arg(name="")] = options(),  # type: ignore[valid-type]  # noqa: B008
    ) -> None:
        if out is not None:
            named = [value for value in vars(options).values() if isinstance(value, Path)]
            prove_output(out, [truth, submission, *named], scorer.table_begins, "a table of this command", ".csv")
        scored = scorer.score(truth, submission, options)
        if json:
            print_json({**scored.as_dict(), "synthetic": _is_synthetic(truth), "truth": truth, "submission": submission})
        else:
            _show(scored.scores, f"{submission.name} against {truth.name}{f'. {SYNTHETIC}' if _is_synthetic(truth) else ''}")
            for line in scored.summary():
                say(line)
        for note in scored.notes:
            say(note, style="yellow")
        if out is not None:
            # After what was found is told: a disk that fills up must not take it along.
            scored.write_table(out)
            say(f"A row for every case: {out}")

    score.__doc__ = scorer.about
    return score


def _is_synthetic(truth: Path) -> bool:
    """Tell whether the truth is that of synthetic patients: a table beside their exact truth, or their folder."""
    from radlearn.challenges.folders import holds_exact_truth

    places = [truth, *filter(Path.is_dir, truth.iterdir())] if truth.is_dir() else [truth.parent]
    return any(holds_exact_truth(place) for place in places)


def _show(scores: "Mapping[str, Interval]", title: str) -> None:
    table = Table(title=title, title_justify="left")
    table.add_column("score", no_wrap=True)
    table.add_column("value", justify="right")
    table.add_column("95 % interval")
    for name, interval in scores.items():
        value = "–" if interval.value != interval.value else f"{interval.value:.3f}"
        table.add_row(name, value, f"{interval.low:.3f} to {interval.high:.3f}" if interval.is_known else "–")
    console.print(table)
