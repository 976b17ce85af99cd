"""Small files that unpack to gigabytes, sizes that no image has, and what enhanced objects say in their functional groups."""

import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import uid

from radlearn.errors import UnreadableScan
from radlearn.scans import dicom_parsing
from radlearn.scans.dicom import read_header, read_radiograph
from radlearn.scans.dicom_series import read_series

DicomFile = Callable[..., Path]


def deflated_zeros(whole: bytes, megabytes: int) -> bytes:
    """The meta elements of a deflated file, then so many megabytes of zeros, packed."""
    end = 144 + int.from_bytes(whole[140:144], "little")
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(megabytes)) + packer.flush()
    return whole[:end] + packed


@pytest.mark.parametrize("read", [read_radiograph, read_header, lambda path: read_series([path])])
def test_a_deflated_file_that_unpacks_to_more_than_the_limit_is_refused_before_it_is(
    dicom_file: DicomFile, ramp: np.ndarray, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], object]
) -> None:
    monkeypatch.setattr(dicom_parsing, "MOST_UNPACKED_BYTES", 8 << 20)
    path = dicom_file(ramp, syntax=uid.DeflatedExplicitVRLittleEndian)
    path.write_bytes(deflated_zeros(path.read_bytes(), 60))
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    with pytest.raises(UnreadableScan, match="deflated elements unpack to more than 8,388,608 bytes"):
        read(path)
    assert tracemalloc.get_traced_memory()[1] < 30 << 20
    tracemalloc.stop()


def test_a_sound_deflated_file_is_read(dicom_file: DicomFile, ramp: np.ndarray) -> None:
    path = dicom_file(ramp, syntax=uid.DeflatedExplicitVRLittleEndian)
    np.testing.assert_allclose(read_radiograph(path).pixels, ramp / 255, atol=1e-6)


@pytest.mark.parametrize(("rows", "columns"), [(65535, 65535), (20_000, 20_000), (3, 65535 * 1000)])
def test_an_image_that_no_machine_makes_is_refused_before_an_array_is_made(
    dicom_file: DicomFile, ramp: np.ndarray, rows: int, columns: int
) -> None:
    path = dicom_file(ramp, Rows=rows, Columns=min(columns, 65535))
    if rows * min(columns, 65535) <= 1 << 27:
        with pytest.raises(UnreadableScan, match="truncated"):
            read_radiograph(path)
        return
    tracemalloc.start()
    with pytest.raises(UnreadableScan, match="radlearn reads images of up to 134,217,728 pixels"):
        read_radiograph(path)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_a_jpeg_that_claims_65535_rows_is_refused_too(tmp_path: Path, ramp: np.ndarray) -> None:
    from radlearn.scans.radiograph_writer import write_radiograph

    path = tmp_path / "a.dcm"
    write_radiograph(path, ramp, patient_id="a", view="PA", sex="", age="", spacing_mm=None)
    dataset = pydicom.dcmread(path)
    dataset.Rows = dataset.Columns = 65535
    dataset.save_as(path)
    with pytest.raises(UnreadableScan, match="65,535 × 65,535 px"):
        read_radiograph(path)


def enhanced(path: Path, **macros: dict[str, object]) -> None:
    """Put elements of a file into the shared functional groups, each in its macro."""
    dataset = pydicom.dcmread(path)
    shared = pydicom.Dataset()
    for macro, elements in macros.items():
        item = pydicom.Dataset()
        for keyword, value in elements.items():
            setattr(item, keyword, value)
        setattr(shared, macro, [item])
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.NumberOfFrames = 1
    dataset.save_as(path)


def test_enhanced_slices_of_one_frame_make_a_volume(tmp_path: Path, dicom_file: DicomFile) -> None:
    hu = np.random.default_rng(0).integers(-1000, 1000, (3, 8, 9)).astype(np.int16)
    for number, one in enumerate(hu):
        path = dicom_file(one + np.int16(24), Modality="CT", SeriesInstanceUID="1.2.3", SOPInstanceUID=f"1.2.3.{number + 1}")
        enhanced(
            path,
            PlanePositionSequence={"ImagePositionPatient": [0, 0, 2.5 * number]},
            PlaneOrientationSequence={"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]},
            PixelMeasuresSequence={"PixelSpacing": [0.8, 0.7]},
            PixelValueTransformationSequence={"RescaleSlope": 1, "RescaleIntercept": -24, "RescaleType": "HU"},
        )
    volume = read_series(tmp_path)
    np.testing.assert_array_equal(volume.voxels, hu.transpose(2, 1, 0))
    np.testing.assert_allclose(np.abs(np.diag(volume.affine)), [0.7, 0.8, 2.5, 1])


def test_the_window_of_an_enhanced_xray_is_used(dicom_file: DicomFile, ramp: np.ndarray) -> None:
    path = dicom_file(ramp)
    enhanced(path, FrameVOILUTSequence={"WindowCenter": 100, "WindowWidth": 81})
    np.testing.assert_allclose(read_radiograph(path).pixels, np.clip((ramp - 99.5) / 80 + 0.5, 0, 1), atol=1e-6)


def test_what_stands_at_the_top_is_not_overruled(dicom_file: DicomFile, ramp: np.ndarray) -> None:
    path = dicom_file(ramp, WindowCenter=128, WindowWidth=256)
    enhanced(path, FrameVOILUTSequence={"WindowCenter": 10, "WindowWidth": 2})
    np.testing.assert_allclose(read_radiograph(path).pixels, ramp / 255, atol=1e-6)


def with_private_meta(whole: bytes, count: int, first: bool) -> bytes:
    """The same file with so many bytes of PrivateInformation among its meta elements, before or after the others."""
    private = b"\x02\x00\x02\x01OB\0\0" + count.to_bytes(4, "little") + b"\1" * count
    end = 144 + int.from_bytes(whole[140:144], "little")
    meta = private + whole[144:end] if first else whole[144:end] + private
    return whole[:140] + len(meta).to_bytes(4, "little") + meta + whole[end:]


@pytest.mark.parametrize("first", [True, False])
def test_meta_information_of_any_length_hides_no_bomb_and_no_image(
    dicom_file: DicomFile, ramp: np.ndarray, monkeypatch: pytest.MonkeyPatch, first: bool
) -> None:
    monkeypatch.setattr(dicom_parsing, "MOST_UNPACKED_BYTES", 8 << 20)
    path = dicom_file(ramp, syntax=uid.DeflatedExplicitVRLittleEndian)
    whole = path.read_bytes()
    path.write_bytes(with_private_meta(whole, 6000, first))
    np.testing.assert_allclose(read_radiograph(path).pixels, ramp / 255, atol=1e-6)
    path.write_bytes(with_private_meta(deflated_zeros(whole, 60), 6000, first))
    with pytest.raises(UnreadableScan, match="deflated elements unpack to more than 8,388,608 bytes"):
        read_radiograph(path)
