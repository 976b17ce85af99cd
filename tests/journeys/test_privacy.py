"""Names, dates and institutions are planted into headers, every command is run, and all that was written or said is searched for them."""

import base64
import csv
import gzip
import hashlib
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin
from pydicom.config import IGNORE
from safetensors.numpy import save_file

from radlearn import cli
from radlearn.challenges.rsna import find_cases
from radlearn.pseudonyms import pseudonym
from radlearn.scans.geometry import Volume
from radlearn.scans.nifti import write_volume
from tests.check.phantom import AFFINE, chest_hu, lesion
from tests.journeys.test_segmentation import QUICK as QUICK_CT
from tests.journeys.test_segmentation import _write_series
from tests.planted import NAMES, SECRETS, UID_ROOT, digests_of, found_in, patient_id, plant, standing_in, written_below
from tests.scans.test_ultrasound_dicom import ultrasound

QUICK = ["--size-px", "64", "--epochs", "1", "--batch-size", "8", "--device", "cpu"]


@pytest.fixture(scope="module")
def planted(small_rsna: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The X-rays of the small folder with headers as hospitals write them; the tables name nobody."""
    folder = tmp_path_factory.mktemp("planted") / "rsna"
    shutil.copytree(small_rsna, folder)
    for number, case in enumerate(find_cases(folder)):
        said = pydicom.dcmread(case.path)
        plant(said, case.person, number)
        said.save_as(case.path)
    return folder


def nothing_found(*folders: Path, said: str, persons: list[str]) -> None:
    """Prove that no secret stands in the files below folders, nor in what was said."""
    secrets = [secret.encode() for secret in SECRETS]
    digests = digests_of([patient_id(person) for person in persons])
    contents = written_below(*folders) | {"what was said": said.encode()}
    assert len(contents) > 2
    leaks = {path: found for path, content in contents.items() if (found := found_in(content, secrets))}
    assert leaks == {}, leaks
    assert [path for path, content in contents.items() if standing_in(content, digests)] == []


def done(*words: object) -> int:
    return cli.main([str(word) for word in words])


def classes_of(planted: Path, folder: Path) -> Path:
    """Lay the X-rays into a folder for each class, as `table` takes them."""
    for case in find_cases(planted):
        place = folder / ("opacity" if case.label else "clear") / case.path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(case.path, place)
    return folder


@pytest.mark.slow
def test_no_command_of_classification_repeats_what_names_a_patient(
    planted: Path, tmp_path: Path, journey_cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out, classes = tmp_path / "out", classes_of(planted, tmp_path / "images")
    out.mkdir()
    # What cannot be used is told, and a message may quote what it found.
    lateral, cut = tmp_path / "asked" / "lateral.dcm", tmp_path / "asked" / "cut.dcm"
    lateral.parent.mkdir()
    cases = find_cases(planted)
    for path, case in ((lateral, cases[0]), (cut, cases[1])):
        shutil.copy(case.path, path)
    said = pydicom.dcmread(lateral)
    said.ViewPosition, said.BodyPartExamined = "", ""
    said.SeriesDescription = "Knie seitlich, Fr. Fichtenkreuz"
    # Of a machine that wrote another date into the field.
    said["PatientAge"] = pydicom.DataElement(0x00101010, "AS", "19470613", validation_mode=IGNORE)
    said.save_as(lateral)
    cut.write_bytes(cut.read_bytes()[:-700])
    shutil.copy(cases[2].path, lateral.parent / "whole.dcm")

    assert done("check", planted, "--out", out / "check.html") in (0, 1)
    assert done("check", planted, "--json") in (0, 1)
    assert done("check", lateral.parent, "--out", out / "asked.html") in (0, 1)
    table = out / "cases.csv"
    assert done("classification", "table", classes, "--out", table, "--positive", "opacity") == 0
    assert done("check", table, "--out", out / "check-table.html") in (0, 1)
    by_layout, by_table = out / "by layout", out / "by table"
    assert done("classification", "train", "--data", planted, "--run", by_layout, *QUICK) == 0
    assert done("classification", "train", "--data", table, "--run", by_table, *QUICK) == 0
    assert done("classification", "tune", by_layout) == 0
    assert done("classification", "evaluate", by_layout) == 0
    assert done("classification", "evaluate", by_table, "--json") == 0
    assert done("classification", "predict", by_layout, lateral.parent, "--out", out / "predictions") == 0
    assert done("classification", "predict", by_layout, table, "--out", out / "predictions of a table") == 0
    assert done("classification", "submit", by_layout, "--images", planted, "--out", out / "submission.csv") == 0
    assert done("compare", by_layout, shutil.copytree(by_layout, out / "a copy"), "--out", out / "comparison") == 0
    captured = capfd.readouterr()
    persons = [case.person for case in cases]
    nothing_found(out, journey_cache, said=captured.out + captured.err, persons=persons)
    # The table that radlearn wrote tells people apart all the same.
    with open(table, newline="") as opened:
        written = {Path(row["path"]).name: row["person"] for row in csv.DictReader(opened)}
    assert written == {case.path.name: pseudonym(patient_id(case.person)) for case in cases}


def planted_series(folder: Path, seed: int, person: str) -> Path:
    """A CT as a folder of slices whose headers name a patient."""
    _write_series(folder, Volume(chest_hu(seed), AFFINE, folder))
    for number, path in enumerate(sorted(folder.iterdir())):
        said = pydicom.dcmread(path)
        plant(said, person, 1000 * seed + number)
        said.StudyInstanceUID, said.SeriesInstanceUID = f"{UID_ROOT}.3.{seed}", f"{UID_ROOT}.4.{seed}"
        # Whatever the images of one person say of it they say alike.
        for keyword in ("PatientName", "PatientBirthDate"):
            setattr(said, keyword, NAMES[keyword])
        said.save_as(path)
    return folder


@pytest.mark.slow
def test_no_command_repeats_what_names_the_patient_of_a_ct(
    small_covid19: Path, tmp_path: Path, journey_cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    scans, mixed, out = tmp_path / "scans", tmp_path / "mixed", tmp_path / "out"
    scans.mkdir()
    out.mkdir()
    rows = ["path,mask"]
    for seed in range(3):
        planted_series(scans / f"scan-{seed}", seed, str(seed))
        write_volume(scans / f"mask-{seed}.nii.gz", lesion(), AFFINE)
        rows.append(f"scan-{seed},mask-{seed}.nii.gz")
    (scans / "cases.csv").write_text("\n".join(rows))
    planted_series(mixed, 1, "1")
    first = min(mixed.iterdir())
    said = pydicom.dcmread(first)
    said.PatientID, said.PatientName = patient_id("7"), "Mirabellenhain^Hilla"
    said.save_as(first)

    assert done("check", scans, "--out", out / "check.html") in (0, 1)
    assert done("check", scans / "cases.csv", "--out", out / "check-table.html") in (0, 1)
    assert done("check", mixed, "--out", out / "mixed.html", "--json") in (0, 1)
    assert done("segmentation", "table", scans, "--out", out / "cases.csv") == 2  # it pairs files, and not folders of slices
    run = out / "run"
    assert done("segmentation", "train", "--data", small_covid19, "--run", run, *QUICK_CT[:-1], "1") == 0
    assert done("segmentation", "evaluate", run, "--data", scans / "cases.csv") == 0
    assert done("segmentation", "predict", run, scans, mixed, "--out", out / "predictions", "--probabilities") == 0
    captured = capfd.readouterr()
    nothing_found(out, journey_cache, said=captured.out + captured.err, persons=["0", "1", "2", "7"])


@pytest.mark.slow
def test_the_detection_lesson_and_its_cache_of_pixels_repeat_nothing(
    planted: Path, tmp_path: Path, journey_cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert done("detection", "train", "--data", planted, "--run", out / "run", *QUICK) == 0
    assert done("detection", "evaluate", out / "run") == 0
    some = find_cases(planted)[:2]
    assert done("detection", "predict", out / "run", *(case.path for case in some), "--out", out / "predictions") == 0
    captured = capfd.readouterr()
    nothing_found(out, journey_cache, said=captured.out + captured.err, persons=[case.person for case in find_cases(planted)])


def test_neither_check_nor_the_table_of_ultrasound_in_dicom_repeats_a_name(
    tmp_path: Path, journey_cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    images, out, rng = tmp_path / "images", tmp_path / "out", np.random.default_rng(0)
    images.mkdir()
    out.mkdir()
    for number in range(4):
        path = ultrasound(images / f"{number}.dcm", rng.integers(0, 256, (96, 128), dtype=np.uint8))
        said = pydicom.dcmread(path)
        plant(said, str(number), number)
        said.save_as(path)
        marked = np.zeros((96, 128), np.uint8)
        marked[20:40, 30:60] = 255
        Image.fromarray(marked).save(images / f"{number}_mask.png")
    assert done("check", images, "--out", out / "check.html") in (0, 1)
    assert done("ultrasound", "table", images, "--out", out / "cases.csv") == 0
    assert done("check", out / "cases.csv", "--json", "--out", out / "check-table.html") in (0, 1)
    captured = capfd.readouterr()
    nothing_found(out, journey_cache, said=captured.out + captured.err, persons=list("0123"))


def test_the_search_finds_what_is_planted_in_any_kind_of_file(tmp_path: Path) -> None:
    secret = b"Zwetschgenbaum"
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "of zwetschgenbaum", zip=True)
    Image.new("L", (4, 4)).save(tmp_path / "a.png", pnginfo=info)
    picture = (tmp_path / "a.png").read_bytes()
    assert secret not in picture
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inside.json.gz", gzip.compress(b'{"name": "ZWETSCHGENBAUM"}'))
    save_file({"x": np.zeros(1)}, tmp_path / "a.safetensors", {"about": "Zwetschgenbaum"})
    page = b'<img src="data:image/png;base64,' + base64.b64encode(picture) + b'">'
    contents = [*written_below(tmp_path).values(), page, "Zwetschgenbaum".encode("utf-16"), "Zwetschgenbaum".encode("utf-16-be")]
    assert [bool(found_in(content, [secret])) for content in contents] == [True, True, True, False, True, True, True]
    assert set(digests_of(["MRN-1"])) >= {hashlib.sha256(b"MRN-1").hexdigest().encode(), hashlib.md5(b"MRN-1").digest()}


@given(st.binary(max_size=60), st.lists(st.binary(min_size=4, max_size=6), max_size=5), st.lists(st.integers(0, 55), max_size=3))
def test_many_strings_are_found_at_once_where_python_finds_each(content: bytes, others: list[bytes], places: list[int]) -> None:
    wanted = others + [content[place : place + 5] for place in places if len(content) >= place + 4]
    assert standing_in(content, wanted) == {one for one in wanted if one in content}


def test_the_headers_hold_every_secret_that_is_looked_for(planted: Path) -> None:
    headers = b"".join(case.path.read_bytes() for case in find_cases(planted))
    spelt_otherwise = {b"1947-06-13", b"13.06.1947", b"06/13/1947"}
    assert found_in(headers, [secret.encode() for secret in SECRETS]) == {secret.encode() for secret in SECRETS} - spelt_otherwise
