"""The bones as shells of compact bone: twelve pairs of ribs, spine, clavicles, scapulae, sternum and humeri."""

from functools import lru_cache

import numpy as np

from radlearn.digital_thorax.anatomy import VERTEBRA_HEIGHTS, Thorax
from radlearn.digital_thorax.clouds import Cloud, ball, plate, resampled, together, tube

COMPACT_BONE = 0.034
"""Attenuation of compact bone above soft tissue, per mm, at about 65 keV (NIST: 1.92 g/cm³, bone 0.25 and soft tissue 0.20 cm²/g)."""
SPONGY_BONE = 0.0075
RIB_END_DEGREES = (148, 150, 148, 146, 144, 142, 138, 130, 122, 112, 78, 52)
"""Extent of each rib's bony part around the chest in degrees, from the spine (0) to the sternum (180)."""
RIB_DROP_MM = (30, 52, 68, 80, 90, 97, 100, 98, 93, 84, 56, 34)
"""Descent of each rib's bony part from its head to its front end."""


def skeleton(thorax: Thorax, arms_up: bool = False) -> Cloud:
    """Return all bones of a person, weights above soft tissue; `arms_up` lifts the arms beside the head, as for a CT."""
    draw = np.random.default_rng([thorax.person.tree_seed, 3])
    parts = [_rib(thorax, number, side, draw) for number in range(1, 13) for side in (-1, 1)]
    parts += [_vertebra(thorax, name) for name in VERTEBRA_HEIGHTS]
    for side in (-1, 1):
        parts += _shoulder(thorax, side, arms_up)
    parts += _breastbone(thorax)
    cloud = together(parts)
    return Cloud(cloud.places_mm, cloud.weight_mm2 * np.float32(thorax.person.bone_density))


def rib_path(thorax: Thorax, number: int, side: int, irregular: float = 0.0) -> np.ndarray:
    """Return the knots (knots, 3) in mm of rib `number` (1 to 12) from its head to where its cartilage begins."""
    high, wide, deep = thorax.high, thorax.wide, thorax.deep
    head_z = (VERTEBRA_HEIGHTS[f"T{number}"] + 9.0) * high
    end, drop = RIB_END_DEGREES[number - 1], (RIB_DROP_MM[number - 1] * thorax.person.rib_slope + irregular) * high
    # Deep inspiration raises the front ends of the ribs.
    drop *= 1.0 + 0.12 * (1.0 - thorax.posture.breath)
    spine_x, spine_y = float(thorax.spine_x(head_z)), float(thorax.spine_y(head_z))
    half = float(np.interp(number, [1, 12], [15, 20])) * wide
    knots = [
        (spine_x + side * half, spine_y + 8 * deep, head_z + 2),
        (spine_x + side * (half + 15 * wide), spine_y + 27 * deep, head_z + 3),
    ]
    tight = {1: 0.84, 2: 0.94}.get(number, 1.0)
    for angle in np.linspace(min(30.0, 0.6 * end), end, 12):
        share = angle / end
        z = head_z + 3 - drop * (0.06 * share + 0.94 * share ** (1.25 if number < 3 else 1.9))
        sine, cosine = np.sin(np.deg2rad(angle)), np.cos(np.deg2rad(angle))
        x = side * (float(thorax.cage_x(z)) - 3.0 * wide) * tight * sine**0.86
        y = float(thorax.cage_y(z)) + float(thorax.cage_depth(z)) * np.sign(cosine) * abs(cosine) ** 0.9
        knots.append((x, y, z))
    return _beyond_lung(thorax, np.array(knots))


def _beyond_lung(thorax: Thorax, knots: np.ndarray) -> np.ndarray:
    """Return `knots` (knots, 3) moved horizontally until a rib along them lies outside the pleural sac; the head stays at the spine."""
    sac = thorax.sacs["right" if knots[-1, 0] < 0 else "left"]
    clear = np.float32(4.8 * thorax.deep)
    x, y, z = knots.T.astype(np.float32)
    outward = np.where(y > thorax.cage_y(z), np.float32(1), np.float32(-1))
    # Posteriorly and anteriorly, knots inside move backward or forward: seen from the front nothing changes.
    ahead = np.arange(0.0, 40.0, 0.5, dtype=np.float32)[:, None]
    # At the flank they move sideways; moving forward or back would leave a part that an X-ray shows end-on, as a ring.
    flank = np.abs(y - thorax.cage_y(z)) < 0.5 * thorax.cage_depth(z)
    aside = np.where(flank, np.sign(x), np.float32(0))
    forward = np.where(flank, np.float32(0), outward)
    inside = sac.holds(x + aside * ahead, y + forward * ahead, np.broadcast_to(z, (80, len(z))))
    far = np.where(inside.any(0), 0.5 * (79 - np.argmax(inside[::-1], 0)), 0).astype(np.float32)
    x, y = x + aside * far, y + forward * far
    for _ in range(3):
        # One call for all five, since each has only a few points.
        level, right, left, behind, before = sac.level(np.stack([x, x + 1, x - 1, x, x]), np.stack([y, y, y, y + 1, y - 1]), z)
        slope_x, slope_y = 0.5 * (right - left), 0.5 * (behind - before)
        steep = np.maximum(np.hypot(slope_x, slope_y), np.float32(2e-3))
        short = np.clip(clear - level / steep, 0, 4)
        x, y = x + np.where(np.arange(len(x)) > 1, short * slope_x / steep, 0), y + short * slope_y / steep
    moved = np.stack([x, y, z], 1).astype(float)
    moved[0] = knots[0]
    return moved


def _rib(thorax: Thorax, number: int, side: int, draw: np.random.Generator) -> Cloud:
    scale = 0.5 * (thorax.high + thorax.wide)
    knots = rib_path(thorax, number, side, draw.normal(0, 2.0))
    share = np.linspace(0, 1, len(knots))
    height = (
        np.interp(share, [0, 0.1, 0.25, 0.8, 1], [3.8, 4.0, 4.9, 5.0, 6.0])
        * scale
        * float(np.interp(number, [1, 2, 9, 12], [1.1, 0.92, 1.0, 0.8]))
    )
    thick = np.interp(share, [0, 0.1, 0.5, 1], [4.0, 4.2, 3.3, 3.0]) * scale
    path, half_height, half_thick = resampled(knots, 0.85, height, thick)
    # The flat side of a rib faces inward; its lower edge, with the groove, is thin, so the upper edge is more visible.
    bone = tube(path, (half_height, half_thick), (0, 0, 1), (0.62, COMPACT_BONE), SPONGY_BONE)
    if number > 10:
        return bone
    high, wide, deep = thorax.high, thorax.wide, thorax.deep
    front = knots[-1]
    breastbone_z = np.interp(number, [1, 2, 7, 10], [112, 90, -52, -85]) * high
    sternum = np.array(
        [
            side * np.interp(number, [1, 2, 7, 10], [26, 18, 14, 52]) * wide,
            float(thorax.cage_y(breastbone_z) - thorax.cage_depth(breastbone_z)) - 1 * deep,
            breastbone_z,
        ]
    )
    middle = 0.5 * (front + sternum) + np.array([0, -7 * deep, -13 * high if number > 4 else -3 * high])
    cartilage_path = resampled(np.array([front, middle, sternum]), 1.2)[0]
    chalk = max(thorax.person.age_years - 35, 0) / 50.0 * draw.gamma(2.0, 0.5) * (2.2 if number == 1 else 1.0)
    patches = np.clip(np.cumsum(draw.normal(0, 0.35, len(cartilage_path))) * 0.4 + 0.3, 0, 1) * chalk
    cartilage = tube(cartilage_path, (5.5 * scale, 4.0 * scale), (0, 0, 1), (0.5 * patches, COMPACT_BONE), 0.0012)
    return together([bone, cartilage])


def _vertebra(thorax: Thorax, name: str) -> Cloud:
    high, wide, deep = thorax.high, thorax.wide, thorax.deep
    z = VERTEBRA_HEIGHTS[name] * high
    centre = np.array([float(thorax.spine_x(z)), float(thorax.spine_y(z)), z], np.float32)
    scale = np.array([np.interp(z / high, *_VERTEBRA_SIZES[axis]) for axis in range(3)]) * [wide, deep, high]
    template = _vertebra_template()
    # A shell grows with the square of its size; half of the bone is removed, as the vertebral arches are thinner than modelled.
    grown = 0.4 * float(np.prod(scale)) ** (2 / 3)
    return Cloud(template.places_mm * scale[:, None].astype(np.float32) + centre[:, None], template.weight_mm2 * np.float32(grown))


_VERTEBRA_SIZES = (
    ((-190, -120, 20, 150, 204), (1.55, 1.29, 1.0, 0.97, 0.77)),
    ((-190, 150, 204), (1.25, 0.75, 0.6)),
    ((-190, -120, 150, 204), (1.35, 1.15, 0.85, 0.6)),
)
"""Width, depth and height of the vertebrae along the spine, as multiples of the middle one's."""


@lru_cache(maxsize=1)
def _vertebra_template() -> Cloud:
    """Return a vertebra of the middle of the chest, the centre of its body at the origin."""
    tall, half_wide, half_deep = 20.0, 15.5, 13.5
    levels = np.linspace(-0.5, 0.5, 21)
    waist = 1.0 - 0.09 * np.cos(np.pi * levels)
    path = np.stack([np.zeros_like(levels), np.zeros_like(levels), levels * tall], 1)
    parts = [tube(path, (half_deep * waist, half_wide * waist), (0, 1, 0), (0.6, COMPACT_BONE), 0.0042, 1.3)]
    for end in (-0.5, 0.5):
        disc = np.array([[0, 0, end * tall - 0.4], [0, 0, end * tall + 0.4]])
        parts.append(tube(disc, (half_deep, half_wide), (0, 1, 0), (0.0, 0.0), COMPACT_BONE, 0.4))
    behind = np.array([0, half_deep, 0.12 * tall])
    for side in (-1, 1):
        root = behind + [side * 0.62 * half_wide, 0, 0]
        bones = (
            (root + [0, -2, 0], root + [0, 12, 0], 0.24 * tall, 3.2, 1.0),
            (root + [side * 2, 12, 0], root + [side * 20, 22, 3], 4.5, 3.0, 0.8),
            (root + [0, 13, -2], behind + [0, 24, -0.35 * tall], 0.3 * tall, 2.2, 0.7),
        )
        for start, end_place, half_height, half_thick, wall in bones:
            arch = resampled(np.array([start, end_place]), 0.8)[0]
            parts.append(tube(arch, (half_height, half_thick), (0, 0, 1), (wall, COMPACT_BONE), SPONGY_BONE, 1.2))
    thorn = resampled(np.array([behind + [0, 23, -0.3 * tall], behind + [0, 46, -1.0 * tall]]), 0.8)[0]
    parts.append(tube(thorn, (5.5, 2.4), (0, 0, 1), (0.8, COMPACT_BONE), SPONGY_BONE))
    return together(parts)


def _shoulder(thorax: Thorax, side: int, arms_up: bool = False) -> list[Cloud]:
    high, wide, deep = thorax.high, thorax.wide, thorax.deep
    scale = np.array([side * wide, deep, high])
    fat = thorax.person.fat_mm * 0.3 * side
    down = thorax.posture.arms_down and not arms_up

    def at(*points: tuple[float, float, float]) -> np.ndarray:
        return np.array(points, float) * scale

    lift = 8.0 if down else 22.0 if arms_up else 0.0
    collar = at((23, -54, 97), (54, -66, 104), (98, -44, 118 + lift), (140, -12, 131 + lift), (168, 0, 132 + lift))
    path, radius = resampled(collar, 0.75, np.array([9.0, 6.2, 5.2, 5.6, 5.0]) * wide)
    parts = [tube(path, (radius, radius), (0, 0, 1), (1.5, COMPACT_BONE), SPONGY_BONE)]
    # With hands on the hips and shoulders forward the scapulae rotate off the lungs; in lying patients they project over them.
    if down:
        top, bottom, socket = (84, 92, 126), (98, 116, -4), (158, 24, 104)
    elif arms_up:
        top, bottom, socket = (96, 90, 122), (128, 92, 10), (148, 22, 126)
    else:
        top, bottom, socket = (112, 78, 126), (140, 92, 8), (163, 18, 106)
    upper, lower, joint = at(top)[0], at(bottom)[0], at(socket)[0]
    medial = upper * 0.55 + lower * 0.45 + at((-7, 8, 0))[0]
    parts.append(tube(resampled(np.array([upper, medial, lower]), 0.8)[0], (2.2, 2.2), (0, 1, 0), (0.9, COMPACT_BONE), SPONGY_BONE))
    border = resampled(np.array([lower, 0.5 * (lower + joint) + at((5, 4, -6))[0], joint + at((-4, 0, -16))[0]]), 0.8)[0]
    parts.append(tube(border, (3.6, 4.4), (0, 1, 0), (1.5, COMPACT_BONE), SPONGY_BONE))
    roof = resampled(np.array([upper, 0.5 * (upper + joint) + at((0, -4, 6))[0], joint + at((-8, 0, 16))[0]]), 0.8)[0]
    parts.append(tube(roof, (1.8, 1.8), (0, 1, 0), (0.9, COMPACT_BONE), SPONGY_BONE))
    parts.append(plate(np.array([upper, medial, lower, joint]), 1.7 * COMPACT_BONE, -6.0 * side, 0.8))
    acromion = at((174, 22, 134 + lift * 0.5), (181, 2, 132 + lift * 0.5))
    ridge = resampled(
        np.array([0.75 * upper + 0.25 * lower, 0.45 * upper + 0.55 * acromion[0] + at((0, 12, 0))[0], *acromion]),
        0.8,
        np.array([2, 4, 7, 6.0]),
    )
    parts.append(tube(ridge[0], (ridge[1], 3.0), (0, 0.5, 1), (1.0, COMPACT_BONE), SPONGY_BONE))
    beak = resampled(np.array([joint + at((-8, -4, 14))[0], joint + at((-14, -22, 22))[0], joint + at((-4, -38, 16))[0]]), 0.8)[0]
    parts.append(tube(beak, (6.0 * wide, 5.0 * wide), (0, 0, 1), (1.0, COMPACT_BONE), SPONGY_BONE))
    rim = resampled(joint + at((0, -1, 19), (2, 13, 0), (0, 0, -19), (2, -13, 0), (0, -1, 19)), 0.8)[0]
    parts.append(tube(rim, (3.4, 3.0), (1, 0, 0), (1.1, COMPACT_BONE), SPONGY_BONE))
    head = joint + at((23, -2, 3))[0]
    parts.append(ball(head, (23 * wide, 23 * wide, 23 * wide), (0.9, COMPACT_BONE), 0.0035, 6000))
    elbow = at((218, 24, -262) if down else (205, -6, 400) if arms_up else (262, -14, -135))[0] + [fat, 0, 0]
    start = head + 0.06 * (elbow - head) + at((6, 0, 0))[0]
    shaft, radius, wall = resampled(
        np.array([start, 0.8 * start + 0.2 * elbow, elbow]), 1.2, np.array([19, 12.5, 11.5]) * wide, np.array([1.2, 3.6, 4.2]) * wide
    )
    parts.append(tube(shaft, (radius, radius), (0, 1, 0), (wall, COMPACT_BONE), 0.0015))
    return parts


def _breastbone(thorax: Thorax) -> list[Cloud]:
    high, wide, deep = thorax.high, thorax.wide, thorax.deep
    places = np.array([116, 98, 88, 40, 0, -38, -50])
    front = np.array([float(thorax.cage_y(z * high) - thorax.cage_depth(z * high)) - 3 * deep for z in places])
    knots = np.stack([np.zeros(len(places)), front, places * high], 1)
    path, half_width = resampled(knots, 0.9, np.array([27, 27, 15, 18, 20, 13, 5.0]) * wide)
    return [tube(path, (half_width, 4.5), (1, 0, 0), (0.6, COMPACT_BONE), 0.002, 1.6)]
