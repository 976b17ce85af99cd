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


def _places() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return x, y and z in body mm of all voxels, float32 (k, j, i)."""
    places = np.tensordot(GRID.body_from_index[:3, :3], np.indices(GRID.shape), 1) + GRID.body_from_index[:3, 3][:, None, None, None]
    x, y, z = places.astype(np.float32)
    return x.T, y.T, z.T


def test_breathing_blurs_along_the_body_most_at_the_diaphragm_and_nothing_at_the_apex(body: CtBody) -> None:
    breathing = dataclasses.replace(body, breathing_mm=10.0)
    x, y, z = _places()
    inside = body.thorax.sacs["right"].level(x, y, z) < -0.3
    blur = {}
    for name, at in (("dome", min(body.thorax.dome_z.values()) - 20), ("apex", body.thorax.apex_z - 25)):
        hu = np.where(z < at, 40.0, -900.0).astype(np.float32)
        after = moved(hu, breathing, GRID)
        assert after.mean() == pytest.approx(hu.mean(), abs=6)
        between = (after > -700) & (after < -160)
        assert not between[np.abs(x) > 150].any()
        blur[name] = int((between & inside).sum(0).max())
    assert blur["dome"] >= 2
    assert blur["apex"] == 0


def test_neither_breath_nor_heartbeat_moves_the_spine(body: CtBody) -> None:
    moving = dataclasses.replace(body, breathing_mm=9.0, beating_mm=6.0)
    x, y, z = _places()
    spine = next(solid for solid in body.thorax.vessels_and_spine if solid.name == "spine")
    hu = np.random.default_rng(1).normal(0, 200, GRID.shape[::-1]).astype(np.float32)
    changed = np.abs(moved(hu, moving, GRID) - hu)
    behind = spine.holds(x, y, z) & (np.abs(x) < 8) & (y > body.thorax.spine_y(z) + 5)
    assert behind.sum() > 200
    assert np.percentile(changed[behind], 95) < 20
    assert changed.max() > 200


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
    hu = np.random.default_rng(0).normal(-500, 200, GRID.shape[::-1]).astype(np.float32)
    before = hu.copy()
    changed = np.abs(moved(hu, beating, GRID) - hu) > 20
    assert np.array_equal(hu, before)
    x, y, z = _places()
    ventricles = next(solid for solid in body.thorax.heart if solid.name == "ventricles").level(x, y, z)
    border = (np.abs(np.sqrt(ventricles + 1) - 1) < 0.05) & (x > 30)
    assert changed[border].mean() > 0.5
    assert changed[ventricles < -0.75].mean() < 0.2
    assert not changed[z > 90 * body.thorax.high].any()
    assert not changed[np.abs(x) > 140].any()
    even = np.full(GRID.shape[::-1], -700.0, np.float32)
    np.testing.assert_allclose(moved(even, beating, GRID), even, atol=1e-2)


def test_a_single_slice_can_move_and_stays_where_it_is(body: CtBody) -> None:
    grid = boxed_geometry(np.array([-160.0, -120, -40]), np.array([160.0, 120, -35]), (4.0, 4.0, 5.0))
    hu = np.random.default_rng(0).normal(-500, 200, grid.shape[::-1]).astype(np.float32)
    np.testing.assert_allclose(moved(hu, dataclasses.replace(body, breathing_mm=8.0), grid), hu, atol=0.1)


@pytest.mark.parametrize("slices", [1.6, 2.0, 2.5, 3.0, 4.7])
def test_a_thick_slice_is_the_mean_of_its_thickness(slices: float) -> None:
    hu = np.zeros((41, 1, 1), np.float32)
    hu[20] = 10.0
    thick = thickened(hu, slices)[:, 0, 0]
    assert thick.sum() == pytest.approx(10.0, rel=1e-5)
    assert thick[20] == pytest.approx(10.0 / slices, rel=1e-5)
    np.testing.assert_allclose(thick, thick[::-1], atol=1e-6)
    assert np.count_nonzero(thick > 1e-6) == 1 + 2 * int(np.ceil((slices - 1) / 2))
