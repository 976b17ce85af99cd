"""The pixel cache: X-rays are decoded to one size once, in parallel, and memory-mapped afterwards; see `array_store`."""

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from radlearn.array_store import Words, stored_entries
from radlearn.entry_files import Entry, Made
from radlearn.errors import BadSetting
from radlearn.files import cache_folder
from radlearn.pseudonyms import without_identifiers
from radlearn.scans.chest_xray import refuse_no_chest_xray
from radlearn.scans.dicom import Radiograph, RadiographHeader, read_radiograph
from radlearn.scans.resize import Shape

# The modules that determine the pixels; their content is part of a cache's name.
READING_CODE = (
    "body_parts", "decimals", "decodable", "deep_channels", "dicom", "dicom_parsing", "display", "doubt", "file_names", "geometry",
    "header_texts", "itk_header", "itk_volume", "jpeg", "jpeg_pictures", "lookup_tables", "misfits", "nifti", "nifti_header",
    "nifti_place", "one_slice", "padding", "picture_files", "pixel_order", "pixel_spacing", "plain_images", "plain_jpeg", "rescaling",
    "resize", "stored_pixels", "swapped_bytes", "tiff_kinds", "tiff_pages", "unused_bits", "views", "volume_files", "wrapped_values",
)  # fmt: skip
XRAYS_PER_JOB = 16
HEADER_BYTES = 1024  # of an entry, an upper estimate
WORDS = Words("pixel cache", "X-rays", "read", "Repair these files, or remove them and their rows in the tables")


@dataclass(frozen=True)
class CachedXrays:
    """The cached X-rays and their headers, in the order of the paths; in place of PatientID and UIDs the headers have pseudonyms."""

    entries: Sequence[Entry]
    headers: Sequence[RadiographHeader]
    folder: Path

    def xray(self, row: int) -> np.ndarray:
        """Return a memory map (size, size), uint8 or uint16; value/255 or value/65535 is the X-ray in [0, 1]."""
        return self.entries[row].array("pixels")


def cached_xrays(
    paths: Sequence[str | Path],
    size_px: int,
    shape: Shape = "stretch",
    workers: int | None = None,
    root: Path | None = None,
    chest: bool = False,
) -> CachedXrays:
    """Return the X-rays at `paths` as `read_radiograph(path, size_px, shape)` gives them, rounded to 8 or 16 bits, from the cache.

    X-rays that the cache does not hold yet are read into it first, with a progress bar; an interrupted pass continues where it stopped.

    Args:
        paths: of DICOM X-rays. One of at most 8 bits is kept in 8, a deeper one in 16.
        size_px: side of the square.
        shape: "stretch" or "pad", as for `read_radiograph`.
        workers: processes; all cores by default.
        root: the folder of all caches; by default `RADLEARN_CACHE`, else the user's cache folder.
        chest: refuse what is surely no chest X-ray, and note what is doubtful: see `chest_xray`.

    Raises:
        UnreadableScan: after the pass, if X-rays could not be read or are refused; the message lists the first ten. The others are kept.
        CacheTrouble: no space, no permission, or a reading process that was killed.
        BadSetting: no paths, a size below 1, an unknown shape.
    """
    if not paths or size_px < 1 or shape not in ("stretch", "pad"):
        found = f"{len(paths)} X-rays, size_px {size_px}, shape {shape!r}"
        raise BadSetting(f"The pixel cache got {found}; expected at least one X-ray, a size above 0, 'stretch' or 'pad'.")
    names = [Path(path).absolute() for path in paths]
    folder = Path(root or cache_folder()) / "xrays" / f"{size_px}px-{shape}{'-chest' * chest}-{reading_version()}"
    make = partial(_made, names, size_px, shape, chest)
    needed = bytes_needed(1, size_px)
    entries = stored_entries(folder, [(name,) for name in names], make, WORDS, needed, workers, forked=True, per_job=XRAYS_PER_JOB)
    return CachedXrays(entries, [_header(entry.about) for entry in entries], folder)


@cache
def reading_version() -> str:
    """Return a short digest of the code that turns a file into pixels; it is part of a cache's name."""
    code = (Path(__file__).with_name(f"{name}.py").read_bytes() for name in READING_CODE)
    return blake2b(b"\0".join(code), digest_size=4).hexdigest()


def bytes_needed(count: int, size_px: int, bits: int = 8) -> int:
    """Return an upper estimate of the bytes that a cache of `count` X-rays takes."""
    return count * (size_px**2 * bits // 8 + HEADER_BYTES)


def as_cached(xray: Radiograph) -> np.ndarray:
    """Return an X-ray's pixels as the cache stores them, so that a prediction does not depend on the way an X-ray was read."""
    stored = np.uint8 if xray.header.stored_bits <= 8 else np.uint16
    return np.rint(xray.pixels * np.float32(np.iinfo(stored).max)).astype(stored)


def _made(names: Sequence[Path], size_px: int, shape: Shape, chest: bool, number: int) -> Made:
    with warnings.catch_warnings():
        # The notes of an X-ray say the same without its name, so that they can be counted.
        warnings.simplefilter("ignore", UserWarning)
        xray = read_radiograph(names[number], size_px, shape)
        notes = xray.notes + (refuse_no_chest_xray(names[number], xray) if chest else ())
    return Made({"pixels": as_cached(xray)}, without_identifiers(asdict(xray.header)), notes=notes)


def _header(about: dict[str, Any]) -> RadiographHeader:
    """Return the header of an entry; JSON has no tuples."""
    height, width = about["size_px"]
    lengths = {name: about[name] and tuple(about[name]) for name in ("spacing_mm", "spacing_in_patient_mm")}
    return RadiographHeader(**{**about, "size_px": (height, width), **lengths})
