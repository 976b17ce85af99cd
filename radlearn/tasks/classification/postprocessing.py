"""From a network's probability to a decision and a frequency: operating point and recalibration, chosen on validation persons."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from radlearn.errors import BadSetting
from radlearn.metrics import decisions
from radlearn.metrics.calibration import Recalibration, fit_recalibration
from radlearn.tasks.xray.baselines import brightness_sign, mean_brightness, view_shares
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run
from radlearn.workflow.postprocessing_file import write_postprocessing


@dataclass(frozen=True)
class ProbabilityPostprocessing:
    """How a probability becomes a decision.

    Raises:
        BadSetting: if a number is not finite, or the threshold is below 0.
    """

    # The decision is yes from this probability on; just above 1 where it is never yes.
    threshold: float
    # Of the logistic recalibration; 0 and 1 leave probabilities as they are.
    intercept: float = 0.0
    slope: float = 1.0

    def __post_init__(self) -> None:
        if not (self.threshold >= 0 and all(map(math.isfinite, (self.threshold, self.intercept, self.slope)))):
            raise BadSetting(f"{self}: expected finite numbers and a threshold of 0 or more.")

    @property
    def recalibration(self) -> Recalibration:
        """What reads probabilities as frequencies."""
        return Recalibration(self.intercept, self.slope)


def threshold_for(
    probabilities: np.ndarray, labels: Sequence[bool] | np.ndarray, wanted_sensitivity: float = 0.0, wanted_specificity: float = 0.0
) -> float:
    """Return the threshold that reaches a sensitivity or a specificity; with neither, the best sum of both (Youden's index)."""
    if wanted_sensitivity:
        return decisions.threshold_for_sensitivity(probabilities, labels, wanted_sensitivity)
    if wanted_specificity:
        return decisions.threshold_for_specificity(probabilities, labels, wanted_specificity)
    return decisions.youden_threshold(probabilities, labels)


def choose_postprocessing(
    run: Run,
    probabilities: np.ndarray,
    validation: Sequence[PreparedRadiograph],
    training: Sequence[PreparedRadiograph],
    wanted_sensitivity: float = 0.0,
) -> ProbabilityPostprocessing:
    """Choose threshold and recalibration on validation persons and write them, with the fitted trivial baselines, into the run folder.

    Chosen on the test persons, they would make the test scores too high.

    Args:
        probabilities: (validation X-rays,).
        training: X-rays from which the trivial baselines learn.
    """
    labels = [xray.label for xray in validation]
    recalibration = fit_recalibration(probabilities, labels)
    threshold = threshold_for(probabilities, labels, wanted_sensitivity)
    chosen = ProbabilityPostprocessing(float(threshold), recalibration.intercept, recalibration.slope)
    sign = brightness_sign(mean_brightness(training), training)
    write_postprocessing(run, chosen, {"view_shares": view_shares(training), "brightness_sign": sign})
    return chosen
