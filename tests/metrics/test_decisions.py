"""Decisions at a threshold, the choice of the threshold, and what acting on it is worth."""

import numpy as np
import pytest
import sklearn.metrics

from radlearn.errors import BadSetting
from radlearn.metrics.decisions import (
    ConfusionCounts,
    accuracy,
    confusion_counts,
    net_benefit,
    sensitivity,
    specificity,
    threshold_for_sensitivity,
    threshold_for_specificity,
    youden_threshold,
)


def random_cases(seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    n = int(random.integers(4, 60))
    p = random.integers(0, 11, n) / 10 if seed % 2 == 0 else random.random(n)
    y = random.random(n) < 0.4
    y[:2] = True, False
    return p, y


def test_counts_and_shares_equal_scikit_learn() -> None:
    for seed in range(120):
        p, y = random_cases(seed)
        for threshold in (0.0, 0.3, 0.5, 1.0, 1.1):
            called = p >= threshold
            tn, fp, fn, tp = sklearn.metrics.confusion_matrix(y, called, labels=[False, True]).ravel()
            assert confusion_counts(p, y, threshold) == ConfusionCounts(tp, fn, fp, tn)
            assert sensitivity(p, y, threshold) == pytest.approx(sklearn.metrics.recall_score(y, called))
            assert specificity(p, y, threshold) == pytest.approx(sklearn.metrics.recall_score(~y, ~called))
            assert accuracy(p, y, threshold) == pytest.approx(sklearn.metrics.accuracy_score(y, called))


def test_a_probability_equal_to_the_threshold_is_called_positive() -> None:
    assert sensitivity([0.5], [1], 0.5) == 1.0
    assert specificity([0.5], [0], 0.5) == 0.0


def test_shares_of_a_missing_class_are_not_a_number() -> None:
    assert np.isnan(sensitivity([0.5], [0], 0.5))
    assert np.isnan(specificity([0.5], [1], 0.5))
    assert np.isnan(accuracy([], [], 0.5))


@pytest.mark.parametrize("score", [sensitivity, specificity, accuracy])
def test_weighted_shares_are_those_of_repeated_cases(score) -> None:  # type: ignore[no-untyped-def]
    for seed in range(100):
        p, y = random_cases(seed)
        weights = np.random.default_rng(seed).integers(0, 3, (4, len(p)))
        for row, weighed in zip(weights, score(p, y, 0.4, weights=weights), strict=True):
            assert weighed == pytest.approx(score(np.repeat(p, row), np.repeat(y, row), 0.4), nan_ok=True)


def test_a_threshold_that_was_never_found_is_refused() -> None:
    with pytest.raises(BadSetting, match="threshold is NaN"):
        sensitivity([0.5], [1], float("nan"))


def test_no_threshold_has_a_higher_youden_index_than_the_chosen_one() -> None:
    for seed in range(1000):
        p, y = random_cases(seed)
        chosen = youden_threshold(p, y)
        rates, found, _ = sklearn.metrics.roc_curve(y, p, drop_intermediate=False)
        index = sensitivity(p, y, chosen) + specificity(p, y, chosen) - 1
        assert index == pytest.approx(max((found - rates)[1:]), abs=1e-12)


def test_equal_youden_indices_go_to_the_higher_sensitivity() -> None:
    # At 0.8 half are found and none alarmed; at 0.4 all are found and half alarmed.
    assert youden_threshold([0.8, 0.6, 0.4, 0.2], [1, 0, 1, 0]) == pytest.approx(0.3)


def test_the_chosen_threshold_lies_in_the_gap_even_where_the_gap_is_one_bit() -> None:
    low = 0.5
    high = float(np.nextafter(low, 1))
    assert youden_threshold([high, low], [1, 0]) == high
    assert youden_threshold([0.5, 0.5], [1, 0]) == 0.5


def test_the_threshold_for_a_sensitivity_is_the_highest_that_reaches_it() -> None:
    for seed in range(1000):
        p, y = random_cases(seed)
        wanted = np.random.default_rng(seed).uniform(0.01, 1)
        chosen = threshold_for_sensitivity(p, y, wanted)
        assert sensitivity(p, y, chosen) >= wanted
        higher = p[p > chosen]
        next_higher = np.sort(np.unique(higher))[1:2]
        assert all(sensitivity(p, y, t) < wanted for t in next_higher)


def test_a_wanted_sensitivity_of_a_whole_number_of_cases_is_not_missed_by_rounding() -> None:
    p, y = np.r_[np.linspace(1, 0.1, 10), 0.0], np.r_[np.ones(10), 0]
    for tenths in range(1, 11):
        chosen = threshold_for_sensitivity(p, y, tenths / 10)
        assert sensitivity(p, y, chosen) == tenths / 10


def test_the_threshold_for_a_specificity_is_the_lowest_that_reaches_it() -> None:
    for seed in range(1000):
        p, y = random_cases(seed)
        wanted = np.random.default_rng(seed).uniform(0.01, 1)
        chosen = threshold_for_specificity(p, y, wanted)
        assert specificity(p, y, chosen) >= wanted
        # The next probability below would be too many false alarms.
        assert all(specificity(p, y, t) < wanted for t in np.sort(p[p < chosen])[-1:])


def test_a_specificity_that_only_silence_reaches_calls_nothing_positive() -> None:
    chosen = threshold_for_specificity([0.2, 0.9, 0.9], [1, 0, 1], 1.0)
    assert chosen > 0.9
    assert (sensitivity([0.2, 0.9, 0.9], [1, 0, 1], chosen), specificity([0.2, 0.9, 0.9], [1, 0, 1], chosen)) == (0.0, 1.0)
    with pytest.raises(BadSetting, match="wanted specificity is 0; expected a number above 0"):
        threshold_for_specificity([0.1, 0.2], [0, 1], 0)


def test_thresholds_where_a_class_is_missing_are_not_a_number() -> None:
    assert np.isnan(youden_threshold([0.1, 0.2], [1, 1]))
    assert np.isnan(youden_threshold([], []))
    assert np.isnan(threshold_for_sensitivity([0.1], [0], 0.9))
    assert np.isnan(threshold_for_sensitivity([], [], 0.9))
    assert np.isnan(threshold_for_specificity([0.1], [1], 0.9))
    assert np.isnan(threshold_for_specificity([], [], 0.9))


@pytest.mark.parametrize("wanted", [0, -0.1, 1.01, float("nan")])
def test_a_wanted_sensitivity_outside_its_range_is_refused(wanted: float) -> None:
    with pytest.raises(BadSetting, match="expected a number above 0 and at most 1"):
        threshold_for_sensitivity([0.1, 0.2], [0, 1], wanted)


def test_net_benefit_is_what_the_formula_says_on_a_hand_count() -> None:
    # Of ten X-rays four are ill; at 0.2, three of them are called and two healthy ones: 3/10 − 2/10 · 0.25.
    p = [0.9, 0.9, 0.9, 0.1, 0.9, 0.9, 0.1, 0.1, 0.1, 0.1]
    y = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    assert net_benefit(p, y, [0.2]) == pytest.approx([0.25])
    assert net_benefit(p, y, [0.0, 0.95]) == pytest.approx([0.4, 0.0])


def test_acting_on_all_is_worth_the_prevalence_less_the_alarms_and_nothing_at_the_prevalence() -> None:
    y = np.arange(100) < 22
    t = np.array([0.05, 0.22, 0.5])
    assert net_benefit(np.ones(100), y, t) == pytest.approx(0.22 - 0.78 * t / (1 - t), abs=1e-12)
    assert net_benefit(np.ones(100), y, [0.22]) == pytest.approx([0.0], abs=1e-12)
    assert net_benefit(np.zeros(100), y, t) == pytest.approx([0, 0, 0])


def test_weighted_net_benefit_is_that_of_repeated_cases_and_nothing_without_cases() -> None:
    p, y = random_cases(3)
    weights = np.random.default_rng(3).integers(0, 3, (4, len(p)))
    for row, weighed in zip(weights, net_benefit(p, y, [0.1, 0.5], weights=weights), strict=True):
        assert weighed == pytest.approx(net_benefit(np.repeat(p, row), np.repeat(y, row), [0.1, 0.5]))
    assert np.isnan(net_benefit([], [], [0.1, 0.5])).all()


def test_a_threshold_of_one_is_refused_because_its_price_is_infinite() -> None:
    with pytest.raises(BadSetting, match="at least 0 and below 1"):
        net_benefit([0.1, 0.2], [0, 1], [0.5, 1.0])
