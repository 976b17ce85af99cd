"""Headers whose slices are of several people, and lengths that are told twice."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import uid

from radlearn.errors import UnreadableScan
from radlearn.scans.dicom_series import read_series
from radlearn.scans.hounsfield import doubts_of
from radlearn.scans.series_header import told_of
from tests.check.phantom import chest_hu

STEP_MM, COUNT = 4.0, 30
HU = chest_hu(0)[:, :, :COUNT].clip(-1024)
SPACING = [0.8 * 512 / HU.shape[0]] * 2

Change = Callable[[int, dict[str, Any]], None]


@pytest.fixture
def series(tmp_path: Path, dicom_file: Callable[..., Path]) -> Callable[[Change], Path]:
    """`series(change)` writes slices 4 mm apart; `change(k, elements)` changes the elements of slice k."""

    def write(change: Change) -> Path:
        for k in range(COUNT):
            elements = {
                "Modality": "CT",
                "SOPClassUID": uid.CTImageStorage,
                "SeriesInstanceUID": "1.2.3",
                "SOPInstanceUID": f"1.2.3.{k + 1}",
                "StudyInstanceUID": "1.2",
                "FrameOfReferenceUID": "1.2.9",
                "PatientID": "DOE-4711",
                "ImagePositionPatient": [0.0, 0.0, STEP_MM * k],
                "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
                "PixelSpacing": SPACING,
                "RescaleSlope": 1,
                "RescaleIntercept": -1024,
            }
            change(k, elements)
            dicom_file(np.ascontiguousarray((HU[:, :, k].T.astype(np.int32) + 1024).astype(np.uint16)), **elements)
        return tmp_path

    return write


@pytest.mark.parametrize(("keyword", "other"), [("PatientID", "ROE-0815"), ("StudyInstanceUID", "1.4"), ("FrameOfReferenceUID", "1.4.9")])
def test_slices_of_two_people_or_examinations_are_refused_and_nobody_is_named(
    series: Callable[[Change], Path], keyword: str, other: str
) -> None:
    folder = series(lambda k, elements: elements.update({keyword: other} if k > 17 else {}))
    with pytest.raises(UnreadableScan, match=f"its slices are of several .*: {keyword} has 2 different values") as caught:
        read_series(folder)
    assert "4711" not in str(caught.value)
    assert "0815" not in str(caught.value)


def test_an_identity_that_is_missing_in_some_slices_is_said_only(series: Callable[[Change], Path]) -> None:
    volume = read_series(series(lambda k, elements: elements.update({"PatientID": ""} if k > 17 else {})))
    assert len(volume.notes) == 1
    assert volume.notes[0].startswith("PatientID is missing in 12 of its 30 slices")


def test_uids_of_their_own_in_every_slice_say_nothing(series: Callable[[Change], Path]) -> None:
    volume = read_series(series(lambda k, elements: elements.update(StudyInstanceUID=f"1.2.{k}", FrameOfReferenceUID=f"1.9.{k}")))
    assert (volume.notes, volume.doubts) == ((), ())


@pytest.mark.parametrize(("keyword", "one", "other"), [("PatientSex", "F", "M"), ("PatientBirthDate", "19500101", "19660101")])
def test_what_else_differs_between_people_is_said(series: Callable[[Change], Path], keyword: str, one: str, other: str) -> None:
    (note,) = read_series(series(lambda k, elements: elements.update({keyword: one if k < 20 else other}))).notes
    assert note.startswith(f"{keyword} is another in 10 of its 30 slices")
    assert other not in note


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        (lambda k: {"SliceLocation": 8.0 * k}, "4 mm apart by ImagePositionPatient, but 8 mm by SliceLocation"),
        (lambda k: {"SliceLocation": -0.5 * k}, "but 0.5 mm by SliceLocation"),
        (lambda k: {"SpacingBetweenSlices": 0.4}, "but 0.4 mm by SpacingBetweenSlices"),
        (lambda k: {"SpacingBetweenSlices": 8, "SliceLocation": 8 * k}, "8 mm by SliceLocation and 8 mm by SpacingBetweenSlices"),
        (lambda k: {"ReconstructionDiameter": 2.6 * 0.8 * 512}, "by ReconstructionDiameter"),
        (lambda k: {"ReconstructionDiameter": 0.8 * 51.2}, "by ReconstructionDiameter"),
        # Slices that overlap or leave gaps, slices left out, rounded and falling locations, a crop.
        (lambda k: {"SliceThickness": 8.0}, ""),
        (lambda k: {"SliceThickness": 1.0, "SpacingBetweenSlices": 4.0}, ""),
        (lambda k: {"SliceThickness": 2.0, "SpacingBetweenSlices": 2.0, "SliceLocation": 4.0 * k}, ""),
        (lambda k: {"SliceLocation": 900.0 - 4.04 * k}, ""),
        (lambda k: {"SliceLocation": 0.0}, ""),
        (lambda k: {"SliceLocation": round(4.0 * k + 0.4) + k % 2}, ""),
        (lambda k: {"SpacingBetweenSlices": -4.0}, ""),
        (lambda k: {"ReconstructionDiameter": 0.8 * 512}, ""),
        (lambda k: {"ReconstructionDiameter": 0.8 * 512 * 1.1}, ""),
        (lambda k: {"ReconstructionDiameter": SPACING[0] * 512}, ""),
    ],
)
def test_lengths_that_contradict_the_positions_are_said(
    series: Callable[[Change], Path], elements: Callable[[int], dict[str, Any]], words: str
) -> None:
    volume = read_series(series(lambda k, own: own.update(elements(k))))
    assert [doubt.rule for doubt in volume.doubts] == ["ct-size"] * bool(words)
    assert all(words in doubt.found and "unknown" in doubt.found and not doubt.sure for doubt in volume.doubts)
    assert all(doubt in doubts_of(volume) for doubt in volume.doubts)


def test_the_header_of_a_real_scan_agrees_with_itself(shared_data: Path) -> None:
    volume = read_series(shared_data / "ct_dicom_real_sample")
    assert (volume.notes, volume.doubts) == ((), ())


@pytest.mark.parametrize(("written", "length"), [("12.5", 12.5), (None, np.nan), (["1", "2"], np.nan), ("", np.nan)])
def test_a_length_that_is_no_one_number_contradicts_nothing(written: Any, length: float) -> None:
    header = pydicom.Dataset()
    header.ReconstructionDiameter = written
    np.testing.assert_equal(told_of(header).lengths["ReconstructionDiameter"], length)


@pytest.mark.parametrize(
    ("part", "named"),
    [("HEAD", "HEAD"), ("Skull", "SKULL"), ("KNEE", "KNEE"), ("CHEST", ""), ("TÓRAX", ""), ("ABDOMEN", ""), ("HEADCHEST", ""), ("", "")],
)
def test_a_ct_of_another_part_of_the_body_is_said(series: Callable[[Change], Path], part: str, named: str) -> None:
    character_set = {"SpecificCharacterSet": "ISO_IR 100"} if not part.isascii() else {}
    notes = read_series(series(lambda k, elements: elements.update({"BodyPartExamined": part, **character_set}))).notes
    assert notes == ((f"BodyPartExamined names {named}: is it a CT of the chest?",) if named else ())


@pytest.mark.parametrize(
    ("keyword", "other"), [("RescaleIntercept", 0), ("RescaleSlope", 0.5), ("RescaleIntercept", -524), ("RescaleIntercept", -1624)]
)
def test_slices_that_are_rescaled_differently_are_named_as_the_cause(series: Callable[[Change], Path], keyword: str, other: float) -> None:
    volume = read_series(series(lambda k, elements: elements.update({keyword: other} if k % 2 else {})))
    doubts = doubts_of(volume)
    said = [text for doubt in doubts for text in (doubt.found, doubt.advice) if f"in 15 of its {COUNT} slices" in text]
    assert len(said) == 1
    assert f"{keyword} is " in said[0]
    assert f"{other:g} in " in said[0]
    assert "ct-order" not in [doubt.rule for doubt in doubts]


def test_slices_that_a_scanner_rescales_one_by_one_and_rightly_are_not_named(series: Callable[[Change], Path]) -> None:
    folder = series(lambda k, elements: elements.update(RescaleSlope=1 + 1e-4 * k))
    assert [doubt.found for doubt in doubts_of(read_series(folder)) if "Rescale" in doubt.found] == []
