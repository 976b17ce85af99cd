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


def test_a_large_effusion_never_lies_over_an_opacity() -> None:
    heights = {0: [], 1: []}  # type: ignore[var-annotated]
    for number in range(60):
        for opacities in (0, 1):
            category = "Lung Opacity" if opacities else "No Lung Opacity / Not Normal"
            patient = _patient(person=number, category=category, opacities=opacities, findings=("effusion",), view="AP")
            tops = [f.high_mm[2] - patient.thorax.dome_z[f.side] for f in patient.findings if f.name == "effusion"]
            heights[opacities].append(max(tops) / patient.thorax.high)
    assert max(heights[0]) > 150
    assert sum(height > 170 for height in heights[0]) > sum(height > 170 for height in heights[1])


def test_bodies_vary_and_stay_the_same_on_all_xrays_of_a_person() -> None:
    people = [_patient(person=number, age_years=50).thorax.person for number in range(120)]
    fat = np.array([person.fat_mm for person in people])
    assert 0.08 < np.mean(fat > 2 * np.median(fat)) < 0.3
    assert 1 <= sum(abs(person.scoliosis_mm) > 14 for person in people) <= 15
    assert _patient(person=5, image=0).thorax.person == _patient(person=5, image=3).thorax.person
