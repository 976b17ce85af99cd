"""Tissues and the body on the couch."""

import dataclasses

import numpy as np
import pytest

from radlearn.digital_thorax.anatomy import Thorax
from radlearn.digital_thorax.ct_body import (
    FILLED_HU,
    NATIVE,
    Blood,
    CtBody,
    attenuation_from_hu,
    draw_blood,
    hu_from_attenuation,
    organ_layers,
    outer_layers,
    parenchyma_hu,
)
from radlearn.digital_thorax.people import Posture, draw_person


@pytest.fixture(scope="module")
def body() -> CtBody:
    return CtBody(Thorax(draw_person(0, 2, "F", 40), Posture(breath=0.3, arms_down=False)))


def test_hounsfield_and_back() -> None:
    attenuation = np.array([0.0, 0.0038, 0.0182, 0.0205], np.float32)
    hu = hu_from_attenuation(attenuation)
    assert hu[0] == -1000
    assert -90 < hu[2] < -50
    assert 30 < hu[3] < 60
    assert pytest.approx(float(hu[3]), rel=1e-4) == FILLED_HU
    assert attenuation_from_hu(hu) == pytest.approx(attenuation, abs=1e-7)
    assert attenuation_from_hu(np.array([-3025.0])) == 0
    assert -900 < parenchyma_hu(0.58) < -860


def test_lifted_arms_leave_the_sides_and_pass_the_shoulders(body: CtBody) -> None:
    lifted = [solid for solid in body.skin() if solid.name == "arm"]
    assert min(solid.low_mm[2] for solid in lifted) > 20
    assert max(solid.high_mm[2] for solid in lifted) > 250
    resting = CtBody(body.thorax, arms_up=False)
    assert min(solid.low_mm[2] for solid in resting.skin() if solid.name == "arm") < -100


def test_the_back_is_the_bodys_hindmost_skin(body: CtBody) -> None:
    back = body.back_mm()
    torso = next(solid for solid in body.skin() if solid.name == "torso")
    z = np.float32(-60.0)
    assert not torso.holds(np.zeros(1, np.float32), np.array([back + 3], np.float32), np.array([z])).any()
    assert torso.holds(np.zeros(1, np.float32), np.array([back - 25], np.float32), np.array([z])).all()


def test_both_lungs_lie_in_the_box(body: CtBody) -> None:
    low, high = body.lungs_box_mm()
    draw = np.random.default_rng(0)
    points = draw.uniform((-200, -150, -250), (200, 160, 200), (30_000, 3)).astype(np.float32)
    for side in ("right", "left"):
        inside = points[body.thorax.lung_holds(side, *points.T)]
        assert (inside >= low - 1).all()
        assert (inside <= high + 1).all()


def test_the_liver_is_on_the_right_and_the_spleen_on_the_left_behind(body: CtBody) -> None:
    layers = {paint.solid.name: paint for paint in organ_layers(body)}
    assert layers["spleen"].solid.low_mm[0] > 40
    assert layers["spleen"].solid.low_mm[1] + layers["spleen"].solid.high_mm[1] > 60
    assert layers["right dome"].hu > 50
    assert all(paint.hu <= 60 for paint in layers.values())
    gullet, spine = layers["gullet"].solid, layers["spine"].solid
    assert gullet.high_mm[1] < spine.high_mm[1]


def test_fat_lies_outside_muscle(body: CtBody) -> None:
    names = [(paint.solid.name, paint.hu) for paint in outer_layers(body)]
    assert [name for name, _ in names[-3:]] == ["muscle"] * 3
    assert names[-4] == ("torso", -98.0)


def test_contrast_medium_is_in_vessels_and_chambers_and_nowhere_else(body: CtBody) -> None:
    bright = dataclasses.replace(body, blood=Blood(right_hu=400.0, pulmonary_hu=300.0, left_hu=200.0, organs_hu=10.0))
    plain, filled = ([(paint.solid.name, paint.hu) for paint in organ_layers(one)] for one in (body, bright))
    changed = {name: hu for (name, before), (_, hu) in zip(plain, filled, strict=True) if hu != before}
    assert changed["superior vena cava"] == changed["left jugular vein"] == 400
    assert changed["right pulmonary artery"] == changed["pulmonary trunk"] == 300
    assert changed["descending aorta"] == changed["left atrium"] == changed["brachiocephalic trunk"] == 200
    assert changed["ventricles"] == 300
    assert changed["right dome"] == pytest.approx(67)
    assert {"mediastinum", "spine", "gullet", "stomach", "neck"}.isdisjoint(changed)


def test_six_scans_of_ten_are_without_contrast_medium() -> None:
    drawn = [draw_blood(np.random.default_rng(number)) for number in range(300)]
    assert 0.5 < np.mean([blood == NATIVE for blood in drawn]) < 0.7
    assert max(blood.right_hu for blood in drawn) <= 600
    assert min(blood.left_hu for blood in drawn) >= 41
