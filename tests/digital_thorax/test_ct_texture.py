"""Noise, couch and field of view."""

import numpy as np
import pytest

from radlearn.digital_thorax.ct_grid import LPS_FROM_RAS, CtGeometry, boxed_geometry
from radlearn.digital_thorax.ct_texture import Grain, Kernel, circle, couch_hu, draw_kernel, noise_block, noise_strength


@pytest.mark.parametrize("grain_mm", [0.65, 1.0])
def test_noise_has_the_kernels_strength_and_neighbours_resemble_each_other(grain_mm: float) -> None:
    grain = Grain((256, 256), (0.7, 0.7), Kernel(0.6, 0.0, 20.0, grain_mm))
    slices = np.stack([grain.slice(np.random.default_rng(number)) for number in range(6)])
    assert slices.std() == pytest.approx(20.0, rel=0.06)
    assert abs(slices.mean()) < 1.5
    beside = np.corrcoef(slices[:, :, 1:].ravel(), slices[:, :, :-1].ravel())[0, 1]
    far = np.corrcoef(slices[:, :, 12:].ravel(), slices[:, :, :-12].ravel())[0, 1]
    assert beside > 0.15
    assert abs(far) < 0.1


def test_a_softer_kernel_has_coarser_noise() -> None:
    def likeness(grain_mm: float) -> float:
        noise = Grain((256, 256), (0.7, 0.7), Kernel(0.6, 0.0, 20.0, grain_mm)).slice(np.random.default_rng(0))
        return float(np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1])

    assert likeness(1.0) > likeness(0.65) + 0.1


def test_noise_is_strongest_where_most_photons_are_lost() -> None:
    hu = np.full((100, 200), -1000.0, np.float32)
    hu[20:80, 20:180] = 40.0
    strength = noise_strength(hu, 4.0)
    assert strength[50, 100] > 1.2 * strength[50, 190] > strength[2, 2]


def test_the_couch_lies_below_the_back_and_curves_up_at_its_edges() -> None:
    geometry = boxed_geometry(np.array([-260.0, -150, -20]), np.array([260.0, 220, 20]), (2.0, 2.0, 5.0))
    couch = couch_hu(geometry, 120.0, 0)
    rows = np.arange(couch.shape[0]) * 2.0 - 149
    assert (couch[rows < 80] == -1000).all()
    shell = couch > -500
    middle, edge = np.flatnonzero(shell[:, couch.shape[1] // 2]), np.flatnonzero(shell[:, couch.shape[1] // 2 + 90])
    assert rows[middle[0]] > 120
    assert rows[edge[0]] < rows[middle[0]] - 10


def test_the_circle_touches_all_four_sides_and_no_corner() -> None:
    inside = circle(boxed_geometry(np.zeros(3), np.array([100.0, 100, 10]), (1.0, 1.0, 5.0)))
    assert inside[50].all()
    assert inside[:, 50].all()
    assert not inside[[0, 0, -1, -1], [0, -1, 0, -1]].any()
    assert inside.mean() == pytest.approx(np.pi / 4, abs=0.01)


def test_kernels_are_soft_or_sharp() -> None:
    drawn = [draw_kernel(np.random.default_rng(number)) for number in range(60)]
    soft, sharp = [k for k in drawn if not k.sharpening], [k for k in drawn if k.sharpening]
    assert len(soft) > 15
    assert len(sharp) > 10
    assert np.mean([k.noise_hu for k in soft]) < 0.7 * np.mean([k.noise_hu for k in sharp])


def test_the_block_of_noise_is_even() -> None:
    block = noise_block()
    assert block.mean() == pytest.approx(0, abs=1e-4)
    assert block.std() == pytest.approx(1, rel=1e-3)


def test_the_couch_stays_where_it_is_when_the_gantry_leans() -> None:
    upright = boxed_geometry(np.array([-260.0, -150, -120]), np.array([260.0, 220, 120]), (2.0, 2.0, 5.0))
    angle = np.deg2rad(8.0)
    lean = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    scanner = upright.scanner_from_index.copy()
    scanner[:3, :3] = lean @ scanner[:3, :3]
    geometry = CtGeometry(upright.shape, LPS_FROM_RAS @ scanner, np.eye(4))
    heights = []
    for k in (0, 40):
        row = int(np.argmax(couch_hu(geometry, 60.0, k)[:, 130] > -500))
        heights.append(float((scanner @ [130, row, k, 1])[1]))
    assert heights[0] == pytest.approx(heights[1], abs=2.5)
