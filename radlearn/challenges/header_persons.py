"""Whose X-rays are by their headers: PatientIDs that are on X-rays of several persons of the data.

The other way round, a person with several PatientIDs, is what a table of persons is for. Nothing is said of 110 X-rays of the Kaggle
pneumonia challenge and of 60 built-in ones.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from radlearn.amounts import counted, verb_of

PERSONS_TABLE = "persons.csv"
"radlearn's own table of who is on which image; it lies in the data folder."


class Owned(Protocol):
    """An image and whose it is."""

    @property
    def image_id(self) -> str: ...
    @property
    def path(self) -> Path: ...
    @property
    def person(self) -> str: ...


OwnedT = TypeVar("OwnedT", bound=Owned)


def patients_of_several(cases: Sequence[OwnedT], patient_ids: Sequence[str]) -> list[dict[str, OwnedT]]:
    """Return for each PatientID that is on X-rays of several persons: person → the first of these X-rays.

    Args:
        patient_ids: (cases,) "" where a header has none.
    """
    by_patient: dict[str, dict[str, OwnedT]] = {}
    for case, patient in zip(cases, patient_ids, strict=True):
        if patient:
            by_patient.setdefault(patient, {}).setdefault(case.person, case)
    return [people for people in by_patient.values() if len(people) > 1]


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
