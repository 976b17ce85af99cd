"""MONAI readers of CTs and of their masks, which refuse by name what is damaged or ambiguous."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from monai.utils import MetaKeys, SpaceKeys, ensure_tuple

from radlearn.monai_parts.path_reader import PathReader, Paths, meta_of
from radlearn.scans.ct_files import read_scan
from radlearn.scans.file_names import VOLUME_SUFFIXES
from radlearn.scans.geometry import voxel_volume_ml
from radlearn.scans.hounsfield import refuse_no_chest_ct
from radlearn.scans.mask_files import read_mask


class CTReader(PathReader):
    """Reads one CT for `LoadImaged(reader=CTReader())`: a NIfTI, MetaImage or NRRD file, or a folder of one DICOM series.

    The array is Hounsfield units in the order of the file (i, j, k), int16 where they are integers (LoadImaged makes float32 of it, unless
    it has `dtype=None`). Nothing is reoriented or resampled. The affine goes to RAS mm, as that of MONAI's NibabelReader. `notes` in the
    meta data says what was corrected or decided, one note a line; it is "" for nearly every file.

    Args:
        series_uid: which series is read, where a folder holds several.
        chest: also refuse what is surely no chest CT in Hounsfield units, such as a mask, an MR series or a scan scaled to 0 … 1, and note
            what is doubtful.

    Raises:
        UnreadableScan: while loading: a damaged or truncated file; not one volume; no affine, or two that differ; NaN; of a series, slices
            that are missing, uneven, tilted or of several series; with `chest` as above. Compose wraps it: see `radlearn_error_in`.
        BadSetting: several paths for one image.

    >>> import tempfile
    >>> import nibabel
    >>> from monai.transforms import LoadImaged
    >>> file = tempfile.mkdtemp() + "/ct.nii.gz"
    >>> nibabel.save(nibabel.Nifti1Image(np.full((4, 5, 3), -850, np.int16), np.diag([-0.7, -0.7, 5, 1])), file)
    >>> image = LoadImaged("image", reader=CTReader(), ensure_channel_first=True)({"image": file})["image"]
    >>> tuple(image.shape), image.pixdim.tolist()
    ((1, 4, 5, 3), [0.69..., 0.69..., 5.0])
    """

    def __init__(self, series_uid: str | None = None, chest: bool = False) -> None:
        super().__init__()
        self.series_uid, self.chest = series_uid, chest

    def verify_suffix(self, filename: Paths) -> bool:
        """Whether all names are folders or end in .nii or .nii.gz."""
        return all(str(name).lower().endswith(VOLUME_SUFFIXES) or Path(name).is_dir() for name in ensure_tuple(filename))

    def data_of(self, path: Path) -> tuple[np.ndarray, dict[str, Any]]:
        """Return the voxels (i, j, k) in HU, and the meta data."""
        scan, _ = read_scan(path, series_uid=self.series_uid)
        notes = scan.notes + (refuse_no_chest_ct(replace(scan, path=path)) if self.chest else ())
        return scan.voxels, meta_of(scan.voxels.shape, scan.affine, notes) | {str(MetaKeys.SPACE): str(SpaceKeys.RAS)}


class MaskReader(PathReader):
    """Reads the binary mask of a scan from such a file for `LoadImaged(reader=MaskReader(), dtype=np.uint8)`.

    The array is uint8 (i, j, k), 0 and 1, in the order of the file; values of 255 and grey values as resampling leaves them are thresholded
    in the middle, and `notes` in the meta data says so. `volume_ml` is the volume of the mask on its own grid, before anything is
    resampled. Whether the mask lies on the grid of its scan only a transform that sees both can tell, such as `CropToLungsd`.

    Raises:
        UnreadableScan: while loading: as `CTReader`; several labels; values that are no mask's. Compose wraps it: see `radlearn_error_in`.
        BadSetting: several paths for one mask.

    >>> import tempfile
    >>> import nibabel
    >>> from monai.transforms import LoadImaged
    >>> voxels = np.zeros((4, 5, 3), np.uint8)
    >>> voxels[1, 2] = 255
    >>> file = tempfile.mkdtemp() + "/mask.nii.gz"
    >>> nibabel.save(nibabel.Nifti1Image(voxels, np.diag([-1, -1, 5, 1])), file)
    >>> mask = LoadImaged("label", reader=MaskReader(), dtype=np.uint8)({"label": file})["label"]
    >>> mask.max().item(), round(mask.meta["volume_ml"], 6), mask.meta["notes"]
    (1, 0.015, 'the mask holds values from 0 to 255; values above 127 count as inside')
    """

    def verify_suffix(self, filename: Paths) -> bool:
        """Whether all names end in .nii or .nii.gz."""
        return all(str(name).lower().endswith(VOLUME_SUFFIXES) for name in ensure_tuple(filename))

    def data_of(self, path: Path) -> tuple[np.ndarray, dict[str, Any]]:
        """Return the mask, uint8 (i, j, k), and the meta data."""
        mask = read_mask(path)
        volume_ml = float(np.count_nonzero(mask.voxels)) * voxel_volume_ml(mask.affine)
        meta = meta_of(mask.voxels.shape, mask.affine, mask.notes)
        return mask.voxels.astype(np.uint8), meta | {str(MetaKeys.SPACE): str(SpaceKeys.RAS), "volume_ml": volume_ml}
