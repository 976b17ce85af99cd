"""Runs that predict together: who may, where it is written, with which postprocessing, and how far they differ."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radlearn.errors import BadRunFolder, BadSetting
from radlearn.files import write_text
from radlearn.json_files import read_json, write_json
from radlearn.training.run_folder import Run, new_run, open_run, runs_of
from radlearn.training.splits import write_split
from radlearn.workflow.ensembles import (
    CHOSEN,
    FOLDER,
    MEAN,
    disagreement,
    mean_postprocessing,
    must_share_test_persons,
    new_ensemble,
    postprocessing_together,
    refuse_ensemble,
    refuse_unfit,
    settle_postprocessing,
    share_validation_persons,
)
from radlearn.workflow.postprocessing_file import read_postprocessing, write_postprocessing
from tests.made_runs import Settings

PERSONS = ("anna", "bert", "carl", "dora")
WHOLE, FOLD = ("train", "train", "validation", "test"), ("train", "validation", "train", "test")


@dataclass(frozen=True)
class Postprocessing:
    threshold: float = 0.5
    smallest_ml: float = 0.0
    in_lungs: bool = False


def trained(folder: Path, subsets: tuple[str, ...] = WHOLE, threshold: float = 0.5, task: str = "segmentation") -> Run:
    """A finished run, as far as an ensemble looks at it."""
    run = new_run(folder, task, Settings(), {"data": "somewhere"})
    write_split(run.folder / "split.csv", [f"scan-{person}" for person in PERSONS], PERSONS, subsets)
    write_text(run.history_file, '{"epoch": 1}\n')
    write_postprocessing(run, Postprocessing(threshold), {"baseline": threshold, "curve": [threshold]})
    return run


@dataclass(frozen=True)
class OfClass:
    name: str
    threshold: float


@dataclass(frozen=True)
class OfClasses:
    classes: tuple[OfClass, ...]


@pytest.fixture
def runs(tmp_path: Path) -> list[Run]:
    """Two runs on the same persons."""
    return [trained(tmp_path / "one", threshold=0.4), trained(tmp_path / "two", threshold=0.5)]


@pytest.fixture
def folds(tmp_path: Path) -> list[Run]:
    """Two runs that share their test persons alone."""
    return [trained(tmp_path / "fold 0", threshold=0.4), trained(tmp_path / "fold 1", FOLD, 0.5)]


def chosen_for(ensemble: Run) -> None:
    write_postprocessing(ensemble, Postprocessing(0.7), {"curve": [0.7]})


def test_one_run_or_several_are_a_list(runs: list[Run]) -> None:
    assert runs_of(runs[0]) == [runs[0]]
    assert runs_of(tuple(runs)) == runs


def test_the_same_run_twice_is_no_ensemble_however_it_is_called(runs: list[Run], tmp_path: Path) -> None:
    again = tmp_path / "again"
    again.symlink_to(runs[0].folder)
    for other in (runs[0], open_run(runs[0].folder / ".." / "one"), open_run(again)):
        with pytest.raises(BadSetting, match=r"are the same run\. Name each run of an ensemble once"):
            refuse_unfit([*runs, other])
        with pytest.raises(BadSetting, match="are the same run"):
            new_ensemble([runs[0], other])
        with pytest.raises(BadSetting, match="are the same run"):
            postprocessing_together([runs[0], other], Postprocessing)


def test_a_run_of_another_task_is_refused(runs: list[Run], tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"other is a run of detection, .*one one of segmentation"):
        refuse_unfit([*runs, trained(tmp_path / "other", task="detection")])


def test_an_unfinished_run_is_refused_with_the_command_that_continues_it(runs: list[Run]) -> None:
    (runs[1].folder / "postprocessing.json").unlink()
    write_text(runs[1].last_checkpoint, "")
    for asked in (refuse_unfit, new_ensemble, lambda both: postprocessing_together(both, Postprocessing)):
        with pytest.raises(BadRunFolder, match=r"two: its training has not finished\. To continue: .*segmentation resume"):
            asked(runs)
    assert not (runs[0].folder / FOLDER).exists()


def test_a_run_that_was_trained_on_the_others_test_persons_is_refused_and_nothing_is_written(runs: list[Run], tmp_path: Path) -> None:
    other = trained(tmp_path / "other", ("test", "train", "validation", "train"))
    with pytest.raises(BadSetting, match=r"other has other test persons than .*one.* need the same split seed"):
        new_ensemble([*runs, other])
    # The same image, but of another person: other data.
    write_split(other.folder / "split.csv", [f"scan-{person}" for person in PERSONS], ["anna", "bert", "carl", "emma"], WHOLE)
    with pytest.raises(BadSetting, match="has other test persons"):
        must_share_test_persons([runs[0], other])
    assert not (runs[0].folder / FOLDER).exists()


def test_a_damaged_split_is_named(runs: list[Run]) -> None:
    (runs[1].folder / "split.csv").write_text("image_id,person\n")
    with pytest.raises(BadRunFolder, match=r"two/split\.csv: the columns are"):
        new_ensemble(runs)
    (runs[1].folder / "split.csv").unlink()
    with pytest.raises(BadRunFolder, match=r"two/split\.csv: there is no such file"):
        new_ensemble(runs)


def test_the_folder_says_which_runs_and_loses_what_others_left_there(runs: list[Run], folds: list[Run]) -> None:
    ensemble = new_ensemble(runs)
    assert ensemble.folder == runs[0].folder / "ensemble"
    assert ensemble.about["runs"] == [str(run.folder.resolve()) for run in runs]
    assert ensemble.about["settings"] == runs[0].about["settings"]
    for name in ("postprocessing.json", "scores.json", "cases.csv", "report.html"):
        write_text(ensemble.folder / name, "{}")
    before = {path: path.read_bytes() for path in runs[0].folder.glob("*.*")}
    assert new_ensemble([runs[0], folds[1]]).about["runs"][1].endswith("fold 1")
    assert sorted(path.name for path in ensemble.folder.iterdir()) == ["history.jsonl", "settings.json", "split.csv"]
    # The first run itself is as it was.
    assert {path: path.read_bytes() for path in runs[0].folder.glob("*.*")} == before


def test_the_folder_of_an_ensemble_is_no_run_to_predict_with(runs: list[Run]) -> None:
    refuse_ensemble(runs[0])
    with pytest.raises(BadRunFolder, match=r"ensemble: holds the evaluation of 2 runs together, and no run\. Name the runs: .*one .*two"):
        refuse_ensemble(open_run(new_ensemble(runs).folder))


def test_on_shared_validation_persons_a_postprocessing_is_chosen_and_says_so(runs: list[Run], capsys: pytest.CaptureFixture[str]) -> None:
    assert share_validation_persons(runs)
    ensemble = new_ensemble(runs)
    settle_postprocessing(ensemble, runs, Postprocessing, lambda: chosen_for(ensemble), kept=("baseline",), source="all")
    assert read_postprocessing(ensemble, Postprocessing) == (Postprocessing(0.7), {"curve": [0.7], "origin": CHOSEN})
    assert "share their validation persons" in " ".join(capsys.readouterr().err.split())


def test_folds_get_the_mean_and_say_so(folds: list[Run], capsys: pytest.CaptureFixture[str]) -> None:
    def never() -> None:
        pytest.fail("chosen on persons that a run was trained on")

    assert not share_validation_persons(folds)
    ensemble = new_ensemble(folds)
    settle_postprocessing(ensemble, folds, Postprocessing, never, kept=("baseline",), source="all")
    chosen, about = read_postprocessing(ensemble, Postprocessing)
    assert chosen.threshold == pytest.approx(0.45)
    assert about == {"baseline": 0.4, "source": "all", "origin": MEAN}
    assert "validated on different persons" in " ".join(capsys.readouterr().err.split())


def test_the_mean_of_equal_numbers_is_that_number_and_a_switch_stands_as_with_most_runs() -> None:
    # The sum of three times 0.1 is more than 0.3.
    assert mean_postprocessing([Postprocessing(0.1)] * 3) == Postprocessing(0.1)
    three = [Postprocessing(0.2, 1.0, True), Postprocessing(0.4, 0.0, False), Postprocessing(0.6, 0.5, True)]
    assert mean_postprocessing(three) == Postprocessing(pytest.approx(0.4), 0.5, True)
    assert mean_postprocessing(three[:2]).in_lungs is True
    assert mean_postprocessing(three[1::-1]).in_lungs is False


def test_the_mean_of_postprocessings_of_classes_is_that_of_each_class() -> None:
    one, two = OfClasses((OfClass("nerve", 0.2), OfClass("vessel", 0.6))), OfClasses((OfClass("nerve", 0.4), OfClass("vessel", 0.6)))
    assert mean_postprocessing([one, two]) == OfClasses((OfClass("nerve", pytest.approx(0.3)), OfClass("vessel", 0.6)))


def test_a_run_alone_predicts_with_its_own_postprocessing_and_several_with_the_mean(
    runs: list[Run], capsys: pytest.CaptureFixture[str]
) -> None:
    assert postprocessing_together(runs[:1], Postprocessing) == read_postprocessing(runs[0], Postprocessing)
    assert capsys.readouterr().err == ""
    mean, about = postprocessing_together(runs, Postprocessing)
    assert mean.threshold == pytest.approx(0.45)
    # What the first run's own promises is not true of a mean.
    assert about == {}
    assert "2 runs predict together, with the mean of their own postprocessings" in " ".join(capsys.readouterr().err.split())


def test_what_was_chosen_for_exactly_these_runs_is_what_they_predict_with(
    runs: list[Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ensemble, third = new_ensemble(runs), trained(tmp_path / "three", threshold=0.6)
    settle_postprocessing(ensemble, runs, Postprocessing, lambda: chosen_for(ensemble), kept=())
    assert postprocessing_together(runs, Postprocessing) == (Postprocessing(0.7), {"curve": [0.7], "origin": CHOSEN})
    assert "with the postprocessing that was chosen for them" in " ".join(capsys.readouterr().err.split())
    assert postprocessing_together([*runs, third], Postprocessing) == (Postprocessing(0.5), {})
    assert postprocessing_together([runs[0], third], Postprocessing) == (Postprocessing(0.5), {})

    def unfit(about: Mapping[str, object]) -> bool:
        return about["curve"] != [0.7]

    assert postprocessing_together(runs, Postprocessing, unfit)[0].threshold == pytest.approx(0.45)
    # Before it was chosen for them, or where it is the mean, that of today's runs is computed again.
    write_postprocessing(ensemble, Postprocessing(0.9), {"origin": MEAN})
    assert postprocessing_together(runs, Postprocessing)[0].threshold == pytest.approx(0.45)


def test_damage_is_named(runs: list[Run]) -> None:
    content = read_json(runs[1].folder / "postprocessing.json")
    write_json(runs[1].folder / "postprocessing.json", {**content, "postprocessing": {"treshold": 1}})
    with pytest.raises(BadRunFolder, match=r"two/postprocessing\.json: its values are not those that were chosen"):
        postprocessing_together(runs, Postprocessing)
    del content["digest"]
    write_json(runs[1].folder / "postprocessing.json", {**content, "postprocessing": {"treshold": 1}})
    with pytest.raises(BadRunFolder, match=r"two/postprocessing\.json: .* is not a valid postprocessing"):
        postprocessing_together(runs, Postprocessing)


def test_two_runs_differ_by_half_their_difference() -> None:
    found = disagreement([[0.2, 0.5, 1.0], [0.6, 0.5, 0.0]])
    assert found.tolist() == pytest.approx([0.2, 0.0, 0.5])
    assert found.dtype == np.float64
    assert float(disagreement([1.0, 3.0])) == 1.0


@given(st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=1, max_size=6))
def test_the_disagreement_of_probabilities_is_their_standard_deviation_and_at_most_one_half(each: list[list[float]]) -> None:
    found = disagreement(each)
    assert (found >= 0).all()
    assert (found <= 0.5 + 1e-12).all()
    for case in range(3):
        values = [run[case] for run in each]
        mean = sum(values) / len(values)
        assert found[case] == pytest.approx((sum((value - mean) ** 2 for value in values) / len(values)) ** 0.5, abs=1e-9)


def test_a_copy_of_a_run_is_said_to_hold_the_same_weights(runs: list[Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for run, content in zip(runs, (b"weights", b"other weights"), strict=False):
        run.best_weights.parent.mkdir(parents=True, exist_ok=True)
        run.best_weights.write_bytes(content)
    refuse_unfit(runs)
    assert "same weights" not in capsys.readouterr().err
    copy = open_run(shutil.copytree(runs[0].folder, tmp_path / "copy"))
    refuse_unfit([*runs, copy])
    said = " ".join(capsys.readouterr().err.split())
    assert f"{copy.folder} is a copy of {runs[0].folder}: it holds the same weights" in said
