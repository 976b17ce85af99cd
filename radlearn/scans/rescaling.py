"""Rescales stored numbers, into the smallest type that holds the result: a CT stays int16."""

import numpy as np

EXACT_BELOW = float(1 << 23)
"Up to here neighbouring float32 lie at most half a unit apart."


def rescaled(stored: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    """Return slope · stored + intercept.

    That is `stored` itself where nothing changes (float64 becomes float32); of integers with whole slope and intercept, the smallest of
    int16 and int32 that holds the result; else float32.

    >>> rescaled(np.array([0, 4095], np.uint16), 1, -1024)
    array([-1024,  3071], dtype=int16)
    """
    slope, intercept = float(slope), float(intercept)
    if slope == 1 and intercept == 0:
        return stored.astype(np.float32) if stored.dtype == np.float64 else stored
    if not stored.size:
        return stored.astype(np.float32)
    ends = stored.min(), stored.max()
    if stored.dtype.kind in "iu" and slope.is_integer() and intercept.is_integer():
        factor, shift = int(slope), int(intercept)
        low, high = sorted(factor * int(end) + shift for end in ends)
        for dtype in (np.int16, np.int32):
            if _holds(dtype, low, high) and _holds(np.int64, factor, shift):
                # The product may wrap around, but the sum wraps back: it fits.
                wide = dtype if _holds(dtype, factor, shift) else np.int64
                return np.asarray(np.add(np.multiply(stored.astype(wide), wide(factor)), wide(shift)).astype(dtype, copy=False))
    # What is left of 4,000,000,031 − 4,000,000,000 would be lost.
    large = max(abs(intercept), *(abs(slope * float(end)) for end in ends))
    kind = np.float64 if large > EXACT_BELOW else np.float32
    return np.asarray(np.add(np.multiply(stored.astype(kind), kind(slope)), kind(intercept)).astype(np.float32, copy=False))


def _holds(dtype: type[np.signedinteger], *numbers: int) -> bool:
    limits = np.iinfo(dtype)
    return all(limits.min <= number <= limits.max for number in numbers)
