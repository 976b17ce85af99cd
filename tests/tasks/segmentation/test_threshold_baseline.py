"""The threshold baseline: all voxels of the lungs denser than a threshold."""

import numpy as np
import pytest

from radlearn.metrics.masks import dice_score
from radlearn.tasks.segmentation.threshold_baseline import (
    THRESHOLDS_HU,
    best_threshold_hu,
    threshold_baseline_dice,
    threshold_baseline_mask,
)


def test_the_dice_at_each_threshold_is_that_of_its_mask() -> None:
    rng = np.random.default_rng(2)
    hu, lungs, truth = rng.integers(-1000, 100, (9, 8, 7)), rng.random((9, 8, 7)) > 0.3, rng.random((9, 8, 7)) > 0.8
    found = threshold_baseline_dice(hu, lungs, truth)
    assert found == pytest.approx([dice_score(threshold_baseline_mask(hu, lungs, cut), truth) for cut in THRESHOLDS_HU])


def test_what_lies_outside_the_lungs_is_never_called_a_lesion() -> None:
    hu = np.full((2, 2, 2), 50)
    assert not threshold_baseline_mask(hu, np.zeros((2, 2, 2), bool), -700).any()


def test_the_threshold_is_the_one_with_the_best_mean_dice() -> None:
    tables = np.zeros((3, len(THRESHOLDS_HU)))
    tables[:, 4] = 0.5
    tables[0, 7] = 0.9
    tables[2] = np.nan
    assert best_threshold_hu(tables) == THRESHOLDS_HU[4]
    assert np.isnan(threshold_baseline_dice(np.full((2, 2, 2), -900), np.ones((2, 2, 2), bool), np.zeros((2, 2, 2), bool))).all()
