"""A slice hangs the right way round, at its true proportions, in two windows, with borders where the masks are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.collections import LineCollection

from radlearn.errors import BadSetting
from radlearn.pictures.slices import (
    LUNG_WINDOW_HU,
    SOFT_TISSUE_WINDOW_HU,
    SlicePanel,
    axial,
    axial_panel,
    coronal,
    slice_grid,
    windowed,
)
from radlearn.pictures.style import WRONG, png_bytes

HU = np.linspace(-1000, 400, 60 * 80).reshape(60, 80)
NOTHING = np.zeros((60, 80), bool)
# Along i to the left, j to the back, k to the head.
LEFT, BACK, HEAD = np.indices((4, 5, 6))


@given(st.floats(-5000, 5000))
def test_a_window_says_what_radiologists_mean_by_centre_and_width(hu: float) -> None:
    for window, centre, width in ((LUNG_WINDOW_HU, -600, 1500), (SOFT_TISSUE_WINDOW_HU, 40, 400)):
        grey = float(windowed(np.array(hu), window))
        assert grey == pytest.approx(min(max((hu - centre) / width + 0.5, 0), 1), abs=1e-5)


def test_whole_numbers_do_not_overflow_and_a_window_upside_down_is_refused() -> None:
    assert windowed(np.array([-32768, 32767], np.int16), LUNG_WINDOW_HU).tolist() == [0, 1]
    with pytest.raises(BadSetting, match="lower end before its upper end"):
        windowed(HU, (150, -1350))


def test_the_front_is_on_top_and_the_right_of_the_patient_on_the_left() -> None:
    assert np.all(np.diff(axial(BACK, 2), axis=0) == 1)
    assert np.all(np.diff(axial(LEFT, 2), axis=1) == 1)
    assert np.all(axial(HEAD, 2) == 2)
    assert np.all(np.diff(coronal(HEAD, 1), axis=0) == -1)
    assert np.all(np.diff(coronal(LEFT, 1), axis=1) == 1)
    assert np.all(coronal(BACK, 1) == 1)


def test_the_panel_of_a_volume_is_its_fullest_slice() -> None:
    truth, found = np.zeros((4, 5, 6), bool), np.zeros((4, 5, 6), bool)
    truth[0, :2, 1], found[1, :3, 4] = True, True
    panel = axial_panel(HEAD, truth, found, (0.7, 0.8, 5.0), "0.00  A-1", True)
    assert np.all(panel.hu == 4)
    assert panel.note == "slice 5 of 6"
    assert panel.spacing_mm == (0.8, 0.7)
    assert panel.found is not None
    assert np.argwhere(panel.found).tolist() == [[0, 1], [1, 1], [2, 1]]
    assert axial_panel(HEAD, None, None, (1, 1, 1)).note == "slice 4 of 6"


def test_every_slice_is_shown_in_both_windows_at_its_true_proportions() -> None:
    figure = slice_grid([SlicePanel(HU, NOTHING, None, (1.0, 0.5)), SlicePanel(HU, None, None, (0.5, 0.5))])
    assert len(figure.axes) == 4
    lung, soft, *_ = (np.asarray(axes.images[0].get_array()) for axes in figure.axes)
    assert np.array_equal(lung, windowed(HU, LUNG_WINDOW_HU))
    assert np.array_equal(soft, windowed(HU, SOFT_TISSUE_WINDOW_HU))
    width, height = figure.get_size_inches()
    for axes, ratio in zip(figure.axes, (60 / 40, 60 / 40, 60 / 80, 60 / 80), strict=True):
        place = axes.get_position()
        assert (place.height * height) / (place.width * width) == pytest.approx(ratio, rel=0.02)


def test_the_scale_bar_is_as_long_as_it_says() -> None:
    for across_mm, words in ((2.0, "5 cm"), (0.5, "1 cm")):
        axes = slice_grid([SlicePanel(HU, None, None, (2.0, across_mm))]).axes[0]
        (bar,) = (line for line in axes.lines if line.get_gid() == "scale bar")
        length_px = np.ptp(bar.get_xdata())
        assert length_px * across_mm == pytest.approx(10 * int(words[0]))
        assert {"R", "L", words} == {text.get_text() for text in axes.texts}
        assert axes.get_xlim() == (-0.5, 79.5)


def test_borders_are_drawn_on_both_and_a_bad_one_stands_out() -> None:
    mask = NOTHING.copy()
    mask[0, 0] = True
    figure = slice_grid(
        [SlicePanel(HU, mask, mask, (1, 1), "0.21  A-7", "slice 1 of 2", bad=True), SlicePanel(HU, None, None, (1, 1), "fine")]
    )
    for axes in figure.axes[:2]:
        assert [len(part.get_segments()) for part in axes.collections if isinstance(part, LineCollection)] == [1, 1]
    colours = {text.get_text(): text.get_color() for text in figure.texts}
    assert colours["0.21  A-7"] == WRONG
    assert colours["fine"] != WRONG
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["true border", "found border"]


def test_without_a_truth_the_legend_does_not_speak_of_one() -> None:
    assert [text.get_text() for text in slice_grid([SlicePanel(HU, None, NOTHING, (1, 1))]).legends[0].get_texts()] == ["found border"]
    assert not slice_grid([SlicePanel(HU, None, None, (1, 1))]).legends


def test_eight_slices_stand_in_four_rows_and_none_say_so() -> None:
    figure = slice_grid([SlicePanel(HU, NOTHING, NOTHING, (1, 1), "$\\frac{", "9" * 200) for _ in range(8)])
    assert len({round(axes.get_position().y1, 3) for axes in figure.axes}) == 4
    assert png_bytes(figure).startswith(b"\x89PNG")
    assert slice_grid([]).axes[0].texts[0].get_text() == "no such slice"


@pytest.mark.parametrize(
    ("hu", "mask", "spacing", "words"),
    [
        (HU[None], None, (1, 1), r"hu of shape \(1, 60, 80\)"),
        (HU, NOTHING.T, (1, 1), r"truth of shape \(80, 60\) for a slice of shape \(60, 80\)"),
        (HU, NOTHING, (1, 0), "two numbers above 0"),
        (HU, NOTHING, (1, 1, 5), "two numbers above 0"),
    ],
)
def test_what_cannot_be_drawn_is_refused_at_once(hu: np.ndarray, mask: np.ndarray, spacing: tuple[float, float], words: str) -> None:
    with pytest.raises(BadSetting, match=words):
        SlicePanel(hu, mask, None, spacing)
