"""From a plan to a patient of the day."""

from dataclasses import replace

import numpy as np
import pytest

from radlearn.digital_thorax.illness import draw_patient
from radlearn.digital_thorax.planning import plan_xrays

PLAN = plan_xrays(1, 0)[0]


def _patient(**changes: object):  # type: ignore[no-untyped-def]
    return draw_patient(replace(PLAN, **changes))  # type: ignore[arg-type]


def test_as_many_opacities_as_planned_the_second_on_the_other_side() -> None:
    for count in (1, 2, 3, 4):
        found = [f for f in _patient(category="Lung Opacity", opacities=count, findings=()).findings if f.pneumonia]
        assert len(found) == count
        assert len({f.side for f in found}) == min(count, 2)


@pytest.mark.parametrize("name", ["effusion", "atelectasis", "nodule", "scar", "oedema"])
def test_what_is_not_pneumonia_is_on_the_xray_but_draws_no_box(name: str) -> None:
    found = _patient(category="No Lung Opacity / Not Normal", opacities=0, findings=(name,)).findings
    assert {f.name for f in found} == {name}
    assert not any(f.pneumonia for f in found)


def test_illness_changes_the_posture_where_it_is_no_field() -> None:
    well, large = _patient(findings=(), opacities=0), _patient(findings=("cardiomegaly",), opacities=0)
    assert large.thorax.posture.heart_growth > well.thorax.posture.heart_growth + 0.05
    empty = _patient(findings=("emphysema",), opacities=0)
    assert empty.lung_density < 0.75
    assert empty.thorax.dome_z["right"] < well.thorax.dome_z["right"]
    assert _patient(findings=("low volume",), opacities=0).thorax.posture.breath < 0.35


def test_bedside_breaths_are_smaller() -> None:
    plans = plan_xrays(150, 1)
    breath = {
        view: np.mean([draw_patient(p).thorax.posture.breath for p in plans if p.view == view and not p.findings]) for view in ("AP", "PA")
    }
    assert breath["AP"] < breath["PA"] - 0.1


def _large(patient) -> list[str]:  # type: ignore[no-untyped-def]
    """Return the sides of the effusions that fill more than half of a chest."""
    chest = patient.thorax
    return [f.side for f in patient.findings if f.name == "effusion" and f.high_mm[2] - chest.dome_z[f.side] > 180 * chest.high]


def test_a_large_effusion_never_lies_over_an_opacity() -> None:
    beside = 0
    for number in range(250):
        patient = _patient(person=number, category="Lung Opacity", opacities=1, findings=("effusion",), view="AP")
        ill = {f.side for f in patient.findings if f.pneumonia}
        assert not ill & set(_large(patient))
        beside += len(_large(patient))
    # On the other side it may: else it would prove that there is no opacity.
    assert beside >= 3


def test_other_findings_are_the_same_with_and_without_opacities() -> None:
    for number in range(30):
        ill = _patient(person=number, category="Lung Opacity", opacities=1, findings=("effusion", "nodule"))
        well = _patient(person=number, category="No Lung Opacity / Not Normal", opacities=0, findings=("effusion", "nodule"))
        if _large(well) or _large(ill):
            continue
        boxes = [[(f.name, f.side, f.low_mm, f.high_mm) for f in one.findings if not f.pneumonia] for one in (ill, well)]
        assert boxes[0] == boxes[1]


def test_bodies_vary_and_stay_the_same_on_all_xrays_of_a_person() -> None:
    people = [_patient(person=number, age_years=50).thorax.person for number in range(300)]
    fat = np.array([person.fat_mm for person in people])
    assert 0.08 < np.mean(fat > 2 * np.median(fat)) < 0.3
    assert 3 <= sum(abs(person.scoliosis_mm) > 14 for person in people) <= 30
    assert _patient(person=5, image=0).thorax.person == _patient(person=5, image=3).thorax.person


@pytest.mark.parametrize("age_years", [15, 60])
def test_a_birthday_makes_nobody_another_person(age_years: int) -> None:
    for number in range(40):
        one, two = (_patient(person=number, age_years=age).thorax for age in (age_years, age_years + 1))
        assert one.person.depth_scale == pytest.approx(two.person.depth_scale, rel=0.06)
        assert one.person.width_scale == pytest.approx(two.person.width_scale, rel=0.06)
        assert one.posture.heart_growth == two.posture.heart_growth
        assert one.posture.left_dome_mm == two.posture.left_dome_mm


def test_lungs_and_ribs_stay_inside_the_body() -> None:
    for number in range(200):
        thorax = _patient(person=number, age_years=75, findings=()).thorax
        torso = thorax.skin[0]
        heights = np.linspace(-100, 140, 13) * thorax.high
        back = thorax.cage_y(heights) + thorax.cage_depth(heights)
        middle = np.full(len(heights), 60 * thorax.wide, np.float32)
        assert (torso.level(middle, np.float32(back), np.float32(heights)) < 0).all()
