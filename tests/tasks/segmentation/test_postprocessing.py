"""A probability becomes a mask by a threshold and a smallest volume, and by nothing else."""

from pathlib import Path

import numpy as np
import pytest

from radlearn.errors import BadRunFolder, BadSetting
from radlearn.tasks.segmentation.postprocessing import MaskPostprocessing, in_words, mask_of, no_interval_because
from radlearn.training.run_folder import Run
from radlearn.workflow.postprocessing_file import read_postprocessing, write_postprocessing

SPACING_MM = (1.0, 2.0, 5.0)


def test_a_voxel_at_the_threshold_is_in_the_mask() -> None:
    probability = np.array([[[0.39, 0.4, 0.41]]], np.float32)
    assert mask_of(probability, MaskPostprocessing(float(np.float32(0.4))), SPACING_MM).tolist() == [[[False, True, True]]]


def test_a_component_of_just_the_smallest_volume_is_kept_and_one_voxel_less_is_removed() -> None:
    # A voxel is 0.01 ml: ten of them are 0.1 ml.
    probability = np.zeros((30, 6, 4), np.float32)
    probability[0:10, 0, 0] = probability[20:29, 5, 3] = 0.9
    mask = mask_of(probability, MaskPostprocessing(0.5, 0.1), SPACING_MM)
    assert mask[0:10, 0, 0].all()
    assert mask.sum() == 10
    assert mask_of(probability, MaskPostprocessing(0.5, 0.0), SPACING_MM).sum() == 19
    assert mask_of(probability, MaskPostprocessing(0.5, 0.11), SPACING_MM).sum() == 0


def test_voxels_that_touch_by_a_corner_are_connected() -> None:
    probability = np.zeros((8, 8, 8), np.float32)
    for step in range(8):
        probability[step, step, step] = 1.0
    assert mask_of(probability, MaskPostprocessing(0.5, 0.08), SPACING_MM).sum() == 8


def test_nothing_likely_gives_an_empty_mask() -> None:
    assert not mask_of(np.zeros((4, 4, 4), np.float32), MaskPostprocessing(0.5, 1.0), SPACING_MM).any()


def test_a_mask_of_just_the_smallest_volume_stays_and_one_voxel_less_is_none() -> None:
    # Ten and five voxels of 0.01 ml, apart: 0.15 ml in all.
    probability = np.zeros((30, 6, 4), np.float32)
    probability[0:10, 0, 0] = probability[20:25, 5, 3] = 0.9
    assert mask_of(probability, MaskPostprocessing(0.5, 0.0, 0.15), SPACING_MM).sum() == 15
    assert not mask_of(probability, MaskPostprocessing(0.5, 0.0, 0.16), SPACING_MM).any()
    # Counted without the parts that are dropped.
    assert mask_of(probability, MaskPostprocessing(0.5, 0.1, 0.1), SPACING_MM).sum() == 10
    assert not mask_of(probability, MaskPostprocessing(0.5, 0.1, 0.11), SPACING_MM).any()


NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize(
    "numbers", [(0.0,), (1.1,), (NAN,), (0.5, -1.0), (0.5, INFINITE), (0.5, NAN), (0.5, 0.0, -1.0), (0.5, 0.0, INFINITE), (0.5, 0.0, NAN)]
)
def test_numbers_that_make_no_mask_are_refused(numbers: tuple[float, ...]) -> None:
    with pytest.raises(BadSetting, match="it must be"):
        MaskPostprocessing(*numbers)


def test_a_postprocessing_is_kept_in_the_run_folder_and_its_absence_tells_how_to_go_on(tmp_path: Path) -> None:
    run = Run(tmp_path, "segmentation")
    with pytest.raises(BadRunFolder, match="radlearn segmentation resume"):
        read_postprocessing(run, MaskPostprocessing)
    write_postprocessing(run, MaskPostprocessing(0.35, 0.2), {"validation_scans": 3})
    assert read_postprocessing(run, MaskPostprocessing) == (MaskPostprocessing(0.35, 0.2), {"validation_scans": 3})


def test_a_postprocessing_is_described_in_a_sentence() -> None:
    assert in_words(MaskPostprocessing(0.4, 0.0)) == "The threshold on the probability is 0.40; components of every size are kept."
    assert "under 0.2 ml are removed" in in_words(MaskPostprocessing(0.4, 0.2))
    assert "; a scan with less than 1 ml in all is called free of lesions." in in_words(MaskPostprocessing(0.4, 0.2, 1.0))


def test_why_there_is_no_interval_is_told_by_what_is_known() -> None:
    assert "mean of several runs" in no_interval_because({})
    assert no_interval_because({"validation_scans": 2}) == "the run had 2 validation scans, and an interval needs 4."
    assert "older" in no_interval_because({"validation_scans": 18})


STEP = {"step": "nothing tuned", "dice_score": 0.6, "cross_fitted_dice_score": 0.5, "taken": True}
CURVE = {"threshold": [0.2, 0.3], "dice_score": [0.6, None]}
SIZES = {"smallest_ml": [0.0, 0.1, 0.2], "dice_score_by_smallest_ml": [0.6, 0.6, 0.5]}


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"curve": {**CURVE, "dice_score": [0.6]}}, "curve is .*'dice_score' should have as many numbers as 'threshold', 2, and has 1"),
        ({"curve": {**CURVE, **SIZES, "smallest_ml": [0.0]}}, "curve is .*should have as many numbers"),
        ({"curve": {**CURVE, "smallest_ml": [0.0]}}, "curve is .*'dice_score_by_smallest_ml'"),
        ({"curve": {**CURVE, "dice_score": [0.6, 60.0]}}, r"curve\.dice_score\.1 is 60"),
        ({"curve": {**CURVE, **SIZES, "smallest_ml": [0.0, -1.0, 2.0]}}, r"curve\.smallest_ml\.1 is -1"),
        ({"curve": {}}, r"curve\.threshold is missing"),
        ({"ablation": [1]}, r"ablation\.0 is 1"),
        ({"ablation": []}, r"ablation is \[\]"),
        ({"ablation": [{**STEP, "cross_fitted_dice_score": -0.1}]}, r"ablation\.0\.cross_fitted_dice_score is -0\.1"),
        ({"validation_scans": -3}, "validation_scans is -3"),
        ({"baseline_threshold_hu": 1e6}, "baseline_threshold_hu is 1000000"),
    ],
)  # fmt: skip
def test_what_stands_beside_a_postprocessing_is_refused_in_its_file(tmp_path: Path, about: dict[str, object], said: str) -> None:
    run = Run(tmp_path, "segmentation")
    write_postprocessing(run, MaskPostprocessing(), about)
    with pytest.raises(BadRunFolder, match=rf"postprocessing\.json: {said}.*radlearn segmentation resume"):
        read_postprocessing(run, MaskPostprocessing)


@pytest.mark.parametrize("curve", [CURVE, {**CURVE, **SIZES}], ids=["of before", "of now"])
def test_what_the_search_writes_is_read_again(tmp_path: Path, curve: dict[str, object]) -> None:
    run = Run(tmp_path, "segmentation")
    write_postprocessing(run, MaskPostprocessing(), {"ablation": [STEP], "curve": curve, "validation_scans": 5})
    assert read_postprocessing(run, MaskPostprocessing)[1] == {"ablation": [STEP], "curve": curve, "validation_scans": 5}
