"""The recipe is chosen for the official score, and every step is worth what it says."""

from dataclasses import replace

import numpy as np
import pytest

from radlearn.metrics.boxes import FoundBoxes
from radlearn.metrics.rsna_score import rsna_image_scores
from radlearn.workbench.box_recipe import BoxRecipe, answered
from radlearn.workbench.box_tuning import THRESHOLDS, Examined, _Table, threshold_curve, tuned

SIZE = (1024, 1024)


def _films(count: int, larger: float = 1.0, seed: int = 0) -> Examined:
    """Films of which every third has a true box; the detector finds it, drawn `larger`, and proposes weaker ones elsewhere."""
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
    scores = np.array([answer.confidences.max() for answer in candidates])
    return Examined(candidates, truth, [SIZE] * count, scores, [f"person {number // 2}" for number in range(count)])


@pytest.mark.parametrize(
    "recipe",
    [
        BoxRecipe(),
        BoxRecipe(threshold=0.04),
        BoxRecipe(threshold=0.3, scale=0.84, suppression_iou=0.1),
        BoxRecipe(threshold=0.1, top_share=0.7, gate=0.4),
    ],
)
def test_the_table_gives_the_score_of_the_answers_themselves(recipe: BoxRecipe) -> None:
    films = _films(90)
    answers = [
        answered(candidates, recipe, size, score)
        for candidates, size, score in zip(films.candidates, films.sizes_px, films.image_scores, strict=True)
    ]
    table = _Table(films)
    assert table.standing(recipe).tolist() == [len(answer.confidences) for answer in answers]
    np.testing.assert_allclose(table.scores(recipe), rsna_image_scores(answers, films.truth))


def test_boxes_drawn_too_large_are_found_out_and_shrunk() -> None:
    _, recipe, worth = tuned({"one view": _films(240, larger=1.2)})
    assert 0.8 <= recipe.scale <= 0.875
    by_device = {step.device: step for step in worth}
    assert by_device["box scale"].taken
    assert by_device["box scale"].cross_fitted > by_device["score threshold"].cross_fitted + 0.05


def test_a_device_that_does_not_help_strangers_is_not_taken_up() -> None:
    _, recipe, worth = tuned({"one view": _films(240)})
    assert 0.96 <= recipe.scale <= 1.04
    best = worth[0].cross_fitted
    for step in worth[1:]:
        if step.taken and step.device != "score threshold":
            assert step.cross_fitted > best
        best = step.cross_fitted if step.taken else best


def test_a_better_source_is_chosen_and_named() -> None:
    poor = _films(240, seed=1)
    rng = np.random.default_rng(5)
    shaken = [
        FoundBoxes(answer.boxes_xyxy_px + rng.normal(0, 40, (len(answer.boxes_xyxy_px), 1)), answer.confidences)
        for answer in poor.candidates
    ]
    name, _, worth = tuned({"one view": replace(poor, candidates=shaken), "fused": poor})
    assert name == "fused"
    assert next(step for step in worth if step.device == "fused").taken


def test_a_gate_that_knows_the_truth_is_taken_up() -> None:
    films = _films(240)
    knowing = np.array([0.9 if len(boxes) else 0.1 for boxes in films.truth])
    # On healthy films the detector is as sure as on the others.
    loud = [
        FoundBoxes(answer.boxes_xyxy_px, answer.confidences if len(boxes) else answer.confidences * 2)
        for answer, boxes in zip(films.candidates, films.truth, strict=True)
    ]
    _, recipe, worth = tuned({"one view": replace(films, candidates=loud, image_scores=knowing)})
    assert recipe.gate > 0.1
    assert worth[-1].device == "gate"
    assert worth[-1].taken


def test_chosen_and_judged_on_the_same_people_is_never_below_the_cross_fitted_score_by_much() -> None:
    # The smoothing over neighbouring thresholds may give away a little of the peak.
    for step in tuned({"one view": _films(150)})[2]:
        assert step.official >= step.cross_fitted - 0.02


def test_the_curve_has_the_official_score_at_every_threshold() -> None:
    films, recipe = _films(60), BoxRecipe(scale=0.96)
    curve = threshold_curve(films, recipe)
    assert curve["threshold"] == list(THRESHOLDS)
    at = 12
    answers = [answered(candidates, replace(recipe, threshold=THRESHOLDS[at]), SIZE, 1.0) for candidates in films.candidates]
    assert curve["rsna_score"][at] == pytest.approx(np.nanmean(rsna_image_scores(answers, films.truth)))
    healthy = [len(answer.confidences) for answer, boxes in zip(answers, films.truth, strict=True) if not len(boxes)]
    assert curve["false_boxes_per_healthy_image"][at] == pytest.approx(np.mean(healthy))


def test_films_without_any_candidate_can_be_tuned_on() -> None:
    films = _films(30)
    nothing = [FoundBoxes(np.zeros((0, 4)), np.zeros(0))] * 30
    _, recipe, worth = tuned({"one view": replace(films, candidates=nothing, image_scores=np.zeros(30))})
    assert worth[0].official == 0
    assert isinstance(recipe, BoxRecipe)
