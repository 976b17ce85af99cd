"""The mean of TP / (TP + FP + FN) over IoU thresholds and images: how a challenge scores found boxes without ranking them.

At each IoU threshold the found boxes are matched to the true ones (`boxes.matched` states the rule), and the X-ray gets
TP / (TP + FP + FN); the X-ray's score is the mean over the thresholds, the data set's the mean over the X-rays. An X-ray without a true
box scores 0 if anything is found, and is left out of the mean if nothing is.

So this is not COCO's average precision: every false box costs, however low its confidence, and a healthy X-ray without a found box
earns nothing.

The confidences only set the order of matching, so the score with all boxes below a cut removed needs no new matching: a box that is
matched later cannot change what was hit before. That makes the curve over the cut as cheap as one score.

Source: the evaluation page of the challenge that a `BoxScore` belongs to.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from radlearn.errors import BadSetting
from radlearn.metrics.boxes import FoundBoxes, matched_in_images, mean_over_images


def detection_score(found: Sequence[FoundBoxes], truth: Sequence[ArrayLike], ious_above: Sequence[float]) -> float:
    """Return the score of many X-rays, in [0, 1]; NaN where no X-ray counts: none has a true box, and nothing was found.

    Args:
        found: a prediction an X-ray, `no_boxes()` where nothing was found.
        truth: the true boxes of each X-ray, (m, 4), in the order of the labels table; m may be 0.
        ious_above: IoU thresholds, each in [0, 1); a hit overlaps by more than the threshold.

    Raises:
        BadSetting: numbers of X-rays differ, a box is not finite or has no area, confidences are not one a box in [0, 1].

    >>> from radlearn.metrics.boxes import no_boxes
    >>> prediction = FoundBoxes(np.array([[0, 0, 10, 10], [40, 40, 50, 50]]), np.array([0.9, 0.2]))
    >>> detection_score([prediction, no_boxes()], [[[0, 0, 10, 6]], []], [0.5, 0.6])  # IoU 0.6: a hit at one of two, and one false box
    0.25
    """
    return float(mean_over_images(detection_image_scores(found, truth, ious_above)))


def detection_image_scores(found: Sequence[FoundBoxes], truth: Sequence[ArrayLike], ious_above: Sequence[float]) -> np.ndarray:
    """Return the score of each X-ray, float64 (images,); NaN where it is left out of the mean. Arguments as in `detection_score`.

    The interval by person is `bootstrap_interval(mean_over_images, persons, detection_image_scores(found, truth, ious_above))`.
    """
    return detection_image_scores_above(found, truth, ious_above, [0.0])[:, 0]


def detection_image_scores_above(
    found: Sequence[FoundBoxes], truth: Sequence[ArrayLike], ious_above: Sequence[float], least_confidences: ArrayLike
) -> np.ndarray:
    """Return the score of each X-ray with only the boxes whose confidence is at least each of `least_confidences`, (cuts,) in any order.

    float64 (images, cuts), NaN where the X-ray is left out of the mean. Mind that fewer X-rays count at a higher cut. The curve over the
    cut, with its band, is `bootstrap_band(mean_over_images, persons, detection_image_scores_above(…))`.
    """
    cuts = np.asarray(least_confidences, dtype=np.float64)
    if cuts.ndim != 1 or np.isnan(cuts).any():
        raise BadSetting(f"least_confidences is {least_confidences!r}; expected one row of numbers.")
    matches = matched_in_images(found, truth, ious_above)
    images = len(matches.true_count)
    scores = np.zeros((images, len(cuts)))
    for column, cut in enumerate(cuts):
        kept = matches.confidences >= cut
        boxes = np.bincount(matches.image[kept], minlength=images) + matches.true_count
        for hit in matches.hit:
            hits = np.bincount(matches.image[kept & (hit >= 0)], minlength=images)
            # A hit box is found and true, and counts once: TP + FP + FN = found + true − hits.
            scores[:, column] += hits / np.maximum(boxes - hits, 1)
        scores[boxes == 0, column] = np.nan
    return scores / len(ious_above)
