"""Bits beyond those that are stored: overlays, padding, values of another header. SimpleITK, which is gdcm, is the witness."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import uid

from radlearn.errors import UnreadableScan
from radlearn.scans.dicom import PixelWarning, read_radiograph, stored_values
from radlearn.scans.unused_bits import refuse_high_bit, without_unused_bits

DicomFile = Callable[..., Path]
ROWS, COLUMNS = np.mgrid[0:40, 0:60]
SMOOTH = (2000 + 1500 * np.sin(ROWS / 9 + COLUMNS / 13)).astype(np.uint16)  # 500 to 3500


def read_by_sitk(path: Path) -> np.ndarray:
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK, the independent reader, is not installed")
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[0]


@pytest.mark.parametrize("bits", [8, 10, 11])
def test_values_that_need_more_bits_than_the_header_says_are_refused(dicom_file: DicomFile, bits: int) -> None:
    path = dicom_file(SMOOTH, bits=bits)
    with pytest.raises(UnreadableScan, match=rf"pixels lie outside 0 to {(1 << bits) - 1}, which BitsStored {bits} allows; the highest is"):
        read_radiograph(path)


def test_saturated_pixels_one_step_above_are_refused_and_not_made_black(dicom_file: DicomFile) -> None:
    stored = np.minimum(SMOOTH.astype(np.uint16) * 2, 4096).astype(np.uint16)
    with pytest.raises(UnreadableScan, match="the highest is 4096"):
        stored_values(dicom_file(stored, bits=12))


def test_overlay_graphics_are_left_out_as_other_readers_do(dicom_file: DicomFile) -> None:
    with_graphics = SMOOTH.copy()
    with_graphics[10:20, 30] |= 0x8000
    with_graphics[12, 5:50] |= 0x1000
    path = dicom_file(with_graphics, bits=12)
    with pytest.warns(PixelWarning, match="taken as overlay graphics and left out"):
        xray = read_radiograph(path)
    np.testing.assert_array_equal(stored_values(path), SMOOTH)
    np.testing.assert_array_equal(read_by_sitk(path), SMOOTH)
    np.testing.assert_allclose(xray.pixels, SMOOTH / 4095, atol=1e-6)


def test_a_declared_overlay_plane_needs_no_word(dicom_file: DicomFile, recwarn: pytest.WarningsRecorder) -> None:
    path = dicom_file(SMOOTH | np.where(ROWS == 3, 0x2000, 0).astype(np.uint16), bits=12)
    dataset = pydicom.dcmread(path)
    dataset.add_new(0x60000100, "US", 16)
    dataset.add_new(0x60000102, "US", 13)
    dataset.save_as(path)
    np.testing.assert_allclose(read_radiograph(path).pixels, SMOOTH / 4095, atol=1e-6)
    assert not [one for one in recwarn if issubclass(one.category, PixelWarning)]


@pytest.mark.parametrize("declared", [None, 63536])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_one_value_with_the_highest_bit_is_padding_and_black(dicom_file: DicomFile, declared: int | None, photometric: str) -> None:
    outside = (ROWS - 20) ** 2 + (COLUMNS - 30) ** 2 > 400
    path = dicom_file(
        np.where(outside, 63536, SMOOTH).astype(np.uint16), bits=12, PixelPaddingValue=declared, PhotometricInterpretation=photometric
    )
    with pytest.warns(PixelWarning, match="taken as padding"):
        xray = read_radiograph(path)
    assert (xray.pixels[outside] == 0).all()
    inside = SMOOTH[~outside] / 4095
    np.testing.assert_allclose(xray.pixels[~outside], 1 - inside if photometric == "MONOCHROME1" else inside, atol=1e-6)


def test_negative_values_may_have_their_sign_in_all_unused_bits_or_in_none(dicom_file: DicomFile) -> None:
    values = (SMOOTH.astype(np.int16) - 2048).astype(np.int16)
    for stored in (values, (values & 0x0FFF).astype(np.int16)):
        path = dicom_file(stored, bits=12)
        np.testing.assert_array_equal(stored_values(path), values)
        np.testing.assert_array_equal(read_by_sitk(path), values)


@pytest.mark.parametrize(("bits", "high"), [(12, 15), (12, 12), (10, 15), (12, 31)])
def test_values_that_do_not_begin_at_the_lowest_bit_are_refused(dicom_file: DicomFile, bits: int, high: int) -> None:
    path = dicom_file((SMOOTH >> 2) << (high < 16) * 2, bits=bits, HighBit=high)
    with pytest.raises(UnreadableScan, match=f"HighBit is {high} and BitsStored {bits}; expected HighBit {bits - 1}"):
        stored_values(path)


def test_a_missing_or_lower_high_bit_is_no_contradiction(dicom_file: DicomFile) -> None:
    for high in (None, 7):
        np.testing.assert_array_equal(stored_values(dicom_file(SMOOTH, bits=12, HighBit=high)), SMOOTH)
    refuse_high_bit({})


def test_all_bits_in_use_and_floats_are_left_alone() -> None:
    for values in (SMOOTH, SMOOTH.astype(np.float32)):
        assert without_unused_bits(values, {"BitsStored": 16}).values is values


WIDE = (2048 + 1900 * np.sin(ROWS / 9 + COLUMNS / 13)).astype(np.int32)  # 148 to 3948, on both sides of 2048


@pytest.mark.parametrize(
    ("stored", "bits", "words"),
    [
        ((WIDE - 2048).astype(np.int16).view(np.uint16), 16, "as signed numbers do that are read as unsigned ones"),
        ((WIDE * 16).astype(np.uint16).view(np.int16), 16, "as unsigned numbers do that are read as signed ones"),
        ((WIDE - 2048).astype(np.int16).view(np.uint16) & 0xFFF, 12, "PixelRepresentation says unsigned, and looks wrong"),
        (WIDE.astype(np.int16), 12, "PixelRepresentation says signed, and looks wrong"),
        ((WIDE // 16 - 128).astype(np.int8).view(np.uint8), 8, "PixelRepresentation says unsigned"),
    ],
)
def test_values_of_the_other_sign_are_refused(dicom_file: DicomFile, stored: np.ndarray, bits: int, words: str) -> None:
    with pytest.raises(UnreadableScan, match=words):
        stored_values(dicom_file(stored, bits=bits))


def test_a_bright_border_or_noise_is_no_other_sign(dicom_file: DicomFile) -> None:
    bordered = (SMOOTH // 2).astype(np.uint16)
    bordered[:, :20] = 4095
    for stored in (bordered, np.random.default_rng(0).integers(0, 4096, (40, 60)).astype(np.uint16), WIDE.astype(np.uint16)):
        np.testing.assert_array_equal(stored_values(dicom_file(stored, bits=12)), stored)
        np.testing.assert_array_equal(stored_values(dicom_file(stored, bits=12)), read_by_sitk(dicom_file(stored, bits=12)))


@pytest.mark.parametrize("syntax", [uid.JPEGLosslessSV1, uid.JPEGLSLossless])
def test_a_compressed_image_of_more_bits_than_its_header_says_is_refused_and_not_wrapped(dicom_file: DicomFile, syntax: str) -> None:
    path = dicom_file(SMOOTH, bits=12, syntax=syntax)
    dataset = pydicom.dcmread(path)
    dataset.BitsStored, dataset.HighBit = 10, 9
    dataset.save_as(path)
    with pytest.raises(UnreadableScan, match="pixels lie outside 0 to 1023, which BitsStored 10 allows"):
        stored_values(path)


NOISY = (SMOOTH + np.random.default_rng(4).integers(-20, 21, SMOOTH.shape)).astype(np.uint16)
FEW = (slice(15, 22), slice(30, 36))


@pytest.mark.parametrize(
    "metal",
    [5000, np.random.default_rng(6).integers(4200, 9000, (7, 6)), 4096 + 300 * np.arange(42).reshape(7, 6) % 3000, 20000],
    ids=["one number", "noisy", "rising", "far above"],
)
def test_metal_above_the_declared_bits_is_no_graphics(dicom_file: DicomFile, metal: int | np.ndarray) -> None:
    for base in (NOISY, (NOISY // 16 + 900).astype(np.uint16)):
        stored = base.copy()
        stored[FEW] = metal
        with pytest.raises(
            UnreadableScan, match=r"which BitsStored 12 allows; the highest is .* Correct BitsStored and HighBit in its header"
        ):
            stored_values(dicom_file(stored, bits=12))


def test_a_bone_that_needs_one_bit_more_is_no_graphics(dicom_file: DicomFile) -> None:
    bone = NOISY // 4 + 900 + np.where((ROWS - 20) ** 2 + (COLUMNS - 30) ** 2 < 30, 900, 0).astype(np.uint16)
    assert 0 < (bone > 2047).mean() < 0.05
    with pytest.raises(UnreadableScan, match="lie outside 0 to 2047, which BitsStored 11 allows"):
        stored_values(dicom_file(bone, bits=11))
    np.testing.assert_array_equal(stored_values(dicom_file(bone, bits=12)), bone)


@pytest.mark.parametrize("bit", [0x1000, 0x2000, 0x8000, 0xF000])
def test_graphics_of_any_bit_on_a_noisy_image_are_left_out(dicom_file: DicomFile, bit: int) -> None:
    with_graphics = NOISY.copy()
    for place in (np.s_[5:30, 10:12], np.s_[30, 10:40], np.s_[6:9, 40:46]):
        with_graphics[place] |= bit
    path = dicom_file(with_graphics, bits=12)
    with pytest.warns(PixelWarning, match="taken as overlay graphics and left out"):
        read_radiograph(path)
    np.testing.assert_array_equal(stored_values(path), NOISY)
    np.testing.assert_array_equal(read_by_sitk(path), NOISY)


@pytest.mark.parametrize("lowest", [-3, -60, -300])
def test_negative_numbers_in_unsigned_ones_are_read_as_negative_and_said(dicom_file: DicomFile, lowest: int) -> None:
    values = np.where(NOISY < 900, NOISY.astype(int) * -lowest // 900 + lowest, NOISY).astype(np.int16)
    assert values.min() < 0
    path = dicom_file(values.view(np.uint16), bits=12)
    with pytest.warns(PixelWarning, match="of its pixels are negative numbers, though PixelRepresentation says that there are none"):
        xray = read_radiograph(path)
    np.testing.assert_array_equal(stored_values(path), values)
    # Black, as the lowest value that the header allows.
    np.testing.assert_allclose(xray.pixels, np.maximum(values, 0) / 4095, atol=1e-6)


@pytest.mark.parametrize(
    ("stored", "bits", "field"),
    [(WIDE.astype(np.int16), 12, "PixelRepresentation"), ((SMOOTH * 2).astype(np.uint16), 12, "BitsStored and HighBit")],
)
def test_the_field_that_is_wrong_is_the_one_to_be_corrected(dicom_file: DicomFile, stored: np.ndarray, bits: int, field: str) -> None:
    with pytest.raises(UnreadableScan) as refused:
        stored_values(dicom_file(stored, bits=bits))
    said = str(refused.value)
    assert field in said.split("Correct")[0] or field == "BitsStored and HighBit"
    assert "Correct it in its header" in said if field == "PixelRepresentation" else f"Correct {field}" in said
    assert said.count("Correct") == 1
