"""The baseline that asks for no training: its table agrees with its masks, and it finds what is bright or dark."""

import numpy as np
import pytest

from radlearn.metrics.masks import dice_score
from radlearn.tasks.segmentation.label_maps.threshold_baseline import CUTS, baseline_table, best_rule, smoothed, threshold_baseline_mask


def test_the_table_is_that_of_the_masks() -> None:
    draw = np.random.default_rng(0)
    smooth, truth = draw.random((30, 40)), draw.random((30, 40)) > 0.8
    table = baseline_table(smooth, truth)
    for side, brighter in enumerate((True, False)):
        for at, cut in enumerate(CUTS):
            found = threshold_baseline_mask(smooth, {"brighter": brighter, "cut": cut})
            assert table[side, at] == pytest.approx(dice_score(found, truth))


@pytest.mark.parametrize("brighter", [True, False])
def test_the_rule_is_the_side_on_which_the_class_lies(brighter: bool) -> None:
    truth = np.zeros((50, 60), bool)
    truth[20:35, 20:40] = True
    image = np.where(truth == brighter, 0.8, 0.2) + np.random.default_rng(0).normal(0, 0.05, truth.shape)
    rule = best_rule([baseline_table(smoothed(image), truth)])
    assert rule["brighter"] is brighter
    assert 0.25 < rule["cut"] < 0.75
    assert dice_score(threshold_baseline_mask(smoothed(image), rule), truth) > 0.9
