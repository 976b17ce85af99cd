"""Rows and plots stand in line; a score without interval is hollow, none a dash."""

import itertools
import math

import pytest

from radlearn.metrics.intervals import Interval
from radlearn.pictures.group_table import ScoreColumn, group_table
from radlearn.pictures.style import MODEL, PAPER, POSITIVE, png_bytes

WHOLE = Interval(0.5, 0.4, 0.6)


def test_plots_share_the_rows_and_stay_on_the_page() -> None:
    plots = [ScoreColumn(f"score {number}", MODEL, [WHOLE, WHOLE], WHOLE) for number in range(3)]
    figure = group_table(("", "people"), [("a", "1"), ("b", "2")], plots)
    places = [axes.get_position() for axes in figure.axes]
    assert {(place.y0, place.y1) for place in places} == {(places[0].y0, places[0].y1)}
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(places))
    assert places[-1].x1 < 1
    assert [text.get_text() for text in figure.texts] == ["score 0", "score 1", "score 2", "", "people", "a", "1", "b", "2"]


@pytest.mark.parametrize(("score", "filled", "lines"), [(WHOLE, True, 1), (Interval(0.5), False, 0), (Interval(0.0, 0.0, 0.0), True, 1)])
def test_a_dot_is_filled_only_where_there_is_an_interval(score: Interval, filled: bool, lines: int) -> None:
    axes = group_table(("",), [("a",)], [ScoreColumn("score", POSITIVE, [score], Interval(math.nan))]).axes[0]
    assert axes.lines[-1].get_markerfacecolor() == (POSITIVE if filled else PAPER)
    assert list(axes.lines[-1].get_xdata()) == [score.value]
    assert len(axes.collections) == lines
    low, high = axes.get_xlim()
    assert low <= score.value <= high


def test_no_score_is_a_dash_and_no_group_no_trouble() -> None:
    nothing = Interval(math.nan)
    axes = group_table(("",), [("a",)], [ScoreColumn("score", MODEL, [nothing], nothing)]).axes[0]
    assert [text.get_text() for text in axes.texts] == ["–"]
    assert not axes.lines
    assert png_bytes(group_table(("",), [], [ScoreColumn("score", MODEL, [], nothing)])).startswith(b"\x89PNG")


def test_hostile_names_are_written_as_they_are() -> None:
    figure = group_table(("",), [("$\\frac{",)], [ScoreColumn("score", MODEL, [WHOLE], WHOLE)])
    assert png_bytes(figure).startswith(b"\x89PNG")
