"""The border of a mask on its slice: a solid line for the true mask, a dashed one for the found mask.

The line runs half-way between the centres of a voxel inside and one outside. Around a single voxel it is a small diamond; at the edge of
the slice it follows the edge, so that every line is closed.
"""

from collections.abc import Sequence

import numpy as np
from contourpy import contour_generator
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.patheffects import AbstractPathEffect, Stroke, withStroke
from PIL import Image, ImageDraw

from radlearn.errors import BadSetting
from radlearn.pictures.outlines import BOX, FOUND
from radlearn.pictures.style import INK

BROKEN: tuple[float, Sequence[float]] = (0, (2.6, 1.5))
LINE_WIDTH = 1.0
# Lines are painted at this scale and downsampled, for anti-aliasing.
PAINTED_LARGER = 3


def border_lines(mask: np.ndarray) -> list[np.ndarray]:
    """Return the closed lines around the components of a mask and around its holes.

    Args:
        mask: bool (rows, columns).

    Returns:
        One float64 (points, 2) per line, (x, y) = (column, row), integers being pixel centres; the first point is also the last.

    Raises:
        BadSetting: the mask is not two-dimensional.

    >>> [line.tolist() for line in border_lines(np.array([[False, True]]))]
    [[[0.5, 0.0], [1.0, -0.5], [1.5, 0.0], [1.0, 0.5], [0.5, 0.0]]]
    """
    if np.ndim(mask) != 2:
        raise BadSetting(f"mask of shape {np.shape(mask)}: expected one slice, (rows, columns).")
    # The middle between voxels that touch only by a corner is exactly 0.5, which is not above the level: they stay separate.
    framed = np.pad(np.asarray(mask, bool), 1).astype(float)
    return [np.asarray(line) - 1 for line in contour_generator(z=framed).lines(0.5)]


def outline_true_mask(axes: Axes, mask: np.ndarray) -> None:
    """Draw the border of the true mask on a slice that `imshow` shows with the same shape."""
    _outline(axes, mask, BOX, "solid", 4)


def outline_found_mask(axes: Axes, mask: np.ndarray) -> None:
    """Draw the border of the found mask on a slice that `imshow` shows with the same shape."""
    _outline(axes, mask, FOUND, BROKEN, 5)


def border_keys(true: bool = True, found: bool = True) -> list[Line2D]:
    """Return the lines for a legend of true and found borders."""
    kinds = ((true, "true border", BOX, (0, ())), (found, "found border", FOUND, BROKEN))
    return [
        Line2D([], [], color=colour, linestyle=line, linewidth=1.6, label=label, path_effects=_dark_rim(1.6))
        for shown, label, colour, line in kinds
        if shown
    ]


def painted_border(picture: Image.Image, mask: np.ndarray) -> Image.Image:
    """Paint the border of the found mask on a picture of a slice.

    Args:
        picture: RGB, the whole slice at any size and aspect ratio.
        mask: bool (rows, columns).
    """
    lines = border_lines(mask)
    painted = picture.copy()
    if not lines:
        return painted
    width, height = picture.size
    scale = PAINTED_LARGER * np.array([width / mask.shape[1], height / mask.shape[0]])
    # A dark rim around a bright line, which is visible on bone as well as on air.
    for thick, colour in ((4.2, INK), (2.0, FOUND)):
        large = Image.new("L", (PAINTED_LARGER * width, PAINTED_LARGER * height), 0)
        pen = ImageDraw.Draw(large)
        for line in lines:
            pen.line([tuple(point) for point in (line + 0.5) * scale], fill=255, width=round(PAINTED_LARGER * thick), joint="curve")
        painted.paste(Image.new("RGB", picture.size, colour), mask=large.resize(picture.size, Image.Resampling.BOX))
    return painted


def _outline(axes: Axes, mask: np.ndarray, colour: str, line: str | tuple[float, Sequence[float]], zorder: int) -> None:
    axes.add_collection(
        LineCollection(border_lines(mask), colors=colour, linestyles=[line], linewidths=LINE_WIDTH, zorder=zorder,
                       path_effects=_dark_rim(LINE_WIDTH)),
        autolim=False,
    )  # fmt: skip


def _dark_rim(width: float) -> list[AbstractPathEffect]:
    return [withStroke(linewidth=width + 0.9, foreground="#000000", alpha=0.55), Stroke()]
