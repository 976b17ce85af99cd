"""Rescales stored numbers, into the smallest type that holds the result: a CT stays int16."""

import numpy as np


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
    if stored.dtype.kind in "iu" and slope.is_integer() and intercept.is_integer():
        factor, shift = int(slope), int(intercept)
        low, high = sorted(factor * int(end) + shift for end in (stored.min(), stored.max()))
        for dtype in (np.int16, np.int32):
            limits = np.iinfo(dtype)
            if limits.min <= min(low, factor, shift) and max(high, factor, shift) <= limits.max:
                # The product may wrap around, but the sum wraps back: it fits.
                return np.asarray(stored.astype(dtype) * dtype(factor) + dtype(shift))  # type: ignore[operator]
    return stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)
