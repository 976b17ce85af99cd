"""Pictures of groups of cases: subsets and classes, the confusion matrix, probabilities by class, scores of subgroups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import blended_transform_factory
from numpy.typing import ArrayLike

from radlearn.metrics.decisions import ConfusionCounts
from radlearn.metrics.intervals import Interval
from radlearn.pictures import style
from radlearn.pictures.style import FAINT, FULL_WIDTH_IN, HALF_WIDTH_IN, INK, MODEL, MUTED, NEGATIVE, PAPER, POSITIVE, WRONG

CLASS_COLOURS = (POSITIVE, "#a9c9e4", NEGATIVE, FAINT)


@dataclass(frozen=True)
class Subgroup:
    """A score in a subgroup."""

    name: str
    persons: int
    cases: int
    positives: int
    score: Interval


@style.in_house_style
def data_figure(images: Mapping[str, Mapping[str, int]], persons: Mapping[str, int]) -> Figure:
    """Draw the number of images of each class in every subset of the split.

    Args:
        images: subset → class → images; every subset names the same classes, the positive one first.
        persons: subset → people.
    """
    figure, axes = style.single(FULL_WIDTH_IN, 0.75 + 0.5 * max(len(images), 1))
    subsets = list(images)
    classes = list(images[subsets[0]]) if subsets else []
    longest = max((sum(counts.values()) for counts in images.values()), default=1) or 1
    for row, subset in enumerate(subsets):
        start = 0
        for number, name in enumerate(classes):
            count = images[subset].get(name, 0)
            colour = CLASS_COLOURS[number % len(CLASS_COLOURS)]
            axes.barh(row, count, left=start, height=0.62, color=colour, edgecolor=PAPER, linewidth=1)
            if count > 0.035 * longest:
                axes.text(start + count / 2, row, f"{count:,}", ha="center", va="center", color=_readable_on(colour), fontsize=9)
            start += count
        axes.annotate(f"{start:,} images of {persons.get(subset, 0):,} persons", (start, row), xytext=(8, 0), textcoords="offset points",
                      va="center", color=MUTED)  # fmt: skip
    axes.set_yticks(range(len(subsets)), subsets)
    axes.tick_params(axis="y", labelcolor=INK, labelsize=10)
    axes.set(ylim=(len(subsets) - 0.45, -0.55), xlim=(0, 1.28 * longest))
    axes.set_xticks([])
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    keys = [Rectangle((0, 0), 1, 1, color=CLASS_COLOURS[number % len(CLASS_COLOURS)]) for number in range(len(classes))]
    figure.legend(keys, classes, loc="outside upper left", ncols=4, frameon=False, handlelength=0.9, handleheight=0.9, columnspacing=1.6)
    return figure


@style.in_house_style
def confusion_figure(
    counts: ConfusionCounts,
    threshold: float,
    positive: str = "lung opacity",
    negative: str = "no opacity",
    calibrated: float | None = None,
) -> Figure:
    """Draw the confusion matrix at the operating point `threshold`: counts, and shares of each row.

    `calibrated` is the same threshold as a calibrated probability.
    """
    figure, axes = style.single(HALF_WIDTH_IN, 4.1)
    rows = ((counts.true_positives, counts.false_negatives), (counts.false_positives, counts.true_negatives))
    names = (("true positive", "false negative"), ("false positive", "true negative"))
    for i, row in enumerate(rows):
        for j, count in enumerate(row):
            share = count / sum(row) if sum(row) else 0.0
            colour = _tint(MODEL if i == j else WRONG, 0.06 + 0.84 * share)
            ink = _readable_on(colour)
            axes.add_patch(Rectangle((j - 0.485, i - 0.485), 0.97, 0.97, facecolor=colour, edgecolor="none"))
            axes.text(j, i - 0.05, f"{count:,}", ha="center", va="center", color=ink, fontsize=21, fontweight="bold")
            text = f"{names[i][j]}, {style.percent(share)}" if sum(row) else names[i][j]
            axes.text(j, i + 0.16, text, ha="center", va="center", color=ink, fontsize=9.5)
    axes.set_xticks([0, 1], [positive, negative])
    axes.set_yticks([0, 1], [f"{positive}\n{sum(rows[0]):,} X-rays", f"{negative}\n{sum(rows[1]):,} X-rays"])
    axes.set(xlim=(-0.5, 1.5), ylim=(1.5, -0.5), ylabel="truth")
    axes.set_xlabel(f"prediction, threshold {style.threshold_words(threshold, calibrated)}")
    axes.tick_params(length=0, labelcolor=INK)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure


@style.in_house_style
def probability_figure(
    probabilities: ArrayLike,
    labels: ArrayLike,
    threshold: float | None = None,
    positive: str = "lung opacity",
    negative: str = "no opacity",
    calibrated: float | None = None,
) -> Figure:
    """Draw a histogram of the predicted probabilities of each class, with the operating point; `calibrated` as in `confusion_figure`."""
    p, y = np.asarray(probabilities, dtype=float), np.asarray(labels, dtype=bool)
    figure = style.blank(HALF_WIDTH_IN, 4.1)
    upper, lower = figure.subplots(2, 1, sharex=True)
    edges = np.linspace(0, 1, 26)
    for axes, chosen, colour, name in ((upper, y, POSITIVE, positive), (lower, ~y, NEGATIVE, negative)):
        counts = np.histogram(p[chosen], edges)[0]
        axes.bar((edges[:-1] + edges[1:]) / 2, counts, 0.036, color=colour)
        axes.set_ylim(0, max(1.18 * counts.max(), 1))
        axes.set(ylabel="X-rays", xlim=(0, 1))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=4, min_n_ticks=1))
        axes.grid(axis="x", visible=False)
        title = f"{name}: {int(chosen.sum()):,} X-rays"
        if threshold is not None:
            axes.axvline(threshold, color=INK, linewidth=1, linestyle=(0, (3, 3)))
            if chosen.any():
                title += f", {style.percent(float((p[chosen] >= threshold).mean()))} at or above {threshold:.2f}"
        axes.set_title(title, color=INK, fontsize=9.5, fontweight="normal", pad=5)
        if not chosen.any():
            style.no_data(axes, "none")
    if threshold is None:
        lower.set_xlabel("predicted probability")
    else:
        lower.set_xlabel(f"predicted probability, threshold {style.threshold_words(threshold, calibrated)}")
    return figure


@style.in_house_style
def subgroup_figure(groups: Sequence[Subgroup], whole: Interval, score_name: str = "AUROC") -> Figure:
    """Draw a score with its interval for every subgroup, beside its numbers of people and X-rays.

    Args:
        groups: from top to bottom. A group without a score or an interval is labelled as such.
        whole: the score over everyone, drawn as a line in the background.
        score_name: heading of the scores.
    """
    height_in = 1.2 + 0.34 * max(len(groups), 1)
    figure = style.blank(FULL_WIDTH_IN, height_in)
    # A table and a plot with shared rows: positions are fixed, so no layout engine.
    figure.set_layout_engine("none")
    axes = figure.add_axes((0.425, 0.62 / height_in, 0.34, 1 - 1.0 / height_in))
    known = [end for score in (whole, *(group.score for group in groups)) for end in (score.value, score.low, score.high) if end == end]
    axes.set(xlim=(max(0.0, np.floor((min([0.5, *known]) - 0.02) * 10) / 10), 1.005), ylim=(max(len(groups), 1) - 0.5, -0.5))
    if whole.is_known:
        axes.axvspan(whole.low, whole.high, color=MODEL, alpha=0.09, linewidth=0, zorder=0)
    if whole.value == whole.value:
        axes.axvline(whole.value, color=MODEL, linewidth=1, zorder=1)
    axes.axvline(0.5, color=FAINT, linewidth=1, linestyle=(0, (3, 3)), zorder=1)
    columns = ((0.01, "left"), (0.265, "right"), (0.325, "right"), (0.395, "right"), (0.78, "left"))
    headings = ("", "people", "X-rays", "positive", f"{score_name} (95 % interval)")
    rows = blended_transform_factory(figure.transFigure, axes.transData)
    for (x, side), heading in zip(columns, headings, strict=True):
        figure.text(x, 1 - 0.2 / height_in, heading, ha=side, va="center", color=MUTED, fontsize=9)
    for row, group in enumerate(groups):
        score = group.score
        if score.value == score.value:
            axes.hlines(row, score.low, score.high, color=MODEL, linewidth=2, zorder=3)
            axes.plot(score.value, row, "o", markersize=7, color=MODEL if score.is_known else PAPER, markeredgecolor=MODEL, zorder=4)
        cells = (group.name, f"{group.persons:,}", f"{group.cases:,}", f"{group.positives:,}", _worded(score))
        for (x, side), cell in zip(columns, cells, strict=True):
            axes.text(x, row, cell, transform=rows, ha=side, va="center_baseline", color=INK if score.is_known or x < 0.5 else MUTED)
    axes.set_yticks(range(len(groups)), [])
    axes.set_xlabel("line and band: everyone" if whole.value == whole.value else "")
    axes.spines["left"].set_visible(False)
    return figure


def _worded(score: Interval) -> str:
    if score.value != score.value:
        return "one class only"
    return f"{score:.2f}" if score.is_known else f"{score.value:.2f}, too few for an interval"


def _tint(colour: str, strength: float) -> tuple[float, float, float]:
    red, green, blue = (1 + (channel - 1) * strength for channel in to_rgb(colour))
    return red, green, blue


def _readable_on(colour: str | tuple[float, float, float]) -> str:
    red, green, blue = to_rgb(colour)
    return PAPER if 0.299 * red + 0.587 * green + 0.114 * blue < 0.56 else INK
