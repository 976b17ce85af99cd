"""From a network's probabilities of several labels to decisions and frequencies: a threshold and a recalibration for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import ConfigDict
from typing_extensions import TypedDict

from radlearn.amounts import counted
from radlearn.errors import BadSetting
from radlearn.progress import say
from radlearn.tasks.classification.postprocessing import ProbabilityPostprocessing, postprocessing_at, threshold_for
from radlearn.tasks.xray.header_baseline import Coefficients, fitted_header_baseline
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run
from radlearn.workflow.case_labels import label_values
from radlearn.workflow.postprocessing_file import write_postprocessing


class Beside(TypedDict, total=False):
    """What stands beside the postprocessing: the trivial baseline, fitted on training persons."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    header_baseline: Coefficients


@dataclass(frozen=True)
class LabelPostprocessing:
    """How the probability of one label becomes a decision."""

    name: str
    # X-rays of training that have the label, and that lack it. Of what a network has seen on one side only, it has learnt nothing.
    training_with: int
    training_without: int
    # None where the validation persons all have the label, or all lack it: then no threshold can be chosen.
    chosen: ProbabilityPostprocessing | None

    @property
    def is_learnt(self) -> bool:
        """Whether training has seen X-rays with the label and without it."""
        return self.training_with > 0 and self.training_without > 0


@dataclass(frozen=True)
class LabelsPostprocessing:
    """What was chosen for each label of a run, in the order of the network's outputs.

    Raises:
        BadSetting: if there is no label, or two have one name.
    """

    BESIDE: ClassVar = Beside

    labels: tuple[LabelPostprocessing, ...]

    def __post_init__(self) -> None:
        if not self.labels or len(set(self.names)) < len(self.labels):
            raise BadSetting(f"labels are {', '.join(self.names) or 'none'}; expected at least one, each once.")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the labels."""
        return tuple(one.name for one in self.labels)


def choose_labels_postprocessing(
    run: Run,
    probabilities: np.ndarray,
    names: Sequence[str],
    validation: Sequence[PreparedRadiograph],
    training: Sequence[PreparedRadiograph],
    wanted_sensitivity: float = 0.0,
) -> LabelsPostprocessing:
    """Choose a threshold and a recalibration for each label on validation persons, and write them with the trivial baseline into the run.

    Args:
        probabilities: (validation X-rays, labels), or (validation X-rays,) of one label.
        names: of the labels.
        training: X-rays on which the baseline is fitted.
    """
    cases, learnt_from = ([xray.case for xray in xrays] for xrays in (validation, training))
    known, learnt = label_values(cases, names), label_values(learnt_from, names)
    predicted = np.asarray(probabilities, float).reshape(len(cases), len(names))
    labels = tuple(
        LabelPostprocessing(
            name,
            int((learnt[:, number] == 1).sum()),
            int((learnt[:, number] == 0).sum()),
            chosen_for(predicted[:, number], known[:, number], wanted_sensitivity),
        )
        for number, name in enumerate(names)
    )
    found = LabelsPostprocessing(labels)
    if without := [one.name for one in labels if one.is_learnt and one.chosen is None]:
        said = f"No threshold could be chosen for {', '.join(without)}: of {counted(len(cases), 'validation X-rays')}"
        say(f"{said}, those of which it is known are all alike. There is a probability, and no decision.", style="yellow")
    write_postprocessing(run, found, {"header_baseline": fitted_header_baseline(learnt_from, learnt, names)})
    return found


def chosen_for(
    probabilities: np.ndarray, labels: np.ndarray, wanted_sensitivity: float = 0.0, wanted_specificity: float = 0.0
) -> ProbabilityPostprocessing | None:
    """Return the postprocessing of one label, fitted to the X-rays of which it is known; None where all have it, or all lack it.

    Args:
        probabilities: (X-rays,).
        labels: (X-rays,) of 1 and 0, NaN where it is not known.
    """
    known = ~np.isnan(labels)
    p, y = np.asarray(probabilities, float)[known], labels[known] == 1
    if y.all() or not y.any():
        return None
    return postprocessing_at(threshold_for(p, y, wanted_sensitivity, wanted_specificity), p, y)
