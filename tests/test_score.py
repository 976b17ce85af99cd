"""`radlearn score`: one table for people, one JSON object for programs, one clear message for what cannot be scored."""

import json
from pathlib import Path

import numpy as np
import pytest

from radlearn import cli
from radlearn.score import scorers


@pytest.fixture
def tables(tmp_path: Path) -> list[str]:
    (tmp_path / "labels.csv").write_text("patientId,x,y,width,height,Target\na,0,0,100,100,1\nb,,,,,0\nc,,,,,0\n")
    (tmp_path / "predictions.csv").write_text("patientId,PredictionString\na,0.9 0 0 100 60\nb,\nc,0.1 5 5 10 10\n")
    return ["--truth", str(tmp_path / "labels.csv"), "--submission", str(tmp_path / "predictions.csv")]


def test_a_person_is_told_every_score_and_what_was_left_out(tables: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["score", "rsna", *tables]) == 0
    out, told = capsys.readouterr()
    assert out == ""
    for name, value in (("rsna_score", "0.250"), ("box_sensitivity", "1.000"), ("false_boxes_per_healthy_image", "0.500")):
        assert any(name in line and value in line for line in told.splitlines()), name
    assert "X-rays: 3. True boxes: 1. Found boxes: 2." in told
    assert "X-rays without a true and without a found box are left out of it: 1." in told
    assert "there is no persons.csv" in told


def test_json_is_alone_on_standard_output(tables: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["score", "rsna", *tables, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["scores"]["rsna_score"] == {"value": 0.25, "low": None, "high": None}
    assert (found["cases"], found["submission"]) == (3, tables[3])


def test_a_row_for_every_image_is_written_where_it_is_wanted(tables: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "folder" / "table.csv"
    assert cli.main(["score", "rsna", *tables, "--out", str(table)]) == 0
    assert [line.split(",")[0] for line in table.read_text().splitlines()] == ["patientId", "a", "b", "c"]
    assert f"A row for every case: {table}" in capsys.readouterr().err


def test_what_cannot_be_scored_leaves_with_two_and_writes_nothing(
    tables: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(tables[3]).write_text("patientId,PredictionString\na,0.9 0 0 100\n")
    assert cli.main(["score", "rsna", *tables, "--json", "--out", str(tmp_path / "table.csv")]) == 2
    out, told = capsys.readouterr()
    assert out == ""
    assert "predictions.csv, line 2: PredictionString has 4 numbers; expected five a box" in told
    assert "predictions.csv: 2 of the 3 images have no row, the first being b" in told
    assert not (tmp_path / "table.csv").exists()


@pytest.mark.parametrize("name", ["labels.csv", "predictions.csv", "link.csv", "persons.csv"])
def test_a_table_takes_the_place_of_nothing_that_is_needed(
    tables: list[str], tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "persons.csv").write_text("patientId,person\na,1\nb,2\nc,3\n")
    (tmp_path / "link.csv").symlink_to(tmp_path / "labels.csv")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert cli.main(["score", "rsna", *tables, "--out", str(tmp_path / name)]) == 2
    assert f"{name}: is " in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_table_of_before_is_replaced(tables: list[str], tmp_path: Path) -> None:
    for _ in range(2):
        assert cli.main(["score", "rsna", *tables, "--out", str(tmp_path / "table.csv")]) == 0
    probabilities = tmp_path / "probabilities.csv"
    probabilities.write_text("patientId,probability\na,0.9\nb,0.2\nc,0.3\n")
    for _ in range(2):
        arguments = ["--truth", tables[1], "--submission", str(probabilities), "--out", str(tmp_path / "other.csv")]
        assert cli.main(["score", "classification", *arguments]) == 0
    # That of another score is another table.
    assert cli.main(["score", "rsna", *tables, "--out", str(tmp_path / "other.csv")]) == 2


def test_a_place_that_cannot_be_written_is_found_before_the_scoring(
    tables: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(tables[3]).write_text("no submission")
    assert cli.main(["score", "rsna", *tables, "--out", "/proc/table.csv"]) == 2
    assert "/proc: No file can be made there" in capsys.readouterr().err


def test_a_challenge_that_is_none_is_named_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["score", "imagenet"]) == 2
    known = "rsna, classification, covid19, ultrasound"
    assert f"radlearn score imagenet: there is no such score. The scores are: {known}" in capsys.readouterr().err
    assert cli.main(["score"]) == 0
    assert "usage: radlearn score NAME" in capsys.readouterr().out


@pytest.fixture
def masks(tmp_path: Path) -> list[str]:
    """Three scans with a box each: found, found by half, and missed."""
    from radlearn.challenges.covid19 import case_paths
    from radlearn.scans.nifti import write_volume

    box = np.zeros((12, 12, 12), np.uint8)
    box[2:8, 2:8, 2:8] = 1
    for number, prediction in enumerate((box, np.roll(box, 3, axis=0), np.zeros_like(box))):
        write_volume(case_paths(tmp_path / "data", f"volume-covid19-A-000{number}")[1], box, np.eye(4))
        write_volume(tmp_path / "predictions" / f"00{number}.nii.gz", prediction, np.eye(4))
    return ["--truth", str(tmp_path / "data"), "--submission", str(tmp_path / "predictions")]


def test_masks_are_scored_and_what_a_mean_leaves_out_is_said(masks: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["score", "covid19", *masks]) == 0
    out, told = capsys.readouterr()
    assert out == ""
    for name, value in (("dice_score", "0.500"), ("volume_error_percent", "33.333"), ("lesion_sensitivity", "0.667")):
        assert any(line.split()[1:2] == [name] and value in line for line in told.splitlines()), name
    assert "Scans: 3. True lesions: 3. False lesions: 0." in told
    assert "hausdorff95_mm leaves out 1 of the 3 scans" in told
    assert "there is no persons.csv" in told


def test_scores_of_masks_as_json_and_as_a_table(masks: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["score", "covid19", *masks, "--json", "--out", str(tmp_path / "scans.csv"), "--tolerance-mm", "3"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["challenge"], found["cases"], found["tolerance_mm"], found["left_out"]) == ("covid19", 3, 3.0, {"hausdorff95_mm": 1})
    # Moved by 3 mm and 3 mm forgiven: the first two are perfect, the missed one is nothing.
    assert found["scores"]["surface_dice_score"]["value"] == pytest.approx(2 / 3)
    assert len((tmp_path / "scans.csv").read_text().splitlines()) == 4


def test_masks_that_cannot_be_scored_leave_with_two(masks: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "predictions" / "001.nii.gz").unlink()
    assert cli.main(["score", "covid19", *masks, "--json"]) == 2
    out, told = capsys.readouterr()
    assert out == ""
    assert "001.nii.gz: is missing" in told


def test_the_defaults_are_those_of_the_scores() -> None:
    from radlearn.challenges.covid19.scoring import SMALLEST_ML, TOLERANCE_MM
    from radlearn.challenges.readings.resized_images import XRAY_SIZE_PX

    known = scorers()
    assert known["covid19"].options() == known["covid19"].options(TOLERANCE_MM, SMALLEST_ML)
    assert known["rsna"].options().size_px == XRAY_SIZE_PX


@pytest.fixture
def probabilities(tmp_path: Path) -> list[str]:
    (tmp_path / "labels.csv").write_text("patientId,x,y,width,height,Target\na,0,0,100,100,1\nb,,,,,0\nc,,,,,0\nd,0,0,5,5,1\n")
    (tmp_path / "predictions.csv").write_text("patientId,score\na,0.9\nb,0.2\nc,0.7\nd,0.3\n")
    return ["--truth", str(tmp_path / "labels.csv"), "--submission", str(tmp_path / "predictions.csv")]


def test_probabilities_are_told_with_both_kinds_of_mistake(probabilities: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["score", "classification", *probabilities]) == 0
    out, told = capsys.readouterr()
    assert out == ""
    for name, value in (("auroc_score", "0.750"), ("sensitivity", "0.500"), ("specificity", "0.500"), ("brier_error", "0.25")):
        assert any(name in line and value in line for line in told.splitlines()), name
    assert "At a threshold of 0.5: 1 true positives, 1 false negatives, 1 false positives, 1 true negatives." in told
    assert "the column 'score' was read as the probability" in told
    assert "on no leaderboard" in told


def test_probabilities_as_json_with_a_table_and_refused(
    probabilities: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "table.csv"
    assert cli.main(["score", "classification", *probabilities, "--json", "--threshold", "0.25", "--out", str(table)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["challenge"], found["scores"]["sensitivity"]["value"], found["threshold"]) == ("classification", 1.0, 0.25)
    assert len(table.read_text().splitlines()) == 5
    Path(probabilities[3]).write_text("patientId,probability\na,90\n")
    assert cli.main(["score", "classification", *probabilities, "--json"]) == 2
    out, told = capsys.readouterr()
    assert out == ""
    assert "predictions.csv, line 2: the probability is 90; expected 0 to 1. Is it a percentage?" in told


def test_masks_are_no_place_for_a_table_and_a_truth_that_is_none_is_told_with_its_flag(
    masks: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mask = min(Path(masks[1]).rglob("*_seg.nii.gz"))
    before = mask.read_bytes()
    assert cli.main(["score", "covid19", *masks, "--out", str(mask)]) == 2
    assert f"{mask.name}: is there already" in capsys.readouterr().err
    assert mask.read_bytes() == before
    for _ in range(2):
        assert cli.main(["score", "covid19", *masks, "--out", str(tmp_path / "scans.csv")]) == 0
    capsys.readouterr()
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "sub.zip").write_bytes(b"PK")
    for truth in (tmp_path / "empty", tmp_path / "scans.csv", tmp_path / "none"):
        assert cli.main(["score", "covid19", "--truth", str(truth), *masks[2:]]) == 2
        said = capsys.readouterr().err
        assert "--truth" in said
        assert "--data" not in said
        assert "Unpack" not in said
