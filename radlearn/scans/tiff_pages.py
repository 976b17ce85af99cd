"""The pages of a TIFF of several, each as a TIFF of its own, because everything else knows an image by its file.

What a directory calls a smaller copy of another page, or its mask, is no page here: the previews that scanners and programs put beside an
image. A page is copied byte for byte, with all that its directory says of it, into the cache folder; nothing is decoded. Its name there is
that of its file and its number, `stack-page-003.tif`. A file that was written again has other copies. Source: TIFF 6.0, section 2.
"""

import mmap
import os
import re
from hashlib import blake2b
from pathlib import Path
from struct import calcsize, error, pack, unpack_from

from radlearn.amounts import counted, verb_of
from radlearn.errors import UnreadableScan
from radlearn.file_contents import stamp_of
from radlearn.file_names import call, file_name
from radlearn.files import cache_folder, opened_to_read, written_whole

TIFF_SUFFIXES = (".tif", ".tiff")
ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
BYTES_OF = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
"Of a value, by its type."
SHORT, LONG = 3, 4
OFFSETS = {273: 279, 324: 325}
"Where strips or tiles lie, and the tag that says how long each is."
ELSEWHERE = (330, 34665, 34853, 40965)
"Further directories, which lie elsewhere in the file and say nothing of the pixels."
SUBFILE, SMALLER, MASK = 254, 1, 4
"NewSubfileType, and its bits for a copy of reduced resolution and for a mask of transparency."
OLD_JPEG = (513, 514, 519, 520, 521)
MOST_PAGES = 1 << 16

CALLED = re.compile(r"(.+) \(page (\d+)\)", re.DOTALL)

_SOURCES: dict[Path, Path] = {}

Entry = tuple[int, int, int, bytes]  # Tag, type, count, and the bytes of its values


def pages_in(path: str | Path) -> int:
    """Return how many pages a file called like a TIFF has; 1 of any other, and of one that is damaged, of which its reader says so."""
    if not str(path).lower().endswith(TIFF_SUFFIXES):
        return 1
    try:
        with opened_to_read(path) as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return max(1, len(_own_pages(content)))
    except (OSError, ValueError, KeyError, error):
        return 1


def without_previews(content: bytes) -> tuple[bytes, str]:
    """Return a TIFF of one page beside which only smaller copies or masks of it lie as one of that page alone, and say so; else itself."""
    try:
        all_pages, own = len(_directories(content)), _own_pages(content)
        if len(own) != 1 or all_pages == 1:
            return content, ""
        single = _single(content, 1)
    except (ValueError, KeyError, IndexError, error):
        return content, ""
    others = all_pages - 1
    which = counted(others, "further pages") if others > 1 else "another page"
    return single, f"{which} of its file, by the header (NewSubfileType) a smaller copy or a mask, {verb_of(others, 'are')} left out"


def page_files(path: str | Path) -> list[Path]:
    """Return a file for each page; of one page the file itself.

    So it is where a page cannot be taken out: whoever reads the file then says that it has several.
    """
    pages = pages_in(path)
    try:
        return [Path(path)] if pages == 1 else [page_file(path, page) for page in range(1, pages + 1)]
    except UnreadableScan:
        return [Path(path)]


def page_file(path: str | Path, page: int) -> Path:
    """Return the file that holds one page of a TIFF of several, made unless it is there.

    Args:
        path: of the TIFF.
        page: counted from 1.

    Raises:
        UnreadableScan: the TIFF is damaged, has no such page, or keeps it in a way that cannot be copied.
        CannotWrite: the cache folder cannot be written to.
    """
    path = Path(path)
    # The place is that of the file, so that copies of two files of one name do not meet.
    stamp = f"{os.path.realpath(path)} {stamp_of(os.stat(path))}"
    folder = cache_folder() / "pages" / blake2b(stamp.encode(errors="surrogateescape"), digest_size=8).hexdigest()
    copy = folder / file_name(page_name(path.stem, page), ".tif")
    _SOURCES[copy] = path
    call(copy, f"{path} (page {page})")
    if copy.exists():
        return copy
    try:
        with opened_to_read(path) as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
            single = _single(content, page)
    except (OSError, ValueError, KeyError, IndexError, error) as trouble:
        raise UnreadableScan(f"{path}: its page {page} is damaged, or of a kind that cannot be taken out. {OWN_FILE}") from trouble
    with written_whole(copy, private=True) as temporary:
        temporary.write_bytes(single)
    return copy


OWN_FILE = "Save each page as a file of its own."


def page_name(name: str, page: int) -> str:
    """Return what a page of a file of this name is called.

    >>> page_name("stack", 3)
    'stack-page-003'
    """
    return f"{name}-page-{page:03}"


def source_of(path: Path) -> Path:
    """Return the TIFF that a file of `page_file`, made by this process, is a page of; any other file is itself."""
    return _SOURCES.get(path, path)


def file_called(path: Path) -> Path:
    """Return the file that messages call so, as `file_names.called` says it; errors as `page_file`."""
    said = CALLED.fullmatch(str(path))
    return page_file(Path(said[1]), int(said[2])) if said and pages_in(said[1]) > 1 else path


def _own_pages(content: mmap.mmap | bytes) -> list[int]:
    """Return the places of the directories of images that are no smaller copy or mask of another; all where none is said to be one."""
    order, places = ORDERS[content[:4]], _directories(content)
    if len(places) == 1:
        return places
    kinds = {place: next((entry for entry in _entries(content, order, place) if entry[0] == SUBFILE), None) for place in places}
    own = [place for place, entry in kinds.items() if entry is None or not _numbers(entry, order)[0] & (SMALLER | MASK)]
    return own or places


def _directories(content: mmap.mmap | bytes) -> list[int]:
    """Return the places of the directories, one a page."""
    order = ORDERS[content[:4]]
    places: list[int] = []
    (place,) = unpack_from(f"{order}I", content, 4)
    while place and place not in places and len(places) < MOST_PAGES:
        (count,) = unpack_from(f"{order}H", content, place)
        places.append(place)
        (place,) = unpack_from(f"{order}I", content, place + 2 + 12 * count)
    return places


def _single(content: mmap.mmap | bytes, page: int) -> bytes:
    """Return a page as a TIFF of its own."""
    order = ORDERS[content[:4]]
    entries = {entry[0]: entry for entry in _entries(content, order, _own_pages(content)[page - 1])}
    if any(tag in entries for tag in OLD_JPEG):
        raise ValueError("JPEG in the manner of TIFF 6.0")
    made = bytearray(content[:4] + bytes(4))
    for offsets, lengths in OFFSETS.items():
        if offsets in entries:
            pieces = zip(_numbers(entries[offsets], order), _numbers(entries[lengths], order), strict=True)
            places = [_appended(made, _part(content, at, length)) for at, length in pieces]
            entries[offsets] = (offsets, LONG, len(places), pack(f"{order}{len(places)}I", *places))
    rows = []
    for tag, kind, count, values in sorted(entries.values()):
        if tag not in ELSEWHERE:
            held = values.ljust(4, b"\0") if len(values) <= 4 else pack(f"{order}I", _appended(made, values))
            rows.append(pack(f"{order}HHI", tag, kind, count) + held)
    at = _appended(made, pack(f"{order}H", len(rows)) + b"".join(rows) + bytes(4))
    made[4:8] = pack(f"{order}I", at)
    return bytes(made)


def _entries(content: mmap.mmap | bytes, order: str, place: int) -> list[Entry]:
    (count,) = unpack_from(f"{order}H", content, place)
    found = []
    for at in range(place + 2, place + 2 + 12 * count, 12):
        tag, kind, values = unpack_from(f"{order}HHI", content, at)
        length = BYTES_OF[kind] * values
        start = at + 8 if length <= 4 else unpack_from(f"{order}I", content, at + 8)[0]
        found.append((tag, kind, values, _part(content, start, length)))
    return found


def _numbers(entry: Entry, order: str) -> list[int]:
    _, kind, count, values = entry
    code = {SHORT: "H", LONG: "I"}[kind]
    return list(unpack_from(f"{order}{count}{code}", values)) if calcsize(f"{order}{count}{code}") else []


def _part(content: mmap.mmap | bytes, at: int, length: int) -> bytes:
    part = content[at : at + length]
    if len(part) < length:
        raise ValueError("cut short")
    return part


def _appended(made: bytearray, piece: bytes) -> int:
    """Append a piece at an even place, and return that."""
    made += bytes(len(made) % 2)
    at = len(made)
    made += piece
    return at
