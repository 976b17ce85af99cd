"""Several runs evaluated as one: their boxes fused, with a postprocessing of its own; see `workflow.ensembles` for who may be evaluated."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from radlearn.challenges.challenge import BoxScore
from radlearn.challenges.xray_case import XrayCase
from radlearn.metrics.boxes import FoundBoxes
from radlearn.tasks.detection.candidates import (
    DetectorSettingsT,
    as_tuned,
    choose_box_postprocessing,
    gate_of,
    image_scores,
    must_fit_gate,
    must_see_alike,
)
from radlearn.tasks.detection.evaluation import evaluate_boxes
from radlearn.tasks.detection.fusion import fused
from radlearn.tasks.detection.postprocessing import BoxPostprocessing
from radlearn.tasks.detection.report import write_box_report
from radlearn.tasks.xray.radiographs import PreparedRadiograph, prepared_radiographs
from radlearn.training.run_folder import Run
from radlearn.workflow.cases_file import add_to_cases
from radlearn.workflow.ensembles import disagreement, new_ensemble, settle_postprocessing, share_validation_persons
from radlearn.workflow.postprocessing_file import read_postprocessing
from radlearn.workflow.splits import cases_by_subset

SOURCES = ("the first run alone", "all runs fused")
# Of the first run: its trivial baselines, and whether there was a gate.
KEPT_BESIDE_MEAN = ("gated_by_table", "view_shares", "mean_box_xyxy_share", "brightness_sign", "brightness_cut")

# Run -> its best model and its settings.
Load = Callable[[Run], tuple[nn.Module, DetectorSettingsT]]
# Model, X-rays, settings -> the candidates of each X-ray, from each source; the last source is used.
FindCandidates = Callable[[nn.Module, Sequence[PreparedRadiograph], DetectorSettingsT], list[list[FoundBoxes]]]


def evaluate_together(
    runs: Sequence[Run],
    cases: Sequence[XrayCase],
    load: Load[DetectorSettingsT],
    find_candidates: FindCandidates[DetectorSettingsT],
    box_score: BoxScore,
    gate: Path | None = None,
) -> dict[str, Any]:
    """Evaluate several runs as one on the test persons they share; the results go into `ensemble/` in the first run's folder.

    Args:
        cases: all cases of the runs' data.
        gate: table with image-level probabilities, in place of the one that the first run was trained with.

    Raises:
        BadSetting: if the runs see X-rays differently, do not share their test persons, or the mean of their postprocessings does not
            fit the gate.
    """
    must_see_alike(runs)
    given = runs[0].settings.get("gate")
    table = gate or (Path(given) if given else None)
    if not share_validation_persons(runs):
        # The mean of their own postprocessings is used, of which each has to be one for probabilities of a table.
        must_fit_gate(runs, table)
    ensemble = new_ensemble(runs)
    by_subset = cases_by_subset(cases, runs[0])
    members = [(*load(run), run) for run in runs]
    first = members[0][1]

    def ready(subset: str) -> list[PreparedRadiograph]:
        return prepared_radiographs(by_subset[subset], first.size_px, first.shape)

    def candidates_of(xrays: Sequence[PreparedRadiograph]) -> list[list[FoundBoxes]]:
        return [find_candidates(model, xrays, as_tuned(settings, run))[-1] for model, settings, run in members]

    def choose() -> None:
        validation = ready("validation")
        sources, scores = _by_source(candidates_of(validation)), gate_of(table, validation)
        choose_box_postprocessing(ensemble, box_score, sources, validation, ready("train"), scores, first.seed, SOURCES)

    settle_postprocessing(ensemble, runs, BoxPostprocessing, choose, kept=KEPT_BESIDE_MEAN, source=SOURCES[1])
    test = ready("test")
    each = candidates_of(test)
    found = _by_source(each)[SOURCES.index(read_postprocessing(ensemble, BoxPostprocessing)[1]["source"])]
    evaluation = evaluate_boxes(ensemble, box_score, test, found, image_scores(found, gate_of(table, test)), "test")
    add_to_cases(ensemble, "test", evaluation.kept, {"disagreement": disagreement_on_boxes(each)})
    write_box_report(ensemble, evaluation)
    return evaluation.scores


def disagreement_on_boxes(each: Sequence[Sequence[FoundBoxes]]) -> np.ndarray:
    """Return how far the runs differ on each X-ray: the standard deviation of their highest confidences, float64 (X-rays,), 0 to 0.5.

    It says whether the runs agree that there is an opacity, not where. A run without a box has a confidence of 0.

    Args:
        each: for every run its candidates for every X-ray, before the postprocessing.
    """
    return disagreement([image_scores(candidates, None) for candidates in each])


def _by_source(each: Sequence[Sequence[FoundBoxes]]) -> list[list[FoundBoxes]]:
    """Return the candidates from each of `SOURCES`."""
    return [list(each[0]), [fused(predictions) for predictions in zip(*each, strict=True)]]
