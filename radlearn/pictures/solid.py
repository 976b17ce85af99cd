"""Lesions in space: the lungs as glass, the lesions in them as solids, seen from the front and from the left.

Every pixel is a ray, all rays run along one axis of the scan, and what a ray meets first is seen. The surface is where a smoothed mask
falls below a half; the slope of the smoothed mask there says how the light falls on it. NumPy and SciPy are enough for that.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy.ndimage import gaussian_filter, map_coordinates, zoom

from radlearn.errors import BadSetting
from radlearn.metrics.masks import bounding_box
from radlearn.pictures.outlines import BOX, FOUND
from radlearn.pictures.style import FULL_WIDTH_IN, INK, MUTED, PAPER, blank, in_house_style, no_data

GRID_MM = 1.75
SMOOTHED_MM = {"lungs": 2.5, "truth": 1.2, "found": 1.2}
SMOOTHED_STEPS = {"lungs": 0.5, "truth": 0.35, "found": 0.35}
"At least so many steps of the scan, or its slices would be seen as terraces. Lungs are smooth; of lesions small ones must stay."
COLOURED_OVER_MM = 4.0
"How far around a point of the surface it is asked whether most is rightly found, missed or found only."
PIXELS_A_STEP = 3
LUNG, BOTH = "#7f93ad", "#8d949c"
# Towards the light, in picture axes: to the right, down, towards the viewer.
LIGHT = np.array([-0.42, -0.55, 0.72]) / np.linalg.norm([-0.42, -0.55, 0.72])


@dataclass(frozen=True)
class _Surface:
    """What is seen of a mask along one direction, on a fine picture grid (rows, columns)."""

    cover: np.ndarray  # In [0, 1]: how much of the pixel it fills.
    depth_mm: np.ndarray  # From the plane where the rays start.
    normal: np.ndarray  # (3, rows, columns), of length 1: to the right, down, towards the viewer.
    at: np.ndarray  # (3, rows, columns): where the rays met it, as an index of the turned volume.


@in_house_style
def solid_figure(
    lungs: np.ndarray, truth: np.ndarray | None, found: np.ndarray, spacing_mm: Sequence[float], title: str = "", from_left: bool = True
) -> Figure:
    """Draw the lesions in the lungs as solids: the true ones, the found ones, and where the two differ.

    Without a truth, what was found is drawn from the front and from the left. Where true and found borders lie within about 3 mm of each
    other, the surface is drawn as rightly found. Masks are smoothed: a part of a voxel or two may not be seen, and no volume can be read
    off.

    Args:
        lungs: bool (i, j, k) in LPS order.
        truth: bool of the same shape, or None.
        found: bool of the same shape.
        spacing_mm: along i, j and k.
        title: the scan's name and what else to say, above the picture.
        from_left: whether a second row shows the same from the left; without a truth the view stands beside the first.

    Raises:
        BadSetting: shapes differ, are not three-dimensional, or spacing is not three numbers above 0.
    """
    masks = {"lungs": lungs, "truth": truth, "found": found}
    fields, size_mm = _on_even_grid({name: mask for name, mask in masks.items() if mask is not None}, spacing_mm)
    views = ("from the front", "from the left") if from_left else ("from the front",)
    # Columns, rows and depth of the picture, as axes of the volume that may run backwards.
    turns = {"from the front": _from_front, "from the left": _from_left}
    kinds = ["truth", "found", "difference"] if truth is not None else ["found"]
    pictures = {}
    for view in views:
        turned = {name: turns[view](field) for name, field in fields.items()}
        glass = _surface(turned["lungs"])
        for kind in kinds:
            pictures[view, kind] = _rendered(turned, glass, kind)
    return _arranged(pictures, views, kinds, size_mm, title)


def _on_even_grid(masks: dict[str, np.ndarray], spacing_mm: Sequence[float]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return smoothed masks and, where there are two, their differences on a grid of even steps, and its size in mm."""
    shapes = {np.shape(mask) for mask in masks.values()}
    if len(shapes) > 1 or len(next(iter(shapes))) != 3:
        raise BadSetting(f"masks of shapes {' and '.join(map(str, sorted(shapes)))}: expected all (i, j, k) on the grid of one scan.")
    spacing = np.asarray(spacing_mm, dtype=float)
    if spacing.shape != (3,) or not np.all(np.isfinite(spacing) & (spacing > 0)):
        raise BadSetting(f"spacing_mm is {spacing_mm}; expected three numbers above 0, along i, j and k.")
    held = [np.asarray(mask, bool) for mask in masks.values()]
    box = bounding_box(*held) or tuple(slice(0, count) for count in held[0].shape)
    margin = np.ceil(3 * GRID_MM / spacing).astype(int)

    def even(mask: np.ndarray) -> np.ndarray:
        # A mask that ends with the scan ends there in the picture too, with a lid: so there is a margin of nothing around it.
        framed = np.pad(mask[box].astype(np.float32), [(int(steps), int(steps)) for steps in margin])
        return zoom(framed, spacing / GRID_MM, order=1, grid_mode=True, mode="grid-constant")

    raw = {name: even(mask) for name, mask in zip(masks, held, strict=True)}
    fields = {
        name: gaussian_filter(mask, np.maximum(SMOOTHED_MM[name], SMOOTHED_STEPS[name] * spacing) / GRID_MM, truncate=3)
        for name, mask in raw.items()
    }
    if "truth" in raw:
        fields["either"] = np.maximum(fields["truth"], fields["found"])
        both = np.minimum(raw["truth"], raw["found"])
        for name, part in (("both", both), ("missed", raw["truth"] - both), ("found only", raw["found"] - both)):
            fields[name] = gaussian_filter(part, COLOURED_OVER_MM / GRID_MM, truncate=2.5)
    return fields, GRID_MM * np.array(raw["found"].shape)


def _from_front(field: np.ndarray) -> np.ndarray:
    """Return (rows, columns, depth) as seen from the front: head up, the patient's right at the left."""
    return field.transpose(2, 0, 1)[::-1]


def _from_left(field: np.ndarray) -> np.ndarray:
    """Return (rows, columns, depth) as seen from the left: head up, the front at the left."""
    return field.transpose(2, 1, 0)[::-1, :, ::-1]


def _surface(field: np.ndarray) -> _Surface:
    """Return the first surface that rays along the last axis meet, where the field rises above a half."""
    inside = field > 0.5
    first = np.argmax(inside, axis=2)
    met = np.asarray(inside.any(axis=2))
    rows, columns = np.indices(first.shape)
    here = field[rows, columns, first]
    before = field[rows, columns, np.maximum(first - 1, 0)]
    # Between the last voxel outside and the first one inside, where the field is a half.
    back = np.where(first > 0, (here - 0.5) / np.maximum(here - before, 1e-6), 0.0)
    depth = np.where(met, first - np.clip(back, 0, 1), np.nan)
    slopes = _slopes(field, np.where(met, first, 0))
    # Drawn finer than the grid: its steps would be seen along the border. The greatest value on a ray runs smoothly through it.
    cover = np.clip((_finer(field.max(axis=2)) - 0.5) / 0.12 + 0.5, 0, 1)
    depth_fine = _finer(_spread_out(depth, met))
    normal = np.stack([_finer(_spread_out(slope, met)) for slope in slopes])
    normal /= np.maximum(np.linalg.norm(normal, axis=0), 1e-6)
    fine_rows, fine_columns = np.indices(cover.shape)
    at = np.stack([(fine_rows + 0.5) / PIXELS_A_STEP - 0.5, (fine_columns + 0.5) / PIXELS_A_STEP - 0.5, depth_fine])
    return _Surface(cover, GRID_MM * depth_fine, normal, at)


def _slopes(field: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how the field falls at the voxels met: to the right, down, towards the viewer."""
    rows, columns = np.asarray(np.indices(first.shape))
    last = np.array(field.shape) - 1

    def fall(axis: int) -> np.ndarray:
        ahead, behind = [rows, columns, first], [rows, columns, first]
        ahead[axis] = np.minimum(ahead[axis] + 1, last[axis])
        behind[axis] = np.maximum(behind[axis] - 1, 0)
        return np.asarray(field[tuple(behind)] - field[tuple(ahead)])

    return fall(1), fall(0), -fall(2)


def _spread_out(values: np.ndarray, met: np.ndarray) -> np.ndarray:
    """Return values a little smoothed, and spread beyond where rays met anything, so that they can be drawn finer up to the border."""
    weights = gaussian_filter(met.astype(np.float32), 0.8, truncate=3)
    return np.asarray(gaussian_filter(np.where(met, values, 0).astype(np.float32), 0.8, truncate=3) / np.maximum(weights, 1e-6))


def _finer(picture: np.ndarray) -> np.ndarray:
    return np.asarray(zoom(picture, PIXELS_A_STEP, order=1, grid_mode=True, mode="nearest"))


def _rendered(turned: dict[str, np.ndarray], glass: _Surface, kind: str) -> np.ndarray:
    """Return the picture of one kind, float32 (rows, columns, 3) in [0, 1]."""
    solid = _surface(turned["either" if kind == "difference" else kind])
    if kind == "difference":
        shares = np.stack([map_coordinates(turned[name], solid.at, order=1, mode="nearest") for name in ("both", "missed", "found only")])
        # On a flat border equal weights would call 2.7 mm a difference, on a small round lesion less.
        most = np.argmax(shares * np.array([1.5, 1, 1]).reshape(3, 1, 1), axis=0)
        colour = np.array([to_rgb(BOTH), to_rgb(BOX), to_rgb(FOUND)])[most]
        # Bands, as a broken line is to a plain one: grey print tells what was found only.
        dark = (most == 2) & (np.floor(GRID_MM * solid.at[0] / 3.5) % 2 == 1)
        colour = np.where(dark[..., None], 0.62 * colour, colour)
    else:
        colour = np.broadcast_to(np.array(to_rgb(BOX if kind == "truth" else FOUND)), (*solid.cover.shape, 3))
    paper = np.array(to_rgb(PAPER))
    picture = np.broadcast_to(paper, (*solid.cover.shape, 3))
    lit = _lit(colour, solid, 0.42)
    # What lies deeper is paler, as in haze: one sees what is in front.
    deep = 0.28 * solid.depth_mm / max(GRID_MM * turned["lungs"].shape[2], 1)
    lit = lit + (paper - lit) * np.clip(deep, 0, 0.28)[..., None]
    picture = picture + (lit - picture) * solid.cover[..., None]
    # Glass is seen at its edges, where one looks along it.
    edge = 1 - np.clip(glass.normal[2], 0, 1)
    strength = glass.cover * (0.12 + 0.62 * edge**2)
    # A lesion at the lung's border is seen clearly, one deep inside through more of the glass.
    behind_mm = np.where(solid.cover > 0.5, solid.depth_mm - glass.depth_mm, np.inf)
    strength = strength * (0.15 + 0.85 * np.clip(behind_mm / 12, 0, 1))
    picture = picture + (_lit(np.array(to_rgb(LUNG)), glass, 0.55) - picture) * strength[..., None]
    return np.clip(picture, 0, 1).astype(np.float32)


def _lit(colour: np.ndarray, surface: _Surface, ambient: float) -> np.ndarray:
    """Return a colour under light from the upper left and a faint shine."""
    falls = np.clip(np.tensordot(LIGHT, surface.normal, axes=1), 0, 1)
    half = (LIGHT + [0, 0, 1]) / np.linalg.norm(LIGHT + [0, 0, 1])
    shine = np.clip(np.tensordot(half, surface.normal, axes=1), 0, 1) ** 24
    return np.asarray(np.clip(colour * (ambient + (1.02 - ambient) * falls)[..., None] + 0.16 * shine[..., None], 0, 1))


def _arranged(
    pictures: dict[tuple[str, str], np.ndarray], views: Sequence[str], kinds: Sequence[str], size_mm: np.ndarray, title: str
) -> Figure:
    """Return the figure: a column a kind and a row a view, or the views side by side where there is one kind."""
    names = {"truth": "true lesions", "found": "found lesions", "difference": "where they differ"}
    grid = [[(view, kind) for kind in kinds] for view in views] if len(kinds) > 1 else [[(view, kinds[0]) for view in views]]
    edge, gap, words, heading = 0.08, 0.12, 0.36, 0.4 if title else 0.05
    widths_mm = [max(pictures[row[column]].shape[1] for row in grid) for column in range(len(grid[0]))]
    scale = (FULL_WIDTH_IN - 2 * edge - gap * (len(widths_mm) - 1)) / sum(widths_mm)
    # A view must not be taller than a page is wide.
    scale = min(scale, 0.5 * FULL_WIDTH_IN / max(picture.shape[0] for picture in pictures.values()))
    heights = [scale * pictures[row[0]].shape[0] + words for row in grid]
    legend = 0.34 if len(kinds) > 1 else 0.0
    tall = heading + 2 * edge + sum(heights) + legend
    figure = blank(FULL_WIDTH_IN, tall)
    figure.set_layout_engine("none")
    if title:
        figure.text(edge / FULL_WIDTH_IN, 1 - 0.24 / tall, title, color=INK, fontweight="bold", fontsize=11, parse_math=False)
    top = heading + edge
    step = (FULL_WIDTH_IN - 2 * edge) / len(widths_mm)
    for row, high in zip(grid, heights, strict=True):
        for column, key in enumerate(row):
            picture = pictures[key]
            wide = scale * picture.shape[1]
            left = edge + step * column + (step - wide) / 2
            axes = figure.add_axes((left / FULL_WIDTH_IN, (tall - top - high + 0.02) / tall, wide / FULL_WIDTH_IN, (high - words) / tall))
            axes.imshow(picture, interpolation="bilinear", aspect="auto")
            axes.set_axis_off()
            middle = (edge + step * (column + 0.5)) / FULL_WIDTH_IN
            figure.text(middle, (tall - top - 0.2) / tall, f"{names[key[1]]}, {key[0]}", ha="center", color=INK, fontsize=9.5)
            ends = ("R", "L") if key[0] == "from the front" else ("front", "back")
            for letter, x, side in ((ends[0], 0.0, "left"), (ends[1], 1.0, "right")):
                axes.text(x, 0.0, letter, transform=axes.transAxes, ha=side, va="bottom", color=MUTED, fontsize=8.5)
            if not size_mm.any():
                no_data(axes, "nothing to draw")
        top += high
    if legend:
        keys = [Rectangle((0, 0), 1, 1, facecolor=BOTH), Rectangle((0, 0), 1, 1, facecolor=BOX)]
        keys.append(Rectangle((0, 0), 1, 1, facecolor=FOUND, edgecolor="#9e671b", hatch="----", linewidth=0))
        figure.legend(keys, ["rightly found", "missed", "found only"], loc="lower right", bbox_to_anchor=(0.995, 0.0), ncols=3,
                      frameon=False, handlelength=1.1, handleheight=1.1, columnspacing=1.6)  # fmt: skip
    return figure
