"""The report of a segmenter shows its failures first, and every picture that it names."""

from pathlib import Path

import numpy as np
import pytest

from radlearn.challenges import covid19
from radlearn.scans.prepared_volume import PreparedVolume
from radlearn.scans.volume_cache import Preparation
from radlearn.training.run_folder import Run, new_run
from radlearn.training.splits import write_split
from radlearn.workbench.mask_judging import JudgedMasks, choose_mask_recipe, judge_masks
from radlearn.workbench.mask_report import turned, worst_first, worst_slice, write_mask_report
from radlearn.workbench.volumes import Scan, prepared_scans
from tests.workbench.conftest import Settings


def half_right(prepared: PreparedVolume) -> np.ndarray:
    """Every second lesion is found, and a block is made up in every third scan."""
    number = int(prepared.path.name[17:21])
    probability = 0.8 * np.asarray(prepared.mask, np.float32) * (number % 2)
    if number % 3 == 0:
        probability[2:6, 2:6, 2:4] = 0.9
    return probability


@pytest.fixture(scope="module")
def judged(small_covid19: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, JudgedMasks]:
    folder = tmp_path_factory.mktemp("judged")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RADLEARN_CACHE", str(folder / "cache"))
        scans: list[Scan] = prepared_scans(covid19.find_cases(small_covid19), Preparation((4.0, 4.0, 6.0)))
    run = new_run(folder / "run", "segmentation", Settings(), {"data": "somewhere", "synthetic": False})
    write_split(run.folder / "split.csv", [s.case.image_id for s in scans], [s.case.person for s in scans], ["test"] * len(scans))
    run.history_file.write_text('{"epoch": 1, "loss": 0.5, "dice_score": 0.8}\n')
    choose_mask_recipe(run, scans, half_right, 0)
    return run, judge_masks(run, scans, half_right, "test", 1.0)


def test_the_worst_scan_comes_first_and_one_rightly_left_empty_last(judged: tuple[Run, JudgedMasks]) -> None:
    _, found = judged
    dice = [found.rows[number].dice_score for number in worst_first(found)]
    known = [value for value in dice if not np.isnan(value)]
    assert known == sorted(known)
    assert known[0] == 0
    assert all(np.isnan(value) for value in dice[len(known) :])


def test_the_slice_shown_is_the_one_with_most_wrong_voxels(judged: tuple[Run, JudgedMasks]) -> None:
    _, found = judged
    number = worst_first(found)[0]
    panel = worst_slice(found, number)
    _, truth, mask, _ = turned(found, number)
    assert panel.truth is not None
    assert panel.found is not None
    assert (panel.truth ^ panel.found).sum() == (truth ^ mask).sum(axis=(0, 1)).max() > 0


@pytest.mark.slow
def test_the_page_holds_scores_rule_and_pictures(judged: tuple[Run, JudgedMasks]) -> None:
    run, found = judged
    page = write_mask_report(run, found).read_text()
    for words in ("Surface Dice", "denser than", "pieces of 0.1 ml", "lesions 10–100 ml", "The worst", "not for clinical use"):
        assert words in page
    pictures = {path.stem for path in run.pictures.glob("*.png")}
    assert pictures == {
        "volumes", "dice-by-load", "slices-worst", "slices-best", "slices-random", "solid-worst", "solid-middle", "groups", "tuning",
        "history",
    }  # fmt: skip
    assert page.count("data:image/png;base64,") == len(pictures)
    assert "Synthetic" not in page
