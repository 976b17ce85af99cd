"""Arrays in one file that can be memory-mapped, and what was said about them: an entry of an `array_store`.

The format is safetensors (https://huggingface.co/docs/safetensors): the length of a JSON header, the header with type, shape and place of
each array, the arrays. It is written by that library, and mapped here, because the library itself would read whole arrays.

In the header stands a checksum of the file. It is proved once in a process, when the entry is opened: a byte that a disk or a copy changed
would train other weights, and nobody would know. Entries are made from patients, so their owner alone can read them.
"""

import json
import math
import mmap
import os
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from radlearn.errors import BadSetting, CacheTrouble
from radlearn.files import written_whole

# The types of an array in a safetensors file: https://huggingface.co/docs/safetensors
TYPES = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "F16": "<f2", "U32": "<u4", "I32": "<i4", "F32": "<f4", "U64": "<u8",
    "I64": "<i8", "F64": "<f8", "C64": "<c8",
}  # fmt: skip
STORABLE = frozenset(np.dtype(kind) for kind in TYPES.values())
LENGTH_BYTES = 8
ABOUT, CHECKSUM = "about", "checksum"
# What stands for the checksum while it is computed.
UNKNOWN = "00000000"
PIECE_BYTES = 2**20
SETTLED_NS = 2_000_000_000
# Of the names of details in the file, so that none is called "about".
DETAIL = "detail "


class _Place(NamedTuple):
    """Where an array lies in its file: NumPy's name of its type, its shape, its offset in bytes."""

    kind: str
    shape: tuple[int, ...]
    offset: int


@dataclass(frozen=True)
class Made:
    """What is made from the sources of one entry."""

    arrays: Mapping[str, np.ndarray]
    # JSON values, kept in memory for each open entry: a few short ones.
    about: Mapping[str, Any] = field(default_factory=dict)
    # JSON values that are read from the file when they are asked for.
    details: Mapping[str, Any] = field(default_factory=dict)
    # For the user; not in the file.
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry on the disk. It holds no arrays: each access maps the file anew, so that pages which were looked at are not kept."""

    path: Path
    about: dict[str, Any] = field(compare=False, repr=False)
    _places: dict[str, _Place] = field(compare=False, repr=False)

    @property
    def names(self) -> list[str]:
        """The names of its arrays."""
        return list(self._places)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all arrays on one memory map. Writing to one changes the caller's copy of a page and never the file.

        Raises:
            CacheTrouble: the file was removed or changed since it was opened.
        """
        try:
            with open(self.path, "rb") as opened:
                mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY)
            return {name: np.ndarray(shape, kind, mapped, offset) for name, (kind, shape, offset) in self._places.items()}
        except (OSError, TypeError, ValueError) as error:
            raise self._lost(error) from error

    def array(self, name: str) -> np.ndarray:
        """Return one array; as `arrays`.

        Raises:
            KeyError: there is none of this name.
        """
        _ = self._places[name]
        return self.arrays()[name]

    def details(self, *names: str) -> dict[str, Any]:
        """Return the details that it was made with: those of these names that it has, all without any. Errors as of `arrays`."""
        try:
            texts = _header(self.path)[1]
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise self._lost(error) from error
        wanted = [DETAIL + name for name in names] or [name for name in texts if name.startswith(DETAIL)]
        return {name.removeprefix(DETAIL): json.loads(texts[name]) for name in wanted if name in texts}

    def _lost(self, error: Exception) -> CacheTrouble:
        return CacheTrouble(f"{self.path}: was removed or changed while it was in use ({error}). Start again: it is then made anew.")


def opened_entry(path: Path) -> Entry | None:
    """Return the entry in a file; None where it is missing, incomplete or damaged, or has no checksum, and must be made again."""
    try:
        if not _is_sound(path):
            return None
        said, texts, start, size = _header(path)
        about = json.loads(texts[ABOUT])
        places = {name: _place(array, start) for name, array in said.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
    end = max((place.offset + _bytes_of(place.kind, place.shape) for place in places.values()), default=start)
    return Entry(path, about, places) if end == size and isinstance(about, dict) else None


def write_entry(path: Path, made: Made) -> None:
    """Write an entry whole. It is not flushed to the disk: that is done for many at once.

    Raises:
        BadSetting: an array whose type the format does not have.
        OSError: the disk is full.
        ValueError: `about` or `details` are no JSON values.
    """
    from safetensors.numpy import save

    for name, array in made.arrays.items():
        if array.dtype.newbyteorder("<") not in STORABLE:
            raise BadSetting(f"{name}: an array of {array.dtype} cannot be kept in a cache; expected numbers of at most 8 bytes.")
    # Not `ascontiguousarray`, which makes a number (0-d) a vector.
    arrays = {name: np.asarray(array, array.dtype.newbyteorder("<"), order="C") for name, array in made.arrays.items()}
    texts = {ABOUT: _json(made.about), **{DETAIL + name: _json(detail) for name, detail in made.details.items()}}
    content = memoryview(save(arrays, {**texts, CHECKSUM: UNKNOWN}))
    at = bytes(content[: _start_of(content[:LENGTH_BYTES])]).index(_marked(UNKNOWN)) + len(_marked(""))
    checksum = f"{zlib.crc32(content):08x}".encode()
    with written_whole(path, flushed=False, private=True) as temporary, open(temporary, "wb") as opened:
        # By Python, whose error says that the disk is full; the library's is none of the system's.
        opened.writelines([content[:at], checksum, content[at + len(checksum) :]])
        opened.flush()


# Path, size, time and place of the files whose checksum was proved in this process.
_proved: set[tuple[str, int, int, int]] = set()


def unproved_bytes(path: Path) -> int:
    """Return how many bytes `opened_entry` has to read to prove the checksum of a file; 0 where it was proved, or there is no file."""
    try:
        known, _ = _identity(path)
    except OSError:
        return 0
    return 0 if known in _proved else known[1]


def _identity(path: Path) -> tuple[tuple[str, int, int, int], os.stat_result]:
    status = os.stat(path)
    return (str(path), status.st_size, status.st_mtime_ns, status.st_ino), status


def _is_sound(path: Path) -> bool:
    """Whether a file is what its checksum says; files without one are not."""
    known, status = _identity(path)
    if known in _proved:
        return True
    with open(path, "rb") as opened:
        start = _start_of(opened.read(LENGTH_BYTES))
        if start > status.st_size:
            return False
        opened.seek(0)
        header = opened.read(start)
        at = header.find(_marked("")) + len(_marked(""))
        if at < len(_marked("")):
            return False
        said, place = header[at : at + len(UNKNOWN)], slice(at, at + len(UNKNOWN))
        found = zlib.crc32(header[: place.start] + UNKNOWN.encode() + header[place.stop :])
        while piece := opened.read(PIECE_BYTES):
            found = zlib.crc32(piece, found)
    if said != f"{found:08x}".encode():
        return False
    # Of a file that was just written, the time tells no later change.
    if time.time_ns() - status.st_mtime_ns > SETTLED_NS:
        _proved.add(known)
    return True


def _marked(checksum: str) -> bytes:
    # Inside of a text the quotation marks have backslashes before them.
    return f'"{CHECKSUM}":"{checksum}'.encode()


def _start_of(length: bytes | memoryview) -> int:
    """Return the offset of the first array from the first bytes of a file."""
    return LENGTH_BYTES + int.from_bytes(length, "little")


def _header(path: Path) -> tuple[dict[str, Any], dict[str, str], int, int]:
    """Return what the header says of each array, its texts, the offset of the first array, and the size of the file, in bytes."""
    with open(path, "rb") as opened:
        size = opened.seek(0, 2)
        opened.seek(0)
        start = _start_of(opened.read(LENGTH_BYTES))
        if size < LENGTH_BYTES or start > size:
            raise ValueError("the header is longer than the file")
        said = json.loads(opened.read(start - LENGTH_BYTES))
    return said, said.pop("__metadata__"), start, size


def _place(array: Mapping[str, Any], start: int) -> _Place:
    first, end = array["data_offsets"]
    kind, shape = TYPES[array["dtype"]], tuple(map(int, array["shape"]))
    if first < 0 or min(shape, default=0) < 0 or end - first != _bytes_of(kind, shape):
        raise ValueError("an array has another size than its shape")
    return _Place(kind, shape, start + first)


def _bytes_of(kind: str, shape: Sequence[int]) -> int:
    return math.prod(shape) * np.dtype(kind).itemsize


def _json(value: Any) -> str:
    return json.dumps(dict(value) if isinstance(value, Mapping) else value, allow_nan=False)
