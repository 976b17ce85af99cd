"""Solids and clouds to voxels: the share of each voxel that a solid covers, and the weight of a cloud in it."""

import numpy as np

from radlearn.digital_thorax.clouds import Cloud
from radlearn.digital_thorax.ct_grid import CtGeometry, Lattice, Patch
from radlearn.digital_thorax.solids import Solid


class Shape:
    """A solid on the lattice: the distance of each point from its border in voxels; positive outside."""

    def __init__(self, solid: Solid, lattice: Lattice) -> None:
        self.patch: Patch | None = lattice.around(solid.low_mm, solid.high_mm)
        self.lattice = lattice
        if self.patch is not None:
            level = np.asarray(solid.level(*lattice.points(self.patch)), np.float32)
            self.change = np.maximum(lattice.per_voxel(level), 1e-6)
            self.away = level / self.change

    def cover(self, k: int, inset_voxels: float = 0.0, rise: float = 0.0) -> tuple[tuple[slice, slice], np.ndarray] | None:
        """Return a part of slice k and the share of its voxels that lies inside, 0 to 1; None where the solid does not reach.

        Args:
            inset_voxels: distance inside the border at which to begin.
            rise: level of the border instead of 0; positive is farther out.
        """
        if self.patch is None or not self.patch.slices.start <= k < self.patch.slices.stop:
            return None
        here = k - self.patch.slices.start
        away = self.away[here]
        if rise:
            away = away - np.float32(rise) / self.change[here]
        if away.min() > 0.5 - inset_voxels:
            return None
        covered = self.lattice.on_voxels(away, self.patch)
        np.subtract(np.float32(0.5 - inset_voxels), covered, out=covered)
        np.clip(covered, 0, 1, out=covered)
        return (self.patch.voxels[1], self.patch.voxels[2]), covered


class Sprinkled:
    """A cloud of points sorted into slices: the weight in each voxel."""

    def __init__(self, cloud: Cloud, geometry: CtGeometry) -> None:
        i, j, k = geometry.shape
        self.shape = (j, i)
        matrix = np.linalg.inv(geometry.body_from_index).astype(np.float32)
        places = matrix[:3, :3] @ cloud.places_mm + matrix[:3, 3:]
        places = np.rint(places, out=places).astype(np.int32)
        kept = ((places >= 0) & (places < np.array([i, j, k])[:, None])).all(0)
        column, row, height = places[:, kept]
        order = np.argsort(height, kind="stable")
        self.index = (row * i + column)[order]
        self.weight = (cloud.weight_mm2[kept] / np.float32(1000.0 * geometry.voxel_ml))[order]
        self.first = np.searchsorted(height[order], np.arange(k + 1))

    def slice(self, k: int) -> np.ndarray | None:
        """Return weight per mm³ in every voxel (j, i) of slice k, float32; None where there is none."""
        part = slice(self.first[k], self.first[k + 1])
        if part.start == part.stop:
            return None
        total = np.bincount(self.index[part], self.weight[part], self.shape[0] * self.shape[1])
        return total.astype(np.float32).reshape(self.shape)


def loosened(cloud: Cloud, times: int) -> Cloud:
    """Return a cloud whose heavy points, each of which represents more space than a small voxel, are spread over that space.

    `times` multiplies the points, for slices so thin that even the points of a shell lie too far apart.
    """
    heavy = cloud.weight_mm2 > 0.02
    count = np.where(heavy, np.clip(np.ceil(cloud.weight_mm2 / 0.004), 1, 12), 1).astype(np.int32)
    count *= times
    source = np.repeat(np.arange(len(count)), count)
    scatter = np.random.default_rng(84).standard_normal((3, len(source)), dtype=np.float32)
    places = cloud.places_mm[:, source] + scatter * np.where(heavy, np.float32(1.5), np.float32(0.25 if times == 1 else 0.5))[source]
    return Cloud(places, (cloud.weight_mm2 / count)[source])
