"""Stored numbers to values."""

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
