"""The report of an X-ray classifier: one page that with its data, scores, subgroups, heat maps and calibration."""

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from radlearn.amounts import counted
from radlearn.metrics.calibration import level_in_words
from radlearn.metrics.decisions import confusion_counts
from radlearn.metrics.pointing import pointing_scores
from radlearn.pictures import curves, groups
from radlearn.pictures.overlays import XrayPanel, probability_panel
from radlearn.pictures.report import Block, Headline, Note, Table
from radlearn.pictures.style import spoken, threshold_words
from radlearn.tasks.classification.evaluation import ProbabilityEvaluation
from radlearn.tasks.classification.heat_maps import HeatMaps, as_shown, boxes_in_map_px
from radlearn.tasks.classification.postprocessing import ProbabilityPostprocessing
from radlearn.tasks.xray.baselines import VIEW_NOT_KNOWN
from radlearn.tasks.xray.report_parts import data_blocks, xray_grids
from radlearn.training.run_folder import Run
from radlearn.workflow.ensembles import MEAN
from radlearn.workflow.ood import HEADING, ood_blocks
from radlearn.workflow.postprocessing_file import read_postprocessing
from radlearn.workflow.report_frame import SaveFigure, random_order, score_table, training_blocks, write_run_report
from radlearn.workflow.scores_file import interval_of

TITLE = "Is there a lung opacity suspicious for pneumonia?"
HEAT_MEANINGS = {
    "pointing_score": "hottest point inside a true box (pointing game)",
    "heat_inside_boxes_share": "share of the heat inside the true boxes",
    "chance_share": "chance: share of the X-ray that the true boxes cover",
}
KNOWS = "What the model knows that it does not know (conformal prediction, chosen on validation persons)."
CONFORMAL_MEANINGS = {
    "opacities_covered_share": "X-rays with an opacity for which one is possible; promised: {promised}",
    "others_covered_share": "X-rays without one for which none is possible; promised: {promised}",
    "not_known_share": "X-rays for which both are possible: not known",
    "neither_share": "X-rays for which neither is: unlike those of either kind",
}
BASELINES = "A model has to beat these before it has learnt anything about lungs."
MEANINGS = {
    "auroc_score": "probability that an X-ray with an opacity gets a higher value than one without; 0.5 is chance",
    "within_view_auroc_score": "the same among X-rays of one view, so that knowing the view gains nothing",
    "average_precision_score": "precision, averaged over the true positives; chance reaches the share of positives",
    "sensitivity": "share of X-rays with an opacity that are called positive at the operating point",
    "specificity": "share of X-rays without one that are called negative at the operating point",
    "accuracy": "share of correct decisions at the operating point",
    "brier_error": "mean squared distance of the calibrated probability from the truth; 0 is perfect",
    "calibration_error": "mean distance of calibrated probabilities from the observed frequencies, in ten bins",
}


def write_xray_report(run: Run, evaluation: ProbabilityEvaluation, heat_maps: HeatMaps, title: str = TITLE) -> Path:
    """Write the pictures and the report of an evaluated run into its folder; return the path of the page, as `write_run_report`.

    Args:
        heat_maps: X-rays → float32 (X-rays, size, size) in [0, 1]; drawn where an X-ray is called positive.
        title: of the page, the question that the model answers.
    """
    found = evaluation.scores
    scores = {name: interval_of(score) for name, score in found["scores"].items()}
    shown = threshold_words(evaluation.postprocessing.threshold, evaluation.postprocessing.calibrated_threshold)
    return write_run_report(
        run,
        found,
        title,
        f"A classifier of chest X-rays, evaluated on {counted(found['cases'], 'X-rays')} of {counted(found['persons'], 'persons')} "
        "that it was not trained on.",
        [
            Headline("AUROC", scores["auroc_score"], "ranks an X-ray with an opacity above one without", chance=0.5),
            Headline("AUROC within a view", scores["within_view_auroc_score"], "the same among X-rays of one view", chance=0.5),
            Headline("Sensitivity", scores["sensitivity"], f"opacities found, from a probability of {shown} on"),
            Headline("Specificity", scores["specificity"], "X-rays without one that are called negative"),
        ],
        {
            "Evaluation data": partial(data_blocks, run, evaluation.xrays, found),
            "Discrimination and threshold": partial(_score_blocks, evaluation),
            "Subgroups": partial(_subgroup_blocks, evaluation),
            "Heat maps": partial(_xray_blocks, evaluation, heat_maps),
            "Calibration": partial(_calibration_blocks, evaluation, read_postprocessing(run, ProbabilityPostprocessing)[1].get("origin")),
            HEADING: lambda _: ood_blocks(run, found, "X-rays", "share of wrong decisions"),
            "Training": partial(training_blocks, run, ("auroc_score", "average_precision_score"), "auroc_score"),
        },
        pictures=12,
    )


def _score_blocks(evaluation: ProbabilityEvaluation, picture: SaveFigure) -> list[Block]:
    p, y, persons, threshold = evaluation.probabilities, evaluation.labels, evaluation.persons, evaluation.postprocessing.threshold
    calibrated = evaluation.postprocessing.calibrated_threshold
    rivals = {} if evaluation.view_only is None else {"view alone": evaluation.view_only}
    roc = curves.roc_figure(p, y, persons, threshold, rivals, calibrated)
    precision = curves.precision_recall_figure(p, y, persons, threshold, calibrated)
    confusion = groups.confusion_figure(confusion_counts(p, y, threshold), threshold, calibrated=calibrated)
    histograms = groups.probability_figure(p, y, threshold, calibrated=calibrated)
    baselines = [[spoken(name.removesuffix("_auroc_score")), interval_of(score)] for name, score in evaluation.scores["baselines"].items()]
    return [
        picture("roc", roc, "All thresholds; the marked one was chosen on validation persons.", "ROC curve with its 95 % band."),
        picture("precision-recall", precision, "Precision and recall at all thresholds.", "Precision over recall with its 95 % band."),
        picture("confusion", confusion, "Decisions by truth.", "True positives, false negatives, false positives, true negatives."),
        picture("probabilities", histograms, "The predicted probabilities.", "Two histograms of probabilities, by truth."),
        score_table(evaluation.scores, MEANINGS, "All scores."),
        *_false_alarm_blocks(evaluation),
        Table(["trivial baseline", "AUROC (95 % interval)"], baselines, BASELINES),
        *([Note(VIEW_NOT_KNOWN)] if evaluation.view_only is None else []),
    ]


def _false_alarm_blocks(evaluation: ProbabilityEvaluation) -> list[Block]:
    """Return the false alarms by the challenge's classes; nothing where it has none."""
    found = evaluation.scores["false_alarms"]
    if not found:
        return []
    rows = [[name, one["cases"], one["false_positives"], interval_of(one["false_positive_share"])] for name, one in found.items()]
    caption = "False alarms by class. An X-ray without an opacity may show another disease, which is harder to tell from one."
    return [Table(["class without an opacity", "X-rays", "false alarms", "share (95 % interval)"], rows, caption)]


def _calibration_blocks(evaluation: ProbabilityEvaluation, origin: str | None, picture: SaveFigure) -> list[Block]:
    p, y, persons = evaluation.calibrated, evaluation.labels, evaluation.persons
    chosen = evaluation.postprocessing.calibrated_threshold, evaluation.postprocessing.threshold
    again = evaluation.scores["recalibrated"]
    in_the_large = interval_of(again["in_the_large"])
    said = "Probabilities were recalibrated on validation persons."
    if origin == MEAN:
        said = "Recalibration, threshold and possible answers are the mean of the runs' own; for a mean no coverage is promised."
    conformal = evaluation.scores["conformal"]
    promised = f"{conformal['coverage']:.0%}"
    covered = [[meaning.format(promised=promised), interval_of(conformal[name])] for name, meaning in CONFORMAL_MEANINGS.items()]
    said += f" On these persons: {level_in_words(in_the_large)}"
    if not math.isnan(in_the_large.value):
        said += (
            f" Calibration-in-the-large, the shift of the logits that would put that right, is {in_the_large:.2f} (0 is right; below it, "
            f"probabilities are too high). The calibration slope is {again['slope']:.2f} (1 is right; below it, predictions are too "
            "extreme)."
        )
    reliability = curves.reliability_figure(p, y, persons, evaluation.probabilities, chosen=chosen)
    benefit = curves.net_benefit_figure(p, y, persons, chosen=chosen)
    question = "Of ten X-rays given 30 %, do three have an opacity?"
    gain = "The benefit of acting on the predictions, beside acting on all X-rays or none."
    return [
        picture("reliability", reliability, question, "Share of positive X-rays over predicted probability."),
        picture("net-benefit", benefit, gain, "Net benefit over the threshold to act."),
        Note(said),
        Table(["possible answers", "value (95 % interval)"], covered, KNOWS),
    ]


def _subgroup_blocks(evaluation: ProbabilityEvaluation, picture: SaveFigure) -> list[Block]:
    shown = [
        groups.Subgroup(name, group["persons"], group["cases"], group["positives"], interval_of(group["auroc_score"]))
        for name, group in evaluation.scores["subgroups"].items()
    ]
    figure = groups.subgroup_figure(shown, interval_of(evaluation.scores["scores"]["auroc_score"]))
    rows = [[group.name, group.persons, group.cases, group.positives, group.score] for group in shown]
    columns = ["group", "persons", "X-rays", "with an opacity", "AUROC (95 % interval)"]
    caption = "A wide interval means few persons, not a fair model."
    return [
        Note(
            "Bedridden patients are imaged AP and are ill more often. A model may read the view instead of the lung: compare AP with PA, "
            "and look at the AUROC within a view."
        ),
        picture("subgroups", figure, caption, "AUROC with interval by view, sex and age.", wide=True),
        Table(columns, rows, "The same as a table.", folded=True),
    ]


def _xray_blocks(evaluation: ProbabilityEvaluation, heat_maps: HeatMaps, picture: SaveFigure) -> list[Block]:
    """Show the worst first: failures teach more than successes, and a report that hides them is an advertisement."""
    order = np.argsort(-np.abs(evaluation.probabilities - evaluation.labels), kind="stable")
    positive, negative = order[evaluation.labels[order]], order[~evaluation.labels[order]]
    all_found = (evaluation.probabilities[positive] >= evaluation.postprocessing.threshold).all()
    lowest = "the opacities given the lowest probabilities" + (", all of them above the threshold." if all_found else ".")
    shown = (
        ("missed", positive, f"The worst: {lowest}"),
        ("alarms", negative, "The worst: the X-rays without an opacity given the highest probabilities."),
        ("best", positive[::-1], "The best: the opacities given the highest probabilities."),
        ("random", random_order(len(order)), "Drawn at random."),
    )

    def panels(numbers: Sequence[int]) -> list[XrayPanel]:
        maps = heat_maps([evaluation.xrays[number] for number in numbers])
        return [_panel(evaluation, number, heat) for number, heat in zip(numbers, maps, strict=True)]

    said = (
        "A heat map (LayerCAM) shows coarsely what raised the prediction, the hotter the higher the prediction; it proves no finding. "
        "An X-ray that is called negative has none. The outlines are the challenge's boxes; how much of the heat lies inside them stands "
        "below the X-ray."
    )
    return [Note(said), *_heat_map_blocks(evaluation), *xray_grids(shown, panels, "X-rays with heat maps.", picture)]


def _heat_map_blocks(evaluation: ProbabilityEvaluation) -> list[Block]:
    found = evaluation.scores["heat_maps"]
    if found is None:
        return [Note("There is no found opacity with a true box, so no heat map could be compared.")]
    rows = [[HEAT_MEANINGS[name], interval_of(found[name])] for name in HEAT_MEANINGS]
    caption = f"Where the model looks: the heat maps of {found['true_positives']:,} found opacities beside the true boxes."
    return [Table(["heat map", "value (95 % interval)"], rows, caption)]


def _panel(evaluation: ProbabilityEvaluation, number: int, heat: np.ndarray) -> XrayPanel:
    xray, label, probability = evaluation.xrays[number], bool(evaluation.labels[number]), float(evaluation.probabilities[number])
    threshold, boxes = evaluation.postprocessing.threshold, xray.boxes_on_canvas_px
    shown, inside = as_shown(heat, probability, threshold), ""
    if len(boxes) and shown.any():
        share = pointing_scores(shown[None], [boxes_in_map_px(xray, shown.shape)])["energy_share"][0]
        inside = f"{share:.0%} of heat in boxes"
    # There is room for two of the three; boxes are drawn on opacities alone.
    note = ", ".join(part for part in (inside, xray.case.view, "" if inside else xray.case.category) if part)
    return probability_panel(xray.pixels[0], shown, probability, label, threshold, note, boxes, xray.canvas_px)
