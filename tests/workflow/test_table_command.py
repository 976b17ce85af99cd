"""`radlearn TASK table` writes a table whose paths are found from where it lies, and ends with commands that can be pasted."""

import gzip
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radlearn import cli
from radlearn.challenges import rsna
from radlearn.errors import BadSetting
from radlearn.workflow.table_command import write_first_table
from tests.challenges.first_tables.test_table import picture


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


def test_images_and_archives_that_a_table_does_not_take_are_counted_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("sick/a.png", "well/b.jfif", "well/c.jpe"):
        kind = "PNG" if name.endswith("png") else "JPEG"
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((40, 80), 90, np.uint8)).save(tmp_path / name, format=kind)
    for number in range(4):
        Image.fromarray(np.full((40, 80), 90, np.uint8)).save(tmp_path / "sick" / f"d{number}.webp")
    (tmp_path / "well" / "e").write_bytes((tmp_path / "sick" / "a.png").read_bytes())
    (tmp_path / "well" / "f.dcm.gz").write_bytes(gzip.compress(b"x"))
    with zipfile.ZipFile(tmp_path / "part2.zip", "w") as packed:
        packed.writestr("a.txt", "x")
    shutil.copy(tmp_path / "part2.zip", tmp_path / "part3")
    (tmp_path / "well" / "run.log").write_text("no image")
    assert cli.main(["classification", "table", str(tmp_path), "--positive", "sick"]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "3 X-rays, columns path, label" in said
    left = "4 files (sick/d0.webp, sick/d1.webp, sick/d2.webp, …) are left out: pictures in a format that radlearn does not read"
    assert left in said
    assert "1 file (well/e) is left out: a PNG picture. Give it a name that ends with .png." in said
    assert "1 file (part2.zip) is left out: packed, and not looked into." in said
    assert "1 file (part3) is left out: a zip archive. Unpack it first." in said
    assert "1 file (well/f.dcm.gz) is left out" in said
    assert "run.log" not in said


def test_nothing_is_said_to_be_left_out_of_a_folder_of_which_all_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("sick/a.png", "well/b.png"):
        picture(tmp_path / name)
    (tmp_path / "README.md").write_text("x")
    (tmp_path / "split.txt").write_text("x")
    assert cli.main(["classification", "table", str(tmp_path), "--positive", "sick"]) == 0
    assert "left out" not in capsys.readouterr().err
