"""Solids given by implicit functions, and the exact interval of every ray inside them.

A solid is a *level*: a function of millimetres (LPS: x to the patient's left, y to the back, z to the head) that is negative inside. The
same level serves X-rays, which need chord lengths along diverging rays, and CTs, which need the coverage of voxels. All levels are smooth
and close to a parabola along a ray, so three samples give both crossings, which a second parabola refines. This is fast and free of voxel
artefacts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

Level = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
NOWHERE_MM = np.float32(1e6)


class Rays(NamedTuple):
    """Rays through the body: points `start + direction × depth_mm`, directions of length 1, starts near the middle of the body.

    Both are float32 (3, rows, columns); depth grows from the tube to the detector.
    """

    start: np.ndarray
    direction: np.ndarray

    def at(self, depth_mm: np.ndarray | float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return x, y, z in mm of every ray's point at `depth_mm`."""
        return (
            self.start[0] + self.direction[0] * depth_mm,
            self.start[1] + self.direction[1] * depth_mm,
            self.start[2] + self.direction[2] * depth_mm,
        )

    def window(self, rows: slice, columns: slice) -> "Rays":
        """Return the rays of a part of the detector."""
        return Rays(self.start[:, rows, columns], self.direction[:, rows, columns])

    def reach(self, low_mm: Sequence[float], high_mm: Sequence[float]) -> tuple[slice, slice]:
        """Return the rows and columns outside of which no ray meets the box from `low_mm` to `high_mm`."""
        step = max(1, min(self.start.shape[1:]) // 64)
        start, go = self.start[:, ::step, ::step], self.direction[:, ::step, ::step]
        first, last = (start + go * ((np.float32(y) - start[1]) / go[1]) for y in (low_mm[1], high_mm[1]))
        coarse = np.ones(start.shape[1:], bool)
        for axis in (0, 2):
            coarse &= (np.maximum(first[axis], last[axis]) > low_mm[axis] - 4) & (np.minimum(first[axis], last[axis]) < high_mm[axis] + 4)
        rows, columns = np.flatnonzero(coarse.any(1)), np.flatnonzero(coarse.any(0))
        if not len(rows):
            return slice(0, 0), slice(0, 0)
        return (
            slice(max(rows[0] - 1, 0) * step, min((rows[-1] + 2) * step, self.start.shape[1])),
            slice(max(columns[0] - 1, 0) * step, min((columns[-1] + 2) * step, self.start.shape[2])),
        )


@dataclass(frozen=True)
class Solid:
    """A level, the bounding box of its inside, and the name of the tissue."""

    name: str
    level: Level
    low_mm: tuple[float, float, float]
    high_mm: tuple[float, float, float]
    exact: bool = False  # the level is an exact parabola along every ray

    def holds(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Return bool, True where the point lies inside."""
        return self.level(x, y, z) < 0


class Stretch(NamedTuple):
    """Where rays enter and leave a solid, depth in mm, float32 (rows, columns); both `NOWHERE_MM` where they miss it."""

    near: np.ndarray
    far: np.ndarray

    @property
    def length(self) -> np.ndarray:
        """Return the chord in mm."""
        return self.far - self.near


def crossings(solid: Solid, rays: Rays) -> Stretch:
    """Return where every ray enters and leaves `solid`.

    A parabola through three samples of the level is exact for ellipsoids and cylinders; for the other solids a second parabola, fitted
    where the first one crossed, is accurate to a fraction of a millimetre.
    """
    shape = rays.start.shape[1:]
    near, far = np.full(shape, NOWHERE_MM, np.float32), np.full(shape, NOWHERE_MM, np.float32)
    rows, columns = rays.reach(solid.low_mm, solid.high_mm)
    part = rays.window(rows, columns)
    if part.start.size == 0:
        return Stretch(near, far)
    centre = np.float32(0.5 * (solid.low_mm[1] + solid.high_mm[1])) * np.sign(part.direction[1].flat[0])
    widest = np.float32(0.6 * (solid.high_mm[1] - solid.low_mm[1]))
    middle: np.ndarray | float = centre
    reach: np.ndarray | float = np.maximum(0.6 * widest, np.float32(3.0))
    # Far outside, levels need not be parabolas: crossings around a midpoint that lies outside are false.
    for outside in (np.inf,) if solid.exact else (0.5, 0.03):
        before, here, after = (solid.level(*part.at(middle + offset)) for offset in (-reach, 0.0, reach))
        curve = np.maximum(0.5 * (before + after) - here, 1e-6)
        slope = 0.5 * (after - before)
        inner = slope * slope - 4.0 * curve * here
        missed = (inner <= 0) | (here > np.float32(outside))
        half = np.sqrt(np.maximum(inner, 0)) / (2.0 * curve) * reach
        # Where a ray grazes an end the parabola is flat, so its vertex and width are limited.
        middle = np.clip(middle - slope / (2.0 * curve) * reach, centre - widest, centre + widest)
        half = np.minimum(half, widest)
        # Not so close that the steps of a profile's table look like curvature.
        reach = np.maximum(half, 15.0)
    near[rows, columns] = np.where(missed, NOWHERE_MM, middle - half)
    far[rows, columns] = np.where(missed, NOWHERE_MM, middle + half)
    return Stretch(near, far)


def union_length(stretches: Sequence[Stretch], within: Stretch | None = None) -> np.ndarray:
    """Return the length in mm of every ray inside at least one of `stretches` (and inside `within`, if given)."""
    if within is None:
        nears, fars = np.stack([s.near for s in stretches]), np.stack([s.far for s in stretches])
    else:
        nears = np.stack([np.clip(s.near, within.near, within.far) for s in stretches])
        fars = np.stack([np.clip(s.far, within.near, within.far) for s in stretches])
    _sort_few(nears)
    _sort_few(fars)
    # Entries and exits sorted separately: a gap begins where as many exits as entries have passed.
    total = fars[-1] - nears[0]
    for left, entered in zip(fars[:-1], nears[1:], strict=True):
        total -= np.maximum(entered - left, 0)
    return total


def _sort_few(values: np.ndarray) -> None:
    """Sort along the first, short axis in place with Batcher's sorting network, several times faster there than a general sort.

    Source: Batcher 1968, AFIPS Spring Joint Computer Conference 32:307 (merge exchange; Knuth, vol. 3, 5.2.2 M).
    """
    count = len(values)
    smaller = np.empty_like(values[0])
    top = 1 << max(count - 1, 0).bit_length() >> 1
    step = top
    while step:
        rest, reach, gap = 0, step, top
        while True:
            for low in range(count - reach):
                if low & step == rest:
                    one, two = values[low], values[low + reach]
                    np.minimum(one, two, out=smaller)
                    np.maximum(one, two, out=two)
                    one[:] = smaller
            if gap == step:
                break
            rest, reach, gap = step, gap - step, gap >> 1
        step >>= 1


class Profile:
    """A smooth curve through knots, as a function of one coordinate in mm; constant beyond its ends."""

    def __init__(self, at_mm: Sequence[float] | np.ndarray, values: Sequence[float] | np.ndarray) -> None:
        order = np.argsort(at_mm)
        knots, heights = np.asarray(at_mm, float)[order], np.asarray(values, float)[order]
        self._first = np.float32(knots[0])
        self._table = _finely(knots.tobytes(), heights.tobytes())

    def __call__(self, at_mm: np.ndarray | float) -> np.ndarray:
        """Return the curve's value at every `at_mm`."""
        place = (np.asarray(at_mm, np.float32) - self._first) * np.float32(8.0)
        return self._table.take(place.astype(np.int32), mode="clip")


@lru_cache(maxsize=256)
def _finely(knots_bytes: bytes, heights_bytes: bytes) -> np.ndarray:
    """Return a curve's table, cached, because the reference posture and that of the day share most curves."""
    from scipy.interpolate import PchipInterpolator

    knots, heights = np.frombuffer(knots_bytes), np.frombuffer(heights_bytes)
    # A table fine enough for nearest-entry lookup, since this is called for every ray and solid.
    places = np.arange(knots[0], knots[-1] + 0.125, 0.125)
    if len(knots) > 20:  # already a smooth, finely sampled curve
        table = np.interp(places, knots, heights).astype(np.float32)
    else:
        coarse = np.linspace(knots[0], knots[-1], 96)
        table = np.interp(places, coarse, PchipInterpolator(knots, heights)(coarse)).astype(np.float32)
    table.setflags(write=False)
    return table


def ellipsoid(name: str, centre_mm: Sequence[float], semi_axes_mm: Sequence[float], axes: np.ndarray | None = None) -> Solid:
    """Return an ellipsoid; the rows of `axes` (3, 3) are the directions of its axes, by default the body's."""
    turn = np.eye(3) if axes is None else np.asarray(axes, float)
    shape = (turn / np.asarray(semi_axes_mm, float)[:, None]).astype(np.float32)
    reach = np.sqrt(((turn * np.asarray(semi_axes_mm, float)[:, None]) ** 2).sum(0))
    cx, cy, cz = (np.float32(value) for value in centre_mm)

    def level(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        dx, dy, dz = x - cx, y - cy, z - cz
        total = np.full_like(dx, -1.0)
        for row in shape:
            along = row[0] * dx + row[1] * dy + row[2] * dz
            total = total + along * along
        return total

    low = tuple(float(c - r) for c, r in zip(centre_mm, reach, strict=True))
    high = tuple(float(c + r) for c, r in zip(centre_mm, reach, strict=True))
    return Solid(name, level, low, high, exact=True)  # type: ignore[arg-type]


def column(name: str, x_mm: Profile, y_mm: Profile, half_width_mm: Profile, half_depth_mm: Profile, span_mm: tuple[float, float]) -> Solid:
    """Return an upright body with elliptic sections; its four profiles are functions of z, cut at the ends of `span_mm`."""
    low, high = span_mm
    heights = np.arange(low, high + 1.0, 5.0)
    wide, deep = half_width_mm(heights), half_depth_mm(heights)
    x_low, x_high = float((x_mm(heights) - wide).min()), float((x_mm(heights) + wide).max())
    y_low, y_high = float((y_mm(heights) - deep).min()), float((y_mm(heights) + deep).max())

    def level(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        across, along = (x - x_mm(z)) / half_width_mm(z), (y - y_mm(z)) / half_depth_mm(z)
        beyond = np.maximum(np.maximum(z - high, low - z), 0) * np.float32(0.08)
        return across * across + along * along + beyond * beyond - 1

    return Solid(name, level, (x_low, y_low, low - 12), (x_high, y_high, high + 12))


def capsule(name: str, from_mm: Sequence[float], to_mm: Sequence[float], radius_mm: tuple[float, float]) -> Solid:
    """Return a round rod with round ends between two points, its radius interpolated linearly between the two values."""
    start, end = np.asarray(from_mm, np.float32), np.asarray(to_mm, np.float32)
    axis = end - start
    axis_over_square = axis / float(axis @ axis)
    thin, thick = (np.float32(radius) for radius in radius_mm)

    def level(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        dx, dy, dz = x - start[0], y - start[1], z - start[2]
        share = np.clip(dx * axis_over_square[0] + dy * axis_over_square[1] + dz * axis_over_square[2], 0, 1)
        radius = thin + (thick - thin) * share
        dx, dy, dz = dx - share * axis[0], dy - share * axis[1], dz - share * axis[2]
        return (dx * dx + dy * dy + dz * dz) / (radius * radius) - 1

    widest = max(radius_mm)
    low = tuple(float(v) for v in np.minimum(start, end) - widest)
    high = tuple(float(v) for v in np.maximum(start, end) + widest)
    return Solid(name, level, low, high)  # type: ignore[arg-type]
