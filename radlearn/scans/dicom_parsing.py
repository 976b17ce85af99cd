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


def parsed(source: BinaryIO, stop_before_pixels: bool) -> pydicom.Dataset:
    """Return the elements of a DICOM Part 10 file, opened at its beginning.

    Of an enhanced object with one frame, what its functional groups say of the frame stands at the top too. PhotometricInterpretation is in
    capitals.

    Raises:
        ValueError: a deflated file that unpacks to more than `MOST_UNPACKED_BYTES`.
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


def _refuse_bomb(source: BinaryIO) -> None:
    start = source.read(1 << 12)
    if uid.DeflatedExplicitVRLittleEndian.encode() not in start:
        return
    source.seek(_end_of_meta(start))
    unpacker, unpacked = zlib.decompressobj(-zlib.MAX_WBITS), 0
    piece = source.read(PIECE_BYTES)
    while piece and not unpacker.eof:
        unpacked += len(unpacker.decompress(piece, PIECE_BYTES))
        if unpacked > MOST_UNPACKED_BYTES:
            raise ValueError(f"its deflated elements unpack to more than {MOST_UNPACKED_BYTES:,} bytes")
        piece = unpacker.unconsumed_tail or source.read(PIECE_BYTES)


def _end_of_meta(start: bytes) -> int:
    """Return where the elements of group 2, which are never compressed, end."""
    place = 132
    try:
        while start[place : place + 2] == b"\x02\x00":
            is_long = start[place + 4 : place + 6] in LONG
            length: Any = unpack_from("<I", start, place + 8)[0] if is_long else unpack_from("<H", start, place + 6)[0]
            place += (12 if is_long else 8) + length
    except StructError:
        pass
    return min(place, len(start))
