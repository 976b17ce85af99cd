"""The CT cache: every CT is read, turned, resampled and cropped once, in parallel, and looked up by the page ever after.

    volumes/SETTINGS-CODE/CONTENT/           a prepared CT each, named by the content of the scan and of its mask
    volumes/SETTINGS-CODE/known/NAMES.json   which content a scan and mask of these names had, and their sizes and times then

A file that was not changed since (same size and time) is trusted; one whose time changed is looked into, and prepared again only if its
content changed too. Other settings, or other code, are another cache. What is interrupted goes on with the next CT; what is damaged is
made again.
"""

import dataclasses
import json
import os
import shutil
import tempfile
import warnings
from collections import Counter
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from radlearn.errors import BadSetting, CacheTrouble, UnreadableScan
from radlearn.files import cache_folder, write_json
from radlearn.progress import in_parallel, say
from radlearn.scans.alone import alone_with
from radlearn.scans.cache_store import space_for
from radlearn.scans.geometry import Volume
from radlearn.scans.mask_files import read_mask
from radlearn.scans.nifti import read_volume
from radlearn.scans.preparation import Preparation, Prepared, prepared
from radlearn.scans.prepared_volume import PreparedVolume, opened_entry, write_entry

__all__ = ["Preparation", "PreparedVolume", "cached_volumes", "prepared_apart", "read_scan"]

# The files whose change may change a voxel; their content is part of a cache's name.
READING_CODE = (
    "chest_air", "dicom", "dicom_series", "display", "resampled_grid", "geometry", "jpeg", "lungs", "mask_files", "nifti", "nifti_header",
    "nifti_place", "plain_jpeg", "preparation", "prepared_volume", "resampling", "rescaling", "resize", "stored_pixels",
)  # fmt: skip
LOCK = "lock"
KNOWN = "known"
MAKING = ".making-"
CHEST_MM3 = 400 * 300 * 400
BYTES_PER_VOXEL = 3
REASONS_SHOWN = 10
REMARKS_SHOWN = 5


@dataclass(frozen=True)
class _Job:
    """A CT to be prepared into `folder`."""

    path: Path
    mask_path: Path | None
    preparation: Preparation
    folder: Path


@dataclass
class _Outcome:
    """What became of a CT: `trouble` says why there is nothing, `remarks` what is worth knowing."""

    path: Path
    trouble: str = ""
    remarks: list[str] = field(default_factory=list)


def cached_volumes(
    paths: Sequence[str | Path],
    mask_paths: Sequence[str | Path | None] | None,
    preparation: Preparation,
    workers: int | None = None,
    root: Path | None = None,
) -> list[PreparedVolume]:
    """Return the CTs at `paths`, prepared, in their order. Those the cache does not hold yet are made, with a bar.

    Args:
        paths: of NIfTI files, or of folders with one DICOM series each.
        mask_paths: the mask of each on the scan's own grid, None for a scan without; None for all.
        preparation: orientation, spacing, window, crop.
        workers: processes; all cores by default. Each holds one CT, about 0.6 GB for a large one.
        root: where caches are kept; by default `RADLEARN_CACHE`, else the user's cache folder.

    Raises:
        UnreadableScan: after the pass, if scans or masks could not be read; the message lists the first ten. The others are kept.
        CacheTrouble: no space, no permission, or a process that was ended from outside.
        BadSetting: no paths, or not as many masks as scans.
    """
    masks = [None] * len(paths) if mask_paths is None else list(mask_paths)
    if not paths or len(masks) != len(paths):
        raise BadSetting(
            f"The CT cache was asked for {len(paths)} CTs with {len(masks)} masks; expected at least one, and as many of each."
        )
    asked = [(_absolute(path), None if mask is None else _absolute(mask)) for path, mask in zip(paths, masks, strict=True)]
    folder = Path(root or cache_folder()) / "volumes" / f"{_digest(_settings(preparation))}-{reading_version()}"
    found = [_ready(folder, *pair) for pair in asked]
    missing = sum(volume is None for volume in found)
    if missing:
        needed = int(missing * CHEST_MM3 / np.prod(preparation.spacing_mm) * BYTES_PER_VOXEL)
        with space_for(needed, folder):
            folder.mkdir(parents=True, exist_ok=True)
            with alone_with(folder / LOCK, f"making the CT cache in {folder}"):
                _build(folder, asked, preparation, workers)
        found = [_ready(folder, *pair) for pair in asked]
    volumes = [volume for volume in found if volume is not None]
    if len(volumes) < len(found):
        changed = next(pair[0] for pair, volume in zip(asked, found, strict=True) if volume is None)
        raise CacheTrouble(f"{changed}: changed while the CT cache was made. Is it still being copied? Try again when that is done.")
    if missing:
        size = sum(volume.image.nbytes for volume in volumes)
        say(f"CT cache: {len(volumes):,} CTs, images {size / 1e6:,.0f} MB, in {folder}")
    return volumes


def prepared_apart(path: str | Path, preparation: Preparation, folder: Path) -> tuple[Volume, PreparedVolume, np.ndarray]:
    """Read one CT and prepare it into an empty folder of the caller's instead of the cache: for scans that are used once.

    Returns:
        the scan as it is in its file, the prepared scan, and the mask of the lungs on the scan's grid, bool (i, j, k).

    Raises:
        UnreadableScan: as `read_scan`.
    """
    path = _absolute(path)
    scan, _ = read_scan(path)
    made = prepared(scan, None, preparation)
    write_entry(folder, made, preparation)
    volume = opened_entry(folder, path, None)
    if volume is None:
        raise CacheTrouble(f"{folder}: what was written for {path.name} cannot be read again. Is the disk full or failing?")
    return scan, volume, made.lungs


@cache
def reading_version() -> str:
    """Return a short digest of the code that turns files into prepared CTs: other code, other cache."""
    code = (Path(__file__).with_name(f"{name}.py").read_bytes() for name in READING_CODE)
    return _digest(b"\0".join(code))[:8]


def _ready(folder: Path, path: Path, mask_path: Path | None) -> PreparedVolume | None:
    """Return a CT that is there and whose files were not touched since."""
    try:
        known = json.loads(_known(folder, path, mask_path).read_text(encoding="utf-8"))
        content = known["content"] if known["stamps"] == _stamps(path, mask_path) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return opened_entry(folder / content, path, mask_path) if content else None


def _build(folder: Path, asked: list[tuple[Path, Path | None]], preparation: Preparation, workers: int | None) -> None:
    for leftover in folder.glob(f"{MAKING}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    # Asked again, because another process may have made some while this one waited.
    missing = [pair for pair in dict.fromkeys(asked) if _ready(folder, *pair) is None]
    jobs = [_Job(path, mask, preparation, folder) for path, mask in missing]
    troubles: list[str] = []
    remarks: Counter[str] = Counter()
    try:
        for outcome in in_parallel(_make, jobs, "CT cache", "CTs", workers) if jobs else ():
            if outcome.trouble:
                troubles.append(outcome.trouble)
            remarks.update(f"{outcome.path.name}: {remark}" for remark in outcome.remarks)
    except BrokenProcessPool:
        raise CacheTrouble(
            f"{folder}: a process that prepares CTs was ended from outside, most likely because memory ran out. What was made is kept: "
            "try again with more memory or fewer cores (taskset -c 0 radlearn …)."
        ) from None
    for remark in sorted(remarks)[:REMARKS_SHOWN]:
        say(remark, style="yellow")
    if len(remarks) > REMARKS_SHOWN:
        say(f"… and {len(remarks) - REMARKS_SHOWN:,} more such remarks.", style="yellow")
    if troubles:
        raise UnreadableScan(_unreadable(sorted(troubles), len(dict.fromkeys(asked))))


def _make(job: _Job) -> _Outcome:
    """Prepare one CT; what is wrong with its files is said in the outcome and stops no other."""
    outcome = _Outcome(job.path)
    try:
        stamps = _stamps(job.path, job.mask_path)
        content = _content(job.path, job.mask_path)
        entry = job.folder / content
        volume = None
        if opened_entry(entry, job.path, job.mask_path) is None:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                volume = prepared(*read_scan(job.path, job.mask_path), job.preparation)
            outcome.remarks = [*volume.notes, *sorted({str(warning.message) for warning in caught})]
        unchanged = _stamps(job.path, job.mask_path) == stamps
    except UnreadableScan as error:
        outcome.trouble = str(error)
        return outcome
    except OSError as error:
        outcome.trouble = f"{error.filename or job.path}: cannot be opened ({error.strerror or error})."
        return outcome
    if not unchanged:
        outcome.trouble = f"{job.path}: the scan or its mask changed while it was read. Is it still being copied?"
        return outcome
    if volume is not None:
        _keep(volume, job, entry)
    write_json(_known(job.folder, job.path, job.mask_path), {"path": job.path, "stamps": stamps, "content": content})
    return outcome


def _keep(volume: Prepared, job: _Job, entry: Path) -> None:
    """Write a prepared CT beside its name and move it there, whole."""
    making = Path(tempfile.mkdtemp(prefix=MAKING, dir=job.folder))
    write_entry(making, volume, job.preparation)
    making.chmod(0o755)
    if opened_entry(entry, job.path, job.mask_path) is None:
        shutil.rmtree(entry, ignore_errors=True)
    try:
        making.replace(entry)
    except OSError:
        # The same content under another name may have been made meanwhile.
        if opened_entry(entry, job.path, job.mask_path) is None:
            raise
        shutil.rmtree(making)


def read_scan(path: Path, mask_path: Path | None = None) -> tuple[Volume, Volume | None]:
    """Read a scan (a NIfTI file, or the folder of one DICOM series) and its mask if it has one; errors as `read_volume`, `read_mask`."""
    if path.is_dir():
        from radlearn.scans.dicom_series import read_series  # pydicom takes half a second to import, and NIfTI needs none of it

        scan = read_series(path)
    else:
        scan = read_volume(path)
    return scan, None if mask_path is None else read_mask(mask_path, scan)


def _unreadable(troubles: list[str], count: int) -> str:
    shown = [f"  {trouble}" for trouble in troubles[:REASONS_SHOWN]]
    if len(troubles) > REASONS_SHOWN:
        shown.append(f"  … and {len(troubles) - REASONS_SHOWN:,} more.")
    kept = f"The other {count - len(troubles):,} are in the cache and need not be prepared again. " if count > len(troubles) else ""
    amount = f"{len(troubles):,} of {count:,} CTs cannot be prepared:"
    return "\n".join([amount, *shown, f"{kept}Mend these files or take them out, then try again."])


def _files(path: Path) -> list[Path]:
    """Return the file, or the files of a folder, sorted."""
    return sorted(inner for inner in path.rglob("*") if inner.is_file()) if path.is_dir() else [path]


def _stamps(path: Path, mask_path: Path | None) -> list[Any]:
    """Return sizes in bytes and times of the last change in ns, as JSON gives them back; a folder has one digest of all of its files'."""
    stamps: list[Any] = []
    for place in (path, mask_path):
        if place is None:
            stamps.append(None)
            continue
        each = [[inner.name, (status := os.stat(inner)).st_size, status.st_mtime_ns] for inner in _files(place)]
        stamps.append(each[0][1:] if not place.is_dir() else _digest(json.dumps(each).encode()))
    return stamps


def _content(path: Path, mask_path: Path | None) -> str:
    """Return the digest of what the scan's and the mask's files hold, whatever their names."""
    digest = blake2b(digest_size=16)
    for place in (path, mask_path):
        for inner in [] if place is None else _files(place):
            with open(inner, "rb") as opened:
                while piece := opened.read(1 << 20):
                    digest.update(piece)
        digest.update(b"no mask" if place is None else b"end")
    return digest.hexdigest()


def _known(folder: Path, path: Path, mask_path: Path | None) -> Path:
    names = f"{path}\0{mask_path}".encode(errors="surrogatepass")
    return folder / KNOWN / f"{_digest(names)}.json"


def _settings(preparation: Preparation) -> bytes:
    return json.dumps(dataclasses.asdict(preparation), sort_keys=True).encode()


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=8).hexdigest()


def _absolute(path: str | Path) -> Path:
    return Path(os.path.abspath(path))
