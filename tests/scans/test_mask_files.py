"""Masks on the grid of their scan, or not at all."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from radlearn.errors import BadSetting, UnreadableScan
from radlearn.scans.geometry import Volume, to_orientation
from radlearn.scans.mask_files import read_mask, write_mask_like, write_probability_like
from radlearn.scans.nifti import read_volume, write_volume
from tests.scans.nifti_witness import read_by_sitk

AFFINE = np.array([[-0.7, 0, 0, 100], [0, -0.8, 0, 50], [0, 0, 5, -200], [0, 0, 0, 1.0]])
OBLIQUE = np.eye(4)
OBLIQUE[:3, :3] = Rotation.from_euler("xyz", (20, -15, 30), degrees=True).as_matrix() * (0.7, -0.8, 5)
INSIDE = np.zeros((16, 17, 18), bool)
INSIDE[4:10, 3:12, 5:13] = True


def saved(folder: Path, voxels: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    write_volume(folder / "mask.nii.gz", voxels, affine)
    return folder / "mask.nii.gz"


@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "f8", "?"])
def test_zero_and_one_are_taken_as_they_are(tmp_path: Path, dtype: str) -> None:
    mask = read_mask(saved(tmp_path, INSIDE.astype(dtype)))
    assert mask.voxels.dtype == bool
    np.testing.assert_array_equal(mask.voxels, INSIDE)
    assert mask.notes == ()


def test_an_empty_mask_is_a_mask(tmp_path: Path) -> None:
    assert not read_mask(saved(tmp_path, np.zeros_like(INSIDE))).voxels.any()


def test_a_full_mask_is_a_mask(tmp_path: Path) -> None:
    assert read_mask(saved(tmp_path, np.ones_like(INSIDE))).voxels.all()


@pytest.mark.parametrize("dtype", ["u1", "f4"])
def test_white_is_inside_and_that_is_said(tmp_path: Path, dtype: str) -> None:
    mask = read_mask(saved(tmp_path, (INSIDE * 255.0).astype(dtype)))
    np.testing.assert_array_equal(mask.voxels, INSIDE)
    assert mask.notes == ("the mask holds values from 0 to 255; values above 127 count as inside",)


@pytest.mark.parametrize("top", [1, 255])
def test_grey_left_by_resampling_is_cut_in_the_middle_and_that_is_said(tmp_path: Path, top: int) -> None:
    grey = ndimage.zoom(INSIDE.astype(np.float32) * top, (3.3, 3.3, 3), order=3)
    assert grey.min() < 0
    assert grey.max() > top
    mask = read_mask(saved(tmp_path, grey))
    np.testing.assert_array_equal(mask.voxels, grey > top // 2 + (top == 1) / 2)
    assert f"values above {'0.5' if top == 1 else '127'} count as inside" in mask.notes[0]


def test_grey_bytes_at_the_edge_are_cut_too(tmp_path: Path) -> None:
    grey = np.rint(255 * ndimage.zoom(INSIDE.astype(np.float32), 4, order=1)).astype(np.uint8)
    assert len(np.unique(grey)) > 32
    np.testing.assert_array_equal(read_mask(saved(tmp_path, grey)).voxels, grey > 127)


def test_the_real_masks_are_cut_at_127(shared_data: Path) -> None:
    folder = shared_data / "ct_real_sample"
    for name in ("id001-128x128x64", "id002-128x128x64"):
        mask = read_mask(folder / f"{name}-msk.nii.gz", read_volume(folder / f"{name}.nii.gz"))
        np.testing.assert_array_equal(mask.voxels, read_by_sitk(folder / f"{name}-msk.nii.gz")[0] > 127)
        assert "values above 127 count as inside" in mask.notes[0]


def test_several_labels_are_refused_by_number(tmp_path: Path) -> None:
    labels = INSIDE.astype(np.uint8)
    labels[5, 5, 6:9] = 2
    with pytest.raises(UnreadableScan, match=r"has the labels 0, 1, 2; expected a mask of 0 and 1\. Save the labels"):
        read_mask(saved(tmp_path, labels))
    with pytest.raises(UnreadableScan, match="has the labels 0, 2; expected"):
        read_mask(saved(tmp_path, INSIDE.astype(np.int16) * 2))
    labels[0, 0, 0] = 255
    with pytest.raises(UnreadableScan, match="has the labels 0, 1, 2, 255; expected"):
        read_mask(saved(tmp_path, labels))


@pytest.mark.parametrize("kind", ["a scan", "a probability", "many organs"])
def test_grey_that_says_nothing_plainly_is_refused(tmp_path: Path, kind: str) -> None:
    rng = np.random.default_rng(0)
    voxels = {
        "a scan": rng.integers(-1000, 1000, INSIDE.shape).astype(np.int16),
        "a probability": rng.random(INSIDE.shape).astype(np.float32),
        "many organs": rng.integers(0, 118, INSIDE.shape).astype(np.uint8),
    }[kind]
    with pytest.raises(UnreadableScan, match=r"are not close to 0 and 1 or to 0 and 255.*apply a threshold"):
        read_mask(saved(tmp_path, voxels))


def test_a_mask_of_another_grid_is_refused_with_both_grids_named(tmp_path: Path) -> None:
    scan = Volume(np.zeros(INSIDE.shape, np.int16), AFFINE, tmp_path / "scan.nii.gz")
    flipped = AFFINE @ np.diag([-1, 1, 1, 1])
    for voxels, affine in ((INSIDE, flipped), (INSIDE[1:], AFFINE), (INSIDE, OBLIQUE)):
        with pytest.raises(UnreadableScan, match=r"another grid than its scan scan\.nii\.gz") as caught:
            read_mask(saved(tmp_path, voxels, affine), scan)
        assert "scan: 16 × 17 × 18 voxels of 0.7 × 0.8 × 5 mm, axes LPS" in str(caught.value)
        assert "mask: " in str(caught.value)
    np.testing.assert_array_equal(read_mask(saved(tmp_path, INSIDE), scan).voxels, INSIDE)


@pytest.mark.parametrize("code", ["LPS", "RAS", "LAI", "RPI", "RPS", "LAS", "LPI", "RAI"])
@pytest.mark.parametrize("affine", [AFFINE, OBLIQUE], ids=["straight", "oblique"])
def test_a_mask_goes_back_onto_the_grid_of_its_scan_and_sitk_agrees(tmp_path: Path, affine: np.ndarray, code: str) -> None:
    turned, turned_affine = to_orientation(np.zeros(INSIDE.shape, np.int16), affine, code)
    write_volume(tmp_path / "scan.nii.gz", turned, turned_affine)
    scan = read_volume(tmp_path / "scan.nii.gz")
    mask = to_orientation(INSIDE, affine, code)[0]
    write_mask_like(tmp_path / "out" / "mask.nii.gz", mask, scan)
    found, found_affine = read_by_sitk(tmp_path / "out" / "mask.nii.gz")
    np.testing.assert_allclose(found_affine, read_by_sitk(tmp_path / "scan.nii.gz")[1], rtol=0, atol=1e-5)
    np.testing.assert_allclose(found_affine, turned_affine, rtol=0, atol=1e-4)
    np.testing.assert_array_equal(found, mask)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(read_mask(tmp_path / "out" / "mask.nii.gz", scan).voxels, mask)


def test_a_mask_that_does_not_fit_its_scan_is_not_written(tmp_path: Path) -> None:
    scan = Volume(np.zeros(INSIDE.shape, np.int16), AFFINE)
    for wrong in (INSIDE[1:], INSIDE.astype(np.uint8)):
        with pytest.raises(BadSetting, match=r"expected bool of the shape of its scan, \(16, 17, 18\)"):
            write_mask_like(tmp_path / "mask.nii.gz", wrong, scan)
    assert list(tmp_path.iterdir()) == []


def test_a_mask_that_reads_back_otherwise_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from radlearn.scans import mask_files

    def careless(path: Path, voxels: np.ndarray, affine: np.ndarray) -> None:
        write_volume(path, voxels[::-1], affine)

    monkeypatch.setattr(mask_files, "write_volume", careless)
    with pytest.raises(UnreadableScan, match="reads back differently from what was written"):
        write_mask_like(tmp_path / "mask.nii.gz", INSIDE, Volume(np.zeros(INSIDE.shape), AFFINE))


@pytest.mark.parametrize("affine", [AFFINE, OBLIQUE])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_a_probability_is_written_as_float32_where_its_scan_lies(tmp_path: Path, affine: np.ndarray, dtype: str) -> None:
    scan = Volume(np.zeros(INSIDE.shape, np.int16), affine)
    probability = np.random.default_rng(0).random(INSIDE.shape).astype(dtype)
    write_probability_like(tmp_path / "probability.nii.gz", probability, scan)
    voxels, place = read_by_sitk(tmp_path / "probability.nii.gz")
    assert voxels.dtype == np.float32
    np.testing.assert_array_equal(voxels, probability.astype(np.float32))
    np.testing.assert_allclose(place, affine, atol=1e-4)


def test_a_probability_that_rounding_took_over_its_ends_is_written_as_these(tmp_path: Path) -> None:
    scan, probability = Volume(np.zeros(INSIDE.shape, np.int16), AFFINE), np.full(INSIDE.shape, 0.5, np.float32)
    probability[0, 0, 0], probability[1, 0, 0] = np.nextafter(np.float32(1), np.float32(2)), -1e-7
    write_probability_like(tmp_path / "probability.nii.gz", probability, scan)
    voxels, _ = read_by_sitk(tmp_path / "probability.nii.gz")
    assert (voxels.min(), voxels.max(), voxels[0, 0, 0], voxels[1, 0, 0]) == (0, 1, 1, 0)


def test_what_is_no_probability_of_the_scan_is_not_written(tmp_path: Path) -> None:
    scan, path = Volume(np.zeros(INSIDE.shape, np.int16), AFFINE), tmp_path / "probability.nii.gz"
    for wrong in (INSIDE, np.zeros((4, 4, 4), np.float32)):
        with pytest.raises(BadSetting, match="expected float of the shape of its scan"):
            write_probability_like(path, wrong, scan)
    for value in (-0.1, 1.1, 1.001, np.nan):
        with pytest.raises(BadSetting, match="a probability is from 0 to 1"):
            write_probability_like(path, np.full(INSIDE.shape, value, np.float32), scan)
    assert not path.exists()


@pytest.mark.parametrize("outside", [np.nan, np.inf, -np.inf])
def test_a_background_that_is_no_number_is_refused_with_advice_for_masks_too(tmp_path: Path, outside: float) -> None:
    with pytest.raises(UnreadableScan, match=r"fill them with what lies there, such as -1024 HU in a CT and 0 in a mask"):
        read_mask(saved(tmp_path, np.where(INSIDE, 1.0, outside)))
