"""The report of a segmenter shows its failures first, and every picture that it names."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radlearn.challenges import covid19
from radlearn.scans import lungs
from radlearn.scans.geometry import to_orientation
from radlearn.scans.nifti import read_volume, write_volume
from radlearn.tasks.segmentation import scans
from radlearn.tasks.segmentation.evaluation import MaskEvaluation, choose_mask_postprocessing, evaluate_masks
from radlearn.tasks.segmentation.report import worst_first, write_mask_report
from radlearn.tasks.segmentation.scans import Scan
from radlearn.training.run_folder import Run, new_run
from radlearn.training.splits import write_split
from tests.tasks.conftest import Settings
from tests.tasks.segmentation.conftest import on_source, prepared_scans


def half_right(item: Mapping[str, Any]) -> np.ndarray:
    """Every second lesion is found, and every third scan has a false block."""
    number = int(item["id"][17:21])
    probability = 0.8 * item["mask"][0].float() * (number % 2)
    if number % 3 == 0:
        probability[2:6, 2:6, 2:4] = 0.9
    return on_source(item, probability)


@pytest.fixture(scope="module")
def evaluation(small_covid19: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, MaskEvaluation]:
    folder = tmp_path_factory.mktemp("evaluation")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RADLEARN_CACHE", str(folder / "cache"))
        scans: list[Scan] = prepared_scans(covid19.find_cases(small_covid19))
    run = new_run(folder / "run", "segmentation", Settings(), {"data": "somewhere", "synthetic": False})
    write_split(run.folder / "split.csv", [s.case.image_id for s in scans], [s.case.person for s in scans], ["test"] * len(scans))
    run.history_file.write_text('{"epoch": 1, "loss": 0.5, "dice_score": 0.8}\n')
    choose_mask_postprocessing(run, scans, half_right, 0)
    return run, evaluate_masks(run, scans, half_right, "test", 1.0)


def test_the_worst_scan_comes_first_and_one_rightly_left_empty_last(evaluation: tuple[Run, MaskEvaluation]) -> None:
    _, found = evaluation
    dice = [found.rows[number].dice_score for number in worst_first(found)]
    known = [value for value in dice if not np.isnan(value)]
    assert known == sorted(known)
    assert known[0] == 0
    assert all(np.isnan(value) for value in dice[len(known) :])


def test_the_slice_shown_is_the_one_with_most_wrong_voxels(evaluation: tuple[Run, MaskEvaluation]) -> None:
    _, found = evaluation
    number = worst_first(found)[0]
    panel = found.scans[number].worst_slice
    _, truth, mask, _ = found.scans[number].masks_lps()
    assert panel.truth is not None
    assert panel.found is not None
    assert (panel.truth ^ panel.found).sum() == (truth ^ mask).sum(axis=(0, 1)).max() > 0


def test_a_turned_scan_is_evaluated_and_shown_as_it_hangs(small_covid19: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADLEARN_CACHE", str(tmp_path / "cache"))
    case = covid19.find_cases(small_covid19)[0]
    assert case.mask_path is not None
    cases = [case]
    for code in ("RAI", "SPL"):
        paths = [tmp_path / f"{code}_{kind}.nii.gz" for kind in ("ct", "seg")]
        for path, source in zip(paths, (case.path, case.mask_path), strict=True):
            volume = read_volume(source)
            write_volume(path, *to_orientation(volume.voxels, volume.affine, code))
        cases.append(replace(case, path=paths[0], mask_path=paths[1]))
    scans = prepared_scans(cases)

    def half_missed(item: Mapping[str, Any]) -> np.ndarray:
        probability = item["mask"][0].float()
        probability[: len(probability) // 2] = 0
        probability[-8:-3, 3:9, 2:5] = 1
        return on_source(item, probability)

    run = new_run(tmp_path / "run", "segmentation", Settings(), {"data": "somewhere", "synthetic": False})
    choose_mask_postprocessing(run, scans, half_missed, 0)
    found = evaluate_masks(run, scans, half_missed, "test", 1.0)
    assert 0 < found.rows[0].dice_score < 1
    plain, *others = (scan.worst_slice for scan in found.scans)
    places = [to_orientation(volume.voxels, volume.affine, "LPS") for volume in (read_volume(case.path) for case in cases)]
    hu = places[0][0]
    assert any(np.array_equal(plain.hu, hu[:, :, level].T) for level in range(hu.shape[2]))
    for number, panel in enumerate(others, start=1):
        assert found.rows[number].dice_score == pytest.approx(found.rows[0].dice_score, abs=1e-9)
        assert (panel.spacing_mm, panel.note) == (plain.spacing_mm, plain.note)
        for shown, expected in ((panel.hu, plain.hu), (panel.truth, plain.truth), (panel.found, plain.found)):
            np.testing.assert_array_equal(shown, expected)
        np.testing.assert_allclose(places[number][1], places[0][1], atol=1e-4)
        for shown, expected in zip(found.scans[number].masks_lps(), found.scans[0].masks_lps(), strict=True):
            np.testing.assert_allclose(shown, expected)


@pytest.mark.slow
def test_the_page_holds_scores_baseline_and_pictures(evaluation: tuple[Run, MaskEvaluation]) -> None:
    run, found = evaluation
    page = write_mask_report(run, found, "Which voxels are lesions?").read_text()
    for words in (
        "Which voxels are lesions?",
        "Surface Dice",
        "threshold baseline",
        "denser than",
        "components of 0.1 ml",
        "lesions 10–100 ml",
        "The worst",
        "not for clinical use",
    ):
        assert words in page
    pictures = {path.stem for path in run.pictures.glob("*.png")}
    assert pictures == {
        "volumes", "dice-by-load", "slices-worst", "slices-best", "slices-random", "solid-worst", "solid-middle", "groups", "tuning",
        "history",
    }  # fmt: skip
    assert page.count("data:image/png;base64,") == len(pictures)
    assert "Synthetic" not in page


@pytest.mark.slow
def test_evaluation_and_report_read_each_scan_once_and_look_for_no_lungs_again(
    small_covid19: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [*covid19.find_cases(small_covid19)[:3], covid19.find_cases(small_covid19)[-1]]
    prepared = prepared_scans(cases)
    run = new_run(tmp_path / "run", "segmentation", Settings(), {"data": "somewhere", "synthetic": False})
    write_split(run.folder / "split.csv", [s.case.image_id for s in prepared], [s.case.person for s in prepared], ["test"] * 4)
    run.history_file.write_text('{"epoch": 1, "loss": 0.5, "dice_score": 0.8}\n')
    reads: list[Path] = []
    looks: list[tuple[int, ...]] = []
    read_scan = scans.read_scan

    def counted_read(path: Path, mask_path: Path | None = None) -> Any:
        reads.append(path)
        return read_scan(path, mask_path)

    def counted_look(hu: np.ndarray, affine: np.ndarray) -> Any:
        looks.append(hu.shape)

    monkeypatch.setattr(scans, "read_scan", counted_read)
    # What every way to the lungs begins with.
    monkeypatch.setattr(lungs, "_coarse", counted_look)
    choose_mask_postprocessing(run, prepared, half_right, 0)
    assert sorted(reads) == sorted(case.path for case in cases)
    reads.clear()
    write_mask_report(run, evaluate_masks(run, prepared, half_right, "test", 1.0), "Which voxels are lesions?")
    assert sorted(reads) == sorted(case.path for case in cases)
    assert looks == []
