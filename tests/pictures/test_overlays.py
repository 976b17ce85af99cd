"""X-rays stay what they are under a heat-map, boxes lie where they should, and names cannot break a picture."""

import os
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from PIL import Image

from radlearn.errors import BadSetting
from radlearn.pictures.outlines import BOX
from radlearn.pictures.overlays import (
    SEEN_FROM,
    XrayPanel,
    blended,
    outcome,
    probability_panel,
    shortened,
    write_overlay,
    xray_grid,
    xray_picture,
)
from radlearn.pictures.style import WRONG, png_bytes, save_png

XRAY = np.linspace(0, 1, 64 * 48).reshape(64, 48)


def test_where_the_heat_is_weak_the_xray_is_untouched_and_where_it_is_strong_it_is_coloured() -> None:
    heat = np.zeros((64, 48))
    heat[:, 24:] = 1
    plain, over = blended(XRAY, None), blended(XRAY, heat)
    assert np.array_equal(over[:, :24], plain[:, :24])
    assert np.all(over[:, 24:, 0] > over[:, 24:, 2])
    assert np.array_equal(blended(XRAY, np.full((64, 48), SEEN_FROM - 0.01)), plain)


def test_an_xray_without_heat_is_grey_with_its_whole_range() -> None:
    plain = blended(XRAY, None)
    assert plain.dtype == np.uint8
    assert plain.shape == (64, 48, 3)
    assert np.array_equal(plain[..., 0], plain[..., 2])
    assert (plain.min(), plain.max()) == (0, 255)


def test_a_small_heat_map_is_stretched_over_the_xray_the_right_way_round() -> None:
    heat = np.zeros((8, 6))
    heat[1, 4] = 1
    changed = (blended(np.full((64, 48), 0.5), heat) != blended(np.full((64, 48), 0.5), None)).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert rows.mean() == pytest.approx(1.5 * 8 - 0.5, abs=1)
    assert columns.mean() == pytest.approx(4.5 * 8 - 0.5, abs=1)


def test_a_heat_map_that_is_no_number_shows_nothing_and_one_out_of_range_is_clipped() -> None:
    assert np.array_equal(blended(XRAY, np.full((4, 4), np.nan)), blended(XRAY, None))
    assert np.array_equal(blended(XRAY, np.full((64, 48), 7.0)), blended(XRAY, np.ones((64, 48))))


@pytest.mark.parametrize(("xray", "heat"), [(XRAY[None], None), (XRAY, XRAY[None])])
def test_a_channel_too_many_is_refused(xray: np.ndarray, heat: np.ndarray | None) -> None:
    with pytest.raises(BadSetting, match=r"\(1, 64, 48\).*\(height, width\)"):
        blended(xray, heat)


def test_boxes_are_scaled_from_the_xray_they_were_drawn_on() -> None:
    figure = xray_grid([XrayPanel(XRAY, boxes_xyxy_px=[(256, 512, 512, 1024)], box_canvas_px=(1024, 1024))])
    box = next(patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle))
    assert box.get_xy() == pytest.approx((0.25 * 48 - 0.5, 0.5 * 64 - 0.5))
    assert (box.get_width(), box.get_height()) == pytest.approx((0.25 * 48, 0.5 * 64))
    assert box.get_edgecolor()[:3] == pytest.approx(to_rgb(BOX))


def test_xrays_keep_their_aspect_and_stand_in_rows() -> None:
    figure = xray_grid([XrayPanel(XRAY, title=f"X-ray {i}") for i in range(5)], columns=3)
    places = [axes.get_position() for axes in figure.axes]
    assert len(places) == 5
    assert places[0].y0 == pytest.approx(places[2].y0)
    assert places[3].y1 < places[0].y0
    width, height = figure.get_size_inches()
    for place in places:
        assert (place.height * height) / (place.width * width) == pytest.approx(64 / 48, rel=0.02)


def test_beside_each_xray_stands_the_plain_one_if_asked() -> None:
    heat = np.ones((64, 48))
    figure = xray_grid([XrayPanel(XRAY, heat)], with_plain=True)
    # The scale of the colours is the first of the axes.
    plain, over = (np.asarray(axes.images[0].get_array()) for axes in figure.axes[1:])
    assert np.array_equal(plain, blended(XRAY, None))
    assert np.array_equal(over, blended(XRAY, heat))


def test_an_prediction_says_its_probability_and_outcome_and_mistakes_stand_out() -> None:
    missed, found = (probability_panel(XRAY, None, p, True, 0.5, "id") for p in (0.3, 0.7))
    assert (missed.title, missed.wrong, found.title, found.wrong) == ("0.30  false negative", True, "0.70  true positive", False)
    figure = xray_grid([missed, found, found])
    colours = {text.get_text(): text.get_color() for text in figure.texts}
    assert colours["0.30  false negative"] == WRONG
    assert colours["0.70  true positive"] != WRONG
    assert outcome(0.5, False, 0.5) == "false positive"
    assert outcome(0.49, False, 0.5) == "true negative"


def test_hostile_names_are_drawn_as_they_are() -> None:
    figure = xray_grid([XrayPanel(XRAY, title="$\\frac{", note="<b>&\\n" + "9" * 200)])
    assert png_bytes(figure).startswith(b"\x89PNG")
    assert figure.texts[0].get_text() == "$\\frac{"


def test_no_xrays_say_so() -> None:
    assert xray_grid([]).axes[0].texts[0].get_text() == "no such X-ray"


def test_a_long_name_keeps_both_ends() -> None:
    assert shortened("short", 10) == "short"
    long = shortened("1.2.840.113619.2.55.3.604688119.971", 15)
    assert len(long) == 15
    assert long.startswith("1.2.840")
    assert long.endswith("119.971")


@pytest.mark.parametrize("shape", [(64, 48), (48, 64), (256, 256), (1, 1)])
def test_an_overlay_file_holds_xray_and_heat_map_side_by_side_at_their_aspect(tmp_path: Path, shape: tuple[int, int]) -> None:
    xray = np.full(shape, 0.5)
    path = write_overlay(tmp_path / "new" / "a.png", xray, np.ones((4, 4)), "id " * 60, "probability 0.83: opacity")
    sheet = np.asarray(Image.open(path))
    scale = 560 / max(shape)
    width, height = round(shape[1] * scale), round(shape[0] * scale)
    assert sheet.shape[1] == max(2 * width + 6, 420)
    assert np.all(sheet[:height, :width] == 128)
    # Below it lies the scale of the colours.
    assert np.all(sheet[: height - 40, width + 6 : 2 * width + 6, 0] > 140)
    assert (sheet[height + 10 :] < 100).any()


def test_an_overlay_without_heat_map_is_the_xray_alone(tmp_path: Path) -> None:
    sheet = np.asarray(Image.open(write_overlay(tmp_path / "a.png", np.full((60, 60), 0.5), None, "name")))
    assert sheet.shape[1] == 560
    assert np.all(sheet[:560, :560] == 128)


def test_heat_maps_come_with_the_scale_of_their_colours() -> None:
    figure = xray_grid([XrayPanel(XRAY, np.full((64, 48), 0.65))])
    scale, over = figure.axes
    assert [tick.get_text() for tick in scale.get_xticklabels()] == ["0.3", "0.5", "0.75", "1"]
    assert "heat, on the scale of the probability; below 0.3 nothing is drawn" in scale.texts[0].get_text()
    # The colour at 0.65 on the scale, laid over black, is that of a map of 0.65 on a black X-ray.
    colours = np.asarray(scale.images[0].get_array())
    at = colours[0, round((0.65 - 0.3) / 0.7 * (colours.shape[1] - 1))]
    black = blended(np.zeros((4, 4)), np.full((4, 4), 0.65))[0, 0]
    np.testing.assert_allclose(black / black.max(), at / at.max(), atol=0.02)
    assert over.get_position().y0 > scale.get_position().y1
    assert len(xray_grid([XrayPanel(XRAY)]).axes) == 1


def test_the_overlay_of_a_file_holds_the_scale_and_a_plain_one_does_not(tmp_path: Path) -> None:
    warm = np.asarray(Image.open(write_overlay(tmp_path / "a.png", np.full((60, 60), 0.5), np.zeros((60, 60)), "name")), int)
    plain = np.asarray(Image.open(write_overlay(tmp_path / "b.png", np.full((60, 60), 0.5), None, "name")), int)
    # A map without heat leaves the X-ray grey, so what is coloured is the scale.
    coloured = np.ptp(warm, axis=2) > 60
    assert 900 < coloured.sum() <= 1200
    assert not (np.ptp(plain, axis=2) > 60).any()


def test_names_that_are_not_utf8_can_be_drawn_by_both_libraries(tmp_path: Path) -> None:
    name, pixels = os.fsdecode(b"M\xfcller.dcm"), np.zeros((20, 30))
    write_overlay(tmp_path / "a.png", pixels, None, name, name)
    save_png(xray_grid([XrayPanel(pixels, title=name, note=name)]), tmp_path / "b.png")
    assert shortened(name, 99) == "M\\xfcller.dcm"
    assert len(list(tmp_path.glob("*.png"))) == 2


@pytest.mark.parametrize("canvas_px", [(600, 1000), (1000, 600), (3000, 2500)])
def test_an_xray_that_was_stretched_to_a_square_is_drawn_in_its_own_shape(canvas_px: tuple[int, int]) -> None:
    # A circle in the patient, which the square shows as an ellipse.
    height, width = canvas_px
    rows, columns = np.mgrid[:128, :128] / 127 - 0.5
    disc = (np.hypot(rows * height, columns * width) < 0.3 * min(height, width)).astype(float)
    picture = np.asarray(xray_picture(disc, canvas_px=canvas_px))[..., 0] > 127
    assert max(picture.shape) == 560
    assert picture.shape[0] / picture.shape[1] == pytest.approx(height / width, rel=0.01)
    across, down = (np.flatnonzero(picture.any(axis=axis)) for axis in (0, 1))
    assert np.ptp(across) == pytest.approx(np.ptp(down), abs=0.04 * max(picture.shape))
