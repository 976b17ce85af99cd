"""From a chest to attenuation: the pose between tube and detector, diverging rays, and attenuation × length summed along them.

Noise, scatter and grey values follow in `detector.py`. By Beer–Lambert, the attenuations along a ray add up, so two findings on one ray
absorb like their sum.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from radlearn.digital_thorax.anatomy import Thorax
from radlearn.digital_thorax.clouds import Cloud
from radlearn.digital_thorax.lesions import Finding
from radlearn.digital_thorax.solids import NOWHERE_MM, Rays, Stretch, crossings, union_length

SOFT_TISSUE = 0.0205
FAT = 0.0182
LUNG = 0.0038
"""Attenuation per mm at an effective energy of about 65 keV (120 kV, filtered): NIST mass attenuation coefficients × density."""


@dataclass(frozen=True)
class Geometry:
    """Tube, detector and the body between them, in mm of the room (LPS, the body's axes when it stands straight)."""

    view: str
    tube_distance_mm: float
    detector_y_mm: float
    width_mm: float
    height_mm: float
    centre_x_mm: float
    centre_z_mm: float
    rotation: np.ndarray
    size_px: int = 1024

    @property
    def tube_mm(self) -> np.ndarray:
        """Return the position of the focal spot: behind the body for PA, in front of it for AP."""
        y = self.detector_y_mm + (self.tube_distance_mm if self.view == "PA" else -self.tube_distance_mm)
        return np.array([0.35 * self.centre_x_mm, y, self.centre_z_mm * 0.6])

    @property
    def spacing_mm(self) -> tuple[float, float]:
        """Return the spacing of rows and of columns on the square X-ray."""
        return self.height_mm / self.size_px, self.width_mm / self.size_px

    def rays(self, size: int) -> Rays:
        """Return the rays to the cell centres of a detector of `size` × `size` cells, in the body's axes."""
        cells = (np.arange(size) + 0.5) / size - 0.5
        x = self.centre_x_mm + cells * self.width_mm
        z = self.centre_z_mm - cells * self.height_mm
        tube = self.tube_mm
        direction = np.empty((3, size, size))
        direction[0], direction[1], direction[2] = (x - tube[0])[None], self.detector_y_mm - tube[1], (z - tube[2])[:, None]
        direction /= np.sqrt((direction**2).sum(0))
        start = tube[:, None, None] + direction * (-tube[1] / direction[1])
        turned = [np.tensordot(self.rotation, part, 1).astype(np.float32) for part in (start, direction)]
        return Rays(*turned)

    def project(self, places_mm: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return (column, row, magnification) of points (3, points) given in the body's axes."""
        room = self.rotation.T.astype(np.float32) @ places_mm
        tube = self.tube_mm.astype(np.float32)
        grown = np.float32(self.detector_y_mm - tube[1]) / (room[1] - tube[1])
        x, z = tube[0] + (room[0] - tube[0]) * grown, tube[2] + (room[2] - tube[2]) * grown
        column = ((x - np.float32(self.centre_x_mm)) / np.float32(self.width_mm) + 0.5) * self.size_px - 0.5
        row = ((np.float32(self.centre_z_mm) - z) / np.float32(self.height_mm) + 0.5) * self.size_px - 0.5
        return column, row, grown


def turned(about_z_degrees: float, about_x_degrees: float, about_y_degrees: float) -> np.ndarray:
    """Return the matrix (3, 3) that turns room into body axes: rotation to a side, leaning back, tilting on the X-ray."""
    a, b, c = np.deg2rad([about_z_degrees, about_x_degrees, about_y_degrees])
    z = np.array([[np.cos(a), np.sin(a), 0], [-np.sin(a), np.cos(a), 0], [0, 0, 1]])
    x = np.array([[1, 0, 0], [0, np.cos(b), np.sin(b)], [0, -np.sin(b), np.cos(b)]])
    y = np.array([[np.cos(c), 0, np.sin(c)], [0, 1, 0], [-np.sin(c), 0, np.cos(c)]])
    return z @ x @ y


class Lungs:
    """Where rays cross aerated lung: per side the pleural sac and, inside it, all that is not lung."""

    def __init__(self, thorax: Thorax, rays: Rays) -> None:
        solids = {id(solid): solid for side in ("right", "left") for solid in thorax.obstacles(side)}
        found = {key: crossings(solid, rays) for key, solid in solids.items()}
        self.rays = rays
        self.sacs = {side: crossings(thorax.sacs[side], rays) for side in ("right", "left")}
        self.obstacles = {side: [found[id(solid)] for solid in thorax.obstacles(side)] for side in ("right", "left")}
        self.length_mm = {side: self._air(side) for side in ("right", "left")}

    def _air(self, side: str) -> np.ndarray:
        sac = self.sacs[side]
        length = np.zeros_like(sac.near)
        rows, columns = np.flatnonzero((sac.near < NOWHERE_MM).any(1)), np.flatnonzero((sac.near < NOWHERE_MM).any(0))
        if len(rows):
            part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            inner = Stretch(sac.near[part], sac.far[part])
            met = [Stretch(s.near[part], s.far[part]) for s in self.obstacles[side] if (s.near[part] < NOWHERE_MM).any()]
            blocked = union_length(met, within=inner) if met else np.float32(0)
            length[part] = np.maximum(inner.length - blocked, 0)
        return length

    def shadow(self, finding: Finding, step_mm: float = 5.5) -> np.ndarray:
        """Return ∫ field dl in mm through the aerated lung of the finding's side, at half the rays' resolution, enlarged to it."""
        whole = np.zeros_like(self.length_mm["right"])
        rows, columns = self.rays.reach(finding.low_mm, finding.high_mm)
        rows, columns = slice(rows.start // 2 * 2, rows.stop // 2 * 2), slice(columns.start // 2 * 2, columns.stop // 2 * 2)
        part = np.s_[rows.start : rows.stop : 2, columns.start : columns.stop : 2]
        rays = Rays(self.rays.start[(slice(None), *part)], self.rays.direction[(slice(None), *part)])
        if rays.start.size == 0:
            return whole
        sac = Stretch(self.sacs[finding.side].near[part], self.sacs[finding.side].far[part])
        # The depths at which each ray enters and leaves the finding's box from front to back; they differ where the body leans.
        ends = np.sort([(np.float32(y) - rays.start[1]) / rays.direction[1] for y in (finding.low_mm[1], finding.high_mm[1])], axis=0)
        near, far = np.clip(sac.near, *ends), np.clip(sac.far, *ends)
        count = max(int(float((far - near).max()) / step_mm), 4)
        share = ((np.arange(count, dtype=np.float32) + 0.5) / count)[:, None, None]
        depth = near + (far - near) * share
        met = np.broadcast_to(far - near > 0.5, depth.shape).copy()
        for block in self.obstacles[finding.side]:
            met &= ~((depth > block.near[part]) & (depth < block.far[part]))
            # Only the samples in the lung are evaluated, since the field is expensive.
        x, y, z = (
            np.broadcast_to(start, depth.shape)[met] + np.broadcast_to(go, depth.shape)[met] * depth[met]
            for start, go in zip(rays.start, rays.direction, strict=True)
        )
        field = np.zeros(depth.shape, np.float32)
        field[met] = finding.field(x, y, z)
        shadow = field.sum(0) * ((far - near) / count)
        whole[rows, columns] = np.repeat(np.repeat(shadow, 2, 0), 2, 1)
        return whole


def tissue_attenuation(thorax: Thorax, rays: Rays, lungs: Lungs, lung_density: float) -> np.ndarray:
    """Return attenuation × length of everything but bones, vessels and findings, float32 (rows, columns)."""
    skin = [crossings(solid, rays) for solid in thorax.skin]
    muscle = crossings(thorax.muscle, rays)
    total = SOFT_TISSUE * union_length(skin)
    total -= (SOFT_TISSUE - FAT) * np.maximum(skin[0].length - muscle.length, 0)
    air = lungs.length_mm["right"] + lungs.length_mm["left"]
    total -= np.float32(SOFT_TISSUE - LUNG * lung_density) * air
    total -= np.float32(SOFT_TISSUE) * union_length([crossings(solid, rays) for solid in thorax.airways])
    for bubble in thorax.gas:
        total -= np.float32(0.9 * SOFT_TISSUE) * crossings(bubble, rays).length
    return np.maximum(total, 0)


def splat(clouds: Sequence[Cloud], geometry: Geometry) -> np.ndarray:
    """Return attenuation × length of point clouds on the full-size detector, float32 (size, size)."""
    size = geometry.size_px
    area = geometry.spacing_mm[0] * geometry.spacing_mm[1]
    indices, weights = [], []
    for cloud in clouds:
        column, row, grown = geometry.project(cloud.places_mm)
        kept = np.flatnonzero((column > 0) & (column < size - 1) & (row > 0) & (row < size - 1))
        # Nearest cell: cheaper than distributing each point over four cells, and as good, since points are dense.
        indices.append(row[kept].astype(np.int32) * size + column[kept].astype(np.int32))
        weights.append(cloud.weight_mm2[kept] * (grown[kept] ** 2 * np.float32(1 / area)))
    total = np.bincount(np.concatenate(indices), np.concatenate(weights), size * size)
    image = total.reshape(size, size).astype(np.float32)
    image[:, 1:] += image[:, :-1].copy()
    image[1:] += image[:-1].copy()
    return image * np.float32(0.25)
