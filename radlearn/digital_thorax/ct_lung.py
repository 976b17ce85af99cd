"""The lung on CT: tissue compressed by gravity, vessels, bronchi, fissures, and what replaces the air."""

from typing import NamedTuple

import numpy as np

from radlearn.digital_thorax.clouds import Cloud, together
from radlearn.digital_thorax.covid import Lesion
from radlearn.digital_thorax.ct_body import CtBody, parenchyma_hu
from radlearn.digital_thorax.ct_findings import THINNING
from radlearn.digital_thorax.ct_grid import CtGeometry, Lattice, Patch
from radlearn.digital_thorax.ct_texture import noise_block
from radlearn.digital_thorax.lesions import Finding
from radlearn.digital_thorax.lobes import Lobes
from radlearn.digital_thorax.projection import LUNG, SOFT_TISSUE
from radlearn.digital_thorax.trees import lung_trees, tree_cloud

LUNG_STEP_MM = 1.5
XRAYS_VESSELS = 0.8
"""X-rays render vessels with this share of their contrast; CTs render them at full contrast and thinner, with the same mass."""
PLEURA_MM = 0.45
"""Thickness of a fissure's two layers."""
LUMEN, OUTSIDE = 0.62, 0.77
"""Inner and outer radius of a bronchus as shares of its branch's radius."""


class Filling:
    """Lung tissue on its lattice: HU of healthy lung, share of replaced air, extent of lesions, fluid, bullae, and fissures."""

    def __init__(
        self, lattice: Lattice, patch: Patch, tissue: np.ndarray, fill: np.ndarray, extent: np.ndarray, fluid: np.ndarray, empty: np.ndarray
    ) -> None:
        self.lattice, self.patch = lattice, patch
        self.tissue, self.fill, self.extent, self.fluid, self.empty = tissue, fill, extent, fluid, empty

    def slice(self, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return tissue (HU), fill, extent, fluid and emptiness of slice k on all voxels (j, i), float32."""
        i, j, _ = self.lattice.geometry.shape
        found = []
        for values in (self.tissue, self.fill, self.extent, self.fluid, self.empty):
            whole = np.zeros((j, i), np.float32)
            here = k - self.patch.slices.start
            if 0 <= here < len(values) and values[here].any():
                whole[self.patch.voxels[1], self.patch.voxels[2]] = self.lattice.on_voxels(values[here], self.patch)
            found.append(whole)
        return found[0], found[1], found[2], found[3], found[4]


class _Sampled(NamedTuple):
    patch: Patch
    density: np.ndarray
    extent: np.ndarray


def lung_filling(body: CtBody, geometry: CtGeometry) -> Filling:
    """Return the lungs' tissue and all findings, sampled for this grid."""
    lattice = Lattice(geometry, LUNG_STEP_MM)
    low, high = body.lungs_box_mm()
    patch = lattice.around(tuple(low), tuple(high)) or lattice.whole()
    x, y, z = lattice.points(patch)
    thorax = body.thorax
    draw = np.random.default_rng([*body.seed, 83])
    fine, coarse = (lattice.mottle(patch, noise_block(), grain, draw.uniform(0, 64, 3)) for grain in (1.0, 3.0))
    down = np.clip((y - thorax.cage_y(z)) / thorax.cage_depth(z), -1.2, 1.2)
    density = np.float32(body.lung_density) * (1 + np.float32(body.gravity) * down) * (1 + 0.07 * fine + 0.05 * coarse)
    fill, extent, fluid, empty = (np.zeros(x.shape, np.float32) for _ in range(4))
    for finding, scale in body.findings:
        for part, sampled in _sampled(finding, scale, lattice, patch):
            if finding.name in THINNING:
                density[part] *= 1 - sampled.density
                if finding.name == "bulla":
                    np.maximum(empty[part], sampled.density, out=empty[part])
                continue
            fill[part] += sampled.density
            if finding.name == "effusion":
                np.maximum(fluid[part], sampled.density, out=fluid[part])
            if finding.pneumonia:
                np.maximum(extent[part], sampled.extent, out=extent[part])
    tissue = parenchyma_hu(density).astype(np.float32)
    seam = Lobes(thorax).seam_mm(x, y, z)
    # Two layers of pleura, reduced to their partial volume in a voxel.
    thick = np.maximum(lattice.per_voxel(seam), 1.2)
    line = np.clip(1.0 - np.abs(seam) / thick, 0, 1) * np.minimum(np.float32(PLEURA_MM) / thick, 1.0)
    fill += np.where(np.abs(seam) < 40, line, 0)
    # In a bulla there is no tissue that could be filled.
    kept = 1 - empty
    return Filling(lattice, patch, tissue, np.clip(fill, 0, 1) * kept, extent * kept, fluid * kept, empty)


def _sampled(finding: Finding, scale: float, lattice: Lattice, whole: Patch) -> list[tuple[tuple[slice, slice, slice], _Sampled]]:
    """Return the part of the lungs' patch that a finding covers, its density there and its lesion extent."""
    box = lattice.around(finding.low_mm, finding.high_mm)
    if box is None:
        return []
    spans = []
    pairs = ((box.slices, whole.slices), (box.lattice[0], whole.lattice[0]), (box.lattice[1], whole.lattice[1]))
    for inner, outer in pairs:
        start, stop = max(inner.start, outer.start), min(inner.stop, outer.stop)
        if start >= stop:
            return []
        spans.append(slice(start, stop))
    patch = Patch((spans[1], spans[2]), (spans[0], slice(0, 0), slice(0, 0)))
    # Slices are contiguous: the mean of two heights approximates the average over one.
    lifts = (-0.25, 0.25) if lattice.geometry.spacing_mm[2] > 2.5 else (0.0,)
    places = [lattice.points(patch, lift) for lift in lifts]

    part = tuple(slice(span.start - outer.start, span.stop - outer.start) for span, (_, outer) in zip(spans, pairs, strict=True))
    if isinstance(finding, Lesion) and finding.parts is not None:
        extent, density = np.mean([finding.parts(*place) for place in places], axis=0)
        density = density * np.float32(scale)
    else:
        density = np.mean([np.asarray(finding.field(*place), np.float32) for place in places], axis=0) * np.float32(scale)
        extent = density
    if not isinstance(finding, Lesion) and extent.max() > 0:
        # A finding made for X-rays has no border: it is set at half of its usual density.
        extent = extent / max(float(np.percentile(extent[extent > 0.2 * extent.max()], 60)), 1e-3)
    return [((part[0], part[1], part[2]), _Sampled(patch, density, extent))]


def vessel_cloud(body: CtBody, finer: float) -> Cloud:
    """Return arteries and veins of both lungs, weights in mm³: the attenuation of the X-rays', in thinner vessels."""
    share = XRAYS_VESSELS * (SOFT_TISSUE - LUNG) / (SOFT_TISSUE - LUNG * body.lung_density)
    trees = lung_trees(body.thorax, with_bronchi=False)
    return together([tree_cloud(tree, 1.0, body.vessel_scale * share**0.5, finer) for side in trees for tree in trees[side]])


def airway_clouds(body: CtBody, finer: float) -> tuple[Cloud, Cloud]:
    """Return the bronchi's lumen and the full bronchi, walls included, weights in mm³."""
    trees = lung_trees(body.thorax)
    wide = [trees[side][2] for side in trees]
    wide = [tree._replace(radius_mm=np.where(tree.generation < 0.62, tree.radius_mm, 0).astype(np.float32)) for tree in wide]
    lumen = together([tree_cloud(tree, 1.0, LUMEN, finer) for tree in wide])
    return lumen, together([tree_cloud(tree, 1.0, OUTSIDE, finer) for tree in wide])
