"""Noise, streaks and field of view."""

import numpy as np
import pytest

from radlearn.digital_thorax.ct_grid import boxed_geometry
from radlearn.digital_thorax.ct_texture import Grain, Kernel, circle, draw_kernel, noise_block, noise_strength, streaks


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


def test_streaks_lie_where_beams_cross_most_and_darken() -> None:
    hu = np.full((120, 250), -1000.0, np.float32)
    # A trunk of 34 cm, as wide as over the liver, and shoulders of 42 cm.
    hu[20:100, 40:210] = 40.0
    hu[50:60, 20:230] = 40.0
    added = streaks(hu, 2.0, 8.0, np.random.default_rng(0))
    assert np.abs(added[:45]).max() == np.abs(added[65:]).max() == 0
    assert added[50:60, 40:210].mean() < -4
    rows = added[50:60, 40:210]
    assert np.corrcoef(rows[:, 5:].ravel(), rows[:, :-5].ravel())[0, 1] > 0.5
    assert not streaks(hu, 2.0, 0.0, np.random.default_rng(0)).any()
