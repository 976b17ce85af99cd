"""Conformal thresholds keep their promise on persons that were not used to choose them."""

import numpy as np
import pytest

from radlearn.errors import BadSetting
from radlearn.metrics.conformal import ConformalThresholds, conformal_thresholds


def cases(seed: int, count: int, share: float = 0.25, separation: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    labels = draw.random(count) < share
    return 1 / (1 + np.exp(-(draw.normal(0, 1, count) + separation * labels - 1))), labels


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
@pytest.mark.parametrize("separation", [0.0, 1.5, 4.0])
def test_coverage_is_what_was_promised_for_both_labels_however_good_the_model(coverage: float, separation: float) -> None:
    held: dict[bool, list[float]] = {True: [], False: []}
    for cohort in range(200):
        thresholds = conformal_thresholds(*cases(cohort, 400, separation=separation), coverage=coverage)
        p, y = cases(10_000 + cohort, 1000, separation=separation)
        positive, negative = thresholds.sets(p)
        held[True].append(positive[y].mean())
        held[False].append(negative[~y].mean())
    for shares in held.values():
        assert coverage - 0.005 < np.mean(shares) < coverage + 0.03


def test_a_better_model_says_less_often_that_it_does_not_know() -> None:
    both = []
    for separation in (0.5, 1.5, 3.0):
        thresholds = conformal_thresholds(*cases(1, 2000, separation=separation))
        positive, negative = thresholds.sets(cases(2, 2000, separation=separation)[0])
        both.append((positive & negative).mean())
    assert both == sorted(both, reverse=True)
    assert both[0] > 0.5


def test_too_few_cases_exclude_nothing() -> None:
    found = conformal_thresholds([0.9, 0.8, 0.2], [1, 1, 0], coverage=0.9)
    assert found == ConformalThresholds(0.0, 1.0, 0.9)
    positive, negative = found.sets([0.0, 0.5, 1.0])
    assert positive.all()
    assert negative.all()


def test_nine_cases_are_just_enough_for_nine_tenths() -> None:
    labels = [True] * 9 + [False] * 9
    found = conformal_thresholds(np.linspace(0.1, 0.9, 9).tolist() * 2, labels, coverage=0.9)
    assert (found.positive_from, found.negative_up_to) == (pytest.approx(0.1), pytest.approx(0.9))


@pytest.mark.parametrize("coverage", [0.0, 1.0, -1, float("nan")])
def test_a_coverage_that_cannot_be_promised_is_refused(coverage: float) -> None:
    with pytest.raises(BadSetting, match="above 0 and below 1"):
        conformal_thresholds([0.1, 0.9], [0, 1], coverage)


def answers(cohort: int, persons: int) -> tuple[np.ndarray, np.ndarray]:
    """Made answers of a classifier as X-rays have them: persons with one X-ray or many, who resemble themselves, a quarter of them ill.

    The network is overconfident: its logits are 1.7 times too large. Three persons in a hundred are unlike anybody else.
    """
    draw = np.random.default_rng([cohort, persons])
    xrays = np.minimum(draw.geometric(0.55, persons), 12)
    ill = np.repeat(draw.random(persons) < 0.25, xrays)
    labels = np.where(draw.random(len(ill)) < 0.15, ~ill & (draw.random(len(ill)) < 0.3), ill)
    own = np.repeat(draw.normal(0, 0.8, persons) + draw.normal(0, 4, persons) * (draw.random(persons) < 0.03), xrays)
    return 1 / (1 + np.exp(-1.7 * (1.9 * labels - 1.2 + own + draw.normal(0, 0.8, len(labels))))), labels


def test_coverage_over_twenty_cohorts_is_within_three_points_though_persons_have_many_xrays() -> None:
    held: dict[bool, list[float]] = {True: [], False: []}
    for cohort in range(20):
        thresholds = conformal_thresholds(*answers(cohort, 400), coverage=0.9)
        p, y = answers(1000 + cohort, 600)
        positive, negative = thresholds.sets(p)
        held[True].append(positive[y].mean())
        held[False].append(negative[~y].mean())
    for shares in held.values():
        assert abs(np.mean(shares) - 0.9) < 0.03
    # A single cohort may be off by more: the promise is an average.
    assert np.ptp(held[True]) > 0.03
