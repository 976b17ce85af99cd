"""Several runs evaluated as one: the mean of the probabilities of each class, with a postprocessing of its own; see `workflow.ensembles`.

Why probabilities are averaged, and not label maps or logits, is said in `tasks.segmentation.ensembles`. The runs may have inputs of
different sizes: they are averaged on the pixels of the file.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from radlearn.tasks.segmentation.label_maps.case_scores import label_map_case_format, of_ensembles
from radlearn.tasks.segmentation.label_maps.class_names import in_numbers_of
from radlearn.tasks.segmentation.label_maps.disagreement import ClassDisagreement, mean_probabilities, own_postprocessings
from radlearn.tasks.segmentation.label_maps.evaluation import (
    LabelMapEvaluation,
    TrainingFacts,
    choose_label_map_postprocessing,
    evaluate_label_maps,
)
from radlearn.tasks.segmentation.label_maps.frames import Frame, LabelMapCase
from radlearn.tasks.segmentation.label_maps.postprocessing import LabelMapPostprocessing
from radlearn.tasks.segmentation.label_maps.prediction import PredictedFrame
from radlearn.tasks.segmentation.together import Segmenter, Together, predicted_by_all
from radlearn.training.run_folder import Run
from radlearn.workflow.cases_file import add_to_cases
from radlearn.workflow.ensembles import new_ensemble, settle_postprocessing
from radlearn.workflow.postprocessing_file import read_postprocessing
from radlearn.workflow.splits import cases_by_subset


def evaluate_together(
    runs: Sequence[Run], cases: Sequence[LabelMapCase], load: Callable[[Run], Segmenter[LabelMapCase, Frame]]
) -> tuple[Run, LabelMapEvaluation]:
    """Evaluate several runs as one on the test persons they share; the results go into `ensemble/` in the first run's folder.

    Args:
        cases: all cases of the runs' data.
        load: opens a run.

    Returns:
        that folder, and the evaluation, to be reported.

    Raises:
        errors as `own_postprocessings` and `new_ensemble`, before a run is opened.
    """
    own = own_postprocessings(runs)
    ensemble = new_ensemble(runs)
    by_subset = cases_by_subset(cases, runs[0])
    members = [load(run) for run in runs]
    names, unit = own[0].names, _length_unit(runs)

    def mean(each: Iterable[np.ndarray], frame: Frame) -> tuple[np.ndarray, tuple[ClassDisagreement, ...] | None]:
        return mean_probabilities(each, own)

    def choose() -> None:
        # Runs that share their validation persons share those of training too.
        chosen = read_postprocessing(runs[0], LabelMapPostprocessing)[1]["chosen"]
        facts = TrainingFacts([chosen[name]["training_images"] for name in names], unit)
        validation = Together(members, by_subset["validation"], mean)
        frames = in_numbers_of(ensemble, names, validation.prepared, own=True)
        choose_label_map_postprocessing(ensemble, names, frames, validation.infer, int(runs[0].settings.get("seed", 0)), facts)

    settle_postprocessing(ensemble, runs, LabelMapPostprocessing, choose, kept=("threshold_baseline",), length_unit=unit)
    test = Together(members, by_subset["test"], mean)
    evaluation = evaluate_label_maps(ensemble, test.prepared, test.infer, "test")
    columns = {
        column: np.array([getattr(differ[number], kind) for differ in test.differ])
        for number, name in enumerate(names)
        for kind, column in of_ensembles(name).items()
    }
    add_to_cases(ensemble, "test", label_map_case_format(names, unit), columns)
    return ensemble, evaluation


def predicted_together(each: Iterable[PredictedFrame], postprocessings: Sequence[LabelMapPostprocessing]) -> PredictedFrame:
    """Return what several runs predict for one image together, or what one predicts.

    Args:
        each: what every run predicts, on the pixels of the file; taken one after another.
        postprocessings: those of the runs, in the same order, of the same classes.
    """
    return predicted_by_all(each, lambda probabilities, _: mean_probabilities(probabilities, postprocessings))


def _length_unit(runs: Sequence[Run]) -> str:
    """Return "mm" where each run measures in mm, else "px": folds may have other training images."""
    units = {read_postprocessing(run, LabelMapPostprocessing)[1]["length_unit"] for run in runs}
    return "mm" if units == {"mm"} else "px"
