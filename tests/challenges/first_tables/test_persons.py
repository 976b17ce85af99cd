"""Whose the images of a first table are: a word for nobody makes nobody one person, and an examination is of one."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom
import pytest

from radlearn.challenges import rsna
from radlearn.challenges.first_tables.persons import LEAST_OF_ALL
from radlearn.scans.dicom import write_radiograph
from radlearn.workflow.table_command import write_first_table


def persons_in_table(folder: Path, patients: Sequence[str], studies: Sequence[str] | None = None) -> list[str]:
    """The column person of a table of X-rays with these PatientIDs; nothing where it has no such column."""
    for number, patient in enumerate(patients):
        path = folder / ("normal" if number % 2 else "pneumonia") / f"IM{number:03d}.dcm"
        path.parent.mkdir(exist_ok=True)
        write_radiograph(
            path, np.tile(np.arange(40, dtype=np.uint8) * 6, (40, 1)), patient_id="X", view="PA", sex="F", age="050Y", spacing_mm=None
        )
        dataset = pydicom.dcmread(path)
        dataset.PatientID = patient
        dataset.StudyInstanceUID = f"1.2.{number}" if studies is None else studies[number]
        dataset.SeriesInstanceUID = f"{dataset.StudyInstanceUID}.1"
        dataset.save_as(path)
    with open(write_first_table("classification", rsna.CHALLENGE, folder, None), newline="") as opened:
        rows = sorted(csv.DictReader(opened), key=lambda row: Path(row["path"]).name)
    return [row["person"] for row in rows if "person" in row]


@pytest.mark.parametrize("word", ["DEIDENTIFIED", "[removed]", "***", "NO_ID", "00000000", "ANONYMOUS"])
def test_who_has_a_word_for_nobody_counts_alone_and_the_others_as_they_are_called(
    word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    people = persons_in_table(tmp_path, [word, word, word, "P71", "P71", "P93"])
    assert len(set(people[:3])) == 3
    assert people[3] == people[4] != people[5]
    assert len(set(people)) == 5
    said = " ".join(capsys.readouterr().err.split())
    assert "3 of the 6 images have a word for nobody as PatientID (such as normal/IM001.dcm)" in said
    assert "each of them counts as a person of its own" in said


@pytest.mark.parametrize(("word", "amount"), [("ANONYMOUS", 4), ("REDACTED", 2), ("7F3A", LEAST_OF_ALL)])
def test_where_all_have_one_that_names_nobody_it_is_not_used(
    word: str, amount: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert persons_in_table(tmp_path, [word] * amount) == []
    said = " ".join(capsys.readouterr().err.split())
    assert "so it is not used. - Nothing says who the people are. Add a column person" in said
    assert f"PatientID {'names' if amount == LEAST_OF_ALL else 'is a word for'} nobody" in said


def test_patient_ids_of_one_examination_are_one_person(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    people = persons_in_table(tmp_path, list("abcdef"), ["1.1", "1.1", "1.2", "1.2", "1.3", "1.4"])
    assert people[0] == people[1] != people[2] == people[3]
    assert len(set(people)) == 4
    assert "2 examinations (StudyInstanceUID or SeriesInstanceUID of the headers) have several PatientIDs" in " ".join(
        capsys.readouterr().err.split()
    )


def test_one_uid_on_all_files_makes_nobody_one_person(tmp_path: Path) -> None:
    assert len(set(persons_in_table(tmp_path, list("abcdef"), ["1.1"] * 6))) == 6
