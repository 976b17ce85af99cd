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
