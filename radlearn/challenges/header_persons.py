"""Whose X-rays are by their headers: PatientIDs, and studies, that are on X-rays of several persons of the data.

The other way round, a person with several PatientIDs, is what a table of persons is for. A study is one examination of one person
(DICOM PS3.3 A.1.2), whatever was made of PatientID when files were made anonymous one by one. Nothing is said of 110 X-rays of the Kaggle
pneumonia challenge and of 60 built-in ones.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from radlearn.amounts import begun, counted, part_of, verb_of
from radlearn.challenges.words.nobody import WORDS, nobodies
from radlearn.pseudonyms import is_pseudonym, pseudonym

PERSONS_TABLE = "persons.csv"
"radlearn's own table of who is on which image; it lies in the data folder."
MOST_OF_A_STUDY = 8
"X-rays of one examination. A UID on more of them is one that a program gave to all files."


MOST_YEARS_APART = 30
"Of X-rays of one person; longer follow-up is rare."
SEVERAL_PEOPLE = "they may be several people under one name"
STUDY_FIELDS = "StudyInstanceUID or SeriesInstanceUID"
EXCHANGED = "were files renamed, exchanged or shifted? Their labels are then those of others. Name each file PATIENTID.dcm again."


class Owned(Protocol):
    """An image and whose it is."""

    @property
    def image_id(self) -> str: ...
    @property
    def path(self) -> Path: ...
    @property
    def person(self) -> str: ...


class Described(Owned, Protocol):
    """An image, whose it is, and what is known of them."""

    @property
    def sex(self) -> str | None: ...
    @property
    def age_years(self) -> float | None: ...


DescribedT = TypeVar("DescribedT", bound=Described)


class Headed(Protocol):
    """What a header says of whose an image is, "" where it says nothing; pseudonyms do."""

    @property
    def patient_id(self) -> str: ...
    @property
    def study_uid(self) -> str: ...
    @property
    def series_uid(self) -> str: ...


OwnedT = TypeVar("OwnedT", bound=Owned)


def patients_of_several(cases: Sequence[OwnedT], patient_ids: Sequence[str]) -> list[dict[str, OwnedT]]:
    """Return for each PatientID that is on X-rays of several persons: person → the first of these X-rays.

    Args:
        patient_ids: (cases,) "" where a header has none.
    """
    by_patient: dict[str, dict[str, OwnedT]] = {}
    nobody = _nobodies(patient_ids)
    for case, patient in zip(cases, patient_ids, strict=True):
        if patient and patient not in nobody:
            by_patient.setdefault(patient, {}).setdefault(case.person, case)
    return [people for people in by_patient.values() if len(people) > 1]


def _nobodies(patient_ids: Sequence[str]) -> set[str]:
    """Return the PatientIDs that are words for nobody; of pseudonyms, those of such words as programs write them."""
    counts = Counter(filter(None, patient_ids))
    if not any(count > 1 and is_pseudonym(patient) for patient, count in counts.items()):
        return set(nobodies(counts))
    return {pseudonym(written) for word in WORDS for written in (word, word.upper(), word.title(), word.capitalize(), f"[{word}]")}


def persons_words(cases: Sequence[Owned], patient_ids: Sequence[str]) -> str:
    """Return what to say before training on persons whom the headers know as one; "" where they know none so.

    One PatientID on all X-rays is what is left where they were made anonymous.
    """
    shared = patients_of_several(cases, patient_ids)
    if not shared or (all(patient_ids) and len(set(patient_ids)) == 1):
        return ""
    patient_of = dict(zip(map(id, cases), patient_ids, strict=True))
    patients = {patient_of[id(next(iter(people.values())))] for people in shared}
    amount = sum(patient in patients for patient in patient_ids)
    if all(case.person == case.image_id for people in shared for case in people.values()):
        found = f"{counted(amount, 'images')} count as a person each, though their headers share a PatientID with another's."
    else:
        people = {person for some in shared for person in some}
        one, other = list(shared[0].values())[:2]
        found = (
            f"{counted(len(shared), 'PatientIDs')} of the headers {verb_of(len(shared), 'are')} each on images of several persons "
            f"({counted(amount, 'images')} of {counted(len(people), 'persons')}), such as on {one.path.name} of {one.person} and "
            f"{other.path.name} of {other.person}: these may be trained on and tested on."
        )
    return f"{found} If PatientID tells people apart in these files, say so in {PERSONS_TABLE}, or in your table's column person."


def examinations(headers: Sequence[Headed | None]) -> list[list[int]]:
    """Return the numbers of images that are of one examination by StudyInstanceUID or SeriesInstanceUID, where there are several.

    A UID on many images, or on all, is one that a program gave to every file, and says nothing.
    """
    found: dict[tuple[int, ...], list[int]] = {}
    for uid in ("study_uid", "series_uid"):
        by_uid: dict[str, list[int]] = {}
        for number, header in enumerate(headers):
            if header is not None and (value := getattr(header, uid)):
                by_uid.setdefault(value, []).append(number)
        if len(by_uid) > 1:
            found |= {tuple(same): same for same in by_uid.values() if 1 < len(same) <= MOST_OF_A_STUDY}
    return list(found.values())


def studies_of_several(cases: Sequence[OwnedT], headers: Sequence[Headed | None]) -> list[dict[str, OwnedT]]:
    """Return for each examination that is of several persons: person → the first of its images; not where one PatientID says it too."""
    told: dict[tuple[str, ...], dict[str, OwnedT]] = {}
    for same in examinations(headers):
        people: dict[str, OwnedT] = {}
        for number in same:
            people.setdefault(cases[number].person, cases[number])
        patients = {"" if (header := headers[number]) is None else header.patient_id for number in same}
        if len(people) > 1 and (len(patients) > 1 or patients == {""}):
            told.setdefault(tuple(people), people)
    return list(told.values())


def studies_words(cases: Sequence[Owned], headers: Sequence[Headed | None]) -> str:
    """Return what to say before training on persons who are on X-rays of one examination; "" where there are none."""
    shared = studies_of_several(cases, headers)
    if not shared:
        return ""
    people = {person for some in shared for person in some}
    one, other = list(shared[0].values())[:2]
    return (
        f"{counted(len(shared), 'examinations')} ({STUDY_FIELDS} of the headers) {verb_of(len(shared), 'are')} of several persons "
        f"({counted(len(people), 'persons')}), such as {one.path.name} and {other.path.name}: an examination is of one person, who may be "
        f"trained on and tested on. Give its images one person in {PERSONS_TABLE}, or in your table's column person."
    )


def of_other_rows(cases: Sequence[OwnedT], patient_ids: Sequence[str]) -> list[OwnedT]:
    """Return X-rays of the RSNA challenge's layout whose PatientID is the patientId of another row: their names were exchanged or shifted.

    In the challenge the two are one. A PatientID that is on several X-rays tells people apart and names no file.

    Args:
        patient_ids: (cases,) "" where a header has none; pseudonyms or not.
    """
    names = [one.image_id for one in cases]
    counts = Counter(filter(None, patient_ids))
    hidden = {pseudonym(name): name for name in names} if any(map(is_pseudonym, counts)) else {}
    known = hidden | {name: name for name in names}
    return [
        case
        for case, patient in zip(cases, patient_ids, strict=True)
        if counts[patient] == 1 and known.get(patient, case.image_id) != case.image_id
    ]


def other_rows_words(cases: Sequence[Owned], patient_ids: Sequence[str]) -> str:
    """Return what to say of X-rays under another's name; "" where there are none."""
    others = of_other_rows(cases, patient_ids)
    if not others:
        return ""
    who = f"{begun(part_of(len(others), len(cases), 'X-rays'))} {verb_of(len(others), 'have')}"
    return f"{who} the patientId of another row as PatientID in the header, such as {others[0].path.name}: {EXCHANGED}"


def of_two_people(cases: Sequence[DescribedT]) -> list[tuple[DescribedT, DescribedT]]:
    """Return two images of each person who is a woman on one and a man on the other, or decades older.

    Of 11,508 persons of the Kaggle pneumonia challenge these are 3, whose ages are 32 to 44 years apart; of 189 of ChestX-ray14 none.
    """
    by_person: dict[str, list[DescribedT]] = {}
    for case in cases:
        by_person.setdefault(case.person, []).append(case)
    found = []
    for same in by_person.values():
        woman, man = (next((case for case in same if case.sex == sex), None) for sex in "FM")
        aged = sorted((case for case in same if case.age_years is not None), key=lambda case: case.age_years or 0)
        if woman is not None and man is not None:
            found.append((woman, man))
        elif aged and (aged[-1].age_years or 0) - (aged[0].age_years or 0) > MOST_YEARS_APART:
            found.append((aged[0], aged[-1]))
    return found


def two_people_words(cases: Sequence[Described]) -> str:
    """Return what to say of persons who may be several people; "" where there are none."""
    found = of_two_people(cases)
    if not found:
        return ""
    one, other = found[0]
    who = f"{counted(len(found), 'persons')} {verb_of(len(found), 'are')} of both sexes, or decades older on one X-ray than on another"
    return f"{who}, such as on {one.path.name} and {other.path.name}: {SEVERAL_PEOPLE}."
