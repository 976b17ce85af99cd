"""Several runs evaluated as one: the mean of their probabilities, with a postprocessing of its own; see `workflow.ensembles`.

Probabilities are averaged, and not masks or logits, for the same reasons as in classification: a bounded value lets no run outvote the
others, and windows and mirror images within a run are averaged as probabilities too.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from radlearn.scans.geometry import steps_mm
from radlearn.tasks.segmentation.case_scores import CASES
from radlearn.tasks.segmentation.disagreement import MaskDisagreement, mean_probability
from radlearn.tasks.segmentation.evaluation import InferScan, MaskEvaluation, choose_mask_postprocessing, evaluate_masks
from radlearn.tasks.segmentation.postprocessing import MaskPostprocessing
from radlearn.tasks.segmentation.prediction import PredictedScan
from radlearn.tasks.segmentation.scans import MaskCase, Scan
from radlearn.training.run_folder import Run
from radlearn.workflow.cases_file import add_to_cases
from radlearn.workflow.ensembles import new_ensemble, settle_postprocessing
from radlearn.workflow.postprocessing_file import read_postprocessing
from radlearn.workflow.splits import cases_by_subset


@dataclass(frozen=True)
class Segmenter:
    """A trained run as an ensemble uses it. Each prepares scans as it was trained to see them.

    Args:
        prepare: cases → their scans, in the same order.
        infer: the item of such a scan → the probability of a lesion, float32 (i, j, k), on the source grid.
    """

    prepare: Callable[[Sequence[MaskCase]], list[Scan]]
    infer: InferScan


def evaluate_together(
    runs: Sequence[Run], cases: Sequence[MaskCase], load: Callable[[Run], Segmenter], tolerance_mm: float
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

    def choose() -> None:
        validation = _Together(members, own, by_subset["validation"])
        choose_mask_postprocessing(ensemble, validation.scans, validation.infer, int(runs[0].settings.get("seed", 0)))

    settle_postprocessing(ensemble, runs, MaskPostprocessing, choose, kept=("baseline_threshold_hu", "confined_to_lungs"))
    test = _Together(members, own, by_subset["test"])
    evaluation = evaluate_masks(ensemble, test.scans, test.infer, "test", tolerance_mm)
    differ = [test.differ[scan.case.image_id] for scan in test.scans]
    columns = {name: np.array([getattr(one, name) for one in differ]) for name in MaskDisagreement._fields}
    add_to_cases(ensemble, "test", CASES, columns)
    return ensemble, evaluation


def predicted_together(each: Iterable[PredictedScan], postprocessings: Sequence[MaskPostprocessing]) -> PredictedScan:
    """Return what several runs predict for one scan together, or what one predicts.

    Args:
        each: what every run predicts, on the grid of the scan; taken one after another.
        postprocessings: those of the runs, in the same order.
    """
    runs = iter(each)
    first = next(runs)
    features: list[Sequence[np.ndarray] | None] = []

    def probabilities() -> Iterator[np.ndarray]:
        for one in itertools.chain([first], runs):
            features.append(one.features)
            yield one.probability

    mean, differ = mean_probability(probabilities(), postprocessings, steps_mm(first.source.affine))
    known = [own for own in features if own is not None]
    together = [one for own in known for one in own] if len(known) == len(features) else None
    return replace(first, probability=mean, differ=differ, features=together)


class _Together:
    """Scans as each run sees them, and what all predict for them."""

    def __init__(self, members: Sequence[Segmenter], postprocessings: Sequence[MaskPostprocessing], cases: Sequence[MaskCase]) -> None:
        self.members, self.postprocessings = members, postprocessings
        self.by_run = [member.prepare(cases) for member in members]
        self.number_of = {case.image_id: number for number, case in enumerate(cases)}
        self.differ: dict[str, MaskDisagreement] = {}

    @property
    def scans(self) -> list[Scan]:
        """The scans as the first run sees them."""
        return self.by_run[0]

    def infer(self, item: Mapping[str, Any]) -> np.ndarray:
        """Return the mean probability for a scan, from its item of the first run, and keep how far the runs differ."""
        number = self.number_of[item["id"]]
        # The item that is given is the first run's: it is not mapped a second time.
        items = (item if of_run is self.by_run[0] else of_run[number].item for of_run in self.by_run)
        each = (member.infer(own) for member, own in zip(self.members, items, strict=True))
        mean, differ = mean_probability(each, self.postprocessings, steps_mm(self.scans[number].affine))
        if differ is not None:
            self.differ[item["id"]] = differ
        return mean
