"""Classification from end to end, as a person would go: train, evaluate, ask, hand in; stopped and gone on with; asked wrongly."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest
from PIL import Image
from safetensors.numpy import load_file

import radlearn
from radlearn import cli
from radlearn.challenges.rsna import find_cases, write_tables
from radlearn.json_files import json_ready, read_json
from radlearn.scans.dicom import read_radiograph, write_radiograph
from radlearn.tasks.classification.postprocessing import ProbabilityPostprocessing
from radlearn.training.run_folder import open_run
from radlearn.training.splits import read_split
from radlearn.workflow.postprocessing_file import read_postprocessing, write_postprocessing
from tests.journeys.conftest import killed_once, steps_saved

QUICK = ["--size-px", "64", "--epochs", "3", "--batch-size", "8"]


@pytest.fixture(scope="module")
def trained(small_rsna: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A finished and evaluated run on the small folder."""
    folder = tmp_path_factory.mktemp("journey") / "run"
    code = cli.main(["classification", "train", "--data", str(small_rsna), "--run", str(folder), *QUICK])
    return SimpleNamespace(folder=folder, code=code, data=small_rsna)


@pytest.fixture(scope="module")
def fold(trained: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fold that shares the test persons of the first run, sees larger X-rays, and knows little."""
    folder = tmp_path_factory.mktemp("journey") / "fold"
    other = ["--size-px", "96", "--epochs", "1", "--batch-size", "8", "--fold", "1"]
    assert cli.main(["classification", "train", "--data", str(trained.data), "--run", str(folder), *other]) == 0
    return folder


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as opened:
        return list(csv.DictReader(opened))


def test_training_leaves_a_run_that_says_what_it_was(trained: SimpleNamespace) -> None:
    assert trained.code == 0
    about = read_json(trained.folder / "settings.json")
    assert about["task"] == "classification"
    assert about["settings"]["epochs"] == 3
    assert about["data"] == str(trained.data)
    assert about["synthetic"] is False
    lines = [json.loads(line) for line in (trained.folder / "history.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert (trained.folder / "best" / "model.safetensors").exists()
    split = read_split(trained.folder / "split.csv")
    assert len(split) == 48
    subsets: dict[str, set[str]] = {}
    for person, subset in split.values():
        subsets.setdefault(person, set()).add(subset)
    assert all(len(found) == 1 for found in subsets.values())


def test_evaluate_scores_the_test_people_and_writes_a_report(trained: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["classification", "evaluate", str(trained.folder), "--json"]) == 0
    captured = capsys.readouterr()
    scores = json.loads(captured.out)
    assert scores == read_json(trained.folder / "scores.json")
    tested = [image for image, (_, subset) in read_split(trained.folder / "split.csv").items() if subset == "test"]
    assert (scores["split"], scores["cases"]) == ("test", len(tested))
    for name in ("auroc_score", "within_view_auroc_score", "average_precision_score", "sensitivity", "specificity", "brier_error"):
        assert set(scores["scores"][name]) == {"value", "low", "high"}
    assert {"AP (lying or sitting)", "PA (standing)", "women", "men"} <= set(scores["subgroups"])
    assert set(scores["ood"]["scores_without_flagged"]) <= set(scores["scores"])
    assert 0 <= scores["ood"]["flagged"] <= len(tested)
    report = (trained.folder / "report.html").read_text()
    for expected in ("AP (lying or sitting)", "Unlike the training data", "not for clinical use", "data:image/png;base64,"):
        assert expected in report
    assert list((trained.folder / "pictures").glob("*.png"))


def own_table(folder: Path, trained: SimpleNamespace, split: bool = False) -> Path:
    """The X-rays of the layout in a table of one's own, with a column that the layout lacks."""
    subsets = {image: subset for image, (_, subset) in read_split(trained.folder / "split.csv").items()}
    rows = ["path,id,person,label,hospital" + ",split" * split]
    for number, case in enumerate(find_cases(trained.data)):
        row = [str(case.path), case.image_id, case.person, f"{int(bool(case.label))}", "NS"[number % 2]]
        rows.append(",".join(row + [subsets[case.image_id]] * split))
    table = folder / "cases.csv"
    table.write_text("\n".join(rows))
    return table


def test_a_table_of_ones_own_gives_the_scores_of_the_layout(trained: SimpleNamespace, tmp_path: Path) -> None:
    api, table = radlearn.classification, own_table(tmp_path, trained)
    by_layout, by_table = api.evaluate(trained.folder), api.evaluate(trained.folder, data=table)
    assert by_table["split"] == "test"
    assert json_ready(by_table["scores"]) == json_ready(by_layout["scores"])
    assert set(by_table["subgroups"]) - set(by_layout["subgroups"]) == {"hospital: N", "hospital: S"}


def test_training_takes_the_split_that_a_table_asks_for(
    trained: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, run = own_table(tmp_path, trained, split=True), tmp_path / "run"
    arguments = ["classification", "train", "--data", str(table), "--run", str(run), *QUICK, "--epochs", "1", "--seed", "5"]
    assert cli.main(arguments) == 0
    assert f"Data: the table {table} (named with --data)." in " ".join(capsys.readouterr().err.split())
    assert read_split(run / "split.csv") == read_split(trained.folder / "split.csv")
    assert read_json(run / "settings.json")["data"] == str(table)
    # The run finds its table again.
    assert cli.main(["classification", "evaluate", str(run)]) == 0
    assert "hospital: N" in (run / "report.html").read_text(encoding="utf-8")
    assert cli.main([*arguments[:5], str(tmp_path / "fold"), *QUICK, "--fold", "0"]) == 2
    assert "so there are no folds" in capsys.readouterr().err


@pytest.mark.parametrize("task", ["classification", "detection"])
def test_a_table_that_cannot_be_used_is_refused_before_a_run_folder_is_left(
    task: str, trained: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = own_table(tmp_path, trained)
    if task == "classification":
        table.write_text(table.read_text().replace(",1,N", ",3,N"))
    assert cli.main([task, "train", "--data", str(table), "--run", str(tmp_path / "run"), *QUICK]) == 2
    words = {"classification": "column label: is '3'; expected 0 or 1.", "detection": "Detection learns from boxes: columns x0, y0, x1, y1"}
    assert words[task] in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "run").exists()


def test_a_threshold_is_chosen_again_on_a_copy_of_the_run(
    trained: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained.folder, run)
    before = read_json(run / "postprocessing.json")
    assert cli.main(["tune", str(run), "--json"]) == 0
    same = json.loads(capsys.readouterr().out)
    # Nothing else was wished for: what training chose is chosen again.
    assert same["threshold"] == before["postprocessing"]["threshold"]
    assert (same["task"], same["split"], same["changed"], same["scores_of_before"]) == ("classification", "validation", False, [])
    assert read_json(run / "postprocessing.json") == before
    assert cli.main(["classification", "tune", str(run), "--wanted-specificity", "1"]) == 0
    out, said = capsys.readouterr()
    assert out == ""
    after = read_json(run / "postprocessing.json")
    assert read_json(run / "tuning" / "tuning.json")["chosen"]["specificity"]["value"] == 1.0
    assert after["view_shares"] == before["view_shares"]
    assert "specificity ≥ 1" in said
    assert (run / "tuning" / "threshold.png").exists()
    validated = [image for image, (_, subset) in read_split(run / "split.csv").items() if subset == "validation"]
    assert same["cases"] == len(validated)
    assert cli.main(["classification", "evaluate", str(run)]) == 0
    assert read_json(run / "scores.json")["threshold"] == after["postprocessing"]["threshold"]
    # Another threshold than any rule finds, on however few X-rays.
    opened = open_run(run, "classification")
    chosen, about = read_postprocessing(opened, ProbabilityPostprocessing)
    write_postprocessing(opened, replace(chosen, threshold=0.123456), about)
    assert cli.main(["tune", str(run), "--wanted-sensitivity", "0.5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["scores_of_before"] == ["scores.json"]
    # What was tuned does not follow from the weights, and is not lost where what does is made again.
    tuned = (run / "postprocessing.json").read_bytes()
    (run / "feature_distance.safetensors").unlink()
    assert cli.main(["classification", "resume", str(run)]) == 0
    assert (run / "feature_distance.safetensors").exists()
    assert (run / "postprocessing.json").read_bytes() == tuned


def test_a_moved_run_is_evaluated_with_the_same_scores(trained: SimpleNamespace, tmp_path: Path) -> None:
    assert cli.main(["classification", "evaluate", str(trained.folder)]) == 0
    moved = tmp_path / "elsewhere"
    shutil.copytree(trained.folder, moved)
    (moved / "scores.json").unlink()
    assert cli.main(["classification", "evaluate", str(moved)]) == 0
    assert read_json(moved / "scores.json") == read_json(trained.folder / "scores.json")


def test_the_runs_own_data_elsewhere_are_the_test_people_and_other_data_are_external(
    trained: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(trained.data, copy)
    assert cli.main(["classification", "evaluate", str(trained.folder), "--data", str(copy), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["split"] == "test"
    strangers = tmp_path / "strangers"
    (strangers / "stage_2_train_images").mkdir(parents=True)
    for case in find_cases(copy):
        shutil.copy(case.path, strangers / "stage_2_train_images" / f"new-{case.path.name}")
    for table in copy.glob("*.csv"):
        (strangers / table.name).write_text(table.read_text().replace("xray-", "new-xray-").replace("person-", "other-"))
    # So far they are the run's own X-rays under new names.
    assert cli.main(["classification", "evaluate", str(trained.folder), "--data", str(strangers)]) == 2
    assert "all 48 of its cases are images of this run" in " ".join(capsys.readouterr().err.split())
    assert not (trained.folder / "scores-external.json").exists()
    for case in find_cases(strangers):
        pixels = pydicom.dcmread(case.path).pixel_array[::-1]
        write_radiograph(case.path, pixels, patient_id=case.image_id, view="PA", sex="F", age="40", spacing_mm=None)
    assert cli.main(["classification", "evaluate", str(trained.folder), "--data", str(strangers), "--json"]) == 0
    external = json.loads(capsys.readouterr().out)
    assert (external["split"], external["cases"]) == ("external", 48)
    # Of the next hospital: the first one's evaluation stays, and each says of which data it is.
    assert read_json(trained.folder / "scores-external.json")["data"] == str(strangers)
    images = sorted((strangers / "stage_2_train_images").iterdir())
    rows = "".join(f"stage_2_train_images/{path.name},{number % 2},p{number}\n" for number, path in enumerate(images[:12]))
    (strangers / "few.csv").write_text(f"path,label,person\n{rows}")
    assert cli.main(["classification", "evaluate", str(trained.folder), "--data", str(strangers / "few.csv")]) == 0
    kept = trained.folder / "earlier" / "external-1"
    assert f"evaluation of {strangers} is kept in {kept}" in " ".join(capsys.readouterr().err.split())
    assert (read_json(kept / "scores-external.json")["cases"], (kept / "report-external.html").exists()) == (48, True)
    assert read_json(trained.folder / "scores-external.json")["cases"] == 12
    assert f"external: {strangers / 'few.csv'}" in (trained.folder / "report-external.html").read_text()


def test_predict_reads_what_it_can_and_lists_what_it_cannot(
    trained: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    xrays = tmp_path / "xrays"
    xrays.mkdir()
    cases = find_cases(trained.data)[:5]
    for case in cases:
        shutil.copy(case.path, xrays)
    (xrays / "cut.dcm").write_bytes(cases[0].path.read_bytes()[:900])
    (xrays / "empty.dcm").touch()
    out = tmp_path / "predictions"
    assert cli.main(["classification", "predict", str(trained.folder), str(xrays), "--out", str(out)]) == 0
    said = capsys.readouterr().err
    assert "2 files could not be read" in said
    assert "cut.dcm" in said
    with open(out / "predictions.csv", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [row["patientId"] for row in rows] == [case.image_id for case in cases]
    threshold = read_json(trained.folder / "postprocessing.json")["postprocessing"]["threshold"]
    for row in rows:
        assert 0 <= float(row["calibrated_probability"]) <= 1
        assert row["decision"] == ("opacity" if float(row["probability"]) >= threshold else "no opacity")
        assert 0 <= float(row["ood_score"]) <= 1
        assert (row["out_of_distribution"] == "yes") == (float(row["ood_distance"]) > 1)
    assert len(list((out / "overlays").glob("*.png"))) == 5
    assert len((out / "unreadable.txt").read_text().splitlines()) == 2
    # A second time would overwrite answers that someone may have worked with.
    assert cli.main(["classification", "predict", str(trained.folder), str(xrays), "--out", str(out)]) == 2
    assert "already exists" in capsys.readouterr().err


def test_inverted_xrays_are_flagged_and_an_older_run_leaves_the_columns_empty(
    trained: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    xrays = tmp_path / "xrays"
    xrays.mkdir()
    for case in find_cases(trained.data)[:4]:
        dataset = pydicom.dcmread(case.path)
        # A header that says the opposite of its pixels.
        dataset.PhotometricInterpretation = "MONOCHROME1"
        dataset.save_as(xrays / case.path.name)
    assert cli.main(["classification", "predict", str(trained.folder), str(xrays), "--out", str(tmp_path / "out"), "--no-overlays"]) == 0
    assert "All 4 X-rays are unlike the training data" in " ".join(capsys.readouterr().err.split())
    with open(tmp_path / "out" / "predictions.csv", newline="") as opened:
        assert [row["out_of_distribution"] for row in csv.DictReader(opened)] == ["yes"] * 4
    older = tmp_path / "older"
    shutil.copytree(trained.folder, older)
    (older / "feature_distance.safetensors").unlink()
    assert cli.main(["classification", "predict", str(older), str(xrays), "--out", str(tmp_path / "old"), "--no-overlays"]) == 0
    assert "classification resume" in " ".join(capsys.readouterr().err.split())
    with open(tmp_path / "old" / "predictions.csv", newline="") as opened:
        assert {(row["ood_score"], row["ood_distance"], row["out_of_distribution"]) for row in csv.DictReader(opened)} == {("", "", "")}
    # As the sentence says.
    assert cli.main(["classification", "resume", str(older), "--data", str(trained.data)]) == 0
    assert (older / "feature_distance.safetensors").exists()


def test_an_xray_gets_one_prediction_wherever_it_is_asked(trained: SimpleNamespace, tmp_path: Path) -> None:
    from radlearn.rsna_pneumonia_classification import classify_pneumonia as lesson
    from radlearn.tasks.xray.radiographs import prepared_radiographs
    from radlearn.training.run_folder import open_run

    model, settings = lesson.trained_model(open_run(trained.folder))
    xrays = prepared_radiographs(find_cases(trained.data), settings.size_px, settings.shape)
    evaluation = lesson.infer_all(model, lesson.make_loaders(settings, {"test": xrays})["test"], settings)
    table = lesson.predict(open_run(trained.folder), [trained.data], tmp_path / "out", overlays=False)
    with open(table, newline="") as opened:
        asked = {row["patientId"]: float(row["probability"]) for row in csv.DictReader(opened)}
    np.testing.assert_allclose([asked[xray.case.image_id] for xray in xrays], evaluation, atol=2e-6)


def test_the_submission_has_a_line_for_each_xray(trained: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "submission.csv"
    images = trained.data / "stage_2_train_images"
    assert cli.main(["classification", "submit", str(trained.folder), "--images", str(images), "--out", str(out)]) == 0
    assert "would not take this file" in " ".join(capsys.readouterr().err.split())
    with open(out, newline="") as opened:
        rows = list(csv.reader(opened))
    assert rows[0] == ["patientId", "probability"]
    assert sorted(row[0] for row in rows[1:]) == sorted(case.image_id for case in find_cases(trained.data))
    written = out.read_bytes()
    assert cli.main(["classification", "submit", str(trained.folder), "--images", str(images), "--out", str(out)]) == 2
    assert "submission.csv already exists. Choose another name with --out" in " ".join(capsys.readouterr().err.split())
    assert out.read_bytes() == written


def test_folds_are_evaluated_together_on_the_persons_none_was_trained_on(
    trained: SimpleNamespace, fold: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (fold / "postprocessing.json").read_bytes()
    assert cli.main(["classification", "evaluate", str(trained.folder), str(fold), "--json"]) == 0
    captured = capsys.readouterr()
    ensemble = trained.folder / "ensemble"
    scores = json.loads(captured.out)
    assert scores == read_json(ensemble / "scores.json")
    assert "validated on different persons" in " ".join(captured.err.split())
    tested = {image for image, (_, subset) in read_split(fold / "split.csv").items() if subset == "test"}
    rows = rows_of(ensemble / "cases.csv")
    assert {row["image_id"] for row in rows} == tested
    assert all(0 <= float(row["disagreement"]) <= 0.5 for row in rows)
    thresholds = [read_json(run / "postprocessing.json")["postprocessing"]["threshold"] for run in (trained.folder, fold)]
    assert scores["threshold"] == pytest.approx(np.mean(thresholds))
    assert (ensemble / "report.html").exists()
    assert (fold / "postprocessing.json").read_bytes() == before
    # What was evaluated together stands beside the run alone.
    assert cli.main(["classification", "evaluate", str(trained.folder)]) == 0
    capsys.readouterr()
    assert cli.main(["compare", str(trained.folder), str(ensemble), "--out", str(ensemble / "compared"), "--json"]) == 0
    assert cli.main(["classification", "predict", str(ensemble), str(trained.data), "--out", str(ensemble / "no")]) == 2
    assert "holds the evaluation of 2 runs together" in " ".join(capsys.readouterr().err.split())


def test_runs_predict_the_mean_of_what_they_predict_alone(trained: SimpleNamespace, fold: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(trained.folder, copy, ignore=shutil.ignore_patterns("ensemble"))
    asked = {"one": [trained.folder], "two": [fold], "both": [trained.folder, fold], "twice": [copy, trained.folder]}
    images = [str(case.path) for case in find_cases(trained.data)[:6]]
    for name, runs in asked.items():
        overlays = [] if name == "both" else ["--no-overlays"]
        arguments = ["predict", *map(str, runs), *images, "--out", str(tmp_path / name), *overlays]
        assert cli.main(["classification", *arguments]) == 0
    rows = {name: rows_of(tmp_path / name / "predictions.csv") for name in asked}
    one, two, both = (np.array([float(row["probability"]) for row in rows[name]]) for name in ("one", "two", "both"))
    np.testing.assert_allclose(both, (one + two) / 2, atol=1.5e-6)
    np.testing.assert_allclose([float(row["disagreement"]) for row in rows["both"]], np.abs(one - two) / 2, atol=1.5e-6)
    assert np.abs(one - two).max() > 0.01
    assert len(list((tmp_path / "both" / "overlays").glob("*.png"))) == 6
    # A run and its copy are the run, to the last digit; its table has no column of an ensemble.
    assert [{**row, "disagreement": "0.000000"} for row in rows["one"]] == rows["twice"]
    out = tmp_path / "submission.csv"
    folder = str(trained.data / "stage_2_train_images")
    assert cli.main(["classification", "submit", str(trained.folder), str(fold), "--images", folder, "--out", str(out)]) == 0
    handed_in = {row["patientId"]: row["probability"] for row in rows_of(out)}
    assert [handed_in[row["patientId"]] for row in rows["both"]] == [row["probability"] for row in rows["both"]]


def test_asked_wrongly_it_says_so_and_touches_nothing(trained: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in trained.folder.rglob("*"))
    data = str(trained.data)
    asked = {
        "already holds a run": ["train", "--data", data, "--run", str(trained.folder), *QUICK],
        "there is no such folder": ["train", "--data", str(tmp_path / "none")],
        "learning_rate is -1": ["train", "--data", data, "--run", str(tmp_path / "a"), "--learning-rate", "-1"],
        "batch_size is 1; it must be from 2": ["train", "--data", data, "--run", str(tmp_path / "a"), "--batch-size", "1"],
        "wanted_sensitivity is 2.0": ["train", "--data", data, "--run", str(tmp_path / "a"), "--wanted-sensitivity", "2"],
        "are the same run": ["evaluate", str(trained.folder), str(trained.folder)],
        "Name each run of an ensemble once": ["predict", str(trained.folder), str(trained.folder), data, "--out", str(tmp_path / "b")],
        "holds no X-ray": ["predict", str(trained.folder), str(tmp_path), "--out", str(tmp_path / "b")],
    }
    for words, arguments in asked.items():
        assert cli.main(["classification", *arguments]) == 2
        said = " ".join(capsys.readouterr().err.split())
        assert words in said
        assert "Traceback" not in said
    assert sorted((path, path.stat().st_mtime_ns) for path in trained.folder.rglob("*")) == before


def a_handful_of(folder: Path, out: Path) -> Path:
    """Copy the first 18 X-rays of a layout and their tables: as few as can be divided."""
    cases = find_cases(folder)[:18]
    (out / "stage_2_train_images").mkdir(parents=True)
    copied = [replace(case, path=Path(shutil.copy(case.path, out / "stage_2_train_images"))) for case in cases]
    write_tables(out, copied)
    return out


@pytest.mark.slow
def test_the_challenge_preset_is_trained_killed_resumed_evaluated_asked_and_handed_in(small_rsna: Path, tmp_path: Path) -> None:
    """From a random start, in full precision and on small images, since here is neither internet nor GPU.

    A test of the lesson takes a step at the true image size.
    """
    run, data = tmp_path / "run", a_handful_of(small_rsna, tmp_path / "data")
    handful = ["--epochs", "1", "--batch-size", "4", "--no-pretrained", "--precision", "32-true", "--workers", "0", "--size-px", "160"]
    arguments = ["classification", "train", "--preset", "challenge", "--data", str(data), "--run", str(run), *handful]
    killed_once(lambda: steps_saved(run) > 0, arguments)
    assert not (run / "postprocessing.json").exists()
    assert cli.main(["classification", "evaluate", str(run)]) == 2
    assert cli.main(["classification", "resume", str(run)]) == 0
    assert load_file(run / "best" / "model.safetensors")["features.0.0.weight"].shape == (96, 1, 4, 4)
    about = read_json(run / "settings.json")["settings"]
    assert (about["network"], about["size_px"], about["ema_decay"]) == ("convnext_tiny", 160, 0.999)
    assert cli.main(["classification", "evaluate", str(run)]) == 0
    one = next((data / "stage_2_train_images").iterdir())
    assert cli.main(["classification", "predict", str(run), str(one), "--out", str(tmp_path / "predictions")]) == 0
    assert len(list((tmp_path / "predictions" / "overlays").iterdir())) == 1
    assert cli.main(["classification", "submit", str(run), "--images", str(one), "--out", str(tmp_path / "s.csv")]) == 0


@pytest.mark.slow
def test_the_real_xrays_go_through_and_their_report_shows_both_views(shared_data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    data = shared_data / "rsna_real_sample"
    assert cli.main(["classification", "train", "--data", str(data), "--run", str(run), "--epochs", "2", "--size-px", "64"]) == 0
    assert cli.main(["classification", "evaluate", str(run)]) == 0
    people = {person for person, _ in read_split(run / "split.csv").values()}
    assert len(people) == 84
    report = (run / "report.html").read_text()
    assert "AP (lying or sitting)" in report
    assert "PA (standing)" in report
    assert "synthetic" not in report.lower()


def test_pictures_and_negatives_of_training_xrays_are_known_by_their_looks(
    trained: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subsets = {image: subset for image, (_, subset) in read_split(trained.folder / "split.csv").items()}
    cases = find_cases(trained.data)
    # The others are noise alone, of which a small picture keeps too little.
    learnt = [case for case in cases if subsets[case.image_id] == "train" and case.label][:2]
    others = [case for case in cases if subsets[case.image_id] == "test"]
    rows = ["path,person,label"]
    for number, case in enumerate([*learnt, *others]):
        grey = np.rint(65535 * read_radiograph(case.path).pixels).astype(np.uint16)
        Image.fromarray(65535 - grey if number == 1 else grey).save(tmp_path / f"picture-{number}.png")
        rows.append(f"picture-{number}.png,somebody-{number},{int(bool(case.label))}")
    said = (
        f"look the same as some that the run was trained on, with other pixel values: picture-0.png (as {learnt[0].image_id}), "
        f"picture-1.png (as {learnt[1].image_id})."
    )
    predict = ["classification", "predict", str(trained.folder), "--no-overlays"]
    assert cli.main([*predict, *map(str, tmp_path.glob("*.png")), "--out", str(tmp_path / "out")]) == 0
    assert f"2 of the {len(rows) - 1} X-rays {said}" in " ".join(capsys.readouterr().err.split())
    # As people of their own they would be an external set.
    (tmp_path / "cases.csv").write_text("\n".join(rows))
    assert cli.main(["classification", "evaluate", str(trained.folder), "--data", str(tmp_path / "cases.csv")]) == 0
    assert f"2 of the {len(rows) - 1} X-rays {said}" in " ".join(capsys.readouterr().err.split())
    # The files themselves are known by their pixels, which is said alone.
    assert cli.main([*predict, *(str(case.path) for case in learnt), "--out", str(tmp_path / "again")]) == 0
    said_of_files = " ".join(capsys.readouterr().err.split())
    assert "Both X-rays are images that the run was trained on" in said_of_files
    assert "look the same" not in said_of_files


def test_a_run_of_before_that_kept_no_small_pictures_predicts(
    trained: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(trained.folder, tmp_path / "run")
    file = tmp_path / "run" / "look_alikes.safetensors"
    path = str(find_cases(trained.data)[0].path)
    file.write_bytes(file.read_bytes()[:-1] + b"\x01")
    assert cli.main(["classification", "predict", str(tmp_path / "run"), path, "--out", str(tmp_path / "changed")]) == 2
    assert "look_alikes.safetensors: is damaged" in " ".join(capsys.readouterr().err.split())
    file.unlink()
    assert cli.main(["classification", "predict", str(tmp_path / "run"), path, "--out", str(tmp_path / "out")]) == 0
