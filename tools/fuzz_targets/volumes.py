"""CTs and their masks."""

from collections.abc import Mapping
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK
from pydicom import uid

from tools.fuzz_targets.images import made_dataset
from tools.fuzz_targets.target import AFFINE, Target, each_its_own, made_hu, must_be_finite


def _niftis(folder: Path) -> Mapping[Path, Path]:
    image = nib.Nifti1Image(made_hu(), AFFINE)
    image.header.set_xyzt_units("mm")
    image.set_sform(AFFINE, 1)
    image.set_qform(AFFINE, 1)
    nib.save(image, folder / "scan.nii")
    nib.save(image, folder / "packed.nii.gz")
    scaled = nib.Nifti1Image(made_hu().astype(np.float32), AFFINE)
    scaled.set_data_dtype(np.float32)
    nib.save(scaled, folder / "floats.nii")
    return each_its_own(sorted(folder.iterdir()))


def _read_ct(path: Path) -> None:
    from radlearn.scans.ct_files import read_scan, read_scan_grid

    read_scan_grid(path)
    scan, _ = read_scan(path)
    must_be_finite(scan.voxels)
    must_be_finite(scan.affine)


def _itk_volumes(folder: Path) -> Mapping[Path, Path]:
    image = SimpleITK.GetImageFromArray(made_hu().transpose(2, 1, 0))
    image.SetSpacing((0.8, 0.8, 4.0))
    for name in ("plain.mha", "plain.nrrd"):
        SimpleITK.WriteImage(image, str(folder / name))
    for name in ("packed.mha", "packed.nrrd"):
        SimpleITK.WriteImage(image, str(folder / name), useCompression=True)
    return each_its_own(sorted(folder.iterdir()))


def _masks(folder: Path) -> Mapping[Path, Path]:
    nib.save(nib.Nifti1Image((made_hu() > 0).astype(np.uint8), AFFINE), folder / "mask.nii")
    nib.save(nib.Nifti1Image((made_hu() > 0).astype(np.uint8), AFFINE), folder / "packed.nii.gz")
    return each_its_own(sorted(folder.iterdir()))


def _read_mask(path: Path) -> None:
    from radlearn.scans.mask_files import read_mask

    assert set(np.unique(read_mask(path).voxels).tolist()) <= {0, 1}, "a mask was returned that is not 0 and 1"


def _series(folder: Path) -> Mapping[Path, Path]:
    place = folder / "series"
    place.mkdir()
    voxels = made_hu()
    for number in range(5):
        dataset = made_dataset(
            voxels[:, :, number], uid.ExplicitVRLittleEndian, Modality="CT", SOPClassUID=uid.CTImageStorage,
            SOPInstanceUID=f"1.2.3.4.{number}",
            InstanceNumber=number + 1, ImagePositionPatient=[0, 0, 4.0 * number], ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            FrameOfReferenceUID="1.2.9", RescaleSlope="1", RescaleIntercept="0", SliceThickness="4",
        )  # fmt: skip
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(place / f"{number}.dcm", enforce_file_format=True)
    return dict.fromkeys(sorted(place.iterdir()), place)


TARGETS = (
    Target("nifti", _niftis, _read_ct),
    Target("itk", _itk_volumes, _read_ct),
    Target("series", _series, _read_ct),
    Target("mask", _masks, _read_mask),
)
