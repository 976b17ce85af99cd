"""The postprocessing is chosen for the official score, and every step is worth what it says."""

from dataclasses import replace

import numpy as np
import pytest

from radlearn.challenges.rsna.score import BOX_SCORE
from radlearn.metrics.boxes import FoundBoxes
from radlearn.tasks.detection.postprocessing import BoxPostprocessing, postprocessed
from radlearn.tasks.detection.prefix_scores import PrefixScores
from radlearn.tasks.detection.search import THRESHOLDS, nested_gain, threshold_curve, tuned
from tests.tasks.detection.test_prefix_scores import SIZE, xrays_with_candidates


def test_boxes_drawn_too_large_are_found_out_and_shrunk() -> None:
    _, postprocessing, ablation = tuned({"the image alone": xrays_with_candidates(240, larger=1.2)}, BOX_SCORE)
    assert 0.8 <= postprocessing.scale <= 0.875
    by_step = {step.step: step for step in ablation}
    assert by_step["box scale"].taken
    assert by_step["box scale"].cross_fitted > by_step["score threshold"].cross_fitted + 0.05


def test_a_step_that_does_not_help_strangers_is_not_taken_up() -> None:
    _, postprocessing, ablation = tuned({"the image alone": xrays_with_candidates(240)}, BOX_SCORE)
    assert 0.96 <= postprocessing.scale <= 1.04
    best = ablation[0].cross_fitted
    for step in ablation[1:]:
        if step.taken and step.step != "score threshold":
            assert step.cross_fitted > best
        best = step.cross_fitted if step.taken else best


def test_a_better_source_is_chosen_and_named() -> None:
    poor = xrays_with_candidates(240, seed=1)
    rng = np.random.default_rng(5)
    shaken = [
        FoundBoxes(prediction.boxes_xyxy_px + rng.normal(0, 40, (len(prediction.boxes_xyxy_px), 1)), prediction.confidences)
        for prediction in poor.candidates
    ]
    name, _, ablation = tuned({"the image alone": replace(poor, candidates=shaken), "fused": poor}, BOX_SCORE)
    assert name == "fused"
    assert next(step for step in ablation if step.step == "fused").taken


def test_a_gate_that_knows_the_truth_is_taken_up() -> None:
    xrays = xrays_with_candidates(240)
    knowing = np.array([0.9 if len(boxes) else 0.1 for boxes in xrays.truth])
    # On healthy X-rays the detector is as sure as on the others.
    loud = [
        FoundBoxes(prediction.boxes_xyxy_px, prediction.confidences if len(boxes) else prediction.confidences * 2)
        for prediction, boxes in zip(xrays.candidates, xrays.truth, strict=True)
    ]
    _, postprocessing, ablation = tuned({"the image alone": replace(xrays, candidates=loud, image_scores=knowing)}, BOX_SCORE)
    assert postprocessing.gate > 0.1
    assert ablation[-1].step == "gate"
    assert ablation[-1].taken


def test_chosen_and_evaluated_on_the_same_persons_is_never_below_the_cross_fitted_score_by_much() -> None:
    # The smoothing over neighbouring thresholds may give away a little of the peak.
    for step in tuned({"the image alone": xrays_with_candidates(150)}, BOX_SCORE)[2]:
        assert step.score >= step.cross_fitted - 0.02


def test_the_curve_has_the_official_score_at_every_threshold() -> None:
    xrays, postprocessing = xrays_with_candidates(60), BoxPostprocessing(scale=0.96)
    curve = threshold_curve(xrays, postprocessing, BOX_SCORE)
    assert curve["threshold"] == list(THRESHOLDS)
    at = 12
    predictions = [
        postprocessed(candidates, replace(postprocessing, threshold=THRESHOLDS[at]), SIZE, 1.0) for candidates in xrays.candidates
    ]
    assert curve["score"][at] == pytest.approx(np.nanmean(BOX_SCORE.image_scores(predictions, xrays.truth)))
    healthy = [len(prediction.confidences) for prediction, boxes in zip(predictions, xrays.truth, strict=True) if not len(boxes)]
    assert curve["false_boxes_per_healthy_image"][at] == pytest.approx(np.mean(healthy))


def test_xrays_without_any_candidate_can_be_tuned_on() -> None:
    xrays = xrays_with_candidates(30)
    nothing = [FoundBoxes(np.zeros((0, 4)), np.zeros(0))] * 30
    _, postprocessing, ablation = tuned({"the image alone": replace(xrays, candidates=nothing, image_scores=np.zeros(30))}, BOX_SCORE)
    assert ablation[0].score == 0
    assert isinstance(postprocessing, BoxPostprocessing)


def test_a_limit_on_false_boxes_is_kept_where_it_can_be() -> None:
    xrays = xrays_with_candidates(240)
    _, free, _ = tuned({"the image alone": xrays}, BOX_SCORE)
    loud = replace(xrays, candidates=[FoundBoxes(one.boxes_xyxy_px, np.minimum(one.confidences * 1.9, 1.0)) for one in xrays.candidates])
    for limit in (0.5, 0.1, 0.0):
        _, postprocessing, ablation = tuned({"the image alone": loud}, BOX_SCORE, most_false_boxes=limit)
        standing = [
            len(postprocessed(*xray, 1.0).confidences) for xray in zip(loud.candidates, [postprocessing] * 240, loud.sizes_px, strict=True)
        ]
        assert np.mean([count for count, boxes in zip(standing, loud.truth, strict=True) if not len(boxes)]) <= limit
        assert ablation[1].taken
    # A limit that is kept anyway changes nothing.
    assert tuned({"the image alone": xrays}, BOX_SCORE, most_false_boxes=10.0)[1] == free


def test_a_limit_that_nothing_keeps_is_come_near_to() -> None:
    xrays = xrays_with_candidates(60)
    sure = replace(xrays, candidates=[FoundBoxes(one.boxes_xyxy_px, np.ones(len(one.confidences))) for one in xrays.candidates])
    sure = replace(sure, image_scores=np.ones(60))
    _, postprocessing, _ = tuned({"the image alone": sure}, BOX_SCORE, most_false_boxes=0.0)
    table = PrefixScores(sure, BOX_SCORE.ious_above)
    few = table.standing(postprocessing)[sure.healthy].mean()
    others = (BoxPostprocessing(suppression_iou=iou) for iou in (0.1, 0.2, 0.3, 0.4, 0.5))
    assert few == min(table.standing(other)[sure.healthy].mean() for other in others)


def test_the_whole_gain_is_measured_on_persons_who_did_not_choose() -> None:
    xrays = xrays_with_candidates(240, larger=1.2)
    gain = nested_gain({"the image alone": xrays}, BOX_SCORE)
    assert gain.before.value == pytest.approx(tuned({"the image alone": xrays}, BOX_SCORE)[2][0].score)
    assert gain.gain.value == pytest.approx(gain.after.value - gain.before.value)
    assert gain.gain.low > 0
    assert gain.false_boxes_before.is_known
    assert 0 <= gain.false_boxes_after.value < 0.2


def test_luck_is_not_taken_for_a_gain() -> None:
    # Boxes anywhere, confidences that know nothing: whatever is chosen, strangers gain nothing by it.
    rng = np.random.default_rng(2)
    xrays = xrays_with_candidates(150)
    corners = [rng.uniform(0, 700, (3, 2)) for _ in xrays.truth]
    lucky = replace(xrays, candidates=[FoundBoxes(np.hstack([xy, xy + 220]), rng.uniform(0.1, 0.9, 3)) for xy in corners])
    gain = nested_gain({"the image alone": lucky}, BOX_SCORE)
    own = next(step.score for step in reversed(tuned({"the image alone": lucky}, BOX_SCORE)[2]) if step.taken)
    assert gain.after.value < own
    assert abs(gain.gain.value) < 0.05
