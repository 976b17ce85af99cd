"""What an entry of an `array_store` is made from: files, known by their content, and a word."""

import hashlib
import json
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radlearn.file_contents import file_digest, stamp_of
from radlearn.file_names import called

# The files that an entry is made from, in order; None where one is missing. A folder stands for all files in it.
Sources = tuple[Path | None, ...]


@dataclass(frozen=True)
class EntrySource:
    """The source files of an entry, and a word that counts as content too."""

    paths: Sources
    tag: str = ""

    def __str__(self) -> str:
        return str(self._first)

    @property
    def name(self) -> str:
        """The name of its first file, as messages call it."""
        return Path(called(self._first)).name

    @property
    def names(self) -> tuple[str, ...]:
        """What the table of known entries knows it by: a digest, because the names of hospital files are those of patients."""
        said = json.dumps([*("" if path is None else os.fsencode(path).hex() for path in self.paths), self.tag])
        return (hashlib.blake2b(said.encode(), digest_size=16).hexdigest(),)

    def stamps(self) -> list[Any]:
        """Return the stamp of each file (`file_contents.stamp_of`), as JSON returns it; None for a file that is missing.

        A folder has one digest over all of its files.
        """
        return [None if path is None else _stamp(path) for path in self.paths]

    def content(self, digest_of: Callable[[Path], str] = file_digest) -> str:
        """Return the digest of the content of the files, whatever their names, and of the tag: 32 hexadecimal digits.

        Args:
            digest_of: reads a file, or remembers it.
        """
        digest = hashlib.blake2b(f"{self.tag}:".encode(), digest_size=16)
        for path in self.paths:
            inner = [] if path is None else files_of(path)
            # Counts and digests of fixed length: bytes that move from one file to the next make another content.
            digest.update(b"none:" if path is None else f"{len(inner)}:".encode())
            for file in inner:
                digest.update(bytes.fromhex(digest_of(file)))
        return digest.hexdigest()

    def changed_since(self, stamps: list[Any]) -> list[str]:
        """Return the paths whose stamps are others than these."""
        now = self.stamps()
        return [str(path) for path, before, after in zip(self.paths, stamps, now, strict=True) if before != after]

    @property
    def _first(self) -> Path:
        return next((path for path in self.paths if path is not None), Path())


def files_of(source: Path) -> list[Path]:
    """Return the file itself, or all files in a folder, sorted."""
    return sorted(inner for inner in source.rglob("*") if inner.is_file()) if source.is_dir() else [source]


def _stamp(path: Path) -> Any:
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISDIR(status.st_mode):
        return stamp_of(status)
    each = [[str(inner.relative_to(path)), *stamp_of(os.stat(inner))] for inner in files_of(path)]
    return hashlib.blake2b(json.dumps(each).encode(), digest_size=8).hexdigest()
