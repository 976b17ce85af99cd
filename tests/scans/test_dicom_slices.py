"""One slice: its place and its Hounsfield units. What becomes of a series is in `test_dicom_series`."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import uid

from radlearn.errors import UnreadableScan
from radlearn.scans.dicom_slices import hounsfield_of, read_slice
from radlearn.scans.stored_pixels import open_xray

PLACE = {"ImagePositionPatient": [1, 2, 3], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [0.8, 0.7]}
CT = {"Modality": "CT", "SeriesInstanceUID": "1.2", **PLACE}


def test_a_slice_has_its_place_and_its_hounsfield_units(dicom_file: Callable[..., Path]) -> None:
    stored = np.arange(42, dtype=np.uint16).reshape(6, 7)
    one = read_slice(dicom_file(stored, **CT, RescaleSlope=2, RescaleIntercept=-100))
    assert one is not None
    assert (one.position.tolist(), one.spacing, one.size_px) == ([1, 2, 3], (0.8, 0.7), (6, 7))
    hu, padded, note = hounsfield_of(one)
    np.testing.assert_array_equal(hu, 2 * stored.astype(int) - 100)
    assert (hu.dtype, padded, note) == (np.int16, 0, "")


def test_of_another_series_there_is_no_slice(dicom_file: Callable[..., Path]) -> None:
    assert read_slice(dicom_file(np.zeros((4, 4), np.uint16), **CT), "1.3") is None


@pytest.mark.parametrize("slope", [0, None])
def test_without_a_slope_there_are_no_hounsfield_units(dicom_file: Callable[..., Path], slope: float | None) -> None:
    one = read_slice(dicom_file(np.zeros((4, 4), np.uint16), **CT, RescaleSlope=slope, RescaleIntercept=0))
    with pytest.raises(UnreadableScan, match=f"RescaleSlope is {slope}"):
        hounsfield_of(one)  # type: ignore[arg-type]


@pytest.mark.parametrize("syntax", [uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian])
@pytest.mark.parametrize("meta", [False, True])
def test_what_a_slice_lacks_before_its_elements_is_said(dicom_file: Callable[..., Path], syntax: str, meta: bool) -> None:
    path = dicom_file(np.zeros((4, 5), np.int16), syntax, Modality="CT")
    content = path.read_bytes()[132:]
    # The first element of the file meta says how long the rest of it is.
    path.write_bytes(content if meta else content[12 + int.from_bytes(content[8:12], "little") :])
    assert pydicom.dcmread(path, force=True).Modality == "CT"
    for read in (read_slice, open_xray):
        with pytest.raises(UnreadableScan, match=r"preamble and file meta are missing\. Export it as DICOM Part 10"):
            read(path)


@pytest.mark.parametrize(
    ("content", "says"), [(b"", "is empty"), (b"Dear colleague, " * 20, "another kind of file"), (b"%PDF-1.4 " * 40, "PDF")]
)
def test_what_is_no_slice_at_all_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "a.dcm").write_bytes(content)
    with pytest.raises(UnreadableScan, match=says):
        read_slice(tmp_path / "a.dcm")


def _of_a_chest(dicom_file: Callable[..., Path], dense: int, is_signed: bool, bits: int, **others: object) -> np.ndarray:
    """Return the HU of a slice of tissue in air, with pixels of a stored value in it, as a reader of such bits takes them."""
    rows, columns = np.mgrid[:64, :64]
    stored = np.where((rows - 32) ** 2 + (columns - 32) ** 2 < 600, 1064, 24).astype(np.int32)
    stored += np.random.default_rng(0).integers(-20, 20, stored.shape)
    stored[30:33, 30:34] = dense
    kept = stored.astype(np.uint16)
    if is_signed:
        kept = np.where(stored >= 1 << (bits - 1), stored - (1 << bits), stored).astype(np.int16)
    elements = {**CT, "RescaleSlope": 1, "RescaleIntercept": -1024, "BitsStored": bits, "HighBit": bits - 1, **others}
    one = read_slice(dicom_file(kept, **elements))
    assert one is not None
    return hounsfield_of(one).hu


@pytest.mark.parametrize(("dense", "lowest"), [(3800, 3800 - 4096 - 1024), (2900, 2900 - 4096 - 1024), (2100, 2100 - 4096 - 1024)])
def test_metal_that_begins_again_below_air_is_refused(dicom_file: Callable[..., Path], dense: int, lowest: int) -> None:
    with pytest.raises(UnreadableScan, match=f"12 of its pixels beside dense ones drop to as low as −{-lowest} HU.*PixelRepresentation 1"):
        _of_a_chest(dicom_file, dense, is_signed=True, bits=12)
    assert _of_a_chest(dicom_file, dense, is_signed=False, bits=12).max() == dense - 1024


@pytest.mark.parametrize(("dense", "is_signed", "bits"), [(2000, True, 12), (3800, True, 14), (3800, True, 16), (1800, True, 12)])
def test_a_sign_that_leaves_room_for_bone_is_believed(dicom_file: Callable[..., Path], dense: int, is_signed: bool, bits: int) -> None:
    assert _of_a_chest(dicom_file, dense, is_signed, bits).max() == dense - 1024


@pytest.mark.parametrize("padding", [-2000, -976, -2048])
def test_padding_around_a_field_is_no_wrong_sign(dicom_file: Callable[..., Path], padding: int) -> None:
    rows, columns = np.mgrid[:64, :64]
    stored = np.where((rows - 32) ** 2 + (columns - 32) ** 2 < 800, 1064, padding).astype(np.int16)
    elements = {**CT, "RescaleSlope": 1, "RescaleIntercept": -1024, "BitsStored": 12, "HighBit": 11, "PixelPaddingValue": padding}
    one = read_slice(dicom_file(stored, **elements))
    assert one is not None
    assert hounsfield_of(one).hu.min() == -1024


@pytest.mark.parametrize("modality", ["RTSTRUCT", "SR", "RTPLAN"])
def test_what_holds_no_image_is_left_out_without_its_preamble_too(dicom_file: Callable[..., Path], modality: str) -> None:
    path = dicom_file(np.zeros((4, 5), np.int16), uid.ImplicitVRLittleEndian, Modality=modality)
    dataset = pydicom.dcmread(path)
    for keyword in ("Rows", "Columns", "PixelData", "NumberOfFrames"):
        dataset.pop(keyword, None)
    dataset.save_as(path, enforce_file_format=True)
    assert read_slice(path) is None
    content = path.read_bytes()[132:]
    path.write_bytes(content[12 + int.from_bytes(content[8:12], "little") :])
    assert read_slice(path) is None
