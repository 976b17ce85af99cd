"""Probabilities from another table."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radlearn.errors import BadLayout
from radlearn.tasks.detection.gate import Gate


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "predictions.csv"


def test_probabilities_come_in_the_order_asked_for(table: Path) -> None:
    table.write_text("path,patientId,probability\nx,a,0.1\ny,b,0.9\nz,c,0.5\n")
    assert Gate(table).scores(["c", "a"]).tolist() == [0.5, 0.1]


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
        Gate(table).scores(["a"])


def test_no_table_says_how_to_get_one(table: Path) -> None:
    with pytest.raises(BadLayout, match="classification predict"):
        Gate(table).scores(["a"])


def picture(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (20, 30), np.uint8)).save(path)
    return path


def table_of(path: Path, rows: Sequence[tuple[Path | str, str, float]]) -> Path:
    path.write_text("path,patientId,probability\n" + "".join(f"{file},{image},{value}\n" for file, image, value in rows))
    return path


def test_a_row_is_never_given_to_another_image_of_the_same_name(table: Path, tmp_path: Path) -> None:
    monday, tuesday = picture(tmp_path / "mon" / "IM1.png", 1), picture(tmp_path / "tue" / "IM1.png", 2)
    gate = Gate(table_of(table, [(monday, "IM1", 0.3)]))
    assert gate.scores(["IM1"], [monday]).tolist() == [0.3]
    with pytest.raises(BadLayout, match=r"line 2: IM1 is \S*mon/IM1\.png, and not \S*tue/IM1\.png, which is another image"):
        gate.scores(["IM1"], [tuesday])


def test_of_several_rows_with_one_name_each_image_gets_its_own(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [picture(tmp_path / folder / "IM1.png", seed) for seed, folder in enumerate(("a", "b", "c"))]
    # As they were typed, from the folder in which that was.
    monkeypatch.chdir(tmp_path)
    gate = Gate(table_of(table, [("b/IM1.png", "IM1", 0.2), (files[0], "IM1", 0.1)]))
    assert gate.scores(["IM1", "IM1"], files[:2]).tolist() == [0.1, 0.2]
    with pytest.raises(BadLayout, match="IM1 is there twice"):
        gate.scores(["IM1"], files[2:])


def test_copies_and_links_of_an_image_are_the_image(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = picture(tmp_path / "a" / "IM1.png", 1)
    copy, link = tmp_path / "copy" / "IM1.png", tmp_path / "link.png"
    copy.parent.mkdir()
    shutil.copy(first, copy)
    os.symlink(first, link)
    # The same pixels, packed otherwise.
    again = tmp_path / "again" / "IM1.png"
    again.parent.mkdir()
    Image.open(first).save(again, compress_level=0)
    assert again.read_bytes() != first.read_bytes()
    gate = Gate(table_of(table, [(first, "IM1", 0.3)]))
    assert gate.scores(["IM1"] * 3, [copy, link, again]).tolist() == [0.3] * 3
    assert capsys.readouterr().err == ""


def test_one_row_without_a_path_is_not_for_two_images(table: Path, tmp_path: Path) -> None:
    files = [picture(tmp_path / folder / "IM1.png", seed) for seed, folder in enumerate(("a", "b"))]
    table.write_text("patientId,probability\nIM1,0.4\n")
    gate = Gate(table)
    assert gate.scores(["IM1"], files[:1]).tolist() == [0.4]
    # In another batch of the same pass.
    with pytest.raises(BadLayout, match=r"its one row of IM1 would be for two images, \S*a/IM1\.png and \S*b/IM1\.png"):
        gate.scores(["IM1"], files[1:])


def test_rows_of_files_that_are_gone_or_of_another_format_are_said_once(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = [picture(tmp_path / f"{name}.png", seed) for seed, name in enumerate("abc")]
    picture(tmp_path / "exported" / "c.bmp", 9)
    rows = [(tmp_path / "gone" / "a.png", "a", 0.1), (tmp_path / "gone" / "b.png", "b", 0.2), (tmp_path / "exported" / "c.bmp", "c", 0.3)]
    assert Gate(table_of(table, rows)).scores(["a", "b", "c"], own).tolist() == [0.1, 0.2, 0.3]
    said = " ".join(capsys.readouterr().err.split())
    assert said.count("names files that are not there any more") == 1
    assert said.count("is of files in another format") == 1
