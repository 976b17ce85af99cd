"""X-rays that are written are what the RSNA set has, and read back as they were."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from radlearn.errors import BadSetting
from radlearn.scans.dicom import read_header, read_radiograph
from radlearn.scans.radiograph_writer import write_radiograph

SAID: dict[str, Any] = {"patient_id": "0a1b", "view": "AP", "sex": "F", "age": "62", "spacing_mm": (0.143, 0.168)}


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_written_xray_reads_back_bright_where_it_was_bright(photometric: str, tmp_path: Path, ramp: np.ndarray) -> None:
    write_radiograph(tmp_path / "a.dcm", ramp, **SAID, photometric=photometric, quality=98)
    xray = read_radiograph(tmp_path / "a.dcm")
    assert np.abs(xray.pixels - ramp / 255).mean() < 1 / 255
    assert xray.header.photometric == photometric


def test_what_was_said_is_read_back(tmp_path: Path, ramp: np.ndarray) -> None:
    write_radiograph(tmp_path / "a.dcm", ramp, **SAID)
    header = read_header(tmp_path / "a.dcm")
    assert (header.patient_id, header.view, header.sex, header.age_years) == ("0a1b", "AP", "F", 62)
    assert header.spacing_mm == (0.143, 0.168)
    assert header.size_px == ramp.shape
    assert header.modality == "CR"


def test_the_same_xray_gives_the_same_bytes_and_another_instance_other_uids(tmp_path: Path, ramp: np.ndarray) -> None:
    for name, instance in (("a", ""), ("b", ""), ("c", "2")):
        write_radiograph(tmp_path / f"{name}.dcm", ramp, **SAID, instance=instance)
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()
    first, other = read_header(tmp_path / "a.dcm"), read_header(tmp_path / "c.dcm")
    assert len({first.sop_uid, first.study_uid, first.series_uid, other.sop_uid, other.study_uid, other.series_uid}) == 6


def test_the_header_has_the_elements_of_a_real_rsna_xray(tmp_path: Path, ramp: np.ndarray, shared_data: Path) -> None:
    real = pydicom.dcmread(next((shared_data / "rsna_real_sample" / "stage_2_train_images").glob("*.dcm")))
    write_radiograph(tmp_path / "a.dcm", ramp, **SAID)
    ours = pydicom.dcmread(tmp_path / "a.dcm")
    assert {element.keyword for element in real} <= {element.keyword for element in ours}
    assert ours.file_meta.TransferSyntaxUID == real.file_meta.TransferSyntaxUID
    for keyword in (
        "Modality",
        "ConversionType",
        "BodyPartExamined",
        "LossyImageCompression",
        "LossyImageCompressionMethod",
        "SOPClassUID",
    ):
        assert ours[keyword].value == real[keyword].value, keyword
    assert ours.SeriesDescription == "view: AP"
    assert ours.PatientAge == "62"


def test_writing_warns_of_nothing_although_rsna_ages_are_no_age_strings(tmp_path: Path, ramp: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_radiograph(tmp_path / "a.dcm", ramp, **(SAID | {"spacing_mm": None, "age": "155"}))
    assert "PixelSpacing" not in pydicom.dcmread(tmp_path / "a.dcm")
    assert pydicom.dcmread(tmp_path / "a.dcm").PatientAge == "155"


def test_an_odd_number_of_bytes_is_padded(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(6):
        write_radiograph(tmp_path / "a.dcm", rng.integers(0, 256, (17, 13 + number), dtype=np.uint8), **SAID)
        assert (tmp_path / "a.dcm").stat().st_size % 2 == 0
        assert read_radiograph(tmp_path / "a.dcm").pixels.shape == (17, 13 + number)


@pytest.mark.parametrize(
    ("pixels", "said", "message"),
    [
        (np.zeros((4, 4), np.float32), {}, "expected uint8"),
        (np.zeros((4, 4, 3), np.uint8), {}, "expected uint8"),
        (np.zeros((0, 4), np.uint8), {}, "expected uint8"),
        (np.zeros((4, 4), np.uint8), {"photometric": "RGB"}, "MONOCHROME1 or MONOCHROME2"),
        (np.zeros((4, 4), np.uint8), {"quality": 0}, "expected 1 to 100"),
    ],
)
def test_what_is_no_xray_is_not_written(pixels: np.ndarray, said: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=message):
        write_radiograph(tmp_path / "a.dcm", pixels, **(SAID | said))
    assert not list(tmp_path.iterdir())
