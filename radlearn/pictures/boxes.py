"""Pictures of a detector's boxes: on the X-ray beside the true ones, their size errors, and scores by subgroup."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from numpy.typing import ArrayLike

from radlearn.amounts import counted
from radlearn.metrics.boxes import FoundBoxes, matched_in_images
from radlearn.metrics.froc import HIT_IOU_ABOVE
from radlearn.metrics.intervals import Interval
from radlearn.pictures.group_table import group_table, score_columns
from radlearn.pictures.outlines import Boxes, painted_found
from radlearn.pictures.overlays import XrayPanel, write_sheet, xray_picture
from radlearn.pictures.style import (
    FAINT,
    HALF_HEIGHT_IN,
    HALF_WIDTH_IN,
    MODEL,
    MUTED,
    PAPER,
    POSITIVE,
    in_house_style,
    no_data,
    single,
)

SIZE_RATIOS = (0.4, 0.5, 0.7, 1.0, 1.4, 2.0, 2.5)


@dataclass(frozen=True)
class BoxGroup:
    """The scores of a detector in a subgroup."""

    name: str
    persons: int
    cases: int
    true_boxes: int
    # The official score, the share of true boxes hit, and the false boxes per X-ray that go with it.
    score: Interval
    sensitivity: Interval
    false_boxes_per_image: Interval


def write_box_overlay(path: Path, pixels: np.ndarray, found: FoundBoxes, canvas_px: tuple[int, int], name: str, said: str = "") -> Path:
    """Write an X-ray beside itself with the boxes found, above a strip with its name and the prediction, as PNG; return the path.

    Args:
        path: where to; whole or not at all.
        pixels: (height, width), in [0, 1].
        found: boxes counted on an X-ray of `canvas_px` (height, width).
        name: the X-ray's id.
        said: the prediction in words, such as "2 boxes, highest confidence 0.83".
    """
    plain = xray_picture(pixels, canvas_px=canvas_px)
    return write_sheet(path, [plain, painted_found(plain, found, canvas_px)], name, said)


def box_outcome(true: int, found: int, hits: int) -> str:
    """Return in words how many boxes of an X-ray hit and how many are false.

    >>> box_outcome(2, 2, 1), box_outcome(1, 0, 0), box_outcome(0, 3, 0), box_outcome(0, 0, 0)
    ('1 of 2 hit, 1 false', '0 of 1 hit', '3 false boxes', 'no box')
    """
    false = found - hits
    if true == 0:
        return counted(false, "false boxes") if false else "no box"
    return f"{hits} of {true} hit" + (f", {false} false" if false else "")


def box_panel(pixels: np.ndarray, found: FoundBoxes, truth: Boxes, canvas_px: tuple[int, int], score: float, note: str = "") -> XrayPanel:
    """Return the panel of an X-ray (as in `XrayPanel`) with its boxes in pixels of `canvas_px` (height, width), its title the outcome.

    `score` is the X-ray's official score; NaN where it is left out.
    """
    hits = int((matched_in_images([found], [np.asarray(truth)], [HIT_IOU_ABOVE]).hit[0] >= 0).sum())
    boxes = len(found.confidences)
    words = box_outcome(len(truth), boxes, hits)
    # A healthy X-ray scores 0 or nothing at all, which its words say already.
    title = f"{score:.2f}  {words}" if len(truth) else words
    return XrayPanel(pixels, None, truth, canvas_px, title, note, wrong=hits < max(boxes, len(truth)), found=found)


@in_house_style
def box_size_figure(found: Sequence[FoundBoxes], truth: Sequence[ArrayLike]) -> Figure:
    """Draw width and height of every box that hits, as multiples of those of the true box, with their medians; arguments one an X-ray."""
    figure, axes = single(HALF_WIDTH_IN, HALF_HEIGHT_IN)
    ends = (SIZE_RATIOS[0], SIZE_RATIOS[-1])
    axes.set(xlabel="width, found / true", ylabel="height, found / true", xscale="log", yscale="log", xlim=ends, ylim=ends, aspect="equal")
    for axis, line in ((axes.xaxis, axes.axvline), (axes.yaxis, axes.axhline)):
        axis.set_ticks(SIZE_RATIOS, [f"{ratio:g}" for ratio in SIZE_RATIOS])
        axis.set_minor_locator(NullLocator())
        line(1, color=FAINT, linewidth=1, linestyle=(0, (3, 3)), zorder=1)
    ratios = size_ratios(found, truth)
    if not len(ratios):
        return no_data(axes, "no box hits a true one")
    dense = min(0.6, 40 / len(ratios) + 0.12)
    axes.plot(*np.clip(ratios, *ends).T, "o", markersize=5, color=MODEL, alpha=dense, markeredgewidth=0, zorder=3, clip_on=False)
    width, height = np.median(ratios, axis=0)
    axes.plot(width, height, "P", markersize=12, color=POSITIVE, markeredgecolor=PAPER, markeredgewidth=1.4, zorder=5)
    axes.annotate(f"{counted(len(ratios), 'boxes')} that hit", (0.03, 0.97), xycoords="axes fraction", va="top", color=MUTED)
    axes.annotate(f"median: width {width:.2f}, height {height:.2f}", (0.97, 0.03), xycoords="axes fraction", ha="right", color=POSITIVE,
                  fontweight="bold")  # fmt: skip
    return figure


def size_ratios(found: Sequence[FoundBoxes], truth: Sequence[ArrayLike]) -> np.ndarray:
    """Return width and height of every box that hits over those of the true box it hits, float64 (hits, 2).

    >>> size_ratios([FoundBoxes(np.array([[0, 0, 9, 20]]), np.array([0.5]))], [[[0, 0, 10, 16]]]).tolist()
    [[0.9, 1.25]]
    """
    matches = matched_in_images(found, truth, [HIT_IOU_ABOVE])
    hit = matches.hit[0]
    boxes = np.concatenate([np.zeros((0, 4)), *(np.asarray(one.boxes_xyxy_px, float).reshape(-1, 4) for one in found)])
    true_boxes = [np.asarray(some, float).reshape(-1, 4) for some in truth]
    hits = np.flatnonzero(hit >= 0)
    own = np.array([true_boxes[matches.image[number]][hit[number]] for number in hits]).reshape(-1, 4)
    return (boxes[hits, 2:] - boxes[hits, :2]) / (own[:, 2:] - own[:, :2])


def box_group_figure(groups: Sequence[BoxGroup], whole: BoxGroup, score_label: str) -> Figure:
    """Draw for every group the official score, the sensitivity, and beside it the false boxes that it costs, all with intervals.

    Args:
        groups: from top to bottom.
        whole: everybody, drawn as a line behind.
        score_label: of the official score.
    """
    cells = [(group.name, f"{group.persons:,}", f"{group.cases:,}", f"{group.true_boxes:,}") for group in groups]
    scores = (
        ("score", score_label, MODEL),
        ("sensitivity", "sensitivity", MODEL),
        ("false_boxes_per_image", "false boxes per X-ray", POSITIVE),
    )
    return group_table(("", "people", "X-rays", "true boxes"), cells, score_columns(groups, whole, scores))
