"""Masks for unlabelled CTs: each on its own scan's grid, measured, and handed in."""

import csv
import gzip
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import torch
from PIL import Image
from pydicom import uid

from radlearn.challenges import covid19
from radlearn.challenges.challenge import Challenge
from radlearn.challenges.covid19.submission import validate_submission
from radlearn.errors import BadLayout, BadSetting, Interrupted, UnreadableScan
from radlearn.scans import lungs
from radlearn.scans.geometry import from_orientation, orientation, spacing_mm, to_orientation
from radlearn.scans.lungs import lung_mask
from radlearn.scans.nifti import read_volume, write_volume
from radlearn.tasks.segmentation.disagreement import MaskDisagreement
from radlearn.tasks.segmentation.file_predictions import cases_in
from radlearn.tasks.segmentation.postprocessing import MaskPostprocessing
from radlearn.tasks.segmentation.prediction import EXPECTED, MaskPredictions, Measured, PredictedScan, measured, submit_masks
from radlearn.training.feature_distance import write_feature_distance
from radlearn.training.run_folder import Run, new_run
from radlearn.workflow.ood import OOD_COLUMNS
from radlearn.workflow.postprocessing_file import write_postprocessing
from tests.check.phantom import AFFINE, chest_hu
from tests.scans.nifti_witness import read_by_sitk
from tests.tasks.conftest import Settings
from tests.tasks.segmentation.conftest import predicted


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = new_run(tmp_path / "run", "segmentation", Settings(), {"data": "somewhere", "synthetic": False})
    write_postprocessing(run, MaskPostprocessing(0.5, 0.0), {})
    return run


def dense(path: Path) -> PredictedScan:
    """Predict 1 where the scan is as dense as the phantoms' lesions."""
    return predicted(path, lambda hu: ((hu > -300) & (hu < -20)).float())


def rows_of(table: Path) -> list[dict[str, str]]:
    with open(table, newline="") as opened:
        return list(csv.DictReader(opened))


def test_masks_lie_on_their_scans_and_what_cannot_be_read_is_listed(
    small_covid19: Path, run: Run, challenge: Challenge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for case in covid19.find_cases(small_covid19)[:2]:
        shutil.copy(case.path, images)
    whole = (images / "volume-covid19-A-0001_ct.nii.gz").read_bytes()
    (images / "cut_ct.nii.gz").write_bytes(whole[: len(whole) // 2])
    (images / "empty.nii.gz").write_bytes(b"")
    os.mkfifo(images / "pipe.nii.gz")
    (images / "zero.nii.gz").symlink_to("/dev/zero")
    (images / "gone.nii.gz").symlink_to(tmp_path / "nowhere")
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "none.nii").write_bytes(b"")
    predictions = MaskPredictions(run, challenge, [images, bad], tmp_path / "out")
    predictions.predict_all(dense)
    rows = rows_of(tmp_path / "out" / "predictions.csv")
    assert [row["case"] for row in rows] == ["volume-covid19-A-0001", "volume-covid19-A-0002"]
    lines = {Path(line.split(":")[0]).name: line for line in (tmp_path / "out" / "unreadable.txt").read_text().splitlines()}
    assert lines.keys() == {"cut_ct.nii.gz", "empty.nii.gz", "pipe.nii.gz", "zero.nii.gz", "gone.nii.gz", "none.nii"}
    assert all("is empty" in lines[name] for name in ("empty.nii.gz", "none.nii"))
    assert all("pipe or a device" in lines[name] for name in ("pipe.nii.gz", "zero.nii.gz"))
    said = capsys.readouterr().err
    assert f"{bad}: holds no CT that could be read" in said
    assert f"{images}: holds no CT that could be read" not in said
    for row in rows:
        # SimpleITK, an independent reader, sees the mask where the scan is.
        (scan, affine), (voxels, mask_affine) = read_by_sitk(Path(row["path"])), read_by_sitk(tmp_path / "out" / row["mask"])
        np.testing.assert_allclose(mask_affine, affine, atol=1e-5)
        assert voxels.shape == scan.shape
        assert set(np.unique(voxels)) == {0, 1}
        assert float(row["lesion_ml"]) == pytest.approx(voxels.sum() * 0.096, abs=1e-3)
        assert float(row["lesion_percent_of_lung"]) == pytest.approx(100 * float(row["lesion_ml"]) / float(row["lung_ml"]), abs=0.01)
        assert (tmp_path / "out" / "overlays" / f"{row['case']}.png").exists()
    with pytest.raises(BadSetting, match="already exists"):
        MaskPredictions(run, challenge, [images], tmp_path / "out")


def test_volumes_have_an_interval_and_a_scan_that_is_unlike_is_named(
    small_covid19: Path, run: Run, challenge: Challenge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = covid19.find_cases(small_covid19)[:2]
    rng = np.random.default_rng(0)
    write_feature_distance(run, rng.normal(size=(40, 3)), rng.normal(size=(20, 3)))
    write_postprocessing(run, MaskPostprocessing(0.5, 0.0), {"volume_interval": {"root_error": 0.5, "coverage": 0.9, "scans": 18}})
    features = {cases[0].path: np.zeros(3, np.float32), cases[1].path: np.full(3, 20, np.float32)}
    predictions = MaskPredictions(run, challenge, [case.path for case in cases], tmp_path / "out")
    predictions.predict_all(lambda path: replace(dense(path), features=[features[path]]), overlays=False)
    like, unlike = rows_of(tmp_path / "out" / "predictions.csv")
    assert (like["out_of_distribution"], unlike["out_of_distribution"]) == ("no", "yes")
    for row in (like, unlike):
        root = np.sqrt(float(row["lesion_ml"]))
        assert float(row["volume_low_ml"]) == pytest.approx(max(root - 0.5, 0) ** 2, abs=1e-2)
        assert float(row["volume_high_ml"]) == pytest.approx((root + 0.5) ** 2, abs=1e-2)
    said = " ".join(capsys.readouterr().err.split())
    assert "1 of 2 scans is unlike the training data; do not trust their predictions" in said
    assert f"(column out_of_distribution): {cases[1].image_id}" in said


def test_without_an_interval_its_columns_are_empty_and_it_is_said_why(
    small_covid19: Path, run: Run, challenge: Challenge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predictions = MaskPredictions(run, challenge, [covid19.find_cases(small_covid19)[0].path], tmp_path / "out")
    predictions.predict_all(dense, overlays=False)
    (row,) = rows_of(tmp_path / "out" / "predictions.csv")
    assert (row["volume_low_ml"], row["volume_high_ml"], row["ood_score"]) == ("", "", "")
    said = " ".join(capsys.readouterr().err.split())
    assert "are empty: the postprocessing is the mean of several runs' own" in said
    assert "segmentation resume" in said


def test_a_turned_scan_gets_the_same_mask_in_the_world_and_the_same_picture(
    small_covid19: Path, run: Run, challenge: Challenge, tmp_path: Path
) -> None:
    source = read_volume(covid19.find_cases(small_covid19)[0].path)
    turned, affine = to_orientation(source.voxels, source.affine, "SAR")
    predictions = {}
    for name, voxels, place in (("plain", source.voxels, source.affine), ("turned", turned, affine)):
        write_volume(tmp_path / name / "scan.nii.gz", voxels, place)
        MaskPredictions(run, challenge, [tmp_path / name], tmp_path / f"{name} out").predict_all(dense)
        predictions[name] = read_volume(tmp_path / f"{name} out" / "masks" / "scan.nii.gz")
    assert predictions["plain"].voxels.any()
    assert orientation(predictions["turned"].affine) == "SAR"
    np.testing.assert_array_equal(from_orientation(predictions["turned"].voxels, "SAR", source.affine), predictions["plain"].voxels)
    plain, turned = (np.asarray(Image.open(tmp_path / f"{name} out" / "overlays" / "scan.png")) for name in predictions)
    np.testing.assert_array_equal(plain, turned)


def test_what_is_white_counts_as_lung_where_there_are_lungs_and_has_no_share_where_there_are_none() -> None:
    hu, outside = chest_hu(0), np.zeros((96, 72, 40), bool)
    air, spacing = lung_mask(hu, AFFINE), spacing_mm(AFFINE)
    lung_ml = measured(outside, air, spacing).lung_ml
    assert lung_ml > 1000
    # A block between the lungs: dense, and none of it air.
    outside[44:52, 20:30, 10:20] = True
    found = measured(outside, air, spacing)
    assert found.lesion_ml == pytest.approx(800 * 0.096)
    assert found.lung_ml == pytest.approx(lung_ml + found.lesion_ml)
    assert f"{found.percent:.1f} % of the lungs" in str(found)
    airless = measured(outside, lung_mask(np.full(hu.shape, 40, np.int16), AFFINE), spacing)
    assert np.isnan(airless.percent)
    assert str(airless) == "lesions 76.8 ml"
    assert str(Measured(0.0, 0.0)) == "lesions 0.0 ml"


def test_a_pass_that_is_stopped_has_no_table_yet_and_the_same_pass_goes_on_to_the_same_table(
    small_covid19: Path, run: Run, challenge: Challenge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [case.path for case in covid19.find_cases(small_covid19)[:3]]
    asked: list[Path] = []

    def asking(stops: bool) -> Callable[[Path], PredictedScan]:
        def infer(path: Path) -> PredictedScan:
            if stops and path == paths[2]:
                raise KeyboardInterrupt
            asked.append(path)
            return dense(path)

        return infer

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        MaskPredictions(run, challenge, paths, out).predict_all(asking(stops=True), overlays=False)
    assert not (out / "predictions.csv").exists()
    # What a killed process leaves: half a line, and half a mask.
    with open(out / "predictions.partial.jsonl", "ab") as partial:
        partial.write(b'{"path": "cut sh')
    (out / "masks" / ".volume-ab12cd34.part.nii.gz").write_bytes(b"half")
    MaskPredictions(run, challenge, paths, out).predict_all(asking(stops=False), overlays=False)
    assert asked == paths
    assert "2 of 3 scans were predicted before" in capsys.readouterr().err
    MaskPredictions(run, challenge, paths, tmp_path / "at once").predict_all(dense, overlays=False)
    assert rows_of(out / "predictions.csv") == rows_of(tmp_path / "at once" / "predictions.csv")
    assert sorted(path.name for path in out.rglob("*")) == sorted(path.name for path in (tmp_path / "at once").rglob("*"))


def test_a_mask_that_was_removed_and_a_scan_that_changed_are_predicted_again(
    small_covid19: Path, run: Run, challenge: Challenge, tmp_path: Path
) -> None:
    images, asked = tmp_path / "images", list[str]()
    images.mkdir()
    for case in covid19.find_cases(small_covid19)[:4]:
        shutil.copy(case.path, images)
    paths = sorted(images.iterdir())

    def infer(path: Path) -> PredictedScan:
        if path == paths[3] and len(asked) == 3:
            raise KeyboardInterrupt
        asked.append(path.name[:21])
        return dense(path)

    with pytest.raises(KeyboardInterrupt):
        MaskPredictions(run, challenge, [images], tmp_path / "out").predict_all(infer, overlays=False)
    (tmp_path / "out" / "masks" / "volume-covid19-A-0001.nii.gz").unlink()
    shutil.copy(paths[2], paths[1])
    MaskPredictions(run, challenge, [images], tmp_path / "out").predict_all(infer, overlays=False)
    assert [name[-1] for name in asked] == ["1", "2", "3", "1", "2", "4"]
    first, second, third, _ = rows_of(tmp_path / "out" / "predictions.csv")
    assert second["lesion_ml"] == third["lesion_ml"] != first["lesion_ml"]


def test_another_pass_does_not_go_on_with_answers_of_the_first(small_covid19: Path, run: Run, challenge: Challenge, tmp_path: Path) -> None:
    path = covid19.find_cases(small_covid19)[0].path

    def stopped(path: Path) -> PredictedScan:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        MaskPredictions(run, challenge, [path], tmp_path / "out").predict_all(stopped)
    with pytest.raises(
        BadSetting, match=r"holds the beginning of other predictions \(other columns, probabilities\)|\(other probabilities\)"
    ):
        MaskPredictions(run, challenge, [path], tmp_path / "out", probabilities=True)
    write_postprocessing(run, MaskPostprocessing(0.9, 0.0), {})
    with pytest.raises(BadSetting, match=r"\(other runs, postprocessing\)"):
        MaskPredictions(run, challenge, [path], tmp_path / "out")


@pytest.mark.parametrize(
    "name", [os.fsdecode(b"scan-\xff\xe9"), "Röntgen CT 7 [a]", "x" * 248], ids=["not UTF-8", "not ASCII", "255 bytes with .nii.gz"]
)
def test_a_scan_of_any_name_gets_its_mask_and_its_row(
    name: str, small_covid19: Path, run: Run, challenge: Challenge, tmp_path: Path
) -> None:
    source = covid19.find_cases(small_covid19)[0].path
    shutil.copy(source, tmp_path / f"{name}.nii.gz")
    MaskPredictions(run, challenge, [tmp_path / f"{name}.nii.gz", source], tmp_path / "out").predict_all(dense)
    rows = rows_of(tmp_path / "out" / "predictions.csv")
    assert len(rows) == 2
    assert rows[0]["lesion_ml"] == rows[1]["lesion_ml"]
    assert rows[0]["mask"] != rows[1]["mask"]
    for row in rows:
        (voxels, _) = read_by_sitk(tmp_path / "out" / row["mask"])
        assert voxels.sum() * 0.096 == pytest.approx(float(row["lesion_ml"]), abs=1e-3)
    assert len(list((tmp_path / "out" / "overlays").glob("*.png"))) == 2


def test_a_scan_that_asks_for_more_memory_than_there_is_costs_no_other(
    small_covid19: Path, run: Run, challenge: Challenge, tmp_path: Path
) -> None:
    paths = [case.path for case in covid19.find_cases(small_covid19)[:4]]
    troubles = {paths[0]: MemoryError("Unable to allocate 32.0 GiB"), paths[1]: PermissionError(13, "Permission denied"),
                paths[2]: ValueError("Pixel data\nTraceback (most recent call last):\n  File \"x.py\"\nKeyError: 7")}  # fmt: skip

    def infer(path: Path) -> PredictedScan:
        if path in troubles:
            # As MONAI wraps what a reader raises.
            raise RuntimeError("applying transform <Load at 0x7f>") from troubles[path]
        return dense(path)

    MaskPredictions(run, challenge, paths, tmp_path / "out").predict_all(infer, overlays=False)
    (row,) = rows_of(tmp_path / "out" / "predictions.csv")
    assert row["path"] == str(paths[3])
    memory, permission, value = (tmp_path / "out" / "unreadable.txt").read_text().splitlines()
    assert memory == f"{paths[0]}: needs more memory than there is (Unable to allocate 32.0 GiB)."
    assert permission == f"{paths[1]}: cannot be opened (Permission denied)."
    assert value == f"{paths[2]}: cannot be read (ValueError: Pixel data KeyError: 7)."


def test_a_submission_takes_a_folder_of_dicom_series(run: Run, challenge: Challenge, tmp_path: Path) -> None:
    for name, number in (("patient a", 0), ("patient b", 1)):
        write_dicom_series(tmp_path / "images" / name / "series", chest_hu(number), AFFINE)
    # One folder deeper the series would both be called "series".
    out = submit_masks(challenge, predicting(run, challenge, tmp_path / "images"), tmp_path / "images", tmp_path / "submission.zip")
    cases = covid19.find_images(tmp_path / "images")
    assert [case.image_id for case in cases] == ["patient a_series", "patient b_series"]
    assert validate_submission(out, cases) == []
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("submission")) == ["submission.zip"]


def test_a_submission_that_is_refused_keeps_what_was_predicted_and_goes_on(
    small_covid19: Path, run: Run, challenge: Challenge, tmp_path: Path
) -> None:
    images = tmp_path / "Validation"
    images.mkdir()
    for case in covid19.find_cases(small_covid19)[:3]:
        shutil.copy(case.path, images)
    asked: list[str] = []
    predict = predicting(run, challenge, images, asked)

    def losing(folder: Path) -> Path:
        table = predict(folder)
        (folder / "masks" / "volume-covid19-A-0002.nii.gz").unlink()
        return table

    with pytest.raises(BadLayout, match="volume-covid19-A-0002"):
        submit_masks(challenge, losing, images, tmp_path / "submission.zip")
    submit_masks(challenge, predict, images, tmp_path / "submission.zip")
    assert [name[17:21] for name in asked] == ["0001", "0002", "0003", "0002"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("submission")) == ["submission.zip"]


def test_a_ct_that_cannot_be_read_is_found_before_the_first_is_predicted(
    small_covid19: Path, run: Run, challenge: Challenge, tmp_path: Path
) -> None:
    images, asked = tmp_path / "Validation", list[str]()
    images.mkdir()
    shutil.copy(covid19.find_cases(small_covid19)[0].path, images)
    (images / "zzz_ct.nii.gz").write_bytes(b"no scan")
    (images / "empty_ct.nii.gz").write_bytes(b"")
    with pytest.raises(BadLayout, match=r"(?s)2 of the 3 CTs cannot be read, and a submission needs a mask for each.*empty_ct.*zzz_ct"):
        submit_masks(challenge, predicting(run, challenge, images, asked), images, tmp_path / "submission.zip")
    assert asked == []
    assert not list(tmp_path.glob("submission*"))


def write_dicom_series(folder: Path, hu: np.ndarray, affine: np.ndarray) -> None:
    """Write a volume as the slices of a CT, by pydicom alone. DICOM counts to the left and to the back, rows before columns."""
    folder.mkdir(parents=True)
    to_lps = np.diag([-1.0, -1.0, 1.0])
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    across, down = ((to_lps @ affine[:3, axis]) / spacing[axis] for axis in (0, 1))
    series = uid.generate_uid()
    for number in range(hu.shape[2]):
        image = pydicom.Dataset()
        image.file_meta = pydicom.dataset.FileMetaDataset()
        image.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
        image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = uid.CTImageStorage
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = uid.generate_uid()
        image.SeriesInstanceUID, image.StudyInstanceUID, image.FrameOfReferenceUID = series, "1.2.3", "1.2.4"
        image.Modality, image.PatientID, image.InstanceNumber = "CT", "p", number + 1
        image.ImageOrientationPatient = [float(one) for one in (*across, *down)]
        image.ImagePositionPatient = [float(one) for one in to_lps @ (affine @ [0, 0, number, 1])[:3]]
        image.PixelSpacing, image.SliceThickness = [float(spacing[1]), float(spacing[0])], float(spacing[2])
        image.Rows, image.Columns = hu.shape[1], hu.shape[0]
        image.SamplesPerPixel, image.PhotometricInterpretation, image.PixelRepresentation = 1, "MONOCHROME2", 1
        image.BitsAllocated, image.BitsStored, image.HighBit = 16, 16, 15
        image.RescaleIntercept, image.RescaleSlope = 0, 1
        image.PixelData = np.ascontiguousarray(hu[:, :, number].T, "<i2").tobytes()
        image.save_as(folder / f"{number:03d}.dcm", enforce_file_format=True)


def predicting(run: Run, challenge: Challenge, images: Path, asked: list[str] | None = None) -> Callable[[Path], Path]:
    def predict(folder: Path) -> Path:
        def infer(path: Path) -> PredictedScan:
            if asked is not None:
                asked.append(path.name)
            return dense(path)

        predictions = MaskPredictions(run, challenge, [images], folder)
        predictions.predict_all(infer, overlays=False)
        return predictions.table

    return predict


def test_probabilities_lie_on_their_scans_and_the_threshold_makes_the_mask_of_them(
    small_covid19: Path, run: Run, challenge: Challenge, tmp_path: Path
) -> None:
    write_postprocessing(run, MaskPostprocessing(0.35, 0.0), {})
    path = covid19.find_cases(small_covid19)[0].path
    # On axes of another order, by values that are no round ones.
    write_volume(tmp_path / "scan.nii.gz", *to_orientation(*(lambda scan: (scan.voxels, scan.affine))(read_volume(path)), "SAR"))

    def smooth(asked: Path) -> PredictedScan:
        return predicted(asked, lambda hu: torch.sigmoid((hu + 300) / 100))

    predictions = MaskPredictions(run, challenge, [tmp_path / "scan.nii.gz"], tmp_path / "out", probabilities=True)
    predictions.predict_all(smooth, overlays=False)
    (scan, affine), (probability, at), (mask, _) = (
        read_by_sitk(tmp_path / name) for name in ("scan.nii.gz", "out/probabilities/scan.nii.gz", "out/masks/scan.nii.gz")
    )
    assert probability.dtype == np.float32
    assert probability.shape == scan.shape
    np.testing.assert_allclose(at, affine, atol=1e-5)
    np.testing.assert_array_equal(mask > 0, probability >= np.float32(0.35))
    assert 0 < mask.sum() < mask.size
    assert len(np.unique(probability)) > 100
    MaskPredictions(run, challenge, [tmp_path / "scan.nii.gz"], tmp_path / "plain").predict_all(smooth, overlays=False)
    assert not (tmp_path / "plain" / "probabilities").exists()
    assert (tmp_path / "plain" / "masks" / "scan.nii.gz").read_bytes() == (tmp_path / "out" / "masks" / "scan.nii.gz").read_bytes()


def test_of_several_runs_the_table_says_how_far_they_differ(small_covid19: Path, run: Run, challenge: Challenge, tmp_path: Path) -> None:
    other = new_run(tmp_path / "other", "segmentation", Settings(), {"data": "somewhere", "synthetic": False})
    write_postprocessing(other, MaskPostprocessing(0.9, 0.0), {})
    # What the first promises alone is not promised by the mean of the two.
    write_postprocessing(run, MaskPostprocessing(0.5, 0.0), {"volume_interval": {"root_error": 0.5, "coverage": 0.9, "scans": 18}})
    path = covid19.find_cases(small_covid19)[0].path
    predictions = MaskPredictions([run, other], challenge, [path], tmp_path / "out")
    assert predictions.postprocessing.threshold == pytest.approx(0.7)
    assert [one.threshold for one in predictions.of_each_run] == [0.5, 0.9]
    predictions.predict_all(lambda asked: replace(dense(asked), differ=MaskDisagreement(1.5, 0.25)), overlays=False)
    (row,) = rows_of(predictions.table)
    assert list(row)[-8:] == ["notes", "volume_low_ml", "volume_high_ml", *OOD_COLUMNS, "volume_sd_ml", "disagreement"]
    assert (row["volume_low_ml"], row["volume_high_ml"]) == ("", "")
    assert (row["volume_sd_ml"], row["disagreement"]) == ("1.500", "0.250000")
    with pytest.raises(BadSetting, match="are the same run"):
        MaskPredictions([run, run], challenge, [path], tmp_path / "twice")


def test_scans_of_one_name_are_called_by_their_folders(run: Run, small_covid19: Path, challenge: Challenge, tmp_path: Path) -> None:
    path = covid19.find_cases(small_covid19)[0].path
    places = [tmp_path / "in" / place for place in ("ct.nii.gz", "ann/ct.nii.gz", "ben/ct.nii.gz", "ben/ct.nii")]
    for place in places[:3]:
        place.parent.mkdir(exist_ok=True)
        shutil.copy(path, place)
    places[3].write_bytes(gzip.decompress(path.read_bytes()))
    assert {place: name for name, case in cases_in(challenge, [tmp_path / "in"], EXPECTED).items() for place in [case.path]} == {
        places[0]: "ct",
        places[1]: "ann_ct",
        places[2]: "ben_ct-2",
        places[3]: "ben_ct",
    }
    assert list(cases_in(challenge, [places[2], places[1].parent], EXPECTED)) == ["ben_ct", "ann_ct"]
    predictions = MaskPredictions(run, challenge, [tmp_path / "in"], tmp_path / "out")
    predictions.predict_all(dense, overlays=False)
    rows = rows_of(predictions.table)
    assert {row["path"] for row in rows} == {str(place) for place in places}
    assert len({row["case"] for row in rows}) == 4
    assert all((tmp_path / "out" / row["mask"]).is_file() for row in rows)
    with pytest.raises(BadLayout, match="there is no such file or folder"):
        cases_in(challenge, [tmp_path / "nowhere"], EXPECTED)
    # Named twice, a file is still one.
    assert len(cases_in(challenge, [path, path], EXPECTED)) == 1


@pytest.mark.parametrize("link", ["link.nii.gz", "0-link.nii.gz", "sub/link.nii.gz"])
def test_of_a_scan_and_a_link_to_it_the_scan_is_kept_and_that_is_said(
    small_covid19: Path, challenge: Challenge, tmp_path: Path, capsys: pytest.CaptureFixture[str], link: str
) -> None:
    images = tmp_path / "in"
    (images / "sub").mkdir(parents=True)
    real, linked = images / "a.nii.gz", images / link
    shutil.copy(covid19.find_cases(small_covid19)[0].path, real)
    linked.symlink_to(real)
    for paths in ([images], [linked, real], [linked, images, real]):
        (case,) = cases_in(challenge, paths, EXPECTED).values()
        assert case.path == real
        said = " ".join(capsys.readouterr().err.split())
        assert said.count("is the same file as") == 1
        assert f"{linked.name}: is the same file as" in said
    # A link alone is called as it is called, whatever the store that it leads to calls the file.
    (alone,) = cases_in(challenge, [linked], EXPECTED).values()
    assert alone.path == linked
    assert "same file" not in capsys.readouterr().err


def test_where_nothing_can_be_read_it_says_so(run: Run, challenge: Challenge, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.nii.gz").write_bytes(b"no scan")
    with pytest.raises(UnreadableScan, match="The only scan could not be read"):
        MaskPredictions(run, challenge, [tmp_path / "in"], tmp_path / "out").predict_all(dense)


def test_a_submission_is_the_challenges_zip_or_nothing(small_covid19: Path, run: Run, challenge: Challenge, tmp_path: Path) -> None:
    images = tmp_path / "Validation"
    images.mkdir()
    for case in covid19.find_cases(small_covid19)[:2]:
        shutil.copy(case.path, images)

    def all_predicted(folder: Path) -> Path:
        predictions = MaskPredictions(run, challenge, [images], folder)
        predictions.predict_all(dense, overlays=False)
        return predictions.table

    out = submit_masks(challenge, all_predicted, images, tmp_path / "submission.zip")
    assert validate_submission(out, covid19.find_images(images)) == []
    (images / "volume-covid19-A-0099_ct.nii.gz").write_bytes(b"no scan")
    with pytest.raises(BadLayout, match="99"):
        submit_masks(challenge, all_predicted, images, tmp_path / "second.zip")
    assert not (tmp_path / "second.zip").exists()


def test_two_cts_that_would_have_one_name_in_the_zip_are_refused_before_any_is_predicted(
    small_covid19: Path, run: Run, challenge: Challenge, tmp_path: Path
) -> None:
    images, asked = tmp_path / "images", list[str]()
    images.mkdir()
    for name in ("volume-covid19-A-0003_ct.nii.gz", "003.nii.gz"):
        shutil.copy(covid19.find_cases(small_covid19)[0].path, images / name)
    with pytest.raises(BadLayout, match=r"003 and volume-covid19-A-0003 would both be 003\.nii\.gz in the zip"):
        submit_masks(challenge, predicting(run, challenge, images, asked), images, tmp_path / "submission.zip")
    assert not asked
    assert not (tmp_path / "submission.zip").exists()


def test_a_challenge_without_a_submission_file_says_so(challenge: Challenge, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="COVID-19-20 has no submission file"):
        submit_masks(replace(challenge, write_submission=None), lambda folder: folder, tmp_path, tmp_path / "submission.zip")


def test_the_lungs_found_while_preparing_are_those_that_are_measured(
    small_covid19: Path, run: Run, challenge: Challenge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[int] = []

    def counting(hu: np.ndarray, affine: np.ndarray) -> Any:
        found.append(hash(hu.tobytes()))
        return original(hu, affine)

    # What every way to the lungs begins with.
    original = lungs._coarse
    monkeypatch.setattr(lungs, "_coarse", counting)
    paths = [case.path for case in covid19.find_cases(small_covid19)[:2]]
    MaskPredictions(run, challenge, paths, tmp_path / "out").predict_all(dense, overlays=False)
    assert len(found) == len(set(found)) == 2
    for path, row in zip(paths, rows_of(tmp_path / "out" / "predictions.csv"), strict=True):
        source, mask = read_volume(path), read_volume(tmp_path / "out" / row["mask"])
        expected = measured(mask.voxels > 0, lung_mask(source.voxels, source.affine), spacing_mm(source.affine))
        assert row["lung_ml"] == f"{expected.lung_ml:.1f}"


@pytest.mark.parametrize("name", ["-12", "=1+1", "@a", "a\rb", "'-1"])
def test_a_submission_takes_a_ct_whose_name_a_spreadsheet_would_compute(
    small_covid19: Path, run: Run, challenge: Challenge, tmp_path: Path, name: str
) -> None:
    (tmp_path / "images").mkdir()
    shutil.copy(covid19.find_cases(small_covid19)[0].path, tmp_path / "images" / f"{name}_ct.nii.gz")
    out = submit_masks(challenge, predicting(run, challenge, tmp_path / "images"), tmp_path / "images", tmp_path / "submission.zip")
    assert validate_submission(out, covid19.find_images(tmp_path / "images")) == []


@pytest.mark.parametrize("out", ["out", "sub.zip.unfinished"])
def test_masks_of_a_pass_that_was_stopped_are_no_cts_of_the_next(
    small_covid19: Path, run: Run, challenge: Challenge, tmp_path: Path, out: str
) -> None:
    images, asked = tmp_path / "images", list[str]()
    images.mkdir()
    for case in covid19.find_cases(small_covid19)[:2]:
        shutil.copy(case.path, images)

    def stopping(path: Path) -> PredictedScan:
        asked.append(path.name[17:21])
        if len(asked) == 2:
            raise KeyboardInterrupt
        return dense(path)

    def predict(folder: Path) -> Path:
        predictions = MaskPredictions(run, challenge, [images], folder, probabilities=out == "out")
        predictions.predict_all(stopping)
        return predictions.table

    def pass_over() -> None:
        if out == "out":
            predict(images / out)
        else:
            submit_masks(challenge, predict, images, images / "sub.zip")

    with pytest.raises((KeyboardInterrupt, Interrupted)):
        pass_over()
    assert len(list((images / out).glob("masks/*"))) == 1
    pass_over()
    assert asked == ["0001", "0002", "0002"]
    assert not (images / out / "unreadable.txt").exists()


def test_a_mask_takes_the_place_of_no_ct(small_covid19: Path, run: Run, challenge: Challenge, tmp_path: Path) -> None:
    for folder in ("masks", "probabilities"):
        (tmp_path / folder).mkdir()
        scan = tmp_path / folder / "a.nii.gz"
        shutil.copy(covid19.find_cases(small_covid19)[0].path, scan)
        with pytest.raises(BadSetting, match=rf"{scan}: would be replaced"):
            MaskPredictions(run, challenge, [scan], tmp_path)
