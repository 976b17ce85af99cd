"""Pictures of what validation people decided: the threshold, and what each device is worth."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from radlearn.metrics.intervals import Band
from radlearn.pictures.style import (
    FAINT,
    FULL_WIDTH_IN,
    INK,
    MODEL,
    MUTED,
    NEGATIVE,
    PAPER,
    POSITIVE,
    RIVAL,
    blank,
    colour_key,
    in_house_style,
    no_answer,
    say_at_line,
)


@in_house_style
def threshold_figure(
    thresholds: Sequence[float],
    scores: Sequence[float],
    false_boxes_per_healthy_image: Sequence[float],
    chosen: float,
    most_false_boxes: float | None = None,
) -> Figure:
    """Draw the official score of the validation people over the threshold, and beside it what false boxes that costs.

    Args:
        thresholds: (points,), rising; the other two have a number for each, NaN where there is none.
        chosen: the threshold of the run.
        most_false_boxes: the limit that was asked for, if one was.
    """
    figure = blank(FULL_WIDTH_IN, 3.5)
    left, right = figure.subplots(1, 2)
    left.set(title="Official score (higher is better)", ylabel="RSNA score")
    right.set(title="What it costs (lower is better)", ylabel="false boxes per healthy film")
    x = np.asarray(thresholds, dtype=float)
    for axes, values, colour in ((left, scores, MODEL), (right, false_boxes_per_healthy_image, POSITIVE)):
        y = np.asarray(values, dtype=float)
        axes.set(xlabel="confidence from which a box stands", xlim=(0, 1))
        if not len(y) or np.isnan(y).all():
            no_answer(axes, "no film to say it of")
            continue
        axes.plot(x, y, color=colour)
        at = float(np.interp(chosen, x[~np.isnan(y)], y[~np.isnan(y)]))
        # Low thresholds may cost ten boxes a film; what one wants to read is around the chosen one.
        top = max(1.36 * float(np.nanmax(y)) if axes is left else min(1.1 * float(np.nanmax(y)), max(6 * at, 1.0)), 0.02)
        axes.set_ylim(0, top)
        axes.axvline(chosen, color=FAINT, linewidth=1, linestyle=(0, (3, 3)), zorder=1)
        axes.plot(chosen, at, "o", markersize=9, color=colour, markeredgecolor=PAPER, markeredgewidth=1.8, zorder=5, clip_on=False)
        say_at_line(axes, chosen, (0, 1), f"chosen: {chosen:.2f}\n{'score' if axes is left else 'false boxes'} {at:.2f}", 0.97)
        if axes is right and most_false_boxes is not None:
            axes.axhline(most_false_boxes, color=RIVAL, linewidth=1, linestyle=(0, (1, 2)))
            axes.annotate(f"at most {most_false_boxes:g}", (1, most_false_boxes), xytext=(-2, 3), textcoords="offset points",
                          ha="right", va="bottom", color=MUTED, fontsize=9)  # fmt: skip
    return figure


@in_house_style
def operating_figure(thresholds: Sequence[float], sensitivities: Band, specificities: Band, chosen: float) -> Figure:
    """Draw sensitivity and specificity of the validation people over the threshold, never one without the other.

    Args:
        thresholds: (points,), rising, in [0, 1]; the two bands have as many points.
        chosen: the threshold of the run.
    """
    figure = blank(FULL_WIDTH_IN, 3.7)
    axes = figure.subplots()
    x = np.asarray(thresholds, dtype=float)
    axes.set(xlabel="probability from which the answer is yes", ylabel="share of films", ylim=(-0.012, 1.03))
    axes.set_xlim(0, min(1.0, 1.04 * max(float(x.max(initial=0.0)), chosen)))
    at = []
    for band, colour in ((sensitivities, POSITIVE), (specificities, NEGATIVE)):
        axes.fill_between(x, band.low, band.high, color=colour, alpha=0.16, linewidth=0, zorder=2)
        axes.plot(x, band.value, color=colour, zorder=3)
        at.append(float(np.interp(chosen, x, band.value)))
        axes.plot(chosen, at[-1], "o", markersize=9, color=colour, markeredgecolor=PAPER, markeredgewidth=1.8, zorder=5, clip_on=False)
    axes.axvline(chosen, color=FAINT, linewidth=1, linestyle=(0, (3, 3)), zorder=1)
    said = f"chosen: {chosen:.3g}\nsensitivity {at[0]:.2f}\nspecificity {at[1]:.2f}"
    say_at_line(axes, chosen, axes.get_xlim(), said, 0.45)
    entries = [("sensitivity: ill films found", POSITIVE), ("specificity: healthy films left alone", NEGATIVE)]
    colour_key(axes, entries, 0.0, 1.02)
    return figure


@in_house_style
def worth_figure(worth: Sequence[Mapping[str, object]]) -> Figure:
    """Draw what the official score became with each device, judged on people who did not choose it, and on those who did.

    Args:
        worth: in the order of trial, each with "device", "rsna_score" (chosen and judged on the same people),
            "cross_fitted_rsna_score" and "taken".
    """
    figure = blank(FULL_WIDTH_IN, 1.15 + 0.36 * max(len(worth), 1))
    axes = figure.subplots()
    if not worth:
        axes.set_axis_off()
        no_answer(axes, "nothing was tuned")
        return figure
    scores = np.array([[_number(line["cross_fitted_rsna_score"]), _number(line["rsna_score"])] for line in worth])
    for row, (line, (crossed, own)) in enumerate(zip(worth, scores, strict=True)):
        taken = bool(line["taken"])
        axes.hlines(row, min(crossed, own), max(crossed, own), color=FAINT, linewidth=2, zorder=2)
        axes.plot(own, row, "o", markersize=6, color=PAPER, markeredgecolor=RIVAL, markeredgewidth=1.4, zorder=3)
        axes.plot(crossed, row, "o" if taken else "X", markersize=9, color=MODEL if taken else RIVAL, markeredgecolor=PAPER, zorder=4)
        said = f"{crossed:.3f}" + ("" if taken else "  not taken")
        axes.annotate(said, (1.015, row), xycoords=("axes fraction", "data"), va="center_baseline", color=INK if taken else MUTED)
    _rows(axes, [str(line["device"]) for line in worth])
    room = max(float(np.nanmax(scores) - np.nanmin(scores)), 0.02)
    axes.set_xlim(max(float(np.nanmin(scores)) - 0.12 * room, -0.01), float(np.nanmax(scores)) + 0.12 * room)
    axes.set_xlabel("RSNA score on validation people")
    colour_key(axes, [("judged on people who did not choose", MODEL), ("on those who did: too good", RIVAL)], 0.0, 1.02)
    return figure


def _rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", labelcolor=INK, labelsize=9.5)
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
