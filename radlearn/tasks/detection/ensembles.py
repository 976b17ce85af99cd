"""Several runs evaluated as one: their boxes fused, postprocessing of their own, and what the company is worth.

Whom one run has learnt from, another must not be evaluated on: all runs of an ensemble share their test people. Where they share their
validation people too, the postprocessing is chosen anew for all together; where they do not (folds), each X-ray of one's validation was another's
training, so nothing honest can be chosen there, and the mean of the runs' postprocessing settings answers.
"""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from radlearn.challenges.rsna import Case
from radlearn.errors import BadSetting
from radlearn.files import write_json, write_text
from radlearn.metrics.boxes import FoundBoxes
from radlearn.progress import say
from radlearn.tasks.detection.candidates import as_tuned, choose_box_postprocessing, gate_of, image_scores
from radlearn.tasks.detection.evaluation import evaluate_boxes
from radlearn.tasks.detection.fusion import fused
from radlearn.tasks.detection.postprocessing import mean_postprocessing, postprocessing_of, write_box_postprocessing
from radlearn.tasks.detection.report import write_box_report
from radlearn.tasks.xray.radiographs import PreparedRadiograph, prepared_radiographs
from radlearn.training.run_folder import Run
from radlearn.training.splits import read_split
from radlearn.workflow.splits import cases_by_subset

SOURCES = ("the first run alone", "all runs fused")


def evaluate_together(lesson: ModuleType, runs: Sequence[Run], cases: Sequence[Case], gate: Path | None = None) -> dict[str, Any]:
    """Evaluate several runs as one on the test people they share; scores, pictures and report go into `ensemble/` in the first run's folder.

    Args:
        lesson: a module with `trained_model(run)` and `find_candidates(model, xrays, settings)`.
        cases: all cases of the runs' data.

    Raises:
        BadSetting: if the runs see X-rays differently, or do not share their test people.
    """
    _alike(runs)
    ensemble = _ensemble_folder(runs)
    by_subset = cases_by_subset(cases, runs[0])
    members = [(*lesson.trained_model(run), run) for run in runs]
    first = members[0][1]

    def ready(subset: str) -> list[PreparedRadiograph]:
        return prepared_radiographs(by_subset[subset], first.size_px, first.shape)

    def candidates_of(xrays: Sequence[PreparedRadiograph]) -> list[list[FoundBoxes]]:
        each = [lesson.find_candidates(model, xrays, as_tuned(settings, run))[-1] for model, settings, run in members]
        return [each[0], [fused(predictions) for predictions in zip(*each, strict=True)]]

    table = gate or first.gate
    splits = [read_split(run.folder / "split.csv") for run in runs]
    if all(split == splits[0] for split in splits):
        validation = ready("validation")
        choose_box_postprocessing(
            ensemble, candidates_of(validation), validation, ready("train"), gate_of(table, validation), first.seed, SOURCES
        )
    else:
        say("The runs were validated on different people, so no postprocessing can be chosen for all: the mean of theirs answers.")
        _, about = postprocessing_of(runs[0])
        write_box_postprocessing(
            ensemble, mean_postprocessing([postprocessing_of(run)[0] for run in runs]), {**about, "source": SOURCES[1], "ablation": []}
        )
    test = ready("test")
    by_source = candidates_of(test)
    found = by_source[0] if postprocessing_of(ensemble)[1]["source"] == SOURCES[0] else by_source[1]
    evaluation = evaluate_boxes(ensemble, test, found, image_scores(found, gate_of(table, test)), "test")
    write_box_report(ensemble, evaluation)
    return evaluation.scores


def _alike(runs: Sequence[Run]) -> None:
    seen = {(run.settings["size_px"], run.settings["shape"]) for run in runs}
    if len(seen) > 1:
        raise BadSetting(f"The {len(runs)} runs see X-rays differently (size_px and shape: {sorted(seen)}); they cannot predict together.")
    tests = [
        {image: person for image, (person, subset) in read_split(run.folder / "split.csv").items() if subset == "test"} for run in runs
    ]
    for run, people in zip(runs[1:], tests[1:], strict=True):
        if people != tests[0]:
            raise BadSetting(
                f"{run.folder} has other test people than {runs[0].folder}: it has learnt from some whom the other would be evaluated on. "
                "Runs that are to be evaluated together need the same seed; they may differ in fold, or in other settings."
            )


def _ensemble_folder(runs: Sequence[Run]) -> Run:
    """Return a run folder for the ensemble, inside the first run's; what an earlier evaluating left there is replaced."""
    first = runs[0]
    ensemble = Run(first.folder / "ensemble", first.task)
    write_text(ensemble.folder / "split.csv", (first.folder / "split.csv").read_text(encoding="utf-8"))
    write_text(ensemble.history_file, first.history_file.read_text(encoding="utf-8"))
    write_json(ensemble.folder / "settings.json", {**first.about, "runs": [str(run.folder.resolve()) for run in runs]})
    return ensemble
