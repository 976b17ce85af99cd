"""Pictures of several labels: which of them are there together, their ROC curves side by side, their calibration."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from radlearn.errors import BadSetting
from radlearn.metrics import ranking
from radlearn.metrics.calibration import reliability_bins
from radlearn.pictures import style
from radlearn.pictures.overlays import shortened
from radlearn.pictures.style import FAINT, FULL_WIDTH_IN, GRID, INK, MODEL, MUTED, PAPER, RIVAL

COLUMNS = 4
LONGEST_NAME = 20


@style.in_house_style
def co_occurrence_figure(names: Sequence[str], counts: ArrayLike) -> Figure:
    """Draw on how many images two labels are there together; on the diagonal, on how many one is.

    A cell's colour is the share of the images with the label of its row that also have the label of its column.

    Args:
        names: (labels,).
        counts: (labels, labels), as `co_occurrence` of the evaluation returns them.
    """
    table = np.asarray(counts)
    if table.shape != (len(names), len(names)):
        raise BadSetting(f"counts of shape {table.shape} for {len(names)} names; expected one row and one column for each.")
    if not len(names):
        return style.empty_figure(FULL_WIDTH_IN, 1.2, "no label")
    shown = [shortened(name, LONGEST_NAME) for name in names]
    side = 0.42 if len(names) > 6 else 0.6
    figure, axes = style.single(min(FULL_WIDTH_IN, 2.4 + side * len(names) * 1.25), 1.7 + side * len(names))
    shares = table / np.maximum(np.diag(table), 1)[:, None]
    axes.imshow(_paper_to_model(shares), aspect="auto", interpolation="nearest")
    for row in range(len(names)):
        for column in range(len(names)):
            if table[row, column]:
                dark = shares[row, column] > 0.55
                axes.text(column, row, f"{table[row, column]:,}", ha="center", va="center", fontsize=9, color=PAPER if dark else INK,
                          fontweight="bold" if row == column else "normal")  # fmt: skip
    axes.set_yticks(range(len(names)), shown)
    axes.set_xticks(range(len(names)), shown, rotation=45, ha="right", rotation_mode="anchor")
    axes.tick_params(length=0, labelcolor=INK)
    axes.grid(visible=False)
    axes.set_xticks(np.arange(1, len(names)) - 0.5, minor=True)
    axes.set_yticks(np.arange(1, len(names)) - 0.5, minor=True)
    axes.grid(which="minor", color=GRID, linewidth=0.8)
    axes.tick_params(which="minor", length=0)
    for spine in axes.spines.values():
        spine.set_color(FAINT)
    axes.set(xlabel="… also show this", ylabel="images that show this …")
    return figure


def _paper_to_model(shares: np.ndarray) -> np.ndarray:
    """Return colours (…, 3) from white at 0 to the model's colour at 1."""
    low, high = (np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255 for colour in (PAPER, MODEL))
    return low + np.clip(shares, 0, 1)[..., None] * (high - low)


@style.in_house_style
def roc_multiples(
    predicted: Mapping[str, ArrayLike], labels: Mapping[str, ArrayLike], titles: Mapping[str, str], rivals: Mapping[str, ArrayLike]
) -> Figure:
    """Draw a small ROC curve for each label beside that of a baseline.

    Args:
        predicted: label → (cases,) probabilities.
        labels: label → (cases,) of 1 and 0, NaN where it is not known.
        titles: label → what to write below its name, such as its AUROC.
        rivals: label → (cases,) what the baseline predicts; labels without a baseline are left out.
    """
    if not predicted:
        return style.empty_figure(FULL_WIDTH_IN, 1.2, "no label has images with it and without it")
    figure, places = _multiples(len(predicted))
    for axes, (name, p) in zip(places, predicted.items(), strict=False):
        known = ~np.isnan(np.asarray(labels[name], float))
        y = np.asarray(labels[name], float)[known] == 1
        _square(axes, name, titles[name], "false positive rate", "sensitivity")
        rival = [(rivals[name], RIVAL, 1.2)] if name in rivals else []
        for values, colour, width in (*rival, (p, MODEL, 1.8)):
            curve = ranking.roc_curve(np.asarray(values, float)[known], y)
            axes.plot(curve.false_positive_rate, curve.sensitivity, color=colour, linewidth=width)
    return figure


@style.in_house_style
def reliability_multiples(
    calibrated: Mapping[str, ArrayLike], labels: Mapping[str, ArrayLike], titles: Mapping[str, str], bins: int = 5
) -> Figure:
    """Draw for each label the share of images with it over the probability, in few bins: a rare label has few images.

    Args:
        calibrated: label → (cases,) probabilities.
        labels: label → (cases,) of 1 and 0, NaN where it is not known.
        titles: label → what to write below its name.
    """
    if not calibrated:
        return style.empty_figure(FULL_WIDTH_IN, 1.2, "no label has a calibration")
    figure, places = _multiples(len(calibrated))
    for axes, (name, p) in zip(places, calibrated.items(), strict=False):
        known = ~np.isnan(np.asarray(labels[name], float))
        found = reliability_bins(np.asarray(p, float)[known], np.asarray(labels[name], float)[known] == 1, bins)
        _square(axes, name, titles[name], "probability", "share with it")
        there = found.cases > 0
        axes.plot(found.mean_probability[there], found.positive_share[there], color=MODEL, linewidth=1.2)
        axes.scatter(
            found.mean_probability[there], found.positive_share[there], s=8 + 4 * np.sqrt(found.cases[there]), color=MODEL, zorder=3
        )
    return figure


def _multiples(count: int) -> tuple[Figure, list[Axes]]:
    """Return a figure with places for so many small squares, in rows of four."""
    rows = -(-count // COLUMNS)
    figure = style.blank(FULL_WIDTH_IN, 0.3 + 2.75 * rows)
    places = list(figure.subplots(rows, COLUMNS, squeeze=False).flat)
    for axes in places[count:]:
        axes.set_axis_off()
    return figure, places


def _square(axes: Axes, name: str, title: str, x: str, y: str) -> None:
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.set_xlabel(x, fontsize=8)
    axes.set_ylabel(y, fontsize=8)
    axes.tick_params(labelsize=8)
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8, linestyle=(0, (3, 3)), zorder=1)
    axes.set_title(shortened(name, LONGEST_NAME), fontsize=9.5, pad=20)
    axes.annotate(title, (0, 1), xytext=(0, 6), xycoords="axes fraction", textcoords="offset points", color=MUTED, fontsize=8)
