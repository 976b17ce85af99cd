"""Bars, decisions and subgroups show every count, and say where a score is undefined."""

import math

import numpy as np
from matplotlib.figure import Figure

from radlearn.metrics.decisions import ConfusionCounts
from radlearn.metrics.intervals import Interval
from radlearn.pictures.groups import Subgroup, confusion_figure, data_figure, probability_figure, subgroup_figure
from radlearn.pictures.style import png_bytes

NO_SCORE = Interval(math.nan)


def words(figure: Figure) -> list[str]:
    inside = [text.get_text() for axes in figure.axes for text in [*axes.texts, axes.xaxis.label, axes.title, *axes.get_yticklabels()]]
    left = [axes.get_title(loc="left") for axes in figure.axes]
    return inside + left + [text.get_text() for text in figure.texts]


def test_every_side_of_the_split_says_its_images_and_people() -> None:
    figure = data_figure({"train": {"ill": 1200, "well": 300}, "test": {"ill": 7, "well": 500}}, {"train": 900, "test": 400})
    said = words(figure)
    assert {"1,500 images of 900 persons", "507 images of 400 persons", "train", "test", "1,200"} <= set(said)
    widths = [bar.get_width() for bar in figure.axes[0].patches]  # type: ignore[attr-defined]
    assert widths == [1200, 300, 7, 500]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["ill", "well"]


def test_the_four_decisions_stand_where_truth_and_prediction_meet() -> None:
    figure = confusion_figure(ConfusionCounts(40, 10, 30, 120), 0.31, "opacity", "no opacity")
    places = {text.get_text(): (round(text.get_position()[0]), round(text.get_position()[1])) for text in figure.axes[0].texts}
    assert (places["40"], places["10"], places["30"], places["120"]) == ((0, 0), (1, 0), (0, 1), (1, 1))
    assert {"true positive, 80\xa0%", "false negative, 20\xa0%", "false positive, 20\xa0%", "true negative, 80\xa0%"} <= set(places)
    assert "threshold 0.31" in figure.axes[0].get_xlabel()
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["opacity\n50 X-rays", "no opacity\n150 X-rays"]


def test_decisions_about_nobody_have_no_share() -> None:
    said = words(confusion_figure(ConfusionCounts(0, 0, 0, 5), 0.5))
    assert "false negative" in said
    assert "true negative, 100\xa0%" in said


def test_each_class_has_its_own_histogram_of_all_its_xrays() -> None:
    p, y = np.array([0.0, 0.2, 0.9, 1.0, 0.5]), np.array([0, 0, 1, 1, 1])
    figure = probability_figure(p, y, 0.5)
    assert [sum(bar.get_height() for bar in axes.patches) for axes in figure.axes] == [3, 2]  # type: ignore[attr-defined]
    assert "lung opacity: 3 X-rays, 100\xa0% at or above 0.50" in words(figure)
    assert figure.axes[1].get_xlabel() == "predicted probability, threshold 0.50"
    assert probability_figure(p, y, 0.5, calibrated=0.2).axes[1].get_xlabel() == "predicted probability, threshold 0.50 (calibrated 0.20)"
    assert "none" in words(probability_figure([0.5], [1]))


def test_a_subgroup_says_whom_it_rests_on_and_why_it_has_no_interval() -> None:
    groups = [
        Subgroup("AP", 81, 1110, 42, Interval(0.9, 0.85, 0.95)),
        Subgroup("children", 5, 8, 2, Interval(0.75)),
        Subgroup("age unknown", 3, 5, 0, NO_SCORE),
    ]
    figure = subgroup_figure(groups, Interval(0.88, 0.84, 0.92))
    said = words(figure)
    assert {"AP", "81", "1,110", "42", "0.90 (0.85–0.95)", "0.75, too few for an interval", "one class only"} <= set(said)
    drawn = [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in figure.axes[0].lines if len(line.get_xdata()) == 1]  # type: ignore[arg-type,index]
    assert drawn == [(0.9, 0), (0.75, 1)]
    assert any("95 % interval" in text for text in said)


def test_the_axis_holds_every_interval_even_below_chance() -> None:
    groups = [Subgroup("few", 12, 20, 6, Interval(0.4, 0.13, 0.7))]
    low, high = subgroup_figure(groups, Interval(0.88, 0.84, 0.92)).axes[0].get_xlim()
    assert low <= 0.13
    assert high >= 1


def test_nothing_at_all_is_drawn_without_falling_over() -> None:
    for figure in (data_figure({}, {}), subgroup_figure([], NO_SCORE), confusion_figure(ConfusionCounts(0, 0, 0, 0), 0.5)):
        assert png_bytes(figure).startswith(b"\x89PNG")
