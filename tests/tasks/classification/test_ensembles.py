"""Several classifiers evaluated as one: the mean of their probabilities, each seeing X-rays in its own way."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from radlearn.challenges.xray_case import XrayCase
from radlearn.errors import BadSetting
from radlearn.json_files import read_json
from radlearn.metrics.decisions import youden_threshold
from radlearn.tasks.classification.case_scores import CASES
from radlearn.tasks.classification.ensembles import Classifier, evaluate_together, mean_probability
from radlearn.tasks.classification.evaluation import evaluate_probabilities
from radlearn.tasks.classification.postprocessing import ProbabilityPostprocessing
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run
from radlearn.training.splits import write_split
from radlearn.workflow.cases_file import read_cases
from radlearn.workflow.ensembles import CHOSEN, MEAN
from radlearn.workflow.postprocessing_file import read_postprocessing, write_postprocessing


def subset_of(number: int, fold: int) -> str:
    """The subset of a person: a quarter or so is tested, the folds validate other quarters; four persons in a row stay together."""
    block = number // 4 % 4
    return "test" if block == 0 else "validation" if block == 1 + fold else "train"


def a_fold(first: Run, xrays: Sequence[PreparedRadiograph], folder: Path, fold: int, threshold: float) -> Run:
    """A finished run with a split of its own."""
    shutil.copytree(first.folder, folder)
    run = Run(folder, "classification")
    persons = [xray.case.person for xray in xrays]
    subsets = [subset_of(int(person.removeprefix("person-")), fold) for person in persons]
    write_split(run.folder / "split.csv", [xray.case.image_id for xray in xrays], persons, subsets)
    write_postprocessing(run, ProbabilityPostprocessing(threshold), read_postprocessing(first, ProbabilityPostprocessing)[1])
    return run


def probability_of(name: str, case: XrayCase) -> np.float32:
    """What a run says of a case: the same each time, and something else than another run."""
    noise = np.random.default_rng([int(case.image_id.removeprefix("xray-")), len(name)]).random()
    return np.float32(0.35 * bool(case.label) + 0.6 * noise)


def classifiers(xrays: Sequence[PreparedRadiograph], sides: dict[str, int]) -> object:
    """Return what opens a run; runs differ in the side of the square that they see."""
    by_id = {xray.case.image_id: xray for xray in xrays}

    def load(run: Run) -> Classifier:
        side = sides.get(run.folder.name, 32)

        def prepare(cases: Sequence[XrayCase]) -> list[PreparedRadiograph]:
            return [by_id[case.image_id]._replace(held=np.full((side, side), 100, np.uint8)) for case in cases]

        def probabilities(seen: Sequence[PreparedRadiograph]) -> np.ndarray:
            assert all(xray.stored.shape == (side, side) for xray in seen)
            return np.array([probability_of(run.folder.name, xray.case) for xray in seen], np.float32)

        def heat_maps(seen: Sequence[PreparedRadiograph]) -> np.ndarray:
            assert all(xray.stored.shape == (side, side) for xray in seen)
            return np.full((len(seen), side, side), 0.5, np.float32)

        return Classifier(prepare, probabilities, heat_maps)

    return load


@pytest.fixture
def folds(finished: Run, evaluated_xrays: list[PreparedRadiograph], tmp_path: Path) -> list[Run]:
    """Two folds, and a run on the persons of the first."""
    named = (("a", 0, 0.4), ("bb", 1, 0.6), ("ccc", 0, 0.5))
    return [a_fold(finished, evaluated_xrays, tmp_path / name, fold, threshold) for name, fold, threshold in named]


def test_folds_are_averaged_on_the_test_persons_they_share(folds: list[Run], evaluated_xrays: list[PreparedRadiograph]) -> None:
    cases = [xray.case for xray in evaluated_xrays]
    # The second fold sees X-rays twice as large.
    scores = evaluate_together(folds[:2], cases, classifiers(evaluated_xrays, {"bb": 64}))  # type: ignore[arg-type]
    ensemble = Run(folds[0].folder / "ensemble", "classification")
    table = read_cases(ensemble, "test", CASES)
    tested = [case for case in cases if int(case.person.removeprefix("person-")) // 4 % 4 == 0]
    assert sorted(table.image_ids.tolist()) == sorted(case.image_id for case in tested)
    by_id = {case.image_id: case for case in tested}
    one, two = (np.array([float(probability_of(name, by_id[image])) for image in table.image_ids]) for name in ("a", "bb"))
    np.testing.assert_allclose(table.columns["probability"], (one + two) / 2, atol=1e-7)
    np.testing.assert_allclose(table.columns["disagreement"], np.abs(one - two) / 2, atol=1e-7)
    assert scores["threshold"] == pytest.approx(0.5)
    assert read_json(ensemble.folder / "postprocessing.json")["origin"] == MEAN
    report = (ensemble.folder / "report.html").read_text()
    assert "ensemble of 2: a, bb" in report
    assert "for a mean no coverage is promised" in report


@pytest.fixture
def no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pictures take seconds."""
    monkeypatch.setattr("radlearn.tasks.classification.ensembles.write_xray_report", lambda *_: None)


@pytest.mark.usefixtures("no_report")
def test_a_run_and_its_copy_are_evaluated_as_the_run_alone(
    folds: list[Run], evaluated_xrays: list[PreparedRadiograph], tmp_path: Path
) -> None:
    cases, load = [xray.case for xray in evaluated_xrays], classifiers(evaluated_xrays, {})
    # The name decides what is predicted.
    copy = Run(tmp_path / "elsewhere" / "a", "classification")
    shutil.copytree(folds[0].folder, copy.folder)
    evaluate_together([folds[0], copy], cases, load)  # type: ignore[arg-type]
    ensemble = Run(folds[0].folder / "ensemble", "classification")
    assert read_json(ensemble.folder / "postprocessing.json")["origin"] == CHOSEN
    assert (read_cases(ensemble, "test", CASES).columns["disagreement"] == 0).all()
    # With the postprocessing of the ensemble, chosen on the same persons, the run has the same scores.
    shutil.copy(ensemble.folder / "postprocessing.json", folds[0].folder)
    member = load(folds[0])  # type: ignore[operator]
    xrays = member.prepare([case for case in cases if int(case.person.removeprefix("person-")) // 4 % 4 == 0])
    evaluate_probabilities(folds[0], xrays, member.probabilities(xrays), "test", member.heat_maps)
    assert read_json(ensemble.folder / "scores.json") == read_json(folds[0].folder / "scores.json")


@pytest.mark.usefixtures("no_report")
def test_a_threshold_is_chosen_on_shared_validation_persons_alone(folds: list[Run], evaluated_xrays: list[PreparedRadiograph]) -> None:
    cases = [xray.case for xray in evaluated_xrays]
    evaluate_together([folds[0], folds[2]], cases, classifiers(evaluated_xrays, {}))  # type: ignore[arg-type]
    chosen, about = read_postprocessing(Run(folds[0].folder / "ensemble", "classification"), ProbabilityPostprocessing)
    assert about["origin"] == CHOSEN
    validated = [case for case in cases if int(case.person.removeprefix("person-")) // 4 % 4 == 1]
    mean = np.mean([[probability_of(name, case) for case in validated] for name in ("a", "ccc")], axis=0)
    assert chosen.threshold == pytest.approx(youden_threshold(mean, [bool(case.label) for case in validated]))


def test_runs_that_do_not_fit_are_refused_before_one_is_opened(folds: list[Run], evaluated_xrays: list[PreparedRadiograph]) -> None:
    def load(run: Run) -> Classifier:
        pytest.fail(f"{run.folder} was opened")

    with pytest.raises(BadSetting, match="are the same run"):
        evaluate_together([folds[0], folds[0]], [], load)
    write_split(folds[1].folder / "split.csv", ["x", "y"], ["p", "q"], ["train", "test"])
    with pytest.raises(BadSetting, match="has other test persons than"):
        evaluate_together(folds, [], load)
    assert not (folds[0].folder / "ensemble").exists()


def test_the_mean_is_that_of_numpy_in_another_precision_and_keeps_its_type() -> None:
    each = np.random.default_rng(0).random((5, 1000)).astype(np.float32)
    found = mean_probability(each)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.add.reduce(each.astype(np.float64)) / 5, atol=1e-7)
    np.testing.assert_array_equal(mean_probability(np.stack([each[0], each[0]])), each[0])


def test_the_brier_score_of_the_mean_is_at_most_the_mean_of_the_runs() -> None:
    draw = np.random.default_rng(1)
    each, labels = draw.random((4, 500)), draw.random(500) < 0.3
    assert ((each.mean(axis=0) - labels) ** 2).mean() <= ((each - labels) ** 2).mean()
