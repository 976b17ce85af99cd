"""Where heat maps point, counted by hand."""

import numpy as np
import pytest

from radlearn.errors import BadSetting
from radlearn.metrics.pointing import pointing_scores, share_inside

BOX = np.array([[2.0, 1.0, 6.0, 3.0]])


def heat(*points: tuple[int, int, float]) -> np.ndarray:
    made = np.zeros((8, 8))
    for row, column, value in points:
        made[row, column] = value
    return made


def scores_of(made: np.ndarray, boxes: np.ndarray = BOX) -> dict[str, float]:
    return {name: float(score[0]) for name, score in pointing_scores(made[None], [boxes]).items()}


def test_a_maximum_in_the_box_is_a_hit_and_heat_is_counted_inside_and_outside() -> None:
    assert scores_of(heat((1, 2, 3), (2, 5, 1), (7, 7, 2))) == {"hit": 1.0, "energy_share": pytest.approx(4 / 6), "chance": 8 / 64}
    assert scores_of(heat((1, 2, 1), (7, 7, 2)))["hit"] == 0.0


def test_rows_and_columns_are_not_exchanged() -> None:
    assert scores_of(heat((1, 5, 1)))["hit"] == 1.0
    assert scores_of(heat((5, 1, 1)))["hit"] == 0.0


def test_an_even_map_reaches_exactly_chance() -> None:
    scores = scores_of(np.ones((8, 8)))
    assert scores["hit"] == scores["energy_share"] == scores["chance"] == 0.125


def test_a_map_without_heat_points_nowhere() -> None:
    assert scores_of(np.zeros((8, 8))) == {"hit": 0.0, "energy_share": 0.0, "chance": 0.125}


def test_overlapping_boxes_are_counted_once_and_what_lies_beyond_the_border_not_at_all() -> None:
    boxes = np.array([[-4.0, 0.0, 4.0, 8.0], [2.0, 0.0, 20.0, 8.0]])
    assert scores_of(np.ones((8, 8)), boxes)["chance"] == 1.0
    assert share_inside(np.array([[0.0, 0.0, 0.5, 0.5]]), (2, 2))[0, 0] == 0.25
    assert share_inside(np.array([[0.0, -3.0, 2.0, -1.0], [-3.0, 0.0, -1.0, 2.0], [0.0, 5.0, 2.0, 6.0]]), (2, 2)).sum() == 0


def test_an_image_without_a_box_has_no_score() -> None:
    found = pointing_scores(np.ones((2, 8, 8)), [np.zeros((0, 4)), BOX])
    assert all(np.isnan(score[0]) and not np.isnan(score[1]) for score in found.values())


@pytest.mark.parametrize("wrong", [-1.0, np.nan, np.inf])
def test_heat_below_zero_or_not_finite_is_refused(wrong: float) -> None:
    with pytest.raises(BadSetting, match="negative or not finite"):
        pointing_scores(heat((0, 0, wrong))[None], [BOX])


def test_one_map_for_each_image_is_needed() -> None:
    with pytest.raises(BadSetting, match="boxes of 2 images"):
        pointing_scores(np.ones((1, 8, 8)), [BOX, BOX])
