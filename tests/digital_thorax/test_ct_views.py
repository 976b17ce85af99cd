"""Planes hang as a radiologist hangs them."""

from typing import Any

import numpy as np
import pytest

from radlearn.digital_thorax.ct import Ct
from radlearn.digital_thorax.ct_grid import LPS_FROM_RAS, CtGeometry, boxed_geometry
from radlearn.digital_thorax.ct_views import ct_planes, front_view, lungs_in_space


def _ct(upside_down: bool = False) -> Ct:
    """A box of air with one bright spot on the patient's left, at the front, near the head, and lung around it."""
    geometry = boxed_geometry(np.array([-40.0, -30, -50]), np.array([40.0, 30, 50]), (2.0, 2.0, 5.0))
    shape = geometry.shape
    hu, lesion = np.full(shape, -900, np.int16), np.zeros(shape, bool)
    hu[30, 5, 16], lesion[30, 5, 16] = 500, True
    lung = np.zeros(shape, bool)
    lung[8:32, 4:26, 3:18] = True
    if upside_down:
        scanner = LPS_FROM_RAS @ geometry.affine_ras
        scanner[2, 3] += 5.0 * (shape[2] - 1)
        scanner[2, 2] *= -1
        geometry = CtGeometry(shape, LPS_FROM_RAS @ scanner, geometry.body_from_scanner)
        hu, lesion, lung = hu[:, :, ::-1], lesion[:, :, ::-1], lung[:, :, ::-1]
    return Ct(hu, lesion, lung, geometry)


@pytest.mark.parametrize("upside_down", [False, True])
def test_left_is_right_front_is_on_top_and_the_head_is_up(upside_down: bool) -> None:
    axial, coronal, sagittal = ct_planes(_ct(upside_down))
    places: list[Any] = [np.argwhere(plane.hu == 500).tolist() for plane in (axial, coronal, sagittal)]
    assert places == [[[5, 30]], [[3, 30]], [[3, 5]]]
    assert [np.argwhere(plane.lesion).tolist() for plane in (axial, coronal, sagittal)] == places
    assert (axial.spacing_mm, coronal.spacing_mm) == ((2.0, 2.0), (5.0, 2.0))


def test_the_front_view_has_the_spot_where_the_coronal_plane_has_it() -> None:
    view = front_view(_ct())
    assert np.unravel_index(np.argmax(view.hu), view.hu.shape) == (3, 30)
    assert np.argwhere(view.lesion).tolist() == [[3, 30]]


def test_lungs_in_space_are_two_millimetres_a_pixel_and_show_the_lesion_in_its_colour() -> None:
    ct = _ct()
    ct.lesion[26:32, 4:9, 13:18] = True
    picture = lungs_in_space(ct, degrees=0.0)
    assert picture.shape == (50, 40, 3)
    redder = picture[..., 0].astype(int) - picture[..., 2]
    rows, columns = np.nonzero(redder > 30)
    assert rows.mean() < 25
    assert columns.mean() > 24
    assert (picture[2, 2] == picture[-2, 2]).all()
