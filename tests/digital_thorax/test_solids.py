"""Rays and solids against geometry worked out by hand."""

import numpy as np
import pytest

from radlearn.digital_thorax.solids import Profile, Rays, Stretch, _sort_few, capsule, column, crossings, ellipsoid, union_length


def _parallel_rays(size: int = 41, reach_mm: float = 60.0) -> Rays:
    across = np.linspace(-reach_mm, reach_mm, size, dtype=np.float32)
    start = np.zeros((3, size, size), np.float32)
    start[0], start[2] = across[None], across[::-1, None]
    direction = np.zeros_like(start)
    direction[1] = 1.0
    return Rays(start, direction)


def test_a_ball_is_crossed_where_pythagoras_says() -> None:
    rays = _parallel_rays()
    crossed = crossings(ellipsoid("ball", (5, 10, -3), (30, 30, 30)), rays)
    from_axis = (rays.start[0] - 5) ** 2 + (rays.start[2] + 3) ** 2
    half = np.sqrt(np.maximum(900 - from_axis, 0))
    assert crossed.length == pytest.approx(2 * half, abs=0.02)
    met = half > 1
    assert crossed.near[met] == pytest.approx(10 - half[met], abs=0.02)


def test_a_turned_ellipsoid_keeps_its_volume() -> None:
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    rays = _parallel_rays(161)
    cell = (120 / 160) ** 2
    volume = crossings(ellipsoid("egg", (0, 0, 0), (20, 30, 40), turn), rays).length.sum() * cell
    assert volume == pytest.approx(4 / 3 * np.pi * 20 * 30 * 40, rel=0.005)


def test_a_rod_along_the_rays_plane_has_its_diameter() -> None:
    crossed = crossings(capsule("rod", (0, 0, -40), (0, 0, 40), (10, 10)), _parallel_rays())
    assert crossed.length[20, 20] == pytest.approx(20, abs=0.05)
    assert crossed.length[20, -1] == 0


def test_a_column_ends_at_its_span() -> None:
    def level(value: float) -> Profile:
        return Profile([-100, 100], [value, value])

    crossed = crossings(column("post", level(0), level(0), level(20), level(15), (-30, 20)), _parallel_rays())
    assert crossed.length[20, 20] == pytest.approx(30, abs=0.05)
    assert crossed.length[2, 20] == 0


def test_the_same_level_answers_rays_and_points() -> None:
    solid = ellipsoid("egg", (4, -6, 8), (25, 15, 35))
    rays = _parallel_rays(21)
    crossed = crossings(solid, rays)
    depth = np.linspace(-60, 60, 241, dtype=np.float32)[:, None, None]
    counted = solid.holds(*rays.at(depth)).sum(0) * 0.5
    assert np.abs(counted - crossed.length).max() < 1.0


def test_union_counts_overlap_once_and_gaps_never() -> None:
    def stretch(near: float, far: float) -> Stretch:
        return Stretch(np.array([near], np.float32), np.array([far], np.float32))

    assert union_length([stretch(0, 10), stretch(5, 12), stretch(20, 21)])[0] == pytest.approx(13)
    assert union_length([stretch(0, 10), stretch(2, 3)])[0] == pytest.approx(10)
    assert union_length([stretch(0, 10), stretch(20, 30)], within=stretch(8, 25))[0] == pytest.approx(7)


def test_a_profile_passes_through_its_knots_and_keeps_its_ends() -> None:
    profile = Profile([10, -10, 0], [3, 1, 2])
    assert profile(np.array([-10, 0, 10])) == pytest.approx([1, 2, 3], abs=0.05)
    assert profile(np.array([-99, 99])) == pytest.approx([1, 3], abs=0.05)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13, 16])
def test_a_few_values_are_sorted_as_numpy_sorts_them(count: int) -> None:
    values = np.random.default_rng(count).integers(0, 9, (count, 7, 11)).astype(np.float32)
    expected = np.sort(values, axis=0)
    _sort_few(values)
    assert np.array_equal(values, expected)
