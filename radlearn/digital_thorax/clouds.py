"""Thin structures as clouds of weighted points: bones as shells, vessels and tubes as bundles.

Each point carries attenuation times volume, so their sum along a ray is the Beer–Lambert integral: a shell seen edge-on and a tube along
the ray are bright without any special case.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

GOLDEN_ANGLE = np.float32(np.pi * (3.0 - np.sqrt(5.0)))


class Cloud(NamedTuple):
    """Points in mm (LPS), float32 (3, points), and their weight in mm² (attenuation per mm × mm³), float32 (points,)."""

    places_mm: np.ndarray
    weight_mm2: np.ndarray


def together(clouds: Sequence[Cloud]) -> Cloud:
    """Return all points as one cloud."""
    if not clouds:
        return Cloud(np.zeros((3, 0), np.float32), np.zeros(0, np.float32))
    return Cloud(np.concatenate([c.places_mm for c in clouds], 1), np.concatenate([c.weight_mm2 for c in clouds]))


def resampled(knots_mm: np.ndarray, step_mm: float, *also: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return points every `step_mm` along a smooth curve through `knots_mm` (knots, 3), and `also`'s values at the same places."""
    knots = np.asarray(knots_mm, float)
    legs = np.diff(knots, axis=0)
    long = np.sqrt((legs * legs).sum(1))
    along = np.concatenate([[0.0], np.cumsum(long)])
    places = np.linspace(0, along[-1], max(int(along[-1] / step_mm), 2) + 1)
    leg = np.clip(np.searchsorted(along, places, side="right") - 1, 0, len(legs) - 1)
    share = ((places - along[leg]) / long[leg])[:, None]
    # Catmull–Rom: the slope at an inner knot is the mean of its neighbours', at an end that of the last segment.
    slopes = legs / long[:, None]
    slopes = np.concatenate([slopes[:1], 0.5 * (slopes[:-1] + slopes[1:]), slopes[-1:]])
    ahead, back = 1 - share, share * share
    path = ahead * ahead * (1 + 2 * share) * knots[leg] + back * (3 - 2 * share) * knots[leg + 1]
    path += long[leg, None] * share * ahead * (ahead * slopes[leg] - share * slopes[leg + 1])
    return (path, *(np.interp(places, along, np.broadcast_to(value, len(along))) for value in also))


def tube(
    path_mm: np.ndarray,
    radii_mm: tuple[np.ndarray | float, np.ndarray | float],
    up: Sequence[float] | np.ndarray,
    shell: tuple[np.ndarray | float, float],
    inside: float,
    finest_mm: float = 1.0,
) -> Cloud:
    """Return a tube of elliptic section along `path_mm` (points, 3).

    Args:
        path_mm: points a small, even step apart.
        radii_mm: the section's half height (along `up`, as far as it stands across the path) and half width, numbers or (points,).
        up: the direction of the section's height, one for all or (points, 3).
        shell: the wall's thickness in mm, a number or (points,), and its attenuation above its surroundings, per mm.
        inside: the filling's attenuation above its surroundings, per mm.
        finest_mm: distance of a ring's neighbouring points; rings are as far apart as the path's points, the filling is sparser.
    """
    path = np.asarray(path_mm, np.float32)
    along = np.gradient(path, axis=0)
    step = np.linalg.norm(along, axis=1, keepdims=True)
    along = along / np.maximum(step, 1e-6)
    high = np.broadcast_to(np.asarray(up, np.float32), path.shape)
    high = high - (high * along).sum(1, keepdims=True) * along
    high = high / np.maximum(np.linalg.norm(high, axis=1, keepdims=True), 1e-6)
    wide = np.cross(along, high)
    half_high = np.broadcast_to(np.asarray(radii_mm[0], np.float32), len(path))[:, None]
    half_wide = np.broadcast_to(np.asarray(radii_mm[1], np.float32), len(path))[:, None]
    ring = np.arange(len(path), dtype=np.float32)[:, None]
    places, weights = [], []
    widest = 0.5 * (float(half_high.max()) + float(half_wide.max()))
    counts = (
        max(int(2 * np.pi * widest / finest_mm), 6) if shell[1] else 0,
        max(int(0.3 * widest * widest / finest_mm**2), 4) if inside else 0,
    )
    for count, filled in zip(counts, (False, True), strict=True):
        if not count:
            continue
        angle = np.arange(count, dtype=np.float32)[None] * np.float32(2 * np.pi / count) + ring * GOLDEN_ANGLE
        # Turning each ring by the golden angle keeps the points of neighbouring rings apart, which avoids stripes along the tube.
        cosine, sine = np.cos(angle), np.sin(angle)
        if filled:
            share = np.sqrt((np.arange(count, dtype=np.float32)[None] * np.float32(0.618034) + ring * np.float32(0.7548777)) % 1.0)
            cosine, sine = cosine * share, sine * share
            weight = np.float32(inside * np.pi / count) * half_high * half_wide * step
            weight = np.broadcast_to(weight, angle.shape)
        else:
            thickness = np.broadcast_to(np.asarray(shell[0], np.float32), len(path))[:, None]
            length = np.sqrt((half_high * sine) ** 2 + (half_wide * cosine) ** 2)
            weight = np.float32(shell[1] * 2 * np.pi / count) * length * thickness * step
        up_part, side_part = half_high * cosine, half_wide * sine
        places.append(np.stack([(path[:, a, None] + high[:, a, None] * up_part + wide[:, a, None] * side_part).ravel() for a in range(3)]))
        weights.append(weight.ravel())
    return Cloud(np.concatenate(places, 1).astype(np.float32), np.concatenate(weights).astype(np.float32))


def plate(corners_mm: np.ndarray, weight_mm: float, bulge_mm: float, step_mm: float = 0.8) -> Cloud:
    """Return a thin, slightly curved four-sided plate; `corners_mm` (4, 3) in order, `weight_mm` its attenuation × thickness."""
    corners = np.asarray(corners_mm, np.float32)
    n = int(max(np.linalg.norm(corners[1] - corners[0]), np.linalg.norm(corners[2] - corners[3])) / step_mm) + 2
    m = int(max(np.linalg.norm(corners[3] - corners[0]), np.linalg.norm(corners[2] - corners[1])) / step_mm) + 2
    count = n * m
    # A low-discrepancy sequence has no grid that could cause moiré with the detector's.
    index = np.arange(count, dtype=np.float64)
    u, v = ((0.5 + index * 0.7548776662466927) % 1.0).astype(np.float32), ((0.5 + index * 0.5698402909980532) % 1.0).astype(np.float32)
    first, second = corners[0] + u[:, None] * (corners[1] - corners[0]), corners[3] + u[:, None] * (corners[2] - corners[3])
    points = first + v[:, None] * (second - first)
    normal = np.cross(corners[1] - corners[0], corners[3] - corners[0])
    area = 0.5 * float(np.linalg.norm(normal)) + 0.5 * float(np.linalg.norm(np.cross(corners[1] - corners[2], corners[3] - corners[2])))
    normal = normal / max(float(np.linalg.norm(normal)), 1e-6)
    points = points + normal * (bulge_mm * 16 * u * (1 - u) * v * (1 - v))[:, None]
    return Cloud(points.T.astype(np.float32), np.full(count, weight_mm * area / count, np.float32))


def ball(centre_mm: Sequence[float], radii_mm: Sequence[float], shell: tuple[float, float], inside: float, count: int = 2500) -> Cloud:
    """Return a hollow or filled ellipsoid, e.g. the head of the humerus."""
    index = np.arange(count, dtype=np.float32)
    height = 1 - (2 * index + 1) / count
    angle = index * GOLDEN_ANGLE
    across = np.sqrt(1 - height * height)
    unit = np.stack([across * np.cos(angle), across * np.sin(angle), height]).astype(np.float32)
    radii, centre = np.asarray(radii_mm, np.float32)[:, None], np.asarray(centre_mm, np.float32)[:, None]
    mean = float(np.mean(radii_mm))
    wall = Cloud(centre + unit * radii, np.full(count, 4 * np.pi * mean * mean * shell[0] * shell[1] / count, np.float32))
    depth = np.cbrt((index * np.float32(0.7548777)) % 1.0).astype(np.float32)
    volume = 4 / 3 * np.pi * float(np.prod(radii_mm))
    filling = Cloud(centre + unit[:, ::-1] * radii * depth, np.full(count, volume * inside / count, np.float32))
    return together([wall, filling])
