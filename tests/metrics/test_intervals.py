"""The bootstrap by person: against resampling by hand and theory, and where it gives no interval."""

import math
from functools import partial

import numpy as np
import pytest

from radlearn.errors import BadSetting
from radlearn.metrics.boxes import mean_over_images
from radlearn.metrics.calibration import brier_error
from radlearn.metrics.decisions import sensitivity
from radlearn.metrics.intervals import (
    Interval,
    bootstrap_band,
    bootstrap_interval,
    paired_bootstrap_bands,
    paired_bootstrap_interval,
)
from radlearn.metrics.ranking import auroc_score, average_precision_score, sensitivity_at_rates
from tests.made_runs import made_cases, made_probabilities


def cohort(persons: int, xrays_each: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return who, probability and label of X-rays; all X-rays of a person are nearly alike."""
    random = np.random.default_rng(seed)
    ill = np.arange(persons) % 3 == 0
    who = np.repeat(np.arange(persons), xrays_each)
    shift = np.repeat(random.normal(size=persons), xrays_each)
    p = 1 / (1 + np.exp(-(1.5 * ill[who] + shift + random.normal(0, 0.1, len(who)))))
    return np.array([f"person {i}" for i in who]), p, ill[who]


def mean(values: np.ndarray) -> float:
    """A score that knows no weights."""
    return float(np.mean(values))


def test_drawing_by_weights_and_by_rows_gives_the_same_interval() -> None:
    who, p, y = cohort(40)
    for score in (auroc_score, average_precision_score, brier_error, partial(sensitivity, threshold=0.5)):
        by_weights = bootstrap_interval(score, who, p, y, draws=100)
        by_rows = bootstrap_interval(lambda p, y, score=score: score(p, y), who, p, y, draws=100)
        assert [by_weights.value, by_weights.low, by_weights.high] == pytest.approx([by_rows.value, by_rows.low, by_rows.high])


def test_people_are_drawn_with_all_their_xrays() -> None:
    who, p, _ = cohort(12, xrays_each=4)

    def whole_people_only(xrays: np.ndarray, owners: np.ndarray) -> float:
        assert all(count % 4 == 0 for count in np.unique(owners, return_counts=True)[1])
        assert len(xrays) == 48
        return float(xrays.mean())

    assert bootstrap_interval(whole_people_only, who, p, who, draws=50).is_known


def test_copies_of_a_persons_xrays_make_the_score_no_surer() -> None:
    who, p, y = cohort(60, xrays_each=1)
    once = bootstrap_interval(auroc_score, who, p, y)
    copied = bootstrap_interval(auroc_score, np.repeat(who, 5), np.repeat(p, 5), np.repeat(y, 5))
    as_if_others = bootstrap_interval(auroc_score, np.arange(300), np.repeat(p, 5), np.repeat(y, 5))
    assert (once.low, once.high) == pytest.approx((copied.low, copied.high))
    assert as_if_others.high - as_if_others.low < 0.6 * (once.high - once.low)


def test_the_interval_of_a_mean_is_the_textbooks() -> None:
    values = np.random.default_rng(1).normal(10, 2, 400)
    interval = bootstrap_interval(mean, np.arange(400), values, draws=4000)
    half = 1.96 * values.std() / math.sqrt(400)
    assert interval.value == values.mean()
    assert (interval.low, interval.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=half / 10)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    truth = 0.7602  # Φ(1/√2): positives and negatives normal, one standard deviation apart
    held = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        y = np.arange(150) % 3 == 0
        interval = bootstrap_interval(auroc_score, np.arange(150), random.normal(size=150) + y, y, draws=200, seed=seed)
        held += interval.low <= truth <= interval.high
    # 95 % of 200 is 190; binomial noise and 200 draws allow some way down from there.
    assert 177 <= held <= 199


def test_the_same_seed_gives_the_same_interval_and_the_order_of_rows_does_not_matter() -> None:
    who, p, y = cohort(40)
    first = bootstrap_interval(auroc_score, who, p, y, draws=200, seed=3)
    assert first == bootstrap_interval(auroc_score, who, p, y, draws=200, seed=3)
    assert first != bootstrap_interval(auroc_score, who, p, y, draws=200, seed=4)
    order = np.random.default_rng(0).permutation(len(p))
    shuffled = bootstrap_interval(auroc_score, who[order], p[order], y[order], draws=200, seed=3)
    assert (shuffled.value, shuffled.low, shuffled.high) == pytest.approx((first.value, first.low, first.high))


def test_drawing_in_several_portions_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    who, p, y = cohort(40)
    at_once = bootstrap_interval(auroc_score, who, p, y, draws=100)
    monkeypatch.setattr("radlearn.metrics.intervals.WEIGHTS_AT_ONCE", 1000)
    assert bootstrap_interval(auroc_score, who, p, y, draws=100) == at_once


def test_fewer_than_ten_people_get_a_value_and_no_interval() -> None:
    who, p, y = cohort(9, xrays_each=20)
    interval = bootstrap_interval(auroc_score, who, p, y)
    assert interval.value == auroc_score(p, y)
    assert not interval.is_known


def test_draws_without_one_class_are_dropped_counted_and_too_many_take_the_interval_away() -> None:
    p = np.linspace(0, 1, 100)
    one_ill = bootstrap_interval(auroc_score, np.arange(100), p, np.arange(100) == 60, draws=500)
    # A draw misses one given person of a hundred with probability (1 − 1/100)¹⁰⁰ ≈ 0.366.
    assert one_ill.dropped_draws / 500 == pytest.approx(0.366, abs=0.07)
    assert not one_ill.is_known
    assert one_ill.value > 0.5
    eight_ill = bootstrap_interval(auroc_score, np.arange(100), p, np.arange(100) % 13 == 0, draws=500)
    assert eight_ill.dropped_draws <= 5
    assert eight_ill.is_known


def test_one_class_or_no_case_has_neither_value_nor_interval() -> None:
    for cases in (0, 50):
        interval = bootstrap_interval(auroc_score, np.arange(cases), np.linspace(0, 1, cases), np.ones(cases, dtype=bool))
        assert math.isnan(interval.value)
        assert not interval.is_known


def test_a_perfect_score_has_an_interval_of_no_width() -> None:
    y = np.arange(60) % 3 == 0
    interval = bootstrap_interval(auroc_score, np.arange(60), y.astype(float), y)
    assert (interval.value, interval.low, interval.high) == (1, 1, 1)


def test_a_wider_level_is_a_wider_interval() -> None:
    who, p, y = cohort(60)
    widths = [bootstrap_interval(auroc_score, who, p, y, level=level) for level in (0.5, 0.9, 0.99)]
    assert widths[2].low < widths[1].low < widths[0].low < widths[0].high < widths[1].high < widths[2].high


def test_a_band_is_the_interval_of_each_of_its_points() -> None:
    who, p, y = cohort(40)
    rates = np.array([0.1, 0.5, 0.9])
    band = bootstrap_band(partial(sensitivity_at_rates, false_positive_rates=rates), who, p, y, draws=200)
    for i, rate in enumerate(rates):
        point = bootstrap_interval(lambda p, y, rate=rate: sensitivity_at_rates(p, y, [rate])[0], who, p, y, draws=200)
        assert (band.value[i], band.low[i], band.high[i]) == pytest.approx((point.value, point.low, point.high))


def test_a_point_of_a_band_without_an_prediction_takes_no_other_with_it() -> None:
    def two_points(values: np.ndarray) -> np.ndarray:
        return np.array([values.mean(), np.nan])

    band = bootstrap_band(two_points, np.arange(50), np.arange(50.0), draws=50)
    assert band.low[0] < band.value[0] < band.high[0]
    assert np.isnan([band.value[1], band.low[1], band.high[1]]).all()


def test_persons_may_be_numbers_or_words() -> None:
    _, p, y = cohort(40, xrays_each=1)
    as_numbers = bootstrap_interval(auroc_score, np.arange(100, 140), p, y, draws=100)
    as_words = bootstrap_interval(auroc_score, [str(i) for i in range(100, 140)], p, y, draws=100)
    assert as_numbers == as_words


@pytest.mark.parametrize("nobody", [None, "", float("nan")])
def test_an_xray_without_a_person_is_refused(nobody: object) -> None:
    with pytest.raises(BadSetting, match="persons: case 2 has none"):
        bootstrap_interval(mean, ["a", "b", nobody], [1.0, 2.0, 3.0])


def test_what_does_not_fit_together_is_refused() -> None:
    who, p, y = cohort(20)
    with pytest.raises(BadSetting, match=r"60 persons for arrays of \[60, 59\] rows"):
        bootstrap_interval(auroc_score, who, p, y[1:])
    with pytest.raises(BadSetting, match="draws is 0"):
        bootstrap_interval(auroc_score, who, p, y, draws=0)
    with pytest.raises(BadSetting, match="level is 95"):
        bootstrap_interval(auroc_score, who, p, y, level=95)
    with pytest.raises(BadSetting, match="bootstrap_band"):
        bootstrap_interval(partial(sensitivity_at_rates, false_positive_rates=[0.1, 0.2]), who, p, y)


def test_an_interval_reads_as_people_write_it() -> None:
    assert f"{Interval(-0.123, -0.2, 0.05):.2f}" == "−0.12 (−0.20 to 0.05)"
    assert f"{Interval(0.5)}" == "0.5 (no interval)"
    assert Interval(0.9, 0.8, 0.95, dropped_draws=2).as_dict() == {"value": 0.9, "low": 0.8, "high": 0.95}


def two_runs(people: int, skills: tuple[float, float] = (1.2, 1.2)) -> tuple[list[str], list[np.ndarray], list[np.ndarray]]:
    """Return persons and what two runs with other seeds predicted for 300 images of 150 of them."""
    first, second = (made_probabilities(seed, skill, 150, people) for seed, skill in enumerate(skills))
    persons = [case.person for case in made_cases(150)]
    return persons, [first["probability"], first["label"]], [second["probability"], second["label"]]


def test_two_runs_of_one_recipe_differ_by_an_interval_that_holds_0_about_as_often_as_it_says() -> None:
    found = [paired_bootstrap_interval(auroc_score, *two_runs(people), draws=400) for people in range(100)]
    assert sum(interval.low <= 0 <= interval.high for interval in found) >= 93
    # Not because the intervals are wide.
    assert np.median([interval.high - interval.low for interval in found]) < 0.05


def test_a_planted_difference_is_found() -> None:
    found = [paired_bootstrap_interval(auroc_score, *two_runs(people, (1.2, 1.5)), draws=200) for people in range(20)]
    assert all(interval.low > 0 for interval in found)
    persons, first, second = two_runs(0, (1.2, 1.5))
    turned = paired_bootstrap_interval(auroc_score, persons, second, first, draws=200)
    assert (turned.value, turned.low, turned.high) == pytest.approx((-found[0].value, -found[0].high, -found[0].low))


def test_the_paired_interval_is_narrower_than_an_unpaired_one_where_predictions_are_correlated() -> None:
    persons, first, second = two_runs(0)
    paired = paired_bootstrap_interval(auroc_score, persons, first, second)
    one, other = (bootstrap_interval(auroc_score, persons, *arrays) for arrays in (first, second))
    unpaired = math.hypot(one.high - one.low, other.high - other.low)
    assert paired.high - paired.low < 0.7 * unpaired
    # The two intervals overlap, and yet the difference of better runs is known.
    persons, first, second = two_runs(0, (1.2, 1.4))
    one, other = (bootstrap_interval(auroc_score, persons, *arrays) for arrays in (first, second))
    assert other.low < one.high
    assert paired_bootstrap_interval(auroc_score, persons, first, second).low > 0


def test_the_interval_of_a_difference_of_means_is_that_of_the_mean_difference() -> None:
    before, after = np.random.default_rng(2).normal(size=(2, 90))
    persons = np.arange(90) // 3
    paired = paired_bootstrap_interval(mean, persons, [before], [after], draws=300)
    directly = bootstrap_interval(mean, persons, after - before, draws=300)
    assert (paired.value, paired.low, paired.high) == pytest.approx((directly.value, directly.low, directly.high))
    by_weights = paired_bootstrap_interval(mean_over_images, persons, [before], [after], draws=300)
    assert (by_weights.value, by_weights.low, by_weights.high) == pytest.approx((paired.value, paired.low, paired.high))


def test_a_run_does_not_differ_from_itself() -> None:
    persons, first, _ = two_runs(0)
    interval = paired_bootstrap_interval(auroc_score, persons, first, first, draws=50)
    assert (interval.value, interval.low, interval.high) == (0, 0, 0)


def test_a_group_has_the_mean_of_its_trainings_and_every_group_is_held_against_the_first() -> None:
    values = np.random.default_rng(3).normal(size=(4, 40))
    groups = [[[values[0]], [values[1]]], [[values[2]]], [[values[3]], [values[3]], [values[0]]]]
    first, second = paired_bootstrap_bands(mean_over_images, range(40), groups, draws=100)
    means = values.mean(axis=1)
    assert first.value == pytest.approx(means[2] - (means[0] + means[1]) / 2)
    assert second.value == pytest.approx((2 * means[3] + means[0]) / 3 - (means[0] + means[1]) / 2)
    directly = bootstrap_interval(mean_over_images, range(40), values[2] - (values[0] + values[1]) / 2, draws=100)
    assert (first.low, first.high) == pytest.approx((directly.low, directly.high))


def test_rows_of_scores_are_held_against_each_other_one_by_one() -> None:
    def two_scores(values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        once = mean_over_images(values, weights)
        return np.stack([once, once * np.nan], axis=-1)

    values = np.random.default_rng(4).normal(size=(2, 40))
    (band,) = paired_bootstrap_bands(two_scores, range(40), [[[values[0]]], [[values[1]]]], draws=50)
    known, unknown = band.intervals()
    assert known.is_known
    assert known.value == pytest.approx(values[1].mean() - values[0].mean())
    assert math.isnan(unknown.value)
    with pytest.raises(BadSetting, match=r"shape \(2,\)"):
        paired_bootstrap_interval(two_scores, range(40), [values[0]], [values[1]])


def test_too_few_persons_have_a_difference_and_no_interval() -> None:
    interval = paired_bootstrap_interval(mean, range(9), [np.zeros(9)], [np.arange(9.0)])
    assert interval.value == 4
    assert not interval.is_known


def test_what_cannot_be_paired_is_refused() -> None:
    with pytest.raises(BadSetting, match=r"groups hold \[1\] trainings; expected at least two"):
        paired_bootstrap_bands(mean, range(3), [[[np.arange(3)]]])
    with pytest.raises(BadSetting, match=r"groups hold \[1, 0\] trainings"):
        paired_bootstrap_bands(mean, range(3), [[[np.arange(3)]], []])
    with pytest.raises(BadSetting, match=r"12 persons for arrays of \[12, 11\] rows"):
        paired_bootstrap_interval(mean, range(12), [np.arange(12)], [np.arange(11)])


def test_an_interval_holds_its_value_even_where_every_draw_lies_on_one_side() -> None:
    persons = np.arange(60)
    # The largest of the cases: no draw exceeds it, and most have less. The number of different cases: every draw has fewer.
    highest = bootstrap_interval(np.max, persons, persons.astype(float), draws=200)
    different = bootstrap_interval(lambda x: len(set(x.tolist())), persons, persons, draws=200)
    lowest = bootstrap_interval(np.min, persons, -(persons.astype(float) ** 3), draws=200)
    for one in (highest, different, lowest):
        assert one.low <= one.value <= one.high
        assert one.low < one.high
    assert (highest.high, different.high, lowest.low) == (59, 60, -(59.0**3))


def test_draws_of_a_distance_are_centred_on_their_value_and_not_below_0() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(0, 1, 100)

    def distance(values: np.ndarray) -> np.ndarray:
        return np.array([abs(values.mean()), values.mean()])

    band = bootstrap_band(distance, np.arange(100), x, draws=400, centred=[True, False])
    plain = bootstrap_band(distance, np.arange(100), x, draws=400)
    assert band.low[0] >= 0
    assert band.low[0] <= band.value[0] <= band.high[0]
    assert band.high[0] < plain.high[0]
    assert (band.low[1], band.high[1]) == (plain.low[1], plain.high[1])
