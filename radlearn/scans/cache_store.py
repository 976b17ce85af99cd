"""One pixel cache on disk: an array of X-rays, and a table of the rows that are done.

    pixels-8.npy or pixels-16.npy    (X-rays, size, size) uint8 or uint16; value/255 or value/65535 is the X-ray in [0, 1]
    xrays.jsonl                      first a description of the cache, then a line per finished X-ray: row, path, stamp, digest, header

A row is done when its line is in the table, and the line is written after the pixels are on the disk. So a process may end at any moment:
the table never lists a row that is missing, and the next process continues from there.
"""

import dataclasses
import errno
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radlearn.errors import CacheTrouble
from radlearn.files import write_text, written_whole
from radlearn.scans.dicom import RadiographHeader

TABLE = "xrays.jsonl"
FORMAT = 2
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NO_PERMISSION = (errno.EACCES, errno.EPERM, errno.EROFS)
HEADER_FIELDS = tuple(field.name for field in dataclasses.fields(RadiographHeader))
SIZE, SPACING = HEADER_FIELDS.index("size_px"), HEADER_FIELDS.index("spacing_mm")
BYTES_PER_LINE = 1024  # of the table, an upper estimate
ROWS_AT_ONCE_BYTES = 16 * 2**20
REASONS_SHOWN = 10


@dataclass(frozen=True)
class Row:
    """A finished X-ray: its file, size and modification time (bytes, ns), the digest of its content, its header."""

    path: str
    stamp: tuple[int, int]
    digest: str
    header: RadiographHeader


class PixelStore:
    """The array and table in `folder`; `begin` prepares them for writing.

    Args:
        expected: (X-rays, size_px). A cache of another shape counts as missing; without it, any shape is taken.
    """

    def __init__(self, folder: Path, expected: tuple[int, int] | None = None) -> None:
        self.folder = folder
        self.count, self.size_px = expected or (0, 0)
        self.bits = 8
        self.done: dict[int, Row] = {}
        self._waiting: list[str] = []
        self._array: int | None = None
        self._is_there = self._read_table()

    def array_path(self, bits: int | None = None) -> Path:
        """Return the path of the array of `bits`, by default the current one."""
        return self.folder / f"pixels-{bits or self.bits}.npy"

    def pixels(self) -> np.ndarray:
        """Return the array as a read-only memory map: (X-rays, size, size), uint8 or uint16."""
        return np.load(self.array_path(), mmap_mode="r")

    def xrays(self, rows: Iterable[int]) -> Iterator[np.ndarray]:
        """Yield X-rays as `write` takes them: in 8 bits where their files have at most 8."""
        pixels = self.pixels()
        for row in rows:
            yield narrowed(pixels[row]) if self.bits == 16 and self.done[row].header.stored_bits <= 8 else pixels[row]

    def begin(self) -> None:
        """Prepare the folder for `write`: remove the leftovers of a killed process, reserve the space, rewrite the table."""
        for leftover in [*self.folder.glob(".pixels*"), *self.folder.glob(".xrays*"), self.array_path(24 - self.bits)]:
            leftover.unlink(missing_ok=True)
        if not self._is_there:
            # First the table without an array, or of another one: it would list rows that a new array lacks.
            (self.folder / TABLE).unlink(missing_ok=True)
            self._reserve(self.bits)
            self._is_there = True
        self._open_array()
        self._write_table()

    def write(self, row: int, pixels: np.ndarray, xray: Row) -> None:
        """Write an X-ray's pixels, (size, size) of uint8 or uint16, into their row. The row is done after the next `sync`."""
        if pixels.dtype == np.uint16 and self.bits == 8:
            self._widen()
        if pixels.dtype == np.uint8 and self.bits == 16:
            pixels = widened(pixels)
        self._write_rows(row, pixels)
        self.note(row, xray)

    def note(self, row: int, xray: Row) -> None:
        """Record a row whose pixels are already written; it is done after the next `sync`."""
        self.done[row] = xray
        self._waiting.append(_line(row, xray))

    def sync(self) -> None:
        """Flush the pixels to the disk, then the new lines of the table: in this order the table holds after a power failure too."""
        if self._array is not None and self._waiting:
            os.fsync(self._array)
            with open(self.folder / TABLE, "ab") as table:
                table.write("".join(self._waiting).encode())
                table.flush()
                os.fsync(table.fileno())
            self._waiting.clear()

    def close(self) -> None:
        """Close the array without writing anything more."""
        if self._array is not None:
            os.close(self._array)
            self._array = None

    def _read_table(self) -> bool:
        """Read the table in the folder; return whether there is a complete array with its table."""
        try:
            head, *lines = (self.folder / TABLE).read_text(encoding="ascii", errors="replace").split("\n")
            said = json.loads(head)
        except (FileNotFoundError, ValueError):
            return False
        if not isinstance(said, dict) or said.get("format") != FORMAT or tuple(said.get("header", ())) != HEADER_FIELDS:
            return False
        count, size_px, bits = said["xrays"], said["size_px"], said["bits"]
        if self.count and (count, size_px) != (self.count, self.size_px):
            return False
        try:
            array = np.load(self.array_path(bits), mmap_mode="r")
        except (OSError, ValueError, EOFError):
            return False  # missing or incomplete
        if array.shape != (count, size_px, size_px) or array.dtype != np.dtype(f"uint{bits}"):
            return False
        self.count, self.size_px, self.bits = count, size_px, bits
        for line in lines:
            # A truncated or damaged line counts for no row: that X-ray is read again.
            row, xray = _xray_of(line)
            if xray and 0 <= row < count:
                self.done[row] = xray
        return True

    def _reserve(self, bits: int) -> None:
        """Create an array of zeros with its disk space allocated, so that a full disk is found now and not after hours."""
        shape = (self.count, self.size_px, self.size_px)
        needed = bytes_needed(self.count, self.size_px, bits)
        with space_for(needed, self.folder), written_whole(self.array_path(bits)) as path:
            if shutil.disk_usage(self.folder).free < needed:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            np.lib.format.open_memmap(path, mode="w+", dtype=f"uint{bits}", shape=shape)
            if hasattr(os, "posix_fallocate"):
                with open(path, "r+b") as array:
                    os.posix_fallocate(array.fileno(), 0, os.path.getsize(path))

    def _open_array(self) -> None:
        self.close()
        self._offset = os.path.getsize(self.array_path()) - self.pixels().nbytes
        self._array = os.open(self.array_path(), os.O_RDWR)

    def _write_table(self) -> None:
        said = {"format": FORMAT, "xrays": self.count, "size_px": self.size_px, "bits": self.bits, "header": HEADER_FIELDS}
        if self._array is not None:
            os.fsync(self._array)
        write_text(self.folder / TABLE, json.dumps(said) + "\n" + "".join(_line(row, xray) for row, xray in sorted(self.done.items())))
        self._waiting.clear()

    def _write_rows(self, first: int, pixels: np.ndarray) -> None:
        """Write through the file and not a memory map: a failing disk is then an error and does not kill the process."""
        if self._array is None:
            raise CacheTrouble(f"{self.folder}: the pixel cache is not open for writing.")
        content = np.ascontiguousarray(pixels).data.cast("B")
        place = self._offset + first * self.size_px**2 * self.bits // 8
        while content:
            written = os.pwrite(self._array, content, place)
            content, place = content[written:], place + written

    def _widen(self) -> None:
        """Switch to 16 bits: copy every row into a new array, then write the table that names it."""
        self.sync()
        self._reserve(16)
        narrow, old = self.array_path(), self.pixels()
        self.bits = 16
        self._open_array()
        step = max(1, ROWS_AT_ONCE_BYTES // self.size_px**2)
        for first in range(0, self.count, step):
            self._write_rows(first, widened(old[first : first + step]))
        self._write_table()
        narrow.unlink()


def bytes_needed(count: int, size_px: int, bits: int = 8) -> int:
    """Return an upper estimate of the bytes that a cache of `count` X-rays takes."""
    return count * (size_px**2 * bits // 8 + BYTES_PER_LINE)


def widened(pixels: np.ndarray) -> np.ndarray:
    """Return 8-bit grey as 16-bit grey: value/255 and value/65535 are then the same number, for 65535 is 255·257."""
    return pixels.astype(np.uint16) * np.uint16(257)


def narrowed(pixels: np.ndarray) -> np.ndarray:
    """Undo `widened`."""
    return (pixels // 257).astype(np.uint8)


@contextmanager
def space_for(needed_bytes: int, folder: Path, process_does: str = "", what_was: str = "") -> Iterator[None]:
    """Turn an OSError, or the end of a process of the pool, in the block into a `CacheTrouble` that says what to do."""
    elsewhere = "set RADLEARN_CACHE to another folder"
    try:
        yield
    except BrokenProcessPool:
        raise CacheTrouble(
            f"{folder}: a process that {process_does} was killed, most likely because memory ran out. What was {what_was} is kept: "
            "try again with more memory or fewer cores (taskset -c 0 radlearn …)."
        ) from None
    except OSError as error:
        place = next(place for place in [folder, *folder.parents] if place.exists())
        if error.errno in NO_SPACE:
            amounts = f"{needed_bytes / 1e6:,.0f} MB are needed and {shutil.disk_usage(place).free / 1e6:,.0f} MB are free"
            raise CacheTrouble(f"{folder}: not enough disk space for the cache: {amounts}. Free some space, or {elsewhere}.") from error
        if error.errno in NO_PERMISSION:
            raise CacheTrouble(f"{folder}: no permission to write the cache ({error.strerror}). Grant it, or {elsewhere}.") from error
        raise CacheTrouble(f"{folder}: the cache cannot be written ({error}). Correct that, or {elsewhere}.") from error


def unreadable_files(troubles: Sequence[str], count: int, units: str, done: str, advice: str) -> str:
    """Return the message of a pass with unreadable files: how many of `count` `units` cannot be `done`, the first ten, and what to do."""
    shown = [f"  {trouble}" for trouble in sorted(troubles)[:REASONS_SHOWN]]
    if len(troubles) > REASONS_SHOWN:
        shown.append(f"  … and {len(troubles) - REASONS_SHOWN:,} more.")
    kept = f"The other {count - len(troubles):,} are in the cache and will not be {done} again. " if count > len(troubles) else ""
    return "\n".join([f"{len(troubles):,} of {count:,} {units} cannot be {done}:", *shown, f"{kept}{advice}, then try again."])


def _line(row: int, xray: Row) -> str:
    header = [getattr(xray.header, name) for name in HEADER_FIELDS]
    return json.dumps([row, xray.path, xray.stamp, xray.digest, header]) + "\n"


def _xray_of(line: str) -> tuple[int, Row | None]:
    """Return a line's row and X-ray, None for the X-ray where the line is truncated or damaged."""
    try:
        row, path, (size, time_ns), digest, values = json.loads(line)
        # JSON has no tuples.
        values[SIZE] = tuple(values[SIZE])
        values[SPACING] = values[SPACING] and tuple(values[SPACING])
        return int(row), Row(path, (size, time_ns), digest, RadiographHeader(*values))
    except (TypeError, ValueError, IndexError):
        return -1, None
