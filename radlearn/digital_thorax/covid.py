"""COVID-19 pneumonia as a CT shows it, and what lies beside it that is none.

Ground glass, crazy paving and consolidation: on both sides, near the pleura, more at the base and at the back; many spots of very unequal
size rather than one (patterns and places as in the Radiological Society of North America's consensus, doi:10.1148/ryct.2020200152).
A lesion has two fields: its extent, which the mask follows, and its density, the share of the air that is gone inside it.
"""

from dataclasses import dataclass

import numpy as np

from radlearn.digital_thorax.anatomy import Thorax
from radlearn.digital_thorax.lesions import Field, Finding, noise
from radlearn.digital_thorax.trees import points_in_lung

PATTERNS = ("ground glass", "crazy paving", "consolidation")


@dataclass(frozen=True)
class Lesion(Finding):
    """A finding with a border of its own: `extent` is 1 inside, 0 outside and 0.5 where a reader would draw the line."""

    extent: Field | None = None


def _step(value: np.ndarray) -> np.ndarray:
    share = np.clip(value, 0, 1)
    smooth: np.ndarray = share * share * (3 - 2 * share)
    return smooth


def lesion(
    thorax: Thorax, side: str, centre_mm: np.ndarray, radii_mm: tuple[float, float, float], pattern: str, draw: np.random.Generator
) -> Lesion:
    """Return one lesion.

    Args:
        centre_mm: (3,), somewhere in the lung.
        radii_mm: half its depth away from the pleura, half its width along the pleura, half its height.
        pattern: one of `PATTERNS`.
        draw: where density, border and texture come from.
    """
    sac = thorax.sacs[side].level
    x, y, z = np.asarray(centre_mm, np.float32)
    # The pleura's direction: where the sac's level rises fastest, level with the ground.
    around = np.array([[-2, 0, 0], [2, 0, 0], [0, -2, 0], [0, 2, 0]], np.float32) + np.array([x, y, z])
    before_x, behind_x, before_y, behind_y = sac(*around.T)
    outward = np.array([behind_x - before_x, behind_y - before_y, 0.0])
    outward = outward / max(float(np.linalg.norm(outward)), 1e-6)
    along = np.array([-outward[1], outward[0], 0.0])
    deep, wide, tall = (np.float32(radius) for radius in radii_mm)
    smallest = float(min(radii_mm))
    shift = draw.uniform(0, 64, 3)
    ragged = float(draw.uniform(0.20, 0.42)) * min(1.0, smallest / 5.0)
    grain = float(np.clip(smallest * 0.22, 1.2, 3.6))
    soft = float(
        {"ground glass": draw.uniform(2.0, 7.0), "crazy paving": draw.uniform(1.5, 4.0), "consolidation": draw.uniform(1.0, 3.0)}[pattern]
    )
    soft = min(soft / smallest, 0.9)
    strength = float(
        {
            # From barely there (about 50 HU above lung) to dense.
            "ground glass": np.clip(np.exp(draw.normal(-1.45, 0.42)), 0.07, 0.5),
            "crazy paving": draw.uniform(0.22, 0.45),
            "consolidation": draw.uniform(0.72, 0.97),
        }[pattern]
    )
    core = float(draw.uniform(0.35, 0.7)) if pattern == "ground glass" and draw.random() < 0.3 else 0.0

    def away(px: np.ndarray, py: np.ndarray, pz: np.ndarray) -> np.ndarray:
        dx, dy, dz = px - x, py - y, pz - z
        out = (outward[0] * dx + outward[1] * dy).astype(np.float32) / deep
        side_by = (along[0] * dx + along[1] * dy).astype(np.float32) / wide
        distance = np.sqrt(out * out + side_by * side_by + (dz / tall) ** 2)
        return distance + np.float32(ragged) * noise(px, py, pz, grain, shift)

    def extent(px: np.ndarray, py: np.ndarray, pz: np.ndarray) -> np.ndarray:
        return _step((1.0 - away(px, py, pz)) / np.float32(soft) + np.float32(0.5))

    def field(px: np.ndarray, py: np.ndarray, pz: np.ndarray) -> np.ndarray:
        distance = away(px, py, pz)
        inside = _step((1.0 - distance) / np.float32(soft) + np.float32(0.5))
        texture = 1 + np.float32(0.22) * noise(px, py, pz, 1.1, shift + 17)
        density = np.float32(strength) * texture
        if pattern == "crazy paving":
            # Thickened septa between lobules: lines where a coarse noise crosses nought.
            septa = np.maximum(0, 1 - np.abs(noise(px, py, pz, 2.3, shift + 29)) / np.float32(0.22))
            density = density + np.float32(0.33) * septa
        if core:
            density = density + np.float32(core) * _step((0.62 - distance) / 0.3)
        return np.clip(inside * density, 0, 1)

    reach = 1.0 + 3.0 * ragged + 0.5 * soft
    span = np.sqrt((outward[:2] * float(deep)) ** 2 + (along[:2] * float(wide)) ** 2) * reach
    low = (float(x - span[0]), float(y - span[1]), float(z - tall * reach))
    high = (float(x + span[0]), float(y + span[1]), float(z + tall * reach))
    return Lesion(pattern, side, True, field, low, high, None, extent)


def covid_lesions(thorax: Thorax, target_ml: float, draw: np.random.Generator) -> list[Lesion]:
    """Return lesions of both lungs (of one, in one case of eight) with about `target_ml` in all; an empty list for less than 0.05 ml."""
    if target_ml < 0.05:
        return []
    first = "right" if draw.random() < 0.55 else "left"
    sides = ["right", "left"] if draw.random() < 0.88 else [first]
    # The more there is, the more spots it is, and the larger the largest.
    count = int(np.clip(draw.poisson(4.0 + 5.5 * np.log1p(target_ml / 12.0)), 2, 40))
    shares = np.exp(draw.normal(0, 1.5, count))
    shares /= shares.sum()
    # Density goes with severity and time, so spots of one person resemble each other.
    mix = draw.dirichlet([2.2, 0.9, 0.8 + 0.4 * np.log1p(target_ml / 100.0)])
    basal, dorsal = draw.uniform(0.2, 1.6), draw.uniform(0.2, 1.6)
    seeds = {side: _places(thorax, side, basal, dorsal, count, draw) for side in sides}
    found = []
    for number in range(count):
        side = sides[number % len(sides)] if number < 2 else sides[int(draw.integers(len(sides)))]
        volume_mm3 = float(shares[number] * target_ml * 1000.0)
        stretch = np.exp(draw.normal(0, 0.28, 3)) * [0.72, 1.25, 1.0]
        # Half of an ellipsoid at the pleura lies outside of the lung; the room that others leave is taken into account below.
        radius = (1.45 * volume_mm3 * 3 / (4 * np.pi * np.prod(stretch))) ** (1 / 3)
        radii = np.clip(radius * stretch, 1.6, [48.0, 85.0, 95.0])
        pattern = str(draw.choice(PATTERNS, p=mix))
        found.append(lesion(thorax, side, seeds[side][number], (float(radii[0]), float(radii[1]), float(radii[2])), pattern, draw))
    return found


def _places(thorax: Thorax, side: str, basal: float, dorsal: float, count: int, draw: np.random.Generator) -> np.ndarray:
    """Return `count` points (count, 3) of one lung, likelier near the pleura, at the base and at the back."""
    points = points_in_lung(thorax, side, 3000, draw)
    x, y, z = points.T
    depth = thorax.sacs[side].level(x, y, z)
    back = (y - thorax.cage_y(z)) / thorax.cage_depth(z)
    top, bottom = thorax.apex_z, thorax.dome_z[side] - 60 * thorax.high
    down = (0.5 * (top + bottom) - z) / (0.5 * (top - bottom))
    weight = np.exp(depth / 0.11 + basal * down + dorsal * back).astype(float)
    return points[draw.choice(len(points), count, p=weight / weight.sum())]


def white_lung(thorax: Thorax, side: str, draw: np.random.Generator) -> Lesion:
    """Return a lung whose larger part is consolidated."""
    top, bottom = thorax.apex_z, thorax.dome_z[side] - 60 * thorax.high
    sign = -1.0 if side == "right" else 1.0
    z = 0.5 * (top + bottom) - draw.uniform(10, 35) * thorax.high
    centre = np.array([sign * 75 * thorax.wide, float(thorax.cage_y(z)) + 18 * thorax.deep, z])
    radii = (float(draw.uniform(60, 90)), float(draw.uniform(75, 110)), float(draw.uniform(85, 130)))
    return lesion(thorax, side, centre, radii, "consolidation", draw)


def emphysema(thorax: Thorax, side: str, strength: float, draw: np.random.Generator) -> Finding:
    """Return holes in the upper lung, a few mm to a centimetre wide; the field is the share of tissue that is lost."""
    shift = draw.uniform(0, 64, 3)
    low, high = thorax.sacs[side].low_mm, thorax.sacs[side].high_mm
    middle = np.float32(20.0 * thorax.high)

    def field(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        upper = _step((z - middle) / np.float32(70.0) + np.float32(0.5)) + np.float32(0.15)
        holes = _step((noise(x, y, z, 2.6, shift) - np.float32(1.2 - strength)) / np.float32(0.5))
        return np.clip(np.float32(0.8) * holes * upper, 0, 0.85)

    return Finding("emphysema", side, False, field, low, high)


def dependent_density(thorax: Thorax, side: str, strength: float, draw: np.random.Generator) -> Finding:
    """Return the hazy strip that gravity leaves along the back of a lung that is lain upon: looks like ground glass, is none."""
    shift, high = draw.uniform(0, 64, 3), thorax.high
    sac = thorax.sacs[side]
    width = np.float32(draw.uniform(0.05, 0.11))
    limit = np.float32(thorax.dome_z[side] + draw.uniform(40, 110) * high)

    def field(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        back = _step((y - thorax.cage_y(z)) / thorax.cage_depth(z) * 2.0 - 0.7)
        rim = _step((sac.level(x, y, z) + width * (1.6 + 0.5 * noise(x, y, z, 4.0, shift))) / width)
        return np.float32(strength) * rim * back * _step((limit - z) / np.float32(60 * high))

    return Finding("dependent density", side, False, field, sac.low_mm, (sac.high_mm[0], sac.high_mm[1], float(limit)))
