"""The threshold that was chosen is marked in both pictures, and what was not taken is said to be so."""

import math

import numpy as np

from radlearn.metrics.intervals import Band
from radlearn.pictures.style import png_bytes
from radlearn.pictures.tuning import TunedSetting, ablation_figure, mask_tuning_figure, operating_figure, threshold_figure

ABLATION = [
    {"step": "nothing tuned", "score": 0.15, "cross_fitted_score": 0.15, "taken": True},
    {"step": "box scale", "score": 0.21, "cross_fitted_score": 0.14, "taken": False},
]


def test_score_and_cost_at_the_chosen_threshold_stand_side_by_side() -> None:
    left, right = threshold_figure([0.2, 0.4, 0.6], [0.1, 0.3, 0.2], [4.0, 0.5, 0.25], 0.4, "Toy score").axes
    assert "chosen: 0.40\nscore 0.30" in [text.get_text() for text in left.texts]
    assert "chosen: 0.40\nfalse boxes 0.50" in [text.get_text() for text in right.texts]
    # The four boxes an X-ray of the lowest threshold do not press the rest flat.
    assert right.get_ylim()[1] < 4


def test_points_without_a_score_leave_a_gap() -> None:
    left, right = threshold_figure([0.2, 0.4, 0.6], [0.1, 0.3, math.nan], [math.nan] * 3, 0.4, "Toy score").axes
    assert np.isnan(left.lines[0].get_ydata()[-1])
    assert [text.get_text() for text in right.texts] == ["no X-ray"]


def test_a_limit_that_was_asked_for_is_drawn_beside_the_cost() -> None:
    left, right = threshold_figure([0.2, 0.4, 0.6], [0.1, 0.3, 0.2], [4.0, 0.5, 0.25], 0.4, "Toy score", most_false_boxes=0.6).axes
    assert "at most 0.6" in [text.get_text() for text in right.texts]
    assert not any("at most" in text.get_text() for text in left.texts)


def test_sensitivity_never_stands_without_specificity() -> None:
    thresholds = [0.0, 0.25, 0.5]
    found, left = np.array([1.0, 0.9, 0.4]), np.array([0.0, 0.6, 1.0])
    axes = operating_figure(thresholds, Band(found, found - 0.1, found), Band(left, left, left + 0.1), 0.25).axes[0]
    said = " ".join(text.get_text() for text in axes.texts)
    assert "chosen: 0.25\nsensitivity 0.90\nspecificity 0.60" in said
    assert "sensitivity: X-rays with an opacity found" in said
    assert "specificity: those without left alone" in said
    # Where all probabilities are low, the rest of the axis would be empty.
    assert axes.get_xlim() == (0, 0.52)


def test_what_was_not_taken_is_said_in_words() -> None:
    axes = ablation_figure(ABLATION, "Toy score").axes[0]
    said = [text.get_text() for text in axes.texts]
    assert "0.150" in said
    assert "0.140  not kept" in said
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["nothing tuned", "box scale"]
    low, high = axes.get_xlim()
    assert low < 0.14 < 0.21 < high


def test_scores_that_are_all_the_same_or_none_at_all_are_drawn() -> None:
    assert png_bytes(ablation_figure(ABLATION[:1], "Toy score")).startswith(b"\x89PNG")
    assert ablation_figure([], "Toy score").axes[0].texts[0].get_text() == "nothing was tuned"


def test_the_chosen_settings_of_a_mask_are_marked_with_their_dice_on_one_scale() -> None:
    threshold = TunedSetting([0.2, 0.4, 0.6], [0.5, 0.7, 0.6], 0.4)
    figure = mask_tuning_figure(threshold, TunedSetting([0, 0.1, 1], [0.7, 0.72, 0.4], 0.1))
    left, right = figure.axes
    assert [axes.texts[0].get_text() for axes in (left, right)] == ["chosen: 0.40\nDice 0.700", "chosen: 0.1 ml\nDice 0.720"]
    assert [axes.lines[-1].get_xydata().ravel().tolist() for axes in (left, right)] == [[0.4, 0.7], [0.1, 0.72]]
    assert left.get_ylim() == right.get_ylim()
    assert right.get_xlim()[0] == 0


def test_without_the_smallest_part_there_is_one_picture() -> None:
    assert len(mask_tuning_figure(TunedSetting([0.5], [0.7], 0.5)).axes) == 1


def test_the_smallest_mask_is_a_third_picture_on_the_same_scale() -> None:
    part, mask = TunedSetting([0, 0.1, 1], [0.7, 0.72, 0.4], 0.1), TunedSetting([0, 1, 5], [0.72, 0.8, 0.6], 1.0)
    figure = mask_tuning_figure(TunedSetting([0.2, 0.4, 0.6], [0.5, 0.7, 0.6], 0.4), part, mask)
    assert figure.axes[2].texts[0].get_text() == "chosen: 1 ml\nDice 0.800"
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    assert figure.axes[2].get_xlim()[1] > 5


def test_no_dice_to_tune_by_says_so() -> None:
    figure = mask_tuning_figure(TunedSetting([0.2, 0.4], [float("nan")] * 2, 0.5), TunedSetting([], [], 0.0))
    assert [axes.texts[0].get_text() for axes in figure.axes] == ["no scan"] * 2
