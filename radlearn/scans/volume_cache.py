"""The CT cache: every CT is read, reoriented, resampled and cropped once, in parallel, and memory-mapped afterwards.

    volumes/SETTINGS-CODE/CONTENT/           one prepared CT, named by the content of the scan and of its mask
    volumes/SETTINGS-CODE/known/NAMES.json   the content, sizes and modification times of a scan and mask of these names

A file of unchanged size and modification time is trusted; one whose time changed is read, and prepared again only if its content changed
too. Other settings, or other code, are another cache. An interrupted pass continues with the next CT; damaged entries are made again.
"""

import dataclasses
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Sequence
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
from radlearn.scans.cache_store import space_for, unreadable_files
from radlearn.scans.geometry import Volume
from radlearn.scans.mask_files import read_mask
from radlearn.scans.nifti import read_volume
from radlearn.scans.preparation import Preparation, Prepared, prepared
from radlearn.scans.prepared_volume import PreparedVolume, opened_entry, write_entry

__all__ = ["Preparation", "PreparedVolume", "cached_volumes", "prepared_apart", "read_scan"]

# The modules that determine the voxels; their content is part of a cache's name.
READING_CODE = (
    "chest_air", "dicom", "dicom_series", "display", "resampled_grid", "geometry", "jpeg", "lungs", "mask_files", "nifti", "nifti_header",
    "nifti_place", "plain_jpeg", "preparation", "prepared_volume", "resampling", "rescaling", "resize", "stored_pixels",
)  # fmt: skip
LOCK = "lock"
KNOWN = "known"
MAKING = ".making-"
CHEST_MM3 = 400 * 300 * 400
BYTES_PER_VOXEL = 3
NOTES_SHOWN = 5


@dataclass(frozen=True)
class _Job:
    """A CT to prepare into `folder`."""

    path: Path
    mask_path: Path | None
    preparation: Preparation
    folder: Path


@dataclass
class _Outcome:
    """The result for a CT: `trouble` says why it could not be prepared; `notes` are for the user."""

    path: Path
    trouble: str = ""
    notes: list[str] = field(default_factory=list)


def cached_volumes(
    paths: Sequence[str | Path],
    mask_paths: Sequence[str | Path | None] | None,
    preparation: Preparation,
    workers: int | None = None,
    root: Path | None = None,
) -> list[PreparedVolume]:
    """Return the prepared CTs at `paths`, in their order. Those that the cache lacks are made, with a progress bar.

    Args:
        paths: of NIfTI files, or of folders with one DICOM series each.
        mask_paths: the mask of each, on the scan's own grid, None for a scan without a mask; None if all are without.
        preparation: orientation, spacing, window, crop.
        workers: processes; all cores by default. Each holds one CT, about 0.6 GB for a large one.
        root: the folder of all caches; by default `RADLEARN_CACHE`, else the user's cache folder.

    Raises:
        UnreadableScan: after the pass, if scans or masks could not be read; the message lists the first ten. The others are kept.
        CacheTrouble: no space, no permission, or a process that was killed.
        BadSetting: no paths, or not as many masks as scans.
    """
    masks = [None] * len(paths) if mask_paths is None else list(mask_paths)
    if not paths or len(masks) != len(paths):
        raise BadSetting(f"The CT cache got {len(paths)} CTs with {len(masks)} masks; expected at least one CT, and as many masks as CTs.")
    wanted = [(_absolute(path), None if mask is None else _absolute(mask)) for path, mask in zip(paths, masks, strict=True)]
    settings = json.dumps(dataclasses.asdict(preparation), sort_keys=True).encode()
    folder = Path(root or cache_folder()) / "volumes" / f"{_digest(settings)}-{reading_version()}"
    found = [_ready(folder, *pair) for pair in wanted]
    missing = sum(volume is None for volume in found)
    if missing:
        needed = int(missing * CHEST_MM3 / np.prod(preparation.spacing_mm) * BYTES_PER_VOXEL)
        with space_for(needed, folder, "prepares CTs", "made"):
            folder.mkdir(parents=True, exist_ok=True)
            with alone_with(folder / LOCK, f"making the CT cache in {folder}"):
                _build(folder, wanted, preparation, workers)
        found = [_ready(folder, *pair) for pair in wanted]
    volumes = [volume for volume in found if volume is not None]
    if len(volumes) < len(found):
        changed = next(pair[0] for pair, volume in zip(wanted, found, strict=True) if volume is None)
        raise CacheTrouble(f"{changed}: changed while the CT cache was made. Is it still being copied? Try again after that.")
    if missing:
        say(f"CT cache: {len(volumes):,} CTs, images {sum(one.image.nbytes for one in volumes) / 1e6:,.0f} MB, in {folder}")
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
        raise CacheTrouble(f"{folder}: the prepared {path.name} cannot be read back. Is the disk full or failing?")
    return scan, volume, made.lungs


@cache
def reading_version() -> str:
    """Return a short digest of the code that prepares CTs; it is part of a cache's name."""
    code = (Path(__file__).with_name(f"{name}.py").read_bytes() for name in READING_CODE)
    return _digest(b"\0".join(code))[:8]


def _ready(folder: Path, path: Path, mask_path: Path | None) -> PreparedVolume | None:
    """Return a CT that is in the cache and whose files have not changed since."""
    try:
        known = json.loads(_known(folder, path, mask_path).read_text(encoding="utf-8"))
        content = known["content"] if known["stamps"] == _stamps(path, mask_path) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return opened_entry(folder / content, path, mask_path) if content else None


def _build(folder: Path, wanted: list[tuple[Path, Path | None]], preparation: Preparation, workers: int | None) -> None:
    for leftover in folder.glob(f"{MAKING}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    # Checked again, because another process may have made some while this one waited.
    missing = [pair for pair in dict.fromkeys(wanted) if _ready(folder, *pair) is None]
    jobs = [_Job(path, mask, preparation, folder) for path, mask in missing]
    troubles: list[str] = []
    notes: set[str] = set()
    for outcome in in_parallel(_make, jobs, "CT cache", "CTs", workers) if jobs else ():
        if outcome.trouble:
            troubles.append(outcome.trouble)
        notes.update(f"{outcome.path.name}: {note}" for note in outcome.notes)
    for note in sorted(notes)[:NOTES_SHOWN]:
        say(note, style="yellow")
    if len(notes) > NOTES_SHOWN:
        say(f"… and {len(notes) - NOTES_SHOWN:,} more such notes.", style="yellow")
    if troubles:
        raise UnreadableScan(unreadable_files(troubles, len(dict.fromkeys(wanted)), "CTs", "prepared", "Repair or remove these files"))


def _make(job: _Job) -> _Outcome:
    """Prepare one CT; an error in its files is reported in the outcome and does not stop the others."""
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
            outcome.notes = [*volume.notes, *sorted({str(warning.message) for warning in caught})]
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
    """Write a prepared CT into a temporary folder and move it into place."""
    making = Path(tempfile.mkdtemp(prefix=MAKING, dir=job.folder))
    write_entry(making, volume, job.preparation)
    making.chmod(0o755)
    if opened_entry(entry, job.path, job.mask_path) is None:
        shutil.rmtree(entry, ignore_errors=True)
    try:
        making.replace(entry)
    except OSError:
        # Another file of the same content may have been prepared meanwhile.
        if opened_entry(entry, job.path, job.mask_path) is None:
            raise
        shutil.rmtree(making)


def read_scan(path: Path, mask_path: Path | None = None) -> tuple[Volume, Volume | None]:
    """Read a scan (a NIfTI file, or the folder of one DICOM series) and its mask if there is one; errors as `read_volume`, `read_mask`."""
    if path.is_dir():
        from radlearn.scans.dicom_series import read_series  # pydicom takes half a second to import, and NIfTI needs none of it

        scan = read_series(path)
    else:
        scan = read_volume(path)
    return scan, None if mask_path is None else read_mask(mask_path, scan)


def _files(path: Path) -> list[Path]:
    """Return the file, or the files of a folder, sorted."""
    return sorted(inner for inner in path.rglob("*") if inner.is_file()) if path.is_dir() else [path]


def _stamps(path: Path, mask_path: Path | None) -> list[Any]:
    """Return sizes in bytes and modification times in ns, as JSON returns them; a folder has one digest over all of its files."""
    stamps: list[Any] = []
    for place in (path, mask_path):
        if place is None:
            stamps.append(None)
            continue
        each = [[inner.name, (status := os.stat(inner)).st_size, status.st_mtime_ns] for inner in _files(place)]
        stamps.append(each[0][1:] if not place.is_dir() else _digest(json.dumps(each).encode()))
    return stamps


def _content(path: Path, mask_path: Path | None) -> str:
    """Return the digest of the content of the scan's and the mask's files, whatever their names."""
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


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=8).hexdigest()


def _absolute(path: str | Path) -> Path:
    return Path(os.path.abspath(path))
