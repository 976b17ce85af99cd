"""Files that nobody looked at, by what they are: their names, and their first bytes where a name says nothing."""

from pathlib import Path

import pytest

from radlearn.challenges.unlooked import by_kind

PNG, GIF, ZIP, NIFTI = b"\x89PNG\r\n\x1a\n", b"GIF89a", b"PK\x03\x04" + bytes(40), bytes(344) + b"n+1\0"


@pytest.mark.parametrize(
    ("name", "start", "rule"),
    [
        ("IM0001", PNG, "format-unread"),
        ("IM0001.7", NIFTI, "format-unread"),
        ("a.dcm", GIF, "format-unread"),
        # Whoever reads it says what it is.
        ("a.dcm", NIFTI, ""),
        ("IM0001", ZIP, "archive"),
        # A document of an office, which is packed too.
        ("a.docx", ZIP, ""),
        ("notes", b"#!/bin/sh", ""),
    ],
)
def test_first_bytes_tell_where_a_name_says_nothing(name: str, start: bytes, rule: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(start)
    (kind,) = by_kind([tmp_path / name])
    assert (kind.rule, kind.paths) == (rule, [tmp_path / name])
    assert bool(kind.words) == bool(rule)


def test_files_are_gathered_and_the_unknown_come_last(tmp_path: Path) -> None:
    for name in ("b.mhd", "what", "a.mhd", "all.zip"):
        (tmp_path / name).write_bytes(b"x")
    kinds = by_kind(sorted(tmp_path.iterdir()))
    assert [(kind.rule, [path.name for path in kind.paths]) for kind in kinds] == [
        ("archive", ["all.zip"]),
        ("format-unread", ["a.mhd", "b.mhd"]),
        ("", ["what"]),
    ]
