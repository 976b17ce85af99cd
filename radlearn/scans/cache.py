"""The pixel cache: what an X-ray looks like at one size is worked out once, in parallel, and read at the speed of memory ever after.

A cache belongs to a list of files, a size, a shape and the code that reads X-rays; change one of them and it is another cache, which
takes over from its neighbours what they have in common. A file that was not changed since (same size and time) is trusted; one whose
time changed is read again, and decoded again only if its content changed too.
"""

import os
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from radlearn.errors import BadSetting, CacheTrouble, UnreadableScan
from radlearn.files import cache_folder
from radlearn.progress import cores, in_parallel, say
from radlearn.scans.alone import alone_with
from radlearn.scans.cache_store import TABLE, PixelStore, Row, bytes_needed, space_for
from radlearn.scans.dicom import RadiographHeader, read_radiograph
from radlearn.scans.resize import Shape

# The files whose change may change a pixel; their content is part of a cache's name.
READING_CODE = ("dicom", "display", "jpeg", "plain_jpeg", "resize", "stored_pixels")
LOCK = "lock"
SYNC_EVERY_SECONDS = 1.0
XRAYS_PER_JOB = 16
JOB_BYTES = 8 * 2**20  # so that large X-rays come in small jobs, and memory stays bounded
ONE_PROCESS_BYTES = 25 * 2**20
REASONS_SHOWN = 10
REMARKS_SHOWN = 5
NO_FILE = (-1, -1)
NEIGHBOURS = 12  # caches of the same settings that are looked through for X-rays they share


@dataclass(frozen=True)
class CachedXrays:
    """The X-rays, ready: row by row in the order of the paths that were asked for."""

    pixels: np.ndarray
    "Read-only memory map (X-rays, size, size), uint8 or uint16; value/255 or value/65535 is the X-ray in [0, 1]."
    headers: list[RadiographHeader]
    folder: Path

    def __reduce__(self) -> tuple:
        # A map would be pickled as all its pixels; a process that gets this opens the files instead.
        return _opened, (self.folder,)


@dataclass(frozen=True)
class _Job:
    """A few X-rays to be read: (row, path, the digest at which its pixels are known, if they are)."""

    xrays: tuple[tuple[int, str, str | None], ...]
    size_px: int
    shape: Shape


@dataclass
class _Outcome:
    """What became of one X-ray. `pixels` is None where they are known already, and where `trouble` says why there are none."""

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

    X-rays that the cache does not hold yet are read into it first, with a bar; a pass that was interrupted goes on where it was.

    Args:
        paths: of DICOM X-rays. An X-ray of at most 8 bits is kept in 8; if one has more, all are kept in 16.
        size_px: side of the square.
        shape: "stretch" or "pad", as for `read_radiograph`.
        workers: processes; all cores by default.
        root: where caches are kept; by default `RADLEARN_CACHE`, else the user's cache folder.

    Raises:
        UnreadableScan: after the pass, if X-rays could not be read; the message lists the first ten. The others are kept.
        CacheTrouble: no space, no permission, or a reading process that was ended from outside.
        BadSetting: no paths, a size below 1, an unknown shape.
    """
    if not paths or size_px < 1 or shape not in ("stretch", "pad"):
        found = f"{len(paths)} X-rays, size_px {size_px}, shape {shape!r}"
        raise BadSetting(f"The pixel cache was asked for {found}; expected at least one X-ray, a size above 0, 'stretch' or 'pad'.")
    names = [os.path.abspath(path) for path in paths]
    listed = blake2b("\0".join(names).encode(errors="surrogatepass"), digest_size=8).hexdigest()
    folder = Path(root or cache_folder()) / "xrays" / f"{size_px}px-{shape}-{reading_version()}-{listed}"
    stamps = [_stamp(name) for name in names]
    with space_for(bytes_needed(len(names), size_px), folder):
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
    """Return a short digest of the code that turns a file into pixels: other code, other cache."""
    code = (Path(__file__).with_name(f"{name}.py").read_bytes() for name in READING_CODE)
    return blake2b(b"\0".join(code), digest_size=4).hexdigest()


def _ready(folder: Path, names: list[str], stamps: list[tuple[int, int]], size_px: int) -> CachedXrays | None:
    store = PixelStore(folder, (len(names), size_px))
    if len(store.done) < len(names) or any(store.done[row].stamp != stamp for row, stamp in enumerate(stamps)):
        return None
    try:
        return CachedXrays(store.pixels(), [store.done[row].header for row in range(len(names))], folder)
    except FileNotFoundError:
        # Another process went over to 16 bits between the table and the array.
        return None


def _opened(folder: Path) -> CachedXrays:
    store = PixelStore(folder)
    return CachedXrays(store.pixels(), [store.done[row].header for row in range(store.count)], folder)


def _build(folder: Path, names: list[str], stamps: list[tuple[int, int]], size_px: int, shape: Shape, workers: int | None) -> None:
    store = PixelStore(folder, (len(names), size_px))
    # What is said of an X-ray whose stamp changed is taken out of the table before its pixels are touched. An X-ray that is gone stays:
    # its drive may come back.
    gone = {row for row, stamp in enumerate(stamps) if stamp == NO_FILE}
    changed = {row: xray for row, xray in store.done.items() if xray.stamp != stamps[row] and row not in gone}
    for row in changed:
        del store.done[row]
    troubles: list[str] = []
    remarks: Counter[str] = Counter()
    try:
        store.begin()
        _take_over(store, names, stamps)
        missing = [
            (row, names[row], xray.digest if (xray := changed.get(row)) else None)
            for row in range(len(names))
            if row not in store.done or row in gone
        ]
        per_job = max(1, min(XRAYS_PER_JOB, JOB_BYTES // (2 * size_px**2)))
        jobs = [_Job(tuple(missing[first : first + per_job]), size_px, shape) for first in range(0, len(missing), per_job)]
        synced = time.monotonic()
        # Starting processes takes some seconds; so little, about 200 JPEG X-rays of 1024 px, does not.
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
    except BrokenProcessPool:
        raise CacheTrouble(
            f"{folder}: a process that reads X-rays was ended from outside, most likely because memory ran out. What was read is kept: "
            "try again with more memory or fewer cores (taskset -c 0 radlearn …)."
        ) from None
    finally:
        store.sync()
        store.close()
    for remark, count in remarks.most_common(REMARKS_SHOWN):
        say(f"{remark} ({count:,} X-rays)" if count > 1 else remark, style="yellow")
    if troubles:
        raise UnreadableScan(_unreadable(sorted(troubles), len(names)))


def _take_over(store: PixelStore, names: list[str], stamps: list[tuple[int, int]]) -> None:
    """Copy rows from caches of the same settings for other lists of files: a list that lost a bad X-ray costs nothing to read again."""
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
            continue  # somebody writes there, or nobody may: what it holds is read again instead
        try:
            neighbour = PixelStore(folder)
            shared = [
                (row, own) for row, xray in sorted(neighbour.done.items()) for own in wanted.get(xray.path, ()) if xray.stamp == stamps[own]
            ]
            for (row, own), pixels in zip(shared, neighbour.xrays(row for row, _ in shared), strict=True):
                store.write(own, pixels, neighbour.done[row])
                wanted.pop(neighbour.done[row].path, None)
            if shared:
                say(f"pixel cache: {len(shared):,} X-rays are taken over from {folder.name}")
            store.sync()
        finally:
            lock.release()


def _unreadable(troubles: list[str], count: int) -> str:
    shown = [f"  {trouble}" for trouble in troubles[:REASONS_SHOWN]]
    if len(troubles) > REASONS_SHOWN:
        shown.append(f"  … and {len(troubles) - REASONS_SHOWN:,} more.")
    kept = f"The other {count - len(troubles):,} are in the cache and need not be read again. " if count > len(troubles) else ""
    amount = f"{len(troubles):,} of {count:,} X-rays cannot be read:"
    return "\n".join([amount, *shown, f"{kept}Mend these files or take them (and their rows in the tables) out, then try again."])


def _stamp(name: str) -> tuple[int, int]:
    """Return a file's size in bytes and the time of its last change in ns; `NO_FILE` where there is none: reading it says why."""
    try:
        status = os.stat(name)
    except OSError:
        return NO_FILE
    return status.st_size, status.st_mtime_ns


def _read(job: _Job) -> list[_Outcome]:
    """Read the X-rays of a job; what is wrong with one is said in its outcome and stops no other."""
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
