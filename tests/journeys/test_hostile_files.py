"""Data and runs of a stranger: their names are shown and never taken for HTML, a path or a program."""

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.config import IGNORE

from radlearn import cli
from radlearn.challenges.rsna import find_cases
from radlearn.json_files import read_json, write_json
from tests.pictures.test_report import Page

QUICK = ["--size-px", "64", "--epochs", "1", "--batch-size", "8", "--network", "small_resnet", "--device", "cpu"]
TAG = "<script>alert(1)<"
CELL = "</td></table><img src=x onerror=alert(1)> \"'&amp;"
NAME = "\"><img src=x onerror='alert(1)'>&"


@pytest.fixture(scope="module")
def table(small_rsna: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """X-rays whose file names, headers, persons, labels and groups are HTML."""
    folder = tmp_path_factory.mktemp("hostile")
    path = folder / f"cases {NAME}.csv"
    with open(path, "w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["path", "person", f"label_{TAG}b>", "label_odd", f"site {CELL}"])
        for number, case in enumerate(find_cases(small_rsna)):
            said = pydicom.dcmread(case.path)
            for keyword, value in (
                ("Manufacturer", f"{CELL}{number % 2}"),
                ("ViewPosition", "<BLINK>AP"),
                ("BodyPartExamined", "<MARQUEE>CHEST"),
            ):
                said[keyword] = pydicom.DataElement(keyword, pydicom.datadict.dictionary_VR(keyword), value, validation_mode=IGNORE)
            image = folder / f"{TAG}{number}.dcm"
            said.save_as(image)
            writer.writerow([image.name, f"{case.person}{NAME}", int(bool(case.label)), number % 2, f"{CELL}{number % 3}"])
    return path


@pytest.fixture(scope="module")
def run(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run in a folder whose name is HTML."""
    folder = tmp_path_factory.mktemp("runs") / f"run {NAME}"
    assert cli.main(["classification", "train", "--data", str(table), "--run", str(folder), *QUICK]) == 0
    return folder


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def is_harmless(page: Page) -> bool:
    tags, attributes = {tag for tag, _ in page.tags}, {name for _, found in page.tags for name in found}
    runs_nothing = tags.isdisjoint({"script", "iframe", "object", "embed", "form", "blink", "marquee"})
    loads_nothing = all(str(one["src"]).startswith("data:") for one in page.all("img"))
    return runs_nothing and loads_nothing and not any(name.startswith("on") for name in attributes)


@pytest.mark.slow
def test_every_page_shows_hostile_names_as_text(run: Path, table: Path, tmp_path: Path) -> None:
    page = tmp_path / "check.html"
    assert cli.main(["check", str(table), "--out", str(page)]) in (0, 1)
    assert cli.main(["classification", "tune", str(run)]) == 0
    assert cli.main(["classification", "evaluate", str(run)]) == 0
    pages = {path.name: Page(path) for path in (page, run / "report.html", run / "tuning" / "tuning.html")}
    for one in pages.values():
        assert one.open == []
        assert is_harmless(one)
    # It is there, and a reader sees what was written.
    for name, word in (("check.html", CELL[:20]), ("report.html", TAG), ("report.html", CELL[:20]), ("tuning.html", TAG)):
        assert any(word in text for text in pages[name].texts), (name, word)


@pytest.mark.slow
def test_predictions_for_hostile_names_stay_in_their_folder(run: Path, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "made" / "out"
    out.parent.mkdir()
    before = files_in(table.parent)
    assert cli.main(["classification", "predict", str(run), str(table), "--out", str(out)]) == 0
    assert [path.name for path in out.parent.iterdir()] == ["out"]
    assert files_in(table.parent) == before
    with open(out / "predictions.csv", newline="") as opened:
        assert len(list(csv.DictReader(opened))) == 48
    assert len(list((out / "overlays").iterdir())) == 48


@pytest.fixture
def foreign(run: Path, tmp_path: Path) -> Iterator[Path]:
    """A run as it came from a stranger: it says that a copy of the lesson made it, and that copy would write a file."""
    folder = tmp_path / "foreign"
    shutil.copytree(run, folder)
    write_json(folder / "settings.json", read_json(folder / "settings.json") | {"lesson": "mine.py"})
    (folder / "lesson.py").write_text(f"open({str(tmp_path / 'owned')!r}, 'w').close()\n")
    yield folder
    assert not (tmp_path / "owned").exists()


@pytest.mark.slow
def test_the_program_in_a_strangers_run_is_never_run_and_is_said_to_be_one(
    foreign: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = {
        "evaluate": [],
        "tune": [],
        "predict": [str(table.parent / f"{TAG}0.dcm"), "--out", str(tmp_path / "out")],
        "resume": [],
    }
    for command, words in asked.items():
        assert cli.main(["classification", command, str(foreign), *words]) == 0
        said = " ".join(capsys.readouterr().err.split())
        assert "The run keeps its code, a program that may do anything. If you know who wrote it:" in said
    assert cli.main(["compare", str(foreign), str(foreign), "--out", str(tmp_path / "comparison")]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("command", ["evaluate", "tune", "resume"])
def test_nothing_is_written_through_a_link_in_a_strangers_run(
    command: str, foreign: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "roc.png").write_bytes(b"mine")
    for name in ("pictures", "tuning", "last"):
        shutil.rmtree(foreign / name, ignore_errors=True)
        (foreign / name).symlink_to(mine)
    assert cli.main(["classification", command, str(foreign)]) == 2
    assert "outside of the run folder. Nothing is written through it" in " ".join(capsys.readouterr().err.split())
    assert files_in(mine) == {str(mine / "roc.png"): b"mine"}
