"""The official score against one written out slowly in whole numbers, and the awkward X-rays by hand."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radlearn.errors import BadSetting
from radlearn.metrics.boxes import FoundBoxes, mean_over_images, no_boxes
from radlearn.metrics.detection_score import detection_image_scores, detection_image_scores_above, detection_score
from radlearn.metrics.intervals import bootstrap_band, bootstrap_interval

IOUS_ABOVE = [k / 20 for k in range(8, 16)]

Box = tuple[int, int, int, int]  # x, y, width, height, as the tables have it
Xray = tuple[list[tuple[float, Box]], list[Box]]
NOTHING = np.zeros((0, 4))


def intersection_and_union(a: Box, b: Box) -> tuple[int, int]:
    across = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    down = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = across * down if across > 0 and down > 0 else 0
    return both, a[2] * a[3] + b[2] * b[3] - both


def slow_image_score(xray: Xray) -> Fraction | None:
    """The definition, word by word, in whole numbers: an overlap counts if 20 · intersection > k · union."""
    predicted, truth = xray
    if not truth:
        return Fraction(0) if predicted else None
    by_confidence = sorted(predicted, key=lambda box: box[0], reverse=True)  # reverse keeps equal ones in order
    total = Fraction(0)
    for k in range(8, 16):
        not_yet_hit, hits = list(truth), 0
        for _, box in by_confidence:
            best, best_iou = None, Fraction(-1)
            for place, true in enumerate(not_yet_hit):
                both, union = intersection_and_union(box, true)
                if Fraction(both, union) > best_iou:
                    best, best_iou = place, Fraction(both, union)
            if best is not None:
                both, union = intersection_and_union(box, not_yet_hit[best])
                if 20 * both > k * union:
                    del not_yet_hit[best]
                    hits += 1
        false, missed = len(predicted) - hits, len(truth) - hits
        total += Fraction(hits, hits + false + missed)
    return total / 8


def prediction_and_truth(xray: Xray) -> tuple[FoundBoxes, np.ndarray]:
    def corners(boxes: list[Box]) -> np.ndarray:
        return np.array([(x, y, x + w, y + h) for x, y, w, h in boxes], dtype=np.float64).reshape(-1, 4)

    predicted, truth = xray
    return FoundBoxes(corners([box for _, box in predicted]), np.array([c for c, _ in predicted], dtype=np.float64)), corners(truth)


def random_xray(random: np.random.Generator) -> Xray:
    """An X-ray with most found boxes near a true one; many share a confidence, many overlaps are equal or exactly at a threshold."""
    scale = int(random.choice([5, 20, 200]))

    def box() -> Box:
        x, y, w, h = (int(v) for v in (*random.integers(0, scale, 2), *random.integers(1, 2 * scale, 2)))
        return x, y, w, h

    def near(b: Box) -> Box:
        moved = [int(v) for v in np.array(b) + random.integers(-scale // 5, scale // 5 + 1, 4)]
        return moved[0], moved[1], max(moved[2], 1), max(moved[3], 1)

    truth = [box() for _ in range(random.choice([0, 1, 1, 2, 2, 3, 6]))]
    predicted = []
    for _ in range(random.choice([0, 1, 2, 3, 8])):
        source = near(truth[random.integers(len(truth))]) if truth and random.random() < 0.8 else box()
        predicted.append((float(random.integers(0, 5)) / 4, source))
    if truth and random.random() < 0.2:
        x, y, w, h = truth[0]
        predicted.append((0.5, (x, y, w, h * int(random.integers(8, 16)))))
        truth.append((x, y, w, h * 20))
    return predicted, truth


def test_ten_thousand_random_xrays_score_as_the_definition_says() -> None:
    random = np.random.default_rng(2018)
    xrays = [random_xray(random) for _ in range(10_000)]
    found, truth = zip(*map(prediction_and_truth, xrays), strict=True)
    slow = [slow_image_score(xray) for xray in xrays]
    expected = np.array([np.nan if score is None else float(score) for score in slow])
    scores = detection_image_scores(found, truth, IOUS_ABOVE)
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)
    counted = [score for score in slow if score is not None]
    assert detection_score(found, truth, IOUS_ABOVE) == pytest.approx(float(sum(counted) / len(counted)), abs=1e-12)
    # The sample must hold what the test is about.
    assert 100 < len(xrays) - len(counted) < 1000
    assert len(np.unique(expected)) > 300


boxes = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(1, 9), st.integers(1, 9))
xrays = st.tuples(st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), boxes), max_size=5), st.lists(boxes, max_size=4))


@given(st.lists(xrays, max_size=4))
def test_any_small_batch_scores_as_the_definition_says(batch: list[Xray]) -> None:
    found, truth = [prediction_and_truth(xray)[0] for xray in batch], [prediction_and_truth(xray)[1] for xray in batch]
    expected = [np.nan if (score := slow_image_score(xray)) is None else float(score) for xray in batch]
    np.testing.assert_allclose(detection_image_scores(found, truth, IOUS_ABOVE), expected, rtol=0, atol=1e-12)


def test_the_kind_of_number_does_not_matter() -> None:
    random = np.random.default_rng(5)
    pairs = [prediction_and_truth(random_xray(random)) for _ in range(300)]
    found, truth = [some for some, _ in pairs], [true for _, true in pairs]
    whole = [FoundBoxes(some.boxes_xyxy_px.astype(np.int64), some.confidences.astype(np.float32)) for some in found]
    np.testing.assert_array_equal(
        detection_image_scores(whole, [true.astype(np.int32) for true in truth], IOUS_ABOVE),
        detection_image_scores(found, truth, IOUS_ABOVE),
    )
    quarters = [FoundBoxes(some.boxes_xyxy_px / 4, some.confidences) for some in found]
    np.testing.assert_array_equal(
        detection_image_scores(quarters, [true / 4 for true in truth], IOUS_ABOVE), detection_image_scores(found, truth, IOUS_ABOVE)
    )


ONE = np.array([[100.0, 100, 300, 400]])
FAR = np.array([[600.0, 600, 700, 700]])


def only_score(boxes: np.ndarray, confidences: list[float], truth: np.ndarray) -> float:
    return float(detection_image_scores([FoundBoxes(boxes, np.array(confidences))], [truth], IOUS_ABOVE)[0])


def test_a_healthy_xray_left_alone_does_not_count() -> None:
    assert np.isnan(detection_image_scores([no_boxes()], [NOTHING], IOUS_ABOVE)[0])
    assert detection_score([no_boxes(), FoundBoxes(ONE, np.ones(1))], [NOTHING, ONE], IOUS_ABOVE) == 1.0


def test_a_box_on_a_healthy_xray_scores_nothing_and_counts_however_low_its_confidence() -> None:
    assert only_score(ONE, [0.0], NOTHING) == 0.0
    assert detection_score([FoundBoxes(ONE, np.zeros(1)), FoundBoxes(ONE, np.ones(1))], [NOTHING, ONE], IOUS_ABOVE) == 0.5


def test_an_ill_xray_with_no_box_scores_nothing_and_counts() -> None:
    assert detection_score([no_boxes(), FoundBoxes(ONE, np.ones(1))], [ONE, ONE], IOUS_ABOVE) == 0.5


def test_a_second_box_on_one_true_box_is_a_false_one() -> None:
    assert only_score(np.vstack([ONE, ONE]), [0.9, 0.8], ONE) == 0.5


def test_one_box_over_two_true_ones_hits_one_and_misses_one() -> None:
    assert only_score(ONE, [0.9], np.vstack([ONE, ONE])) == 0.5


@pytest.mark.parametrize("k", range(8, 16))
def test_an_overlap_exactly_at_a_threshold_is_above_those_below_it_only(k: int) -> None:
    assert only_score(np.array([[0, 0, 100, 10 * k]]), [0.9], np.array([[0, 0, 100, 200]])) == (k - 8) / 8


def test_with_equal_confidences_the_first_in_the_prediction_has_its_turn_first() -> None:
    truth = np.array([[0, 0, 100, 10], [60, 0, 160, 10]])
    modest, greedy = [0, 0, 70, 10], [25, 0, 125, 10]  # IoU with the first true box 0.7 and 0.6; with the second next to 0, and 0.48
    # The modest one first: both hit at 0.40 and 0.45; one of them at 0.50 to 0.65; none at 0.70 (no more than equal) and 0.75.
    assert only_score(np.array([modest, greedy]), [0.5, 0.5], truth) == pytest.approx((2 * 1 + 4 / 3) / 8)
    # The greedy one first takes the first true box wherever it can, and leaves the modest one nothing.
    assert only_score(np.array([greedy, modest]), [0.5, 0.5], truth) == pytest.approx((6 / 3) / 8)


def test_no_xray_at_all_is_not_a_number() -> None:
    assert detection_image_scores([], [], IOUS_ABOVE).shape == (0,)
    assert np.isnan(detection_score([], [], IOUS_ABOVE))
    assert np.isnan(detection_score([no_boxes()], [NOTHING], IOUS_ABOVE))


def test_a_perfect_prediction_scores_one_whatever_its_confidences() -> None:
    random = np.random.default_rng(1)
    truth = [prediction_and_truth(random_xray(random))[1] for _ in range(100)]
    truth = [np.unique(true, axis=0) for true in truth]
    assert detection_score([FoundBoxes(true, random.random(len(true))) for true in truth], truth, IOUS_ABOVE) == 1.0


def test_the_score_above_a_cut_is_the_score_of_what_is_left() -> None:
    random = np.random.default_rng(8)
    pairs = [prediction_and_truth(random_xray(random)) for _ in range(200)]
    found, truth = [some for some, _ in pairs], [true for _, true in pairs]
    cuts = [0.5, 0.0, 0.75, 1.5]
    curve = detection_image_scores_above(found, truth, IOUS_ABOVE, cuts)
    assert curve.shape == (200, 4)
    for column, cut in enumerate(cuts):
        left = [FoundBoxes(some.boxes_xyxy_px[keep], some.confidences[keep]) for some in found for keep in [some.confidences >= cut]]
        np.testing.assert_array_equal(curve[:, column], detection_image_scores(left, truth, IOUS_ABOVE))
    with pytest.raises(BadSetting, match="expected one row of numbers"):
        detection_image_scores_above(found, truth, IOUS_ABOVE, [np.nan])


def test_the_interval_by_person_is_that_of_the_mean_over_xrays_that_count() -> None:
    random = np.random.default_rng(9)
    pairs = [prediction_and_truth(random_xray(random)) for _ in range(120)]
    found, truth = [some for some, _ in pairs], [true for _, true in pairs]
    persons = [f"person {number // 2}" for number in range(120)]
    scores = detection_image_scores(found, truth, IOUS_ABOVE)
    interval = bootstrap_interval(mean_over_images, persons, scores, draws=200)
    assert interval.value == detection_score(found, truth, IOUS_ABOVE)
    assert interval.low < interval.value < interval.high
    # Drawn one by one, without the shortcut through weights.
    one_by_one = bootstrap_interval(lambda drawn: float(np.nanmean(drawn)), persons, scores, draws=200)
    assert (interval.low, interval.high) == pytest.approx((one_by_one.low, one_by_one.high), abs=1e-12)
    band = bootstrap_band(mean_over_images, persons, detection_image_scores_above(found, truth, IOUS_ABOVE, [0.0, 0.5]), draws=200)
    assert (band.low[0], band.high[0]) == pytest.approx((interval.low, interval.high), abs=1e-12)


def test_what_cannot_be_scored_is_refused_with_its_xray() -> None:
    with pytest.raises(BadSetting, match="X-ray 1, found boxes: box 0 is"):
        detection_score([no_boxes(), FoundBoxes(np.array([[3.0, 3, 3, 9]]), np.ones(1))], [ONE, ONE], IOUS_ABOVE)
    with pytest.raises(BadSetting, match="X-ray 0, true boxes: box 0 is"):
        detection_score([no_boxes()], [[[0, 0, np.inf, 1]]], IOUS_ABOVE)
    with pytest.raises(BadSetting, match="2 predictions for 1 X-rays"):
        detection_score([no_boxes(), no_boxes()], [ONE], IOUS_ABOVE)
