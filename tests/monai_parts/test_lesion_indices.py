"""Lesions are drawn in proportion to a power of their volume."""

import numpy as np
import pytest
import torch
from monai.transforms import FgBgToIndicesd, RandCropByPosNegLabeld
from scipy import ndimage

from radlearn.errors import BadSetting
from radlearn.monai_parts.lesion_indices import MOST, LesionIndicesd


def scan_with_lesions(*widths: int) -> dict[str, object]:
    """A scan with cubes of these widths in a row, and MONAI's indices of their voxels."""
    mask = torch.zeros(1, sum(widths) + 2 * len(widths), 30, 30)
    at = 0
    for width in widths:
        mask[0, at : at + width, 5 : 5 + width, 5 : 5 + width] = 1
        at += width + 2
    return FgBgToIndicesd("mask")({"mask": mask, "image": mask.clone()})


def drawn_per_lesion(item: dict[str, object]) -> np.ndarray:
    labels, count = ndimage.label(np.asarray(item["mask"])[0], np.ones((3, 3, 3)))
    return np.bincount(labels.ravel()[np.asarray(item["mask_fg_indices"])], minlength=count + 1)


@pytest.mark.parametrize("exponent", [0.0, 1 / 3, 0.5, 1.0])
def test_a_lesion_is_drawn_in_proportion_to_a_power_of_its_volume(exponent: float) -> None:
    widths = np.array([1, 3, 8, 20])
    item = LesionIndicesd("mask_fg_indices", "mask", exponent)(scan_with_lesions(*widths))
    outside, *drawn = drawn_per_lesion(item)
    expected = (widths.astype(float) ** 3) ** exponent
    assert outside == 0
    np.testing.assert_allclose(drawn, expected / expected.sum() * MOST, atol=1)
    assert MOST - 4 <= sum(drawn) <= MOST + 4


def test_a_lesion_is_never_lost_however_small_and_every_part_of_a_large_one_is_reached() -> None:
    item = LesionIndicesd("mask_fg_indices", "mask", 1.0)(scan_with_lesions(1, 28))
    assert drawn_per_lesion(item)[1] == 1
    i, j, k = np.unravel_index(np.asarray(item["mask_fg_indices"]), np.asarray(item["mask"]).shape[1:])
    assert (i.max(), j.min(), j.max(), k.min(), k.max()) == (30, 5, 32 - 3, 5, 29)


def test_lesions_that_touch_at_a_corner_are_one() -> None:
    mask = torch.zeros(1, 6, 6, 6)
    mask[0, :2, :2, :2] = mask[0, 2, 2, 2] = mask[0, 5, 5, 5] = 1
    item = LesionIndicesd("mask_fg_indices", "mask", 0.0)(FgBgToIndicesd("mask")({"mask": mask}))
    assert drawn_per_lesion(item).tolist() == [0, MOST // 2, MOST // 2]


def test_a_scan_without_lesions_stays_as_it_is_and_so_do_the_indices_of_the_background() -> None:
    empty = FgBgToIndicesd("mask")({"mask": torch.zeros(1, 4, 4, 4)})
    assert len(LesionIndicesd("mask_fg_indices", "mask")(empty)["mask_fg_indices"]) == 0
    before = scan_with_lesions(2, 4)
    after = LesionIndicesd("mask_fg_indices", "mask")(before)
    np.testing.assert_array_equal(after["mask_bg_indices"], before["mask_bg_indices"])


def test_patches_of_monai_lie_around_small_lesions_as_often_as_was_asked() -> None:
    item = LesionIndicesd("mask_fg_indices", "mask", 0.0)(scan_with_lesions(1, 20))
    indices = {"fg_indices_key": "mask_fg_indices", "bg_indices_key": "mask_bg_indices"}
    crop = RandCropByPosNegLabeld("mask", "mask", (3, 3, 3), pos=1, neg=0, **indices)
    crop.set_random_state(seed=0)
    # A patch of 27 voxels around the small lesion holds one of them; within the large one it holds many.
    small = [int(crop(item)[0]["mask"].sum()) == 1 for _ in range(400)]
    assert 0.4 < np.mean(small) < 0.6


@pytest.mark.parametrize("exponent", [-0.1, 1.5, float("nan")])
def test_an_exponent_out_of_range_is_refused(exponent: float) -> None:
    with pytest.raises(BadSetting, match="from 0, all lesions alike, to 1"):
        LesionIndicesd("mask_fg_indices", "mask", exponent)
