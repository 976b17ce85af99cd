"""The NIfTI header, read back by nibabel."""

import io
from pathlib import Path

import numpy as np
import pytest

from radlearn.errors import UnreadableScan
from radlearn.scans.nifti_header import HEADER, VOXELS_AT, header_bytes, parsed

nibabel = pytest.importorskip("nibabel", reason="nibabel, the independent reader, is not installed")
AFFINE = np.array([[-0.7, 0, 0, 100], [0, -0.8, 0, 50], [0, 0, 5, -200], [0, 0, 0, 1.0]])


def test_the_record_has_the_348_bytes_of_the_standard() -> None:
    assert HEADER.itemsize == 348
    assert len(header_bytes((2, 3, 4), np.dtype("i2"), np.eye(4))) == VOXELS_AT == 352


def test_the_header_reads_back_what_it_was_given() -> None:
    header = parsed(Path("scan.nii"), header_bytes((2, 3, 4), np.dtype("u2"), AFFINE))
    assert (header.shape, header.dtype, header.slope, header.intercept, header.voxels_at) == ((2, 3, 4), np.dtype("<u2"), 1, 0, 352)
    np.testing.assert_allclose(header.affine, AFFINE, atol=1e-6)


def test_nibabel_reads_the_same_header() -> None:
    header = nibabel.Nifti1Header.from_fileobj(io.BytesIO(header_bytes((2, 3, 4), np.dtype("u2"), AFFINE)))
    assert header.get_data_shape() == (2, 3, 4)
    assert header.get_data_dtype() == np.dtype("u2")
    assert header.get_zooms() == pytest.approx((0.7, 0.8, 5))
    assert header.get_xyzt_units()[0] == "mm"
    assert header.get_slope_inter() == (1, 0)


@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_both_byte_orders_are_read(byte_order: str) -> None:
    header = nibabel.Nifti1Header(endianness=byte_order)
    header.set_data_shape((2, 3, 4))
    header.set_data_dtype(np.int16)
    header.set_sform(AFFINE, 1)
    header["pixdim"][1:4] = 0.7, 0.8, 5
    header["vox_offset"], header["magic"] = 352, b"n+1"
    found = parsed(Path("scan.nii"), header.binaryblock)
    assert found.dtype == np.dtype(byte_order + "i2")
    np.testing.assert_allclose(found.affine, AFFINE, atol=1e-6)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"dim": (4, 2, 3, 4, 5, 1, 1, 1)}, r"the shape \(2, 3, 4, 5\), 5 volumes in one file; expected one volume"),
        ({"dim": (2, 2, 3, 1, 1, 1, 1, 1)}, "2 axes; expected one volume"),
        ({"dim": (3, 2, 0, 4, 1, 1, 1, 1)}, r"the shape \(2, 0, 4\)"),
        ({"dim": (9, 2, 3, 4, 1, 1, 1, 1)}, "9 axes"),
        ({"datatype": 128}, "RGB colour; expected integers or floats"),
        ({"datatype": 99}, "unknown type 99"),
        ({"scl_slope": 2, "scl_inter": np.nan}, "scl_inter is nan"),
        ({"vox_offset": 0}, "vox_offset is 0; expected at least 352"),
        ({"vox_offset": np.nan}, "vox_offset is nan"),
        ({"magic": b"ni1"}, "half of a pair"),
        ({"magic": b""}, "Analyze format, which does not distinguish left from right"),
        ({"sizeof_hdr": 540}, "is NIfTI-2; radlearn reads single-file NIfTI-1"),
        ({"sizeof_hdr": 5}, "is not a NIfTI file: it begins with"),
    ],
)
def test_what_cannot_be_read_is_refused(fields: dict[str, object], words: str) -> None:
    header = np.frombuffer(header_bytes((2, 3, 4), np.dtype("i2"), AFFINE)[:348], HEADER).copy()
    for field, value in fields.items():
        header[field] = value
    with pytest.raises(UnreadableScan, match=words) as caught:
        parsed(Path("scan.nii"), header.tobytes())
    assert str(caught.value).startswith("scan.nii: ")


def test_axes_of_length_one_after_the_third_are_ignored() -> None:
    header = np.frombuffer(header_bytes((2, 3, 4), np.dtype("i2"), AFFINE)[:348], HEADER).copy()
    header["dim"] = 5, 2, 3, 4, 1, 1, 1, 1
    assert parsed(Path("scan.nii"), header.tobytes()).shape == (2, 3, 4)


def test_a_slope_of_zero_means_not_scaled() -> None:
    header = np.frombuffer(header_bytes((2, 3, 4), np.dtype("i2"), AFFINE)[:348], HEADER).copy()
    for slope in (0, np.nan, np.inf):
        header["scl_slope"], header["scl_inter"] = slope, 7
        found = parsed(Path("scan.nii"), header.tobytes())
        assert (found.slope, found.intercept) == (1, 0)


def test_too_few_bytes_are_refused() -> None:
    with pytest.raises(UnreadableScan, match="has 100 bytes; a NIfTI header has 348"):
        parsed(Path("scan.nii"), bytes(100))


def test_dicom_under_another_name_is_recognised() -> None:
    with pytest.raises(UnreadableScan, match="is DICOM; radlearn reads single-file NIfTI-1"):
        parsed(Path("scan.nii"), bytes(128) + b"DICM" + bytes(300))
