"""Several predictions for one X-ray made into one: the mirror image's, another run's.

Weighted box fusion: suppression keeps the most confident of several boxes on the same spot; fusion takes their weighted mean, which lies
better than any of them, and lowers the confidence of a box that few predictions hold.

Source: Solovyev, Wang & Gabruseva 2021, Image and Vision Computing 107:104117, doi:10.1016/j.imavis.2021.104117.
"""

from collections.abc import Sequence

import numpy as np

from radlearn.metrics.boxes import FoundBoxes, iou

FUSION_IOU = 0.5


def fused(predictions: Sequence[FoundBoxes], iou_above: float = FUSION_IOU) -> FoundBoxes:
    """Return one prediction for an X-ray from several.

    Unlike the original, a fused box takes at most one box of each prediction: the faint ones that surround every sure one would else pull
    its confidence down.

    Args:
        predictions: each of them complete.
        iou_above: boxes that overlap a fused box by more than this join it, or are dropped where their prediction has joined already.

    Returns:
        boxes in descending confidence. A box's place is the mean of those that joined, weighted by confidence; its confidence is their
        sum, divided by the number of predictions: one without the box counts as 0.

    >>> seen = FoundBoxes(np.array([[0.0, 0, 10, 10]]), np.array([0.8]))
    >>> both = fused([seen, FoundBoxes(np.array([[2.0, 0, 12, 10]]), np.array([0.4]))])
    >>> both.boxes_xyxy_px.round(2).tolist(), both.confidences.round(2).tolist()
    ([[0.67, 0.0, 10.67, 10.0]], [0.6])
    """
    boxes = np.concatenate([np.asarray(prediction.boxes_xyxy_px, float).reshape(-1, 4) for prediction in predictions])
    confidences = np.concatenate([np.asarray(prediction.confidences, float).ravel() for prediction in predictions])
    of_prediction = np.repeat(np.arange(len(predictions)), [len(prediction.confidences) for prediction in predictions])
    clusters: list[list[int]] = []
    places = np.zeros((0, 4))
    for number in np.argsort(-confidences, kind="stable"):
        overlaps = iou(boxes[number][None], places)[0] if len(places) else np.zeros(0)
        if not len(overlaps) or overlaps.max() <= iou_above:
            clusters.append([int(number)])
            places = np.concatenate([places, boxes[number][None]])
            continue
        nearest = int(overlaps.argmax())
        if of_prediction[number] not in of_prediction[clusters[nearest]]:
            clusters[nearest].append(int(number))
            places[nearest] = _weighted_mean(boxes[clusters[nearest]], confidences[clusters[nearest]])
    held = np.array([confidences[of].sum() / len(predictions) for of in clusters])
    order = np.argsort(-held, kind="stable")
    return FoundBoxes(places[order], held[order])


def mirrored(prediction: FoundBoxes, width_px: float) -> FoundBoxes:
    """Return the boxes of an X-ray's mirror image, put back on the X-ray of this width."""
    x0, y0, x1, y1 = np.asarray(prediction.boxes_xyxy_px, float).reshape(-1, 4).T
    return FoundBoxes(np.stack([width_px - x1, y0, width_px - x0, y1], axis=1), prediction.confidences)


def _weighted_mean(boxes: np.ndarray, confidences: np.ndarray) -> np.ndarray:
    weights = np.maximum(confidences, 1e-9)
    return (boxes * weights[:, None]).sum(axis=0) / weights.sum()
