"""The prefix scores give a postprocessing the scores that its predictions have."""

import numpy as np
import pytest

from radlearn.challenges.rsna.score import BOX_SCORE
from radlearn.metrics.boxes import FoundBoxes
from radlearn.tasks.detection.postprocessing import BoxPostprocessing, postprocessed
from radlearn.tasks.detection.prefix_scores import PrefixScores, ValidationCandidates

SIZE = (1024, 1024)


def xrays_with_candidates(count: int, larger: float = 1.0, seed: int = 0) -> ValidationCandidates:
    """X-rays of which every third has a true box; the detector finds it, drawn `larger`, and proposes weaker ones elsewhere."""
    rng = np.random.default_rng(seed)
    candidates, truth = [], []
    for number in range(count):
        x, y = rng.uniform(100, 600, 2)
        box = np.array([x, y, x + 200, y + 250])
        noise = rng.uniform(100, 600, (3, 2))
        boxes, confidences = [np.concatenate([noise, noise + 150], axis=1)], [rng.uniform(0.05, 0.45, 3)]
        if number % 3 == 0:
            grown = np.array([-1, -1, 1, 1]) * np.array([100, 125, 100, 125]) * (larger - 1)
            boxes.append((box + grown + rng.normal(0, 8, 4))[None])
            confidences.append(rng.uniform(0.35, 0.9, 1))
        truth.append(box[None] if number % 3 == 0 else np.zeros((0, 4)))
        candidates.append(FoundBoxes(np.concatenate(boxes), np.concatenate(confidences)))
    scores = np.array([prediction.confidences.max() for prediction in candidates])
    return ValidationCandidates(candidates, truth, [SIZE] * count, scores, [f"person {number // 2}" for number in range(count)])


@pytest.mark.parametrize(
    "postprocessing",
    [
        BoxPostprocessing(),
        BoxPostprocessing(threshold=0.04),
        BoxPostprocessing(threshold=0.3, scale=0.84, suppression_iou=0.1),
        BoxPostprocessing(threshold=0.1, top_share=0.7, gate=0.4),
    ],
)
def test_the_table_gives_the_score_of_the_predictions_themselves(postprocessing: BoxPostprocessing) -> None:
    xrays = xrays_with_candidates(90)
    predictions = [
        postprocessed(candidates, postprocessing, size, score)
        for candidates, size, score in zip(xrays.candidates, xrays.sizes_px, xrays.image_scores, strict=True)
    ]
    table = PrefixScores(xrays, BOX_SCORE.ious_above)
    assert table.standing(postprocessing).tolist() == [len(prediction.confidences) for prediction in predictions]
    np.testing.assert_allclose(table.scores(postprocessing), BOX_SCORE.image_scores(predictions, xrays.truth))


def test_sums_over_parts_are_the_xrays_own_numbers_added_up() -> None:
    xrays = xrays_with_candidates(60)
    parts = np.arange(60) % 3
    choices = {"scale": (1.0, 0.9), "suppression_iou": (0.3,), "top_share": (0.0, 0.5), "gate": (0.0, 0.4), "threshold": (0.1, 0.3, 0.6)}
    table = PrefixScores(xrays, BOX_SCORE.ious_above)
    sums = table.sums(choices, parts)
    assert sums.scores.shape == sums.counted.shape == sums.false_boxes.shape == (2, 1, 2, 2, 3, 3)
    postprocessing = BoxPostprocessing(threshold=0.3, scale=0.9, top_share=0.5, gate=0.4)
    scores, standing = table.scores(postprocessing), table.standing(postprocessing)
    for part in range(3):
        here = parts == part
        assert sums.scores[1, 0, 1, 1, 1, part] == pytest.approx(np.nansum(scores[here]))
        assert sums.counted[1, 0, 1, 1, 1, part] == (~np.isnan(scores[here])).sum()
        assert sums.false_boxes[1, 0, 1, 1, 1, part] == standing[here & xrays.healthy].sum()
        assert sums.healthy[part] == (xrays.healthy & here).sum()


def test_some_of_the_xrays_score_as_they_do_among_all() -> None:
    xrays, postprocessing = xrays_with_candidates(40), BoxPostprocessing(threshold=0.2)
    chosen = np.arange(40) % 4 == 1
    some, whole = (PrefixScores(one, BOX_SCORE.ious_above).scores(postprocessing) for one in (xrays.only(chosen), xrays))
    np.testing.assert_array_equal(some, whole[chosen])
    assert xrays.only(chosen).persons == [f"person {number // 2}" for number in range(1, 40, 4)]
