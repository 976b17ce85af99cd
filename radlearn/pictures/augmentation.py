"""What random augmentation made of a case, step by step: the case, and beneath the image after each transform what that one drew.

Rows are cases or draws. For X-rays the whole image is shown, with its boxes; of a CT the middle slice as seen from the feet, with the
outline of its mask. A transform that changed nothing has no image: it is named in the line above the row.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from radlearn.amounts import counted
from radlearn.augmentation.drawn import Drawn, Told
from radlearn.errors import BadSetting
from radlearn.pictures.borders import BROKEN, outline_true_mask
from radlearn.pictures.outlines import FOUND, Boxes, outline_true, written_font
from radlearn.pictures.slices import axial, level_words
from radlearn.pictures.style import FULL_WIDTH_IN, INK, MUTED, blank, empty_figure, in_house_style

COLUMNS = 6
TITLE_POINTS, CAPTION_POINTS, HEADING_POINTS = 8.5, 8.0, 10.0
LINE = 1.3  # height of a line of text, in its size
EDGE_IN, GAP_IN = 0.08, 0.14


@dataclass(frozen=True)
class AugmentedImage:
    """One image of a row.

    `pixels` is (rows, columns) in [0, 1], as displayed, a row `aspect` times as high as a column is wide; `mask` is bool of the same
    shape, boxes are in its pixels. `patch_xyxy_px` is the part that is cut out next.
    """

    pixels: np.ndarray
    title: str = ""
    caption: str = ""
    mask: np.ndarray | None = None
    boxes_xyxy_px: Boxes = ()
    patch_xyxy_px: tuple[float, float, float, float] | None = None
    aspect: float = 1.0

    def __post_init__(self) -> None:
        """Validate the image when it is made, not when it is drawn."""
        if np.ndim(self.pixels) != 2:
            raise BadSetting(f"pixels of shape {np.shape(self.pixels)}: expected one image, (rows, columns).")
        if self.mask is not None and np.shape(self.mask) != np.shape(self.pixels):
            raise BadSetting(f"mask of shape {np.shape(self.mask)} for an image of shape {np.shape(self.pixels)}: expected the same.")


@dataclass(frozen=True)
class AugmentationRow:
    """The images of one case or draw, in order, under a title and a note."""

    title: str
    images: Sequence[AugmentedImage]
    note: str = ""


def augmentation_row(
    title: str, item: Any, told: Told, spacing_mm: Sequence[float] = (), keys: tuple[str, str, str] = ("image", "mask", "boxes"),
    sample: tuple[int, ...] = (),
) -> AugmentationRow:  # fmt: skip
    """Return the row of a case whose transforms were told.

    Args:
        title: such as the case's id, the epoch and the repeat.
        item: the case before the first transform: (channels, rows, columns) or (channels, i, j, k) in LPS order, or a dictionary.
        told: what `apply_and_tell` returned.
        spacing_mm: between pixels or voxels, along each axis; only the ratio matters. Equal if empty.
        keys: those of image, mask and boxes in a dictionary; the last two may be missing.
        sample: which patch, where a crop has cut out several.
    """
    mine = [(drawn, image) for drawn, image in zip(told.drawn, told.images, strict=True) if drawn.sample in (sample, sample[:-1], ())]
    crop = next((drawn for drawn, _ in mine if "patch_first" in drawn.values), None)
    pixels = _parts(item, keys)[0]
    low, high = float(pixels.min()), float(pixels.max())
    shown = _Shown(keys, (0.0, 1.0) if low >= -0.01 and high <= 1.01 else (low, high), spacing_mm)
    images, others = [shown.image(item, crop)], []
    for drawn, after in mine:
        image = shown.image(after, None, drawn.transform, str(drawn))
        if drawn.applied and _differs(images[-1], image):
            images.append(image)
        else:
            others.append(f"{drawn.transform}: {drawn}" if drawn.applied else f"{drawn.transform} {drawn}")
    return AugmentationRow(title, images, "; ".join(others))


@in_house_style
def augmentation_figure(rows: Sequence[AugmentationRow]) -> Figure:
    """Draw rows of images, each with its title and caption; a row of more than six goes on in the next line."""
    if not rows:
        return empty_figure(FULL_WIDTH_IN, 1.2, "no such case")
    longest = max(len(row.images) for row in rows)
    # Lines of nearly the same length: seven images are four and three.
    columns = max(4, math.ceil(longest / math.ceil(max(longest, 1) / COLUMNS)))
    width = (FULL_WIDTH_IN - 2 * EDGE_IN - GAP_IN * (columns - 1)) / columns
    # Texts are wrapped before the figure is made, because the number of their lines decides its height.
    page: list[_Block] = []
    tall = EDGE_IN
    for row in rows:
        heading = _text(row.title, row.note, HEADING_POINTS, FULL_WIDTH_IN - 2 * EDGE_IN)
        page.append(_Block(0, tall, heading))
        tall += _height_in(heading) + 0.06
        for first in range(0, len(row.images), columns):
            images = row.images[first : first + columns]
            texts = [_text(image.title, image.caption, TITLE_POINTS, width) for image in images]
            height = max(min(_tall(image), 1.6) * width for image in images)
            page += [_Block(number, tall, text, image, height) for number, (image, text) in enumerate(zip(images, texts, strict=True))]
            tall += height + 0.05 + max(map(_height_in, texts)) + GAP_IN
    figure = blank(FULL_WIDTH_IN, tall)
    figure.set_layout_engine("none")
    for block in page:
        left = EDGE_IN + block.column * (width + GAP_IN)
        if block.image is not None:
            place = (left / FULL_WIDTH_IN, 1 - (block.top_in + block.height_in) / tall, width / FULL_WIDTH_IN, block.height_in / tall)
            _draw(figure.add_axes(place, anchor="NW"), block.image)
        _write(figure, left, block.top_in + (0.05 + block.height_in if block.image is not None else 0), block.text)
    return figure


def wrapped(text: str, width_in: float, points: float, weight: str = "normal") -> list[str]:
    """Return text in lines that are no wider than `width_in` inches when written at this size; a word that is too long is cut.

    >>> wrapped("rotated 6.2° clockwise", 20.0, 8.0), wrapped("RandomHorizontalFlip", 1.05, 8.0)
    (['rotated 6.2° clockwise'], ['RandomHorizontal', 'Flip'])
    """
    font = written_font(weight, 100)

    def fits(words: str) -> bool:
        return font.getlength(words) / 100 * points / 72 <= width_in

    lines: list[str] = []
    for word in text.split():
        if lines and fits(f"{lines[-1]} {word}"):
            lines[-1] += f" {word}"
            continue
        while not fits(word) and len(word) > 1:
            most = max(count for count in range(1, len(word)) if count == 1 or fits(word[:count]))
            # RandomHorizontalFlip is cut before a capital letter, if one comes in time.
            most = next((count for count in range(most, most // 2, -1) if word[count].isupper()), most)
            lines.append(word[:most])
            word = word[most:]
        lines.append(word)
    return lines


def _parts(item: Any, keys: tuple[str, str, str]) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    image, mask, boxes = (item.get(key) for key in keys) if isinstance(item, Mapping) else (item, None, None)
    if image is None:
        raise BadSetting(f"the item has no {keys[0]!r}; it has {', '.join(map(repr, item))}. Name its image in `keys`.")
    return np.asarray(image), None if mask is None else np.asarray(mask), np.zeros((0, 4)) if boxes is None else np.asarray(boxes)


@dataclass(frozen=True)
class _Shown:
    """How items are displayed: where their images lie, which values are black and white, the distance between voxels."""

    keys: tuple[str, str, str]
    ends: tuple[float, float]
    spacing_mm: Sequence[float]

    def image(self, item: Any, crop: Drawn | None, title: str = "original", caption: str | None = None) -> AugmentedImage:
        """Return an item as displayed; `crop` is the patch that is cut out of it next, at whose level a volume is shown."""
        image, mask, boxes = _parts(item, self.keys)
        shape = image.shape[1:]
        volume = len(shape) == 3
        first, size = ((0,) * len(shape), shape) if crop is None else _block(crop, shape)
        level = first[-1] + size[-1] // 2
        shown, outlined = (None if array is None else axial(array[0], level) if volume else array[0] for array in (image, mask))
        across, down = (0, 1) if volume else (1, 0)
        patch = None if crop is None else (first[across], first[down], first[across] + size[across], first[down] + size[down])
        if caption is None:
            caption = f"{'×'.join(map(str, shape))} {f'voxels, {level_words(level, shape[-1])}' if volume else 'px'}"
            caption += "" if mask is None else ", mask outlined"
            caption += f", {counted(len(boxes), 'boxes')}" if isinstance(item, Mapping) and self.keys[2] in item else ""
        low, high = self.ends
        pixels = np.clip((np.asarray(shown, np.float64) - low) / max(high - low, 1e-9), 0, 1)
        aspect = self.spacing_mm[down] / self.spacing_mm[across] if len(self.spacing_mm) else 1.0
        outline = None if outlined is None else outlined > 0.5
        return AugmentedImage(pixels, title, caption, outline, boxes.reshape(-1, 4), patch, float(aspect))


def _block(crop: Drawn, shape: tuple[int, ...]) -> tuple[Sequence[int], Sequence[int]]:
    """Return the first index and the size of the patch that was cut out."""
    values: Mapping[str, Any] = crop.values
    return values["patch_first"], values["patch_px" if len(shape) == 2 else "patch_voxels"]


def _differs(one: AugmentedImage, other: AugmentedImage) -> bool:
    return not (np.array_equal(one.pixels, other.pixels) and np.array_equal(one.boxes_xyxy_px, other.boxes_xyxy_px))


def _tall(image: AugmentedImage) -> float:
    rows, columns = image.pixels.shape
    return rows * image.aspect / columns


@dataclass(frozen=True)
class _Block:
    """Text on the page, beneath an image or alone; `top_in` is measured from the upper edge of the page."""

    column: int
    top_in: float
    # Lines with their size in points and whether they are bold.
    text: Sequence[tuple[str, float, bool]]
    image: AugmentedImage | None = None
    height_in: float = 0.0


def _text(title: str, words: str, title_points: float, width_in: float) -> list[tuple[str, float, bool]]:
    bold = [(line, title_points, True) for line in wrapped(title, width_in, title_points, "bold")]
    return bold + [(line, CAPTION_POINTS, False) for line in wrapped(words, width_in, CAPTION_POINTS)]


def _height_in(text: Sequence[tuple[str, float, bool]]) -> float:
    return sum(LINE * points / 72 for _, points, _ in text)


def _draw(axes: Axes, image: AugmentedImage) -> None:
    axes.imshow(image.pixels, cmap="gray", vmin=0, vmax=1, interpolation="bilinear", aspect=image.aspect)
    axes.set_axis_off()
    if image.mask is not None:
        outline_true_mask(axes, image.mask)
    outline_true(axes, image.boxes_xyxy_px, image.pixels.shape)
    if image.patch_xyxy_px is not None:
        x0, y0, x1, y1 = image.patch_xyxy_px
        axes.add_patch(Rectangle((x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0, fill=False, edgecolor=FOUND, linewidth=1.3, linestyle=BROKEN))


def _write(figure: Figure, left_in: float, top_in: float, text: Sequence[tuple[str, float, bool]]) -> None:
    wide, tall = figure.get_size_inches()
    for line, points, bold in text:
        figure.text(left_in / wide, 1 - (top_in + points / 72) / tall, line, color=INK if bold else MUTED,
                    fontweight="bold" if bold else "normal", fontsize=points, va="baseline", parse_math=False)  # fmt: skip
        top_in += LINE * points / 72
