"""The RSNA Pneumonia Detection Challenge 2018 as one object. Its folder is described in `rsna.layout`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from radlearn.challenges.challenge import BuiltInCases, Challenge, ScoredSubmission, Scorer
from radlearn.challenges.first_tables.table import FirstTable, table_of_labels, xray_table
from radlearn.challenges.rsna.audit import audit_folder
from radlearn.challenges.rsna.grid import on_the_challenges_grid
from radlearn.challenges.rsna.layout import (
    CLASS_TABLE,
    LABELS_TABLE,
    Case,
    find_cases,
    find_images,
    layout_folder,
    near_layout,
    write_tables,
)
from radlearn.challenges.rsna.score import BOX_SCORE
from radlearn.challenges.rsna.scoring import score_submission
from radlearn.challenges.rsna.submission import write_submission
from radlearn.challenges.tables.table_boxes import BOX
from radlearn.metrics.boxes import FoundBoxes
from radlearn.progress import waiting

__all__ = ["CHALLENGE", "Case", "find_cases", "find_images", "layout_folder", "write_tables"]


@dataclass(frozen=True)
class BoxOptions:
    """Options of `radlearn score rsna`."""

    # Height and width of the X-rays, on whose grid both tables are.
    size_px: tuple[int, int] = (1024, 1024)


@dataclass(frozen=True)
class ProbabilityOptions:
    """Options of `radlearn score classification`."""

    # An X-ray is called positive from this probability on.
    threshold: float = 0.5
    # A table with patientId and view, or a folder of the X-rays, for the AUROC within a view; a table is looked for beside truth.
    views: Path | None = None


def _score_boxes(truth: Path, submission: Path, options: BoxOptions) -> ScoredSubmission:
    with waiting("scoring"):
        return score_submission(truth, submission, options.size_px)


def _score_probabilities(truth: Path, submission: Path, options: ProbabilityOptions) -> ScoredSubmission:
    from radlearn.challenges.rsna.probability_scoring import score_probabilities  # SciPy, which doubles the time to import a challenge

    with waiting("scoring"):
        return score_probabilities(truth, submission, options.threshold, options.views)


def _first_table(folder: Path, positive: Sequence[str]) -> FirstTable:
    table = _table_of(folder, positive)
    # Without boxes there is nothing that a detector could learn.
    table.trains = "" if BOX[0] in table.columns else "classification"
    return table


def _table_of(folder: Path, positive: Sequence[str]) -> FirstTable:
    if layout_folder(folder) is None:
        return xray_table(folder, positive)
    cases = find_cases(folder)
    if cases and cases[0].labels:
        return table_of_labels(cases, "The folder holds the table of NIH ChestX-ray14.")
    table = FirstTable(("path", "id", "person", *BOX, "category"), assumed=["The folder is in the layout of the RSNA challenge."])
    for case in cases:
        for ends in case.boxes_xyxy_px or [("",) * 4]:
            box = dict(zip(BOX, ends, strict=True))
            table.rows.append({"path": case.path, "id": case.image_id, "person": case.person, **box, "category": case.category or ""})
    return table


_TRUTH = "The labels table, such as stage_2_train_labels.csv; persons.csv beside it says who is on which X-ray."

CHALLENGE: Challenge[Case, FoundBoxes] = Challenge(
    name="rsna",
    title="RSNA Pneumonia Detection Challenge 2018",
    unit="X-ray",
    units="X-rays",
    layout_folder=layout_folder,
    find_cases=find_cases,
    find_images=find_images,
    first_table=_first_table,
    write_submission=lambda path, predictions, cases: write_submission(path, on_the_challenges_grid(predictions, cases)),
    # The second is the classification lesson's own.
    built_in=BuiltInCases("radlearn.digital_thorax.cohort:write_rsna", 800),
    box_score=BOX_SCORE,
    scorers=(
        Scorer(
            name="rsna",
            about="Score a submission file as the RSNA Pneumonia Detection Challenge 2018 does.",
            options=BoxOptions,
            score=_score_boxes,
            truth=_TRUTH,
            submission="The file to score: patientId,PredictionString, a row for every image of the labels table.",
            table="Write a CSV table with a row for every image: its score, boxes and hits.",
            table_begins=b"patientid,person,score,",
        ),
        Scorer(
            name="classification",
            about="Score probabilities, one an X-ray, against the labels of the RSNA challenge.",
            options=ProbabilityOptions,
            score=_score_probabilities,
            truth=f"{_TRUTH} Also patientId,Target alone, or your own table with path or id, label and person.",
            submission="The table to score: patientId,probability, a row for every image of the labels table; other columns are ignored.",
            table="Write a CSV table with a row for every image: its view, label, probability and decision.",
            table_begins=b"patientid,person,view,target,probability,called,",
        ),
    ),
    audit=audit_folder,
    near_layout=near_layout,
    tables=(LABELS_TABLE, CLASS_TABLE, "stage_2_sample_submission.csv"),
)
