"""Who a case is, whatever it is called: digests of its pixels and of its truth.

Names repeat: the CTs of two hospitals may have the same names, and one X-ray may lie in two folders under two
names. So a run keeps the digests of its cases (`split.csv`), and what is a test case of a run, or a stranger, is decided by them.

They are digests of values (`scans.value_digests`), so that an image that was saved again is the same. Runs of before know their images by
the bytes of their pixels (`file_contents`): to them these are taken, and a copy in another encoding is not known again.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from radlearn.challenges.challenge import Case
from radlearn.entry_sources import files_of
from radlearn.file_contents import BLANK, SCHEME, combined, is_of_values
from radlearn.known_contents import KnownContents
from radlearn.progress import cores, in_parallel, progress_bar
from radlearn.training.splits import CaseContent

# After what was rounded had the digest of its exact values: a volume that was decoded before then is decoded once more.
ROUNDED = "rounded "
VOLUME_AXES = 3
# So few are read without a bar.
FEW = 50
FEW_BYTES = 1 << 28
"So much is decoded without a bar, by this process alone."
PER_JOB = 8


class Comparison(NamedTuple):
    """How cases compare with what a run knows of the cases of the same names: ids of those with other pixels, and with another truth.

    `unknown` are those of which the run, or the disk, cannot tell.
    """

    other_pixels: list[str]
    other_truth: list[str]
    unknown: list[str]


def contents_of(cases: Sequence[Case], stored: bool = False) -> list[CaseContent]:
    """Return the digests of cases, in order; "" for what cannot be read, which whoever reads the image will say.

    What was read or decoded before is not again: see `known_contents`. `stored` asks for digests as runs of before have them.
    """
    paths = [path for case in cases for path in _paths_of(case)]
    known = _read_all(paths)
    pixels_of = _stored(known) if stored else _first_of(_decoded(known, paths))
    return [CaseContent(_of_somebody(pixels_of(case.path)), _truth_digest(pixels_of, case)) for case in cases]


def images_of(paths: Sequence[Path], among: Collection[str]) -> list[str]:
    """Return for each file or folder which of some digests, as they stand in `contents_of`, is its own; "" for none of them.

    A file whose header has the size of none of them is not decoded.
    """
    from radlearn.scans.value_digests import may_be_of_size, size_in

    known, wanted = _read_all(paths), set(among)
    sizes = {size_in(digest) for digest in wanted if is_of_values(digest)}
    alike = [path for path in paths if sizes and may_be_of_size(path, sizes)]
    found = _decoded(known, alike)
    values = [next((value for value in map(_of_somebody, found(path)) if value in wanted), "") for path in paths]
    if all(map(is_of_values, wanted)):
        return values
    bytes_of = _stored(known)
    digests = [_of_somebody(bytes_of(path)) for path in paths]
    known.keep(known.take_read())
    return [value or (digest if digest in wanted else "") for value, digest in zip(values, digests, strict=True)]


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


def _stored(known: KnownContents) -> Callable[[Path], str]:
    """Return what returns the digest of the stored pixels in a file, or of all files in a folder, whatever their names and order."""

    def digest(path: Path) -> str:
        try:
            return combined(sorted(known.pixels(file) for file in _files(path))) if path.exists() else ""
        except OSError:
            return ""

    return digest


def _first_of(digests_of: Callable[[Path], Sequence[str]]) -> Callable[[Path], str]:
    return lambda path: digests_of(path)[0]


def _decoded(known: KnownContents, paths: Iterable[Path]) -> Callable[[Path], Sequence[str]]:
    """Return what returns the `value_digests` of a file or a folder, of which those in `paths` are decoded if need be."""
    wholes = {path: _whole(known, path) for path in paths}
    # Of copies one is decoded.
    unknown = {whole: path for path, whole in reversed(wholes.items()) if whole and not _values_of(known, whole)[0]}
    unreadable: dict[str, str] = {}
    for whole, values in _decode(list(unknown.items())):
        if values[0]:
            known.learn_values(ROUNDED + whole if _is_of_volume(values[0]) else whole, " ".join(values))
            known.keep(known.take_read())
        else:
            # Not kept: it may be read one day.
            unreadable[whole] = _of_files(whole, unknown[whole])

    def digests(path: Path) -> Sequence[str]:
        whole = wholes[path] if path in wholes else _whole(known, path)
        return [unreadable[whole]] if whole in unreadable else _values_of(known, whole)

    return digests


def _values_of(known: KnownContents, whole: str) -> list[str]:
    values = known.values_of(ROUNDED + whole) or known.values_of(whole)
    return [""] if not values or (_is_of_volume(values) and not known.values_of(ROUNDED + whole)) else values.split()


def _is_of_volume(digest: str) -> bool:
    return digest.partition(":")[2].partition(":")[0].count("x") == VOLUME_AXES - 1


def _decode(jobs: Sequence[tuple[str, Path]]) -> Iterable[tuple[str, Sequence[str]]]:
    """Yield the digest of the bytes and those of the values of each file or folder."""
    if len(jobs) <= FEW and sum(file.stat().st_size for _, path in jobs for file in _files(path)) <= FEW_BYTES:
        yield from _decode_job(jobs)
        return
    several = [jobs[first : first + PER_JOB] for first in range(0, len(jobs), PER_JOB)] if len(jobs) > FEW else [[job] for job in jobs]
    for outcomes in in_parallel(_decode_job, several, "comparing images", "images", total=len(jobs), forked=True):
        yield from outcomes


def _decode_job(jobs: Sequence[tuple[str, Path]]) -> list[tuple[str, Sequence[str]]]:
    # pydicom takes half a second to import, and where all is known nothing needs it.
    from radlearn.scans.value_digests import value_digests

    return [(whole, value_digests(path)) for whole, path in jobs]


def _of_files(whole: str, path: Path) -> str:
    """Return a digest of what cannot be read as one image: of a folder that of the images in it, whatever their names and order."""
    from radlearn.scans.value_digests import value_digest

    inner = [value_digest(file) for file in _files(path)] if path.is_dir() else []
    return f"{SCHEME}:{combined(sorted(inner)) if inner and all(inner) else whole}"


def _whole(known: KnownContents, path: Path) -> str:
    """Return the digest of the bytes of a file, or of all files in a folder, whatever their names and order; "" where it has none."""
    try:
        return combined(sorted(known.file(file) for file in _files(path))) if path.exists() else ""
    except OSError:
        return ""


def compared(cases: Sequence[Case], expected: dict[str, CaseContent]) -> Comparison:
    """Compare cases with what is known of the cases of the same names."""
    found = Comparison([], [], [])
    older = [bool(digest) and not is_of_values(digest) for digest in (expected.get(case.image_id, CaseContent()).pixels for case in cases)]
    contents = dict[int, CaseContent]()
    for stored in set(older):
        numbers = [number for number, one in enumerate(older) if one == stored]
        contents |= dict(zip(numbers, contents_of([cases[number] for number in numbers], stored), strict=True))
    unlike = [number for number, case in enumerate(cases) if expected.get(case.image_id, CaseContent()).pixels != contents[number].pixels]
    wanted = {expected.get(cases[number].image_id, CaseContent()).pixels for number in unlike} - {""}
    # Runs of before may have another digest of the same.
    alike = dict(zip(unlike, images_of([cases[number].path for number in unlike], wanted), strict=True))
    for number, case in enumerate(cases):
        content = contents[number]
        known = expected.get(case.image_id, CaseContent())
        if not known.pixels or not content.pixels:
            found.unknown.append(case.image_id)
        elif known.pixels not in (content.pixels, alike.get(number)):
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
    return SCHEME + blake2b(repr(rows).encode(), digest_size=16).hexdigest()


def _read(known: KnownContents, file: Path) -> None:
    try:
        known.file(file)
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


def _of_somebody(digest: str) -> str:
    """Return the digest of an image; "" where all its pixels are alike, which tells nobody apart."""
    return "" if digest.startswith(BLANK) else digest


def _truth_digest(pixels_of: Callable[[Path], str], case: Case) -> str:
    truth = _truth_of(case)
    parts = [pixels_of(one) if isinstance(one, Path) else f"word {one!r}" for one in truth]
    return blake2b("\n".join(parts).encode(), digest_size=16).hexdigest() if parts and all(parts) else ""
