"""Damage to files, as disks, copies, editors and strangers do it. What is done is a function of the random generator alone."""

import gzip
import io
import re
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pydicom
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement

MOST_AT_ONCE = 4
HEADER_BYTES = 512
EXTREMES = tuple(
    bytes(one)
    for size in (1, 2, 4, 8)
    for one in (
        [0] * size,
        [255] * size,
        [255] * (size - 1) + [127],
        [0] * (size - 1) + [128],
        [1] + [0] * (size - 1),
        [0] * (size - 1) + [1],
    )
)
NUMBERS = re.compile(rb"-?\d+(?:\.\d+)?")
OTHER_NUMBERS = (
    b"-1", b"0", b"1e309", b"nan", b"-inf", b"9" * 30, b"9" * 5000, b"1,5", b"", b"0x10", "٣".encode(), b"1e-320", b" 7 ", b"true", b"null",
    b"1" * 400,
)  # fmt: skip
ODD_TEXTS = (
    b"\xef\xbb\xbf", b"\0", b'"', b"'", b",", b";", b"\t", b"\r", b"\r\n", b"\n\n", b"\xff\xfe", b"\xed\xa0\x80", b"=1+1", b"../", b"/",
    b"\\", b"{", b"]", b"<", b"&", "é".encode("latin-1"), "\u202e".encode(), b"A" * 300, b"#", b"%s", b"None",
)  # fmt: skip
OTHER_VALUES: tuple[Any, ...] = (
    "", " ", "abc", "-1", "0", "1e400", "nan", "1\\2\\3", "\\", "9" * 40, "1,5", "é", "../../x", None, 0, -1, 1, 65535, 2**31,
    [1, 2, 3], [], b"", b"\xff\xfe",
)  # fmt: skip

Damage = Callable[[bytes, np.random.Generator], bytes]


def damaged(good: bytes, name: str, generator: np.random.Generator) -> bytes:
    """Return the content of the file `name` after one to four changes that suit its kind."""
    packed = name.endswith(".gz")
    if packed and generator.random() < 0.7:
        return gzip.compress(damaged(gzip.decompress(good), name.removesuffix(".gz"), generator), 1)
    kinds: tuple[Damage, ...] = TEXT if name.endswith((".csv", ".json", ".jsonl", ".txt", ".xml", ".yaml")) else BYTES
    if name.endswith(".dcm") and generator.random() < 0.5:
        return _other_elements(good, generator)
    content = good
    for _ in range(generator.integers(1, MOST_AT_ONCE, endpoint=True)):
        content = kinds[generator.integers(len(kinds))](content, generator)
    return content


def _place(content: bytes, generator: np.random.Generator) -> int:
    """Return a place in the content; half of them are in its header, where most that can be said wrongly stands."""
    end = min(len(content), HEADER_BYTES) if generator.random() < 0.5 else len(content)
    return int(generator.integers(end + 1))


def _bits_flipped(content: bytes, generator: np.random.Generator) -> bytes:
    changed = bytearray(content)
    for _ in range(generator.integers(1, 9)):
        if changed:
            changed[min(_place(content, generator), len(changed) - 1)] ^= 1 << generator.integers(8)
    return bytes(changed)


def _extreme(content: bytes, generator: np.random.Generator) -> bytes:
    at, value = _place(content, generator), EXTREMES[generator.integers(len(EXTREMES))]
    return content[:at] + value + content[at + len(value) :]


def _cut_off(content: bytes, generator: np.random.Generator) -> bytes:
    return content[: _place(content, generator)]


def _left_out(content: bytes, generator: np.random.Generator) -> bytes:
    at = _place(content, generator)
    return content[:at] + content[at + int(generator.integers(1, 64)) :]


def _twice(content: bytes, generator: np.random.Generator) -> bytes:
    at, length = _place(content, generator), int(generator.integers(1, 256))
    return content[: at + length] + content[at:]


def _moved(content: bytes, generator: np.random.Generator) -> bytes:
    start, to, length = _place(content, generator), _place(content, generator), int(generator.integers(1, 128))
    piece, rest = content[start : start + length], content[:start] + content[start + length :]
    return rest[:to] + piece + rest[to:]


def _noise(content: bytes, generator: np.random.Generator) -> bytes:
    at = _place(content, generator)
    return content[:at] + generator.bytes(int(generator.integers(1, 32))) + content[at:]


def _emptied(content: bytes, generator: np.random.Generator) -> bytes:
    at, length = _place(content, generator), int(generator.integers(1, 512))
    return content[:at] + b"\0" * len(content[at : at + length]) + content[at + length :]


def _other_number(content: bytes, generator: np.random.Generator) -> bytes:
    numbers = list(NUMBERS.finditer(content))
    if not numbers:
        return _odd_text(content, generator)
    one = numbers[generator.integers(len(numbers))]
    return content[: one.start()] + OTHER_NUMBERS[generator.integers(len(OTHER_NUMBERS))] + content[one.end() :]


def _odd_text(content: bytes, generator: np.random.Generator) -> bytes:
    at = _place(content, generator)
    return content[:at] + ODD_TEXTS[generator.integers(len(ODD_TEXTS))] + content[at:]


def _lines_moved(content: bytes, generator: np.random.Generator) -> bytes:
    lines = content.splitlines(keepends=True)
    if not lines:
        return b"\n"
    one = lines[generator.integers(len(lines))]
    kind = generator.integers(3)
    if kind:
        lines.remove(one)
    if kind != 1:
        lines.insert(int(generator.integers(len(lines) + 1)), one)
    return b"".join(lines)


def _word_swapped(content: bytes, generator: np.random.Generator) -> bytes:
    words = list(re.finditer(rb"[\w.]+", content))
    if len(words) < 2:
        return _odd_text(content, generator)
    one, other = words[generator.integers(len(words))], words[generator.integers(len(words))]
    return content[: one.start()] + other.group() + content[one.end() :]


def _other_elements(good: bytes, generator: np.random.Generator) -> bytes:
    """Return a DICOM file one to four of whose elements hold something else, or are missing; of what pydicom cannot write, other bytes."""
    dataset = pydicom.dcmread(io.BytesIO(good))
    for _ in range(generator.integers(1, MOST_AT_ONCE, endpoint=True)):
        tags = [tag for tag in dataset.keys() if tag.group != 2]  # noqa: SIM118
        tag = tags[generator.integers(len(tags))]
        value = OTHER_VALUES[generator.integers(len(OTHER_VALUES))]
        if generator.random() < 0.2:
            del dataset[tag]
            continue
        kind = dataset[tag].VR if generator.random() < 0.8 else ("LO", "US", "DS", "SQ", "UN")[generator.integers(5)]
        try:
            dataset[tag] = DataElement(tag, kind, value, validation_mode=IGNORE)
        except Exception:
            continue
    written = io.BytesIO()
    try:
        dataset.save_as(written, enforce_file_format=False)
    except Exception:
        return _extreme(_bits_flipped(good, generator), generator)
    return written.getvalue()


def _checksum_restored(content: bytes, generator: np.random.Generator) -> bytes:
    """Return a PNG whose first chunk was changed and has the right checksum, so that a reader believes it; else as `_extreme`."""
    changed = _extreme(content, generator)
    if content[:4] != b"\x89PNG" or len(changed) < 33:
        return changed
    return changed[:29] + zlib.crc32(changed[12:29]).to_bytes(4, "big") + changed[33:]


BYTES: tuple[Damage, ...] = (_bits_flipped, _extreme, _extreme, _cut_off, _left_out, _twice, _moved, _noise, _emptied, _checksum_restored)
TEXT: tuple[Damage, ...] = (
    _other_number,
    _other_number,
    _odd_text,
    _lines_moved,
    _word_swapped,
    _cut_off,
    _left_out,
    _twice,
    _bits_flipped,
)
