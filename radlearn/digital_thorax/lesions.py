"""Findings in a lung as fields of added density over millimetres, between 0 (healthy) and 1 (no air left).

Pneumonia occurs as lobar consolidation, patchy bronchopneumonia and ground glass; other findings are effusion, atelectasis, nodule, scar
and oedema. Fields do not depend on the modality: an X-ray integrates them along rays, a CT samples them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from radlearn.digital_thorax.anatomy import Thorax

Field = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Finding:
    """One finding: its field, the box that contains it, and the maximum contrast of its shadow.

    `contrast` is attenuation × length after scaling; None leaves the field as it is. `pneumonia`: whether a reader who sees it draws a
    box.
    """

    name: str
    side: str
    pneumonia: bool
    field: Field
    low_mm: tuple[float, float, float]
    high_mm: tuple[float, float, float]
    contrast: float | None = None


@lru_cache(maxsize=1)
def _noise_tile() -> np.ndarray:
    """Return a periodic 64³ block of noise with a falling spectrum, zero mean and unit deviation, from which all textures are cut."""
    draw = np.random.default_rng(20180)
    frequency = np.fft.fftfreq(64) * 64
    square = frequency[:, None, None] ** 2 + frequency[None, :, None] ** 2 + np.abs(np.fft.rfftfreq(64) * 64)[None, None] ** 2
    amplitude = 1.0 / np.maximum(square, 1.0) ** 0.85
    amplitude[square < 4] = 0.12
    spectrum = np.fft.rfftn(draw.standard_normal((64, 64, 64))) * amplitude
    block = np.fft.irfftn(spectrum, (64, 64, 64))
    return ((block - block.mean()) / block.std()).astype(np.float32)


def noise(x: np.ndarray, y: np.ndarray, z: np.ndarray, grain_mm: float, shift: np.ndarray) -> np.ndarray:
    """Return smooth noise (unit deviation) whose finest grain is `grain_mm`; `shift` (3,) picks the place in the block."""
    from scipy.ndimage import map_coordinates

    shape = np.broadcast_shapes(np.shape(x), np.shape(y), np.shape(z))
    places = np.empty((3, *shape), np.float32)
    for axis, value in enumerate((x, y, z)):
        places[axis] = value / np.float32(grain_mm) + np.float32(shift[axis])
    return map_coordinates(_noise_tile(), places, order=1, mode="grid-wrap")


def _rise(value: np.ndarray, low: float, high: float) -> np.ndarray:
    share = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    return share * share * (3 - 2 * share)


def _box(centre: np.ndarray, radii: np.ndarray, grow: float = 1.5) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    low, high = centre - grow * radii, centre + grow * radii
    return (float(low[0]), float(low[1]), float(low[2])), (float(high[0]), float(high[1]), float(high[2]))


def pneumonia(
    thorax: Thorax, side: str, half_size_mm: tuple[float, float], contrast: float, draw: np.random.Generator, zone: float | None = None
) -> Finding:
    """Return one opacity of pneumonia; its kind, place, depth and texture are drawn.

    Args:
        half_size_mm: half the extent of the shadow across and along the body.
        contrast: maximum attenuation × length: 0.1 is barely visible, 1 is white.
        draw: source of everything that is not given.
        zone: height in the lung, -1 (base) to 1 (apex); drawn if not given.
    """
    half_width_mm, half_height_mm = half_size_mm
    sign = -1.0 if side == "right" else 1.0
    kind = draw.choice(["consolidation", "bronchopneumonia", "ground glass"], p=[0.4, 0.35, 0.25])
    top, bottom = thorax.apex_z - 12 * thorax.high, thorax.dome_z[side] - 28 * thorax.high
    room = max(0.5 * (top - bottom) - half_height_mm, 2.0)
    # Pneumonia is more frequent in the lower half of the lung.
    drawn = float(np.clip(draw.normal(-0.5, 0.5), -1, 1))
    z = 0.5 * (top + bottom) + room * (drawn if zone is None else zone)
    reach = float(thorax.cage_x(z))
    x = sign * float(np.clip(draw.normal(0.55, 0.13), 0.3, 0.78)) * reach
    depth = float(thorax.cage_depth(z))
    y = float(thorax.cage_y(z)) + depth * float(np.clip(draw.normal(0.15, 0.4), -0.75, 0.75))
    centre = np.array([x, y, z])
    radii = np.array([half_width_mm, depth * draw.uniform(0.35, 0.8), half_height_mm]) * (1.12 if kind == "consolidation" else 1.25)
    shift, tilt = draw.uniform(0, 64, 3), draw.normal(0, 0.25, 2)
    fissure = draw.random() < 0.4 and kind == "consolidation"
    fissure_slope, fissure_at = draw.uniform(-0.5, 0.1), draw.uniform(0.1, 0.6) * half_height_mm
    ragged = {"consolidation": 0.22, "bronchopneumonia": 0.34, "ground glass": 0.26}[str(kind)]

    def field(px: np.ndarray, py: np.ndarray, pz: np.ndarray) -> np.ndarray:
        dx, dy, dz = px - np.float32(x), py - np.float32(y), pz - np.float32(z)
        across, along, up = dx / radii[0], (dy + tilt[0] * dz) / radii[1], (dz + tilt[1] * dx) / radii[2]
        away = np.sqrt(across * across + along * along + up * up).astype(np.float32)
        coarse = noise(px, py, pz, 3.6, shift)
        away = away + np.float32(ragged) * coarse
        if kind == "consolidation":
            dense = 1 - _rise(away, 0.55, 1.0)
            dense = dense * (0.82 + 0.10 * noise(px, py, pz, 1.3, shift + 20))
            if fissure:
                dense = dense * _rise(np.float32(fissure_at) - dz + np.float32(fissure_slope) * dy, -2.0, 3.0)
        elif kind == "bronchopneumonia":
            patches = _rise(noise(px, py, pz, 2.0, shift + 9) + 0.4 * coarse, -0.35, 1.1)
            dense = (1 - _rise(away, 0.45, 1.05)) * (0.16 + 0.84 * patches)
        else:
            dense = (1 - _rise(away, 0.35, 1.1)) * (0.55 + 0.14 * noise(px, py, pz, 1.5, shift + 31) + 0.10 * coarse)
        return np.clip(dense, 0, 1)

    low, high = _box(centre, radii, 1.5)
    return Finding(str(kind), side, True, field, low, high, contrast)


def effusion(thorax: Thorax, side: str, amount: float, lying: bool, draw: np.random.Generator) -> Finding:
    """Return fluid in the pleural space: upright a level that rises at the wall (meniscus), supine a layer that thickens to the back.

    Args:
        amount: 0 (blunted angle) to 1 (half the chest) to 1.8 (nearly all of a side).
    """
    dome, high = thorax.dome_z[side], thorax.high
    base = dome - 62 * high
    surface = base + (18 + 120 * amount) * high
    shift = draw.uniform(0, 64, 3)
    cage_x, cage_y, cage_depth = thorax.cage_x, thorax.cage_y, thorax.cage_depth
    sign = np.float32(-1 if side == "right" else 1)

    def field(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        lateral = np.clip(sign * x / cage_x(z), 0, 1)
        back = (y - cage_y(z)) / cage_depth(z)
        if lying:
            # In a supine body fluid collects at the back, most at the base.
            level = back - 1.0 + np.float32(0.25 + 0.9 * amount) * (1 - _rise(z, float(base), float(base + (110 + 120 * amount) * high)))
            return _rise(level, 0.0, 0.10)
        edge = np.maximum(lateral, np.abs(back))
        climb = np.float32((34 + 40 * max(0.0, amount - 0.7)) * high) * edge**6
        return _rise(np.float32(surface) + climb - z + 1.5 * noise(x, y, z, 6.0, shift), -2.0, 2.5)

    reach = 150.0 * thorax.wide
    low_x, high_x = (-reach, 0.0) if side == "right" else (0.0, reach)
    top = base + 230 * high if lying else surface + (40 + 40 * max(0.0, amount - 0.7)) * high
    heights = np.linspace(base - 30, top, 24)
    front, back = cage_y(heights) - cage_depth(heights), cage_y(heights) + cage_depth(heights)
    return Finding("effusion", side, False, field, (low_x, float(front.min()) - 5, base - 30), (high_x, float(back.max()) + 5, top))


def plate_atelectasis(thorax: Thorax, side: str, draw: np.random.Generator) -> Finding:
    """Return a plate of collapsed lung above the diaphragm, horizontal or slightly oblique."""
    sign = -1.0 if side == "right" else 1.0
    z = thorax.dome_z[side] + draw.uniform(4, 34) * thorax.high
    x = sign * draw.uniform(0.42, 0.66) * float(thorax.cage_x(z))
    y = float(thorax.cage_y(z)) + draw.normal(0, 22)
    length, deep, thick = draw.uniform(18, 42), draw.uniform(18, 40), draw.uniform(1.8, 4.5)
    slant, shift = draw.normal(0, 0.22), draw.uniform(0, 64, 3)

    def field(px: np.ndarray, py: np.ndarray, pz: np.ndarray) -> np.ndarray:
        dx, dy = px - np.float32(x), py - np.float32(y)
        dz = pz - np.float32(z) + np.float32(slant) * dx + 1.3 * noise(px, py, pz, 5.0, shift)
        return np.float32(0.8) * (
            1 - _rise(np.sqrt((dx / length) ** 2 + (dy / deep) ** 2 + (dz / thick) ** 2).astype(np.float32), 0.6, 1.1)
        )

    low, high = _box(np.array([x, y, z]), np.array([length, deep, thick + abs(slant) * length + 4]))
    return Finding("atelectasis", side, False, field, low, high)


def nodule(thorax: Thorax, side: str, radius_mm: float, draw: np.random.Generator) -> Finding:
    """Return a round, slightly lobed nodule or mass."""
    sign = -1.0 if side == "right" else 1.0
    for _ in range(20):
        z = draw.uniform(thorax.dome_z[side] + 10 * thorax.high, thorax.apex_z - 45 * thorax.high)
        x = sign * draw.uniform(0.38, 0.8) * float(thorax.cage_x(z))
        y = float(thorax.cage_y(z)) + draw.normal(0, 0.3) * float(thorax.cage_depth(z))
        # Not below the dome or in the heart, where there is no lung.
        if thorax.lung_holds(side, *(np.array([value], np.float32) for value in (x, y, z)))[0]:
            break
    shift = draw.uniform(0, 64, 3)

    def field(px: np.ndarray, py: np.ndarray, pz: np.ndarray) -> np.ndarray:
        away = np.sqrt((px - x) ** 2 + (py - y) ** 2 + (pz - z) ** 2).astype(np.float32) / np.float32(radius_mm)
        return 1 - _rise(away + 0.12 * noise(px, py, pz, 3.0, shift), 0.85, 1.1)

    low, high = _box(np.array([x, y, z]), np.full(3, radius_mm))
    return Finding("nodule", side, False, field, low, high)


def apical_scar(thorax: Thorax, side: str, draw: np.random.Generator) -> Finding:
    """Return streaks at the apex of the lung, like the scars of old tuberculosis."""
    sign = -1.0 if side == "right" else 1.0
    z, x = thorax.apex_z - draw.uniform(24, 52) * thorax.high, sign * draw.uniform(38, 62) * thorax.wide
    y = float(thorax.cage_y(z)) + draw.normal(10, 10)
    radii, shift = draw.uniform(0.6, 1.0) * np.array([24.0, 26.0, 30.0]), draw.uniform(0, 64, 3)

    def field(px: np.ndarray, py: np.ndarray, pz: np.ndarray) -> np.ndarray:
        away = np.sqrt(((px - x) / radii[0]) ** 2 + ((py - y) / radii[1]) ** 2 + ((pz - z) / radii[2]) ** 2).astype(np.float32)
        ridge = 1 - _rise(np.abs(noise(px, py, pz, 2.4, shift)), 0.05, 0.32)
        return np.float32(0.75) * ridge * (1 - _rise(away, 0.4, 1.0))

    low, high = _box(np.array([x, y, z]), radii, 1.05)
    return Finding("scar", side, False, field, low, high)


def oedema(thorax: Thorax, side: str, strength: float, draw: np.random.Generator) -> Finding:
    """Return the symmetric perihilar haze of heart failure; `strength` 0 to 1."""
    hilum = thorax.hilum[side]
    radii, shift = np.array([78.0, 85.0, 105.0]) * thorax.high, draw.uniform(0, 64, 3)
    centre = hilum + np.array([0, 8, -24 * thorax.high])

    def field(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        away = np.sqrt(sum(((value - centre[a]) / radii[a]) ** 2 for a, value in enumerate((x, y, z))))
        haze = (1 - _rise(np.asarray(away, np.float32), 0.1, 1.15)) * (0.8 + 0.22 * noise(x, y, z, 1.6, shift))
        return np.clip(np.float32(0.11 + 0.17 * strength) * haze, 0, 1)

    low, high = _box(centre, radii, 1.3)
    return Finding("oedema", side, False, field, low, high)
