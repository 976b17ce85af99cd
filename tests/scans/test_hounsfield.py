"""Volumes that are no chest CT in Hounsfield units, in many ways; and those that are."""

from pathlib import Path

import numpy as np
import pytest

from radlearn.errors import UnreadableScan
from radlearn.scans.dicom_series import read_series
from radlearn.scans.geometry import Volume
from radlearn.scans.hounsfield import doubts_of, refuse_no_chest_ct
from radlearn.scans.nifti import read_volume
from tests.check.phantom import AFFINE, chest_hu, lesion

CHEST = chest_hu(0)
LABELS = lesion().astype(np.int16) * 3 + (CHEST < -500)
# What an MR series is like: no air below 0, bright fat.
MR = np.clip((CHEST.astype(float) + 1000) * 0.4 + np.random.default_rng(1).normal(30, 10, CHEST.shape), 0, None)


def volume(voxels: np.ndarray) -> Volume:
    return Volume(voxels, AFFINE, Path("scan.nii.gz"))


@pytest.mark.parametrize(
    ("voxels", "words"),
    [
        (CHEST + np.int16(1024), "may lack RescaleIntercept"),
        (((CHEST + 1000.0) / 2000).clip(0, 1).astype(np.float32), "were scaled to 0 … 1"),
        (((CHEST + 1000.0) / 2000 * 255).clip(0, 255).astype(np.uint8), "grey values of 8 bits"),
        (MR.astype(np.uint16), "another modality, such as MR"),
        ((CHEST / 1000).astype(np.float32), "another modality, such as MR or PET"),
        ((CHEST / 10.0).astype(np.float32), "is not in Hounsfield units"),
        # An intercept that was subtracted twice, and twice the values.
        (CHEST - np.int16(1024), r"voxels have many values from .* to −1500.*Was RescaleIntercept subtracted twice"),
        (CHEST - np.int16(1000), "Was RescaleIntercept subtracted twice"),
        (CHEST * np.int16(2), "or all multiplied"),
        (CHEST.astype(np.uint16), "negative numbers that were saved as unsigned ones: −1000 has become 64536"),
        (-CHEST, "is not in Hounsfield units"),
        (np.where(CHEST > 100, 20_000, CHEST), "is not in Hounsfield units"),
        (lesion(), "holds 0 and 1: a mask, not a CT. Leave masks out"),
        (lesion() * 0.9999999, "holds 0 and 1: a mask"),
        (lesion() * 255, "holds 0 and 255: a mask"),
        (LABELS, r"holds \d different values only \(0, 1, .*\): a label map, not a CT"),
        (np.where(CHEST > -500, 40, -100).astype(np.int16), "holds 2 different values only .*without the noise of a CT"),
        (np.full((40, 40, 40), -850, np.int16), "every voxel is −850"),
        (CHEST[:, :, :1], "is one slice"),
    ],
)
def test_what_is_surely_no_chest_ct_is_refused_with_what_it_looks_like(voxels: np.ndarray, words: str) -> None:
    with pytest.raises(UnreadableScan, match=rf"^scan\.nii\.gz: .*{words}"):
        refuse_no_chest_ct(volume(voxels))


def test_a_label_map_is_not_told_to_apply_a_rescale() -> None:
    (doubt,) = doubts_of(volume(LABELS))
    assert doubt.rule == "ct-is-mask"
    assert "Rescale" not in doubt.found + doubt.advice


def test_a_chest_is_a_chest_whole_in_part_and_with_padding() -> None:
    assert refuse_no_chest_ct(volume(CHEST)) == ()
    assert refuse_no_chest_ct(volume(CHEST.astype(np.float32))) == ()
    padded = CHEST.copy()
    padded[:20] = -3024
    assert refuse_no_chest_ct(volume(padded)) == ()


def test_what_may_be_right_is_said_and_not_refused() -> None:
    # Bones taken out, and a few slices only.
    soft = np.where(CHEST > 120, 40, CHEST)
    notes = refuse_no_chest_ct(volume(soft[:, :, :10]))
    assert "expected air near −1000 and bone above 200" in notes[0]
    assert notes[1] == "has 10 slices of 6 mm"


def test_a_phantom_without_noise_is_said_and_not_refused() -> None:
    note, *others = refuse_no_chest_ct(volume(np.where(CHEST > -500, 40, -1000).astype(np.int16)))
    # As drawings are the same along a part of them.
    assert all("the slice before" in other for other in others)
    assert note == "holds 2 different values only (−1000, 40): a drawing, without the noise of a CT"


def test_real_cts_are_taken_and_real_masks_are_not(shared_data: Path) -> None:
    folder = shared_data / "ct_real_sample"
    for number in (1, 2):
        assert refuse_no_chest_ct(read_volume(folder / f"id00{number}-128x128x64.nii.gz")) == ()
        with pytest.raises(UnreadableScan, match="holds 0 and 255: a mask"):
            refuse_no_chest_ct(read_volume(folder / f"id00{number}-128x128x64-msk.nii.gz"))
    assert refuse_no_chest_ct(read_series(shared_data / "ct_dicom_real_sample/Lung_Dx-A0002_B40f")) == ()


def test_half_of_the_units_are_said() -> None:
    # Padding that was resampled leaves a few values as dark as air.
    halved = CHEST // 2
    halved[:2] = -900
    assert "most of its dark voxels are near −490; expected air near −1000" in " ".join(refuse_no_chest_ct(volume(halved)))


@pytest.mark.parametrize("padding", [-2000, -2048, -3024])
def test_padding_that_lost_its_sign_is_called_that(padding: int) -> None:
    hu = chest_hu(0).astype(np.int32)
    hu[0], hu[-1] = padding + 65536 - 1024, padding + 65536 - 1024
    with pytest.raises(UnreadableScan, match=f"Its highest value, {padding + 65536 - 1024}, looks like a padding of -2000 or the like"):
        refuse_no_chest_ct(Volume(hu, AFFINE, Path("a.nii")))
