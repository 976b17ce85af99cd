"""The FROC curve against counting by hand at every threshold, and its bootstrap against drawing X-rays for real."""

from functools import partial

import numpy as np
import pytest

from radlearn.errors import BadSetting
from radlearn.metrics.boxes import FoundBoxes, matched, mean_over_images, no_boxes
from radlearn.metrics.froc import (
    FALSE_BOXES_PER_IMAGE,
    FrocCases,
    false_boxes_on_healthy_images,
    false_boxes_per_healthy_image,
    froc,
    froc_cases,
    sensitivity_at_false_boxes,
)
from radlearn.metrics.intervals import bootstrap_band, bootstrap_interval

Xrays = tuple[list[FoundBoxes], list[np.ndarray]]


def random_xrays(seed: int, count: int = 40) -> Xrays:
    """X-rays with none to three true boxes and none to five found ones, half of them near a true one; confidences have ties."""
    random = np.random.default_rng(seed)
    found, truth = [], []
    for _ in range(count):
        low = random.integers(0, 60, (random.integers(0, 4), 2))
        true = np.hstack([low, low + random.integers(10, 40, low.shape)]).astype(float)
        low = random.integers(0, 60, (random.integers(0, 6), 2))
        boxes = np.hstack([low, low + random.integers(10, 40, low.shape)]).astype(float)
        near = random.random(len(boxes)) < 0.5 if len(true) else np.zeros(len(boxes), dtype=bool)
        boxes[near] = true[random.integers(0, max(len(true), 1), near.sum())] + random.integers(-2, 3, (near.sum(), 4))
        found.append(FoundBoxes(boxes, random.integers(0, 12, len(boxes)) / 12))
        truth.append(true)
    return found, truth


def counted(found: list[FoundBoxes], truth: list[np.ndarray], threshold: float) -> tuple[float, float]:
    """Match what is left above a threshold, X-ray by X-ray; return false boxes per X-ray and sensitivity."""
    hits = boxes = 0
    for some, true in zip(found, truth, strict=True):
        keep = some.confidences >= threshold
        hits += int((matched(FoundBoxes(some.boxes_xyxy_px[keep], some.confidences[keep]), true, 0.4) >= 0).sum())
        boxes += int(keep.sum())
    return (boxes - hits) / len(found), hits / sum(map(len, truth))


@pytest.mark.parametrize("seed", range(8))
def test_every_point_is_what_is_counted_at_its_threshold(seed: int) -> None:
    found, truth = random_xrays(seed)
    curve = froc(found, truth)
    assert (curve.false_boxes_per_image[0], curve.sensitivity[0], curve.thresholds[0]) == (0, 0, np.inf)
    assert sorted({c for some in found for c in some.confidences.tolist()}, reverse=True) == curve.thresholds[1:].tolist()
    for x, y, threshold in zip(curve.false_boxes_per_image, curve.sensitivity, curve.thresholds, strict=True):
        assert (x, y) == pytest.approx(counted(found, truth, threshold), abs=1e-12)
    assert np.all(np.diff(curve.sensitivity) >= 0)
    assert np.all(np.diff(curve.false_boxes_per_image) >= 0)


@pytest.mark.parametrize("seed", range(8))
def test_the_height_at_a_rate_is_the_best_that_a_threshold_reaches(seed: int) -> None:
    found, truth = random_xrays(seed)
    curve = froc(found, truth)
    heights = sensitivity_at_false_boxes(*froc_cases(found, truth))
    assert heights.shape == (len(FALSE_BOXES_PER_IMAGE),)
    for rate, height in zip(FALSE_BOXES_PER_IMAGE, heights, strict=True):
        reached = [y for x, y in zip(curve.false_boxes_per_image, curve.sensitivity, strict=True) if x <= rate]
        assert height == max(reached)


def test_by_hand() -> None:
    """Four X-rays, two of them healthy; three true boxes; the confidences tell what comes first."""
    a, b, far = [0, 0, 10, 10], [20, 20, 30, 30], [50, 50, 60, 60]
    found = [
        FoundBoxes(np.array([a, far]), np.array([0.9, 0.4])),
        FoundBoxes(np.array([far]), np.array([0.8])),
        no_boxes(),
        FoundBoxes(np.array([b, a]), np.array([0.4, 0.2])),
    ]
    truth = [np.array([a]), np.zeros((0, 4)), np.zeros((0, 4)), np.array([a, b])]
    curve = froc(found, truth)
    assert curve.thresholds.tolist() == [np.inf, 0.9, 0.8, 0.4, 0.2]
    assert curve.false_boxes_per_image.tolist() == [0, 0, 0.25, 0.5, 0.5]
    assert curve.sensitivity.tolist() == [0, 1 / 3, 1 / 3, 2 / 3, 1]
    heights = sensitivity_at_false_boxes(*froc_cases(found, truth), false_boxes_per_image=[0, 0.25, 0.49, 0.5, 8])
    assert heights.tolist() == [1 / 3, 1 / 3, 1 / 3, 1, 1]
    assert false_boxes_per_healthy_image(found, truth) == 0.5
    np.testing.assert_array_equal(false_boxes_on_healthy_images(found, truth), [np.nan, 1, 0, np.nan])


def test_an_overlap_of_exactly_two_fifths_is_no_hit() -> None:
    found = [FoundBoxes(np.array([[0, 0, 4, 10]]), np.ones(1))]
    truth = [np.array([[0, 0, 10, 10]])]
    assert froc(found, truth).sensitivity.tolist() == [0, 0]
    assert froc(found, truth, iou_above=0.39).sensitivity.tolist() == [0, 1]


def test_a_thousand_draws_at_once_are_the_draws_one_by_one() -> None:
    found, truth = random_xrays(3)
    persons = [f"person {number // 2}" for number in range(len(found))]
    cases = froc_cases(found, truth)
    at_once = bootstrap_band(sensitivity_at_false_boxes, persons, *cases, draws=300)

    def without_weights(confidences: np.ndarray, hits: np.ndarray, true_boxes: np.ndarray) -> np.ndarray:
        return sensitivity_at_false_boxes(confidences, hits, true_boxes)

    one_by_one = bootstrap_band(without_weights, persons, *cases, draws=300)
    for name in ("value", "low", "high"):
        np.testing.assert_allclose(getattr(at_once, name), getattr(one_by_one, name), atol=1e-12)
    assert np.all(at_once.low < at_once.high)


def test_weights_are_how_often_an_xray_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    found, truth = random_xrays(4, count=12)
    cases = froc_cases(found, truth)
    weights = np.random.default_rng(0).integers(0, 4, (30, 12))
    expected = []
    for times in weights:
        again = np.repeat(np.arange(12), times)
        expected.append(sensitivity_at_false_boxes(*(column[again] for column in cases)))
    np.testing.assert_allclose(sensitivity_at_false_boxes(*cases, weights=weights), expected, atol=1e-12)
    monkeypatch.setattr("radlearn.metrics.froc.NUMBERS_AT_ONCE", 7)
    np.testing.assert_allclose(sensitivity_at_false_boxes(*cases, weights=weights), expected, atol=1e-12)


def test_false_boxes_on_healthy_xrays_have_an_interval_by_person() -> None:
    found, truth = random_xrays(6, count=200)
    persons = [str(number // 2) for number in range(200)]
    interval = bootstrap_interval(mean_over_images, persons, false_boxes_on_healthy_images(found, truth), draws=200)
    healthy = [len(some.confidences) for some, true in zip(found, truth, strict=True) if len(true) == 0]
    assert interval.value == sum(healthy) / len(healthy) == false_boxes_per_healthy_image(found, truth)
    assert interval.low < interval.value < interval.high


def test_where_nothing_is_to_be_found_there_is_no_sensitivity() -> None:
    found, truth = [FoundBoxes(np.array([[0, 0, 1, 1]]), np.ones(1))], [np.zeros((0, 4))]
    assert np.isnan(froc(found, truth).sensitivity).all()
    assert np.isnan(sensitivity_at_false_boxes(*froc_cases(found, truth))).all()
    assert np.isnan(false_boxes_per_healthy_image([no_boxes()], [np.array([[0, 0, 1, 1]])]))


def test_where_nothing_is_found_the_sensitivity_is_zero() -> None:
    curve = froc([no_boxes()], [np.array([[0, 0, 1, 1]])])
    assert (curve.sensitivity.tolist(), curve.false_boxes_per_image.tolist()) == ([0], [0])
    assert sensitivity_at_false_boxes(*froc_cases([no_boxes()], [np.array([[0, 0, 1, 1]])])).tolist() == [0] * 7


def test_no_xray_at_all_has_no_curve() -> None:
    curve = froc([], [])
    assert np.isnan(curve.sensitivity).all()
    assert np.isnan(curve.false_boxes_per_image).all()


def test_shapes_that_do_not_fit_are_refused() -> None:
    cases = froc_cases(*random_xrays(1, count=5))
    with pytest.raises(BadSetting, match=r"expected what froc_cases\(found, truth\) returns"):
        sensitivity_at_false_boxes(cases.confidences, cases.hits[:4], cases.true_boxes)
    flat = cases.confidences[:, 0], cases.hits[:, 0], cases.true_boxes
    with pytest.raises(BadSetting, match=r"expected what froc_cases\(found, truth\) returns"):
        sensitivity_at_false_boxes(*flat)
    with pytest.raises(BadSetting, match=r"weights of shape \(4,\) for 5 X-rays"):
        sensitivity_at_false_boxes(*cases, weights=np.ones(4))
    with pytest.raises(BadSetting, match="predictions for"):
        froc([no_boxes()], [])


def test_a_curve_in_a_band_is_a_partial_with_its_points() -> None:
    found, truth = random_xrays(2)
    rates = np.linspace(0, 4, 30)
    band = bootstrap_band(partial(sensitivity_at_false_boxes, false_boxes_per_image=rates), range(40), *froc_cases(found, truth), draws=100)
    assert band.value.shape == (30,)
    assert np.all((band.low <= band.high) & (band.high <= 1))
    assert isinstance(froc_cases(found, truth), FrocCases)
