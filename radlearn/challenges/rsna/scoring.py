"""The RSNA challenge's score of a submission file, with an interval by person, and what each X-ray contributes to it.

A mean hides what it is made of, so three figures stand beside it: the share of true boxes hit (IoU above 0.4, the least the challenge
counts), the false boxes on healthy X-rays that this costs, and how well the highest confidence of an X-ray tells X-rays with a box from
those without.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from radlearn.amounts import part_of
from radlearn.challenges.box_edges import cut_off
from radlearn.challenges.challenge import ScoredSubmission
from radlearn.challenges.header_persons import PERSONS_TABLE
from radlearn.challenges.readings.box_readings import order_reading, other_reading
from radlearn.challenges.readings.probability_readings import one_class_notes, reversed_notes
from radlearn.challenges.readings.resized_images import XRAY_SIZE_PX
from radlearn.challenges.readings.row_orders import orders_of
from radlearn.challenges.rsna import tables
from radlearn.challenges.rsna.layout import read_persons
from radlearn.challenges.rsna.score import BOX_SCORE
from radlearn.challenges.rsna.submission import read_submission, shares_trouble
from radlearn.challenges.tables.csv_rows import table_text, table_text_of
from radlearn.challenges.troubles import listed
from radlearn.errors import BadLayout
from radlearn.files import write_text
from radlearn.metrics.boxes import MatchedBoxes, matched_in_images, mean_over_images
from radlearn.metrics.froc import false_boxes_on_healthy_images
from radlearn.metrics.intervals import bootstrap_interval
from radlearn.metrics.predictions import OneOrPerDraw, share
from radlearn.metrics.ranking import auroc_score
from radlearn.number_bounds import MOST_PX, checked_number

CONFIDENT = "Are confidences those of no opacity (1 − p)?"
SCORES = ("rsna_score", "box_sensitivity", "false_boxes_per_healthy_image", "auroc_score")


@dataclass(frozen=True, kw_only=True)
class ScoredBoxes(ScoredSubmission):
    """The scores named in SCORES, and one row an image of what they are made of, in the order of the labels table."""

    scorer = "rsna"
    image_scores: np.ndarray  # float64 (images,), NaN where the X-ray is left out of the mean: nothing there, nothing found
    hits: np.ndarray  # int (8, images): true boxes hit at IoU above 0.40, 0.45, …, 0.75
    found_boxes: np.ndarray  # int (images,)
    true_boxes: np.ndarray  # int (images,)

    def details(self) -> dict[str, Any]:
        in_the_mean = int(np.isfinite(self.image_scores).sum())
        return {"cases_in_the_mean": in_the_mean, "true_boxes": int(self.true_boxes.sum()), "found_boxes": int(self.found_boxes.sum())}

    def summary(self) -> list[str]:
        xrays, left_out = len(self.image_ids), int(np.isnan(self.image_scores).sum())
        return [
            f"X-rays: {xrays:,}. True boxes: {self.true_boxes.sum():,}. Found boxes: {self.found_boxes.sum():,}.",
            f"rsna_score is the challenge's own. X-rays without a true and without a found box are left out of it: {left_out:,}.",
            "box_sensitivity counts a true box as hit by an IoU above 0.40. auroc_score ranks X-rays by their highest confidence.",
        ]

    def write_table(self, path: Path) -> None:
        """Write a row an image: its score (empty where it is left out of the mean), its boxes, and the hits at every threshold."""
        columns = ["patientId", "person", "score", "true_boxes", "found_boxes", *(f"hits_{above:.2f}" for above in BOX_SCORE.ious_above)]
        scores = ["" if np.isnan(score) else f"{score:.6f}" for score in self.image_scores]
        rows = zip(self.image_ids, self.persons, scores, self.true_boxes, self.found_boxes, *self.hits, strict=True)
        write_text(path, table_text(columns, rows, exact=False))


def score_submission(
    labels_csv: Path, submission: Path, size_px: tuple[int, int] = XRAY_SIZE_PX, draws: int = 1000, seed: int = 0
) -> ScoredBoxes:
    """Score a submission file of any tool as the challenge does.

    Args:
        labels_csv: a table such as `stage_2_train_labels.csv`. Who the persons are comes from `persons.csv`, or RSNA's mapping to NIH
            ChestX-ray14, beside it; an image listed in neither is a person of its own, and `notes` say so.
        submission: the file to score; it must hold a prediction for every image of the labels table.
        size_px: (height, width) of the X-rays, on whose grid both tables are.
        draws, seed: of the bootstrap.

    Raises:
        BadLayout: a table is not there, or something in it cannot be scored: the message names lines, values and rules.
        BadSetting: no X-ray has that size.
    """
    for length in size_px:
        checked_number("--size-px", length, 1, MOST_PX)
    labels_csv, submission = Path(labels_csv), Path(submission)
    images = labels_of(labels_csv, size_px)
    predictions = read_submission(submission, images, size_px)
    if trouble := shares_trouble(predictions, size_px):
        raise BadLayout(listed(submission, [f"{submission.name}: {trouble}"]))
    person_of, notes = persons_beside(labels_csv, images)
    persons = tuple(person_of.get(image_id, image_id) for image_id in images)
    found = [predictions[image_id] for image_id in images]
    truth = [np.array(image.boxes_xyxy_px).reshape(-1, 4) for image in images.values()]
    matches = matched_in_images(found, truth, BOX_SCORE.ious_above)
    image_scores = BOX_SCORE.image_scores(found, truth)
    hits = np.stack([np.bincount(matches.image[hit >= 0], minlength=len(images)) for hit in matches.hit])
    interval = partial(bootstrap_interval, draws=draws, seed=seed)
    scores = {
        "rsna_score": interval(mean_over_images, persons, image_scores),
        "box_sensitivity": interval(_share_hit, persons, hits[0], matches.true_count),
        "false_boxes_per_healthy_image": interval(mean_over_images, persons, false_boxes_on_healthy_images(found, truth)),
        "auroc_score": interval(auroc_score, persons, _highest_confidences(matches), matches.true_count > 0),
    }
    in_file = list(predictions.values())
    other_orders = orders_of(list(predictions), dict(zip(images, truth, strict=True)))
    looks_like = filter(None, [other_reading(found, truth, size_px) or order_reading(in_file, other_orders)])
    with_boxes = matches.true_count > 0
    more = [*looks_like, *one_class_notes(with_boxes), *reversed_notes(scores["auroc_score"], with_boxes, CONFIDENT)]
    return ScoredBoxes(
        image_ids=tuple(images), persons=persons, scores=scores, notes=(*notes, *more), image_scores=image_scores, hits=hits,
        found_boxes=matches.found_count, true_boxes=matches.true_count,
    )  # fmt: skip


def _share_hit(hits: np.ndarray, true_boxes: np.ndarray, weights: np.ndarray | None = None) -> OneOrPerDraw:
    w = np.ones(len(hits)) if weights is None else weights
    return share(w @ hits, w @ true_boxes)


def _highest_confidences(matches: MatchedBoxes) -> np.ndarray:
    """Return the highest confidence of each X-ray; −1, below any confidence, where nothing was found."""
    highest = np.full(len(matches.true_count), -1.0)
    np.maximum.at(highest, matches.image, matches.confidences)
    return highest


def labels_of(path: Path, size_px: tuple[int, int] | None = None) -> dict[str, tables.LabelledImage]:
    """Read the labels to score against. `size_px`: (height, width) that no box may exceed.

    Raises:
        BadLayout: there is no such table, or something is wrong in it.
    """
    text, troubles = table_text_of(path)
    images, more = tables.labels_in(path.name, text)
    if not images and not troubles + more:
        more = [f"{path.name}: has a header and no rows."]
    height, width = size_px or (np.inf, np.inf)
    for image_id, image in images.items():
        inside = [cut_off(box, (height, width)) for box in image.boxes_xyxy_px]
        image.boxes_xyxy_px = [box for box in inside if box is not None]
        if None in inside:
            found = f"a box of {image_id} reaches beyond an X-ray of {width} × {height} px, width × height"
            hint = "Other X-rays than the challenge's: say their size (--size-px). Or are its last two numbers a corner?"
            more.append(f"{path.name}, line {image.line}: {found}. {hint}")
    if troubles + more:
        raise BadLayout(listed(path, troubles + more, "in it cannot be scored against"))
    return images


def persons_beside(labels_csv: Path, images: Mapping[str, tables.LabelledImage]) -> tuple[dict[str, str], list[str]]:
    """Return image → person from the table beside the labels, which may be packed as NAME.gz, and what a person should know about it.

    Raises:
        BadLayout: if the table cannot be understood.
    """
    table, persons, troubles, alone = read_persons((labels_csv.parent,), images)
    if table is None:
        found = f"there is no {PERSONS_TABLE}, so every image counts as a person of its own"
        return {}, [f"{labels_csv.parent}: {found}. Where people have several images, the intervals are too narrow."]
    if troubles:
        raise BadLayout(listed(table, troubles, "in it cannot be understood"))
    return persons, [f"{table.name}: lists no person for {part_of(alone, len(images), 'images')}; each counts as its own."] if alone else []
