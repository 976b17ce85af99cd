"""Pictures of several labels."""

import numpy as np
import pytest

from radlearn.errors import BadSetting
from radlearn.pictures.labels import co_occurrence_figure, reliability_multiples, roc_multiples

LABELS = {"mass": np.array([1, 0, np.nan, 1, 0]), "effusion": np.array([0, 1.0, 0, 0, 1])}
P = {"mass": np.array([0.9, 0.2, 0.5, 0.6, 0.4]), "effusion": np.array([0.1, 0.8, 0.4, 0.3, 0.2])}


def test_the_matrix_writes_its_counts_and_is_darker_for_larger_shares() -> None:
    figure = co_occurrence_figure(["mass", "effusion"], [[4, 1], [1, 2]])
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.texts] == ["4", "1", "1", "2"]
    colours = np.asarray(axes.images[0].get_array())
    # One of four with a mass has an effusion, and one of two with an effusion a mass.
    assert colours[0, 0].sum() < colours[1, 0].sum() < colours[0, 1].sum()
    with pytest.raises(BadSetting, match="one row and one column for each"):
        co_occurrence_figure(["mass"], [[1, 2]])


def test_a_roc_curve_leaves_out_what_is_not_known() -> None:
    figure = roc_multiples(P, LABELS, {"mass": "AUROC 1.00", "effusion": "AUROC 0.67"}, P)
    first = figure.axes[0]
    assert first.get_title(loc="left") == "mass"
    model = first.lines[-1]
    assert (np.asarray(model.get_xdata())[-1], np.asarray(model.get_ydata())[-1]) == (1, 1)
    # Both with a mass rank above both without one.
    assert [0.0, 1.0] in np.column_stack([model.get_xdata(), model.get_ydata()]).tolist()


def test_a_reliability_curve_has_a_point_for_each_bin_that_is_not_empty() -> None:
    figure = reliability_multiples(P, LABELS, dict.fromkeys(P, ""), bins=2)
    points = np.asarray(figure.axes[0].collections[0].get_offsets())
    assert points.tolist() == [[pytest.approx(0.3), 0.0], [pytest.approx(0.75), 1.0]]


def test_without_labels_each_picture_says_so() -> None:
    for figure in (co_occurrence_figure([], np.zeros((0, 0))), roc_multiples({}, {}, {}, {}), reliability_multiples({}, {}, {})):
        assert figure.axes[0].texts[0].get_text().startswith("no label")
