"""Boxes: how far two overlap, and which found box hits which true one.

A box is `(x0, y0, x1, y1)`, x to the right and y down, its width x1 − x0: no pixel is added. Every score of found boxes rests on
one rule of matching, which is defined here once.

In whole pixels all areas are exact, and so is every comparison: two IoUs of boxes on a 1024-pixel X-ray that differ at all differ by
more than 2e-13. In fractions of pixels the corners themselves are rounded, by about 1e-14 of an IoU. So a difference of at most
`ROUNDING` is none: an IoU "exactly" at a threshold is not above it, however the corners were computed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from radlearn.errors import BadSetting
from radlearn.metrics.predictions import OneOrPerDraw, share

ROUNDING = 1e-13


class FoundBoxes(NamedTuple):
    """The boxes a model found on one X-ray, in the order in which they stand in its prediction."""

    boxes_xyxy_px: np.ndarray  # float64 (boxes, 4): x0, y0, x1, y1 in pixels, origin top left
    confidences: np.ndarray  # float64 (boxes,), in [0, 1]


@dataclass(frozen=True)
class MatchedBoxes:
    """The found boxes of many X-rays in one row after another, and the true box that each hits.

    The order is that of the X-rays and, within an X-ray, of its prediction.
    """

    image: np.ndarray  # int (boxes,), the X-ray's number
    confidences: np.ndarray  # float64 (boxes,)
    hit: np.ndarray  # int (thresholds, boxes): which true box of its X-ray, or -1
    found_count: np.ndarray  # int (images,)
    true_count: np.ndarray  # int (images,)


def no_boxes() -> FoundBoxes:
    """Return the prediction of a model that found nothing."""
    return FoundBoxes(np.zeros((0, 4)), np.zeros(0))


def iou(boxes_xyxy: ArrayLike, others_xyxy: ArrayLike) -> np.ndarray:
    """Return the intersection over union, |A∩B| / |A∪B|, of every pair of boxes (n, 4) and (m, 4): float64 (n, m), in [0, 1].

    Raises:
        BadSetting: a box is not finite or has no area.

    Source: Jaccard 1912, New Phytologist 11(2):37, doi:10.1111/j.1469-8137.1912.tb05611.x.

    >>> iou([[0, 0, 10, 10]], [[0, 0, 10, 5], [10, 0, 20, 10]]).tolist()
    [[0.5, 0.0]]
    """
    boxes, others = checked_boxes(boxes_xyxy, "boxes_xyxy"), checked_boxes(others_xyxy, "others_xyxy")
    return _overlap(boxes[:, None], others[None])


def generalised_iou(boxes_xyxy: ArrayLike, others_xyxy: ArrayLike) -> np.ndarray:
    """Return IoU − (|C| − |A∪B|) / |C| of every pair, C being the smallest box around both: it tells near misses from far ones.

    Arguments and errors as in `iou`; float64 (n, m), in (-1, 1].

    Source: Rezatofighi et al. 2019, arXiv:1902.09630.

    >>> generalised_iou([[0, 0, 1, 1]], [[0, 0, 1, 1], [3, 0, 4, 1]]).tolist()
    [[1.0, -0.5]]
    """
    boxes = checked_boxes(boxes_xyxy, "boxes_xyxy")[:, None]
    others = checked_boxes(others_xyxy, "others_xyxy")[None]
    around = np.prod(np.maximum(boxes[..., 2:], others[..., 2:]) - np.minimum(boxes[..., :2], others[..., :2]), axis=-1)
    both = _intersection(boxes, others)
    union = _area(boxes) + _area(others) - both
    return both / union - (around - union) / around


def matched(found: FoundBoxes, truth_xyxy_px: ArrayLike, iou_above: float) -> np.ndarray:
    """Return which true box each found box of one X-ray hits, int (n,), or -1 where none is hit.

    The found boxes take their turn by falling confidence, equal ones in the order of the prediction. Each hits, of the true boxes that
    are still free, the one it overlaps most (the first of equals), if that IoU is greater than `iou_above`; equal is not enough.

    Args:
        found: the prediction for the X-ray.
        truth_xyxy_px: (m, 4), in the order of the labels table.
        iou_above: in [0, 1).

    Raises:
        BadSetting: a box is not finite or has no area, or confidences are not one a box, in [0, 1].

    >>> prediction = FoundBoxes(np.array([[0, 0, 10, 9], [0, 0, 10, 10], [50, 0, 60, 4]]), np.array([0.5, 0.9, 0.8]))
    >>> matched(prediction, [[0, 0, 10, 10], [50, 0, 60, 10]], iou_above=0.4).tolist()
    [-1, 0, -1]
    """
    return matched_in_images([found], [np.asarray(truth_xyxy_px)], [iou_above]).hit[0]


def matched_in_images(found: Sequence[FoundBoxes], truth: Sequence[ArrayLike], ious_above: Sequence[float]) -> MatchedBoxes:
    """Match the boxes of many X-rays at several IoU thresholds at once; `matched` states the rule.

    Args:
        found: a prediction an X-ray.
        truth: the true boxes of each X-ray, (m, 4); m may be 0.
        ious_above: (thresholds,), each in [0, 1).

    Raises:
        BadSetting: as `matched`, or the numbers of X-rays differ.
    """
    if len(found) != len(truth):
        counts = f"{len(found):,} predictions for {len(truth):,} X-rays"
        raise BadSetting(f"{counts}; expected one an X-ray (`no_boxes()` where nothing was found).")
    if any(not 0 <= above < 1 for above in ious_above):
        raise BadSetting(f"iou_above is {list(ious_above)}; expected 0 or more, and less than 1.")
    boxes, confidences, found_count = _flat_predictions(found)
    true_boxes, true_count = _flat([np.asarray(some) for some in truth], "true")
    image = np.repeat(np.arange(len(found)), found_count)
    predictions = MatchedBoxes(image, confidences, np.full((len(ious_above), len(boxes)), -1), found_count, true_count)
    if len(boxes) and len(true_boxes) and len(ious_above):
        _match(boxes, predictions, _padded(true_boxes, true_count), np.asarray(ious_above, dtype=np.float64))
    return predictions


def mean_over_images(values: ArrayLike, weights: ArrayLike | None = None) -> OneOrPerDraw:
    """Return the mean of one number an X-ray (or a row of them), X-rays that have none (NaN) left out; NaN where no X-ray counts.

    Args:
        values: float (images,) or (images, points), NaN where an X-ray does not count.
        weights: (images,) or (draws, images), how often each X-ray counts. For weights of two dimensions the result has (draws,) in front.

    >>> float(mean_over_images([1.0, 0.0, float("nan")]))
    0.5
    """
    numbers = np.asarray(values, dtype=np.float64)
    w = np.ones(len(numbers)) if weights is None else np.asarray(weights, dtype=np.float64)
    if numbers.ndim not in (1, 2) or w.ndim not in (1, 2) or w.shape[-1] != len(numbers):
        found = f"values of shape {numbers.shape}, weights of shape {w.shape}"
        raise BadSetting(f"{found}: expected (images,) or (images, points), and one weight an X-ray in each draw.")
    counts = ~np.isnan(numbers)
    return share(w @ np.where(counts, numbers, 0.0), w @ counts.astype(np.float64))


def checked_boxes(boxes_xyxy: ArrayLike, name: str) -> np.ndarray:
    """Return boxes as float64 (n, 4), or say what is wrong with them; anything empty is (0, 4)."""
    boxes = np.asarray(boxes_xyxy)
    if boxes.size == 0:
        return np.zeros((0, 4))
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise BadSetting(f"{name}: shape is {boxes.shape}; expected (boxes, 4): x0, y0, x1, y1.")
    boxes = boxes.astype(np.float64)
    # A NaN is never greater: written this way round, it is among the bad ones.
    good = np.isfinite(boxes).all(axis=1) & (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    if len(bad := np.flatnonzero(~good)):
        corners = ", ".join(f"{corner:g}" for corner in boxes[bad[0]])
        raise BadSetting(f"{name}: box {bad[0]} is ({corners}); expected finite x0 < x1 and y0 < y1 (corners, not x, y, width, height).")
    return boxes


def _flat_predictions(found: Sequence[FoundBoxes]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return all found boxes (boxes, 4), their confidences (boxes,), and how many each X-ray has (images,)."""
    boxes, counts = _flat([np.asarray(prediction[0]) for prediction in found], "found")
    lists = [np.asarray(prediction[1], dtype=np.float64) for prediction in found]
    for number, (some, count) in enumerate(zip(lists, counts, strict=True)):
        if some.shape != (count,) and some.size + count > 0:
            raise BadSetting(f"X-ray {number}: {count} found boxes, confidences of shape {some.shape}; expected one confidence a box.")
    confidences = np.concatenate([some.ravel() for some in lists]) if lists else np.zeros(0)
    if len(bad := np.flatnonzero(~((confidences >= 0) & (confidences <= 1)))):
        number = int(np.searchsorted(np.cumsum(counts), bad[0], side="right"))
        raise BadSetting(f"X-ray {number}: a confidence is {confidences[bad[0]]:g}; expected 0 to 1. Logits go through a sigmoid first.")
    return boxes, confidences, counts


def _flat(lists: Sequence[np.ndarray], kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the boxes of all X-rays (boxes, 4), and how many each has (images,)."""
    counts = np.array([len(some) if some.size else 0 for some in lists], dtype=int)
    try:
        return checked_boxes(np.concatenate([np.zeros((0, 4)), *(some for some in lists if some.size)]), kind), counts
    except (BadSetting, ValueError):
        # All at once is fast; the X-ray is named only when there is something to name.
        for number, some in enumerate(lists):
            checked_boxes(some, f"X-ray {number}, {kind} boxes")
        raise


def _padded(true_boxes: np.ndarray, true_count: np.ndarray) -> np.ndarray:
    """Return the true boxes as (images, most, 4); what is filled up has no area, so nothing overlaps it."""
    padded = np.zeros((len(true_count), int(true_count.max()), 4))
    padded[np.arange(padded.shape[1]) < true_count[:, None]] = true_boxes
    return padded


def _match(boxes: np.ndarray, predictions: MatchedBoxes, truth: np.ndarray, above: np.ndarray) -> None:
    """Fill `predictions.hit`: first every X-ray's most confident box takes its turn, then every X-ray's second, and so on."""
    order = np.flatnonzero(predictions.true_count[predictions.image] > 0)
    order = order[np.lexsort((-predictions.confidences[order], predictions.image[order]))]
    overlaps = _overlap(boxes[order, None], truth[predictions.image[order]])
    # Most boxes come near no true one. They can hit nothing, whatever the others do.
    near = overlaps.max(axis=1) - above.min() > ROUNDING
    order, overlaps = order[near], overlaps[near]
    image = predictions.image[order]
    turn = np.arange(len(order)) - np.searchsorted(image, image, side="left")
    free = np.repeat((np.arange(truth.shape[1]) < predictions.true_count[:, None])[None], len(above), axis=0)
    thresholds = np.arange(len(above))[:, None]
    for rows in np.split(np.argsort(turn, kind="stable"), np.cumsum(np.bincount(turn))):
        candidates = np.where(free[:, image[rows]], overlaps[rows], -1.0)
        best = candidates.max(axis=-1)
        choice = np.argmax(candidates >= best[..., None] - ROUNDING, axis=-1)
        hits = best - above[:, None] > ROUNDING
        free[thresholds, image[rows], choice] &= ~hits
        predictions.hit[:, order[rows]] = np.where(hits, choice, -1)


def _overlap(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    both = _intersection(boxes, others)
    return both / (_area(boxes) + _area(others) - both)


def _intersection(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    sides = np.minimum(boxes[..., 2:], others[..., 2:]) - np.maximum(boxes[..., :2], others[..., :2])
    return np.prod(np.maximum(sides, 0.0), axis=-1)


def _area(boxes: np.ndarray) -> np.ndarray:
    return np.prod(boxes[..., 2:] - boxes[..., :2], axis=-1)
