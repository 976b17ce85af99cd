"""The evaluation of a classifier of several labels: each label's scores and their means, with intervals by person, beside a baseline."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from radlearn.challenges.readings.probability_readings import ranking_notes
from radlearn.metrics import calibration, ranking
from radlearn.metrics.case_scores import Columns, score_intervals
from radlearn.metrics.intervals import bootstrap_interval, paired_bootstrap_interval
from radlearn.progress import say, waiting
from radlearn.tasks.classification.multilabel.postprocessing import LabelPostprocessing, LabelsPostprocessing
from radlearn.tasks.classification.multilabel.scores import (
    KINDS,
    MACRO,
    column,
    labels_case_format,
    macro,
    macro_scores,
    of_known,
    scores_of_label,
)
from radlearn.tasks.xray.header_baseline import header_baseline
from radlearn.tasks.xray.look_alikes import report_look_alikes
from radlearn.tasks.xray.radiographs import PreparedRadiograph, persons_of, views_of
from radlearn.tasks.xray.subgroups import subgroups_of
from radlearn.training.run_folder import Run
from radlearn.workflow.case_labels import label_values
from radlearn.workflow.cases_file import write_cases
from radlearn.workflow.ood import ood_summary
from radlearn.workflow.postprocessing_file import read_postprocessing
from radlearn.workflow.scores_file import EXTERNAL, interval_of, write_scores

BASELINE = "header_only_macro_auroc_score"


@dataclass(frozen=True)
class LabelsEvaluation:
    """Predictions of several labels beside the truth, and their scores."""

    xrays: Sequence[PreparedRadiograph]
    names: tuple[str, ...]
    # (cases, labels) each: 1 and 0, NaN where a label is not known; of labels that were not learnt the rest is NaN.
    labels: np.ndarray
    probabilities: np.ndarray
    calibrated: np.ndarray
    decisions: np.ndarray
    # From age, sex and view alone, as logits; NaN where none of them is known.
    baseline: np.ndarray
    persons: np.ndarray
    postprocessing: LabelsPostprocessing
    # As `scores.json` has it.
    scores: dict[str, Any]

    @property
    def judged(self) -> list[int]:
        """The numbers of the labels that have scores here."""
        return [number for number, name in enumerate(self.names) if self.scores["labels"][name]["not_judged"] is None]


def evaluate_labels(
    run: Run, xrays: Sequence[PreparedRadiograph], probabilities: np.ndarray, split: str, features: np.ndarray | None = None
) -> LabelsEvaluation:
    """Compare probabilities with the labels of X-rays, and write `scores.json` and `cases.csv` into the run folder.

    Args:
        probabilities: (cases, labels), or (cases,) of one label.
        features: (cases, features), which tell which X-rays are unlike the training data.

    Raises:
        BadRunFolder: if the run has no postprocessing yet.
    """
    postprocessing, beside = read_postprocessing(run, LabelsPostprocessing)
    if split == EXTERNAL:
        report_look_alikes(run, xrays)
    names, cases = postprocessing.names, [xray.case for xray in xrays]
    labels, persons, views = label_values(cases, names), persons_of(xrays), views_of(xrays)
    predicted = np.asarray(probabilities, dtype=np.float64).reshape(labels.shape).copy()
    predicted[:, [not one.is_learnt for one in postprocessing.labels]] = np.nan
    calibrated, decided = _applied(postprocessing, predicted)
    baseline = header_baseline(cases, beside["header_baseline"], names)
    columns: dict[str, np.ndarray] = {"view": views}
    for number, name in enumerate(names):
        parts = (labels, predicted, calibrated, decided)
        columns |= {column(kind, name): part[:, number] for kind, part in zip(KINDS, parts, strict=True)}
    with waiting("Bootstrapping intervals by person"):
        scores = score_intervals(macro_scores(names), columns, persons)
        of_labels = {one.name: _of_label(one, columns, persons, baseline[:, number]) for number, one in enumerate(postprocessing.labels)}
        own, trivial = (_pairs(part, labels) for part in (predicted, np.where(np.isnan(predicted), np.nan, baseline)))
        auroc = partial(macro, ranking.auroc_score, False)
        baselines = {BASELINE: bootstrap_interval(_weighted(auroc), persons, *trivial)} if (~np.isnan(baseline)).any() else {}
        above = paired_bootstrap_interval(_weighted(auroc), persons, trivial, own)
        subgroups = {
            name: {
                "persons": len(set(persons[chosen])),
                "cases": int(chosen.sum()),
                "macro_auroc_score": bootstrap_interval(_weighted(auroc), persons[chosen], *(one[chosen] for one in own)).as_dict(),
            }
            for name, chosen in subgroups_of(cases).items()
            if chosen.any()
        }
        wrong = np.abs(decided - labels)
        there = ~np.isnan(wrong)
        errors = np.where(there.any(axis=1), np.where(there, wrong, 0).sum(axis=1) / np.maximum(there.sum(axis=1), 1), np.nan)
        ood = ood_summary(run, features, {f"{MACRO}auroc_score": macro_scores(names)[f"{MACRO}auroc_score"]}, columns, persons, errors)
    known = {name: ~np.isnan(labels[:, number]) for number, name in enumerate(names)}
    notes = [
        f"{name}: {note}"
        for number, name in enumerate(names)
        if not of_labels[name]["not_judged"]
        for note in ranking_notes(interval_of(of_labels[name]["scores"]["auroc_score"]), labels[known[name], number] == 1, name)
    ]
    not_judged = {name: one["not_judged"] for name, one in of_labels.items() if one["not_judged"]}
    for name, why in not_judged.items():
        say(f"{name}: has no score and no part in the means: {why}.", style="yellow")
    found = {
        "notes": notes,
        "scores": {name: score.as_dict() for name, score in scores.items()},
        "baselines": {name: score.as_dict() for name, score in baselines.items()},
        "above_header_only": above.as_dict(),
        "macro_over": [name for name in names if name not in not_judged],
        "labels": of_labels,
        "co_occurrence": co_occurrence(labels).tolist(),
        "ood": ood,
        "subgroups": subgroups,
    }
    write_cases(run, split, labels_case_format(names), cases, columns)
    content = write_scores(run, split, cases, found)
    return LabelsEvaluation(xrays, names, labels, predicted, calibrated, decided, baseline, persons, postprocessing, content)


def co_occurrence(labels: np.ndarray) -> np.ndarray:
    """Return on how many X-rays two labels are there together, int (labels, labels); on the diagonal on how many one is.

    Args:
        labels: (cases, labels) of 1 and 0, NaN where one is not known.

    >>> co_occurrence(np.array([[1, 1], [1, 0], [np.nan, 1]])).tolist()
    [[2, 1], [1, 2]]
    """
    there = (np.asarray(labels) == 1).astype(int)
    return there.T @ there


def why_not_judged(learnt: LabelPostprocessing, labels: np.ndarray, persons: np.ndarray) -> str | None:
    """Return why a label has no score, in words; None where it has one.

    Args:
        labels: (cases,) of 1 and 0, NaN where it is not known.
    """
    if not learnt.is_learnt:
        return f"nobody in training is known to {'have' if not learnt.training_with else 'lack'} it"
    people = {value: len(set(persons[labels == value].tolist())) for value in (1, 0)}
    lacking = [word for value, word in ((1, "have"), (0, "lack")) if not people[value]]
    return f"nobody here is known to {' or to '.join(lacking)} it" if lacking else None


def _applied(postprocessing: LabelsPostprocessing, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return calibrated probabilities and decisions, (cases, labels) each; NaN where nothing was chosen or learnt."""
    calibrated, decided = np.full_like(predicted, np.nan), np.full_like(predicted, np.nan)
    for number, one in enumerate(postprocessing.labels):
        if one.chosen is not None and one.is_learnt:
            calibrated[:, number] = one.chosen.recalibration.apply(predicted[:, number])
            decided[:, number] = predicted[:, number] >= one.chosen.threshold
    return calibrated, decided


def _of_label(one: LabelPostprocessing, columns: Columns, persons: np.ndarray, baseline: np.ndarray) -> dict[str, Any]:
    """Return what `scores.json` says of a label."""
    label, calibrated = columns[column("label", one.name)], columns[column("calibrated_probability", one.name)]
    predicted = columns[column("probability", one.name)]
    known = ~np.isnan(label)
    there = int((label == 1).sum())
    scored = score_intervals(scores_of_label(one.name), columns, persons)
    why = why_not_judged(one, label, persons)
    alone = np.where(np.isnan(predicted), np.nan, baseline)
    slope = intercept = in_the_large = np.nan
    if why is None and one.chosen is not None:
        slope, intercept = calibration.recalibration_line(calibrated[known], label[known] == 1)
        in_the_large = float(calibration.calibration_in_the_large(calibrated[known], label[known] == 1))
    of_baseline = bootstrap_interval(_weighted(partial(of_known, ranking.auroc_score)), persons, alone, label)
    return {
        "known": int(known.sum()),
        "positives": there,
        "persons_with": len(set(persons[label == 1].tolist())),
        "prevalence": there / known.sum() if known.any() else None,
        "training_positives": one.training_with,
        "training_known": one.training_with + one.training_without,
        "threshold": None if one.chosen is None else one.chosen.threshold,
        "not_judged": why,
        "scores": {name: score.as_dict() for name, score in scored.items()},
        "header_only_auroc_score": of_baseline.as_dict(),
        "recalibrated": {"in_the_large": in_the_large, "intercept": float(intercept), "slope": float(slope)},
    }


def _pairs(predicted: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    return [part[:, number] for number in range(labels.shape[1]) for part in (predicted, labels)]


def _weighted(score: Any) -> Any:
    """Return a score whose argument `weights` the bootstrap sees."""

    def weighted(*arrays: np.ndarray, weights: np.ndarray | None = None) -> Any:
        return score(*arrays, weights=weights)

    return weighted
