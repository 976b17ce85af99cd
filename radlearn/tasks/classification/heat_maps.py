"""Heat maps of a classifier: compared with the true boxes, and shown only where an X-ray is called positive."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from radlearn.metrics.boxes import mean_over_images
from radlearn.metrics.intervals import bootstrap_interval
from radlearn.metrics.pointing import pointing_scores
from radlearn.progress import progress_bar
from radlearn.tasks.xray.radiographs import PreparedRadiograph, persons_of
from radlearn.workflow.report_frame import random_order

HeatMaps = Callable[[Sequence[PreparedRadiograph]], np.ndarray]
"X-rays -> float32 (X-rays, size, size), 0 or more."

# More would take minutes on a CPU and change the second digit.
MOST_SCORED = 300
AT_ONCE = 16
NAMES = {"pointing_score": "hit", "heat_inside_boxes_share": "energy_share", "chance_share": "chance"}


def heat_map_scores(xrays: Sequence[PreparedRadiograph], called_positive: np.ndarray, heat_maps: HeatMaps) -> dict[str, Any] | None:
    """Score the heat maps of found opacities: X-rays with true boxes that are called positive, at most 300 of them, drawn at random.

    Args:
        called_positive: bool (X-rays,).

    Returns:
        `true_positives`, their number, and the means over them with intervals by person: `pointing_score`, the share whose maximum lies
        inside a true box; `heat_inside_boxes_share`, of the heat inside the true boxes; `chance_share`, the share of the image that
        the boxes cover, which a map without knowledge would have for both. None if no opacity with a box was found.
    """
    found = [number for number in random_order(len(xrays)) if called_positive[number] and len(xrays[number].case.boxes_xyxy_px)]
    shown = [xrays[number] for number in found[:MOST_SCORED]]
    if not shown:
        return None
    parts = []
    with progress_bar("judging heat maps", len(shown), "X-rays") as bar:
        for start in range(0, len(shown), AT_ONCE):
            here = shown[start : start + AT_ONCE]
            maps = heat_maps(here)
            parts.append(pointing_scores(maps, [boxes_in_map_px(xray, maps.shape[1:]) for xray in here]))
            bar.advance(len(here))
    persons = persons_of(shown)
    scores = {
        name: bootstrap_interval(mean_over_images, persons, np.concatenate([part[of] for part in parts])) for name, of in NAMES.items()
    }
    return {"true_positives": len(shown), **{name: score.as_dict() for name, score in scores.items()}}


def boxes_in_map_px(xray: PreparedRadiograph, shape: tuple[int, ...]) -> np.ndarray:
    """Return the true boxes of an X-ray in pixels of a heat map of this (height, width), float64 (boxes, 4)."""
    (height, width), (map_height, map_width) = xray.canvas_px, shape
    return xray.boxes_on_canvas_px * np.tile([map_width / width, map_height / height], 2)


def mean_heat_maps(each: Sequence[np.ndarray], by_run: Sequence[Sequence[PreparedRadiograph]]) -> np.ndarray:
    """Return the mean of the heat maps of several runs, on the squares that the first run sees: float32 (X-rays, size, size).

    Args:
        each: the maps of each run, (X-rays, size, size) of its own size.
        by_run: the same X-rays as each run sees them, which may be of another size and shape.
    """
    moved = [
        np.stack([_moved(heat, xray, first, each[0].shape[-1]) for heat, xray, first in zip(maps, xrays, by_run[0], strict=True)])
        for maps, xrays in zip(each, by_run, strict=True)
    ]
    return np.asarray(np.mean(moved, axis=0, dtype=np.float32))


def _moved(heat: np.ndarray, seen: PreparedRadiograph, other: PreparedRadiograph, side: int) -> np.ndarray:
    """Return a map of an X-ray's square on another square of the same X-ray, of `side` pixels, by linear interpolation; 0 where it ends."""
    (steps, starts), (own_steps, own_starts) = _places(other, side), _places(seen, heat.shape[-1])
    if steps == own_steps and starts == own_starts:
        return heat
    from scipy.ndimage import map_coordinates

    rows, columns = (
        (start + (np.arange(side) + 0.5) * step - own_start) / own_step - 0.5
        for step, start, own_step, own_start in zip(steps, starts, own_steps, own_starts, strict=True)
    )
    inside = ((rows >= -0.5) & (rows <= len(heat) - 0.5))[:, None] & ((columns >= -0.5) & (columns <= len(heat) - 0.5))
    return np.where(inside, map_coordinates(heat, np.meshgrid(rows, columns, indexing="ij"), order=1, mode="nearest"), 0)


def _places(xray: PreparedRadiograph, side: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return how many source pixels a pixel of a square of `side` pixels measures, and where the square begins, both down and across."""
    (height, width), (source_height, source_width) = xray.canvas_px, xray.source_px or xray.canvas_px
    return (height / side, width / side), ((source_height - height) / 2, (source_width - width) / 2)


def as_shown(heat_map: np.ndarray, probability: float, threshold: float) -> np.ndarray:
    """Return the heat map to draw: none for an X-ray that is called negative, because nothing on it was called an opacity."""
    return heat_map if probability >= threshold else np.zeros_like(heat_map)
