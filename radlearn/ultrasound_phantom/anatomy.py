"""What lies under the probe in one person: layers, muscles, vessels, a nerve, bone; all in mm, a function of (seed, person).

x goes across the image from its middle, z down from the skin. The places are those of the side of the neck, where the challenge looks
for the brachial plexus: fat, a flat muscle below its fascia, two round muscles with the nerve in the groove between them, vessels to
one side, bone below. Sizes are those of adults.

Source: Chan 2008, "Ultrasound-guided interscalene brachial plexus block", in: Textbook of Regional Anesthesia; Silvestri et al. 1995,
Radiology 197:291 (nerves: dark fascicles in a bright stroma), doi:10.1148/radiology.197.1.7568840.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

WIDTH_MM, DEPTH_MM = 50.0, 36.0
"Of the tissue that a linear probe shows, before its person's scale."
CURVED_SHARE = 0.2
"Of the persons, those who are looked at with a curved probe."


class Ellipse(NamedTuple):
    """A closed outline: its middle, half its width and height in mm, its turn in radians, and whether it is
    squared (u⁴ + v⁴ = 1 in place of u² + v² = 1)."""

    x_mm: float
    z_mm: float
    half_x_mm: float
    half_z_mm: float
    turn: float = 0.0
    square: bool = False


class Fascicle(NamedTuple):
    """A dark bundle inside a nerve: its middle and radius as shares of the nerve's half width and height."""

    x: float
    z: float
    radius: float


@dataclass(frozen=True)
class Nerve:
    """A nerve across its course: its outline, its fascicles, and how it is told from what surrounds it.

    `contrast` is 1 where it is plain, and near 0 where its edge and its fascicles are as bright as the tissue around.
    """

    outline: Ellipse
    fascicles: tuple[Fascicle, ...]
    kind: Literal["plexus", "peripheral"]
    contrast: float


@dataclass(frozen=True)
class Vessel:
    """An artery, which is round, or a vein, which pressure makes flat."""

    outline: Ellipse
    vein: bool


@dataclass(frozen=True)
class Muscle:
    """A muscle in its fascia; `slope` is that of its fibres, mm down for each mm across."""

    outline: Ellipse
    slope: float
    echo_db: float


@dataclass(frozen=True)
class Anatomy:
    """One person as the probe sees it, and the way it is looked at."""

    skin_mm: float
    fascia_mm: float
    waves: tuple[tuple[float, float, float], ...]  # of the layers: amplitude in mm, length in mm, phase
    muscles: tuple[Muscle, ...]
    vessels: tuple[Vessel, ...]
    nerve: Nerve
    node: Ellipse | None  # a lymph node: dark and oval as a nerve, without fascicles
    bone: Ellipse | None
    texture_px: tuple[int, int]  # where the fields of `textures` begin
    scale: float  # mm of this person for each mm of the average one
    curve_mm: float  # radius of a curved probe; infinite where it is linear
    dynamic_range_db: float
    gain_db: float
    slope_db_per_mm: float  # by which the time gain is wrong
    focus_mm: float
    lateral_mm: float  # width of the beam at its focus, one standard deviation
    mirrored: bool


def draw_anatomy(seed: int, person: int) -> Anatomy:
    """Return a person; the same seed and number give the same one, whatever else is drawn."""
    rng = np.random.default_rng((seed, person, 1))
    fascia = float(rng.uniform(4.5, 9.5))
    groove_x, groove_z = float(rng.uniform(-7, 5)), fascia + float(rng.uniform(6.5, 11))
    nerve = _nerve(rng, groove_x, groove_z)
    flat = Muscle(
        Ellipse(float(rng.uniform(-16, 2)), fascia + float(rng.uniform(2.2, 3.4)), float(rng.uniform(17, 25)), float(rng.uniform(2.0, 3.2)),
                float(rng.normal(0, 0.05)), True), float(rng.normal(0, 0.08)), float(rng.uniform(-19, -14)),
    )  # fmt: skip
    apart = nerve.outline.half_x_mm
    muscles = [flat]
    for side in (-1, 1):
        half_x, half_z = float(rng.uniform(7, 13)), float(rng.uniform(3.8, 6.8))
        middle = Ellipse(groove_x + side * (apart + half_x + float(rng.uniform(0.2, 1.0))), groove_z + float(rng.uniform(-0.5, 4)), half_x,
                         half_z, side * float(rng.uniform(0.05, 0.5)))  # fmt: skip
        muscles.append(Muscle(middle, side * float(rng.uniform(0.05, 0.6)), float(rng.uniform(-20, -14))))
    return Anatomy(
        skin_mm=float(rng.uniform(1.0, 1.8)),
        fascia_mm=fascia,
        waves=tuple((float(rng.normal(0, 0.006 * length)), float(length), float(rng.uniform(0, 6.28))) for length in (70, 34, 19)),
        muscles=tuple(muscles),
        vessels=_vessels(rng, groove_x, groove_z, apart),
        nerve=nerve,
        node=_node(rng, groove_x, fascia),
        bone=Ellipse(float(rng.uniform(-20, 20)), float(rng.uniform(28, 33)) + 9, float(rng.uniform(8, 16)), 9.0, float(rng.normal(0, 0.2)))
        if rng.random() < 0.45
        else None,
        texture_px=(int(rng.integers(1024)), int(rng.integers(1024))),
        scale=float(rng.uniform(0.85, 1.15)),
        curve_mm=float(rng.uniform(45, 70)) if rng.random() < CURVED_SHARE else float("inf"),
        dynamic_range_db=float(rng.uniform(50, 62)),
        gain_db=float(rng.normal(0, 3.5)),
        slope_db_per_mm=float(rng.normal(-0.4, 0.3)),
        focus_mm=float(rng.uniform(11, 20)),
        lateral_mm=float(rng.uniform(0.16, 0.26)),
        mirrored=bool(rng.random() < 0.5),
    )


def _nerve(rng: np.random.Generator, x: float, z: float) -> Nerve:
    plexus = bool(rng.random() < 0.6)
    if plexus:
        # Roots and trunks lie in the groove one above the other, each round and dark.
        outline = Ellipse(x, z, float(rng.uniform(2.2, 3.6)), float(rng.uniform(2.8, 5.0)), float(rng.normal(0, 0.45)))
        fascicles = _packed(rng, int(rng.integers(3, 7)), (0.30, 0.46))
    else:
        outline = Ellipse(x, z, float(rng.uniform(2.6, 4.4)), float(rng.uniform(1.7, 2.8)), float(rng.normal(0, 0.35)))
        fascicles = _packed(rng, int(rng.integers(8, 18)), (0.13, 0.27))
    return Nerve(outline, fascicles, "plexus" if plexus else "peripheral", float(np.clip(rng.normal(0.85, 0.2), 0.35, 1.15)))


def _packed(rng: np.random.Generator, count: int, radii: tuple[float, float]) -> tuple[Fascicle, ...]:
    """Return discs in the unit disc that hardly overlap; fewer than `count` where there is no room."""
    # None in the very middle: a large one there would leave no room for a second.
    placed: list[Fascicle] = []
    for _ in range(12 * count):
        radius = float(rng.uniform(*radii))
        away, angle = (1 - radius) * float(np.sqrt(rng.uniform(0.25, 1))), float(rng.uniform(0, 2 * np.pi))
        one = Fascicle(away * float(np.cos(angle)), away * float(np.sin(angle)), radius)
        if all((one.x - other.x) ** 2 + (one.z - other.z) ** 2 > (0.95 * (radius + other.radius)) ** 2 for other in placed):
            placed.append(one)
        if len(placed) == count:
            break
    return tuple(placed)


def _vessels(rng: np.random.Generator, x: float, z: float, apart: float) -> tuple[Vessel, ...]:
    vessels = []
    if rng.random() < 0.85:
        radius = float(rng.uniform(2.2, 3.8))
        there = -apart - radius - float(rng.uniform(3, 10))
        artery = Ellipse(x + there, z + float(rng.uniform(-2, 4)), radius, radius * float(rng.uniform(0.88, 1)), float(rng.normal(0, 0.2)))
        vessels.append(Vessel(artery, vein=False))
        if rng.random() < 0.7:
            half = float(rng.uniform(3, 5.5))
            beside = artery.x_mm - float(rng.uniform(0.2, 0.9)) * half
            vein = Ellipse(
                beside, artery.z_mm - radius - float(rng.uniform(1.6, 2.6)), half, float(rng.uniform(1.3, 2.4)), float(rng.normal(0, 0.2))
            )
            vessels.append(Vessel(vein, vein=True))
    if rng.random() < 0.4:
        # A small artery that crosses near the nerve and looks like one of its fascicles.
        radius = float(rng.uniform(0.7, 1.2))
        near = Ellipse(x + apart + float(rng.uniform(1, 4)), z + float(rng.uniform(-4, 1)), radius, radius)
        vessels.append(Vessel(near, vein=False))
    return tuple(vessels)


def _node(rng: np.random.Generator, x: float, fascia: float) -> Ellipse | None:
    if rng.random() > 0.3:
        return None
    return Ellipse(x + float(rng.choice([-1, 1]) * rng.uniform(9, 16)), fascia + float(rng.uniform(5.5, 9)), float(rng.uniform(1.8, 3.6)),
                   float(rng.uniform(1.2, 1.9)), float(rng.normal(0, 0.3)))  # fmt: skip
