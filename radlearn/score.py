"""What a challenge would say of predictions, computed here: no account, no upload, predictions of any tool."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from radlearn.endings import print_json
from radlearn.progress import console, say, waiting

if TYPE_CHECKING:
    from radlearn.challenges.covid19_scoring import ScoredSubmission as ScoredMasks
    from radlearn.challenges.probability_scoring import ScoredProbabilities
    from radlearn.challenges.rsna_scoring import ScoredSubmission
    from radlearn.metrics.intervals import Interval


def score_rsna(truth: Path, submission: Path, json: bool = False, out: Path | None = None, size_px: tuple[int, int] = (1024, 1024)) -> None:
    """Score a submission file as the RSNA Pneumonia Detection Challenge 2018 does.

    Args:
        truth: The labels table, such as stage_2_train_labels.csv; persons.csv beside it tells whose X-rays they are.
        submission: The file to score: patientId,PredictionString, a row for every image of the labels table.
        json: Print one JSON object on standard output.
        out: Write a CSV table with a row for every image: its score, boxes and hits.
        size_px: Height and width of the X-rays, on whose grid both tables are.
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


def score_covid19(
    truth: Path, submission: Path, json: bool = False, out: Path | None = None, tolerance_mm: float = 1.0, smallest_ml: float = 0.1
) -> None:
    """Score lesion masks as the COVID-19-20 challenge does.

    Args:
        truth: A folder in the challenge's layout that holds the true masks, Train/ID_seg.nii.gz; the CTs need not be there.
        submission: A zip of masks, or a folder of them: 003.nii.gz for volume-covid19-A-0003, each on the grid of its CT.
        json: Print one JSON object on standard output.
        out: Write a CSV table with a row for every scan, the worst first.
        tolerance_mm: How far apart two surfaces may lie and still count as the same.
        smallest_ml: Pieces of a mask below this volume are not counted as lesions.
    """
    from radlearn.challenges.covid19_scoring import score_submission

    scored = score_submission(truth, submission, tolerance_mm, smallest_ml)
    if out is not None:
        scored.write_table(out)
    if json:
        print_json({**scored.as_dict(), "truth": truth, "submission": submission})
    else:
        _tell_of_masks(scored, truth, submission)
    for note in scored.notes:
        say(note, style="yellow")
    if out is not None:
        say(f"A row for every scan: {out}")


def score_classification(
    truth: Path, submission: Path, json: bool = False, out: Path | None = None, threshold: float = 0.5, views: Path | None = None
) -> None:
    """Score probabilities, one an X-ray, against the labels of the RSNA challenge.

    Args:
        truth: The labels table, such as stage_2_train_labels.csv; persons.csv beside it tells whose X-rays they are.
        submission: The table to score: patientId,probability, a row for every image of the labels table; other columns are left alone.
        json: Print one JSON object on standard output.
        out: Write a CSV table with a row for every image: its view, label, probability, what it was called.
        threshold: An X-ray is called positive from this probability on.
        views: A table with patientId and view, or a folder of the X-rays, for the AUROC within a view; a table is looked for beside truth.
    """
    from radlearn.challenges.probability_scoring import score_probabilities

    with waiting("scoring"):
        scored = score_probabilities(truth, submission, threshold, views)
    if out is not None:
        scored.write_table(out)
    if json:
        print_json({**scored.as_dict(), "truth": truth, "submission": submission})
    else:
        _tell_of_probabilities(scored, truth, submission)
    for note in scored.notes:
        say(note, style="yellow")
    if out is not None:
        say(f"A row for every image: {out}")


def _show(scores: "Mapping[str, Interval]", title: str) -> None:
    table = Table(title=title, title_justify="left")
    table.add_column("score", no_wrap=True)
    table.add_column("value", justify="right")
    table.add_column("95 % interval")
    for name, interval in scores.items():
        value = "–" if interval.value != interval.value else f"{interval.value:.3f}"
        table.add_row(name, value, f"{interval.low:.3f} to {interval.high:.3f}" if interval.is_known else "–")
    console.print(table)


def _tell(scored: "ScoredSubmission", truth: Path, submission: Path) -> None:
    found = scored.as_dict()
    _show(scored.scores, f"{submission.name} against {truth.name}")
    xrays, left_out = found["cases"], found["cases"] - found["cases_in_the_mean"]
    say(f"X-rays: {xrays:,}. True boxes: {found['true_boxes']:,}. Found boxes: {found['found_boxes']:,}.")
    say(f"rsna_score is the challenge's own. It leaves out X-rays where nothing is and nothing was found: {left_out:,} here.")
    say("box_sensitivity counts a true box as hit by an IoU above 0.40. auroc_score ranks X-rays by their highest confidence.")


def _tell_of_probabilities(scored: "ScoredProbabilities", truth: Path, submission: Path) -> None:
    _show(scored.scores, f"{submission.name} against {truth.name}")
    found = scored.as_dict()
    xrays, positives, counts = found["cases"], found["positives"], found["counts"]
    say(f"X-rays: {xrays:,} of {found['persons']:,} people. With an opacity: {positives:,} ({positives / xrays:.1%}).")
    say(
        f"At a threshold of {scored.threshold:g}: {counts['true_positives']:,} found, {counts['false_negatives']:,} missed, "
        f"{counts['false_positives']:,} false alarms, {counts['true_negatives']:,} rightly left alone."
    )
    share = positives / xrays
    say(f"average_precision_score is {share:.3f} for guessing, brier_error {share * (1 - share):.3f} for always saying that share.")
    say("A calibration slope under 1 says the probabilities are too sure of themselves; an intercept under 0, too high. 1 and 0 are right.")
    say("The challenge asks for boxes and scores no probabilities: these figures are on no leaderboard.")


def _tell_of_masks(scored: "ScoredMasks", truth: Path, submission: Path) -> None:
    _show(scored.scores, f"{submission.name} against {truth.name}")
    lesions, false = (sum(getattr(row, name) for row in scored.rows) for name in ("lesions", "false_lesions"))
    say(f"Scans: {len(scored.rows):,}. True lesions: {lesions:,}. False lesions: {false:,}.")
    say(
        f"The challenge's own are dice_score, surface_dice_score (here with a tolerance of {scored.tolerance_mm:g} mm) and "
        "volume_error_percent, which it gives as a fraction."
    )
    for name, scans in scored.left_out.items():
        say(f"{name} leaves out {scans:,} of the {len(scored.rows):,} scans: where a mask is empty it has no finite value.", style="yellow")
