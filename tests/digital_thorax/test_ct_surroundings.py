"""Couch, clothes and cushions: around the body, never in it."""

import dataclasses

import numpy as np
import pytest

from radlearn.digital_thorax.anatomy import Thorax
from radlearn.digital_thorax.ct import render_ct
from radlearn.digital_thorax.ct_body import CtBody, Paint
from radlearn.digital_thorax.ct_grid import LPS_FROM_RAS, CtGeometry, boxed_geometry
from radlearn.digital_thorax.ct_surroundings import USUAL_COUCH, Couch, couch_hu, draw_couch, surroundings
from radlearn.digital_thorax.people import Posture, draw_person
from radlearn.digital_thorax.solids import ellipsoid


def test_the_couch_lies_below_the_back_and_curves_up_at_its_edges() -> None:
    geometry = boxed_geometry(np.array([-260.0, -150, -20]), np.array([260.0, 220, 20]), (2.0, 2.0, 5.0))
    couch = couch_hu(USUAL_COUCH, geometry, 120.0, 0)
    rows = np.arange(couch.shape[0]) * 2.0 - 149
    assert (couch[rows < 80] == -1000).all()
    shell = couch > -500
    middle, edge = np.flatnonzero(shell[:, couch.shape[1] // 2]), np.flatnonzero(shell[:, couch.shape[1] // 2 + 90])
    assert rows[middle[0]] > 120
    assert rows[edge[0]] < rows[middle[0]] - 10


def test_the_couch_stays_where_it_is_when_the_gantry_leans() -> None:
    upright = boxed_geometry(np.array([-260.0, -150, -120]), np.array([260.0, 220, 120]), (2.0, 2.0, 5.0))
    angle = np.deg2rad(8.0)
    lean = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    scanner = upright.scanner_from_index.copy()
    scanner[:3, :3] = lean @ scanner[:3, :3]
    geometry = CtGeometry(upright.shape, LPS_FROM_RAS @ scanner, np.eye(4))
    heights = []
    for k in (0, 40):
        row = int(np.argmax(couch_hu(USUAL_COUCH, geometry, 60.0, k)[:, 130] > -500))
        heights.append(float((scanner @ [130, row, k, 1])[1]))
    assert heights[0] == pytest.approx(heights[1], abs=2.5)


def test_couches_are_hollow_or_flat_and_sometimes_out_of_sight() -> None:
    drawn = [draw_couch(np.random.default_rng(number)) for number in range(200)]
    couches = [couch for couch in drawn if couch is not None]
    assert 0.02 < 1 - len(couches) / len(drawn) < 0.16
    assert 0.1 < np.mean([couch.bend_mm > 1e5 for couch in couches]) < 0.4
    geometry = boxed_geometry(np.array([-260.0, -150, -20]), np.array([260.0, 220, 20]), (2.0, 2.0, 5.0))
    for couch in couches[:20]:
        hu = couch_hu(couch, geometry, 100.0, 0)
        assert hu.min() >= -1000
        assert hu.max() <= max(couch.shell_hu, couch.foam_hu, -930.0) + 1e-3
        rows = np.flatnonzero((hu > -999).any(1)) * 2.0 - 149
        assert rows[0] > 40
        assert (hu > -999).sum() * 4 > 0.5 * 2 * couch.half_width_mm * couch.thick_mm * (0.3 if couch.bend_mm < 1e5 else 1)


def test_a_flat_thin_couch_is_as_thick_as_it_says() -> None:
    geometry = boxed_geometry(np.array([-260.0, -50, -20]), np.array([260.0, 220, 20]), (1.0, 1.0, 5.0))
    couch = Couch(bend_mm=1e6, belly_mm=1e6, thick_mm=30.0, half_width_mm=200.0, mattress_mm=10.0)
    column = couch_hu(couch, geometry, 100.0, 0)[:, 260]
    assert (np.abs(column + 1000) > 1).sum() == pytest.approx(40, abs=2)
    assert (column == -120).sum() == pytest.approx(4.8, abs=2)


def test_clothes_and_cushions_change_no_voxel_of_the_body() -> None:
    thorax = Thorax(draw_person(0, 3, "M", 50), Posture(breath=0.3, arms_down=False))
    plain = CtBody(thorax)
    grid = boxed_geometry(np.array([-240.0, -190, -60]), np.array([240.0, 190, 0]), (4.0, 4.0, 10.0))
    bare = render_ct(plain, grid, couch=None)
    x, y, z = np.tensordot(grid.body_from_index[:3, :3], np.indices(grid.shape), 1) + grid.body_from_index[:3, 3][:, None, None, None]
    torso = next(solid for solid in plain.skin() if solid.name == "torso")
    inside = torso.level(x.astype(np.float32), y.astype(np.float32), z.astype(np.float32)) < -0.12
    outside = torso.level(x.astype(np.float32), y.astype(np.float32), z.astype(np.float32)) > 0.12
    seen = []
    for number in range(25):
        dressed = dataclasses.replace(plain, around=surroundings(thorax, plain.back_mm(), np.random.default_rng(number)))
        if not dressed.around:
            continue
        ct = render_ct(dressed, grid, couch=None)
        assert np.abs(ct.hu[inside].astype(int) - bare.hu[inside]).max() <= 1
        assert np.array_equal(ct.lung, bare.lung)
        seen.append(int(((ct.hu > -990) & (bare.hu <= -990) & outside).sum()))
        if len(seen) == 5:
            break
    assert len(seen) == 5
    assert max(seen) > 200


@pytest.mark.parametrize("spacing_mm", [(2.0, 2.0, 5.0), (0.8, 0.8, 5.0), (2.0, 2.0, 8.0)])
def test_a_blanket_is_as_thick_as_it_was_drawn_also_where_the_chest_slopes(spacing_mm: tuple[float, float, float]) -> None:
    thorax = Thorax(draw_person(0, 3, "M", 50), Posture(breath=0.3, arms_down=False))
    body = CtBody(thorax, around=(Paint(thorax.torso("blanket", -20.0), -900.0),))
    for z in (0.0, 100.0):
        grid = boxed_geometry(np.array([-6.0, -190, z - 12]), np.array([6.0, 0, z + 12]), spacing_mm)
        hu = render_ct(body, grid, couch=None).hu
        column = hu[hu.shape[0] // 2, :, hu.shape[2] // 2]
        skin = int((column > -500).argmax())
        thick_mm = (column[:skin] > -960).sum() * spacing_mm[1]
        assert thick_mm == pytest.approx(20.0, abs=5.0)


def test_the_couch_stays_whole_under_blankets_and_cushions() -> None:
    thorax = Thorax(draw_person(0, 3, "M", 50), Posture(breath=0.3, arms_down=False))
    body = CtBody(thorax)
    grid = boxed_geometry(np.array([-240.0, 60, -60]), np.array([240.0, 240, 0]), (4.0, 4.0, 20.0))
    cushion = Paint(ellipsoid("cushion", (0.0, body.back_mm() + 20.0, -30.0), (150.0, 60.0, 80.0)), -960.0, mottle=8.0)
    covers = (cushion, Paint(thorax.torso("blanket", -28.0), -980.0, mottle=45.0))
    plain, covered = (render_ct(dataclasses.replace(body, around=around), grid).hu for around in ((), covers))
    shell = couch_hu(USUAL_COUCH, grid, body.back_mm(), 0).T > -500
    assert shell.sum() > 50
    assert np.array_equal(plain[shell], covered[shell])
    assert covered.min() >= -1000
