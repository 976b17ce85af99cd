"""Means over stretches of pixels agree with sums by hand."""

import numpy as np

from radlearn.scans.area_means import area_means


def test_a_pixel_that_lies_half_inside_counts_half() -> None:
    found = area_means(np.array([[1.0, 3.0, 5.0, 7.0]]), np.array([0.5, 2.0, 4.0]), 1)
    assert np.allclose(found, [[(0.5 * 1 + 3) / 1.5, 6]])
