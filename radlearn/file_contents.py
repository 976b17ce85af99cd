"""Digests of image files: of all their bytes, and of the stored bytes of their pixels, whatever file name and header say.

`scans.value_digests` knows an image by its values. Older runs know theirs by the stored bytes, of which a digest is taken of:

- DICOM: the value of Pixel Data as it is stored, so that other tags, an anonymised header among them, change nothing.
- NIfTI, gzipped or not: size, type and bytes of the voxels.
- any other file: all its bytes.

The same image in another encoding, or turned, is another one here.
"""

import hashlib
import io
import json
import os
import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from radlearn.files import opened_to_read

try:
    # In half of zlib's time; it affects only speed.
    from isal import isal_zlib as unpacking
except ImportError:
    import zlib as unpacking  # type: ignore[no-redef]

ERROR_OF_UNPACKING: Any = unpacking.error
UNPACKING_ERRORS: tuple[type[Exception], ...] = (struct.error, zlib.error, ERROR_OF_UNPACKING, ValueError, EOFError, OverflowError)

DIGEST_BYTES = 16
DICOM_MARK = slice(128, 132)
PIXEL_DATA = re.compile(rb"\xe0\x7f[\x08\x09\x10]\x00")
LONG_TYPES = (b"OB", b"OW", b"OD", b"OF", b"OL", b"OV", b"UN")
UNDEFINED_LENGTH = 0xFFFFFFFF
ITEM, END_OF_ITEMS = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
GZIP_MARK = b"\x1f\x8b"
# Voxels beyond this size are not looked at: no CT has as many, and a small file can unpack to any number.
MOST_VOXEL_BYTES = 2**32
PIECE_BYTES = 2**22
BLANK = "blank"
"Begins the digest of an image whose bytes are all the same: it says nothing about whose it is."


SCHEME = "v2:"
"Begins the digest of values: `scans.value_digests`."


class FileContent(NamedTuple):
    """Digests of a file, 32 hexadecimal digits each; that of pixels begins with `BLANK` where all bytes are the same."""

    file: str
    pixels: str


def stamp_of(status: os.stat_result) -> list[int]:
    """Return what changes whenever a file is written or replaced: size in bytes, modification and change time in ns."""
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def file_digest(path: Path) -> str:
    """Read a file and return the digest of its bytes.

    Raises:
        OSError: if it cannot be read.
    """
    return _digest_of_bytes(_bytes_of(path))


def read_content(path: Path) -> FileContent:
    """Read a file and return the digests of its bytes, and of those of its pixels; errors as `file_digest`."""
    content = _bytes_of(path)
    whole = _digest_of_bytes(content)
    return FileContent(whole, _pixels_of(content) or whole)


def _bytes_of(path: Path) -> bytes:
    with opened_to_read(path) as opened:
        return opened.read()


def _digest_of_bytes(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=DIGEST_BYTES).hexdigest()


def is_of_values(digest: str) -> bool:
    """Tell whether a digest is one of values; else it is of stored bytes, or empty. The two say nothing about each other."""
    return digest.startswith(SCHEME)


def combined(digests: Iterable[str]) -> str:
    """Return one digest of several, in their order; of one it is that itself."""
    each = list(digests)
    return each[0] if len(each) == 1 else hashlib.blake2b("\n".join(each).encode(), digest_size=DIGEST_BYTES).hexdigest()


def _pixels_of(content: bytes) -> str | None:
    """Return the digest of the pixels in a file's bytes; None where they are not found in them."""
    if content[DICOM_MARK] == b"DICM":
        return _digest([_dicom_value(content)])
    try:
        return _nifti_digest(_unpacked(content) if content.startswith(GZIP_MARK) else iter([content]))
    except UNPACKING_ERRORS:
        return None


def _digest(pieces: Iterable[bytes | memoryview | None], begin: bytes = b"") -> str | None:
    digest, first, is_blank = hashlib.blake2b(begin, digest_size=DIGEST_BYTES), None, True
    for piece in pieces:
        if piece is None or not len(piece):
            return None
        digest.update(piece)
        first = piece[0] if first is None else first
        is_blank = is_blank and bytes(piece).count(first) == len(piece)
    return None if first is None else BLANK * is_blank + digest.hexdigest()


def _dicom_value(content: bytes) -> memoryview | None:
    """Return the value of Pixel Data; None where there is none, or it is packed or big-endian."""
    found = PIXEL_DATA.search(content, DICOM_MARK.stop)
    if found is None:
        return None
    value, end = _value_after(content, found.end())
    if end != len(content):
        # An icon has Pixel Data of its own, and the tag's four bytes may stand in any value. Those of the image come last.
        at = _place_of_pixel_data(content)
        found = None if at is None else PIXEL_DATA.match(content, at)
        return None if found is None else _value_after(content, found.end())[0]
    return value


def _value_after(content: bytes, at: int) -> tuple[memoryview | None, int]:
    """Return the value of an element whose tag ends at `at`, and where the value ends."""
    if len(content) < at + 8:
        return None, -1
    # With an explicit type the length has four bytes after two reserved ones.
    at += 4 if content[at : at + 2] in LONG_TYPES else 0
    (length,) = struct.unpack_from("<I", content, at)
    at += 4
    end = _end_of_items(content, at) if length == UNDEFINED_LENGTH else at + length
    return (None, -1) if end is None else (memoryview(content)[at:end], end)


def _end_of_items(content: bytes, at: int) -> int | None:
    """Return where compressed Pixel Data end, their delimiter included; the end of the file if that comes first; None without items."""
    if content[at : at + 4] not in (ITEM, END_OF_ITEMS):
        return None
    while content[at : at + 4] == ITEM and len(content) >= at + 8:
        at += 8 + struct.unpack_from("<I", content, at + 4)[0]
    return at + 8 if content[at : at + 4] == END_OF_ITEMS else len(content)


def _place_of_pixel_data(content: bytes) -> int | None:
    """Return where the tag of the image's own Pixel Data stands; None where pydicom does not find it."""
    import pydicom  # takes half a second, and hardly any file needs it

    file = io.BytesIO(content)
    try:
        pydicom.dcmread(file, stop_before_pixels=True, specific_tags=[])
    except Exception:  # whoever reads the image says what is wrong with it
        return None
    return file.tell()


def _nifti_digest(pieces: Iterator[bytes]) -> str | None:
    """Return the digest of a NIfTI file's voxels: https://nifti.nimh.nih.gov."""
    head = b""
    while len(head) < 544 and (piece := next(pieces, None)) is not None:
        head += piece
    if len(head) < 352:
        return None
    for order in "<>":
        (size,) = struct.unpack_from(f"{order}i", head, 0)
        if size == 348:
            dims = struct.unpack_from(f"{order}8h", head, 40)
            kind, bits = struct.unpack_from(f"{order}2h", head, 70)
            start = int(struct.unpack_from(f"{order}f", head, 108)[0])
        elif size == 540:
            kind, bits = struct.unpack_from(f"{order}2h", head, 12)
            dims = struct.unpack_from(f"{order}8q", head, 16)
            (start,) = struct.unpack_from(f"{order}q", head, 168)
        else:
            continue
        shape = list(dims[1 : 1 + dims[0]]) if 0 < dims[0] <= 7 else []
        voxels = 1
        for length in shape:
            voxels *= length
        count = voxels * bits // 8
        if not shape or not 0 < count <= MOST_VOXEL_BYTES or not size <= start <= 2**20:
            return None
        said = json.dumps([order, kind, [length for length in shape if length != 1]]).encode()
        return _digest(_part(head, pieces, start, count), said)
    return None


def _part(head: bytes, pieces: Iterator[bytes], start: int, count: int) -> Iterator[bytes | None]:
    """Yield `count` bytes from `start` on; None at the end where there are fewer."""
    skipped, left = start, count
    piece: bytes | None = head
    while piece is not None and left:
        taken = piece[skipped : skipped + left]
        skipped -= min(skipped, len(piece))
        left -= len(taken)
        if taken:
            yield taken
        piece = next(pieces, None) if left else None
    if left:
        yield None


def _unpacked(content: bytes) -> Iterator[bytes]:
    """Yield the pieces of a gzip file, which may be several streams, one after another."""
    at, stream = 0, unpacking.decompressobj(wbits=31)
    while True:
        given = stream.unconsumed_tail
        if not given:
            given = content[at : at + PIECE_BYTES]
            at += len(given)
        piece = stream.decompress(given, PIECE_BYTES)
        if piece:
            yield piece
        # What was given may be used up before all of it came out.
        if not given and not piece and not stream.eof:
            raise EOFError
        if stream.eof:
            at -= len(stream.unused_data)
            if content[at : at + 2] != GZIP_MARK:
                return
            stream = unpacking.decompressobj(wbits=31)
