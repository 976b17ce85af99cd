"""Files are whole or not there."""

import json
import math
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from radlearn import files
from radlearn.errors import RadlearnError


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "scores.json"
    target.write_text("old")

    def write_half() -> None:
        with files.written_whole(target) as temporary:
            temporary.write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_half()
    assert target.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["scores.json"]


def test_the_temporary_file_keeps_the_suffixes_and_the_folder_is_made(tmp_path: Path) -> None:
    target = tmp_path / "new" / "mask.nii.gz"
    with files.written_whole(target) as temporary:
        assert temporary.name.endswith(".nii.gz")
        assert temporary.parent == target.parent
        temporary.write_bytes(b"x")
    assert target.read_bytes() == b"x"


def test_permissions_follow_the_umask_so_that_others_may_read(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        files.write_text(tmp_path / "a.txt", "a")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640


def test_json_turns_what_json_lacks_into_what_it_has(tmp_path: Path) -> None:
    content = {"a": math.nan, "b": np.float32(0.5), "c": np.arange(3), "d": Path("x/y"), "e": (1, {"f": math.inf}), "g": np.array(math.nan)}
    files.write_json(tmp_path / "a.json", content)
    assert json.loads((tmp_path / "a.json").read_text()) == {
        "a": None,
        "b": 0.5,
        "c": [0, 1, 2],
        "d": "x/y",
        "e": [1, {"f": None}],
        "g": None,
    }
    assert files.read_json(tmp_path / "a.json")["c"] == [0, 1, 2]


def test_missing_and_damaged_json_are_named(tmp_path: Path) -> None:
    with pytest.raises(RadlearnError, match=r"none\.json: there is no such file"):
        files.read_json(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text('{"a": ')
    with pytest.raises(RadlearnError, match=r"bad\.json: is not JSON"):
        files.read_json(tmp_path / "bad.json")


def test_the_cache_folder_is_the_chosen_one_else_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RADLEARN_CACHE", str(tmp_path / "mine"))
    assert files.cache_folder() == tmp_path / "mine"
    monkeypatch.delenv("RADLEARN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert files.cache_folder() == tmp_path / "xdg" / "radlearn"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert files.cache_folder() == Path.home() / ".cache" / "radlearn"
