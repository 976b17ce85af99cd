"""A postprocessing for masks is the one with the best cross-fitted Dice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radlearn.metrics.masks import dice_score, volume_ml
from radlearn.tasks.segmentation.postprocessing import MaskPostprocessing, mask_of
from radlearn.tasks.segmentation.search import (
    SMALLEST_ML,
    SMALLEST_SCAN_ML,
    THRESHOLDS,
    curves,
    dice_and_volume_tables,
    dice_table,
    tuned_masks,
    volumes_at,
    whole_table,
)

SPACING_MM = (2.0, 2.0, 5.0)


@settings(max_examples=20)
@given(seed=st.integers(0, 1000))
def test_the_table_holds_the_dice_of_every_postprocessing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    probability = rng.random((12, 10, 6), dtype=np.float32) ** 3
    truth = rng.random((12, 10, 6)) > 0.9
    table = dice_table(probability, truth, SPACING_MM)
    for row in range(0, len(THRESHOLDS), 4):
        for column in range(0, len(SMALLEST_ML), 2):
            mask = mask_of(probability, MaskPostprocessing(THRESHOLDS[row], SMALLEST_ML[column]), SPACING_MM)
            assert table[row, column] == pytest.approx(dice_score(mask, truth), nan_ok=True)


def test_nothing_found_scores_nothing_where_there_was_something_and_has_no_score_where_there_was_not() -> None:
    nothing, truth = np.zeros((6, 6, 6), np.float32), np.zeros((6, 6, 6), bool)
    assert np.isnan(dice_table(nothing, truth, SPACING_MM)).all()
    truth[2:4, 2:4, 2:4] = True
    assert (dice_table(nothing, truth, SPACING_MM) == 0).all()


def test_volumes_are_those_of_the_masks() -> None:
    rng = np.random.default_rng(3)
    probability, truth = rng.random((12, 10, 6), dtype=np.float32) ** 3, rng.random((12, 10, 6)) > 0.9
    dice, in_ml = dice_and_volume_tables(probability, truth, SPACING_MM)
    np.testing.assert_array_equal(dice, dice_table(probability, truth, SPACING_MM))
    for threshold, smallest_ml in ((0.2, 0.0), (0.5, 0.05), (0.8, 1.0)):
        postprocessing = MaskPostprocessing(threshold, smallest_ml)
        (found,) = volumes_at(in_ml[None], postprocessing)
        assert found == pytest.approx(volume_ml(mask_of(probability, postprocessing, SPACING_MM), SPACING_MM))
    assert (dice_and_volume_tables(np.zeros((6, 6, 6), np.float32), np.ones((6, 6, 6), bool), SPACING_MM)[1] == 0).all()


@settings(max_examples=10)
@given(seed=st.integers(0, 1000))
def test_the_whole_table_holds_the_dice_and_the_volumes_of_every_postprocessing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    probability = rng.random((12, 10, 6), dtype=np.float32) ** 3
    for truth in (rng.random((12, 10, 6)) > 0.9, np.zeros((12, 10, 6), bool)):
        dice, in_ml = dice_and_volume_tables(probability, truth, SPACING_MM)
        table = whole_table(dice[None], in_ml[None], [volume_ml(truth, SPACING_MM)])[0]
        for row, column, scan in ((0, 0, 0), (4, 0, 3), (0, 3, 5), (9, 2, 2), (12, 6, 6)):
            chosen = MaskPostprocessing(THRESHOLDS[row], SMALLEST_ML[column], SMALLEST_SCAN_ML[scan])
            mask = mask_of(probability, chosen, SPACING_MM)
            assert table[row, column, scan] == pytest.approx(dice_score(mask, truth), nan_ok=True)
            assert volumes_at(in_ml[None], chosen)[0] == pytest.approx(volume_ml(mask, SPACING_MM))


def tables_of(scans: int) -> np.ndarray:
    """Dice that rises to a threshold of 0.4 and falls again, for every scan alike, whatever the volumes below which all is dropped."""
    rise = 0.8 - np.abs(np.array(THRESHOLDS) - 0.4)
    return np.tile(rise[None, :, None, None], (scans, 1, len(SMALLEST_ML), len(SMALLEST_SCAN_ML)))


def people(count: int) -> list[str]:
    return [f"p{number}" for number in range(count)]


def test_the_threshold_is_the_best_one_and_what_helps_nobody_is_not_adopted() -> None:
    postprocessing, ablation = tuned_masks(tables_of(20), people(20))
    assert postprocessing == MaskPostprocessing(0.4, 0.0, 0.0)
    assert [step.taken for step in ablation] == [True, True, False, False]
    assert ablation[1].cross_fitted == pytest.approx(0.8)


def test_small_components_are_removed_where_that_helps_everyone() -> None:
    tables = tables_of(20)
    tables[:, :, SMALLEST_ML.index(0.1)] += 0.05
    postprocessing, ablation = tuned_masks(tables, people(20))
    assert postprocessing == MaskPostprocessing(0.4, 0.1)
    assert [step.taken for step in ablation] == [True, True, True, False]


def emptied(tables: np.ndarray, scans: slice, from_ml: float, dice: float) -> None:
    """Give scans another Dice from that volume of the smallest mask on."""
    tables[scans, :, :, SMALLEST_SCAN_ML.index(from_ml) :] = dice


def test_scans_with_little_in_them_are_called_empty_where_several_have_no_lesion() -> None:
    tables = tables_of(20)
    # Four scans without a lesion, with up to 1 ml marked: no Dice once they are empty. Three with lesions of which under 3 ml are found.
    tables[:4] = 0.0
    emptied(tables, slice(0, 4), 1.0, np.nan)
    emptied(tables, slice(4, 7), 3.0, 0.0)
    postprocessing, ablation = tuned_masks(tables, people(20))
    assert postprocessing == MaskPostprocessing(0.4, 0.0, 1.0)
    assert ablation[1].cross_fitted == pytest.approx(0.8 * 16 / 20)
    assert ablation[3].cross_fitted == pytest.approx(0.8)
    assert [step.taken for step in ablation] == [True, True, False, True]


def test_one_scan_without_a_lesion_is_too_few_to_choose_by() -> None:
    tables = tables_of(20)
    tables[0] = 0.0
    emptied(tables, slice(0, 1), 1.0, np.nan)
    # Those who do not see it have no reason to call a scan empty.
    postprocessing, ablation = tuned_masks(tables, people(20))
    assert postprocessing.smallest_scan_ml == 0
    assert not ablation[3].taken


def test_chance_is_not_adopted() -> None:
    rng = np.random.default_rng(1)
    # Each volume helps one scan in seven and harms the others: those who choose see a gain that the others do not have.
    tables = tables_of(14) - 0.05 * (np.arange(len(SMALLEST_ML)) > 0)[:, None]
    for scan in range(14):
        tables[scan, :, rng.integers(1, len(SMALLEST_ML))] += 0.3
    postprocessing, ablation = tuned_masks(tables, people(14))
    assert ablation[2].score > ablation[2].cross_fitted
    assert ablation[2].cross_fitted < ablation[1].cross_fitted
    assert not ablation[2].taken
    assert postprocessing.smallest_ml == 0


def test_scans_without_a_dice_do_not_count() -> None:
    tables = np.concatenate([tables_of(10), np.full((5, *tables_of(1).shape[1:]), np.nan)])
    postprocessing, ablation = tuned_masks(tables, people(15))
    assert postprocessing.threshold == 0.4
    assert ablation[0].score == pytest.approx(0.7)


def test_the_curves_go_through_the_chosen_postprocessing() -> None:
    tables = tables_of(5)
    emptied(tables, slice(None), 3.0, 0.1)
    found = curves(tables, MaskPostprocessing(0.4, 0.1, 1.0))
    assert found["dice_score"][found["threshold"].index(0.4)] == pytest.approx(0.8)
    assert found["dice_score_by_smallest_ml"] == pytest.approx([0.8] * len(SMALLEST_ML))
    assert found["dice_score_by_smallest_scan_ml"] == pytest.approx([0.8] * 5 + [0.1] * 2)
