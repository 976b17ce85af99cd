"""The official score of every X-ray under every postprocessing, without scoring anew for each one.

An X-ray's score after its first 0, 1, 2, … boxes is computed once for each scale and suppression; a threshold, a gate or a share of the
highest confidence then only decides how many boxes stand. So thousands of settings cost no more than a few.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from radlearn.metrics.boxes import FoundBoxes, matched_in_images
from radlearn.tasks.detection.postprocessing import BoxPostprocessing, scaled_and_suppressed


@dataclass(frozen=True)
class ValidationCandidates:
    """Validation X-rays with a detector's candidates for them."""

    candidates: Sequence[FoundBoxes]
    truth: Sequence[np.ndarray]
    sizes_px: Sequence[tuple[int, int]]
    # (images,) how likely each X-ray shows anything, in [0, 1].
    image_scores: np.ndarray
    persons: Sequence[str]

    @property
    def healthy(self) -> np.ndarray:
        """Which X-rays have no true box, bool (images,)."""
        return np.array([len(boxes) == 0 for boxes in self.truth], bool)

    def only(self, chosen: np.ndarray) -> "ValidationCandidates":
        """Return the X-rays where `chosen`, bool (images,), is true."""
        places = np.flatnonzero(chosen).tolist()
        return replace(
            self,
            candidates=[self.candidates[place] for place in places],
            truth=[self.truth[place] for place in places],
            sizes_px=[self.sizes_px[place] for place in places],
            image_scores=self.image_scores[chosen],
            persons=[self.persons[place] for place in places],
        )


class Sums(NamedTuple):
    """Sums over the X-rays of each part under every setting; each array is (choices …, parts), `healthy` (parts,)."""

    scores: np.ndarray
    # How many X-rays count in the score's mean.
    counted: np.ndarray
    # Boxes that stand on healthy X-rays.
    false_boxes: np.ndarray
    healthy: np.ndarray


class PrefixScores:
    """Every X-ray's official score after its first 0, 1, 2, … boxes, for each scale and suppression.

    Args:
        ious_above: of the official score.
    """

    def __init__(self, validation_candidates: ValidationCandidates, ious_above: Sequence[float]) -> None:
        self.validation_candidates, self.ious_above = validation_candidates, ious_above
        self._shaped: dict[tuple[float, float], tuple[np.ndarray, np.ndarray]] = {}

    def standing(self, postprocessing: BoxPostprocessing) -> np.ndarray:
        """Return how many boxes of each X-ray stand, int (images,)."""
        confidences, _ = self._of(postprocessing.scale, postprocessing.suppression_iou)
        most = confidences.max(axis=1, initial=0.0)
        stands = confidences >= np.maximum(postprocessing.threshold, postprocessing.top_share * most)[:, None]
        # Padding has confidence −1, and never stands.
        return np.where(self.validation_candidates.image_scores >= postprocessing.gate, stands.sum(axis=1), 0)

    def scores(self, postprocessing: BoxPostprocessing) -> np.ndarray:
        """Return the official score of each X-ray, float (images,), NaN where it is left out."""
        _, prefix = self._of(postprocessing.scale, postprocessing.suppression_iou)
        return prefix[np.arange(len(prefix)), self.standing(postprocessing)]

    def sums(self, choices: Mapping[str, tuple[float, ...]], parts: np.ndarray) -> Sums:
        """Return, for every setting, the sums over the X-rays of each part.

        Args:
            choices: scale, suppression_iou, top_share, gate and threshold, in this order.
            parts: int (images,).
        """
        scales, suppressions, top_shares, gates, thresholds = choices.values()
        belongs = (np.unique(parts)[:, None] == parts).astype(float).T
        healthy = self.validation_candidates.healthy
        passes = self.validation_candidates.image_scores >= np.array(gates)[:, None]
        sums, counted, false_boxes = (np.zeros((*map(len, choices.values()), belongs.shape[1])) for _ in range(3))
        for a, scale in enumerate(scales):
            for b, suppression_iou in enumerate(suppressions):
                confidences, prefix = self._of(scale, suppression_iou)
                most, images = confidences.max(axis=1, initial=0.0), np.arange(len(prefix))
                for c, top_share in enumerate(top_shares):
                    for e, threshold in enumerate(thresholds):
                        standing = (confidences >= np.maximum(threshold, top_share * most)[:, None]).sum(axis=1)
                        stands = np.where(passes, standing, 0)
                        scores, place = prefix[images, stands], (a, b, c, slice(None), e)
                        sums[place], counted[place] = np.nan_to_num(scores) @ belongs, ~np.isnan(scores) @ belongs
                        false_boxes[place] = stands[:, healthy] @ belongs[healthy]
        return Sums(sums, counted, false_boxes, belongs[healthy].sum(axis=0))

    def _of(self, scale: float, suppression_iou: float) -> tuple[np.ndarray, np.ndarray]:
        """Return confidences (images, most), falling, and scores (images, most + 1)."""
        key = (scale, suppression_iou)
        if key not in self._shaped:
            of = self.validation_candidates
            shaped = [
                scaled_and_suppressed(candidates, scale, suppression_iou, size_px)
                for candidates, size_px in zip(of.candidates, of.sizes_px, strict=True)
            ]
            self._shaped[key] = _prefix_scores(shaped, of.truth, self.ious_above)
        return self._shaped[key]


def _prefix_scores(found: Sequence[FoundBoxes], truth: Sequence[np.ndarray], ious_above: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    matches = matched_in_images(found, truth, ious_above)
    most = int(matches.found_count.max(initial=0))
    place = np.arange(len(matches.image)) - np.repeat(np.cumsum(matches.found_count) - matches.found_count, matches.found_count)
    confidences = np.full((len(found), most), -1.0)
    confidences[matches.image, place] = matches.confidences
    hits = np.zeros((len(ious_above), len(found), most + 1))
    hits[:, matches.image, place + 1] = matches.hit >= 0
    true_positives = hits.cumsum(axis=2)
    # TP + FP + FN is the boxes found and the true ones, those in both counted once.
    either = np.arange(most + 1) + matches.true_count[:, None] - true_positives
    scores = np.where(either > 0, true_positives / np.maximum(either, 1), np.nan).mean(axis=0)
    # Boxes are matched by falling confidence, so what the first k boxes hit does not depend on those after them.
    return confidences, scores
