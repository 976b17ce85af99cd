"""What an evaluation keeps of each X-ray, and the scores that are functions of it. Imports neither torch nor MONAI, for `compare`."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from radlearn.challenges.challenge import AnyChallenge, BoxScore
from radlearn.errors import BadSetting
from radlearn.metrics import ranking
from radlearn.metrics.boxes import mean_over_images
from radlearn.metrics.case_scores import CaseScore
from radlearn.metrics.predictions import OneOrPerDraw, pooled_share
from radlearn.workflow.cases_file import CaseFormat, CaseQuality

# Beside the official score, which comes first.
FOUND_AND_PAID = ("sensitivity", "false_boxes_per_healthy_image", "false_boxes_per_image", "precision")
BOXES = ("hits", "found_boxes")


def case_format(challenge: AnyChallenge) -> CaseFormat:
    """Return the columns of an X-ray and the scores over X-rays, the official one under the name that its challenge gives it.

    Raises:
        BadSetting: if the challenge has no score of boxes.
    """
    if challenge.box_score is None:
        raise BadSetting(f"{challenge.title} has no score of boxes; detection needs one.")
    return box_cases(challenge.box_score)


def box_cases(box_score: BoxScore) -> CaseFormat:
    """Return the columns of an X-ray and the scores over X-rays."""
    counts = dict.fromkeys(("hits", "true_boxes", "found_boxes"), int)
    return CaseFormat(
        columns={"label": bool, "view": str, "image_score": float, "official_score": float, **counts},
        truth=("label", "view", "true_boxes"),
        scores=case_scores(box_score),
        quality=CaseQuality(f"{box_score.label} of the X-ray; 1 where rightly nothing was found", quality_of_boxes, ("official_score",)),
        conditions=("hit_iou_above",),
        # The standard deviation over the runs of their highest confidence, 0 to 0.5.
        of_ensembles={"disagreement": float},
    )


def case_scores(box_score: BoxScore) -> dict[str, CaseScore]:
    """Return the scores over X-rays, by their names in `scores.json`: the official one, `FOUND_AND_PAID`, then those of image scores."""
    per_image: dict[str, Any] = {"higher_is_better": False, "unit": "per X-ray"}
    return {
        box_score.name: CaseScore(function=mean_over_images, columns=("official_score",), headline=True),
        "sensitivity": CaseScore(function=pooled_share, columns=("hits", "true_boxes"), headline=True),
        "false_boxes_per_healthy_image": CaseScore(
            function=false_boxes_per_healthy_image, columns=(*BOXES, "true_boxes"), headline=True, **per_image
        ),
        "false_boxes_per_image": CaseScore(function=false_boxes_per_image, columns=BOXES, **per_image),
        "precision": CaseScore(function=pooled_share, columns=BOXES),
        "auroc_score": CaseScore(function=ranking.auroc_score, columns=("image_score", "label"), headline=True),
        "within_view_auroc_score": CaseScore(
            function=ranking.within_view_auroc_score, columns=("image_score", "label", "view"), headline=True
        ),
    }


def false_boxes_per_image(hits: ArrayLike, found_boxes: ArrayLike, weights: ArrayLike | None = None) -> OneOrPerDraw:
    """Return the mean number of found boxes that hit nothing, over all X-rays; NaN without X-rays. `weights` as in `pooled_share`.

    >>> float(false_boxes_per_image([1, 0], [1, 3]))
    1.5
    """
    return mean_over_images(np.asarray(found_boxes, dtype=np.float64) - np.asarray(hits), weights)


def false_boxes_per_healthy_image(
    hits: ArrayLike, found_boxes: ArrayLike, true_boxes: ArrayLike, weights: ArrayLike | None = None
) -> OneOrPerDraw:
    """Return the mean number of found boxes over the X-rays without a true one; NaN if there is none. `weights` as in `pooled_share`.

    >>> float(false_boxes_per_healthy_image([1, 0, 0], [3, 1, 0], [1, 0, 0]))
    0.5
    """
    false = np.asarray(found_boxes, dtype=np.float64) - np.asarray(hits)
    return mean_over_images(np.where(np.asarray(true_boxes) == 0, false, np.nan), weights)


def quality_of_boxes(official_score: ArrayLike) -> np.ndarray:
    """Return the official score of each X-ray, float64 (cases,); 1 where it is left out: nothing is there, and nothing was found.

    >>> quality_of_boxes([0.25, float("nan")]).tolist()
    [0.25, 1.0]
    """
    score = np.asarray(official_score, dtype=np.float64)
    return np.where(np.isnan(score), 1.0, score)
