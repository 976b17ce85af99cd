"""Several labels from end to end: train, evaluate, ask, tune; stopped and gone on with; started from one label; asked wrongly."""

import csv
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.numpy import load_file

from radlearn import cli
from radlearn.built_in_patients import write_patients
from radlearn.challenges.rsna import find_cases
from radlearn.json_files import read_json
from radlearn.training.splits import read_split
from radlearn.workflow.case_labels import label_values
from tests.journeys.conftest import killed_once, steps_saved

QUICK = ["--size-px", "64", "--epochs", "1", "--batch-size", "8", "--network", "small_resnet"]
NAMES = ("square", "odd", "rare", "nobody")


@pytest.fixture(scope="module")
def table(small_rsna: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The 48 X-rays of 32 people with four labels: what is bright, what is not known of every fourth, what four people have, and nobody."""
    path = tmp_path_factory.mktemp("table") / "cases.csv"
    with open(path, "w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["path", "person", *(f"label_{name}" for name in NAMES)])
        for number, case in enumerate(find_cases(small_rsna)):
            odd = "" if number % 4 == 0 else number % 2
            writer.writerow([case.path, case.person, int(bool(case.label)), odd, int(number in (1, 2, 5, 7)), 0])
    return path


@pytest.fixture(scope="module")
def trained(table: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A finished and evaluated run."""
    folder = tmp_path_factory.mktemp("journey") / "run"
    assert cli.main(["classification", "train", "--data", str(table), "--run", str(folder), *QUICK]) == 0
    assert cli.main(["classification", "evaluate", str(folder)]) == 0
    return SimpleNamespace(folder=folder, data=table)


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as opened:
        return list(csv.DictReader(opened))


def test_the_rare_label_is_in_every_subset_and_nobody_in_two(trained: SimpleNamespace) -> None:
    split, cases = read_split(trained.folder / "split.csv"), find_cases(trained.data)
    rare = label_values(cases, ["rare"])[:, 0]
    assert {split[case.image_id][1] for case, value in zip(cases, rare, strict=True) if value == 1} == {"train", "validation", "test"}


def test_evaluation_says_what_each_label_is_worth_and_what_is_not_judged(trained: SimpleNamespace) -> None:
    found = read_json(trained.folder / "scores.json")
    assert list(found["labels"]) == list(NAMES)
    assert found["macro_over"] == ["square", "odd", "rare"]
    assert found["labels"]["nobody"]["not_judged"] == "nobody in training is known to have it"
    each = [found["labels"][name]["scores"]["auroc_score"]["value"] for name in found["macro_over"]]
    assert found["scores"]["macro_auroc_score"]["value"] == pytest.approx(np.mean(each))
    assert found["labels"]["odd"]["known"] < found["cases"]
    page = (trained.folder / "report.html").read_text()
    assert "Which findings are on the X-ray?" in page
    assert (trained.folder / "pictures" / "co-occurrence.png").is_file()


def test_predict_writes_columns_for_each_label_and_tune_chooses_again(trained: SimpleNamespace, small_rsna: Path, tmp_path: Path) -> None:
    paths = sorted((small_rsna / "stage_2_train_images").iterdir())[:3]
    run = tmp_path / "run"
    shutil.copytree(trained.folder, run)
    assert cli.main(["classification", "predict", str(run), *map(str, paths), "--out", str(tmp_path / "out")]) == 0
    rows = rows_of(tmp_path / "out" / "predictions.csv")
    assert len(rows) == 3
    assert {row["decision_square"] for row in rows} <= {"yes", "no"}
    assert all(0 <= float(row["probability_rare"]) <= 1 for row in rows)
    assert "probability_nobody" not in rows[0]
    assert len(list((tmp_path / "out" / "overlays").glob("*.png"))) == 3
    assert cli.main(["classification", "tune", str(run), "--wanted-sensitivity", "0.9"]) == 0
    told = read_json(run / "tuning" / "tuning.json")
    assert (told["rule"], told["not_chosen"]) == ("sensitivity ≥ 0.9", ["nobody"])


def test_a_killed_training_of_several_labels_goes_on_to_the_same_weights(trained: SimpleNamespace, tmp_path: Path) -> None:
    run, whole = tmp_path / "killed", tmp_path / "whole"
    arguments = ["classification", "train", "--data", str(trained.data), *QUICK, "--epochs", "3", "--run"]
    killed_once(lambda: steps_saved(run) > 0, [*arguments, str(run)])
    assert not (run / "postprocessing.json").exists()
    assert cli.main(["classification", "evaluate", str(run)]) == 2
    import torch

    torch.set_num_threads(1)
    assert cli.main(["classification", "resume", str(run)]) == 0
    assert cli.main([*arguments, str(whole)]) == 0
    one, other = (load_file(folder / "best" / "model.safetensors") for folder in (run, whole))
    assert all(np.array_equal(one[name], other[name]) for name in one)
    assert read_json(run / "postprocessing.json")["postprocessing"] == read_json(whole / "postprocessing.json")["postprocessing"]


def test_other_data_are_judged_by_the_same_names_and_refused_without(
    trained: SimpleNamespace, tmp_path: Path, built_in_xrays: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.csv"
    with open(other, "w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["path", "person", "label_nobody", "label_odd", "label_rare", "label_square", "label_further"])
        for number, case in enumerate(find_cases(built_in_xrays)[:14]):
            writer.writerow([case.path, case.person, 0, number % 2, "", int(number % 3 == 0), 1])
    assert cli.main(["classification", "evaluate", str(trained.folder), "--data", str(other)]) == 0
    found = read_json(trained.folder / "scores-external.json")
    assert found["macro_over"] == ["square", "odd"]
    assert found["labels"]["rare"]["not_judged"] == "nobody here is known to have or to lack it"
    assert "further: labels that this run does not know" in " ".join(capsys.readouterr().err.split())
    for words, columns in (("rare, nobody is missing", "label_square,label_odd"), ("one label without a name", "label")):
        lines = [f"{case.path},{','.join(['1'] * (columns.count(',') + 1))}" for case in find_cases(built_in_xrays)[:3]]
        other.write_text(f"path,{columns}\n" + "\n".join(lines) + "\n")
        assert cli.main(["classification", "evaluate", str(trained.folder), "--data", str(other)]) == 2
        assert words in " ".join(capsys.readouterr().err.split())


def test_it_starts_from_a_run_of_one_label_with_a_new_head_and_two_runs_are_compared(
    trained: SimpleNamespace, small_rsna: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, several = tmp_path / "one", tmp_path / "several"
    shared = ["--split-seed", "0", *QUICK]
    # The same people are tested in both, because the split of the first is that of the second's table.
    assert cli.main(["classification", "train", "--data", str(small_rsna), "--run", str(one), *shared]) == 0
    with_split = tmp_path / "split.csv"
    split = read_split(one / "split.csv")
    rows = rows_of(trained.data)
    with open(with_split, "w", newline="") as opened:
        writer = csv.DictWriter(opened, ["split", *rows[0]])
        writer.writeheader()
        writer.writerows({"split": split[Path(row["path"]).stem][1], **row} for row in rows)
    arguments = ["classification", "train", "--data", str(with_split), "--run", str(several), "--start-from", str(one), *QUICK]
    assert cli.main(arguments) == 0
    assert "Start anew: fc.weight (of another shape there), fc.bias (of another shape there)" in " ".join(capsys.readouterr().err.split())
    assert load_file(several / "best" / "model.safetensors")["fc.weight"].shape[0] == len(NAMES)
    again = tmp_path / "again"
    assert cli.main(["classification", "train", "--data", str(with_split), "--run", str(again), *QUICK, "--seed", "1"]) == 0
    for run in (one, several, again):
        assert cli.main(["classification", "evaluate", str(run)]) == 0
    assert cli.main(["compare", str(several), str(again), "--out", str(tmp_path / "compared")]) == 0
    assert "macro AUROC" in capsys.readouterr().err
    assert cli.main(["compare", str(one), str(several)]) == 2
    assert "do not predict the same labels" in " ".join(capsys.readouterr().err.split())
    # Several runs together, and a submission, are of one label.
    image = str(next((small_rsna / "stage_2_train_images").iterdir()))
    for command in (
        ["evaluate", str(several), str(again)],
        ["predict", str(several), str(again), image, "--out", str(tmp_path / "out")],
        ["submit", str(several), "--images", str(small_rsna), "--out", str(tmp_path / "submission.csv")],
    ):
        assert cli.main(["classification", *command]) == 2
        assert "predicts the labels square, odd, rare, nobody." in " ".join(capsys.readouterr().err.split())


@pytest.mark.slow
def test_built_in_patients_bring_a_table_that_trains(tmp_path: Path) -> None:
    write_patients(tmp_path / "thorax", xrays=48, seed=3)
    table = tmp_path / "thorax" / "rsna" / "findings.csv"
    assert cli.main(["classification", "train", "--data", str(table), "--run", str(tmp_path / "run"), *QUICK]) == 0
    assert cli.main(["classification", "evaluate", str(tmp_path / "run")]) == 0
    found = read_json(tmp_path / "run" / "scores.json")
    assert found["synthetic"] is True
    assert {"effusion", "cardiomegaly", "consolidation"} <= found["labels"].keys()
