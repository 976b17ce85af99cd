"""Numbers with names for what was done to an image: its motion from a matrix, its change of intensities from the pixels."""

import math
from collections.abc import Sequence

import numpy as np

from radlearn.augmentation.drawn import Axis, Value


def affine_values(output_to_input: np.ndarray, axes: Sequence[Axis], unit: str) -> dict[str, Value]:
    """Return what a matrix does to an image, as rotation, shear, zoom, and shift of the centre, in that order.

    Args:
        output_to_input: (n + 1, n + 1), from centred output coordinates to centred input coordinates, n = 2 or 3.
        axes: the image's n axes.
        unit: of the shift, "px" or "voxels".

    A rotation of a volume is three: about its first axis, then about its second, then about its third. A shear in more than one direction
    cannot be told from a rotation and a shear; the second is said.

    >>> from radlearn.augmentation.drawn import PICTURE_AXES
    >>> affine_values(np.diag([1.25, 1.0, 1.0]), PICTURE_AXES, "px")["zoomed_height"]
    0.8
    """
    n = len(axes)
    rotation, upper = np.linalg.qr(np.asarray(output_to_input, np.float64)[:n, :n])
    signs = np.where(np.diag(upper) < 0, -1.0, 1.0)
    rotation, upper = rotation * signs, signs[:, None] * upper
    # The image moves the opposite way of the coordinates at which it is sampled.
    turned, shape = rotation.T, np.linalg.inv(upper)
    zoom = np.diag(shape)
    shift = -shape @ turned @ np.asarray(output_to_input, np.float64)[:n, n]
    shear = (shape / zoom[:, None])[np.triu_indices(n, 1)]
    values = rotation_values(turned, axes)
    values |= {f"shifted_{axis.toward}_{unit}": rounded(shift[number]) for number, axis in enumerate(axes)}
    values |= {f"zoomed_{axis.length}": rounded(zoom[number]) for number, axis in enumerate(axes)}
    if np.abs(shear).max() > 1e-5:
        values["sheared"] = rounded(shear[0]) if n == 2 else tuple(map(rounded, shear))
    return values


def rotation_values(turned: np.ndarray, axes: Sequence[Axis]) -> dict[str, Value]:
    """Return the angles of a rotation matrix (n, n) that turns the image itself, by the names of `Drawn.values`."""
    if len(axes) == 2:
        # From the first axis to the second is from down to right.
        return turn_values(0, 1, math.degrees(math.atan2(turned[1, 0], turned[0, 0])), axes)
    first = math.degrees(math.atan2(turned[2, 1], turned[2, 2]))
    second = math.degrees(math.asin(max(-1.0, min(1.0, -turned[2, 0]))))
    third = math.degrees(math.atan2(turned[1, 0], turned[0, 0]))
    return turn_values(1, 2, first, axes) | turn_values(2, 0, second, axes) | turn_values(0, 1, third, axes)


def turn_values(start: int, end: int, degrees: float, axes: Sequence[Axis]) -> dict[str, Value]:
    """Return one rotation of the image from axis `start` towards axis `end`, by its name in `Drawn.values`."""
    ways = (axes[start].toward, axes[end].toward)
    if set(ways) == {"down", "right"}:
        return {"rotated_clockwise_degrees": rounded(degrees if ways[0] == "right" else -degrees)}
    if set(ways) == {"left", "back"}:
        # A slice hangs as seen from the feet, with the patient's left at the right.
        return {"rotated_clockwise_from_feet_degrees": rounded(degrees if ways[0] == "left" else -degrees)}
    return {f"rotated_{ways[0]}_to_{ways[1]}_degrees": rounded(degrees)}


def intensity_law(before: np.ndarray, after: np.ndarray) -> dict[str, Value]:
    """Return by which power, or by which factor and shift, an image was changed; nothing where no single one explains all pixels.

    For functions whose numbers nobody keeps. `before` and `after` have one shape; powers are looked for in images in [0, 1].

    >>> intensity_law(np.linspace(0, 1, 50), np.linspace(0, 1, 50) ** 1.5)
    {'gamma': 1.5}
    """
    old, new = (np.asarray(image, np.float64).ravel() for image in (before, after))
    if old.shape != new.shape or not old.size or np.ptp(old) == 0:
        return {}
    between = (old > 0.02) & (old < 0.98) & (new > 0)
    if old.min() >= 0 and old.max() <= 1 and between.any():
        gamma = float(np.median(np.log(new[between]) / np.log(old[between])))
        if gamma > 0 and np.abs(old**gamma - new).max() < 1e-4:
            return {"gamma": rounded(gamma, 4)}
    factor, shift = np.polyfit(old, new, 1)
    if np.abs(factor * old + shift - new).max() < 1e-4 * max(1.0, float(np.abs(new).max())):
        return {"intensity_factor": rounded(factor, 4), "intensity_shift": rounded(shift, 4)}
    return {}


def rounded(number: float, digits: int = 6) -> float:
    return round(float(number), digits) + 0.0
