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
