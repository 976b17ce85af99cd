"""A path becomes an X-ray: sizes, shapes, what the header says, which files are found."""

import csv
import dataclasses
import gzip
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radlearn.errors import BadSetting, UnreadableScan
from radlearn.scans.dicom import (
    ForProcessingWarning,
    PolarityWarning,
    age_in_years,
    find_xrays,
    is_dicom,
    read_header,
    read_radiograph,
    read_reduced,
    stored_values,
    write_radiograph,
)
from radlearn.scans.nifti import read_volume
from radlearn.scans.resize import resized

DicomFile = Callable[..., Path]


def write(path: Path, pixels: np.ndarray, **said: Any) -> Path:
    write_radiograph(path, pixels, **({"patient_id": "a", "view": "PA", "sex": "F", "age": "62", "spacing_mm": None} | said))
    return path


def test_without_a_size_an_xray_keeps_its_own(dicom_file: DicomFile, ramp: np.ndarray) -> None:
    xray = read_radiograph(dicom_file(ramp))
    np.testing.assert_allclose(xray.pixels, ramp / 255, atol=1e-6)
    assert xray.header.size_px == (48, 80)


def test_stretched_and_padded_xrays_are_area_averages(dicom_file: DicomFile, ramp: np.ndarray) -> None:
    path, grey = dicom_file(ramp), (ramp / 255).astype(np.float32)
    np.testing.assert_allclose(read_radiograph(path, 20).pixels, resized(grey, 20, 20), atol=1e-6)
    padded = read_radiograph(path, 20, "pad").pixels
    # 80 columns become 20, 48 rows become 12, with 4 black rows above and below.
    np.testing.assert_allclose(padded[4:16], resized(grey, 12, 20), atol=1e-6)
    assert not padded[:4].any()
    assert not padded[16:].any()


def test_a_small_xray_grows_to_the_size_asked_for(dicom_file: DicomFile, ramp: np.ndarray) -> None:
    xray = read_radiograph(dicom_file(ramp), 128)
    np.testing.assert_allclose(xray.pixels, resized((ramp / 255).astype(np.float32), 128, 128), atol=1e-6)


@pytest.mark.parametrize("size_px", [40, 64, 100, 300])
@pytest.mark.parametrize("shape", ["stretch", "pad"])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_the_fast_way_to_a_size_gives_the_picture_of_the_slow_way(tmp_path: Path, size_px: int, shape: Any, photometric: str) -> None:
    coarse = np.random.default_rng(0).random((5, 7)).astype(np.float32)
    path = write(tmp_path / "a.dcm", np.rint(resized(coarse, 400, 250) * 255).astype(np.uint8), photometric=photometric, quality=95)
    fast = read_radiograph(path, size_px, shape).pixels
    full = read_radiograph(path).pixels
    height, width = (size_px, size_px) if shape == "stretch" else (size_px, round(250 * size_px / 400))
    slow = np.zeros((size_px, size_px), np.float32)
    left = (size_px - width) // 2
    slow[:, left : left + width] = resized(full, height, width)
    assert fast.shape == (size_px, size_px)
    assert np.abs(fast - slow).mean() < 1 / 255
    # A shift by one pixel or a flip would show.
    assert np.abs(fast - slow).max() < 0.06
    assert np.abs(fast - slow[:, ::-1]).mean() > 0.05


@pytest.mark.parametrize(
    ("at_least_px", "expected"), [(None, (400, 248)), (50, (100, 62)), (63, (150, 93)), (94, (200, 124)), (249, (400, 248))]
)
def test_a_reduced_xray_is_the_smallest_that_suffices_and_the_area_average(
    tmp_path: Path, at_least_px: int | None, expected: tuple[int, int]
) -> None:
    coarse = np.random.default_rng(0).random((5, 7)).astype(np.float32)
    path = write(tmp_path / "a.dcm", np.rint(resized(coarse, 400, 248) * 255).astype(np.uint8), quality=95)
    full, reduced = read_radiograph(path).pixels, read_reduced(path, at_least_px)
    assert reduced.pixels.shape == expected
    assert reduced.header == read_header(path)
    assert np.abs(reduced.pixels - resized(full, *expected)).max() < 0.03


def test_an_xray_that_may_not_be_averaged_before_its_mapping_is_not_reduced(dicom_file: DicomFile, ramp: np.ndarray) -> None:
    np.testing.assert_array_equal(read_reduced(dicom_file(ramp), 10).pixels, read_radiograph(dicom_file(ramp)).pixels)
    with pytest.raises(BadSetting, match="at_least_px is 0"):
        read_reduced(dicom_file(ramp), 0)


def test_a_window_that_clips_is_applied_before_averaging_even_on_a_jpeg(tmp_path: Path) -> None:
    import pydicom

    checks = np.kron(np.indices((32, 32)).sum(axis=0) % 2, np.ones((2, 2))).astype(np.uint8) * 200 + 20
    path = write(tmp_path / "a.dcm", checks, quality=100)
    dataset = pydicom.dcmread(path)
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = 60, 40, "LINEAR_EXACT"
    dataset.save_as(path)
    # Half the pixels are below the window, half above: their mean is a half. Averaged first they would all be white.
    np.testing.assert_allclose(read_radiograph(path, 8).pixels, 0.5, atol=0.01)


def test_real_xrays_at_256_are_within_a_tenth_of_a_grey_level_of_decoding_in_full(shared_data: Path) -> None:
    differences = []
    for path in find_xrays(shared_data / "rsna_real_sample")[::8]:
        full = resized(stored_values(path).astype(np.float32), 256, 256)
        differences.append(np.abs(np.rint(full) - np.rint(read_radiograph(path, 256).pixels * 255)).mean())
    assert len(differences) == 14
    assert np.mean(differences) < 0.1


def test_real_headers_are_read_as_the_challenge_lists_them(shared_data: Path) -> None:
    xrays = find_xrays(shared_data / "rsna_real_sample")
    assert len(xrays) == 110
    with gzip.open(shared_data / "rsna_tables" / "stage_2_train_headers.csv.gz", "rt") as table:
        listed = {row["PatientID"]: row for row in csv.DictReader(table)}
    for path in xrays:
        header, row = read_header(path), listed[path.stem]
        assert header.patient_id == path.stem
        assert (header.view, header.sex, header.age_years) == (row["ViewPosition"], row["PatientSex"], float(row["PatientAge"]))
        assert header.spacing_mm == (pytest.approx(float(row["PixelSpacing"])),) * 2
        assert header.size_px == (1024, 1024)


def test_a_wrong_size_or_shape_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="size_px is 0"):
        read_radiograph(tmp_path / "a.dcm", 0)
    with pytest.raises(BadSetting, match="shape is 'squash'; expected 'stretch' or 'pad'"):
        read_radiograph(tmp_path / "a.dcm", 8, "squash")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "years"),
    [
        *(("62", 62), ("062Y", 62), ("62Y", 62), (" 62 ", 62), ("062y", 62), ("0", 0), ("110", 110), ("018M", 1.5), ("18M", 1.5)),
        *(("3W", 21 / 365.25), ("010D", 10 / 365.25), ("730D", 730 / 365.25), ("999M", 83.25), ("62.5", 62.5)),
        *(("111", None), ("155", None), ("155Y", None), ("", None), ("Y", None), ("old", None), ("-4", None), ("6 2", None), ("62X", None)),
        ("\uff16\uff12", None),
    ],
)
def test_an_age_is_a_number_however_it_is_written(written: str, years: float | None) -> None:
    assert age_in_years(written) == (None if years is None else pytest.approx(years))


@pytest.mark.parametrize(
    ("position", "description", "view"),
    [
        ("PA", None, "PA"),
        ("ap ", None, "AP"),
        (None, "view: PA", "PA"),
        ("", "view:ap", "AP"),
        ("LL", "view: PA", "LL"),
        (None, "CHEST", None),
        (None, "overview: no", None),
        (None, None, None),
    ],
)
def test_the_view_is_said_in_one_of_two_places_or_not_at_all(
    dicom_file: DicomFile, ramp: np.ndarray, position: str | None, description: str | None, view: str | None
) -> None:
    assert read_header(dicom_file(ramp, ViewPosition=position, SeriesDescription=description)).view == view


def test_what_the_header_does_not_say_is_none_or_empty(dicom_file: DicomFile, ramp: np.ndarray) -> None:
    header = read_header(dicom_file(ramp, PatientID=None, Modality=None, SOPInstanceUID=None))
    assert (header.view, header.sex, header.age_years, header.spacing_mm) == (None, None, None, None)
    assert (header.patient_id, header.modality, header.study_uid, header.series_uid, header.sop_uid) == ("", "", "", "", "")
    assert (header.photometric, header.stored_bits) == ("MONOCHROME2", 8)
    assert json.loads(json.dumps(dataclasses.asdict(header)))["size_px"] == [48, 80]


def test_sex_and_spacing_are_taken_only_when_they_are_some(dicom_file: DicomFile, ramp: np.ndarray) -> None:
    assert read_header(dicom_file(ramp, PatientSex="f ")).sex == "F"
    assert read_header(dicom_file(ramp, PatientSex="UNKNOWN")).sex is None
    assert read_header(dicom_file(ramp, PixelSpacing=[0.1, 0.2], ImagerPixelSpacing=[0.3, 0.4])).spacing_mm == (0.1, 0.2)
    assert read_header(dicom_file(ramp, ImagerPixelSpacing=[0.3, 0.4])).spacing_mm == (0.3, 0.4)
    for nonsense in ([0, 0], [-1, 1], ["nan", "nan"], [0.1]):
        assert read_header(dicom_file(ramp, PixelSpacing=nonsense)).spacing_mm is None


def test_a_header_needs_no_pixels(dicom_file: DicomFile, ramp: np.ndarray) -> None:
    path = dicom_file(ramp, ViewPosition="PA")
    path.write_bytes(path.read_bytes()[: -ramp.nbytes // 2])
    assert read_header(path).view == "PA"
    with pytest.raises(UnreadableScan, match="truncated"):
        read_radiograph(path)


def test_raw_detector_data_are_read_with_a_warning(dicom_file: DicomFile, ramp: np.ndarray) -> None:
    with pytest.warns(ForProcessingWarning, match=r"xray-1\.dcm: is marked FOR PROCESSING") as caught:
        xray = read_radiograph(dicom_file(ramp, PresentationIntentType="FOR PROCESSING"))
    np.testing.assert_allclose(xray.pixels, ramp / 255, atol=1e-6)
    # It points at the line that asked for the X-ray.
    assert caught[0].filename == __file__
    assert xray.notes == ("is marked FOR PROCESSING: raw detector data, not an X-ray made for reading. Prefer FOR PRESENTATION",)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_radiograph(dicom_file(ramp, PresentationIntentType="FOR PRESENTATION"))


@pytest.mark.parametrize(("photometric", "shape"), [("MONOCHROME1", "IDENTITY"), ("MONOCHROME2", "INVERSE")])
def test_a_header_that_contradicts_itself_is_shown_inverted_with_a_warning(
    dicom_file: DicomFile, ramp: np.ndarray, photometric: str, shape: str
) -> None:
    with pytest.warns(PolarityWarning, match=f"{photometric} and PresentationLUTShape is {shape}"):
        xray = read_radiograph(dicom_file(ramp, PhotometricInterpretation=photometric, PresentationLUTShape=shape))
    np.testing.assert_allclose(xray.pixels, 1 - ramp / 255, atol=1e-6)


def test_xrays_are_found_in_folders_sorted_each_once_and_hidden_ones_left_out(tmp_path: Path, ramp: np.ndarray) -> None:
    xrays = [write(tmp_path / name, ramp) for name in ("b.dcm", "deep/er/a.DCM", "deep/no_suffix")]
    write(tmp_path / ".hidden.dcm", ramp)
    write(tmp_path / ".trash" / "c.dcm", ramp)
    write(tmp_path / "DICOMDIR", ramp)
    (tmp_path / "broken.dcm").write_text("not DICOM, but named so: reading it will say what is wrong")
    (tmp_path / "labels.csv").write_text("patientId\n")
    (tmp_path / "deep" / "loop").symlink_to(tmp_path)
    expected = sorted([*xrays, tmp_path / "broken.dcm"])
    assert find_xrays(tmp_path) == expected
    assert find_xrays([tmp_path, tmp_path / "b.dcm", str(tmp_path / "deep")]) == expected
    assert find_xrays([tmp_path / "labels.csv"]) == [tmp_path / "labels.csv"]
    with pytest.raises(UnreadableScan, match="nowhere: there is no such file or folder"):
        find_xrays([tmp_path / "nowhere"])


def test_a_linked_folder_is_searched(tmp_path: Path, ramp: np.ndarray) -> None:
    write(tmp_path / "archive" / "a.dcm", ramp)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "images").symlink_to(tmp_path / "archive")
    assert find_xrays(tmp_path / "data") == [tmp_path / "data" / "images" / "a.dcm"]


def test_dicom_is_known_by_its_preamble(tmp_path: Path, ramp: np.ndarray) -> None:
    (tmp_path / "letter.dcm").write_text("Dear colleague")
    assert is_dicom(write(tmp_path / "a.dcm", ramp))
    assert not is_dicom(tmp_path / "letter.dcm")
    assert not is_dicom(tmp_path / "absent")
    assert not is_dicom(tmp_path)


def test_a_named_pipe_and_an_index_in_small_letters_are_no_xrays(tmp_path: Path, ramp: np.ndarray) -> None:
    path = write(tmp_path / "a.dcm", ramp)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dicomdir").write_bytes(path.read_bytes())
    assert find_xrays(tmp_path) == [path]


def test_pipes_and_devices_are_neither_waited_for_nor_read_for_ever(tmp_path: Path) -> None:
    for name in ("a.dcm", "without suffix"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "zeros.dcm").symlink_to("/dev/zero")
    # By its name one looks like an X-ray, and reading says what it is.
    assert [path.name for path in find_xrays(tmp_path)] == ["a.dcm", "zeros.dcm"]
    for name in ("a.dcm", "zeros.dcm"):
        with pytest.raises(UnreadableScan, match="is a pipe or a device, not a file"):
            read_radiograph(tmp_path / name)
    with pytest.raises(UnreadableScan, match="is a pipe or a device, not a file"):
        read_volume(tmp_path / "a.dcm")
