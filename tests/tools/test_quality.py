"""`make quality`: what it prints of several runs beside the targets."""

from typing import Any

import pytest

from tools.quality import Target, printed

SENSITIVITY = Target("classification", "sensitivity", mean=0.8, worst=0.7)
MINUTES = Target("classification", "training_min", mean=3.0, worst=None, higher_is_better=False)


def run(**figures: float) -> dict[str, Any]:
    return {"task": "classification", "figures": figures}


def row_of(figure: str, text: str) -> list[str]:
    return next([cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if figure in line)


def test_mean_worst_and_best_stand_beside_their_targets(capsys: pytest.CaptureFixture[str]) -> None:
    runs = [run(sensitivity=0.7, training_min=2.0), run(sensitivity=1.0, training_min=3.5)]
    assert printed([SENSITIVITY, MINUTES], runs) == 0
    told = capsys.readouterr().err
    assert row_of("sensitivity", told)[2:] == ["2", "0.850", "≥ 0.8", "0.700", "≥ 0.7", "1.000", "yes"]
    # Of minutes the worst is the longest.
    assert row_of("training_min", told)[2:] == ["2", "2.750", "≤ 3", "3.500", "–", "2.000", "yes"]


@pytest.mark.parametrize("missed", [run(sensitivity=0.69, training_min=1.0), run(sensitivity=0.9, training_min=9.0)])
def test_a_missed_target_is_the_exit_code(missed: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert printed([SENSITIVITY, MINUTES], [run(sensitivity=0.95, training_min=1.0), missed]) == 1
    assert "NO" in capsys.readouterr().err


def test_a_figure_that_some_results_lack_is_of_those_that_have_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed([SENSITIVITY], [run(sensitivity=0.9), run(auroc_score=0.9)]) == 0
    assert row_of("sensitivity", capsys.readouterr().err)[2] == "1"
    assert printed([SENSITIVITY], [run(auroc_score=0.9)]) == 0
