"""The slices shown are those with most in them, apart and in order; the painted file holds them all."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from radlearn.errors import BadSetting
from radlearn.pictures.scan_overlays import GAP_PX, TILE_PX, telling_depth, telling_levels, write_mask_overlay


def filled(areas: list[int]) -> np.ndarray:
    mask = np.zeros((1, 50, len(areas)), bool)
    for level, area in enumerate(areas):
        mask[0, :area, level] = True
    return mask


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30), st.integers(1, 6))
def test_levels_are_in_order_each_once_and_as_many_as_there_are(areas: list[int], many: int) -> None:
    mask = filled(areas)
    levels = telling_levels(np.zeros(mask.shape), mask, many)
    assert levels == sorted(set(levels))
    assert len(levels) == min(many, len(areas))
    assert all(0 <= level < len(areas) for level in levels)
    if any(areas):
        assert max(areas) in [areas[level] for level in levels]
    assert sum(areas[level] > 0 for level in levels) == min(many, sum(area > 0 for area in areas))


def test_levels_keep_apart_though_the_fullest_are_neighbours() -> None:
    areas = [0] * 5 + [10, 20, 49, 50, 48, 20, 15, 12, 11, 10, 9, 8] + [0] * 5
    levels = telling_levels(np.zeros((1, 50, len(areas))), filled(areas), 5)
    assert 8 in levels
    assert min(np.diff(levels)) >= 2


def test_where_nothing_was_found_the_slices_go_through_the_lungs() -> None:
    hu = np.full((10, 50, 40), 40)
    hu[2:8, 5:45, 20:30] = -850
    hu[:, :, 32:] = -1000
    mask = np.zeros(hu.shape, bool)
    assert telling_levels(hu, mask, 4) == [21, 23, 25, 27]
    assert telling_depth(hu, mask) == pytest.approx(24.5, abs=1)


def test_lengthwise_the_slice_with_most_of_the_mask_is_shown() -> None:
    mask = np.zeros((6, 7, 8), bool)
    mask[1:5, 3, 2:6] = True
    mask[0, 5, 0] = True
    assert telling_depth(np.zeros(mask.shape), mask) == 3


def test_the_file_holds_five_slices_across_and_one_lengthwise_with_the_border_in_its_place(tmp_path: Path) -> None:
    hu = np.full((40, 40, 30), -600, np.int16)
    mask = np.zeros(hu.shape, bool)
    mask[30:36, 4:8, 10:20] = True
    path = write_mask_overlay(tmp_path / "new" / "a.png", hu, mask, (2.0, 2.0, 2.0), "scan " * 90, "lesions 2 ml")
    sheet = np.asarray(Image.open(path))
    assert sheet.shape[1] == 3 * TILE_PX + 2 * GAP_PX
    tile = sheet[60 : TILE_PX - 40, :TILE_PX]
    rows, columns = np.nonzero((tile[..., 0] > 200) & (tile[..., 2] < 100))
    # Near the front and to the patient's left: at the top right. Words at the corners were cut away above and below.
    assert (columns.min(), columns.max()) == (pytest.approx(30 * 10.5, abs=4), pytest.approx(36 * 10.5, abs=4))
    assert rows.max() + 60 == pytest.approx(8 * 10.5, abs=4)
    coronal_tile = sheet[TILE_PX + GAP_PX : 2 * TILE_PX + GAP_PX, 2 * (TILE_PX + GAP_PX) :]
    rows, columns = np.nonzero((coronal_tile[..., 0] > 200) & (coronal_tile[..., 2] < 100))
    # 30 levels of 2 mm in the middle of a tile 80 mm high; the lesion's head end is level 19.
    assert rows.min() == pytest.approx((5 + 10) * 10.5, abs=4)
    assert columns.min() == pytest.approx(30 * 10.5, abs=4)


@pytest.mark.parametrize(("shape", "spacing"), [((8, 9, 1), (1, 1, 5)), ((30, 20, 90), (1, 1, 5)), ((1, 1, 3), (0.5, 0.5, 0.5))])
def test_scans_of_any_shape_are_painted_with_nothing_found(tmp_path: Path, shape: tuple[int, int, int], spacing: tuple[float, ...]) -> None:
    sheet = Image.open(write_mask_overlay(tmp_path / "a.png", np.zeros(shape), np.zeros(shape, bool), spacing, "id"))
    assert sheet.width == min(3, shape[2] + 1) * (TILE_PX + GAP_PX) - GAP_PX
    assert sheet.height < 3 * 1.3 * TILE_PX


@pytest.mark.parametrize(
    ("shape", "spacing", "words"),
    [((4, 4, 4), (1, 1, 1), r"\(4, 4, 4\) for a scan of shape \(4, 4, 5\)"), ((4, 4, 5), (1, 1), "three numbers above 0")],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, shape: tuple[int, ...], spacing: tuple[float, ...], words: str) -> None:
    with pytest.raises(BadSetting, match=words):
        write_mask_overlay(tmp_path / "a.png", np.zeros((4, 4, 5)), np.zeros(shape, bool), spacing, "id")
    assert not list(tmp_path.iterdir())


def test_the_window_decides_what_is_grey(tmp_path: Path) -> None:
    hu = np.full((24, 24, 3), 40.0)
    lung, soft = (
        np.asarray(Image.open(write_mask_overlay(tmp_path / name, hu, np.zeros(hu.shape, bool), (5.0, 5.0, 5.0), "a", "", *window)))
        for name, window in (("lung.png", ()), ("soft.png", ((-160.0, 240.0),)))
    )
    assert lung.shape == soft.shape
    # 40 HU is nearly white in the lung window, and in the middle of the soft-tissue window.
    centre = (lung.shape[0] // 3, TILE_PX // 2)
    assert lung[centre].min() > 225
    assert 120 < soft[centre].mean() < 135
