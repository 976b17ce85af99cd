"""A segmenter is evaluated on the scans' own voxels, with what it costs beside what it finds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radlearn.challenges import covid19
from radlearn.errors import BadRunFolder
from radlearn.json_files import read_json
from radlearn.metrics.masks import dice_score
from radlearn.scans.ct_files import read_scan
from radlearn.scans.lungs import lung_mask
from radlearn.tasks.segmentation.evaluation import choose_mask_postprocessing, evaluate_masks, groups_of
from radlearn.tasks.segmentation.postprocessing import MaskPostprocessing
from radlearn.tasks.segmentation.scans import Scan
from radlearn.tasks.segmentation.threshold_baseline import threshold_baseline_mask
from radlearn.training.run_folder import Run, new_run
from radlearn.workflow.postprocessing_file import read_postprocessing, write_postprocessing
from tests.tasks.conftest import Settings
from tests.tasks.segmentation.conftest import perfect, prepared_scans


@pytest.fixture(scope="module")
def scans(small_covid19: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Scan]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RADLEARN_CACHE", str(tmp_path_factory.mktemp("cache")))
        return prepared_scans(covid19.find_cases(small_covid19))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return new_run(tmp_path / "run", "segmentation", Settings(), {"data": "somewhere", "synthetic": False})


def with_a_speck(item: Mapping[str, Any]) -> np.ndarray:
    """Predict the true mask, and one false voxel in the corner."""
    probability = perfect(item)
    probability[1, 1, 1] = 0.9
    return probability


def test_a_perfect_prediction_scores_1_and_a_scan_without_lesion_counts_only_for_false_lesions(scans: list[Scan], run: Run) -> None:
    write_postprocessing(run, MaskPostprocessing(), {"baseline_threshold_hu": -500.0})
    evaluation = evaluate_masks(run, scans, perfect, "test", 1.0)
    found = evaluation.scores
    assert found["scores"]["dice_score"]["value"] == 1
    assert found["scores"]["lesion_sensitivity"]["value"] == 1
    assert found["scores"]["false_lesions_per_scan"]["value"] == 0
    assert found["scores"]["volume_error_ml"]["value"] == 0
    assert found["left_out"]["dice_score"] == 2
    assert (found["cases"], found["persons"], found["positives"], found["lesions"]) == (14, 13, 12, 12)
    assert found == read_json(run.folder / "scores.json") | {"scores": found["scores"], "subgroups": found["subgroups"]}


def test_every_score_is_that_of_the_mask_on_the_source_grid(scans: list[Scan], run: Run) -> None:
    write_postprocessing(run, MaskPostprocessing(), {"baseline_threshold_hu": -500.0})
    shifted = evaluate_masks(run, scans[:3], lambda item: np.roll(perfect(item), 1, axis=0), "external", 1.0)
    for scan, evaluated in zip(scans, shifted.scans, strict=False):
        _, mask = read_scan(scan.case.path, scan.case.mask_path)
        truth = np.asarray(mask.voxels)  # type: ignore[union-attr]
        assert evaluated.scores.dice_score == pytest.approx(dice_score(np.roll(truth, 1, axis=0), truth))
        assert evaluated.scores.dice_score == pytest.approx(dice_score(evaluated.predicted.unpacked(), truth))
        np.testing.assert_array_equal(evaluated.truth.unpacked(), truth)
    assert (run.folder / "scores-external.json").exists()


def test_the_threshold_baseline_is_evaluated_on_the_same_scans(scans: list[Scan], run: Run) -> None:
    write_postprocessing(run, MaskPostprocessing(), {"baseline_threshold_hu": -500.0})
    evaluation = evaluate_masks(run, scans, perfect, "test", 1.0)
    source, mask = read_scan(scans[0].case.path, scans[0].case.mask_path)
    lungs = lung_mask(source.voxels, source.affine)
    np.testing.assert_array_equal(evaluation.scans[0].lungs.unpacked(), lungs)
    baseline = threshold_baseline_mask(source.voxels, lungs, -500.0)
    assert evaluation.scans[0].baseline_dice_score == dice_score(baseline, np.asarray(mask.voxels))  # type: ignore[union-attr]
    assert evaluation.scores["baselines"]["threshold_baseline_dice_score"]["value"] == pytest.approx(
        np.nanmean([scan.baseline_dice_score for scan in evaluation.scans])
    )


def test_choosing_on_validation_leaves_out_specks_where_there_are_some(scans: list[Scan], run: Run) -> None:
    postprocessing = choose_mask_postprocessing(run, scans, with_a_speck, 0)
    # The speck is a voxel of 0.096 ml, the smallest lesion has more than ten.
    assert postprocessing.smallest_ml >= 0.1
    kept, about = read_postprocessing(run, MaskPostprocessing)
    assert kept == postprocessing
    assert about["validation_scans"] == 14
    # These settings do not know of it.
    assert about["confined_to_lungs"] is False
    # Without specks every volume is right, and the promise is kept by intervals of no width.
    assert about["volume_interval"] == {"root_error": pytest.approx(0.0, abs=0.2), "coverage": 0.9, "scans": 14}
    assert [step["step"] for step in about["ablation"]] == ["nothing tuned", "threshold", "small components removed", "small masks emptied"]
    evaluation = evaluate_masks(run, scans, with_a_speck, "test", 1.0)
    assert evaluation.scores["scores"]["false_lesions_per_scan"]["value"] == 0
    covered = evaluation.scores["volume_interval"]
    assert (covered["coverage"], covered["scans"]) == (0.9, 14)
    assert covered["covered_share"]["value"] >= 0.9
    assert evaluation.scores["scores"]["dice_score"]["value"] == 1


def test_without_a_postprocessing_nothing_is_evaluated(scans: list[Scan], run: Run) -> None:
    with pytest.raises(BadRunFolder, match="has not finished"):
        evaluate_masks(run, scans, perfect, "test", 1.0)


def test_groups_hold_who_they_say(scans: list[Scan], run: Run) -> None:
    write_postprocessing(run, MaskPostprocessing(), {"baseline_threshold_hu": -500.0})
    evaluation = evaluate_masks(run, scans, perfect, "test", 1.0)
    groups = groups_of(evaluation)
    assert groups["no lesion"].tolist() == [False] * 12 + [True] * 2
    # Every scan is in one group by burden and in one by thickness.
    by_burden = [name for name in groups if "lesion" in name]
    assert np.sum([groups[name] for name in by_burden], axis=0).tolist() == [1] * 14
    assert groups["slices over 2.5 mm"].all()
    assert "slices up to 2.5 mm" not in evaluation.scores["subgroups"]
