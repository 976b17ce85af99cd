"""What is chosen is what helps: tables agree with the postprocessing that they stand for, and steps are taken for a reason."""

import numpy as np
import pytest

from radlearn.metrics.label_maps import area_scores
from radlearn.tasks.segmentation.label_maps.postprocessing import ClassPostprocessing, LabelMapPostprocessing, label_map_of
from radlearn.tasks.segmentation.label_maps.search import SMALLEST_IMAGE_PERCENT, SMALLEST_PERCENT, class_table, tuned_class
from radlearn.tasks.segmentation.search import THRESHOLDS


@pytest.mark.parametrize("there", [True, False])
def test_a_table_holds_the_dice_of_each_postprocessing(there: bool) -> None:
    draw = np.random.default_rng(3)
    probability, truth = np.clip(draw.normal(0.3, 0.15, (40, 50)), 0, 1), np.zeros((40, 50), bool)
    if there:
        truth[10:20, 10:25] = True
        probability[12:22, 12:25] += 0.4
    table = class_table(probability.clip(0, 1), truth)
    for row, column, image in ((0, 0, 0), (4, 3, 2), (8, 5, 6), (12, 6, 1), (2, 1, 4)):
        one = ClassPostprocessing("a", THRESHOLDS[row], SMALLEST_PERCENT[column], SMALLEST_IMAGE_PERCENT[image])
        both = np.stack([np.zeros_like(probability), probability.clip(0, 1)])
        found = label_map_of(both, LabelMapPostprocessing((one,))) == 1
        assert table[row, column, image] == pytest.approx(area_scores(found, truth).dice_score_with_empty)


def test_an_emptying_step_is_taken_where_images_without_the_class_have_specks() -> None:
    persons = [f"p{number}" for number in range(20)]
    probability, truth = np.zeros((40, 40)), np.zeros((40, 40), bool)
    truth[10:20, 10:20] = True
    speck = probability.copy()
    speck[0:2, 0:2] = 0.95
    with_nerve = class_table(np.where(truth, 0.95, 0.0), truth)
    tables = np.stack([with_nerve if number % 2 else class_table(speck, truth & False) for number in range(20)])
    chosen, ablation, curve = tuned_class("nerve", tables, persons)
    assert [step.taken for step in ablation] == [True, True, True, False]
    assert chosen.smallest_percent == 0.5
    assert ablation[1].cross_fitted == pytest.approx(0.5)
    assert ablation[2].cross_fitted == pytest.approx(1.0)
    assert curve["dice_score_by_smallest_percent"][0] == pytest.approx(0.5)


def test_the_threshold_is_where_the_mean_is_best() -> None:
    truth = np.zeros((20, 20), bool)
    truth[5:10, 5:10] = True
    # The network is too sure around the class: only a high threshold keeps to it.
    probability = np.where(truth, 0.9, 0.0)
    probability[4:12, 4:12] = np.maximum(probability[4:12, 4:12], 0.6)
    chosen, _, _ = tuned_class("nerve", np.stack([class_table(probability, truth)] * 10), [f"p{number}" for number in range(10)])
    assert 0.65 <= chosen.threshold <= 0.8
