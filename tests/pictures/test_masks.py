"""Volumes agree within limits counted by hand; scans without a lesion, and any number of scans, have their place."""

import math

import numpy as np
import pytest

from radlearn.errors import BadSetting
from radlearn.metrics.intervals import Interval
from radlearn.pictures.masks import MaskGroup, dice_by_load_figure, limits_of_agreement_ml, mask_group_figure, volume_agreement_figure
from radlearn.pictures.style import png_bytes


def words(figure: object) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]  # type: ignore[attr-defined]


def test_limits_of_agreement_are_the_mean_and_two_standard_deviations_of_a_sample() -> None:
    # Differences 2, 4 and 9: mean 5, variance (9 + 1 + 16) / 2 = 13.
    assert limits_of_agreement_ml([10, 20, 30], [12, 24, 39]) == pytest.approx((5, 5 - 1.96 * 13**0.5, 5 + 1.96 * 13**0.5))


def test_one_scan_has_a_difference_and_no_limits_and_no_scan_has_neither() -> None:
    mean, low, high = limits_of_agreement_ml([5], [3])
    assert (mean, math.isnan(low), math.isnan(high)) == (-2, True, True)
    assert all(math.isnan(number) for number in limits_of_agreement_ml([], []))


@pytest.mark.parametrize(
    ("truth", "predicted", "said"),
    [([1], [1, 2], "1 true and 2 other"), ([1, math.nan], [1, 1], "nan ml"), ([1], [-3], "-3 ml"), ([math.inf], [1], "inf ml")],
)
def test_what_is_no_volume_is_refused(truth: list[float], predicted: list[float], said: str) -> None:
    with pytest.raises(BadSetting, match=said):
        limits_of_agreement_ml(truth, predicted)
    with pytest.raises(BadSetting, match=said):
        volume_agreement_figure(truth, predicted)


def test_every_scan_is_a_dot_in_both_pictures_and_the_lines_say_their_millilitres() -> None:
    figure = volume_agreement_figure([0, 10, 200], [4, 10, 140])
    left, right = figure.axes
    assert [line.get_xydata().tolist() for line in left.lines if line.get_marker() == "o"] == [[[0, 4], [10, 10], [200, 140]]]
    assert [line.get_xydata().tolist() for line in right.lines if line.get_marker() == "o"] == [[[2, 4], [10, 0], [170, -60]]]
    # Differences 4, 0 and −60: mean −18.67, variance (513.8 + 348.4 + 1708.4) / 2, so a standard deviation of 35.85.
    mean, low, high = limits_of_agreement_ml([0, 10, 200], [4, 10, 140])
    drawn = {round(float(line.get_ydata()[0]), 6) for line in right.lines if line.get_marker() != "o"}
    assert drawn == {0, round(mean, 6), round(low, 6), round(high, 6)}
    assert words(figure) == ["3 scans\nbroken line: equal volumes", "mean −18.7 ml", "limit −88.9 ml", "limit +51.6 ml"]
    assert left.get_xlim()[0] < 0
    assert left.get_xlim()[1] > 200


@pytest.mark.parametrize(
    ("truth", "predicted", "said"),
    [([], [], "no scan to say it of"), ([0], [0], "mean 0 ml"), ([3], [2500], "mean +2,497 ml"), ([0, 0], [0, 0], "limit 0 ml")],
)
def test_few_scans_and_zeros_are_drawn(truth: list[float], predicted: list[float], said: str) -> None:
    figure = volume_agreement_figure(truth, predicted)
    assert said in words(figure)
    assert png_bytes(figure).startswith(b"\x89PNG")


def test_scans_without_a_lesion_stand_apart_and_only_those_with_a_dice_are_in_the_mean() -> None:
    figure = dice_by_load_figure([0.8, 0.4, 0.0, math.nan, math.nan], [100, 2, 0, 0, 0])
    apart, axes = figure.axes
    assert [line.get_xydata().tolist() for line in axes.lines if line.get_marker() == "o"] == [[[100, 0.8], [2, 0.4]]]
    assert [text.get_text() for text in apart.texts] == ["2 rightly empty:\nno Dice", "1 with false\nlesions: Dice 0"]
    assert [text.get_text() for text in axes.texts] == ["mean 0.40\nover 3 scans"]
    low, high = axes.get_xlim()
    assert 0 < low < 2
    assert high > 100


@pytest.mark.parametrize(
    ("dice", "truth", "said"),
    [
        ([], [], ["no scan to say it of"]),
        ([math.nan], [0], ["1 rightly empty:\nno Dice", "none"]),
        ([0.7], [0.001], ["none", "mean 0.70\nover 1 scan"]),
    ],
)
def test_any_number_of_scans_is_drawn_with_room_for_both_parts(dice: list[float], truth: list[float], said: list[str]) -> None:
    figure = dice_by_load_figure(dice, truth)
    assert words(figure) == said
    assert all(axes.get_position().width > 0.1 for axes in figure.axes)
    assert png_bytes(figure).startswith(b"\x89PNG")


def test_one_dice_for_two_volumes_is_refused() -> None:
    with pytest.raises(BadSetting, match="2 true and 1 other"):
        dice_by_load_figure([0.5], [1, 2])


def test_every_group_shows_its_dice_its_volume_error_and_its_false_lesions() -> None:
    nothing = Interval(math.nan)
    groups = [
        MaskGroup("small", 1200, 1300, 3.25, Interval(0.4, 0.3, 0.5), Interval(2.0), Interval(1.5, 1, 2)),
        MaskGroup("no lesion", 1, 1, math.nan, nothing, Interval(0.5), Interval(0.0)),
    ]
    figure = mask_group_figure(groups, groups[0])
    said = [text.get_text() for text in figure.texts]
    assert {"Dice", "volume error (ml)", "false lesions/scan", "small", "1,200", "1,300", "3.2", "no lesion", "–"} <= set(said)
    assert [axes.lines[-1].get_xdata()[0] for axes in figure.axes[1:]] == [0.5, 0.0]
    assert np.asarray(figure.axes[0].lines[-1].get_xdata()).tolist() == [0.4]
