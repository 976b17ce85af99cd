"""Labels keep apart and on the X-ray; boxes lie where they were found, distinguishable without colour."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from radlearn.metrics.boxes import FoundBoxes, no_boxes
from radlearn.pictures.outlines import BOX, FOUND, label_places, outline_found, outline_true, painted_found

TWO = FoundBoxes(np.array([[100.0, 200, 300, 500], [600, 0, 1024, 300]]), np.array([0.834, 0.1]))
GREY = Image.fromarray(np.full((560, 560, 3), 128, np.uint8))


def rectangles(figure: Figure) -> list[Rectangle]:
    return [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]


@given(st.lists(st.tuples(*[st.floats(0, 1)] * 4), max_size=4))
def test_labels_stay_on_the_xray_and_a_few_never_cover_each_other(corners: list[tuple[float, ...]]) -> None:
    boxes = np.array([[min(a, c), min(b, d), max(a, c), max(b, d)] for a, b, c, d in corners]).reshape(-1, 4)
    places = label_places(boxes, (0.1, 0.05))
    assert places.shape == (len(boxes), 2)
    assert np.all(places >= 0)
    assert np.all(places <= [0.9 + 1e-9, 0.95 + 1e-9])


def test_boxes_on_one_spot_have_their_labels_apart() -> None:
    places = label_places(np.array([[0.2, 0.3, 0.7, 0.8]] * 4), (0.1, 0.05))
    apart = np.abs(places[:, None] - places[None])
    covered = (apart[..., 0] < 0.1 - 1e-9) & (apart[..., 1] < 0.05 - 1e-9)
    assert covered.sum() == 4


def test_drawn_boxes_are_scaled_and_only_the_found_ones_are_broken_and_labelled() -> None:
    figure = Figure()
    axes = figure.subplots()
    outline_true(axes, [(256, 512, 512, 1024)], (64, 48), (1024, 1024))
    outline_found(axes, TWO, (64, 48), (1024, 1024))
    true, first, *_ = rectangles(figure)
    assert true.get_xy() == pytest.approx((0.25 * 48 - 0.5, 0.5 * 64 - 0.5))
    assert true.get_linestyle() == "solid"
    assert first.get_linestyle() != "solid"
    assert true.get_edgecolor()[:3] == pytest.approx(to_rgb(BOX))
    assert first.get_edgecolor()[:3] == pytest.approx(to_rgb(FOUND))
    assert (first.get_width(), first.get_height()) == pytest.approx((200 / 1024 * 48, 300 / 1024 * 64))
    assert [text.get_text() for text in axes.texts] == ["0.83", "0.10"]


def test_painted_boxes_lie_where_they_were_found_and_leave_the_rest_of_the_xray() -> None:
    before, after = np.asarray(GREY), np.asarray(painted_found(GREY, TWO, (1024, 1024)))
    changed = (before != after).any(axis=2)
    rows, columns = np.nonzero(changed[:, :200])
    assert (columns.min(), columns.max()) == (pytest.approx(100 * 560 / 1024, abs=2), pytest.approx(300 * 560 / 1024, abs=2))
    assert rows.max() == pytest.approx(500 * 560 / 1024, abs=2)
    assert not changed[300:, 300:].any()
    assert not changed[150:250, 80:150].any()


def test_painting_nothing_changes_nothing_and_never_the_picture_given() -> None:
    kept = np.asarray(GREY).copy()
    painted_found(GREY, TWO, (1024, 1024))
    assert np.array_equal(np.asarray(GREY), kept)
    assert np.array_equal(np.asarray(painted_found(GREY, no_boxes(), (1024, 1024))), kept)


def test_a_box_smaller_than_its_line_is_painted_all_the_same() -> None:
    tiny = FoundBoxes(np.array([[500.0, 500, 501, 501]]), np.array([0.5]))
    assert painted_found(GREY, tiny, (1024, 1024)).size == GREY.size
