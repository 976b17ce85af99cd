"""The table of the entries of an `array_store` that are on the disk: a line of JSON for each, appended after the entry was flushed."""

import json
import os
import re
import time
from pathlib import Path
from typing import Any

from radlearn.files import write_text

KNOWN = "known.jsonl"
SYNC_EVERY_SECONDS = 2.0
CONTENT = re.compile(r"[0-9a-f]{32}")


class KnownEntries:
    """Adds lines to the table in a folder, each after its entry is on the disk."""

    def __init__(self, folder: Path) -> None:
        self._path, self._waiting, self._synced = folder / KNOWN, list[str](), time.monotonic()

    def __enter__(self) -> "KnownEntries":
        return self

    def __exit__(self, *_: object) -> None:
        self._sync()

    def add(self, names: tuple[str, ...], stamps: list[Any], content: str) -> None:
        """Note an entry that was written: what its sources are called, their stamps and their content."""
        self._waiting.append(_line(names, stamps, content))
        if time.monotonic() - self._synced >= SYNC_EVERY_SECONDS:
            self._sync()

    def _sync(self) -> None:
        if self._waiting:
            # One call for thousands of small files; flushing each would take longer than making it.
            os.sync()
            with open(self._path, "ab", opener=_private) as opened:
                opened.write("".join(self._waiting).encode())
                opened.flush()
                os.fsync(opened.fileno())
        self._waiting.clear()
        self._synced = time.monotonic()


def read_known(folder: Path) -> dict[tuple[str, ...], tuple[list[Any], str]]:
    """Return stamps and content by the names of the sources; a damaged line counts for no entry, a later line for an earlier one."""
    try:
        lines = (folder / KNOWN).read_text(encoding="ascii", errors="replace").splitlines()
    except FileNotFoundError:
        return {}
    known = {}
    for line in lines:
        try:
            names, stamps, content = json.loads(line)
            # It becomes the name of a file: a content that is no digest could name one elsewhere.
            if isinstance(names, list) and isinstance(stamps, list) and CONTENT.fullmatch(content):
                known[tuple(names)] = (stamps, content)
        except (ValueError, TypeError, RecursionError):
            continue
    return known


def rewrite_known(folder: Path) -> None:
    """Rewrite the table with one line for each entry, so that a line cut short by a killed process joins no other."""
    write_text(folder / KNOWN, "".join(_line(names, *known) for names, known in read_known(folder).items()), private=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _line(names: tuple[str, ...], stamps: list[Any], content: str) -> str:
    return json.dumps([names, stamps, content]) + "\n"
