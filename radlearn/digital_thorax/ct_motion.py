"""What happens while a CT is taken: the patient breathes, the heart beats, and a slice averages what lies within its thickness."""

import numpy as np

from radlearn.digital_thorax.ct_body import CtBody
from radlearn.digital_thorax.ct_grid import CtGeometry, Lattice
from radlearn.digital_thorax.ct_voxels import Shape

STEP_MM = 3.0
"""Lattice step of where motion reaches."""


def moved(hu: np.ndarray, body: CtBody, geometry: CtGeometry) -> np.ndarray:
    """Return slices (k, j, i), HU float32, as the mean of the body's positions during the scan; the middle one is where masks are.

    Breathing moves lungs, heart and upper abdomen along the body, by `body.breathing_mm` at the diaphragm and less towards the apex;
    the heartbeat moves the border of the heart, with what lies within a few mm of it, by `body.beating_mm` within a slice. Spine, ribs,
    skin and couch stay. Without either, `hu` itself is returned.
    """
    if body.breathing_mm:
        hu = _breathed(hu, body, geometry)
    return _beaten(hu, body, geometry) if body.beating_mm else hu


def _heights(geometry: CtGeometry) -> np.ndarray:
    """Return z of the middle of each slice in body mm."""
    i, j, k = geometry.shape
    middles = np.stack([np.full(k, (i - 1) / 2), np.full(k, (j - 1) / 2), np.arange(k), np.ones(k)])
    heights: np.ndarray = (geometry.body_from_index @ middles)[2]
    return heights


def _breathed(hu: np.ndarray, body: CtBody, geometry: CtGeometry) -> np.ndarray:
    thorax = body.thorax
    heights, count = _heights(geometry), len(hu)
    bottom, top = min(thorax.dome_z.values()) - 40 * thorax.high, thorax.apex_z
    share = np.clip((top - heights) / (top - bottom), 0, 1)
    # Upwards in the body may be either end of the slices.
    step = float(np.mean(np.diff(heights))) if count > 1 else geometry.spacing_mm[2]
    phases = np.linspace(-0.5, 0.5, int(np.ceil(body.breathing_mm / min(abs(step), 2.0))) + 1)
    sacs = [Shape(thorax.sacs[side], Lattice(geometry, STEP_MM)) for side in ("right", "left")]
    breathed = hu.copy()
    for number in range(count):
        places = np.clip(number + phases * body.breathing_mm * share[number] / step, 0, count - 1)
        weights = np.zeros(count, np.float32)
        left = np.minimum(places.astype(int), max(count - 2, 0))
        np.add.at(weights, left, 1 - (places - left))
        np.add.at(weights, np.minimum(left + 1, count - 1), places - left)
        near = np.flatnonzero(weights)
        for sac in sacs:
            covered = sac.cover(number)
            if covered is not None:
                part, inside = covered
                mean = np.tensordot(weights[near] / len(phases), hu[near][:, part[0], part[1]], 1)
                breathed[number][part] += inside * (mean - hu[number][part])
    return breathed


def _beaten(hu: np.ndarray, body: CtBody, geometry: CtGeometry) -> np.ndarray:
    from scipy.ndimage import map_coordinates

    heart = [solid for solid in body.thorax.heart if solid.name != "fat on the diaphragm"]
    low, high = np.min([solid.low_mm for solid in heart], 0), np.max([solid.high_mm for solid in heart], 0)
    lattice = Lattice(geometry, STEP_MM)
    patch = lattice.around(tuple(low - 15), tuple(high + 15))
    if patch is None:
        return hu
    x, y, z = lattice.points(patch)
    hu = hu.copy()
    level = np.min([solid.level(x, y, z) for solid in heart], 0)
    # The root of an ellipsoid's level grows by 1 over its radius.
    radius_mm = 0.5 * float(np.mean(high - low))
    away_mm = (np.sqrt(np.maximum(level + 1, 0)) - 1) * np.float32(0.6 * radius_mm)
    reach = np.exp(-((away_mm / np.float32(5.0)) ** 2)).astype(np.float32)
    centre = (np.linalg.inv(geometry.body_from_index) @ [*(0.5 * (low + high)), 1.0])[:3]
    rows, columns = patch.voxels[1], patch.voxels[2]
    j, i = np.mgrid[rows, columns].astype(np.float32)
    down, across = (j - centre[1]) * geometry.spacing_mm[1], (i - centre[0]) * geometry.spacing_mm[0]
    from_centre = np.maximum(np.hypot(down, across), 1.0)
    for number in range(patch.slices.start, patch.slices.stop):
        shift = 0.5 * body.beating_mm * lattice.on_voxels(reach[number - patch.slices.start], patch) / from_centre
        outward = np.stack([shift * down / geometry.spacing_mm[1], shift * across / geometry.spacing_mm[0]])
        here = np.stack([j, i])
        phases = [map_coordinates(hu[number], here + sign * outward, order=1, mode="nearest") for sign in (-1, 1)]
        hu[number, rows, columns] = 0.5 * (phases[0] + phases[1])
    return hu


def thickened(hu: np.ndarray, slices: float) -> np.ndarray:
    """Return every slice (k, j, i) as the mean of `slices` of them around it; up to 1, `hu` itself.

    >>> thickened(np.array([0, 0, 6, 0, 0], np.float32)[:, None, None], 3.0).ravel().tolist()
    [0.0, 2.0, 2.0, 2.0, 0.0]
    """
    if slices <= 1:
        return hu
    from scipy.ndimage import correlate1d

    whole = int((slices - 1) // 2)
    ends = (slices - 1) / 2 - whole
    weights = np.array([ends, *[1.0] * (2 * whole + 1), ends]) / slices
    thick: np.ndarray = correlate1d(hu, weights, axis=0, mode="nearest")
    return thick
