"""A table of subgroups with plots that share its rows: name, size, and each score with its interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import blended_transform_factory

from radlearn.metrics.intervals import Interval
from radlearn.pictures.style import FULL_WIDTH_IN, INK, MUTED, PAPER, blank, in_house_style

# Positions of the cells and plots, as shares of the width.
CELLS_AT = ((0.01, "left"), (0.265, "right"), (0.325, "right"), (0.415, "right"))
PLOTS_FROM, PLOTS_TO, BETWEEN_PLOTS = 0.445, 0.982, 0.021


@dataclass(frozen=True)
class ScoreColumn:
    """One plot beside the table: a score of every group, from top to bottom, and of everyone."""

    title: str
    colour: str
    scores: Sequence[Interval]
    whole: Interval


def score_columns(groups: Sequence[Any], whole: Any, scores: Sequence[tuple[str, str, str]]) -> list[ScoreColumn]:
    """Return the plots of groups that have their scores as fields; `scores` are (field, title, colour)."""
    return [ScoreColumn(title, colour, [getattr(one, name) for one in groups], getattr(whole, name)) for name, title, colour in scores]


@in_house_style
def group_table(headings: Sequence[str], cells: Sequence[Sequence[str]], plots: Sequence[ScoreColumn]) -> Figure:
    """Draw a row for each group: up to four text cells, then a dot with its interval in every plot.

    Args:
        headings: one for each cell of a row.
        cells: a row for each group, from top to bottom.
        plots: from left to right. The score of everyone is a line behind the dots, its interval a band; a score without interval is a
            hollow dot, a missing score a dash.
    """
    rows = len(cells)
    height_in = 1.2 + 0.34 * max(rows, 1)
    figure = blank(FULL_WIDTH_IN, height_in)
    # A table and plots with shared rows: positions are fixed, so no layout engine.
    figure.set_layout_engine("none")
    heading = 1 - 0.2 / height_in
    step = (PLOTS_TO - PLOTS_FROM + BETWEEN_PLOTS) / len(plots)
    for number, plot in enumerate(plots):
        left = PLOTS_FROM + step * number
        axes = figure.add_axes((left, 0.55 / height_in, step - BETWEEN_PLOTS, 1 - 1.0 / height_in))
        figure.text(left, heading, plot.title, va="center", color=plot.colour, fontsize=9.5, fontweight="bold")
        axes.set_ylim(max(rows, 1) - 0.5, -0.5)
        _intervals(axes, plot)
        axes.set_yticks(range(rows), [])
        if number == 0:
            table = blended_transform_factory(figure.transFigure, axes.transData)
    for (x, side), words in zip(CELLS_AT, headings, strict=False):
        figure.text(x, heading, words, ha=side, va="center", color=MUTED, fontsize=9)
    for row, group in enumerate(cells):
        for (x, side), cell in zip(CELLS_AT, group, strict=False):
            figure.text(x, row, cell, transform=table, ha=side, va="center_baseline", color=INK, parse_math=False)
    return figure


def _intervals(axes: Axes, plot: ScoreColumn) -> None:
    whole, colour = plot.whole, plot.colour
    known = [end for score in (whole, *plot.scores) for end in (score.value, score.high) if end == end]
    axes.set_xlim(0, max([0.1, *known]) * 1.06)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=3, min_n_ticks=2))
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", visible=False)
    if whole.is_known:
        axes.axvspan(whole.low, whole.high, color=colour, alpha=0.09, linewidth=0, zorder=0)
    if whole.value == whole.value:
        axes.axvline(whole.value, color=colour, linewidth=1, zorder=1)
    for row, score in enumerate(plot.scores):
        if score.value != score.value:
            axes.annotate("–", (0, row), xytext=(4, 0), textcoords="offset points", va="center_baseline", color=MUTED)
            continue
        if score.is_known:
            axes.hlines(row, score.low, score.high, color=colour, linewidth=2, zorder=3)
        axes.plot(score.value, row, "o", markersize=6.5, color=colour if score.is_known else PAPER, markeredgecolor=colour, zorder=4,
                  clip_on=False)  # fmt: skip
