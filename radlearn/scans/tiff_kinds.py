"""Grey TIFFs of kinds of numbers that Pillow does not know or takes for others, told to it as kinds of the same bytes that it does know.

Pillow unpacks strips, tiles and compression; what the numbers are is said by four tags. Here a second directory with other tags is put at
the end of the file, and the decoded bytes are then taken for what the first directory said. Source: TIFF 6.0, sections 2, 4, 18 and 19.
"""

from struct import calcsize, pack, unpack_from
from struct import error as StructError
from typing import NamedTuple

import numpy as np

WIDTH, BITS, PHOTOMETRIC, ORIENTATION, SAMPLES, PLANES, PREDICTOR = 256, 258, 262, 274, 277, 284, 317
TILE_WIDTH, EXTRA, FORMAT = 322, 338, 339
SHORT, LONG = 3, 4
KINDS = {1: "u", 2: "i", 3: "f"}
"SampleFormat: unsigned, signed, floating point."
KNOWN = {"u1", "u2", "i2", "i4", "f4"}
"Kinds that Pillow reads as what they are where 0 is black; 4 bytes unsigned become negative, 1 byte signed positive."
LAYOUTS = {(1, 8), (1, 16), (1, 32), (1, 64), (2, 16)}
"Samples a pixel and bits a sample."

Entries = dict[int, tuple[int, int, bytes]]


class GreyTiff(NamedTuple):
    """A file that Pillow reads, and what its numbers are: of `kind`, `samples` a pixel (grey, and opacity), 0 white or black."""

    content: bytes
    kind: np.dtype
    samples: int
    white_is_zero: bool
    orientation: int = 1
    "As in EXIF; Pillow is not told it, because it would turn numbers that it takes for two."

    def numbers(self, decoded: np.ndarray) -> np.ndarray:
        """Return what Pillow decoded, (height, any width), as the numbers that it is: (height, width, samples)."""
        # Back to the bytes of the file, in its order, because two numbers may have been decoded as one, or one as two.
        stored = np.ascontiguousarray(decoded, dtype=decoded.dtype.newbyteorder(self.kind.byteorder))
        return stored.view(self.kind).reshape(len(decoded), -1, self.samples)


def grey_tiff(content: bytes) -> GreyTiff | None:
    """Return a grey TIFF of 8 bits with a sign, or of 16, 32 or 64 bits, for Pillow; None where Pillow needs no help, or none helps."""
    try:
        order = {b"II*\0": "<", b"MM\0*": ">"}[content[:4]]
        entries, following = _directory(content, order)
        said = {tag: _number(entries, tag, order) for tag in (BITS, PHOTOMETRIC, ORIENTATION, SAMPLES, PLANES, PREDICTOR, FORMAT)}
        photometric, samples = said[PHOTOMETRIC], said[SAMPLES] or 1
        bits = said[BITS] or 1
        kind = np.dtype(f"{order}{KINDS[said[FORMAT] or 1]}{bits // 8}")
    except (KeyError, StructError, TypeError):
        return None
    if photometric not in (0, 1) or kind.str[1:] == "u1" or (samples, bits) not in LAYOUTS:
        return None
    differs = bits == 64 or samples == 2
    # Differences between neighbours are those of whole numbers.
    if differs and ((said[PREDICTOR] or 1) != 1 or (said[PLANES] or 1) != 1):
        return None
    if not differs and photometric == 1 and kind.str[1:] in KNOWN:
        return None
    tags = {PHOTOMETRIC: 1, SAMPLES: 1, BITS: 32 if differs else bits, FORMAT: 1}
    if kind.itemsize >= 4 or samples == 2:
        tags[FORMAT] = 3 if kind.str[1:] == "f4" else 2
    entries = {tag: entry for tag, entry in entries.items() if tag not in (EXTRA, ORIENTATION)}
    entries |= {tag: (SHORT, 1, pack(f"{order}HH", number, 0)) for tag, number in tags.items()}
    if bits == 64:
        widths = {tag: 2 * _number(entries, tag, order) for tag in (WIDTH, TILE_WIDTH) if tag in entries}
        entries |= {tag: (LONG, 1, pack(f"{order}I", width)) for tag, width in widths.items()}
    return GreyTiff(_with_directory(content, order, entries, following), kind, samples, photometric == 0, said[ORIENTATION] or 1)


def unread_kind(content: bytes) -> str:
    """Return in words what a grey TIFF is whose kind is not read, by how many numbers a pixel has and where they lie; "" of any other."""
    try:
        order = {b"II*\0": "<", b"MM\0*": ">"}[content[:4]]
        entries, _ = _directory(content, order)
        photometric, samples, planes = (_number(entries, tag, order) for tag in (PHOTOMETRIC, SAMPLES, PLANES))
        # Pillow reads this one, unless it is damaged.
        is_read = samples == 2 and planes != 2 and _number(entries, BITS, order) == 8
    except (KeyError, StructError):
        return ""
    if photometric not in (0, 1) or samples < 2 or is_read:
        return ""
    where = ", each kind in a plane of its own (PlanarConfiguration 2)" if planes == 2 else ""
    return f"is a TIFF in grey with {samples} numbers a pixel (SamplesPerPixel {samples}){where}, which radlearn does not read"


def _directory(content: bytes, order: str) -> tuple[Entries, int]:
    """Return the entries of the first directory, tag → (type, count, value or its place), and the place of the next directory."""
    (place,) = unpack_from(f"{order}I", content, 4)
    (count,) = unpack_from(f"{order}H", content, place)
    found = (unpack_from(f"{order}HHI4s", content, place + 2 + 12 * number) for number in range(count))
    return {tag: tuple(entry) for tag, *entry in found}, unpack_from(f"{order}I", content, place + 2 + 12 * count)[0]


def _number(entries: Entries, tag: int, order: str) -> int:
    """Return the first number of an entry, 0 where it is missing; of BitsPerSample and SampleFormat all samples are alike in grey TIFFs."""
    if tag not in entries:
        return 0
    kind, count, value = entries[tag]
    code = {SHORT: "H", LONG: "I"}[kind]
    if count * calcsize(f"{order}{code}") > len(value):
        raise KeyError(tag)
    return int(unpack_from(f"{order}{code}", value)[0])


def _with_directory(content: bytes, order: str, entries: Entries, following: int) -> bytes:
    """Return a TIFF whose first directory is another one; what its entries point at stays in its place."""
    # Directories begin at even places.
    start = content + b"\0" * (len(content) % 2)
    listed = b"".join(pack(f"{order}HHI4s", tag, *entry) for tag, entry in sorted(entries.items()))
    directory = pack(f"{order}H", len(entries)) + listed + pack(f"{order}I", following)
    return start[:4] + pack(f"{order}I", len(start)) + start[8:] + directory
