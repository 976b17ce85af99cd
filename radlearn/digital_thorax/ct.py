"""A body, voxelised: Hounsfield units with partial volume on any grid, and the exact masks of lesions and lungs.

Solids are sampled on a lattice of a few millimetres. Dividing a level by its change across one voxel gives the distance from the border in
voxels; interpolated to the voxels, it gives the share of each that the solid covers. Borders are smooth without supersampling, even where
a slice of 5 mm cuts a dome. Bones, vessels and bronchi are the same clouds of points as in the X-rays, summed per voxel.
"""

from dataclasses import dataclass

import numpy as np

from radlearn.digital_thorax.ct_body import FILLED_HU, WATER, CtBody, Paint, organ_layers, outer_layers
from radlearn.digital_thorax.ct_grid import CtGeometry, Lattice
from radlearn.digital_thorax.ct_lung import Filling, airway_clouds, lung_filling, vessel_cloud
from radlearn.digital_thorax.ct_motion import moved, thickened
from radlearn.digital_thorax.ct_surroundings import USUAL_COUCH, Couch, couch_hu
from radlearn.digital_thorax.ct_texture import PADDING_HU, Grain, Kernel, circle, noise_block, noise_strength, streaks
from radlearn.digital_thorax.ct_voxels import Shape, Sprinkled, loosened
from radlearn.digital_thorax.skeleton import skeleton
from radlearn.digital_thorax.solids import Solid

SOLID_STEP_MM = 3.0
"""Lattice step for solids; interpolating the level of a sphere of 15 mm radius is then wrong by less than 0.1 mm."""
WALL = 0.34
"""Level of an airway at the outside of its wall, above that of its lumen."""


@dataclass(frozen=True)
class Ct:
    """A rendered CT; arrays are (i, j, k), in NIfTI's memory order.

    Attributes:
        hu: int16.
        lesion: bool, voxels of which lesions take half or more.
        lung: bool, voxels of which lung, lesions included, takes half or more.
        geometry: the grid, with its affine.
    """

    hu: np.ndarray
    lesion: np.ndarray
    lung: np.ndarray
    geometry: CtGeometry

    @property
    def lung_ml(self) -> float:
        """Return the volume of the lung mask."""
        return float(self.lung.sum()) * self.geometry.voxel_ml

    @property
    def lesion_ml(self) -> float:
        """Return the volume of the lesion mask."""
        return float(self.lesion.sum()) * self.geometry.voxel_ml


def render_ct(body: CtBody, geometry: CtGeometry, kernel: Kernel | None = None, couch: Couch | None = USUAL_COUCH) -> Ct:
    """Render a CT; a pure function of its arguments.

    Args:
        body: from `ct_planning.draw_body` or `body_of_xray`.
        geometry: the grid, from `ct_grid.draw_geometry`.
        kernel: of the reconstruction. None: no motion, blur, thick slices, streaks or noise; the texture of the tissues is drawn.
        couch: what the body lies on; None leaves air there.
    """
    painter = _Painter(body, geometry)
    i, j, k = geometry.shape
    painted = np.empty((k, j, i), np.float32)
    lesion, lung = np.zeros((k, j, i), bool), np.zeros((k, j, i), bool)
    below = np.full((j, i), -1000.0, np.float32)
    tilted = bool(np.abs(geometry.affine_ras[:2, 2]).max() > 1e-6)
    for number in range(k):
        if couch and (tilted or number == 0):
            below = couch_hu(couch, geometry, body.back_mm(), number)
        painted[number], lung[number], lesion[number] = painter.slice(number, below)
    if kernel:
        painted = _scanned(painted, body, geometry, kernel)
        slices = kernel.slice_mm / geometry.spacing_mm[2]
        if slices > 1:
            lesion, lung = (thickened(mask.astype(np.float32), slices) >= 0.5 for mask in (lesion, lung))
    low = -1024
    if geometry.circle:
        seen, low = circle(geometry), PADDING_HU
        painted[:, ~seen] = PADDING_HU
        np.maximum(painted, -1024, out=painted, where=np.broadcast_to(seen, painted.shape))
        lesion &= seen
        lung &= seen
    hu = np.clip(np.rint(painted, out=painted), low, 3071).astype(np.int16)
    return Ct(hu.transpose(2, 1, 0), lesion.transpose(2, 1, 0), lung.transpose(2, 1, 0), geometry)


def _scanned(painted: np.ndarray, body: CtBody, geometry: CtGeometry, kernel: Kernel) -> np.ndarray:
    """Return what a scanner makes of the painted slices (k, j, i), HU float32: motion, kernel, streaks, noise, thick slices."""
    spacing = geometry.spacing_mm
    scanned = moved(painted, body, geometry)
    slices = max(kernel.slice_mm / spacing[2], 1.0)
    grain = Grain((painted.shape[1], painted.shape[2]), (spacing[1], spacing[0]), kernel)
    for number, canvas in enumerate(scanned):
        draw = np.random.default_rng([*body.seed, number, 81])
        canvas = _reconstructed(canvas, kernel, spacing)
        canvas += streaks(canvas, spacing[0], kernel.streaks_hu, np.random.default_rng([*body.seed, number, 85]))
        # The mean over a thick slice has the noise of the kernel, and its neighbours share a part of it.
        canvas += grain.slice(draw) * (noise_strength(canvas, spacing[0]) * np.float32(slices**0.5))
        scanned[number] = canvas
    return thickened(scanned, slices)


def _reconstructed(hu: np.ndarray, kernel: Kernel, spacing_mm: tuple[float, float, float]) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    soft: np.ndarray = gaussian_filter(
        hu, [max(kernel.blur_mm / spacing_mm[1], 0.3), max(kernel.blur_mm / spacing_mm[0], 0.3)], truncate=2.5
    )
    if kernel.sharpening:
        wide = gaussian_filter(soft, [1.2 / spacing_mm[1], 1.2 / spacing_mm[0]], truncate=2.5)
        soft += np.float32(kernel.sharpening) * (soft - wide)
    return soft


class _Painter:
    """All parts of a body that a slice needs, sampled on the lattice."""

    def __init__(self, body: CtBody, geometry: CtGeometry) -> None:
        self.body, self.geometry = body, geometry
        thorax = body.thorax
        self.lattice = Lattice(geometry, SOLID_STEP_MM)
        self.shapes: dict[int, Shape] = {}
        self.around, self.outer, self.organs = list(body.around), outer_layers(body), organ_layers(body)
        self.sacs = {side: self._shape(thorax.sacs[side]) for side in ("right", "left")}
        self.domes = {side: self._shape(thorax.domes[side]) for side in ("right", "left")}
        self.obstacles = [self._shape(solid) for solid in (*thorax.heart, *thorax.vessels_and_spine)]
        self.airways = [self._shape(solid) for solid in thorax.airways]
        self.gas = [self._shape(solid) for solid in thorax.gas]
        whole = self.lattice.whole()
        shift = np.random.default_rng([*body.seed, 82]).uniform(0, 64, 3)
        self.texture = self.lattice.mottle(whole, noise_block(), 2.2, shift)
        self.whole = whole
        self.filling: Filling = lung_filling(body, geometry)
        thin = geometry.spacing_mm[2] < 2.5
        fine = (6.0 if thin else 3.0) if geometry.spacing_mm[0] < 1.2 else 1.0
        bones = skeleton(thorax, body.arms_up)
        self.bones = Sprinkled(loosened(bones, 3 if thin else 1) if geometry.spacing_mm[0] < 1.2 else bones, geometry)
        self.vessels = Sprinkled(vessel_cloud(body, fine), geometry)
        lumen, wall = airway_clouds(body, fine)
        self.lumen, self.wall = Sprinkled(lumen, geometry), Sprinkled(wall, geometry)

    def _shape(self, solid: Solid) -> Shape:
        if id(solid) not in self.shapes:
            self.shapes[id(solid)] = Shape(solid, self.lattice)
        return self.shapes[id(solid)]

    def _lay(self, canvas: np.ndarray, layers: list[Paint], k: int, texture: np.ndarray) -> None:
        for paint in layers:
            covered = self._shape(paint.solid).cover(k, paint.inset_mm / self.geometry.spacing_mm[0])
            if covered is None:
                continue
            part, share = covered
            if paint.within is not None:
                share = share * _on(self._shape(paint.within).cover(k), canvas.shape)[part]
            fresh = np.float32(paint.hu) + np.float32(paint.mottle) * texture[part] if paint.mottle else np.float32(paint.hu)
            fresh = fresh - canvas[part]
            fresh *= share
            canvas[part] += fresh

    def slice(self, k: int, below: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return slice k: HU float32 (j, i) before blur and noise, lung and lesion bool."""
        texture = self.lattice.on_voxels(self.texture[k], self.whole)
        canvas = np.full_like(below, -1000.0)
        self._lay(canvas, self.around, k, texture)
        # Cushions do not reach into the couch, and texture makes nothing less dense than air.
        np.maximum(canvas, below, out=canvas)
        self._lay(canvas, self.outer, k, texture)
        self._lay(canvas, self.organs, k, texture)
        blocked = np.zeros_like(canvas)
        for shape in self.obstacles:
            _deepen(blocked, shape.cover(k))
        lung = np.zeros_like(canvas)
        for side in ("right", "left"):
            covered = self.sacs[side].cover(k)
            if covered is None:
                continue
            part, share = covered
            block = blocked.copy()
            _deepen(block, self.domes[side].cover(k))
            np.maximum(lung[part], np.minimum(share, 1 - block[part]), out=lung[part])
        bones = self.bones.slice(k)
        if bones is not None:
            bones *= np.float32(1000.0 / WATER)
            # Where a rib bulges into the lung, soft tissue surrounds it.
            lung *= 1 - np.clip(bones * np.float32(1 / 400.0), 0, 1)
        lesion, fluid = self._breathe(canvas, lung, k)
        # All walls before any lumen, so that no wall separates tubes where they join.
        tubes = [(shape, WALL, 35.0) for shape in self.airways] + [(shape, 0.0, -1000.0) for shape in self.airways]
        for shape, rise, hu in tubes:
            covered = shape.cover(k, rise=rise)
            if covered is not None:
                part, share = covered
                canvas[part] += share * (1 - lung[part]) * (np.float32(hu) - canvas[part])
        for shape in self.gas:
            covered = shape.cover(k)
            if covered is not None:
                part, share = covered
                canvas[part] += share * (1 - lung[part]) * (np.float32(-900.0) - canvas[part])
        if bones is not None:
            canvas += np.minimum(bones, 1900.0)
        holds_air = (lung >= 0.5) & (fluid < 0.5)
        return canvas, holds_air, lesion & holds_air

    def _breathe(self, canvas: np.ndarray, lung: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Paint lung tissue and its contents; return the lesions (bool) and the share of fluid."""
        if not lung.any():
            return np.zeros(lung.shape, bool), np.zeros_like(lung)
        air, filled, extent, fluid, empty = self.filling.slice(k)
        vessels, lumen, wall = (one.slice(k) for one in (self.vessels, self.lumen, self.wall))
        if wall is not None:
            air += np.clip(wall, 0, 1) * (1 - empty) * (np.float32(25.0) - air)
        air += np.clip(filled, 0, 1) * (np.float32(FILLED_HU) - air)
        if vessels is not None:
            air += np.clip(vessels, 0, 1) * (1 - empty) * (np.float32(self.body.blood.pulmonary_hu) - air)
        if lumen is not None:
            air += np.clip(lumen, 0, 1) * (np.float32(-1000.0) - air)
        air -= canvas
        air *= lung
        canvas += air
        return extent >= 0.5, fluid


def _on(covered: tuple[tuple[slice, slice], np.ndarray] | None, shape: tuple[int, ...]) -> np.ndarray:
    whole = np.zeros(shape, np.float32)
    if covered is not None:
        whole[covered[0]] = covered[1]
    return whole


def _deepen(whole: np.ndarray, covered: tuple[tuple[slice, slice], np.ndarray] | None) -> None:
    if covered is not None:
        part, share = covered
        np.maximum(whole[part], share, out=whole[part])
