"""Differences between recipes, counted by hand, beside the spread of their seeds."""

import math

import numpy as np
import pytest

from radlearn.metrics.boxes import mean_over_images
from radlearn.metrics.case_scores import CaseScore
from radlearn.metrics.intervals import Interval, bootstrap_interval
from radlearn.metrics.mask_table import median_over_scans
from radlearn.metrics.score_differences import ScoreDifference, score_differences

HIGH = CaseScore(function=mean_over_images, columns=("x",))
LOW = CaseScore(function=mean_over_images, columns=("x",), higher_is_better=False)
MEDIAN = CaseScore(function=median_over_scans, columns=("x",), has_interval=False)


def test_a_difference_is_that_of_the_means_over_seeds_with_the_paired_interval() -> None:
    values = np.random.default_rng(0).normal(size=(3, 40))
    first, second, third = ({"x": row} for row in values)
    ((found,),) = score_differences({"mean": HIGH}, range(40), [[first, second], [third]], draws=100)
    assert found.first == pytest.approx((values[0].mean(), values[1].mean()))
    assert found.second == pytest.approx((values[2].mean(),))
    expected = bootstrap_interval(mean_over_images, range(40), values[2] - (values[0] + values[1]) / 2, draws=100)
    shown = found.difference
    assert (shown.value, shown.low, shown.high) == pytest.approx((expected.value, expected.low, expected.high))
    assert found.means[1] - found.means[0] == pytest.approx(shown.value)


def test_a_median_differs_without_an_interval() -> None:
    columns = [{"x": np.array([1.0, 2, 3, np.nan])}, {"x": np.array([4.0, 5, np.inf, 5])}]
    ((mean, median),) = score_differences({"mean": HIGH, "median": MEDIAN}, range(4), [[columns[0]], [columns[1]]])
    assert (mean.name, median.name) == ("mean", "median")
    assert median.difference.value == 3
    assert median.holds_zero is None
    assert median.better is None


def test_every_further_group_is_held_against_the_first() -> None:
    groups = [[{"x": np.arange(12.0) + shift}] for shift in (0, 1, -2)]
    up, down = score_differences({"mean": HIGH, "error": LOW}, range(12), groups, draws=20)
    assert [one.difference.value for one in up] == pytest.approx([1, 1])
    assert [one.difference.value for one in down] == pytest.approx([-2, -2])
    # Higher is better for one of them, worse for the other.
    assert [one.better for one in up] == ["second", "first"]
    assert [one.better for one in down] == ["first", "second"]


def made(difference: Interval, first: tuple[float, ...] = (0.5,), second: tuple[float, ...] = (0.6,)) -> ScoreDifference:
    return ScoreDifference("mean", HIGH, first, second, difference)


def test_which_is_better_is_known_only_if_the_interval_does_not_hold_0() -> None:
    assert made(Interval(0.1, 0.02, 0.2)).better == "second"
    assert made(Interval(-0.1, -0.2, -0.02)).better == "first"
    for low, high in ((-0.01, 0.2), (0.0, 0.2), (-0.2, 0.0), (0.0, 0.0)):
        unsure = made(Interval(0.0, low, high))
        assert unsure.holds_zero is True
        assert unsure.better is None
    assert made(Interval(0.1)).holds_zero is None


def test_the_spread_of_seeds_is_that_of_the_one_that_spreads_more() -> None:
    found = made(Interval(0.1, 0.05, 0.2), (0.5, 0.52, 0.47), (0.6, 0.5, 0.7))
    assert found.seed_spread == pytest.approx(0.2)
    assert found.is_within_seed_spread
    assert not made(Interval(0.1, 0.05, 0.2), (0.5, 0.52), (0.6,)).is_within_seed_spread
    alone = made(Interval(0.1, 0.05, 0.2))
    assert math.isnan(alone.seed_spread)
    assert not alone.is_within_seed_spread


def test_a_difference_is_written_with_its_sign() -> None:
    assert made(Interval(0.1, -0.0204, 0.2)).in_numbers == "+0.100 (−0.020 to +0.200)"
    assert made(Interval(-0.1)).in_numbers == "−0.100 (no interval)"
    assert made(Interval(math.nan)).in_numbers == "–"
