"""Heat maps of found opacities beside the true boxes."""

from collections.abc import Sequence

import numpy as np
import pytest

from radlearn.tasks.classification.heat_maps import as_shown, boxes_in_map_px, heat_map_scores
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
