"""A border runs exactly between a voxel inside and one outside, is closed even at the edge, and is told apart without colour."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.path import Path as Outline
from PIL import Image
from scipy.ndimage import label

from radlearn.errors import BadSetting
from radlearn.pictures.borders import border_keys, border_lines, outline_found_mask, outline_true_mask, painted_border
from radlearn.pictures.outlines import BOX, FOUND

GREY = Image.fromarray(np.full((240, 480, 3), 128, np.uint8))


@given(arrays(bool, st.tuples(st.integers(1, 7), st.integers(1, 7))))
def test_voxel_centres_lie_inside_the_lines_exactly_where_the_mask_is_true(mask: np.ndarray) -> None:
    rows, columns = np.indices(mask.shape)
    centres = np.stack([columns.ravel(), rows.ravel()], axis=1).astype(float)
    inside = np.zeros(mask.size, bool)
    for line in border_lines(mask):
        assert np.array_equal(line[0], line[-1])
        # A hole's line lies within another: inside two is outside.
        inside ^= Outline(line).contains_points(centres)
    assert np.array_equal(inside.reshape(mask.shape), mask)


@given(arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_every_part_and_every_hole_has_one_line(mask: np.ndarray) -> None:
    parts = label(mask)[1]
    # Where two parts touch by a corner, the outside passes between them.
    holes = label(~np.pad(mask, 1), structure=np.ones((3, 3)))[1] - 1
    assert len(border_lines(mask)) == parts + holes


def test_every_point_of_a_line_is_half_way_between_two_neighbours_of_which_one_is_inside() -> None:
    mask = np.zeros((6, 8), bool)
    mask[1:3, 2:7] = True
    mask[4, 0] = True
    framed = np.pad(mask, 1)
    lines = border_lines(mask)
    assert len(lines) == 2
    for x, y in np.concatenate(lines):
        before = framed[int(np.floor(y)) + 1, int(np.floor(x)) + 1]
        after = framed[int(np.ceil(y)) + 1, int(np.ceil(x)) + 1]
        assert {x % 1, y % 1} == {0, 0.5}
        assert before != after


def test_a_mask_that_fills_the_slice_is_outlined_along_its_edge() -> None:
    (line,) = border_lines(np.ones((3, 5), bool))
    assert (line[:, 0].min(), line[:, 0].max(), line[:, 1].min(), line[:, 1].max()) == (-0.5, 4.5, -0.5, 2.5)


def test_an_empty_mask_has_no_border_and_a_volume_is_refused() -> None:
    assert border_lines(np.zeros((4, 4), bool)) == []
    with pytest.raises(BadSetting, match=r"\(2, 3, 4\).*\(rows, columns\)"):
        border_lines(np.zeros((2, 3, 4), bool))


def test_the_true_border_is_plain_and_the_found_one_broken() -> None:
    axes = Figure().subplots()
    axes.imshow(np.zeros((4, 4)))
    ends = (axes.get_xlim(), axes.get_ylim())
    outline_true_mask(axes, np.eye(4, dtype=bool))
    outline_found_mask(axes, np.eye(4, dtype=bool))
    true, found = (part for part in axes.collections if isinstance(part, LineCollection))
    assert true.get_linestyle()[0][1] is None
    assert found.get_linestyle()[0][1] is not None
    assert true.get_colors()[0][:3] == pytest.approx(to_rgb(BOX))
    assert found.get_colors()[0][:3] == pytest.approx(to_rgb(FOUND))
    assert (axes.get_xlim(), axes.get_ylim()) == ends


def test_the_legend_names_only_what_is_drawn() -> None:
    assert [key.get_label() for key in border_keys()] == ["true border", "found border"]
    assert [key.get_label() for key in border_keys(true=False)] == ["found border"]
    assert border_keys(False, False) == []


def test_a_painted_border_lies_where_the_mask_ends_on_a_picture_of_any_aspect() -> None:
    mask = np.zeros((12, 12), bool)
    mask[3:6, 6:9] = True
    changed = (np.asarray(painted_border(GREY, mask)) != 128).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert (rows.min(), rows.max() + 1) == (pytest.approx(3 * 20, abs=3), pytest.approx(6 * 20, abs=3))
    assert (columns.min(), columns.max() + 1) == (pytest.approx(6 * 40, abs=3), pytest.approx(9 * 40, abs=3))
    assert not changed[85:95, 290:310].any()


def test_painting_never_changes_the_picture_given() -> None:
    kept = np.asarray(GREY).copy()
    painted_border(GREY, np.eye(4, dtype=bool))
    assert np.array_equal(np.asarray(GREY), kept)
    assert np.array_equal(np.asarray(painted_border(GREY, np.zeros((4, 4), bool))), kept)


def test_voxels_that_touch_with_a_corner_have_a_line_each_and_a_hole_has_its_own() -> None:
    diagonal = np.eye(3, dtype=bool)
    assert len(border_lines(diagonal)) == len(border_lines(diagonal[::-1])) == 3
    ring = np.ones((3, 3), bool)
    ring[1, 1] = False
    assert sorted(len(line) for line in border_lines(ring)) == [5, 13]
