"""JSON is written as the standard has it, and read as it was written."""

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest

from radlearn.errors import RadlearnError
from radlearn.json_files import json_of, read_json, write_json


def test_json_turns_what_json_lacks_into_what_it_has(tmp_path: Path) -> None:
    content = {"a": math.nan, "b": np.float32(0.5), "c": np.arange(3), "d": Path("x/y"), "e": (1, {"f": math.inf}), "g": np.array(math.nan)}
    write_json(tmp_path / "a.json", content)
    assert json.loads((tmp_path / "a.json").read_text()) == {
        "a": None,
        "b": 0.5,
        "c": [0, 1, 2],
        "d": "x/y",
        "e": [1, {"f": None}],
        "g": None,
    }
    assert read_json(tmp_path / "a.json")["c"] == [0, 1, 2]


def test_missing_and_damaged_json_are_named(tmp_path: Path) -> None:
    with pytest.raises(RadlearnError, match=r"none\.json: there is no such file"):
        read_json(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text('{"a": ')
    with pytest.raises(RadlearnError, match=r"bad\.json: is not JSON"):
        read_json(tmp_path / "bad.json")


def test_a_path_that_is_not_utf8_is_given_back(tmp_path: Path) -> None:
    path = Path(os.fsdecode(b"/data/M\xfcller"))
    write_json(tmp_path / "a.json", {"data": path})
    assert Path(read_json(tmp_path / "a.json")["data"]) == path
    assert os.fsencode(read_json(tmp_path / "a.json")["data"]) == b"/data/M\xfcller"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("NaN", "NaN is not a number"),
        ('{"a": 1, "a": 2}', "'a' is there twice"),
        ("1e999", "too large"),
        ("[" * 60 + "]" * 60, "too deeply"),
        ('"\\ud800"', "surrogates"),
    ],
)
def test_what_the_standard_does_not_have_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        json_of(text)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le", "utf-32"])
def test_json_that_an_editor_saved_as_utf_16_is_called_that(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes('{"name": "Müller"}'.encode(encoding))
    with pytest.raises(RadlearnError, match=r"settings\.json: is saved as UTF-16 or UTF-32, .*Save it as UTF-8\.$"):
        read_json(path)


@pytest.mark.parametrize("encoding", ["cp1252", "mac-roman"])
def test_json_in_another_encoding_is_named_with_its_line(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes('{\n"size": 1,\n"name": "Müller"}'.encode(encoding))
    with pytest.raises(RadlearnError, match=r"settings\.json: line 3 is not UTF-8, .*Save it as UTF-8"):
        read_json(path)
