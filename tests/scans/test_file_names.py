"""Which files are taken for images by their names."""

from pathlib import Path

import pytest

from radlearn.challenges.folders import stem, volume_stem
from radlearn.challenges.rsna.layout import xrays_in
from radlearn.scans.dicom import find_xrays
from radlearn.scans.file_names import DICOM_SUFFIXES, NIFTI_SUFFIXES


@pytest.mark.parametrize("name", ["a.dcm", "a.DCM", "a.dicom", "a.DICOM", "a.Dicom"])
def test_a_file_that_is_named_as_dicom_is_found_and_has_one_id(tmp_path: Path, name: str) -> None:
    # Without a preamble only its name says what it should be; reading it says what is wrong.
    (tmp_path / name).write_bytes(b"cut short")
    assert find_xrays(tmp_path) == [tmp_path / name]
    assert xrays_in(tmp_path) == [tmp_path / name]
    assert stem(name) == "a"


def test_suffixes_have_one_home() -> None:
    assert all(stem(f"x{suffix}") == "x" for suffix in DICOM_SUFFIXES)
    assert all(volume_stem(f"x{suffix}") == "x" for suffix in NIFTI_SUFFIXES)
