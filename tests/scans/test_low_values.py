"""What lies below any density: padding around a field of view, and what is none. The witness is how each slice was made."""

import numpy as np
import pytest
from scipy import ndimage

from radlearn.scans.geometry import Volume
from radlearn.scans.hounsfield import doubts_of
from radlearn.scans.low_values import padding_and_inside
from tests.check.phantom import AFFINE, chest_hu

CHEST = chest_hu(0)
SLICE = CHEST[:, :, 20]
ACROSS, DOWN = np.mgrid[: SLICE.shape[0], : SLICE.shape[1]]
FIELD = ((ACROSS - 47.5) / 44) ** 2 + ((DOWN - 35.5) / 32) ** 2 < 1


@pytest.mark.parametrize("value", [-1501, -2000, -3024, -32768])
@pytest.mark.parametrize("dtype", ["i2", "i4", "f4"])
def test_padding_is_one_value_at_the_border(value: int, dtype: str) -> None:
    padding, inside = padding_and_inside(np.where(FIELD, SLICE, value).astype(dtype))
    np.testing.assert_array_equal(padding, ~FIELD)
    assert inside is None


def test_what_resampling_leaves_at_the_edge_of_padding_belongs_to_it() -> None:
    blurred = ndimage.zoom(np.where(FIELD, SLICE, -3000).astype(np.float32), 6, order=1)
    padding, inside = padding_and_inside(blurred)
    np.testing.assert_array_equal(padding, blurred < -1500)
    assert inside is None


def test_a_slice_without_low_values_has_no_padding_and_an_empty_one_is_all_padding() -> None:
    assert padding_and_inside(SLICE) == (None, None)
    padding, inside = padding_and_inside(np.full((9, 7), -2000, np.int16))
    assert padding is not None
    assert padding.all()
    assert inside is None


def test_low_values_with_structure_are_no_padding_wherever_they_lie() -> None:
    padding, inside = padding_and_inside(SLICE - 1024)
    assert padding is None
    lung = (abs(ACROSS - 28) < 8) & (abs(DOWN - 36) < 12)
    assert inside is not None
    assert inside[lung].all()
    assert not inside[SLICE > -400].any()


@pytest.mark.parametrize("padded", [False, True])
def test_low_values_inside_of_a_body_are_no_padding_and_are_doubted(padded: bool) -> None:
    wrong = CHEST.copy()
    bone = CHEST > 690
    wrong[bone] -= 4096
    wrong[~FIELD] = -2000 if padded else -1000
    padding, inside = padding_and_inside(wrong[:, :, 20])
    np.testing.assert_array_equal(inside, bone[:, :, 20] & FIELD)
    assert (padding is not None) == padded
    doubts = [doubt for doubt in doubts_of(Volume(wrong, AFFINE)) if doubt.rule == "ct-low"]
    assert len(doubts) == 1
    assert not doubts[0].sure
    # Along whichever axis the slices lie.
    turned = doubts_of(Volume(np.moveaxis(wrong, 2, 0), AFFINE[:, [2, 0, 1, 3]]))
    assert "ct-low" in [doubt.rule for doubt in turned]


def test_a_few_low_values_of_metal_are_not_doubted() -> None:
    streaks = CHEST.copy()
    streaks[40:42, 30:32, 10:14] = -2500
    assert doubts_of(Volume(streaks, AFFINE)) == []
