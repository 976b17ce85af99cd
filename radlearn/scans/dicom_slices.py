"""One slice of a CT in a DICOM file: its place in the patient, and its Hounsfield units."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import pydicom

from radlearn.errors import UnreadableScan
from radlearn.files import opened_to_read
from radlearn.scans.decimals import decimals
from radlearn.scans.decodable import photometric_of, refuse_absurd_size
from radlearn.scans.dicom_parsing import parsed
from radlearn.scans.low_values import low_beside_dense, padding_and_inside
from radlearn.scans.padding import padding_of
from radlearn.scans.rescaling import rescaled
from radlearn.scans.series_header import Told, told_of
from radlearn.scans.stored_pixels import (
    DAMAGE,
    WITHOUT_PREAMBLE,
    Xray,
    decoded_pixels,
    open_xray,
    parsing,
    refuse_without_preamble,
)

START_BYTES = 4096
AIR_HU = -1024
LARGEST_RESCALE = 1_000_000
"Of slope or intercept: a thousand times what any scanner writes, and far from where float32 overflows."
ABOVE_TISSUE_HU = 2000
"Denser than any bone; only metal is."
BONE_REACHES_HU = 1500
"Of a CT: bits that end below it cannot hold its bones and metal."
SAME_DIRECTION_WITHIN = 1e-3
PLACE = (("ImagePositionPatient", 3), ("ImageOrientationPatient", 6), ("PixelSpacing", 2))
# Of CT objects that hold something else than Hounsfield units: iodine, effective atomic number, electron density … (PS3.3 C.11.1.1.2).
NO_HOUNSFIELD = ("OD", "MGML", "Z_EFF", "ED", "EDW", "PCT")


@dataclass(frozen=True)
class Slice:
    """The geometry in the header of one file, in LPS and mm."""

    path: Path
    series_uid: str
    description: str
    sop_uid: str
    position: np.ndarray  # (3,), the centre of the first pixel
    directions: np.ndarray  # (2, 3), the directions in which the column index and the row index grow; unit vectors
    spacing: tuple[float, float]  # (between rows, between columns)
    size_px: tuple[int, int]  # (rows, columns)
    told: Told  # What only the whole series can tell whether it is right


def read_slice(path: Path, series_uid: str | None = None) -> Slice | None:
    """Return the geometry of a file; None if it holds no image or belongs to another series than `series_uid`.

    Raises:
        UnreadableScan: a damaged file, another modality than CT, several frames, no position.
    """
    with parsing(path), opened_to_read(path) as opened:
        start = opened.read(START_BYTES)
        if start[128:132] != b"DICM" and WITHOUT_PREAMBLE.match(start) and _is_no_image(opened):
            return None
        refuse_without_preamble(path, start)
        said = parsed(opened, stop_before_pixels=True)
        if said.get("Rows") is None or series_uid not in (None, said.get("SeriesInstanceUID")):
            return None
        modality, frames = str(said.get("Modality") or "").strip().upper(), int(said.get("NumberOfFrames") or 1)
    if modality != "CT":
        found = f"{path}: has modality {modality or 'missing'}; expected CT"
        raise UnreadableScan(f"{found}. Leave such files out: radlearn reads volumes of Hounsfield units, which only CT has.")
    if frames > 1:
        raise UnreadableScan(
            f"{path}: holds {frames} frames in one file (enhanced or multi-frame CT); radlearn reads one slice per file. "
            "Convert it to NIfTI, for example with dcm2niix."
        )
    position, directions, spacing = _place(path, said)
    with parsing(path):
        rows, columns = int(said.Rows), int(said.Columns)
        keywords = ("SeriesInstanceUID", "SeriesDescription", "SOPInstanceUID")
        series, description, sop = (str(said.get(keyword) or "") for keyword in keywords)
        told = told_of(said)
    refuse_absurd_size(path, rows, columns)
    along = directions.reshape(2, 3)
    if not np.allclose(along @ along.T, np.eye(2), atol=SAME_DIRECTION_WITHIN):
        raise UnreadableScan(f"{path}: ImageOrientationPatient is {directions.tolist()}; expected two unit vectors at right angles.")
    return Slice(path, series, description, sop, position, along, (float(spacing[0]), float(spacing[1])), (rows, columns), told)


def _is_no_image(opened: BinaryIO) -> bool:
    """Whether DICOM without its preamble is a structure set, a plan or a report, which lie beside slices and are left out."""
    opened.seek(0)
    try:
        said = pydicom.dcmread(opened, stop_before_pixels=True, force=True)
        # What ends early has lost its rows too.
        return said.get("Rows") is None and str(said.get("Modality") or "CT").strip().upper() not in ("CT", "OT")
    except DAMAGE:
        return False


def _place(path: Path, said: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return position (3,), directions (6,) and spacing (2,) of a slice, in mm where they are lengths."""
    numbers = []
    for keyword, count in PLACE:
        with parsing(path):
            written = said.get(keyword)
        try:
            values = np.array(decimals(said, keyword))
        except DAMAGE:
            values = np.array([np.nan])
        usable = len(values) == count and np.isfinite(values).all() and (keyword != "PixelSpacing" or values.min() > 0)
        if not usable:
            found = f"its {keyword} is {written}" if written not in (None, "") else f"it has no {keyword}"
            raise UnreadableScan(
                f"{path}: has no position: expected {', '.join(name for name, _ in PLACE)}, as numbers; {found}. It may be a screen "
                "capture; leave it out, or correct this field."
            )
        numbers.append(values)
    return numbers[0], numbers[1], numbers[2]


class SliceValues(NamedTuple):
    """HU (rows, columns), int16 where that holds all values, else int32 or float32; how many are padding; what is odd about the pixels."""

    hu: np.ndarray
    padded: int
    note: str


def hounsfield_of(one: Slice) -> SliceValues:
    """Return the slice in HU, its padding as air.

    Raises:
        UnreadableScan: damaged pixels, or a sign that is wrong, or nothing that says how they become Hounsfield units.
    """
    xray = open_xray(one.path)
    stored, beyond, note = decoded_pixels(xray)
    slope, intercept = _rescale(xray)
    hu = rescaled(stored, slope, intercept)
    outside = np.zeros(hu.shape, bool)
    with parsing(one.path):
        ends, _ = padding_of(xray.said)
    if ends is not None:
        low, high = sorted(end * slope + intercept for end in ends)
        # Some scanners write 0 where 0 is also a value of water.
        if high <= AIR_HU or low >= ABOVE_TISSUE_HU:
            outside |= (stored >= ends[0]) & (stored <= ends[1])
    if beyond is not None:
        outside |= beyond
    # A copy, of a type that holds negative values.
    hu = hu.astype(np.result_type(hu, np.int16))
    hu[outside] = AIR_HU
    undeclared, _ = padding_and_inside(hu)
    if undeclared is not None:
        hu[undeclared] = AIR_HU
        outside |= undeclared
    _refuse_wrong_sign(xray, hu, slope, intercept)
    # What padding held may have needed a wider type; without it the slice mostly fits into int16.
    limits = np.iinfo(np.int16)
    fits = hu.dtype.kind == "i" and limits.min <= hu.min() and hu.max() <= limits.max
    # Padding is counted by itself.
    note = "; ".join(filter(None, [xray.note, note if beyond is None else ""]))
    return SliceValues(hu.astype(np.int16) if fits else hu, int(np.count_nonzero(outside)), note)


def _refuse_wrong_sign(xray: Xray, hu: np.ndarray, slope: float, intercept: float) -> None:
    """Raise an UnreadableScan where dense pixels became lower than air, because bits that say a sign cannot hold them.

    Unlike in an X-ray it is a few pixels, of metal or bone, that begin again below. None of 31 real slices has such bits.
    """
    with parsing(xray.path):
        is_signed, bits = bool(int(xray.said.get("PixelRepresentation") or 0)), int(xray.said.get("BitsStored") or 0)
    if not is_signed or slope < 0 or (highest := ((1 << max(bits - 1, 0)) - 1) * slope + intercept) >= BONE_REACHES_HU:
        return
    count, lowest = low_beside_dense(hu)
    if count:
        found = f"{count:,} of its pixels beside dense ones drop to as low as {lowest:g} HU, where air is −1000".replace("-", "−")
        allowed = (
            f"its {bits} bits with a sign (PixelRepresentation 1) hold no more than {highest:g} HU, and metal and bone begin again below"
        )
        raise UnreadableScan(
            f"{xray.path}: {found}: {allowed}. PixelRepresentation looks wrong. Correct it in its header, or export it again."
        )


def _rescale(xray: Xray) -> tuple[float, float]:
    """Return slope and intercept of a slice."""
    said = xray.said
    with parsing(xray.path):
        written = tuple(said.get(keyword) for keyword in ("RescaleSlope", "RescaleIntercept"))
        photometric, kind = photometric_of(said), str(said.get("RescaleType") or "").strip().upper()
    try:
        numbers = [number for keyword in ("RescaleSlope", "RescaleIntercept") for number in decimals(said, keyword)]
    except DAMAGE:
        numbers = []
    usable = len(numbers) == 2 and numbers[0] != 0 and np.isfinite(numbers).all() and np.abs(numbers).max() <= LARGEST_RESCALE
    if photometric != "MONOCHROME2" or not usable:
        raise UnreadableScan(
            f"{xray.path}: cannot be converted to Hounsfield units: RescaleSlope is {written[0]}, RescaleIntercept {written[1]}, "
            f"PhotometricInterpretation {photometric}; expected two numbers and MONOCHROME2 (a slope of 0 makes all equal, and one above "
            f"{LARGEST_RESCALE:,} no HU). Export the original slices."
        )
    if kind in NO_HOUNSFIELD:
        found = f"{xray.path}: its RescaleType is {kind}; expected HU"
        raise UnreadableScan(f"{found}. Use the series of the CT itself, not one that was computed of it.")
    return numbers[0], numbers[1]
