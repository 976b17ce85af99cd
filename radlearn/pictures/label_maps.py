"""Label maps on their images: each class in its colour, true borders solid, found ones dashed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import Stroke, withStroke
from PIL import Image, ImageDraw

from radlearn.files import written_whole
from radlearn.pictures import style
from radlearn.pictures.borders import BROKEN, border_lines
from radlearn.pictures.outlines import written_font
from radlearn.pictures.style import FULL_WIDTH_IN, INK, MUTED, WRONG
from radlearn.scans.label_map_files import colour_of

IN_A_ROW = 3
FILL = 0.28
BAR_PX = 30
SMALLEST_WIDTH_PX = 480


@dataclass(frozen=True)
class LabelledImage:
    """An image with its true and its found label map.

    `image` is float (rows, columns) in [0, 1]; the label maps are uint8 of the same shape. `pixel` is the height of a pixel over its width.
    """

    image: np.ndarray
    truth: np.ndarray
    found: np.ndarray
    title: str
    words: str = ""
    bad: bool = False
    pixel: float = 1.0


def class_colour(number: int) -> str:
    """Return the colour of class `number`, as matplotlib takes it; the same as in the palette of a label map's file.

    >>> class_colour(1)
    '#35d6f2'
    """
    return "#{:02x}{:02x}{:02x}".format(*colour_of(number))


@style.in_house_style
def labelled_grid(panels: Sequence[LabelledImage], names: Sequence[str]) -> Figure:
    """Draw images with the borders of the classes, three in a row, and a legend.

    Args:
        names: of classes 1, 2, ….
    """
    rows = -(-len(panels) // IN_A_ROW)
    tall = max(one.image.shape[0] * one.pixel / one.image.shape[1] for one in panels)
    figure = style.blank(FULL_WIDTH_IN, rows * (FULL_WIDTH_IN / IN_A_ROW * tall + 0.62) + 0.45)
    for number, axes in enumerate(figure.subplots(rows, IN_A_ROW, squeeze=False).flat):
        axes.set_axis_off()
        if number < len(panels):
            _draw(axes, panels[number], len(names))
    keys = [Line2D([], [], color=class_colour(number), linewidth=4, label=name) for number, name in enumerate(names, start=1)]
    keys += [
        Line2D([], [], color=MUTED, linestyle=line, linewidth=1.6, label=label) for line, label in (((0, ()), "true"), (BROKEN, "found"))
    ]
    figure.legend(handles=keys, loc="outside lower center", ncols=min(len(keys), 6), frameon=False, fontsize=9)
    return figure


def _draw(axes: Axes, panel: LabelledImage, classes: int) -> None:
    axes.imshow(panel.image, cmap="gray", vmin=0, vmax=1, aspect=panel.pixel)
    for number in range(1, classes + 1):
        for labels, line, width, order in ((panel.truth, (0, ()), 1.3, 4), (panel.found, BROKEN, 1.5, 5)):
            rim = [withStroke(linewidth=width + 1.0, foreground="#000000", alpha=0.6), Stroke()]
            lines = border_lines(labels == number)
            axes.add_collection(
                LineCollection(lines, colors=class_colour(number), linestyles=[line], linewidths=width, zorder=order, path_effects=rim),
                autolim=False,
            )
    axes.set_title(panel.title, fontsize=8.5, pad=4)
    axes.text(0, -0.03, panel.words, transform=axes.transAxes, fontsize=8, va="top", color=WRONG if panel.bad else MUTED)


def write_label_overlay(path: Path, image: np.ndarray, labels: np.ndarray, names: Sequence[str], words: str) -> Path:
    """Write an image with a label map on it as PNG, whole or not at all, and return the path.

    Each class has a thin fill, a border and its name in a bar below, with the `words`. Small images are enlarged.

    Args:
        image: float (rows, columns) in [0, 1].
        labels: uint8 of the same shape.
        names: of classes 1, 2, ….
    """
    grey = Image.fromarray(np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)).convert("RGB")
    scale = max(1.0, SMALLEST_WIDTH_PX / grey.width)
    size = (round(grey.width * scale), round(grey.height * scale))
    picture = grey.resize(size, Image.Resampling.BICUBIC)
    for number in np.unique(labels[labels > 0]).tolist():
        colour, mask = colour_of(number), labels == number
        share = Image.fromarray((mask * round(255 * FILL)).astype(np.uint8)).resize(size, Image.Resampling.BILINEAR)
        picture.paste(Image.new("RGB", size, colour), mask=share)
        pen = ImageDraw.Draw(picture)
        for thick, tone in ((4, INK), (2, colour)):
            for line in border_lines(mask):
                pen.line([tuple(point) for point in (line + 0.5) * scale], fill=tone, width=thick, joint="curve")
    whole = Image.new("RGB", (size[0], size[1] + BAR_PX), INK)
    whole.paste(picture)
    _write_bar(whole, size[1], names, words)
    with written_whole(Path(path)) as temporary:
        whole.save(temporary, "png")
    return Path(path)


def _write_bar(whole: Image.Image, top: int, names: Sequence[str], words: str) -> None:
    pen, font, x, middle = ImageDraw.Draw(whole), written_font("normal", 14), 8.0, top + BAR_PX / 2
    for number, name in enumerate(names, start=1):
        pen.rectangle((x, middle - 5, x + 10, middle + 5), fill=colour_of(number))
        pen.text((x + 15, middle), name, font=font, fill="white", anchor="lm")
        x += 15 + pen.textlength(name, font=font) + 14
    room = whole.width - x - 8
    while words and pen.textlength(words, font=font) > room:
        # Better cut than written over the names of the classes; the table says it in full.
        words = words[:-2].rstrip(" ….,;") + "…" if len(words) > 2 else ""
    pen.text((whole.width - 8, middle), words, font=font, fill="#c8ced6", anchor="rm")
