"""Probabilities from another table."""

from pathlib import Path

import pytest

from radlearn.errors import BadLayout
from radlearn.tasks.detection.gate import gate_scores


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "predictions.csv"


def test_probabilities_come_in_the_order_asked_for(table: Path) -> None:
    table.write_text("path,patientId,probability\nx,a,0.1\ny,b,0.9\nz,c,0.5\n")
    assert gate_scores(table, ["c", "a"]).tolist() == [0.5, 0.1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("patientId,score\na,0.1\n", "has no column 'probability'"),
        ("", "has no column 'patientId'; its columns are none"),
        ("patientId,probability\na,0.1\na,0.2\n", "line 3: a is there twice"),
        ("patientId,probability\na,1.5\n", "line 2: probability is '1.5'"),
        ("patientId,probability\na,nan\n", "line 2: probability is 'nan'"),
        ("patientId,probability\na\n", "line 2: probability is None"),
        ("patientId,probability\nb,0.5\n", "lacks the only X-ray, the first is a"),
    ],
)
def test_a_table_that_cannot_gate_is_refused(table: Path, text: str, words: str) -> None:
    table.write_text(text)
    with pytest.raises(BadLayout, match=words):
        gate_scores(table, ["a"])


def test_no_table_says_how_to_get_one(table: Path) -> None:
    with pytest.raises(BadLayout, match="classification predict"):
        gate_scores(table, ["a"])
