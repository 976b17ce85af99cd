"""The sheet shows what it says."""

from pathlib import Path

import numpy as np
from PIL import Image

from radlearn.digital_thorax.ct_views import Plane
from radlearn.digital_thorax.patient_sheet import BOX_ORANGE, LESION_RED, LUNG_WINDOW_HU, plane_picture, sheet, write_patient_sheet


def test_a_sheet_has_a_row_for_each_patient_with_boxes_and_outlines(tmp_path: Path) -> None:
    write_patient_sheet(tmp_path / "sheet.png", seed=1, patients=1, voxel_mm=4.0)
    picture = np.asarray(Image.open(tmp_path / "sheet.png")).astype(int)
    assert picture.shape[0] == 426
    assert picture.shape[1] > 5 * 300
    xray, cts = picture[:, :420], picture[:, 426:]
    assert (np.abs(xray - BOX_ORANGE).sum(2) < 10).sum() > 50
    assert (np.abs(cts - LESION_RED).sum(2) < 10).sum() > 50
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]


def test_a_plane_is_drawn_in_its_window_and_true_proportion() -> None:
    hu = np.full((20, 40), -600.0)
    hu[:, 20:] = 400.0
    plane = Plane("coronal", hu, np.zeros((20, 40), bool), (5.0, 1.0))
    picture = plane_picture(plane, 100, LUNG_WINDOW_HU)
    assert picture.shape == (100, 40, 3)
    assert abs(int(picture[50, 5, 0]) - 127) <= 1
    assert picture[50, 35, 0] == 255


def test_rows_of_unequal_width_are_padded() -> None:
    made = sheet([[np.ones((10, 20, 3), np.uint8)], [np.ones((10, 20, 3), np.uint8)] * 2])
    assert made.shape == (32, 52, 3)
    assert made.sum() == 3 * 10 * 20 * 3
