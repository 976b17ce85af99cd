"""Mean, worst and spread of repeats, and the place of one run among them."""

import json
import math
from pathlib import Path

import pytest

from radlearn.json_files import read_json
from radlearn.pictures.report import Command, Table
from radlearn.training.run_folder import Run
from radlearn.workflow.repeats import Repeats
from radlearn.workflow.spread import SECTION, show_spread, spread_of, spread_section, write_spread
from tests.made_runs import made_probabilities, made_repeats, made_run


@pytest.fixture
def repeats(tmp_path: Path) -> Repeats:
    """Three runs, the second of them the best."""
    return made_repeats(
        tmp_path / "repeats", "classification", {seed: made_probabilities(seed, skill) for seed, skill in ((3, 1.0), (4, 2.0), (5, 1.5))}
    )


def contents(repeats: Repeats) -> list[dict]:
    return [read_json(run.folder / "scores.json") for run in repeats.runs]


def test_the_worst_is_the_lowest_score_and_the_highest_error() -> None:
    assert spread_of([0.5, 0.75, 0.25], True) == {"mean": 0.5, "worst": 0.25, "lowest": 0.25, "highest": 0.75}
    assert spread_of([0.5, 0.75, 0.25], False) == {"mean": 0.5, "worst": 0.75, "lowest": 0.25, "highest": 0.75}
    assert spread_of([0.5, 0.75], None)["worst"] is None


def test_a_score_that_one_run_does_not_have_has_no_spread() -> None:
    assert set(spread_of([0.5, math.nan], True).values()) == {None}
    assert set(spread_of([], True).values()) == {None}


def test_the_spread_holds_every_run_and_is_kept_in_the_folder(repeats: Repeats) -> None:
    content = write_spread(repeats, contents(repeats))
    assert json.loads((repeats.folder / "spread.json").read_text()) == content | {"seeds": [3, 4, 5]}
    assert (content["task"], content["split"], content["cases"], content["persons"]) == ("classification", "test", 120, 60)
    assert content["repeats"] == 3
    values = [run["scores"]["auroc_score"]["value"] for run in content["runs"]]
    assert [run["seed"] for run in content["runs"]] == [3, 4, 5]
    assert [run["run"] for run in content["runs"]] == ["seed-3", "seed-4", "seed-5"]
    auroc, brier = content["scores"]["auroc_score"], content["scores"]["brier_error"]
    assert auroc == {"mean": pytest.approx(sum(values) / 3), "worst": min(values), "lowest": min(values), "highest": max(values)}
    assert brier["worst"] == brier["highest"] > brier["lowest"]


def test_other_data_have_a_spread_of_their_own(repeats: Repeats) -> None:
    write_spread(repeats, [{**content, "split": "external"} for content in contents(repeats)])
    assert (repeats.folder / "spread-external.json").exists()
    assert not (repeats.folder / "spread.json").exists()


def test_the_spread_is_told(repeats: Repeats, capsys: pytest.CaptureFixture[str]) -> None:
    content = write_spread(repeats, contents(repeats))
    show_spread(content, ("auroc_score", "brier_error"), {"auroc_score": "area"})
    out, said = capsys.readouterr()
    assert out == ""
    auroc = content["scores"]["auroc_score"]
    line = next(line for line in said.splitlines() if "area" in line)
    assert [f"{auroc[key]:.3f}" in line for key in ("mean", "worst", "lowest", "highest")] == [True] * 4
    assert "3 seeds on one split of persons" in said
    assert "Brier error" in said
    assert "accuracy" not in said


def test_a_report_shows_the_place_of_its_run(repeats: Repeats) -> None:
    section = spread_section(repeats.runs[1], contents(repeats)[1])
    assert section is not None
    assert section.title == SECTION
    (table,) = section.blocks
    assert isinstance(table, Table)
    values = [content["scores"]["auroc_score"]["value"] for content in contents(repeats)]
    assert table.rows[0] == ["AUROC", values[1], pytest.approx(sum(values) / 3), min(values), max(values)]
    assert values[1] == max(values)
    assert "3 trainings that differ by their seed alone (3, 4, 5)" in table.caption


def test_before_the_others_are_evaluated_it_says_how_to_do_that(repeats: Repeats) -> None:
    own = contents(repeats)[0]
    for run in repeats.runs[1:]:
        (run.folder / "scores.json").unlink()
    section = spread_section(repeats.runs[0], own)
    assert section is not None
    (command,) = section.blocks
    assert isinstance(command, Command)
    assert command.line == f"radlearn classification evaluate {repeats.folder}"
    assert "one of 3 trainings" in command.meaning


def test_a_damaged_score_file_of_another_run_is_left_out(repeats: Repeats) -> None:
    (repeats.runs[2].folder / "scores.json").write_text("{")
    section = spread_section(repeats.runs[0], contents(Repeats(repeats.folder, repeats.task, (3, 4)))[0])
    assert section is not None
    assert "2 trainings that differ by their seed alone (3, 4)" in section.blocks[0].caption  # type: ignore[union-attr]


def test_a_run_that_stands_alone_has_no_such_section(tmp_path: Path) -> None:
    run: Run = made_run(tmp_path / "alone", "classification", made_probabilities(0))
    assert spread_section(run, read_json(run.folder / "scores.json")) is None
