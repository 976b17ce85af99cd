"""The evaluation of a detector: the official score, sensitivity with its false boxes, subgroups, and the trivial baselines to beat.

Wherever a sensitivity is given, the false boxes that it costs are given with it.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from radlearn.challenges.challenge import BoxScore
from radlearn.challenges.readings.probability_readings import ranking_notes
from radlearn.errors import BadSetting
from radlearn.metrics import ranking
from radlearn.metrics.boxes import FoundBoxes, mean_over_images, no_boxes
from radlearn.metrics.case_scores import score_intervals
from radlearn.metrics.froc import (
    FALSE_BOXES_PER_IMAGE,
    HIT_IOU_ABOVE,
    false_boxes_on_healthy_images,
    froc_cases,
    sensitivity_at_false_boxes,
)
from radlearn.metrics.intervals import bootstrap_band, bootstrap_interval
from radlearn.progress import waiting
from radlearn.tasks.detection.case_scores import FOUND_AND_PAID, box_cases
from radlearn.tasks.detection.postprocessing import BoxPostprocessing, postprocessed
from radlearn.tasks.xray.baselines import mean_brightness, view_baseline
from radlearn.tasks.xray.look_alikes import report_look_alikes
from radlearn.tasks.xray.radiographs import PreparedRadiograph, labels_of, persons_of, views_of
from radlearn.tasks.xray.subgroups import subgroups_of
from radlearn.training.run_folder import Run
from radlearn.workflow.cases_file import CaseFormat, write_cases
from radlearn.workflow.ood import ood_summary
from radlearn.workflow.postprocessing_file import read_postprocessing
from radlearn.workflow.scores_file import EXTERNAL, interval_of, write_scores


@dataclass(frozen=True)
class BoxEvaluation:
    """Found and true boxes, and their scores; one entry an X-ray, boxes in pixels of the X-ray's canvas."""

    box_score: BoxScore
    xrays: Sequence[PreparedRadiograph]
    labels: np.ndarray
    # Before the postprocessing.
    candidates: Sequence[FoundBoxes]
    # After it.
    found: Sequence[FoundBoxes]
    # float64 (boxes, 4) each.
    truth: Sequence[np.ndarray]
    # (cases,) how likely each X-ray shows the finding, in [0, 1].
    image_scores: np.ndarray
    persons: np.ndarray
    views: np.ndarray
    # The prediction from the view alone: the share of positive training X-rays of that view; None where no view is known.
    view_only: np.ndarray | None
    postprocessing: BoxPostprocessing
    # As `scores.json` has it.
    scores: dict[str, Any]

    @cached_property
    def scores_by_image(self) -> np.ndarray:
        """The official score of each X-ray, float64 (cases,); NaN where it is left out."""
        return self.box_score.image_scores(self.found, self.truth)

    @cached_property
    def counts(self) -> "BoxCounts":
        return counted(self.found, self.truth)

    @cached_property
    def columns(self) -> dict[str, np.ndarray]:
        """What `cases.csv` keeps of each X-ray, (cases,) each."""
        return {
            "label": self.labels,
            "view": self.views,
            "image_score": self.image_scores,
            "official_score": self.scores_by_image,
            "hits": self.counts.hits,
            "true_boxes": self.counts.true,
            "found_boxes": self.counts.found,
        }

    @cached_property
    def kept(self) -> CaseFormat:
        """The format of `cases.csv`, and the scores that follow from it."""
        return box_cases(self.box_score)

    @cached_property
    def at_every_threshold(self) -> list[FoundBoxes]:
        """The boxes of the postprocessing without its threshold, which the FROC curve is made of."""
        return postprocessed_images(self.xrays, self.candidates, self.image_scores, replace(self.postprocessing, threshold=0.0))


@dataclass(frozen=True)
class BoxCounts:
    """Boxes of each X-ray, int (cases,) each; a hit overlaps a true box by an IoU above 0.4."""

    true: np.ndarray
    found: np.ndarray
    hits: np.ndarray

    @property
    def false(self) -> np.ndarray:
        return self.found - self.hits


def evaluate_boxes(
    run: Run,
    box_score: BoxScore,
    xrays: Sequence[PreparedRadiograph],
    candidates: Sequence[FoundBoxes],
    image_scores: np.ndarray,
    split: str,
    features: np.ndarray | None = None,
) -> BoxEvaluation:
    """Compare a detector's boxes on `xrays` with the true ones, and write `scores.json` and `cases.csv`.

    Args:
        candidates: all boxes before the postprocessing, in pixels of the X-ray's canvas.
        image_scores: (cases,) how likely each X-ray shows the finding, in [0, 1].
        features: (cases, features), which tell what is unlike the training data.

    Raises:
        BadRunFolder: if the run has no postprocessing yet.
        BadSetting: if the numbers of X-rays differ.
    """
    if not len(xrays) == len(candidates) == len(image_scores):
        given = f"{len(candidates):,} predictions and {len(image_scores):,} scores"
        raise BadSetting(f"{given} for {len(xrays):,} X-rays; expected one of each per X-ray.")
    postprocessing, about = read_postprocessing(run, BoxPostprocessing)
    if split == EXTERNAL:
        report_look_alikes(run, xrays)
    labels, views = labels_of(xrays), views_of(xrays)
    evaluation = BoxEvaluation(
        box_score,
        xrays,
        labels,
        candidates,
        postprocessed_images(xrays, candidates, image_scores, postprocessing),
        [xray.boxes_on_canvas_px for xray in xrays],
        np.asarray(image_scores, dtype=np.float64),
        persons_of(xrays),
        views,
        view_baseline(views, about["view_shares"]),
        postprocessing,
        {},
    )
    with waiting("Bootstrapping intervals by person"):
        scores = _scores(evaluation)
        found = {
            "notes": ranking_notes(interval_of(scores["auroc_score"]), labels),
            "positives": int(labels.sum()),
            "postprocessing": asdict(postprocessing),
            "source": about["source"],
            "hit_iou_above": HIT_IOU_ABOVE,
            "true_boxes": int(evaluation.counts.true.sum()),
            "scores": scores,
            "froc": _froc(evaluation),
            "baselines": _baselines(evaluation, about),
            "subgroups": _subgroups(evaluation),
            "ood": _ood(run, evaluation, features),
        }
    cases = [xray.case for xray in xrays]
    write_cases(run, split, evaluation.kept, cases, evaluation.columns)
    return replace(evaluation, scores=write_scores(run, split, cases, found))


def _ood(run: Run, evaluation: BoxEvaluation, features: np.ndarray | None) -> dict[str, Any] | None:
    shown = {name: evaluation.kept.scores[name] for name in (evaluation.box_score.name, *FOUND_AND_PAID)}
    wrong = (evaluation.counts.false > 0) | (evaluation.counts.hits < evaluation.counts.true)
    return ood_summary(run, features, shown, evaluation.columns, evaluation.persons, wrong.astype(float))


def postprocessed_images(
    xrays: Sequence[PreparedRadiograph], candidates: Sequence[FoundBoxes], image_scores: ArrayLike, postprocessing: BoxPostprocessing
) -> list[FoundBoxes]:
    """Return the boxes of each X-ray after a postprocessing."""
    scores = np.asarray(image_scores, dtype=np.float64)
    return [
        postprocessed(boxes, postprocessing, xray.canvas_px, float(score))
        for xray, boxes, score in zip(xrays, candidates, scores, strict=True)
    ]


def counted(found: Sequence[FoundBoxes], truth: Sequence[np.ndarray]) -> BoxCounts:
    """Count the true, the found and the hit boxes of each X-ray."""
    cases = froc_cases(found, truth)
    return BoxCounts(cases.true_boxes, (~np.isnan(cases.confidences)).sum(axis=1), cases.hits.sum(axis=1))


def _found_and_paid(evaluation: BoxEvaluation, chosen: np.ndarray) -> dict[str, dict[str, float]]:
    shown = {name: evaluation.kept.scores[name] for name in (evaluation.box_score.name, *FOUND_AND_PAID)}
    columns = {name: column[chosen] for name, column in evaluation.columns.items()}
    return {name: score.as_dict() for name, score in score_intervals(shown, columns, evaluation.persons[chosen]).items()}


def _scores(evaluation: BoxEvaluation) -> dict[str, dict[str, float]]:
    found = score_intervals(evaluation.kept.scores, evaluation.columns, evaluation.persons)
    return {name: score.as_dict() for name, score in found.items()}


def _froc(evaluation: BoxEvaluation) -> list[dict[str, Any]]:
    """Return the sensitivity at seven numbers of false boxes per X-ray."""
    band = bootstrap_band(sensitivity_at_false_boxes, evaluation.persons, *froc_cases(evaluation.at_every_threshold, evaluation.truth))
    return [
        {"false_boxes_per_image": allowed, "sensitivity": score.as_dict()}
        for allowed, score in zip(FALSE_BOXES_PER_IMAGE, band.intervals(), strict=True)
    ]


def _baselines(evaluation: BoxEvaluation, about: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return the scores of trivial baselines: the mean true box on every bright X-ray, the view, the brightness, and no box anywhere."""
    sign, share_xyxy = about["brightness_sign"], np.asarray(about["mean_box_xyxy_share"], float)
    brightness = sign * mean_brightness(evaluation.xrays)
    mean_boxes = [
        FoundBoxes((share_xyxy * np.tile(xray.canvas_px[::-1], 2))[None], np.ones(1)) if called else no_boxes()
        for xray, called in zip(evaluation.xrays, brightness >= sign * about["brightness_cut"], strict=True)
    ]
    persons, truth, box_score = evaluation.persons, evaluation.truth, evaluation.box_score
    on_healthy = false_boxes_on_healthy_images(mean_boxes, truth)
    nothing = box_score.image_scores([no_boxes()] * len(truth), truth)
    baselines = {
        f"mean_box_{box_score.name}": bootstrap_interval(mean_over_images, persons, box_score.image_scores(mean_boxes, truth)),
        "mean_box_false_boxes_per_healthy_image": bootstrap_interval(mean_over_images, persons, on_healthy),
        # 0 as soon as one X-ray has a true box, and NaN where none has.
        f"no_box_{box_score.name}": bootstrap_interval(mean_over_images, persons, nothing),
    }
    alone = {"view_only_auroc_score": evaluation.view_only, "mean_brightness_auroc_score": brightness}
    baselines |= {
        name: bootstrap_interval(ranking.auroc_score, persons, predicted, evaluation.labels)
        for name, predicted in alone.items()
        if predicted is not None
    }
    return {name: score.as_dict() for name, score in baselines.items()}


def _subgroups(evaluation: BoxEvaluation) -> dict[str, dict[str, Any]]:
    counts, persons = evaluation.counts, evaluation.persons
    number = {"no true box": counts.true == 0, "one true box": counts.true == 1, "two or more true boxes": counts.true >= 2}
    groups = number | subgroups_of([xray.case for xray in evaluation.xrays])
    return {
        name: {
            "persons": len(set(persons[chosen])),
            "cases": int(chosen.sum()),
            "true_boxes": int(counts.true[chosen].sum()),
            **_found_and_paid(evaluation, chosen),
        }
        for name, chosen in groups.items()
        if chosen.any() or name not in number
    }
