"""Axial CT slices in the lung window and in the soft-tissue window, with outlined lesions.

A CT has some 4,000 grey values, of which an eye distinguishes about a hundred. A *window* is the range of Hounsfield units that is mapped
from black to white. The lung window shows faint ground-glass opacities; the soft-tissue window only tissue as dense as liver.

Slices follow the radiological convention, as seen from the feet: the front of the patient at the top, the patient's right at the left.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from radlearn.errors import BadSetting
from radlearn.pictures.borders import border_keys, outline_found_mask, outline_true_mask
from radlearn.pictures.overlays import shortened
from radlearn.pictures.style import FULL_WIDTH_IN, INK, MUTED, PAPER, WRONG, blank, empty_figure, in_house_style

LUNG_WINDOW_HU = (-1350.0, 150.0)  # from black to white: width 1500 HU, level -600 HU
SOFT_TISSUE_WINDOW_HU = (-160.0, 240.0)  # width 400 HU, level 40 HU
PANELS_IN_A_ROW = 2


@dataclass(frozen=True)
class SlicePanel:
    """One slice in a grid.

    `hu` is (rows, columns) as displayed, the patient's right at the left; masks are bool of the same shape. `spacing_mm` is the distance
    between rows, then between columns. `bad` highlights the title.
    """

    hu: np.ndarray
    truth: np.ndarray | None
    found: np.ndarray | None
    spacing_mm: tuple[float, float]
    title: str = ""
    note: str = ""
    bad: bool = False

    def __post_init__(self) -> None:
        """Validate the panel when it is made, not when it is drawn."""
        if np.ndim(self.hu) != 2:
            raise BadSetting(f"hu of shape {np.shape(self.hu)}: expected one slice, (rows, columns).")
        for name, mask in (("truth", self.truth), ("found", self.found)):
            if mask is not None and np.shape(mask) != np.shape(self.hu):
                raise BadSetting(f"{name} of shape {np.shape(mask)} for a slice of shape {np.shape(self.hu)}: expected the same shape.")
        if len(self.spacing_mm) != 2 or not all(0 < step < np.inf for step in self.spacing_mm):
            raise BadSetting(f"spacing_mm is {self.spacing_mm}; expected two numbers above 0, between rows and between columns.")


def windowed(hu: np.ndarray, window_hu: tuple[float, float]) -> np.ndarray:
    """Map Hounsfield units of any shape to grey values, float32: 0 up to the lower end of the window, 1 from its upper end on.

    Raises:
        BadSetting: the ends are not in rising order.

    >>> windowed(np.array([-2000, -600, 400]), LUNG_WINDOW_HU).tolist()
    [0.0, 0.5, 1.0]
    """
    low, high = window_hu
    if not low < high:
        raise BadSetting(f"window_hu is {window_hu}; expected its lower end before its upper end, such as {LUNG_WINDOW_HU}.")
    return np.clip((np.asarray(hu, np.float32) - np.float32(low)) / np.float32(high - low), 0, 1)


def axial(volume: np.ndarray, level: int) -> np.ndarray:
    """Return an axial slice of a volume in LPS order as displayed: rows from front to back, columns from the patient's right to left."""
    return volume[:, :, level].T


def coronal(volume: np.ndarray, depth: int) -> np.ndarray:
    """Return a coronal slice of a volume in LPS order as displayed: rows from head to foot, columns from the patient's right to left."""
    return volume[:, depth].T[::-1]


def axial_panel(
    hu: np.ndarray, truth: np.ndarray | None, found: np.ndarray | None, spacing_mm: Sequence[float], title: str = "", bad: bool = False
) -> SlicePanel:
    """Return the axial slice with the largest area of the masks, with its number as note.

    Args:
        hu: (i, j, k) in LPS order, Hounsfield units.
        truth, found: bool of the same shape, or None.
        spacing_mm: along i, j and k.
        title, bad: as in `SlicePanel`.
    """
    masks = [mask for mask in (truth, found) if mask is not None]
    areas = np.sum([mask.sum(axis=(0, 1)) for mask in masks], axis=0) if masks else np.zeros(hu.shape[2])
    level = int(np.argmax(areas)) if np.any(areas) else hu.shape[2] // 2
    shown = [None if mask is None else axial(mask, level) for mask in (truth, found)]
    spacing = (float(spacing_mm[1]), float(spacing_mm[0]))
    return SlicePanel(axial(hu, level), shown[0], shown[1], spacing, title, level_words(level, hu.shape[2]), bad)


def level_words(level: int, levels: int) -> str:
    """Describe a slice by its number, counted from 1 at the feet.

    >>> level_words(22, 58)
    'slice 23 of 58'
    """
    return f"slice {level + 1} of {levels}"


@in_house_style
def slice_grid(panels: Sequence[SlicePanel]) -> Figure:
    """Draw slices, two in a row, each in the lung and the soft-tissue window, with true and found borders; up to 8 fit on a page."""
    if not panels:
        return empty_figure(FULL_WIDTH_IN, 1.2, "no such slice")
    # Positions are in inches, so that slices keep their proportions and stay aligned with their text.
    edge, gap, words, heading = 0.08, 0.2, 0.5, 0.34
    width = (FULL_WIDTH_IN - 2 * edge - gap * (PANELS_IN_A_ROW - 1)) / PANELS_IN_A_ROW
    each = (width - 0.04) / 2
    tallest = max(one.hu.shape[0] * one.spacing_mm[0] / (one.hu.shape[1] * one.spacing_mm[1]) for one in panels)
    height = min(each * tallest, 1.4 * each)
    rows = -(-len(panels) // PANELS_IN_A_ROW)
    tall = heading + 2 * edge + rows * (height + words)
    figure = blank(FULL_WIDTH_IN, tall)
    figure.set_layout_engine("none")
    _say_what_is_drawn(figure, panels, 1 - 0.2 / tall)
    for number, panel in enumerate(panels):
        left = edge + (number % PANELS_IN_A_ROW) * (width + gap)
        top = heading + edge + (number // PANELS_IN_A_ROW) * (height + words)
        for part, window in enumerate((LUNG_WINDOW_HU, SOFT_TISSUE_WINDOW_HU)):
            place = (left + part * (each + 0.04), tall - top - height, each, height)
            axes = figure.add_axes((place[0] / FULL_WIDTH_IN, place[1] / tall, place[2] / FULL_WIDTH_IN, place[3] / tall), anchor="NW")
            _draw_slice(axes, panel, window)
        roomy = int(width * 15.5)
        for text, drop, colour, weight, size in (
            (panel.title, 0.17, WRONG if panel.bad else INK, "bold", 10),
            (panel.note, 0.34, MUTED, "normal", 8.5),
        ):
            figure.text(left / FULL_WIDTH_IN, (tall - top - height - drop) / tall, shortened(text, roomy), color=colour, fontweight=weight,
                        fontsize=size, va="baseline", parse_math=False)  # fmt: skip
    return figure


def _say_what_is_drawn(figure: Figure, panels: Sequence[SlicePanel], y: float) -> None:
    keys = border_keys(any(panel.truth is not None for panel in panels), any(panel.found is not None for panel in panels))
    if keys:
        figure.legend(handles=keys, loc="center left", bbox_to_anchor=(0, y), ncols=2, frameon=False, handlelength=2.6, columnspacing=1.6)
    lung, soft = (f"{low:.0f} to {high:.0f} HU".replace("-", "−") for low, high in (LUNG_WINDOW_HU, SOFT_TISSUE_WINDOW_HU))
    figure.text(1 - 0.08 / FULL_WIDTH_IN, y, f"left: lung window, {lung}   right: soft tissue, {soft}", ha="right", va="center",
                color=MUTED, fontsize=8.5)  # fmt: skip


def _draw_slice(axes: Axes, panel: SlicePanel, window_hu: tuple[float, float]) -> None:
    rows, columns = panel.hu.shape
    down_mm, across_mm = panel.spacing_mm
    axes.imshow(windowed(panel.hu, window_hu), cmap="gray", vmin=0, vmax=1, interpolation="bilinear", aspect=down_mm / across_mm)
    axes.set_axis_off()
    if panel.truth is not None:
        outline_true_mask(axes, panel.truth)
    if panel.found is not None:
        outline_found_mask(axes, panel.found)
    rim = [withStroke(linewidth=1.8, foreground="#000000", alpha=0.7)]
    for letter, x, side in (("R", 0.02, "left"), ("L", 0.98, "right")):
        axes.text(x, 0.98, letter, transform=axes.transAxes, ha=side, va="top", color=PAPER, fontsize=8, path_effects=rim, zorder=7)
    cm = 5 if 0.6 * columns * across_mm >= 50 else 1
    bar_px = 10 * cm / across_mm
    right, y = 0.97 * columns - 0.5, 0.965 * rows - 0.5
    axes.plot([right - bar_px, right], [y, y], color=PAPER, linewidth=1.8, path_effects=rim, zorder=7, solid_capstyle="butt",
              scalex=False, scaley=False, gid="scale bar")  # fmt: skip
    axes.annotate(f"{cm} cm", (right - bar_px / 2, y), xytext=(0, 2.5), textcoords="offset points", ha="center", va="bottom", color=PAPER,
                  fontsize=7, path_effects=rim, zorder=7)  # fmt: skip
