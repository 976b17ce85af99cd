"""Heat maps of found opacities beside the true boxes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from radlearn.challenges.xray_case import XrayCase
from radlearn.tasks.classification.heat_maps import as_shown, boxes_in_map_px, heat_map_scores, mean_heat_maps
from radlearn.tasks.xray.radiographs import PreparedRadiograph


def on_the_boxes(xrays: Sequence[PreparedRadiograph]) -> np.ndarray:
    maps = np.zeros((len(xrays), 32, 32), np.float32)
    for made, xray in zip(maps, xrays, strict=True):
        for x0, y0, x1, y1 in np.rint(boxes_in_map_px(xray, (32, 32))).astype(int):
            made[y0:y1, x0:x1] = 1
    return maps


def everywhere(xrays: Sequence[PreparedRadiograph]) -> np.ndarray:
    return np.ones((len(xrays), 32, 32), np.float32)


def test_maps_on_the_boxes_hit_and_even_ones_reach_chance(evaluated_xrays: list[PreparedRadiograph]) -> None:
    called = np.ones(len(evaluated_xrays), bool)
    hit, even = heat_map_scores(evaluated_xrays, called, on_the_boxes), heat_map_scores(evaluated_xrays, called, everywhere)
    assert hit is not None
    assert even is not None
    assert hit["true_positives"] == sum(len(xray.case.boxes_xyxy_px) > 0 for xray in evaluated_xrays)
    assert hit["pointing_score"]["value"] > 0.9
    assert hit["heat_inside_boxes_share"]["value"] > 0.9
    assert even["pointing_score"]["value"] == pytest.approx(even["chance_share"]["value"])
    assert even["heat_inside_boxes_share"]["value"] == pytest.approx(even["chance_share"]["value"])
    assert even["chance_share"]["value"] < 0.5


def test_only_found_opacities_are_compared_with_boxes(evaluated_xrays: list[PreparedRadiograph]) -> None:
    positive = np.array([len(xray.case.boxes_xyxy_px) > 0 for xray in evaluated_xrays])
    asked: list[int] = []

    def counting(xrays: Sequence[PreparedRadiograph]) -> np.ndarray:
        asked.append(len(xrays))
        return everywhere(xrays)

    assert heat_map_scores(evaluated_xrays, ~positive, counting) is None
    assert not asked
    one = np.flatnonzero(positive)[:1]
    found = heat_map_scores(evaluated_xrays, np.isin(np.arange(len(positive)), one), counting)
    assert found is not None
    assert found["true_positives"] == sum(asked) == 1


def test_an_xray_that_is_called_negative_does_not_glow() -> None:
    heat = np.full((4, 4), 0.3, np.float32)
    assert as_shown(heat, 0.3, 0.31).max() == 0
    assert np.array_equal(as_shown(heat, 0.31, 0.31), heat)


def seen(side: int, canvas_px: tuple[int, int], source_px: tuple[int, int] | None) -> PreparedRadiograph:
    case = XrayCase("x", Path("x.dcm"), None, (), None, "p")
    return PreparedRadiograph(case, np.zeros((side, side), np.uint8), canvas_px, source_px)


def slope(xray: PreparedRadiograph, side: int) -> np.ndarray:
    """A map that rises with the place on the source, down and across: what linear interpolation keeps exactly."""
    (height, width), (source_height, source_width) = xray.canvas_px, xray.source_px or xray.canvas_px
    rows = (np.arange(side) + 0.5) * height / side - (height - source_height) / 2
    columns = (np.arange(side) + 0.5) * width / side - (width - source_width) / 2
    return (rows[:, None] * 1e-3 + columns * 2e-3).astype(np.float32)


def test_maps_of_runs_that_see_an_xray_differently_are_averaged_where_they_lie_on_it() -> None:
    stretched, padded = seen(40, (1000, 600), None), seen(64, (1000, 1000), (1000, 600))
    maps = [slope(stretched, 40)[None], slope(padded, 64)[None]]
    mean = mean_heat_maps(maps, [[stretched], [padded]])
    assert mean.shape == (1, 40, 40)
    assert mean.dtype == np.float32
    # A pixel at the border lies beyond the centre of the other map's last one.
    np.testing.assert_allclose(mean[0, 1:-1, 1:-1], maps[0][0, 1:-1, 1:-1], atol=1e-5)
    # The other way round, the margin of the padded one is nowhere on the stretched one.
    back = mean_heat_maps(maps[::-1], [[padded], [stretched]])
    inside = slice(14, 50)
    np.testing.assert_allclose(back[0, 1:-1, inside], maps[1][0, 1:-1, inside], atol=1e-5)
    np.testing.assert_allclose(back[0, :, :12], maps[1][0, :, :12] / 2)


def test_the_mean_of_a_map_and_itself_is_that_map_and_sides_are_not_swapped() -> None:
    xray, other = seen(32, (1024, 1024), None), seen(64, (1024, 1024), None)
    heat = np.random.default_rng(0).random((1, 32, 32)).astype(np.float32)
    np.testing.assert_array_equal(mean_heat_maps([heat, heat], [[xray], [xray]]), heat)
    hot = np.zeros((1, 64, 64), np.float32)
    hot[0, 20:28, 40:48] = 1
    both = mean_heat_maps([np.zeros((1, 32, 32), np.float32), hot], [[xray], [other]])
    assert np.argwhere(both[0] > 0.2).mean(axis=0).tolist() == [11.5, 21.5]
