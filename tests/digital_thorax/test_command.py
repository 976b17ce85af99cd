"""`radlearn thorax`: what was written is told with a command that trains on it, and nothing is written over."""

from pathlib import Path

import pytest

from radlearn import hints
from radlearn.digital_thorax.command import thorax
from radlearn.errors import BadLayout, BadSetting


@pytest.mark.parametrize(("xrays", "cts"), [(0, 0), (-1, 3), (2, -1)])
def test_numbers_that_write_nothing_are_refused(tmp_path: Path, xrays: int, cts: int) -> None:
    with pytest.raises(BadSetting, match=f"--xrays {xrays} --cts {cts}: expected numbers from 0 on, and not both 0"):
        thorax(tmp_path / "out", xrays=xrays, cts=cts)
    assert not (tmp_path / "out").exists()


def test_a_used_folder_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "covid19").mkdir()
    (tmp_path / "covid19" / "mine.txt").touch()
    with pytest.raises(BadLayout, match="covid19"):
        thorax(tmp_path, xrays=1, cts=1)
    assert not (tmp_path / "rsna").exists()


def test_it_ends_with_a_command_that_trains_on_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "patients.png").touch()
    thorax(tmp_path, xrays=1, cts=0, workers=1)
    assert hints.command("classification", "train", "--data", tmp_path / "rsna") in capsys.readouterr().err.replace("\n", "")
    assert (tmp_path / "contact_sheet.png").stat().st_size > 1000
