"""Which stored values of a DICOM image mean that nothing is there: PixelPaddingValue, and the range up to PixelPaddingRangeLimit.

Source: DICOM PS3.3 C.7.5.1.1.2. Both are stored values, of the type of the pixels.
"""

from typing import Any

Ends = tuple[float, float]
KINDS = ("Float", "DoubleFloat", "")


def padding_of(said: Any) -> tuple[Ends | None, str]:
    """Return the lowest and the highest stored value that mean padding, None where none does, and what cannot be used of what is said.

    >>> padding_of({"PixelPaddingValue": 63536, "PixelRepresentation": 1, "BitsAllocated": 16})
    ((-2000, -2000), '')
    """
    for kind in KINDS:
        written, limit = (said.get(f"{kind}PixelPadding{last}") for last in ("Value", "RangeLimit"))
        if written is None or written in ("", b""):
            continue
        try:
            read = float if kind else lambda value: _as_stored(said, value)
            low, high = sorted(read(end) for end in (written, written if limit in (None, "", b"") else limit))
        except (TypeError, ValueError):
            return None, f"PixelPaddingValue is {written!r} (to {limit!r}); expected a number each: no padding is taken off"
        return (low, high), ""
    return None, ""


def _as_stored(said: Any, written: Any) -> int:
    """Return a padding value with the sign of the pixels: some writers store -2000 as 63536, and some two bytes."""
    bits = int(said.get("BitsAllocated"))
    if isinstance(written, bytes):
        if len(written) != 2:
            raise ValueError(f"{len(written)} bytes")
        is_little = getattr(said, "original_encoding", (None, True))[1] is not False
        written = int.from_bytes(written, "little" if is_little else "big")
    value = int(written) % (1 << bits)
    return value - (1 << bits) if said.get("PixelRepresentation", 0) and value >= 1 << (bits - 1) else value
