"""Sizes: averages are true averages, nothing is shifted, nothing is lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radlearn.scans.resize import centred_in_square, fitted_px, resized


def averaged_by_hand(row: np.ndarray, target: int) -> np.ndarray:
    """Repeat each pixel `target` times; then each cell is the plain mean of `len(row)` of them."""
    return np.repeat(row.astype(np.float64), target).reshape(target, len(row)).mean(axis=1)


@settings(max_examples=60)
@given(st.integers(2, 60), st.data())
def test_a_shrunk_axis_is_the_exact_area_average(source: int, data: st.DataObject) -> None:
    target = data.draw(st.integers(1, source))
    image = np.random.default_rng(source).random((source, 3)).astype(np.float32)
    small = resized(image, target, 3)
    expected = np.stack([averaged_by_hand(image[:, column], target) for column in range(3)], axis=1)
    np.testing.assert_allclose(small, expected, atol=1e-6)


def test_three_pixels_to_two_share_the_middle_one() -> None:
    # Each cell is one and a half pixels: (0 + 0.5 · 6) / 1.5 and (0.5 · 6 + 9) / 1.5.
    np.testing.assert_allclose(resized(np.float32([[0, 6, 9]]), 1, 2), [[2, 8]], rtol=1e-6)


def test_a_whole_factor_is_the_mean_of_its_blocks() -> None:
    image = np.random.default_rng(0).random((12, 20)).astype(np.float32)
    np.testing.assert_allclose(resized(image, 3, 5), image.reshape(3, 4, 5, 4).mean(axis=(1, 3)), rtol=1e-5)


@settings(max_examples=40)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 60), st.integers(1, 60))
def test_values_stay_between_least_and_greatest_and_a_constant_stays_constant(rows: int, columns: int, height: int, width: int) -> None:
    image = np.random.default_rng(rows * columns).random((rows, columns)).astype(np.float32)
    out = resized(image, height, width)
    assert out.shape == (height, width)
    assert out.dtype == np.float32
    assert out.min() >= image.min() - 1e-6
    assert out.max() <= image.max() + 1e-6
    np.testing.assert_allclose(resized(np.full((rows, columns), 0.3, np.float32), height, width), 0.3, rtol=1e-6)


def test_growing_is_a_straight_line_between_pixel_centres() -> None:
    # Centres of the new pixels lie at -0.25, 0.25, 0.75, 1.25 of the old ones; beyond the outermost centre it stays level.
    np.testing.assert_allclose(resized(np.float32([[0, 8]]), 1, 4), [[0, 2, 6, 8]])


def test_growing_agrees_with_torch() -> None:
    torch = pytest.importorskip("torch")
    image = np.random.default_rng(1).random((5, 7)).astype(np.float32)
    expected = torch.nn.functional.interpolate(torch.from_numpy(image)[None, None], size=(13, 16), mode="bilinear", align_corners=False)
    np.testing.assert_allclose(resized(image, 13, 16), expected[0, 0].numpy(), atol=1e-5)


def test_the_same_size_changes_nothing() -> None:
    image = np.random.default_rng(2).random((9, 4)).astype(np.float32)
    np.testing.assert_array_equal(resized(image, 9, 4), image)


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 600))
def test_a_padded_xray_fits_and_touches_two_sides(height: int, width: int, size_px: int) -> None:
    fitted = fitted_px(height, width, size_px, "pad")
    assert max(fitted) == size_px
    assert min(fitted) >= 1
    # Its aspect is right to half a pixel.
    assert abs(min(fitted) - min(height, width) * size_px / max(height, width)) <= max(
        0.5, 1 - min(height, width) * size_px / max(height, width)
    )


def test_padding_is_black_and_on_both_sides() -> None:
    square = centred_in_square(np.ones((4, 1), np.float32), 4)
    assert square.sum() == 4
    np.testing.assert_array_equal(square[:, 1], 1)
