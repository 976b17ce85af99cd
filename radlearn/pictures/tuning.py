"""Pictures of a postprocessing chosen on validation people: scores over the threshold, and the ablation of its steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from radlearn.metrics.intervals import Band
from radlearn.pictures import style
from radlearn.pictures.style import FAINT, FULL_WIDTH_IN, HALF_WIDTH_IN, INK, MODEL, MUTED, NEGATIVE, PAPER, POSITIVE, RIVAL


@style.in_house_style
def threshold_figure(
    thresholds: Sequence[float],
    scores: Sequence[float],
    false_boxes_per_healthy_image: Sequence[float],
    chosen: float,
    score_label: str,
    most_false_boxes: float | None = None,
) -> Figure:
    """Draw the official score of the validation people over the threshold, and beside it the false boxes.

    Args:
        thresholds: (points,), rising; the other two have a number for each, NaN where there is none.
        chosen: the threshold of the run.
        score_label: of the official score.
        most_false_boxes: the limit, if one was given.
    """
    figure = style.blank(FULL_WIDTH_IN, 3.5)
    left, right = figure.subplots(1, 2)
    left.set(title="Official score (higher is better)", ylabel=score_label)
    right.set(title="False boxes (lower is better)", ylabel="false boxes per X-ray without an opacity")
    x = np.asarray(thresholds, dtype=float)
    for axes, values, colour in ((left, scores, MODEL), (right, false_boxes_per_healthy_image, POSITIVE)):
        y = np.asarray(values, dtype=float)
        axes.set(xlabel="confidence threshold", xlim=(0, 1))
        if not len(y) or np.isnan(y).all():
            style.no_data(axes, "no X-ray")
            continue
        axes.plot(x, y, color=colour)
        at = float(np.interp(chosen, x[~np.isnan(y)], y[~np.isnan(y)]))
        # Low thresholds may cost ten boxes an X-ray; what one wants to read is around the chosen one.
        top = max(1.36 * float(np.nanmax(y)) if axes is left else min(1.1 * float(np.nanmax(y)), max(6 * at, 1.0)), 0.02)
        axes.set_ylim(0, top)
        axes.axvline(chosen, color=FAINT, linewidth=1, linestyle=(0, (3, 3)), zorder=1)
        axes.plot(chosen, at, "o", markersize=9, color=colour, markeredgecolor=PAPER, markeredgewidth=1.8, zorder=5, clip_on=False)
        style.say_at_line(axes, chosen, (0, 1), f"chosen: {chosen:.2f}\n{'score' if axes is left else 'false boxes'} {at:.2f}", 0.97)
        if axes is right and most_false_boxes is not None:
            axes.axhline(most_false_boxes, color=RIVAL, linewidth=1, linestyle=(0, (1, 2)))
            axes.annotate(f"at most {most_false_boxes:g}", (1, most_false_boxes), xytext=(-2, 3), textcoords="offset points",
                          ha="right", va="bottom", color=MUTED, fontsize=9)  # fmt: skip
    return figure


@style.in_house_style
def operating_figure(
    thresholds: Sequence[float], sensitivities: Band, specificities: Band, chosen: float, calibrated: float | None = None
) -> Figure:
    """Draw sensitivity and specificity of the validation people over the threshold, never one without the other.

    `thresholds` are (points,), rising, in [0, 1]; the two bands have as many points; `chosen` is the threshold of the run,
    `calibrated` the same as a calibrated probability.
    """
    figure, axes = style.single(FULL_WIDTH_IN, 3.7)
    x = np.asarray(thresholds, dtype=float)
    axes.set(xlabel="probability from which the prediction is yes", ylabel="share of X-rays", ylim=(-0.012, 1.03))
    axes.set_xlim(0, min(1.0, 1.04 * max(float(x.max(initial=0.0)), chosen)))
    at = []
    for band, colour in ((sensitivities, POSITIVE), (specificities, NEGATIVE)):
        axes.fill_between(x, band.low, band.high, color=colour, alpha=0.16, linewidth=0, zorder=2)
        axes.plot(x, band.value, color=colour, zorder=3)
        at.append(float(np.interp(chosen, x, band.value)))
        axes.plot(chosen, at[-1], "o", markersize=9, color=colour, markeredgecolor=PAPER, markeredgewidth=1.8, zorder=5, clip_on=False)
    axes.axvline(chosen, color=FAINT, linewidth=1, linestyle=(0, (3, 3)), zorder=1)
    also = "" if calibrated is None else f"\ncalibrated: {calibrated:.2f}"
    said = f"chosen: {chosen:.3g}{also}\nsensitivity {at[0]:.2f}\nspecificity {at[1]:.2f}"
    style.say_at_line(axes, chosen, axes.get_xlim(), said, 0.45)
    key = [("sensitivity: X-rays with an opacity found", POSITIVE), ("specificity: those without left alone", NEGATIVE)]
    style.colour_key(axes, key, 0.0, 1.02)
    return figure


@dataclass(frozen=True)
class TunedSetting:
    """What was tried of one setting of a mask: rising values, the mean Dice of the validation scans with each, the value chosen."""

    values: Sequence[float]
    dice_scores: Sequence[float]
    chosen: float


class TuningWords(NamedTuple):
    """How a figure speaks of what was tuned: the title above the threshold, the size of a part and of all parts, their unit, the cases."""

    question: str = "Which voxels are lesion"
    part: str = "its volume"
    whole: str = "volume of all its parts"
    unit: str = "ml"
    items: str = "scans"


OF_LESIONS = TuningWords()


@style.in_house_style
def mask_tuning_figure(
    threshold: TunedSetting,
    smallest_part: TunedSetting | None = None,
    smallest_mask: TunedSetting | None = None,
    *,
    words: TuningWords = OF_LESIONS,
) -> Figure:
    """Draw the Dice of the validation scans over the probability threshold, and over the sizes below which a part, or all, is dropped.

    Args:
        threshold: values in [0, 1]; NaN where there is no Dice.
        smallest_part: of a part, in the unit of `words`, 0 for dropping nothing; None if that was not tuned.
        smallest_mask: of all parts together, likewise.
    """
    volumes = [
        (one, title, f"{size} ({words.unit})")
        for one, title, size in (
            (smallest_part, "Smallest part that stays", words.part),
            (smallest_mask, "Smallest mask that stays", words.whole),
        )
        if one is not None
    ]
    figure = style.blank(FULL_WIDTH_IN if volumes else HALF_WIDTH_IN, 3.5)
    left, *right = figure.subplots(1, 1 + len(volumes), squeeze=False).flat
    left.set(title=words.question, xlabel="from this probability on", xlim=(0, 1))
    _draw_tuned(left, threshold, (0.0, 1.0), f"chosen: {threshold.chosen:.2f}", words.items)
    for axes, (tuned, title, size) in zip(right, volumes, strict=True):
        last = max([tuned.chosen, *tuned.values, 0.01])
        # Half of a chart would go to the largest pieces, which nobody drops: near zero every tenth of a millilitre counts.
        axes.set_xscale("symlog", linthresh=0.1, linscale=0.6)
        axes.set(title=title, xlabel=size, xlim=(0, last * 1.05))
        ticks = [tick for tick in (0, 0.1, 0.3, 1, 3, 10, 30, 100) if tick <= last * 1.05]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.xaxis.set_minor_locator(NullLocator())
        # The axis is logarithmic from 0.1 on: half of this extent lies in its middle.
        extent = (0.0, 2 * float(np.sqrt(0.1 * max(last, 0.1))))
        _draw_tuned(axes, tuned, extent, f"chosen: {tuned.chosen:.2g} {words.unit}", words.items)
        axes.set_ylabel("")
    known = [axes.get_ylim() for axes in (left, *right) if axes.lines]
    for axes in (left, *right):
        # One scale for all, or a hundredth gained would look like a tenth.
        axes.set_ylim(min((low for low, _ in known), default=0), max((high for _, high in known), default=1))
    return figure


def _draw_tuned(axes: Axes, tuned: TunedSetting, extent: tuple[float, float], said: str, items: str) -> None:
    x, y = np.asarray(tuned.values, dtype=float), np.asarray(tuned.dice_scores, dtype=float)
    axes.set_ylabel(f"Dice of validation {items} (higher is better)")
    known = ~np.isnan(y)
    if not known.any():
        axes.set_ylim(0, 1)
        style.no_data(axes, "no scan")
        return
    axes.plot(x, y, color=MODEL, marker="o", markersize=3.5, clip_on=False)
    at = float(np.interp(tuned.chosen, x[known], y[known]))
    room = max(float(np.ptp(y[known])), 0.05)
    axes.set_ylim(max(0.0, float(y[known].min()) - 0.1 * room), float(y[known].max()) + 0.35 * room)
    axes.axvline(tuned.chosen, color=FAINT, linewidth=1, linestyle=(0, (3, 3)), zorder=1)
    axes.plot(tuned.chosen, at, "o", markersize=9, color=MODEL, markeredgecolor=PAPER, markeredgewidth=1.8, zorder=5, clip_on=False)
    style.say_at_line(axes, tuned.chosen, extent, f"{said}\nDice {at:.3f}", 0.97)


@style.in_house_style
def ablation_figure(ablation: Sequence[Mapping[str, object]], score_label: str) -> Figure:
    """Draw the official score after each step, cross-fitted, and chosen and evaluated on the same people.

    Args:
        ablation: in the order of trial, each with "step", "score" (chosen and evaluated on the same people),
            "cross_fitted_score" and "taken".
        score_label: of the official score.
    """
    figure, axes = style.single(FULL_WIDTH_IN, 1.15 + 0.36 * max(len(ablation), 1))
    if not ablation:
        axes.set_axis_off()
        return style.no_data(axes, "nothing was tuned")
    scores = np.array([[_number(line["cross_fitted_score"]), _number(line["score"])] for line in ablation])
    for row, (line, (crossed, own)) in enumerate(zip(ablation, scores, strict=True)):
        taken = bool(line["taken"])
        axes.hlines(row, min(crossed, own), max(crossed, own), color=FAINT, linewidth=2, zorder=2)
        axes.plot(own, row, "o", markersize=6, color=PAPER, markeredgecolor=RIVAL, markeredgewidth=1.4, zorder=3)
        axes.plot(crossed, row, "o" if taken else "X", markersize=9, color=MODEL if taken else RIVAL, markeredgecolor=PAPER, zorder=4)
        said = f"{crossed:.3f}" + ("" if taken else "  not kept")
        axes.annotate(said, (1.015, row), xycoords=("axes fraction", "data"), va="center_baseline", color=INK if taken else MUTED)
    axes.set_yticks(range(len(ablation)), [str(line["step"]) for line in ablation])
    axes.tick_params(axis="y", labelcolor=INK, labelsize=9.5)
    axes.set_ylim(len(ablation) - 0.45, -0.55)
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    room = max(float(np.nanmax(scores) - np.nanmin(scores)), 0.02)
    axes.set_xlim(max(float(np.nanmin(scores)) - 0.12 * room, -0.01), float(np.nanmax(scores)) + 0.12 * room)
    axes.set_xlabel(f"{score_label} on validation people")
    style.colour_key(axes, [("cross-fitted", MODEL), ("chosen on the same people: optimistic", RIVAL)], 0.0, 1.02)
    return figure


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
