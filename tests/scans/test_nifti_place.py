"""Where a NIfTI says it lies, against SimpleITK and against quaternions by SciPy."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from radlearn.errors import UnreadableScan
from radlearn.scans.nifti import read_volume, write_volume
from radlearn.scans.nifti_place import AGREES_WITHIN
from tests.scans.nifti_witness import fields_of, read_by_sitk, with_fields

STRAIGHT = np.array([[-0.7, 0, 0, 100], [0, -0.8, 0, 50], [0, 0, 5, -200], [0, 0, 0, 1.0]])
VOXELS = np.zeros((20, 30, 4), np.uint8)
# The first number of a float32 quaternion is recovered as a root, so near a half turn the angle is known to
# sqrt(3 eps) * 2 = 1.2e-3 only; times the longest voxel, 5 mm, that is 6e-3 mm.
HALF_TURN_MM = 7e-3


def written(folder: Path, affine: np.ndarray) -> bytes:
    write_volume(folder / "written.nii", VOXELS, affine)
    return (folder / "written.nii").read_bytes()


def affine_read(folder: Path, content: bytes, **fields: object) -> np.ndarray:
    (folder / "scan.nii").write_bytes(with_fields(content, **fields))
    return read_volume(folder / "scan.nii").affine


def qform_of(content: bytes) -> np.ndarray:
    """The qform by nifti1.h, method 2, with SciPy's quaternions."""
    fields = fields_of(content)
    b, c, d = fields["quatern"]
    rotation = Rotation.from_quat((b, c, d, np.sqrt(max(0, 1 - b * b - c * c - d * d)))).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = rotation * fields["pixdim"][1:4] * (1, 1, fields["pixdim"][0])
    affine[:3, 3] = fields["qoffset"]
    return affine


def rotated(quaternion: tuple[float, ...], is_mirrored: bool) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_quat(quaternion).as_matrix() * (0.7, 0.8, -5.0 if is_mirrored else 5.0)
    affine[:3, 3] = -3, 200.5, 7
    return affine


@given(st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1), st.booleans())
@example((1.0, 0.0, 0.0, 0.0), True)
@example((0.0, 1.0, 0.0, 1e-5), False)
@example((0.6, 0.0, 0.8, 1e-4), True)
def test_any_rotation_comes_back_from_sform_and_from_qform_alone(
    tmp_path_factory: pytest.TempPathFactory, quaternion: tuple[float, ...], is_mirrored: bool
) -> None:
    affine, folder = rotated(quaternion, is_mirrored), tmp_path_factory.getbasetemp()
    content = written(folder, affine)
    fields = fields_of(content)
    assert (fields["sform_code"], fields["qform_code"]) == (1, 1)
    np.testing.assert_allclose(np.reshape(fields["srow"], (3, 4)), affine[:3], atol=1e-4)
    np.testing.assert_allclose(qform_of(content), affine, atol=HALF_TURN_MM)
    np.testing.assert_allclose(affine_read(folder, content), affine, atol=1e-4)
    np.testing.assert_allclose(affine_read(folder, content, sform_code=0), affine, atol=HALF_TURN_MM)
    np.testing.assert_allclose(affine_read(folder, content, qform_code=0), affine, atol=1e-4)


@pytest.mark.parametrize("is_mirrored", [False, True])
@pytest.mark.parametrize(
    "quaternion", [(0, 0, 0, 1), (0, 0, 1, 0), (1, 0, 0, 0), (0.6, 0, 0.8, 0), (0.1, -0.2, 0.3, 0.9), (0.5, 0.5, 0.5, 0.5)]
)
def test_sitk_finds_the_same_place_by_sform_and_by_qform(tmp_path: Path, quaternion: tuple[float, ...], is_mirrored: bool) -> None:
    content = written(tmp_path, rotated(quaternion, is_mirrored))
    for fields in ({"qform_code": 0}, {"sform_code": 0}, {}):
        affine = affine_read(tmp_path, content, **fields)
        np.testing.assert_allclose(affine, rotated(quaternion, is_mirrored), atol=1e-4)
        np.testing.assert_allclose(affine, read_by_sitk(tmp_path / "scan.nii")[1], atol=1e-4)


def test_a_sheared_affine_has_an_sform_only(tmp_path: Path) -> None:
    affine = np.array([[1, 0, 0, 0], [0, 1, 0.3, 0], [0, 0, 2, 0], [0, 0, 0, 1.0]])
    content = written(tmp_path, affine)
    fields = fields_of(content)
    assert (fields["qform_code"], fields["quatern"]) == (0, (0, 0, 0))
    assert fields["pixdim"][:4] == pytest.approx((1, 1, 1, np.hypot(0.3, 2)))
    np.testing.assert_allclose(affine_read(tmp_path, content), affine, atol=1e-6)


def test_an_affine_rounded_to_float32_keeps_its_qform(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for quaternion in rng.normal(size=(50, 4)):
        affine = rotated(tuple(quaternion), False).astype(np.float32)
        assert fields_of(written(tmp_path, affine))["qform_code"] == 1


@pytest.mark.parametrize("first", [0.0, 1.0, 2.0, np.nan])
def test_a_qform_that_does_not_say_that_k_is_reversed_is_not_reversed(tmp_path: Path, first: float) -> None:
    content = written(tmp_path, STRAIGHT)
    pixdim = (first, 0.7, 0.8, 5.0, 1.0, 1.0, 1.0, 1.0)
    np.testing.assert_allclose(affine_read(tmp_path, content, sform_code=0, pixdim=pixdim), STRAIGHT, atol=1e-5)
    found = affine_read(tmp_path, content, sform_code=0, pixdim=(-1.0, *pixdim[1:]))
    np.testing.assert_allclose(found, STRAIGHT @ np.diag([1, 1, -1, 1]), atol=1e-5)


@pytest.mark.parametrize("codes", [{"sform_code": 0}, {"qform_code": 0}, {}], ids=["qform", "sform", "both"])
@pytest.mark.parametrize("signs", [(1, -1, 1, 1), (1, 1, 1, -1), (1, -1, -1, 1), (-1, 1, 1, -1), (-0.3, 1, 1, 1), (-2, 1, 1, 1)])
def test_a_sign_that_programs_read_differently_is_refused(
    tmp_path: Path, codes: dict[str, int], signs: tuple[float, float, float, float]
) -> None:
    content = written(tmp_path, STRAIGHT)
    pixdim = (*(np.array(signs) * fields_of(content)["pixdim"][:4]).tolist(), 1.0, 1.0, 1.0, 1.0)
    if min(signs[1:]) > 0 and codes == {"qform_code": 0}:
        # With an sform alone nobody looks at pixdim[0].
        np.testing.assert_allclose(affine_read(tmp_path, content, pixdim=pixdim, **codes), STRAIGHT, atol=1e-5)
    else:
        with pytest.raises(UnreadableScan, match="Convert it again from its source"):
            affine_read(tmp_path, content, pixdim=pixdim, **codes)
    # The witnesses of what is refused: one reads the patient mirrored, the other does not.
    by_nibabel, (_, by_sitk) = nib.load(tmp_path / "scan.nii").affine, read_by_sitk(tmp_path / "scan.nii")
    is_refused_alone = min(signs[1:]) < 0 or codes == {"sform_code": 0}
    assert is_refused_alone != np.allclose(by_nibabel, by_sitk, atol=1e-4)


def test_a_half_turn_whose_quaternion_was_rounded_to_more_than_1_is_read(tmp_path: Path) -> None:
    # Six decimals: the squares sum to 1.0000006, which nibabel's own get_qform refuses.
    found = affine_read(tmp_path, written(tmp_path, STRAIGHT), sform_code=0, quatern=(0.0, 0.707107, 0.707107))
    np.testing.assert_allclose(found[:3, :3], rotated((0, 1, 1, 0), False)[:3, :3], atol=1e-5)
    np.testing.assert_allclose(found, read_by_sitk(tmp_path / "scan.nii")[1], atol=1e-5)


def test_a_negative_code_is_no_affine(tmp_path: Path) -> None:
    content = with_fields(written(tmp_path, STRAIGHT), qform_code=0)
    with pytest.raises(UnreadableScan, match="has no affine"):
        affine_read(tmp_path, content, sform_code=-1)
    with pytest.raises(UnreadableScan, match="has no affine"):
        affine_read(tmp_path, content, sform_code=0, qform_code=-1)


def test_a_file_without_a_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableScan, match=r"has no affine.*left and right cannot be distinguished"):
        affine_read(tmp_path, written(tmp_path, STRAIGHT), sform_code=0, qform_code=0)


@pytest.mark.parametrize(("unit", "words"), [(1, "in metres; expected millimetres"), (3, "in micrometres"), (8 + 3, "in micrometres")])
def test_other_units_are_refused(tmp_path: Path, unit: int, words: str) -> None:
    with pytest.raises(UnreadableScan, match=words):
        affine_read(tmp_path, written(tmp_path, STRAIGHT), xyzt_units=unit)


@pytest.mark.parametrize("unit", [0, 2, 8 + 2, 7])
def test_millimetres_with_or_without_seconds_and_no_unit_are_read(tmp_path: Path, unit: int) -> None:
    np.testing.assert_allclose(affine_read(tmp_path, written(tmp_path, STRAIGHT), xyzt_units=unit), STRAIGHT, atol=1e-5)


def test_a_mirrored_qform_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableScan, match="axes are RAI by the sform, but LPS by the qform"):
        affine_read(tmp_path, written(tmp_path, STRAIGHT), srow=tuple(-STRAIGHT[:3].ravel()))


def test_a_spacing_told_twice_differently_is_refused(tmp_path: Path) -> None:
    content = written(tmp_path, STRAIGHT)
    pixdim = (1.0, 0.7, 0.8, 2.5, 1.0, 1.0, 1.0, 1.0)
    with pytest.raises(UnreadableScan, match=r"spacing is 0.7 × 0.8 × 5 mm by the sform, but 0.7 × 0.8 × 2.5 mm by pixdim"):
        affine_read(tmp_path, content, pixdim=pixdim)
    for share, is_refused in ((0.9, False), (1.1, True)):
        rounded = (1.0, 0.7, 0.8, 5 * (1 + share * AGREES_WITHIN), 1.0, 1.0, 1.0, 1.0)
        if is_refused:
            with pytest.raises(UnreadableScan, match="by pixdim"):
                affine_read(tmp_path, content, pixdim=rounded, qform_code=0)
        else:
            np.testing.assert_allclose(affine_read(tmp_path, content, pixdim=rounded, qform_code=0), STRAIGHT, atol=1e-5)


def test_two_offsets_in_one_space_are_refused_and_in_two_spaces_are_not(tmp_path: Path) -> None:
    content = with_fields(written(tmp_path, STRAIGHT), qoffset=(130.0, 80.0, -170.0))
    with pytest.raises(UnreadableScan, match=r"sform and qform are 52.0 mm apart in the same space"):
        affine_read(tmp_path, content)
    np.testing.assert_allclose(affine_read(tmp_path, content, sform_code=2), STRAIGHT, atol=1e-5)


@pytest.mark.parametrize("bad", [0.0, np.nan])
def test_an_affine_that_spans_nothing_is_refused(tmp_path: Path, bad: float) -> None:
    content = written(tmp_path, STRAIGHT)
    srow = (bad, *STRAIGHT[:3].ravel()[1:])
    with pytest.raises(UnreadableScan, match=r"its sform is .* which is singular"):
        affine_read(tmp_path, content, srow=srow)
    with pytest.raises(UnreadableScan, match=r"its qform is .* which is singular"):
        affine_read(tmp_path, content, sform_code=0, pixdim=(1.0, bad, 0.8, 5.0, 1.0, 1.0, 1.0, 1.0))


@pytest.mark.parametrize("degrees", [6, 15, 30, 59])
@pytest.mark.parametrize("codes", [(1, 1), (2, 1), (4, 1)])
def test_two_affines_that_are_turned_against_each_other_are_refused(tmp_path: Path, degrees: int, codes: tuple[int, int]) -> None:
    turned = np.eye(4)
    turned[:3, :3] = Rotation.from_euler("z", degrees, degrees=True).as_matrix()
    content = written(tmp_path, STRAIGHT)
    srow = (turned @ STRAIGHT)[:3].ravel().tolist()
    with pytest.raises(UnreadableScan, match=r"turned against each other|mm apart in the same space"):
        affine_read(tmp_path, content, sform_code=codes[0], qform_code=codes[1], srow=tuple(srow))


def test_two_spaces_that_are_turned_by_a_degree_are_read_by_the_sform(tmp_path: Path) -> None:
    turned = np.eye(4)
    turned[:3, :3] = Rotation.from_euler("x", 1, degrees=True).as_matrix()
    content = written(tmp_path, STRAIGHT)
    found = affine_read(tmp_path, content, sform_code=2, qform_code=1, srow=tuple((turned @ STRAIGHT)[:3].ravel().tolist()))
    np.testing.assert_allclose(found, turned @ STRAIGHT, atol=1e-4)
