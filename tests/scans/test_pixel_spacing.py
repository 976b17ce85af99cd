"""Millimetres in the patient, by arithmetic: from calibrated spacing, through the magnification, or not at all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import uid

from radlearn.scans.dicom import PixelWarning, read_header, read_radiograph
from radlearn.scans.pixel_spacing import pixel_spacing_of
from radlearn.scans.radiograph_writer import write_radiograph

DIGITAL = {"SOPClassUID": uid.DigitalXRayImageStorageForPresentation}


@pytest.fixture
def ramp(ramp: np.ndarray) -> np.ndarray:
    """As many pixels as an X-ray has, (960, 1600)."""
    return np.tile(ramp, (20, 20))


@pytest.mark.parametrize(
    ("said", "mm", "source"),
    [
        ({"PixelSpacing": [0.14, 0.15]}, (0.14, 0.15), "PixelSpacing"),
        ({"PixelSpacing": [0.13, 0.13], "ImagerPixelSpacing": [0.14, 0.14]}, (0.13, 0.13), "PixelSpacing, calibrated"),
        (
            {"PixelSpacing": [0.14, 0.14], "ImagerPixelSpacing": [0.14, 0.14], "PixelSpacingCalibrationType": "FIDUCIAL"},
            (0.14, 0.14),
            "PixelSpacing, calibrated",
        ),
        ({"ImagerPixelSpacing": [0.2, 0.2], "EstimatedRadiographicMagnificationFactor": 1.25}, (0.16, 0.16), "magnification 1.25"),
        (
            {"ImagerPixelSpacing": [0.2, 0.2], "DistanceSourceToDetector": 1800, "DistanceSourceToPatient": 1500},
            (1 / 6, 1 / 6),
            "magnification 1.2",
        ),
        (
            {"PixelSpacing": [0.2, 0.2], "ImagerPixelSpacing": [0.2, 0.2], "EstimatedRadiographicMagnificationFactor": 1.25},
            (0.16, 0.16),
            "ImagerPixelSpacing / magnification 1.25",
        ),
        # At the detector, and nothing says how much smaller the patient is.
        ({"ImagerPixelSpacing": [0.2, 0.2]}, None, ""),
        ({"PixelSpacing": [0.2, 0.2], "ImagerPixelSpacing": [0.2, 0.2]}, None, ""),
        ({"ImagerPixelSpacing": [0.2, 0.2], "EstimatedRadiographicMagnificationFactor": 0}, None, ""),
        ({"ImagerPixelSpacing": [0.2, 0.2], "DistanceSourceToDetector": 1800, "DistanceSourceToPatient": 0}, None, ""),
        # Square by one field and not by the other.
        ({"PixelSpacing": [0.2, 0.2], "PixelAspectRatio": [1, 2]}, None, ""),
        ({"PixelSpacing": [0.2, 0.1], "PixelAspectRatio": [1, 1]}, None, ""),
        ({"PixelSpacing": [0.2, 0.1], "PixelAspectRatio": [2, 1]}, (0.2, 0.1), "PixelSpacing"),
        ({"PixelAspectRatio": [1, 1]}, None, ""),
        ({}, None, ""),
    ],
)
def test_the_spacing_in_the_patient(
    dicom_file: Callable[..., Path], ramp: np.ndarray, said: dict[str, Any], mm: tuple[float, float] | None, source: str
) -> None:
    found = pixel_spacing_of(said)
    assert found.mm == (None if mm is None else pytest.approx(mm))
    assert source in found.source
    assert bool(found.source) == (mm is not None)
    header = read_header(dicom_file(ramp, **DIGITAL, **said))
    assert header.measurable_spacing_mm == found.mm
    assert header.spacing_from == found.source


def test_decimal_commas_are_read() -> None:
    assert pixel_spacing_of({"PixelSpacing": ["0,14", "0,15"]}).mm == (0.14, 0.15)


def test_a_secondary_capture_has_none(dicom_file: Callable[..., Path], ramp: np.ndarray) -> None:
    assert read_header(dicom_file(ramp, PixelSpacing=[0.2, 0.2])).measurable_spacing_mm is None


@pytest.mark.parametrize("said", [{"PixelAspectRatio": [4, 3]}, {"PixelAspectRatio": [1, 2], "PixelSpacing": [0.2, 0.2]}])
def test_pixels_that_are_not_square_are_said(dicom_file: Callable[..., Path], ramp: np.ndarray, said: dict[str, Any]) -> None:
    with pytest.warns(PixelWarning, match="its pixels are not square"):
        read_radiograph(dicom_file(ramp, **said))


def test_a_jpeg_says_the_same_by_the_fast_way(tmp_path: Path, ramp: np.ndarray) -> None:
    path = tmp_path / "a.dcm"
    write_radiograph(path, ramp, patient_id="a", view="PA", sex="", age="", spacing_mm=None)
    dataset = pydicom.dcmread(path)
    dataset.SOPClassUID = uid.ComputedRadiographyImageStorage
    dataset.ImagerPixelSpacing, dataset.EstimatedRadiographicMagnificationFactor = [0.2, 0.2], 1.25
    dataset.BodyPartExamined = "CHEST"
    dataset.save_as(path)
    header = read_header(path)
    assert header.measurable_spacing_mm == pytest.approx((0.16, 0.16))
    assert header.body_part == "CHEST"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        # In metres, in micrometres.
        ({"PixelSpacing": [0.000143, 0.000143]}, "which no image has"),
        ({"PixelSpacing": [143, 143]}, "which no image has"),
        # An image that was made smaller, one digit less, one axis alone.
        ({"PixelSpacing": [0.4, 0.4], "ImagerPixelSpacing": [0.2, 0.2]}, "no magnification makes the one of the other"),
        ({"PixelSpacing": [0.02, 0.02], "ImagerPixelSpacing": [0.2, 0.2]}, "no magnification makes the one of the other"),
        ({"PixelSpacing": [0.2, 0.1], "ImagerPixelSpacing": [0.2, 0.2]}, "no magnification makes the one of the other"),
        (
            {
                "ImagerPixelSpacing": [0.2, 0.2],
                "EstimatedRadiographicMagnificationFactor": 1.5,
                "DistanceSourceToDetector": 1890,
                "DistanceSourceToPatient": 1800,
            },
            "its magnification is 1.5 by its factor, but 1.05 by its distances",
        ),
    ],
)
def test_lengths_that_contradict_each_other_or_all_xrays_give_no_millimetres(
    dicom_file: Callable[..., Path], ramp: np.ndarray, said: dict[str, Any], words: str
) -> None:
    path = dicom_file(ramp, **DIGITAL, **said)
    assert read_header(path).measurable_spacing_mm is None
    with pytest.warns(PixelWarning, match=words):
        read_radiograph(path)


def test_no_magnification_at_all_is_not_believed() -> None:
    said = {"ImagerPixelSpacing": [0.2, 0.2], "EstimatedRadiographicMagnificationFactor": 1}
    # The patient would have no thickness.
    assert pixel_spacing_of(said).mm is None
    assert pixel_spacing_of(said | {"DistanceSourceToDetector": 1800, "DistanceSourceToPatient": 1800}).mm is None
    assert pixel_spacing_of(said | {"DistanceSourceToDetector": 1800, "DistanceSourceToPatient": 1500}).mm == pytest.approx((1 / 6, 1 / 6))


@pytest.mark.parametrize(
    ("size_px", "spacing", "is_possible"),
    [
        # A metre and a half, centimetres for millimetres, a large detector read as larger; one axis alone.
        ((1500, 1500), [0.9, 0.9], False),
        ((2500, 2048), [0.0143, 0.0143], False),
        ((3000, 2500), [0.25, 0.25], False),
        ((400, 3000), [0.14, 0.25], False),
        # The largest detector, a film of few pixels, a newborn, a part that was cut out.
        ((3072, 3072), [0.14, 0.14], True),
        ((64, 64), [7, 7], True),
        ((700, 900), [0.14, 0.14], True),
        ((400, 350), [0.15, 0.15], True),
    ],
)
def test_no_millimetres_are_taken_where_they_make_an_xray_that_cannot_be(
    dicom_file: Callable[..., Path], size_px: tuple[int, int], spacing: list[float], is_possible: bool
) -> None:
    stored = np.add.outer(np.linspace(0, 127, size_px[0]), np.linspace(0, 127, size_px[1])).astype(np.uint8)
    path = dicom_file(stored, **DIGITAL, PixelSpacing=spacing)
    header = read_header(path)
    assert (header.measurable_spacing_mm is not None, header.spacing_from != "") == (is_possible, is_possible)
    # What the header says stays known.
    assert header.spacing_mm == tuple(spacing)
    if is_possible:
        assert read_radiograph(path).notes == ()
        return
    height, width = (round(side * mm) for side, mm in zip(size_px, spacing, strict=True))
    with pytest.warns(PixelWarning, match=rf"it is {width} × {height} mm \(width × height\) by its header, which no chest X-ray is"):
        read_radiograph(path)


@pytest.mark.parametrize(
    ("age", "side_mm", "is_possible"),
    [
        ("054Y", 142, False),
        ("54", 102, False),
        ("016Y", 249, False),
        ("054Y", 260, True),
        ("003Y", 142, True),
        ("018M", 120, True),
        ("", 142, True),
    ],
)
def test_a_grown_person_whose_xray_is_as_small_as_a_childs_has_no_millimetres(age: str, side_mm: float, is_possible: bool) -> None:
    said = {"SOPClassUID": uid.DigitalXRayImageStorageForPresentation, "PatientAge": age, "Rows": 1000, "Columns": 800}
    for fields in (
        {"PixelSpacing": [side_mm / 1000] * 2},
        {"PixelSpacing": [side_mm / 1000] * 2, "PixelSpacingCalibrationType": "GEOMETRY"},
        {"ImagerPixelSpacing": [1.1 * side_mm / 1000] * 2, "EstimatedRadiographicMagnificationFactor": 1.1},
    ):
        found = pixel_spacing_of(said | fields)
        assert (found.mm is not None, "Was it made smaller?" in found.note) == (is_possible, not is_possible)
    # On a secondary capture nothing is measured anyway.
    said["SOPClassUID"] = uid.SecondaryCaptureImageStorage
    assert pixel_spacing_of(said | {"PixelSpacing": [0.1, 0.1]}).note == ""


@pytest.mark.parametrize("keyword", ["PixelSpacing", "ImagerPixelSpacing"])
def test_one_millimetre_each_way_is_what_programs_write_that_know_no_size(
    keyword: str, dicom_file: Callable[..., Path], ramp: np.ndarray
) -> None:
    path = dicom_file(ramp, **DIGITAL, **{keyword: [1, 1]})
    with pytest.warns(UserWarning, match=f"{keyword} is 1 × 1 mm, as programs write that know no size"):
        header = read_radiograph(path).header
    assert (header.measurable_spacing_mm, header.spacing_from) == (None, "")


def test_a_length_beside_one_millimetre_is_taken() -> None:
    magnified = {"ImagerPixelSpacing": [0.2, 0.2], "EstimatedRadiographicMagnificationFactor": 1.25}
    assert pixel_spacing_of({"PixelSpacing": [1, 1], **magnified}).mm == pytest.approx((0.16, 0.16))
    assert pixel_spacing_of({"PixelSpacing": [0.2, 0.2], "ImagerPixelSpacing": [1, 1]}) == ((0.2, 0.2), "PixelSpacing", "")
    # What is near it was measured, and so was what differs along its axes.
    assert pixel_spacing_of({"PixelSpacing": [1.01, 1.01]}).mm == (1.01, 1.01)
    assert pixel_spacing_of({"PixelSpacing": [1, 2]}).mm == (1, 2)


def test_nothing_is_measured_on_a_secondary_capture_so_that_nothing_is_said_of_its_stopgap() -> None:
    assert pixel_spacing_of({"PixelSpacing": [1, 1], "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}) == (None, "", "")
