"""The picture of a comparison: a forest plot, a row for each score, with the difference, its interval by person, and single seeds."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import blended_transform_factory

from radlearn.metrics.score_differences import ScoreDifference
from radlearn.pictures import style
from radlearn.pictures.style import FULL_WIDTH_IN, INK, MODEL, MUTED, PAPER, RIVAL, WRONG, spoken

SHOWN_OF_A_PATH = 88
ROW_IN, AXIS_IN, HEADING_IN, KEY_IN = 0.34, 0.46, 0.44, 0.22
# Positions as shares of the width: the name of the score, both values, the plot, the difference.
NAME_AT, FIRST_AT, SECOND_AT, PLOT_FROM, PLOT_TO, NUMBER_AT = 0.01, 0.325, 0.405, 0.435, 0.745, 0.765


class ComparedName(NamedTuple):
    """The letter of a run, its folder, and how many seeds it has."""

    letter: str
    folder: str
    seeds: int


@style.in_house_style
def difference_figure(
    names: Sequence[ComparedName],
    differences: Sequence[Sequence[ScoreDifference]],
    labels: Mapping[str, str] | None = None,
    synthetic: bool = False,
) -> Figure:
    """Draw by how much every run after the first differs from it.

    Right of the line is better for every score: where lower is better, the axis runs from right to left. Scores of one unit share an axis.

    Args:
        names: of the runs, the first one first.
        differences: for each further run, a row for each score, from top to bottom.
        labels: display names of scores that only one challenge has.
        synthetic: whether the patients are synthetic, which is said.
    """
    blocks = [list(_panels(rows)) for rows in differences]
    reaches = _reaches(differences)
    footer = _explained(any(name.seeds > 1 for name in names), synthetic)
    height_in = KEY_IN * (len(names) + len(footer)) + 0.3
    height_in += sum(HEADING_IN + sum(ROW_IN * len(panel) + AXIS_IN for panel in panels) for panels in blocks)
    figure = style.blank(FULL_WIDTH_IN, height_in)
    # A table and plots with shared rows: positions are fixed, so no layout engine.
    figure.set_layout_engine("none")
    top_in = height_in - 0.2
    for name in names:
        seeds = f"  ({name.seeds} seeds)" if name.seeds > 1 else ""
        _write(figure, NAME_AT, top_in / height_in, f"{name.letter}  {_shortened(name.folder)}{seeds}", INK)
        top_in -= KEY_IN
    for name, panels in zip(names[1:], blocks, strict=True):
        heading = top_in - 0.24
        middle = (PLOT_FROM + PLOT_TO) / 2
        for x, side, words in (
            (NAME_AT, "left", f"{name.letter} against {names[0].letter}"),
            (FIRST_AT, "right", names[0].letter),
            (SECOND_AT, "right", name.letter),
            (middle - 0.012, "right", f"← {names[0].letter} is better"),
            (middle + 0.012, "left", f"{name.letter} is better →"),
            (NUMBER_AT, "left", f"{name.letter} − {names[0].letter} (95 % interval)"),
        ):
            _write(figure, x, heading / height_in, words, INK if x == NAME_AT else MUTED, side, bold=x == NAME_AT)
        top_in -= HEADING_IN
        for panel in panels:
            bottom_in = top_in - ROW_IN * len(panel)
            axes = figure.add_axes((PLOT_FROM, bottom_in / height_in, PLOT_TO - PLOT_FROM, (top_in - bottom_in) / height_in))
            _draw_panel(axes, panel, reaches[_kind(panel[0])], labels)
            top_in = bottom_in - AXIS_IN
    for line, words in enumerate(reversed(footer)):
        _write(figure, NAME_AT, (0.14 + KEY_IN * line) / height_in, words, MUTED, size=8.5)
    return figure


def _panels(rows: Sequence[ScoreDifference]) -> Iterator[list[ScoreDifference]]:
    """Yield the scores that share an axis: those of one unit and one direction, in the order in which they come first."""

    order = {one: place for place, one in enumerate(dict.fromkeys(map(_kind, rows)))}
    for _, panel in groupby(sorted(rows, key=lambda row: order[_kind(row)]), _kind):
        yield list(panel)


def _kind(row: ScoreDifference) -> tuple[str, bool]:
    return row.score.unit, row.score.higher_is_better


def _reaches(differences: Sequence[Sequence[ScoreDifference]]) -> dict[tuple[str, bool], float]:
    """Return how far each kind of axis reaches to both sides: as far for every run, so that lengths can be compared."""
    reaches: dict[tuple[str, bool], float] = {}
    for row in (row for rows in differences for row in rows):
        known = [abs(number) for number in _drawn_numbers(row) if np.isfinite(number)]
        reaches[_kind(row)] = max([reaches.get(_kind(row), 1e-9), *(1.12 * number for number in known)])
    return reaches


def _draw_panel(axes: Axes, panel: Sequence[ScoreDifference], reach: float, labels: Mapping[str, str] | None) -> None:
    unit, upward = _kind(panel[0])
    axes.set(xlim=(-reach, reach) if upward else (reach, -reach), ylim=(len(panel) - 0.5, -0.5))
    axes.axvline(0, color=INK, linewidth=1, zorder=1)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, symmetric=True))
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    axes.set_yticks(range(len(panel)), [])
    note = "" if upward else "lower is better"
    axes.set_xlabel(", ".join(filter(None, (unit, note))), fontsize=8.5, labelpad=1)
    table = blended_transform_factory(axes.figure.transFigure, axes.transData)
    for row, one in enumerate(panel):
        _draw_row(axes, row, one)
        first, second = one.means
        cells = (
            (NAME_AT, "left", spoken(one.name, labels)),
            (FIRST_AT, "right", _number(first)),
            (SECOND_AT, "right", _number(second)),
            (NUMBER_AT, "left", one.in_numbers),
        )
        for x, side, words in cells:
            shown = MUTED if x == NUMBER_AT and one.better is None else INK
            axes.text(x, row, words, transform=table, ha=side, va="center_baseline", color=shown, parse_math=False)


def _draw_row(axes: Axes, row: int, one: ScoreDifference) -> None:
    interval, first = one.difference, one.means[0]
    if not np.isfinite(interval.value):
        return
    for values, place, filled in ((one.first, row - 0.27, False), (one.second, row + 0.27, True)):
        if len(values) > 1:
            filling = RIVAL if filled else PAPER
            places = [place] * len(values)
            axes.plot([value - first for value in values], places, "o", color=filling, markeredgecolor=RIVAL, markersize=3.6, zorder=3)
    colour = {"second": MODEL, "first": WRONG, None: MUTED}[one.better]
    if interval.is_known:
        axes.hlines(row, interval.low, interval.high, color=colour, linewidth=2, zorder=4)
    shape: dict[str, Any] = {"marker": "D", "markersize": 6} if one.better == "first" else {"marker": "o", "markersize": 7}
    filling = PAPER if one.better is None else colour
    axes.plot(interval.value, row, color=filling, markeredgecolor=colour, markeredgewidth=1.5, clip_on=False, zorder=5, **shape)


def _drawn_numbers(one: ScoreDifference) -> list[float]:
    seeds = [value - one.means[0] for values in (one.first, one.second) if len(values) > 1 for value in values]
    return [one.difference.value, one.difference.low, one.difference.high, *seeds]


def _number(value: float) -> str:
    return "–" if not np.isfinite(value) else f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def _explained(several_seeds: bool, synthetic: bool) -> list[str]:
    lines = ["Line: 95 % interval, the same persons drawn for both. Hollow: the interval holds 0, or there is none."]
    if several_seeds:
        lines.append("Small dots: single seeds, minus the mean of the first run; hollow ones above the line are those of the first.")
    else:
        lines.append("One seed each: the luck of the seed is not in the interval.")
    return lines + ["Synthetic patients: not comparable with a leaderboard."] * synthetic


def _shortened(folder: str) -> str:
    """Return the end of a long path, which tells runs apart."""
    return folder if len(folder) <= SHOWN_OF_A_PATH else f"…{folder[-SHOWN_OF_A_PATH + 1 :]}"


def _write(figure: Figure, x: float, y: float, words: str, colour: str, side: str = "left", bold: bool = False, size: float = 9) -> None:
    figure.text(x, y, words, ha=side, va="center", color=colour, fontsize=size, fontweight="bold" if bold else "normal", parse_math=False)
