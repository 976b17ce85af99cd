"""Whether the two bytes of each pixel are in the wrong order, as old converters and raw exports leave them.

Neighbours of an X-ray are alike. With their bytes swapped the fine differences become the large ones: the image is noise, in which the
body can still be guessed, and nothing in the file says so.
"""

import numpy as np

ROWS_LOOKED_AT, LEAST_PIXELS = 64, 256
SWAPPED = (
    "its pixels are noise as they are, and an image with the two bytes of each exchanged. They were written in the wrong order: export it "
    "again, or exchange them"
)
NOISE_ABOVE, SMOOTHER_BELOW = 0.15, 0.5
"Mean difference of neighbours in a row over the standard deviation. White noise has 1.13, X-rays have 0.01 to 0.2."


def has_swapped_bytes(stored: np.ndarray) -> bool:
    """Tell whether integers of two bytes (height, width) look like noise as they are, and like an image with their bytes swapped.

    >>> ramp = np.tile(np.arange(0, 4000, 13, dtype=np.uint16), (8, 1))
    >>> has_swapped_bytes(ramp), has_swapped_bytes(ramp.byteswap())
    (False, True)
    """
    if stored.dtype.kind not in "iu" or stored.dtype.itemsize != 2 or stored.ndim < 2 or stored.shape[-1] < 2 or stored.size < LEAST_PIXELS:
        return False
    rows = stored[..., :: max(1, stored.shape[-2] // ROWS_LOOKED_AT), :]
    as_read = _noise(rows)
    return as_read > NOISE_ABOVE and _noise(rows.byteswap()) < SMOOTHER_BELOW * as_read


def _noise(rows: np.ndarray) -> float:
    values = rows.astype(np.float64)
    spread = float(values.std())
    return float(np.abs(np.diff(values, axis=-1)).mean()) / spread if spread else 0.0
