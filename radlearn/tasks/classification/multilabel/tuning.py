"""`tune` of a classifier of several labels: the operating point of each chosen again on validation persons, by one rule."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from radlearn.errors import BadSetting
from radlearn.metrics.intervals import Interval
from radlearn.pictures.report import Table
from radlearn.progress import waiting
from radlearn.tasks.classification.multilabel.postprocessing import LabelsPostprocessing
from radlearn.tasks.classification.options import TuneOptions
from radlearn.tasks.classification.postprocessing import postprocessing_at
from radlearn.tasks.classification.tuning import Chosen, chosen_by, rule_of
from radlearn.tasks.xray.radiographs import PreparedRadiograph, persons_of
from radlearn.training.run_folder import Run
from radlearn.workflow.case_labels import label_values
from radlearn.workflow.postprocessing_file import read_postprocessing, write_postprocessing
from radlearn.workflow.tuning_report import Tuning, report_tuning

COLUMNS = ("label", "with it", "threshold", "sensitivity", "specificity")
BESIDE = ("label", "threshold before", "sensitivity / specificity on the same persons")


def tune_labels(
    run: Run,
    xrays: Sequence[PreparedRadiograph],
    probabilities: np.ndarray,
    options: TuneOptions = TuneOptions(),
    sensitivity_of_training: float = 0.0,
) -> dict[str, Any]:
    """Choose the thresholds of a run's labels again and write them into `postprocessing.json`, and how they were found into `tuning/`.

    Args:
        xrays: those of the run's validation persons; `probabilities` (X-rays, labels), or (X-rays,) of one label.
        sensitivity_of_training: wanted where `options` name neither a sensitivity nor a specificity.

    Returns:
        what `tuning/tuning.json` holds.

    Raises:
        BadRunFolder: if training has not finished.
        BadSetting: if the options cannot be met; if of no label both X-rays with it and without it are known.
    """
    as_trained = options.wanted_sensitivity is None and not options.wanted_specificity
    rule = rule_of(sensitivity_of_training if as_trained else options.wanted_sensitivity, options.wanted_specificity)
    before, fitted = read_postprocessing(run, LabelsPostprocessing)
    persons = persons_of(xrays)
    labels = label_values([xray.case for xray in xrays], before.names)
    predicted = np.asarray(probabilities, dtype=np.float64).reshape(labels.shape)
    after, rows, beside, chosen = [], [], [], {}
    seed = int(run.settings.get("seed", 0))
    with waiting("Choosing thresholds on validation persons, with cross-fitted scores"):
        for number, one in enumerate(before.labels):
            known = ~np.isnan(labels[:, number])
            p, y, there = predicted[known, number], labels[known, number] == 1, persons[known].tolist()
            if y.all() or not y.any():
                after.append(replace(one, chosen=None))
                rows.append([one.name, int(y.sum()), None, None, None])
                beside.append([one.name, _threshold(one.chosen), "–"])
                continue
            found = chosen_by(rule, p, y, there, seed)
            chosen[one.name] = found
            after.append(replace(one, chosen=postprocessing_at(found.threshold, p, y)))
            rows.append([one.name, int(y.sum()), found.threshold, *(f"{pair:.2f}" for pair in found.crossed)])
            beside.append([one.name, _threshold(one.chosen), _own(found)])
    if not chosen:
        raise BadSetting("Of no label the validation X-rays have both those with it and those without it; no threshold can be chosen.")
    made = LabelsPostprocessing(tuple(after))
    # What the trivial baseline knows came from the training persons, and stays.
    write_postprocessing(run, made, fitted)
    content: dict[str, Any] = {
        "rule": rule.name,
        "labels": {name: found.as_dict() for name, found in chosen.items()},
        "thresholds_before": {one.name: _threshold(one.chosen) for one in before.labels},
        "not_chosen": [one.name for one in after if one.chosen is None],
    }
    caption = "Sensitivity and specificity are cross-fitted, with 95 % intervals by person; a dash where a fifth of them has no threshold."
    optimistic = "As it was before, and what the chosen threshold gives on the persons that it was chosen on: too optimistic."
    without = content["not_chosen"]
    found_of_all = Tuning(
        "The thresholds, chosen on validation persons",
        f"A threshold for each of {len(chosen)} labels, chosen for {rule.name}.",
        [],
        [Table(COLUMNS, rows, caption), Table(BESIDE, beside, optimistic, folded=True)],
        [],
        [f"No threshold for {', '.join(without)}: of those known, all validation X-rays have it, or all lack it."] if without else [],
        content,
        made != before,
    )
    return report_tuning(run, persons.tolist(), found_of_all)


def _threshold(chosen: Any) -> float | None:
    return None if chosen is None else float(chosen.threshold)


def _own(found: Chosen) -> str:
    pair: tuple[Interval, Interval] = found.own
    return " / ".join(f"{one.value:.2f}" for one in pair)
