"""Folders of DICOM slices: one for each series, also where a CD spreads the slices of a series over several."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from pydicom import uid

from radlearn.challenges.covid19 import find_images
from radlearn.errors import BadLayout
from radlearn.scans.dicom import find_xrays
from radlearn.scans.dicom_series import read_series
from radlearn.scans.series_folders import one_folder_a_series

Part = Callable[[Path, Sequence[int], str], None]


@pytest.fixture
def part(dicom_file: Callable[..., Path]) -> Part:
    """`part(folder, slices, uid)` writes slices of a series into a folder."""

    def write(folder: Path, slices: Sequence[int], series: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for k in slices:
            path = dicom_file(
                np.full((6, 7), 1000 + k, np.uint16), Modality="CT", SOPClassUID=uid.CTImageStorage, SeriesInstanceUID=series,
                SOPInstanceUID=f"{series}.{k}", InstanceNumber=k, ImagePositionPatient=[0, 0, 5 * k],
                ImageOrientationPatient=[1, 0, 0, 0, 1, 0], PixelSpacing=[0.8, 0.7], RescaleSlope=1, RescaleIntercept=-1024,
            )  # fmt: skip
            path.rename(folder / f"{k:03d}.dcm")

    return write


def test_the_parts_of_a_series_are_one_ct_of_the_folder_above(tmp_path: Path, part: Part) -> None:
    cd = tmp_path / "cd"
    for number, slices in enumerate((range(1, 5), range(5, 9), range(9, 12))):
        part(cd / f"{number:08d}", slices, "1.2.3")
    (case,) = find_images(cd)
    assert case.path == cd
    assert read_series(case.path).voxels[0, 0].tolist() == [k - 24 for k in range(1, 12)]


def test_each_slice_may_have_a_folder_of_its_own_beside_another_patient(tmp_path: Path, part: Part) -> None:
    for k in range(1, 6):
        part(tmp_path / "cd" / "one" / str(k), [k], "1.2.3")
    part(tmp_path / "cd" / "two", range(1, 4), "1.2.9")
    assert [case.path.name for case in find_images(tmp_path / "cd")] == ["one", "two"]


def test_parts_among_other_series_are_refused(tmp_path: Path, part: Part) -> None:
    part(tmp_path / "cd" / "a", range(1, 4), "1.2.3")
    part(tmp_path / "cd" / "b", range(4, 7), "1.2.3")
    part(tmp_path / "cd" / "c", range(1, 7), "1.2.9")
    with pytest.raises(BadLayout, match=r"2 folders hold parts of one series \(.*Put the files of a series into one folder"):
        find_images(tmp_path / "cd")


def test_copies_and_people_who_share_a_uid_are_cts_of_their_own(tmp_path: Path, part: Part) -> None:
    for name in ("a", "b"):
        part(tmp_path / "cd" / name, range(1, 4), "1.2.3")
    files = find_xrays(tmp_path / "cd")
    assert one_folder_a_series(files, tmp_path / "cd") == {tmp_path / "cd" / "a", tmp_path / "cd" / "b"}
