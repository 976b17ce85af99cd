"""Persons whom the headers know as one are told before training, and those whom only a table knows are not."""

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from radlearn.challenges.header_persons import (
    MOST_OF_A_STUDY,
    of_other_rows,
    of_two_people,
    other_rows_words,
    patients_of_several,
    persons_words,
    studies_of_several,
    studies_words,
    two_people_words,
)
from radlearn.challenges.xray_case import XrayCase
from radlearn.pseudonyms import pseudonym


class Header(NamedTuple):
    patient_id: str
    study_uid: str
    series_uid: str = ""


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


@pytest.mark.parametrize("written", ["DEIDENTIFIED", "[removed]", "***", "NO_ID", "Anonymous"])
def test_a_word_for_nobody_is_no_patient_in_headers(written: str) -> None:
    assert persons_words(cases_of(list("abcdef")), [written, written, written, "P4", "P5", "P6"]) == ""


@pytest.mark.parametrize("written", ["DEIDENTIFIED", "redacted", "Unknown"])
def test_nor_is_it_one_under_a_pseudonym(written: str) -> None:
    patients = [pseudonym(name) for name in (written, written, "P4", "P4")]
    assert [list(people) for people in patients_of_several(cases_of(list("abcd")), patients)] == [["c", "d"]]


@pytest.mark.parametrize("field", ["study", "series"])
def test_one_examination_under_two_patient_ids_is_told_with_its_persons(field: str) -> None:
    uids = [f"1.2.{number // 2}" for number in range(6)]
    headers = [Header(f"A{number}", uid if field == "study" else f"9.{number}", uid) for number, uid in enumerate(uids)]
    cases = cases_of([f"A{number}" for number in range(6)])
    assert [list(people) for people in studies_of_several(cases, headers)] == [["A0", "A1"], ["A2", "A3"], ["A4", "A5"]]
    said = studies_words(cases, headers)
    assert said.startswith("3 examinations (StudyInstanceUID or SeriesInstanceUID of the headers) are of several persons (6 persons)")
    assert "such as i0.dcm and i1.dcm" in said
    assert "Give its images one person in persons.csv" in said


def test_images_without_patient_id_of_one_examination_are_told_too() -> None:
    assert "1 examination " in studies_words(cases_of(["i0", "i1", "i2"]), [Header("", "1"), Header("", "1"), Header("", "2")])


@pytest.mark.parametrize(
    ("persons", "headers"),
    [
        # One UID on all files, or on more than an examination has, was given to them by a program.
        (list("abcd"), [Header(name, "1.2.3", "1.2.4") for name in "abcd"]),
        ([f"p{one}" for one in range(20)], [Header(f"p{one}", "1" if one <= MOST_OF_A_STUDY else f"2.{one}") for one in range(20)]),
        # As they should be: one person, one PatientID, several studies.
        (list("aabb"), [Header("a", "1"), Header("a", "1"), Header("b", "2"), Header("b", "3")]),
        (list("abcd"), [Header("", "") for _ in "abcd"]),
    ],
)  # fmt: skip
def test_nothing_is_said_of_examinations_that_are_of_one_person_or_of_everybody(persons: list[str], headers: list[Header]) -> None:
    assert studies_words(cases_of(persons), headers) == ""


def test_one_patient_id_on_one_examination_of_two_persons_is_told_once() -> None:
    cases, headers = cases_of(list("abcd")), [Header("X", "1"), Header("X", "1"), Header("Y", "2"), Header("Z", "3")]
    assert persons_words(cases, [one.patient_id for one in headers]) != ""
    assert studies_words(cases, headers) == ""


@pytest.mark.parametrize("hidden", [False, True])
def test_files_under_the_names_of_others_are_those_whose_patient_id_is_another_row(hidden: bool) -> None:
    cases = cases_of(list("abcdef"))
    names = [case.image_id for case in cases]
    exchanged = [names[1], names[0], *names[2:]]
    shifted = names[1:] + names[:1]
    for patients, wrong in ((names, 0), (exchanged, 2), (shifted, 6)):
        written = [pseudonym(name) for name in patients] if hidden else patients
        assert len(of_other_rows(cases, written)) == wrong
        assert (other_rows_words(cases, written) == "") == (wrong == 0)
    assert "2 of the 6 X-rays have the patientId of another row" in other_rows_words(cases, exchanged)


@pytest.mark.parametrize(
    "patients",
    [[f"ANON{number}" for number in range(6)], ["i0", "i0", "i2", "i2", "i4", "i4"], [""] * 6, ["P1", "P1", "P2", "P3", "P3", "P3"]],
)
def test_a_patient_id_that_names_people_and_no_files_is_sound(patients: list[str]) -> None:
    assert of_other_rows(cases_of(list("abcdef")), patients) == []


@pytest.mark.parametrize(
    ("sexes", "ages", "doubted"),
    [
        ("FMFF", [50, 50, 40, 41], ["p"]),
        ("FFMM", [30, 71, 40, 41], ["p"]),
        ("MFFM", [30, 71, 2, 80], ["p", "q"]),
        ("FFMM", [50, 62, 40, None], []),
        ("FFMM", [40, 70, 0, 30], []),
        ("FOM?", [None, None, 1, None], []),
    ],
)
def test_a_person_of_both_sexes_or_of_ages_decades_apart_may_be_several(sexes: str, ages: list[float | None], doubted: list[str]) -> None:
    cases = [
        replace(case, sex=None if sex == "?" else sex, age_years=age)
        for case, sex, age in zip(cases_of(list("ppqq")), sexes, ages, strict=True)
    ]
    assert [one.person for one, _ in of_two_people(cases)] == doubted
    said = two_people_words(cases)
    assert bool(said) == bool(doubted)
    assert said.startswith(f"{len(doubted)} person" if doubted else "")
