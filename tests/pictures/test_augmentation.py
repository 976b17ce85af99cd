"""Each step of an augmentation is shown with its words; texts wrap, and nothing covers anything else."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from radlearn.augmentation.drawn import Drawn, Told
from radlearn.errors import BadSetting
from radlearn.pictures.augmentation import AugmentationRow, AugmentedImage, augmentation_figure, augmentation_row, wrapped
from radlearn.pictures.outlines import FOUND
from radlearn.pictures.style import png_bytes

LONG = "rotated 6.2° clockwise, shifted 3.1 px right and 1.0 px down, zoomed 0.94 in height, 1.08 in width"
XRAY = np.linspace(0, 1, 30 * 40).reshape(1, 30, 40)


def told(*steps: tuple[Drawn, Any]) -> Told:
    return Told(steps[-1][1], [drawn for drawn, _ in steps], [image for _, image in steps])


def flipped(applied: bool = True) -> Drawn:
    return Drawn("RandFlip", applied, {"mirrored": ("width",)} if applied else {"probability": 0.5})


def extents(figure: Figure) -> list[tuple[str, Any]]:
    """Return where each text and each image lies on the page, in pixels."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    texts = [(text.get_text(), text.get_window_extent(renderer)) for text in figure.texts if text.get_text()]
    return texts + [(f"image {number}", axes.get_window_extent(renderer)) for number, axes in enumerate(figure.axes)]


@pytest.mark.parametrize("many", [1, 3, 6, 8, 13])
@pytest.mark.parametrize("shape", [(40, 40), (30, 60), (90, 30)])
def test_nothing_covers_anything_else_or_leaves_the_page(many: int, shape: tuple[int, int]) -> None:
    name = "RandCropByPosNegLabeldWithAnExtraordinarilyLongName"
    image = AugmentedImage(np.zeros(shape), name, LONG + " 1.2.840.113619.2.55.3.604688119.971.1234567890.123456")
    short = AugmentedImage(np.zeros((20, 20)), "RandFlip", "mirrored left–right")
    rows = [AugmentationRow("case " * 60, [image, short] * many, f"{LONG}; " * 6), AugmentationRow("b", [short])]
    figure = augmentation_figure(rows)
    wide, tall = figure.get_size_inches() * figure.dpi
    placed = extents(figure)
    for number, (name, box) in enumerate(placed):
        assert min(box.x0, box.y0, wide - box.x1, tall - box.y1) > -1, name
        for other, beside in placed[number + 1 :]:
            apart = box.x1 <= beside.x0 + 1 or beside.x1 <= box.x0 + 1 or box.y1 <= beside.y0 + 1 or beside.y1 <= box.y0 + 1
            assert apart, (name, other)


def test_a_step_has_an_image_if_it_changed_something_and_else_a_word_in_the_note() -> None:
    mirrored = XRAY[..., ::-1]
    clipped = Drawn("ClampBoundingBoxes", True, {"boxes": 1, "boxes_clipped": 0})
    row = augmentation_row("case, epoch 3", XRAY, told((flipped(), mirrored), (flipped(False), mirrored), (clipped, mirrored)))
    assert [(image.title, image.caption) for image in row.images] == [("original", "30×40 px"), ("RandFlip", "mirrored left–right")]
    assert row.note == "RandFlip not applied (probability 0.5); ClampBoundingBoxes: none of 1 box clipped at the border"
    np.testing.assert_allclose(row.images[1].pixels, mirrored[0])
    figure = augmentation_figure([row])
    assert len(figure.axes) == 2
    np.testing.assert_allclose(np.asarray(figure.axes[1].images[0].get_array()), mirrored[0])
    assert {"case, epoch 3", "original", "RandFlip", "mirrored left–right"} <= {text.get_text() for text in figure.texts}
    assert png_bytes(figure).startswith(b"\x89PNG")


def test_a_wide_caption_is_wrapped_and_says_every_word() -> None:
    step = Drawn("RandAffine", True, {"rotated_clockwise_degrees": 6.2, "zoomed_height": 0.9, "zoomed_width": 1.1, "shifted_right_px": 3.0})
    row = augmentation_row("case", XRAY, told(*[(step, np.roll(XRAY, number + 1)) for number in range(5)]))
    figure = augmentation_figure([row])
    lines = [text.get_text() for text in figure.texts]
    said = "rotated 6.2° clockwise, shifted 3.0 px right, zoomed 0.90 in height, 1.10 in width"
    assert said not in lines
    assert said in " ".join(lines)


def test_a_volume_is_shown_at_its_middle_slice_as_seen_from_the_feet_with_its_mask() -> None:
    volume, mask = np.zeros((1, 8, 10, 6)), np.zeros((1, 8, 10, 6))
    volume[0, 6, 2, 3], mask[0, 6, 2, 3], volume[0, 1, 1, 2] = 1, 1, 1
    item = {"image": volume, "mask": mask}
    row = augmentation_row("ct", item, told((flipped(False), item)), spacing_mm=(1.0, 2.0, 5.0))
    (original,) = row.images
    # Column 6 is far to the patient's left, row 2 near the front.
    assert np.argwhere(original.pixels).tolist() == [[2, 6]]
    assert original.mask is not None
    assert np.argwhere(original.mask).tolist() == [[2, 6]]
    assert original.caption == "8×10×6 voxels, slice 4 of 6, mask outlined"
    assert original.aspect == 2.0
    axes = augmentation_figure([row]).axes[0]
    assert [len(part.get_segments()) for part in axes.collections if isinstance(part, LineCollection)] == [1]
    place, size = axes.get_position(), axes.figure.get_size_inches()
    assert place.height * size[1] / (place.width * size[0]) == pytest.approx(10 * 2.0 / 8, rel=0.01)


def test_boxes_are_drawn_where_each_step_left_them() -> None:
    first, second = np.array([[2.0, 3, 10, 12]]), np.array([[30.0, 3, 38, 12]])
    item, after = {"image": XRAY, "boxes": first}, {"image": XRAY[..., ::-1], "boxes": second}
    row = augmentation_row("x", item, told((flipped(), after)))
    assert row.images[0].caption == "30×40 px, 1 box"
    figure = augmentation_figure([row])
    corners = [axes.patches[0].get_xy() for axes in figure.axes if isinstance(axes.patches[0], Rectangle)]
    assert corners == [(1.5, 2.5), (29.5, 2.5)]


def test_a_patch_is_framed_in_the_scan_at_its_own_level() -> None:
    scan = {"image": np.random.default_rng(0).random((1, 20, 24, 12)), "mask": np.zeros((1, 20, 24, 12))}
    patches = [{"image": scan["image"][:, 3:11, 5:15, 7:11], "mask": scan["mask"][:, 3:11, 5:15, 7:11]}, {"image": np.ones((1, 8, 10, 4))}]
    values = {"patch_voxels": (8, 10, 4), "patch_first": (3, 5, 7), "patch_centre": (7, 10, 9)}
    crops = [Drawn("RandCropByPosNegLabeld", True, values, (0,)), Drawn("RandCropByPosNegLabeld", True, values, (1,))]
    later = Drawn("RandScaleIntensityd", True, {"intensity_factor": 0.5}, (0,))
    dark = {**patches[0], "image": 0.5 * patches[0]["image"]}
    everything = told((crops[0], patches[0]), (crops[1], patches[1]), (later, dark))
    row = augmentation_row("ct", scan, everything, sample=(0,))
    assert [image.title for image in row.images] == ["original", "RandCropByPosNegLabeld", "RandScaleIntensityd"]
    assert row.images[0].patch_xyxy_px == (3, 5, 11, 15)
    # The slice of the scan is the middle slice of the patch.
    np.testing.assert_allclose(row.images[0].pixels[5:15, 3:11], row.images[1].pixels)
    frame = augmentation_figure([row]).axes[0].patches[-1]
    assert isinstance(frame, Rectangle)
    assert (frame.get_xy(), frame.get_width(), frame.get_height()) == ((2.5, 4.5), 8, 10)
    assert frame.get_edgecolor()[:3] == pytest.approx([int(FOUND[start : start + 2], 16) / 255 for start in (1, 3, 5)])


def test_one_scale_of_grey_serves_the_whole_row() -> None:
    hu = -1000 + 1400 * XRAY
    row = augmentation_row("hu", hu, told((Drawn("RandShiftIntensity", True, {"intensity_shift": 700.0}), hu + 700)))
    np.testing.assert_allclose(row.images[0].pixels, XRAY[0])
    np.testing.assert_allclose(row.images[1].pixels, np.clip(XRAY[0] + 0.5, 0, 1))


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=80), st.floats(0.3, 3.0))
def test_wrapped_lines_hold_every_letter_in_order(text: str, width_in: float) -> None:
    assert "".join("".join(wrapped(text, width_in, 8)).split()) == "".join(text.split())


def test_what_cannot_be_drawn_is_refused_at_once_and_nothing_says_so() -> None:
    with pytest.raises(BadSetting, match=r"pixels of shape \(1, 30, 40\)"):
        AugmentedImage(XRAY)
    with pytest.raises(BadSetting, match=r"mask of shape \(2, 2\)"):
        AugmentedImage(XRAY[0], mask=np.zeros((2, 2), bool))
    with pytest.raises(BadSetting, match=r"the item has no 'image'; it has 'ct', 'seg'\. Name its image"):
        augmentation_row("x", {"ct": XRAY, "seg": XRAY}, told((flipped(), XRAY)))
    assert augmentation_figure([]).axes[0].texts[0].get_text() == "no such case"
