"""`radlearn TASK table` writes a table whose paths are found from where it lies, and ends with commands that can be pasted."""

from dataclasses import replace
from pathlib import Path

import pytest

from radlearn import cli
from radlearn.challenges import rsna
from radlearn.errors import BadSetting
from radlearn.workflow.table_command import write_first_table
from tests.challenges.test_first_table import picture


def test_paths_are_relative_below_the_table_and_whole_elsewhere(tmp_path: Path) -> None:
    for name in ("data/no/=a.png", "data/yes/b.png"):
        picture(tmp_path / name)
    (tmp_path / "tables").mkdir()
    inside = write_first_table("classification", rsna.CHALLENGE, tmp_path / "data", None)
    outside = write_first_table("classification", rsna.CHALLENGE, tmp_path / "data", tmp_path / "tables" / "mine.csv")
    assert inside.read_text().splitlines()[1:] == ["no/=a.png,0", "yes/b.png,1"]
    assert outside.read_text().splitlines()[2] == f"{tmp_path / 'data' / 'yes' / 'b.png'},1"
    assert [case.path.resolve() for case in rsna.find_cases(inside)] == [case.path.resolve() for case in rsna.find_cases(outside)]


def test_on_the_command_line_it_says_what_it_assumed_and_what_comes_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("sick/a.png", "well/b.png"):
        picture(tmp_path / name)
    assert cli.main(["classification", "table", str(tmp_path), "--positive", "sick", "--out", str(tmp_path / "t.csv")]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "label is 1 in sick (1 image) and 0 in well (1 image), as --positive says." in said
    assert f"radlearn check {tmp_path / 't.csv'}" in said
    assert f"radlearn classification train --data {tmp_path / 't.csv'}" in said


def test_a_challenge_without_tables_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="takes no table"):
        write_first_table("classification", replace(rsna.CHALLENGE, first_table=None), tmp_path, None)
