"""Geometry: sides, magnification, and attenuation that simply adds."""

import numpy as np
import pytest

from radlearn.digital_thorax.anatomy import Thorax
from radlearn.digital_thorax.clouds import Cloud
from radlearn.digital_thorax.lesions import nodule
from radlearn.digital_thorax.people import REFERENCE_POSTURE, draw_person
from radlearn.digital_thorax.projection import Geometry, Lungs, splat, tissue_attenuation, turned
from radlearn.digital_thorax.solids import crossings, ellipsoid

PA = Geometry("PA", 1830.0, -160.0, 380.0, 420.0, 0.0, 0.0, turned(0, 0, 0))
AP = Geometry("AP", 1100.0, 180.0, 380.0, 420.0, 0.0, 0.0, turned(0, 0, 0))


@pytest.fixture(scope="module")
def thorax() -> Thorax:
    return Thorax(draw_person(0, 1, "M", 45), REFERENCE_POSTURE)


@pytest.mark.parametrize("geometry", [PA, AP])
def test_the_patients_left_is_on_the_xrays_right_and_the_head_on_top(geometry: Geometry) -> None:
    column, row, _ = geometry.project(np.array([[60, -60, 0], [0, 0, 0], [0, 0, 100]], np.float32))
    assert column[0] > 512 > column[1]
    assert row[2] < row[0]


def test_what_is_far_from_the_detector_is_larger() -> None:
    # The heart lies in front: near the detector in PA, near the tube in AP.
    front = np.array([[0], [-80], [0]], np.float32)
    assert AP.project(front)[2][0] > 1.25 > 1.06 > PA.project(front)[2][0] > 1.0


@pytest.mark.parametrize("geometry", [PA, AP])
def test_rays_and_points_agree_on_where_things_lie(geometry: Geometry) -> None:
    turned_geometry = Geometry(**{**geometry.__dict__, "rotation": turned(4, 3, 2)})
    place = (40.0, -30.0, 55.0)
    length = crossings(ellipsoid("bead", place, (8, 8, 8)), turned_geometry.rays(256)).length
    rows, columns = np.mgrid[:256, :256] * 4 + 1.5
    column, row, _ = turned_geometry.project(np.array(place, np.float32)[:, None])
    assert (columns * length).sum() / length.sum() == pytest.approx(column[0], abs=1.0)
    assert (rows * length).sum() / length.sum() == pytest.approx(row[0], abs=1.0)


def test_a_cloud_keeps_its_attenuation_and_grows_with_magnification() -> None:
    cloud = Cloud(np.array([[0.0], [20.0], [0.0]], np.float32), np.array([3.0], np.float32))
    grown = AP.project(cloud.places_mm)[2][0]
    area = AP.spacing_mm[0] * AP.spacing_mm[1]
    assert splat([cloud], AP).sum() * area == pytest.approx(3.0 * grown**2, rel=1e-4)


def test_attenuation_adds_up() -> None:
    draw = np.random.default_rng(0)
    one, two = (Cloud(draw.normal(0, 40, (3, 500)).astype(np.float32), draw.random(500).astype(np.float32)) for _ in range(2))
    assert np.allclose(splat([one, two], PA), splat([one], PA) + splat([two], PA), atol=1e-4)


def test_lungs_are_the_darkest_and_lie_on_both_sides(thorax: Thorax) -> None:
    rays = PA.rays(128)
    lungs = Lungs(thorax, rays)
    body = tissue_attenuation(thorax, rays, lungs, 1.0)
    right, left = lungs.length_mm["right"] > 100, lungs.length_mm["left"] > 100
    assert np.nonzero(right)[1].max() < 64 < np.nonzero(left)[1].max()
    middle = body[50:80, 62:66].mean()
    assert max(body[right].mean(), body[left].mean()) < 0.75 * middle


def test_a_nodules_shadow_is_as_thick_as_the_nodule(thorax: Thorax) -> None:
    finding = nodule(thorax, "right", 16.0, np.random.default_rng(3))
    lungs = Lungs(thorax, PA.rays(256))
    shadow = lungs.shadow(finding, step_mm=1.0)
    assert 22 < shadow.max() < 36
    outside = lungs.length_mm["right"] == 0
    assert shadow[outside].sum() < 0.1 * shadow.sum()
