"""Figures of a segmenter's scores: agreement of volumes, Dice over lesion burden, and subgroups.

Dice is strict with small lesions: a border error of one voxel is negligible for a large lesion and half of a small one. So it is drawn over
the volume of the lesions. The severity of a disease is measured by that volume itself, in millilitres.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator
from numpy.typing import ArrayLike

from radlearn.amounts import counted
from radlearn.errors import BadSetting
from radlearn.metrics.intervals import Interval
from radlearn.metrics.mask_table import mean_over_scans
from radlearn.pictures.group_table import group_table, score_columns
from radlearn.pictures.style import FAINT, FULL_WIDTH_IN, INK, MODEL, MUTED, PAPER, POSITIVE, WRONG, blank, in_house_style, no_data

LINEAR_BELOW_ML = 1.0  # an axis of volumes is linear below this, so that it includes 0


@dataclass(frozen=True)
class MaskGroup:
    """The scores of a segmenter in one group of people."""

    name: str
    persons: int
    scans: int
    median_truth_ml: float
    # Dice is undefined where both masks are empty; the other two include every scan.
    dice_score: Interval
    volume_error_ml: Interval
    false_lesions_per_scan: Interval


def limits_of_agreement_ml(truth_ml: ArrayLike, predicted_ml: ArrayLike) -> tuple[float, float, float]:
    """Return the mean difference, predicted minus true, and the 95 % limits of agreement in ml: the mean ± 1.96 standard deviations.

    Limits are NaN for one scan, all three for none.

    Args:
        truth_ml, predicted_ml: (scans,).

    Raises:
        BadSetting: lengths differ, or a volume is not a finite number of 0 or more.

    Source: Bland & Altman 1986, Lancet 327(8476):307, doi:10.1016/S0140-6736(86)90837-8.

    >>> [round(limit, 2) for limit in limits_of_agreement_ml([10, 20, 30], [11, 20, 32])]
    [1.0, -0.96, 2.96]
    """
    truth, predicted = _volumes(truth_ml, predicted_ml)
    differences = predicted - truth
    if not len(differences):
        return float("nan"), float("nan"), float("nan")
    mean = float(differences.mean())
    spread = 1.96 * float(differences.std(ddof=1)) if len(differences) > 1 else float("nan")
    return mean, mean - spread, mean + spread


@in_house_style
def volume_agreement_figure(truth_ml: ArrayLike, predicted_ml: ArrayLike) -> Figure:
    """Draw predicted over true lesion volumes, and their differences over their means with the limits of agreement (Bland–Altman).

    Args:
        truth_ml, predicted_ml: (scans,), 0 or more.

    Raises:
        BadSetting: lengths differ, or a volume is not a finite number of 0 or more.
    """
    truth, predicted = _volumes(truth_ml, predicted_ml)
    figure = blank(FULL_WIDTH_IN, 4.1)
    left, right = figure.subplots(1, 2)
    last = max([10.0, *truth, *predicted])
    left.set(title="Volume found and true", xlabel="true lesion volume (ml)", ylabel="found lesion volume (ml)")
    right.set(title="Difference", xlabel="mean of found and true volume (ml)", ylabel="found minus true volume (ml)")
    _volume_axis(left, "x", last)
    _volume_axis(left, "y", last)
    _volume_axis(right, "x", last)
    left.set_aspect("equal")
    if not len(truth):
        no_data(left, "no scan to say it of")
        return no_data(right, "no scan to say it of")
    ends = [0, left.get_xlim()[1]]
    left.plot(ends, ends, color=FAINT, linewidth=1, linestyle=(0, (3, 3)), zorder=1)
    said = f"{counted(len(truth), 'scans')}\nbroken line: equal volumes"
    left.annotate(said, (0.03, 0.97), xycoords="axes fraction", va="top", color=MUTED, fontsize=9, linespacing=1.4)
    _dots(left, truth, predicted)
    _dots(right, (truth + predicted) / 2, predicted - truth)
    mean, low, high = limits_of_agreement_ml(truth, predicted)
    reach = max(float(np.abs(predicted - truth).max()), *(abs(limit) for limit in (low, high) if limit == limit), 1.0)
    right.set_ylim(-1.15 * reach, 1.15 * reach)
    right.axhline(0, color=FAINT, linewidth=1, linestyle=(0, (3, 3)), zorder=1)
    right.axhline(mean, color=MODEL, linewidth=1.4, zorder=2)
    marks = [(mean, f"mean {_signed(mean)}", MODEL)]
    if low == low:
        right.set_title("Difference: mean and 95 % limits")
        right.axhspan(low, high, color=MODEL, alpha=0.07, linewidth=0, zorder=0)
        for limit in (low, high):
            right.axhline(limit, color=MODEL, linewidth=1, linestyle=(0, (6, 3)), zorder=2)
            marks.append((limit, f"limit {_signed(limit)}", INK))
    for y, words, colour in marks:
        _say_beside(right, y, words, colour)
    return figure


@in_house_style
def dice_by_load_figure(dice_scores: ArrayLike, truth_ml: ArrayLike) -> Figure:
    """Draw the Dice of every scan over its lesion burden; scans without a lesion are in a separate panel at the left.

    Args:
        dice_scores: (scans,), NaN where both masks are empty.
        truth_ml: (scans,), 0 or more.

    Raises:
        BadSetting: lengths differ, or a volume is not a finite number of 0 or more.
    """
    dice = np.asarray(dice_scores, dtype=float).ravel()
    truth, _ = _volumes(truth_ml, np.zeros(len(dice)))
    ill = truth > 0
    figure = blank(FULL_WIDTH_IN, 3.9)
    apart, axes = figure.subplots(1, 2, sharey=True, width_ratios=(1, 5))
    apart.set(title="No lesion", ylabel="Dice (higher is better)", xlim=(-0.6, 0.6), ylim=(-0.03, 1.09))
    axes.set(title="Scans with lesions", xlabel="true lesion volume (ml)")
    apart.set_xticks([])
    apart.grid(axis="x", visible=False)
    first, last = (max(0.01, truth[ill].min()), max(truth[ill].max(), 1.0)) if ill.any() else (1.0, 1000.0)
    axes.set_xscale("log")
    axes.set_xlim(first / 1.4, max(last, 10 * first) * 1.4)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda ml, _: f"{ml:,g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    if not len(dice):
        return no_data(axes, "no scan to say it of")
    empty, false = int((~ill & np.isnan(dice)).sum()), int((~ill & ~np.isnan(dice)).sum())
    for count, y, words, colour, marker, side in (
        (empty, 1.0, "rightly empty:\nno Dice", MODEL, "o", -1),
        (false, 0.0, "with false\nlesions: Dice 0", WRONG, "X", 1),
    ):
        if count:
            apart.plot(0, y, marker, markersize=8, color=colour if y == 0 else PAPER, markeredgecolor=colour if y else PAPER, zorder=4,
                       clip_on=False)  # fmt: skip
            apart.annotate(f"{count:,} {words}", (0, y), xytext=(0, 11 * side), textcoords="offset points", ha="center",
                           va="bottom" if side > 0 else "top", color=colour, fontsize=9, linespacing=1.3)  # fmt: skip
    if not empty + false:
        no_data(apart, "none")
    if ill.any():
        _dots(axes, truth[ill], dice[ill])
    else:
        no_data(axes, "none")
    if (mean := float(mean_over_scans(dice))) == mean:
        for part in (apart, axes):
            part.axhline(mean, color=POSITIVE, linewidth=1.4, zorder=2)
        over = int(np.isfinite(dice).sum())
        _say_beside(axes, mean, f"mean {mean:.2f}\nover {counted(over, 'scans')}", POSITIVE)
    return figure


def mask_group_figure(groups: Sequence[MaskGroup], whole: MaskGroup) -> Figure:
    """Draw mean Dice, mean volume error and false lesions per scan of every group, with intervals; `whole` (all scans) as a line behind."""
    cells = [(group.name, f"{group.persons:,}", f"{group.scans:,}", _worded_ml(group.median_truth_ml)) for group in groups]
    scores = (
        ("dice_score", "Dice", MODEL),
        ("volume_error_ml", "volume error (ml)", POSITIVE),
        ("false_lesions_per_scan", "false lesions/scan", POSITIVE),
    )
    return group_table(("", "people", "scans", "median ml"), cells, score_columns(groups, whole, scores))


def _volumes(truth_ml: ArrayLike, predicted_ml: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    truth, predicted = (np.asarray(volumes, dtype=float).ravel() for volumes in (truth_ml, predicted_ml))
    if len(truth) != len(predicted):
        raise BadSetting(f"{len(truth)} true and {len(predicted)} other values: expected one of each per scan.")
    for volumes in (truth, predicted):
        if len(wrong := volumes[~(np.isfinite(volumes) & (volumes >= 0))]):
            raise BadSetting(f"a volume is {wrong[0]:g} ml; expected a finite number of 0 or more.")
    return truth, predicted


def _volume_axis(axes: Axes, which: str, last: float) -> None:
    scale = axes.set_xscale if which == "x" else axes.set_yscale
    scale("symlog", linthresh=LINEAR_BELOW_ML, linscale=0.5)
    (axes.set_xlim if which == "x" else axes.set_ylim)(-0.12, 1.5 * last)
    axis = axes.xaxis if which == "x" else axes.yaxis
    ticks = [tick for tick in (0, 1, 10, 100, 1000, 10_000) if tick <= 1.5 * last]
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(FuncFormatter(lambda ml, _: f"{ml:,g}"))
    axis.set_minor_locator(NullLocator())


def _say_beside(axes: Axes, y: float, words: str, colour: str) -> None:
    """Write right of the axes at a height, where no dot is covered."""
    axes.annotate(words, (1.0, y), xytext=(6, 0), xycoords=("axes fraction", "data"), textcoords="offset points", va="center", color=colour,
                  fontsize=9, linespacing=1.3)  # fmt: skip


def _dots(axes: Axes, x: np.ndarray, y: np.ndarray) -> None:
    dense = min(0.75, 40 / max(len(x), 1) + 0.2)
    axes.plot(x, y, "o", markersize=6, color=MODEL, alpha=dense, markeredgewidth=0, zorder=3, clip_on=False)


def _signed(ml: float) -> str:
    shown = f"{ml:+,.0f}" if abs(ml) >= 99.95 else f"{ml:+.3g}"
    return f"{'0' if float(shown.replace(',', '')) == 0 else shown.replace('-', '−')} ml"


def _worded_ml(ml: float) -> str:
    return "–" if ml != ml else f"{ml:,.0f}" if ml >= 10 or ml == 0 else f"{ml:.2g}"
