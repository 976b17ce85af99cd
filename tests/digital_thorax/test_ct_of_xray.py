"""One patient: the CT, projected along the X-ray's rays, gives the X-ray."""

import dataclasses

import numpy as np
import pytest

from radlearn.digital_thorax.ct import render_ct
from radlearn.digital_thorax.ct_grid import boxed_geometry
from radlearn.digital_thorax.ct_of_xray import body_of_xray, projected, xray_attenuation
from radlearn.digital_thorax.planning import PlannedXray, plan_xrays
from radlearn.digital_thorax.projection import Geometry, turned

RAYS = 128


def _chosen() -> list[PlannedXray]:
    """Return three X-rays that differ: one of each view without pneumonia, one with."""
    plans = plan_xrays(60, 1)
    well = [next(plan for plan in plans if plan.view == view and not plan.opacities) for view in ("PA", "AP")]
    return [*well, next(plan for plan in plans if plan.opacities)]


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_ct_projected_along_the_xrays_rays_is_the_xray(number: int) -> None:
    from scipy.ndimage import gaussian_filter

    plan = _chosen()[number]
    xray, geometry = xray_attenuation(plan, RAYS)
    half = 0.5 * geometry.height_mm
    low = np.array([-330.0, -230.0, geometry.centre_z_mm - half - 40])
    grid = boxed_geometry(low, np.array([330.0, 230.0, geometry.centre_z_mm + half + 40]), (2.0, 2.0, 2.0))
    ct = render_ct(body_of_xray(plan, lying=False), grid, couch=None)
    ours = projected(ct.hu, grid, geometry, step_mm=2.0)
    blur = 4.0 / np.array(geometry.spacing_mm)
    xray, ours = gaussian_filter(xray, blur), gaussian_filter(ours, blur)
    body = xray > 0.8
    off = np.abs(ours[body] - xray[body]) / xray[body]
    # Fissures, rib heads and fat between the organs are on the CT alone: a few rays in a hundred see them.
    assert off.mean() < 0.02
    assert np.mean(off < 0.03) > 0.9
    assert abs(float((ours[body] - xray[body]).sum() / xray[body].sum())) < 0.015


def test_a_block_of_water_is_as_thick_as_it_is() -> None:
    grid = boxed_geometry(np.array([-60.0, -50, -60]), np.array([60.0, 50, 60]), (2.0, 2.0, 2.0))
    geometry = Geometry("PA", 1830.0, -160.0, 60.0, 60.0, 0.0, 0.0, turned(0, 0, 0), size_px=16)
    length = projected(np.zeros(grid.shape, np.int16), grid, geometry, step_mm=1.0) / 0.01955
    assert length[8, 8] == pytest.approx(100.0, rel=0.03)


def test_an_xrays_patient_keeps_the_xrays_breath_and_findings() -> None:
    plan = _chosen()[2]
    standing, lying = body_of_xray(plan, lying=False), body_of_xray(plan)
    assert sum(finding.pneumonia for finding, _ in standing.findings) == plan.opacities
    assert standing.thorax.dome_z == lying.thorax.dome_z
    assert (lying.arms_up, standing.arms_up) == (True, False)
    assert lying.lung_density < standing.lung_density
    assert all(scale > 0 for _, scale in standing.findings)


def test_an_xray_without_pneumonia_has_a_ct_without_mask() -> None:
    plan = dataclasses.replace(_chosen()[0], findings=())
    grid = boxed_geometry(np.array([-200.0, -150, -120]), np.array([200.0, 150, 120]), (5.0, 5.0, 12.0))
    assert not render_ct(body_of_xray(plan), grid).lesion.any()
