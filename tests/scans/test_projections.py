"""Series that are no slices, as their headers name them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import uid

from radlearn.errors import UnreadableScan
from radlearn.scans.dicom_series import read_series
from radlearn.scans.projections import projection_note
from tests.check.phantom import chest_hu

HU = chest_hu(0)[:, :, 10:20].clip(-1024)


@pytest.fixture
def series(tmp_path: Path, dicom_file: Callable[..., Path]) -> Callable[..., Path]:
    """`series(types, **elements)` writes ten slices; `types` repeats over them."""

    def write(types: list[list[str]], **others: object) -> Path:
        for k in range(HU.shape[2]):
            elements = {
                "Modality": "CT",
                "SOPClassUID": uid.CTImageStorage,
                "SeriesInstanceUID": "1.2.3",
                "SOPInstanceUID": f"1.2.3.{k + 1}",
                "ImagePositionPatient": [0.0, 0.0, 6.0 * k],
                "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
                "PixelSpacing": [4.0, 4.0],
                "RescaleSlope": 1,
                "RescaleIntercept": -1024,
                "ImageType": types[k % len(types)],
                **others,
            }
            dicom_file(np.ascontiguousarray((HU[:, :, k].T.astype(np.int32) + 1024).astype(np.uint16)), **elements)
        return tmp_path

    return write


AXIAL = ["ORIGINAL", "PRIMARY", "AXIAL"]
DERIVED = ["DERIVED", "SECONDARY", "AXIAL"]


@pytest.mark.parametrize("last", ["MIP", "CSA MIP", "MINIP", "MIN IP", "PROJECTION IMAGE", "mip", "MAXIP"])
def test_projections_by_image_type_are_refused(series: Callable[..., Path], last: str) -> None:
    with pytest.raises(UnreadableScan, match=r"no slices but projections: ImageType says .*Use the series of axial slices"):
        read_series(series([[*DERIVED, last]]))


def test_scout_views_are_refused_and_a_single_one_is_none_of_that(series: Callable[..., Path]) -> None:
    with pytest.raises(UnreadableScan, match="scout views"):
        read_series(series([["ORIGINAL", "PRIMARY", "LOCALIZER"], ["DERIVED", "PRIMARY", "LOCALIZER", "CT_SOM5 TOP"]]))


@pytest.mark.parametrize(
    "types",
    [[AXIAL], [[*AXIAL, "CT_SOM5 SPI"]], [[*DERIVED, "MPR"]], [["DERIVED", "SECONDARY", "REFORMATTED"]], [AXIAL, [*DERIVED, "AVERAGE"]],
     [["DERIVED", "PRIMARY", "MPR", "CSAPARALLEL"]], [["MIP", "PRIMARY", "AXIAL"]], [""]],
)  # fmt: skip
def test_slices_and_reformats_are_read_without_a_note(series: Callable[..., Path], types: list[list[str]]) -> None:
    volume = read_series(series(types, SeriesDescription="Thorax 6.0 B40f lung MPR limited", SliceThickness="6"))
    assert (volume.notes, volume.voxels.shape[2]) == ((), HU.shape[2])


@pytest.mark.parametrize("words", ["MIP 24mm axial", "Thorax_MIP_ax", "8mm MinIP", "MAXIMUM INTENSITY PROJECTION", "ax MIPs 10/2"])
def test_projections_that_only_words_name_are_noted(series: Callable[..., Path], words: str) -> None:
    (note,) = read_series(series([AXIAL], SeriesDescription=words)).notes
    assert note.startswith("SeriesDescription names a projection")


def test_averages_of_slabs_that_overlap_are_noted(series: Callable[..., Path]) -> None:
    (note,) = read_series(series([[*DERIVED, "AVERAGE"]], SliceThickness="24")).notes
    assert "24 mm thick and 6 mm apart" in note


@pytest.mark.parametrize("words", ["Philips MIPAV export", "Chest minimal dose", "ADMIPRO", "thin 1mm IP lung", "average dose", ""])
def test_words_that_only_look_like_projections_are_not(words: str) -> None:
    assert projection_note([words], ["ORIGINAL\\PRIMARY\\AXIAL"], 5.0, 5.0) == ""
