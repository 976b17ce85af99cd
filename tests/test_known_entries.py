"""The table of what is on the disk: a later line counts for an earlier one, a damaged line for nothing."""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from radlearn import known_entries
from radlearn.known_entries import KNOWN, KnownEntries, read_known, rewrite_known

DIGEST = "0123456789abcdef" * 2
OTHER = "f" * 32
NAMES = some.lists(some.text(max_size=8), max_size=3).map(tuple)
STAMPS = some.lists(some.none() | some.text(max_size=8) | some.lists(some.integers(0, 2**70), min_size=2, max_size=2), max_size=3)


@given(some.lists(some.tuples(NAMES, STAMPS, some.sampled_from([DIGEST, OTHER])), max_size=5))
def test_what_was_added_is_known(tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[tuple[str, ...], list[Any], str]]) -> None:
    folder = tmp_path_factory.mktemp("table")
    with KnownEntries(folder) as table:
        for line in lines:
            table.add(*line)
    expected = {names: (stamps, content) for names, stamps, content in lines}
    assert read_known(folder) == expected
    rewrite_known(folder)
    assert read_known(folder) == expected
    assert len((folder / KNOWN).read_text().splitlines()) == len(expected)


def test_a_line_is_written_after_the_disk_was_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    monkeypatch.setattr(os, "sync", lambda: seen.append((tmp_path / KNOWN).exists()))
    monkeypatch.setattr(known_entries, "SYNC_EVERY_SECONDS", 0.0)
    with KnownEntries(tmp_path) as table:
        table.add(("a",), [[1, 2]], DIGEST)
        assert seen == [False]
        assert read_known(tmp_path) == {("a",): ([[1, 2]], DIGEST)}
    assert seen == [False]


def test_many_lines_are_flushed_at_once_and_the_last_ones_in_the_end_also_after_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[None] = []
    monkeypatch.setattr(os, "sync", lambda: flushed.append(None))
    monkeypatch.setattr(known_entries, "SYNC_EVERY_SECONDS", 1000.0)
    table = KnownEntries(tmp_path)
    with contextlib.suppress(KeyboardInterrupt), table:
        for number in range(50):
            table.add((str(number),), [], DIGEST)
        assert read_known(tmp_path) == {}
        raise KeyboardInterrupt
    assert len(flushed) == 1
    assert len(read_known(tmp_path)) == 50


@pytest.mark.parametrize(
    "line",
    [
        "", "[", '[["a"], []', "7", "null", "[1, 2]", "[" * 100_000, "\0\0\0", '[["a"], [], "x", 1]', f'["a", [], "{DIGEST}"]',
        f'[["a"], 3, "{DIGEST}"]', f'[[{{}}], [], "{DIGEST}"]', f'[["a"], [], "../{DIGEST[3:]}"]', '[["a"], [], "/etc/passwd"]',
        '[["a"], [], 12]', '[["a"], [], null]', f'[["a"], [], "{DIGEST[:-1]}"]', f'[["a"], [], "{DIGEST}0"]',
        f'[["a"], [], "{DIGEST.upper()}"]', f'[["a"], [], "0x{DIGEST[2:]}"]', f'[["a"], [], "{DIGEST[2:]}_0"]',
        f'[["a"], [], "{DIGEST}\\n"]',
    ],
)  # fmt: skip
def test_a_damaged_line_counts_for_no_entry_and_harms_no_other(tmp_path: Path, line: str) -> None:
    good = json.dumps([["b"], [None], OTHER])
    (tmp_path / KNOWN).write_text(f"{line}\n{good}\n{line}\n")
    assert read_known(tmp_path) == {("b",): ([None], OTHER)}


def test_bytes_that_are_no_text_harm_one_line(tmp_path: Path) -> None:
    (tmp_path / KNOWN).write_bytes(b"\xff\xfe" + bytes(20) + b"\n" + json.dumps([["b"], [], OTHER]).encode())
    assert list(read_known(tmp_path)) == [("b",)]


def test_a_line_cut_short_by_a_killed_process_joins_no_other(tmp_path: Path) -> None:
    (tmp_path / KNOWN).write_text(json.dumps([["a"], [], DIGEST]) + "\n" + json.dumps([["b"], [], OTHER])[:9])
    rewrite_known(tmp_path)
    with KnownEntries(tmp_path) as table:
        table.add(("c",), [], OTHER)
    assert sorted(read_known(tmp_path)) == [("a",), ("c",)]


def test_without_a_table_nothing_is_known(tmp_path: Path) -> None:
    assert read_known(tmp_path / "nowhere") == {}
