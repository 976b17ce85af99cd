"""Several runs evaluated as one: the mean of their probabilities, with a postprocessing of its own; see `workflow.ensembles`.

Probabilities are averaged, and not masks or logits, for the same reasons as in classification: a bounded value lets no run outvote the
others, and windows and mirror images within a run are averaged as probabilities too.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from radlearn.scans.geometry import steps_mm
from radlearn.tasks.segmentation.case_scores import CASES
from radlearn.tasks.segmentation.disagreement import MaskDisagreement, mean_probability
from radlearn.tasks.segmentation.evaluation import MaskEvaluation, choose_mask_postprocessing, evaluate_masks
from radlearn.tasks.segmentation.postprocessing import MaskPostprocessing
from radlearn.tasks.segmentation.prediction import PredictedScan
from radlearn.tasks.segmentation.scans import MaskCase, Scan
from radlearn.tasks.segmentation.together import Segmenter, Together, predicted_by_all
from radlearn.training.run_folder import Run
from radlearn.workflow.cases_file import add_to_cases
from radlearn.workflow.ensembles import new_ensemble, settle_postprocessing
from radlearn.workflow.postprocessing_file import read_postprocessing
from radlearn.workflow.splits import cases_by_subset


def evaluate_together(
    runs: Sequence[Run], cases: Sequence[MaskCase], load: Callable[[Run], Segmenter[MaskCase, Scan]], tolerance_mm: float
) -> tuple[Run, MaskEvaluation]:
    """Evaluate several runs as one on the test persons they share; the results go into `ensemble/` in the first run's folder.

    Args:
        cases: all cases of the runs' data.
        load: opens a run.
        tolerance_mm: that of the surface Dice.

    Returns:
        that folder, and the evaluation, to be reported.

    Raises:
        errors as `new_ensemble`, before a run is opened.
    """
    ensemble = new_ensemble(runs)
    by_subset = cases_by_subset(cases, runs[0])
    members = [load(run) for run in runs]
    own = [read_postprocessing(run, MaskPostprocessing)[0] for run in runs]

    def mean(each: Iterable[np.ndarray], scan: Scan) -> tuple[np.ndarray, MaskDisagreement | None]:
        return mean_probability(each, own, steps_mm(scan.affine))

    def choose() -> None:
        validation = Together(members, by_subset["validation"], mean)
        choose_mask_postprocessing(ensemble, validation.prepared, validation.infer, int(runs[0].settings.get("seed", 0)))

    settle_postprocessing(ensemble, runs, MaskPostprocessing, choose, kept=("baseline_threshold_hu", "confined_to_lungs"))
    test = Together(members, by_subset["test"], mean)
    evaluation = evaluate_masks(ensemble, test.prepared, test.infer, "test", tolerance_mm)
    columns = {name: np.array([getattr(one, name) for one in test.differ]) for name in MaskDisagreement._fields}
    add_to_cases(ensemble, "test", CASES, columns)
    return ensemble, evaluation


def predicted_together(each: Iterable[PredictedScan], postprocessings: Sequence[MaskPostprocessing]) -> PredictedScan:
    """Return what several runs predict for one scan together, or what one predicts.

    Args:
        each: what every run predicts, on the grid of the scan; taken one after another.
        postprocessings: those of the runs, in the same order.
    """

    def mean(probabilities: Iterable[np.ndarray], first: PredictedScan) -> tuple[np.ndarray, MaskDisagreement | None]:
        return mean_probability(probabilities, postprocessings, steps_mm(first.source.affine))

    return predicted_by_all(each, mean)
