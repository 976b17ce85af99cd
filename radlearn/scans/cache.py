"""The pixel cache: X-rays are decoded to one size once, in parallel, and memory-mapped afterwards.

A cache belongs to a list of files, a size, a shape and the code that reads X-rays. If one of them changes, it is another cache, which
copies from the existing ones the X-rays that they share. A file of unchanged size and modification time is trusted; one whose time
changed is read again, and decoded again only if its content changed too.
"""

import os
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from radlearn.errors import BadSetting, UnreadableScan
from radlearn.files import cache_folder
from radlearn.progress import cores, in_parallel, say
from radlearn.scans.alone import alone_with
from radlearn.scans.cache_store import TABLE, PixelStore, Row, bytes_needed, space_for, unreadable_files
from radlearn.scans.dicom import RadiographHeader, read_radiograph
from radlearn.scans.resize import Shape

# The modules that determine the pixels; their content is part of a cache's name.
READING_CODE = ("dicom", "display", "jpeg", "plain_jpeg", "resize", "stored_pixels")
LOCK = "lock"
SYNC_EVERY_SECONDS = 1.0
XRAYS_PER_JOB = 16
JOB_BYTES = 8 * 2**20  # so that large X-rays come in small jobs, and memory stays bounded
ONE_PROCESS_BYTES = 25 * 2**20
REMARKS_SHOWN = 5
NO_FILE = (-1, -1)
NEIGHBOURS = 12  # caches of the same settings that are searched for shared X-rays


@dataclass(frozen=True)
class CachedXrays:
    """The cached X-rays: row by row in the order of the paths."""

    pixels: np.ndarray  # Read-only memory map (X-rays, size, size), uint8 or uint16; value/255 or value/65535 is the X-ray in [0, 1]
    headers: list[RadiographHeader]
    folder: Path

    def __reduce__(self) -> tuple:
        # A memory map would be pickled with all its pixels; the receiving process opens the files instead.
        return _opened, (self.folder,)


@dataclass(frozen=True)
class _Job:
    """A few X-rays to read: (row, path, digest of the content whose pixels are cached, if any)."""

    xrays: tuple[tuple[int, str, str | None], ...]
    size_px: int
    shape: Shape


@dataclass
class _Outcome:
    """The result for one X-ray. `pixels` is None where they are cached already, and where `trouble` says why it cannot be read."""

    row: int
    path: str
    stamp: tuple[int, int] = (0, 0)
    digest: str = ""
    header: RadiographHeader | None = None
    pixels: np.ndarray | None = None
    trouble: str = ""
    remarks: list[str] = field(default_factory=list)


def cached_xrays(
    paths: Sequence[str | Path], size_px: int, shape: Shape = "stretch", workers: int | None = None, root: Path | None = None
) -> CachedXrays:
    """Return the X-rays at `paths` as `read_radiograph(path, size_px, shape)` gives them, rounded to 8 or 16 bits, from the cache.

    X-rays that the cache does not hold yet are read into it first, with a progress bar; an interrupted pass continues where it stopped.

    Args:
        paths: of DICOM X-rays. They are kept in 8 bits; if one has more, all are kept in 16.
        size_px: side of the square.
        shape: "stretch" or "pad", as for `read_radiograph`.
        workers: processes; all cores by default.
        root: the folder of all caches; by default `RADLEARN_CACHE`, else the user's cache folder.

    Raises:
        UnreadableScan: after the pass, if X-rays could not be read; the message lists the first ten. The others are kept.
        CacheTrouble: no space, no permission, or a reading process that was killed.
        BadSetting: no paths, a size below 1, an unknown shape.
    """
    if not paths or size_px < 1 or shape not in ("stretch", "pad"):
        found = f"{len(paths)} X-rays, size_px {size_px}, shape {shape!r}"
        raise BadSetting(f"The pixel cache got {found}; expected at least one X-ray, a size above 0, 'stretch' or 'pad'.")
    names = [os.path.abspath(path) for path in paths]
    listed = blake2b("\0".join(names).encode(errors="surrogatepass"), digest_size=8).hexdigest()
    folder = Path(root or cache_folder()) / "xrays" / f"{size_px}px-{shape}-{reading_version()}-{listed}"
    stamps = [_stamp(name) for name in names]
    with space_for(bytes_needed(len(names), size_px), folder, "reads X-rays", "read"):
        if (ready := _ready(folder, names, stamps, size_px)) is not None:
            return ready
        folder.mkdir(parents=True, exist_ok=True)
        with alone_with(folder / LOCK, f"making the pixel cache in {folder}"):
            # Another process may have made it while this one waited.
            if (ready := _ready(folder, names, stamps, size_px)) is not None:
                return ready
            _build(folder, names, stamps, size_px, shape, workers)
            made = _opened(folder)
    say(f"pixel cache: {len(names):,} X-rays at {size_px} px, {made.pixels.nbytes / 1e6:,.0f} MB, in {folder}")
    return made


@cache
def reading_version() -> str:
    """Return a short digest of the code that turns a file into pixels; it is part of a cache's name."""
    code = (Path(__file__).with_name(f"{name}.py").read_bytes() for name in READING_CODE)
    return blake2b(b"\0".join(code), digest_size=4).hexdigest()


def _ready(folder: Path, names: list[str], stamps: list[tuple[int, int]], size_px: int) -> CachedXrays | None:
    store = PixelStore(folder, (len(names), size_px))
    if len(store.done) < len(names) or any(store.done[row].stamp != stamp for row, stamp in enumerate(stamps)):
        return None
    try:
        return CachedXrays(store.pixels(), [store.done[row].header for row in range(len(names))], folder)
    except FileNotFoundError:
        # Another process widened the cache to 16 bits between the two reads.
        return None


def _opened(folder: Path) -> CachedXrays:
    store = PixelStore(folder)
    return CachedXrays(store.pixels(), [store.done[row].header for row in range(store.count)], folder)


def _build(folder: Path, names: list[str], stamps: list[tuple[int, int]], size_px: int, shape: Shape, workers: int | None) -> None:
    store = PixelStore(folder, (len(names), size_px))
    # The entry of an X-ray whose stamp changed is removed from the table before its pixels are touched. The entry of a missing file stays:
    # its drive may be mounted again.
    gone = {row for row, stamp in enumerate(stamps) if stamp == NO_FILE}
    changed = {row: xray for row, xray in store.done.items() if xray.stamp != stamps[row] and row not in gone}
    for row in changed:
        del store.done[row]
    troubles: list[str] = []
    remarks: Counter[str] = Counter()
    try:
        store.begin()
        _take_over(store, names, stamps)
        rows = [row for row in range(len(names)) if row not in store.done or row in gone]
        missing = [(row, names[row], changed[row].digest if row in changed else None) for row in rows]
        per_job = max(1, min(XRAYS_PER_JOB, JOB_BYTES // (2 * size_px**2)))
        jobs = [_Job(tuple(missing[first : first + per_job]), size_px, shape) for first in range(0, len(missing), per_job)]
        synced = time.monotonic()
        # Starting processes takes seconds, longer than reading so little: about 200 X-rays of 1024 px.
        little = sum(stamps[row][0] for row, _, _ in missing) < ONE_PROCESS_BYTES
        workers = workers or (1 if little else cores())
        for outcomes in in_parallel(_read, jobs, "pixel cache", "X-rays", workers, len(missing)) if jobs else ():
            for outcome in outcomes:
                remarks.update(outcome.remarks)
                known = changed.get(outcome.row)
                if outcome.trouble:
                    troubles.append(outcome.trouble)
                elif outcome.pixels is not None and outcome.header is not None:
                    store.write(outcome.row, outcome.pixels, Row(outcome.path, outcome.stamp, outcome.digest, outcome.header))
                elif known is not None:
                    store.note(outcome.row, Row(known.path, outcome.stamp, known.digest, known.header))
            if time.monotonic() - synced >= SYNC_EVERY_SECONDS:
                store.sync()
                synced = time.monotonic()
    finally:
        store.sync()
        store.close()
    for remark, count in remarks.most_common(REMARKS_SHOWN):
        say(f"{remark} ({count:,} X-rays)" if count > 1 else remark, style="yellow")
    if troubles:
        advice = "Repair these files, or remove them and their rows in the tables"
        raise UnreadableScan(unreadable_files(troubles, len(names), "X-rays", "read", advice))


def _take_over(store: PixelStore, names: list[str], stamps: list[tuple[int, int]]) -> None:
    """Copy rows from caches of the same settings for other lists of files, so that a list that lost one X-ray is not read again."""
    wanted: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        if row not in store.done:
            wanted.setdefault(name, []).append(row)
    settings = store.folder.name.rpartition("-")[0]
    tables = sorted(store.folder.parent.glob(f"{settings}-*/{TABLE}"), key=os.path.getmtime, reverse=True)
    for folder in [table.parent for table in tables if table.parent != store.folder][:NEIGHBOURS]:
        lock = FileLock(folder / LOCK)
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError):
            continue  # it is being written, or not accessible: its X-rays are read again
        try:
            neighbour = PixelStore(folder)
            shared = [
                (row, own) for row, xray in sorted(neighbour.done.items()) for own in wanted.get(xray.path, ()) if xray.stamp == stamps[own]
            ]
            for (row, own), pixels in zip(shared, neighbour.xrays(row for row, _ in shared), strict=True):
                store.write(own, pixels, neighbour.done[row])
                wanted.pop(neighbour.done[row].path, None)
            if shared:
                say(f"pixel cache: {len(shared):,} X-rays copied from {folder.name}")
            store.sync()
        finally:
            lock.release()


def _stamp(name: str) -> tuple[int, int]:
    """Return a file's size in bytes and modification time in ns; `NO_FILE` where it is missing, which reading it reports."""
    try:
        status = os.stat(name)
    except OSError:
        return NO_FILE
    return status.st_size, status.st_mtime_ns


def _read(job: _Job) -> list[_Outcome]:
    """Read the X-rays of a job; an error of one is reported in its outcome and does not stop the others."""
    return [_read_one(row, name, digest, job.size_px, job.shape) for row, name, digest in job.xrays]


def _read_one(row: int, name: str, known: str | None, size_px: int, shape: Shape) -> _Outcome:
    outcome = _Outcome(row, name, _stamp(name))
    try:
        if outcome.stamp != NO_FILE:
            outcome.digest = blake2b(Path(name).read_bytes(), digest_size=16).hexdigest()
        if known is not None and outcome.digest == known:
            return outcome
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            xray = read_radiograph(name, size_px, shape)
    except UnreadableScan as error:
        outcome.trouble = str(error)
        return outcome
    except OSError as error:
        outcome.trouble = f"{name}: cannot be opened ({error.strerror or error})."
        return outcome
    if _stamp(name) != outcome.stamp:
        outcome.trouble = f"{name}: changed while it was read. Is it still being copied?"
        return outcome
    outcome.remarks = sorted({str(warning.message).replace(f"{name}: ", "An X-ray ") for warning in caught})
    greatest, kind = (255, np.uint8) if xray.header.stored_bits <= 8 else (65535, np.uint16)
    outcome.header, outcome.pixels = xray.header, np.rint(xray.pixels * np.float32(greatest)).astype(kind)
    return outcome
