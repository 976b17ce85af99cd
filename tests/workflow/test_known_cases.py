"""Images that a run was trained on are told when it predicts for them, by their pixels; by their names where a run knows no more."""

import shutil
from pathlib import Path

import pydicom
import pytest

from radlearn.challenges.challenge import Case
from radlearn.challenges.rsna import find_cases
from radlearn.training.run_folder import Run
from radlearn.training.splits import write_split
from radlearn.workflow.case_contents import contents_of
from radlearn.workflow.known_cases import KnownCases
from tests.made_runs import made_probabilities, made_run

SUBSETS = ("train", "validation", "test", "train")


def run_with(folder: Path, subsets: dict[str, str]) -> Run:
    """A run of before digests: it knows its cases by their names."""
    run = made_run(folder, "classification", made_probabilities(0))
    write_split(run.folder / "split.csv", list(subsets), [f"p{one}" for one in subsets], list(subsets.values()))
    return run


def run_on(folder: Path, cases: list[Case], subsets: tuple[str, ...] = SUBSETS) -> Run:
    run = made_run(folder, "classification", made_probabilities(0))
    names = [case.image_id for case in cases]
    write_split(run.folder / "split.csv", names, [f"p{name}" for name in names], list(subsets), contents_of(cases))
    return run


def told(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().err.split())


@pytest.fixture
def films(small_rsna: Path) -> list[Case]:
    return list(find_cases(small_rsna))[:5]


def test_images_of_the_training_and_validation_subsets_are_told_under_any_name(
    tmp_path: Path, films: list[Case], capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_on(tmp_path / "run", films[:4])
    renamed = tmp_path / "renamed.dcm"
    dataset = pydicom.dcmread(films[0].path)
    dataset.PatientID = dataset.PatientName = "another"
    dataset.save_as(renamed)
    shown = [("renamed", renamed), *((case.image_id, case.path) for case in films[1:])]
    KnownCases([run]).report(shown, "X-rays")
    said = told(capsys)
    assert f"2 of the 5 X-rays are images that the run was trained on: renamed ({films[0].image_id} there), {films[3].image_id}." in said
    assert f"1 of the 5 X-rays is an image that the run chose its weights and threshold on: {films[1].image_id}." in said
    assert films[2].image_id not in said
    assert films[4].image_id not in said
    assert "names" not in said


def test_strangers_of_the_same_names_are_passed_over(tmp_path: Path, films: list[Case], capsys: pytest.CaptureFixture[str]) -> None:
    run = run_on(tmp_path / "run", films[:4])
    stranger = tmp_path / f"{films[0].image_id}.dcm"
    shutil.copy(films[4].path, stranger)
    KnownCases([run]).report([(films[0].image_id, stranger), ("gone", tmp_path / "gone.dcm")], "X-rays")
    assert told(capsys) == ""


def test_of_several_runs_one_that_was_trained_on_an_image_counts(
    tmp_path: Path, films: list[Case], capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [run_on(tmp_path / str(number), films[:2], subsets) for number, subsets in enumerate([("test", "train"), ("train", "test")])]
    for order in (runs, runs[::-1]):
        KnownCases(order).report([(case.image_id, case.path) for case in films[:2]], "X-rays")
        assert "Both X-rays are images that the run was trained on" in told(capsys)


def test_a_run_without_digests_knows_its_cases_by_their_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = KnownCases([run_with(tmp_path / "a", {"a": "train", "b": "validation", "c": "test", "d": "train"})])
    assert [known.named(name) for name in ("a", "b", "c", "a.dcm", "A", "x")] == ["train", "validation", "test", "train", "train", ""]
    known.report([(name, tmp_path / name) for name in ("a", "b", "c", "x", "d")], "X-rays")
    said = told(capsys)
    assert "2 of the 5 X-rays have the names of some that the run was trained on: a, d." in said
    assert "1 of the 5 X-rays has the name of one that the run chose its weights and threshold on: b." in said
    known.report([("c", tmp_path / "c"), ("x", tmp_path / "x")], "X-rays")
    assert told(capsys) == ""


def test_where_it_is_not_known_whom_a_run_was_trained_on_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = made_run(tmp_path / "run", "classification", made_probabilities(0))
    KnownCases([run]).report([("a", tmp_path / "a.dcm")], "X-rays")
    said = told(capsys)
    assert f"{run.folder / 'split.csv'}: there is no such file" in said
    assert "Whether it was trained on any of these cannot be told" in said
