"""Asking about files: every X-ray answered once, in order, nothing overwritten."""

import csv
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pydicom
import pytest
import torch
from torch import nn

from radlearn.challenges.rsna import find_cases
from radlearn.errors import BadLayout, BadRunFolder, BadSetting, UnreadableScan
from radlearn.tasks.classification.prediction import ProbabilityPredictions, submit_probabilities
from radlearn.tasks.xray.radiographs import read_unlabelled
from radlearn.training import checkpoint
from radlearn.training.checkpoint import load_best
from radlearn.training.feature_distance import write_feature_distance
from radlearn.training.run_folder import Run
from radlearn.workflow.ood import OOD_COLUMNS

at_32_px = partial(read_unlabelled, size_px=32, shape="stretch")


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as opened:
        return list(csv.DictReader(opened))


def test_xrays_come_in_batches_and_each_is_written_down_once(finished: Run, small_rsna: Path, tmp_path: Path) -> None:
    asking = ProbabilityPredictions(finished, [small_rsna], tmp_path / "out")
    sizes = []
    for xrays in asking.batches(at_32_px, 20):
        sizes.append(len(xrays))
        asking.keep(xrays, np.linspace(0.4, 0.6, len(xrays)), None)
    asking.finish()
    assert sizes == [20, 20, 8]
    rows = rows_of(asking.table)
    assert [row["patientId"] for row in rows] == [case.image_id for case in find_cases(small_rsna)]
    assert {row["decision"] for row in rows} == {"opacity", "no opacity"}
    assert all((float(row["probability"]) >= 0.5) == (row["decision"] == "opacity") for row in rows)


def test_of_several_runs_the_mean_is_written_and_how_far_they_differ(finished: Run, small_rsna: Path, tmp_path: Path) -> None:
    other = Run(tmp_path / "other", "classification")
    shutil.copytree(finished.folder, other.folder)
    # Each run has features of its own, and as many as it likes.
    draw, features = np.random.default_rng(0), [np.zeros((1, 3), np.float32), np.full((1, 5), 20, np.float32)]
    scored = []
    for run, rows in zip((finished, other), features, strict=True):
        size = rows.shape[1]
        known = write_feature_distance(run, draw.normal(size=(40, size)), draw.normal(size=(20, size)))
        assert known is not None
        scored.append(known.scored(rows))
    xray = find_cases(small_rsna)[0].path
    asking = ProbabilityPredictions([finished, other], [xray], tmp_path / "out")
    for (seen,) in asking.batches(lambda path: [at_32_px(path), read_unlabelled(path, 64, "stretch")], 1):
        maps = [np.zeros((1, 32, 32), np.float32), np.ones((1, 64, 64), np.float32)]
        asking.keep_mean([[one] for one in seen], [np.array([0.25], np.float32), np.array([0.75], np.float32)], maps, features)
    asking.finish()
    (row,) = rows_of(asking.table)
    assert list(row)[-6:] == ["possible", "notes", *OOD_COLUMNS, "disagreement"]
    assert [float(row[name]) for name in OOD_COLUMNS[:2]] == pytest.approx(
        [np.mean([one.scores for one in scored]), np.mean([one.distances for one in scored])], abs=1e-3
    )
    assert (row["probability"], row["disagreement"]) == ("0.500000", "0.250000")
    assert (tmp_path / "out" / "overlays" / f"{xray.stem}.png").exists()
    alone = ProbabilityPredictions(finished, [xray], tmp_path / "alone")
    for xrays in alone.batches(at_32_px, 1):
        alone.keep_mean([xrays], [np.array([0.25], np.float32)], [])
    alone.finish()
    assert list(rows_of(alone.table)[0])[-5:] == ["possible", "notes", *OOD_COLUMNS]
    with pytest.raises(BadSetting, match="are the same run"):
        ProbabilityPredictions([finished, finished], [xray], tmp_path / "twice")


def test_two_files_of_one_name_get_a_picture_each_but_no_submission(finished: Run, small_rsna: Path, tmp_path: Path) -> None:
    xray = find_cases(small_rsna)[0].path
    for ward in ("a", "b"):
        (tmp_path / ward).mkdir()
        shutil.copy(xray, tmp_path / ward / "IM0001.dcm")
    asking = ProbabilityPredictions(finished, [tmp_path / "a", tmp_path / "b"], tmp_path / "out")
    for xrays in asking.batches(at_32_px, 4):
        asking.keep(xrays, np.full(len(xrays), 0.7), np.zeros((len(xrays), 32, 32), np.float32))
    asking.finish()
    assert sorted(path.name for path in (tmp_path / "out" / "overlays").iterdir()) == ["IM0001-2.png", "IM0001.png"]
    with pytest.raises(BadLayout, match="2 files are called IM0001"):
        submit_probabilities(asking.table, tmp_path / "submission.csv")
    assert not (tmp_path / "submission.csv").exists()


def test_nothing_readable_is_an_error_that_leaves_the_list_of_reasons(finished: Run, tmp_path: Path) -> None:
    (tmp_path / "xrays").mkdir()
    (tmp_path / "xrays" / "empty.dcm").touch()
    asking = ProbabilityPredictions(finished, [tmp_path / "xrays"], tmp_path / "out")
    assert list(asking.batches(at_32_px, 4)) == []
    with pytest.raises(UnreadableScan, match="The only file could not be read"):
        asking.finish()
    assert "empty.dcm" in (tmp_path / "out" / "unreadable.txt").read_text()


def test_the_best_weights_are_what_is_loaded_and_their_lack_is_said(finished: Run) -> None:
    with pytest.raises(BadRunFolder, match="is not there any more"):
        load_best(finished, nn.Linear(2, 1), "cpu")
    torch.manual_seed(1)
    kept = nn.Linear(2, 1)
    checkpoint.save_weights(finished.best_weights, kept, {})
    loaded = load_best(finished, nn.Linear(2, 1), "cpu")
    assert torch.equal(loaded.weight, kept.weight)
    assert not loaded.training


def test_a_pass_that_was_stopped_goes_on_to_the_same_table_and_pictures(finished: Run, small_rsna: Path, tmp_path: Path) -> None:
    """Pixels decide the probability here, so that what is mixed up would be seen."""
    read: list[Path] = []

    def ask(out: Path, most: int) -> None:
        asking = ProbabilityPredictions(finished, [small_rsna], out)
        for number, xrays in enumerate(asking.batches(lambda path: read.append(path) or at_32_px(path), 5)):
            if number == most:
                raise KeyboardInterrupt
            asking.keep(xrays, np.array([one.pixels.mean() for one in xrays]), np.zeros((len(xrays), 32, 32), np.float32))
        asking.finish()

    ask(tmp_path / "at once", 100)
    read.clear()
    for most in (2, 3):
        with pytest.raises(KeyboardInterrupt):
            ask(tmp_path / "out", most)
        assert not (tmp_path / "out" / "predictions.csv").exists()
    ask(tmp_path / "out", 100)
    assert len(read) == 15 + 20 + 23
    assert (tmp_path / "out" / "predictions.csv").read_bytes() == (tmp_path / "at once" / "predictions.csv").read_bytes()
    names = [sorted(str(path.relative_to(out)) for path in out.rglob("*")) for out in (tmp_path / "out", tmp_path / "at once")]
    assert names[0] == names[1]


def test_a_pass_that_goes_on_puts_the_same_xrays_together(finished: Run, small_rsna: Path, tmp_path: Path) -> None:
    """The last digits of a network's output depend on what is in its batch."""
    paths = sorted((small_rsna / "stage_2_train_images").iterdir())[:11]
    (tmp_path / "empty.dcm").touch()

    def ask(out: Path, stop_at: int | None) -> list[list[str]]:
        asking, batches = ProbabilityPredictions(finished, [tmp_path / "empty.dcm", *paths], out), []
        for xrays in asking.batches(at_32_px, 4):
            batches.append([one.case.image_id for one in xrays])
            for number, one in enumerate(xrays):
                if one.case.path == paths[stop_at or 0] and stop_at:
                    raise KeyboardInterrupt
                asking.keep(xrays[number : number + 1], np.array([0.5]), None)
        asking.finish()
        return batches

    at_once = ask(tmp_path / "once", None)
    with pytest.raises(KeyboardInterrupt):
        ask(tmp_path / "out", 6)
    assert ask(tmp_path / "out", None) == at_once[1:]


def test_weights_or_pictures_that_are_others_begin_another_pass(finished: Run, small_rsna: Path, tmp_path: Path) -> None:
    ProbabilityPredictions(finished, [small_rsna], tmp_path / "out")
    with pytest.raises(BadSetting, match=r"\(other overlays\)"):
        ProbabilityPredictions(finished, [small_rsna], tmp_path / "out", overlays=False)
    checkpoint.save_weights(finished.best_weights, nn.Linear(2, 1), {})
    with pytest.raises(BadSetting, match=r"\(other runs\)"):
        ProbabilityPredictions(finished, [small_rsna], tmp_path / "out")


def test_where_nothing_could_be_read_the_same_command_can_be_given_again(finished: Run, small_rsna: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.dcm").touch()
    asking = ProbabilityPredictions(finished, [tmp_path / "in"], tmp_path / "out")
    assert list(asking.batches(at_32_px, 1)) == []
    with pytest.raises(UnreadableScan):
        asking.finish()
    shutil.copy(next((small_rsna / "stage_2_train_images").iterdir()), tmp_path / "in" / "a.dcm")
    again = ProbabilityPredictions(finished, [tmp_path / "in"], tmp_path / "out")
    for xrays in again.batches(at_32_px, 1):
        again.keep(xrays, np.array([0.5]), None)
    again.finish()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["predictions.csv"]


def test_what_is_doubtful_about_an_image_stands_in_its_row_each_time_it_is_asked_for(
    finished: Run, small_rsna: Path, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    said = {"hand": {"StudyDescription": "Hand"}, "side": {"ViewPosition": "LL"}, "turned": {"PatientOrientation": ["R", "F"]}, "chest": {}}
    for name, elements in said.items():
        dataset = pydicom.dcmread(find_cases(small_rsna)[0].path)
        # Small films are doubtful too.
        dataset.BodyPartExamined = "" if name == "hand" else "CHEST"
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)
        dataset.save_as(tmp_path / "in" / f"{name}.dcm")
    # A warning of Python is given once for a file; a table is whole each time.
    for out in ("first", "second"):
        asking = ProbabilityPredictions(finished, [tmp_path / "in"], tmp_path / out)
        for xrays in asking.batches(at_32_px, 3):
            asking.keep(xrays, np.full(len(xrays), 0.5), None)
        asking.finish()
        notes = {row["patientId"]: row["notes"] for row in rows_of(asking.table)}
        assert "its description names HAND" in notes["hand"]
        assert "the view is LL" in notes["side"]
        assert "PatientOrientation is R\\F, as of one that is mirrored" in notes["turned"]
        assert not any(word in notes["chest"] for word in ("HAND", "view", "Orientation"))
