"""What happens while a CT is taken: the patient breathes, the heart beats, and a slice averages what lies within its thickness."""

import numpy as np

from radlearn.digital_thorax.ct_body import CtBody
from radlearn.digital_thorax.ct_grid import CtGeometry


def moved(hu: np.ndarray, body: CtBody, geometry: CtGeometry) -> np.ndarray:
    """Return slices (k, j, i), HU float32, as the mean of the body's positions during the scan; the middle one is where masks are.

    Breathing moves along the body, by `body.breathing_mm` at the diaphragm and less towards the apex; beating shifts the border of the
    heart by `body.beating_mm` within a slice. Without either, `hu` itself is returned.
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
    mean = np.zeros_like(hu)
    for phase in (-1.0, -0.35, 0.35, 1.0):
        at = np.clip(np.arange(count) + phase * 0.5 * body.breathing_mm * share / step, 0, count - 1)
        left = np.minimum(at.astype(int), max(count - 2, 0))
        rest = (at - left).astype(np.float32)
        for number in range(count):
            after = min(left[number] + 1, count - 1)
            mean[number] += np.float32(0.25) * ((1 - rest[number]) * hu[left[number]] + rest[number] * hu[after])
    return mean


def _beaten(hu: np.ndarray, body: CtBody, geometry: CtGeometry) -> np.ndarray:
    from scipy.ndimage import map_coordinates

    heart = [solid for solid in body.thorax.heart if solid.name != "fat on the diaphragm"]
    low, high = np.min([solid.low_mm for solid in heart], 0), np.max([solid.high_mm for solid in heart], 0)
    to_index = np.linalg.inv(geometry.body_from_index)
    centre = (to_index @ [*(0.5 * (low + high)), 1.0])[:3]
    radius_mm = 0.5 * float(np.hypot(*(high - low)[:2]))
    spacing = geometry.spacing_mm
    _, j, i = hu.shape
    y, x = (np.arange(j) - centre[1]) * spacing[1], (np.arange(i) - centre[0]) * spacing[0]
    away = np.hypot(y[:, None], x[None])
    # Largest at the border of the heart, nothing in its middle and far outside.
    reach = np.exp(-(((away - 0.62 * radius_mm) / (0.45 * radius_mm)) ** 2))
    beaten = hu.copy()
    for number, height in enumerate(_heights(geometry)):
        share = float(np.clip(1.3 - abs(height - 0.5 * (low + high)[2]) / (0.5 * (high - low)[2]), 0, 1))
        if not share:
            continue
        shift = 0.5 * body.beating_mm * share * reach / np.maximum(away, 1.0)
        grid = np.stack([np.repeat(np.arange(j)[:, None], i, 1), np.repeat(np.arange(i)[None], j, 0)]).astype(np.float32)
        outward = np.stack([shift * y[:, None] / spacing[1], shift * x[None] / spacing[0]]).astype(np.float32)
        phases = [map_coordinates(hu[number], grid + sign * outward, order=1, mode="nearest") for sign in (-1, 1)]
        beaten[number] = 0.5 * (phases[0] + phases[1])
    return beaten


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
