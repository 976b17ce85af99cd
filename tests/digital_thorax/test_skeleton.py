"""Bones where bones are."""

import numpy as np
import pytest

from radlearn.digital_thorax.anatomy import Thorax
from radlearn.digital_thorax.people import REFERENCE_POSTURE, draw_person
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
    assert right[:, 1:] == pytest.approx(left[:, 1:])


def test_bones_are_finite_heavy_and_inside_the_body(thorax: Thorax) -> None:
    cloud = skeleton(thorax)
    assert np.isfinite(cloud.places_mm).all()
    assert (cloud.weight_mm2 >= 0).all()
    low, high = -230 * thorax.high, 230 * thorax.high
    trunk = np.abs(cloud.places_mm[0]) < 140 * thorax.wide
    trunk &= (cloud.places_mm[2] > low) & (cloud.places_mm[2] < high)
    inside = np.any([solid.holds(*cloud.places_mm[:, trunk]) for solid in thorax.skin], axis=0)
    assert inside.mean() > 0.995
