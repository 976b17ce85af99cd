"""The options of a detector's commands as flags."""

from pathlib import Path

import pytest
import tyro

from radlearn.tasks.detection.options import GateOptions, TuneOptions


def test_flags_become_options_and_none_is_needed() -> None:
    assert tyro.cli(GateOptions, args=[]) == GateOptions(None)
    assert tyro.cli(GateOptions, args=["--gate", "table.csv"]) == GateOptions(Path("table.csv"))
    assert tyro.cli(TuneOptions, args=["--most-false-boxes", "0.2"]) == TuneOptions(None, 0.2)


def test_every_flag_has_a_help_text(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        tyro.cli(TuneOptions, args=["--help"])
    words = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "Table with image-level probabilities for the validation X-rays" in words
    assert "at most so many false boxes per X-ray without an opacity" in words
