"""The cohort as a table: shares, persons, purity."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from radlearn.digital_thorax.planning import CATEGORIES, PlannedFilm, plan_films


@pytest.fixture(scope="module", params=[0, 1, 7])
def films(request: pytest.FixtureRequest) -> list[PlannedFilm]:
    return plan_films(2000, request.param)


def test_classes_and_views_have_the_real_shares(films: list[PlannedFilm]) -> None:
    classes = Counter(film.category for film in films)
    assert classes["Lung Opacity"] / 2000 == pytest.approx(0.2253, abs=0.015)
    assert classes["Normal"] / 2000 == pytest.approx(0.3317, abs=0.03)
    assert sum(film.view == "AP" for film in films) / 2000 == pytest.approx(0.456, abs=0.03)
    assert sum(film.sex == "M" for film in films) / 2000 == pytest.approx(0.568, abs=0.03)


def test_bedside_films_are_sick_more_often_as_in_the_real_set(films: list[PlannedFilm]) -> None:
    for view, share in (("AP", 0.383), ("PA", 0.093)):
        of_view = [film for film in films if film.view == view]
        assert sum(film.opacities > 0 for film in of_view) / len(of_view) == pytest.approx(share, abs=0.03)


def test_without_the_shortcut_both_views_are_equally_sick() -> None:
    films = plan_films(2000, 0, view_shortcut=False)
    rates = [np.mean([film.opacities > 0 for film in films if film.view == view]) for view in ("AP", "PA")]
    assert abs(rates[0] - rates[1]) < 0.04


def test_boxes_and_ages_are_spread_as_in_the_real_set(films: list[PlannedFilm]) -> None:
    counts = Counter(film.opacities for film in films if film.opacities)
    total = sum(counts.values())
    assert counts[1] / total == pytest.approx(0.435, abs=0.05)
    assert counts[2] / total == pytest.approx(0.543, abs=0.05)
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
