"""From candidates to a prediction."""

from pathlib import Path

import numpy as np
import pytest

from radlearn.errors import BadRunFolder, BadSetting
from radlearn.metrics.boxes import FoundBoxes, no_boxes
from radlearn.tasks.detection.postprocessing import BoxPostprocessing, postprocessed
from radlearn.training.run_folder import Run
from radlearn.workflow.ensembles import mean_postprocessing
from radlearn.workflow.postprocessing_file import read_postprocessing, write_postprocessing

CANDIDATES = FoundBoxes(
    np.array([[100.0, 100, 200, 200], [110, 100, 210, 200], [500, 500, 600, 700], [800, 800, 900, 900]]), np.array([0.6, 0.9, 0.5, 0.2])
)
SIZE = (1000, 1000)


def test_the_less_confident_of_two_overlapping_boxes_goes() -> None:
    prediction = postprocessed(CANDIDATES, BoxPostprocessing(threshold=0.0), SIZE, 1.0)
    assert prediction.confidences.tolist() == [0.9, 0.5, 0.2]


def test_a_box_stands_from_the_threshold_on() -> None:
    assert postprocessed(CANDIDATES, BoxPostprocessing(threshold=0.5), SIZE, 1.0).confidences.tolist() == [0.9, 0.5]


def test_boxes_under_the_share_of_the_best_go() -> None:
    assert postprocessed(CANDIDATES, BoxPostprocessing(threshold=0.0, top_share=0.5), SIZE, 1.0).confidences.tolist() == [0.9, 0.5]


def test_an_xray_below_the_gate_has_no_box() -> None:
    assert len(postprocessed(CANDIDATES, BoxPostprocessing(threshold=0.0, gate=0.4), SIZE, 0.39).confidences) == 0
    assert len(postprocessed(CANDIDATES, BoxPostprocessing(threshold=0.0, gate=0.4), SIZE, 0.4).confidences) == 3


def test_scale_shrinks_around_the_centre_and_keeps_inside_the_xray() -> None:
    one = FoundBoxes(np.array([[100.0, 100, 200, 300]]), np.array([0.9]))
    assert postprocessed(one, BoxPostprocessing(scale=0.5), SIZE, 1.0).boxes_xyxy_px.tolist() == [[125, 150, 175, 250]]
    corner = FoundBoxes(np.array([[0.0, 900, 100, 1000]]), np.array([0.9]))
    assert postprocessed(corner, BoxPostprocessing(scale=1.2), SIZE, 1.0).boxes_xyxy_px.tolist() == [[0, 890, 110, 1000]]


def test_nothing_proposed_is_nothing_predicted() -> None:
    assert len(postprocessed(no_boxes(), BoxPostprocessing(), SIZE, 1.0).confidences) == 0


def test_a_postprocessing_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(BadSetting, match=r"threshold is 1.5; it must be from 0 to 1"):
        BoxPostprocessing(threshold=1.5)
    with pytest.raises(BadSetting, match="scale is 0"):
        BoxPostprocessing(scale=0)
    with pytest.raises(BadSetting, match="gate is nan"):
        BoxPostprocessing(gate=float("nan"))


def test_a_postprocessing_is_read_as_it_was_kept(tmp_path: Path) -> None:
    run = Run(tmp_path, "detection")
    with pytest.raises(BadRunFolder, match="has not finished"):
        read_postprocessing(run, BoxPostprocessing)
    write_postprocessing(run, BoxPostprocessing(threshold=0.4, scale=0.9), {"source": "the image alone"})
    assert read_postprocessing(run, BoxPostprocessing) == (BoxPostprocessing(threshold=0.4, scale=0.9), {"source": "the image alone"})


def test_an_ensemble_predicts_with_the_mean_of_its_postprocessings() -> None:
    assert mean_postprocessing([BoxPostprocessing(threshold=0.4, gate=0.2), BoxPostprocessing(threshold=0.6)]) == BoxPostprocessing(
        threshold=0.5, gate=0.1
    )


STEP = {"step": "nothing tuned", "score": 0.1, "cross_fitted_score": None, "cross_fitted_false_boxes_per_healthy_image": 0.2, "taken": True}
CURVE = {"threshold": [0.2, 0.4], "score": [0.1, None], "false_boxes_per_healthy_image": [13.0, 0.0]}


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"curve": {**CURVE, "score": [0.0]}}, "curve is .*'score' should have as many numbers as 'threshold', 2, and has 1"),
        ({"curve": {**CURVE, "false_boxes_per_healthy_image": []}}, "curve is .*'false_boxes_per_healthy_image' should"),
        ({"curve": {**CURVE, "score": [0.1, 1.5]}}, r"curve\.score\.1 is 1\.5"),
        ({"curve": {**CURVE, "false_boxes_per_healthy_image": [-1.0, 0.0]}}, r"curve\.false_boxes_per_healthy_image\.0 is -1"),
        ({"curve": {"threshold": [], "score": [], "false_boxes_per_healthy_image": []}}, r"curve\.threshold is \[\]"),
        ({"curve": {}}, r"curve\.threshold is missing"),
        ({"ablation": []}, r"ablation is \[\]"),
        ({"ablation": ["threshold"]}, r"ablation\.0 is 'threshold'"),
        ({"ablation": [{**STEP, "score": 3.0}]}, r"ablation\.0\.score is 3"),
        ({"ablation": [{"step": "scale", "taken": True}]}, r"ablation\.0\.score is missing"),
        ({"mean_box_xyxy_share": [0.9, 0.2, 0.1, 0.6]}, "mean_box_xyxy_share is .*x0 below x1"),
        ({"mean_box_xyxy_share": [0.1, 0.6, 0.9, 0.2]}, "mean_box_xyxy_share is .*y0 below y1"),
        ({"mean_box_xyxy_share": [100.0, 200.0, 300.0, 400.0]}, "mean_box_xyxy_share is .*shares of the X-ray"),
        ({"brightness_cut": 255.0}, "brightness_cut is 255"),
    ],
)  # fmt: skip
def test_what_stands_beside_a_postprocessing_is_refused_in_its_file(tmp_path: Path, about: dict[str, object], said: str) -> None:
    run = Run(tmp_path, "detection")
    write_postprocessing(run, BoxPostprocessing(), about)
    with pytest.raises(BadRunFolder, match=rf"postprocessing\.json: {said}.*radlearn detection resume"):
        read_postprocessing(run, BoxPostprocessing)


def test_what_the_search_writes_is_read_again(tmp_path: Path) -> None:
    run = Run(tmp_path, "detection")
    about = {"ablation": [STEP], "curve": CURVE, "mean_box_xyxy_share": [-0.001, 0.2, 0.5, 1.001], "brightness_cut": -1e-9, "more": [1]}
    write_postprocessing(run, BoxPostprocessing(), about)
    assert read_postprocessing(run, BoxPostprocessing)[1] == about
