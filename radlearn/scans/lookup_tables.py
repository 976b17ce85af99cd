"""Look-up tables of a DICOM header: their entries, and the range that these use, whatever the descriptor says."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from radlearn.scans.stored_pixels import DAMAGE

OVERSHOOT = 0.01
"Up to this share above its highest value, an entry of a look-up table is rounded and not of more bits."


@dataclass(frozen=True, eq=False)
class Lut:
    """A look-up table: `entries` for the values first_value, first_value + 1, …; the outermost entries apply beyond both ends."""

    first_value: int
    entries: np.ndarray  # float64 in [0, highest]
    highest: float  # 2^bits - 1, of the bits that the entries use

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return the float64 entries of `values`, of any shape."""
        places = np.clip(np.rint(values) - self.first_value, 0, len(self.entries) - 1)
        return self.entries[places.astype(np.int64)]


def mend_of(keyword: str) -> str:
    """Return what to do about a damaged table, of which nothing else in the header says the same."""
    return f"Export the file again, or remove {keyword} from its header; its values are then shown without the table."


def lut_in(said: Any, keyword: str, highest_value: float, notes: list[str]) -> tuple[Lut | None, str]:
    """Return the first whole table of a LUT sequence (PS3.3 C.11.1.1 and C.11.2.1.1), and what is wrong where there is none.

    Args:
        said: the header.
        keyword: of the sequence.
        highest_value: that the table may be looked up for.
        notes: gets a note where the descriptor names other bits than the entries use.
    """
    troubles = []
    for item in said.get(keyword) or []:
        try:
            return _table(item, keyword, highest_value, said, notes), ""
        except DAMAGE as error:
            troubles.append(str(error) if isinstance(error, ValueError) and keyword in str(error) else f"{keyword} is damaged")
    return None, next(iter(troubles), "")


def _table(item: Any, keyword: str, highest_value: float, said: Any, notes: list[str]) -> Lut:
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
        raise ValueError(f"{keyword} has {len(entries)} entries of {bits} bits; its descriptor says {count}")
    highest, limit = int(entries.max()), (1 << bits) - 1
    if highest > 0 and (highest.bit_length() < bits or highest > limit * (1 + OVERSHOOT)):
        used = highest.bit_length()
        notes.append(f"{keyword} says {bits} bits an entry, but its entries use {used}: their range is taken")
        bits = used
    return Lut(first_value, np.clip(entries, 0, (1 << bits) - 1), float((1 << bits) - 1))
