"""Ranking scores against scikit-learn, against counting pairs by hand, and where they have no prediction."""

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from radlearn.errors import BadSetting
from radlearn.metrics.ranking import (
    auroc_score,
    average_precision_score,
    precision_at_recalls,
    precision_recall_curve,
    roc_curve,
    sensitivity_at_rates,
    within_view_auroc_score,
)


def random_cases(seed: int, fewest: int = 2, most: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities with ties (few distinct values for even seeds) and labels of both classes."""
    random = np.random.default_rng(seed)
    n = int(random.integers(max(fewest, 2), most))
    p = random.integers(0, 6, n) / 5 if seed % 2 == 0 else random.random(n)
    y = random.random(n) < random.uniform(0.1, 0.9)
    y[:2] = True, False
    order = random.permutation(n)
    return p[order], y[order]


def pairs_won(p: np.ndarray, y: np.ndarray) -> tuple[float, int]:
    """Count by hand the pairs that the positive wins, a tie half, and all pairs."""
    won = sum(1.0 if a > b else 0.5 if a == b else 0.0 for a in p[y] for b in p[~y])
    return won, int(y.sum() * (~y).sum())


def test_auroc_and_average_precision_equal_scikit_learn_on_thousands_of_cases() -> None:
    for seed in range(2000):
        p, y = random_cases(seed)
        assert auroc_score(p, y) == pytest.approx(sklearn.metrics.roc_auc_score(y, p), abs=1e-12)
        assert average_precision_score(p, y) == pytest.approx(sklearn.metrics.average_precision_score(y, p), abs=1e-12)


def test_auroc_is_the_share_of_pairs_counted_by_hand() -> None:
    for seed in range(200):
        p, y = random_cases(seed, most=25)
        won, pairs = pairs_won(p, y)
        assert auroc_score(p, y) == won / pairs


def test_within_view_auroc_is_pairs_of_the_same_view_counted_by_hand() -> None:
    for seed in range(300):
        p, y = random_cases(seed)
        views = np.random.default_rng(seed).choice(["AP", "PA", ""], len(p))
        counted = [pairs_won(p[views == view], y[views == view]) for view in ("AP", "PA")]
        won, pairs = sum(c[0] for c in counted), sum(c[1] for c in counted)
        found = within_view_auroc_score(p, y, views)
        assert found == won / pairs if pairs else np.isnan(found)


def test_a_model_that_reads_only_the_view_is_worth_a_half_within_views() -> None:
    views = np.array(["AP"] * 60 + ["PA"] * 60)
    y = np.r_[np.arange(60) % 5 < 3, np.arange(60) % 5 < 1]
    p = np.where(views == "AP", 0.6, 0.2)
    assert auroc_score(p, y) > 0.65
    assert within_view_auroc_score(p, y, views) == 0.5


def test_an_xray_of_unknown_view_is_in_no_pair() -> None:
    p, y = [0.9, 0.1, 0.0, 1.0], [1, 0, 1, 0]
    assert within_view_auroc_score(p, y, ["AP", "AP", None, ""]) == 1.0
    assert np.isnan(within_view_auroc_score(p, y, [None, None, None, None]))


@given(st.integers(0, 10_000))
def test_only_the_order_counts(seed: int) -> None:
    p, y = random_cases(seed)
    assert auroc_score(p, y) == auroc_score(np.exp(3 * p) - 7, y)
    assert auroc_score(p, y) + auroc_score(-p, y) == pytest.approx(1.0)
    assert auroc_score(p, y) + auroc_score(p, ~y) == pytest.approx(1.0)
    order = np.random.default_rng(seed).permutation(len(p))
    assert average_precision_score(p, y) == pytest.approx(average_precision_score(p[order], y[order]), abs=1e-14)


@pytest.mark.parametrize("score", [auroc_score, average_precision_score])
def test_a_weight_of_three_is_the_case_three_times_and_zero_is_no_case(score) -> None:  # type: ignore[no-untyped-def]
    for seed in range(200):
        p, y = random_cases(seed)
        weights = np.random.default_rng(seed).integers(0, 4, (5, len(p)))
        together = score(p, y, weights=weights)
        for row, weighed in zip(weights, together, strict=True):
            repeated = score(np.repeat(p, row), np.repeat(y, row))
            assert weighed == pytest.approx(repeated, abs=1e-12, nan_ok=True)


def test_within_view_weights_are_repeated_cases_too() -> None:
    for seed in range(100):
        p, y = random_cases(seed)
        views = np.random.default_rng(seed).choice(["AP", "PA"], len(p))
        weights = np.random.default_rng(seed).integers(0, 4, (5, len(p)))
        together = within_view_auroc_score(p, y, views, weights=weights)
        for row, weighed in zip(weights, together, strict=True):
            repeated = within_view_auroc_score(np.repeat(p, row), np.repeat(y, row), np.repeat(views, row))
            assert weighed == pytest.approx(repeated, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("score", [auroc_score, average_precision_score])
@pytest.mark.parametrize("labels", [[], [1], [0], [1, 1, 1], [0, 0, 0]])
def test_one_class_is_not_a_number(score, labels) -> None:  # type: ignore[no-untyped-def]
    p = np.linspace(0.1, 0.9, len(labels))
    assert np.isnan(score(p, labels))
    assert np.isnan(score(p, labels, weights=np.ones((3, len(labels))))).all()


def test_views_of_another_length_are_refused() -> None:
    with pytest.raises(BadSetting, match="views: 1 for 2 cases"):
        within_view_auroc_score([0.1, 0.2], [0, 1], ["AP"])


def test_the_roc_curve_has_scikit_learns_points() -> None:
    for seed in range(300):
        p, y = random_cases(seed)
        ours = roc_curve(p, y)
        rates, found, thresholds = sklearn.metrics.roc_curve(y, p, drop_intermediate=False)
        assert np.allclose(ours.false_positive_rate, rates, atol=1e-12)
        assert np.allclose(ours.sensitivity, found, atol=1e-12)
        assert np.array_equal(ours.thresholds, thresholds)
        assert np.trapezoid(ours.sensitivity, ours.false_positive_rate) == pytest.approx(auroc_score(p, y), abs=1e-12)


def test_the_precision_recall_curve_has_scikit_learns_points() -> None:
    for seed in range(300):
        p, y = random_cases(seed)
        ours = precision_recall_curve(p, y)
        precision, recall, thresholds = sklearn.metrics.precision_recall_curve(y, p)
        # scikit-learn runs from the lowest threshold upward and adds an invented point (0, 1) at the end.
        assert np.allclose(ours.precision, precision[:-1][::-1], atol=1e-12)
        assert np.allclose(ours.recall, recall[:-1][::-1], atol=1e-12)
        assert np.array_equal(ours.thresholds, thresholds[::-1])


def test_curves_of_nothing_are_empty_and_say_nothing() -> None:
    assert np.isnan(roc_curve([], []).sensitivity).all()
    assert len(precision_recall_curve([], []).recall) == 0


def test_the_roc_curve_between_its_points_is_straight_and_at_a_step_its_upper_end() -> None:
    p, y = [0.9, 0.5, 0.5, 0.1], [1, 1, 0, 0]  # points (0, 0), (0, ½), (½, 1), (1, 1)
    assert sensitivity_at_rates(p, y, [0, 0.25, 0.5, 0.75, 1]).tolist() == [0.5, 0.75, 1, 1, 1]
    for seed in range(200):
        p, y = random_cases(seed)
        curve = roc_curve(p, y)
        inside = np.random.default_rng(seed).random(20)
        assert np.allclose(sensitivity_at_rates(p, y, inside), np.interp(inside, curve.false_positive_rate, curve.sensitivity), atol=1e-12)


def test_precision_is_taken_at_the_first_threshold_that_reaches_the_recall() -> None:
    p, y = [0.9, 0.8, 0.7, 0.6, 0.5], [1, 0, 1, 0, 1]
    assert precision_at_recalls(p, y, [0.01, 1 / 3, 0.34, 2 / 3, 1]) == pytest.approx([1, 1, 2 / 3, 2 / 3, 3 / 5])
    ten = np.linspace(1, 0, 10), np.ones(10, dtype=bool)
    p, y = np.r_[ten[0], -1.0], np.r_[ten[1], False]
    assert precision_at_recalls(p, y, np.arange(1, 11) / 10).tolist() == [1.0] * 10


@pytest.mark.parametrize("curve", [sensitivity_at_rates, precision_at_recalls])
def test_weighted_curves_are_the_curves_of_repeated_cases(curve) -> None:  # type: ignore[no-untyped-def]
    grid = np.linspace(0.05, 1, 7)
    for seed in range(100):
        p, y = random_cases(seed)
        weights = np.random.default_rng(seed).integers(0, 3, (4, len(p)))
        for row, weighed in zip(weights, curve(p, y, grid, weights=weights), strict=True):
            assert weighed == pytest.approx(curve(np.repeat(p, row), np.repeat(y, row), grid), abs=1e-9, nan_ok=True)
    assert np.isnan(curve([], [], grid)).all()
    assert np.isnan(curve([0.1, 0.2], [1, 1], grid)).all()
