"""NIfTI files, with nibabel and SimpleITK as readers who know nothing of ours."""

from pathlib import Path

import nibabel
import numpy as np
import pytest

from radlearn.errors import BadSetting
from radlearn.scans.nifti import write_volume

OBLIQUE = np.array([[-0.6, -0.4, 0.0, 100.0], [0.3, -0.8, 0.0, 50.0], [0.0, 0.0, 5.0, -200.0], [0, 0, 0, 1]])


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", ["i2", "u1", "f4", ">i2", "u2", "i4", "f8"])
def test_nibabel_reads_what_is_written(tmp_path: Path, ending: str, dtype: str) -> None:
    voxels = np.random.default_rng(0).integers(0, 100, (4, 5, 6)).astype(dtype)
    write_volume(tmp_path / f"scan{ending}", voxels, OBLIQUE)
    image = nibabel.load(tmp_path / f"scan{ending}")
    np.testing.assert_array_equal(np.asarray(image.dataobj), voxels)
    np.testing.assert_allclose(image.affine, OBLIQUE, atol=1e-4)
    assert image.get_data_dtype() == np.dtype(dtype).newbyteorder("=")


def test_a_mask_of_bool_is_written_as_bytes(tmp_path: Path) -> None:
    mask = np.random.default_rng(0).random((4, 5, 6)) > 0.5
    write_volume(tmp_path / "mask.nii.gz", mask, OBLIQUE)
    image = nibabel.load(tmp_path / "mask.nii.gz")
    assert image.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(np.asarray(image.dataobj), mask)


def test_the_same_volume_gives_the_same_bytes(tmp_path: Path) -> None:
    voxels = np.arange(120, dtype=np.int16).reshape(4, 5, 6)
    for name in ("one.nii.gz", "other.nii.gz"):
        write_volume(tmp_path / name, voxels, OBLIQUE)
    content = (tmp_path / "one.nii.gz").read_bytes()
    assert content == (tmp_path / "other.nii.gz").read_bytes()
    assert content[4:8] == bytes(4), "the time stamp of the gzip header"


@pytest.mark.parametrize(
    ("name", "voxels", "affine", "words"),
    [
        ("scan.mha", np.zeros((2, 2, 2)), np.eye(4), "neither .nii nor .nii.gz"),
        ("scan.nii", np.zeros((2, 2)), np.eye(4), r"shape \(2, 2\); expected \(i, j, k\)"),
        ("scan.nii", np.zeros((2, 0, 2)), np.eye(4), r"shape \(2, 0, 2\)"),
        ("scan.nii", np.zeros((2, 2, 2), complex), np.eye(4), "complex128; NIfTI takes"),
        ("scan.nii", np.zeros((2, 2, 2)), np.diag([1, 0, 1, 1]), "the affine is"),
        ("scan.nii", np.zeros((2, 2, 2)), np.eye(3), "the affine is"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path: Path, name: str, voxels: np.ndarray, affine: np.ndarray, words: str) -> None:
    with pytest.raises(BadSetting, match=words):
        write_volume(tmp_path / name, voxels, affine)
    assert list(tmp_path.iterdir()) == []
