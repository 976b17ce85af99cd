"""An evaluation on other data, or of other runs together, is not replaced by the next: both are there, and each says of what it is."""

from pathlib import Path

import pytest

from radlearn.json_files import read_json, write_json
from radlearn.training.run_folder import Run
from radlearn.workflow.kept_evaluations import keep_ensemble, keep_external, put_back_if_refused

PARTS = ("report-external.html", "pictures/external/roc.png", "cases-external.csv")


def evaluated(run: Run, content: str | None, data: str) -> None:
    for name in PARTS:
        (run.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (run.folder / name).write_text(data)
    write_json(run.folder / "scores-external.json", {"content": content, "data": data})


def own_files(run: Run) -> None:
    (run.folder / "pictures").mkdir(parents=True)
    for name in ("scores.json", "report.html", "cases.csv", "pictures/roc.png"):
        (run.folder / name).write_text("its own test people")


def test_evaluations_on_one_hospital_after_another_are_all_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(tmp_path, "classification")
    own_files(run)
    keep_external(run, "v2:a")
    assert not (tmp_path / "earlier").exists()
    for number, hospital in enumerate("abc"):
        evaluated(run, f"v2:{hospital}", f"hospital-{hospital}.csv")
        keep_external(run, f"v2:{'bcd'[number]}")
        assert not any((tmp_path / name).exists() for name in (*PARTS, "scores-external.json"))
    for number, hospital in enumerate("abc", start=1):
        place = tmp_path / "earlier" / f"external-{number}"
        assert [(place / name).read_text() for name in PARTS] == [f"hospital-{hospital}.csv"] * 3
        assert read_json(place / "scores-external.json")["data"] == f"hospital-{hospital}.csv"
        assert f"evaluation of hospital-{hospital}.csv is kept in {place}" in " ".join(capsys.readouterr().err.split()) or number > 1
    assert (tmp_path / "pictures" / "roc.png").read_text() == "its own test people"


@pytest.mark.parametrize(
    ("before", "now", "moved"), [("v2:a", "v2:a", False), ("v2:a", "v2:b", True), ("v2:a", None, True), (None, None, True)]
)
def test_the_same_cases_replace_their_own_evaluation_alone(before: str | None, now: str | None, moved: bool, tmp_path: Path) -> None:
    run = Run(tmp_path, "classification")
    evaluated(run, before, "hospital.csv")
    keep_external(run, now)
    assert (tmp_path / "earlier").exists() is moved
    assert (tmp_path / "scores-external.json").exists() is not moved


def test_a_move_that_was_stopped_goes_on_into_the_same_folder(tmp_path: Path) -> None:
    run = Run(tmp_path, "classification")
    evaluated(run, "v2:a", "hospital.csv")
    place = tmp_path / "earlier" / "external-1"
    place.mkdir(parents=True)
    (tmp_path / "report-external.html").rename(place / "report-external.html")
    keep_external(run, "v2:b")
    assert all((place / name).exists() for name in (*PARTS, "scores-external.json"))
    assert [path.name for path in (tmp_path / "earlier").iterdir()] == ["external-1"]


def test_scores_that_cannot_be_read_are_kept_too(tmp_path: Path) -> None:
    run = Run(tmp_path, "classification")
    evaluated(run, "v2:a", "hospital.csv")
    (tmp_path / "scores-external.json").write_text("{cut")
    keep_external(run, "v2:a")
    assert (tmp_path / "earlier" / "external-1" / "scores-external.json").read_text() == "{cut"


def test_the_evaluation_of_other_runs_together_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, folder = Run(tmp_path, "classification"), tmp_path / "ensemble"
    keep_ensemble(folder, first, ["/r/a", "/r/b"])
    for number, others in enumerate(("b", "c"), start=1):
        folder.mkdir()
        write_json(folder / "settings.json", {"runs": ["/r/a", f"/r/{others}"]})
        (folder / "report.html").write_text(others)
        # In another order they are the same runs.
        keep_ensemble(folder, first, [f"/r/{others}", "/r/a"])
        assert folder.exists()
        keep_ensemble(folder, first, ["/r/a", "/r/d"])
        assert not folder.exists()
        assert (tmp_path / "earlier" / f"ensemble-{number}" / "report.html").read_text() == others
        assert f"of /r/a and /r/{others} is kept in" in " ".join(capsys.readouterr().err.split())


def test_what_has_scores_of_its_own_stays_and_so_does_what_was_moved_for_it(tmp_path: Path) -> None:
    run = Run(tmp_path, "classification")
    evaluated(run, "v2:a", "a.csv")

    def stopped_late() -> None:
        with put_back_if_refused(run, "ensemble"):
            keep_external(run, "v2:b")
            evaluated(run, "v2:b", "b.csv")
            raise OSError("The disk is full.")

    with pytest.raises(OSError, match="full"):
        stopped_late()
    assert read_json(tmp_path / "scores-external.json")["data"] == "b.csv"
    assert read_json(tmp_path / "earlier" / "external-1" / "scores-external.json")["data"] == "a.csv"


def test_evaluations_kept_before_are_left_alone_by_a_refusal(tmp_path: Path) -> None:
    run = Run(tmp_path, "classification")
    for hospital in "abc":
        keep_external(run, f"v2:{hospital}")
        evaluated(run, f"v2:{hospital}", hospital)

    def stopped() -> None:
        with put_back_if_refused(run, "ensemble"):
            keep_external(run, "v2:d")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert [(tmp_path / name).read_text() for name in PARTS] == ["c"] * 3
    assert sorted(path.name for path in (tmp_path / "earlier").iterdir()) == ["external-1", "external-2"]
