"""The forest plot: every score with both values, right is better whichever way its numbers go, and one scale for each unit."""

import math

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from radlearn.metrics.boxes import mean_over_images
from radlearn.metrics.case_scores import CaseScore
from radlearn.metrics.intervals import Interval
from radlearn.metrics.score_differences import ScoreDifference
from radlearn.pictures.comparison import ComparedName, difference_figure
from radlearn.pictures.style import PAPER, png_bytes

SHARE = CaseScore(function=mean_over_images, columns=("x",))
ERROR = CaseScore(function=mean_over_images, columns=("x",), higher_is_better=False)
LENGTH = CaseScore(function=mean_over_images, columns=("x",), higher_is_better=False, unit="mm")
NAMES = [ComparedName("A", "runs/one", 1), ComparedName("B", "runs/two", 1)]
ROWS = [
    ScoreDifference("auroc_score", SHARE, (0.8,), (0.85,), Interval(0.05, 0.02, 0.08)),
    ScoreDifference("brier_error", ERROR, (0.15,), (0.12,), Interval(-0.03, -0.05, -0.01)),
    ScoreDifference("own_score", SHARE, (0.3,), (0.2,), Interval(-0.1, -0.15, -0.05)),
    ScoreDifference("hausdorff95_mm", LENGTH, (12.5,), (13.25,), Interval(0.75, -1.0, 2.5)),
    ScoreDifference("median", SHARE, (0.5,), (0.6,), Interval(0.1)),
]


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.texts] + [text.get_text() for axes in figure.axes for text in axes.texts]


def points(axes: Axes, size_above: float) -> list[tuple[float, float]]:
    """Return the single markers of an axes, (x, y)."""
    return [
        (float(line.get_xdata()[0]), float(line.get_ydata()[0]))  # type: ignore[arg-type,index]
        for line in axes.lines
        if line.get_marker() in ("o", "D") and line.get_markersize() > size_above
    ]


def test_every_score_stands_with_both_values_and_its_difference() -> None:
    said = words(difference_figure(NAMES, [ROWS], {"own_score": "Own score"}))
    assert {"AUROC", "0.800", "0.850", "+0.050 (+0.020 to +0.080)", "Own score", "−0.100 (−0.150 to −0.050)"} <= set(said)
    assert {"12.5", "13.2", "+0.750 (−1.000 to +2.500)", "+0.100 (no interval)"} <= set(said)
    assert {"A  runs/one", "B  runs/two", "B against A", "← A is better", "B is better →", "B − A (95 % interval)"} <= set(said)
    assert any("One seed each: the luck of the seed is not in the interval." in text for text in said)


def test_a_folder_whose_name_is_not_utf8_is_drawn() -> None:
    names = [ComparedName("A", "runs/\udce9ne", 1), ComparedName("B", "\udcff/" * 60 + "two", 1)]
    figure = difference_figure(names, [ROWS])
    assert png_bytes(figure)
    assert "A  runs/\\xe9ne" in words(figure)


def test_scores_of_one_unit_and_direction_share_an_axis_and_right_is_better() -> None:
    figure = difference_figure(NAMES, [ROWS])
    shares, errors, lengths = figure.axes
    assert points(shares, 5) == [(0.05, 0), (-0.1, 1), (0.1, 2)]
    assert points(errors, 5) == [(-0.03, 0)]
    low, high = shares.get_xlim()
    assert low == -high < -0.15
    # Where lower is better the axis runs the other way.
    for axes, reach in ((errors, 0.05), (lengths, 2.5)):
        left, right = axes.get_xlim()
        assert left == -right > reach
        assert "lower is better" in axes.get_xlabel()
    assert lengths.get_xlabel() == "mm, lower is better"


def test_a_difference_that_may_be_none_is_hollow_and_which_is_better_is_not_said_by_colour_alone() -> None:
    shares, errors, lengths = difference_figure(NAMES, [ROWS]).axes
    markers = [line for axes in (shares, errors, lengths) for line in axes.lines if line.get_marker() in ("o", "D")]
    assert [line.get_marker() for line in markers] == ["o", "D", "o", "o", "o"]
    assert [line.get_markerfacecolor() == PAPER for line in markers] == [False, False, True, False, True]


def test_single_seeds_are_drawn_around_the_mean_of_the_first() -> None:
    row = ScoreDifference("auroc_score", SHARE, (0.7, 0.8, 0.9), (0.9, 0.95), Interval(0.125, 0.1, 0.15))
    names = [ComparedName("A", "runs/one", 3), ComparedName("B", "runs/two", 2)]
    figure = difference_figure(names, [[row]])
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "o" and line.get_markersize() < 5]
    assert [list(line.get_xdata()) for line in dots] == [pytest.approx([-0.1, 0, 0.1]), pytest.approx([0.1, 0.15])]
    assert [line.get_markerfacecolor() == PAPER for line in dots] == [True, False]
    assert {"A  runs/one  (3 seeds)", "B  runs/two  (2 seeds)"} <= set(words(figure))
    assert any("Small dots: single seeds" in text for text in words(figure))


def test_several_runs_have_a_block_each_on_the_same_scales() -> None:
    third = [ScoreDifference("auroc_score", SHARE, (0.8,), (0.4,), Interval(-0.4, -0.5, -0.3))]
    figure = difference_figure([*NAMES, ComparedName("C", "runs/three", 1)], [ROWS[:1], third])
    assert {"B against A", "C against A", "C is better →"} <= set(words(figure))
    first, second = figure.axes
    assert first.get_xlim() == second.get_xlim()
    assert first.get_position().y0 > second.get_position().y1


def test_a_long_path_keeps_its_end() -> None:
    figure = difference_figure([NAMES[0], ComparedName("B", "/home/someone/" + "x" * 100 + "/the-run", 1)], [ROWS[:1]])
    (shown,) = [text for text in words(figure) if text.startswith("B  ")]
    assert shown.endswith("x/the-run")
    assert "…" in shown


def test_synthetic_patients_are_called_so() -> None:
    assert not any("Synthetic" in text for text in words(difference_figure(NAMES, [ROWS])))
    assert any("Synthetic" in text for text in words(difference_figure(NAMES, [ROWS], synthetic=True)))


def test_an_undefined_score_has_a_row_and_no_mark() -> None:
    unknown = ScoreDifference("auroc_score", SHARE, (math.nan,), (0.5,), Interval(math.nan))
    figure = difference_figure(NAMES, [[unknown]])
    assert points(figure.axes[0], 0) == []
    assert words(figure).count("–") == 2
    assert png_bytes(figure).startswith(b"\x89PNG")
