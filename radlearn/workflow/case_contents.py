"""Who a case is, whatever it is called: digests of its pixels and of its truth.

Names repeat: the CTs of two hospitals may have the same names, and one X-ray may lie in two folders under two
names. So a run keeps the digests of its cases (`split.csv`), and what is a test case of a run, or a stranger, is decided by them.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from radlearn.challenges.challenge import Case
from radlearn.entry_sources import files_of
from radlearn.file_contents import BLANK, KnownContents, combined
from radlearn.progress import cores, progress_bar
from radlearn.training.splits import CaseContent

# So few are read without a bar.
FEW = 50


class Comparison(NamedTuple):
    """How cases compare with what a run knows of the cases of the same names: ids of those with other pixels, and with another truth.

    `unknown` are those of which the run, or the disk, cannot tell.
    """

    other_pixels: list[str]
    other_truth: list[str]
    unknown: list[str]


def contents_of(cases: Sequence[Case]) -> list[CaseContent]:
    """Return the digests of cases, in order; "" for what cannot be read, which whoever reads the image will say.

    Files that were read before, as those of prepared cases were, are not read again: see `file_contents`.
    """
    known = _read_all(path for case in cases for path in _paths_of(case))
    return [CaseContent(_image_digest(known, case.path), _truth_digest(known, case)) for case in cases]


def images_of(paths: Sequence[Path]) -> list[str]:
    """Return the digests of the pixels in files and folders, in order, as they stand in `contents_of`; "" as there."""
    known = _read_all(paths)
    return [_image_digest(known, path) for path in paths]


def _read_all(paths: Iterable[Path]) -> KnownContents:
    """Return the table of known files, with those in `paths` read."""
    known = KnownContents()
    files = sorted({file for path in paths for file in _files(path)})
    unread = [file for file in files if not known.knows(file)]
    if unread:
        shown = progress_bar("comparing files", len(unread), "files") if len(unread) > FEW else nullcontext()
        # Threads: what takes time, reading and digests, leaves the interpreter.
        with shown as bar, ThreadPoolExecutor(cores()) as pool:
            for _ in pool.map(lambda file: _read(known, file), unread):
                if bar is not None:
                    bar.advance(1)
        known.keep(known.take_read())
    return known


def compared(cases: Sequence[Case], expected: dict[str, CaseContent]) -> Comparison:
    """Compare cases with what is known of the cases of the same names."""
    found = Comparison([], [], [])
    for case, content in zip(cases, contents_of(cases), strict=True):
        known = expected.get(case.image_id, CaseContent())
        if not known.pixels or not content.pixels:
            found.unknown.append(case.image_id)
        elif known.pixels != content.pixels:
            found.other_pixels.append(case.image_id)
        elif known.truth and content.truth and known.truth != content.truth:
            found.other_truth.append(case.image_id)
    return found


def digest_of(cases: Sequence[Case]) -> str | None:
    """Return one digest of cases with their names, pixels and truth, in any order; None where one of them cannot be told."""
    contents = contents_of(cases)
    if not cases or not all(content.pixels for content in contents):
        return None
    rows = sorted((case.image_id, *content) for case, content in zip(cases, contents, strict=True))
    return blake2b(repr(rows).encode(), digest_size=16).hexdigest()


def _read(known: KnownContents, file: Path) -> None:
    try:
        known.of(file)
    except OSError:
        return


def _truth_of(case: Case) -> tuple[Any, ...]:
    truth: tuple[Any, ...] = getattr(case, "truth", ())
    return truth


def _paths_of(case: Case) -> list[Path]:
    return [case.path, *(one for one in _truth_of(case) if isinstance(one, Path))]


def _files(path: Path) -> list[Path]:
    try:
        return files_of(path)
    except OSError:
        return []


def _image_digest(known: KnownContents, path: Path) -> str:
    """Return the digest of the pixels of an image; "" where there are none, or all are alike, which tells nobody apart."""
    digest = _pixels(known, path)
    return "" if digest.startswith(BLANK) else digest


def _truth_digest(known: KnownContents, case: Case) -> str:
    truth = _truth_of(case)
    parts = [_pixels(known, one) if isinstance(one, Path) else f"word {one!r}" for one in truth]
    return blake2b("\n".join(parts).encode(), digest_size=16).hexdigest() if parts and all(parts) else ""


def _pixels(known: KnownContents, path: Path) -> str:
    """Return the digest of the pixels in a file, or of all files in a folder, whatever their names and order."""
    try:
        return combined(sorted(known.of(file).pixels for file in _files(path))) if path.exists() else ""
    except OSError:
        return ""
