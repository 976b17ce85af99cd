"""The cohort as a table: shares, persons, purity."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from radlearn.digital_thorax.planning import CATEGORIES, PlannedXray, expected_labels, plan_xrays


@pytest.fixture(scope="module", params=[0, 1, 7])
def xrays(request: pytest.FixtureRequest) -> list[PlannedXray]:
    return plan_xrays(2000, request.param)


def test_the_labels_to_be_expected_have_the_real_shares(xrays: list[PlannedXray]) -> None:
    labels = expected_labels(xrays)
    assert labels["all"].sum() == pytest.approx(2000)
    assert labels["all"][1:].sum() / 2000 == pytest.approx(0.2253, abs=0.015)
    assert sum(xray.category == "Normal" for xray in xrays) / 2000 == pytest.approx(0.3317, abs=0.03)
    assert labels["AP"].sum() / 2000 == pytest.approx(0.456, abs=0.03)
    assert sum(xray.sex == "M" for xray in xrays) / 2000 == pytest.approx(0.568, abs=0.03)
    boxes = labels["all"][1:] / labels["all"][1:].sum()
    assert boxes == pytest.approx([0.435, 0.543, 0.020, 0.002], abs=0.03)


def test_more_is_drawn_than_anyone_will_see(xrays: list[PlannedXray]) -> None:
    labels = expected_labels(xrays)
    assert sum(xray.opacities > 0 for xray in xrays) > labels["all"][1:].sum()
    assert sum(xray.opacities for xray in xrays) > (labels["all"] * np.arange(5)).sum()


def test_bedside_xrays_are_sick_more_often_as_in_the_real_set(xrays: list[PlannedXray]) -> None:
    labels = expected_labels(xrays)
    for view, share in (("AP", 0.383), ("PA", 0.093)):
        assert labels[view][1:].sum() / labels[view].sum() == pytest.approx(share, abs=0.03)


def test_without_the_shortcut_both_views_are_equally_sick() -> None:
    labels = expected_labels(plan_xrays(2000, 0, view_shortcut=False))
    rates = [labels[view][1:].sum() / labels[view].sum() for view in ("AP", "PA")]
    assert rates == pytest.approx([0.2253, 0.2253], abs=0.02)


def test_ages_are_spread_as_in_the_real_set(xrays: list[PlannedXray]) -> None:
    assert np.percentile([xray.age_years for xray in xrays], [25, 50, 75]) == pytest.approx([34, 49, 59], abs=2.5)


def test_the_default_cohort_is_of_about_500_people_with_one_to_many_xrays() -> None:
    persons = Counter(xray.person for xray in plan_xrays(800, 0))
    assert 440 <= len(persons) <= 560
    assert max(persons.values()) >= 5


def test_a_longer_cohort_begins_with_the_shorter_one() -> None:
    assert plan_xrays(300, 4)[:57] == plan_xrays(57, 4)
    assert plan_xrays(50, 4) != plan_xrays(50, 5)


def test_a_person_keeps_sex_and_grows_no_younger() -> None:
    xrays = plan_xrays(600, 2)
    for one, two in pairwise(xrays):
        if one.person == two.person:
            assert one.sex == two.sex
            assert one.age_years <= two.age_years


def test_names_are_unique_and_findings_fit_the_class() -> None:
    xrays = plan_xrays(600, 3)
    assert len({xray.image_id for xray in xrays}) == 600
    for xray in xrays:
        assert xray.category in CATEGORIES
        assert (xray.opacities > 0) == (xray.category == "Lung Opacity")
        assert bool(xray.findings) or xray.category != "No Lung Opacity / Not Normal"
        assert not xray.findings or xray.category != "Normal"
