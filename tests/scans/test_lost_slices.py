"""Slices that hold nothing of their own, along every axis, held against a comparison voxel by voxel in plain Python."""

from pathlib import Path

import numpy as np
import pytest

from radlearn.scans.geometry import Volume
from radlearn.scans.hounsfield import refuse_no_chest_ct
from radlearn.scans.lost_slices import lost_slices, lost_words
from tests.check.phantom import AFFINE, chest_hu


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("order", ["C", "F"])
def test_blank_and_repeated_slices_are_found_along_every_axis(axis: int, order: str) -> None:
    slices = [np.random.default_rng(k).integers(-1000, 400, (20, 30)).astype(np.int16) for k in range(10)]
    slices[2][:] = slices[3][:] = -1000
    slices[6] = slices[5].copy()
    # One voxel of its own.
    slices[8] = slices[7].copy()
    slices[8][3, 4] += 1
    slices[9][:] = 0
    slices[9][19, 29] = 1
    voxels = np.asfortranarray(np.stack(slices, axis)) if order == "F" else np.stack(slices, axis)
    assert lost_slices(voxels, axis) == ([2, 3], [6])
    assert lost_words(lost_slices(voxels, axis), 10) == [
        "2 of 10 slices hold one value only (counted from 0: 2, 3)",
        "1 of 10 slices repeats the slice before (counted from 0: 6)",
    ]


def test_whoever_reads_a_ct_to_predict_is_told_too() -> None:
    hu = chest_hu(0).copy()
    hu[:, :, 4:7] = -1000
    hu[:, :, 12] = hu[:, :, 11]
    said = refuse_no_chest_ct(Volume(hu, AFFINE, Path("scan.nii.gz")))
    assert [note for note in said if "one value only (counted from 0: 4, 5, 6)" in note]
    assert [note for note in said if "repeats the slice before (counted from 0: 12)" in note]
