"""The report of an X-ray classifier: one page that shows what was learnt from whom, how well, for whom not, and where it looked."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from radlearn.metrics.decisions import confusion_counts
from radlearn.pictures import curves, groups
from radlearn.pictures.overlays import XrayPanel, probability_panel, xray_grid
from radlearn.pictures.report import Block, Headline, Note, Section, Table
from radlearn.pictures.style import spoken
from radlearn.tasks.classification.evaluation import ProbabilityEvaluation
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.tasks.xray.report_parts import data_blocks
from radlearn.training.loading import case_seed
from radlearn.training.run_folder import Run
from radlearn.workflow.report_frame import SaveFigure, place_of, saved_figures, training_blocks, write_run_report
from radlearn.workflow.scores_file import interval_of

TITLE = "Is there a lung opacity suspicious for pneumonia?"
HeatMaps = Callable[[Sequence[PreparedRadiograph]], np.ndarray]
SHOWN_XRAYS = 8
MEANINGS = {
    "auroc_score": "chance that an X-ray with an opacity gets a higher probability than one without; 0.5 is guessing",
    "within_view_auroc_score": "the same among X-rays of one view, so that knowing the view is worth nothing",
    "average_precision_score": "precision, averaged over the X-rays found; guessing reaches the share of positives",
    "sensitivity": "share of X-rays with an opacity that are called positive at the operating point",
    "specificity": "share of X-rays without one that are called negative at the operating point",
    "accuracy": "share of X-rays called rightly at the operating point",
    "brier_error": "mean squared distance of the calibrated probability from the truth; 0 is perfect",
    "calibration_error": "mean distance of calibrated probabilities from the frequencies seen, in ten bins",
}


def write_xray_report(run: Run, evaluation: ProbabilityEvaluation, heat_maps: HeatMaps, title: str = TITLE) -> Path:
    """Write the pictures and the report of an evaluated run into its folder.

    Args:
        heat_maps: X-rays → float32 (X-rays, size, size) in [0, 1].
        title: of the page, the question that the model answers.

    Returns:
        the path of the page: `report.html` for the run's own test people, `report-external.html` for other data.
    """
    found = evaluation.scores
    place = place_of(run, found["split"])
    with saved_figures(place, 12) as picture:
        sections = [
            Section("What it was tested on", data_blocks(run, evaluation.xrays, found, picture)),
            Section("How well it ranks and decides", _score_blocks(evaluation, picture)),
            Section("For whom", _subgroup_blocks(evaluation, picture)),
            Section("Where it looked", _xray_blocks(evaluation, heat_maps, picture)),
            Section("Whether its probabilities mean what they say", _calibration_blocks(evaluation, picture)),
            Section("How it was trained", training_blocks(run, ("auroc_score", "average_precision_score"), "auroc_score", picture)),
        ]
    scores = {name: interval_of(score) for name, score in found["scores"].items()}
    return write_run_report(
        run,
        place,
        found,
        title,
        f"A classifier of chest X-rays, evaluated on {found['cases']:,} X-rays of {found['persons']:,} people that it has not met.",
        [
            Headline("AUROC", scores["auroc_score"], "ranks an X-ray with an opacity above one without", chance=0.5),
            Headline("AUROC within a view", scores["within_view_auroc_score"], "the same, when the view is no hint", chance=0.5),
            Headline(
                "Sensitivity", scores["sensitivity"], f"opacities found, from a probability of {evaluation.postprocessing.threshold:.2f} on"
            ),
            Headline("Specificity", scores["specificity"], "X-rays without one that are rightly passed"),
        ],
        sections,
    )


def _score_blocks(evaluation: ProbabilityEvaluation, picture: SaveFigure) -> list[Block]:
    p, y, persons, threshold = evaluation.probabilities, evaluation.labels, evaluation.persons, evaluation.postprocessing.threshold
    found = evaluation.scores
    roc = curves.roc_figure(p, y, persons, threshold, {"view alone": evaluation.view_only})
    positives = curves.precision_recall_figure(p, y, persons, threshold)
    counts = confusion_counts(p, y, threshold)
    rows = [[spoken(name), interval_of(score), MEANINGS[name]] for name, score in found["scores"].items()]
    rivals = [[spoken(name), interval_of(score)] for name, score in found["baselines"].items()]
    return [
        picture("roc", roc, "Every threshold at once; the one marked was chosen on validation people.", "ROC curve with its 95 % band."),
        picture(
            "precision-recall", positives, "The same from the side of the positive answers.", "Precision over recall with its 95 % band."
        ),
        picture(
            "confusion",
            groups.confusion_figure(counts, threshold),
            "What became of every X-ray.",
            "X-rays found, missed, false alarms, rightly passed.",
        ),
        picture(
            "probabilities",
            groups.probability_figure(p, y, threshold),
            "The probabilities given.",
            "Two histograms of probabilities, by truth.",
        ),
        Table(["score", "value (95 % interval)", "meaning"], rows, "All scores."),
        Table(
            ["trivial baseline", "AUROC (95 % interval)"],
            rivals,
            "What a model has to beat before it has learnt anything about lungs.",
        ),
    ]


def _calibration_blocks(evaluation: ProbabilityEvaluation, picture: SaveFigure) -> list[Block]:
    p, y, persons = evaluation.calibrated, evaluation.labels, evaluation.persons
    chosen = float(evaluation.postprocessing.recalibration.apply(np.array([evaluation.postprocessing.threshold]))[0])
    again = evaluation.scores["recalibrated"]
    told = "Probabilities were recalibrated on validation people. "
    if again["slope"] is not None and math.isfinite(again["slope"]):
        told += (
            f"On these people their logistic intercept is {again['intercept']:.2f} (0 is right) and their slope {again['slope']:.2f} "
            "(1 is right; below it, answers are too extreme)."
        )
    reliability = curves.reliability_figure(p, y, persons, evaluation.probabilities)
    benefit = curves.net_benefit_figure(p, y, persons, chosen=chosen)
    return [
        picture(
            "reliability",
            reliability,
            "Of ten X-rays given 30 %, do three have an opacity?",
            "Share of positive X-rays over probability given.",
        ),
        picture(
            "net-benefit",
            benefit,
            "What acting on the predictions is worth, beside acting on all X-rays or none.",
            "Net benefit over the threshold to act.",
        ),
        Note(told),
    ]


def _subgroup_blocks(evaluation: ProbabilityEvaluation, picture: SaveFigure) -> list[Block]:
    shown = [
        groups.Subgroup(name, group["persons"], group["cases"], group["positives"], interval_of(group["auroc_score"]))
        for name, group in evaluation.scores["subgroups"].items()
    ]
    figure = groups.subgroup_figure(shown, interval_of(evaluation.scores["scores"]["auroc_score"]))
    told = (
        "Who is bedridden is imaged AP and is more often ill. A model may read the view instead of the lung: compare AP with PA, "
        "and look at the AUROC within a view."
    )
    rows = [[group.name, group.persons, group.cases, group.positives, group.score] for group in shown]
    return [
        Note(told),
        picture(
            "subgroups",
            figure,
            "A wide interval means few people, not a fair model.",
            "AUROC with interval by view, sex and age.",
            wide=True,
        ),
        Table(["group", "people", "X-rays", "with an opacity", "AUROC (95 % interval)"], rows, "The same as a table.", folded=True),
    ]


def _xray_blocks(evaluation: ProbabilityEvaluation, heat_maps: HeatMaps, picture: SaveFigure) -> list[Block]:
    """Show the worst first: failures teach more than successes, and a report that hides them is an advertisement."""
    order = np.argsort(-np.abs(evaluation.probabilities - evaluation.labels), kind="stable")
    drawn = np.random.default_rng(case_seed(0, len(order))).permutation(len(order))
    told = (
        ("missed", [i for i in order if evaluation.labels[i]], "The worst: the opacities given the lowest probabilities."),
        (
            "alarms",
            [i for i in order if not evaluation.labels[i]],
            "The worst: the X-rays without an opacity given the highest probabilities.",
        ),
        ("best", [i for i in order[::-1] if evaluation.labels[i]], "The best: the opacities given the highest probabilities."),
        ("random", list(drawn), "Drawn at random."),
    )
    told_first = (
        "A heat map (Grad-CAM) shows coarsely what raised the prediction, the hotter the higher the prediction; it proves no finding. "
        "The outlines are the challenge's boxes."
    )
    blocks: list[Block] = [Note(told_first)]
    for name, ranked, caption in told:
        if chosen := ranked[:SHOWN_XRAYS]:
            maps = heat_maps([evaluation.xrays[i] for i in chosen])
            panels = [_panel(evaluation, i, heat) for i, heat in zip(chosen, maps, strict=True)]
            blocks.append(picture(f"xrays-{name}", xray_grid(panels), caption, f"X-rays with heat maps. {caption}", wide=True))
    return blocks


def _panel(evaluation: ProbabilityEvaluation, number: int, heat: np.ndarray) -> XrayPanel:
    xray, label = evaluation.xrays[number], bool(evaluation.labels[number])
    note = ", ".join(part for part in (xray.case.view, xray.case.category) if part)
    boxes = xray.boxes_on_canvas_px
    return probability_panel(
        xray.pixels[0],
        heat,
        float(evaluation.probabilities[number]),
        label,
        evaluation.postprocessing.threshold,
        note,
        boxes,
        xray.canvas_px,
    )
