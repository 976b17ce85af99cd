"""Cases that a run was trained on are told by their names when it predicts for them."""

from pathlib import Path

import pytest

from radlearn.training.run_folder import Run
from radlearn.training.splits import write_split
from radlearn.workflow.known_cases import KnownCases
from tests.made_runs import made_probabilities, made_run


def run_with(folder: Path, subsets: dict[str, str]) -> Run:
    run = made_run(folder, "classification", made_probabilities(0))
    write_split(run.folder / "split.csv", list(subsets), [f"p{one}" for one in subsets], list(subsets.values()))
    return run


def test_names_of_the_training_and_validation_subsets_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = KnownCases([run_with(tmp_path / "a", {"a": "train", "b": "validation", "c": "test", "d": "train"})])
    assert [known.subset(name) for name in ("a", "b", "c", "a.dcm", "A", "x")] == ["train", "validation", "test", "train", "train", ""]
    known.report(["a", "b", "c", "x", "d"], "X-rays")
    told = " ".join(capsys.readouterr().err.split())
    assert "2 of the 5 X-rays have the names of some that the run was trained on: a, d." in told
    assert "1 of the 5 X-rays have the names of some that the run chose its weights and threshold on: b." in told


def test_strangers_and_test_cases_are_passed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = run_with(tmp_path / "a", {"a": "train", "b": "validation", "c": "test"})
    KnownCases([run]).report(["c", "x"], "X-rays")
    assert capsys.readouterr().err == ""


def test_of_several_runs_one_that_was_trained_on_a_case_counts(tmp_path: Path) -> None:
    runs = [run_with(tmp_path / "a", {"a": "test", "b": "train"}), run_with(tmp_path / "b", {"a": "train", "b": "test"})]
    assert [KnownCases(runs).subset(name) for name in "ab"] == ["train", "train"]
    assert [KnownCases(runs[::-1]).subset(name) for name in "ab"] == ["train", "train"]


def test_where_it_is_not_known_whom_a_run_was_trained_on_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = made_run(tmp_path / "run", "classification", made_probabilities(0))
    KnownCases([run]).report(["a"], "X-rays")
    said = " ".join(capsys.readouterr().err.split())
    assert f"{run.folder / 'split.csv'}: there is no such file" in said
    assert "Whether it was trained on any of these cannot be told" in said
