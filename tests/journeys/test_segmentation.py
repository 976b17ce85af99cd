"""Segmentation from end to end, as a person would go: train, evaluate, ask, hand in; stopped and gone on with; asked wrongly."""

import csv
import itertools
import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import nibabel
import numpy as np
import pydicom
import pytest
from safetensors.numpy import load_file
from scipy.spatial.transform import Rotation

import radlearn
from radlearn import cli
from radlearn.challenges import covid19
from radlearn.challenges.covid19.submission import validate_submission
from radlearn.json_files import json_ready, read_json
from radlearn.metrics.masks import dice_score
from radlearn.scans.geometry import Volume, lps_affine, to_orientation
from radlearn.scans.lungs import lung_box
from radlearn.scans.mask_files import read_mask
from radlearn.scans.nifti import read_volume, write_volume
from radlearn.tasks.segmentation.postprocessing import MaskPostprocessing
from radlearn.training.run_folder import open_run
from radlearn.training.splits import read_split
from radlearn.workflow.postprocessing_file import read_postprocessing, write_postprocessing
from tests.check.phantom import chest_hu, ellipsoid
from tests.journeys.conftest import killed_once, steps_saved

QUICK = ["--spacing-mm", "4", "4", "6", "--patch-voxels", "32", "32", "16", "--overlap", "0", "--batch-size", "4", "--epochs", "4"]
EIGHT = ["".join(letters) for letters in itertools.product("RL", "AP", "SI")]


@pytest.fixture(scope="module")
def trained(small_covid19: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A finished run on the small folder, made with one thread, as one that is killed must be."""
    import torch

    folder, threads = tmp_path_factory.mktemp("journey") / "run", torch.get_num_threads()
    torch.set_num_threads(1)
    code = cli.main(["segmentation", "train", "--data", str(small_covid19), "--run", str(folder), *QUICK])
    torch.set_num_threads(threads)
    return SimpleNamespace(folder=folder, code=code, data=small_covid19)


@pytest.fixture(scope="module")
def fold(trained: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fold of other spacing that shares the test persons of the first run, and knows little."""
    folder = tmp_path_factory.mktemp("journey") / "fold"
    other = [*QUICK[:-1], "1", "--spacing-mm", "5", "5", "6", "--fold", "1"]
    assert cli.main(["segmentation", "train", "--data", str(trained.data), "--run", str(folder), *other]) == 0
    return folder


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as opened:
        return list(csv.DictReader(opened))


def test_a_table_of_masks_gives_the_scores_of_the_layout(trained: SimpleNamespace, tmp_path: Path) -> None:
    rows = ["path,id,person,mask,scanner"]
    rows += [f"{case.path},{case.case_id},{case.person},{case.mask_path},AB" for case in covid19.find_cases(trained.data)]
    (tmp_path / "cases.csv").write_text("\n".join(rows))
    by_layout, by_table = (radlearn.segmentation.evaluate(trained.folder, data=data) for data in (None, tmp_path / "cases.csv"))
    assert by_table["split"] == "test"
    assert json_ready(by_table["scores"]) == json_ready(by_layout["scores"])
    assert json_ready(by_table["subgroups"]["scanner: AB"]["scores"]) == json_ready(by_table["scores"])


def test_training_leaves_a_run_with_a_postprocessing(trained: SimpleNamespace) -> None:
    assert trained.code == 0
    about = read_json(trained.folder / "settings.json")
    assert (about["task"], about["settings"]["spacing_mm"]) == ("segmentation", [4.0, 4.0, 6.0])
    lines = [json.loads(line) for line in (trained.folder / "history.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4]
    # Balls of one density in clean lungs are learnt in seconds.
    assert lines[-1]["dice_score"] > 0.6
    kept = read_json(trained.folder / "postprocessing.json")
    assert [step["step"] for step in kept["ablation"]] == ["nothing tuned", "threshold", "small components removed", "small masks emptied"]
    assert kept["confined_to_lungs"] is about["settings"]["confined_to_lungs"] is True
    assert {subset for _, subset in read_split(trained.folder / "split.csv").values()} == {"train", "validation", "test"}


def test_evaluate_scores_the_test_people_and_writes_a_report(trained: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["segmentation", "evaluate", str(trained.folder), "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores == read_json(trained.folder / "scores.json")
    tested = [image for image, (_, subset) in read_split(trained.folder / "split.csv").items() if subset == "test"]
    assert (scores["task"], scores["split"], scores["cases"]) == ("segmentation", "test", len(tested))
    for name in ("dice_score", "surface_dice_score", "hausdorff95_mm", "volume_error_percent", "false_lesions_per_scan"):
        assert set(scores["scores"][name]) == {"value", "low", "high"}
    report = (trained.folder / "report.html").read_text()
    assert "not for clinical use" in report
    assert "data:image/png;base64," in report


def test_a_second_training_gives_the_same_weights(trained: SimpleNamespace, tmp_path: Path) -> None:
    short = [*QUICK[:-1], "1"]
    for name in ("one", "two"):
        assert cli.main(["segmentation", "train", "--data", str(trained.data), "--run", str(tmp_path / name), *short]) == 0
    one, two = (load_file(tmp_path / name / "best" / "model.safetensors") for name in ("one", "two"))
    assert one.keys() == two.keys()
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_a_scan_turned_the_other_way_is_predicted_alike(trained: SimpleNamespace, tmp_path: Path) -> None:
    source = read_volume(covid19.find_cases(trained.data)[2].path)
    for code in ("LPS", "RAI"):
        write_volume(tmp_path / "in" / f"{code}.nii.gz", *to_orientation(source.voxels, source.affine, code))
    run, out = str(trained.folder), tmp_path / "out"
    assert cli.main(["segmentation", "predict", run, str(tmp_path / "in"), "--out", str(out), "--no-overlays"]) == 0
    one, other = (_as_lps(read_volume(out / "masks" / f"{code}.nii.gz")) for code in ("LPS", "RAI"))
    assert one.sum() > 20
    assert dice_score(one, other) >= 0.98


def test_tuning_chooses_the_postprocessing_again(trained: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained.folder, run)
    assert cli.main(["tune", str(run), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    # The same people choose the same again.
    assert not told["changed"]
    assert (
        told["postprocessing"]
        == read_json(run / "postprocessing.json")["postprocessing"]
        == read_json(trained.folder / "postprocessing.json")["postprocessing"]
    )
    assert (run / "tuning" / "tuning.html").exists()


def test_other_data_are_evaluated_as_an_external_set_even_without_any_lesion(
    trained: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # CTs directly in a folder, as a hospital may have them.
    for case in covid19.find_cases(trained.data)[12:]:
        ct = nibabel.load(case.path)
        # One HU more everywhere: another patient, as far as pixels tell.
        voxels = (np.asanyarray(ct.dataobj) + 1).astype(np.int16)
        nibabel.save(nibabel.Nifti1Image(voxels, ct.affine), tmp_path / case.path.name.replace("volume-covid19-A", "stranger"))
        mask = Path(str(case.mask_path))
        shutil.copy(mask, tmp_path / mask.name.replace("volume-covid19-A", "stranger"))
    run = tmp_path / "run"
    shutil.copytree(trained.folder, run)
    data = tmp_path / "data"
    data.mkdir()
    for path in tmp_path.glob("stranger*"):
        path.rename(data / path.name)
    assert cli.main(["segmentation", "evaluate", str(run), "--data", str(data), "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert (scores["split"], scores["cases"], scores["positives"], scores["synthetic"]) == ("external", 2, 0, False)
    assert scores["scores"]["false_lesions_per_scan"]["value"] >= 0
    assert list((run / "pictures" / "external").glob("slices-*.png"))


def test_folds_leave_the_test_people_alone(trained: SimpleNamespace, fold: Path) -> None:
    one, other = (
        {image for image, (_, subset) in read_split(run / "split.csv").items() if subset == "test"} for run in (trained.folder, fold)
    )
    assert one == other


def test_folds_are_evaluated_together_on_the_persons_none_was_trained_on(
    trained: SimpleNamespace, fold: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["segmentation", "evaluate", str(trained.folder), str(fold), "--json"]) == 0
    captured = capsys.readouterr()
    scores, ensemble = json.loads(captured.out), trained.folder / "ensemble"
    assert scores == read_json(ensemble / "scores.json")
    assert "validated on different persons" in " ".join(captured.err.split())
    rows = rows_of(ensemble / "cases.csv")
    assert {row["image_id"] for row in rows} == {image for image, (_, subset) in read_split(fold / "split.csv").items() if subset == "test"}
    assert all(float(row["volume_sd_ml"]) >= 0 and 0 <= float(row["disagreement"]) <= 1 for row in rows)
    assert read_json(ensemble / "postprocessing.json")["origin"].startswith("the mean of the runs' own")
    assert (ensemble / "report.html").exists()
    assert cli.main(["segmentation", "evaluate", str(trained.folder), str(fold), "--probabilities"]) == 2
    assert "segmentation evaluate: writes no probabilities" in " ".join(capsys.readouterr().err.split())


def test_runs_predict_the_mean_of_what_they_predict_alone_and_its_threshold_makes_the_mask(
    trained: SimpleNamespace, fold: Path, tmp_path: Path
) -> None:
    source = covid19.find_cases(trained.data)[2].path
    scan = read_volume(source)
    write_volume(tmp_path / "scan.nii.gz", *to_orientation(scan.voxels, scan.affine, "PIR"))
    runs = {}
    for name, folder in (("a", trained.folder), ("b", fold), ("copy", trained.folder)):
        runs[name] = shutil.copytree(folder, tmp_path / name, ignore=shutil.ignore_patterns("ensemble"))
        opened = open_run(runs[name], "segmentation")
        chosen, about = read_postprocessing(opened, MaskPostprocessing)
        # A threshold alone, so that nothing else makes the mask.
        write_postprocessing(opened, replace(chosen, smallest_ml=0.0), about)
    asked = {"one": ["a"], "two": ["b"], "both": ["a", "b"], "twice": ["a", "copy"]}
    found, rows = {}, {}
    for name, named in asked.items():
        out = tmp_path / f"out {name}"
        arguments = [*(str(runs[run]) for run in named), str(tmp_path / "scan.nii.gz"), "--out", str(out)]
        assert cli.main(["segmentation", "predict", *arguments, "--probabilities", "--no-overlays"]) == 0
        found[name] = read_volume(out / "probabilities" / "scan.nii.gz")
        (rows[name],) = rows_of(out / "predictions.csv")
        threshold = np.mean([read_json(runs[run] / "postprocessing.json")["postprocessing"]["threshold"] for run in named])
        mask = read_volume(out / "masks" / "scan.nii.gz")
        np.testing.assert_array_equal(mask.voxels > 0, found[name].voxels >= np.float32(threshold))
        for written in (mask, found[name]):
            assert written.voxels.shape == read_volume(tmp_path / "scan.nii.gz").voxels.shape
            np.testing.assert_allclose(written.affine, read_volume(tmp_path / "scan.nii.gz").affine, atol=1e-5)
    mean = np.mean([found[name].voxels.astype(np.float64) for name in ("one", "two")], axis=0)
    np.testing.assert_allclose(found["both"].voxels, mean, atol=1e-6)
    assert np.abs(found["one"].voxels - found["two"].voxels).max() > 0.01
    volumes = [float(rows[name]["lesion_ml"]) for name in ("one", "two")]
    assert float(rows["both"]["volume_sd_ml"]) == pytest.approx(abs(volumes[0] - volumes[1]) / 2, abs=2e-3)
    np.testing.assert_array_equal(found["twice"].voxels, found["one"].voxels)
    assert {**rows["one"], "volume_sd_ml": "0.000", "disagreement": "0.000000"} == rows["twice"]


@pytest.mark.slow
def test_eight_orientations_and_an_oblique_scan_are_predicted_alike_in_the_world(trained: SimpleNamespace, tmp_path: Path) -> None:
    source = read_volume(covid19.find_cases(trained.data)[2].path)
    for code in EIGHT:
        write_volume(tmp_path / "in" / f"{code}.nii.gz", *to_orientation(source.voxels, source.affine, code))
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", (12, -8, 17), degrees=True).as_matrix()
    write_volume(tmp_path / "in" / "oblique.nii.gz", source.voxels, turn @ source.affine)
    run, out = str(trained.folder), str(tmp_path / "out")
    assert cli.main(["segmentation", "predict", run, str(tmp_path / "in"), "--out", out, "--no-overlays"]) == 0
    predictions = {name: read_volume(tmp_path / "out" / "masks" / f"{name}.nii.gz") for name in [*EIGHT, "oblique"]}
    for name, prediction in predictions.items():
        asked = read_volume(tmp_path / "in" / f"{name}.nii.gz")
        assert np.abs(prediction.affine - asked.affine).max() <= 1e-5
        assert prediction.voxels.shape == asked.voxels.shape
    alike = {name: _as_lps(prediction) for name, prediction in predictions.items() if name != "oblique"}
    # The oblique one was turned in the world alone: its voxels are the source's.
    alike["oblique"] = to_orientation(predictions["oblique"].voxels, source.affine, "LPS")[0] > 0
    assert alike["LPS"].sum() > 20
    for one, other in itertools.combinations(alike, 2):
        assert dice_score(alike[one], alike[other]) >= 0.98, (one, other)


def _as_lps(volume: Volume) -> np.ndarray:
    return to_orientation(volume.voxels, volume.affine, "LPS")[0] > 0


def test_prediction_takes_files_folders_and_dicom_series_and_lists_what_it_cannot_read(
    trained: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = covid19.find_cases(trained.data)[:2]
    folder = tmp_path / "folder"
    folder.mkdir()
    shutil.copy(cases[0].path, folder)
    (folder / "cut.nii.gz").write_bytes(cases[0].path.read_bytes()[:5000])
    series = tmp_path / "patient-7"
    _write_series(series, read_volume(cases[1].path))
    out = tmp_path / "predictions"
    arguments = ["segmentation", "predict", str(trained.folder), str(folder), str(series), "--out", str(out)]
    assert cli.main(arguments) == 0
    assert "1 scan could not be read" in " ".join(capsys.readouterr().err.split())
    rows = rows_of(out / "predictions.csv")
    assert [row["case"] for row in rows] == [cases[0].image_id, "patient-7"]
    for row in rows:
        assert float(row["lesion_ml"]) == pytest.approx(read_mask(out / row["mask"]).voxels.sum() * 0.096, abs=1e-3)
        assert (row["out_of_distribution"] == "yes") == (float(row["ood_distance"]) > 1)
    assert len(list((out / "overlays").glob("*.png"))) == 2
    # The series holds the second case's voxels: its mask is that of the file, seen in the world.
    assert cli.main([*arguments[:3], str(cases[1].path), "--out", str(tmp_path / "file"), "--no-overlays"]) == 0
    from_series = read_mask(out / "masks" / "patient-7.nii.gz")
    from_file = read_mask(tmp_path / "file" / "masks" / f"{cases[1].image_id}.nii.gz")
    assert dice_score(_as_lps(from_series), _as_lps(from_file)) >= 0.98
    assert cli.main(arguments) == 2
    assert "already exists" in capsys.readouterr().err


def _write_series(folder: Path, volume: Volume) -> None:
    """Write a scan as a folder of CT slices."""
    folder.mkdir()
    affine = lps_affine(volume.affine)
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    for k in range(volume.voxels.shape[2]):
        slice_ = pydicom.Dataset()
        slice_.file_meta = pydicom.dataset.FileMetaDataset()
        slice_.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        slice_.SOPClassUID = slice_.file_meta.MediaStorageSOPClassUID = pydicom.uid.CTImageStorage
        slice_.SOPInstanceUID = slice_.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{k + 1}"
        slice_.SeriesInstanceUID, slice_.Modality, slice_.PatientID = "1.2.3", "CT", "somebody"
        slice_.ImagePositionPatient = (affine @ [0, 0, k, 1])[:3].round(4).tolist()
        slice_.ImageOrientationPatient = [*(affine[:3, 0] / steps[0]).tolist(), *(affine[:3, 1] / steps[1]).tolist()]
        slice_.PixelSpacing = [float(steps[1]), float(steps[0])]
        stored = (volume.voxels[:, :, k].T.astype(np.int32) + 1024).clip(0).astype(np.uint16)
        slice_.Rows, slice_.Columns = stored.shape
        slice_.SamplesPerPixel, slice_.PhotometricInterpretation, slice_.PixelRepresentation = 1, "MONOCHROME2", 0
        slice_.BitsAllocated, slice_.BitsStored, slice_.HighBit = 16, 16, 15
        slice_.RescaleSlope, slice_.RescaleIntercept = 1, -1024
        slice_.PixelData = stored.tobytes()
        slice_.save_as(folder / f"{k:03d}.dcm", enforce_file_format=True)


def test_the_submission_is_the_challenges_own(trained: SimpleNamespace, tmp_path: Path) -> None:
    images = tmp_path / "Validation"
    images.mkdir()
    for case in covid19.find_cases(trained.data)[:2]:
        shutil.copy(case.path, images)
    out = tmp_path / "submission.zip"
    assert cli.main(["segmentation", "submit", str(trained.folder), "--images", str(images), "--out", str(out)]) == 0
    assert validate_submission(out, covid19.find_images(images)) == []


def test_asked_wrongly_it_says_so_and_touches_nothing(trained: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in trained.folder.rglob("*"))
    data, run = str(trained.data), str(trained.folder)
    asked = {
        "already holds a run": ["train", "--data", data, "--run", run, *QUICK],
        "there is no such folder": ["train", "--data", str(tmp_path / "none")],
        "multiples of 16": ["train", "--data", data, "--run", str(tmp_path / "a"), "--patch-voxels", "90", "96", "32"],
        "lesion_share is 3.0": ["train", "--data", data, "--run", str(tmp_path / "a"), "--lesion-share", "3"],
        "are the same run": ["evaluate", run, run],
        "Name each run of an ensemble once": ["predict", run, run, data, "--out", str(tmp_path / "b")],
        "submit: writes no probabilities": ["submit", run, "--images", data, "--out", str(tmp_path / "b.zip"), "--probabilities"],
        "there is no such file": ["predict", run, str(tmp_path / "none"), "--out", str(tmp_path / "b")],
        "name at least one file or folder": ["predict", run, run, "--out", str(tmp_path / "b")],
        "Expected volumes (.nii.gz, .nii, .mha, .nrrd)": ["predict", run, str(trained.folder / "best"), "--out", str(tmp_path / "b")],
    }
    for words, arguments in asked.items():
        assert cli.main(["segmentation", *arguments]) == 2, arguments
        said = " ".join(capsys.readouterr().err.split())
        assert words in said
        assert "Traceback" not in said
    assert sorted((path, path.stat().st_mtime_ns) for path in trained.folder.rglob("*")) == before


@pytest.mark.slow
def test_killed_and_resumed_it_ends_with_the_same_weights(trained: SimpleNamespace, tmp_path: Path) -> None:
    import torch

    killed = tmp_path / "killed"
    arguments = ["segmentation", "train", "--data", str(trained.data), *QUICK, "--run", str(killed)]
    # In the second of four epochs.
    killed_once(lambda: (killed / "history.jsonl").exists(), arguments)
    assert not (killed / "postprocessing.json").exists()
    assert len((killed / "history.jsonl").read_text().splitlines()) < 4
    torch.set_num_threads(1)
    assert cli.main(["segmentation", "resume", str(killed)]) == 0
    one, other = (load_file(run / "best" / "model.safetensors") for run in (trained.folder, killed))
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)
    assert read_json(trained.folder / "postprocessing.json") == read_json(killed / "postprocessing.json")


def _write_infants(folder: Path) -> None:
    """Write as few scans as can be divided, of chests so small that few windows hold them."""
    (folder / "Train").mkdir(parents=True)
    affine = np.diag([-1.95, -1.95, 1.95, 1.0])
    for number in range(6):
        hu, mask = chest_hu(number), ellipsoid((28 if number % 2 else 68, 36, 18), (4 + number, 4 + number, 4))
        hu[mask] = -100
        write_volume(folder / "Train" / f"volume-covid19-A-{number:04d}_ct.nii.gz", hu, affine)
        write_volume(folder / "Train" / f"volume-covid19-A-{number:04d}_seg.nii.gz", mask.astype(np.uint8), affine)


@pytest.mark.slow
def test_the_challenge_preset_is_trained_killed_resumed_evaluated_asked_and_handed_in(tmp_path: Path) -> None:
    """In full precision, without mirror images, coarsely and in small patches, since here is no GPU; on as few scans as can be divided.

    A test of the lesson takes a step with a patch of the true size.
    """
    from radlearn.covid19_ct_segmentation import segment_lesions as lesson

    run, data = tmp_path / "run", tmp_path / "data"
    _write_infants(data)
    handful = ["--epochs", "1", "--patches-per-scan", "1", "--precision", "32-true", "--workers", "0"]
    handful += ["--no-test-time-mirror", "--spacing-mm", "2.5", "2.5", "5", "--patch-voxels", "48", "48", "16", "--overlap", "0"]
    arguments = ["segmentation", "train", "--preset", "challenge", "--data", str(data), "--run", str(run), *handful]
    # Here, because the processes that prepare scans are not for a forked child to use.
    lesson.make_dataset(replace(lesson.PRESETS["challenge"], spacing_mm=(2.5, 2.5, 5.0)), lesson.find_cases(data))
    killed_once(lambda: steps_saved(run) > 0, arguments)
    assert not (run / "postprocessing.json").exists()
    assert cli.main(["segmentation", "evaluate", str(run)]) == 2
    assert cli.main(["segmentation", "resume", str(run)]) == 0
    about = read_json(run / "settings.json")["settings"]
    assert (about["network"], about["spacing_mm"], about["patch_voxels"]) == ("segresnet", [2.5, 2.5, 5.0], [48, 48, 16])
    assert load_file(run / "best" / "model.safetensors")
    assert cli.main(["segmentation", "evaluate", str(run)]) == 0
    one = next((data / "Train").glob("*_ct.nii.gz"))
    assert cli.main(["segmentation", "predict", str(run), str(one), "--out", str(tmp_path / "predictions")]) == 0
    assert len(list((tmp_path / "predictions" / "overlays").iterdir())) == 1
    assert cli.main(["segmentation", "submit", str(run), "--images", str(one), "--out", str(tmp_path / "s.zip")]) == 0


@pytest.mark.slow
def test_real_scans_are_predicted_without_complaint_and_their_lungs_are_in_the_block(
    trained: SimpleNamespace, shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scans = sorted(path for path in (shared_data / "ct_real_sample").glob("*.nii.gz") if "-msk" not in path.name)
    out = tmp_path / "out"
    assert cli.main(["segmentation", "predict", str(trained.folder), *map(str, scans), "--out", str(out)]) == 0
    assert "could not be read" not in capsys.readouterr().err
    for path in scans:
        scan, lungs = read_volume(path), read_mask(path.with_name(path.name.replace(".nii.gz", "-msk.nii.gz")))
        assert lungs.voxels[lung_box(scan.voxels, scan.affine).box].sum() >= 0.99 * lungs.voxels.sum()
        mask = read_volume(out / "masks" / path.name)
        assert np.abs(mask.affine - scan.affine).max() <= 1e-5
        # What lies outside the field of view is air to the network, and never a lesion.
        assert not mask.voxels[scan.voxels < -1500].any()
