"""Stored numbers to grey: against pydicom's own transforms, the standard's formulas by hand, and the awkward headers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import uid
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from radlearn.errors import UnreadableScan
from radlearn.scans.dicom import PixelWarning, read_radiograph
from radlearn.scans.display import Lut, Window, display_of
from radlearn.scans.stored_pixels import open_xray

DicomFile = Callable[..., Path]
KIND = {8: "u1", 16: "u2", -8: "i1", -16: "i2"}


def pixels_of(path: Path) -> np.ndarray:
    return read_radiograph(path).pixels


def stored_of(bits: int, signed: bool, seed: int = 0, shape: tuple[int, int] = (9, 14)) -> np.ndarray:
    """Random values over all of the stored bits, both ends included."""
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    stored = np.random.default_rng(seed).integers(low, high, shape, endpoint=True)
    stored.flat[:2] = low, high
    return stored.astype(f"{'i' if signed else 'u'}{1 if bits <= 8 else 2}")


def lut_item(first_value: int, entries: np.ndarray, bits: int, descriptor_vr: str = "US") -> pydicom.Dataset:
    item = pydicom.Dataset()
    item.add_new("LUTDescriptor", descriptor_vr, [len(entries) % (1 << 16), first_value, bits])
    item.add_new("LUTData", "OW", entries.astype("<u2").tobytes())
    return item


def pydicom_grey(path: Path) -> np.ndarray:
    """The picture as pydicom's transforms make it, brought from their output range to [0, 1]."""
    dataset = pydicom.dcmread(path)
    with np.errstate(over="ignore"):
        values = apply_voi_lut(apply_modality_lut(dataset.pixel_array, dataset), dataset).astype(np.float64)
    if "VOILUTSequence" in dataset:
        low, high = 0.0, float((1 << dataset.VOILUTSequence[0].LUTDescriptor[2]) - 1)
    else:
        bits = dataset.BitsStored
        low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if dataset.PixelRepresentation else (0, (1 << bits) - 1)
        slope, intercept = float(dataset.get("RescaleSlope", 1)), float(dataset.get("RescaleIntercept", 0))
        low, high = low * slope + intercept, high * slope + intercept
    grey = (values - low) / (high - low)
    return 1 - grey if dataset.PhotometricInterpretation == "MONOCHROME1" else grey


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bits=st.integers(2, 16),
    signed=st.booleans(),
    slope=st.sampled_from([None, 1.0, 0.5, 2.25]),
    intercept=st.sampled_from([0.0, -1024.0, 3.5]),
    window=st.sampled_from([None, "LINEAR", "LINEAR_EXACT", "SIGMOID"]),
    photometric=st.sampled_from(["MONOCHROME1", "MONOCHROME2"]),
    data=st.data(),
)
def test_any_xray_looks_as_pydicom_says(dicom_file: DicomFile, data: st.DataObject, bits: int, signed: bool, **said: Any) -> None:
    elements: dict[str, Any] = {"PhotometricInterpretation": said["photometric"]}
    if said["slope"] is not None:
        elements |= {"RescaleSlope": said["slope"], "RescaleIntercept": said["intercept"]}
    if said["window"]:
        span = 1 << bits
        elements |= {
            "WindowCenter": data.draw(st.integers(-span, span)),
            "WindowWidth": data.draw(st.integers(1, 2 * span)),
            "VOILUTFunction": said["window"],
        }
    path = dicom_file(stored_of(bits, signed), bits=bits, **elements)
    np.testing.assert_allclose(pixels_of(path), pydicom_grey(path), atol=2e-6)


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("first_value", [0, 100])
def test_a_voi_lut_is_used_as_pydicom_uses_it_and_before_a_window(dicom_file: DicomFile, bits: int, first_value: int) -> None:
    entries = np.sort(np.random.default_rng(bits).integers(0, (1 << bits) - 1, 700, endpoint=True))
    elements = {"VOILUTSequence": [lut_item(first_value, entries, bits)], "WindowCenter": 3, "WindowWidth": 7}
    # pydicom wraps what does not fit into the table's own type, so 8-bit tables are compared on 8-bit X-rays.
    path = dicom_file(stored_of(8 if bits == 8 else 12, signed=False), bits=8 if bits == 8 else 12, **elements)
    np.testing.assert_allclose(pixels_of(path), pydicom_grey(path), atol=1e-6)


def test_a_modality_lut_comes_before_the_voi_and_its_bits_are_the_whole_range(dicom_file: DicomFile) -> None:
    entries = np.random.default_rng(0).integers(0, 1023, 256, endpoint=True)
    stored = stored_of(8, signed=False)
    lut = {"ModalityLUTSequence": [lut_item(0, entries, 16)]}
    # The descriptor says 16 bits; the entries use 10, so that the X-ray would be nearly black.
    with pytest.warns(PixelWarning, match="ModalityLUTSequence says 16 bits an entry, but its entries use 10"):
        np.testing.assert_allclose(pixels_of(dicom_file(stored, **lut)), entries[stored] / 1023, atol=1e-6)
    lut = {"ModalityLUTSequence": [lut_item(0, entries, 10)]}
    np.testing.assert_allclose(pixels_of(dicom_file(stored, **lut)), entries[stored] / 1023, atol=1e-6)
    path = dicom_file(stored, **lut, WindowCenter=500, WindowWidth=401)
    np.testing.assert_allclose(pixels_of(path), np.clip((entries[stored] - 499.5) / 400 + 0.5, 0, 1), atol=1e-6)


def test_a_lut_of_65536_entries_writes_0_as_their_number(dicom_file: DicomFile) -> None:
    entries = np.arange(65536)[::-1]
    stored = stored_of(16, signed=False)
    path = dicom_file(stored, VOILUTSequence=[lut_item(0, entries, 16)])
    np.testing.assert_allclose(pixels_of(path), 1 - stored / 65535, atol=1e-6)


def test_a_lut_that_begins_below_zero_is_understood_although_written_unsigned(dicom_file: DicomFile) -> None:
    stored = np.uint16([[0, 1024], [1500, 4095]])
    said = {"RescaleSlope": 1, "RescaleIntercept": -1024, "VOILUTSequence": [lut_item(65536 - 1024, np.arange(4096), 12)]}
    np.testing.assert_allclose(pixels_of(dicom_file(stored, bits=12, **said)), stored / 4095, atol=1e-6)


def test_entries_of_8_bits_may_be_packed_two_to_a_word(dicom_file: DicomFile) -> None:
    item = lut_item(0, np.zeros(256), 8)
    item.LUTData = bytes(range(256))[::-1]
    stored = stored_of(8, signed=False)
    np.testing.assert_allclose(pixels_of(dicom_file(stored, VOILUTSequence=[item])), 1 - stored / 255, atol=1e-6)


def test_a_lut_shorter_than_it_says_is_refused(dicom_file: DicomFile) -> None:
    item = lut_item(0, np.arange(256), 8)
    item.LUTDescriptor = [300, 0, 8]
    with pytest.raises(UnreadableScan, match="VOILUTSequence has 256 entries"):
        pixels_of(dicom_file(stored_of(8, signed=False), VOILUTSequence=[item]))


def test_a_lut_holds_its_outermost_entries_beyond_its_ends() -> None:
    lut = Lut(10, np.float64([5, 6, 7]), 255)
    np.testing.assert_array_equal(lut(np.float64([-100, 9, 10, 11, 12, 13, 9000])), [5, 5, 5, 6, 7, 7, 7])


def test_the_windows_of_the_standard_by_hand() -> None:
    # PS3.3 C.11.2.1.2.1, its own example: centre 2048, width 4096 maps 0 to black and 4095 to white.
    assert Window(2048, 4096, "LINEAR")(np.float64([0, 4095])).tolist() == [0, 1]
    # Width 1 is a threshold at centre − 0.5: at it black, above it white.
    assert Window(0, 1, "LINEAR")(np.float64([-0.6, -0.5, -0.4, 7])).tolist() == [0, 0, 1, 1]
    # LINEAR_EXACT, centre 0, width 100: −50 is black, 50 is white (C.11.2.1.3.2).
    assert Window(0, 100, "LINEAR_EXACT")(np.float64([-51, -50, 0, 25, 50, 51])).tolist() == [0, 0, 0.5, 0.75, 1, 1]
    sigmoid = Window(10, 40, "SIGMOID")(np.float64([-1e9, 10, 20, 1e9]))
    np.testing.assert_allclose(sigmoid, [0, 0.5, 1 / (1 + np.exp(-1)), 1], atol=1e-12)


def test_of_several_windows_the_first_is_shown(dicom_file: DicomFile) -> None:
    stored = stored_of(8, signed=False)
    several = dicom_file(stored, WindowCenter=[100, 10], WindowWidth=[51, 5])
    np.testing.assert_array_equal(pixels_of(several), pixels_of(dicom_file(stored, WindowCenter=100, WindowWidth=51)))


@pytest.mark.parametrize("width", [0, -5, 0.5, "", None])
def test_a_window_without_a_width_is_none(dicom_file: DicomFile, width: float | str | None) -> None:
    stored = stored_of(8, signed=False)
    np.testing.assert_allclose(pixels_of(dicom_file(stored, WindowCenter=100, WindowWidth=width)), stored / 255, atol=1e-6)


@pytest.mark.parametrize(("bits", "signed"), [(8, False), (12, False), (12, True), (16, True)])
def test_monochrome1_of_inverted_values_is_monochrome2(dicom_file: DicomFile, bits: int, signed: bool) -> None:
    stored = stored_of(bits, signed)
    inverted = (-1 - stored if signed else (1 << bits) - 1 - stored).astype(stored.dtype)
    plain, negative = dicom_file(stored, bits=bits), dicom_file(inverted, bits=bits, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_allclose(pixels_of(plain), pixels_of(negative), atol=1e-6)


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted"),
    [
        ("MONOCHROME1", None, True),
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME1", "IDENTITY", True),
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME2", None, False),
    ],
)
@pytest.mark.filterwarnings("ignore::radlearn.scans.dicom.PolarityWarning")
def test_an_xray_is_inverted_once_or_not_at_all(dicom_file: DicomFile, photometric: str, shape: str | None, inverted: bool) -> None:
    stored = stored_of(8, signed=False)
    grey = pixels_of(dicom_file(stored, PhotometricInterpretation=photometric, PresentationLUTShape=shape))
    np.testing.assert_allclose(grey, 1 - stored / 255 if inverted else stored / 255, atol=1e-6)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_whichever_way_round_the_xray_is(dicom_file: DicomFile, photometric: str) -> None:
    stored = np.int16([[-2000, 0, 100], [50, -2000, 100]])
    said = {"PhotometricInterpretation": photometric, "WindowCenter": 50, "WindowWidth": 100, "VOILUTFunction": "LINEAR_EXACT"}
    grey = pixels_of(dicom_file(stored, PixelPaddingValue=-2000, **said))
    assert grey[0, 0] == grey[1, 1] == 0
    assert grey[0].tolist() == ([0, 1, 0] if photometric == "MONOCHROME1" else [0, 0, 1])


def test_padding_may_be_a_range_given_in_either_order_and_with_the_wrong_sign(dicom_file: DicomFile) -> None:
    stored = np.int16([[-2001, -2000, -1990, -1989, 32767]])
    for ends in ((-2000, -1990), (-1990, -2000)):
        grey = pixels_of(dicom_file(stored, PixelPaddingValue=ends[0], PixelPaddingRangeLimit=ends[1]))[0]
        assert (grey == 0).tolist() == [False, True, True, False, False]
    vr = {"PixelPaddingValue": "US"}
    assert (pixels_of(dicom_file(stored, PixelPaddingValue=65536 - 2000, vr=vr))[0] == 0).tolist() == [False, True, False, False, False]


def test_padding_weighs_as_black_in_an_average_and_nowhere_else(dicom_file: DicomFile) -> None:
    stored = np.full((8, 8), 200, np.uint8)
    stored[:, :3] = 255
    path = dicom_file(stored, PixelPaddingValue=255)
    # Cells of two pixels: padding only; half and half; the rest untouched.
    grey = read_radiograph(path, size_px=4).pixels
    np.testing.assert_allclose(grey[0], np.float32([0, 100, 200, 200]) / 255, atol=1e-6)


def test_signed_values_without_a_window_span_their_stored_bits(dicom_file: DicomFile) -> None:
    np.testing.assert_allclose(pixels_of(dicom_file(np.int16([[-2048, 0, 2047]]), bits=12)), [[0, 2048 / 4095, 1]], atol=1e-6)


def test_a_negative_slope_turns_the_values_round(dicom_file: DicomFile) -> None:
    stored = stored_of(8, signed=False)
    np.testing.assert_allclose(pixels_of(dicom_file(stored, RescaleSlope=-2, RescaleIntercept=7)), 1 - stored / 255, atol=1e-6)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.uint32, np.int32])
def test_above_16_bits_and_in_floating_point_the_data_set_the_range(dicom_file: DicomFile, kind: type) -> None:
    values = kind([[70_000, 71_000, 72_000], [80_000, 90_000, 90_000]])
    expected = (values.astype(float) - 70_000) / 20_000
    np.testing.assert_allclose(pixels_of(dicom_file(values)), expected, atol=1e-6)
    np.testing.assert_array_equal(pixels_of(dicom_file(np.full_like(values, 5))), 0)


def test_what_is_no_number_is_black_and_sets_no_range(dicom_file: DicomFile) -> None:
    values = np.float32([[np.nan, np.inf, -np.inf, -9999, 1, 3]])
    grey = pixels_of(dicom_file(values, FloatPixelPaddingValue=-9999.0))
    np.testing.assert_array_equal(grey, [[0, 0, 0, 0, 0, 1]])


def test_a_slope_of_zero_and_one_that_is_no_number_are_refused(dicom_file: DicomFile) -> None:
    with pytest.raises(UnreadableScan, match="RescaleSlope is 0"):
        pixels_of(dicom_file(stored_of(8, signed=False), RescaleSlope=0, RescaleIntercept=0))
    path = dicom_file(stored_of(8, signed=False), RescaleSlope=7.5, RescaleIntercept=0)
    path.write_bytes(path.read_bytes().replace(b"7.5 ", b"x.y "))
    with pytest.raises(UnreadableScan, match=r"xray-2\.dcm: RescaleSlope is x\.y; expected a number"):
        pixels_of(path)


def test_only_a_straight_grey_scale_may_be_averaged_first(dicom_file: DicomFile) -> None:
    stored = stored_of(8, signed=False)

    def straight(**said: Any) -> bool:
        return display_of(open_xray(dicom_file(stored, **said))).is_straight()

    assert straight()
    assert straight(RescaleSlope=2, RescaleIntercept=-7, PhotometricInterpretation="MONOCHROME1")
    assert straight(WindowCenter=128, WindowWidth=256)
    assert straight(WindowCenter=128, WindowWidth=600)
    assert not straight(WindowCenter=128, WindowWidth=200)
    assert not straight(WindowCenter=128, WindowWidth=600, VOILUTFunction="SIGMOID")
    assert not straight(PixelPaddingValue=0)
    assert not straight(VOILUTSequence=[lut_item(0, np.arange(256), 8)])


def test_big_endian_lut_data_are_read_in_their_own_order(dicom_file: DicomFile) -> None:
    item = pydicom.Dataset()
    item.add_new("LUTDescriptor", "US", [256, 0, 16])
    item.add_new("LUTData", "OW", (np.arange(256) * 257).astype(">u2").tobytes())
    stored = stored_of(8, signed=False)
    path = dicom_file(stored, syntax=uid.ExplicitVRBigEndian, VOILUTSequence=[item])
    np.testing.assert_allclose(pixels_of(path), stored / 255, atol=1e-6)


def test_real_xrays_with_a_voi_lut_or_window_look_as_pydicom_says(shared_data: Path) -> None:
    for name in ("vlut_04.dcm", "RG1_J2KI.dcm", "MR-SIEMENS-DICOM-WithOverlays.dcm"):
        path = shared_data / "dicom_zoo" / name
        np.testing.assert_allclose(pixels_of(path), pydicom_grey(path), atol=2e-6)


@pytest.mark.parametrize(("said", "used"), [(16, 12), (16, 10), (16, 14), (12, 8), (10, 12), (8, 16)])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_lut_whose_descriptor_names_other_bits_than_its_entries_use_is_shown_in_their_range(
    dicom_file: DicomFile, said: int, used: int, photometric: str
) -> None:
    entries = np.linspace(0, (1 << used) - 1, 1024).round().astype(np.uint16)
    stored = stored_of(10, signed=False)
    path = dicom_file(stored, bits=10, VOILUTSequence=[lut_item(0, entries, said)], PhotometricInterpretation=photometric)
    with pytest.warns(PixelWarning, match=f"VOILUTSequence says {said} bits an entry, but its entries use {used}"):
        found = pixels_of(path)
    grey = entries[stored] / ((1 << used) - 1)
    np.testing.assert_allclose(found, 1 - grey if photometric == "MONOCHROME1" else grey, atol=1e-6)


def test_a_lut_that_ends_one_step_above_its_bits_is_rounded_and_of_these_bits(dicom_file: DicomFile) -> None:
    entries = np.linspace(0, 4096, 1024).round().astype(np.uint16)
    stored = stored_of(10, signed=False)
    np.testing.assert_allclose(
        pixels_of(dicom_file(stored, bits=10, VOILUTSequence=[lut_item(0, entries, 12)])),
        np.minimum(entries[stored], 4095) / 4095,
        atol=1e-6,
    )


def broken_item(kind: str) -> pydicom.Dataset:
    item = lut_item(0, np.arange(100), 12)
    if kind == "short":
        item.LUTDescriptor = [4096, 0, 12]
    elif kind == "no bits":
        item.LUTDescriptor = [100, 0, 0]
    elif kind == "no descriptor":
        del item.LUTDescriptor
    elif kind == "no data":
        del item.LUTData
    return item


@pytest.mark.parametrize("kind", ["short", "no bits", "no descriptor", "no data"])
def test_a_broken_lut_beside_a_good_window_or_rescale_or_lut_is_passed_over(dicom_file: DicomFile, kind: str) -> None:
    stored = stored_of(12, signed=False)
    window = {"WindowCenter": 2000, "WindowWidth": 1001}
    path = dicom_file(stored, bits=12, VOILUTSequence=[broken_item(kind)], **window)
    with pytest.warns(PixelWarning, match="VOILUTSequence .*; the window is used instead"):
        found = pixels_of(path)
    plain = pydicom_grey(dicom_file(stored, bits=12, **window))
    np.testing.assert_allclose(found, plain, atol=2e-6)
    path = dicom_file(stored, bits=12, ModalityLUTSequence=[broken_item(kind)], RescaleSlope=1, RescaleIntercept=0, **window)
    with pytest.warns(PixelWarning, match="RescaleSlope and RescaleIntercept are used instead"):
        np.testing.assert_allclose(pixels_of(path), plain, atol=2e-6)
    entries = np.linspace(0, 4095, 4096).round().astype(np.uint16)
    path = dicom_file(stored, bits=12, VOILUTSequence=[broken_item(kind), lut_item(0, entries, 12)])
    np.testing.assert_allclose(pixels_of(path), stored / 4095, atol=1e-6)
    for keyword in ("VOILUTSequence", "ModalityLUTSequence"):
        with pytest.raises(
            UnreadableScan, match=rf"xray-\d+\.dcm: {keyword} .*\. Export the file again, or remove {keyword} from its header"
        ):
            pixels_of(dicom_file(stored, bits=12, **{keyword: [broken_item(kind)]}))


@pytest.mark.parametrize(("centre", "width"), [("2000,5", "1001"), ("2000.5", "1001,0"), ("2000,5", "1001,00")])
def test_a_window_with_decimal_commas_is_used(dicom_file: DicomFile, centre: str, width: str) -> None:
    stored, vr = stored_of(12, signed=False), {"WindowCenter": "LO", "WindowWidth": "LO"}
    path = dicom_file(stored, bits=12, vr=vr, WindowCenter=centre, WindowWidth=width)
    path.write_bytes(path.read_bytes().replace(b"LO", b"DS"))
    np.testing.assert_allclose(pixels_of(path), np.clip((stored - 2000.0) / 1000 + 0.5, 0, 1), atol=2e-6)


def test_a_rescale_with_decimal_commas_is_used(dicom_file: DicomFile) -> None:
    stored, vr = stored_of(12, signed=False), {"RescaleSlope": "LO", "RescaleIntercept": "LO"}
    path = dicom_file(stored, bits=12, vr=vr, RescaleSlope="0,5", RescaleIntercept="-10,5", WindowCenter=900, WindowWidth=601)
    path.write_bytes(path.read_bytes().replace(b"LO", b"DS"))
    np.testing.assert_allclose(pixels_of(path), np.clip((stored * 0.5 - 10.5 - 899.5) / 600 + 0.5, 0, 1), atol=2e-6)


def test_a_window_that_may_be_thousands_is_not_used_and_that_is_said(dicom_file: DicomFile) -> None:
    stored, vr = stored_of(12, signed=False), {"WindowCenter": "LO", "WindowWidth": "LO"}
    path = dicom_file(stored, bits=12, vr=vr, WindowCenter="1,024", WindowWidth="4,096")
    path.write_bytes(path.read_bytes().replace(b"LO", b"DS"))
    with pytest.warns(PixelWarning, match=r"its window \(WindowCenter 1,024, WindowWidth 4,096\) cannot be used; the whole range"):
        np.testing.assert_allclose(pixels_of(path), stored / 4095, atol=1e-6)


def test_of_several_windows_the_first_that_can_be_used_is(dicom_file: DicomFile) -> None:
    stored = stored_of(12, signed=False)
    path = dicom_file(stored, bits=12, WindowCenter=[0, 2000], WindowWidth=[0, 1001])
    with pytest.warns(PixelWarning, match="its first window, of width 0, cannot be used; number 2 is"):
        np.testing.assert_allclose(pixels_of(path), np.clip((stored - 1999.5) / 1000 + 0.5, 0, 1), atol=2e-6)


@pytest.mark.parametrize("written", ["monochrome1", "Monochrome1 ", "MONOCHROME1"])
def test_the_photometric_interpretation_may_be_written_in_small_letters(dicom_file: DicomFile, written: str) -> None:
    stored = stored_of(8, signed=False)
    xray = read_radiograph(dicom_file(stored, PhotometricInterpretation=written))
    np.testing.assert_allclose(xray.pixels, 1 - stored / 255, atol=1e-6)
    assert xray.header.photometric == "MONOCHROME1"


def test_a_compressed_image_of_fewer_bits_than_the_header_says_is_shown_in_its_own_range(dicom_file: DicomFile) -> None:
    stored = stored_of(12, signed=False, shape=(40, 50))
    path = dicom_file(stored, bits=12, syntax=uid.JPEG2000Lossless)
    dataset = pydicom.dcmread(path)
    dataset.BitsStored, dataset.HighBit = 16, 15
    dataset.save_as(path)
    with pytest.warns(PixelWarning, match="BitsStored is 16, but its compressed image has 12 bits a pixel"):
        np.testing.assert_allclose(pixels_of(path), stored / 4095, atol=1e-6)


SMOOTH = (2048 + 1900 * np.sin(np.add(*np.mgrid[0:40, 0:60]) / 20)).astype(np.uint16)


@pytest.mark.parametrize(
    ("stored", "said", "words"),
    [
        # A window for 8 bits, for a CT, for 16 bits; a table of other values.
        (SMOOTH, {"bits": 12, "WindowCenter": 128, "WindowWidth": 256}, r"its window \(centre 128, width 256\) leaves 9\d% .* pure white"),
        (SMOOTH, {"bits": 12, "WindowCenter": 32768, "WindowWidth": 20000}, "0% of its pixels pure white and 100% pure black"),
        (SMOOTH, {"bits": 12, "VOILUTSequence": [lut_item(4000, np.arange(256) * 16, 12)]}, "its look-up table leaves .* pure black"),
        # Twelve or ten bits of 16, either way round, and signed.
        (SMOOTH, {}, r"its values, 148 to 3947, use 5\.8% of those that BitsStored allows \(0 to 65535\), and no window says more"),
        (SMOOTH // 4, {"PhotometricInterpretation": "MONOCHROME1"}, "hardly any contrast"),
        (SMOOTH.astype(np.int16), {}, r"allows \(-32768 to 32767\)"),
        (SMOOTH, {"bits": 12, "PixelPaddingValue": 0, "PixelPaddingRangeLimit": 3500}, r"\d\d% of its pixels are padding by its header"),
    ],
)
def test_a_mapping_that_does_not_fit_the_pixels_is_said(
    dicom_file: DicomFile, stored: np.ndarray, said: dict[str, Any], words: str
) -> None:
    with pytest.warns(PixelWarning, match=words):
        read_radiograph(dicom_file(stored, **said))


@pytest.mark.parametrize("said", [{"bits": 12}, {"WindowCenter": 2048, "WindowWidth": 4096}, {"bits": 12, "PixelPaddingValue": 0}])
def test_a_mapping_that_fits_needs_no_word(dicom_file: DicomFile, recwarn: pytest.WarningsRecorder, said: dict[str, Any]) -> None:
    read_radiograph(dicom_file(SMOOTH, **said))
    assert not [one for one in recwarn if issubclass(one.category, PixelWarning)]


def test_of_windows_of_which_some_are_empty_the_first_that_is_not_is_used(dicom_file: DicomFile) -> None:
    path = dicom_file(SMOOTH, bits=12, vr={"WindowCenter": "LO", "WindowWidth": "LO"}, WindowCenter=["", "2000"], WindowWidth=["", "1500"])
    with pytest.warns(PixelWarning, match="cannot be used; number 2 is"):
        np.testing.assert_allclose(pixels_of(path), Window(2000, 1500, "LINEAR")(SMOOTH.astype(float)), atol=1e-6)
