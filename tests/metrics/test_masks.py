"""Overlap and volume: hand counts, limits, refusals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from radlearn.errors import BadSetting
from radlearn.metrics.masks import bounding_box, checked_spacing, dice_score, volume_error_ml, volume_error_percent, volume_ml

EMPTY = np.zeros((4, 5, 6), bool)


def box(shape: tuple[int, ...], *sides: slice) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[sides] = True
    return mask


PAIRS = st.shared(array_shapes(min_dims=1, max_dims=3, max_side=5), key="shape")
MASKS = arrays(bool, PAIRS)


def test_two_boxes_that_overlap_by_half_have_dice_one_half() -> None:
    one, other = box((8, 4, 4), slice(0, 4)), box((8, 4, 4), slice(2, 6))
    assert dice_score(one, other) == 0.5
    # 4 slices of 16 voxels against 2 of them: 2 · 32 / (64 + 32)
    assert dice_score(one, one & other) == pytest.approx(2 / 3)


def test_dice_is_nothing_beside_an_empty_mask_and_no_number_between_two() -> None:
    full = ~EMPTY
    assert dice_score(full, EMPTY) == dice_score(EMPTY, full) == 0
    assert math.isnan(dice_score(EMPTY, EMPTY))


@given(MASKS, MASKS)
def test_dice_does_not_tell_prediction_from_truth_and_knows_its_limits(one: np.ndarray, other: np.ndarray) -> None:
    score = dice_score(one, other)
    if math.isnan(score):
        assert not one.any()
        assert not other.any()
        return
    assert score == dice_score(other, one)
    assert (score == 1) == (one == other).all()
    assert (score == 0) == (not (one & other).any())
    flipped = dice_score(np.flip(one, 0), np.flip(other, 0))
    assert flipped == score


def test_a_volume_counts_the_millimetres_of_every_axis() -> None:
    mask = box((10, 10, 10), slice(0, 2), slice(0, 3), slice(0, 4))
    assert volume_ml(mask, (0.5, 0.7, 5.0)) == pytest.approx(24 * 0.5 * 0.7 * 5.0 / 1000)


def test_volume_errors_are_the_same_above_and_below_the_truth() -> None:
    truth = box((10, 10, 10), slice(0, 4))
    for predicted in (truth[::-1], truth):
        assert volume_error_ml(predicted, truth, (1, 1, 1)) == 0
        assert volume_error_percent(predicted, truth) == 0
    more, less = box((10, 10, 10), slice(0, 5)), box((10, 10, 10), slice(0, 3))
    assert volume_error_ml(more, truth, (1, 2, 5)) == volume_error_ml(less, truth, (1, 2, 5)) == pytest.approx(1.0)
    assert volume_error_percent(more, truth) == volume_error_percent(less, truth) == 25


def test_a_relative_error_of_nothing_is_infinite_and_of_two_nothings_no_number() -> None:
    assert volume_error_percent(EMPTY, ~EMPTY) == 100
    assert volume_error_percent(~EMPTY, EMPTY) == math.inf
    assert math.isnan(volume_error_percent(EMPTY, EMPTY))
    assert volume_error_ml(EMPTY, EMPTY, (1, 1, 1)) == 0


def test_masks_of_two_grids_are_refused() -> None:
    with pytest.raises(BadSetting, match=r"shapes \(3, 4\) and \(4, 3\); expected the same shape, that of the scan"):
        dice_score(np.zeros((3, 4)), np.zeros((4, 3)))


@pytest.mark.parametrize("value", [255, -1, 0.5, np.nan])
def test_what_is_neither_0_nor_1_is_refused_by_its_value(value: float) -> None:
    mask = np.zeros((3, 3))
    mask[1, 1] = value
    with pytest.raises(BadSetting, match=rf"a mask holds {value:g}; expected only 0 and 1"):
        dice_score(mask, np.zeros((3, 3)))


def test_numbers_0_and_1_count_as_bool() -> None:
    mask = box((4, 4), slice(0, 2))
    for kind in (np.uint8, np.int16, np.float32):
        assert dice_score(mask.astype(kind), mask) == 1


@pytest.mark.parametrize("spacing", [(1, 1), (1, 1, 0), (1, -1, 1), (1, 1, np.nan), (1, 1, np.inf), 1.0])
def test_a_spacing_that_is_none_is_refused(spacing: tuple[float, ...]) -> None:
    with pytest.raises(BadSetting, match="expected 3 positive numbers"):
        checked_spacing(spacing, 3)


@given(MASKS, MASKS)
def test_the_box_is_the_smallest_that_holds_all(one: np.ndarray, other: np.ndarray) -> None:
    found = bounding_box(one, other)
    places = np.argwhere(one | other)
    if not len(places):
        assert found is None
        return
    assert found is not None
    assert [side.start for side in found] == places.min(axis=0).tolist()
    assert [side.stop for side in found] == (places.max(axis=0) + 1).tolist()


@pytest.mark.parametrize("degrees", [5, 20, 45])
def test_a_volume_on_sheared_axes_is_a_determinant_and_no_product_of_lengths(degrees: int) -> None:
    # A tilted gantry: slices 5 mm apart along z, each moved along y. Cavalieri: the volume stays that of the straight stack.
    steps = np.diag([0.7, 0.8, 5.0])
    steps[1, 2] = 5 * math.tan(math.radians(degrees))
    mask = np.ones((10, 10, 10), bool)
    assert volume_ml(mask, steps) == pytest.approx(0.7 * 0.8 * 5)
    assert volume_ml(mask, np.linalg.norm(steps, axis=0)) == pytest.approx(0.7 * 0.8 * 5 / math.cos(math.radians(degrees)))
    assert volume_error_ml(mask, ~mask, steps) == pytest.approx(0.7 * 0.8 * 5)


def test_steps_in_one_plane_are_refused() -> None:
    with pytest.raises(BadSetting, match="expected 3 positive numbers"):
        volume_ml(np.ones((2, 2, 2)), np.ones((3, 3)))
