"""All scores of a scan, and what they come to over scans."""

import math
from dataclasses import replace

import numpy as np
import pytest

from radlearn.errors import BadSetting
from radlearn.metrics import lesions, masks, surfaces
from radlearn.metrics.mask_table import MaskScores, mask_scores, mask_summary, mean_over_scans

SPACING = (1.0, 1.5, 4.0)

VOLUMES = ("volume_error_percent", "median_volume_error_percent")


def pair(seed: int) -> tuple[np.ndarray, np.ndarray]:
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    field = gaussian_filter(rng.normal(size=(20, 20, 10)), 2)
    return field > np.quantile(field, 0.85), np.roll(field, 1, axis=0) > np.quantile(field, 0.84 + 0.01 * (seed % 8))


@pytest.fixture(scope="module")
def table() -> list[MaskScores]:
    return [mask_scores(*pair(seed), SPACING) for seed in range(12)]


def test_a_row_says_what_the_single_functions_say() -> None:
    p, t = pair(0)
    row = mask_scores(p, t, SPACING, tolerance_mm=1.5, smallest_ml=0.05, found_share=0.3)
    assert row.dice_score == masks.dice_score(p, t)
    assert row.surface_dice_score == surfaces.surface_dice_score(p, t, SPACING, 1.5)
    assert row.hausdorff95_mm == surfaces.hausdorff95_mm(p, t, SPACING)
    assert row.volume_error_ml == masks.volume_error_ml(p, t, SPACING)
    assert row.volume_error_percent == masks.volume_error_percent(p, t)
    assert (row.predicted_ml, row.truth_ml) == (masks.volume_ml(p, SPACING), masks.volume_ml(t, SPACING))
    counts = lesions.lesion_counts(p, t, SPACING, 0.05, 0.3)
    assert (row.lesions, row.found_lesions, row.false_lesions) == (counts.lesions, counts.found_lesions, counts.false_lesions)
    unless_asked = mask_scores(p, t, SPACING, tolerance_mm=1.0, smallest_ml=lesions.SMALLEST_ML, found_share=lesions.FOUND_SHARE)
    assert mask_scores(p, t, SPACING) == unless_asked != mask_scores(p, t, SPACING, tolerance_mm=2.0)


def test_scores_over_scans_are_means_with_intervals(table: list[MaskScores]) -> None:
    summary = mask_summary(table, [f"person {i}" for i in range(12)], draws=200)
    assert summary.scans == 12
    assert summary.left_out == {}
    for name in ("dice_score", "surface_dice_score", "hausdorff95_mm", "volume_error_percent", "volume_error_ml"):
        interval = summary.scores[name]
        assert interval.value == pytest.approx(np.mean([getattr(row, name) for row in table]))
        assert interval.low < interval.value < interval.high
    median = summary.scores["median_volume_error_percent"]
    assert median.value == np.median([row.volume_error_percent for row in table])
    assert not median.is_known
    found, there = (sum(getattr(row, name) for row in table) for name in ("found_lesions", "lesions"))
    assert summary.scores["lesion_sensitivity"].value == found / there
    assert summary.scores["false_lesions_per_scan"].value == pytest.approx(sum(row.false_lesions for row in table) / 12)


def test_people_are_drawn_not_scans(table: list[MaskScores]) -> None:
    alone = mask_summary(table * 3, np.arange(36), draws=200).scores["dice_score"]
    shared = mask_summary(table * 3, np.tile(np.arange(12), 3), draws=200).scores["dice_score"]
    assert alone.value == pytest.approx(shared.value)
    assert shared.high - shared.low > 1.3 * (alone.high - alone.low)


def test_scans_without_an_prediction_are_left_out_and_counted(table: list[MaskScores]) -> None:
    empty, full = np.zeros((9, 9, 9), bool), np.ones((9, 9, 9), bool)
    both_empty, missed, made_up = (mask_scores(p, t, SPACING) for p, t in ((empty, empty), (empty, full), (full, empty)))
    summary = mask_summary([*table, both_empty, missed, made_up], np.arange(15), draws=50)
    assert summary.left_out == {"dice_score": 1, "surface_dice_score": 1, "hausdorff95_mm": 3, **dict.fromkeys(VOLUMES, 2)}
    assert summary.scores["dice_score"].value == pytest.approx(sum(row.dice_score for row in table) / 14)
    assert summary.scores["hausdorff95_mm"].value == pytest.approx(np.mean([row.hausdorff95_mm for row in table]))
    errors = sorted([row.volume_error_percent for row in table] + [100.0])
    assert summary.scores["median_volume_error_percent"].value == pytest.approx(errors[6])
    assert summary.scores["false_lesions_per_scan"].value == pytest.approx((sum(row.false_lesions for row in table) + 1) / 15)


@pytest.mark.parametrize("healthy", [1, 12, 30])
def test_scans_without_a_lesion_are_left_out_of_the_median_and_counted(table: list[MaskScores], healthy: int) -> None:
    empty, full = np.zeros((9, 9, 9), bool), np.ones((9, 9, 9), bool)
    rows = [*table, *[mask_scores(full, empty, SPACING)] * healthy]
    summary = mask_summary(rows, np.arange(len(rows)), draws=20)
    assert summary.scores["median_volume_error_percent"].value == np.median([row.volume_error_percent for row in table])
    assert summary.left_out["median_volume_error_percent"] == healthy
    none = mask_summary([mask_scores(full, empty, SPACING)] * healthy, np.arange(healthy), draws=20)
    assert math.isnan(none.scores["median_volume_error_percent"].value)


def test_a_score_that_no_scan_has_is_no_number(table: list[MaskScores]) -> None:
    rows = [replace(row, dice_score=math.nan, volume_error_percent=math.nan) for row in table]
    scores = mask_summary(rows, np.arange(12), draws=20).scores
    assert math.isnan(scores["dice_score"].value)
    assert math.isnan(scores["median_volume_error_percent"].value)


def test_no_scans_are_refused() -> None:
    with pytest.raises(BadSetting, match="no scan to score"):
        mask_summary([], [])


def test_a_mean_by_weights_is_the_mean_of_scans_drawn_so_often() -> None:
    values = [0.25, math.nan, 0.75, math.inf]
    np.testing.assert_allclose(mean_over_scans(values, [[1, 1, 1, 1], [3, 5, 1, 2], [0, 9, 0, 9]]), [0.5, 0.375, np.nan])
