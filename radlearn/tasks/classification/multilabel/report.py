"""The report of a classifier of several labels: one page with its data, the scores of each label, calibration and the worst predictions."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from radlearn.amounts import counted
from radlearn.pictures.labels import co_occurrence_figure, reliability_multiples, roc_multiples
from radlearn.pictures.overlays import XrayPanel, probability_panel
from radlearn.pictures.report import Block, Headline, Note, Table
from radlearn.pictures.style import percent
from radlearn.tasks.classification.heat_maps import as_shown
from radlearn.tasks.classification.multilabel.evaluation import LabelsEvaluation
from radlearn.tasks.classification.multilabel.scores import MACRO
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.tasks.xray.report_parts import people_note, xray_grids
from radlearn.training.run_folder import Run
from radlearn.workflow.ood import HEADING, ood_blocks
from radlearn.workflow.report_frame import SaveFigure, random_order, score_table, split_table, training_blocks, write_run_report
from radlearn.workflow.scores_file import interval_of

LabelHeatMaps = Callable[[Sequence[PreparedRadiograph], int], np.ndarray]
"X-rays, and the number of a label -> float32 (X-rays, size, size), 0 or more."

TITLE = "Which findings are on the X-ray?"
MEANINGS = {
    "macro_auroc_score": "mean over the labels of the probability that an X-ray with it is ranked above one without; 0.5 is chance",
    "macro_within_view_auroc_score": "the same among X-rays of one view, so that knowing the view gains nothing",
    "macro_average_precision_score": "mean over the labels of the precision, averaged over the true positives; chance is the prevalence",
    "macro_sensitivity": "mean over the labels of the share found at the operating point of each",
    "macro_specificity": "mean over the labels of the share of X-rays without it that are called so",
    "macro_brier_error": "mean over the labels of the squared distance of the calibrated probability from the truth; 0 is perfect",
}
MEAN = (
    "Each label counts the same in a mean (macro), however rare it is. A bootstrap draws persons; its mean is over the labels that those "
    "drawn have and lack."
)
NOTHING_IN_HEADERS = (
    "Age, sex and view alone are no rival here: none of them is known of these X-rays, or of none that the model was trained on."
)
EACH = "Each label where it is known, with 95 % intervals by person; of what fewer than about five people have there is none."


def write_labels_report(run: Run, evaluation: LabelsEvaluation, heat_maps: LabelHeatMaps, title: str = TITLE) -> Path:
    """Write the pictures and the report of an evaluated run into its folder; return the path of the page, as `write_run_report`."""
    found = evaluation.scores
    scores = {name: interval_of(score) for name, score in found["scores"].items()}
    above = f"above age, sex and view alone: {interval_of(found['above_header_only']):.2f}"
    header = [Headline("Age, sex and view", interval_of(one), above, chance=0.5) for one in found["baselines"].values()]
    return write_run_report(
        run,
        found,
        title,
        f"A classifier of {counted(len(evaluation.names), 'labels')} on chest X-rays, evaluated on {counted(found['cases'], 'X-rays')} of "
        f"{counted(found['persons'], 'persons')} that it was not trained on.",
        [
            Headline("Macro AUROC", scores[f"{MACRO}auroc_score"], f"mean over {counted(len(found['macro_over']), 'labels')}", chance=0.5),
            *header,
            Headline("Macro sensitivity", scores[f"{MACRO}sensitivity"], "at the threshold of each label"),
            Headline("Macro specificity", scores[f"{MACRO}specificity"], "at the threshold of each label"),
        ],
        {
            "Evaluation data": partial(_data_blocks, run, evaluation),
            "The labels": partial(_label_blocks, evaluation),
            "Subgroups": partial(_subgroup_blocks, evaluation),
            "The worst": partial(_xray_blocks, evaluation, heat_maps),
            "Calibration": partial(_calibration_blocks, evaluation),
            HEADING: lambda _: ood_blocks(run, found, "X-rays", "share of wrong decisions"),
            "Training": partial(training_blocks, run, (f"{MACRO}auroc_score", f"{MACRO}average_precision_score"), f"{MACRO}auroc_score"),
        },
        pictures=8,
    )


def _data_blocks(run: Run, evaluation: LabelsEvaluation, picture: SaveFigure) -> list[Block]:
    found = evaluation.scores["labels"]
    rows = [
        [
            name,
            one["positives"],
            one["persons_with"],
            one["known"],
            "–" if one["prevalence"] is None else percent(one["prevalence"]),
            f"{one['training_positives']:,} of {one['training_known']:,}",
        ]
        for name, one in found.items()
    ]
    columns = ["label", "X-rays with it", "persons with it", "known of", "prevalence", "in training"]
    figure = co_occurrence_figure(evaluation.names, evaluation.scores["co_occurrence"])
    together = "Which labels are there together: X-rays by row and column, and on the diagonal all with a label."
    return [
        split_table(run, "X-rays"),
        Table(columns, rows, "The labels of the X-rays evaluated here. Prevalence is of those of which the label is known."),
        picture("co-occurrence", figure, together, "A matrix: how many X-rays have two labels.", wide=True),
        *people_note(run),
    ]


def _label_blocks(evaluation: LabelsEvaluation, picture: SaveFigure) -> list[Block]:
    found = evaluation.scores["labels"]
    ranked, decided = [], []
    found_alone = bool(evaluation.scores["baselines"])
    grey = ", and in grey age, sex and view alone" * found_alone
    for number in evaluation.judged:
        name, one = evaluation.names[number], found[evaluation.names[number]]
        scores = {score: interval_of(value) for score, value in one["scores"].items()}
        header = interval_of(one["header_only_auroc_score"])
        ranked.append([name, one["positives"], scores["auroc_score"], *[header] * found_alone, scores["average_precision_score"]])
        decided.append([name, one["positives"], one["threshold"], scores["sensitivity"], scores["specificity"]])
    by_name = {evaluation.names[number]: number for number in evaluation.judged}
    titles = {name: f"AUROC {interval_of(found[name]['scores']['auroc_score']):.2f}" for name in by_name}
    figure = roc_multiples(
        {name: evaluation.probabilities[:, number] for name, number in by_name.items()},
        {name: evaluation.labels[:, number] for name, number in by_name.items()},
        titles,
        {name: evaluation.baseline[:, number] for name, number in by_name.items()} if found_alone else {},
    )
    left_out: list[Block] = [
        Note(f"{name} has no score and no part in the means: {one['not_judged']}.", "warning")
        for name, one in found.items()
        if one["not_judged"]
    ]
    undecided = [name for name in by_name if found[name]["threshold"] is None]
    if undecided:
        said = f"{', '.join(undecided)}: no threshold could be chosen, because the validation persons all have it, or all lack it."
        left_out.append(Note(said, "warning"))
    return [
        Note(MEAN),
        score_table(evaluation.scores, MEANINGS, "The means over the labels."),
        *left_out,
        Table(["label", "with it", "AUROC", *["age, sex, view alone"] * found_alone, "average precision"], ranked, EACH),
        picture("roc", figure, f"ROC curves: the model{grey}.", "A small ROC curve for each label.", wide=True),
        *([] if found_alone else [Note(NOTHING_IN_HEADERS)]),
        Table(["label", "with it", "threshold", "sensitivity", "specificity"], decided, "Decisions at the threshold of each label."),
    ]


def _subgroup_blocks(evaluation: LabelsEvaluation, picture: SaveFigure) -> list[Block]:
    rows = [
        [name, group["persons"], group["cases"], interval_of(group["macro_auroc_score"])]
        for name, group in evaluation.scores["subgroups"].items()
    ]
    caption = "A wide interval means few persons, not a fair model. The mean is over the labels that the group has and lacks."
    return [Table(["group", "persons", "X-rays", "macro AUROC (95 % interval)"], rows, caption)]


def _calibration_blocks(evaluation: LabelsEvaluation, picture: SaveFigure) -> list[Block]:
    found = evaluation.scores["labels"]
    by_name = {evaluation.names[number]: number for number in evaluation.judged}
    by_name = {name: number for name, number in by_name.items() if found[name]["threshold"] is not None}
    rows = [
        [name, interval_of(found[name]["scores"]["brier_error"]), *(found[name]["recalibrated"][key] for key in ("slope", "in_the_large"))]
        for name in by_name
    ]
    figure = reliability_multiples(
        {name: evaluation.calibrated[:, number] for name, number in by_name.items()},
        {name: evaluation.labels[:, number] for name, number in by_name.items()},
        {name: f"{found[name]['positives']:,} of {found[name]['known']:,} with it" for name in by_name},
    )
    question = "Of ten X-rays given 30 %, do three have the label? A larger point stands for more X-rays."
    said = "The slope is 1 and the level 0 where probabilities are right; below 1 they are too extreme, a level below 0 is too high."
    return [
        picture("reliability", figure, question, "Share of X-rays with each label over its probability.", wide=True),
        Table(["label", "Brier error", "slope", "level (log odds)"], rows, said),
    ]


def _xray_blocks(evaluation: LabelsEvaluation, heat_maps: LabelHeatMaps, picture: SaveFigure) -> list[Block]:
    """Show the worst first, one label of an X-ray each: what was missed with the lowest probability, what was called with the highest."""
    error = np.abs(evaluation.calibrated - evaluation.labels)
    pairs = [(case, label) for case, label in np.argwhere(~np.isnan(error)).tolist() if label in evaluation.judged]
    pairs.sort(key=lambda pair: -error[pair])
    there = [number for number, pair in enumerate(pairs) if evaluation.labels[pair] == 1]
    lacking = [number for number, pair in enumerate(pairs) if evaluation.labels[pair] == 0]
    shown = (
        ("missed", there, "The worst: labels that are there and were given the lowest probabilities."),
        ("alarms", lacking, "The worst: labels that are not there and were given the highest probabilities."),
        ("best", there[::-1], "The best: labels that are there and were given the highest probabilities."),
        ("random", [there[number] for number in random_order(len(there))], "Labels that are there, drawn at random."),
    )

    def panels(numbers: Sequence[int]) -> list[XrayPanel]:
        return [_panel(evaluation, *pairs[number], heat_maps) for number in numbers]

    said = (
        "A heat map (LayerCAM) shows coarsely what raised the probability of the label that is named below it; it proves no finding. "
        "A label that is called absent has none."
    )
    return [Note(said), *xray_grids(shown, panels, "X-rays with heat maps.", picture)]


def _panel(evaluation: LabelsEvaluation, case: int, label: int, heat_maps: LabelHeatMaps) -> XrayPanel:
    xray, probability = evaluation.xrays[case], float(evaluation.probabilities[case, label])
    chosen = evaluation.postprocessing.labels[label].chosen
    assert chosen is not None
    heat = as_shown(heat_maps([xray], label)[0], probability, chosen.threshold)
    note = ", ".join(part for part in (evaluation.names[label], xray.case.view) if part)
    return probability_panel(xray.pixels[0], heat, probability, bool(evaluation.labels[case, label]), chosen.threshold, note)
