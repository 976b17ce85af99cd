"""Masks for unlabelled CTs: each on its own scan's grid, measured, and handed in."""

import csv
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from radlearn.challenges import covid19
from radlearn.challenges.covid19_submission import validate_submission
from radlearn.errors import BadLayout, BadSetting, UnreadableScan
from radlearn.scans.geometry import Volume, from_orientation, orientation, to_orientation
from radlearn.scans.nifti import read_volume, write_volume
from radlearn.scans.prepared_volume import PreparedVolume
from radlearn.scans.volume_cache import Preparation
from radlearn.tasks.segmentation.postprocessing import MaskPostprocessing, write_mask_postprocessing
from radlearn.tasks.segmentation.prediction import MaskPredictions, Measured, cases_in, measured, submit_masks
from radlearn.training.run_folder import Run, new_run
from tests.check.phantom import AFFINE, chest_hu
from tests.tasks.conftest import Settings

OWN = Preparation((4.0, 4.0, 6.0))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = new_run(tmp_path / "run", "segmentation", Settings(), {"data": "somewhere", "synthetic": False})
    write_mask_postprocessing(run, MaskPostprocessing(0.5, 0.0), {})
    return run


def dense(prepared: PreparedVolume) -> np.ndarray:
    """Answer with what is as dense as the phantoms' lesions."""
    hu = np.asarray(prepared.image, np.float32)
    return ((hu > -300) & (hu < -20)).astype(np.float32)


def rows_of(table: Path) -> list[dict[str, str]]:
    with open(table, newline="") as opened:
        return list(csv.DictReader(opened))


def test_masks_lie_on_their_scans_and_what_cannot_be_read_is_listed(small_covid19: Path, run: Run, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    asked.mkdir()
    for case in covid19.find_cases(small_covid19)[:2]:
        shutil.copy(case.path, asked)
    nested = (asked / "volume-covid19-A-0001_ct.nii.gz").read_bytes()
    (asked / "cut_ct.nii.gz").write_bytes(nested[: len(nested) // 2])
    asking = MaskPredictions(run, [asked], tmp_path / "out")
    asking.predict_all(dense, OWN)
    rows = rows_of(tmp_path / "out" / "predictions.csv")
    assert [row["case"] for row in rows] == ["volume-covid19-A-0001", "volume-covid19-A-0002"]
    assert len(asking.unreadable) == 1
    assert "cut_ct.nii.gz" in (tmp_path / "out" / "unreadable.txt").read_text()
    for row in rows:
        # nibabel, an independent reader, sees the mask where the scan is.
        scan, mask = nibabel.load(row["path"]), nibabel.load(tmp_path / "out" / row["mask"])  # type: ignore[attr-defined]
        np.testing.assert_allclose(mask.affine, scan.affine, atol=1e-5)
        assert mask.shape == scan.shape
        voxels = np.asarray(mask.dataobj)
        assert set(np.unique(voxels)) == {0, 1}
        assert float(row["lesion_ml"]) == pytest.approx(voxels.sum() * 0.096, abs=1e-3)
        assert float(row["lesion_percent_of_lung"]) == pytest.approx(100 * float(row["lesion_ml"]) / float(row["lung_ml"]), abs=0.01)
        assert (tmp_path / "out" / "overlays" / f"{row['case']}.png").exists()
    with pytest.raises(BadSetting, match="is there already"):
        MaskPredictions(run, [asked], tmp_path / "out")


def test_a_turned_scan_gets_the_same_mask_in_the_world_and_the_same_picture(small_covid19: Path, run: Run, tmp_path: Path) -> None:
    source = read_volume(covid19.find_cases(small_covid19)[0].path)
    turned, affine = to_orientation(source.voxels, source.affine, "SAR")
    predictions = {}
    for name, voxels, place in (("plain", source.voxels, source.affine), ("turned", turned, affine)):
        write_volume(tmp_path / name / "scan.nii.gz", voxels, place)
        MaskPredictions(run, [tmp_path / name], tmp_path / f"{name} out").predict_all(dense, OWN)
        predictions[name] = read_volume(tmp_path / f"{name} out" / "masks" / "scan.nii.gz")
    assert predictions["plain"].voxels.any()
    assert orientation(predictions["turned"].affine) == "SAR"
    np.testing.assert_array_equal(from_orientation(predictions["turned"].voxels, "SAR", source.affine), predictions["plain"].voxels)
    plain, turned = (np.asarray(Image.open(tmp_path / f"{name} out" / "overlays" / "scan.png")) for name in predictions)
    np.testing.assert_array_equal(plain, turned)


def test_what_is_white_counts_as_lung_where_there_are_lungs_and_has_no_share_where_there_are_none() -> None:
    hu, outside = chest_hu(0), np.zeros((96, 72, 40), bool)
    source = Volume(hu, AFFINE)
    lungs = measured(source, outside).lung_ml
    assert lungs > 1000
    # A block between the lungs: dense, and none of it air.
    outside[44:52, 20:30, 10:20] = True
    found = measured(source, outside)
    assert found.lesion_ml == pytest.approx(800 * 0.096)
    assert found.lung_ml == pytest.approx(lungs + found.lesion_ml)
    assert f"{found.percent:.1f} % of the lungs" in str(found)
    airless = measured(Volume(np.full(hu.shape, 40, np.int16), AFFINE), outside)
    assert np.isnan(airless.percent)
    assert str(airless) == "lesions 76.8 ml"
    assert str(Measured(0.0, 0.0)) == "lesions 0.0 ml"


def test_what_was_predicted_is_kept_when_it_is_stopped_in_the_middle(small_covid19: Path, run: Run, tmp_path: Path) -> None:
    paths = [case.path for case in covid19.find_cases(small_covid19)[:3]]

    def stopped_at_the_third(prepared: PreparedVolume) -> np.ndarray:
        if prepared.path == paths[2]:
            raise KeyboardInterrupt
        return dense(prepared)

    with pytest.raises(KeyboardInterrupt):
        MaskPredictions(run, paths, tmp_path / "out").predict_all(stopped_at_the_third, OWN, overlays=False)
    assert [row["case"] for row in rows_of(tmp_path / "out" / "predictions.csv")] == ["volume-covid19-A-0001", "volume-covid19-A-0002"]


def test_scans_that_would_be_mixed_up_are_refused(small_covid19: Path, tmp_path: Path) -> None:
    path = covid19.find_cases(small_covid19)[0].path
    (tmp_path / "a").mkdir()
    shutil.copy(path, tmp_path / "a")
    with pytest.raises(BadLayout, match="could not be told apart"):
        cases_in([path, tmp_path / "a"])
    with pytest.raises(BadLayout, match="there is no such file or folder"):
        cases_in([tmp_path / "nowhere"])
    # Named twice, a file is still one.
    assert len(cases_in([path, path])) == 1


def test_where_nothing_can_be_read_it_says_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.nii.gz").write_bytes(b"no scan")
    with pytest.raises(UnreadableScan, match="None of the 1 scans"):
        MaskPredictions(run, [tmp_path / "in"], tmp_path / "out").predict_all(dense, OWN)


def test_a_submission_is_the_challenges_zip_or_nothing(small_covid19: Path, run: Run, tmp_path: Path) -> None:
    images = tmp_path / "Validation"
    images.mkdir()
    for case in covid19.find_cases(small_covid19)[:2]:
        shutil.copy(case.path, images)

    def predicted(folder: Path) -> Path:
        asking = MaskPredictions(run, [images], folder)
        asking.predict_all(dense, OWN, overlays=False)
        return asking.table

    out = submit_masks(predicted, images, tmp_path / "submission.zip")
    assert validate_submission(out, covid19.find_images(images)) == []
    (images / "volume-covid19-A-0099_ct.nii.gz").write_bytes(b"no scan")
    with pytest.raises(BadLayout, match="99"):
        submit_masks(predicted, images, tmp_path / "second.zip")
    assert not (tmp_path / "second.zip").exists()
