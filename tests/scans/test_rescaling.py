"""Stored numbers to values."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radlearn.scans.rescaling import rescaled


@given(
    st.lists(st.integers(0, 65535), min_size=1, max_size=20),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**31), 2**31 - 1),
)
def test_whole_numbers_are_exact_or_float(stored: list[int], slope: int, intercept: int) -> None:
    found = rescaled(np.array(stored, np.uint16), slope, intercept)
    expected = [slope * value + intercept for value in stored]
    if found.dtype.kind == "i":
        assert found.tolist() == expected
    else:
        assert found.dtype == np.float32 or (slope, intercept) == (1, 0)
        np.testing.assert_allclose(found.astype(float), expected, rtol=1e-5, atol=2e-7 * (abs(slope) * 65535 + abs(intercept)))


@pytest.mark.parametrize(
    ("stored", "slope", "intercept", "expected"),
    [
        (np.array([0, 4095], np.uint16), 1, -1024, np.int16),
        (np.array([0, 65535], np.uint16), 1, -1024, np.int32),
        (np.array([0, 65535], np.uint16), 0.5, 0, np.float32),
        (np.array([0, 9], np.uint8), 1, 0, np.uint8),
        (np.array([0, 9], np.float64), 1, 0, np.float32),
    ],
)
def test_the_smallest_type_that_holds_the_values(stored: np.ndarray, slope: float, intercept: float, expected: type) -> None:
    found = rescaled(stored, slope, intercept)
    assert found.dtype == expected
    np.testing.assert_allclose(found, stored.astype(float) * slope + intercept)


@pytest.mark.parametrize(
    ("stored", "slope", "intercept"),
    [
        (np.array([4_000_000_000 - 1024, 4_000_000_031, 4_000_001_982], np.uint32), 1, -4_000_000_000),
        (np.array([10**12 - 1000, 10**12 + 31], np.int64), 1, -(10**12)),
        (np.array([2**62, 2**62 + 512], np.uint64), 1, -(2**62)),
        (np.array([-1024, 31], np.int32), -1, 70_000),
        (np.array([4_000_000_000 - 2048, 4_000_000_062], np.uint32), 0.5, -2_000_000_000),
        (np.array([20_000_000.5, 20_000_031.25]), 1, -20_000_000),
        (np.array([0.02, 0.0200031]), 1e9, -20_000_000),
    ],
)
def test_what_is_left_of_large_numbers_is_not_lost(stored: np.ndarray, slope: float, intercept: float) -> None:
    expected = [float(Fraction(value) * Fraction(slope) + Fraction(intercept)) for value in stored.tolist()]
    np.testing.assert_allclose(rescaled(stored, slope, intercept), expected, atol=0.01)
