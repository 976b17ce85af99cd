"""What predictions, score files and reports say of images that are unlike the training data."""

from pathlib import Path

import numpy as np
import pytest

from radlearn.metrics.boxes import mean_over_images
from radlearn.metrics.case_scores import CaseScore
from radlearn.pictures.report import Note, Table
from radlearn.training.feature_distance import write_feature_distance
from radlearn.training.run_folder import Run
from radlearn.workflow.ood import OOD_COLUMNS, OodPredictions, ood_blocks, ood_cells, ood_summary

SCORES = {"mean_dice": CaseScore(function=mean_over_images, columns=("dice",), headline=True)}


def rows(seed: int, images: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1, (images, 12))


def run_in(folder: Path) -> Run:
    folder.mkdir(exist_ok=True)
    run = Run(folder, "classification")
    assert write_feature_distance(run, rows(0, 200), rows(1, 120)) is not None
    return run


def test_a_table_has_a_score_a_distance_and_a_word_and_the_summary_names_who_is_flagged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    watching = OodPredictions([run_in(tmp_path)], "X-rays")
    found = watching.scored(["chest", "hand"], [np.stack([np.zeros(12), np.full(12, 9.0)])])
    near, far = (dict(zip(OOD_COLUMNS, ood_cells(found, number), strict=True)) for number in (0, 1))
    assert (near["ood_score"], near["out_of_distribution"]) == ("0.0000", "no")
    assert (far["ood_score"], far["out_of_distribution"]) == ("1.0000", "yes")
    assert float(near["ood_distance"]) < 1 < float(far["ood_distance"])
    watching.report()
    assert "1 of 2 X-rays is unlike the training data" in (said := capsys.readouterr().err)
    assert "hand" in said
    assert "chest" not in said


def test_with_few_validation_images_a_flag_is_said_to_say_little(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = Run(tmp_path / "few", "segmentation")
    few.folder.mkdir()
    assert write_feature_distance(few, rows(0, 200), rows(1, 2)) is not None
    watching = OodPredictions([few], "scans")
    watching.scored(["far"], [np.full((1, 12), 9.0)])
    watching.report()
    said = " ".join(capsys.readouterr().err.split())
    assert "with 2 validation scans, up to 33 % of usual ones are too" in said.replace("\u00a0", " ")
    assert "do not trust" not in said + watching.warning
    # Of several runs the weakest counts.
    assert OodPredictions([run_in(tmp_path / "many"), few], "scans").promised_share == pytest.approx(1 / 3)
    assert "do not trust" in OodPredictions([run_in(tmp_path / "other")], "scans").warning


def test_where_nobody_is_flagged_that_is_said_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    watching = OodPredictions([run_in(tmp_path)], "scans")
    watching.scored(["a"], [np.zeros((1, 12))])
    watching.report()
    assert "The scan is not unlike" in capsys.readouterr().err


def test_a_run_without_the_file_leaves_the_columns_empty_and_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(tmp_path, "detection")
    watching = OodPredictions([run], "X-rays")
    assert ood_cells(watching.scored(["a"], [np.zeros((1, 12))]), 0) == ("", "", "")
    watching.report()
    assert "radlearn detection resume" in capsys.readouterr().err
    assert ood_summary(run, np.zeros((1, 12)), {}, {}, np.array(["p"]), np.zeros(1)) is None
    (of_several,) = ood_blocks(run, {"cases": 1}, "X-rays", "error")
    run.best_weights.parent.mkdir()
    run.best_weights.touch()
    (note,) = ood_blocks(run, {"cases": 1}, "X-rays", "error")
    assert isinstance(of_several, Note)
    assert isinstance(note, Note)
    assert "not known" in of_several.text
    assert "resume" not in of_several.text
    assert "radlearn detection resume" in note.text


def test_several_runs_flag_by_their_mean_distance(tmp_path: Path) -> None:
    runs = [run_in(tmp_path / name) for name in ("a", "b")]
    alone = OodPredictions(runs[:1], "X-rays").scored(["x"], [np.full((1, 12), 3.0)])
    both = OodPredictions(runs, "X-rays").scored(["x"], [np.full((1, 12), 3.0), np.zeros((1, 12))])
    assert alone is not None
    assert both is not None
    assert 0 < both.distances[0] < alone.distances[0]


def test_an_evaluation_tells_whether_what_is_far_is_predicted_worse(tmp_path: Path) -> None:
    run = run_in(tmp_path)
    features = np.concatenate([rows(2, 60), rows(3, 20, shift=6.0)])
    dice = np.r_[np.full(60, 0.8), np.full(20, 0.2)]
    persons = np.array([f"person-{number // 2}" for number in range(80)])
    found = ood_summary(run, features, SCORES, {"dice": dice}, persons, np.r_[np.nan, 1 - dice[1:]])
    assert found is not None
    assert found["promised_share"] == 1 / 121
    assert 20 <= found["flagged"] <= 24
    assert found["scores_without_flagged"]["mean_dice"]["value"] == pytest.approx(0.8)
    assert found["mean_error_far"]["value"] > found["mean_error_others"]["value"] == pytest.approx(0.2)
    # The one whose error is not known counts in neither.
    assert found["mean_error_far"]["cases"] + found["mean_error_others"]["cases"] == 79
    of_all = {"mean_dice": {"value": 0.65, "low": 0.6, "high": 0.7}}
    note, table = ood_blocks(run, {"cases": 80, "scores": of_all, "ood": found}, "scans", "mean of 1 − Dice")
    assert isinstance(note, Note)
    assert note.kind == "warning"
    assert isinstance(table, Table)
    assert len(table.rows) == 4
    name, with_them, without_them = table.rows[1]
    assert (name, with_them.value, round(without_them.value, 6)) == ("mean dice", 0.65, 0.8)


def test_where_everything_is_flagged_no_score_is_left(tmp_path: Path) -> None:
    persons = np.array([f"person-{number}" for number in range(20)])
    found = ood_summary(run_in(tmp_path), rows(3, 20, shift=9.0), SCORES, {"dice": np.ones(20)}, persons, np.zeros(20))
    assert found is not None
    assert (found["flagged"], found["scores_without_flagged"]) == (20, {})
    assert found["mean_error_others"]["cases"] == 0
