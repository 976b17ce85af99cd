"""Several runs evaluated as one: their boxes fused, with a postprocessing of its own.

No run may be evaluated on persons that another has been trained on: all runs of an ensemble share their test persons. Where they share
their validation persons too, a postprocessing is chosen for the ensemble. Where they do not (folds), each X-ray that one run was
validated on was in another's training, so no postprocessing can be chosen; the mean of the runs' own is used.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from radlearn.challenges.challenge import BoxScore
from radlearn.challenges.xray_case import XrayCase
from radlearn.errors import BadSetting
from radlearn.files import write_json, write_text
from radlearn.metrics.boxes import FoundBoxes
from radlearn.progress import say
from radlearn.tasks.detection.candidates import (
    DetectorSettingsT,
    as_tuned,
    choose_box_postprocessing,
    gate_of,
    image_scores,
    must_see_alike,
)
from radlearn.tasks.detection.evaluation import evaluate_boxes
from radlearn.tasks.detection.fusion import fused
from radlearn.tasks.detection.postprocessing import BoxPostprocessing, mean_postprocessing
from radlearn.tasks.detection.report import write_box_report
from radlearn.tasks.xray.radiographs import PreparedRadiograph, prepared_radiographs
from radlearn.training.run_folder import Run
from radlearn.training.splits import read_split
from radlearn.workflow.postprocessing_file import read_postprocessing, write_postprocessing
from radlearn.workflow.splits import cases_by_subset

SOURCES = ("the first run alone", "all runs fused")

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
        BadSetting: if the runs see X-rays differently, or do not share their test persons.
    """
    must_see_alike(runs)
    _must_share_test_persons(runs)
    ensemble = _ensemble_folder(runs)
    by_subset = cases_by_subset(cases, runs[0])
    members = [(*load(run), run) for run in runs]
    first = members[0][1]

    def ready(subset: str) -> list[PreparedRadiograph]:
        return prepared_radiographs(by_subset[subset], first.size_px, first.shape)

    def candidates_of(xrays: Sequence[PreparedRadiograph]) -> list[list[FoundBoxes]]:
        each = [find_candidates(model, xrays, as_tuned(settings, run))[-1] for model, settings, run in members]
        return [each[0], [fused(predictions) for predictions in zip(*each, strict=True)]]

    table = gate or first.gate
    splits = [read_split(run.folder / "split.csv") for run in runs]
    if all(split == splits[0] for split in splits):
        validation = ready("validation")
        scores = gate_of(table, validation)
        choose_box_postprocessing(ensemble, box_score, candidates_of(validation), validation, ready("train"), scores, first.seed, SOURCES)
    else:
        say("The runs were validated on different persons, so the ensemble gets no postprocessing of its own; the mean of theirs is used.")
        _, about = read_postprocessing(runs[0], BoxPostprocessing)
        mean = mean_postprocessing([read_postprocessing(run, BoxPostprocessing)[0] for run in runs])
        write_postprocessing(ensemble, mean, {**about, "source": SOURCES[1], "ablation": []})
    test = ready("test")
    by_source = candidates_of(test)
    found = by_source[0] if read_postprocessing(ensemble, BoxPostprocessing)[1]["source"] == SOURCES[0] else by_source[1]
    evaluation = evaluate_boxes(ensemble, box_score, test, found, image_scores(found, gate_of(table, test)), "test")
    write_box_report(ensemble, evaluation)
    return evaluation.scores


def _must_share_test_persons(runs: Sequence[Run]) -> None:
    splits = [read_split(run.folder / "split.csv") for run in runs]
    tests = [{image: person for image, (person, subset) in split.items() if subset == "test"} for split in splits]
    for run, persons in zip(runs[1:], tests[1:], strict=True):
        if persons != tests[0]:
            raise BadSetting(
                f"{run.folder} has other test persons than {runs[0].folder}: it was trained on some that the other would be evaluated on. "
                "Runs that are evaluated together need the same split seed; they may differ in fold, or in other settings."
            )


def _ensemble_folder(runs: Sequence[Run]) -> Run:
    """Return a run folder for the ensemble, inside the first run's; files of an earlier evaluation are replaced."""
    first = runs[0]
    ensemble = Run(first.folder / "ensemble", first.task)
    write_text(ensemble.folder / "split.csv", (first.folder / "split.csv").read_text(encoding="utf-8"))
    write_text(ensemble.history_file, first.history_file.read_text(encoding="utf-8"))
    write_json(ensemble.folder / "settings.json", {**first.about, "runs": [str(run.folder.resolve()) for run in runs]})
    return ensemble
