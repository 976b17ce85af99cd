"""The evaluation of an X-ray classifier: scores with intervals by person, subgroups, and the trivial baselines it has to beat."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from radlearn.challenges.readings.probability_readings import ranking_notes
from radlearn.metrics import calibration, ranking
from radlearn.metrics.case_scores import score_intervals
from radlearn.metrics.intervals import Interval, bootstrap_interval
from radlearn.metrics.predictions import pooled_share
from radlearn.progress import waiting
from radlearn.tasks.classification.case_scores import CASE_SCORES, CASES
from radlearn.tasks.classification.heat_maps import HeatMaps, heat_map_scores
from radlearn.tasks.classification.postprocessing import ProbabilityPostprocessing
from radlearn.tasks.xray.baselines import mean_brightness, view_baseline
from radlearn.tasks.xray.look_alikes import report_look_alikes
from radlearn.tasks.xray.radiographs import PreparedRadiograph, labels_of, persons_of, views_of
from radlearn.tasks.xray.subgroups import subgroups_of
from radlearn.training.run_folder import Run
from radlearn.workflow.cases_file import write_cases
from radlearn.workflow.ood import ood_summary
from radlearn.workflow.postprocessing_file import read_postprocessing
from radlearn.workflow.scores_file import EXTERNAL, write_scores


@dataclass(frozen=True)
class ProbabilityEvaluation:
    """Predictions beside the truth, and their scores; every array is (cases,)."""

    xrays: Sequence[PreparedRadiograph]
    labels: np.ndarray
    probabilities: np.ndarray
    # The probabilities read as frequencies, by the recalibration that was fitted on validation.
    calibrated: np.ndarray
    persons: np.ndarray
    views: np.ndarray
    # The prediction from the view alone: the share of positive training X-rays of that view; None where no view is known.
    view_only: np.ndarray | None
    postprocessing: ProbabilityPostprocessing
    # As `scores.json` has it.
    scores: dict[str, Any]


def evaluate_probabilities(
    run: Run,
    xrays: Sequence[PreparedRadiograph],
    probabilities: np.ndarray,
    split: str,
    heat_maps: HeatMaps,
    features: np.ndarray | None = None,
) -> ProbabilityEvaluation:
    """Compare probabilities (cases,) with the labels of `xrays`, and write `scores.json` and `cases.csv` into the run folder.

    The heat maps of found opacities are compared with the true boxes. `features`, (cases, features), tell which X-rays are unlike the
    training data.

    Raises:
        BadRunFolder: if the run has no postprocessing yet.
    """
    postprocessing, baselines_fitted = read_postprocessing(run, ProbabilityPostprocessing)
    if split == EXTERNAL:
        report_look_alikes(run, xrays)
    cases = [xray.case for xray in xrays]
    labels, persons, views = labels_of(xrays), persons_of(xrays), views_of(xrays)
    view_only = view_baseline(views, baselines_fitted["view_shares"])
    calibrated = postprocessing.recalibration.apply(probabilities)
    brightness = mean_brightness(xrays)
    # In float64, as scores compare them with the threshold: the nearest float32 may lie on its other side.
    exact = np.asarray(probabilities, dtype=np.float64)
    decided = exact >= postprocessing.threshold
    columns = {"label": labels, "view": views, "probability": exact, "calibrated_probability": calibrated, "decision": decided}

    def auroc(predictions: np.ndarray, chosen: np.ndarray | None = None) -> Interval:
        here = np.ones(len(labels), bool) if chosen is None else chosen
        return bootstrap_interval(ranking.auroc_score, persons[here], predictions[here], labels[here])

    with waiting("Bootstrapping intervals by person"):
        scores = score_intervals(CASE_SCORES, columns, persons)
        baselines = {
            **({} if view_only is None else {"view_only_auroc_score": auroc(view_only)}),
            "mean_brightness_auroc_score": auroc(baselines_fitted["brightness_sign"] * brightness),
        }
        subgroups = {
            name: {
                "persons": len(set(persons[chosen])),
                "cases": int(chosen.sum()),
                "positives": int(labels[chosen].sum()),
                "auroc_score": auroc(probabilities, chosen).as_dict(),
            }
            for name, chosen in subgroups_of(cases).items()
        }
        slope, intercept = calibration.recalibration_line(calibrated, labels)
        in_the_large = bootstrap_interval(calibration.calibration_in_the_large, persons, calibrated, labels)
        categories = {case.category for case in cases if case.category and not case.label}
        by_class = {name: np.array([case.category == name for case in cases]) & ~labels for name in sorted(categories)}
        false_alarms = {
            name: {
                "cases": int(chosen.sum()),
                "false_positives": int((decided & chosen).sum()),
                "false_positive_share": bootstrap_interval(pooled_share, persons, decided & chosen, chosen).as_dict(),
            }
            for name, chosen in by_class.items()
        }
        opacity, none = postprocessing.conformal.sets(probabilities)
        conformal = {
            "opacities_covered_share": bootstrap_interval(pooled_share, persons, opacity & labels, labels),
            "others_covered_share": bootstrap_interval(pooled_share, persons, none & ~labels, ~labels),
            "not_known_share": bootstrap_interval(pooled_share, persons, opacity & none, np.ones(len(labels))),
            "neither_share": bootstrap_interval(pooled_share, persons, ~opacity & ~none, np.ones(len(labels))),
        }
        headline = {name: score for name, score in CASE_SCORES.items() if score.headline}
        ood = ood_summary(run, features, headline, columns, persons, (decided != labels).astype(float))
    found = {
        "notes": ranking_notes(scores["auroc_score"], labels),
        "positives": int(labels.sum()),
        "threshold": postprocessing.threshold,
        "scores": {name: score.as_dict() for name, score in scores.items()},
        "baselines": {name: score.as_dict() for name, score in baselines.items()},
        "heat_maps": heat_map_scores(xrays, probabilities >= postprocessing.threshold, heat_maps),
        "conformal": {"coverage": postprocessing.coverage} | {name: score.as_dict() for name, score in conformal.items()},
        "ood": ood,
        "recalibrated": {"in_the_large": in_the_large.as_dict(), "intercept": float(intercept), "slope": float(slope)},
        "false_alarms": false_alarms,
        "subgroups": subgroups,
    }
    write_cases(run, split, CASES, cases, columns)
    content = write_scores(run, split, cases, found)
    return ProbabilityEvaluation(xrays, labels, probabilities, calibrated, persons, views, view_only, postprocessing, content)
