"""Images that are no chest X-ray: refused where that is sure, said where it may be."""

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from radlearn.errors import UnreadableScan
from radlearn.scans.cache import cached_xrays
from radlearn.scans.chest_xray import ChestWarning, header_doubts, refuse_no_chest_xray
from radlearn.scans.dicom import find_xrays, read_header, read_radiograph
from radlearn.scans.plain_jpeg import plain_jpeg
from radlearn.scans.radiograph_writer import write_radiograph
from radlearn.tasks.xray.radiographs import read_unlabelled

DicomFile = Callable[..., Path]
PATCHES = np.kron(np.random.default_rng(0).integers(0, 256, (32, 32)), np.ones((8, 8))).astype(np.uint8)


def coded(value: str, meaning: str) -> list[pydicom.Dataset]:
    """A sequence of one code."""
    item = pydicom.Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return [item]


@pytest.mark.parametrize(
    ("pixels", "said", "words"),
    [
        (None, {"Modality": "CT"}, "Modality is CT; expected a chest X-ray"),
        (None, {"Modality": "MR"}, "Modality is MR"),
        (None, {"Modality": "US"}, "Modality is US"),
        (None, {"Modality": "MG"}, "Modality is MG"),
        (np.full((400, 400), 77, np.uint8), {}, "shows nothing: every pixel is about 30% white"),
        (np.full((400, 300), 77, np.uint8), {}, "shows nothing: every pixel is (black or )?about 30% white"),
        (np.full((400, 400), 5, np.uint8), {"PixelPaddingValue": 5}, "shows nothing: every pixel is black"),
        (
            np.where(np.indices((400, 400))[1] < 200, 0, 255).astype(np.uint8),
            {},
            "shows nothing: every pixel is black or about 100% white",
        ),
        (
            np.where((np.indices((384, 384)) // 96).sum(axis=0) % 2, 0, 90).astype(np.uint8),
            {},
            "shows nothing: every pixel is black or about 35% white",
        ),
        (np.pad(np.uint8([[255]]), 200), {}, "shows nothing: every pixel is black or about"),
        (np.uint8([[7]]), {}, "has 1 × 1 px"),
        (np.arange(30 * 400, dtype=np.uint16).reshape(30, 400), {}, "has 400 × 30 px"),
    ],
)
def test_what_is_surely_none_is_refused_by_prediction_and_cache(
    dicom_file: DicomFile, ramp: np.ndarray, pixels: np.ndarray | None, said: dict[str, Any], words: str
) -> None:
    path = dicom_file(ramp if pixels is None else pixels, **said)
    with pytest.raises(UnreadableScan, match=words):
        refuse_no_chest_xray(path, read_radiograph(path))
    for shape in ("stretch", "pad"):
        with pytest.raises(UnreadableScan, match=words):
            read_unlabelled(path, 64, shape)
    with pytest.raises(UnreadableScan, match=words):
        cached_xrays([path], 64, workers=1, chest=True)


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ({"BodyPartExamined": "HAND"}, "image-not-chest"),
        ({"BodyPartExamined": "ABDOMEN"}, "image-not-chest"),
        ({"ViewPosition": "LL"}, "image-lateral"),
        ({"Modality": "ZZ"}, "image-not-xray"),
    ],
)
def test_what_may_be_none_is_a_note(dicom_file: DicomFile, said: dict[str, Any], rule: str) -> None:
    path = dicom_file(PATCHES, **said)
    assert [found for found, _ in header_doubts(read_header(path))] == [rule]
    with pytest.warns(ChestWarning, match=path.name):
        (note,) = refuse_no_chest_xray(path, read_radiograph(path))
    assert note.startswith("may be no frontal chest X-ray: ")


def test_real_chest_xrays_are_taken_without_a_word(shared_data: Path) -> None:
    for path in find_xrays(shared_data / "rsna_real_sample")[::10]:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert refuse_no_chest_xray(path, read_radiograph(path, 128)) == ()


def test_a_warning_names_a_file_of_any_name_as_text(dicom_file: DicomFile, ramp: np.ndarray) -> None:
    xray = read_radiograph(dicom_file(ramp, ViewPosition="LL"), 64)
    with pytest.warns(ChestWarning, match=r"M\\xfcller\.dcm: may be no frontal chest X-ray") as said:
        refuse_no_chest_xray(Path(os.fsdecode(b"M\xfcller.dcm")), xray)
    # What a terminal, a log or another process takes.
    assert all(str(one.message).encode("utf-8") for one in said)


def test_the_refusal_of_an_image_that_shows_nothing_says_which_window_makes_it_so(dicom_file: DicomFile) -> None:
    image = np.random.default_rng(0).integers(1000, 3000, (200, 200)).astype(np.uint16)
    path = dicom_file(image, bits=12, WindowCenter=-600, WindowWidth=1500)
    with pytest.raises(UnreadableScan, match=r"about 100% white \(its window \(centre -600, width 1500\) leaves 100%"):
        refuse_no_chest_xray(path, read_radiograph(path))


@pytest.mark.parametrize(("modality", "sure"), [("ct", True), ("mr", True), ("cr", False), ("dx", False)])
def test_a_modality_in_small_letters_is_the_same(dicom_file: DicomFile, modality: str, sure: bool) -> None:
    path = dicom_file(PATCHES, Modality=modality)
    if sure:
        with pytest.raises(UnreadableScan, match=f"Modality is {modality.upper()}"):
            refuse_no_chest_xray(path, read_radiograph(path))
    else:
        assert refuse_no_chest_xray(path, read_radiograph(path)) == ()


TEXTURE = np.random.default_rng(0).integers(0, 255, (256, 256)).astype(np.uint8)


@pytest.mark.parametrize(
    ("orientation", "rule", "words"),
    [
        (["A", "F"], "image-lateral", "as of a lateral X-ray"),
        (["P", "F"], "image-lateral", "as of a lateral X-ray"),
        (["PL", "F"], "image-lateral", "as of a lateral X-ray"),
        (["R", "F"], "image-turned", "as of one that is mirrored"),
        (["F", "R"], "image-turned", "as of one that is turned"),
        (["R", "H"], "image-turned", "as of one that is turned"),
        (["L", "H"], "image-turned", "as of one that is turned"),
        (["L", "F"], None, ""),
        (["LF", "FR"], None, ""),
        (["l", "f "], None, ""),
        (["", "F"], None, ""),
        (["", ""], None, ""),
        (["L"], None, ""),
        (["X", "Y"], None, ""),
        (None, None, ""),
    ],
)
def test_an_orientation_that_no_frontal_xray_has_is_said_and_the_pixels_are_left_alone(
    dicom_file: DicomFile, orientation: list[str] | None, rule: str | None, words: str
) -> None:
    path = dicom_file(TEXTURE, PatientOrientation=orientation)
    xray = read_radiograph(path)
    np.testing.assert_allclose(xray.pixels, TEXTURE / 255, atol=1e-6)
    found = list(header_doubts(xray.header))
    assert [one for one, _ in found] == ([] if rule is None else [rule])
    assert not found or (words in found[0][1] and f"PatientOrientation is {xray.header.orientation}" in found[0][1])
    if rule:
        with pytest.warns(ChestWarning, match="PatientOrientation is"):
            refuse_no_chest_xray(path, xray)


@pytest.mark.parametrize(
    ("said", "part"),
    [
        ({"SeriesDescription": "HAND"}, "HAND"),
        ({"StudyDescription": "XR Hand right, 2 views"}, "HAND"),
        ({"ProtocolName": "Knie ap/lat"}, "KNIE"),
        ({"StudyDescription": "ABDOMEN", "SeriesDescription": "supine"}, "ABDOMEN"),
        ({"StudyDescription": "Chest and abdomen"}, ""),
        ({"StudyDescription": "XR RIBS / SHOULDER"}, ""),
        ({"SeriesDescription": "view: PA", "ProtocolName": "Handheld"}, ""),
        ({"StudyDescription": "SHOULDER", "BodyPartExamined": "CHEST"}, ""),
        ({"StudyDescription": "Hand", "BodyPartExamined": "HAND"}, "BodyPartExamined is HAND"),
        ({"StudyDescription": "Thorax p.a."}, ""),
        ({"AnatomicRegionSequence": coded("72696002", "Knee")}, "KNEE"),
        ({"AnatomicRegionSequence": coded("51185008", "Chest"), "StudyDescription": "Shoulder"}, ""),
        ({"ProcedureCodeSequence": coded("168594001", "Plain X-ray of knee")}, "KNEE"),
        ({"RequestedProcedureDescription": "X-ray left knee 2 views"}, "KNEE"),
        ({"PerformedProcedureStepDescription": "Becken Übersicht"}, "BECKEN"),
        ({"AcquisitionDeviceProcessingDescription": "HAND AP"}, "HAND"),
        ({}, ""),
    ],
)
def test_another_part_of_the_body_that_only_a_description_names_is_said(dicom_file: DicomFile, said: dict[str, Any], part: str) -> None:
    found = list(header_doubts(read_header(dicom_file(TEXTURE, **said))))
    assert [rule for rule, _ in found] == ["image-not-chest"] * bool(part)
    assert not part or part in found[0][1]


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"SeriesDescription": "W Chest Lat."}, "LAT"),
        ({"SeriesDescription": "Thorax seitlich"}, "SEITLICH"),
        ({"ProtocolName": "TORAX PERFIL"}, "PERFIL"),
        ({"SeriesDescription": "CHEST_LATERAL"}, "LATERAL"),
        ({"SeriesDescription": "Chest PA and lateral"}, ""),
        ({"SeriesDescription": "AP left lateral decubitus"}, ""),
        ({"StudyDescription": "XR CHEST 2 VIEWS PA LATERAL"}, ""),
        ({"SeriesDescription": "Chest lateral", "ViewPosition": "PA"}, ""),
        ({"SeriesDescription": "Platform, latissimus"}, ""),
        ({"PerformedProcedureStepDescription": "CHEST LATERAL"}, "LATERAL"),
        ({"RequestedProcedureDescription": "Thorax seitlich"}, "SEITLICH"),
        ({"AcquisitionDeviceProcessingDescription": "CHEST LAT"}, "LAT"),
        ({"PerformedProcedureStepDescription": "CHEST PA/LAT"}, ""),
        ({"PerformedProcedureStepDescription": "Chest 2 views with lateral"}, ""),
        ({"SeriesDescription": "Thorax a.p.", "PerformedProcedureStepDescription": "CHEST LATERAL"}, ""),
        ({"ProcedureCodeSequence": coded("1", "Lateral chest X-ray")}, "LATERAL"),
        ({"ProcedureCodeSequence": coded("399208008", "Plain chest X-ray")}, ""),
    ],
)
def test_a_lateral_view_that_only_a_description_names_is_said(dicom_file: DicomFile, said: dict[str, Any], word: str) -> None:
    found = list(header_doubts(read_header(dicom_file(TEXTURE, **{"ViewPosition": "", "BodyPartExamined": "CHEST", **said}))))
    assert [rule for rule, _ in found] == ["image-lateral"] * bool(word)
    assert not word or found[0][1].endswith(f"says {word}")


@pytest.mark.parametrize(
    ("said", "view", "is_doubtful"),
    [
        ({"ViewCodeSequence": coded("399348003", "antero-posterior")}, "AP", False),
        ({"ViewCodeSequence": coded("272479007", "postero-anterior")}, "PA", False),
        ({"ViewCodeSequence": coded("R-10214", "")}, "PA", False),
        ({"ViewCodeSequence": coded("99", "Posterior-anterior projection")}, "PA", False),
        ({"ViewCodeSequence": coded("399033003", "frontal")}, "FRONTAL", False),
        ({"ViewCodeSequence": coded("399067008", "Lateral projection")}, "LATERAL", True),
        ({"ViewCodeSequence": coded("R-10236", "left lateral")}, "LEFT LATERAL", True),
        ({"ViewCodeSequence": coded("", "right oblique")}, "RIGHT OBLIQUE", True),
        ({"ViewCodeSequence": coded("399067008", "lateral"), "ViewPosition": "PA"}, "PA", False),
        ({"ViewCodeSequence": []}, None, False),
        ({"ViewPosition": "AP_PORTABLE", "SeriesDescription": "Chest lateral"}, "AP", False),
    ],
)
def test_the_view_may_stand_in_a_code_alone_also_beside_a_jpeg(
    dicom_file: DicomFile, tmp_path: Path, said: dict[str, Any], view: str | None, is_doubtful: bool
) -> None:
    plain = dicom_file(TEXTURE, **{"ViewPosition": "", "BodyPartExamined": "CHEST", **said})
    write_radiograph(tmp_path / "jpeg.dcm", TEXTURE, patient_id="a", view="PA", sex="", age="", spacing_mm=None)
    dataset = pydicom.dcmread(tmp_path / "jpeg.dcm")
    for keyword, value in {"ViewPosition": "", "SeriesDescription": "", **said}.items():
        setattr(dataset, keyword, value)
    dataset.save_as(tmp_path / "jpeg.dcm")
    for path in (plain, tmp_path / "jpeg.dcm"):
        header = read_header(path)
        assert header.view == view
        assert [rule for rule, _ in header_doubts(header)] == ["image-lateral"] * is_doubtful


def test_the_fast_way_reads_descriptions_and_orientation_as_pydicom_does(tmp_path: Path, ramp: np.ndarray) -> None:
    path = tmp_path / "a.dcm"
    write_radiograph(path, ramp, patient_id="a", view="PA", sex="", age="", spacing_mm=None)
    dataset = pydicom.dcmread(path)
    dataset.BodyPartExamined, dataset.StudyDescription, dataset.PatientOrientation = "", "Épaule / hand", ["R", "F"]
    dataset.SpecificCharacterSet, dataset.ViewPosition, dataset.SeriesDescription = "ISO_IR 100", "", "Seitlich"
    dataset.save_as(path)
    assert plain_jpeg(path.read_bytes()) is not None
    fast = read_header(path)
    assert fast.described_view == "SEITLICH"
    assert (fast.described_part, fast.orientation) == ("HAND", "R\\F")
    # A value that the fast way leaves to pydicom.
    dataset.PixelPaddingValue = 0
    dataset.save_as(path)
    assert plain_jpeg(path.read_bytes()) is None
    assert read_header(path) == fast


@pytest.mark.parametrize("part", ["TÓRAX", "Tórax", "THORAX", "tórax óseo"])
def test_accents_are_no_other_part_of_the_body(dicom_file: DicomFile, part: str) -> None:
    path = dicom_file(TEXTURE, BodyPartExamined=part, SpecificCharacterSet="ISO_IR 100")
    assert [rule for rule, _ in header_doubts(read_header(path))] == []
