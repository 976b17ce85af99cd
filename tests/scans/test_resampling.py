"""Sampling a picture elsewhere, against functions known in the patient's millimetres and against SimpleITK."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from radlearn.errors import BadSetting
from radlearn.scans.geometry import Grid, cropped, lps_affine, spacing_mm, to_orientation, with_spacing, world_mm
from radlearn.scans.resampling import resampled

LPS = np.array([[-0.7, 0, 0, 10], [0, -0.8, 0, 5], [0, 0, 5, -20], [0, 0, 0, 1.0]])
GRID = Grid((20, 18, 9), LPS)
TURNED = np.eye(4)
TURNED[:3, :3] = Rotation.from_euler("xyz", (4, -3, 10), degrees=True).as_matrix() @ LPS[:3, :3]
TURNED[:3, 3] = 9.5, 4.8, -19


def slope(grid: Grid) -> np.ndarray:
    """A picture that grows with x, y and z alike, so that a swapped or flipped axis shows."""
    places = world_mm(grid.affine, np.moveaxis(np.indices(grid.shape), 0, -1))
    return (places @ (1.0, 10.0, 100.0)).astype(np.float32)


def inner(grid: Grid, within: Grid) -> np.ndarray:
    index = (world_mm(grid.affine, np.moveaxis(np.indices(grid.shape), 0, -1)) - within.affine[:3, 3]) @ np.linalg.inv(
        within.affine[:3, :3]
    ).T
    return ((index >= 1) & (index <= np.array(within.shape) - 2)).all(axis=-1)


@pytest.mark.parametrize("code", ["LPS", "RAS", "RPI", "LAI", "SAR", "PIL", "ASL", "IRP"])
@pytest.mark.parametrize("spacing", [(0.5, 0.6, 2.0), (0.7, 0.8, 5.0), (1.3, 1.1, 6.0)], ids=["finer", "same", "coarser"])
def test_a_slope_stays_the_same_slope_in_any_orientation_and_spacing(code: str, spacing: tuple[float, float, float]) -> None:
    finer = with_spacing(GRID, spacing)
    turned, affine = to_orientation(np.empty(finer.shape), finer.affine, code)
    onto = Grid(turned.shape, affine)
    found, inside = resampled(slope(GRID), GRID, onto), inner(onto, GRID)
    assert inside.sum() > 50
    np.testing.assert_allclose(found[inside], slope(onto)[inside], atol=0.05)


def test_a_slope_stays_the_same_slope_when_the_grid_is_rotated() -> None:
    onto = Grid((15, 14, 8), TURNED)
    found, inside = resampled(slope(GRID), GRID, onto), inner(onto, GRID)
    assert inside.sum() > 500
    np.testing.assert_allclose(found[inside], slope(onto)[inside], atol=0.05)


@pytest.mark.parametrize("affine", [with_spacing(GRID, (0.5, 0.6, 2.0)).affine, TURNED], ids=["finer", "rotated"])
def test_sitk_finds_the_same(affine: np.ndarray) -> None:
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK, the independent oracle, is not installed")
    voxels = np.random.default_rng(0).normal(size=GRID.shape).astype(np.float32)
    image = placed(sitk.GetImageFromArray(voxels.transpose(2, 1, 0)), GRID.affine)
    onto = Grid((16, 15, 8), affine)
    reference = placed(sitk.Image(*onto.shape, sitk.sitkFloat32), onto.affine)
    for kind, rule in (("linear", sitk.sitkLinear), ("nearest", sitk.sitkNearestNeighbor)):
        expected = sitk.GetArrayFromImage(sitk.Resample(image, reference, sitk.Transform(), rule, -7.0)).transpose(2, 1, 0)
        found = resampled(voxels, GRID, onto, kind, outside=-7.0)  # type: ignore[arg-type]
        np.testing.assert_allclose(found, expected, atol=1e-3)


def placed(image, affine: np.ndarray):
    lps = lps_affine(affine)
    image.SetSpacing(spacing_mm(affine))
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / spacing_mm(affine)).ravel().tolist())
    return image


def test_onto_its_own_grid_nothing_changes() -> None:
    voxels = np.random.default_rng(0).normal(size=GRID.shape).astype(np.float32)
    np.testing.assert_array_equal(resampled(voxels, GRID, GRID), voxels)
    np.testing.assert_array_equal(resampled(voxels, GRID, GRID, "nearest"), voxels)


def test_onto_a_crop_of_its_own_grid_it_is_that_crop() -> None:
    voxels = np.random.default_rng(0).normal(size=GRID.shape).astype(np.float32)
    box = (slice(3, 9), slice(2, 18), slice(1, 5))
    np.testing.assert_allclose(resampled(voxels, GRID, cropped(GRID, box)), voxels[box], atol=1e-5)


def test_towards_fewer_voxels_noise_is_averaged_and_the_mean_kept() -> None:
    voxels = np.random.default_rng(0).normal(100, 10, (60, 60, 20)).astype(np.float32)
    grid = Grid((60, 60, 20), np.diag([1.0, 1, 5, 1]))
    smaller = resampled(voxels, grid, with_spacing(grid, (3.0, 3.0, 5.0)))
    assert smaller.shape == (20, 20, 20)
    assert smaller.mean() == pytest.approx(100, abs=0.3)
    assert smaller.std() < 5


def test_a_probability_stays_one() -> None:
    voxels = (np.random.default_rng(0).random(GRID.shape) > 0.5).astype(np.float32)
    for onto in (with_spacing(GRID, (0.5, 1.7, 3.0)), Grid((15, 14, 8), TURNED)):
        found = resampled(voxels, GRID, onto)
        assert found.min() >= 0
        assert found.max() <= 1 + 1e-6


@pytest.mark.parametrize("affine", [LPS, TURNED], ids=["straight", "rotated"])
def test_what_lies_outside_is_filled(affine: np.ndarray) -> None:
    far = affine.copy()
    far[0, 3] += 100
    found = resampled(np.ones(GRID.shape, np.int16), GRID, Grid((4, 4, 4), far), "nearest", outside=-1024)
    assert found.dtype == np.int16
    assert (found == -1024).all()


def test_the_outer_half_of_the_outermost_voxels_belongs_to_them() -> None:
    grid = Grid((2, 2, 2), np.eye(4))
    found = resampled(np.full((2, 2, 2), 7.0, np.float32), grid, with_spacing(grid, (0.25, 0.25, 0.25)), outside=-1)
    assert found.shape == (8, 8, 8)
    assert (found == 7).all()


def test_labels_stay_labels() -> None:
    labels = np.random.default_rng(0).integers(0, 5, GRID.shape).astype(np.uint8)
    found = resampled(labels, GRID, with_spacing(GRID, (0.4, 0.4, 2.0)), "nearest")
    assert found.dtype == np.uint8
    assert set(np.unique(found)) <= set(range(5))


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(BadSetting, match=r"the voxels have shape \(2, 2, 2\), their grid \(20, 18, 9\)"):
        resampled(np.zeros((2, 2, 2)), GRID, GRID)
    with pytest.raises(BadSetting, match="kind is 'cubic'; expected 'linear' or 'nearest'"):
        resampled(np.zeros(GRID.shape), GRID, GRID, "cubic")  # type: ignore[arg-type]
