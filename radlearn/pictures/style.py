"""One hand for all pictures: the same few colours with the same meaning, quiet axes, text that says units.

The colours are told apart with every common kind of colour blindness (after Okabe & Ito 2008, jfly.uni-koeln.de/color), and no
picture says anything by colour alone. Figures are made without pyplot, so a picture never depends on one drawn before.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from io import BytesIO
from pathlib import Path
from typing import Any, ParamSpec

import matplotlib
import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Annotation, Text
from matplotlib.ticker import FixedLocator
from matplotlib.transforms import Bbox
from PIL import Image

from radlearn.file_names import printable
from radlearn.files import written_whole

INK, MUTED, FAINT, GRID, PAPER = "#1c2128", "#5d6773", "#aab2bb", "#e8eaed", "#ffffff"
MODEL, RIVAL, POSITIVE, NEGATIVE, WRONG = "#0a5fa8", "#7d8792", "#d05a00", "#3f83bd", "#b3261e"

HALF_WIDTH_IN, HALF_HEIGHT_IN = 4.5, 4.3
FULL_WIDTH_IN = 9.2
DOTS_PER_INCH = 220

Arguments = ParamSpec("Arguments")

_NAMES = {
    "auroc_score": "AUROC",
    "within_view_auroc_score": "within-view AUROC",
    "average_precision_score": "average precision",
    "brier_error": "Brier error",
    "calibration_error": "calibration error",
    "dice_score": "Dice",
    "surface_dice_score": "surface Dice",
    "dice_score_with_empty": "Dice, empty counts 1",
    "hausdorff95_mm": "Hausdorff 95 % (mm)",
    "hausdorff95_px": "Hausdorff 95 % (px)",
    "image_sensitivity": "sensitivity by image",
    "image_specificity": "specificity by image",
    "volume_error_percent": "volume error (%)",
    "median_volume_error_percent": "median volume error (%)",
    "volume_error_ml": "volume error (ml)",
    # Half of the X-rays without an opacity show another disease, whatever the score is called in files.
    "false_boxes_per_healthy_image": "false boxes per X-ray without an opacity",
    "false_boxes_per_image": "false boxes per X-ray",
}


def spoken(name: str, labels: Mapping[str, str] | None = None) -> str:
    """Return a score's name for people; `labels` names scores that only one challenge has.

    >>> spoken("auroc_score"), spoken("macro_auroc_score"), spoken("false_boxes_per_healthy_image")
    ('AUROC', 'macro AUROC', 'false boxes per X-ray without an opacity')
    """
    if name.startswith("macro_") and name not in (labels or {}):
        return f"macro {spoken(name.removeprefix('macro_'))}"
    return (labels or {}).get(name) or _NAMES.get(name, name.replace("_", " "))


def font_family() -> str:
    """Return the first of a few good sans-serifs that this machine has; matplotlib brings the last one itself."""
    there = {font.name for font in font_manager.fontManager.ttflist}
    return next((name for name in ("Inter", "Helvetica Neue", "Arial", "Liberation Sans") if name in there), "DejaVu Sans")


def _settings() -> dict[Any, Any]:
    return {
        "font.family": font_family(), "font.size": 9.5, "text.color": INK, "text.parse_math": False,
        "figure.facecolor": PAPER, "figure.dpi": 100,
        "axes.edgecolor": FAINT, "axes.facecolor": PAPER, "axes.grid": True, "axes.axisbelow": True, "axes.linewidth": 0.8,
        "axes.labelcolor": MUTED, "axes.labelsize": 9.5, "axes.labelpad": 6, "axes.unicode_minus": True,
        "axes.titlelocation": "left", "axes.titlesize": 10.5, "axes.titleweight": "bold", "axes.titlepad": 10,
        "axes.spines.top": False, "axes.spines.right": False, "grid.color": GRID, "grid.linewidth": 0.8,
        "lines.linewidth": 2.0, "lines.solid_capstyle": "round",
        "xtick.color": FAINT, "xtick.labelcolor": MUTED, "xtick.labelsize": 9, "xtick.major.size": 3,
        "ytick.color": FAINT, "ytick.labelcolor": MUTED, "ytick.labelsize": 9, "ytick.major.size": 0, "ytick.major.pad": 6,
    }  # fmt: skip


def in_house_style(draw: Callable[Arguments, Figure]) -> Callable[Arguments, Figure]:
    """Make a function that returns a figure draw it in this style, whatever the user's own matplotlib settings are."""

    @wraps(draw)
    def styled(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Figure:
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            with matplotlib.rc_context(_settings()):
                figure = draw(*args, **kwargs)
                _make_drawable(figure)
                # Ticks are made when they are first drawn, with the settings of that moment.
                figure.draw_without_rendering()
                return figure

    return styled


def _make_drawable(figure: Figure) -> None:
    """Write out what no font draws: bytes of file names that are not UTF-8, at which matplotlib raises an error, and control characters."""
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        # The text of a tick is set again from the list of names whenever it is drawn.
        if isinstance(axis.get_major_locator(), FixedLocator):
            names = [tick.get_text() for tick in axis.get_majorticklabels()]
            if (drawable_names := [printable(name) for name in names]) != names:
                axis.set_ticklabels(drawable_names)
    for written in figure.findobj(Text):
        assert isinstance(written, Text)
        if (drawable := printable(text := written.get_text())) != text:
            written.set_text(drawable)


def blank(width_in: float, height_in: float) -> Figure:
    """Return an empty figure whose parts make room for each other."""
    return Figure(figsize=(width_in, height_in), layout=ConstrainedLayoutEngine(w_pad=0.09, h_pad=0.09))


def single(width_in: float, height_in: float) -> tuple[Figure, Axes]:
    """Return an empty figure and its only axes."""
    figure = blank(width_in, height_in)
    return figure, figure.subplots()


def percent(share: float) -> str:
    """Return a share as text, with the space that does not break.

    >>> percent(0.954).replace("\xa0", " ")
    '95 %'
    """
    return f"{100 * share:.0f}\u00a0%"


def unit_square(axes: Axes, x: str, y: str) -> None:
    """Make axes a square from 0 to 1 both ways, labelled, with a little air so that a curve along the edge is seen whole."""
    axes.set(xlabel=x, ylabel=y, xlim=(-0.012, 1.012), ylim=(-0.012, 1.012), aspect="equal")
    ticks = [0, 0.2, 0.4, 0.6, 0.8, 1]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])


def threshold_words(threshold: float, calibrated: float | None = None) -> str:
    """Return a threshold as text: of the network's probability and, where it is known, of the calibrated one.

    >>> threshold_words(0.314, 0.18), threshold_words(0.314)
    ('0.31 (calibrated 0.18)', '0.31')
    """
    return f"{threshold:.2f}" if calibrated is None else f"{threshold:.2f} (calibrated {calibrated:.2f})"


def colour_key(axes: Axes, entries: Sequence[tuple[str, str]], x: float, y: float, right: bool = False) -> None:
    """Write each (text, colour) in its own colour, one under another upward from (x, y) in axes units: a legend without boxes."""
    for number, (text, colour) in enumerate(reversed(list(entries))):
        axes.annotate(text, (x, y), xytext=(0, 14 * number), xycoords="axes fraction", textcoords="offset points",
                      ha="right" if right else "left", va="bottom", color=colour, zorder=6,
                      fontweight="bold" if number == len(entries) - 1 else "normal",
                      bbox={"facecolor": PAPER, "edgecolor": "none", "alpha": 0.9, "pad": 1})  # fmt: skip


def no_data(axes: Axes, why: str) -> Figure:
    """Write in the middle of empty axes why there is nothing to draw, and return their figure."""
    axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center", va="center", color=MUTED, style="italic")
    return axes.figure  # type: ignore[return-value]


def empty_figure(width_in: float, height_in: float, why: str) -> Figure:
    """Return a figure that only says why there is nothing to draw."""
    axes = single(width_in, height_in)[1]
    axes.set_axis_off()
    return no_data(axes, why)


def mark_point(axes: Axes, x: float, y: float, text: str) -> None:
    """Draw the operating point of a unit square and say what it is, on a thin leader, where the text covers no other and stays inside.

    What is to stay readable has to be written before.
    """
    axes.plot(x, y, "o", markersize=9, color=MODEL, markeredgecolor=PAPER, markeredgewidth=1.8, zorder=7)
    figure = axes.figure
    assert isinstance(figure, Figure)
    # Places are known once the parts have made room for each other.
    figure.draw_without_rendering()
    inside = axes.get_window_extent()
    written = [other.get_window_extent() for other in axes.texts]
    said = axes.annotate(
        text, (x, y), xytext=(0, 0), textcoords="offset points", va="center", color=INK, fontsize=9, linespacing=1.35, zorder=6,
        bbox={"facecolor": PAPER, "edgecolor": GRID, "boxstyle": "round,pad=0.4", "alpha": 0.94},
        arrowprops={"arrowstyle": "-", "color": MUTED, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 5},
    )  # fmt: skip
    said.set_in_layout(False)

    def place(across: float, down: float, side: str) -> None:
        said.set(ha=side, position=(across, down))

    def hidden(box: Bbox) -> float:
        return sum(_area(Bbox.intersection(box, other)) for other in written)

    def covered(spot: tuple[float, float, str]) -> float:
        place(*spot)
        own = words_extent(said).padded(5)
        return hidden(own) + own.width * own.height - _area(Bbox.intersection(own, inside))

    def is_clear(spot: tuple[float, float, str]) -> bool:
        # The line, too, should cross no words.
        return covered(spot) < 0.5 and hidden(said.get_window_extent()) < 0.5

    # Towards the middle first; min takes the first of equals.
    across, down = (-22 if x > 0.5 else 22), (-42 if y > 0.25 else 42)
    sideways = [(across, "right" if x > 0.5 else "left"), (-across, "left" if x > 0.5 else "right")]
    sideways += [(shift, "center") for shift in (0, across, -across, 3 * across, -3 * across)]
    steps = (1, -1, 0.6, -0.6, 1.6, -1.6, 2.3, -2.3, 3.1, -3.1, 4, -4, 5, -5)
    spots = [(shift, down * step, side) for step in steps for shift, side in sideways]
    place(*next(filter(is_clear, spots), None) or min(spots, key=covered))


def words_extent(said: Annotation) -> Bbox:
    """Return where the words of an annotation stand, in pixels of its figure; the line that leads to them is left out."""
    # Its own extent brings the places up to date, and holds the line as well.
    said.get_window_extent()
    return Text.get_window_extent(said)


def _area(box: Bbox | None) -> float:
    return 0.0 if box is None else float(box.width * box.height)


def say_at_line(axes: Axes, x: float, extent: Sequence[float], text: str, at: float = 0.95) -> None:
    """Write beside a vertical line at x, on the side where there is more room; `extent` is the axis from end to end, `at` in axes units."""
    right = x <= (extent[0] + extent[-1]) / 2
    axes.annotate(text, (x, at), xytext=(6 if right else -6, 0), xycoords=("data", "axes fraction"), textcoords="offset points",
                  ha="left" if right else "right", va="top", color=MUTED, fontsize=9, linespacing=1.35,
                  bbox={"facecolor": PAPER, "edgecolor": "none", "alpha": 0.9, "pad": 1})  # fmt: skip


def png_bytes(figure: Figure) -> bytes:
    """Return a figure as PNG; the same figure always gives the same bytes on one machine."""
    written, canvas, shown_at = BytesIO(), FigureCanvasAgg(figure), figure.dpi
    _make_drawable(figure)
    figure.set_dpi(DOTS_PER_INCH)
    canvas.draw()
    figure.set_dpi(shown_at)
    # Without the transparency that no figure has, and less tightly than `savefig` does: three times as fast, 3 % larger.
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    picture.save(written, "png", compress_level=3, dpi=(DOTS_PER_INCH, DOTS_PER_INCH))
    return written.getvalue()


def save_png(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG, whole or not at all, and return the path."""
    with written_whole(Path(path)) as temporary:
        temporary.write_bytes(png_bytes(figure))
    return Path(path)
