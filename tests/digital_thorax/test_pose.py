"""Tube, detector and patient: bedside X-rays are framed worse, and no pose tells the diagnosis."""

from dataclasses import replace

import numpy as np
import pytest

from radlearn.digital_thorax.illness import draw_patient
from radlearn.digital_thorax.planning import PlannedXray, plan_xrays
from radlearn.digital_thorax.pose import pose
from radlearn.digital_thorax.projection import Geometry


@pytest.fixture(scope="module")
def poses() -> list[tuple[PlannedXray, Geometry, float]]:
    """X-rays with their geometry and the width of the chest on the detector."""
    found = []
    for plan in plan_xrays(240, 3):
        thorax = draw_patient(plan).thorax
        geometry = pose(plan, thorax)
        magnified = geometry.tube_distance_mm / (geometry.tube_distance_mm - abs(geometry.detector_y_mm))
        found.append((plan, geometry, geometry.width_mm / (2 * float(thorax.cage_x(-60.0 * thorax.high)) * magnified)))
    return found


def test_a_pose_is_a_pure_function_of_its_plan(poses: list[tuple[PlannedXray, Geometry, float]]) -> None:
    plan, geometry, _ = poses[0]
    again = pose(plan, draw_patient(plan).thorax)
    assert np.array_equal(again.rotation, geometry.rotation)
    assert (again.width_mm, again.height_mm, again.centre_x_mm) == (geometry.width_mm, geometry.height_mm, geometry.centre_x_mm)
    other = replace(plan, image=plan.image + 1)
    assert not np.array_equal(pose(other, draw_patient(other).thorax).rotation, geometry.rotation)


def test_bedside_xrays_are_wider_more_turned_and_less_centred(poses: list[tuple[PlannedXray, Geometry, float]]) -> None:
    for figure in (
        lambda geometry, share: share,
        lambda geometry, share: np.degrees(np.arccos((np.trace(geometry.rotation) - 1) / 2)),
        lambda geometry, share: abs(geometry.centre_x_mm) / geometry.width_mm,
    ):
        mean = {view: np.mean([figure(geometry, share) for plan, geometry, share in poses if plan.view == view]) for view in ("AP", "PA")}
        assert mean["AP"] > 1.08 * mean["PA"]


def test_the_chest_is_seen_from_side_to_side(poses: list[tuple[PlannedXray, Geometry, float]]) -> None:
    assert min(share for _, _, share in poses) >= 1.08
    assert max(share for _, _, share in poses) > 1.4
    for plan, geometry, share in poses:
        assert 0.79 < geometry.height_mm / geometry.width_mm < 1.26
        thorax = draw_patient(plan).thorax
        reach = float(thorax.cage_x(-60.0 * thorax.high))
        columns = geometry.project(np.array([[-reach, reach], [0, 0], [-60 * thorax.high] * 2], np.float32))[0]
        # A rotated or tilted chest is a little wider, and a little elsewhere.
        assert columns.min() > -0.06 * geometry.size_px
        assert columns.max() < 1.06 * geometry.size_px
        assert columns.max() - columns.min() == pytest.approx(geometry.size_px / share, rel=0.12)


def test_nobody_stands_in_the_detector() -> None:
    for plan in plan_xrays(300, 4):
        thorax = draw_patient(plan).thorax
        if plan.view == "AP":
            assert pose(plan, thorax).detector_y_mm > thorax.skin[0].high_mm[1]


def test_the_pose_does_not_tell_the_diagnosis(poses: list[tuple[PlannedXray, Geometry, float]]) -> None:
    plan = poses[0][0]
    ill = replace(plan, category="Lung Opacity", opacities=2, findings=())
    well = replace(plan, category="Normal", opacities=0, findings=())
    one, two = (pose(which, draw_patient(which).thorax) for which in (ill, well))
    assert np.array_equal(one.rotation, two.rotation)
    assert (one.width_mm, one.height_mm, one.centre_z_mm) == (two.width_mm, two.height_mm, two.centre_z_mm)
