"""CTs whose values are stretched, in both ways that a slope can be wrong; and sound ones that are cut, cropped, filled or noisy."""

from pathlib import Path

import nibabel
import numpy as np
import pytest

from radlearn.scans.dicom_series import read_series
from radlearn.scans.geometry import Volume
from radlearn.scans.hounsfield import doubts_of, refuse_no_chest_ct
from radlearn.scans.nifti import read_volume
from radlearn.scans.stretched import stretched
from tests.check.phantom import AFFINE, chest_hu, ellipsoid

CHEST = chest_hu(0)
NOISE = np.random.default_rng(0)


def said_of(hu: np.ndarray) -> list[str]:
    return [doubt.found for doubt in doubts_of(Volume(hu, AFFINE, Path("scan.nii.gz"))) if doubt.rule in ("ct-stretched", "ct-not-hu")]


@pytest.mark.parametrize("factor", [0.4, 0.5, 0.7, 0.8, 1.2, 1.5, 2, 3])
def test_a_wrong_slope_is_told_by_the_place_of_soft_tissue(tmp_path: Path, factor: float) -> None:
    # As nibabel scales stored values, of which those of air are 0.
    image = nibabel.Nifti1Image(np.clip(CHEST + 1024, 0, None).astype(np.int16), AFFINE)
    image.header.set_slope_inter(factor, -1024)
    nibabel.save(image, tmp_path / "a.nii.gz")
    ct = read_volume(tmp_path / "a.nii.gz")
    muscle = float(np.median(np.asarray(nibabel.load(tmp_path / "a.nii.gz").dataobj)[ellipsoid((48, 20, 20), (8, 6, 10))]))
    assert muscle == pytest.approx(factor * 1064 - 1024, abs=factor)
    (note,) = refuse_no_chest_ct(ct)
    if note.startswith("its values look stretched (is its RescaleSlope right?): most of what is no air"):
        near = float(note.split("near ")[1].split(" HU")[0].replace("−", "-"))
        assert near == pytest.approx(muscle, abs=10)
    else:
        # Halved, not even bones are bright.
        assert factor <= 0.5
        assert "Hounsfield units" in note


@pytest.mark.parametrize("factor", [0.5, 0.7, 0.8, 1.15, 1.2, 1.4])
@pytest.mark.parametrize("lowest", [-1024, -3000])
def test_multiplied_values_are_told_by_the_place_of_air(factor: float, lowest: int) -> None:
    (found,) = said_of(np.rint(np.maximum(CHEST, lowest) * factor).astype(np.int16))
    near = float(found.split("near ")[1].split(" HU")[0].split(";")[0].replace("−", "-"))
    assert near == pytest.approx(-1000 * factor, abs=50)


@pytest.mark.parametrize(
    "hu",
    [
        CHEST,
        np.clip(CHEST, -1000, 400),
        np.clip(CHEST, -1200, 600),
        np.where(CHEST < -940, -1024, CHEST),
        CHEST + NOISE.normal(0, 100, CHEST.shape),
        # Fat as the most common tissue, contrast medium in a tenth, white lungs but for a part.
        np.where((CHEST > 0) & (CHEST < 100) & ellipsoid((48, 36, 20), (80, 26, 80)), CHEST - 145, CHEST),
        np.where(ellipsoid((48, 30, 20), (12, 10, 30)), CHEST + 250, CHEST),
        np.where(ellipsoid((28, 36, 20), (14, 20, 17)) | ellipsoid((68, 46, 20), (14, 8, 17)), 30 + CHEST % 30, CHEST),
        CHEST[:, :, 12:28],
        CHEST[10:48],
        CHEST[20:76, 10:62],
        np.concatenate([np.full((30, 72, 40), -2000, np.int16), CHEST]),
        # Of the lungs alone there is nothing to compare with.
        CHEST[20:36, 24:48, 10:30],
    ],
)
def test_a_sound_chest_is_passed_over(hu: np.ndarray) -> None:
    assert stretched(hu.ravel()) is None


def test_real_cts_pass_and_stretched_do_not(shared_data: Path) -> None:
    cts = [read_volume(shared_data / f"ct_real_sample/id00{number}-128x128x64.nii.gz") for number in (1, 2)]
    cts.append(read_series(shared_data / "ct_dicom_real_sample/Lung_Dx-A0002_B40f"))
    for ct in cts:
        hu = np.maximum(ct.voxels, -1024).astype(np.float32)
        assert stretched(ct.voxels.ravel()) is None
        assert stretched(hu.ravel()) is None
        for factor in (0.6, 0.75, 1.25, 1.5, 1.8):
            assert said_of((hu + 1024) * np.float32(factor) - 1024)
            assert any(doubt.rule in ("ct-stretched", "ct-not-hu") for doubt in doubts_of(Volume(hu * np.float32(factor), ct.affine)))
