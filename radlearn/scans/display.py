"""DICOM's grey-scale pipeline, from stored values to an image in [0, 1] that is bright where dense.

Stored value → modality values (rescale or Modality LUT) → grey (VOI LUT, else the first window, else the whole range) → inverted
if the header says so → padding black. Sources: DICOM PS3.3 C.11.1 (modality), C.11.2 (VOI), C.7.6.3.1.2 (photometric),
C.7.5.1.1.2 (padding).
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from radlearn.errors import UnreadableScan
from radlearn.scans.decimals import decimal, decimals
from radlearn.scans.decodable import photometric_of
from radlearn.scans.lookup_tables import Lut as Lut
from radlearn.scans.lookup_tables import lut_in, mend_of
from radlearn.scans.padding import padding_of
from radlearn.scans.stored_pixels import DAMAGE, Xray, parsing


@dataclass(frozen=True)
class Window:
    """A grey-scale window of PS3.3 C.11.2.1.2 and C.11.2.1.3."""

    centre: float
    width: float
    function: str  # LINEAR, LINEAR_EXACT or SIGMOID

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return the grey, float64 in [0, 1], of modality values of any shape."""
        if self.function == "SIGMOID":
            # Beyond ±700 the exponential overflows; the grey value is 0 or 1 well before.
            return 1 / (1 + np.exp(np.clip(-4 * (values - self.centre) / self.width, -700, 700)))
        if self.function == "LINEAR_EXACT":
            return np.clip((values - self.centre) / self.width + 0.5, 0, 1)
        if self.width == 1:
            return (values > self.centre - 0.5).astype(np.float64)
        return np.clip((values - (self.centre - 0.5)) / (self.width - 1) + 0.5, 0, 1)


@dataclass(frozen=True)
class Display:
    """The mapping of one X-ray's stored values to grey values, float32 (height, width) in [0, 1]."""

    stored_range: tuple[int, int] | None  # lowest and highest value of the stored bits; None above 16 bits and for floats
    slope: float
    intercept: float
    modality_lut: Lut | None
    voi: Lut | Window | None
    inverted: bool
    padding: tuple[float, float] | None  # lowest and highest stored value that means padding
    beside: Window | None = None  # the window of a header whose look-up table takes precedence; `misfits` says when it is used
    notes: tuple[str, ...] = ()  # what in the header was not as it should be, and what was done about it

    def __call__(self, stored: np.ndarray) -> np.ndarray:
        """Return the image of stored values (height, width)."""
        if self.stored_range is None or stored.dtype.itemsize > 2 or stored.dtype.kind == "f":
            return self.grey(stored)
        # A look-up table of all possible values is faster than arithmetic on every pixel.
        # An unsigned value is its own place in the table.
        places = stored if stored.dtype.kind == "u" else stored.astype(np.intp) - np.iinfo(stored.dtype).min
        return np.take(_grey_of_every_value(self, stored.dtype), places)

    def is_straight(self) -> bool:
        """Whether the mapping is linear over the stored range, so that pixels may be averaged before or after it."""
        if self.stored_range is None or self.padding is not None or isinstance(self.voi, Lut) or self.modality_lut is not None:
            return False
        if self.voi is None:
            return True
        grey = self.grey(np.arange(self.stored_range[0], self.stored_range[1] + 1))
        return bool(np.ptp(np.diff(grey.astype(np.float64))) < 1e-6)

    def grey(self, stored: np.ndarray) -> np.ndarray:
        """Return the grey values of stored values of any shape."""
        nothing = ~np.isfinite(stored)
        if self.padding is not None:
            nothing |= (stored >= self.padding[0]) & (stored <= self.padding[1])
        with np.errstate(over="ignore", invalid="ignore"):
            values = self.modality(np.where(nothing, 0, stored).astype(np.float64))
            if isinstance(self.voi, Lut):
                grey = self.voi(values) / self.voi.highest
            elif isinstance(self.voi, Window):
                grey = self.voi(values)
            else:
                grey = _spread(values, *self._whole_range(values[~nothing]))
        # Overflow (a slope of 1e300) gives no grey value either.
        grey = np.where(np.isfinite(grey), grey, 0)
        grey = 1 - grey if self.inverted else grey
        return np.where(nothing, 0, np.clip(grey, 0, 1)).astype(np.float32)

    def modality(self, stored: np.ndarray) -> np.ndarray:
        """Return the modality values, float64, of stored values of any shape."""
        return self.modality_lut(stored) if self.modality_lut is not None else stored * self.slope + self.intercept

    def _whole_range(self, values: np.ndarray) -> tuple[float, float]:
        if self.modality_lut is not None:
            return 0, self.modality_lut.highest
        if self.stored_range is not None:
            ends = [end * self.slope + self.intercept for end in self.stored_range]
            return min(ends), max(ends)
        return (float(values.min()), float(values.max())) if values.size else (0, 1)


@lru_cache(maxsize=8)
def _grey_of_every_value(display: Display, kind: np.dtype) -> np.ndarray:
    # The X-rays of one machine or challenge mostly share their mapping.
    limits = np.iinfo(kind)
    return display.grey(np.arange(limits.min, limits.max + 1))


def display_of(xray: Xray) -> Display:
    """Return the mapping that the header defines.

    Ambiguous headers: a VOI LUT takes precedence over a window; of several windows the first that can be used is; a window whose width is
    below 1 (0 or below if not LINEAR) or not a number cannot. PresentationLUTShape INVERSE and MONOCHROME1 mean the same (PS3.3 C.8.11.3),
    so either inverts and both invert once. A damaged look-up table is passed over where a window, or a rescale, says what it would have
    said; the range of a table is that of its entries, whatever bits its descriptor names.

    Raises:
        UnreadableScan: RescaleSlope 0, a rescale that is not a number, a damaged look-up table with nothing in its place.
    """
    said, path = xray.said, xray.path
    with parsing(path):
        slope, intercept = (_number(path, said, *pair) for pair in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0)))
        if slope == 0:
            raise UnreadableScan(f"{path}: RescaleSlope is 0, which makes all pixels equal; expected another number. Correct or remove it.")
        stored_range, notes = _stored_range(xray)
        modality_lut, trouble = lut_in(said, "ModalityLUTSequence", 0, notes)
        if trouble and said.get("RescaleSlope") is None:
            raise UnreadableScan(f"{path}: {trouble}. {mend_of('ModalityLUTSequence')}")
        notes += [f"{trouble}; RescaleSlope and RescaleIntercept are used instead"] if trouble else []
        highest_value = max(end * slope + intercept for end in stored_range) if stored_range else math.inf
        voi, trouble = lut_in(said, "VOILUTSequence", modality_lut.highest if modality_lut else highest_value, notes)
        # Beside a table a window is not used, so that nothing is to be said of it.
        window = _window(said, [] if voi else notes)
        if trouble and window is None:
            raise UnreadableScan(f"{path}: {trouble}. {mend_of('VOILUTSequence')}")
        notes += [f"{trouble}; the window is used instead"] if trouble else []
        padding, unusable = padding_of(said)
        notes += [unusable] if unusable else []
        inverted = photometric_of(said) == "MONOCHROME1" or _shape(said) == "INVERSE"
        return Display(
            stored_range, slope, intercept, modality_lut, voi or window, inverted, padding, window if voi else None, tuple(notes)
        )


def polarity_contradiction(xray: Xray) -> str | None:
    """Return how PhotometricInterpretation and PresentationLUTShape contradict each other, None where they agree."""
    with parsing(xray.path):
        photometric, shape = photometric_of(xray.said), _shape(xray.said)
    if (photometric, shape) in (("MONOCHROME1", "IDENTITY"), ("MONOCHROME2", "INVERSE")):
        found = f"PhotometricInterpretation is {photometric} and PresentationLUTShape is {shape}"
        return f"{found}; they contradict each other, and the image is shown inverted"
    return None


def _spread(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Map [low, high] onto [0, 1]; an empty range is black."""
    width = high - low
    return (values - low) / width if 0 < width < math.inf else np.zeros_like(values)


def _shape(said: Any) -> str:
    return str(said.get("PresentationLUTShape") or "").strip().upper()


def _stored_range(xray: Xray) -> tuple[tuple[int, int] | None, list[str]]:
    """Return the lowest and the highest value of the stored bits, None above 16 bits, and a note where a compressed image has others."""
    said, notes = xray.said, []
    bits, signed = int(said.get("BitsStored") or said.get("BitsAllocated")), bool(said.get("PixelRepresentation", 0))
    # A lossy JPEG of 8 bits keeps none free; a lossless one, mostly of 16, holds the bits that are stored.
    is_other = xray.precision is not None and (xray.precision < bits or (xray.jpeg is not None and xray.precision != bits))
    if xray.precision is not None and is_other and not signed:
        notes.append(f"BitsStored is {bits}, but its compressed image has {xray.precision} bits a pixel, which are taken as its range")
        bits = xray.precision
    if bits > 16 or bits < 1:
        return None, notes
    return ((-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)), notes


def _number(path: Path, said: Any, keyword: str, unsaid: float) -> float:
    try:
        found = decimals(said, keyword)
    except DAMAGE:
        found = [math.nan]
    if not found:
        return unsaid
    if len(found) != 1 or not math.isfinite(found[0]):
        raise UnreadableScan(f"{path}: {keyword} is {said.get(keyword)}; expected a number. Correct or remove it.")
    return found[0]


def _window(said: Any, notes: list[str]) -> Window | None:
    """Return the first window that can be used; append a note where windows are there and none, or not the first, can."""
    function = str(said.get("VOILUTFunction") or "LINEAR").strip().upper()
    function = function if function in ("LINEAR_EXACT", "SIGMOID") else "LINEAR"
    pairs = list(zip(*(_numbers(said, keyword) for keyword in ("WindowCenter", "WindowWidth")), strict=False))
    for number, (centre, width) in enumerate(pairs):
        if (width >= 1 if function == "LINEAR" else width > 0) and math.isfinite(centre) and math.isfinite(width):
            if number:
                notes.append(f"its first window, of width {pairs[0][1]:g}, cannot be used; number {number + 1} is")
            return Window(centre, width, function)
    written = [_said_as_text(said, keyword) for keyword in ("WindowCenter", "WindowWidth")]
    if any(written):
        found = f"WindowCenter {written[0] or 'missing'}, WindowWidth {written[1] or 'missing'}"
        notes.append(f"its window ({found}) cannot be used; the whole range of its values is shown")
    return None


def _numbers(said: Any, keyword: str) -> list[float]:
    """Return the numbers of an element, NaN for each that is none."""
    try:
        value = said.get(keyword)
    except DAMAGE:
        return []
    numbers = []
    for one in value if hasattr(value, "__iter__") and not isinstance(value, str) else [] if value in (None, "") else [value]:
        try:
            numbers.append(decimal(one))
        except DAMAGE:
            numbers.append(math.nan)
    return numbers


def _said_as_text(said: Any, keyword: str) -> str:
    try:
        value = said.get(keyword)
    except DAMAGE:
        return "damaged"
    several = hasattr(value, "__iter__") and not isinstance(value, str)
    return "" if value is None else "\\".join(map(str, value)) if several else str(value)
