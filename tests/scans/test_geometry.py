"""The one story of axes: every voxel stays where it is in the patient, whatever its array is called."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from radlearn.errors import BadSetting
from radlearn.metrics.masks import volume_ml
from radlearn.scans.geometry import (
    Grid,
    Volume,
    bounds_mm,
    box_around,
    cropped,
    from_orientation,
    index_of,
    lps_affine,
    orientation,
    same_grid,
    spacing_mm,
    steps_mm,
    to_orientation,
    voxel_volume_ml,
    with_spacing,
    world_mm,
)

sitk = pytest.importorskip("SimpleITK", reason="SimpleITK, the independent oracle, is not installed")
ALL_CODES = ["".join(letters) for axes in itertools.permutations(("RL", "AP", "SI")) for letters in itertools.product(*axes)]
EIGHT_CODES = ["".join(letters) for letters in itertools.product("RL", "AP", "SI")]
LPS = np.array([[-0.7, 0, 0, 100], [0, -0.8, 0, 50], [0, 0, 5, -200], [0, 0, 0, 1.0]])
OBLIQUE = np.eye(4)
OBLIQUE[:3, :3] = Rotation.from_euler("xyz", (20, -15, 30), degrees=True).as_matrix() * (-0.7, -0.8, 5)
OBLIQUE[:3, 3] = 100, 50, -200


def affine_of(code: str) -> np.ndarray:
    """An affine whose axes go where the code says, with spacings 0.7, 0.8, 5 mm, written down letter by letter."""
    step = {"R": (1, 0, 0), "L": (-1, 0, 0), "A": (0, 1, 0), "P": (0, -1, 0), "S": (0, 0, 1), "I": (0, 0, -1)}
    affine = np.eye(4)
    for axis, (letter, length) in enumerate(zip(code, (0.7, 0.8, 5.0), strict=True)):
        affine[:3, axis] = np.array(step[letter]) * length
    affine[:3, 3] = 11, -22, 33
    return affine


affines = st.builds(
    lambda quaternion, spacing, offset, is_mirrored: np.vstack(
        [
            np.column_stack([Rotation.from_quat(quaternion).as_matrix() * spacing * (1, 1, -1 if is_mirrored else 1), offset]),
            (0, 0, 0, 1),
        ]
    ),
    st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1),
    st.tuples(*[st.floats(0.3, 8)] * 3),
    st.tuples(*[st.floats(-500, 500)] * 3),
    st.booleans(),
)


def test_index_to_mm_by_hand() -> None:
    np.testing.assert_allclose(world_mm(LPS, np.array([0, 0, 0])), (100, 50, -200))
    np.testing.assert_allclose(world_mm(LPS, np.array([10, 0, 0])), (93, 50, -200))
    np.testing.assert_allclose(world_mm(LPS, np.array([0, 10, 0])), (100, 42, -200))
    np.testing.assert_allclose(world_mm(LPS, np.array([[0, 0, 2], [1, 1, 1]])), [(100, 50, -190), (99.3, 49.2, -195)])
    np.testing.assert_allclose(index_of(LPS, np.array([93, 42, -190])), (10, 10, 2))


def test_the_same_point_in_lps_has_two_signs_turned() -> None:
    np.testing.assert_allclose(world_mm(lps_affine(LPS), np.array([10, 10, 2])), (-93, -42, -190))
    np.testing.assert_array_equal(lps_affine(lps_affine(OBLIQUE)), OBLIQUE)


@pytest.mark.parametrize("code", ALL_CODES)
def test_the_code_of_every_straight_orientation(code: str) -> None:
    assert orientation(affine_of(code)) == code
    assert spacing_mm(affine_of(code)) == pytest.approx((0.7, 0.8, 5))


@given(affines)
def test_sitk_names_the_same_orientation_where_there_is_no_doubt(affine: np.ndarray) -> None:
    code = orientation(affine)
    assert code in ALL_CODES
    directions = np.abs(affine[:3, :3] / spacing_mm(affine))
    if (np.sort(directions, axis=0)[2] > 0.8).all():
        assert code == sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(directions_lps(affine))


@given(affines, st.sampled_from(ALL_CODES))
def test_sitk_turns_a_volume_alike(affine: np.ndarray, code: str) -> None:
    directions = np.abs(affine[:3, :3] / spacing_mm(affine))
    assume((np.sort(directions, axis=0)[2] > 0.8).all())
    voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    image = sitk.GetImageFromArray(voxels.transpose(2, 1, 0))
    image.SetDirection(directions_lps(affine))
    expected = sitk.GetArrayFromImage(sitk.DICOMOrient(image, code)).transpose(2, 1, 0)
    np.testing.assert_array_equal(to_orientation(voxels, affine, code)[0], expected)


def directions_lps(affine: np.ndarray) -> list[float]:
    return (lps_affine(affine)[:3, :3] / spacing_mm(affine)).ravel().tolist()


@given(affines, st.sampled_from(ALL_CODES), st.tuples(*[st.integers(1, 5)] * 3))
def test_turning_keeps_every_voxel_in_its_place_and_turning_back_is_exact(affine: np.ndarray, code: str, shape: tuple[int, ...]) -> None:
    voxels = np.arange(np.prod(shape)).reshape(shape)
    turned, turned_affine = to_orientation(voxels, affine, code)
    index = np.array(list(np.ndindex(*turned.shape)))
    before = np.rint(index_of(affine, world_mm(turned_affine, index))).astype(int)
    np.testing.assert_array_equal(turned.ravel(), voxels[tuple(before.T)])
    np.testing.assert_array_equal(from_orientation(turned, code, affine), voxels)
    np.testing.assert_allclose(sorted(spacing_mm(turned_affine)), sorted(spacing_mm(affine)))


@pytest.mark.parametrize("code", EIGHT_CODES)
@pytest.mark.parametrize("source", [LPS, OBLIQUE, affine_of("SAR")], ids=["straight", "oblique", "sagittal"])
def test_a_marked_voxel_keeps_its_millimetres_in_eight_orientations(source: np.ndarray, code: str) -> None:
    voxels = np.zeros((6, 7, 8), np.uint8)
    voxels[1, 2, 3] = 1
    turned, affine = to_orientation(voxels, source, code)
    assert orientation(affine) == code
    np.testing.assert_allclose(world_mm(affine, np.argwhere(turned)[0]), world_mm(source, np.array([1, 2, 3])), atol=1e-9)


def test_a_turn_by_hand() -> None:
    voxels = np.arange(24).reshape(2, 3, 4)
    turned, affine = to_orientation(voxels, affine_of("LPS"), "SRA")
    assert turned.shape == (4, 2, 3)
    assert turned[0, 0, 0] == voxels[1, 2, 0], "first: lowest, most left, most at the back"
    assert turned[3, 1, 0] == voxels[0, 2, 3], "then: highest, right, back"
    np.testing.assert_allclose(affine[:3, 3], (11 - 0.7, -22 - 2 * 0.8, 33))


def test_turning_makes_no_copy_and_leaves_leading_axes_alone() -> None:
    voxels = np.arange(48).reshape(2, 2, 3, 4)
    turned, _ = to_orientation(voxels, affine_of("LPS"), "IAR")
    assert np.shares_memory(turned, voxels)
    np.testing.assert_array_equal(turned[1], to_orientation(voxels[1], affine_of("LPS"), "IAR")[0])
    np.testing.assert_array_equal(from_orientation(turned, "IAR", affine_of("LPS")), voxels)


@pytest.mark.parametrize("code", ["LP", "LPX", "LRS", "lps", "LPSA", ""])
def test_what_is_no_orientation_is_refused(code: str) -> None:
    with pytest.raises(BadSetting, match="expected three letters, one each of R or L, A or P, S or I"):
        to_orientation(np.zeros((2, 2, 2)), LPS, code)


def test_a_flip_or_a_shift_is_another_grid_and_rounding_is_not() -> None:
    grid = Grid((6, 7, 8), LPS)
    assert same_grid(grid, Grid((6, 7, 8), LPS + 1e-5))
    assert not same_grid(grid, Grid((6, 7, 9), LPS))
    for axis in range(3):
        flipped = to_orientation(np.zeros(grid.shape), LPS, "".join(swapped(letter, i == axis) for i, letter in enumerate("LPS")))[1]
        assert not same_grid(grid, Grid((6, 7, 8), flipped))
        shifted = LPS.copy()
        shifted[axis, 3] += 0.1
        assert not same_grid(grid, Grid((6, 7, 8), shifted))
        assert same_grid(grid, Grid((6, 7, 8), shifted), tolerance_voxels=0.2)


def swapped(letter: str, is_swapped: bool) -> str:
    return {"L": "R", "P": "A", "S": "I"}[letter] if is_swapped else letter


def test_a_slight_turn_that_moves_only_the_far_corner_is_another_grid() -> None:
    turned = LPS.copy()
    turned[:3, :3] = Rotation.from_euler("z", 0.1, degrees=True).as_matrix() @ LPS[:3, :3]
    assert same_grid(Grid((20, 20, 8), LPS), Grid((20, 20, 8), turned))
    assert not same_grid(Grid((512, 512, 8), LPS), Grid((512, 512, 8), turned))


def test_volume_and_bounds_by_hand() -> None:
    assert voxel_volume_ml(LPS) == pytest.approx(0.0028)
    assert voxel_volume_ml(OBLIQUE) == pytest.approx(0.0028)
    low, high = bounds_mm(Grid((10, 20, 4), LPS))
    np.testing.assert_allclose(high, (100.35, 50.4, -182.5))
    np.testing.assert_allclose(low, (93.35, 34.4, -202.5))


def test_a_crop_keeps_its_voxels_in_place() -> None:
    voxels = np.arange(6 * 7 * 8).reshape(6, 7, 8)
    box = (slice(1, 4), slice(2, 7), slice(3, 5))
    grid = cropped(Grid((6, 7, 8), OBLIQUE), box)
    assert grid.shape == voxels[box].shape
    np.testing.assert_allclose(world_mm(grid.affine, np.array([0, 0, 0])), world_mm(OBLIQUE, np.array([1, 2, 3])))
    np.testing.assert_allclose(grid.affine[:3, :3], OBLIQUE[:3, :3])


@pytest.mark.parametrize("affine", [LPS, OBLIQUE], ids=["straight", "oblique"])
def test_other_spacing_fills_the_same_block(affine: np.ndarray) -> None:
    grid = Grid((20, 30, 4), affine)
    finer = with_spacing(grid, (0.35, 1.6, 2.5))
    assert finer.shape == (40, 15, 8)
    np.testing.assert_allclose(np.stack(bounds_mm(finer)), np.stack(bounds_mm(grid)), atol=1e-9)
    assert spacing_mm(finer.affine) == pytest.approx((0.35, 1.6, 2.5))
    assert with_spacing(grid, (1000, 1000, 1000)).shape == (1, 1, 1)
    with pytest.raises(BadSetting, match="three lengths above 0"):
        with_spacing(grid, (1, 0, 1))


def test_a_box_holds_its_mask_and_a_margin_within_the_volume() -> None:
    mask = np.zeros((10, 10, 10), bool)
    assert box_around(mask) is None
    mask[2, 3, 4] = mask[5, 3, 9] = True
    assert box_around(mask) == (slice(2, 6), slice(3, 4), slice(4, 10))
    assert box_around(mask, margin_mm=2.5, spacing=(1, 5, 2)) == (slice(0, 9), slice(2, 5), slice(2, 10))


def test_a_grid_says_itself_in_words() -> None:
    said = str(Volume(np.zeros((2, 3, 4)), LPS).grid)
    assert said == "2 × 3 × 4 voxels of 0.7 × 0.8 × 5 mm, axes LPS, the first at RAS (100.0, 50.0, -200.0) mm"


def test_steps_are_lengths_at_right_angles_and_a_matrix_on_a_shear() -> None:
    rotated = np.eye(4)
    rotated[:3, :3] = Rotation.from_euler("xyz", (10, 20, 30), degrees=True).as_matrix() * (0.7, -0.8, 5)
    np.testing.assert_allclose(steps_mm(rotated), (0.7, 0.8, 5))
    sheared = rotated.copy()
    sheared[:3, 2] += 0.5 * rotated[:3, 1]
    np.testing.assert_array_equal(steps_mm(sheared), sheared[:3, :3])
    for affine in (rotated, sheared):
        assert volume_ml(np.ones((10, 10, 10), bool), steps_mm(affine)) == pytest.approx(1000 * voxel_volume_ml(affine))
