"""The choice is printed, drawn and written, and earlier scores are named."""

import json
from typing import Any

import pytest

from radlearn.json_files import read_json, write_json
from radlearn.metrics.intervals import Interval
from radlearn.pictures.report import Headline, Table
from radlearn.pictures.tuning import ablation_figure
from radlearn.training.run_folder import Run
from radlearn.workflow.tuning_report import NamedFigure, Tuning, report_tuning


def a_tuning(changed: bool = True, **more: Any) -> Tuning:
    return Tuning(
        "The knob, chosen",
        "The knob is at 3.",
        [Headline("Gain", Interval(0.41234, 0.3, 0.5), "cross-fitted")],
        [Table(("knob", "ablation", "taken"), [["two", 0.25, False], ["three", 0.41234, True]])],
        [NamedFigure("knob", ablation_figure([], "score"), "Its contribution.", "A line.")],
        ["Few persons."],
        {"knob": 3},
        changed,
        **more,
    )


def test_the_terminal_shows_the_table_and_the_scores_of_the_previous_choice(finished: Run, capsys: pytest.CaptureFixture[str]) -> None:
    write_json(finished.folder / "scores.json", {})
    write_json(finished.folder / "ensemble" / "scores.json", {})
    content = report_tuning(finished, ["a", "a", "b"], a_tuning(evaluate_with=["--gate", "my t.csv"]))
    out, said = capsys.readouterr()
    assert out == ""
    words = " ".join(said.split())
    assert any("three" in line and "0.412" in line and "yes" in line for line in said.splitlines())
    assert "Gain: 0.41 (0.30–0.50) (cross-fitted)" in words
    assert "The knob is at 3." in words
    assert "Few persons." in words
    assert "ensemble/scores.json, scores.json: written with the previous choice" in words
    assert f"Next: radlearn classification evaluate {finished.folder} --gate 'my t.csv'" in words
    assert content["scores_of_before"] == ["ensemble/scores.json", "scores.json"]


def test_the_folder_holds_the_returned_content(finished: Run) -> None:
    content = report_tuning(finished, ["a", "a", "b"], a_tuning())
    kept = read_json(finished.folder / "tuning" / "tuning.json")
    assert kept == json.loads(json.dumps(content))
    assert (kept["task"], kept["split"], kept["cases"], kept["persons"], kept["knob"]) == ("classification", "validation", 3, 2, 3)
    assert kept["synthetic"] is False
    assert (finished.folder / "tuning" / "knob.png").read_bytes().startswith(b"\x89PNG")
    page = (finished.folder / "tuning" / "tuning.html").read_text()
    assert "cross-fitted" in page
    assert "3 X-rays of 2 persons" in page
    assert "Few persons." in page


def test_an_unchanged_choice_keeps_earlier_scores(finished: Run, capsys: pytest.CaptureFixture[str]) -> None:
    write_json(finished.folder / "scores.json", {})
    assert report_tuning(finished, ["a"], a_tuning(changed=False))["scores_of_before"] == []
    said = " ".join(capsys.readouterr().err.split())
    assert "Unchanged: earlier scores remain valid." in said
    assert "scores.json" not in said
    assert "Next:" not in said
