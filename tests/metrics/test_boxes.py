"""Overlap against torchvision, matching against the rule written out slowly in fractions, and the awkward cases by hand."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radlearn.errors import BadSetting
from radlearn.metrics.boxes import FoundBoxes, generalised_iou, iou, matched, matched_in_images, mean_over_images, no_boxes

Corners = tuple[int, int, int, int]


def exact_iou(a: Corners, b: Corners) -> Fraction:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    return Fraction(both, (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def slowly_matched(boxes: list[Corners], confidences: list[float], truth: list[Corners], above: Fraction) -> list[int]:
    """The rule as it is told: by falling confidence, each takes the free true box it overlaps most, if by more than `above`."""
    hit, free = [-1] * len(boxes), list(range(len(truth)))
    for number in sorted(range(len(boxes)), key=lambda n: -confidences[n]):  # sorted() keeps equal ones in order
        best = None
        for true in free:
            if best is None or exact_iou(boxes[number], truth[true]) > exact_iou(boxes[number], truth[best]):
                best = true
        if best is not None and exact_iou(boxes[number], truth[best]) > above:
            hit[number] = best
            free.remove(best)
    return hit


@st.composite
def corners(draw: st.DrawFn) -> Corners:
    # A small grid, so that equal overlaps and overlaps exactly at a threshold are common.
    x, y = draw(st.integers(0, 8)), draw(st.integers(0, 8))
    return x, y, x + draw(st.integers(1, 10)), y + draw(st.integers(1, 10))


xrays = st.tuples(st.lists(st.tuples(corners(), st.sampled_from([0.1, 0.5, 0.9])), max_size=6), st.lists(corners(), max_size=5))


def as_found(xray: list[tuple[Corners, float]]) -> FoundBoxes:
    return FoundBoxes(np.array([box for box, _ in xray], dtype=float).reshape(-1, 4), np.array([c for _, c in xray], dtype=float))


@given(xrays, st.integers(0, 15))
def test_one_xray_is_matched_as_the_rule_is_told(xray: tuple[list[tuple[Corners, float]], list[Corners]], twentieths: int) -> None:
    prediction, truth = xray
    slow = slowly_matched([box for box, _ in prediction], [c for _, c in prediction], truth, Fraction(twentieths, 20))
    assert matched(as_found(prediction), np.array(truth), twentieths / 20).tolist() == slow


@given(st.lists(xrays, max_size=5))
def test_many_xrays_at_once_are_matched_as_one_by_one(batch: list[tuple[list[tuple[Corners, float]], list[Corners]]]) -> None:
    found, truth = [as_found(prediction) for prediction, _ in batch], [np.array(true, dtype=float).reshape(-1, 4) for _, true in batch]
    thresholds = [k / 20 for k in range(8, 16)]
    together = matched_in_images(found, truth, thresholds)
    for row, above in enumerate(thresholds):
        alone = [hit for some, true in zip(found, truth, strict=True) for hit in matched(some, true, above).tolist()]
        assert together.hit[row].tolist() == alone
    assert together.image.tolist() == [number for number, some in enumerate(found) for _ in some.confidences]
    assert together.true_count.tolist() == [len(true) for true in truth]


def test_fractions_of_pixels_change_nothing_that_whole_pixels_decide() -> None:
    """Tenths of a pixel, as `x + width` rounds them: what is exactly at a threshold in decimals stays at it."""
    random = np.random.default_rng(3)
    for _ in range(300):
        low = random.integers(0, 900, (9, 2))
        whole = np.hstack([low, low + random.integers(1, 12, (9, 2)) * 10]).astype(float)
        whole[5:] = whole[0] + random.integers(-2, 3, (4, 4))
        whole[5:, 2:] = np.maximum(whole[5:, 2:], whole[5:, :2] + 1)
        tenths = whole[:, :2] / 10, (whole[:, 2:] - whole[:, :2]) / 10
        fine = np.hstack([tenths[0], tenths[0] + tenths[1]])
        confidences = random.integers(0, 4, 6) / 4
        for k in range(8, 16):
            expected = matched(FoundBoxes(whole[:6], confidences), whole[5:], k / 20)
            assert matched(FoundBoxes(fine[:6], confidences), fine[5:], k / 20).tolist() == expected.tolist()


@pytest.mark.parametrize("k", range(8, 16))
@pytest.mark.parametrize("scale", [1, 0.1, 51.2, 1 / 3])
def test_an_overlap_exactly_at_the_threshold_is_no_hit(k: int, scale: float) -> None:
    found = FoundBoxes(np.array([[0, 0, k, 10]]) * scale, np.ones(1))
    assert matched(found, np.array([[0, 0, 20, 10]]) * scale, k / 20).tolist() == [-1]
    more = FoundBoxes(np.array([[0, 0, k + 1e-6, 10]]) * scale, np.ones(1))
    assert matched(more, np.array([[0, 0, 20, 10]]) * scale, k / 20).tolist() == [0]


def test_two_boxes_on_one_true_box_are_one_hit_and_one_false_box() -> None:
    found = FoundBoxes(np.array([[0, 0, 10, 10], [0, 0, 10, 9]]), np.array([0.3, 0.4]))
    assert matched(found, [[0, 0, 10, 10]], 0.4).tolist() == [-1, 0]


def test_equal_confidences_take_their_turn_in_the_order_of_the_prediction() -> None:
    found = FoundBoxes(np.array([[0, 0, 10, 9], [0, 0, 10, 10]]), np.array([0.5, 0.5]))
    assert matched(found, [[0, 0, 10, 10]], 0.4).tolist() == [0, -1]


def test_one_box_over_two_true_ones_hits_the_nearer_and_of_equals_the_first() -> None:
    found = FoundBoxes(np.array([[0, 0, 10, 10]]), np.ones(1))
    assert matched(found, [[0, 0, 10, 8], [0, 0, 10, 9]], 0.4).tolist() == [1]
    assert matched(found, [[0, 1, 10, 10], [0, 0, 10, 9]], 0.4).tolist() == [0]


def test_a_box_whose_best_is_taken_may_hit_its_second_best() -> None:
    found = FoundBoxes(np.array([[0, 0, 10, 10], [0, 0, 10, 10]]), np.array([0.9, 0.8]))
    assert matched(found, [[0, 0, 10, 8], [0, 0, 10, 9]], 0.4).tolist() == [1, 0]


def test_nothing_found_nothing_there_and_no_xray_at_all() -> None:
    assert matched(no_boxes(), [[0, 0, 1, 1]], 0.4).shape == (0,)
    assert matched(FoundBoxes(np.array([[0, 0, 1, 1]]), np.ones(1)), np.zeros((0, 4)), 0.4).tolist() == [-1]
    empty = matched_in_images([], [], [0.4, 0.5])
    assert empty.hit.shape == (2, 0)
    assert empty.true_count.shape == (0,)


def test_overlap_is_torchvisions() -> None:
    torch = pytest.importorskip("torch")
    from torchvision import ops

    random = np.random.default_rng(0)
    low = random.uniform(0, 100, (60, 2))
    boxes = np.hstack([low, low + random.uniform(1, 80, (60, 2))])
    first, second = torch.from_numpy(boxes[:25]), torch.from_numpy(boxes[25:])
    np.testing.assert_allclose(iou(boxes[:25], boxes[25:]), ops.box_iou(first, second).numpy(), atol=1e-12)
    np.testing.assert_allclose(generalised_iou(boxes[:25], boxes[25:]), ops.generalized_box_iou(first, second).numpy(), atol=1e-12)


@given(corners(), corners())
def test_overlap_is_the_exact_share_and_the_same_both_ways(a: Corners, b: Corners) -> None:
    assert iou([a], [b])[0, 0] == float(exact_iou(a, b)) == iou([b], [a])[0, 0]
    assert generalised_iou([a], [b])[0, 0] <= iou([a], [b])[0, 0]


def test_overlap_with_no_boxes_has_no_rows_or_no_columns() -> None:
    assert iou([], [[0, 0, 1, 1]]).shape == (0, 1)
    assert generalised_iou([[0, 0, 1, 1]], np.zeros((0, 4))).shape == (1, 0)


GOOD = np.array([[0.0, 0, 1, 1]])


@pytest.mark.parametrize(
    ("boxes", "confidences", "words"),
    [
        (np.array([[0, 0, np.nan, 1]]), np.ones(1), r"X-ray 1, found boxes: box 0 is \(0, 0, nan, 1\); expected finite x0 < x1"),
        (np.array([[0, 0, np.inf, 1]]), np.ones(1), r"box 0 is \(0, 0, inf, 1\)"),
        (np.array([[5, 0, 5, 1]]), np.ones(1), r"box 0 is \(5, 0, 5, 1\)"),
        (np.array([[0, 3, 5, 1]]), np.ones(1), "not x, y, width, height"),
        (np.array([0.0, 0, 1, 1]), np.ones(1), r"X-ray 1, found boxes: shape is \(4,\); expected \(boxes, 4\)"),
        (np.ones((2, 5)), np.ones(2), r"shape is \(2, 5\)"),
        (GOOD, np.ones(2), r"X-ray 1: 1 found boxes, confidences of shape \(2,\)"),
        (np.zeros((0, 4)), np.ones(1), "X-ray 1: 0 found boxes"),
        (GOOD, np.array([1.5]), "X-ray 1: a confidence is 1.5; expected 0 to 1"),
        (GOOD, np.array([np.nan]), "X-ray 1: a confidence is nan"),
        (GOOD, np.array([[0.5]]), r"confidences of shape \(1, 1\)"),
    ],
)
def test_an_prediction_that_is_none_is_refused_with_its_xray(boxes: np.ndarray, confidences: np.ndarray, words: str) -> None:
    with pytest.raises(BadSetting, match=words):
        matched_in_images([FoundBoxes(GOOD, np.ones(1)), FoundBoxes(boxes, confidences)], [GOOD, GOOD], [0.5])


def test_bad_truth_and_bad_thresholds_are_refused() -> None:
    with pytest.raises(BadSetting, match="X-ray 0, true boxes: box 1 is"):
        matched(FoundBoxes(GOOD, np.ones(1)), [[0, 0, 1, 1], [2, 2, 1, 3]], 0.5)
    with pytest.raises(BadSetting, match=r"iou_above is \[1.0\]; expected 0 or more, and less than 1"):
        matched(no_boxes(), GOOD, 1.0)
    with pytest.raises(BadSetting, match="1 predictions for 2 X-rays"):
        matched_in_images([no_boxes()], [GOOD, GOOD], [0.5])


def test_the_mean_leaves_out_xrays_that_do_not_count() -> None:
    values = [1.0, np.nan, 0.25]
    assert mean_over_images(values) == 0.625
    np.testing.assert_array_equal(mean_over_images(values, np.array([[1, 5, 0], [1, 0, 3], [0, 2, 0]])), [1.0, 0.4375, np.nan])
    assert np.isnan(mean_over_images([np.nan]))
    with pytest.raises(BadSetting, match=r"values of shape \(3,\), weights of shape \(2,\)"):
        mean_over_images(values, [1, 1])
