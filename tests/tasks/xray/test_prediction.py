"""A pass over files, with and without a folder to write into."""

import csv
import errno
import os
import shutil
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK
from PIL import Image

from radlearn.errors import BadLayout, BadSetting, CannotWrite, RadlearnWarning
from radlearn.tasks.xray.prediction import XrayPredictions, refuse_repeated_ids
from radlearn.tasks.xray.radiographs import PreparedRadiograph, read_unlabelled
from radlearn.workflow.partial_answers import answers_beside

at_32_px = partial(read_unlabelled, size_px=32, shape="stretch")


def test_two_files_of_one_name_are_refused() -> None:
    refuse_repeated_ids(["a", "b"])
    with pytest.raises(BadLayout, match="2 files are called b; a submission has one row for each id"):
        refuse_repeated_ids(["a", "b", "b"])


def test_unreadable_files_are_skipped_and_listed(small_rsna: Path, tmp_path: Path) -> None:
    source = sorted((small_rsna / "stage_2_train_images").iterdir())[:3]
    for path in source[:2]:
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "in" / source[2].name).write_bytes(source[2].read_bytes()[:2000])
    predictions = XrayPredictions([tmp_path / "in"], tmp_path / "out")
    seen = [xray for batch in predictions.batches(at_32_px, 1) for xray in batch]
    assert [xray.case.image_id for xray in seen] == [path.stem for path in source[:2]]
    predictions.rows = [(xray.case.image_id,) for xray in seen]
    predictions.write_table(["patientId"])
    assert predictions.table == tmp_path / "out" / "predictions.csv"
    assert source[2].name in (tmp_path / "out" / "unreadable.txt").read_text()
    with pytest.raises(BadSetting, match=r"predictions\.csv already exists"):
        XrayPredictions([tmp_path / "in"], tmp_path / "out")


def test_what_is_doubtful_is_said_once_for_all_files_and_never_as_a_warning_of_python(
    small_rsna: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, path in enumerate(sorted((small_rsna / "stage_2_train_images").iterdir())[:3]):
        dataset = pydicom.dcmread(path)
        dataset.BodyPartExamined = "HAND" if number < 2 else "FOOT"
        dataset.save_as(tmp_path / path.name)
    # Of what is refused the reason is enough.
    dataset.Modality = "CT"
    dataset.save_as(tmp_path / "slice.dcm")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        predictions = XrayPredictions([tmp_path], None)
        assert [len(batch) for batch in predictions.batches(at_32_px, 2)] == [2, 1]
    assert len(predictions.unreadable.lines) == 1
    assert [one for one in caught if issubclass(one.category, RadlearnWarning)] == []
    said = capsys.readouterr().err.splitlines()
    assert "may be no frontal chest X-ray: BodyPartExamined is HAND (2 X-rays)" in said
    assert f"{tmp_path / path.name}: may be no frontal chest X-ray: BodyPartExamined is FOOT" in said


def test_without_a_folder_nothing_can_be_written(small_rsna: Path, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="no folder"):
        XrayPredictions([small_rsna], None).write_table(["patientId"])
    with pytest.raises(BadLayout, match="holds no X-ray"):
        XrayPredictions([tmp_path], None)
    (tmp_path / "IM0001").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "all.zip").write_bytes(b"PK")
    told = r"but 1 file \(all\.zip\): packed, .*; and 1 file \(IM0001\): a PNG picture\. Give it a name that ends with \.png\."
    with pytest.raises(BadLayout, match=told):
        XrayPredictions([tmp_path], None)


def test_slices_in_volume_files_are_predicted_for_and_cts_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grey = np.random.default_rng(0).integers(0, 4000, (64, 80)).astype(np.uint16)
    several = np.stack([grey] * 3)
    for name, array in (("x/a.nii.gz", grey), ("x/b.mha", grey[None]), ("ct/p.nii.gz", several), ("ct/q.nrrd", several)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(array), str(tmp_path / name))
    predictions = XrayPredictions([tmp_path / "x"], None)
    seen = [xray for batch in predictions.batches(at_32_px, 2) for xray in batch]
    assert [xray.case.image_id for xray in seen] == ["a", "b"]
    assert np.array_equal(seen[0].pixels, seen[1].pixels)
    assert "row 0 on top, as ITK reads it (2 X-rays)" in capsys.readouterr().err
    with pytest.raises(BadLayout, match=r"holds no X-ray, but 2 volumes of several slices, such as p\.nii\.gz, as CTs are\."):
        XrayPredictions([tmp_path / "ct"], None)
    named = XrayPredictions([tmp_path / "ct" / "p.nii.gz"], None)
    assert list(named.batches(at_32_px, 2)) == []
    assert "holds 3 slices of 80 × 64 px" in named.unreadable.lines[0]


def test_pages_of_a_tiff_are_xrays_of_their_own_and_the_table_names_the_tiff(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pages = [np.random.default_rng(page).integers(0, 4000, (64, 80)).astype(np.uint16) for page in range(3)]
    # On the last nothing can be seen.
    first, *others = (Image.fromarray(page) for page in (*pages, pages[0] * 0))
    (tmp_path / "in").mkdir()
    first.save(tmp_path / "in" / "stack.tif", save_all=True, append_images=others)
    Image.fromarray(pages[1]).save(tmp_path / "in" / "alone.png")
    predictions = XrayPredictions([tmp_path / "in"], tmp_path / "out")
    seen = {xray.case.image_id: xray for batch in predictions.batches(at_32_px, 2) for xray in batch}
    assert sorted(seen) == ["alone", "stack-page-001", "stack-page-002", "stack-page-003"]
    assert np.array_equal(seen["stack-page-002"].pixels, seen["alone"].pixels)
    assert not np.array_equal(seen["stack-page-001"].pixels, seen["alone"].pixels)
    predictions.rows = [(str(xray.case.path), name) for name, xray in seen.items()]
    predictions.write_table(["path", "patientId"])
    with open(predictions.table, newline="") as opened:
        rows = {row["patientId"]: row["path"] for row in csv.DictReader(opened)}
    assert {name: Path(path).name for name, path in rows.items()} == {
        name: "alone.png" if name == "alone" else "stack.tif" for name in seen
    }
    assert predictions.unreadable.lines[0].startswith(f"{tmp_path}/in/stack.tif (page 4): shows nothing")
    assert "left out" not in capsys.readouterr().err


def copies(source: Path, names: list[str], folder: Path) -> list[Path]:
    """Copy an X-ray under other names, which may hold folders."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, folder / name)
    return [folder / name for name in names]


@pytest.mark.parametrize(
    "names",
    [
        ["a/IM0001.dcm", "b/IM0001.dcm", "c/IM0001-2.dcm"],
        ["a/IM0001-2.dcm", "b/IM0001.dcm", "c/IM0001.dcm"],
        ["a/x.dcm", "b/x.dcm", "c/x.dcm", "d/x-2.dcm", "e/x-3.dcm", "f/x-2.dcm"],
        ["a/im1.dcm", "b/IM1.dcm", "c/Im1.dcm"],
        ["a/" + "y" * 251 + ".dcm", "b/" + "y" * 251 + ".dcm", "c/" + "y" * 250],
        [os.fsdecode(b"a/\xff.dcm"), "b/\\xff.dcm"],
    ],
)
def test_each_xray_has_a_picture_of_its_own_wherever_the_pass_begins(names: list[str], small_rsna: Path, tmp_path: Path) -> None:
    paths = copies(next((small_rsna / "stage_2_train_images").iterdir()), names, tmp_path / "in")
    asking = XrayPredictions(paths, tmp_path / "out")
    made = {path: asking.picture(path, path.stem) for path in paths}
    assert len({str(picture).casefold() for picture in made.values()}) == len(names)
    assert all(len(os.fsencode(picture.name)) <= 255 for picture in made.values())
    # A pass that goes on asks for the last first.
    again = XrayPredictions(paths, tmp_path / "out")
    assert {path: again.picture(path, path.stem) for path in reversed(paths)} == made


def test_the_pictures_of_xrays_of_one_name_are_titled_with_their_paths(small_rsna: Path, tmp_path: Path) -> None:
    source = next((small_rsna / "stage_2_train_images").iterdir())
    first, second, other = copies(source, ["a/IM0001.dcm", "b/IM0001.dcm", "b/IM0002.dcm"], tmp_path / "in")
    asking = XrayPredictions([tmp_path / "in"], tmp_path / "out")
    assert [asking.title(path, path.stem) for path in (first, second, other)] == [str(first), str(second), "IM0002"]


def test_a_folder_that_cannot_be_written_is_found_before_the_first_xray(
    small_rsna: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotWrite, match=r"Nothing was predicted.*file.*choose another place"):
        XrayPredictions([small_rsna], tmp_path / "file" / "out").begin({})
    with pytest.raises(CannotWrite, match=r"Nothing was predicted.*too long"):
        XrayPredictions([small_rsna], tmp_path / ("x" * 256)).begin({})

    def closed(*_: Any, **__: Any) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "closed" / "out"))

    # Root may write everywhere, and tests may run as root.
    monkeypatch.setattr("radlearn.workflow.partial_answers.os.open", closed)
    with pytest.raises(CannotWrite, match=r"Nothing was predicted.*closed.*Permission denied\. Choose a place that can be written"):
        XrayPredictions([small_rsna], tmp_path / "closed" / "out").begin({})


def test_what_is_at_fault_in_one_file_is_listed_and_the_others_go_on(small_rsna: Path, tmp_path: Path) -> None:
    names = ["large.dcm", "closed.dcm", "odd.dcm", os.fsdecode(b"M\xfcller.dcm"), "z" * 250 + ".dcm"]
    paths = copies(next((small_rsna / "stage_2_train_images").iterdir()), names, tmp_path / "in")
    errors = MemoryError("Unable to allocate 32.0 GiB"), PermissionError(13, "Permission denied"), KeyError("Rows")
    troubles = dict(zip(paths[:3], errors, strict=True))

    def read(path: Path) -> PreparedRadiograph:
        if path in troubles:
            raise troubles[path]
        return at_32_px(path)

    asking = XrayPredictions(paths, tmp_path / "out")
    asking.begin({})
    asking.rows = [(str(paths[0].parent), xray.case.image_id) for batch in asking.batches(read, 1) for xray in batch]
    assert [name for _, name in asking.rows] == ["M\\xfcller", "z" * 250]
    asking.write_table(["path", "patientId"])
    assert "M\\xfcller" in asking.table.read_text(encoding="utf-8")
    listed = (tmp_path / "out" / "unreadable.txt").read_text(encoding="utf-8").splitlines()
    assert sorted(Path(line.split(":")[0]).name for line in listed) == ["closed.dcm", "large.dcm", "odd.dcm"]


def test_a_setting_that_is_wrong_for_all_ends_the_pass(small_rsna: Path, tmp_path: Path) -> None:
    asking = XrayPredictions([small_rsna], tmp_path / "out")
    with pytest.raises(BadSetting, match="size_px is 0"):
        list(asking.batches(partial(read_unlabelled, size_px=0, shape="stretch"), 1))


def test_a_submission_that_would_be_refused_for_its_names_is_refused_at_once(small_rsna: Path, tmp_path: Path) -> None:
    copies(next((small_rsna / "stage_2_train_images").iterdir()), ["a/IM0001.dcm", "b/IM0001.dcm"], tmp_path / "in")
    with answers_beside(tmp_path / "submission.csv") as folder, pytest.raises(BadLayout, match="2 files are called IM0001"):
        XrayPredictions([tmp_path / "in"], folder)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_submission_lacks_no_xray(small_rsna: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = next((small_rsna / "stage_2_train_images").iterdir())
    good, bad = copies(source, ["a.dcm", "b.dcm"], tmp_path / "in")
    bad.write_bytes(source.read_bytes()[:2000])

    def submit(folder: Path) -> None:
        predictions = XrayPredictions([tmp_path / "in"], folder)
        for path, answer in predictions.begin({"runs": []}):
            predictions.rows.append((str(path), answer["id"]))
        for batch in predictions.batches(at_32_px, 1):
            predictions.rows += [(str(xray.case.path), xray.case.image_id) for xray in batch]
            for xray in batch:
                predictions.write_down(xray.case.path, {"id": xray.case.image_id})
        predictions.write_table(["path", "patientId"])

    refused = pytest.raises(BadLayout, match="1 of the 2 X-rays cannot be read, and a submission needs a row for each")
    with refused, answers_beside(tmp_path / "sub.csv") as folder:
        submit(folder)
    # The list that the message names is still there.
    listed = tmp_path / "sub.csv.unfinished" / "unreadable.txt"
    assert str(listed) in "".join(capsys.readouterr().err.split("\n"))
    assert str(bad) in listed.read_text()
    shutil.copy(source, bad)
    with answers_beside(tmp_path / "sub.csv") as folder:
        submit(folder)
    # A table that goes with its folder is not named.
    said = capsys.readouterr().err
    assert "1 of 2 X-rays was predicted before" in said
    assert "unfinished" not in said
    assert good.exists()


def test_each_named_folder_without_an_xray_that_can_be_read_is_told(
    small_rsna: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = min((small_rsna / "stage_2_train_images").iterdir())
    copies(source, ["good/a.dcm", "good/deep/b.dcm"], tmp_path)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "c.dcm").write_bytes(b"no X-ray")
    (tmp_path / "empty").mkdir()
    # What a folder holds that lies in another one is named by the first.
    named = [tmp_path / name for name in ("good", "bad", "empty", "good/deep")]
    predictions = XrayPredictions(named, tmp_path / "out")
    assert [path.name for path in predictions.paths] == ["c.dcm", "a.dcm", "b.dcm"]
    seen = [xray for batch in predictions.batches(at_32_px, 1) for xray in batch]
    predictions.rows = [(xray.case.image_id,) for xray in seen]
    predictions.write_table(["patientId"])
    said = capsys.readouterr().err
    assert said.count("nothing is predicted for it") + said.count("nothing was predicted for it") == 2
    assert f"{tmp_path / 'empty'}: holds no X-ray, so" in said
    assert f"{tmp_path / 'bad'}: holds no X-ray that could be read, so" in said


def test_a_picture_of_a_prediction_takes_the_place_of_no_picture(tmp_path: Path) -> None:
    (tmp_path / "overlays").mkdir()
    (tmp_path / "overlays" / "a.png").write_bytes(b"")
    with pytest.raises(BadSetting, match=r"overlays/a\.png: would be replaced"):
        XrayPredictions([tmp_path / "overlays"], tmp_path)
    assert XrayPredictions([tmp_path / "overlays"], tmp_path / "out").paths == [tmp_path / "overlays" / "a.png"]
