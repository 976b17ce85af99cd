"""The CT cohort as files."""

import csv
from pathlib import Path

import numpy as np
import pytest

from radlearn.challenges.covid19 import layout as covid19
from radlearn.digital_thorax import ct_cohort
from radlearn.digital_thorax.ct_cohort import plan_cts, write_covid19
from radlearn.errors import BadLayout, BadSetting, RadlearnError
from tests.scans.nifti_witness import read_by_sitk


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("thorax") / "covid19"
    write_covid19(made, cts=3, seed=2, workers=1)
    return made


def test_the_challenges_own_reader_and_sitk_read_it_back(folder: Path) -> None:
    cases, plans = covid19.find_cases(folder), plan_cts(3, 2, "small", heavy=True)
    assert [case.case_id for case in cases] == ["volume-covid19-A-0001", "volume-covid19-A-0002", "volume-covid19-A-0003"]
    assert [case.person for case in cases] == [plan.person_id for plan in plans]
    for case in cases:
        assert case.mask_path is not None
        (hu, affine), (lesion, mask_affine) = read_by_sitk(case.path), read_by_sitk(case.mask_path)
        assert np.array_equal(affine, mask_affine)
        assert hu.shape == lesion.shape
        assert hu.dtype == np.int16
        assert set(np.unique(lesion)) <= {0, 1}
        assert 160 <= hu.shape[0] <= 192
        assert np.percentile(hu, 99.9) > 300


def test_it_says_that_it_is_synthetic_and_keeps_the_truth(folder: Path) -> None:
    assert "Synthetic" in (folder / "README.md").read_text()
    with open(folder / "truth.csv", newline="") as opened:
        rows = list(csv.DictReader(opened))
    for row, case in zip(rows, covid19.find_cases(folder), strict=True):
        assert (row["case"], row["person"]) == (case.case_id, case.person)
        assert case.mask_path is not None
        mask, affine = read_by_sitk(case.mask_path)
        voxel_ml = abs(np.linalg.det(affine[:3, :3])) / 1000
        assert float(row["lesion_ml"]) == pytest.approx(mask.sum() * voxel_ml, abs=0.01 + 1e-4 * voxel_ml * 1e4)
        assert 2000 < float(row["lung_ml"]) < 8000
        assert row["axes"] in ("LPS", "LPI")


def test_fewer_cts_by_more_workers_are_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write_covid19(tmp_path / "some", cts=2, seed=2, workers=2)
    some, every = _files(tmp_path / "some"), _files(folder)
    images = {name: content for name, content in some.items() if name.endswith(".nii.gz")}
    assert len(images) == 4
    assert all(every[name] == content for name, content in images.items())


def test_a_folder_that_holds_something_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(BadLayout, match="is not empty"):
        write_covid19(tmp_path, cts=1)
    assert _files(tmp_path) == {"mine.txt": b"precious"}


@pytest.mark.parametrize("trouble", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_interrupted_or_full_disk_leaves_nothing_that_reads_as_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: BaseException
) -> None:
    def fail(*_: object) -> None:
        raise trouble

    monkeypatch.setattr(ct_cohort, "_write_ct", fail)
    with pytest.raises(KeyboardInterrupt if isinstance(trouble, KeyboardInterrupt) else RadlearnError):
        write_covid19(tmp_path / "covid19", cts=2, workers=1)
    assert list(tmp_path.iterdir()) == []


def test_nonsense_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="at least 1"):
        write_covid19(tmp_path / "none", cts=0)
    with pytest.raises(BadSetting, match="small, full"):
        write_covid19(tmp_path / "huge", cts=1, size="huge")
