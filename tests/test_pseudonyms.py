"""Pseudonyms: the same for the same, another with another key, and no way back without it."""

from pathlib import Path

import pydicom
import pytest
from monai.data import PydicomReader
from pydicom.data import get_testdata_file

from radlearn import pseudonyms
from radlearn.pseudonyms import KEY_FILE, pseudonym, without_identifiers
from tests.planted import NAMES, SECRETS, plant


@pytest.fixture(autouse=True)
def another_process() -> None:
    pseudonyms._key.cache_clear()


def test_one_identifier_has_one_pseudonym_and_another_key_makes_others(own_cache_folder: Path) -> None:
    first = pseudonym("12345")
    pseudonyms._key.cache_clear()
    assert pseudonym("12345") == first != pseudonym("12346")
    assert len((own_cache_folder / KEY_FILE).read_bytes()) == 32
    assert (own_cache_folder / KEY_FILE).stat().st_mode & 0o077 == 0
    (own_cache_folder / KEY_FILE).unlink()
    pseudonyms._key.cache_clear()
    assert pseudonym("12345") != first
    assert pseudonym("") == ""
    assert [path.name for path in own_cache_folder.iterdir()] == [KEY_FILE]


def test_a_key_that_was_cut_short_is_made_anew(own_cache_folder: Path) -> None:
    (own_cache_folder / KEY_FILE).write_bytes(b"")
    assert pseudonym("1")
    assert len((own_cache_folder / KEY_FILE).read_bytes()) == 32


def test_what_names_a_patient_is_gone_and_what_describes_one_stays() -> None:
    said = {
        "patient_id": "Doe-1970", "sop_uid": "1.2.3", "series_uid": "", "sex": "F", "age_years": 40.0,
        "00100010": {"vr": "PN", "Value": ["Doe^Jane"]}, "00100030": {"Value": ["19700101"]}, "00101040": {"Value": ["Main Street 1"]},
        "0020000D": {"Value": ["1.2"]}, "00100040": {"vr": "CS", "Value": ["F"]}, "00280010": {"Value": [512]}, "notes": "none",
    }  # fmt: skip
    kept = without_identifiers(said)
    assert kept.keys() == {"patient_id", "sop_uid", "series_uid", "sex", "age_years", "00100040", "00280010", "notes"}
    assert kept["patient_id"] == pseudonym("Doe-1970")
    assert (kept["series_uid"], kept["age_years"], kept["notes"]) == ("", 40.0, "none")
    assert said["patient_id"] == "Doe-1970"
    assert not any(secret in repr(kept) for secret in ("Doe", "1970", "1.2", "Main"))


def test_of_all_that_monais_reader_can_say_nothing_that_names_a_patient_is_kept(tmp_path: Path) -> None:
    said = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    plant(said, "7", 0)
    for keyword, value in NAMES.items():
        setattr(said, keyword, value)
    said.save_as(tmp_path / "a.dcm")
    reader = PydicomReader(prune_metadata=False)
    _, everything = reader.get_data(reader.read(tmp_path / "a.dcm"))
    assert sum(secret in repr(everything) for secret in SECRETS) > 50
    kept = without_identifiers(everything)
    assert [secret for secret in SECRETS if secret in repr(kept)] == []
    for tag in ("00080060", "00180060", "00200032", "00200037", "00280010", "00280030", "00281052", "00100040"):
        assert kept[tag] == everything[tag]
