"""Pictures of a detector over its thresholds: the FROC curve, and the hits at rising IoU thresholds.

They take boxes and truth, not finished curves, so that a picture and a score cannot come from different data. Bands are 95 %
bootstrap intervals by person, point by point.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from numpy.typing import ArrayLike

from radlearn.metrics.boxes import FoundBoxes, matched_in_images
from radlearn.metrics.froc import FALSE_BOXES_PER_IMAGE, HIT_IOU_ABOVE, froc, froc_cases, sensitivity_at_false_boxes
from radlearn.metrics.intervals import bootstrap_band
from radlearn.metrics.predictions import share
from radlearn.pictures import style
from radlearn.pictures.style import FAINT, HALF_HEIGHT_IN, HALF_WIDTH_IN, MODEL, MUTED, PAPER, POSITIVE

NO_TRUE_BOX = "no true box"
FEWEST_FALSE = 1 / 16


@style.in_house_style
def froc_figure(
    proposed: Sequence[FoundBoxes],
    truth: Sequence[ArrayLike],
    persons: ArrayLike,
    chosen: Sequence[FoundBoxes] | None = None,
    threshold: float | None = None,
) -> Figure:
    """Draw the share of true boxes hit over the false boxes per X-ray, with its band and the operating point.

    Args:
        proposed: the boxes of each X-ray at the lowest threshold.
        truth: the true boxes of each X-ray, (m, 4); m may be 0.
        persons: (cases,).
        chosen: the boxes at the operating point, which then is marked.
        threshold: shown there.
    """
    figure, axes = style.single(HALF_WIDTH_IN, HALF_HEIGHT_IN)
    cases = froc_cases(proposed, truth)
    point = _point(chosen, truth) if chosen is not None and cases.true_boxes.sum() else None
    left = FEWEST_FALSE if point is None or point[0] == 0 else max(min(FEWEST_FALSE, point[0] / 1.6), 1 / 512)
    axes.set(xlabel="false boxes per X-ray, those without an opacity included", ylabel="sensitivity (true boxes hit)", xscale="log",
             xlim=(left, 9), ylim=(-0.012, 1.012))  # fmt: skip
    powers = [power for power in range(3, -10, -1 if left > 1 / 50 else -2) if 2.0**power >= left]
    axes.set_xticks([2.0**power for power in powers], [f"{2**power}" if power >= 0 else f"1/{2**-power}" for power in powers])
    axes.xaxis.set_minor_locator(NullLocator())
    if not cases.true_boxes.sum():
        return style.no_data(axes, NO_TRUE_BOX)
    allowed = np.geomspace(left, FALSE_BOXES_PER_IMAGE[-1], 90)
    band = bootstrap_band(partial(sensitivity_at_false_boxes, false_boxes_per_image=allowed), persons, *cases)
    axes.fill_between(allowed, band.low, band.high, color=MODEL, alpha=0.16, linewidth=0, zorder=2)
    curve = froc(proposed, truth)
    x, y = curve.false_boxes_per_image, curve.sensitivity
    axes.step(np.r_[x, x[-1]], np.r_[y, y[-1]], where="post", color=MODEL, zorder=4)
    entries: list[tuple[str, str]] = []
    if x[-1] < FALSE_BOXES_PER_IMAGE[-1]:
        start = max(float(x[-1]), left)
        axes.plot([start, FALSE_BOXES_PER_IMAGE[-1]], [y[-1], y[-1]], color=MODEL, linewidth=1.2, linestyle=(0, (1, 2)), zorder=3)
        entries.append(("dotted: nothing more is proposed", MUTED))
    axes.plot(FALSE_BOXES_PER_IMAGE, sensitivity_at_false_boxes(*cases), "o", markersize=4.5, color=MODEL, markeredgecolor=PAPER, zorder=5)
    if point is not None:
        words = "operating point" if threshold is None else f"at {threshold:.2f}"
        axes.plot(max(point[0], left), point[1], "o", markersize=9, color=MODEL, markeredgecolor=PAPER, markeredgewidth=1.8, zorder=7,
                  clip_on=False)  # fmt: skip
        entries = [(f"{words}: sensitivity {point[1]:.2f},", MODEL), (f"{point[0]:.2f} false boxes per X-ray", MODEL), *entries]
    # The curve only rises: it leaves the lower right corner free, and one that stays low the upper left.
    if y[-1] > 0.3:
        style.colour_key(axes, entries, 0.985, 0.02, right=True)
    else:
        style.colour_key(axes, entries, 0.02, 0.85)
    return figure


@style.in_house_style
def overlap_figure(found: Sequence[FoundBoxes], truth: Sequence[ArrayLike], persons: ArrayLike, ious_above: Sequence[float]) -> Figure:
    """Draw the sensitivity and the precision of the found boxes at each IoU threshold of the official score.

    Args:
        found, truth, persons: one an X-ray.
        ious_above: the thresholds, rising.
    """
    figure, axes = style.single(HALF_WIDTH_IN, HALF_HEIGHT_IN)
    ious = np.array(ious_above)
    axes.set(xlabel="IoU that a hit must exceed", ylabel="share of boxes", xlim=(ious[0] - 0.015, ious[-1] + 0.015), ylim=(-0.012, 1.012))
    axes.set_xticks(ious, [f"{iou:.2f}" for iou in ious])
    matches = matched_in_images(found, truth, ious_above)
    if not matches.true_count.sum():
        return style.no_data(axes, NO_TRUE_BOX)
    hits = np.stack([np.bincount(matches.image[hit >= 0], minlength=len(truth)) for hit in matches.hit], axis=1)
    entries = []
    for wholes, name, colour, marker in (
        (matches.true_count, "sensitivity: true boxes hit", MODEL, "o"),
        (matches.found_count, "precision: found boxes that hit", POSITIVE, "s"),
    ):
        band = bootstrap_band(_shares, persons, hits, wholes)
        axes.fill_between(ious, band.low, band.high, color=colour, alpha=0.14, linewidth=0, zorder=2)
        axes.plot(ious, band.value, color=colour, marker=marker, markersize=5, zorder=4)
        entries.append((name, colour))
    axes.axvline(HIT_IOU_ABOVE, color=FAINT, linewidth=1, linestyle=(0, (3, 3)), zorder=1)
    style.colour_key(axes, entries, 0.985, 0.87, right=True)
    return figure


def _point(chosen: Sequence[FoundBoxes], truth: Sequence[ArrayLike]) -> tuple[float, float]:
    """Return the false boxes per X-ray and the sensitivity of a prediction."""
    at = froc_cases(chosen, truth)
    hits, boxes = int(at.hits.sum()), int((~np.isnan(at.confidences)).sum())
    return (boxes - hits) / len(truth), hits / int(at.true_boxes.sum())


def _shares(parts: np.ndarray, wholes: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return Σ parts / Σ wholes over the X-rays, (points,) or (draws, points), parts being (X-rays, points)."""
    w = np.ones(len(parts)) if weights is None else weights
    return share(w @ parts.astype(np.float64), (w @ wholes.astype(np.float64))[..., None])
