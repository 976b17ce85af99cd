"""Anatomy on a grid of beams and depths: how much each place scatters, reflects and weakens sound, and what it is."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from radlearn.ultrasound_phantom.anatomy import Anatomy, Ellipse, Muscle, Nerve, Vessel
from radlearn.ultrasound_phantom.textures import lobules, looked_up, septa, striae

BACKGROUND, NERVE, VESSEL = 0, 1, 2
"Of the label map."
CONNECTIVE_DB, FAT_DB, SKIN_DB, STROMA_DB, FASCICLE_DB, NODE_DB, BLOOD_DB, BONE_DB = -9.0, -13.0, 1.0, -1.0, -19.0, -20.0, -35.0, -30.0
"Scattering, relative to fully developed speckle of mid-grey."
TISSUE_DB_PER_MM, BLOOD_DB_PER_MM, BONE_DB_PER_MM = 0.12, -0.62, 16.0
"Weakening beyond what the time gain makes up for; in blood it makes up for too much, which brightens what lies behind a vessel."
EDGE_MM = 0.18
"Over which one tissue becomes another."
STEP = 8
"In pixels, in which boxes are looked for: less than their margin."


class View(NamedTuple):
    """How one image looks at a person: what differs from image to image. Lengths in mm."""

    shift_mm: float
    pressure: float  # heights are multiplied by it
    bend_mm: float  # by how much the middle is pressed down
    tilt: float  # of the probe: mm down for each mm across
    course_mm: float  # how far along the body the probe lies, which turns and moves what crosses it
    nerve_seen: bool


@dataclass
class Tissue:
    """Fields (depths, beams): scattering in dB, reflection as an amplitude, weakening in dB a mm."""

    echo_db: np.ndarray
    reflection: np.ndarray
    weakening_db_per_mm: np.ndarray


class Places(NamedTuple):
    """Places of a grid in the person's mm, float32 (depths, beams) each, the length of a pixel, and its textures' indices."""

    x: np.ndarray
    z: np.ndarray
    px_mm: tuple[float, float]


def places_of(anatomy: Anatomy, view: View, x_mm: np.ndarray, z_mm: np.ndarray) -> Places:
    """Return where the grid's columns (beams,) and rows (depths,) lie in the person."""
    side = -1.0 if anatomy.mirrored else 1.0
    x: np.ndarray = (side * (x_mm + view.shift_mm) * anatomy.scale).astype(np.float32)[None, :]
    z: np.ndarray = (z_mm * anatomy.scale / view.pressure).astype(np.float32)[:, None]
    wave: np.ndarray | float = sum(
        high * np.sin(2 * np.pi * x / length + phase + 0.06 * view.course_mm) for high, length, phase in anatomy.waves
    )
    bend = view.bend_mm * np.exp(-((x / 14) ** 2)) + view.tilt * x
    # The skin lies flat against the probe, so what bends does so with the depth.
    z = z - np.asarray(wave + bend, np.float32) * np.minimum(z / 8, 1)
    # No outline in a body is an ellipse.
    down, across = z / 0.27 + anatomy.texture_px[1], x / 0.27 + anatomy.texture_px[0] + view.course_mm
    z = z + np.float32(0.5) * np.minimum(z / 8, 1) * looked_up(lobules(), down, across)
    x = x + np.float32(0.6) * looked_up(lobules(), down + 512, across)
    lengths = float(np.diff(z_mm[:2])[0] * anatomy.scale), float(np.diff(x_mm[:2])[0] * anatomy.scale)
    return Places(x, z, lengths)


def tissue_at(anatomy: Anatomy, view: View, places: Places) -> Tissue:
    """Return what is at each place; later tissues lie on top of earlier ones."""
    x, z = places.x, places.z
    down, across = z / 0.085 + anatomy.texture_px[0], x / 0.085 + anatomy.texture_px[1] + 3 * view.course_mm
    slow = looked_up(lobules(), down, across)
    sheets = looked_up(septa(), down, across)
    fat = _step(anatomy.fascia_mm - z)
    bundles = looked_up(striae(), down / 1.5 + 300, across / 1.6)
    tissue = Tissue(
        echo_db=CONNECTIVE_DB + (FAT_DB - CONNECTIVE_DB) * fat + 2.8 * slow + 8 * sheets + 8 * (1 - fat) * bundles,
        reflection=sheets * (0.25 + 0.55 * fat) + 0.4 * (1 - fat) * bundles,
        weakening_db_per_mm=np.full(z.shape, TISSUE_DB_PER_MM, np.float32),
    )
    for muscle in anatomy.muscles:
        _add_muscle(tissue, places, muscle, view, anatomy.texture_px[1], slow)
    if anatomy.node is not None:
        _add_node(tissue, places, _moved(anatomy.node, view, 0.4))
    if view.nerve_seen:
        _add_nerve(tissue, places, anatomy.nerve, outline_at(anatomy, view))
    _add_layers(tissue, anatomy, places.z, slow)
    for vessel in anatomy.vessels:
        _add_vessel(tissue, places, vessel, view)
    if anatomy.bone is not None:
        _add_bone(tissue, places, anatomy.bone)
    return tissue


def labels_at(anatomy: Anatomy, view: View, places: Places) -> np.ndarray:
    """Return the exact label map, uint8 (depths, columns); bone hides nothing of it, and a vessel lies on top of a nerve."""
    labels = np.full(places.z.shape, BACKGROUND, np.uint8)
    nerve = [(outline_at(anatomy, view), NERVE)] if view.nerve_seen else []
    for one, value in (*nerve, *((_vessel_at(vessel, view), VESSEL) for vessel in anatomy.vessels)):
        if (box := _box(places, one)) is not None:
            labels[box][inside_mm(places, one, box) > 0] = value
    return labels


def outline_at(anatomy: Anatomy, view: View) -> Ellipse:
    """Return the outline of the nerve where this view crosses it."""
    return _moved(anatomy.nerve.outline, view, 0.15)


def inside_mm(places: Places, one: Ellipse, box: tuple[slice, slice] | None = None) -> np.ndarray:
    """Return how far inside an outline each place lies, in mm, negative outside; exact on the outline, and about so near it."""
    x, z = (places.x, places.z) if box is None else (places.x[box], places.z[box])
    cos, sin = np.float32(np.cos(one.turn)), np.float32(np.sin(one.turn))
    dx, dz = x - np.float32(one.x_mm), z - np.float32(one.z_mm)
    u, v = (dx * cos + dz * sin) / np.float32(one.half_x_mm), (dz * cos - dx * sin) / np.float32(one.half_z_mm)
    u, v = u * u, v * v
    away = np.sqrt(np.sqrt(u * u + v * v)) if one.square else np.sqrt(u + v)
    return (1 - away) * np.float32(min(one.half_x_mm, one.half_z_mm))


def _moved(one: Ellipse, view: View, by: float) -> Ellipse:
    return one._replace(
        x_mm=one.x_mm + by * view.course_mm, z_mm=one.z_mm + 0.3 * by * view.course_mm, turn=one.turn + 0.02 * view.course_mm
    )


def _box(places: Places, one: Ellipse, margin_mm: float = 1.5) -> tuple[slice, slice] | None:
    """Return the part of the grid that can hold an outline; None where it lies outside."""
    reach = max(one.half_x_mm, one.half_z_mm) * 1.2 + margin_mm
    near = (np.abs(places.x[::STEP, ::STEP] - one.x_mm) < reach) & (np.abs(places.z[::STEP, ::STEP] - one.z_mm) < reach)
    depths, beams = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
    if not len(depths):
        return None
    return tuple(slice(max(0, STEP * int(line[0] - 1)), STEP * int(line[-1] + 2)) for line in (depths, beams))  # type: ignore[return-value]


def _step(away_mm: np.ndarray, edge_mm: float = EDGE_MM) -> np.ndarray:
    """Return 0 to 1 across an edge."""
    return np.clip(away_mm / np.float32(edge_mm) + np.float32(0.5), 0, 1)


def _line(away_mm: np.ndarray, width_mm: float) -> np.ndarray:
    """Return 1 on an outline, falling off to 0 on both sides, as a Gaussian but in a third of the time."""
    from_middle = away_mm / np.float32(1.45 * width_mm)
    return np.clip(1 - from_middle * from_middle, 0, 1) ** 2


def _add_muscle(tissue: Tissue, places: Places, muscle: Muscle, view: View, start_px: int, slow: np.ndarray) -> None:
    one = _moved(muscle.outline, view, 0.05)
    if (box := _box(places, one)) is None:
        return
    away = inside_mm(places, one, box)
    inside = _step(away, 0.5)
    x, z = places.x[box], places.z[box]
    down, across = (z - np.float32(muscle.slope) * x) / 0.085 + start_px, x / 0.085 + 2 * view.course_mm
    along, slow = looked_up(striae(), down, across), slow[box]
    echo = np.float32(muscle.echo_db) + 2.2 * slow + 11 * along
    # Fascia is thick in one place and not to be seen in another.
    rim = _line(away, 0.2) * np.clip(0.45 + 0.5 * slow, 0.05, 1)
    tissue.echo_db[box] += inside * (echo - tissue.echo_db[box]) + 8 * rim
    tissue.reflection[box] *= 1 - inside
    tissue.reflection[box] += 0.5 * inside * along / (1 + 3 * abs(muscle.slope)) + 0.6 * rim * _flat(one, x, z)


def _flat(one: Ellipse, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return how squarely the sound meets an outline: 1 above and below its middle, near 0 at its sides."""
    normal_x, normal_z = (x - one.x_mm) / one.half_x_mm**2, (z - one.z_mm) / one.half_z_mm**2
    return (normal_z**2 / (normal_x**2 + normal_z**2 + np.float32(1e-6))) ** 2


def _add_nerve(tissue: Tissue, places: Places, nerve: Nerve, one: Ellipse) -> None:
    if (box := _box(places, one)) is None:
        return
    away = inside_mm(places, one, box)
    x, z = places.x[box], places.z[box]
    inside, contrast = _step(away), np.float32(nerve.contrast)
    cos, sin = np.float32(np.cos(one.turn)), np.float32(np.sin(one.turn))
    u = ((x - one.x_mm) * cos + (z - one.z_mm) * sin) / np.float32(one.half_x_mm)
    v = ((z - one.z_mm) * cos - (x - one.x_mm) * sin) / np.float32(one.half_z_mm)
    dark, rims = np.zeros(x.shape, np.float32), np.zeros(x.shape, np.float32)
    size = np.float32(np.sqrt(one.half_x_mm * one.half_z_mm))
    for bundle in nerve.fascicles:
        deep = (np.float32(bundle.radius) - np.sqrt((u - np.float32(bundle.x)) ** 2 + (v - np.float32(bundle.z)) ** 2)) * size
        dark = np.maximum(dark, _step(deep, 0.3))
        rims = np.maximum(rims, _line(deep, 0.14))
    bright = STROMA_DB if nerve.kind == "peripheral" else STROMA_DB - 3
    around = tissue.echo_db[box]
    echo = around + contrast * (bright + (FASCICLE_DB - bright) * dark + 4 * rims - around)
    rim = _line(away, 0.22) * contrast
    tissue.echo_db[box] = around + inside * (echo - around) + 6 * rim
    tissue.reflection[box] = tissue.reflection[box] * (1 - inside) + 0.25 * rims * inside * contrast + 0.4 * rim * _flat(one, x, z)


def _add_node(tissue: Tissue, places: Places, one: Ellipse) -> None:
    if (box := _box(places, one)) is None:
        return
    inside = _step(inside_mm(places, one, box))
    # The hilum enters from one side.
    hilum = one._replace(x_mm=one.x_mm + 0.45 * one.half_x_mm, half_x_mm=0.6 * one.half_x_mm, half_z_mm=0.3 * one.half_z_mm)
    bright = _step(inside_mm(places, hilum, box), 0.5)
    tissue.echo_db[box] += inside * (NODE_DB + 14 * bright - tissue.echo_db[box])
    tissue.reflection[box] *= 1 - inside


def _vessel_at(vessel: Vessel, view: View) -> Ellipse:
    one = _moved(vessel.outline, view, 0.25 if vessel.vein else 0.1)
    if not vessel.vein:
        return one
    # A vein gives way to the probe long before the tissue around it does.
    return one._replace(half_z_mm=one.half_z_mm * float(np.clip(1 - 2.2 * (1 - view.pressure), 0.35, 1.2)))


def _add_vessel(tissue: Tissue, places: Places, vessel: Vessel, view: View) -> None:
    one = _vessel_at(vessel, view)
    if (box := _box(places, one)) is None:
        return
    away = inside_mm(places, one, box)
    inside, wall = _step(away, 0.3), _line(away + np.float32(0.15), 0.16 if vessel.vein else 0.22)
    x, z = places.x[box], places.z[box]
    tissue.echo_db[box] += inside * (BLOOD_DB - tissue.echo_db[box]) + (1 - inside) * (4 if vessel.vein else 7) * wall
    tissue.reflection[box] = tissue.reflection[box] * (1 - inside) + (0.5 if vessel.vein else 0.85) * wall * _flat(one, x, z)
    tissue.weakening_db_per_mm[box] += inside * (BLOOD_DB_PER_MM - tissue.weakening_db_per_mm[box])
    # Sound that meets the sides of a vessel at a small angle is bent away: the thin shadows below its edges.
    sides = _line(away, 0.25) * (1 - _flat(one, x, z)) ** 4
    tissue.weakening_db_per_mm[box] += np.float32(2.0) * sides


def _add_layers(tissue: Tissue, anatomy: Anatomy, z: np.ndarray, slow: np.ndarray) -> None:
    thick = np.clip(0.75 + 0.3 * slow, 0.15, 1.2)
    fascia = (_line(z - anatomy.fascia_mm, 0.2) + 0.6 * _line(z - anatomy.fascia_mm - 0.75, 0.16)) * thick
    skin = _step(anatomy.skin_mm - z)
    tissue.echo_db += fascia * 8 + skin * (SKIN_DB - tissue.echo_db)
    tissue.reflection = tissue.reflection * (1 - skin) + 0.9 * fascia + 0.9 * _line(z - anatomy.skin_mm, 0.12) + 1.2 * _line(z - 0.25, 0.12)


def _add_bone(tissue: Tissue, places: Places, one: Ellipse) -> None:
    if (box := _box(places, one)) is None:
        return
    away = inside_mm(places, one, box)
    inside = _step(away)
    x, z = places.x[box], places.z[box]
    # Its far side is never reached by sound.
    rough = np.clip(0.75 + 0.3 * looked_up(lobules(), z / 0.04, x / 0.04), 0.2, 1.3)
    surface = _line(away - np.float32(0.1), 0.25) * (z < one.z_mm) * rough
    tissue.echo_db[box] += inside * (BONE_DB - tissue.echo_db[box]) + 14 * surface
    tissue.reflection[box] = tissue.reflection[box] * (1 - inside) + 2.0 * surface * _flat(one, x, z)
    tissue.weakening_db_per_mm[box] += np.float32(BONE_DB_PER_MM) * _step(away - np.float32(0.5))
