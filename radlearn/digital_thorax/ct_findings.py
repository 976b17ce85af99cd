"""Findings on CT other than pneumonia: what replaces or thins lung tissue in people with and without COVID-19.

The wall of a bulla is thinner than a millimetre and not drawn; air trapping is the patchwork of lobules that do not empty in
expiration (Fleischner Society's glossary, doi:10.1148/radiol.2462070712). A tumour is solid and sends strands into the lung around it.
"""

import numpy as np

from radlearn.digital_thorax.anatomy import Thorax
from radlearn.digital_thorax.lesions import Finding, noise

THINNING = frozenset({"emphysema", "bulla", "air trapping"})
"""Findings whose field is the share of lung tissue that is lost; every other one replaces air."""


def _step(value: np.ndarray) -> np.ndarray:
    share = np.clip(value, 0, 1)
    smooth: np.ndarray = share * share * (3 - 2 * share)
    return smooth


def _place(thorax: Thorax, side: str, heights: tuple[float, float], outward: tuple[float, float], draw: np.random.Generator) -> np.ndarray:
    """Return a point (3,) in aerated lung: heights from dome (0) to apex (1), `outward` from midline (0) to ribs (1)."""
    sign = -1.0 if side == "right" else 1.0
    bottom, top = thorax.dome_z[side], thorax.apex_z
    place = np.zeros(3)
    for _ in range(20):
        z = bottom + (top - bottom) * draw.uniform(*heights)
        x = sign * draw.uniform(*outward) * float(thorax.cage_x(z))
        y = float(thorax.cage_y(z)) + draw.normal(0, 0.35) * float(thorax.cage_depth(z))
        place = np.array([x, y, z])
        if thorax.lung_holds(side, *(np.array([value], np.float32) for value in place))[0]:
            break
    return place


def _box(centre: np.ndarray, reach: float) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    low, high = centre - reach, centre + reach
    return (float(low[0]), float(low[1]), float(low[2])), (float(high[0]), float(high[1]), float(high[2]))


def emphysema(thorax: Thorax, side: str, strength: float, draw: np.random.Generator) -> Finding:
    """Return emphysema: holes in the upper lung, a few mm to a centimetre wide; the field is the share of lost tissue."""
    shift = draw.uniform(0, 64, 3)
    low, high = thorax.sacs[side].low_mm, thorax.sacs[side].high_mm
    middle = np.float32(20.0 * thorax.high)

    def field(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        upper = _step((z - middle) / np.float32(70.0) + np.float32(0.5)) + np.float32(0.15)
        holes = _step((noise(x, y, z, 2.6, shift) - np.float32(1.2 - strength)) / np.float32(0.5))
        return np.clip(np.float32(0.8) * holes * upper, 0, 0.85)

    return Finding("emphysema", side, False, field, low, high)


def dependent_density(thorax: Thorax, side: str, strength: float, draw: np.random.Generator) -> Finding:
    """Return dependent density: the haze at the back of a lying patient's lung, which resembles ground glass."""
    shift, high = draw.uniform(0, 64, 3), thorax.high
    sac = thorax.sacs[side]
    width = np.float32(draw.uniform(0.05, 0.11))
    limit = np.float32(thorax.dome_z[side] + draw.uniform(40, 110) * high)

    def field(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        back = _step((y - thorax.cage_y(z)) / thorax.cage_depth(z) * 2.0 - 0.7)
        rim = _step((sac.level(x, y, z) + width * (1.6 + 0.5 * noise(x, y, z, 4.0, shift))) / width)
        return np.float32(strength) * rim * back * _step((limit - z) / np.float32(60 * high))

    return Finding("dependent density", side, False, field, sac.low_mm, (sac.high_mm[0], sac.high_mm[1], float(limit)))


def bulla(thorax: Thorax, side: str, radius_mm: float, draw: np.random.Generator) -> Finding:
    """Return a bulla of the upper lung, a bubble of air; the field is the share of lost tissue."""
    centre, shift = _place(thorax, side, (0.5, 0.95), (0.45, 0.9), draw), draw.uniform(0, 64, 3)

    def field(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        dx, dy, dz = (value - np.float32(middle) for value, middle in zip((x, y, z), centre, strict=True))
        away = np.sqrt(dx * dx + dy * dy + dz * dz) / np.float32(radius_mm) + np.float32(0.05) * noise(x, y, z, 6.0, shift)
        return np.float32(0.97) * _step((np.float32(1.06) - away) / np.float32(0.12))

    return Finding("bulla", side, False, field, *_box(centre, 1.3 * radius_mm))


def air_trapping(thorax: Thorax, side: str, strength: float, draw: np.random.Generator) -> Finding:
    """Return lobules that keep their air in expiration, dark beside the others; `strength` is the share of density they lack."""
    shift, sac, share = draw.uniform(0, 64, 3), thorax.sacs[side], np.float32(draw.uniform(-0.4, 1.2))

    def field(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        return np.float32(strength) * _step((noise(x, y, z, 3.4, shift) - share) / np.float32(0.35) + np.float32(0.5))

    return Finding("air trapping", side, False, field, sac.low_mm, sac.high_mm)


def tumour(thorax: Thorax, side: str, radius_mm: float, draw: np.random.Generator) -> Finding:
    """Return a solid tumour with strands into the lung around it."""
    centre, shift = _place(thorax, side, (0.12, 0.9), (0.25, 0.85), draw), draw.uniform(0, 64, 3)
    ragged = np.float32(draw.uniform(0.08, 0.28))

    def field(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        dx, dy, dz = (value - np.float32(middle) for value, middle in zip((x, y, z), centre, strict=True))
        away = np.sqrt(dx * dx + dy * dy + dz * dz) / np.float32(radius_mm)
        solid = _step((np.float32(1.05) - away - ragged * noise(x, y, z, 2.6, shift)) / np.float32(0.16))
        strands = np.maximum(0, 1 - np.abs(noise(x, y, z, 1.9, shift + 11)) / np.float32(0.14))
        strands = strands * _step((np.float32(1.7) - away) / np.float32(0.6))
        return np.maximum(solid, np.float32(0.45) * strands)

    return Finding("tumour", side, False, field, *_box(centre, 1.75 * radius_mm))
