"""From a network's probability to a decision, a frequency and a set of possible answers, all chosen on validation persons."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from pydantic import ConfigDict
from typing_extensions import TypedDict

from radlearn.errors import BadSetting
from radlearn.metrics import decisions
from radlearn.metrics.calibration import Recalibration, fit_recalibration
from radlearn.metrics.conformal import ConformalThresholds, conformal_thresholds
from radlearn.progress import say
from radlearn.tasks.xray.baselines import brightness_sign, mean_brightness, view_shares
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_files import ViewShares
from radlearn.training.run_folder import Run
from radlearn.workflow.postprocessing_file import write_postprocessing

# Promised share of X-rays whose set of possible answers holds the right one, with an opacity and without.
COVERAGE = 0.9
NEVER_YES = 1 + 1e-6
# The prior keeps every fit far below, on however many X-rays. A fit may be 0 or below: of a network that ranks no better than chance.
STEEPEST = 10_000
TRAIN_OTHERWISE = "Train for more epochs or on more X-rays, and look whether the labels are right: is 1 the opacity?"
# (opacity is possible, no opacity is possible) -> the set in words.
POSSIBLE = {(True, False): "opacity", (False, True): "no opacity", (True, True): "not known", (False, False): "neither"}


class Beside(TypedDict, total=False):
    """What stands beside the postprocessing: what the trivial baselines learnt, and where the one of an ensemble comes from."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    view_shares: ViewShares
    brightness_sign: Literal[-1, 1]
    origin: str


@dataclass(frozen=True)
class ProbabilityPostprocessing:
    """How a probability becomes a decision.

    Raises:
        BadSetting: if a number is not finite, a probability is not one, the threshold is below 0 or well above 1, the recalibration is
            steeper than any fit, or the coverage is no share.
    """

    BESIDE: ClassVar = Beside

    # The decision is yes from this probability on; just above 1 where it is never yes.
    threshold: float
    # Of the logistic recalibration; 0 and 1 leave probabilities as they are.
    intercept: float = 0.0
    slope: float = 1.0
    # An opacity is possible from the first probability on, none up to the second: the right answer is possible with a probability of
    # `coverage` (conformal prediction).
    opacity_possible_from: float = 0.0
    none_possible_up_to: float = 1.0
    coverage: float = COVERAGE

    def __post_init__(self) -> None:
        numbers = (self.threshold, self.intercept, self.slope, self.opacity_possible_from, self.none_possible_up_to, self.coverage)
        if not all(map(math.isfinite, numbers)):
            raise BadSetting(f"{self}: expected finite numbers.")
        if not 0 <= self.threshold <= NEVER_YES:
            raise BadSetting(f"threshold is {self.threshold!r}; it must be from 0 to 1, or just above.")
        for name in ("opacity_possible_from", "none_possible_up_to"):
            if not 0 <= (value := getattr(self, name)) <= 1:
                raise BadSetting(f"{name} is {value!r}; it must be from 0 to 1.")
        for name in ("intercept", "slope"):
            if abs(value := getattr(self, name)) > STEEPEST:
                raise BadSetting(f"{name} is {value!r}; a recalibration lies between {-STEEPEST:,} and {STEEPEST:,}.")
        if not 0 < self.coverage < 1:
            raise BadSetting(f"coverage is {self.coverage!r}; it must be above 0 and below 1.")

    @property
    def recalibration(self) -> Recalibration:
        """What reads probabilities as frequencies."""
        return Recalibration(self.intercept, self.slope)

    @property
    def calibrated_threshold(self) -> float:
        """The threshold as a calibrated probability."""
        return float(self.recalibration.apply([min(self.threshold, 1.0)])[0])

    @property
    def conformal(self) -> ConformalThresholds:
        """What tells the possible answers of a probability."""
        return ConformalThresholds(self.opacity_possible_from, self.none_possible_up_to, self.coverage)

    def possible(self, probability: float) -> str:
        """Return the possible answers in words: "opacity", "no opacity", "not known" (both) or "neither".

        >>> chosen = ProbabilityPostprocessing(0.5, opacity_possible_from=0.3, none_possible_up_to=0.6)
        >>> [chosen.possible(probability) for probability in (0.1, 0.5, 0.9)]
        ['no opacity', 'not known', 'opacity']
        """
        opacity, none = self.conformal.sets([probability])
        return POSSIBLE[bool(opacity[0]), bool(none[0])]


def postprocessing_at(threshold: float, probabilities: np.ndarray, labels: Sequence[bool] | np.ndarray) -> ProbabilityPostprocessing:
    """Return the postprocessing with this threshold; recalibration and possible answers are fitted to validation X-rays, (cases,) both."""
    recalibration, conformal = fit_recalibration(probabilities, labels), conformal_thresholds(probabilities, labels, COVERAGE)
    return ProbabilityPostprocessing(
        float(threshold), recalibration.intercept, recalibration.slope, conformal.positive_from, conformal.negative_up_to, COVERAGE
    )


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
    chosen = postprocessing_at(threshold_for(probabilities, labels, wanted_sensitivity), probabilities, labels)
    sign = brightness_sign(mean_brightness(training), training)
    write_postprocessing(run, chosen, {"view_shares": view_shares(training), "brightness_sign": sign})
    say_if_it_ranks_nothing(chosen, TRAIN_OTHERWISE)
    return chosen


def say_if_it_ranks_nothing(chosen: ProbabilityPostprocessing, then: str) -> None:
    """Say where a network ranks the validation X-rays that chose a postprocessing no better than chance, or in reverse.

    Args:
        then: what to do, as a sentence.
    """
    if chosen.slope <= 0:
        lower = "no higher" if chosen.slope == 0 else "lower"
        found = f"gave the validation X-rays with an opacity {lower} probabilities than those without, which is no better than chance"
        say(f"The network {found}: its probabilities and decisions tell nothing. {then}", style="yellow")
