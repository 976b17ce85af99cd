"""One definition of a score for a run and for the difference between runs: the same numbers as its own bootstrap, one draw for all."""

import math

import numpy as np
import pytest

from radlearn.metrics.boxes import mean_over_images
from radlearn.metrics.calibration import brier_error, calibration_error
from radlearn.metrics.case_scores import CaseScore, in_one_call, score_intervals
from radlearn.metrics.intervals import bootstrap_interval
from radlearn.metrics.mask_table import median_over_scans
from radlearn.metrics.ranking import auroc_score
from tests.made_runs import made_cases, made_probabilities

SCORES = {
    "auroc_score": CaseScore(function=auroc_score, columns=("probability", "label")),
    "median": CaseScore(function=median_over_scans, columns=("probability",), has_interval=False),
    "brier_error": CaseScore(function=brier_error, columns=("probability", "label"), higher_is_better=False),
}


def test_all_scores_in_one_bootstrap_are_those_of_a_bootstrap_each_bit_for_bit() -> None:
    columns, persons = made_probabilities(0), [case.person for case in made_cases()]
    found = score_intervals(SCORES, columns, persons, draws=100, seed=3)
    assert list(found) == list(SCORES)
    for name, function in (("auroc_score", auroc_score), ("brier_error", brier_error)):
        alone = bootstrap_interval(function, persons, columns["probability"], columns["label"], draws=100, seed=3)
        assert found[name].as_dict() == alone.as_dict()
        assert found[name].value == SCORES[name].value(columns)


def test_a_median_has_a_value_and_no_interval() -> None:
    columns, persons = made_probabilities(0), [case.person for case in made_cases()]
    median = score_intervals(SCORES, columns, persons, draws=20)["median"]
    assert median.value == np.median(columns["probability"])
    assert not median.is_known
    alone = score_intervals({"median": SCORES["median"]}, columns, persons)["median"]
    assert alone.value == median.value


def test_an_undefined_score_takes_no_other_with_it() -> None:
    columns = {"probability": np.linspace(0.1, 0.9, 30), "label": np.zeros(30, bool)}
    found = score_intervals(SCORES, columns, range(30), draws=50)
    assert math.isnan(found["auroc_score"].value)
    assert found["brier_error"].is_known


def test_a_column_is_passed_once_however_many_scores_take_it() -> None:
    function, used = in_one_call([SCORES["auroc_score"], SCORES["brier_error"], CaseScore(function=mean_over_images, columns=("label",))])
    assert used == ("probability", "label")
    p, y = np.array([0.9, 0.2, 0.4]), np.array([True, False, True])
    assert function(p, y) == pytest.approx([1.0, (0.01 + 0.04 + 0.36) / 3, 2 / 3])
    draws = function(p, y, weights=np.array([[1.0, 1, 1], [1, 1, 0]]))
    assert draws == pytest.approx(np.array([[1.0, 0.41 / 3, 2 / 3], [1.0, 0.025, 0.5]]))


@pytest.mark.parametrize("seed", range(6))
def test_the_interval_of_a_calibration_error_holds_its_value(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.random(300)
    columns = {"p": p, "y": rng.random(300) < p}
    plain = CaseScore(function=calibration_error, columns=("p", "y"), higher_is_better=False)
    centred = CaseScore(function=calibration_error, columns=("p", "y"), higher_is_better=False, centred=True)
    found = score_intervals({"plain": plain, "centred": centred}, columns, range(300), draws=300)
    drawn = [float(calibration_error(p[rows], columns["y"][rows])) for rows in rng.integers(0, 300, (300, 300))]
    # Resampling raises the error of well calibrated probabilities; the percentiles alone would begin at it, or above it.
    assert np.median(drawn) > found["plain"].value * 1.15
    for one in found.values():
        assert 0 <= one.low <= one.value <= one.high
    assert found["centred"].low < 0.9 * found["centred"].value
    assert found["centred"].high < found["plain"].high
