"""Volumes and masses survive the voxels."""

import numpy as np
import pytest

from radlearn.digital_thorax.clouds import Cloud
from radlearn.digital_thorax.ct_grid import Lattice, boxed_geometry
from radlearn.digital_thorax.ct_voxels import Shape, Sprinkled, loosened
from radlearn.digital_thorax.solids import ellipsoid


def test_a_sphere_covers_its_volume_with_partial_voxels() -> None:
    grid = boxed_geometry(np.full(3, -40.0), np.full(3, 40.0), (1.0, 1.0, 5.0))
    shape = Shape(ellipsoid("ball", (1.3, -2.1, 3.7), (23.0, 23.0, 23.0)), Lattice(grid, 3.0))
    total, partly = 0.0, 0
    for k in range(grid.shape[2]):
        covered = shape.cover(k)
        if covered is not None:
            total += float(covered[1].sum())
            partly += int(((covered[1] > 0.02) & (covered[1] < 0.98)).sum())
    assert total * grid.voxel_ml == pytest.approx(4 / 3 * np.pi * 2.3**3, rel=0.02)
    assert partly > 500


def test_a_cloud_keeps_its_mass_in_voxels() -> None:
    draw = np.random.default_rng(0)
    cloud = Cloud(draw.uniform(-30, 30, (3, 5000)).astype(np.float32), draw.random(5000).astype(np.float32))
    grid = boxed_geometry(np.full(3, -40.0), np.full(3, 40.0), (1.5, 1.5, 5.0))
    sprinkled = Sprinkled(cloud, grid)
    slices = [sprinkled.slice(k) for k in range(grid.shape[2])]
    total = sum(float(one.sum()) for one in slices if one is not None)
    assert total * grid.voxel_ml * 1000 == pytest.approx(float(cloud.weight_mm2.sum()), rel=1e-4)


def test_an_inset_is_so_many_voxels_smaller_and_a_rise_is_outside() -> None:
    grid = boxed_geometry(np.full(3, -40.0), np.full(3, 40.0), (1.0, 1.0, 1.0))
    shape = Shape(ellipsoid("ball", (0.0, 0.0, 0.0), (20.0, 20.0, 20.0)), Lattice(grid, 3.0))

    def radius_mm(inset: float = 0.0, rise: float = 0.0) -> float:
        covered = shape.cover(40, inset, rise)
        assert covered is not None
        return float(np.sqrt(covered[1].sum() / np.pi))

    assert radius_mm() == pytest.approx(20.0, abs=0.3)
    # A voxel counts from corner to corner where the border runs askew: three voxels are three to four millimetres there.
    assert 15.0 < radius_mm(inset=3.0) < 17.5
    assert radius_mm(rise=(22 / 20) ** 2 - 1) == pytest.approx(22.0, abs=0.4)


def test_a_solid_off_the_grid_covers_nothing() -> None:
    grid = boxed_geometry(np.zeros(3), np.full(3, 40.0), (1.0, 1.0, 5.0))
    shape = Shape(ellipsoid("ball", (200.0, 0.0, 0.0), (20.0, 20.0, 20.0)), Lattice(grid, 3.0))
    assert all(shape.cover(k) is None for k in range(8))


def test_loosening_keeps_weight_and_middle() -> None:
    draw = np.random.default_rng(1)
    cloud = Cloud(draw.uniform(-30, 30, (3, 3000)).astype(np.float32), (draw.random(3000) * 0.06).astype(np.float32))
    for times in (1, 3):
        loose = loosened(cloud, times)
        assert len(loose.weight_mm2) > 2 * times * len(cloud.weight_mm2)
        assert float(loose.weight_mm2.sum()) == pytest.approx(float(cloud.weight_mm2.sum()), rel=1e-4)
        before = (cloud.places_mm * cloud.weight_mm2).sum(1) / cloud.weight_mm2.sum()
        after = (loose.places_mm * loose.weight_mm2).sum(1) / loose.weight_mm2.sum()
        assert after == pytest.approx(before, abs=0.1)
