"""How many of the true boxes are found, and how many false ones that costs: the FROC curve.

As the confidence threshold is lowered, more true boxes are hit and more false ones are found; the curve shows the one over the other,
false boxes counted per X-ray, healthy X-rays included. A hit is an IoU above 0.4, the lowest threshold of
the Kaggle pneumonia challenge 2018.

Matching at one IoU threshold goes by falling confidence, so what is hit does not depend on where the boxes are cut off. It is done
once (`froc_cases`); the curve and a thousand bootstrap draws of it are sums over that.

Source: Bunch et al. 1978, Journal of Applied Photographic Engineering 4(4):166; Chakraborty 2013, Academic Radiology 20(7):915.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from radlearn.errors import BadSetting
from radlearn.metrics.boxes import FoundBoxes, matched_in_images, mean_over_images
from radlearn.metrics.predictions import share

HIT_IOU_ABOVE = 0.4
FALSE_BOXES_PER_IMAGE = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0)
# 32 MB at a time, as in `intervals`.
NUMBERS_AT_ONCE = 4_000_000


class FrocCases(NamedTuple):
    """What the curve is made of, a row an X-ray: `bootstrap_band(curve, persons, *cases)` draws the rows."""

    confidences: np.ndarray  # float64 (images, most): the found boxes of each X-ray, the rest NaN
    hits: np.ndarray  # bool (images, most): whether the box hits a true one
    true_boxes: np.ndarray  # int (images,): how many there are to find


@dataclass(frozen=True)
class FrocCurve:
    """Sensitivity against false boxes per X-ray, both rising from (0, 0), one point a distinct confidence.

    `thresholds[i]` is the lowest confidence still counted at point i; at the first point nothing is, and it is infinite.
    """

    false_boxes_per_image: np.ndarray
    sensitivity: np.ndarray
    thresholds: np.ndarray


def froc_cases(found: Sequence[FoundBoxes], truth: Sequence[ArrayLike], iou_above: float = HIT_IOU_ABOVE) -> FrocCases:
    """Match every X-ray's boxes once; a hit overlaps by more than `iou_above`, in [0, 1). Errors as in `matched_in_images`.

    Args:
        found: a prediction an X-ray, `no_boxes()` where nothing was found.
        truth: the true boxes of each X-ray, (m, 4); m may be 0.
    """
    matches = matched_in_images(found, truth, [iou_above])
    there = np.arange(matches.found_count.max(initial=0)) < matches.found_count[:, None]
    confidences, hits = np.full(there.shape, np.nan), np.zeros(there.shape, dtype=bool)
    confidences[there], hits[there] = matches.confidences, matches.hit[0] >= 0
    return FrocCases(confidences, hits, matches.true_count)


def froc(found: Sequence[FoundBoxes], truth: Sequence[ArrayLike], iou_above: float = HIT_IOU_ABOVE) -> FrocCurve:
    """Return the FROC curve, every distinct confidence taken as threshold; arguments and errors as in `froc_cases`.

    Sensitivity is NaN where there is no true box, and false boxes per X-ray where there is no X-ray.

    >>> prediction = FoundBoxes(np.array([[0, 0, 10, 9], [40, 40, 50, 50]]), np.array([0.9, 0.2]))
    >>> curve = froc([prediction, prediction], [[[0, 0, 10, 10]], []])
    >>> curve.false_boxes_per_image.tolist(), curve.sensitivity.tolist()
    ([0.0, 0.5, 1.5], [0.0, 1.0, 1.0])
    """
    cases = froc_cases(found, truth, iou_above)
    confidences, _, hits = _from_the_top(cases)
    thresholds, boxes = np.unique(-confidences, return_counts=True)
    found_from = np.r_[0, np.cumsum(boxes)]
    hit_from = np.r_[0, np.cumsum(hits)][found_from]
    return FrocCurve(
        share(found_from - hit_from, len(cases.true_boxes)), share(hit_from, cases.true_boxes.sum()), np.r_[np.inf, -thresholds]
    )


def sensitivity_at_false_boxes(
    confidences: ArrayLike, hits: ArrayLike, true_boxes: ArrayLike,
    false_boxes_per_image: ArrayLike = FALSE_BOXES_PER_IMAGE, weights: ArrayLike | None = None,
) -> np.ndarray:  # fmt: skip
    """Return the share of true boxes hit at the lowest threshold that finds at most so many false boxes per X-ray; NaN without true boxes.

    A step, not a line between points: between two confidences there is no threshold, and nothing can be reached there.
    With its interval by person it is `bootstrap_band(sensitivity_at_false_boxes, persons, *froc_cases(found, truth))`.

    Args:
        confidences, hits, true_boxes: `*froc_cases(found, truth)`.
        false_boxes_per_image: (points,), 0 or more; over all X-rays, healthy ones included.
        weights: (images,) or (draws, images), how often each X-ray counts; the result is (points,), or (draws, points).

    Raises:
        BadSetting: shapes do not fit.
    """
    cases = FrocCases(np.asarray(confidences, dtype=np.float64), np.asarray(hits, dtype=bool), np.asarray(true_boxes))
    images = len(cases.true_boxes)
    w = np.ones(images) if weights is None else np.asarray(weights, dtype=np.float64)
    if cases.confidences.ndim != 2 or cases.hits.shape != cases.confidences.shape or len(cases.hits) != images:
        shapes = [array.shape for array in cases]
        raise BadSetting(f"confidences, hits, true_boxes have shapes {shapes}; expected what froc_cases(found, truth) returns.")
    if w.ndim not in (1, 2) or w.shape[-1] != images:
        raise BadSetting(f"weights of shape {w.shape} for {images} X-rays: expected ({images},) or (draws, {images}).")
    points = np.asarray(false_boxes_per_image, dtype=np.float64)
    draws = np.atleast_2d(w)
    sensitivity = share(_hit_boxes(cases, points, draws), (draws @ cases.true_boxes)[:, None])
    return sensitivity if w.ndim == 2 else sensitivity[0]


def false_boxes_per_healthy_image(found: Sequence[FoundBoxes], truth: Sequence[ArrayLike]) -> float:
    """Return how many boxes are found on an X-ray without a true one, on average; NaN where there is no such X-ray.

    >>> one = FoundBoxes(np.array([[0, 0, 10, 9]]), np.array([0.9]))
    >>> false_boxes_per_healthy_image([one, one, FoundBoxes(np.zeros((0, 4)), np.zeros(0))], [[], [[0, 0, 10, 9]], []])
    0.5
    """
    return float(mean_over_images(false_boxes_on_healthy_images(found, truth)))


def false_boxes_on_healthy_images(found: Sequence[FoundBoxes], truth: Sequence[ArrayLike]) -> np.ndarray:
    """Return how many boxes are found on each X-ray without a true box, float64 (images,); NaN for the other X-rays.

    The interval by person is `bootstrap_interval(mean_over_images, persons, false_boxes_on_healthy_images(found, truth))`.
    """
    matches = matched_in_images(found, truth, [])
    return np.where(matches.true_count == 0, matches.found_count.astype(np.float64), np.nan)


def _from_the_top(cases: FrocCases) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return all found boxes by falling confidence: confidence, X-ray, whether it hits; each (boxes,)."""
    image, place = np.nonzero(~np.isnan(cases.confidences))
    confidences = cases.confidences[image, place]
    order = np.argsort(-confidences, kind="stable")
    return confidences[order], image[order], cases.hits[image, place][order]


def _hit_boxes(cases: FrocCases, points: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Return how many true boxes are hit at the lowest threshold with at most `points` false boxes per X-ray, (draws, points)."""
    confidences, image, hits = _from_the_top(cases)
    true_image, false_image = image[hits], image[~hits]
    # The first false box that is too many takes with it every box of its confidence: what is left are the hits before those.
    hits_before = np.r_[np.searchsorted(-confidences[hits], -confidences[~hits], side="left"), len(true_image)]
    at_once = max(1, NUMBERS_AT_ONCE // max(len(image), 1))
    counts = np.zeros((len(draws), len(points)))
    for first in range(0, len(draws), at_once):
        some = draws[first : first + at_once]
        false_up_to = np.cumsum(np.take(some, false_image, axis=1), axis=1)
        hit_up_to = np.cumsum(np.take(some, true_image, axis=1), axis=1)
        # Whole numbers of boxes are compared; what is added is for 0.1 · 30, which is a little more than 3, and its like.
        limits = points * some.sum(axis=1, keepdims=True) + 1e-9
        for row, (false_here, hit_here, limit) in enumerate(zip(false_up_to, hit_up_to, limits, strict=True)):
            counts[first + row] = np.r_[0.0, hit_here][hits_before[np.searchsorted(false_here, limit, side="right")]]
    return counts
