"""Curves show the points they should, say their units, and survive data that have no curve."""

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from radlearn.metrics import calibration, decisions, ranking
from radlearn.pictures.curves import history_figure, net_benefit_figure, precision_recall_figure, reliability_figure, roc_figure
from radlearn.pictures.style import MODEL, RIVAL, png_bytes, words_extent

HISTORY = [
    {"epoch": 1, "loss": 0.7, "auroc_score": 0.6, "average_precision_score": 0.4},
    {"epoch": 2, "loss": 0.5, "auroc_score": 0.9, "average_precision_score": 0.7},
    {"epoch": 3, "loss": 0.4, "auroc_score": 0.8, "average_precision_score": 0.8},
]


def cases(n: int = 120) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    y = np.arange(n) % 3 == 0
    return 1 / (1 + np.exp(-(random.normal(size=n) + 1.5 * y - 1))), y, np.arange(n) // 2


def words(figure: Figure) -> str:
    return " | ".join(text.get_text() for axes in figure.axes for text in [*axes.texts, axes.title, axes.xaxis.label, axes.yaxis.label])


def dots(axes: Axes) -> list[tuple[float, float]]:
    """Return the places of single points."""
    return [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in axes.lines if len(line.get_xdata()) == 1]  # type: ignore[arg-type,index]


def test_the_roc_picture_has_the_curve_the_rival_and_the_operating_point_at_its_place() -> None:
    p, y, who = cases()
    figure = roc_figure(p, y, who, threshold=0.4, rivals={"view alone": np.round(p)})
    axes = figure.axes[0]
    curve = ranking.roc_curve(p, y)
    drawn = [line for line in axes.lines if line.get_color() == MODEL and len(line.get_xdata()) > 1]  # type: ignore[arg-type]
    assert np.array_equal(drawn[0].get_xdata(), curve.false_positive_rate)
    assert np.array_equal(drawn[0].get_ydata(), curve.sensitivity)
    assert any(line.get_color() == RIVAL for line in axes.lines)
    assert dots(axes) == [(pytest.approx(1 - decisions.specificity(p, y, 0.4)), pytest.approx(decisions.sensitivity(p, y, 0.4)))]
    said = words(figure)
    assert f"model  {ranking.auroc_score(p, y):.2f} (" in said
    assert f"view alone  {ranking.auroc_score(np.round(p), y):.2f} (" in said
    assert "1 − specificity" in said
    assert "at 0.40" in said


def test_the_roc_axes_are_a_square_from_0_to_1() -> None:
    axes = roc_figure(*cases()).axes[0]
    assert axes.get_aspect() == 1
    assert axes.get_xlim() == axes.get_ylim()
    assert -0.02 < axes.get_xlim()[0] <= 0 < 1 <= axes.get_xlim()[1] < 1.02


def test_the_precision_recall_picture_has_the_share_of_positives_and_the_operating_point() -> None:
    p, y, who = cases()
    figure = precision_recall_figure(p, y, who, threshold=0.4)
    axes = figure.axes[0]
    counts = decisions.confusion_counts(p, y, 0.4)
    precision = counts.true_positives / (counts.true_positives + counts.false_positives)
    assert dots(axes) == [(pytest.approx(decisions.sensitivity(p, y, 0.4)), pytest.approx(precision))]
    assert any(np.allclose(line.get_ydata(), y.mean()) for line in axes.lines)
    assert f"average precision  {ranking.average_precision_score(p, y):.2f} (" in words(figure)


@pytest.mark.parametrize("positives", [4, 8, 12])
@pytest.mark.parametrize("called", [3, 6, 9, 14])
def test_the_text_at_the_operating_point_does_not_cover_the_key(positives: int, called: int) -> None:
    y = np.arange(24) < positives
    p = np.where(y, 0.6, 0.3) + np.linspace(0, 0.2, 24)
    figure = precision_recall_figure(p, y, np.arange(24), threshold=float(np.sort(p)[-called]))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    boxes = {text.get_text(): text.get_window_extent(canvas.get_renderer()) for text in figure.axes[0].texts}
    (point,) = [box for text, box in boxes.items() if text.startswith("at ")]
    key = [box for text, box in boxes.items() if text.startswith(("average precision", "chance"))]
    assert len(key) == 2
    assert not any(box.overlaps(point) for box in key)


def test_a_threshold_that_calls_nothing_positive_has_no_precision_to_mark() -> None:
    p, y, who = cases()
    assert dots(precision_recall_figure(p, y, who, threshold=1.0).axes[0]) == []


def test_the_reliability_picture_has_one_point_a_filled_bin_and_all_xrays_in_its_histogram() -> None:
    p, y, who = cases()
    upper, lower = reliability_figure(p, y, who, before=p**2).axes
    bins = calibration.reliability_bins(p, y)
    filled = bins.cases > 0
    drawn = next(line for line in upper.lines if line.get_color() == MODEL)
    assert np.array_equal(drawn.get_xdata(), bins.mean_probability[filled])
    assert np.array_equal(drawn.get_ydata(), bins.positive_share[filled])
    assert sum(bar.get_height() for bar in lower.patches) == len(y)  # type: ignore[attr-defined]
    assert upper.get_xlim() == lower.get_xlim()
    assert lower.get_xlabel() == "calibrated probability"


def test_net_benefit_is_drawn_per_100_xrays_beside_acting_on_all_and_none() -> None:
    p, y, who = cases()
    figure = net_benefit_figure(p, y, who, chosen=(0.25, 0.41))
    axes = figure.axes[0]
    thresholds = np.linspace(0.01, 0.6, 60)
    drawn = {str(line.get_color()): np.asarray(line.get_ydata()) for line in axes.lines if len(line.get_xdata()) == 60}  # type: ignore[arg-type]
    assert drawn[MODEL] == pytest.approx(100 * decisions.net_benefit(p, y, thresholds))
    assert drawn[RIVAL] == pytest.approx(100 * decisions.net_benefit(np.ones(len(y)), y, thresholds))
    assert "threshold of this run: 25\xa0%\n(network's 0.41)" in words(figure)
    assert "true positives per 100 X-rays" in words(figure)


def test_the_history_marks_the_epoch_that_was_kept() -> None:
    figure = history_figure(HISTORY, ["auroc_score", "average_precision_score"], "auroc_score")
    left, right = figure.axes
    assert dots(right) == [(2, 0.9)]
    assert np.array_equal(left.lines[0].get_ydata(), [0.7, 0.5, 0.4])
    assert "best: epoch 2, AUROC 0.900" in words(figure)
    assert {"AUROC", "average precision"} <= {text.get_text() for text in right.texts}


def test_the_history_marks_the_last_epoch_where_its_weights_were_kept() -> None:
    figure = history_figure(HISTORY, ["auroc_score"], "auroc_score", keep="last")
    assert dots(figure.axes[1]) == [(3, HISTORY[-1]["auroc_score"])]
    assert "kept: epoch 3" in words(figure)


def test_names_at_the_end_of_lines_that_meet_do_not_cover_each_other() -> None:
    meeting = [line | {"average_precision_score": line["auroc_score"]} for line in HISTORY]
    right = history_figure(meeting, ["auroc_score", "average_precision_score"], "auroc_score").axes[1]
    heights = [text.xy[1] for text in right.texts]  # type: ignore[attr-defined]
    assert abs(heights[0] - heights[1]) > 0.01


def test_a_history_without_an_epoch_or_with_one_is_drawn() -> None:
    assert "no epoch finished yet" in words(history_figure([], ["auroc_score"], "auroc_score"))
    assert "best: epoch 1" in words(history_figure(HISTORY[:1], ["auroc_score"], "auroc_score"))


@pytest.mark.parametrize("draw", [roc_figure, precision_recall_figure])
@pytest.mark.parametrize("labels", [[], [1, 1, 1], [0, 0, 0]])
def test_one_class_says_that_there_is_no_curve(draw: Callable[..., Figure], labels: list[int]) -> None:
    figure = draw(np.linspace(0.1, 0.9, len(labels)), labels, np.arange(len(labels)), threshold=0.5)
    assert "one class only" in words(figure)


@pytest.mark.parametrize("draw", [roc_figure, precision_recall_figure, reliability_figure, net_benefit_figure])
@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_too_few_xrays_for_a_band_are_drawn_without_one(draw: Callable[..., Figure], count: int) -> None:
    p, y, who = (array[:count] for array in cases())
    assert png_bytes(draw(p, y, who)).startswith(b"\x89PNG")


def test_the_same_data_give_the_same_picture() -> None:
    assert png_bytes(roc_figure(*cases(), threshold=0.4)) == png_bytes(roc_figure(*cases(), threshold=0.4))


@pytest.mark.parametrize("count", [9, 14, 24])
@pytest.mark.parametrize("seed", range(4))
def test_on_few_xrays_the_threshold_covers_neither_the_key_nor_its_heading(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 3 == 0
    p = rng.random(count) * 0.8 + 0.2 * y
    for figure in (
        roc_figure(p, y, np.arange(count), float(np.quantile(p, 0.6)), {"view alone": rng.random(count).round(1)}, 0.18),
        precision_recall_figure(p, y, np.arange(count), float(np.quantile(p, 0.6)), 0.18),
    ):
        (said,) = [text for text in figure.axes[0].texts if text.get_text().startswith("at ")]
        assert "(calibrated 0.18)" in said.get_text()
        for other in figure.axes[0].texts:
            shared = None if other is said else Bbox.intersection(words_extent(said), other.get_window_extent())
            assert shared is None or shared.width * shared.height < 1, other.get_text()


def test_calibration_and_net_benefit_give_the_threshold_in_both_scales() -> None:
    p, y, who = cases()
    for figure in (reliability_figure(p, y, who, p, chosen=(0.25, 0.41)), net_benefit_figure(p, y, who, chosen=(0.25, 0.41))):
        said = words(figure)
        assert "(network's 0.41)" in said
        assert "0.25" in said or "25\xa0%" in said
