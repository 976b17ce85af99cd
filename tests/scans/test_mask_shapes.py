"""The hull of a slice and the surroundings of a mask, against SciPy's slower ways to both."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import Delaunay

from radlearn.scans.mask_shapes import spanned, within_mm


@pytest.mark.parametrize("seed", range(6))
def test_the_hull_of_a_slice_holds_what_the_triangles_between_its_pixels_hold(seed: int) -> None:
    draw = np.random.default_rng(seed)
    solid = np.zeros((40, 30), bool)
    solid[5:33, 4:28] = draw.random((28, 24)) < 0.08
    # Within an edge by rounding: SciPy says where a point lies to 1e-12.
    inside = Delaunay(np.argwhere(solid)).find_simplex(np.argwhere(np.ones_like(solid)), tol=1e-9) >= 0
    np.testing.assert_array_equal(spanned(solid), inside.reshape(solid.shape))


def test_a_hull_ends_at_its_straight_edges() -> None:
    square = np.zeros((16, 16), bool)
    square[3:13, [2, 11]] = square[[3, 12], 2:12] = True
    expected = np.zeros_like(square)
    expected[3:13, 2:12] = True
    np.testing.assert_array_equal(spanned(square), expected)


def test_what_has_no_area_has_no_hull() -> None:
    few, line, across = np.zeros((3, 40, 40), bool)
    few[[3, 20, 30], [2, 30, 5]] = True
    line[7, :30] = True
    across[np.arange(30), np.arange(30)] = True
    for solid in (few, line, line.T, across):
        np.testing.assert_array_equal(spanned(solid), solid)


@pytest.mark.parametrize("spacing", [(2.5, 2.5, 2.5), (2.4999999999999996, 2.5, 5.0), (3.1, 0.9, 8.0), (12.0, 30.0, 4.0)])
@pytest.mark.parametrize("reach_mm", [2.5, 10.0, 12.0])
def test_all_within_some_millimetres_is_what_distances_say(spacing: tuple[float, float, float], reach_mm: float) -> None:
    draw = np.random.default_rng(1)
    for shape, share in (((20, 25, 12), 0.004), ((3, 40, 1), 0.05), ((9, 2, 9), 0.3)):
        mask = draw.random(shape) < share
        mask.flat[draw.integers(mask.size)] = True
        expected = ndimage.distance_transform_edt(~mask, sampling=spacing) <= reach_mm
        np.testing.assert_array_equal(within_mm(mask, reach_mm, spacing), expected)
    assert not within_mm(np.zeros((4, 5, 6), bool), reach_mm, spacing).any()
