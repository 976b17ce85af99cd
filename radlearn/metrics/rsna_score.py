"""The official score of the RSNA Pneumonia Detection Challenge 2018.

For each IoU threshold 0.40, 0.45, …, 0.75 the found boxes are matched to the true ones (`boxes.matched` tells the rule), and the X-ray
gets TP / (TP + FP + FN); the X-ray's score is the mean over the eight thresholds, the challenge's the mean over the X-rays. An X-ray
without a true box scores 0 if anything is found, and is left out of the mean if nothing is.

So it is no average precision as COCO has it: every box that is found too much costs, however low its confidence, and a healthy X-ray
that is left alone earns nothing. The best of the challenge reached about 0.25.

The confidences only say whose turn it is, so the score with all boxes below a cut thrown away needs no new matching: a box that takes
its turn later cannot change what was hit before. That makes the curve over the cut as cheap as one score.

Source: the challenge's evaluation page, kaggle.com/competitions/rsna-pneumonia-detection-challenge. Much code in circulation goes
over the true boxes first, or counts an IoU equal to the threshold; its figures differ.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from radlearn.errors import BadSetting
from radlearn.metrics.boxes import FoundBoxes, matched_in_images, mean_over_images

# Twentieths, not np.arange(0.4, 0.8, 0.05): that holds 0.6000000000000001, and an IoU of exactly 0.6 is compared with it.
RSNA_IOU_THRESHOLDS = tuple(k / 20 for k in range(8, 16))


def rsna_score(found: Sequence[FoundBoxes], truth: Sequence[ArrayLike]) -> float:
    """Return the challenge's score of many X-rays.

    Args:
        found: a prediction an X-ray, `no_boxes()` where nothing was found.
        truth: the true boxes of each X-ray, (m, 4), in the order of the labels table; m may be 0.

    Returns:
        float in [0, 1]; NaN where no X-ray counts: none has a true box, and nothing was found.

    Raises:
        BadSetting: numbers of X-rays differ, a box is not finite or has no area, confidences are not one a box in [0, 1].

    >>> from radlearn.metrics.boxes import no_boxes
    >>> prediction = FoundBoxes(np.array([[0, 0, 10, 10], [40, 40, 50, 50]]), np.array([0.9, 0.2]))
    >>> rsna_score([prediction, no_boxes()], [[[0, 0, 10, 6]], []])  # IoU 0.6: a hit at 4 of 8 thresholds, beside one false box
    0.25
    """
    return float(mean_over_images(rsna_image_scores(found, truth)))


def rsna_image_scores(found: Sequence[FoundBoxes], truth: Sequence[ArrayLike]) -> np.ndarray:
    """Return the score of each X-ray; arguments and errors as in `rsna_score`.

    The interval by person is `bootstrap_interval(mean_over_images, persons, rsna_image_scores(found, truth))`.

    Returns:
        float64 (images,), in [0, 1]; NaN where the X-ray is left out of the mean: no true box, and none found.
    """
    return rsna_image_scores_above(found, truth, [0.0])[:, 0]


def rsna_image_scores_above(found: Sequence[FoundBoxes], truth: Sequence[ArrayLike], least_confidences: ArrayLike) -> np.ndarray:
    """Return the score of each X-ray with only the boxes whose confidence is at least each of `least_confidences`.

    The curve over the cut, with its band, is `bootstrap_band(mean_over_images, persons, rsna_image_scores_above(…))`.

    Args:
        found, truth: as in `rsna_score`.
        least_confidences: (cuts,), any order.

    Returns:
        float64 (images, cuts), NaN where the X-ray is left out of the mean. Mind that fewer X-rays count at a higher cut.
    """
    cuts = np.asarray(least_confidences, dtype=np.float64)
    if cuts.ndim != 1 or np.isnan(cuts).any():
        raise BadSetting(f"least_confidences is {least_confidences!r}; expected one row of numbers.")
    matches = matched_in_images(found, truth, RSNA_IOU_THRESHOLDS)
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
    return scores / len(RSNA_IOU_THRESHOLDS)
