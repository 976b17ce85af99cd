"""Who the built-in people of ultrasound are."""

import numpy as np

from radlearn.ultrasound_phantom.anatomy import draw_anatomy

PEOPLE = [draw_anatomy(0, person) for person in range(60)]


def test_a_person_is_a_function_of_seed_and_number() -> None:
    assert draw_anatomy(0, 5) == PEOPLE[5]
    assert draw_anatomy(1, 5) != PEOPLE[5]
    assert len({person.fascia_mm for person in PEOPLE}) == 60


def test_fascicles_lie_within_their_nerve_and_hardly_overlap() -> None:
    for person in PEOPLE:
        bundles = person.nerve.fascicles
        assert len(bundles) >= 2
        assert all(np.hypot(one.x, one.z) + one.radius <= 1 + 1e-9 for one in bundles)
        for number, one in enumerate(bundles):
            assert all(np.hypot(one.x - other.x, one.z - other.z) > 0.9 * (one.radius + other.radius) for other in bundles[:number])


def test_the_nerve_lies_below_the_fascia_and_there_are_all_kinds_of_people() -> None:
    assert all(person.nerve.outline.z_mm > person.fascia_mm for person in PEOPLE)
    assert {person.nerve.kind for person in PEOPLE} == {"plexus", "peripheral"}
    assert {np.isinf(person.curve_mm) for person in PEOPLE} == {True, False}
    assert {person.bone is None for person in PEOPLE} == {person.node is None for person in PEOPLE} == {True, False}
    assert {len(person.vessels) for person in PEOPLE} == {0, 1, 2, 3}
