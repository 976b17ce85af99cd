"""Calibration against scikit-learn, SciPy and hand counts, and where plain maximum likelihood has no solution."""

from collections.abc import Callable

import numpy as np
import pytest
import scipy.optimize
import sklearn.linear_model
import sklearn.metrics
from scipy.special import expit, logit

from radlearn.errors import BadSetting
from radlearn.metrics.calibration import (
    Recalibration,
    brier_error,
    calibration_error,
    calibration_in_the_large,
    fit_recalibration,
    level_in_words,
    positive_shares,
    recalibration_line,
    reliability_bins,
)
from radlearn.metrics.intervals import Interval, bootstrap_interval
from radlearn.metrics.ranking import auroc_score


def cases_of(intercept: float, slope: float, n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return n probabilities and labels whose true recalibration is (intercept, slope)."""
    random = np.random.default_rng(seed)
    p = expit(random.normal(-1, 1.5, n))
    return p, random.random(n) < expit(intercept + slope * logit(p))


def test_the_brier_error_equals_scikit_learn() -> None:
    for seed in range(300):
        p, y = cases_of(0, 1, 50, seed)
        assert brier_error(p, y) == pytest.approx(sklearn.metrics.brier_score_loss(y, p), abs=1e-14)
    assert np.isnan(brier_error([], []))
    assert brier_error([1.0, 0.0], [1, 0]) == 0.0
    assert brier_error([1.0, 0.0], [0, 1]) == 1.0


def test_recalibration_equals_scikit_learns_logistic_regression_on_enough_cases() -> None:
    for seed in range(20):
        p, y = cases_of(-0.4, 0.6, 4000, seed)
        oracle = sklearn.linear_model.LogisticRegression(C=1e10, tol=1e-9).fit(logit(p)[:, None], y)
        found = fit_recalibration(p, y)
        assert found.slope == pytest.approx(oracle.coef_[0, 0], abs=3e-3)
        assert found.intercept == pytest.approx(oracle.intercept_[0], abs=3e-3)


def test_the_prior_moves_the_slope_of_200_cases_by_less_than_a_hundredth() -> None:
    for seed in range(20):
        p, y = cases_of(0, 0.7, 200, seed)
        oracle = sklearn.linear_model.LogisticRegression(C=1e10, tol=1e-9).fit(logit(p)[:, None], y)
        assert fit_recalibration(p, y).slope == pytest.approx(oracle.coef_[0, 0], rel=0.01)


def test_the_fit_is_the_optimum_that_scipy_finds() -> None:
    for seed in range(20):
        p, y = cases_of(1, 0.5, 30, seed)
        z = logit(p)

        def loss(line: np.ndarray, z: np.ndarray = z, y: np.ndarray = y) -> float:
            fitted = line[0] + line[1] * z
            return (np.logaddexp(0, fitted) - y * fitted).sum() + line[0] ** 2 / 50 + (line[1] - 1) ** 2 / 8

        best = scipy.optimize.minimize(loss, [0, 1], method="BFGS", options={"gtol": 1e-9}).x
        found = fit_recalibration(p, y)
        assert [found.intercept, found.slope] == pytest.approx(best, abs=1e-5)


def test_what_was_bent_is_straightened() -> None:
    p, y = cases_of(-0.5, 0.4, 20_000)
    mended = fit_recalibration(p, y).apply(p)
    again = fit_recalibration(mended, y)
    assert (again.intercept, again.slope) == pytest.approx((0, 1), abs=0.01)
    assert calibration_error(mended, y) < calibration_error(p, y) / 3
    assert brier_error(mended, y) < brier_error(p, y)
    assert auroc_score(mended, y) == auroc_score(p, y)


@pytest.mark.parametrize(
    ("p", "y"),
    [
        ([0.9, 0.8, 0.2, 0.1], [1, 1, 0, 0]),
        ([1.0, 1.0, 0.0, 0.0], [1, 1, 0, 0]),
        ([1.0, 1.0, 0.0, 0.0], [0, 0, 1, 1]),
        ([0.3] * 50, [0] * 50),
        ([0.999999999] * 500, [0] * 500),
        ([0.3] * 10, [1] * 3 + [0] * 7),
        ([0.7], [1]),
    ],
    ids=["separable", "certain and right", "certain and wrong", "one class", "sure, one class, wrong", "all equal", "one case"],
)
def test_recalibration_is_finite_where_maximum_likelihood_has_no_prediction(p: list[float], y: list[int]) -> None:
    found = fit_recalibration(p, y)
    assert np.isfinite([found.intercept, found.slope]).all()
    mended = found.apply(p)
    assert np.all((mended >= 0) & (mended <= 1))
    assert brier_error(mended, y) <= brier_error(p, y) + 0.02


def test_without_cases_the_probabilities_stay_what_they_are() -> None:
    assert fit_recalibration([], []) == Recalibration(0.0, 1.0)
    p = np.array([0.0001, 0.2, 0.5, 0.9])
    assert Recalibration(0.0, 1.0).apply(p) == pytest.approx(p)


def test_a_weight_of_three_is_the_case_three_times() -> None:
    p, y = cases_of(0.3, 0.8, 60)
    weights = np.random.default_rng(0).integers(0, 4, 60)
    ours, repeated = fit_recalibration(p, y, weights=weights), fit_recalibration(np.repeat(p, weights), np.repeat(y, weights))
    assert (ours.intercept, ours.slope) == pytest.approx((repeated.intercept, repeated.slope), abs=1e-6)
    for score in (brier_error, calibration_error):
        assert score(p, y, weights=weights[None])[0] == pytest.approx(score(np.repeat(p, weights), np.repeat(y, weights)))


def test_bins_are_counted_by_hand_and_an_edge_goes_up() -> None:
    bins = reliability_bins([0.0, 0.05, 0.1, 0.95, 1.0], [0, 1, 1, 1, 1], bins=10)
    assert bins.cases.tolist() == [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]
    assert bins.mean_probability[[0, 1, 9]] == pytest.approx([0.025, 0.1, 0.975])
    assert bins.positive_share[[0, 1, 9]] == pytest.approx([0.5, 1, 1])
    assert np.isnan(bins.positive_share[2:9]).all()
    assert np.array_equal(positive_shares([0.0, 0.05, 0.1, 0.95, 1.0], [0, 1, 1, 1, 1]), bins.positive_share, equal_nan=True)


def test_the_calibration_error_is_the_mean_gap_over_the_cases() -> None:
    # Three cases at 0.9 of which two are ill (gap 0.2333), one at 0.1 which is not (gap 0.1).
    assert calibration_error([0.9, 0.9, 0.9, 0.1], [1, 1, 0, 0]) == pytest.approx((3 * (0.9 - 2 / 3) + 0.1) / 4)
    assert np.isnan(calibration_error([], []))
    for seed in range(50):
        p, y = cases_of(0.5, 0.5, 200, seed)
        bins = reliability_bins(p, y, 10)
        gaps = np.abs(bins.mean_probability - bins.positive_share) * bins.cases
        assert calibration_error(p, y) == pytest.approx(np.nansum(gaps) / 200)


def test_bins_agree_with_scikit_learns_calibration_curve() -> None:
    from sklearn.calibration import calibration_curve

    p, y = cases_of(0.5, 0.5, 500)
    shares, means = calibration_curve(y, p, n_bins=10)
    ours = reliability_bins(p, y, 10)
    assert ours.positive_share[ours.cases > 0] == pytest.approx(shares)
    assert ours.mean_probability[ours.cases > 0] == pytest.approx(means)


def test_numbers_that_are_no_probabilities_are_refused() -> None:
    for score in (brier_error, calibration_error, fit_recalibration, reliability_bins):
        with pytest.raises(BadSetting, match="outside 0 to 1"):
            score([0.5, 1.5], [0, 1])
    with pytest.raises(BadSetting, match="bins is 0"):
        reliability_bins([0.5], [1], bins=0)
    with pytest.raises(BadSetting, match="for one fit"):
        fit_recalibration([0.5], [1], weights=np.ones((2, 1)))


def test_a_line_for_every_draw_is_the_fit_of_its_repeated_cases() -> None:
    rng = np.random.default_rng(1)
    p, y = rng.random(60), rng.random(60) < 0.4
    weights = rng.integers(0, 3, (5, 60))
    lines = recalibration_line(p, y, weights)
    assert lines.shape == (5, 2)
    for row, line in zip(weights, lines, strict=True):
        fitted = fit_recalibration(np.repeat(p, row), np.repeat(y, row))
        np.testing.assert_allclose(line, [fitted.slope, fitted.intercept], atol=1e-7)
    whole = fit_recalibration(p, y)
    np.testing.assert_allclose(recalibration_line(p, y), [whole.slope, whole.intercept])
    # Where one begins to search changes nothing in what is found.
    far = fit_recalibration(p, y, start=Recalibration(4.0, -3.0))
    assert (far.slope, far.intercept) == pytest.approx((whole.slope, whole.intercept), abs=1e-6)


def offset_fit(p: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    """The intercept of a logistic regression whose logit is given, by the bisection of SciPy."""
    z = logit(p)
    return float(scipy.optimize.brentq(lambda shift: float(w @ (expit(z + shift) - y)), -30, 30, xtol=1e-13))


@pytest.mark.parametrize("shift", [-3.0, -0.7, 0.0, 0.4, 2.5])
def test_calibration_in_the_large_is_the_intercept_with_the_slope_fixed_at_1(shift: float) -> None:
    rng = np.random.default_rng(int(10 * shift) + 40)
    z = rng.normal(-1, 2, 700)
    y, p, w = rng.random(700) < expit(z), expit(z - shift), rng.integers(0, 4, (3, 700))
    own = calibration_in_the_large(p, y)
    assert own == pytest.approx(offset_fit(p, y, np.ones(700)), abs=1e-9)
    # After the shift the mean probability is the share of positives.
    assert expit(logit(p) + own).mean() == pytest.approx(y.mean(), abs=1e-12)
    assert own == pytest.approx(shift, abs=0.35)
    assert calibration_in_the_large(p, y, w) == pytest.approx([offset_fit(p, y, row) for row in w], abs=1e-9)


def test_probabilities_that_are_too_low_have_a_joint_intercept_below_0_and_a_calibration_in_the_large_above_0() -> None:
    rng = np.random.default_rng(3)
    z = rng.normal(-1.9, 0.6, 4000)
    y, p = rng.random(4000) < expit(z), expit((z + 0.3) / 0.4)
    # The fit of both blames the slope, so that its intercept has the other sign than the fault.
    slope, intercept = recalibration_line(p, y)
    assert (slope < 0.5, intercept < 0, p.mean() < y.mean() - 0.05) == (True, True, True)
    level = bootstrap_interval(calibration_in_the_large, np.arange(4000), p, y, draws=100)
    assert level.low > 0
    assert level_in_words(level) == "The probabilities are too low on the whole."
    assert "too high" in level_in_words(bootstrap_interval(calibration_in_the_large, np.arange(4000), expit(z + 1), y, draws=100))
    assert "no sign" in level_in_words(bootstrap_interval(calibration_in_the_large, np.arange(4000), expit(z), y, draws=100))


@pytest.mark.parametrize("labels", [[0, 0, 0], [1, 1, 1], []])
def test_one_class_has_no_calibration_line_and_no_calibration_in_the_large(labels: list[int]) -> None:
    p = [0.2, 0.5, 0.9][: len(labels)]
    assert np.isnan(recalibration_line(p, labels)).all()
    assert np.isnan(calibration_in_the_large(p, labels))
    assert level_in_words(Interval(float("nan"))) == "All are of the same class, so there is no calibration line."


def test_a_draw_of_one_class_has_no_line_and_takes_no_other_with_it() -> None:
    p, y = [0.2, 0.5, 0.9, 0.4], [0, 1, 1, 0]
    weights = np.array([[1, 0, 0, 2], [1, 1, 1, 1], [0, 1, 2, 0]])
    assert np.isnan(recalibration_line(p, y, weights)).all(axis=1).tolist() == [True, False, True]
    assert np.isnan(calibration_in_the_large(p, y, weights)).tolist() == [True, False, True]


def test_saturated_probabilities_have_a_finite_calibration_in_the_large() -> None:
    # Of three sure negatives one is positive: the logit of 1e-6 has to be shifted to that of 1/3.
    assert calibration_in_the_large([0, 0, 0], [1, 0, 0]) == pytest.approx(logit(1 / 3) - logit(1e-6))
    assert calibration_in_the_large([1, 1, 1], [1, 0, 0]) == pytest.approx(logit(1 / 3) + logit(1e-6), rel=1e-6)


@pytest.mark.parametrize("sureness", [0.0, 1e-9, 1e-7])
def test_perfect_probabilities_of_nearly_0_and_1_are_neither_too_high_nor_too_low(sureness: float) -> None:
    labels = np.arange(200) < 57
    probabilities = np.where(labels, 1 - sureness, sureness)
    assert calibration_in_the_large(probabilities, labels) == 0
    # One that is surely wrong is a miss of a whole X-ray.
    assert calibration_in_the_large(np.where(np.arange(200) == 0, sureness, probabilities), labels) > 0


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_one_probability_for_all_has_no_slope(value: float) -> None:
    labels = [0, 1, 1, 0, 0]
    assert np.isnan(recalibration_line([value] * 5, labels)).all()
    # Of a draw, too, that holds one value only.
    lines = recalibration_line([0.2, 0.2, 0.9, 0.4, 0.1], labels, [[1, 1, 0, 0, 0], [1, 1, 1, 1, 1]])
    assert np.isnan(lines[0]).all()
    assert np.isfinite(lines[1]).all()


def test_shares_in_bins_count_each_case_as_often_as_it_is_drawn() -> None:
    p, y, drawn = np.array([0.1, 0.2, 0.7, 0.9]), np.array([0, 1, 1, 0]), np.array([[3, 1, 0, 2], [1, 1, 1, 1]])
    assert positive_shares(p, y, 2, drawn) == pytest.approx(np.array([[1 / 4, 0], [1 / 2, 1 / 2]]))
    assert positive_shares(p, y, 1, drawn) == pytest.approx(np.array([[1 / 6], [1 / 2]]))


def test_a_draw_with_one_negative_has_a_line() -> None:
    p, y = np.array([0.2, 0.4, 0.6, 0.9]), np.array([0, 0, 1, 1])
    assert np.isfinite(recalibration_line(p, y, np.array([1, 0, 1, 2]))).all()
    assert np.isfinite(recalibration_line(p, y, np.array([1, 2, 1, 0]))).all()
    assert np.isnan(recalibration_line(p, y, np.array([0, 0, 1, 2]))).all()


@pytest.mark.parametrize("of", [brier_error, calibration_error, calibration_in_the_large, positive_shares, recalibration_line])
@pytest.mark.parametrize("wrong", [1.2, -0.2])
def test_every_score_of_probabilities_refuses_what_lies_beyond_0_and_1(of: Callable[..., object], wrong: float) -> None:
    with pytest.raises(BadSetting, match="0"):
        of([0.2, wrong, 0.7], [0, 1, 1])
