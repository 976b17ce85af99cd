"""There and back between a scan's grid and the network's: shapes of known place in the patient come home, however the scan lies."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from radlearn.errors import BadSetting
from radlearn.scans.geometry import Grid, cropped, index_of, orientation, same_grid, spacing_mm, to_orientation, world_mm
from radlearn.scans.resampled_grid import ResampledGrid

EIGHT = ["".join(letters) for letters in itertools.product("RL", "AP", "SI")]
SPACINGS = [(1.25, 1.25, 5.0), (2.0, 2.0, 2.0), (1.0, 3.0, 4.0)]
ANISOTROPIC = np.array([[-1.1, 0, 0, 80], [0, -1.4, 0, 60], [0, 0, 4, -70], [0, 0, 0, 1]])
SHAPE = (130, 90, 36)


def tilted(affine: np.ndarray, degrees: tuple[float, float, float] = (9, -7, 12)) -> np.ndarray:
    result = affine.copy()
    result[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix() @ affine[:3, :3]
    return result


def boomerang(grid: Grid, middle: np.ndarray | None = None) -> np.ndarray:
    """Two balls and a flat one, in RAS mm from `middle`, the scan's own: no mirror image of it is itself, in any direction."""
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    x, y, z = np.moveaxis(world_mm(grid.affine, index) - (middle_mm(grid) if middle is None else middle), -1, 0)
    large = (x - 14) ** 2 + (y - 6) ** 2 + (z - 8) ** 2 < 20**2
    small = (x + 20) ** 2 + (y + 14) ** 2 + (z + 18) ** 2 < 14**2
    flat = ((x - 5) / 11) ** 2 + ((y + 12) / 26) ** 2 + ((z - 22) / 13) ** 2 < 1
    return large | small | flat


def middle_mm(grid: Grid) -> np.ndarray:
    return world_mm(grid.affine, (np.array(grid.shape) - 1) / 2)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def around(grid: Grid, mask: np.ndarray, margin: int = 4) -> tuple[slice, slice, slice]:
    ends = [(axis.min() - margin, axis.max() + 1 + margin) for axis in np.nonzero(mask)]
    i, j, k = (slice(max(0, int(low)), min(count, int(high))) for (low, high), count in zip(ends, grid.shape, strict=True))
    return i, j, k


def source(code: str, affine: np.ndarray = ANISOTROPIC) -> Grid:
    turned, turned_affine = to_orientation(np.zeros(SHAPE, bool), affine, code)
    return Grid(turned.shape, turned_affine)


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("affine", [ANISOTROPIC, tilted(ANISOTROPIC)], ids=["straight", "oblique"])
@pytest.mark.parametrize("code", [*EIGHT, "SAR", "PIL"])
def test_a_shape_of_known_place_comes_home_in_any_orientation(code: str, affine: np.ndarray, spacing: tuple[float, float, float]) -> None:
    grid = source(code, affine)
    truth = boomerang(grid)
    resampled = ResampledGrid(grid, around(grid, truth), spacing)
    seen = resampled.onto_grid(truth.astype(np.float32)) > 0.5
    assert orientation(resampled.grid.affine) == "LPS"
    # Where the network sees it is where it is: the shape, asked at the places of the prepared voxels alone.
    assert dice(seen, boomerang(resampled.grid, middle_mm(grid))) > 0.96
    home = resampled.back_to_source(resampled.onto_grid(truth.astype(np.float32))) > 0.5
    assert home.shape == grid.shape
    assert dice(home, truth) >= 0.98


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_prediction_flipped_along_any_axis_does_not_come_home(axis: int) -> None:
    grid = source("LAS")
    truth = boomerang(grid)
    resampled = ResampledGrid(grid, around(grid, truth), (1.25, 1.25, 5.0))
    probability = resampled.onto_grid(truth.astype(np.float32))
    assert dice(resampled.back_to_source(np.flip(probability, axis)) > 0.5, truth) < 0.9


counts = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9))
lengths = st.tuples(st.floats(0.4, 7), st.floats(0.4, 7), st.floats(0.4, 7))


@settings(max_examples=60, deadline=None)
@given(counts, lengths, lengths, st.sampled_from(EIGHT))
def test_the_grid_covers_the_block_with_the_spacing_wanted_and_not_a_voxel_more(
    shape: tuple[int, int, int], steps: tuple[float, float, float], wanted: tuple[float, float, float], code: str
) -> None:
    turned, affine = to_orientation(np.zeros(shape, bool), np.diag([*steps, 1.0]), code)
    resampled = ResampledGrid(Grid(turned.shape, affine), tuple(slice(0, count) for count in turned.shape), wanted)  # type: ignore[arg-type]
    grid, block = resampled.grid, resampled.block
    np.testing.assert_allclose(spacing_mm(grid.affine), wanted)
    np.testing.assert_allclose(
        world_mm(grid.affine, (np.array(grid.shape) - 1) / 2), world_mm(block.affine, (np.array(block.shape) - 1) / 2), atol=1e-6
    )
    extent, covered = np.array(block.shape) * spacing_mm(block.affine), np.array(grid.shape) * np.array(wanted)
    assert (covered > extent - 2e-3 * np.array(wanted)).all()
    assert (covered < extent + 1.001 * np.array(wanted)).all()
    # A volume that is the same everywhere stays so, to the last voxel, there and back.
    there = resampled.onto_grid(np.full(turned.shape, 3.0, np.float32))
    np.testing.assert_allclose(there, 3, rtol=1e-5)
    np.testing.assert_allclose(resampled.back_to_source(there), 3, rtol=1e-5)


def test_outside_the_block_there_is_nothing() -> None:
    grid = source("RPI")
    box = (slice(10, 50), slice(5, 40), slice(3, 20))
    resampled = ResampledGrid(grid, box, (1.25, 1.25, 5.0))
    home = resampled.back_to_source(np.ones(resampled.grid.shape, np.float32))
    expected = np.zeros(grid.shape)
    expected[box] = 1
    np.testing.assert_allclose(home, expected, atol=1e-5)


def test_at_the_scans_own_spacing_nothing_changes_but_the_order() -> None:
    grid = source("PIR", tilted(ANISOTROPIC))
    values = np.random.default_rng(0).normal(size=grid.shape).astype(np.float32)
    box = (slice(2, 30), slice(1, 20), slice(4, 60))
    block = cropped(grid, box)
    turned, affine = to_orientation(values[box], block.affine, "LPS")
    resampled = ResampledGrid(grid, box, spacing_mm(affine))
    assert same_grid(resampled.grid, Grid(turned.shape, affine), 1e-6)
    np.testing.assert_allclose(resampled.onto_grid(values), turned, atol=1e-5)
    np.testing.assert_allclose(resampled.back_to_source(resampled.onto_grid(values))[box], values[box], atol=1e-5)


def test_a_single_voxel_comes_to_the_place_where_it_was() -> None:
    grid = source("SRA")
    values = np.zeros(grid.shape, np.float32)
    at = (20, 60, 40)
    values[at] = 1
    resampled = ResampledGrid(grid, (slice(10, 30), slice(40, 80), slice(20, 60)), (1.0, 1.0, 2.0))
    seen = resampled.onto_grid(values)
    found = np.array(np.unravel_index(seen.argmax(), seen.shape))
    apart = index_of(resampled.grid.affine, world_mm(grid.affine, np.array(at))) - found
    assert abs(apart).max() <= 0.51


def test_wrong_shapes_and_spacings_are_refused() -> None:
    grid = source("LPS")
    resampled = ResampledGrid(grid, (slice(0, 9), slice(0, 9), slice(0, 9)), (1.0, 1.0, 1.0))
    with pytest.raises(BadSetting, match="expected that of its scan"):
        resampled.onto_grid(np.zeros((3, 4, 5)))
    with pytest.raises(BadSetting, match="expected that of the prepared scan"):
        resampled.back_to_source(np.zeros(grid.shape))
    with pytest.raises(BadSetting, match="expected three lengths above 0"):
        _ = ResampledGrid(grid, resampled.box, (1.0, 0.0, 1.0)).grid
