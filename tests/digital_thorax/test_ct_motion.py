"""Motion and thick slices: means of positions, with nothing lost."""

import dataclasses

import numpy as np
import pytest

from radlearn.digital_thorax.anatomy import Thorax
from radlearn.digital_thorax.ct_body import CtBody
from radlearn.digital_thorax.ct_grid import CtGeometry, boxed_geometry
from radlearn.digital_thorax.ct_motion import moved, thickened
from radlearn.digital_thorax.people import Posture, draw_person

GRID = boxed_geometry(np.array([-160.0, -120, -160]), np.array([160.0, 120, 200]), (4.0, 4.0, 5.0))


@pytest.fixture(scope="module")
def body() -> CtBody:
    return CtBody(Thorax(draw_person(0, 4, "F", 60), Posture(breath=0.3, arms_down=False)))


def test_a_still_body_is_left_as_it_is(body: CtBody) -> None:
    hu = np.random.default_rng(0).normal(-500, 200, GRID.shape[::-1]).astype(np.float32)
    assert moved(hu, body, GRID) is hu
    assert thickened(hu, 1.0) is hu
    assert thickened(hu, 0.0) is hu


def test_breathing_blurs_along_the_body_most_at_the_diaphragm_and_nothing_at_the_apex(body: CtBody) -> None:
    breathing = dataclasses.replace(body, breathing_mm=10.0)
    heights = GRID.body_from_index[2, 2] * np.arange(GRID.shape[2]) + GRID.body_from_index[2, 3]
    blur = {}
    for name, at in (("dome", min(body.thorax.dome_z.values()) - 20), ("apex", body.thorax.apex_z + 10)):
        hu = np.full(GRID.shape[::-1], -900.0, np.float32)
        hu[heights < at] = 40.0
        after = moved(hu, breathing, GRID)
        assert after.mean() == pytest.approx(hu.mean(), abs=6)
        blur[name] = int(((after[:, 30, 40] > -890) & (after[:, 30, 40] < 30)).sum())
    assert blur["dome"] >= 2
    assert blur["apex"] == 0


def test_breathing_is_the_same_on_slices_that_run_downwards(body: CtBody) -> None:
    breathing = dataclasses.replace(body, breathing_mm=8.0)
    hu = np.random.default_rng(0).normal(-500, 200, GRID.shape[::-1]).astype(np.float32)
    scanner = GRID.scanner_from_index.copy()
    scanner[:3, 3] += scanner[:3, 2] * (GRID.shape[2] - 1)
    scanner[:3, 2] *= -1
    flipped = CtGeometry(GRID.shape, np.diag([-1.0, -1, 1, 1]) @ scanner, np.eye(4))
    np.testing.assert_allclose(moved(hu[::-1].copy(), breathing, flipped)[::-1], moved(hu, breathing, GRID), atol=0.1)


def test_beating_blurs_the_border_of_the_heart_alone(body: CtBody) -> None:
    beating = dataclasses.replace(body, beating_mm=6.0)
    draw = np.random.default_rng(0)
    hu = draw.normal(-500, 200, GRID.shape[::-1]).astype(np.float32)
    changed = np.abs(moved(hu, beating, GRID) - hu) > 20
    places = np.tensordot(GRID.body_from_index[:3, :3], np.indices(GRID.shape), 1) + GRID.body_from_index[:3, 3][:, None, None, None]
    x, y, z = places.transpose(0, 3, 2, 1)
    assert changed.any()
    assert not changed[z > 90 * body.thorax.high].any()
    near = (np.abs(x - 15) < 75) & (np.abs(y + 20) < 75)
    assert changed[near].mean() > 4 * changed[~near].mean()
    even = np.full(GRID.shape[::-1], -700.0, np.float32)
    np.testing.assert_allclose(moved(even, beating, GRID), even, atol=1e-2)


@pytest.mark.parametrize("slices", [1.6, 2.0, 2.5, 3.0, 4.7])
def test_a_thick_slice_is_the_mean_of_its_thickness(slices: float) -> None:
    hu = np.zeros((41, 1, 1), np.float32)
    hu[20] = 10.0
    thick = thickened(hu, slices)[:, 0, 0]
    assert thick.sum() == pytest.approx(10.0, rel=1e-5)
    assert thick[20] == pytest.approx(10.0 / slices, rel=1e-5)
    np.testing.assert_allclose(thick, thick[::-1], atol=1e-6)
    assert np.count_nonzero(thick > 1e-6) == 1 + 2 * int(np.ceil((slices - 1) / 2))
