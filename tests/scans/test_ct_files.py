"""A CT is read from whichever files it is in, with its mask on the same grid."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import uid

from radlearn.errors import UnreadableScan
from radlearn.scans.ct_files import read_scan
from radlearn.scans.geometry import lps_affine
from radlearn.scans.nifti import write_volume
from tests.check.phantom import AFFINE, chest_hu, lesion


def test_a_folder_of_dicom_slices_is_the_scan_that_a_nifti_file_is(tmp_path: Path, dicom_file: Callable[..., Path]) -> None:
    hu = chest_hu(2)
    (tmp_path / "series").mkdir()
    lps = lps_affine(AFFINE)
    for k in range(hu.shape[2]):
        place = {
            "ImagePositionPatient": [*(lps[:3, 3] + k * lps[:3, 2])],
            "ImageOrientationPatient": [*(lps[:3, 0] / 4), *(lps[:3, 1] / 4)],
            "PixelSpacing": [4, 4],
        }
        said = {"SOPClassUID": uid.CTImageStorage, "SOPInstanceUID": f"1.2.{k + 1}", "SeriesInstanceUID": "1.2.9", "Modality": "CT"}
        place |= {"RescaleSlope": 1, "RescaleIntercept": -2048, **said}
        dicom_file((hu[:, :, k].T + 2048).astype(np.uint16), **place).rename(tmp_path / "series" / f"{k:03d}.dcm")
    write_volume(tmp_path / "same.nii.gz", hu, AFFINE)
    series, _ = read_scan(tmp_path / "series")
    file, no_mask = read_scan(tmp_path / "same.nii.gz")
    assert no_mask is None
    np.testing.assert_array_equal(series.voxels, file.voxels)
    np.testing.assert_allclose(series.affine, file.affine, atol=1e-4)


def test_a_mask_comes_with_its_scan_or_is_refused_on_another_grid(tmp_path: Path) -> None:
    write_volume(tmp_path / "ct.nii.gz", chest_hu(0), AFFINE)
    write_volume(tmp_path / "mask.nii.gz", lesion(), AFFINE)
    _, mask = read_scan(tmp_path / "ct.nii.gz", tmp_path / "mask.nii.gz")
    assert mask is not None
    np.testing.assert_array_equal(mask.voxels, lesion() > 0)
    write_volume(tmp_path / "moved.nii.gz", lesion(), AFFINE + np.eye(4)[:, [0]] * [[0, 0, 0, 9]])
    with pytest.raises(UnreadableScan, match="another grid than its scan"):
        read_scan(tmp_path / "ct.nii.gz", tmp_path / "moved.nii.gz")
