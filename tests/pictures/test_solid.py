"""A solid is seen from the right side, the right way up, in its true size, and coloured by what became of it."""

import numpy as np
import pytest
from matplotlib.colors import rgb_to_hsv, to_rgb
from matplotlib.figure import Figure

from radlearn.errors import BadSetting
from radlearn.pictures.outlines import BOX, FOUND
from radlearn.pictures.solid import BOTH, solid_figure
from radlearn.pictures.style import png_bytes

SHAPE, SPACING = (80, 60, 40), (2.0, 2.0, 4.0)
LUNGS = np.zeros(SHAPE, bool)
LUNGS[5:75, 5:55, 3:37] = True
NOTHING = np.zeros(SHAPE, bool)


def block(i: slice, j: slice, k: slice) -> np.ndarray:
    mask = NOTHING.copy()
    mask[i, j, k] = True
    return mask


def picture(figure: Figure, number: int) -> np.ndarray:
    return np.asarray(figure.axes[number].images[0].get_array())


def like(pixels: np.ndarray, colour: str) -> np.ndarray:
    """Return where pixels have the hue of a colour, whatever the light."""
    hue, saturation, _ = np.moveaxis(rgb_to_hsv(pixels), -1, 0)
    return (np.abs(hue - rgb_to_hsv(to_rgb(colour))[0]) < 0.05) & (saturation > 0.35)


def place(mask: np.ndarray) -> tuple[float, float, float, float]:
    """Return the first and last row and column of a mask, as shares of the picture."""
    rows, columns = np.nonzero(mask)
    high, wide = mask.shape
    return rows.min() / high, (rows.max() + 1) / high, columns.min() / wide, (columns.max() + 1) / wide


def test_from_the_front_the_head_is_up_and_the_left_of_the_patient_on_the_right() -> None:
    lesion = block(slice(55, 65), slice(10, 20), slice(28, 34))
    seen = like(picture(solid_figure(LUNGS, None, lesion, SPACING), 0), FOUND)
    top, bottom, left, right = place(seen)
    # The picture holds the lungs' 140 mm × 136 mm and three steps of margin around them.
    assert (left, right) == (pytest.approx((100 + 5.25) / 150.5, abs=0.03), pytest.approx((120 + 5.25) / 150.5, abs=0.03))
    assert (top, bottom) == (pytest.approx((12 + 5.25) / 147, abs=0.04), pytest.approx((36 + 5.25) / 147, abs=0.04))


def test_from_the_left_the_front_is_on_the_left_and_what_is_nearer_hides_what_is_behind() -> None:
    near, far = block(slice(60, 70), slice(10, 25), slice(10, 30)), block(slice(10, 20), slice(10, 25), slice(10, 30))
    figure = solid_figure(LUNGS, near, far, SPACING)
    assert len(figure.axes) == 6
    true, found, both = (picture(figure, number) for number in (3, 4, 5))
    assert place(like(true, BOX))[2:] == (pytest.approx((10 + 5.25) / 110.5, abs=0.04), pytest.approx((40 + 5.25) / 110.5, abs=0.04))
    assert like(found, FOUND).sum() > 1000
    # The true lesion, at the patient's left, covers the found one: only what is missed is seen.
    assert like(both, BOX).sum() > 1000
    assert like(both, FOUND).sum() < 0.02 * like(both, BOX).sum()
    # From the front they stand side by side.
    front = picture(figure, 2)
    assert min(like(front, BOX).sum(), like(front, FOUND).sum()) > 1000


def test_what_was_rightly_found_is_neither_missed_nor_false_though_borders_differ_a_little() -> None:
    truth = block(slice(20, 50), slice(10, 40), slice(10, 30))
    found = block(slice(19, 51), slice(9, 41), slice(10, 30))
    difference = picture(solid_figure(LUNGS, truth, found, SPACING, from_left=False), 2)
    middle = difference[difference.shape[0] // 2, difference.shape[1] // 2]
    assert np.ptp(middle) < 0.12
    assert abs(float(middle.mean()) - float(np.mean(to_rgb(BOTH)))) < 0.3
    # But for the corners, where little of what was rightly found is near.
    whole = like(picture(solid_figure(LUNGS, None, found, SPACING), 0), FOUND).sum()
    assert like(difference, FOUND).sum() < 0.15 * whole


def test_found_only_is_banded_so_that_grey_print_tells_it() -> None:
    found = block(slice(20, 50), slice(10, 40), slice(10, 30))
    difference = picture(solid_figure(LUNGS, NOTHING, found, SPACING, from_left=False), 2)
    column = difference[:, difference.shape[1] // 2].mean(axis=1)
    inner = column[len(column) // 2 - 40 : len(column) // 2 + 40]
    changes = np.abs(np.diff(inner)) > 0.1
    assert changes.sum() >= 8


def test_millimetres_count_not_voxels() -> None:
    thin = solid_figure(LUNGS, None, NOTHING, (2.0, 2.0, 4.0))
    thick = solid_figure(np.repeat(LUNGS, 2, axis=2), None, np.repeat(NOTHING, 2, axis=2), (2.0, 2.0, 2.0))
    assert picture(thin, 0).shape[:2] == pytest.approx(picture(thick, 0).shape[:2], abs=6)
    for number in (0, 1):
        width, height = thin.get_size_inches()
        where = thin.axes[number].get_position()
        assert where.width * width / (where.height * height) == pytest.approx(
            picture(thin, number).shape[1] / picture(thin, number).shape[0], rel=0.02
        )


@pytest.mark.parametrize("truth", [None, NOTHING])
def test_nothing_at_all_is_white_and_no_trouble(truth: np.ndarray | None) -> None:
    figure = solid_figure(NOTHING, truth, NOTHING, SPACING, "$\\frac{")
    assert np.all(picture(figure, 0) == 1)
    assert png_bytes(figure).startswith(b"\x89PNG")


def test_a_lesion_of_one_thick_slice_is_still_seen() -> None:
    seen = like(picture(solid_figure(LUNGS, None, block(slice(30, 36), slice(10, 16), slice(20, 21)), SPACING), 0), FOUND)
    # 12 mm × 4 mm are 141 pixels of 0.58 mm, the smoothing takes some.
    assert seen.sum() > 70


@pytest.mark.parametrize(
    ("lungs", "spacing", "words"),
    [(LUNGS[1:], SPACING, r"\(79, 60, 40\) and \(80, 60, 40\)"), (LUNGS, (1, 1), "three numbers above 0"), (LUNGS, (1, 1, 0), "above 0")],
)
def test_what_does_not_fit_is_refused(lungs: np.ndarray, spacing: tuple[float, ...], words: str) -> None:
    with pytest.raises(BadSetting, match=words):
        solid_figure(lungs, None, NOTHING, spacing)
