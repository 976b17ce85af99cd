"""An X-ray is shown twice, once untouched; an outcome is counted rightly; a recall stands beside its false boxes."""

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radlearn.metrics.boxes import FoundBoxes, no_boxes
from radlearn.metrics.intervals import Interval
from radlearn.pictures.boxes import BoxGroup, box_group_figure, box_panel, box_size_figure, size_ratios, write_box_overlay
from radlearn.pictures.overlays import xray_grid
from radlearn.pictures.style import WRONG, png_bytes

NO_SCORE = Interval(math.nan)
TRUE = ((100.0, 100.0, 200.0, 300.0),)


@pytest.mark.parametrize("shape", [(64, 48), (48, 64), (256, 256)])
def test_beside_the_plain_xray_stands_the_one_with_boxes(tmp_path: Path, shape: tuple[int, int]) -> None:
    found = FoundBoxes(np.array([[0.25 * shape[1], 0.25 * shape[0], 0.75 * shape[1], 0.75 * shape[0]]]), np.array([0.9]))
    path = write_box_overlay(tmp_path / "new" / "a.png", np.full(shape, 0.5), found, shape, "id", "1 box")
    sheet = np.asarray(Image.open(path))
    scale = 560 / max(shape)
    width, height = round(shape[1] * scale), round(shape[0] * scale)
    assert np.all(sheet[:height, :width] == 128)
    boxed = sheet[:height, width + 6 : 2 * width + 6]
    rows, columns = np.nonzero((boxed != 128).any(axis=2))
    assert rows.max() == pytest.approx(0.75 * height, abs=3)
    assert (columns.min(), columns.max()) == (pytest.approx(0.25 * width, abs=3), pytest.approx(0.75 * width, abs=3))


def test_an_xray_on_which_nothing_was_found_is_shown_twice_and_unchanged(tmp_path: Path) -> None:
    sheet = np.asarray(Image.open(write_box_overlay(tmp_path / "a.png", np.full((60, 60), 0.5), no_boxes(), (60, 60), "id")))
    assert np.all(sheet[:560, :560] == 128)
    assert np.all(sheet[:560, 566:1126] == 128)


def test_an_xray_says_its_score_its_hits_and_its_false_boxes() -> None:
    xray = np.full((32, 32), 0.5)
    found = FoundBoxes(np.array([[100.0, 100, 200, 300], [500, 500, 600, 600]]), np.array([0.9, 0.3]))
    both = box_panel(xray, found, TRUE, (1024, 1024), 0.5)
    right = box_panel(xray, FoundBoxes(found.boxes_xyxy_px[:1], found.confidences[:1]), TRUE, (1024, 1024), 1.0)
    healthy = box_panel(xray, found, (), (1024, 1024), 0.0)
    alone = box_panel(xray, no_boxes(), (), (1024, 1024), math.nan)
    assert [panel.title for panel in (both, right, healthy, alone)] == [
        "0.50  1 of 1 hit, 1 false",
        "1.00  1 of 1 hit",
        "2 false boxes",
        "no box",
    ]
    assert [panel.wrong for panel in (both, right, healthy, alone)] == [True, False, True, False]
    figure = xray_grid([both, right])
    assert [text.get_text() for text in figure.axes[0].texts] == ["0.90", "0.30"]
    assert next(text for text in figure.texts if text.get_text().startswith("0.50")).get_color() == WRONG


def test_sizes_are_those_of_the_true_box_that_is_hit() -> None:
    found = FoundBoxes(np.array([[500.0, 500, 600, 600], [100, 100, 190, 350], [400, 100, 500, 200]]), np.array([0.9, 0.8, 0.7]))
    truth = [[400.0, 100, 500, 190], [100, 100, 200, 300]]
    ratios = size_ratios([no_boxes(), found], [[TRUE[0]], truth])
    assert ratios == pytest.approx(np.array([[0.9, 1.25], [1.0, 100 / 90]]))
    said = [text.get_text() for text in box_size_figure([found], [truth]).axes[0].texts]
    assert said == ["2 boxes that hit", "median: width 0.95, height 1.18"]


def test_no_hit_has_no_size() -> None:
    assert size_ratios([no_boxes()], [[TRUE[0]]]).shape == (0, 2)
    assert box_size_figure([no_boxes()], [[TRUE[0]]]).axes[0].texts[0].get_text() == "no box hits a true one"


def test_every_group_shows_sensitivity_and_false_boxes_side_by_side() -> None:
    score = Interval(0.2, 0.1, 0.3)
    groups = [BoxGroup("AP", 10, 20, 7, score, Interval(0.5), Interval(0.25, 0.2, 0.3)), BoxGroup("PA", 0, 0, 0, *[NO_SCORE] * 3)]
    figure = box_group_figure(groups, groups[0], "Toy score")
    said = [text.get_text() for text in figure.texts]
    assert {"Toy score", "sensitivity", "false boxes per X-ray", "AP", "PA", "10", "20", "7"} <= set(said)
    assert len(figure.axes) == 3
    for axes in figure.axes:
        assert [text.get_text() for text in axes.texts] == ["–"]
    values = [axes.lines[-1].get_xdata()[0] for axes in figure.axes]
    assert values == [0.2, 0.5, 0.25]


def test_no_group_is_no_trouble() -> None:
    whole = BoxGroup("all", 0, 0, 0, *[NO_SCORE] * 3)
    assert png_bytes(box_group_figure([], whole, "Toy score")).startswith(b"\x89PNG")
