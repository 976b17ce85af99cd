"""The NIfTI header, read back by nibabel."""

import io

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from radlearn.scans.nifti_header import HEADER, VOXELS_AT, header_bytes


def read_by_nibabel(content: bytes) -> nibabel.Nifti1Header:
    return nibabel.Nifti1Header.from_fileobj(io.BytesIO(content))


def test_the_record_has_the_348_bytes_of_the_standard() -> None:
    assert HEADER.itemsize == 348
    assert len(header_bytes((2, 3, 4), np.dtype("i2"), np.eye(4))) == VOXELS_AT == 352


@settings(deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda q: np.linalg.norm(q) > 0.1), st.booleans())
def test_any_rotation_comes_back_from_sform_and_qform(quaternion: list[float], is_mirrored: bool) -> None:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_quat(quaternion).as_matrix() * (0.7, 0.8, -5.0 if is_mirrored else 5.0)
    affine[:3, 3] = -3, 200.5, 7
    header = read_by_nibabel(header_bytes((2, 3, 4), np.dtype("i2"), affine))
    np.testing.assert_allclose(header.get_sform(), affine, atol=1e-4)
    np.testing.assert_allclose(header.get_qform(), affine, atol=1e-4)
    assert header.get_zooms() == pytest.approx((0.7, 0.8, 5.0))
    assert header.get_xyzt_units()[0] == "mm"


def test_a_sheared_affine_has_an_sform_only() -> None:
    affine = np.array([[1, 0, 0, 0], [0, 1, 0.3, 0], [0, 0, 2, 0], [0, 0, 0, 1.0]])
    header = read_by_nibabel(header_bytes((2, 3, 4), np.dtype("i2"), affine))
    assert header["qform_code"] == 0
    np.testing.assert_allclose(header.get_sform(), affine, atol=1e-6)
