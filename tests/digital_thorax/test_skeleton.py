"""Bones where bones are."""

import numpy as np
import pytest

from radlearn.digital_thorax.anatomy import Thorax
from radlearn.digital_thorax.clouds import resampled
from radlearn.digital_thorax.people import REFERENCE_POSTURE, Posture, draw_person
from radlearn.digital_thorax.skeleton import rib_path, skeleton


@pytest.fixture(scope="module")
def thorax() -> Thorax:
    return Thorax(draw_person(0, 1, "M", 45), REFERENCE_POSTURE)


@pytest.mark.parametrize("number", range(2, 11))
def test_a_rib_descends_and_its_front_part_is_the_steeper(thorax: Thorax, number: int) -> None:
    path = rib_path(thorax, number, 1)
    turn = int(np.argmax(path[:, 0]))
    behind, before = path[: turn + 1], path[turn:]
    assert path[-1, 2] < path[0, 2] - 25
    fall_behind = (behind[0, 2] - behind[-1, 2]) / (behind[-1, 0] - behind[0, 0])
    fall_before = (before[0, 2] - before[-1, 2]) / (before[0, 0] - before[-1, 0])
    assert fall_before > fall_behind > 0
    assert path[0, 1] > path[-1, 1]


def test_ribs_of_both_sides_mirror_each_other_on_a_straight_spine(thorax: Thorax) -> None:
    right, left = rib_path(thorax, 5, -1), rib_path(thorax, 5, 1)
    assert right[3:, 0] == pytest.approx(-left[3:, 0])
    # The spine's own curve moves the heads, and with them where the ribs pass the lungs.
    assert right[2:, 1:] == pytest.approx(left[2:, 1:])


def test_bones_are_finite_heavy_and_inside_the_body(thorax: Thorax) -> None:
    cloud = skeleton(thorax)
    assert np.isfinite(cloud.places_mm).all()
    assert (cloud.weight_mm2 >= 0).all()
    low, high = -230 * thorax.high, 230 * thorax.high
    trunk = np.abs(cloud.places_mm[0]) < 140 * thorax.wide
    trunk &= (cloud.places_mm[2] > low) & (cloud.places_mm[2] < high)
    inside = np.any([solid.holds(*cloud.places_mm[:, trunk]) for solid in thorax.skin], axis=0)
    assert inside.mean() > 0.995


def test_ribs_lie_outside_the_lungs() -> None:
    for number, breath in ((1, 0.9), (2, 0.3)):
        body = Thorax(draw_person(0, number, "M" if number % 2 else "F", 45), Posture(breath, arms_down=False))
        for rib in range(2, 11):
            # The head, between spine and lung, is left where the spine has it.
            path = resampled(rib_path(body, rib, 1)[1:], 2.0)[0].astype(np.float32)
            assert np.mean(body.lung_holds("left", *path[8:].T)) == 0


def test_lifted_arms_are_above_the_shoulders(thorax: Thorax) -> None:
    lifted, hanging = skeleton(thorax, arms_up=True), skeleton(thorax)
    assert lifted.places_mm[2].max() > hanging.places_mm[2].max() + 100
