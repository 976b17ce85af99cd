"""Persons whom the headers know as one are told before training, and those whom only a table knows are not."""

from collections import defaultdict
from pathlib import Path

import pytest

from radlearn.challenges.header_persons import patients_of_several, persons_words
from radlearn.challenges.xray_case import XrayCase


def cases_of(persons: list[str]) -> list[XrayCase]:
    return [XrayCase(f"i{number}", Path(f"i{number}.dcm"), False, (), None, person) for number, person in enumerate(persons)]


@pytest.mark.parametrize(
    ("persons", "patients"),
    [
        ([f"p{number}" for number in range(30)], [f"SAME{number // 3}" for number in range(30)]),
        (list("aabbccdd"), list("11122234")),
        (list("aabb"), ["1", "2", "2", ""]),
    ],
)
def test_numbers_are_those_of_a_count_by_hand(persons: list[str], patients: list[str]) -> None:
    held: dict[str, set[str]] = defaultdict(set)
    for person, patient in zip(persons, patients, strict=True):
        held[patient].add(person)
    several = {patient for patient, some in held.items() if patient and len(some) > 1}
    images = sum(patient in several for patient in patients)
    people = len(set().union(*(held[patient] for patient in several)))
    said = persons_words(cases_of(persons), patients)
    assert f"{len(several)} PatientID" in said
    assert f"({images} images of {people} persons), such as on i" in said
    assert "say so in persons.csv, or in your table's column person" in said
    assert len(patients_of_several(cases_of(persons), patients)) == len(several)


def test_images_that_nothing_gives_a_person_are_told_as_such() -> None:
    cases = cases_of([f"i{number}" for number in range(6)])
    assert persons_words(cases, list("112233")).startswith("6 images count as a person each, though their headers share a PatientID")


@pytest.mark.parametrize(
    ("persons", "patients"),
    [(list("aabb"), list("1122")), (list("aabb"), list("1234")), (list("abc"), ["", "", ""]), (list("abcd"), ["ANON"] * 4)],
)
def test_nothing_is_said_where_tables_and_headers_agree_or_headers_say_nothing(persons: list[str], patients: list[str]) -> None:
    assert persons_words(cases_of(persons), patients) == ""
