"""Detection from end to end: train, evaluate, predict, submit; stopped and resumed; used wrongly."""

import csv
import json
import shutil
import sys
from pathlib import Path
from types import FrameType, SimpleNamespace

import numpy as np
import pytest
from safetensors.numpy import load_file

import radlearn
from radlearn import cli
from radlearn.challenges.rsna import find_cases
from radlearn.challenges.rsna.submission import read_submission
from radlearn.json_files import json_ready, read_json
from radlearn.training.splits import read_split
from tests.journeys.conftest import killed_once, steps_saved
from tests.journeys.test_classification import a_handful_of

QUICK = ["--size-px", "64", "--epochs", "3", "--batch-size", "8"]


@pytest.fixture(scope="module")
def trained(small_rsna: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A finished run on the small folder."""
    folder = tmp_path_factory.mktemp("journey") / "run"
    code = cli.main(["detection", "train", "--data", str(small_rsna), "--run", str(folder), *QUICK])
    return SimpleNamespace(folder=folder, code=code, data=small_rsna)


@pytest.fixture(scope="module")
def gate(small_rsna: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table that knows which X-rays hold an opacity, as the `predict` of a perfect classifier would write it."""
    table = tmp_path_factory.mktemp("gate") / "predictions.csv"
    rows = [f"{case.path},{case.image_id},{0.95 if case.label else 0.05}" for case in find_cases(small_rsna)]
    table.write_text("\n".join(["path,patientId,probability", *rows]) + "\n")
    return table


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as opened:
        return list(csv.DictReader(opened))


def test_a_table_of_boxes_gives_the_scores_of_the_layout(trained: SimpleNamespace, tmp_path: Path) -> None:
    rows = ["path,id,person,x0,y0,x1,y1"]
    for case in find_cases(trained.data):
        start = f"{case.path},{case.image_id},{case.person}"
        rows += [",".join([start, *map(str, box)]) for box in case.boxes_xyxy_px] or [f"{start},,,,"]
    (tmp_path / "cases.csv").write_text("\n".join(rows))
    by_layout, by_table = (radlearn.detection.evaluate(trained.folder, data=data) for data in (None, tmp_path / "cases.csv"))
    assert by_table["split"] == "test"
    assert json_ready(by_table["scores"]) == json_ready(by_layout["scores"])


def test_training_leaves_a_run_with_a_postprocessing_and_what_each_part_was_worth(trained: SimpleNamespace) -> None:
    assert trained.code == 0
    about = read_json(trained.folder / "settings.json")
    assert (about["task"], about["settings"]["epochs"]) == ("detection", 3)
    lines = [json.loads(line) for line in (trained.folder / "history.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert all(0 <= line["rsna_score"] <= 1 and 0 <= line["auroc_score"] <= 1 for line in lines)
    kept = read_json(trained.folder / "postprocessing.json")
    assert {step["step"] for step in kept["ablation"]} == {
        "nothing tuned", "score threshold", "box scale", "suppression", "test-time augmentation", "gate"
    }  # fmt: skip
    assert len(kept["curve"]["threshold"]) == len(kept["curve"]["score"])
    # The same X-rays, split as for classification: one task's answers may gate the other's without having seen its test people.
    assert {subset for _, subset in read_split(trained.folder / "split.csv").values()} == {"train", "validation", "test"}


def test_both_tasks_divide_people_alike(trained: SimpleNamespace, tmp_path: Path) -> None:
    other = tmp_path / "classification"
    arguments = ["--data", str(trained.data), "--run", str(other), "--size-px", "64", "--epochs", "1", "--batch-size", "8"]
    assert cli.main(["classification", "train", *arguments]) == 0
    assert (other / "split.csv").read_text() == (trained.folder / "split.csv").read_text()


def test_evaluate_scores_the_test_people_and_writes_a_report(trained: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["detection", "evaluate", str(trained.folder), "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores == read_json(trained.folder / "scores.json")
    tested = [image for image, (_, subset) in read_split(trained.folder / "split.csv").items() if subset == "test"]
    assert (scores["task"], scores["split"], scores["cases"]) == ("detection", "test", len(tested))
    for name in ("rsna_score", "auroc_score", "false_boxes_per_healthy_image", "sensitivity"):
        assert set(scores["scores"][name]) == {"value", "low", "high"}
    report = (trained.folder / "report.html").read_text()
    assert "not for clinical use" in report
    assert "data:image/png;base64," in report


def test_prediction_writes_xrays_and_boxes_and_lists_what_it_cannot_read(
    trained: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    xrays = tmp_path / "xrays"
    xrays.mkdir()
    cases = find_cases(trained.data)[:6]
    for case in cases:
        shutil.copy(case.path, xrays)
    (xrays / "cut.dcm").write_bytes(cases[0].path.read_bytes()[:900])
    out = tmp_path / "predictions"
    assert cli.main(["detection", "predict", str(trained.folder), str(xrays), "--out", str(out)]) == 0
    assert "1 file could not be read" in capsys.readouterr().err
    rows, boxes = rows_of(out / "predictions.csv"), rows_of(out / "boxes.csv")
    assert [row["patientId"] for row in rows] == [case.image_id for case in cases]
    for row in rows:
        assert (row["out_of_distribution"] == "yes") == (float(row["ood_distance"]) > 1)
        assert int(row["boxes"]) == sum(box["patientId"] == row["patientId"] for box in boxes)
    threshold = read_json(trained.folder / "postprocessing.json")["postprocessing"]["threshold"]
    for box in boxes:
        x, y, width, height = (float(box[name]) for name in ("x_px", "y_px", "width_px", "height_px"))
        assert float(box["confidence"]) >= threshold - 1e-6
        assert 0 <= x < x + width <= 160.01
        assert 0 <= y < y + height <= 160.01
        # These X-rays are secondary captures, whose spacing cannot be trusted.
        assert box["width_mm"] == ""
    assert len(list((out / "overlays").glob("*.png"))) == 6
    assert cli.main(["detection", "predict", str(trained.folder), str(xrays), "--out", str(out)]) == 2
    assert "already" in capsys.readouterr().err


def test_predict_can_be_followed_through_seventeen_files(trained: SimpleNamespace, tmp_path: Path) -> None:
    root, ran = Path(radlearn.__file__).parent, set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            ran.add(Path(frame.f_code.co_filename))

    one = find_cases(trained.data)[0].path
    sys.setprofile(note)
    try:
        assert cli.main(["detection", "predict", str(trained.folder), str(one), "--out", str(tmp_path / "out")]) == 0
    finally:
        sys.setprofile(None)
    # What lies below are libraries of their own, each with one entrance: scans, pictures, training, challenges, metrics.
    above = ("cli.py", "workflow", "tasks", "rsna_pneumonia_detection")
    followed = sorted(str(path.relative_to(root)) for path in ran if path.is_relative_to(root) and path.relative_to(root).parts[0] in above)
    assert "rsna_pneumonia_detection/detect_pneumonia.py" in followed
    assert len(followed) <= 17, "\n".join(followed)


def test_an_xray_gets_one_prediction_wherever_it_is_asked(trained: SimpleNamespace, tmp_path: Path) -> None:
    from radlearn.rsna_pneumonia_detection import detect_pneumonia as lesson
    from radlearn.tasks.detection import candidates
    from radlearn.tasks.xray.radiographs import prepared_radiographs
    from radlearn.training.run_folder import open_run

    run = open_run(trained.folder)
    model, settings = lesson.trained_model(run)
    xrays = prepared_radiographs(find_cases(trained.data), settings.size_px, settings.shape)
    evaluation = candidates.image_scores(lesson.find_candidates(model, xrays, candidates.as_tuned(settings, run))[-1], None)
    table = lesson.predict(run, [trained.data], tmp_path / "out", overlays=False)
    asked = {row["patientId"]: float(row["probability"]) for row in rows_of(table)}
    np.testing.assert_allclose([asked[xray.case.image_id] for xray in xrays], evaluation, atol=2e-6)


def test_the_submission_is_the_challenges_own_and_several_runs_may_write_it(
    trained: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = trained.data / "stage_2_train_images"
    ids = [case.image_id for case in find_cases(trained.data)]
    alone, twice = tmp_path / "alone.csv", tmp_path / "twice.csv"
    assert cli.main(["detection", "submit", str(trained.folder), "--images", str(images), "--out", str(alone)]) == 0
    assert "images that the run was trained on" in " ".join(capsys.readouterr().err.split())
    run, copy = str(trained.folder), str(shutil.copytree(trained.folder, tmp_path / "copy"))
    assert cli.main(["detection", "submit", run, copy, "--images", str(images), "--out", str(twice)]) == 0
    one, both = read_submission(alone, ids), read_submission(twice, ids)
    # A run that agrees with itself answers as it does alone.
    for image_id in ids:
        assert len(one[image_id].confidences) == len(both[image_id].confidences)
        np.testing.assert_allclose(one[image_id].boxes_xyxy_px, both[image_id].boxes_xyxy_px, atol=0.1)


def test_several_runs_predict_together_about_files(trained: SimpleNamespace, tmp_path: Path) -> None:
    run, image = str(trained.folder), str(find_cases(trained.data)[0].path)
    copy = str(shutil.copytree(trained.folder, tmp_path / "copy"))
    rows = []
    for name, runs in (("alone", [run]), ("twice", [run, copy])):
        assert cli.main(["detection", "predict", *runs, image, "--out", str(tmp_path / name), "--no-overlays"]) == 0
        rows += rows_of(tmp_path / name / "predictions.csv")
    assert 0 <= float(rows[0]["ood_score"]) <= 1
    # A run and its copy are the run.
    assert rows[1] == {**rows[0], "disagreement": "0.000000"}
    assert cli.main(["detection", "predict", run, run, image, "--out", str(tmp_path / "same")]) == 2


def test_a_postprocessing_is_chosen_again_on_a_copy_of_the_run(
    trained: SimpleNamespace, gate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained.folder, run)
    kept = read_json(run / "postprocessing.json")
    assert cli.main(["tune", "--json", str(run)]) == 0
    same = json.loads(capsys.readouterr().out)
    # Nothing else was wished for: what training chose is chosen again.
    assert (same["postprocessing"], same["source"], same["changed"]) == (kept["postprocessing"], kept["source"], False)
    for command in (["evaluate", str(run)], ["submit", str(run), "--images", str(trained.data), "--out", str(tmp_path / "gated.csv")]):
        assert cli.main(["detection", *command, "--gate", str(gate)]) == 2
        assert "its postprocessing was chosen without a gate" in " ".join(capsys.readouterr().err.split())
    assert cli.main(["detection", "tune", str(run), "--gate", str(gate), "--most-false-boxes", "0.1"]) == 0
    out, said = capsys.readouterr()
    assert out == ""
    assert "false boxes" in said
    chosen = read_json(run / "postprocessing.json")
    assert (chosen["gated_by_table"], chosen["most_false_boxes_per_healthy_image"]) == (True, 0.1)
    assert chosen["mean_box_xyxy_share"] == kept["mean_box_xyxy_share"]
    assert (run / "tuning" / "ablation.png").exists()
    # A threshold for the gate's probabilities means nothing for the X-ray's own.
    assert cli.main(["detection", "evaluate", str(run)]) == 2
    assert "its postprocessing was chosen with a gate" in " ".join(capsys.readouterr().err.split())
    assert cli.main(["detection", "evaluate", str(run), "--gate", str(gate), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["postprocessing"] == chosen["postprocessing"]


@pytest.mark.slow
def test_a_gate_is_used_and_asked_for_where_the_postprocessing_needs_it(
    trained: SimpleNamespace, gate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    assert cli.main(["detection", "train", "--data", str(trained.data), "--run", str(folder), "--gate", str(gate), *QUICK]) == 0
    assert read_json(folder / "postprocessing.json")["gated_by_table"] is True
    assert cli.main(["detection", "evaluate", str(folder), "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)["scores"]
    # The gate's probabilities are what the X-ray is evaluated by.
    assert scores["auroc_score"]["value"] == 1.0
    image = str(find_cases(trained.data)[0].path)
    assert cli.main(["detection", "predict", str(folder), image, "--out", str(tmp_path / "a")]) == 2
    assert "its postprocessing was chosen with a gate" in " ".join(capsys.readouterr().err.split())
    assert cli.main(["detection", "predict", str(folder), image, "--out", str(tmp_path / "a"), "--gate", str(gate)]) == 0
    assert rows_of(tmp_path / "a" / "predictions.csv")[0]["probability"] in ("0.950000", "0.050000")


def test_asked_wrongly_it_says_so_and_touches_nothing(trained: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in trained.folder.rglob("*"))
    data, run = str(trained.data), str(trained.folder)
    image = str(find_cases(trained.data)[0].path)
    poor = tmp_path / "poor.csv"
    poor.write_text("patientId,probability\nsomebody,0.5\n")
    asked = {
        "already holds a run": ["train", "--data", data, "--run", run, *QUICK],
        "positive_share is 3.0": ["train", "--data", data, "--run", str(tmp_path / "a"), "--positive-share", "3"],
        "there is no such table": ["train", "--data", data, "--run", str(tmp_path / "c"), "--gate", str(tmp_path / "none.csv")],
        "was chosen without a gate": ["predict", run, image, "--out", str(tmp_path / "b"), "--gate", str(poor)],
        "holds no X-ray": ["predict", run, str(trained.folder / "best"), "--out", str(tmp_path / "b")],
        "name at least one file or folder": ["predict", run, run, "--out", str(tmp_path / "b")],
        "batch_size is 1; it must be from 2": ["train", "--data", data, "--run", str(tmp_path / "a"), "--batch-size", "1"],
        "is not a run folder": ["submit", data, "--images", data, "--out", str(tmp_path / "s.csv")],
    }
    for words, arguments in asked.items():
        assert cli.main(["detection", *arguments]) == 2, arguments
        said = " ".join(capsys.readouterr().err.split())
        assert words in said
        assert "Traceback" not in said
    assert sorted((path, path.stat().st_mtime_ns) for path in trained.folder.rglob("*")) == before


@pytest.mark.slow
def test_the_challenge_preset_is_trained_killed_resumed_evaluated_asked_and_handed_in(small_rsna: Path, tmp_path: Path) -> None:
    """From a random start, in full precision and on small images, since here is neither internet nor GPU.

    A test of the lesson takes a step at the true image size.
    """
    run, data = tmp_path / "run", a_handful_of(small_rsna, tmp_path / "data")
    handful = ["--epochs", "1", "--batch-size", "2", "--no-pretrained", "--precision", "32-true", "--workers", "0", "--size-px", "192"]
    arguments = ["detection", "train", "--preset", "challenge", "--data", str(data), "--run", str(run), *handful]
    killed_once(lambda: steps_saved(run) > 0, arguments)
    assert not (run / "postprocessing.json").exists()
    assert cli.main(["detection", "evaluate", str(run)]) == 2
    assert cli.main(["detection", "resume", str(run)]) == 0
    assert load_file(run / "best" / "model.safetensors")["backbone.body.conv1.weight"].shape == (64, 1, 7, 7)
    about = read_json(run / "settings.json")["settings"]
    assert (about["network"], about["size_px"]) == ("retinanet_resnet50", 192)
    assert cli.main(["detection", "evaluate", str(run)]) == 0
    one = next((data / "stage_2_train_images").iterdir())
    assert cli.main(["detection", "predict", str(run), str(one), "--out", str(tmp_path / "predictions")]) == 0
    assert len(list((tmp_path / "predictions" / "overlays").iterdir())) == 1
    assert cli.main(["detection", "submit", str(run), "--images", str(one), "--out", str(tmp_path / "s.csv")]) == 0


@pytest.mark.slow
def test_the_real_xrays_go_through_and_are_handed_in(shared_data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    data = shared_data / "rsna_real_sample"
    assert cli.main(["detection", "train", "--data", str(data), "--run", str(run), "--epochs", "1", "--size-px", "128"]) == 0
    assert cli.main(["detection", "evaluate", str(run)]) == 0
    assert len({person for person, _ in read_split(run / "split.csv").values()}) == 84
    assert "synthetic" not in (run / "report.html").read_text().lower()
    images = data / "stage_2_train_images"
    assert cli.main(["detection", "predict", str(run), str(next(images.iterdir())), "--out", str(tmp_path / "a")]) == 0
    assert cli.main(["detection", "submit", str(run), "--images", str(images), "--out", str(tmp_path / "s.csv")]) == 0
    assert len(read_submission(tmp_path / "s.csv", [case.image_id for case in find_cases(data)])) == 110
