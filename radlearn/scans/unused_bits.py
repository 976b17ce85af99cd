"""What the bits of a stored number say that BitsStored does not count: nothing, overlay graphics, padding, a sign, or a wrong header.

Decoders drop these bits. That is right where older equipment kept overlay graphics in them (PS3.5 8.1.2). Where they belong to the values,
4096 would become 0 and -1 would become 4095 without a word; so such files are refused, or read with their sign. Graphics are known by what
lies below them: it goes on as if they were not there.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy.ndimage import binary_dilation

from radlearn.scans.padding import padding_of
from radlearn.scans.swapped_bytes import LEAST_PIXELS, SWAPPED, has_swapped_bytes

FIRST_OVERLAY, LAST_OVERLAY = 0x6000, 0x601E
LEAST_WRONG, SMOOTHER_BELOW, ROWS_LOOKED_AT = 0.005, 0.6, 64
"Of the pixels: so many have their highest bit set and so many not; and how much smoother the image is with the other sign."
MEND_BITS = "Correct BitsStored and HighBit in its header, or export it again"
MOST_OVERLAY = 0.3
"Of the pixels: graphics are lines and letters, and lie over some of the image."
BESIDE_PX, ROUGHER_THAN_BESIDE = 3, 2.0
"How far around overlay graphics the image is compared with what lies below them, and how much more it may change at their borders."


class Cleaned(NamedTuple):
    """Stored values without the unused bits, and which pixels are padding by what stood in them, bool of the same shape; None if none."""

    values: np.ndarray
    padding: np.ndarray | None = None
    note: str = ""


def without_unused_bits(stored: np.ndarray, said: Any) -> Cleaned:
    """Return stored integers, as they were decoded, as values of BitsStored bits, with their sign.

    Args:
        stored: of any shape, of the type of BitsAllocated and PixelRepresentation.
        said: the header.

    Raises:
        ValueError: HighBit and BitsStored contradict each other, or the pixels have values that BitsStored does not allow.
    """
    bits = int(said.get("BitsStored") or 0)
    unused = 8 * stored.dtype.itemsize - bits
    if stored.dtype.kind not in "iu" or bits < 1 or unused < 0 or not stored.size:
        return Cleaned(stored)
    if has_swapped_bytes(stored):
        raise ValueError(SWAPPED)
    if not unused:
        _refuse_wrong_sign(stored, bits)
        return Cleaned(stored)
    # Shifted to the left and back, which extends the sign.
    values = (stored << unused) >> unused
    # A negative value has all of its unused bits set, or none.
    odd = stored != values
    if stored.dtype.kind == "i":
        odd &= (stored < 0) | (stored >> bits != 0)
    if not odd.any():
        _refuse_wrong_sign(values, bits)
        return Cleaned(values)
    if (padding := _padding(stored, odd, said)) is not None:
        return Cleaned(values, padding, f"{padding.mean():.1%} of its pixels lie outside what BitsStored {bits} allows: taken as padding")
    if _has_overlay_planes(said):
        return Cleaned(values)
    if stored.dtype.kind == "u" and (stored[odd] >> (bits - 1) == (1 << (unused + 1)) - 1).all():
        signed = stored.view(stored.dtype.str.replace("u", "i"))
        if _roughness(signed) < _roughness(values):
            negative = f"{odd.mean():.1%} of its pixels are negative numbers, though PixelRepresentation says that there are none"
            return Cleaned(signed, note=f"{negative}: read as negative")
    is_little = odd.mean() <= MOST_OVERLAY or odd.size < LEAST_PIXELS
    if is_little and _roughness(stored) > _roughness(values) and _goes_on_below(values, odd):
        note = f"bits above BitsStored {bits} are set in {odd.mean():.1%} of its pixels: taken as overlay graphics and left out"
        return Cleaned(values, note=note)
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if stored.dtype.kind == "i" else (0, (1 << bits) - 1)
    raise ValueError(
        f"{int(odd.sum()):,} of its {stored.size:,} pixels lie outside {low} to {high}, which BitsStored {bits} allows; the highest is "
        f"{stored.max()}. The header or the pixels are wrong. {MEND_BITS}"
    )


def refuse_high_bit(said: Any) -> None:
    """Raise a ValueError where the values of uncompressed pixels do not begin at the lowest bit: readers differ in what they make of it."""
    high, bits = said.get("HighBit"), said.get("BitsStored")
    if high is not None and bits and int(high) > int(bits) - 1:
        found = f"HighBit is {high} and BitsStored {bits}; expected HighBit {int(bits) - 1}"
        raise ValueError(f"{found}. Programs differ in which bits they read. {MEND_BITS}")


def _refuse_wrong_sign(values: np.ndarray, bits: int) -> None:
    """Raise a ValueError where values jump from one end of their range to the other, and would not with the other PixelRepresentation."""
    is_signed = values.dtype.kind == "i"
    # A signed value and the unsigned one of the same bits differ in how the upper half is counted.
    half = (values < 0) if is_signed else (values >= 1 << (bits - 1))
    # What is saturated, and what lies at the end as a border does, jumps whichever way it is read.
    end = values.min() if is_signed else values.max()
    inside = half & (values != end)
    if not LEAST_WRONG <= float(inside.mean()) <= 1 - LEAST_WRONG:
        return
    rows = np.s_[:: max(1, len(values) // ROWS_LOOKED_AT)]
    read, kept = values[rows].astype(np.float64), values[rows] != end
    other = np.where(half[rows], read + ((1 << bits) if is_signed else -(1 << bits)), read)
    beside = kept[..., 1:] & kept[..., :-1]
    as_read, otherwise = (float(np.abs(np.diff(one, axis=-1))[beside].sum()) for one in (read, other))
    if otherwise < SMOOTHER_BELOW * as_read:
        says, seems = ("signed", "unsigned") if is_signed else ("unsigned", "signed")
        found = f"its values jump between {int(read.min())} and {int(read.max())}, as {seems} numbers do that are read as {says} ones"
        raise ValueError(f"{found}. PixelRepresentation says {says}, and looks wrong. Correct it in its header, or export it again")


def _padding(stored: np.ndarray, odd: np.ndarray, said: Any) -> np.ndarray | None:
    """Return the pixels outside the range if all of them are padding: as the header says, or one value with its highest bit set."""
    ends, _ = padding_of(said)
    if ends is not None:
        declared = odd & (stored >= ends[0]) & (stored <= ends[1])
        if np.array_equal(declared, odd):
            return declared
    first = stored[odd][0]
    highest_bit = stored.dtype.type(np.iinfo(stored.dtype).min) if stored.dtype.kind == "i" else 1 << (8 * stored.dtype.itemsize - 1)
    if int(first) & int(highest_bit) and (stored[odd] == first).all():
        return odd
    return None


def _has_overlay_planes(said: Any) -> bool:
    """Whether the header says that overlay planes lie in the bits of the pixels: OverlayBitPosition above 0."""
    if not hasattr(said, "group_dataset"):
        return False
    return any(
        (group, 0x0102) in said and (group, 0x3000) not in said and int(said[group, 0x0102].value or 0) > 0
        for group in range(FIRST_OVERLAY, LAST_OVERLAY + 1, 2)
    )


def _goes_on_below(values: np.ndarray, odd: np.ndarray) -> bool:
    """Whether an image without its unused bits changes no more at the borders of the pixels that had some than beside them.

    Values that need more bits than the header says begin again at 0 where they leave the range.
    """
    near, numbers = binary_dilation(odd, iterations=BESIDE_PX), values.astype(np.float64)
    across: list[np.ndarray] = []
    beside: list[np.ndarray] = []
    for axis in range(values.ndim):
        (first, second), (one, other) = ([np.delete(each, end, axis) for end in (0, -1)] for each in (odd, near))
        steps = np.abs(np.diff(numbers, axis=axis))
        across.append(steps[first != second])
        beside.append(steps[~first & ~second & (one | other)])
    change, usual = (float(np.concatenate(each).mean()) if sum(map(len, each)) else 0.0 for each in (across, beside))
    below = values[odd]
    # Metal that is one number, such as the highest of a scanner, has a remainder of one number, without the noise of what lies around it.
    is_one_number = values.min() < below.min() == below.max() < values.max() and usual > 0
    return change <= ROUGHER_THAN_BESIDE * usual + 1 and not is_one_number


def _roughness(values: np.ndarray) -> float:
    """Return the sum of differences between neighbours in a row: where bits of a value are dropped, it jumps."""
    return float(np.abs(np.diff(values.astype(np.float64), axis=-1)).sum())
