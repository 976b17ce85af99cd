"""What a network sees of a CT: the right voxels, in the right place, and a word on what is lost."""

from pathlib import Path

import numpy as np
import pytest

from radlearn.errors import BadSetting
from radlearn.scans.geometry import Volume, to_orientation, world_mm
from radlearn.scans.mask_files import read_mask
from radlearn.scans.nifti import read_volume
from radlearn.scans.preparation import Preparation, padded_block, prepared, start_around

LPS = np.array([[-4.0, 0, 0, 158], [0, -4, 0, 118], [0, 0, 6, -120], [0, 0, 0, 1]])
X, Y, Z = np.meshgrid(np.arange(80) * 4.0 - 158, np.arange(60) * 4.0 - 118, np.arange(41) * 6.0 - 120, indexing="ij")
BODY = (X / 150) ** 2 + (Y / 105) ** 2 < 1
LUNGS = (((abs(X) - 70) / 50) ** 2 + (Y / 75) ** 2 + ((Z - 5) / 100) ** 2) < 1
LESION = ((X + 70) ** 2 + (Y - 10) ** 2 + (Z - 20) ** 2) < 24**2
HU = np.where(LUNGS, -850, np.where(BODY, 40, -1000)).astype(np.int16)
HU[LESION] = 0
SETTINGS = Preparation((2.0, 2.0, 6.0), (-900, 100))


def test_values_outside_the_window_and_padding_become_its_ends() -> None:
    hu = HU.copy()
    hu[:3], hu[38:43, 28:33, 18:23] = -3024, 3000
    seen = prepared(Volume(hu, LPS), None, SETTINGS)
    assert seen.image.dtype == np.int16
    assert (seen.image.min(), seen.image.max()) == (-900, 100)
    assert seen.mask is None
    assert seen.foreground.shape == (0, 3)


def test_metal_does_not_shine_into_its_neighbours() -> None:
    hu = HU.copy()
    hu[40:42, 29:31, 20] = 3000
    coarse = Preparation((8.0, 8.0, 6.0), (-900, 100), crop="nothing")
    assert prepared(Volume(hu, LPS), None, coarse).image.max() <= 100
    assert abs(int(prepared(Volume(hu, LPS), None, coarse).image[20, 15, 20]) - 40) <= 60


@pytest.mark.parametrize("code", ["LPS", "RAS", "ILA", "PSR"])
def test_the_same_patient_looks_the_same_however_the_file_is_turned(code: str) -> None:
    expected = prepared(Volume(HU, LPS), Volume(LESION, LPS), SETTINGS)
    hu, affine = to_orientation(HU, LPS, code)
    found = prepared(Volume(hu, affine), Volume(to_orientation(LESION, LPS, code)[0], affine), SETTINGS)
    np.testing.assert_array_equal(found.image, expected.image)
    np.testing.assert_array_equal(found.mask, expected.mask)
    np.testing.assert_array_equal(found.foreground, expected.foreground)
    np.testing.assert_array_equal(found.background, expected.background)
    np.testing.assert_allclose(found.resampled.grid.affine, expected.resampled.grid.affine)
    assert found.lung_ml == pytest.approx(expected.lung_ml)


def test_the_mask_lies_on_what_it_marks_and_the_image_where_the_patient_is() -> None:
    seen = prepared(Volume(HU, LPS), Volume(LESION, LPS), SETTINGS)
    assert seen.mask is not None
    assert (seen.image[seen.mask] > -425).mean() > 0.97
    x, y, z = np.moveaxis(world_mm(seen.resampled.grid.affine, np.argwhere(seen.mask)), -1, 0)
    # The lesion's centre, as LPS says it: x and y have other signs in RAS.
    np.testing.assert_allclose([-x.mean(), -y.mean(), z.mean()], [-70, 10, 20], atol=1)


def test_foreground_lies_in_the_mask_and_background_in_the_lungs_beside_it() -> None:
    seen = prepared(Volume(HU, LPS), Volume(LESION, LPS), SETTINGS)
    assert seen.mask is not None
    assert len(seen.foreground) == seen.mask.sum()
    assert seen.mask[tuple(seen.foreground.T)].all()
    assert not seen.mask[tuple(seen.background.T)].any()
    assert np.median(seen.image[tuple(seen.background.T)]) == -850
    assert (seen.image[tuple(seen.background.T)] < -400).mean() > 0.95


def test_no_more_indices_than_wanted_the_same_ones_each_time_and_from_everywhere() -> None:
    few = Preparation((2.0, 2.0, 6.0), (-900, 100), indices_at_most=500)
    seen, again = (prepared(Volume(HU, LPS), Volume(LESION, LPS), few) for _ in range(2))
    assert len(seen.foreground) == len(seen.background) == 500
    assert len(np.unique(seen.background, axis=0)) == 500
    np.testing.assert_array_equal(seen.background, again.background)
    left = (seen.background[:, 0] > seen.image.shape[0] / 2).mean()
    assert 0.4 < left < 0.65


def test_lung_volume_is_that_of_the_scan_and_not_of_the_window() -> None:
    seen = prepared(Volume(HU, LPS), None, SETTINGS)
    assert seen.lung_ml == pytest.approx(LUNGS.sum() * 96 / 1000, rel=0.06)


def test_without_air_the_body_is_taken_it_is_said_and_patches_come_from_all_of_it() -> None:
    white = np.where(BODY, 40, -1000).astype(np.int16)
    seen = prepared(Volume(white, LPS, None, ("something corrected",)), Volume(LESION, LPS), SETTINGS)
    assert seen.notes == ("something corrected", "no lung that holds air was found; the block of the whole body is used")
    assert seen.mask is not None
    assert seen.mask.sum() * 24 == pytest.approx(LESION.sum() * 96, rel=0.03)
    low, high = seen.background.min(axis=0), seen.background.max(axis=0)
    assert (high - low > 0.95 * np.array(seen.image.shape) - 2).all()


def test_what_of_a_mask_is_lost_is_said() -> None:
    mask = LESION.copy()
    mask[:, :3] = True
    assert any(
        "of the mask lies outside the block of the lungs" in note for note in prepared(Volume(HU, LPS), Volume(mask, LPS), SETTINGS).notes
    )
    speck = np.zeros_like(LESION)
    speck[22, 30, 20] = True
    coarse = Preparation((12.0, 12.0, 12.0))
    assert any("the mask's 1 voxels are too small" in note for note in prepared(Volume(HU, LPS), Volume(speck, LPS), coarse).notes)
    assert prepared(Volume(HU, LPS), Volume(np.zeros_like(LESION), LPS), SETTINGS).notes == ()


def test_uncropped_it_is_the_whole_scan() -> None:
    seen = prepared(Volume(HU, LPS), None, Preparation((4.0, 4.0, 6.0), (-1000, 500), crop="nothing"))
    np.testing.assert_array_equal(seen.image, HU)


def test_a_mask_of_another_shape_is_refused() -> None:
    with pytest.raises(BadSetting, match="expected bool of"):
        prepared(Volume(HU, LPS), Volume(LESION[1:], LPS), SETTINGS)
    with pytest.raises(BadSetting, match="expected bool of"):
        prepared(Volume(HU, LPS), Volume(LESION.astype(np.uint8), LPS), SETTINGS)


@pytest.mark.parametrize(
    "wrong",
    [{"spacing_mm": (1.0, 0.0, 1.0)}, {"window_hu": (500, -1000)}, {"window_hu": (-40_000, 0)}, {"indices_at_most": 0}, {"crop": "lung"}],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict) -> None:
    with pytest.raises(BadSetting, match="expected"):
        Preparation(**wrong)


def test_real_lungs_are_inside_what_is_kept(shared_data: Path) -> None:
    for path in sorted((shared_data / "ct_real_sample").glob("*64.nii.gz")):
        scan = read_volume(path)
        lungs = read_mask(path.with_name(path.name.replace(".nii", "-msk.nii")), scan)
        seen = prepared(scan, lungs, Preparation((3.0, 3.0, 5.0)))
        assert seen.mask is not None
        home = seen.resampled.back_to_source(seen.mask.astype(np.float32)) > 0.5
        assert 2 * (home & lungs.voxels).sum() / (home.sum() + lungs.voxels.sum()) >= 0.98
        assert (home & lungs.voxels).sum() >= 0.98 * lungs.voxels.sum()


def test_a_patch_is_moved_inside_and_a_small_volume_stands_in_its_middle() -> None:
    assert start_around((50, 50, 50), (10, 10, 10), (100, 100, 100)) == (45, 45, 45)
    assert start_around((0, 99, 98), (10, 10, 11), (100, 100, 100)) == (0, 90, 89)
    assert start_around((3, 0, 2), (10, 4, 7), (6, 4, 4)) == (-2, 0, -1)


@pytest.mark.parametrize("start", [(0, 0, 0), (-2, 3, 1), (4, -3, 2), (-1, -1, -1), (9, 0, 0), (-30, 0, 0)])
def test_a_block_is_what_padding_first_and_cutting_then_would_give(start: tuple[int, int, int]) -> None:
    voxels = np.random.default_rng(0).integers(0, 99, (6, 7, 5)).astype(np.int16)
    size = (5, 4, 6)
    wide = np.pad(voxels, 40, constant_values=-7)
    expected = wide[tuple(slice(40 + first, 40 + first + wanted) for first, wanted in zip(start, size, strict=True))]
    block = padded_block(voxels, start, size, -7)
    np.testing.assert_array_equal(block, expected)
