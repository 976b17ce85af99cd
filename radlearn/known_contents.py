"""The table of what is known of the content of files, so that none is read or decoded twice.

    CACHE/contents.jsonl    a line for each file that was read: a digest of its path, its stamp, the digest of its bytes, and that of the
                            stored bytes of its pixels, where a run of before asked for it; a line for each image that was decoded: the
                            digest of its bytes, that of its values

A file of unchanged stamp is not read again: size, modification time and change time. Archives and tools for data sets give many files one
modification time, and uncompressed images have one size; the change time is set by the system whenever a file is written, and by nobody
else. What has known bytes, under whatever path, is not decoded again.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from radlearn.file_contents import DIGEST_BYTES, file_digest, read_content, stamp_of
from radlearn.files import cache_folder

TABLE = "contents.jsonl"


class KnownContents:
    """The table of digests in radlearn's cache folder. A damaged line counts for no file, a later one for an earlier one."""

    def __init__(self) -> None:
        self.path = cache_folder() / TABLE
        # By a digest of the path: its stamp, the digests of its bytes, and of its stored pixels, "" where nobody asked.
        self._known: dict[str, tuple[list[int], str, str]] = {}
        self._values: dict[str, str] = {}
        # What was read since, as lines of the table: a process that makes entries hands them to the one that writes.
        self.read: list[str] = []
        try:
            lines = self.path.read_text(encoding="ascii", errors="replace").splitlines()
        except OSError:
            lines = []
        for line in lines:
            try:
                self._take(json.loads(line))
            except (ValueError, TypeError, RecursionError):
                continue

    def __reduce__(self) -> tuple[Any, ...]:
        # Another process reads the table once for all that it is sent.
        return _of_this_process, ()

    def file(self, path: Path) -> str:
        """Return the digest of a file's bytes, which is read unless it is known with the stamp that it has; errors as `file_digest`."""
        return self._of(path)[1]

    def pixels(self, path: Path) -> str:
        """Return the digest of the stored bytes of the pixels in a file, as `read_content`; errors as there."""
        stamp, whole, pixels = self._of(path)
        if not pixels:
            whole, pixels = read_content(path)
            self._learn([_key(path), stamp, whole, pixels])
        return pixels

    def values_of(self, whole: str) -> str:
        """Return the digest of the values in what has the digest `whole` of its bytes; "" where it was not decoded yet."""
        return self._values.get(whole, "")

    def learn_values(self, whole: str, values: str) -> None:
        """Take down the digest of the values in what has the digest `whole` of its bytes."""
        self._learn([whole, values])

    def knows(self, path: Path) -> bool:
        """Tell whether a file need not be read."""
        try:
            stamp = stamp_of(os.stat(path))
        except OSError:
            return False
        return self._known.get(_key(path), (None,))[0] == stamp

    def take_read(self) -> list[str]:
        """Return the lines of what was read since the last call."""
        taken, self.read = self.read, []
        return taken

    def keep(self, lines: Iterable[str]) -> None:
        """Add lines to the table. Where it cannot be written, files are read again next time."""
        if not (text := "".join(lines)):
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Appended in one piece, so that processes do not cut each other's lines.
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(handle, text.encode("ascii"))
            finally:
                os.close(handle)
        except OSError:
            return

    def _of(self, path: Path) -> tuple[list[int], str, str]:
        key, stamp = _key(path), stamp_of(os.stat(path))
        if self._known.get(key, (None,))[0] != stamp:
            self._learn([key, stamp, file_digest(path)])
        return self._known[key]

    def _learn(self, line: list[Any]) -> None:
        self._take(line)
        self.read.append(json.dumps(line) + "\n")

    def _take(self, line: Any) -> None:
        if not isinstance(line, list) or not all(isinstance(one, str) for number, one in enumerate(line) if number != 1 or len(line) == 2):
            raise ValueError
        if len(line) == 2:
            self._values[line[0]] = line[1]
            return
        key, stamp, whole, *pixels = line
        if not isinstance(stamp, list) or len(pixels) > 1:
            raise ValueError
        self._known[key] = (stamp, whole, *pixels) if pixels else (stamp, whole, "")


@cache
def _of_this_process() -> KnownContents:
    return KnownContents()


def _key(path: Path) -> str:
    # A digest, because the names of hospital files are those of patients.
    return hashlib.blake2b(os.fsencode(os.path.abspath(path)), digest_size=DIGEST_BYTES).hexdigest()
