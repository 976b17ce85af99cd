"""What was chosen is printed, drawn and kept, and what was evaluated before it is named."""

import json
from typing import Any

import pytest

from radlearn.files import read_json, write_json
from radlearn.metrics.intervals import Interval
from radlearn.pictures.report import Headline, Table
from radlearn.pictures.tuning import ablation_figure
from radlearn.training.run_folder import Run
from radlearn.workflow.tuning_report import Drawn, Tuning, tell_tuning


def a_tuning(changed: bool = True, **more: Any) -> Tuning:
    return Tuning(
        "The knob, chosen",
        "The knob is at 3.",
        [Headline("Gain", Interval(0.41234, 0.3, 0.5), "others chose")],
        [Table(("knob", "ablation", "taken"), [["two", 0.25, False], ["three", 0.41234, True]])],
        [Drawn("knob", ablation_figure([]), "What it is worth.", "A line.")],
        ["Few people."],
        {"knob": 3},
        changed,
        **more,
    )


def test_a_person_sees_the_table_and_what_belongs_to_the_choice_before(finished: Run, capsys: pytest.CaptureFixture[str]) -> None:
    write_json(finished.folder / "scores.json", {})
    write_json(finished.folder / "ensemble" / "scores.json", {})
    told = tell_tuning(finished, ["a", "a", "b"], a_tuning(evaluate_with=["--gate", "t.csv"]))
    out, said = capsys.readouterr()
    assert out == ""
    words = " ".join(said.split())
    assert any("three" in line and "0.412" in line and "yes" in line for line in said.splitlines())
    assert "Gain: 0.41 (0.30–0.50) (others chose)" in words
    assert "The knob is at 3." in words
    assert "Few people." in words
    assert "ensemble/scores.json, scores.json: scores and report of the choice before" in words
    assert f"Next: radlearn classification evaluate {finished.folder} --gate t.csv" in words
    assert told["scores_of_before"] == ["ensemble/scores.json", "scores.json"]


def test_programs_read_the_same_from_the_folder(finished: Run) -> None:
    told = tell_tuning(finished, ["a", "a", "b"], a_tuning())
    kept = read_json(finished.folder / "tuning" / "tuning.json")
    assert kept == json.loads(json.dumps(told))
    assert (kept["task"], kept["split"], kept["cases"], kept["persons"], kept["knob"]) == ("classification", "validation", 3, 2, 3)
    assert kept["synthetic"] is False
    assert (finished.folder / "tuning" / "knob.png").read_bytes().startswith(b"\x89PNG")
    page = (finished.folder / "tuning" / "tuning.html").read_text()
    assert "others chose" in page
    assert "Few people." in page


def test_a_choice_that_is_the_same_takes_nothing_back(finished: Run, capsys: pytest.CaptureFixture[str]) -> None:
    write_json(finished.folder / "scores.json", {})
    assert tell_tuning(finished, ["a"], a_tuning(changed=False))["scores_of_before"] == []
    said = " ".join(capsys.readouterr().err.split())
    assert "The same as before" in said
    assert "scores.json" not in said
    assert "Next:" not in said
