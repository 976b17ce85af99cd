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
from radlearn.scans.stored_pixels import DAMAGE, Xray, parsing


@dataclass(frozen=True, eq=False)
class Lut:
    """A look-up table: `entries` for the values first_value, first_value + 1, …; the outermost entries apply beyond both ends."""

    first_value: int
    entries: np.ndarray  # float64 in [0, 2^bits - 1]
    highest: float  # 2^bits - 1

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return the float64 entries of `values`, of any shape."""
        places = np.clip(np.rint(values) - self.first_value, 0, len(self.entries) - 1)
        return self.entries[places.astype(np.int64)]


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
            values = self._modality(np.where(nothing, 0, stored).astype(np.float64))
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

    def _modality(self, stored: np.ndarray) -> np.ndarray:
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

    Ambiguous headers: a VOI LUT takes precedence over a window; of several windows the first is used; a window whose width is below 1 (0 or
    below if not LINEAR) or not a number is ignored; PresentationLUTShape INVERSE and MONOCHROME1 mean the same (PS3.3 C.8.11.3), so either
    inverts and both invert once.

    Raises:
        UnreadableScan: RescaleSlope 0, a rescale that is not a number, a damaged look-up table.
    """
    said, path = xray.said, xray.path
    with parsing(path):
        slope, intercept = (_number(path, said, *pair) for pair in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0)))
        if slope == 0:
            raise UnreadableScan(f"{path}: RescaleSlope is 0, which makes all pixels equal; expected another number. Correct or remove it.")
        stored_range = _stored_range(said)
        modality_lut = _lut(path, said, "ModalityLUTSequence", 0)
        highest_value = max(end * slope + intercept for end in stored_range) if stored_range else math.inf
        voi = _lut(path, said, "VOILUTSequence", modality_lut.highest if modality_lut else highest_value)
        inverted = _photometric(said) == "MONOCHROME1" or _shape(said) == "INVERSE"
        return Display(stored_range, slope, intercept, modality_lut, voi or _window(said), inverted, _padding(said))


def polarity_contradiction(xray: Xray) -> str | None:
    """Return how PhotometricInterpretation and PresentationLUTShape contradict each other, None where they agree."""
    with parsing(xray.path):
        photometric, shape = _photometric(xray.said), _shape(xray.said)
    if (photometric, shape) in (("MONOCHROME1", "IDENTITY"), ("MONOCHROME2", "INVERSE")):
        found = f"PhotometricInterpretation is {photometric} and PresentationLUTShape is {shape}"
        return f"{found}; they contradict each other, and the X-ray is shown inverted"
    return None


def _spread(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Map [low, high] onto [0, 1]; an empty range is black."""
    width = high - low
    return (values - low) / width if 0 < width < math.inf else np.zeros_like(values)


def _photometric(said: Any) -> str:
    return str(said.get("PhotometricInterpretation")).strip()


def _shape(said: Any) -> str:
    return str(said.get("PresentationLUTShape") or "").strip().upper()


def _stored_range(said: Any) -> tuple[int, int] | None:
    bits = int(said.get("BitsStored") or said.get("BitsAllocated"))
    if bits > 16 or bits < 1:
        return None
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if said.get("PixelRepresentation", 0) else (0, (1 << bits) - 1)


def _number(path: Path, said: Any, keyword: str, unsaid: float) -> float:
    found = said.get(keyword)
    if found is None or found == "":
        return unsaid
    value = float(found)
    if not math.isfinite(value):
        raise UnreadableScan(f"{path}: {keyword} is {found}; expected a number. Correct or remove it.")
    return value


def _window(said: Any) -> Window | None:
    try:
        centre, width = (float(np.atleast_1d(said.get(keyword))[0]) for keyword in ("WindowCenter", "WindowWidth"))
    except DAMAGE:
        # Missing, empty or not numbers: the whole range is shown.
        return None
    function = str(said.get("VOILUTFunction") or "LINEAR").strip().upper()
    function = function if function in ("LINEAR_EXACT", "SIGMOID") else "LINEAR"
    usable = width >= 1 if function == "LINEAR" else width > 0
    return Window(centre, width, function) if usable and math.isfinite(centre) and math.isfinite(width) else None


def _lut(path: Path, said: Any, keyword: str, highest_value: float) -> Lut | None:
    """Read the first table of a LUT sequence (PS3.3 C.11.1.1 and C.11.2.1.1)."""
    if not said.get(keyword):
        return None
    item = said.get(keyword)[0]
    count, first_value, bits = (int(number) for number in item.LUTDescriptor)
    count = count or 1 << 16
    # A negative first value may have been written as unsigned 16 bits; it then lies above all stored values.
    if first_value > max(highest_value, (1 << 15) - 1):
        first_value -= 1 << 16
    data = item.LUTData
    if isinstance(data, bytes):
        order = "<" if said.original_encoding[1] else ">"
        # Entries of 8 bits are stored one per 16-bit word, or two per word.
        data = np.frombuffer(data, np.uint8 if bits <= 8 and len(data) == count + count % 2 else f"{order}u2")
    entries = np.atleast_1d(np.asarray(data)).astype(np.float64)[:count]
    if len(entries) < count or not 1 <= bits <= 16:
        raise UnreadableScan(f"{path}: {keyword} has {len(entries)} entries of {bits} bits; its descriptor says {count}. Remove it.")
    return Lut(first_value, np.clip(entries, 0, (1 << bits) - 1), float((1 << bits) - 1))


def _padding(said: Any) -> tuple[float, float] | None:
    for kind in ("Float", "DoubleFloat", ""):
        value, limit = said.get(f"{kind}PixelPaddingValue"), said.get(f"{kind}PixelPaddingRangeLimit")
        if value is not None:
            ends = [float(end) if kind else _as_stored(said, int(end)) for end in (value, value if limit is None else limit)]
            return min(ends), max(ends)
    return None


def _as_stored(said: Any, value: int) -> int:
    """Return the padding value with the sign of the pixels: some writers store -2000 as 63536."""
    bits = int(said.get("BitsAllocated"))
    value %= 1 << bits
    return value - (1 << bits) if said.get("PixelRepresentation", 0) and value >= 1 << (bits - 1) else value
