"""Files that a plain MONAI program would be given."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.data import get_testdata_file

from radlearn.scans.dicom import write_radiograph
from radlearn.scans.nifti import write_volume
from tests.check.phantom import AFFINE, chest_hu, lesion

Write = Callable[..., Path]


@pytest.fixture
def xray_file(tmp_path: Path) -> Write:
    """`xray_file(pixels, name, …)` writes an X-ray as the 2018 pneumonia challenge has them."""

    def write(pixels: np.ndarray, name: str = "a", **said: object) -> Path:
        header = {"patient_id": name, "view": "PA", "sex": "F", "age": "62", "spacing_mm": (0.14, 0.15)} | said
        write_radiograph(tmp_path / f"{name}.dcm", pixels, **header)  # type: ignore[arg-type]
        return tmp_path / f"{name}.dcm"

    return write


@pytest.fixture
def changed_dicom(tmp_path: Path) -> Write:
    """`changed_dicom(source, name, Keyword=value, …)` writes a DICOM file again with other elements; None removes one."""

    def write(source: Path | str, name: str = "changed", **elements: object) -> Path:
        dataset = pydicom.dcmread(source)
        for keyword, value in elements.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)
        dataset.save_as(tmp_path / f"{name}.dcm")
        return tmp_path / f"{name}.dcm"

    return write


@pytest.fixture
def ct_series(tmp_path: Path) -> Callable[..., Path]:
    """`ct_series(without=…, spacing=…)` writes a folder of 6 slices of 128 × 128, 5 mm apart; `without` leaves one out."""

    def write(without: int | None = None) -> Path:
        folder = tmp_path / "series"
        folder.mkdir()
        for k in range(6):
            dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
            dataset.ImagePositionPatient = [-158.1, -179.0, -75.7 + 5 * k]
            dataset.SeriesInstanceUID, dataset.SOPInstanceUID, dataset.InstanceNumber = "1.2.3", f"1.2.3.{k}", k + 1
            dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
            # Each slice is recognisable, and no mirror image of itself; a corner is padding.
            stored = dataset.pixel_array + np.int16(k)
            stored[:40, :50] = -2000
            dataset.PixelData = stored.tobytes()
            if k != without:
                dataset.save_as(folder / f"{(5 * k) % 6}.dcm")
        return folder

    return write


@pytest.fixture(scope="session")
def chest_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A CT of a body with two lungs, and the mask of a ball in the right one."""
    folder = tmp_path_factory.mktemp("chest")
    write_volume(folder / "ct.nii.gz", chest_hu(0), AFFINE)
    write_volume(folder / "mask.nii.gz", lesion(), AFFINE)
    return {"image": folder / "ct.nii.gz", "label": folder / "mask.nii.gz"}
