"""What a challenge would say of predictions, computed here: no account, no upload, predictions of any tool."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from radlearn.endings import print_json
from radlearn.progress import console, say, waiting

if TYPE_CHECKING:
    from radlearn.challenges.rsna_scoring import ScoredSubmission


def score_rsna(truth: Path, submission: Path, json: bool = False, out: Path | None = None, size_px: tuple[int, int] = (1024, 1024)) -> None:
    """Score a submission file as the RSNA Pneumonia Detection Challenge 2018 does.

    Args:
        truth: The labels table, such as stage_2_train_labels.csv; persons.csv beside it tells whose films they are.
        submission: The file to score: patientId,PredictionString, a row for every image of the labels table.
        json: Print one JSON object on standard output.
        out: Write a CSV table with a row for every image: its score, boxes and hits.
        size_px: Height and width of the films, on whose grid both tables are.
    """
    from radlearn.challenges.rsna_scoring import score_submission  # NumPy and the readers, which --help needs not

    with waiting("scoring"):
        scored = score_submission(truth, submission, size_px)
    if out is not None:
        scored.write_table(out)
    if json:
        print_json({**scored.as_dict(), "truth": truth, "submission": submission})
    else:
        _tell(scored, truth, submission)
    for note in scored.notes:
        say(note, style="yellow")
    if out is not None:
        say(f"A row for every image: {out}")


def _tell(scored: "ScoredSubmission", truth: Path, submission: Path) -> None:
    found = scored.as_dict()
    table = Table(title=f"{submission.name} against {truth.name}", title_justify="left")
    table.add_column("score", no_wrap=True)
    table.add_column("value", justify="right")
    table.add_column("95 % interval")
    for name, interval in scored.scores.items():
        value = "–" if interval.value != interval.value else f"{interval.value:.3f}"
        table.add_row(name, value, f"{interval.low:.3f} to {interval.high:.3f}" if interval.is_known else "–")
    console.print(table)
    films, left_out = found["cases"], found["cases"] - found["cases_in_the_mean"]
    say(f"Films: {films:,}. True boxes: {found['true_boxes']:,}. Found boxes: {found['found_boxes']:,}.")
    say(f"rsna_score is the challenge's own. It leaves out films where nothing is and nothing was found: {left_out:,} here.")
    say("box_sensitivity counts a true box as hit by an IoU above 0.40. auroc_score ranks films by their highest confidence.")
