"""Scores over images, counted by hand: what has no answer is left out, and each class counts the same."""

import subprocess
import sys

import numpy as np
import pytest

from radlearn.metrics.label_maps import AreaScores
from radlearn.tasks.segmentation.label_maps.case_scores import (
    class_columns,
    class_scores,
    label_map_case_format,
    mean_dice_with_empty,
    mean_scores,
)

NAN, INF = float("nan"), float("inf")
# Two images with the nerve, one of which is missed; one rightly left empty; one with a false nerve.
NERVE = [AreaScores(0.8, 0.8, 4.0, 50, 40), AreaScores(0, 0, INF, 50, 0), AreaScores(NAN, 1, NAN, 0, 0), AreaScores(0, 0, INF, 0, 9)]
# No image has the vessel; one is found.
VESSEL = [AreaScores(NAN, 1, NAN, 0, 0)] * 3 + [AreaScores(0, 0, INF, 0, 5)]
COLUMNS = class_columns("nerve", NERVE, "px") | class_columns("vessel", VESSEL, "px")


def test_the_scores_of_a_class() -> None:
    values = {name: score.value(COLUMNS) for name, score in class_scores("nerve", "px").items()}
    assert values == pytest.approx(
        {
            "dice_score": 0.8 / 3,
            "dice_score_with_empty": 1.8 / 4,
            "hausdorff95_px": 4.0,
            "image_sensitivity": 0.5,
            "image_specificity": 0.5,
        }
    )


def test_a_class_that_no_image_has_has_no_dice_and_no_part_in_the_mean() -> None:
    vessel = {name: score.value(COLUMNS) for name, score in class_scores("vessel", "px").items()}
    assert np.isnan([vessel["dice_score"], vessel["image_sensitivity"]]).all()
    assert vessel["image_specificity"] == 0.75
    mean = {name: score.value(COLUMNS) for name, score in mean_scores(("nerve", "vessel"), "px").items()}
    assert mean["dice_score"] == pytest.approx(0.8 / 3)
    assert mean["image_specificity"] == pytest.approx((0.5 + 0.75) / 2)
    assert mean["dice_score_with_empty"] == pytest.approx((1.8 / 4 + 0.75) / 2)


def test_weights_of_draws_count_images_as_often() -> None:
    score = mean_scores(("nerve", "vessel"), "px")["dice_score"]
    arrays = [COLUMNS[name] for name in score.columns]
    drawn = score.function(*arrays, weights=np.array([[1, 1, 1, 1], [2, 0, 0, 0], [0, 0, 3, 0]]))
    assert drawn[:2] == pytest.approx([0.8 / 3, 0.8])
    assert np.isnan(drawn[2])


def test_the_unit_stands_in_the_names() -> None:
    kept = label_map_case_format(("nerve",), "mm")
    assert set(kept.columns) == {
        "dice_score_nerve", "dice_score_with_empty_nerve", "hausdorff95_mm_nerve", "truth_area_mm2_nerve", "predicted_area_mm2_nerve",
    }  # fmt: skip
    assert kept.truth == ("truth_area_mm2_nerve",)
    assert kept.conditions == ("length_unit",)
    assert kept.quality.of({"dice_score_with_empty_nerve": np.array([0.25])}).tolist() == [0.25]
    assert mean_dice_with_empty(np.array([0.5]), np.array([1.0])).tolist() == [0.75]


def test_importing_it_loads_neither_torch_nor_monai() -> None:
    code = "import sys, radlearn.tasks.segmentation.label_maps.case_scores; print([m for m in ('torch', 'monai') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
