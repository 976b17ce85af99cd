"""X-rays with predictions: heat-map, true and predicted boxes, the prediction as text.

A heat-map shows coarsely which regions raised a prediction. It is not evidence of a finding. Where it is weak, it is not drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from radlearn.errors import BadSetting
from radlearn.file_names import printable
from radlearn.files import written_whole
from radlearn.metrics.boxes import FoundBoxes
from radlearn.pictures.outlines import Boxes, outline_found, outline_true, written_font
from radlearn.pictures.style import FULL_WIDTH_IN, GRID, INK, MUTED, PAPER, WRONG, blank, empty_figure, in_house_style

# Below the first value a heat-map is not drawn; from there its opacity rises up to the second value.
SEEN_FROM = 0.3
MOST_OPAQUE = 0.62
OVERLAY_XRAY_PX = 560
SCALE = "heat, on the scale of the probability"
SCALE_IN = 0.62


@dataclass(frozen=True)
class XrayPanel:
    """One X-ray in a grid.

    `pixels` is (height, width) in [0, 1] and keeps its aspect; `heat_map` is any (height, width) in [0, 1], stretched over the X-ray. True
    boxes (`boxes_xyxy_px`) and predicted ones (`found`) are in pixels of `box_canvas_px` (height, width); None means of `pixels`.
    """

    pixels: np.ndarray
    heat_map: np.ndarray | None = None
    boxes_xyxy_px: Boxes = ()
    box_canvas_px: tuple[int, int] | None = None
    title: str = ""
    note: str = ""
    wrong: bool = False
    found: FoundBoxes | None = None


def outcome(probability: float, label: bool, threshold: float) -> str:
    """Return the outcome of a decision: true or false, positive or negative.

    >>> outcome(0.3, True, 0.5), outcome(0.5, False, 0.5)
    ('false negative', 'false positive')
    """
    positive = probability >= threshold
    return f"{'true' if positive == label else 'false'} {'positive' if positive else 'negative'}"


def probability_panel(
    pixels: np.ndarray, heat_map: np.ndarray | None, probability: float, label: bool, threshold: float, note: str = "",
    boxes_xyxy_px: Boxes = (), box_canvas_px: tuple[int, int] | None = None,
) -> XrayPanel:  # fmt: skip
    """Return the panel of a classified X-ray: its probability and outcome as title, errors in another colour."""
    name = outcome(probability, label, threshold)
    return XrayPanel(pixels, heat_map, boxes_xyxy_px, box_canvas_px, f"{probability:.2f}  {name}", note, wrong=name.startswith("false"))


def blended(pixels: np.ndarray, heat_map: np.ndarray | None) -> np.ndarray:
    """Return an X-ray with its heat-map.

    Args:
        pixels: (height, width), in [0, 1].
        heat_map: (height, width) of any size, in [0, 1], NaN counts as 0; None returns the X-ray.

    Returns:
        uint8 (height, width, 3), of the size of the X-ray, which it equals where the heat-map is below 0.3.
    """
    xray = np.asarray(pixels, dtype=np.float64)
    if xray.ndim != 2:
        raise BadSetting(f"pixels of shape {xray.shape}: expected one X-ray, (height, width).")
    grey = np.repeat(np.clip(xray, 0, 1)[..., None], 3, axis=2)
    if heat_map is None:
        return np.rint(255 * grey).astype(np.uint8)
    heat = np.clip(np.nan_to_num(np.asarray(heat_map, dtype=np.float32)), 0, 1)
    if heat.ndim != 2:
        raise BadSetting(f"heat_map of shape {heat.shape}: expected one, (height, width).")
    if heat.shape != xray.shape:
        heat = np.asarray(Image.fromarray(heat).resize((xray.shape[1], xray.shape[0]), Image.Resampling.BICUBIC)).clip(0, 1)
    strength = np.clip((heat - SEEN_FROM) / (1 - SEEN_FROM), 0, 1)
    opacity = (MOST_OPAQUE * strength**0.75)[..., None]
    return np.rint(255 * (grey * (1 - opacity) + heat_colours(heat) * opacity)).astype(np.uint8)


def heat_colours(heat: np.ndarray) -> np.ndarray:
    """Return the colour of heat in [0, 1], as float (…, 3): from dark red to pale yellow, so that it is readable in grey print too."""
    strength = np.clip((np.asarray(heat, dtype=np.float64) - SEEN_FROM) / (1 - SEEN_FROM), 0, 1)
    return np.asarray(colormaps["inferno"](0.42 + 0.5 * strength)[..., :3])


def _draw_scale(figure: Figure) -> None:
    """Draw the colours of heat at the foot of a figure, with their numbers."""
    tall = figure.get_figheight()
    axes = figure.add_axes((0.3, 0.22 / tall, 0.42, 0.1 / tall))
    levels = np.linspace(SEEN_FROM, 1, 141)
    axes.imshow(np.tile(heat_colours(levels), (2, 1, 1)), aspect="auto", extent=(SEEN_FROM, 1, 0, 1))
    ticks = [SEEN_FROM, 0.5, 0.75, 1.0]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_yticks([])
    axes.tick_params(length=2, labelsize=8)
    for spine in axes.spines.values():
        spine.set_visible(False)
    said = f"{SCALE}; below {SEEN_FROM:g} nothing is drawn"
    axes.annotate(said, (0, 1), xytext=(0, 4), xycoords="axes fraction", textcoords="offset points", color=MUTED, fontsize=8.5)


@in_house_style
def xray_grid(panels: Sequence[XrayPanel], columns: int = 4, with_plain: bool = False) -> Figure:
    """Draw X-rays in rows, each with its title and note below it; true boxes are outlined, predicted ones carry their confidence.

    Where there are heat-maps, the scale of their colours stands below.

    Args:
        panels: in reading order.
        columns: X-rays per row.
        with_plain: show each X-ray plain beside the one with the heat-map.
    """
    if not panels:
        return empty_figure(FULL_WIDTH_IN, 1.2, "no such X-ray")
    columns = min(columns, len(panels)) if len(panels) >= 3 else columns
    rows = -(-len(panels) // columns)
    # Positions are in inches, so that X-rays of any shape keep their aspect and are aligned with their text.
    edge, gap, words = 0.08, 0.2, 0.52
    width = (FULL_WIDTH_IN - 2 * edge - gap * (columns - 1)) / columns
    each = (width - 0.04) / 2 if with_plain else width
    tallest = max(panel.pixels.shape[0] / panel.pixels.shape[1] for panel in panels)
    height = min(each * tallest, 1.6 * each)
    has_heat = any(panel.heat_map is not None for panel in panels)
    figure = blank(FULL_WIDTH_IN, 2 * edge + rows * (height + words) + (rows - 1) * gap / 2 + SCALE_IN * has_heat)
    figure.set_layout_engine("none")
    if has_heat:
        _draw_scale(figure)
    tall = figure.get_figheight()
    for number, panel in enumerate(panels):
        left = edge + (number % columns) * (width + gap)
        top = edge + (number // columns) * (height + words + gap / 2)
        for part in range(2 if with_plain else 1):
            place = (left + part * (each + 0.04), tall - top - height, each, height)
            axes = figure.add_axes((place[0] / FULL_WIDTH_IN, place[1] / tall, place[2] / FULL_WIDTH_IN, place[3] / tall), anchor="SW")
            plain = with_plain and part == 0
            axes.imshow(blended(panel.pixels, None if plain else panel.heat_map), interpolation="bilinear")
            axes.set_axis_off()
            if not plain:
                outline_true(axes, panel.boxes_xyxy_px, panel.pixels.shape, panel.box_canvas_px)
                if panel.found is not None:
                    outline_found(axes, panel.found, panel.pixels.shape, panel.box_canvas_px)
        roomy = int(width * 15.5)
        for text, drop, colour, weight, size in (
            (panel.title, 0.19, WRONG if panel.wrong else INK, "bold", 10),
            (panel.note, 0.37, MUTED, "normal", 8.5),
        ):
            figure.text(left / FULL_WIDTH_IN, (tall - top - height - drop) / tall, shortened(text, roomy), color=colour, fontweight=weight,
                        fontsize=size, va="baseline", parse_math=False)  # fmt: skip
    return figure


def shortened(text: str, most: int) -> str:
    """Return text of at most `most` characters, with an ellipsis in the middle of longer text, since ids differ at their ends.

    >>> shortened("1.2.840.113619.2.55.3.604688119", 13)
    '1.2.84…688119'
    """
    # Neither Pillow nor matplotlib can draw what stands for bytes that are not UTF-8, or a control character.
    text = printable(text).replace("\n", " ").replace("\t", " ")
    if len(text) <= most:
        return text
    front = most // 2
    return f"{text[:front]}…{text[len(text) - (most - front - 1) :]}"


def write_overlay(
    path: Path, pixels: np.ndarray, heat_map: np.ndarray | None, name: str, said: str = "", canvas_px: tuple[int, int] | None = None
) -> Path:
    """Write an X-ray, plain and with its heat-map, above a strip with its name and the prediction, as PNG; return the path.

    Args:
        path: of the PNG, written atomically.
        pixels: (height, width), in [0, 1].
        heat_map: (height, width) in [0, 1], or None for the X-ray alone.
        name: the X-ray's id.
        said: the prediction as text, such as "probability 0.83: opacity (threshold 0.31)".
        canvas_px: as in `xray_picture`.
    """
    pictures = [xray_picture(pixels, canvas_px=canvas_px)]
    if heat_map is not None:
        pictures.append(_with_scale(xray_picture(pixels, heat_map, canvas_px)))
    return write_sheet(path, pictures, name, said)


def _with_scale(picture: Image.Image) -> Image.Image:
    """Draw the colours of heat, with their numbers, into the lower left corner of a picture."""
    wide, high, margin, font = 120, 10, 8, written_font("normal", 13)
    top = picture.height - high - margin
    colours = np.rint(255 * np.tile(heat_colours(np.linspace(SEEN_FROM, 1, wide)), (high, 1, 1))).astype(np.uint8)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((margin - 4, top - 22, margin + wide + 4, picture.height - margin + 4), fill=INK)
    picture.paste(Image.fromarray(colours), (margin, top))
    pen.text((margin, top - 19), f"{SEEN_FROM:g}", font=font, fill=PAPER)
    pen.text((margin + wide // 2, top - 19), "heat", font=font, fill=PAPER, anchor="ma")
    pen.text((margin + wide, top - 19), "1", font=font, fill=PAPER, anchor="ra")
    return picture


def xray_picture(pixels: np.ndarray, heat_map: np.ndarray | None = None, canvas_px: tuple[int, int] | None = None) -> Image.Image:
    """Return an X-ray of an overlay file, its longer side 560 pixels; arguments as in `blended`.

    Args:
        canvas_px: height and width of what the pixels show, which were stretched to a square; None where their shape is its own.
    """
    picture = Image.fromarray(blended(pixels, heat_map))
    height, width = canvas_px or pixels.shape
    scale = OVERLAY_XRAY_PX / max(height, width)
    return picture.resize((max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.BICUBIC)


def write_sheet(path: Path, pictures: Sequence[Image.Image], name: str, said: str = "") -> Path:
    """Write pictures of equal size side by side, above a strip with an X-ray's name and the prediction, as PNG; return the path."""
    width, height = pictures[0].size
    gap, margin, line = 6, 18, 24
    total = max(len(pictures) * (width + gap) - gap, 420)
    sheet = Image.new("RGB", (total, height + 2 * margin + 2 * line - 6), PAPER)
    for number, picture in enumerate(pictures):
        sheet.paste(picture, (number * (width + gap), 0))
    pen = ImageDraw.Draw(sheet)
    pen.line([(0, height), (total, height)], fill=GRID)
    for row, (text, weight, colour) in enumerate(((name, "bold", INK), (said, "normal", MUTED))):
        font = written_font(weight, 18)
        most = len(printable(text))
        shown = shortened(text, most)
        while most > 8 and pen.textlength(shown, font=font) > total - 2 * margin:
            most -= 1
            shown = shortened(text, most)
        pen.text((margin, height + margin + row * line - 2), shown, font=font, fill=colour)
    with written_whole(Path(path)) as temporary:
        # The default level 6 takes twice as long for a file an eighth smaller, and there may be thousands of them.
        sheet.save(temporary, format="PNG", compress_level=3)
    return Path(path)
