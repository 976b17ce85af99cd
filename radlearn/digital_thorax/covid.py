"""COVID-19 pneumonia on CT.

Ground glass, crazy paving and consolidation: bilateral, near the pleura, predominantly basal and posterior; many lesions of very unequal
size rather than one (patterns and distribution as in the Radiological Society of North America's consensus,
doi:10.1148/ryct.2020200152). A lesion has two fields: its extent, which the mask follows, and its density, the share of air that is
replaced.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from radlearn.digital_thorax.anatomy import Thorax
from radlearn.digital_thorax.lesions import Finding, noise
from radlearn.digital_thorax.trees import points_in_lung

Parts = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
PATTERNS = ("ground glass", "crazy paving", "consolidation")


@dataclass(frozen=True)
class Lesion(Finding):
    """A finding with a border.

    `parts` returns two fields: the extent (1 inside, 0 outside, 0.5 where a reader would draw the contour) and the density.
    """

    parts: Parts | None = None


class _Places(NamedTuple):
    x: np.ndarray
    y: np.ndarray
    z: np.ndarray


def _step(value: np.ndarray) -> np.ndarray:
    share = np.clip(value, 0, 1)
    smooth: np.ndarray = share * share * (3 - 2 * share)
    return smooth


def lesion(
    thorax: Thorax, side: str, centre_mm: np.ndarray, radii_mm: tuple[float, float, float], pattern: str, draw: np.random.Generator
) -> Lesion:
    """Return one lesion.

    Args:
        centre_mm: (3,), in the lung.
        radii_mm: half its depth away from the pleura, half its width along the pleura, half its height.
        pattern: one of `PATTERNS`.
        draw: source of density, border and texture.
    """
    sac = thorax.sacs[side].level
    x, y, z = np.asarray(centre_mm, np.float32)
    # Towards the pleura: the horizontal direction in which the level of the pleural sac rises fastest.
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
            # From barely visible (about 50 HU above lung) to dense.
            "ground glass": np.clip(np.exp(draw.normal(-1.45, 0.42)), 0.07, 0.5),
            "crazy paving": draw.uniform(0.22, 0.45),
            "consolidation": draw.uniform(0.82, 1.0),
        }[pattern]
    )
    uneven = 0.06 if pattern == "consolidation" else 0.22
    core = float(draw.uniform(0.35, 0.7)) if pattern == "ground glass" and draw.random() < 0.3 else 0.0

    reach = 1.0 + 2.6 * ragged + 0.5 * soft
    scales = [(outward[axis] / float(deep), along[axis] / float(wide)) for axis in (0, 1)]

    def parts(px: np.ndarray, py: np.ndarray, pz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        dx, dy, dz = px - x, py - y, (pz - z) / tall
        out = np.float32(scales[0][0]) * dx + np.float32(scales[1][0]) * dy
        beside = np.float32(scales[0][1]) * dx + np.float32(scales[1][1]) * dy
        square = out * out + beside * beside + dz * dz
        # Noise is expensive, so it is computed only where it matters.
        near = square < np.float32(reach * reach)
        where = _Places(*(np.broadcast_to(value, square.shape)[near] for value in (px, py, pz)))
        distance = np.sqrt(square[near]) + np.float32(ragged) * noise(where.x, where.y, where.z, grain, shift)
        extent, density = np.zeros_like(square), np.zeros_like(square)
        inside = _step((1.0 - distance) / np.float32(soft) + np.float32(0.5))
        extent[near] = inside
        density[near] = inside * _inner(where, distance)
        return extent, density

    def _inner(where: _Places, distance: np.ndarray) -> np.ndarray:
        inner = np.float32(strength) * (1 + np.float32(uneven) * noise(where.x, where.y, where.z, 1.1, shift + 17))
        if pattern == "crazy paving":
            # Thickened interlobular septa: lines where a coarse noise crosses zero.
            inner += np.float32(0.33) * np.maximum(0, 1 - np.abs(noise(where.x, where.y, where.z, 2.3, shift + 29)) / np.float32(0.22))
        if core:
            inner += np.float32(core) * _step((0.62 - distance) / 0.3)
        return np.clip(inner, 0, 1)

    span = np.sqrt((outward[:2] * float(deep)) ** 2 + (along[:2] * float(wide)) ** 2) * reach
    low = (float(x - span[0]), float(y - span[1]), float(z - tall * reach))
    high = (float(x + span[0]), float(y + span[1]), float(z + tall * reach))
    return Lesion(pattern, side, True, lambda px, py, pz: parts(px, py, pz)[1], low, high, None, parts)


def covid_lesions(thorax: Thorax, target_ml: float, seed: Sequence[int]) -> list[Lesion]:
    """Return lesions of both lungs (of one, in one case of eight) with a total of about `target_ml`; an empty list for less than 0.05 ml.

    Lesions are drawn, measured in this lung, and scaled until the sum is right.
    """
    if target_ml < 0.05:
        return []
    growth = 1.0
    found: list[Lesion] = []
    for _ in range(3):
        found = _lesions(thorax, target_ml, growth, np.random.default_rng(seed))
        short = (target_ml / max(_measured_ml(thorax, found), 1e-3)) ** (1 / 3)
        if abs(short - 1) < 0.03:
            break
        growth *= float(np.clip(short, 0.5, 1.8))
    return found


def _measured_ml(thorax: Thorax, found: Sequence[Lesion]) -> float:
    """Return the volume of all extents inside the lungs, each sampled in its own box; overlaps count twice."""
    total = 0.0
    unit = ((np.arange(1728) + 0.5)[:, None] * [0.8191725, 0.6710436, 0.5497005] % 1.0).astype(np.float32)
    for one in found:
        low, high = np.array(one.low_mm, np.float32), np.array(one.high_mm, np.float32)
        places = (low + unit * (high - low)).T
        inside = thorax.lung_holds(one.side, *places)
        if inside.any() and one.parts is not None:
            total += float((one.parts(*places[:, inside])[0] >= 0.5).sum()) / len(unit) * float(np.prod(high - low)) / 1000.0
    return total


def _lesions(thorax: Thorax, target_ml: float, growth: float, draw: np.random.Generator) -> list[Lesion]:
    first = "right" if draw.random() < 0.55 else "left"
    sides = ["right", "left"] if draw.random() < 0.88 else [first]
    # A larger volume means more lesions and a larger largest one.
    count = int(np.clip(draw.poisson(4.0 + 5.5 * np.log1p(target_ml / 12.0)), 2, 40))
    shares = np.exp(draw.normal(0, 1.5, count))
    shares /= shares.sum()
    # Density depends on severity and time, so the lesions of one person resemble each other.
    mix = draw.dirichlet([2.2, 0.9, 0.8 + 0.4 * np.log1p(target_ml / 100.0)])
    taste = _Taste(draw.uniform(0.2, 1.6), draw.uniform(0.2, 1.6), draw.normal(0.35, 0.4), 0.15 + 0.11 * np.log1p(target_ml / 30.0))
    seeds = {side: _places(thorax, side, taste, count, draw) for side in sides}
    found = []
    for number in range(count):
        side = sides[number % len(sides)] if number < 2 else sides[int(draw.integers(len(sides)))]
        volume_mm3 = float(shares[number] * target_ml * 1000.0)
        stretch = np.exp(draw.normal(0, 0.28, 3)) * [0.72, 1.25, 1.0]
        radius = growth * (1.45 * volume_mm3 * 3 / (4 * np.pi * np.prod(stretch))) ** (1 / 3)
        radii = np.clip(radius * stretch, 1.6, [60.0, 100.0, 110.0])
        pattern = str(draw.choice(PATTERNS, p=mix))
        found.append(lesion(thorax, side, seeds[side][number], (float(radii[0]), float(radii[1]), float(radii[2])), pattern, draw))
        for _ in range(int(draw.poisson(2.2))):
            # Fragments beside a lesion: most components of a real mask have a few voxels.
            aside = seeds[side][number] + draw.normal(0, 1, 3) * (0.7 * radii + 5.0)
            tiny = np.exp(draw.normal(0.75, 0.35, 3))
            found.append(lesion(thorax, side, aside, (float(tiny[0]), float(tiny[1]), float(1.4 * tiny[2])), "ground glass", draw))
    return found


class _Taste(NamedTuple):
    """Where in the lung one person's lesions lie: weights of base and back, and the preferred height (1 base, -1 apex)."""

    basal: float
    dorsal: float
    height: float
    spread: float


def _places(thorax: Thorax, side: str, taste: _Taste, count: int, draw: np.random.Generator) -> np.ndarray:
    """Return `count` points (count, 3) of one lung, more likely near the pleura, at the base and at the back."""
    points = points_in_lung(thorax, side, 3000, draw)
    x, y, z = points.T
    depth = thorax.sacs[side].level(x, y, z)
    back = (y - thorax.cage_y(z)) / thorax.cage_depth(z)
    top, bottom = thorax.apex_z, thorax.dome_z[side] - 60 * thorax.high
    down = (0.5 * (top + bottom) - z) / (0.5 * (top - bottom))
    gathered = 0.5 * ((down - taste.height) / taste.spread) ** 2
    weight = np.exp(np.maximum(depth / 0.11 + taste.basal * down + taste.dorsal * back - gathered, -40)).astype(float)
    return points[draw.choice(len(points), count, p=weight / weight.sum())]


def white_lung(thorax: Thorax, side: str, draw: np.random.Generator) -> Lesion:
    """Return a lung whose larger part is consolidated."""
    top, bottom = thorax.apex_z, thorax.dome_z[side] - 60 * thorax.high
    sign = -1.0 if side == "right" else 1.0
    z = 0.5 * (top + bottom) - draw.uniform(10, 35) * thorax.high
    centre = np.array([sign * 75 * thorax.wide, float(thorax.cage_y(z)) + 18 * thorax.deep, z])
    radii = (float(draw.uniform(60, 90)), float(draw.uniform(75, 110)), float(draw.uniform(85, 130)))
    return lesion(thorax, side, centre, radii, "consolidation", draw)
