"""A MONAI reader of chest X-rays: windowed, bright where dense, and decoded directly to a smaller size where that suffices."""

from pathlib import Path
from typing import Any

import numpy as np
from monai.utils import ensure_tuple

from radlearn.errors import BadSetting
from radlearn.monai_parts.path_reader import PathReader, Paths, meta_of
from radlearn.scans.chest_xray import refuse_no_chest_xray
from radlearn.scans.dicom import Radiograph, RadiographHeader, is_dicom, read_reduced
from radlearn.scans.file_names import DICOM_SUFFIXES


class RadiographReader(PathReader):
    """Reads one chest X-ray in DICOM, or a grey picture, for `LoadImaged(reader=RadiographReader())`.

    The array is float32 in [0, 1] after DICOM's grey-scale pipeline (rescale, VOI LUT or window, MONOCHROME1 inverted), of shape (row,
    column): row 0 at the top, column 0 at the left. MONAI's PydicomReader gives (column, row), unless it has `swap_ij=False`.

    Meta data beside MONAI's own, all of plain types that a data loader can collate:

    - the header: `view`, `sex`, `age_years`, `spacing_mm`, `patient_id`, `study_uid`, `series_uid`, `sop_uid`, `modality`, `photometric`,
      `size_px` (height and width as stored), `stored_bits`, `sop_class`, `spacing_in_patient_mm`, `spacing_from`, `body_part`,
      `described_view`, `described_part`, `orientation`. A missing text is "", a missing number NaN.
    - `affine_unit`: "mm" where lengths may be measured, which a secondary capture does not allow; else "source pixel". The affine goes from
      (row, column) to the distance from the centre of the first stored pixel in that unit. At full size in source pixels it is the
      identity.
    - `notes`: what is doubtful about the X-ray, one note a line, "" for nearly every file. A warning says it too.

    Args:
        at_least_px: the X-ray may be decoded at the smallest eighth of its size whose sides are whole and at least so many pixels, which
            makes reading JPEG Baseline several times as fast; `Resized` should follow, unless all X-rays are known to come out at one
            size, as those of 1024² do. None is full size.
        chest: also refuse what is surely no chest X-ray, such as a CT slice or an empty image, and note what is doubtful.

    Raises:
        UnreadableScan: while loading; as `radlearn.scans.dicom.read_radiograph`. Compose wraps it: see `radlearn_error_in`.
        BadSetting: `at_least_px` below 1; several paths for one image.

    >>> from monai.transforms import Compose, EnsureChannelFirstd, LoadImaged, Resized
    >>> from pydicom.data import get_testdata_file
    >>> read = Compose([
    ...     LoadImaged("image", reader=RadiographReader(at_least_px=64)),
    ...     EnsureChannelFirstd("image"),
    ...     Resized("image", (64, 64), mode="area"),
    ... ])
    >>> image = read({"image": get_testdata_file("CT_small.dcm")})["image"]
    >>> tuple(image.shape), image.meta["modality"], image.meta["size_px"]
    ((1, 64, 64), 'CT', [128, 128])
    """

    def __init__(self, at_least_px: int | None = None, chest: bool = False) -> None:
        super().__init__()
        if at_least_px is not None and at_least_px < 1:
            raise BadSetting(f"at_least_px is {at_least_px}; expected at least 1, or None for the X-ray's own size.")
        self.at_least_px, self.chest = at_least_px, chest

    def verify_suffix(self, filename: Paths) -> bool:
        """Whether all names end in .dcm or .dicom, or are DICOM files. Pictures are read where this reader is asked for by name."""
        return all(str(name).lower().endswith(DICOM_SUFFIXES) or is_dicom(name) for name in ensure_tuple(filename))

    def data_of(self, path: Path) -> tuple[np.ndarray, dict[str, Any]]:
        """Return float32 (row, column) in [0, 1], and the meta data."""
        xray = read_reduced(path, self.at_least_px)
        notes = xray.notes + (refuse_no_chest_xray(path, xray) if self.chest else ())
        return xray.pixels, meta_of(xray.pixels.shape, _affine(xray), notes) | _plain(xray.header)


def _affine(xray: Radiograph) -> np.ndarray:
    """Return the affine (4, 4) from (row, column, 0) to the distance from the first stored pixel, in mm or source pixels."""
    affine = np.eye(4)
    units = xray.header.measurable_spacing_mm or (1.0, 1.0)
    for axis, (stored, read, unit) in enumerate(zip(xray.header.size_px, xray.pixels.shape, units, strict=True)):
        step = stored / read
        affine[axis, axis] = step * unit
        affine[axis, 3] = (step - 1) / 2 * unit
    return affine


def _plain(header: RadiographHeader) -> dict[str, Any]:
    """Return the header as strings, numbers and lists of numbers, without None: each field has one type in every case."""
    nothing = float("nan")
    return vars(header) | {
        "view": header.view or "",
        "sex": header.sex or "",
        "age_years": nothing if header.age_years is None else header.age_years,
        "spacing_mm": list(header.spacing_mm or (nothing, nothing)),
        "spacing_in_patient_mm": list(header.spacing_in_patient_mm or (nothing, nothing)),
        "size_px": list(header.size_px),
        "affine_unit": "mm" if header.measurable_spacing_mm else "source pixel",
    }
