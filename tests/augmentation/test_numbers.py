"""A matrix is told as the motion that the image makes, and a change of pixels as the law that explains it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radlearn.augmentation.drawn import LPS_AXES, PICTURE_AXES
from radlearn.augmentation.numbers import affine_values, intensity_law, rotation_values, rounded, turn_values

angles, zooms, shifts = st.floats(-80, 80), st.floats(0.5, 2.0), st.floats(-20, 20)


def motion_of(clockwise: float, zoom_height: float, zoom_width: float, down: float, right: float) -> np.ndarray:
    """Return the matrix that moves points (row, column), counted from the centre: turned, then zoomed, then shifted."""
    turn = math.radians(clockwise)
    # On a screen, where y points down, x to the right turns to y when it goes clockwise.
    turned = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    motion = np.eye(3)
    motion[:2, :2] = np.diag([zoom_height, zoom_width]) @ turned
    motion[:2, 2] = down, right
    return motion


@given(angles, zooms, zooms, shifts, shifts)
def test_the_motion_of_an_image_is_read_off_the_matrix_that_samples_it(
    clockwise: float, zoom_height: float, zoom_width: float, down: float, right: float
) -> None:
    values = affine_values(np.linalg.inv(motion_of(clockwise, zoom_height, zoom_width, down, right)), PICTURE_AXES, "px")
    expected = {"rotated_clockwise_degrees": clockwise, "zoomed_height": zoom_height, "zoomed_width": zoom_width}
    assert values == pytest.approx(expected | {"shifted_down_px": down, "shifted_right_px": right}, abs=1e-4)


def test_a_point_at_the_top_goes_to_the_right_when_an_image_turns_clockwise() -> None:
    turned = motion_of(90, 1, 1, 0, 0) @ [-10, 0, 1]
    assert turned[:2] == pytest.approx([0, 10])


@given(angles, angles, angles)
def test_the_three_rotations_of_a_volume_follow_one_another(first: float, second: float, third: float) -> None:
    whole = np.eye(3)
    for start, end, degrees in ((1, 2, first), (2, 0, second), (0, 1, third)):
        one = np.eye(3)
        one[start, start] = one[end, end] = math.cos(math.radians(degrees))
        one[end, start], one[start, end] = math.sin(math.radians(degrees)), -math.sin(math.radians(degrees))
        whole = one @ whole
    assert rotation_values(whole, LPS_AXES) == pytest.approx(
        {
            "rotated_back_to_head_degrees": first,
            "rotated_head_to_left_degrees": second,
            "rotated_clockwise_from_feet_degrees": third,
        },
        abs=1e-3,
    )


def test_a_shear_is_told_and_leaves_the_rotation_alone() -> None:
    sheared = np.array([[1, 0.2, 0], [0, 1, 0], [0, 0, 1]]) @ motion_of(10, 1, 1, 0, 0)
    values = affine_values(np.linalg.inv(sheared), PICTURE_AXES, "px")
    assert values["sheared"] == pytest.approx(0.2)
    assert values["rotated_clockwise_degrees"] == pytest.approx(10)


def test_a_turn_from_right_to_down_is_clockwise_and_back_again_is_not() -> None:
    assert turn_values(1, 0, 90.0, PICTURE_AXES) == {"rotated_clockwise_degrees": 90.0}
    assert turn_values(0, 1, 90.0, PICTURE_AXES) == {"rotated_clockwise_degrees": -90.0}
    assert turn_values(0, 1, 90.0, LPS_AXES) == {"rotated_clockwise_from_feet_degrees": 90.0}
    assert turn_values(2, 1, 5.0, LPS_AXES) == {"rotated_head_to_back_degrees": 5.0}


@given(st.floats(0.3, 3.0))
def test_a_power_is_found_from_the_pixels(gamma: float) -> None:
    before = np.random.default_rng(0).random((20, 20)).astype(np.float32)
    assert intensity_law(before, before**gamma)["gamma"] == pytest.approx(gamma, abs=2e-3)


def test_a_line_is_found_from_the_pixels_and_noise_is_no_law() -> None:
    before = np.random.default_rng(0).normal(0, 1, (20, 20))
    assert intensity_law(before, 1.2 * before - 0.3) == {"intensity_factor": 1.2, "intensity_shift": -0.3}
    assert intensity_law(before, before + np.random.default_rng(1).normal(0, 0.1, before.shape)) == {}
    assert intensity_law(before, before[:5]) == {}
    assert intensity_law(np.full((4, 4), 0.5), np.full((4, 4), 0.25)) == {}


def test_a_rounded_zero_has_no_sign() -> None:
    assert str(rounded(-1e-9)) == "0.0"
