"""The cohort as a table: shares, persons, purity."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from radlearn.digital_thorax.planning import CATEGORIES, PlannedFilm, expected_labels, plan_films


@pytest.fixture(scope="module", params=[0, 1, 7])
def films(request: pytest.FixtureRequest) -> list[PlannedFilm]:
    return plan_films(2000, request.param)


def test_the_labels_to_be_expected_have_the_real_shares(films: list[PlannedFilm]) -> None:
    labels = expected_labels(films)
    assert labels["all"].sum() == pytest.approx(2000)
    assert labels["all"][1:].sum() / 2000 == pytest.approx(0.2253, abs=0.015)
    assert sum(film.category == "Normal" for film in films) / 2000 == pytest.approx(0.3317, abs=0.03)
    assert labels["AP"].sum() / 2000 == pytest.approx(0.456, abs=0.03)
    assert sum(film.sex == "M" for film in films) / 2000 == pytest.approx(0.568, abs=0.03)
    boxes = labels["all"][1:] / labels["all"][1:].sum()
    assert boxes == pytest.approx([0.435, 0.543, 0.020, 0.002], abs=0.03)


def test_more_is_drawn_than_anyone_will_see(films: list[PlannedFilm]) -> None:
    labels = expected_labels(films)
    assert sum(film.opacities > 0 for film in films) > labels["all"][1:].sum()
    assert sum(film.opacities for film in films) > (labels["all"] * np.arange(5)).sum()


def test_bedside_films_are_sick_more_often_as_in_the_real_set(films: list[PlannedFilm]) -> None:
    labels = expected_labels(films)
    for view, share in (("AP", 0.383), ("PA", 0.093)):
        assert labels[view][1:].sum() / labels[view].sum() == pytest.approx(share, abs=0.03)


def test_without_the_shortcut_both_views_are_equally_sick() -> None:
    labels = expected_labels(plan_films(2000, 0, view_shortcut=False))
    rates = [labels[view][1:].sum() / labels[view].sum() for view in ("AP", "PA")]
    assert rates == pytest.approx([0.2253, 0.2253], abs=0.02)


def test_ages_are_spread_as_in_the_real_set(films: list[PlannedFilm]) -> None:
    assert np.percentile([film.age_years for film in films], [25, 50, 75]) == pytest.approx([34, 49, 59], abs=2.5)


def test_the_default_cohort_is_of_about_500_people_with_one_to_many_films() -> None:
    persons = Counter(film.person for film in plan_films(800, 0))
    assert 440 <= len(persons) <= 560
    assert max(persons.values()) >= 5


def test_a_longer_cohort_begins_with_the_shorter_one() -> None:
    assert plan_films(300, 4)[:57] == plan_films(57, 4)
    assert plan_films(50, 4) != plan_films(50, 5)


def test_a_person_keeps_sex_and_grows_no_younger() -> None:
    films = plan_films(600, 2)
    for one, two in pairwise(films):
        if one.person == two.person:
            assert one.sex == two.sex
            assert one.age_years <= two.age_years


def test_names_are_unique_and_findings_fit_the_class() -> None:
    films = plan_films(600, 3)
    assert len({film.image_id for film in films}) == 600
    for film in films:
        assert film.category in CATEGORIES
        assert (film.opacities > 0) == (film.category == "Lung Opacity")
        assert bool(film.findings) or film.category != "No Lung Opacity / Not Normal"
        assert not film.findings or film.category != "Normal"
