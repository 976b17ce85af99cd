"""The report of a detector: one page with its scores, false boxes, subgroups, and its worst X-rays first."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from radlearn.amounts import counted
from radlearn.challenges.challenge import BoxScore
from radlearn.metrics.intervals import Interval
from radlearn.pictures import curves, froc
from radlearn.pictures.boxes import BoxGroup, box_group_figure, box_panel, box_size_figure
from radlearn.pictures.overlays import XrayPanel
from radlearn.pictures.report import Block, Headline, Note, Table
from radlearn.tasks.detection.evaluation import BoxEvaluation
from radlearn.tasks.detection.postprocessing import BoxPostprocessing
from radlearn.tasks.detection.tuning import ablation_table, drawn_tuning
from radlearn.tasks.xray.baselines import VIEW_NOT_KNOWN
from radlearn.tasks.xray.report_parts import data_blocks, xray_grids
from radlearn.training.run_folder import Run
from radlearn.workflow.ensembles import MEAN
from radlearn.workflow.ood import HEADING, ood_blocks
from radlearn.workflow.postprocessing_file import read_postprocessing
from radlearn.workflow.report_frame import SaveFigure, random_order, score_table, training_blocks, write_run_report
from radlearn.workflow.scores_file import interval_of
from radlearn.workflow.tuning_report import mean_blocks, postprocessing_blocks

MEANINGS = {
    "sensitivity": "share of true boxes that are hit, by an IoU above 0.4",
    "false_boxes_per_healthy_image": "the cost of that sensitivity: boxes on an X-ray without a true box",
    "false_boxes_per_image": "boxes that hit nothing, over all X-rays",
    "precision": "share of found boxes that hit a true one",
    "auroc_score": "probability that an X-ray with an opacity has a higher image-level score than one without; 0.5 is chance",
    "within_view_auroc_score": "the same among X-rays of one view, so that knowing the view gains nothing",
}
BASELINES = {
    "mean_box_false_boxes_per_healthy_image": "false boxes per X-ray without an opacity, of the same",
    "view_only_auroc_score": "AUROC of the view alone",
    "mean_brightness_auroc_score": "AUROC of the mean brightness alone",
}
POSTPROCESSING_WORDS = {
    "threshold": ("threshold", "boxes below this confidence are removed"),
    "scale": ("box scale", "width and height are multiplied by this"),
    "suppression_iou": ("suppression", "of two boxes that overlap by more than this IoU the less confident is removed"),
    "top_share": ("share of the top", "boxes below this share of the X-ray's highest confidence are removed"),
    "gate": ("gate", "an X-ray whose image-level score is below this has no box"),
}

WRONG = "share of X-rays with a missed or a false box"
TITLE = "Where is the lung opacity suspicious for pneumonia?"


def write_box_report(run: Run, evaluation: BoxEvaluation, title: str = TITLE) -> Path:
    """Write the pictures and the report of an evaluated run into its folder; return the path of the page, as `write_run_report`.

    Args:
        title: of the page, the question that the model answers.
    """
    found, box_score = evaluation.scores, evaluation.box_score
    scores = {name: interval_of(score) for name, score in found["scores"].items()}
    threshold = f"{evaluation.postprocessing.threshold:.2f}"
    history = [name for name in (box_score.name, "auroc_score") if all(name in line for line in run.history)]
    return write_run_report(
        run,
        found,
        title,
        f"A detector on chest X-rays, evaluated on {counted(found['cases'], 'X-rays')} of {counted(found['persons'], 'persons')} "
        "that it was not trained on.",
        [
            Headline(box_score.label, scores[box_score.name], box_score.reference),
            Headline("Sensitivity", scores["sensitivity"], f"of the true boxes, at a confidence threshold of {threshold}"),
            Headline("False boxes", scores["false_boxes_per_healthy_image"], "per X-ray without an opacity, at the same threshold"),
            Headline("AUROC", scores["auroc_score"], "of the image-level score", chance=0.5),
        ],
        {
            "Evaluation data": partial(data_blocks, run, evaluation.xrays, found),
            "Sensitivity and false boxes": partial(_score_blocks, evaluation),
            "Predicted boxes": partial(_xray_blocks, evaluation),
            "Localisation": partial(_fit_blocks, evaluation),
            "Subgroups": partial(_subgroup_blocks, evaluation),
            HEADING: lambda _: ood_blocks(run, found, "X-rays", WRONG, {box_score.name: box_score.label}),
            "Choice of the postprocessing": partial(_postprocessing_blocks, run, evaluation),
            "Training": partial(training_blocks, run, history, box_score.name, labels={box_score.name: box_score.label}),
        },
        pictures=13,
    )


def _score_blocks(evaluation: BoxEvaluation, picture: SaveFigure) -> list[Block]:
    found, persons, postprocessing, box_score = evaluation.scores, evaluation.persons, evaluation.postprocessing, evaluation.box_score
    meanings = {box_score.name: "; ".join(filter(None, (box_score.meaning, box_score.reference))), **MEANINGS}
    baselines = {
        f"mean_box_{box_score.name}": f"{box_score.label} of the mean true box, put on every X-ray that is positive by its brightness",
        f"no_box_{box_score.name}": f"{box_score.label} of no box anywhere: X-rays with a true box score 0, those without do not count",
        **BASELINES,
    }
    curve = froc.froc_figure(evaluation.at_every_threshold, evaluation.truth, persons, evaluation.found, postprocessing.threshold)
    rival = {} if evaluation.view_only is None else {"view alone": evaluation.view_only}
    roc = curves.roc_figure(evaluation.image_scores, evaluation.labels, persons, postprocessing.gate or None, rival)
    gated = f" X-rays below the gate of {postprocessing.gate:.2f} have no box at any threshold, so the curve ends early."
    gated = gated if postprocessing.gate > 0 else ""
    points = [[_fraction(point["false_boxes_per_image"]), interval_of(point["sensitivity"])] for point in found["froc"]]
    return [
        Note(
            "Read a sensitivity together with its false boxes: a detector that draws on every X-ray easily hits half of all true boxes. "
            f"A box hits if it overlaps a true one by an IoU above {found['hit_iou_above']:g}, and each true box is hit once. "
            "An X-ray without a true box shows no opacity; it may show another disease, and half of the challenge's do."
        ),
        picture("froc", curve, f"All thresholds; the marked one was chosen on validation persons.{gated}", "FROC curve, with band."),
        picture("roc", roc, "The image-level score, whatever the boxes.", "ROC curve of the X-rays, with its 95 % band."),
        score_table(found, meanings, f"All scores, on {counted(found['true_boxes'], 'true boxes')}.", {box_score.name: box_score.label}),
        Table(
            ["trivial baseline", "value (95 % interval)"],
            [[baselines[name], interval_of(score)] for name, score in found["baselines"].items()],
            "A model has to beat these before it has learnt anything about lungs.",
        ),
        *([Note(VIEW_NOT_KNOWN)] if evaluation.view_only is None else []),
        Table(["false boxes allowed per X-ray", "sensitivity (95 % interval)"], points, "The FROC curve as a table.", folded=True),
    ]


def _xray_blocks(evaluation: BoxEvaluation, picture: SaveFigure) -> list[Block]:
    """Show the worst X-rays first, because failures teach more than successes."""
    positive = worst_first(evaluation)
    shown = (
        ("worst", positive, "The worst: X-rays with an opacity, the lowest score first, the most confident mistakes among equals."),
        ("alarms", alarms_first(evaluation), "False positives: X-rays without an opacity, the most confident box first."),
        ("best", positive[::-1], "The best: X-rays with an opacity, the highest score first."),
        ("random", random_order(len(evaluation.xrays)), "A random sample."),
    )
    said = (
        "Solid outlines are the true boxes; dashed ones, with their confidence, are the detector's. The number in the title is the "
        f"X-ray's own {evaluation.box_score.label}; an X-ray without a true box scores 0 if anything is found, and does not count if "
        "nothing is. Below it stands the image-level score."
    )
    alt = "X-rays with true and found boxes."
    blocks: list[Block] = [Note(said), *xray_grids(shown, lambda numbers: [_panel(evaluation, one) for one in numbers], alt, picture)]
    without = evaluation.counts.true == 0
    if without.any() and not evaluation.counts.false[without].any():
        blocks.append(Note("No box was found on any X-ray without an opacity."))
    return blocks


def worst_first(evaluation: BoxEvaluation) -> np.ndarray:
    """Return the X-rays with a true box, by rising official score; among equals the most confident false boxes come first."""
    surest = np.array([prediction.confidences.max(initial=0.0) for prediction in evaluation.found])
    order = np.lexsort((evaluation.image_scores, -surest * (evaluation.counts.false > 0), evaluation.scores_by_image))
    return order[evaluation.counts.true[order] > 0]


def alarms_first(evaluation: BoxEvaluation) -> np.ndarray:
    """Return the X-rays without a true box on which something is found, the most confident box first."""
    surest = np.array([prediction.confidences.max(initial=0.0) for prediction in evaluation.found])
    order = np.argsort(-surest, kind="stable")
    return order[(evaluation.counts.true[order] == 0) & (evaluation.counts.found[order] > 0)]


def _panel(evaluation: BoxEvaluation, number: int) -> XrayPanel:
    xray = evaluation.xrays[number]
    note = ", ".join(part for part in (xray.case.view, xray.case.category, f"X-ray {evaluation.image_scores[number]:.2f}") if part)
    score = float(evaluation.scores_by_image[number])
    return box_panel(xray.pixels[0], evaluation.found[number], xray.boxes_on_canvas_px, xray.canvas_px, score, note)


def _fit_blocks(evaluation: BoxEvaluation, picture: SaveFigure) -> list[Block]:
    found, truth, box_score = evaluation.found, evaluation.truth, evaluation.box_score
    sizes = "Each dot is a box that hits; the cross is their median. Readers draw generously or tightly, and a model learns that habit."
    overlaps = f"The {box_score.label} is an average over these IoU thresholds: an imprecise box counts at few of them."
    overlap = froc.overlap_figure(found, truth, evaluation.persons, box_score.ious_above)
    return [
        picture("box-size", box_size_figure(found, truth), sizes, "Heights over widths of the boxes found, as multiples of the true ones."),
        picture("overlap", overlap, overlaps, "Sensitivity and precision over the IoU threshold, with bands."),
    ]


def _subgroup_blocks(evaluation: BoxEvaluation, picture: SaveFigure) -> list[Block]:
    found, box_score = evaluation.scores, evaluation.box_score
    shown = [_group(name, group, box_score) for name, group in found["subgroups"].items()]
    whole = _group("everyone", {**found["scores"], **{name: found[name] for name in ("persons", "cases", "true_boxes")}}, box_score)
    caption = "Lines and shades: everyone. A wide interval means few persons, not a fair model."
    alt = "Score, sensitivity and false boxes with intervals, by number of boxes, view, sex and age."
    columns = ["group", "persons", "X-rays", "true boxes", box_score.label, "sensitivity", "false boxes per X-ray"]
    rows = [
        [one.name, one.persons, one.cases, one.true_boxes, one.score, one.sensitivity, one.false_boxes_per_image] for one in (*shown, whole)
    ]
    return [
        Note(
            "Bedridden patients are imaged AP and are ill more often: compare AP with PA. X-rays without an opacity lower the score of a "
            "group with few opacities, so read it together with the sensitivity. X-rays without a true box score 0, or do not count."
        ),
        picture("subgroups", box_group_figure(shown, whole, box_score.label), caption, alt, wide=True),
        Table(columns, rows, "The same as a table, with 95 % intervals.", folded=True),
    ]


def _postprocessing_blocks(run: Run, evaluation: BoxEvaluation, picture: SaveFigure) -> list[Block]:
    kept, label = read_postprocessing(run, BoxPostprocessing)[1], evaluation.box_score.label
    values = evaluation.scores["postprocessing"]
    rows = [["candidates from", str(evaluation.scores["source"]), "where the boxes come from"]]
    rows += [[name, values[key], meaning] for key, (name, meaning) in POSTPROCESSING_WORDS.items()]
    if kept.get("origin") == MEAN:
        return mean_blocks(rows)
    return postprocessing_blocks(ablation_table(kept, label), drawn_tuning(kept, evaluation.postprocessing, label), rows, picture)


def _group(name: str, group: Mapping[str, Any], box_score: BoxScore) -> BoxGroup:
    scores: Sequence[Interval] = [interval_of(group[key]) for key in (box_score.name, "sensitivity", "false_boxes_per_image")]
    return BoxGroup(name, group["persons"], group["cases"], group["true_boxes"], *scores)


def _fraction(value: float) -> str:
    return f"{value:g}" if value >= 1 else f"1/{round(1 / value)}"
