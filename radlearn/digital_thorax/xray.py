"""A planned X-ray, rendered: the patient of the day is posed, projected, exposed, displayed and read.

The order follows the physics: tissue, bones, vessels, findings and hardware add up to one attenuation image; photons, scatter and noise
follow, grey values come last. The readers then read the shadow of each opacity.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from radlearn.digital_thorax import detector, ornaments
from radlearn.digital_thorax.clouds import Cloud
from radlearn.digital_thorax.illness import Patient, draw_patient
from radlearn.digital_thorax.lesions import Finding
from radlearn.digital_thorax.planning import PlannedXray
from radlearn.digital_thorax.pose import pose
from radlearn.digital_thorax.projection import LUNG, SOFT_TISSUE, Geometry, Lungs, splat, tissue_attenuation
from radlearn.digital_thorax.readers import Box, Opacity, read_xray
from radlearn.digital_thorax.skeleton import skeleton
from radlearn.digital_thorax.trees import lung_trees, tree_cloud

RAYS = 320
"""Rays per side of the detector for smooth structures; bones and vessels are rendered at full size."""
VISIBLE_CONTRAST = 0.055
"""Attenuation × length below which a reader sees nothing: a fortieth of the way from lung to mediastinum."""


@dataclass(frozen=True)
class SeenFinding:
    """A finding on the X-ray: its maximum attenuation × length and, for pneumonia, its visibility.

    `exact_box_xyxy_px` bounds its visible shadow, `readers` is how many of the three saw it; None for other findings.
    """

    name: str
    side: str
    contrast: float
    exact_box_xyxy_px: Box | None
    readers: int | None = None


@dataclass(frozen=True)
class Shadow:
    """The shadow of a finding: mm of replaced air on every ray, and the factor that gives it the planned contrast."""

    finding: Finding
    filled_mm: np.ndarray
    scale: float


@dataclass(frozen=True)
class SimulatedXray:
    """A rendered X-ray.

    Attributes:
        pixels: uint8 (1024, 1024), bright where dense.
        boxes_xyxy_px: the readers' consensus, whole pixels, (x0, y0, x1, y1) with x1, y1 exclusive.
        spacing_mm: (row, column), before the X-ray was made square; None where it is missing.
        findings: the exact truth.
        attenuation: float32 (1024, 1024), attenuation × length without scatter and noise.
    """

    pixels: np.ndarray
    boxes_xyxy_px: tuple[Box, ...]
    spacing_mm: tuple[float, float] | None
    findings: tuple["SeenFinding", ...]
    attenuation: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class _Scene:
    """The patient of a plan between tube and detector, with the lungs and the shadows of the findings along the rays."""

    patient: Patient
    geometry: Geometry
    lungs: Lungs
    shadows: list[Shadow]


def render_xray(plan: PlannedXray, opacities: bool = True) -> SimulatedXray:
    """Render one X-ray; a pure function of `plan`.

    Args:
        plan: from `planning.plan_xrays`.
        opacities: False omits the pneumonia; everything else is equal, noise included.
    """
    scene = _scene(plan, opacities)
    patient, geometry, lungs = scene.patient, scene.geometry, scene.lungs
    thorax = patient.thorax
    smooth = tissue_attenuation(thorax, lungs.rays, lungs, patient.lung_density)
    filled = np.zeros_like(smooth)
    for shadow in scene.shadows:
        filled += shadow.filled_mm
    air = lungs.length_mm["right"] + lungs.length_mm["left"]
    # Two findings on one ray cannot replace more air than there is.
    filled = np.minimum(filled, air) * np.float32(SOFT_TISSUE - LUNG * patient.lung_density)
    attenuation = detector.enlarged(_softened(smooth + filled, 0.6), geometry.size_px).copy()
    attenuation += splat([skeleton(thorax), *_vessels(patient, scene.shadows)], geometry)
    draw = plan.draw(51)
    attenuation += ornaments.hardware(plan.view, thorax, geometry, draw)
    attenuation += _fine_texture(air, geometry.size_px, plan.draw(52))
    exposure = detector.draw_exposure(plan.view, draw)
    # The blur of focal spot and detector; it also smooths the point clouds of bones and vessels.
    attenuation = np.maximum(_softened(attenuation, exposure.blur_px), 0)
    anchors = _anchors(smooth, lungs, exposure)
    exposure = detector.automatic(exposure, anchors[0], plan.view)
    reading = detector.expose(attenuation, exposure, plan.draw(53))
    grey = detector.display(reading, anchors, exposure)
    pixels = ornaments.finish(grey, plan.view, plan.draw(54))
    boxes_xyxy_px, findings = _read(plan, scene)
    spacing = geometry.spacing_mm if plan.spacing_known else None
    return SimulatedXray(pixels, boxes_xyxy_px, spacing, findings, attenuation)


def planned_reading(plan: PlannedXray) -> tuple[tuple[Box, ...], tuple[SeenFinding, ...]]:
    """Return the boxes and the findings of `render_xray(plan)` without rendering it, in a fraction of the time.

    The readers see the exact shadows and not the pixels. So the labels of many X-rays can be counted, as for `planning.UNSEEN_SHARES`.

    Returns:
        `boxes_xyxy_px` and `findings`, as of `SimulatedXray`.
    """
    return _read(plan, _scene(plan))


def _scene(plan: PlannedXray, opacities: bool = True) -> _Scene:
    patient = draw_patient(plan)
    geometry = pose(plan, patient.thorax)
    lungs = Lungs(patient.thorax, geometry.rays(RAYS))
    shadows = [shadow for shadow in _shadows(patient, lungs) if opacities or not shadow.finding.pneumonia]
    return _Scene(patient, geometry, lungs, shadows)


def _read(plan: PlannedXray, scene: _Scene) -> tuple[tuple[Box, ...], tuple[SeenFinding, ...]]:
    """Return the readers' boxes, and what is seen of each finding."""
    size, shadows = scene.geometry.size_px, scene.shadows
    findings = [_seen(shadow, size, scene.patient.lung_density) for shadow in shadows]
    ill = [number for number, shadow in enumerate(shadows) if shadow.finding.pneumonia]
    there = [Opacity(findings[n].side, findings[n].contrast, findings[n].exact_box_xyxy_px) for n in ill]
    consensus = read_xray(there, size, plan.draw(55))
    for number, readers in zip(ill, consensus.seen_by, strict=True):
        findings[number] = replace(findings[number], readers=readers)
    return consensus.boxes_xyxy_px, tuple(findings)


def _softened(image: np.ndarray, deviation_px: float) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(image, deviation_px, truncate=2.5)


def _anchors(smooth: np.ndarray, lungs: Lungs, exposure: detector.Exposure) -> tuple[float, float]:
    """Return the logarithmic readings of dark lung and of the dense body, from the anatomy without findings."""
    air = (lungs.length_mm["right"] + lungs.length_mm["left"])[::4, ::4]
    coarse = smooth[::4, ::4]
    reading = -np.log(detector.detected(coarse, exposure, factor=1))
    return float(np.percentile(reading[air > 0.6 * float(air.max())], 25)), float(np.percentile(reading[coarse > 1.0], 85))


def _shadows(patient: Patient, lungs: Lungs) -> list[Shadow]:
    found = []
    for finding in patient.findings:
        shadow = _softened(lungs.shadow(finding), 1.2)
        scale = 1.0
        if finding.contrast is not None:
            densest = float(np.percentile(shadow[shadow > 0.25 * shadow.max()], 90)) if shadow.max() > 0 else 1.0
            scale = min(finding.contrast / (densest * (SOFT_TISSUE - LUNG) + 1e-6), 1.25)
        found.append(Shadow(finding, shadow * np.float32(scale), scale))
    return found


def _vessels(patient: Patient, shadows: list[Shadow]) -> list[Cloud]:
    """Return vessels (invisible in consolidated lung) and, in consolidated lung, the air bronchograms."""
    clouds = []
    contrast = SOFT_TISSUE - LUNG
    ill = any(shadow.finding.pneumonia for shadow in shadows)
    for side, (arteries, veins, *bronchi) in lung_trees(patient.thorax, with_bronchi=ill).items():
        here = [shadow for shadow in shadows if shadow.finding.side == side]
        for tree in (arteries, veins):
            clouds.append(_drowned(tree_cloud(tree, contrast * 0.8, patient.vessel_scale), here, keep_dry=True))
        if any(shadow.finding.pneumonia for shadow in here):
            wide = bronchi[0]._replace(
                radius_mm=np.where(bronchi[0].generation < 0.62, bronchi[0].radius_mm * np.float32(0.62), 0).astype(np.float32)
            )
            clouds.append(_drowned(tree_cloud(wide, -SOFT_TISSUE), here, keep_dry=False))
    return clouds


def _drowned(cloud: Cloud, shadows: list[Shadow], keep_dry: bool) -> Cloud:
    """Weight a cloud's points by how aerated (or how filled) the lung around them is."""
    filled = np.zeros(len(cloud.weight_mm2), np.float32)
    for shadow in shadows:
        finding = shadow.finding
        inside = np.ones(len(filled), bool)
        for axis in range(3):
            inside &= (cloud.places_mm[axis] > finding.low_mm[axis]) & (cloud.places_mm[axis] < finding.high_mm[axis])
        where = np.flatnonzero(inside)
        if len(where):
            density = finding.field(*cloud.places_mm[:, where]) * np.float32(shadow.scale)
            filled[where] = np.maximum(filled[where], np.clip(density, 0, 1))
    return Cloud(cloud.places_mm, cloud.weight_mm2 * (1 - filled if keep_dry else filled))


def _fine_texture(air_mm: np.ndarray, size: int, draw: np.random.Generator) -> np.ndarray:
    """Return the effect of the lung's finest branches, too many to model: mottle that grows with the square root of the path length."""
    mottle = _softened(draw.standard_normal((size // 2, size // 2), dtype=np.float32), 1.1)
    mottle *= np.maximum(detector.enlarged(np.sqrt(air_mm) * np.float32(0.0024), size // 2), 0)
    return detector.enlarged(mottle, size)


def _seen(shadow: Shadow, size: int, lung_density: float) -> SeenFinding:
    contrast = shadow.filled_mm * np.float32(SOFT_TISSUE - LUNG * lung_density)
    peak = float(contrast.max())
    seen = contrast > max(VISIBLE_CONTRAST, 0.3 * peak)
    box = None
    if shadow.finding.pneumonia and seen.any():
        factor = size / len(contrast)
        # The outermost percent is a diffuse edge that no reader would include.
        columns, rows = np.cumsum(seen.sum(0)) / seen.sum(), np.cumsum(seen.sum(1)) / seen.sum()
        x0, x1 = np.searchsorted(columns, (0.012, 0.988))
        y0, y1 = np.searchsorted(rows, (0.012, 0.988))
        box = (int(x0 * factor), int(y0 * factor), int((x1 + 1) * factor), int((y1 + 1) * factor))
    return SeenFinding(shadow.finding.name, shadow.finding.side, peak, box)
