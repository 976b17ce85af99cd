"""Where a NIfTI says it lies, as nibabel understands it."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from radlearn.errors import UnreadableScan
from radlearn.scans.nifti_header import HEADER, header_bytes
from radlearn.scans.nifti_place import affine_of

nibabel = pytest.importorskip("nibabel", reason="nibabel, the independent reader, is not installed")

STRAIGHT = np.array([[-0.7, 0, 0, 100], [0, -0.8, 0, 50], [0, 0, 5, -200], [0, 0, 0, 1.0]])


def header_of(affine: np.ndarray) -> np.ndarray:
    return np.frombuffer(header_bytes((20, 30, 40), np.dtype("i2"), affine)[:348], HEADER).copy()


def affine_read(header: np.ndarray) -> np.ndarray:
    return affine_of(Path("scan.nii"), header[0], (20, 30, 40))


def rotated(quaternion: tuple[float, ...], is_mirrored: bool) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_quat(quaternion).as_matrix() * (0.7, 0.8, -5.0 if is_mirrored else 5.0)
    affine[:3, 3] = -3, 200.5, 7
    return affine


@settings(deadline=None)
@given(st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1), st.booleans())
@example((1.0, 0.0, 0.0, 0.0), True)
@example((0.0, 1.0, 0.0, 1e-5), False)
def test_any_rotation_comes_back_from_sform_and_from_qform_alone(quaternion: tuple[float, ...], is_mirrored: bool) -> None:
    affine = rotated(quaternion, is_mirrored)
    header = header_of(affine)
    np.testing.assert_allclose(affine_read(header), affine, atol=1e-4)
    by_nibabel = nibabel.Nifti1Header.from_fileobj(io.BytesIO(header.tobytes()))
    np.testing.assert_allclose(by_nibabel.get_sform(), affine, atol=1e-4)
    # The first number of a float32 quaternion is recovered as a root, so near a half turn the angle is known to
    # sqrt(3 eps) * 2 = 1.2e-3 only; times the longest voxel, 5 mm, that is 6e-3 mm.
    np.testing.assert_allclose(by_nibabel.get_qform(), affine, atol=7e-3)
    header["sform_code"] = 0
    np.testing.assert_allclose(affine_read(header), affine, atol=7e-3)


def test_a_sheared_affine_has_an_sform_only() -> None:
    affine = np.array([[1, 0, 0, 0], [0, 1, 0.3, 0], [0, 0, 2, 0], [0, 0, 0, 1.0]])
    header = header_of(affine)
    assert header["qform_code"] == 0
    np.testing.assert_allclose(affine_read(header), affine, atol=1e-6)


def test_a_file_without_a_place_is_refused() -> None:
    header = header_of(STRAIGHT)
    header["sform_code"] = header["qform_code"] = 0
    with pytest.raises(UnreadableScan, match=r"has no affine.*left and right cannot be distinguished"):
        affine_read(header)


@pytest.mark.parametrize(("unit", "words"), [(1, "in metres; expected millimetres"), (3, "in micrometres")])
def test_other_units_are_refused(unit: int, words: str) -> None:
    header = header_of(STRAIGHT)
    header["xyzt_units"] = unit
    with pytest.raises(UnreadableScan, match=words):
        affine_read(header)


def test_a_mirrored_qform_is_refused() -> None:
    header = header_of(STRAIGHT)
    header["srow"] = -STRAIGHT[:3]
    with pytest.raises(UnreadableScan, match="axes are RAI by the sform, but LPS by the qform"):
        affine_read(header)


def test_a_spacing_told_twice_differently_is_refused() -> None:
    header = header_of(STRAIGHT)
    header["pixdim"][0, 3] = 2.5
    with pytest.raises(UnreadableScan, match=r"spacing is 0.7 × 0.8 × 5 mm by the sform, but 0.7 × 0.8 × 2.5 mm by pixdim"):
        affine_read(header)


def test_two_offsets_in_one_space_are_refused_and_in_two_spaces_are_not() -> None:
    header = header_of(STRAIGHT)
    header["qoffset"] += 30
    with pytest.raises(UnreadableScan, match=r"sform and qform are 52.0 mm apart in the same space"):
        affine_read(header)
    header["sform_code"] = 2
    np.testing.assert_allclose(affine_read(header), STRAIGHT, atol=1e-5)


@pytest.mark.parametrize("bad", [0.0, np.nan])
def test_an_affine_that_spans_nothing_is_refused(bad: float) -> None:
    header = header_of(STRAIGHT)
    header["srow"][0, 1] = bad
    with pytest.raises(UnreadableScan, match=r"its sform is .* which is singular"):
        affine_read(header)
