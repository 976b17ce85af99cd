"""The report of a detector: one page that shows how well it finds, what that costs, for whom not, and its worst X-rays first."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

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
from radlearn.workflow.report_frame import Draw, drawing, place_of, training_blocks, write_run_report
from radlearn.workflow.scores_file import interval_of

SHOWN_XRAYS = 8
VALIDATION_SCORES = ("rsna_score", "auroc_score")
MEANINGS = {
    "rsna_score": "the challenge's score: hits over all boxes, true and false, averaged over eight overlaps, then over X-rays; the best of "
    "the challenge reached about 0.25",
    "sensitivity": "share of true boxes that are hit: overlapped by an IoU above 0.4",
    "false_boxes_per_healthy_image": "what that sensitivity costs: boxes on an X-ray that has nothing to find",
    "false_boxes_per_image": "the same over all X-rays: boxes that hit nothing",
    "precision": "share of found boxes that hit a true one",
    "auroc_score": "chance that an X-ray with an opacity gets a higher score, as a whole, than one without; 0.5 is guessing",
    "within_view_auroc_score": "the same among X-rays of one view, so that knowing the view is worth nothing",
}
BASELINES = {
    "mean_box_rsna_score": "RSNA score of the mean true box, put on every X-ray that is called positive by its brightness",
    "mean_box_false_boxes_per_healthy_image": "what that costs: false boxes per healthy X-ray",
    "no_box_rsna_score": "RSNA score of no box anywhere: X-rays with a true box score 0, healthy ones do not count",
    "view_only_auroc_score": "AUROC of the view alone",
    "mean_brightness_auroc_score": "AUROC of the mean brightness alone",
}
POSTPROCESSING_WORDS = {
    "threshold": ("threshold", "a box stands from this confidence on"),
    "scale": ("box scale", "width and height are multiplied by this"),
    "suppression_iou": ("suppression", "of two boxes that overlap by more than this IoU the less confident goes"),
    "top_share": ("share of the top", "a box under this share of the X-ray's highest confidence goes"),
    "gate": ("gate", "an X-ray whose score as a whole lies under this has no box"),
}


def write_box_report(run: Run, evaluation: BoxEvaluation, best_by: str = "rsna_score") -> Path:
    """Write the pictures and the report of an evaluated run into its folder.

    Args:
        best_by: the validation score by which the weights were kept.

    Returns:
        the path of the page: `report.html` for the run's own test people, `report-external.html` for other data.
    """
    found = evaluation.scores
    place = place_of(run, found["split"])
    with drawing(place, 13) as picture:
        history = [name for name in VALIDATION_SCORES if all(name in line for line in run.history)]
        sections = [
            Section("What it was tested on", data_blocks(run, evaluation.xrays, found, picture)),
            Section("How well it finds, and what that costs", _score_blocks(evaluation, picture)),
            Section("What it drew", _xray_blocks(evaluation, picture)),
            Section("How well the boxes fit", _fit_blocks(evaluation, picture)),
            Section("For whom", _subgroup_blocks(evaluation, picture)),
            Section("How its postprocessing was chosen", _postprocessing_blocks(run, evaluation, picture)),
            Section("How it was trained", training_blocks(run, history, best_by, picture)),
        ]
    scores = {name: interval_of(score) for name, score in found["scores"].items()}
    return write_run_report(
        run,
        place,
        found,
        "Where is the lung opacity suspicious for pneumonia?",
        f"A detector on chest X-rays, evaluated on {found['cases']:,} X-rays of {found['persons']:,} people that it has not met.",
        [
            Headline("RSNA score", scores["rsna_score"], "the challenge's own; its winners reached about 0.25", scale=(0, 0.5)),
            Headline(
                "Sensitivity", scores["sensitivity"], f"true boxes hit, from a confidence of {evaluation.postprocessing.threshold:.2f} on"
            ),
            Headline("False boxes", scores["false_boxes_per_healthy_image"], "on each healthy X-ray: the price of that sensitivity"),
            Headline("AUROC", scores["auroc_score"], "ranks an X-ray with an opacity above one without", chance=0.5),
        ],
        sections,
    )


def _score_blocks(evaluation: BoxEvaluation, picture: Draw) -> list[Block]:
    found, persons, postprocessing = evaluation.scores, evaluation.persons, evaluation.postprocessing
    curve = froc.froc_figure(evaluation.at_every_threshold, evaluation.truth, persons, evaluation.found, postprocessing.threshold)
    roc = curves.roc_figure(
        evaluation.image_scores, evaluation.labels, persons, postprocessing.gate or None, {"view alone": evaluation.view_only}
    )
    gated = f" X-rays that score under the gate of {postprocessing.gate:.2f} hold no box at any threshold, so the curve ends early." * (
        postprocessing.gate > 0
    )
    points = [[_fraction(point["false_boxes_per_image"]), interval_of(point["sensitivity"])] for point in found["froc"]]
    return [
        Note(
            "A recall never stands without its false alarms: half of all true boxes is easily hit by a detector that draws on every X-ray. "
            f"A box hits if it overlaps a true one by an IoU above {found['hit_iou_above']:g}, and each true box is hit once. "
            "An X-ray is called healthy here that has no true box; it may show another illness."
        ),
        picture(
            "froc", curve, f"Every threshold at once; the one marked was chosen on validation people.{gated}", "FROC curve, with band."
        ),
        picture(
            "roc", roc, "Whether the X-ray as a whole is told apart, whatever the boxes.", "ROC curve of the X-rays, with its 95 % band."
        ),
        Table(
            ["score", "value (95 % interval)", "meaning"],
            [[spoken(name), interval_of(score), MEANINGS[name]] for name, score in found["scores"].items()],
            f"All scores at the postprocessing, on {found['true_boxes']:,} true boxes.",
        ),
        Table(
            ["trivial baseline", "value (95 % interval)"],
            [[BASELINES[name], interval_of(score)] for name, score in found["baselines"].items()],
            "What a model has to beat before it has learnt anything about lungs.",
        ),
        Table(["false boxes allowed per X-ray", "sensitivity (95 % interval)"], points, "The FROC curve as a table.", folded=True),
    ]


def _xray_blocks(evaluation: BoxEvaluation, picture: Draw) -> list[Block]:
    """Show the worst first: failures teach more than successes, and a report that hides them is an advertisement."""
    told = (
        (
            "worst",
            "The worst: X-rays with an opacity, the lowest score first, the most confident mistakes among equals.",
            worst_first(evaluation),
        ),
        ("alarms", "False alarms: healthy X-rays, the most confident box first.", alarms_first(evaluation)),
        ("best", "The best: X-rays with an opacity, the highest score first.", worst_first(evaluation)[::-1]),
        ("random", "Drawn at random.", np.random.default_rng(case_seed(0, len(evaluation.xrays))).permutation(len(evaluation.xrays))),
    )
    blocks: list[Block] = [
        Note(
            "Plain outlines are the challenge's boxes; broken ones, with their confidence, are the detector's. The figure before the words "
            "is the X-ray's own RSNA score; an X-ray without a true box scores 0 if anything is found, and does not count if nothing is. "
            "Below it stands how likely the detector thinks an opacity anywhere on the X-ray."
        )
    ]
    for name, caption, ranked in told:
        if len(ranked):
            panels = [_panel(evaluation, int(number)) for number in ranked[:SHOWN_XRAYS]]
            blocks.append(picture(f"X-rays-{name}", xray_grid(panels), caption, f"X-rays with true and found boxes. {caption}", wide=True))
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


def _fit_blocks(evaluation: BoxEvaluation, picture: Draw) -> list[Block]:
    return [
        picture(
            "box-size",
            box_size_figure(evaluation.found, evaluation.truth),
            "Each dot is a box that hits; the cross is their median. Readers draw generously or tightly, and that habit is learnt too.",
            "Heights over widths of the boxes found, as multiples of the true ones.",
        ),
        picture(
            "overlap",
            froc.overlap_figure(evaluation.found, evaluation.truth, evaluation.persons),
            "The RSNA score averages over these eight overlaps: a box that lies badly counts at few of them.",
            "Sensitivity and precision over the overlap asked for, with bands.",
        ),
    ]


def _subgroup_blocks(evaluation: BoxEvaluation, picture: Draw) -> list[Block]:
    found = evaluation.scores
    shown = [_group(name, group) for name, group in found["subgroups"].items()]
    whole = _group("everybody", {**found["scores"], **{name: found[name] for name in ("persons", "cases", "true_boxes")}})
    told = (
        "Who is bedridden is imaged AP and is more often ill: compare AP with PA. "
        "The score of a group with few ill people is pulled down by its healthy X-rays, so read it beside the sensitivity."
    )
    columns = ["group", "people", "X-rays", "true boxes", "RSNA score", "sensitivity", "false boxes per X-ray"]
    rows = [
        [one.name, one.persons, one.cases, one.true_boxes, one.rsna_score, one.sensitivity, one.false_boxes_per_image]
        for one in (*shown, whole)
    ]
    return [
        Note(told),
        picture(
            "subgroups",
            box_group_figure(shown, whole),
            "Lines and shades: everybody. A wide interval means few people, not a fair model. X-rays without a true box score 0, or do not "
            "count.",
            "Score, sensitivity and false boxes with intervals, by number of boxes, view, sex and age.",
            wide=True,
        ),
        Table(columns, rows, "The same as a table, with 95 % intervals.", folded=True),
    ]


def _postprocessing_blocks(run: Run, evaluation: BoxEvaluation, picture: Draw) -> list[Block]:
    kept: Mapping[str, Any] = postprocessing_of(run)[1]
    curve, ablation = kept["curve"], kept["ablation"]
    names = ("threshold", "rsna_score", "false_boxes_per_healthy_image")
    points = [[np.nan if value is None else float(value) for value in curve[name]] for name in names]
    chosen = tuning.threshold_figure(points[0], points[1], points[2], evaluation.postprocessing.threshold)
    rows = [[line["step"], _known(line["cross_fitted_rsna_score"]), _known(line["rsna_score"]), bool(line["taken"])] for line in ablation]
    return [
        Note(
            "All of this was chosen on validation people. A step is taken up only if it helps people who did not choose it: every fifth "
            "of them is evaluated by what the other four fifths choose. Chosen and evaluated on the same people, everything seems to help."
        ),
        picture(
            "thresholds",
            chosen,
            "On validation people, all else as in the postprocessing. Every box too many costs, however low its confidence.",
            "Official score over the threshold, and false boxes per healthy X-ray over the threshold.",
            wide=True,
        ),
        picture(
            "ablation",
            tuning.ablation_figure(ablation),
            "what each step contributes, one after another. Some threshold there must be, so that one is always taken.",
            "A score after every step.",
            wide=True,
        ),
        Table(["after this step", "RSNA score, others chose", "the same people chose", "taken"], rows, "The same as a table."),
        Table(
            ["postprocessing", "value", "meaning"],
            [
                ["candidates from", str(evaluation.scores["source"]), "how the boxes were proposed"],
                *(
                    [POSTPROCESSING_WORDS[name][0], value, POSTPROCESSING_WORDS[name][1]]
                    for name, value in evaluation.scores["postprocessing"].items()
                ),
            ],
            "The postprocessing, as postprocessing.json in the run folder has it.",
        ),
    ]


def _group(name: str, group: Mapping[str, Any]) -> BoxGroup:
    scores: Sequence[Interval] = [interval_of(group[key]) for key in ("rsna_score", "sensitivity", "false_boxes_per_image")]
    return BoxGroup(name, group["persons"], group["cases"], group["true_boxes"], *scores)


def _known(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _fraction(value: float) -> str:
    return f"{value:g}" if value >= 1 else f"1/{round(1 / value)}"
