"""New images of the same people: no digest knows them, their names suggest them. It is said with numbers, and nothing is refused."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from radlearn.challenges.folders import TRUTH_TABLE
from radlearn.challenges.xray_case import XrayCase
from radlearn.file_contents import SCHEME
from radlearn.training.run_folder import Run, new_run
from radlearn.training.splits import CaseContent, write_split
from radlearn.workflow.earlier_runs import refuse_seen_people
from radlearn.workflow.namesakes import tell_external_namesakes, tell_moved_namesakes
from radlearn.workflow.strangers import are_strangers

SUBSETS = ("train", "train", "validation", "test")
ALIKE = "are called like people"


@dataclass(frozen=True)
class Settings:
    seed: int = 0


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Run]:
    def made(persons: Sequence[str], images: Sequence[str] | None = None, **about: object) -> Run:
        made = new_run(tmp_path / f"run{len(list(tmp_path.iterdir()))}", "classification", Settings(), dict(about))
        images = images or [f"old{number}" for number in range(len(persons))]
        contents = [CaseContent(f"{SCHEME}:{number:032x}", "") for number in range(len(persons))]
        write_split(made.folder / "split.csv", images, persons, [SUBSETS[number % 4] for number in range(len(persons))], contents)
        return made

    return made


def cases_of(folder: Path, persons: Sequence[str], images: Sequence[str] | None = None) -> list[XrayCase]:
    folder.mkdir(exist_ok=True)
    images = images or [f"new{number}" for number in range(len(persons))]
    return [
        XrayCase(image, folder / f"{image}.png", bool(number % 2), (), None, person, data_folder=folder)
        for number, (image, person) in enumerate(zip(images, persons, strict=True))
    ]


def test_external_people_called_like_those_of_training_are_counted(
    run: Callable[..., Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Of P0 to P7 a run trains or chooses on six; P3 and P7 were only tested.
    earlier = run([f"P{number}" for number in range(8)])
    cases = cases_of(tmp_path / "others", ["P0", "P1", "P2", "P3", "P7", "Q1", "Q2"])
    assert are_strangers(earlier, cases, tmp_path / "others")
    said = capsys.readouterr().err.replace("\n", " ")
    assert f"3 of the 7 persons of this external set {ALIKE}" in said
    assert str(earlier.folder) in said.replace(" ", "")
    assert "evaluate without them" in said


@pytest.mark.parametrize("spelt", ["p-0001", "P1", "p 1", "Ｐ1"])
def test_a_spelling_that_looks_alike_counts_and_both_are_shown(
    run: Callable[..., Run], tmp_path: Path, spelt: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tell_external_namesakes([run(["P0001"])], cases_of(tmp_path / "others", [spelt, "other"]))
    said = capsys.readouterr().err.replace("\n", " ")
    assert "1 of the 2 persons of this external set is called like people" in said
    assert "P0001" in said


def test_a_new_run_counts_those_who_would_go_farther_from_training(
    run: Callable[..., Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = run([f"P{number}" for number in range(4)])
    cases = cases_of(tmp_path / "others", ["P0", "P1", "P2", "P3", "new"])
    # P0 was trained on and is tested; P2 chose, and is tested; P1 stays, P3 comes nearer.
    started = run(["x"], start_from=str(earlier.folder))
    refuse_seen_people(started, cases, [case.person for case in cases], ["test", "train", "test", "train", "validation"])
    said = capsys.readouterr().err.replace("\n", " ")
    assert f"2 of the 3 persons whom this run validates or tests {ALIKE}" in said
    assert "a column split" in said


def test_whom_images_have_decided_is_not_asked_about(run: Callable[..., Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = cases_of(tmp_path / "others", ["P0", "P1"])
    tell_moved_namesakes([run(["P0", "P1"])], cases, ["test", "test"], {"P0"})
    assert "1 of the 2 persons" in capsys.readouterr().err
    tell_moved_namesakes([run(["P0", "P1"])], cases, ["test", "test"], {"P0", "P1"})
    assert not capsys.readouterr().err


def test_images_that_are_their_own_persons_say_nothing(run: Callable[..., Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["volume-covid19-A-0001", "volume-covid19-A-0002"]
    for there, here, images in ((names, names, names), (names, ["a", names[0]], names), (names, ["d/a.png", "d/b.png"], ["a", "b"])):
        tell_external_namesakes([run(there, names)], cases_of(tmp_path / "others", here, images))
    # Here the images' names are persons in the data and not in the run, and the other way round.
    tell_external_namesakes([run(names)], cases_of(tmp_path / "others", names, names))
    assert not capsys.readouterr().err


def test_other_cohorts_of_built_in_patients_say_nothing(
    run: Callable[..., Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = cases_of(tmp_path / "others", ["p00001"])
    tell_external_namesakes([run(["p00001"], synthetic=True)], cases)
    (tmp_path / "others" / TRUTH_TABLE).touch()
    tell_external_namesakes([run(["p00001"])], cases)
    assert not capsys.readouterr().err
    moved = [replace(case, data_folder=tmp_path) for case in cases]
    tell_external_namesakes([run(["p00001"])], moved)
    assert "is called like people" in capsys.readouterr().err
