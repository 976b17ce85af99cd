"""The cohort as files."""

from pathlib import Path

import pydicom
import pytest

from radlearn.challenges import rsna
from radlearn.digital_thorax import cohort
from radlearn.digital_thorax.cohort import plan_films, write_rsna
from radlearn.errors import BadLayout, RadlearnError


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("thorax") / "rsna"
    write_rsna(made, films=8, seed=5, workers=1)
    return made


def test_the_challenges_own_reader_reads_it_back(folder: Path) -> None:
    cases, plans = rsna.find_cases(folder), plan_films(8, 5)
    assert [case.image_id for case in cases] == [plan.image_id for plan in plans]
    assert [case.person for case in cases] == [plan.person_id for plan in plans]
    for case, plan in zip(cases, plans, strict=True):
        assert case.label == bool(case.boxes_xyxy_px)
        assert plan.opacities or not case.label
        assert case.category == (plan.category if case.label or not plan.opacities else "No Lung Opacity / Not Normal")
        film = pydicom.dcmread(case.path)
        assert film.ViewPosition == plan.view
        assert film.PatientSex == plan.sex
        assert film.PhotometricInterpretation == plan.photometric
        assert (film.Rows, film.Columns, film.BitsStored) == (1024, 1024, 8)


def test_it_says_that_it_is_synthetic_and_keeps_the_truth(folder: Path) -> None:
    assert "synthetic" in (folder / "README.md").read_text().lower()
    truth = (folder / "truth.csv").read_text().splitlines()
    findings = sum(len(plan.findings) + plan.opacities for plan in plan_films(8, 5))
    assert truth[0].startswith("patientId,person")
    assert len(truth) - 1 >= findings


def test_fewer_films_by_more_workers_are_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write_rsna(tmp_path / "some", films=3, seed=5, workers=2)
    some, every = _files(tmp_path / "some"), _files(folder)
    images = {name: content for name, content in some.items() if name.endswith(".dcm")}
    assert len(images) == 3
    assert all(every[name] == content for name, content in images.items())


def test_a_folder_that_holds_something_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(BadLayout, match="holds something already"):
        write_rsna(tmp_path, films=1)
    assert _files(tmp_path) == {"mine.txt": b"precious"}


@pytest.mark.parametrize("trouble", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_interrupted_or_full_disk_leaves_nothing_that_reads_as_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: BaseException
) -> None:
    def fail(*_: object) -> None:
        raise trouble

    monkeypatch.setattr(cohort, "_write_film", fail)
    with pytest.raises(KeyboardInterrupt if isinstance(trouble, KeyboardInterrupt) else RadlearnError):
        write_rsna(tmp_path / "rsna", films=2, workers=1)
    assert list(tmp_path.iterdir()) == []


def test_nonsense_counts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RadlearnError, match="at least 1"):
        write_rsna(tmp_path / "none", films=0)
