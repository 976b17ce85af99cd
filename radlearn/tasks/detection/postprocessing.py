"""From a detector's candidates to its prediction: which boxes stand, how large, and on which X-rays any at all.

The official score decides this, not the network's training: a box on a healthy X-ray costs the whole X-ray, a box of low confidence
costs as much as one of high, and how tightly readers draw counts as much as anatomy. So these few numbers are chosen on validation
persons, and kept in the run folder.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Interval, Len
from pydantic import AfterValidator, ConfigDict
from typing_extensions import TypedDict

from radlearn.errors import BadSetting
from radlearn.metrics.boxes import FoundBoxes, iou
from radlearn.training.run_files import AblationInFile, Amount, Share, ViewShares, as_long_as

MOST_OVER = 0.05


class StepInFile(AblationInFile):
    """A step of the search, with the official score."""

    score: Share | None
    cross_fitted_score: Share | None
    cross_fitted_false_boxes_per_healthy_image: Amount | None


class CurveInFile(TypedDict):
    """What `search.threshold_curve` returns; None where a score is not defined."""

    threshold: Annotated[list[Share], Len(1)]
    score: list[Share | None]
    false_boxes_per_healthy_image: list[Amount | None]


def _of_a_box(corners: list[float]) -> list[float]:
    x0, y0, x1, y1 = corners
    # A box may reach over its X-ray by a pixel.
    if not (-MOST_OVER <= x0 < x1 <= 1 + MOST_OVER and -MOST_OVER <= y0 < y1 <= 1 + MOST_OVER):
        raise ValueError("x0, y0, x1, y1 should be shares of the X-ray, from 0 to 1, x0 below x1 and y0 below y1")
    return corners


class Beside(TypedDict, total=False):
    """What stands beside the postprocessing: where its boxes come from, what the trivial baselines learnt."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    # What the candidates come from, in words: `candidates.SOURCES`, or those of an ensemble.
    source: str
    gated_by_table: bool
    ablation: Annotated[list[StepInFile], Len(1)]
    curve: Annotated[CurveInFile, AfterValidator(as_long_as("threshold", "score", "false_boxes_per_healthy_image"))]
    view_shares: ViewShares
    brightness_sign: Literal[-1, 1]
    # Of a mean of pixels from 0 to 1; a little beyond where no X-ray is called positive.
    brightness_cut: Annotated[float, Interval(ge=-0.01, le=1.01)]
    mean_box_xyxy_share: Annotated[list[float], Len(4, 4), AfterValidator(_of_a_box)]
    origin: str


@dataclass(frozen=True)
class BoxPostprocessing:
    """How candidates become a prediction.

    Raises:
        BadSetting: if a number is outside what it may be.
    """

    BESIDE: ClassVar = Beside

    # Boxes below this confidence are removed.
    threshold: float = 0.5
    # Width and height are multiplied by this, around the centre.
    scale: float = 1.0
    # Of two boxes that overlap by more than this IoU the less confident is removed.
    suppression_iou: float = 0.3
    # Boxes below this share of the X-ray's highest confidence are removed.
    top_share: float = 0.0
    # An X-ray whose image-level score is below this has no box; 0 lets every X-ray pass.
    gate: float = 0.0

    def __post_init__(self) -> None:
        for name, most in (("threshold", 1), ("scale", 4), ("suppression_iou", 1), ("top_share", 1), ("gate", 1)):
            if not 0 <= getattr(self, name) <= most:
                raise BadSetting(f"{name} is {getattr(self, name)!r}; it must be from 0 to {most}.")
        if self.scale == 0:
            raise BadSetting("scale is 0, which leaves no box; it must be above 0.")


def postprocessed(candidates: FoundBoxes, postprocessing: BoxPostprocessing, size_px: tuple[int, int], image_score: float) -> FoundBoxes:
    """Return the boxes that stand, in descending confidence.

    Args:
        candidates: of one X-ray, boxes in its pixels.
        size_px: (height, width) of the X-ray; boxes are cut off at its borders.
        image_score: how likely the X-ray shows the finding, in [0, 1].
    """
    shaped = scaled_and_suppressed(candidates, postprocessing.scale, postprocessing.suppression_iou, size_px)
    most = shaped.confidences.max(initial=0.0)
    stands = shaped.confidences >= max(postprocessing.threshold, postprocessing.top_share * most)
    if image_score < postprocessing.gate:
        stands[:] = False
    return FoundBoxes(shaped.boxes_xyxy_px[stands], shaped.confidences[stands])


def scaled_and_suppressed(candidates: FoundBoxes, scale: float, suppression_iou: float, size_px: tuple[int, int]) -> FoundBoxes:
    """Return candidates in descending confidence after non-maximum suppression, scaled and clipped to the X-ray."""
    order = np.argsort(-np.asarray(candidates.confidences), kind="stable")
    boxes = np.asarray(candidates.boxes_xyxy_px, float).reshape(-1, 4)[order]
    confidences = np.asarray(candidates.confidences, float)[order]
    overlap = iou(boxes, boxes)
    stands = np.ones(len(boxes), bool)
    for number in range(len(boxes)):
        if stands[number]:
            stands[number + 1 :] &= overlap[number, number + 1 :] <= suppression_iou
    boxes, confidences = boxes[stands], confidences[stands]
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2 * scale
    height, width = size_px
    boxes = np.clip(np.concatenate([middle - half, middle + half], axis=1), 0, [width, height, width, height])
    real = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    return FoundBoxes(boxes[real], confidences[real])


def in_words(postprocessing: BoxPostprocessing, source: str) -> str:
    """Return what a postprocessing does, in words.

    >>> in_words(BoxPostprocessing(threshold=0.32, scale=0.875), "the image alone")
    'Boxes from the image alone; confidence at least 0.32; non-maximum suppression above an IoU of 0.3; width and height times 0.875.'
    """
    steps = [f"Boxes from {source}", f"confidence at least {postprocessing.threshold:g}"]
    steps.append(f"non-maximum suppression above an IoU of {postprocessing.suppression_iou:g}")
    steps += [f"at least {postprocessing.top_share:g} of the X-ray's highest confidence"] * (postprocessing.top_share > 0)
    steps += [f"width and height times {postprocessing.scale:g}"] * (postprocessing.scale != 1)
    steps += [f"none on X-rays with an image-level score below {postprocessing.gate:g}"] * (postprocessing.gate > 0)
    return "; ".join(steps) + "."
