"""Label maps on their images: each class in its colour, where it is, whatever the size of the image."""

from pathlib import Path

import numpy as np
from matplotlib.collections import LineCollection
from PIL import Image

from radlearn.pictures.label_maps import BAR_PX, LabelledImage, class_colour, labelled_grid, write_label_overlay
from radlearn.scans.label_map_files import colour_of

IMAGE, LABELS = np.full((60, 80), 0.3), np.zeros((60, 80), np.uint8)
LABELS[10:20, 10:30], LABELS[40:50, 50:70] = 1, 2


def test_every_border_is_drawn_once_solid_and_once_dashed() -> None:
    panels = [LabelledImage(IMAGE, LABELS, np.roll(LABELS, 2, axis=0), f"image {number}", "Dice: 0.8") for number in range(4)]
    figure = labelled_grid(panels, ["nerve", "vessel"])
    drawn = [axes for axes in figure.axes if axes.images]
    assert len(drawn) == 4
    for axes in drawn:
        lines = [one for one in axes.collections if isinstance(one, LineCollection)]
        assert [len(one.get_segments()) for one in lines] == [1, 1, 1, 1]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["nerve", "vessel", "true", "found"]
    assert class_colour(1) != class_colour(2)


def test_an_overlay_shows_each_class_where_it_is_and_names_it_below(tmp_path: Path) -> None:
    path = write_label_overlay(tmp_path / "a.png", IMAGE, LABELS, ["nerve", "vessel"], "nerve 4.2 %, vessel 4.2 % of the image")
    with Image.open(path) as image:
        pixels = np.asarray(image).astype(int)
    # Enlarged to 480 columns, six times.
    assert pixels.shape == (360 + BAR_PX, 480, 3)
    grey = np.full(3, round(0.3 * 255))
    assert np.abs(pixels[30 * 6, 5 * 6] - grey).max() <= 1
    for number, (row, column) in ((1, (15, 20)), (2, (45, 60))):
        tinted = pixels[row * 6, column * 6] - grey
        assert np.dot(tinted, np.array(colour_of(number)) - grey) > 0
        assert np.abs(tinted).max() > 10


def test_words_that_are_too_long_are_cut_before_they_cover_a_name(tmp_path: Path) -> None:
    short = write_label_overlay(tmp_path / "a.png", IMAGE, LABELS, ["nerve"], "")
    long = write_label_overlay(tmp_path / "b.png", IMAGE, LABELS, ["nerve"], "much too long for such a small image " * 5)
    bars = [np.asarray(Image.open(path))[-BAR_PX:, :70] for path in (short, long)]
    assert np.array_equal(*bars)
