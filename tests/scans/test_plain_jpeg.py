"""The short way through a common X-ray ends where pydicom's way ends, and whatever is unusual is left to pydicom."""

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import uid
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.encaps import encapsulate, generate_frames
from pydicom.tag import Tag

from radlearn.scans import stored_pixels
from radlearn.scans.dicom import Radiograph, find_xrays, read_header, read_radiograph
from radlearn.scans.plain_jpeg import plain_jpeg
from radlearn.scans.radiograph_writer import write_radiograph


@pytest.fixture
def xray(tmp_path: Path, ramp: np.ndarray) -> Path:
    path = tmp_path / "xray.dcm"
    write_radiograph(path, ramp, patient_id="a", view="PA", sex="F", age="62", spacing_mm=(0.143, 0.168))
    return path


def changed(path: Path, **elements: Any) -> Path:
    """Write the elements, unchecked, into the X-ray; None removes one."""
    dataset = pydicom.dcmread(path)
    for keyword, value in elements.items():
        tag = Tag(keyword)
        if value is None:
            del dataset[tag]
        else:
            dataset[tag] = DataElement(tag, dictionary_VR(tag).split(" ")[0], value, validation_mode=IGNORE)
    dataset.save_as(path)
    return path


def read_by_pydicom(path: Path, size_px: int | None = None) -> Radiograph:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored_pixels, "plain_jpeg", lambda *_: None)
        return read_radiograph(path, size_px)


TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="\\"), max_size=12)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    said=st.fixed_dictionaries(
        {},
        optional={
            "PatientID": TEXT,
            "PatientSex": TEXT,
            "PatientAge": st.sampled_from(["", "62", "062Y", "18M", " 7D", "155"]),
            "SeriesDescription": st.one_of(TEXT, st.just("view: AP")),
            "ViewPosition": st.sampled_from(["", "PA", "ap", None]),
            "PhotometricInterpretation": st.sampled_from(["MONOCHROME1", "MONOCHROME2"]),
            "PixelSpacing": st.sampled_from([None, "", [0.1, 0.25], [0, 0]]),
            "ImagerPixelSpacing": st.sampled_from(["", ["0.139", "1e-1"]]),
            "WindowCenter": st.sampled_from(["", "127", [100, 50], "-3.5"]),
            "WindowWidth": st.sampled_from(["", "40", [300, 50], "0", "1"]),
            "VOILUTFunction": st.sampled_from(["LINEAR", "SIGMOID", "LINEAR_EXACT", "other"]),
            "RescaleSlope": st.sampled_from(["", "1", "-2.5"]),
            "RescaleIntercept": st.sampled_from(["", "0", "-1024"]),
            "NumberOfFrames": st.sampled_from(["", "1"]),
            "PresentationLUTShape": st.sampled_from(["IDENTITY", "INVERSE"]),
            "BitsStored": st.sampled_from([7, 8]),
            "PixelPaddingValue": st.sampled_from([0, 255]),
        },
    )
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_both_ways_give_the_same_xray(xray: Path, said: dict[str, Any]) -> None:
    original = xray.read_bytes()
    try:
        changed(xray, **said)
        short, long = read_radiograph(xray, 16), read_by_pydicom(xray, 16)
        assert short.header == long.header == read_header(xray)
        np.testing.assert_array_equal(short.pixels, long.pixels)
        # Padding and bits that are not those of the JPEG are what the short way leaves to pydicom here.
        assert (plain_jpeg(xray.read_bytes()) is None) == ("PixelPaddingValue" in said or said.get("BitsStored") == 7)
    finally:
        xray.write_bytes(original)


def test_every_real_xray_goes_the_short_way_and_ends_the_same(shared_data: Path) -> None:
    xrays = find_xrays(shared_data / "rsna_real_sample")
    assert all(plain_jpeg(path.read_bytes()) is not None for path in xrays)
    for path in xrays[::10]:
        short, long = read_radiograph(path, 256), read_by_pydicom(path, 256)
        assert short.header == long.header
        np.testing.assert_array_equal(short.pixels, long.pixels)


def test_the_zoo_is_read_alike_with_and_without_the_short_way(shared_data: Path) -> None:
    shortened = 0
    for path in sorted((shared_data / "dicom_zoo").iterdir()):
        if plain_jpeg(path.read_bytes()) is not None:
            shortened += 1
            short, long = read_radiograph(path), read_by_pydicom(path)
            assert short.header == long.header
            np.testing.assert_array_equal(short.pixels, long.pixels)
    assert shortened >= 1


@pytest.mark.parametrize(
    "said",
    [
        {"NumberOfFrames": "2"},
        {"SamplesPerPixel": 3},
        {"PhotometricInterpretation": "RGB"},
        {"BitsAllocated": 16},
        {"BitsStored": 7},
        {"BitsStored": 12},
        {"BitsStored": None},
        {"PixelRepresentation": 1},
        {"Rows": None},
        {"Columns": 0},
        {"PatientID": "Grüße"},
        {"PatientID": ["two", "names"]},
        {"PixelPaddingValue": 0},
        {"WindowCenter": "about 7"},
        {"VOILUTSequence": [pydicom.Dataset()]},
    ],
    ids=lambda said: next(iter(said)),
)
def test_what_is_unusual_is_left_to_pydicom(xray: Path, said: dict[str, Any]) -> None:
    assert plain_jpeg(xray.read_bytes()) is not None
    if "WindowCenter" in said:
        changed(xray, WindowCenter="7777777")
        xray.write_bytes(xray.read_bytes().replace(b"7777777", b"about 7"))
    else:
        changed(xray, **said)
    assert plain_jpeg(xray.read_bytes()) is None


def test_other_transfer_syntaxes_and_several_fragments_are_left_to_pydicom(xray: Path) -> None:
    dataset = pydicom.dcmread(xray)
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    dataset.PixelData = encapsulate([frame], fragments_per_frame=2, has_bot=False)
    dataset.save_as(xray)
    assert plain_jpeg(xray.read_bytes()) is None
    dataset.PixelData = encapsulate([frame])
    dataset.save_as(xray)
    assert plain_jpeg(xray.read_bytes()) is not None
    dataset.file_meta.TransferSyntaxUID = uid.JPEGExtended12Bit
    dataset.save_as(xray)
    assert plain_jpeg(xray.read_bytes()) is None


def test_a_file_cut_short_is_left_to_pydicom_wherever_it_is_cut(xray: Path) -> None:
    whole = xray.read_bytes()
    pixels = whole.index(b"\xe0\x7f\x10\x00OB")
    for length in (*range(132, pixels + 30, 7), len(whole) - 8, len(whole) - 100):
        assert plain_jpeg(whole[:length]) is None
    # Without pixels their first part is enough.
    said, frame = plain_jpeg(whole[: pixels + 12], with_pixels=False) or ({}, b"")
    assert said["PatientID"].strip() == "a"
    assert frame is None
