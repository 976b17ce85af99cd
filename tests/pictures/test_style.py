"""Pictures look the same whatever ran before them, and the same figure is the same file."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from PIL import Image

from radlearn.pictures import style
from radlearn.pictures.style import blank, in_house_style, png_bytes, save_png, unit_square


@in_house_style
def a_picture() -> Figure:
    figure = blank(3, 3)
    unit_square(figure.subplots(), "x", "y")
    return figure


def test_the_users_own_matplotlib_settings_neither_change_a_picture_nor_are_changed() -> None:
    plain = png_bytes(a_picture())
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black", "xtick.labelcolor": "red"}):
        assert png_bytes(a_picture()) == plain
        assert matplotlib.rcParams["font.size"] == 30
        assert matplotlib.rcParams["axes.facecolor"] == "black"


def test_the_same_figure_is_the_same_file(tmp_path: Path) -> None:
    first, second = save_png(a_picture(), tmp_path / "a.png"), save_png(a_picture(), tmp_path / "b.png")
    assert first.read_bytes() == second.read_bytes()
    assert Image.open(first).size == (3 * style.DOTS_PER_INCH, 3 * style.DOTS_PER_INCH)


def test_a_picture_that_cannot_be_drawn_leaves_the_old_one(tmp_path: Path) -> None:
    path = save_png(a_picture(), tmp_path / "a.png")
    before = path.read_bytes()
    broken = a_picture()
    broken.draw = None  # type: ignore[assignment]
    with pytest.raises(TypeError):
        save_png(broken, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_no_figure_is_left_with_pyplot() -> None:
    import matplotlib.pyplot

    before = matplotlib.pyplot.get_fignums()
    a_picture()
    assert matplotlib.pyplot.get_fignums() == before


def test_words_are_dark_enough_to_be_read_on_paper() -> None:
    def luminance(colour: str) -> float:
        channels = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
        return float(np.dot(channels, [0.2126, 0.7152, 0.0722]))

    # 4.5 : 1 for text and 3 : 1 for lines and marks are what WCAG 2.2 asks for.
    for colour in (style.INK, style.MUTED, style.MODEL, style.WRONG):
        assert 1.05 / (luminance(colour) + 0.05) >= 4.5
    for colour in (style.RIVAL, style.POSITIVE, style.NEGATIVE):
        assert 1.05 / (luminance(colour) + 0.05) >= 3


def test_a_score_without_a_spoken_name_is_still_readable() -> None:
    assert style.spoken("dice_score") == "Dice"
    assert style.spoken("false_lesions_per_scan") == "false lesions per scan"


@in_house_style
def marked(x: float, y: float) -> Figure:
    figure, axes = style.single(style.HALF_WIDTH_IN, style.HALF_HEIGHT_IN)
    unit_square(axes, "x", "y")
    key = [("model  0.75 (0.60–0.90)", style.MODEL), ("view alone", style.MUTED), ("chance", style.RIVAL)]
    style.colour_key(axes, key, 0.985, 0.03, right=True)
    axes.annotate("AUROC (95 % interval)", (0.985, 0.03), xytext=(0, 44), xycoords="axes fraction", textcoords="offset points", ha="right")
    style.mark_point(axes, x, y, "at 0.31 (calibrated 0.18):\nsensitivity 0.50, specificity 0.60")
    return figure


@pytest.mark.parametrize("x", np.linspace(0, 1, 6))
@pytest.mark.parametrize("y", np.linspace(0, 1, 6))
def test_the_words_at_a_point_cover_no_others_and_stay_inside(x: float, y: float) -> None:
    (axes,) = marked(x, y).axes
    *others, said = axes.texts
    own, inside = style.words_extent(said), axes.get_window_extent()
    for other in others:
        shared = Bbox.intersection(own, other.get_window_extent())
        assert shared is None or shared.width * shared.height < 1, other.get_text()
    assert inside.x0 - 8 <= own.x0
    assert own.x1 <= inside.x1 + 8
    assert inside.y0 - 8 <= own.y0
    assert own.y1 <= inside.y1 + 8


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("run\udce9", "run\\xe9"), ("IM\x1b[31m", "IM\\x1b[31m"), ("a\x00b", "a\\x00b"), ("\ud800", "\\ud800"), ("Röntgen", "Röntgen"),
    ],
)  # fmt: skip
def test_a_name_that_no_font_draws_is_written_out_wherever_it_stands(name: str, drawn: str) -> None:
    @in_house_style
    def named() -> Figure:
        figure = blank(3, 3)
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], label=name)
        axes.set(title=name, xlabel=name, ylabel=name)
        axes.set_xticks([0, 1], [name, "b"])
        axes.text(0, 0, name)
        figure.suptitle(name)
        figure.text(0, 0, name)
        return figure

    figure = named()
    png_bytes(figure)
    written = [text.get_text() for text in figure.findobj(Text)]  # type: ignore[attr-defined]
    # The title, both axes, a tick, in the axes and twice on the figure.
    assert written.count(drawn) >= 7
    assert name == drawn or name not in written
    # One that was made in no style, and one that was written on afterwards.
    png_bytes(plain := Figure(figsize=(1, 1)))
    plain.text(0, 0, name)
    png_bytes(plain)
    assert plain.texts[0].get_text() == drawn
