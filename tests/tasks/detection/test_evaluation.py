"""What a detector is worth, against counts by hand."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from radlearn.challenges.rsna.score import BOX_SCORE
from radlearn.errors import BadRunFolder, BadSetting
from radlearn.json_files import read_json
from radlearn.metrics.boxes import FoundBoxes, no_boxes
from radlearn.tasks.detection.case_scores import FOUND_AND_PAID
from radlearn.tasks.detection.evaluation import evaluate_boxes
from radlearn.tasks.detection.postprocessing import BoxPostprocessing
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run
from radlearn.workflow.postprocessing_file import read_postprocessing, write_postprocessing

Candidates = tuple[list[FoundBoxes], np.ndarray]


def test_scores_are_those_of_the_predictions_and_stand_in_the_run_folder(
    boxed: Run, evaluated_xrays: list[PreparedRadiograph], candidates: Candidates
) -> None:
    evaluation = evaluate_boxes(boxed, BOX_SCORE, evaluated_xrays, *candidates, "test")
    positive = [number for number, xray in enumerate(evaluated_xrays) if xray.case.label]
    healthy = [number for number, xray in enumerate(evaluated_xrays) if not xray.case.label]
    # Every second positive X-ray has its own box, every fifth healthy one a false one; the threshold removes all others.
    hits, alarms = len(positive[::2]), len(healthy[::5])
    scores = {name: score["value"] for name, score in evaluation.scores["scores"].items()}
    assert scores["sensitivity"] == pytest.approx(hits / len(positive))
    assert scores["false_boxes_per_healthy_image"] == pytest.approx(alarms / len(healthy))
    assert scores["false_boxes_per_image"] == pytest.approx(alarms / 60)
    assert scores["precision"] == pytest.approx(hits / (hits + alarms))
    # Healthy X-rays without a box are left out; the hits are exact, so they count at all eight thresholds.
    assert scores["rsna_score"] == pytest.approx(hits / (len(positive) + alarms))
    assert scores["auroc_score"] == pytest.approx(roc_auc_score([bool(xray.case.label) for xray in evaluated_xrays], candidates[1]))
    assert evaluation.scores["scores"]["rsna_score"]["low"] < scores["rsna_score"] < evaluation.scores["scores"]["rsna_score"]["high"]
    kept = read_json(boxed.folder / "scores.json")
    assert (kept["task"], kept["split"], kept["cases"], kept["persons"], kept["synthetic"]) == ("detection", "test", 60, 40, True)
    assert kept["true_boxes"] == len(positive)


def test_the_froc_points_count_what_the_threshold_cuts_off(
    boxed: Run, evaluated_xrays: list[PreparedRadiograph], candidates: Candidates
) -> None:
    evaluation = evaluate_boxes(boxed, BOX_SCORE, evaluated_xrays, *candidates, "test")
    points = evaluation.scores["froc"]
    assert [point["false_boxes_per_image"] for point in points] == [0.125, 0.25, 0.5, 1, 2, 4, 8]
    sensitivity = [point["sensitivity"]["value"] for point in points]
    assert sensitivity == sorted(sensitivity)
    # Without a threshold, the other positive X-rays have their box too.
    assert sensitivity[-1] == 1.0
    assert sensitivity[0] == evaluation.scores["scores"]["sensitivity"]["value"]


def test_the_rules_without_medicine_stand_beside_it(boxed: Run, evaluated_xrays: list[PreparedRadiograph], candidates: Candidates) -> None:
    baselines = evaluate_boxes(boxed, BOX_SCORE, evaluated_xrays, *candidates, "test").scores["baselines"]
    labels = [bool(xray.case.label) for xray in evaluated_xrays]
    # The fixture's mean box is every X-ray's true one, and brightness tells the X-rays apart.
    assert baselines["mean_box_rsna_score"]["value"] == 1.0
    assert baselines["mean_box_false_boxes_per_healthy_image"]["value"] == 0.0
    assert baselines["no_box_rsna_score"]["value"] == 0.0
    assert baselines["mean_brightness_auroc_score"]["value"] == 1.0
    assert baselines["view_only_auroc_score"]["value"] == pytest.approx(
        roc_auc_score(labels, [f.case.view == "AP" for f in evaluated_xrays])
    )


def test_image_scores_that_rank_the_wrong_way_round_are_said(
    boxed: Run, evaluated_xrays: list[PreparedRadiograph], candidates: Candidates
) -> None:
    labels = np.array([bool(xray.case.label) for xray in evaluated_xrays])
    assert evaluate_boxes(boxed, BOX_SCORE, evaluated_xrays, candidates[0], labels * 1.0, "test").scores["notes"] == []
    (note,) = evaluate_boxes(boxed, BOX_SCORE, evaluated_xrays, candidates[0], 1.0 - labels, "test").scores["notes"]
    assert note.startswith("auroc_score is 0.00, below the 0.50 of chance")


def test_a_view_that_is_not_known_is_no_rival(boxed: Run, evaluated_xrays: list[PreparedRadiograph], candidates: Candidates) -> None:
    bare = [xray._replace(case=replace(xray.case, view=None)) for xray in evaluated_xrays]
    baselines = evaluate_boxes(boxed, BOX_SCORE, bare, *candidates, "test").scores["baselines"]
    assert "view_only_auroc_score" not in baselines
    assert baselines["mean_brightness_auroc_score"]["value"] == 1.0


def test_where_the_ill_are_the_darker_ones_the_rule_turns_round(
    boxed: Run, evaluated_xrays: list[PreparedRadiograph], candidates: Candidates
) -> None:
    chosen, about = read_postprocessing(boxed, BoxPostprocessing)
    write_postprocessing(boxed, chosen, {**about, "brightness_sign": -1})
    baselines = evaluate_boxes(boxed, BOX_SCORE, evaluated_xrays, *candidates, "test").scores["baselines"]
    # The bright ones are ill here, so this rule boxes every healthy X-ray and no other.
    assert baselines["mean_box_rsna_score"]["value"] == 0.0
    assert baselines["mean_box_false_boxes_per_healthy_image"]["value"] == 1.0


def test_groups_by_number_of_boxes_pair_sensitivity_with_false_boxes(
    boxed: Run, evaluated_xrays: list[PreparedRadiograph], candidates: Candidates
) -> None:
    groups = evaluate_boxes(boxed, BOX_SCORE, evaluated_xrays, *candidates, "test").scores["subgroups"]
    assert groups["no true box"]["cases"] + groups["one true box"]["cases"] == 60
    assert "two or more true boxes" not in groups
    assert groups["no true box"]["sensitivity"]["value"] != groups["no true box"]["sensitivity"]["value"]
    assert groups["no true box"]["rsna_score"]["value"] == 0.0
    assert groups["one true box"]["false_boxes_per_image"]["value"] == 0.0
    assert groups["AP (lying or sitting)"]["cases"] == groups["PA (standing)"]["cases"] == 30
    for group in groups.values():
        assert {"persons", "cases", "true_boxes", "rsna_score", *FOUND_AND_PAID} == set(group)


def test_a_set_without_an_opacity_has_false_boxes_and_no_sensitivity(
    boxed: Run, evaluated_xrays: list[PreparedRadiograph], candidates: Candidates
) -> None:
    healthy = [number for number, xray in enumerate(evaluated_xrays) if not xray.case.label]
    xrays, found = [evaluated_xrays[i] for i in healthy], [candidates[0][i] for i in healthy]
    evaluate_boxes(boxed, BOX_SCORE, xrays, found, candidates[1][healthy], "external")
    written = read_json(boxed.folder / "scores-external.json")
    assert not (boxed.folder / "scores.json").exists()
    assert written["scores"]["sensitivity"]["value"] is None
    assert written["scores"]["false_boxes_per_healthy_image"]["value"] > 0
    assert written["baselines"]["no_box_rsna_score"]["value"] is None


def test_xrays_without_a_prediction_each_are_refused(boxed: Run, evaluated_xrays: list[PreparedRadiograph], candidates: Candidates) -> None:
    with pytest.raises(BadSetting, match=r"59 predictions.*60 X-rays"):
        evaluate_boxes(boxed, BOX_SCORE, evaluated_xrays, candidates[0][1:], candidates[1], "test")


def test_a_run_without_a_postprocessing_says_how_to_go_on(finished: Run, evaluated_xrays: list[PreparedRadiograph]) -> None:
    with pytest.raises(BadRunFolder, match="resume"):
        evaluate_boxes(finished, BOX_SCORE, evaluated_xrays, [no_boxes()] * 60, np.zeros(60), "test")
