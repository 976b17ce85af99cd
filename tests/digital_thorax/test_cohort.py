"""The cohort as files."""

import csv
import errno
import os
from pathlib import Path

import numpy as np
import pydicom
import pytest

from radlearn.challenges.rsna import layout as rsna
from radlearn.digital_thorax import cohort
from radlearn.digital_thorax.cohort import plan_xrays, write_rsna
from radlearn.digital_thorax.xray import SimulatedXray
from radlearn.errors import BadLayout, RadlearnError


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("thorax") / "rsna"
    write_rsna(made, xrays=8, seed=5, workers=1)
    return made


def test_the_challenges_own_reader_reads_it_back(folder: Path) -> None:
    cases, plans = rsna.find_cases(folder), plan_xrays(8, 5)
    assert [case.image_id for case in cases] == [plan.image_id for plan in plans]
    assert [case.person for case in cases] == [plan.person_id for plan in plans]
    for case, plan in zip(cases, plans, strict=True):
        assert case.label == bool(case.boxes_xyxy_px)
        assert plan.opacities or not case.label
        assert case.category == (plan.category if case.label or not plan.opacities else "No Lung Opacity / Not Normal")
        xray = pydicom.dcmread(case.path)
        assert xray.ViewPosition == plan.view
        assert xray.PatientSex == plan.sex
        assert xray.PhotometricInterpretation == plan.photometric
        assert (xray.Rows, xray.Columns, xray.BitsStored) == (1024, 1024, 8)


def test_it_says_that_it_is_synthetic_and_keeps_the_truth(folder: Path) -> None:
    assert "synthetic" in (folder / "README.md").read_text().lower()
    truth = (folder / "truth.csv").read_text().splitlines()
    findings = sum(len(plan.findings) + plan.opacities for plan in plan_xrays(8, 5))
    assert truth[0].startswith("patientId,person")
    assert len(truth) - 1 >= findings


def test_fewer_xrays_by_more_workers_are_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write_rsna(tmp_path / "some", xrays=3, seed=5, workers=2)
    some, every = _files(tmp_path / "some"), _files(folder)
    images = {name: content for name, content in some.items() if name.endswith(".dcm")}
    assert len(images) == 3
    assert all(every[name] == content for name, content in images.items())


def test_a_folder_that_holds_something_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(BadLayout, match="is not empty"):
        write_rsna(tmp_path, xrays=1)
    assert _files(tmp_path) == {"mine.txt": b"precious"}


@pytest.mark.parametrize("trouble", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_interrupted_or_full_disk_leaves_nothing_that_reads_as_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: BaseException
) -> None:
    def fail(*_: object) -> None:
        raise trouble

    monkeypatch.setattr(cohort, "_write_xray", fail)
    with pytest.raises(KeyboardInterrupt if isinstance(trouble, KeyboardInterrupt) else RadlearnError):
        write_rsna(tmp_path / "rsna", xrays=2, workers=1)
    assert list(tmp_path.iterdir()) == []


def test_nonsense_counts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RadlearnError, match="at least 1"):
        write_rsna(tmp_path / "none", xrays=0)


def test_a_twin_differs_where_the_opacity_was_and_nowhere_else(tmp_path: Path, folder: Path) -> None:
    write_rsna(tmp_path / "pairs", xrays=5, seed=5, workers=1, twins=True)
    with open(tmp_path / "pairs" / "twins.csv", newline="") as table:
        pairs = list(csv.DictReader(table))
    ill = [plan for plan in plan_xrays(5, 5) if plan.opacities]
    assert len(ill) == 2
    assert [pair["patientId"] for pair in pairs] == [plan.image_id for plan in ill]
    assert sorted(path.stem for path in (tmp_path / "pairs" / "twins").iterdir()) == sorted(plan.image_id for plan in ill)
    untwinned, xrays = _files(folder), list((tmp_path / "pairs" / rsna.IMAGE_FOLDER).iterdir())
    assert all(untwinned[f"{rsna.IMAGE_FOLDER}/{xray.name}"] == xray.read_bytes() for xray in xrays)
    for pair in pairs:
        xray, twin = (pydicom.dcmread(tmp_path / "pairs" / pair[which]) for which in ("xray", "twin"))
        differing = {element.keyword for element in xray if element.keyword not in twin or twin[element.keyword] != element}
        assert differing <= {"PixelData", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "LossyImageCompressionRatio"}
        assert xray.SOPInstanceUID != twin.SOPInstanceUID
        change = np.abs(xray.pixel_array.astype(int) - twin.pixel_array)
        assert change.max() > 15
        # Most of an X-ray lies far from any opacity, and there the two are the same but for the coding.
        assert np.median(change) <= 2


def _disk_full_after(writes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the disk be full when the file after that many is to be moved into place: half of it is written then."""
    real, done = os.replace, []

    def replace(source: str, goal: str) -> None:
        done.append(goal)
        if len(done) > writes:
            with open(source, "r+b") as half:
                half.truncate(os.path.getsize(source) // 2)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(goal))
        real(source, goal)

    monkeypatch.setattr("radlearn.files.os.replace", replace)


@pytest.mark.parametrize("writes", [0, 1, 3, 5])
def test_a_disk_that_fills_up_at_any_file_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int) -> None:
    blank = SimulatedXray(np.zeros((64, 64), np.uint8), (), None, (), np.zeros((64, 64), np.float32))
    monkeypatch.setattr(cohort, "render_xray", lambda *_, **__: blank)
    _disk_full_after(writes, monkeypatch)
    with pytest.raises(RadlearnError, match=r"No space left.*Make room"):
        write_rsna(tmp_path / "rsna", xrays=3, seed=5, workers=1)
    assert list(tmp_path.iterdir()) == []
