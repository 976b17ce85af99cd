"""Clouds carry exactly the attenuation of what they stand for."""

import numpy as np
import pytest

from radlearn.digital_thorax.clouds import ball, plate, resampled, together, tube


def test_a_tube_weighs_its_wall_and_its_filling() -> None:
    path = np.stack([np.zeros(201), np.zeros(201), np.linspace(0, 100, 201)], 1)
    cloud = tube(path, (6.0, 6.0), (0, 1, 0), (1.0, 0.03), 0.005)
    # The rings' steps add up to a little more than the path, half a step at each end.
    expected = 100 * (2 * np.pi * 6 * 1.0 * 0.03 + np.pi * 36 * 0.005)
    assert cloud.weight_mm2.sum() == pytest.approx(expected, rel=0.01)
    assert np.hypot(*cloud.places_mm[:2]).max() == pytest.approx(6, abs=0.01)


def test_an_elliptic_tube_stands_along_up() -> None:
    path = np.stack([np.linspace(0, 50, 60), np.zeros(60), np.zeros(60)], 1)
    cloud = tube(path, (8.0, 3.0), (0, 0, 1), (1.0, 0.03), 0.0)
    assert np.abs(cloud.places_mm[2]).max() == pytest.approx(8, abs=0.05)
    assert np.abs(cloud.places_mm[1]).max() == pytest.approx(3, abs=0.05)


def test_a_plate_weighs_its_area() -> None:
    corners = np.array([[0, 0, 0], [30, 0, 0], [30, 0, 40], [0, 0, 40]], float)
    assert plate(corners, 0.05, 0.0).weight_mm2.sum() == pytest.approx(0.05 * 1200, rel=1e-4)


def test_a_ball_weighs_its_shell_and_volume() -> None:
    cloud = ball((1, 2, 3), (10, 10, 10), (0.5, 0.03), 0.004)
    assert cloud.weight_mm2.sum() == pytest.approx(4 * np.pi * 100 * 0.015 + 4 / 3 * np.pi * 1000 * 0.004, rel=1e-3)
    assert cloud.places_mm.mean(1) == pytest.approx([1, 2, 3], abs=0.2)


def test_a_resampled_curve_meets_its_knots_evenly() -> None:
    knots = np.array([[0, 0, 0], [30, 10, 0], [60, 0, 20], [90, 0, 20]], float)
    path, width = resampled(knots, 0.5, np.array([1.0, 2, 3, 4]))
    for knot in knots:
        assert np.linalg.norm(path - knot, axis=1).min() < 0.6
    assert np.linalg.norm(np.diff(path, axis=0), axis=1).max() < 0.8
    assert width[0] == 1
    assert width[-1] == 4


def test_together_adds_up_and_nothing_weighs_nothing() -> None:
    one = ball((0, 0, 0), (5, 5, 5), (0.5, 0.03), 0.0, 100)
    assert together([one, one]).weight_mm2.sum() == pytest.approx(2 * one.weight_mm2.sum(), rel=1e-5)
    assert together([]).weight_mm2.size == 0
