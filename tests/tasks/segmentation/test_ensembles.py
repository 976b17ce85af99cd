"""Several segmenters evaluated as one, each seeing scans at its own spacing."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radlearn.challenges import covid19
from radlearn.errors import BadSetting
from radlearn.files import write_text
from radlearn.metrics.masks import dice_score
from radlearn.scans.geometry import Volume
from radlearn.tasks.segmentation.case_scores import CASES
from radlearn.tasks.segmentation.disagreement import MaskDisagreement
from radlearn.tasks.segmentation.ensembles import evaluate_together, predicted_together
from radlearn.tasks.segmentation.evaluation import evaluate_masks
from radlearn.tasks.segmentation.postprocessing import MaskPostprocessing
from radlearn.tasks.segmentation.prediction import PredictedScan
from radlearn.tasks.segmentation.report import write_mask_report
from radlearn.tasks.segmentation.scans import MaskCase, Scan
from radlearn.tasks.segmentation.together import Segmenter
from radlearn.training.run_folder import Run, new_run
from radlearn.training.splits import write_split
from radlearn.workflow.cases_file import read_cases
from radlearn.workflow.ensembles import CHOSEN, MEAN
from radlearn.workflow.postprocessing_file import read_postprocessing, write_postprocessing
from tests.tasks.conftest import Settings
from tests.tasks.segmentation.conftest import OWN, on_source, prepared_scans

COARSE = replace(OWN, spacing_mm=(5.0, 5.0, 6.0))


def trained(folder: Path, cases: Sequence[MaskCase], fold: int, threshold: float) -> Run:
    """A finished run; a third of the scans is tested, the folds validate other thirds."""
    run = new_run(folder, "segmentation", Settings(), {"data": "somewhere", "synthetic": False})
    persons = [case.person for case in cases]
    numbers = [sorted(set(persons)).index(person) for person in persons]
    subsets = [("test", "validation", "train")[number % 3 if fold == 0 or number % 3 == 0 else 3 - number % 3] for number in numbers]
    write_split(run.folder / "split.csv", [case.image_id for case in cases], persons, subsets)
    write_text(run.history_file, '{"epoch": 1, "step": 1, "loss": 1.0, "learning_rate": 0.1, "seconds": 1, "dice_score": 0.5}\n')
    step = {"step": "nothing tuned", "dice_score": 0.5, "cross_fitted_dice_score": 0.5, "taken": True}
    curve = {"threshold": [threshold], "dice_score": [0.5]}
    write_postprocessing(run, MaskPostprocessing(threshold), {"baseline_threshold_hu": -500.0, "ablation": [step], "curve": curve})
    return run


@pytest.fixture
def cases(small_covid19: Path) -> list[covid19.Case]:
    found = covid19.find_cases(small_covid19)
    # The last one has no lesion.
    return [*found[:8], found[-1]]


@pytest.fixture
def folds(cases: list[covid19.Case], tmp_path: Path) -> list[Run]:
    """Two folds, and a run on the persons of the first."""
    named = (("a", 0, 0.4), ("b", 1, 0.6), ("c", 0, 0.5))
    return [trained(tmp_path / name, cases, fold, threshold) for name, fold, threshold in named]


def segmenter(run: Run) -> Segmenter[MaskCase, Scan]:
    """A run that finds the true mask at its own spacing, the second one shifted, and the first less sure."""
    settings = COARSE if run.folder.name == "b" else OWN

    def prepare(asked: Sequence[MaskCase]) -> list[Scan]:
        return prepared_scans(asked, settings)  # type: ignore[arg-type]

    def infer(item: Mapping[str, Any]) -> np.ndarray:
        # Its own preparation, or the shapes would not fit.
        assert tuple(np.linalg.norm(item["image"].affine[:3, :3], axis=0).round(3)) == settings.spacing_mm
        found = on_source(item, (0.7 if run.folder.name == "a" else 0.9) * item["mask"][0].float(), settings)
        return np.roll(found, 1, axis=0) if run.folder.name == "b" else found

    return Segmenter(prepare, infer)


def one_by_one(run: Run, cases: Sequence[MaskCase]) -> dict[str, np.ndarray]:
    made = segmenter(run)
    return {scan.case.image_id: made.infer(scan.item) for scan in made.prepare(cases)}


def test_folds_of_other_spacings_are_averaged_on_the_source_grid(folds: list[Run], cases: list[covid19.Case]) -> None:
    ensemble, evaluation = evaluate_together(folds[:2], cases, segmenter, 1.0)
    chosen, about = read_postprocessing(ensemble, MaskPostprocessing)
    assert chosen == MaskPostprocessing(0.5)
    # How the first run's own was chosen is not told of the mean.
    assert about == {"origin": MEAN, "baseline_threshold_hu": -500.0}
    tested = [scan.scan.case for scan in evaluation.scans]
    assert {case.image_id for case in tested} < {case.image_id for case in cases}
    one, two = (one_by_one(run, tested) for run in folds[:2])
    table = read_cases(ensemble, "test", CASES)
    for row, scan in enumerate(evaluation.scans):
        name = scan.scan.case.image_id
        np.testing.assert_array_equal(scan.predicted.unpacked(), (one[name] + two[name]) / 2 >= np.float32(0.5))
        own = [(one[name] >= 0.4), (two[name] >= 0.6)]
        # A voxel of the phantoms has 0.096 ml.
        assert table.columns["volume_sd_ml"][row] == pytest.approx(abs(own[0].sum() - own[1].sum()) * 0.096 / 2, abs=1e-9)
        overlap = dice_score(*own)
        assert table.columns["disagreement"][row] == pytest.approx(0 if np.isnan(overlap) else 1 - overlap)
    assert (table.columns["disagreement"] > 0).any()
    write_mask_report(ensemble, evaluation, "Which voxels are lesions?")
    report = (ensemble.folder / "report.html").read_text()
    assert "ensemble of 2: a, b" in report
    assert "this is the mean of their own" in report


def test_on_shared_validation_persons_a_postprocessing_is_chosen(folds: list[Run], cases: list[covid19.Case]) -> None:
    ensemble, _ = evaluate_together([folds[0], folds[2]], cases, segmenter, 1.0)
    chosen, about = read_postprocessing(ensemble, MaskPostprocessing)
    assert about["origin"] == CHOSEN
    assert about["validation_scans"] == sum("validation" in line for line in (ensemble.folder / "split.csv").read_text().splitlines())
    # The mean inside of lesions is 0.8, that between their voxels and others lower.
    assert 0.2 <= chosen.threshold <= 0.8


def test_a_run_and_its_copy_are_evaluated_as_the_run_alone(folds: list[Run], cases: list[covid19.Case], tmp_path: Path) -> None:
    copy = Run(tmp_path / "elsewhere" / "a", "segmentation")
    shutil.copytree(folds[0].folder, copy.folder)
    ensemble, together = evaluate_together([folds[0], copy], cases, segmenter, 1.0)
    shutil.copy(ensemble.folder / "postprocessing.json", folds[0].folder)
    alone = segmenter(folds[0])
    evaluation = evaluate_masks(folds[0], alone.prepare([scan.scan.case for scan in together.scans]), alone.infer, "test", 1.0)
    for one, other in zip(evaluation.scans, together.scans, strict=True):
        np.testing.assert_array_equal(one.predicted.unpacked(), other.predicted.unpacked())
    assert (read_cases(ensemble, "test", CASES).columns["volume_sd_ml"] == 0).all()
    assert (ensemble.folder / "scores.json").read_text() == (folds[0].folder / "scores.json").read_text()


def test_runs_that_do_not_fit_are_refused_before_one_is_opened(folds: list[Run]) -> None:
    def load(run: Run) -> Segmenter[MaskCase, Scan]:
        pytest.fail(f"{run.folder} was opened")

    with pytest.raises(BadSetting, match="are the same run"):
        evaluate_together([folds[0], folds[0]], [], load, 1.0)
    write_split(folds[1].folder / "split.csv", ["x", "y"], ["p", "q"], ["train", "test"])
    with pytest.raises(BadSetting, match="has other test persons than"):
        evaluate_together(folds, [], load, 1.0)
    assert not (folds[0].folder / "ensemble").exists()


def test_a_scan_is_predicted_together_on_its_own_grid() -> None:
    source = Volume(np.zeros((4, 4, 4), np.int16), np.diag([10.0, 10.0, 10.0, 1.0]))
    lungs = np.ones((4, 4, 4), bool)

    def each(*values: float) -> list[PredictedScan]:
        return [PredictedScan(source, np.full((4, 4, 4), value, np.float32), lungs, features=[np.full(3, value)]) for value in values]

    found = predicted_together(iter(each(0.25, 0.75)), [MaskPostprocessing()] * 2)
    assert found.source is source
    assert found.lungs is lungs
    assert (found.probability == 0.5).all()
    assert found.differ == MaskDisagreement(32.0, 1.0)
    assert found.features is not None
    np.testing.assert_array_equal(found.features, [[0.25] * 3, [0.75] * 3])
    one, other = each(0.25, 0.75)
    # Where a run does not tell its own, nothing is told.
    assert predicted_together([one, replace(other, features=None)], [MaskPostprocessing()] * 2).features is None
    (alone,) = each(0.25)
    assert predicted_together([alone], [MaskPostprocessing()]).probability is alone.probability
    assert predicted_together([alone], [MaskPostprocessing()]).differ is None
