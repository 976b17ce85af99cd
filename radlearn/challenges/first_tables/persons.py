"""Whose the images of a first table are: by PatientID and examination in their headers, or by folders that are called like people."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from radlearn.amounts import begun, counted, part_of, verb_of
from radlearn.challenges.first_tables.person_folders import person_in
from radlearn.challenges.first_tables.rows import FirstTable
from radlearn.challenges.folders import within
from radlearn.challenges.header_persons import STUDY_FIELDS, examinations
from radlearn.challenges.words.nobody import nobodies
from radlearn.challenges.words.person_spellings import spelt
from radlearn.errors import UnreadableScan
from radlearn.pseudonyms import pseudonym

if TYPE_CHECKING:
    from radlearn.scans.dicom import RadiographHeader

LEAST_OF_ALL = 10
"Images of which one PatientID on all of them is one that a program gave to all; fewer may be of one person."
OWN = "each of them counts as a person of its own"


def add_persons(table: FirstTable, folder: Path) -> None:
    """Add a column of persons where all images have a PatientID in their header, or lie in folders that are called like people.

    A PatientID that is a word for nobody makes nobody one person; PatientIDs of one examination are one person.
    """
    paths = list(dict.fromkeys(Path(str(row["path"])) for row in table.rows))
    headers = _headers(paths)
    patients = {path: header.patient_id for path, header in headers.items() if header.patient_id}
    counts = Counter(patients.values())
    constant = len(counts) == 1 and len(patients) == len(paths) >= LEAST_OF_ALL
    nobody = set(counts) if constant else set(nobodies(counts))
    unnamed = [path for path in paths if patients.get(path) in nobody]
    if nobody and len(unnamed) == len(patients):
        said = "is a word for nobody" if not constant or nobodies(counts) else "names nobody, as one does that a program gave to all"
        table.assumed.append(f"PatientID {said} in {_all_of(len(unnamed), len(paths))}, so it is not used.")
        patients = {}
    if paths and len(patients) == len(paths):
        # A name that no PatientID has, and the same whenever the table is made.
        own = {path: f"{patients[path]}\0{within(path, folder)}" for path in unnamed}
        found = spelt(list(patients.values()))
        names = [own.get(path, person) for path, person in zip(paths, found.persons, strict=True)]
        joined, examined = _joined(names, [headers[path] for path in paths])
        people = {path: pseudonym(name) for path, name in zip(paths, joined, strict=True)}
        _write(table, people)
        table.assumed.append(f"person is a pseudonym of PatientID in the headers: {counted(len(set(people.values())), 'people')}.")
        if unnamed:
            who = f"{begun(part_of(len(unnamed), len(paths), 'images'))} {verb_of(len(unnamed), 'have')}"
            table.assumed.append(f"{who} a word for nobody as PatientID (such as {within(unnamed[0], folder)}): {OWN}.")
        if examined:
            count = f"{counted(examined, 'examinations')} ({STUDY_FIELDS} of the headers) {verb_of(examined, 'have')}"
            table.assumed.append(f"{count} several PatientIDs: an examination is of one person, so its images count as one person's.")
        # Pseudonyms do not look alike any more. The sentence that names two of them would give PatientIDs away.
        if alike := sum(len(group) - 1 for group in found.alike):
            differ = f"{counted(alike, 'PatientIDs')} {verb_of(alike, 'differ')} from another only in case, leading zeros or marks"
            table.assumed.append(f"{differ}: are they the same people? Then give them one name in the column person.")
    elif not patients and paths and all((called := {path: person_in(path, folder) for path in paths}).values()):
        _write(table, called)
        table.assumed.append(f"person is the folder that is called like one: {counted(len(set(called.values())), 'people')}.")
    else:
        bare = [path for path in paths if path not in patients]
        words = "Nothing says who the people are. Add"
        if patients:
            amount = f"{part_of(len(bare), len(paths), 'images')} {verb_of(len(bare), 'have')} no PatientID"
            which = f"{within(bare[0], folder)}{', …' * (len(bare) > 1)}"
            words = f"{amount} ({which}), so none is used. Leave such images out, or add"
        table.assumed.append(f"{words} a column person; without it every image counts as a person of its own.")


def _headers(paths: Sequence[Path]) -> dict[Path, "RadiographHeader"]:
    """Return the headers of those that have one and can be read."""
    from radlearn.scans.dicom import read_header
    from radlearn.scans.plain_images import is_plain_image

    headers = {}
    for path in paths:
        try:
            # What has no header need not be decoded for it.
            if not is_plain_image(path):
                headers[path] = read_header(path)
        except UnreadableScan:
            continue
    return headers


def _joined(names: Sequence[str], headers: Sequence["RadiographHeader"]) -> tuple[list[str], int]:
    """Return whose each image is, persons of one examination being one; and how many examinations had several."""
    person_of = {name: name for name in names}
    several = 0
    for same in examinations(headers):
        people = {person_of[names[number]] for number in same}
        several += len(people) > 1
        first = min(people)
        person_of = {name: first if person in people else person for name, person in person_of.items()} if len(people) > 1 else person_of
    return [person_of[name] for name in names], several


def _write(table: FirstTable, people: Mapping[Path, str]) -> None:
    table.columns = (table.columns[0], "person", *table.columns[1:])
    for row in table.rows:
        row["person"] = people[Path(str(row["path"]))]


def _all_of(some: int, every: int) -> str:
    return f"all {every:,} images" if some == every else part_of(some, every, "images", "of")
