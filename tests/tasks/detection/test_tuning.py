"""A detector's postprocessing chosen again, for other wishes or with another gate."""

from pathlib import Path

import numpy as np
import pytest

from radlearn.challenges.rsna.score import BOX_SCORE
from radlearn.errors import BadLayout, BadSetting
from radlearn.json_files import read_json, write_json
from radlearn.metrics.boxes import FoundBoxes
from radlearn.tasks.detection.postprocessing import BoxPostprocessing, postprocessed
from radlearn.tasks.detection.tuning import tune_boxes
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run
from radlearn.workflow.postprocessing_file import read_postprocessing, write_postprocessing

Candidates = tuple[list[FoundBoxes], np.ndarray]


@pytest.fixture
def tunable(boxed: Run) -> Run:
    postprocessing, about = read_postprocessing(boxed, BoxPostprocessing)
    write_postprocessing(boxed, postprocessing, {**about, "gated_by_table": False})
    return boxed


def false_boxes(xrays: list[PreparedRadiograph], candidates: list[FoundBoxes], postprocessing: BoxPostprocessing) -> float:
    healthy = [(one, xray.canvas_px) for one, xray in zip(candidates, xrays, strict=True) if not xray.case.label]
    return float(
        np.mean(
            [len(postprocessed(one, postprocessing, size, float(one.confidences.max(initial=0.0))).confidences) for one, size in healthy]
        )
    )


def test_the_postprocessing_is_written_whole_with_what_led_to_it(
    tunable: Run, evaluated_xrays: list[PreparedRadiograph], candidates: Candidates
) -> None:
    write_json(tunable.folder / "scores.json", {})
    told = tune_boxes(tunable, BOX_SCORE, evaluated_xrays, [candidates[0]])
    postprocessing, about = read_postprocessing(tunable, BoxPostprocessing)
    assert told["postprocessing"] == read_json(tunable.folder / "postprocessing.json")["postprocessing"]
    assert told["postprocessing_before"]["threshold"] == 0.5
    # True boxes have confidences from 0.3 on, sure and unsure ones; most false ones are under 0.2.
    assert postprocessing != BoxPostprocessing(threshold=0.5)
    assert about["source"] == "the image alone"
    # What the training persons taught is not asked of them again.
    assert about["mean_box_xyxy_share"] == [0.25, 0.25, 0.5, 0.5]
    assert [step["step"] for step in told["ablation"]] == ["nothing tuned", "score threshold", "box scale", "suppression", "gate"]
    assert told["scores_of_before"] == ["scores.json"]
    assert {"gain", "score", "false_boxes_per_healthy_image"} <= told["nested"].keys()
    assert {path.name for path in (tunable.folder / "tuning").iterdir()} == {"threshold.png", "ablation.png", "tuning.html", "tuning.json"}


def test_chosen_again_without_another_wish_it_is_the_same(
    tunable: Run, evaluated_xrays: list[PreparedRadiograph], candidates: Candidates
) -> None:
    first = tune_boxes(tunable, BOX_SCORE, evaluated_xrays, [candidates[0]])
    again = tune_boxes(tunable, BOX_SCORE, evaluated_xrays, [candidates[0]])
    assert again["postprocessing"] == first["postprocessing"]
    assert (first["changed"], again["changed"]) == (True, False)


def test_few_false_boxes_are_had_where_they_are_wanted(
    tunable: Run, evaluated_xrays: list[PreparedRadiograph], candidates: Candidates, capsys: pytest.CaptureFixture[str]
) -> None:
    tune_boxes(tunable, BOX_SCORE, evaluated_xrays, [candidates[0]], most_false_boxes=0.05)
    assert false_boxes(evaluated_xrays, candidates[0], read_postprocessing(tunable, BoxPostprocessing)[0]) <= 0.05
    assert read_json(tunable.folder / "postprocessing.json")["most_false_boxes_per_healthy_image"] == 0.05
    sure = [FoundBoxes(one.boxes_xyxy_px, np.ones(len(one.confidences))) for one in candidates[0]]
    capsys.readouterr()
    tune_boxes(tunable, BOX_SCORE, evaluated_xrays, [sure], most_false_boxes=0.0)
    assert "No postprocessing meets the limit of 0 false boxes per X-ray without an opacity; the nearest has" in " ".join(
        capsys.readouterr().err.split()
    )


def test_a_gate_given_now_is_used_and_evaluation_is_told_to_use_it(
    tunable: Run, evaluated_xrays: list[PreparedRadiograph], candidates: Candidates, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "gate.csv"
    rows = [f"{xray.case.image_id},{0.9 if xray.case.label else 0.1}" for xray in evaluated_xrays]
    table.write_text("\n".join(["patientId,probability", *rows]) + "\n")
    told = tune_boxes(tunable, BOX_SCORE, evaluated_xrays, [candidates[0]], table)
    assert told["gated_by_table"] is True
    assert told["postprocessing"]["gate"] > 0.1
    assert f"evaluate {tunable.folder} --gate {table}" in " ".join(capsys.readouterr().err.split())
    table.write_text("\n".join(["patientId,probability", *rows[1:]]) + "\n")
    with pytest.raises(BadLayout, match="lacks 1 of the 60 X-rays"):
        tune_boxes(tunable, BOX_SCORE, evaluated_xrays, [candidates[0]], table)


def test_a_fused_view_is_taken_where_it_is_better(tunable: Run, evaluated_xrays: list[PreparedRadiograph], candidates: Candidates) -> None:
    blind = [FoundBoxes(one.boxes_xyxy_px + 300, one.confidences) for one in candidates[0]]
    told = tune_boxes(tunable, BOX_SCORE, evaluated_xrays, [blind, candidates[0]])
    assert told["source"] == "test-time augmentation"


@pytest.mark.parametrize("limit", [-0.1, float("nan"), float("inf")])
def test_a_limit_that_is_none_is_refused_and_the_postprocessing_stays(
    tunable: Run, evaluated_xrays: list[PreparedRadiograph], candidates: Candidates, limit: float
) -> None:
    before = read_json(tunable.folder / "postprocessing.json")
    with pytest.raises(BadSetting, match="most_false_boxes is"):
        tune_boxes(tunable, BOX_SCORE, evaluated_xrays, [candidates[0]], most_false_boxes=limit)
    assert read_json(tunable.folder / "postprocessing.json") == before
