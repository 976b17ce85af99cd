"""Three-dimensional rendering: transparent lungs and the lesions in them, from the front and from the left.

Every pixel is a ray along one axis of the scan and shows the first surface that it meets. The surface is where a smoothed mask falls
below one half, and the gradient of the smoothed mask is its normal. NumPy and SciPy suffice for that.
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
"In voxels of the scan, at least, or slices would be visible as terraces. Less for lesions, so that small ones remain."
COLOURED_OVER_MM = 4.0  # Radius around a point of the surface in which most voxels are either rightly found, missed or found only
PIXELS_A_STEP = 3
LUNG, BOTH = "#7f93ad", "#8d949c"
# Direction of the light in picture axes: right, down, towards the viewer.
LIGHT = np.array([-0.42, -0.55, 0.72]) / np.linalg.norm([-0.42, -0.55, 0.72])


@dataclass(frozen=True)
class _Surface:
    """The visible surface of a mask along one direction, on a fine picture grid (rows, columns)."""

    cover: np.ndarray  # In [0, 1]: the share of the pixel that it covers.
    depth_mm: np.ndarray  # From the plane in which the rays start.
    normal: np.ndarray  # (3, rows, columns), unit vectors: right, down, towards the viewer.
    at: np.ndarray  # (3, rows, columns): where the rays meet it, as an index of the turned volume.


@in_house_style
def solid_figure(
    lungs: np.ndarray, truth: np.ndarray | None, found: np.ndarray, spacing_mm: Sequence[float], title: str = "", from_left: bool = True
) -> Figure:
    """Render the lesions in the lungs: the true ones, the found ones, and where the two differ.

    Without a truth, only found lesions are drawn. Where true and found borders are within about 3 mm of each other, the surface is drawn
    as rightly found. Masks are smoothed: components of one or two voxels may be invisible, and volumes cannot be read off.

    Args:
        lungs: bool (i, j, k) in LPS order.
        truth: bool of the same shape, or None.
        found: bool of the same shape.
        spacing_mm: along i, j and k.
        title: above the picture, such as the scan's name.
        from_left: whether to add the view from the left, in a second row or, without a truth, beside the first.

    Raises:
        BadSetting: shapes differ, are not three-dimensional, or spacing is not three numbers above 0.
    """
    masks = {"lungs": lungs, "truth": truth, "found": found}
    fields, size_mm = _on_even_grid({name: mask for name, mask in masks.items() if mask is not None}, spacing_mm)
    views = ("from the front", "from the left") if from_left else ("from the front",)
    # (rows, columns, depth) of the picture: head up, and the patient's right or the front at the left.
    turns = {
        "from the front": lambda field: field.transpose(2, 0, 1)[::-1],
        "from the left": lambda field: field.transpose(2, 1, 0)[::-1, :, ::-1],
    }
    kinds = ["truth", "found", "difference"] if truth is not None else ["found"]
    pictures = {}
    for view in views:
        turned = {name: turns[view](field) for name, field in fields.items()}
        glass = _surface(turned["lungs"])
        for kind in kinds:
            pictures[view, kind] = _rendered(turned, glass, kind)
    return _arranged(pictures, views, kinds, size_mm, title)


def _on_even_grid(masks: dict[str, np.ndarray], spacing_mm: Sequence[float]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return smoothed masks and, where there is a truth, their differences on an isotropic grid, and its size in mm."""
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
        # An empty margin, so that a mask which reaches the end of the scan has a closed surface there.
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


def _surface(field: np.ndarray) -> _Surface:
    """Return the first surface that rays along the last axis meet, where the field exceeds one half."""
    inside = field > 0.5
    first = np.argmax(inside, axis=2)
    met = np.asarray(inside.any(axis=2))
    rows, columns = np.indices(first.shape)
    here = field[rows, columns, first]
    before = field[rows, columns, np.maximum(first - 1, 0)]
    # Between the last voxel outside and the first one inside, where the field is one half.
    back = np.where(first > 0, (here - 0.5) / np.maximum(here - before, 1e-6), 0.0)
    depth = np.where(met, first - np.clip(back, 0, 1), np.nan)
    slopes = _slopes(field, np.where(met, first, 0))
    # Finer than the grid, whose steps would be visible along the border. The maximum along a ray is smooth across it.
    cover = np.clip((_finer(field.max(axis=2)) - 0.5) / 0.12 + 0.5, 0, 1)
    depth_fine = _finer(_spread_out(depth, met))
    normal = np.stack([_finer(_spread_out(slope, met)) for slope in slopes])
    normal /= np.maximum(np.linalg.norm(normal, axis=0), 1e-6)
    fine_rows, fine_columns = np.indices(cover.shape)
    at = np.stack([(fine_rows + 0.5) / PIXELS_A_STEP - 0.5, (fine_columns + 0.5) / PIXELS_A_STEP - 0.5, depth_fine])
    return _Surface(cover, GRID_MM * depth_fine, normal, at)


def _slopes(field: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the negative gradient of the field at the voxels met: right, down, towards the viewer."""
    rows, columns = np.asarray(np.indices(first.shape))
    last = np.array(field.shape) - 1

    def fall(axis: int) -> np.ndarray:
        ahead, behind = [rows, columns, first], [rows, columns, first]
        ahead[axis] = np.minimum(ahead[axis] + 1, last[axis])
        behind[axis] = np.maximum(behind[axis] - 1, 0)
        return np.asarray(field[tuple(behind)] - field[tuple(ahead)])

    return fall(1), fall(0), -fall(2)


def _spread_out(values: np.ndarray, met: np.ndarray) -> np.ndarray:
    """Return values slightly smoothed and extrapolated beyond the surface, so that they can be upsampled up to the border."""
    weights = gaussian_filter(met.astype(np.float32), 0.8, truncate=3)
    return np.asarray(gaussian_filter(np.where(met, values, 0).astype(np.float32), 0.8, truncate=3) / np.maximum(weights, 1e-6))


def _finer(picture: np.ndarray) -> np.ndarray:
    return np.asarray(zoom(picture, PIXELS_A_STEP, order=1, grid_mode=True, mode="nearest"))


def _rendered(turned: dict[str, np.ndarray], glass: _Surface, kind: str) -> np.ndarray:
    """Return the picture of one kind, float32 (rows, columns, 3) in [0, 1]."""
    solid = _surface(turned["either" if kind == "difference" else kind])
    if kind == "difference":
        shares = np.stack([map_coordinates(turned[name], solid.at, order=1, mode="nearest") for name in ("both", "missed", "found only")])
        # With equal weights, 2.7 mm would count as a difference on a flat border, and less on a small round lesion.
        most = np.argmax(shares * np.array([1.5, 1, 1]).reshape(3, 1, 1), axis=0)
        colour = np.array([to_rgb(BOTH), to_rgb(BOX), to_rgb(FOUND)])[most]
        # Bands, so that what was found only is also recognisable in greyscale.
        dark = (most == 2) & (np.floor(GRID_MM * solid.at[0] / 3.5) % 2 == 1)
        colour = np.where(dark[..., None], 0.62 * colour, colour)
    else:
        colour = np.broadcast_to(np.array(to_rgb(BOX if kind == "truth" else FOUND)), (*solid.cover.shape, 3))
    paper = np.array(to_rgb(PAPER))
    picture = np.broadcast_to(paper, (*solid.cover.shape, 3))
    lit = _lit(colour, solid, 0.42)
    # Deeper surfaces are paler, which shows what is in front.
    deep = 0.28 * solid.depth_mm / max(GRID_MM * turned["lungs"].shape[2], 1)
    lit = lit + (paper - lit) * np.clip(deep, 0, 0.28)[..., None]
    picture = picture + (lit - picture) * solid.cover[..., None]
    # Transparent lungs are visible at their edges, where the surface is parallel to the rays.
    edge = 1 - np.clip(glass.normal[2], 0, 1)
    strength = glass.cover * (0.12 + 0.62 * edge**2)
    # Lesions at the surface of the lung are clear, deeper ones are veiled by the lung.
    behind_mm = np.where(solid.cover > 0.5, solid.depth_mm - glass.depth_mm, np.inf)
    strength = strength * (0.15 + 0.85 * np.clip(behind_mm / 12, 0, 1))
    picture = picture + (_lit(np.array(to_rgb(LUNG)), glass, 0.55) - picture) * strength[..., None]
    return np.clip(picture, 0, 1).astype(np.float32)


def _lit(colour: np.ndarray, surface: _Surface, ambient: float) -> np.ndarray:
    """Return a colour with diffuse light from the upper left and a weak specular highlight."""
    falls = np.clip(np.tensordot(LIGHT, surface.normal, axes=1), 0, 1)
    half = (LIGHT + [0, 0, 1]) / np.linalg.norm(LIGHT + [0, 0, 1])
    shine = np.clip(np.tensordot(half, surface.normal, axes=1), 0, 1) ** 24
    return np.asarray(np.clip(colour * (ambient + (1.02 - ambient) * falls)[..., None] + 0.16 * shine[..., None], 0, 1))


def _arranged(
    pictures: dict[tuple[str, str], np.ndarray], views: Sequence[str], kinds: Sequence[str], size_mm: np.ndarray, title: str
) -> Figure:
    """Return the figure: one column per kind and one row per view, or the views side by side where there is one kind."""
    names = {"truth": "true lesions", "found": "found lesions", "difference": "where they differ"}
    grid = [[(view, kind) for kind in kinds] for view in views] if len(kinds) > 1 else [[(view, kinds[0]) for view in views]]
    edge, gap, words, heading = 0.08, 0.12, 0.36, 0.4 if title else 0.05
    widths_mm = [max(pictures[row[column]].shape[1] for row in grid) for column in range(len(grid[0]))]
    scale = (FULL_WIDTH_IN - 2 * edge - gap * (len(widths_mm) - 1)) / sum(widths_mm)
    # A view is at most half as tall as the page is wide.
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
