"""Parses the elements of a DICOM file with pydicom, within limits: a small file may unpack to more than memory holds."""

import zlib
from struct import error as StructError
from struct import unpack_from
from typing import Any, BinaryIO

import pydicom
from pydicom import uid

MOST_UNPACKED_BYTES = 1 << 30
"Of a deflated file: as much as the largest image that is read takes with 64 bits a pixel."
PIECE_BYTES = 1 << 20
ITEM = b"\xfe\xff\x00\xe0"
LONG = (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UC", b"UN", b"UR", b"UT", b"SV", b"UV")
# The macros of functional groups, in which enhanced objects keep what other objects have at the top (PS3.3 C.7.6.16).
GROUPS = ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence")
MACROS = {
    "PlanePositionSequence": ("ImagePositionPatient",),
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
    "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness"),
    "PixelValueTransformationSequence": ("RescaleSlope", "RescaleIntercept", "RescaleType"),
    "FrameVOILUTSequence": ("WindowCenter", "WindowWidth", "VOILUTFunction"),
}


class InWords(ValueError):
    """What is wrong with a file, in words for people; other errors on damaged bytes are words of libraries for programmers."""


def parsed(source: BinaryIO, stop_before_pixels: bool) -> pydicom.Dataset:
    """Return the elements of a DICOM Part 10 file, opened at its beginning.

    Of an enhanced object with one frame, what its functional groups say of the frame stands at the top too. PhotometricInterpretation is in
    capitals.

    Raises:
        InWords: a deflated file that unpacks to more than `MOST_UNPACKED_BYTES`.
        Others: as `pydicom.dcmread` on damaged bytes.
    """
    _refuse_bomb(source)
    source.seek(0)
    # All elements: specific_tags looks each of them up in a list, which takes as long as the rest.
    dataset = pydicom.dcmread(source, stop_before_pixels=stop_before_pixels)
    if any(dataset.get(group) for group in GROUPS) and int(dataset.get("NumberOfFrames") or 1) == 1:
        _bring_up(dataset)
    if (photometric := dataset.get("PhotometricInterpretation")) and not str(photometric).isupper():
        # Decoders know it in capitals only.
        dataset.PhotometricInterpretation = str(photometric).strip().upper()
    return dataset


def _bring_up(dataset: pydicom.Dataset) -> None:
    """Copy what the functional groups of the only frame say to the top of the dataset, where it says nothing itself."""
    for group in GROUPS:
        for item in (dataset.get(group) or [])[:1]:
            for macro, keywords in MACROS.items():
                for inner in (item.get(macro) or [])[:1]:
                    for keyword in keywords:
                        if keyword in inner and keyword not in dataset:
                            dataset[keyword] = inner[keyword]


def complete_description(dataset: pydicom.Dataset) -> str:
    """Fill in what the header of an image must say of its integer pixels and does not, as gdcm does, and return that as a note; else "".

    One sample a pixel; all bits of a pixel stored, from the lowest on; unsigned.
    """
    if not dataset.get("PixelData"):
        return ""
    high, allocated = dataset.get("HighBit"), int(dataset.BitsAllocated)
    usual = {"SamplesPerPixel": 1, "BitsStored": allocated if high is None else int(high) + 1, "PixelRepresentation": 0}
    missing = {keyword: value for keyword, value in usual.items() if dataset.get(keyword) is None}
    for keyword, value in missing.items():
        setattr(dataset, keyword, value)
    if high is None:
        dataset.HighBit = int(dataset.BitsStored) - 1
    listed = ", ".join(f"{keyword} {value}" for keyword, value in missing.items())
    return f"its header does not say {', '.join(missing)}; taken as {listed}" if missing else ""


def are_whole_items(pixels: bytes) -> bool:
    """Whether encapsulated pixels, without the delimiter at their end, are items that end where they say."""
    place = 0
    while place + 8 <= len(pixels) and pixels[place : place + 4] == ITEM:
        place += 8 + int(unpack_from("<I", pixels, place + 4)[0])
    return place == len(pixels)


def _refuse_bomb(source: BinaryIO) -> None:
    end, is_deflated = _meta(source)
    if not is_deflated:
        return
    source.seek(end)
    unpacker, unpacked = zlib.decompressobj(-zlib.MAX_WBITS), 0
    piece = source.read(PIECE_BYTES)
    while piece and not unpacker.eof:
        unpacked += len(unpacker.decompress(piece, PIECE_BYTES))
        if unpacked > MOST_UNPACKED_BYTES:
            raise InWords(f"its deflated elements unpack to more than {MOST_UNPACKED_BYTES:,} bytes")
        piece = unpacker.unconsumed_tail or source.read(PIECE_BYTES)


def _meta(source: BinaryIO) -> tuple[int, bool]:
    """Return where the elements of group 2, which are never compressed, end, and whether they say that the others are deflated."""
    place, is_deflated = 132, False
    try:
        while True:
            source.seek(place)
            start = source.read(12)
            if start[:2] != b"\x02\x00":
                break
            is_long = start[4:6] in LONG
            length: Any = unpack_from("<I", start, 8)[0] if is_long else unpack_from("<H", start, 6)[0]
            place += 12 if is_long else 8
            if start[2:4] == b"\x10\x00":
                source.seek(place)
                is_deflated = source.read(min(length, 64)).strip(b" \0") == uid.DeflatedExplicitVRLittleEndian.encode()
            place += length
    except StructError:
        pass
    return place, is_deflated
