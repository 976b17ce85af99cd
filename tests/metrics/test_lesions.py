"""Lesions found and made up: counted by hand, at the limits of size and overlap."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

from radlearn.errors import BadSetting
from radlearn.metrics.lesions import LesionCounts, lesion_counts, lesion_sensitivity

CUBES = (1.0, 1.0, 1.0)
MASKS = arrays(bool, (5, 5, 5))


def scan(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    """A scan of 60×20×20 voxels with boxes: x from, x to, and the side of the square in y and z."""
    mask = np.zeros((60, 20, 20), bool)
    for start, end, y, side in boxes:
        mask[start:end, y : y + side, 2 : 2 + side] = True
    return mask


def test_lesions_found_missed_and_made_up_are_told_apart() -> None:
    truth = scan((2, 10, 2, 6), (20, 28, 2, 6), (40, 48, 2, 6))
    predicted = scan((3, 10, 2, 6), (22, 28, 2, 6), (52, 58, 2, 6))
    assert lesion_counts(predicted, truth, CUBES) == LesionCounts(lesions=3, found_lesions=2, false_lesions=1)


def test_a_touch_is_not_enough_to_be_found() -> None:
    truth = scan((0, 20, 2, 5))  # 20 layers of 25 voxels
    one_layer, two_layers = scan((19, 40, 2, 5)), scan((18, 40, 2, 5))
    assert lesion_counts(one_layer, truth, CUBES) == LesionCounts(1, 0, 1)
    # Two layers of twenty are the tenth of the truth that it takes, and less than a tenth of the prediction's 22.
    assert lesion_counts(two_layers, truth, CUBES) == LesionCounts(1, 1, 1)
    assert lesion_counts(one_layer, truth, CUBES, found_share=0.04) == LesionCounts(1, 1, 0)


def test_one_prediction_may_find_several_lesions_and_several_one() -> None:
    apart, joined = scan((2, 10, 2, 6), (12, 20, 2, 6)), scan((2, 20, 2, 6))
    assert lesion_counts(joined, apart, CUBES) == LesionCounts(2, 2, 0)
    assert lesion_counts(apart, joined, CUBES) == LesionCounts(1, 1, 0)


def test_pieces_of_a_lesion_find_it_together() -> None:
    truth = scan((0, 20, 2, 5))
    pieces = scan((2, 3, 2, 5), (8, 9, 2, 5))  # each a twentieth, and below the smallest volume
    assert lesion_counts(pieces, truth, CUBES) == LesionCounts(1, 1, 0)


def test_specks_are_no_lesions_but_what_lies_on_one_is_not_false() -> None:
    speck = scan((30, 33, 2, 3))  # 27 mm³
    assert lesion_counts(speck, scan((0, 8, 2, 6)), CUBES) == LesionCounts(1, 0, 0)
    assert lesion_counts(scan((0, 8, 2, 6)), speck, CUBES) == LesionCounts(0, 0, 1)
    over_it = scan((29, 34, 2, 5))
    assert lesion_counts(over_it, speck, CUBES) == LesionCounts(0, 0, 0)
    assert lesion_counts(over_it, speck, CUBES, smallest_ml=0.0) == LesionCounts(1, 1, 0)


def test_the_smallest_volume_is_one_of_millilitres_not_of_voxels() -> None:
    lesion = scan((0, 4, 2, 5))  # 100 voxels
    for spacing, lesions in (((1, 1, 1), 1), ((1, 1, 0.99), 0), ((0.1, 2, 5), 1), ((0.1, 0.1, 5), 0)):
        assert lesion_counts(lesion, lesion, spacing).lesions == lesions


def test_voxels_that_touch_by_a_corner_are_one_lesion() -> None:
    mask = np.zeros((4, 4, 4), bool)
    mask[0, 0, 0] = mask[1, 1, 1] = mask[3, 3, 3] = True
    assert lesion_counts(mask, mask, CUBES, smallest_ml=0.0) == LesionCounts(2, 2, 0)


def test_empty_masks_have_no_lesions() -> None:
    empty, one = scan(), scan((2, 10, 2, 6))
    assert lesion_counts(empty, empty, CUBES) == LesionCounts(0, 0, 0)
    assert lesion_counts(one, empty, CUBES) == LesionCounts(0, 0, 1)
    assert lesion_counts(empty, one, CUBES) == LesionCounts(1, 0, 0)


@given(MASKS, MASKS)
@settings(max_examples=80)
def test_misses_are_the_false_lesions_of_the_other_way_round(one: np.ndarray, other: np.ndarray) -> None:
    there, back = (lesion_counts(p, t, CUBES, smallest_ml=0.002) for p, t in ((one, other), (other, one)))
    assert there.lesions - there.found_lesions == back.false_lesions
    assert there == lesion_counts(one[::-1], other[::-1], CUBES, smallest_ml=0.002)
    assert lesion_counts(one, one, CUBES, smallest_ml=0.002).false_lesions == 0


@pytest.mark.parametrize(("smallest_ml", "found_share"), [(-1, 0.1), (math.nan, 0.1), (0.1, 0.0), (0.1, 1.1), (0.1, math.nan)])
def test_limits_that_make_no_sense_are_refused(smallest_ml: float, found_share: float) -> None:
    with pytest.raises(BadSetting, match="expected a volume of 0 or more and a share above 0, at most 1"):
        lesion_counts(scan(), scan(), CUBES, smallest_ml, found_share)


def test_sensitivity_counts_lesions_not_scans() -> None:
    assert lesion_sensitivity([1, 0], [1, 9]) == pytest.approx(0.1)
    assert math.isnan(lesion_sensitivity([0, 0], [0, 0]))
    np.testing.assert_allclose(lesion_sensitivity([1, 0], [1, 9], [[1, 0], [0, 2], [2, 2]]), [1, 0, 0.1])
