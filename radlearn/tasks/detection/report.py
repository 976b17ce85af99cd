"""The report of a detector: one page with its scores, false boxes, subgroups, and its worst X-rays first."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from radlearn.challenges.challenge import BoxScore
from radlearn.metrics.intervals import Interval
from radlearn.pictures import curves, froc, tuning
from radlearn.pictures.boxes import BoxGroup, box_group_figure, box_panel, box_size_figure
from radlearn.pictures.overlays import XrayPanel, xray_grid
from radlearn.pictures.report import Block, Headline, Note, Section, Table
from radlearn.pictures.style import spoken
from radlearn.tasks.detection.evaluation import BoxEvaluation
from radlearn.tasks.detection.postprocessing import postprocessing_of
from radlearn.tasks.xray.report_parts import data_blocks
from radlearn.training.loading import case_seed
from radlearn.training.run_folder import Run
from radlearn.workflow.report_frame import SaveFigure, place_of, saved_figures, training_blocks, write_run_report
from radlearn.workflow.scores_file import interval_of

SHOWN_XRAYS = 8
MEANINGS = {
    "sensitivity": "share of true boxes that are hit, by an IoU above 0.4",
    "false_boxes_per_healthy_image": "the cost of that sensitivity: boxes on an X-ray without a true box",
    "false_boxes_per_image": "boxes that hit nothing, over all X-rays",
    "precision": "share of found boxes that hit a true one",
    "auroc_score": "probability that an X-ray with an opacity has a higher image-level score than one without; 0.5 is chance",
    "within_view_auroc_score": "the same among X-rays of one view, so that knowing the view gains nothing",
}
BASELINES = {
    "mean_box_false_boxes_per_healthy_image": "false boxes per healthy X-ray of the same",
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

TITLE = "Where is the lung opacity suspicious for pneumonia?"


def write_box_report(run: Run, evaluation: BoxEvaluation, title: str = TITLE) -> Path:
    """Write the pictures and the report of an evaluated run into its folder.

    Args:
        title: of the page, the question that the model answers.

    Returns:
        the path of the page: `report.html` for the run's own test people, `report-external.html` for other data.
    """
    found, box_score = evaluation.scores, evaluation.box_score
    place = place_of(run, found["split"])
    with saved_figures(place, 13) as picture:
        history = [name for name in (box_score.name, "auroc_score") if all(name in line for line in run.history)]
        sections = [
            Section("What it was tested on", data_blocks(run, evaluation.xrays, found, picture)),
            Section("How well it finds, and what that costs", _score_blocks(evaluation, picture)),
            Section("What it drew", _xray_blocks(evaluation, picture)),
            Section("How well the boxes fit", _fit_blocks(evaluation, picture)),
            Section("For whom", _subgroup_blocks(evaluation, picture)),
            Section("How its postprocessing was chosen", _postprocessing_blocks(run, evaluation, picture)),
            Section("How it was trained", training_blocks(run, history, box_score.name, picture, {box_score.name: box_score.label})),
        ]
    scores = {name: interval_of(score) for name, score in found["scores"].items()}
    return write_run_report(
        run,
        place,
        found,
        title,
        f"A detector on chest X-rays, evaluated on {found['cases']:,} X-rays of {found['persons']:,} people that it was not trained on.",
        [
            Headline(box_score.label, scores[box_score.name], box_score.reference, scale=(0, 0.5)),
            Headline(
                "Sensitivity",
                scores["sensitivity"],
                f"of the true boxes, at a confidence threshold of {evaluation.postprocessing.threshold:.2f}",
            ),
            Headline("False boxes", scores["false_boxes_per_healthy_image"], "per healthy X-ray, at the same threshold"),
            Headline("AUROC", scores["auroc_score"], "of the image-level score", chance=0.5),
        ],
        sections,
    )


def _score_blocks(evaluation: BoxEvaluation, picture: SaveFigure) -> list[Block]:
    found, persons, postprocessing, box_score = evaluation.scores, evaluation.persons, evaluation.postprocessing, evaluation.box_score
    words = {box_score.name: box_score.label}
    meanings = {box_score.name: "; ".join(filter(None, (box_score.meaning, box_score.reference))), **MEANINGS}
    baselines = {
        f"mean_box_{box_score.name}": f"{box_score.label} of the mean true box, put on every X-ray that is positive by its brightness",
        f"no_box_{box_score.name}": f"{box_score.label} of no box anywhere: X-rays with a true box score 0, healthy ones do not count",
        **BASELINES,
    }
    curve = froc.froc_figure(evaluation.at_every_threshold, evaluation.truth, persons, evaluation.found, postprocessing.threshold)
    roc = curves.roc_figure(
        evaluation.image_scores, evaluation.labels, persons, postprocessing.gate or None, {"view alone": evaluation.view_only}
    )
    gated = f" X-rays that score below the gate of {postprocessing.gate:.2f} have no box at any threshold, so the curve ends early." * (
        postprocessing.gate > 0
    )
    points = [[_fraction(point["false_boxes_per_image"]), interval_of(point["sensitivity"])] for point in found["froc"]]
    return [
        Note(
            "Read a sensitivity together with its false boxes: a detector that draws on every X-ray easily hits half of all true boxes. "
            f"A box hits if it overlaps a true one by an IoU above {found['hit_iou_above']:g}, and each true box is hit once. "
            "An X-ray without a true box is called healthy here; it may show another disease."
        ),
        picture("froc", curve, f"All thresholds; the marked one was chosen on validation people.{gated}", "FROC curve, with band."),
        picture("roc", roc, "The image-level score, whatever the boxes.", "ROC curve of the X-rays, with its 95 % band."),
        Table(
            ["score", "value (95 % interval)", "meaning"],
            [[spoken(name, words), interval_of(score), meanings[name]] for name, score in found["scores"].items()],
            f"All scores at the postprocessing, on {found['true_boxes']:,} true boxes.",
        ),
        Table(
            ["trivial baseline", "value (95 % interval)"],
            [[baselines[name], interval_of(score)] for name, score in found["baselines"].items()],
            "A model has to beat these before it has learnt anything about lungs.",
        ),
        Table(["false boxes allowed per X-ray", "sensitivity (95 % interval)"], points, "The FROC curve as a table.", folded=True),
    ]


def _xray_blocks(evaluation: BoxEvaluation, picture: SaveFigure) -> list[Block]:
    """Show the worst X-rays first, because failures teach more than successes."""
    told = (
        (
            "worst",
            "The worst: X-rays with an opacity, the lowest score first, the most confident mistakes among equals.",
            worst_first(evaluation),
        ),
        ("alarms", "False alarms: healthy X-rays, the most confident box first.", alarms_first(evaluation)),
        ("best", "The best: X-rays with an opacity, the highest score first.", worst_first(evaluation)[::-1]),
        ("random", "A random sample.", np.random.default_rng(case_seed(0, len(evaluation.xrays))).permutation(len(evaluation.xrays))),
    )
    blocks: list[Block] = [
        Note(
            "Solid outlines are the true boxes; dashed ones, with their confidence, are the detector's. The number in the title is the "
            f"X-ray's own {evaluation.box_score.label}; an X-ray without a true box scores 0 if anything is found, and does not count if "
            "nothing is. Below it stands the image-level score."
        )
    ]
    for name, caption, ranked in told:
        if len(ranked):
            panels = [_panel(evaluation, int(number)) for number in ranked[:SHOWN_XRAYS]]
            blocks.append(picture(f"xrays-{name}", xray_grid(panels), caption, f"X-rays with true and found boxes. {caption}", wide=True))
    if not evaluation.counts.false[evaluation.counts.true == 0].any() and (evaluation.counts.true == 0).any():
        blocks.append(Note("No box was found on any healthy X-ray."))
    return blocks


def worst_first(evaluation: BoxEvaluation) -> np.ndarray:
    """Return the X-rays with a true box, by rising official score; among equals the most confident false boxes come first."""
    surest = np.array([prediction.confidences.max(initial=0.0) for prediction in evaluation.found])
    order = np.lexsort((evaluation.image_scores, -surest * (evaluation.counts.false > 0), evaluation.scores_by_image))
    return order[evaluation.counts.true[order] > 0]


def alarms_first(evaluation: BoxEvaluation) -> np.ndarray:
    """Return the healthy X-rays on which something is found, the most confident box first."""
    surest = np.array([prediction.confidences.max(initial=0.0) for prediction in evaluation.found])
    order = np.argsort(-surest, kind="stable")
    return order[(evaluation.counts.true[order] == 0) & (evaluation.counts.found[order] > 0)]


def _panel(evaluation: BoxEvaluation, number: int) -> XrayPanel:
    xray = evaluation.xrays[number]
    note = ", ".join(part for part in (xray.case.view, xray.case.category, f"X-ray {evaluation.image_scores[number]:.2f}") if part)
    score = float(evaluation.scores_by_image[number])
    return box_panel(xray.pixels[0], evaluation.found[number], xray.boxes_on_canvas_px, xray.canvas_px, score, note)


def _fit_blocks(evaluation: BoxEvaluation, picture: SaveFigure) -> list[Block]:
    return [
        picture(
            "box-size",
            box_size_figure(evaluation.found, evaluation.truth),
            "Each dot is a box that hits; the cross is their median. Readers draw generously or tightly, and a model learns that habit.",
            "Heights over widths of the boxes found, as multiples of the true ones.",
        ),
        picture(
            "overlap",
            froc.overlap_figure(evaluation.found, evaluation.truth, evaluation.persons, evaluation.box_score.ious_above),
            f"The {evaluation.box_score.label} is an average over these IoU thresholds: an imprecise box counts at few of them.",
            "Sensitivity and precision over the IoU threshold, with bands.",
        ),
    ]


def _subgroup_blocks(evaluation: BoxEvaluation, picture: SaveFigure) -> list[Block]:
    found, box_score = evaluation.scores, evaluation.box_score
    shown = [_group(name, group, box_score) for name, group in found["subgroups"].items()]
    whole = _group("everybody", {**found["scores"], **{name: found[name] for name in ("persons", "cases", "true_boxes")}}, box_score)
    told = (
        "Bedridden patients are imaged AP and are ill more often: compare AP with PA. "
        "Healthy X-rays lower the score of a group with few ill people, so read it together with the sensitivity."
    )
    columns = ["group", "people", "X-rays", "true boxes", box_score.label, "sensitivity", "false boxes per X-ray"]
    rows = [
        [one.name, one.persons, one.cases, one.true_boxes, one.score, one.sensitivity, one.false_boxes_per_image] for one in (*shown, whole)
    ]
    return [
        Note(told),
        picture(
            "subgroups",
            box_group_figure(shown, whole, box_score.label),
            "Lines and shades: everybody. A wide interval means few people, not a fair model. X-rays without a true box score 0, or do not "
            "count.",
            "Score, sensitivity and false boxes with intervals, by number of boxes, view, sex and age.",
            wide=True,
        ),
        Table(columns, rows, "The same as a table, with 95 % intervals.", folded=True),
    ]


def _postprocessing_blocks(run: Run, evaluation: BoxEvaluation, picture: SaveFigure) -> list[Block]:
    kept: Mapping[str, Any] = postprocessing_of(run)[1]
    curve, ablation = kept["curve"], kept["ablation"]
    label = evaluation.box_score.label
    names = ("threshold", "score", "false_boxes_per_healthy_image")
    points = [[np.nan if value is None else float(value) for value in curve[name]] for name in names]
    chosen = tuning.threshold_figure(points[0], points[1], points[2], evaluation.postprocessing.threshold, label)
    rows = [[line["step"], _known(line["cross_fitted_score"]), _known(line["score"]), bool(line["taken"])] for line in ablation]
    return [
        Note(
            "The postprocessing was chosen on validation people. A step is kept only if it improves the cross-fitted score: each fifth of "
            "the people is evaluated with the values that the other four fifths choose. Chosen and evaluated on the same people, every "
            "step seems to help."
        ),
        picture(
            "thresholds",
            chosen,
            "On validation people, all else as in the postprocessing. Every false box costs, however low its confidence.",
            "Official score over the threshold, and false boxes per healthy X-ray over the threshold.",
            wide=True,
        ),
        picture(
            "ablation",
            tuning.ablation_figure(ablation, label),
            "What each step contributes, one after another. A threshold is always needed, so that step is always kept.",
            "A score after every step.",
            wide=True,
        ),
        Table(["after this step", f"{label}, cross-fitted", "chosen on the same people", "kept"], rows, "The same as a table."),
        Table(
            ["postprocessing", "value", "meaning"],
            [
                ["candidates from", str(evaluation.scores["source"]), "where the boxes come from"],
                *(
                    [POSTPROCESSING_WORDS[name][0], value, POSTPROCESSING_WORDS[name][1]]
                    for name, value in evaluation.scores["postprocessing"].items()
                ),
            ],
            "The postprocessing, as postprocessing.json in the run folder has it.",
        ),
    ]


def _group(name: str, group: Mapping[str, Any], box_score: BoxScore) -> BoxGroup:
    scores: Sequence[Interval] = [interval_of(group[key]) for key in (box_score.name, "sensitivity", "false_boxes_per_image")]
    return BoxGroup(name, group["persons"], group["cases"], group["true_boxes"], *scores)


def _known(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _fraction(value: float) -> str:
    return f"{value:g}" if value >= 1 else f"1/{round(1 / value)}"
