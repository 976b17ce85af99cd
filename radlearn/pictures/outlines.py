"""Boxes on an X-ray: true boxes, and predicted boxes with their confidence at a corner.

The two can be distinguished without colour, for printing in grey: true boxes are solid, predicted boxes are dashed with a filled label,
so that a true box under a predicted one stays visible.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.patheffects import Stroke, withStroke
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw, ImageFont

from radlearn.metrics.boxes import FoundBoxes
from radlearn.pictures.style import INK, font_family

Boxes = Sequence[tuple[float, float, float, float]] | np.ndarray

BOX = "#35d6f2"
FOUND = "#ffa62b"
# Share of the X-ray's width and height, for an X-ray that is a quarter of a page wide.
LABEL_SHARE = (0.13, 0.066)


def label_places(boxes_xyxy_share: np.ndarray, label_share: tuple[float, float]) -> np.ndarray:
    """Return positions of the boxes' labels, so that no label covers another or leaves the X-ray.

    Args:
        boxes_xyxy_share: (boxes, 4), as shares of the X-ray's width and height.
        label_share: width and height of a label, in the same shares.

    Returns:
        (boxes, 2), the upper left corner of each label: on the upper edge of the box if there is room, else at the next free corner.

    >>> label_places(np.array([[0.2, 0.5, 0.6, 0.9], [0.2, 0.5, 0.6, 0.9]]), (0.1, 0.05)).round(2).tolist()
    [[0.2, 0.45], [0.5, 0.45]]
    """
    wide, tall = label_share
    placed: list[tuple[float, float]] = []
    for x0, y0, x1, y1 in np.asarray(boxes_xyxy_share, float).reshape(-1, 4):
        corners = [(x, y) for y in (y0 - tall, y1, y0, y1 - tall) for x in (x0, x1 - wide)]
        within = [(min(max(x, 0), 1 - wide), min(max(y, 0), 1 - tall)) for x, y in corners]
        free = [place for place in within if all(abs(place[0] - x) >= wide or abs(place[1] - y) >= tall for x, y in placed)]
        placed.append((free or within)[0])
    return np.array(placed).reshape(-1, 2)


def outline_true(axes: Axes, boxes_xyxy_px: Boxes, shape_px: tuple[int, ...], canvas_px: tuple[int, int] | None = None) -> None:
    """Draw the true boxes, in pixels of `canvas_px`, of an X-ray that `imshow` shows at `shape_px`; both are (height, width)."""
    for box in _on_axes(boxes_xyxy_px, shape_px, canvas_px):
        _outline(axes, box, BOX, "solid", 1.5)


def outline_found(axes: Axes, found: FoundBoxes, shape_px: tuple[int, ...], canvas_px: tuple[int, int] | None = None) -> None:
    """Draw the predicted boxes of an X-ray, each with its confidence; arguments as in `outline_true`."""
    rows, columns = shape_px
    boxes = _on_axes(found.boxes_xyxy_px, shape_px, canvas_px)
    places = label_places((boxes + 0.5) / [columns, rows, columns, rows], LABEL_SHARE)
    for box, (x, y), confidence in zip(boxes, places, found.confidences, strict=True):
        _outline(axes, box, FOUND, (0, (2.4, 1.3)), 1.6)
        width, height = LABEL_SHARE[0] * columns, LABEL_SHARE[1] * rows
        corner = (x * columns - 0.5, y * rows - 0.5)
        axes.add_patch(Rectangle(corner, width, height, facecolor=FOUND, edgecolor="none", zorder=5))
        axes.text(corner[0] + width / 2, corner[1] + height / 2, f"{confidence:.2f}", color=INK, fontsize=7, ha="center",
                  va="center_baseline", zorder=6)  # fmt: skip


def painted_found(picture: Image.Image, found: FoundBoxes, canvas_px: tuple[int, int]) -> Image.Image:
    """Return a picture of an X-ray with its predicted boxes, each with its confidence.

    Args:
        picture: RGB, the whole X-ray at any size.
        found: boxes in pixels of an X-ray of size `canvas_px` (height, width).
    """
    painted = picture.copy()
    pen = ImageDraw.Draw(painted)
    width, height = picture.size
    shares = np.asarray(found.boxes_xyxy_px, float).reshape(-1, 4) / [canvas_px[1], canvas_px[0], canvas_px[1], canvas_px[0]]
    boxes = np.rint(shares * [width, height, width, height]).astype(int)
    font = written_font("bold", 17)
    label = (50, 24)
    for x0, y0, x1, y1 in boxes:
        # A bright line with dark edges, visible on bone as well as on air.
        for grown, colour in ((-1, INK), (2, INK), (0, FOUND), (1, FOUND)):
            if x1 - x0 > 2 * abs(grown) + 2 and y1 - y0 > 2 * abs(grown) + 2:
                pen.rectangle((x0 + grown, y0 + grown, x1 - 1 - grown, y1 - 1 - grown), outline=colour)
    places = label_places(shares, (label[0] / width, label[1] / height))
    for (x, y), confidence in zip(np.rint(places * [width, height]).astype(int), found.confidences, strict=True):
        pen.rectangle((x, y, x + label[0] - 1, y + label[1] - 1), fill=FOUND)
        pen.text((x + label[0] / 2, y + label[1] / 2), f"{confidence:.2f}", font=font, fill=INK, anchor="mm")
    return painted


@lru_cache
def written_font(weight: str, size_px: int) -> ImageFont.FreeTypeFont:
    """Return the font for text drawn with Pillow instead of matplotlib; `weight` is "normal" or "bold"."""
    return ImageFont.truetype(font_manager.findfont(font_manager.FontProperties(family=font_family(), weight=weight)), size_px)


def write_corners(image: Image.Image, ends: tuple[str, str], words: str = "") -> None:
    """Write into an RGB image what lies at its left and at its right end, in the upper corners, and words into a lower one."""
    wide, tall = image.size
    pen = ImageDraw.Draw(image)
    for text, x, y, anchor in ((ends[0], 8, 6, "la"), (ends[1], wide - 8, 6, "ra"), (words, 8, tall - 6, "ld")):
        pen.text((x, y), text, font=written_font("normal", 15), fill="white", anchor=anchor, stroke_width=2, stroke_fill="black")


def _on_axes(boxes_xyxy_px: ArrayLike, shape_px: tuple[int, ...], canvas_px: tuple[int, int] | None) -> np.ndarray:
    """Return boxes in the coordinates of `imshow`, where pixel centres are integers, so the corner of the X-ray lies at −0.5."""
    rows, columns = shape_px
    canvas_rows, canvas_columns = canvas_px or (rows, columns)
    across, down = columns / canvas_columns, rows / canvas_rows
    return np.asarray(boxes_xyxy_px, float).reshape(-1, 4) * [across, down, across, down] - 0.5


def _outline(axes: Axes, box: np.ndarray, colour: str, line: str | tuple[int, tuple[float, ...]], width: float) -> None:
    x0, y0, x1, y1 = box
    rim = [withStroke(linewidth=width + 1.2, foreground="#000000", alpha=0.55), Stroke()]
    axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=colour, linewidth=width, linestyle=line,
                             path_effects=rim))  # fmt: skip
