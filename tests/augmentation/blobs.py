"""Points whose motion can be measured in an image: one blob in each channel, at a known place."""

import math
from collections.abc import Mapping

import numpy as np


def blob_image(shape: tuple[int, ...], width: float = 2.5) -> tuple[np.ndarray, np.ndarray]:
    """Return a float32 image (channels, *shape) with one round blob in each channel, and their centres (channels, n) from the middle."""
    n = len(shape)
    centres = np.vstack([np.zeros(n), np.diag([length / 6 for length in shape]), -np.diag([length / 7 for length in shape])])
    grid = np.stack(np.meshgrid(*[np.arange(length) - (length - 1) / 2 for length in shape], indexing="ij"))
    far = [((grid - centre.reshape(-1, *[1] * n)) ** 2).sum(axis=0) for centre in centres]
    return np.stack([np.exp(-one / (2 * width**2)) for one in far]).astype(np.float32), centres


def blob_places(image: np.ndarray) -> np.ndarray:
    """Measure the centres of mass of all channels, (channels, n), from the middle of the image."""
    grid = np.stack(np.meshgrid(*[np.arange(length) - (length - 1) / 2 for length in image.shape[1:]], indexing="ij"))
    return np.array([[float((channel * axis).sum() / channel.sum()) for axis in grid] for channel in np.asarray(image, np.float64)])


def measured_motion(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the linear part (n, n) and the shift (n,) that take the points `before` to `after`, by least squares."""
    solved = np.linalg.lstsq(np.column_stack([before, np.ones(len(before))]), after, rcond=None)[0]
    return solved[:-1].T, solved[-1]


def told_motion(values: Mapping[str, float], n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the motion that the words describe, written down from their meaning alone: turned, then zoomed, then shifted."""
    if n == 2:
        # Rows point down and columns to the right: clockwise on the screen takes right to down and down to left.
        turn = math.radians(values.get("rotated_clockwise_degrees", 0.0))
        linear = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
        zoom = [values.get("zoomed_height", values.get("zoomed", 1.0)), values.get("zoomed_width", values.get("zoomed", 1.0))]
        return np.diag(zoom) @ linear, np.array([values.get("shifted_down_px", 0.0), values.get("shifted_right_px", 0.0)])
    linear = np.eye(3)
    # As seen from the feet, left is at the right of the screen and the back is down: clockwise takes left to back.
    ways = {"back_to_head": (1, 2), "head_to_left": (2, 0), "clockwise_from_feet": (0, 1)}
    for name, degrees in values.items():
        if name.startswith("rotated_"):
            start, end = ways[name.removeprefix("rotated_").removesuffix("_degrees")]
            one = np.eye(3)
            one[start, start] = one[end, end] = math.cos(math.radians(degrees))
            one[end, start], one[start, end] = math.sin(math.radians(degrees)), -math.sin(math.radians(degrees))
            linear = one @ linear
    zoom = [values.get(f"zoomed_{axis}", 1.0) for axis in ("right_left", "front_back", "feet_head")]
    return np.diag(zoom) @ linear, np.array([values.get(f"shifted_{way}_voxels", 0.0) for way in ("left", "back", "head")])
