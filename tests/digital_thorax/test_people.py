"""Bodies drawn from a distribution of people."""

import numpy as np

from radlearn.digital_thorax.people import draw_person


def test_a_person_is_a_pure_function_of_seed_and_number() -> None:
    assert draw_person(3, 4, "F", 50) == draw_person(3, 4, "F", 50)
    assert draw_person(3, 4, "F", 50) != draw_person(3, 5, "F", 50)


def test_children_are_smaller() -> None:
    child, adult = draw_person(0, 9, "M", 5), draw_person(0, 9, "M", 40)
    assert child.height_scale < 0.8 * adult.height_scale


def test_men_are_taller_and_only_women_have_breasts() -> None:
    men, women = ([draw_person(0, number, sex, 40) for number in range(60)] for sex in "MF")
    assert np.mean([man.height_scale for man in men]) > np.mean([woman.height_scale for woman in women]) + 0.04
    assert all(man.breast == 0 for man in men)
    assert all(woman.breast > 0 for woman in women)
