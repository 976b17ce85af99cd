"""Grids, lattices and the way between indices and millimetres."""

import numpy as np
import pytest

from radlearn.digital_thorax.ct_grid import CtGeometry, Lattice, boxed_geometry, draw_geometry
from radlearn.scans.geometry import orientation

LOW, HIGH = np.array([-140.0, -110.0, -150.0]), np.array([140.0, 110.0, 160.0])


def _drawn(count: int, size: str) -> list[CtGeometry]:
    return [
        draw_geometry((LOW, HIGH), 130.0, size, np.random.default_rng([7, number]), np.array([-90.0, 60.0, 0.0])) for number in range(count)
    ]


def test_full_geometries_are_those_of_the_challenge() -> None:
    drawn = _drawn(300, "full")
    assert all(g.shape[:2] == (512, 512) and 37 <= g.shape[2] <= 103 for g in drawn)
    spacings = np.array([g.spacing_mm for g in drawn])
    assert spacings[:, :2].min() >= 0.3
    assert spacings[:, :2].max() <= 1.0
    assert 0.68 < np.median(spacings[:, 0]) < 0.80
    thick = np.round(spacings[:, 2], 3)
    assert set(thick) == {0.8, 2.0, 5.0}
    assert 0.84 < np.mean(thick == 5.0) < 0.96
    assert 54 <= np.median([g.shape[2] for g in drawn]) <= 74
    axes = [orientation(g.affine_ras) for g in drawn]
    assert set(axes) == {"LPS", "LPI"}
    assert 0.02 < np.mean([code == "LPI" for code in axes]) < 0.12
    oblique = [np.abs(g.affine_ras[1, 2]) > 1e-6 for g in drawn]
    assert 0.03 < np.mean(oblique) < 0.15
    assert 0.2 < np.mean([g.circle for g in drawn]) < 0.5


def test_small_geometries_are_small_and_hold_both_lungs() -> None:
    for geometry in _drawn(40, "small"):
        assert 160 <= geometry.shape[0] == geometry.shape[1] <= 192
        assert 3.0 <= geometry.spacing_mm[2] <= 8.0
        corners = np.array([[x, y, 0.0, 1.0] for x in (LOW[0], HIGH[0]) for y in (LOW[1], HIGH[1])]).T
        index = np.linalg.inv(geometry.body_from_index) @ corners
        assert (index[:2] > -12).all()
        assert (index[:2] < geometry.shape[0] + 12).all()


@pytest.mark.parametrize("at", [(0.4, 50.0), (99.4, 50.0), (50.0, 0.4), (50.0, 79.4), (0.0, 0.0)])
def test_a_box_at_the_edge_of_the_grid_has_a_patch_that_can_be_interpolated(at: tuple[float, float]) -> None:
    lattice = Lattice(boxed_geometry(np.zeros(3), np.array([100.0, 80, 20]), (1.0, 1.0, 5.0)), 3.0)
    place = (at[0], at[1], 10.0)
    for margin in (0.0, 0.6, 2.0):
        patch = lattice.around(place, place, margin)
        assert patch is not None
        x, y, _ = lattice.points(patch)
        assert min(x.shape) >= 1
        assert min(x.shape[1:]) >= 2
        spread = lattice.on_voxels(x[0] + 2 * y[0], patch)
        j, i = np.mgrid[patch.voxels[1], patch.voxels[2]]
        np.testing.assert_allclose(spread, i + 0.5 + 2 * (j + 0.5), atol=1e-3)
        assert patch.voxels[2].start <= min(int(at[0]), 99) < patch.voxels[2].stop
        assert patch.voxels[1].start <= min(int(at[1]), 79) < patch.voxels[1].stop


def test_index_i_goes_to_the_patients_left_and_j_to_the_back() -> None:
    for geometry in _drawn(20, "full"):
        matrix = geometry.body_from_index[:3, :3]
        assert np.argmax(np.abs(matrix), axis=0).tolist() == [0, 1, 2]
        assert matrix[0, 0] > 0
        assert matrix[1, 1] > 0


def test_a_linear_field_comes_back_exactly_from_the_lattice() -> None:
    geometry = boxed_geometry(LOW, HIGH, (2.0, 1.5, 10.0))
    lattice = Lattice(geometry, 4.0)
    patch = lattice.around((-50.0, -40.0, -30.0), (35.0, 62.0, 44.0))
    assert patch is not None
    x, y, z = lattice.points(patch)
    spread = lattice.on_voxels((0.3 * x - 0.7 * y + 0.2 * z)[2], patch)
    index = np.mgrid[patch.voxels[2], patch.voxels[1], slice(patch.slices.start + 2, patch.slices.start + 3)].reshape(3, -1)
    place = geometry.body_from_index[:3, :3] @ index + geometry.body_from_index[:3, 3:]
    expected = (0.3 * place[0] - 0.7 * place[1] + 0.2 * place[2]).reshape(spread.T.shape).T
    assert np.allclose(spread, expected, atol=2e-3)


def test_a_patch_holds_its_box_and_none_lies_off_the_grid() -> None:
    geometry = boxed_geometry(LOW, HIGH, (2.0, 2.0, 5.0))
    lattice = Lattice(geometry, 3.0)
    patch = lattice.around((10.0, 20.0, 30.0), (20.0, 40.0, 60.0))
    assert patch is not None
    index = np.linalg.inv(geometry.body_from_index) @ np.array([[10.0, 20, 30, 1], [20, 40, 60, 1]]).T
    for axis, span in ((0, patch.voxels[2]), (1, patch.voxels[1]), (2, patch.voxels[0])):
        assert span.start <= index[axis].min()
        assert span.stop - 1 >= index[axis].max()
    assert lattice.around((500.0, 0.0, 0.0), (600.0, 10.0, 10.0)) is None


def test_change_per_voxel_counts_voxels() -> None:
    geometry = boxed_geometry(LOW, HIGH, (2.0, 2.0, 5.0))
    lattice = Lattice(geometry, 3.0)
    x, _, z = lattice.points(lattice.whole())
    assert lattice.per_voxel(x + 0 * z) == pytest.approx(2.0, rel=1e-3)
    assert lattice.per_voxel(z + 0 * x) == pytest.approx(5.0, rel=1e-3)
