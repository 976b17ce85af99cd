"""Curves: training history, ROC, precision–recall, calibration, net benefit.

The functions take predictions and truth, not finished curves, so that a picture and a score are computed from the same data. Bands are
pointwise 95 % bootstrap intervals by person.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import ArrayLike

from radlearn.metrics import calibration, decisions, ranking
from radlearn.metrics.intervals import bootstrap_band, bootstrap_interval
from radlearn.pictures import style
from radlearn.pictures.style import FAINT, FULL_WIDTH_IN, HALF_HEIGHT_IN, HALF_WIDTH_IN, INK, MODEL, MUTED, NEGATIVE, PAPER, POSITIVE, RIVAL

ONE_CLASS = "one class only: the curve is undefined"


@style.in_house_style
def history_figure(
    history: Sequence[Mapping[str, Any]],
    scores: Sequence[str],
    best_by: str,
    labels: Mapping[str, str] | None = None,
    keep: Literal["best", "last"] = "best",
) -> Figure:
    """Draw the training loss and the validation scores over the epochs, with the epoch marked whose weights were kept.

    Args:
        history: the lines of `history.jsonl`, each with "epoch", "loss" and the scores.
        scores: names of the scores to draw, all on one axis.
        best_by: the score that selects the best weights, one of `scores`; higher is better.
        keep: whether the weights of the best or of the last epoch are kept.
    """
    figure = style.blank(FULL_WIDTH_IN, 3.4)
    left, right = figure.subplots(1, 2)
    epochs = [line["epoch"] for line in history]
    left.set(title="Training loss", xlabel="epoch", ylabel="mean loss (lower is better)")
    right.set(title="Validation scores", xlabel="epoch", ylabel="score (higher is better)")
    if not history:
        style.no_data(left, "no epoch finished yet")
        return style.no_data(right, "no epoch finished yet")
    marker = "o" if len(epochs) < 30 else None
    left.plot(epochs, [line["loss"] for line in history], color=INK, marker=marker, markersize=3.5)
    kept = history[-1] if keep == "last" else max(history, key=lambda line: line[best_by])
    ends = _spread([history[-1][name] for name in scores], [line[name] for line in history for name in scores])
    for number, name in enumerate(scores):
        colour = MODEL if name == best_by else (RIVAL, POSITIVE, NEGATIVE)[number % 3]
        values = [line[name] for line in history]
        right.plot(epochs, values, color=colour, marker=marker, markersize=3.5, zorder=3 if name == best_by else 2)
        right.annotate(
            style.spoken(name, labels), (epochs[-1], ends[number]), xytext=(8, 0), textcoords="offset points", color=colour, va="center",
            fontweight="bold" if name == best_by else "normal",
        )  # fmt: skip
    right.plot(kept["epoch"], kept[best_by], "o", markersize=9, color=MODEL, markeredgecolor=PAPER, markeredgewidth=1.5, zorder=5)
    for axes in (left, right):
        axes.axvline(kept["epoch"], color=FAINT, linewidth=1, linestyle=(0, (3, 3)), zorder=1)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
        axes.grid(axis="x", visible=False)
    said = f"{'kept' if keep == 'last' else 'best'}: epoch {kept['epoch']}, {style.spoken(best_by, labels)} {kept[best_by]:.3f}"
    style.say_at_line(left, kept["epoch"], epochs, said)
    return figure


@style.in_house_style
def roc_figure(
    probabilities: ArrayLike,
    labels: ArrayLike,
    persons: ArrayLike,
    threshold: float | None = None,
    rivals: Mapping[str, ArrayLike] | None = None,
    calibrated: float | None = None,
) -> Figure:
    """Draw the ROC curve with its band, the operating point and trivial baselines.

    Args:
        probabilities, labels, persons: (cases,), as for the scores.
        threshold: the operating point; probabilities of at least this are called positive.
        calibrated: the same threshold as a calibrated probability, which is written beside it.
        rivals: name → (cases,) predictions of a baseline, such as the view alone.
    """
    p, y = np.asarray(probabilities), np.asarray(labels, dtype=bool)
    figure, axes = style.single(HALF_WIDTH_IN, HALF_HEIGHT_IN)
    style.unit_square(axes, "1 − specificity (false positive rate)", "sensitivity (true positive rate)")
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=(0, (3, 3)), zorder=1)
    if y.all() or not y.any():
        return style.no_data(axes, ONE_CLASS)
    rates = np.linspace(0, 1, 101)
    band = bootstrap_band(partial(ranking.sensitivity_at_rates, false_positive_rates=rates), persons, p, y)
    axes.fill_between(rates, band.low, band.high, color=MODEL, alpha=0.16, linewidth=0, zorder=2)
    curve = ranking.roc_curve(p, y)
    axes.plot(curve.false_positive_rate, curve.sensitivity, color=MODEL, zorder=4)
    entries = [(f"model  {bootstrap_interval(ranking.auroc_score, persons, p, y):.2f}", MODEL)]
    for name, predictions in (rivals or {}).items():
        other = ranking.roc_curve(predictions, y)
        axes.plot(other.false_positive_rate, other.sensitivity, color=RIVAL, linewidth=1.5, zorder=3)
        entries.append((f"{name}  {bootstrap_interval(ranking.auroc_score, persons, predictions, y):.2f}", MUTED))
    style.colour_key(axes, [*entries, ("chance  0.50", RIVAL)], 0.985, 0.03, right=True)
    axes.annotate("AUROC (95 % interval)", (0.985, 0.03), xytext=(0, 14 * (len(entries) + 1) + 2), xycoords="axes fraction",
                  textcoords="offset points", ha="right", va="bottom", color=MUTED, fontsize=8.5)  # fmt: skip
    if threshold is not None:
        sensitivity, specificity = decisions.sensitivity(p, y, threshold), decisions.specificity(p, y, threshold)
        said = f"at {style.threshold_words(threshold, calibrated)}:\nsensitivity {sensitivity:.2f}, specificity {specificity:.2f}"
        style.mark_point(axes, 1 - specificity, sensitivity, said)
    return figure


@style.in_house_style
def precision_recall_figure(
    probabilities: ArrayLike, labels: ArrayLike, persons: ArrayLike, threshold: float | None = None, calibrated: float | None = None
) -> Figure:
    """Draw precision over recall with its band, the operating point, and the share of positives, the precision of chance.

    Arguments as in `roc_figure`.
    """
    p, y = np.asarray(probabilities), np.asarray(labels, dtype=bool)
    figure, axes = style.single(HALF_WIDTH_IN, HALF_HEIGHT_IN)
    style.unit_square(axes, "recall (sensitivity)", "precision (positive predictive value)")
    if y.all() or not y.any():
        return style.no_data(axes, ONE_CLASS)
    recalls = np.linspace(0.01, 1, 100)
    band = bootstrap_band(partial(ranking.precision_at_recalls, recalls=recalls), persons, p, y)
    axes.fill_between(recalls, band.low, band.high, step="pre", color=MODEL, alpha=0.16, linewidth=0, zorder=2)
    curve = ranking.precision_recall_curve(p, y)
    axes.plot(np.r_[0, curve.recall], np.r_[curve.precision[0], curve.precision], drawstyle="steps-pre", color=MODEL, zorder=4)
    share = float(y.mean())
    axes.axhline(share, color=FAINT, linewidth=1, linestyle=(0, (3, 3)), zorder=1)
    average = bootstrap_interval(ranking.average_precision_score, persons, p, y)
    entries = [(f"average precision  {average:.2f}", MODEL), (f"chance  {share:.2f}, the share of positives", RIVAL)]
    if average.value > 0.45:
        # The curve is at the top; the key stands below the line of chance if there is room, else above it.
        bottom = 0.03 if share > 0.22 else share + 0.035
        style.colour_key(axes, entries, 0.02, bottom)
    else:
        style.colour_key(axes, entries, 0.985, 0.91, right=True)
    if threshold is not None:
        counts = decisions.confusion_counts(p, y, threshold)
        called = counts.true_positives + counts.false_positives
        if called:
            precision, recall = counts.true_positives / called, counts.true_positives / int(y.sum())
            said = f"at {style.threshold_words(threshold, calibrated)}:\nrecall {recall:.2f}, precision {precision:.2f}"
            style.mark_point(axes, recall, precision, said)
    return figure


@style.in_house_style
def reliability_figure(
    probabilities: ArrayLike,
    labels: ArrayLike,
    persons: ArrayLike,
    before: ArrayLike | None = None,
    bins: int = 10,
    chosen: tuple[float, float] | None = None,
) -> Figure:
    """Draw the observed share of positive X-rays over the predicted probability, with intervals, above a histogram of probabilities.

    Args:
        probabilities: (cases,), in [0, 1], usually recalibrated.
        labels, persons: (cases,).
        before: the probabilities before recalibration, drawn in grey.
        bins: number of bins of equal width; an empty bin has no point, one with too few people no interval.
        chosen: the run's threshold, as a calibrated probability and as the network's own.
    """
    p, y = np.asarray(probabilities), np.asarray(labels, dtype=bool)
    figure = style.blank(HALF_WIDTH_IN, 5.0)
    axes, below = figure.subplots(2, 1, height_ratios=[4.2, 1], sharex=True)
    style.unit_square(axes, "", "observed share of positives")
    # As wide as the histogram below, so that the axes are aligned.
    axes.set_aspect("auto")
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=(0, (3, 3)), zorder=1)
    entries = [("after recalibration" if before is not None else "model", MODEL)]
    if before is not None:
        earlier = calibration.reliability_bins(before, y, bins)
        axes.plot(*_shown(earlier), color=FAINT, linewidth=1.2, marker="o", markersize=4, zorder=2)
        entries.append(("before", MUTED))
    grouped = calibration.reliability_bins(p, y, bins)
    band = bootstrap_band(partial(calibration.positive_shares, bins=bins), persons, p, y)
    axes.vlines(grouped.mean_probability, band.low, band.high, color=MODEL, linewidth=5, alpha=0.2, zorder=3)
    axes.plot(*_shown(grouped), color=MODEL, marker="o", markersize=6, markeredgecolor=PAPER, zorder=4)
    style.colour_key(axes, [*entries, ("perfect calibration", RIVAL)], 0.02, 0.87 if before is None else 0.83)
    _class_bars(below, p, y, 2 * bins)
    if chosen is not None and 0 <= chosen[0] <= 1:
        for each in (axes, below):
            each.axvline(chosen[0], color=FAINT, linewidth=1, linestyle=(0, (3, 3)), zorder=1)
        said = f"threshold {chosen[0]:.2f}\n(network's {chosen[1]:.2f})"
        style.say_at_line(axes, chosen[0], (0, 1), said, at=0.62 if chosen[0] <= 0.5 else 0.2)
    below.set(xlabel="calibrated probability" if before is not None else "predicted probability", ylabel="X-rays")
    return figure


@style.in_house_style
def net_benefit_figure(
    calibrated: ArrayLike, labels: ArrayLike, persons: ArrayLike, highest_threshold: float = 0.6, chosen: tuple[float, float] | None = None
) -> Figure:
    """Draw the decision curve: the net benefit of acting on the model's positives, on all X-rays and on none.

    Args:
        calibrated: (cases,), recalibrated probabilities, since thresholds are interpreted as probabilities.
        labels, persons: (cases,).
        highest_threshold: end of the axis; higher thresholds are hardly of clinical interest.
        chosen: the run's threshold, as a calibrated probability and as the network's own.
    """
    p, y = np.asarray(calibrated), np.asarray(labels, dtype=bool)
    figure, axes = style.single(HALF_WIDTH_IN, 5.0)
    axes.set(xlabel="threshold, a calibrated probability", ylabel="net benefit (true positives per 100 X-rays)")
    axes.set_xlim(0, highest_threshold)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: style.percent(share)))
    if not len(y):
        return style.no_data(axes, "no X-rays")
    thresholds = np.linspace(0.01, highest_threshold, 60)
    band = bootstrap_band(partial(decisions.net_benefit, thresholds=thresholds), persons, p, y)
    everyone = 100 * decisions.net_benefit(np.ones(len(y)), y, thresholds)
    axes.fill_between(thresholds, 100 * band.low, 100 * band.high, color=MODEL, alpha=0.16, linewidth=0, zorder=2)
    axes.plot(thresholds, 100 * band.value, color=MODEL, zorder=4)
    axes.plot(thresholds, everyone, color=RIVAL, linewidth=1.5, zorder=3)
    axes.axhline(0, color=INK, linewidth=1, zorder=1)
    top = max(145 * float(y.mean()), 101 * float(np.nanmax(band.high, initial=0.0)), 1.0)
    axes.set_ylim(-0.18 * top, top)
    if chosen is not None and 0 <= chosen[0] <= highest_threshold:
        axes.axvline(chosen[0], color=FAINT, linewidth=1, linestyle=(0, (3, 3)), zorder=1)
        said = f"threshold of this run: {style.percent(chosen[0])}\n(network's {chosen[1]:.2f})"
        style.say_at_line(axes, chosen[0], [0, highest_threshold], said, at=0.115)
    style.colour_key(axes, [("model", MODEL), ("all positive", MUTED), ("none positive: 0", INK)], 0.985, 0.87, right=True)
    return figure


def _class_bars(axes: Axes, p: np.ndarray, y: np.ndarray, bins: int) -> None:
    """Stack the X-rays of both classes by probability."""
    edges, width = np.linspace(0, 1, bins + 1), 1 / bins
    negative, positive = (np.histogram(p[chosen], edges)[0] for chosen in (~y, y))
    for count, bottom, colour in ((negative, 0, NEGATIVE), (positive, negative, POSITIVE)):
        axes.bar(edges[:-1] + width / 2, count, width * 0.86, bottom=bottom, color=colour, zorder=2)
    axes.grid(axis="x", visible=False)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=3, min_n_ticks=1))
    for number, (name, colour) in enumerate((("positive", POSITIVE), ("negative", NEGATIVE))):
        axes.annotate(name, (0.99, 0.97), xytext=(0, -11 * number), xycoords="axes fraction", textcoords="offset points", ha="right",
                      va="top", color=colour, fontsize=8.5)  # fmt: skip


def _shown(bins: calibration.ReliabilityBins) -> tuple[np.ndarray, np.ndarray]:
    filled = bins.cases > 0
    return bins.mean_probability[filled], bins.positive_share[filled]


def _spread(heights: Sequence[float], drawn: Sequence[float]) -> list[float]:
    """Return label heights close to `heights` and at least one line of text apart."""
    apart = 0.07 * ((max(drawn) - min(drawn)) or 1.0)
    placed = list(heights)
    for lower, upper in pairwise(sorted(range(len(placed)), key=lambda i: heights[i])):
        placed[upper] = max(placed[upper], placed[lower] + apart)
    return placed
