"""Whether two X-rays show one and the same image: copied, inverted, brightened, made smaller, saved as another kind of file.

Chest X-rays resemble each other, so the broad light and dark of an X-ray says little; what is fine in it (ribs, vessels, tubes) says who it
is. So an X-ray's fingerprint is its thumbnail without its blur, at length 1, and two X-rays are one where the fingerprints nearly coincide:
of 110 real X-rays two different ones reach 0.70 at most, of 800 built-in ones 0.94, and one X-ray re-encoded stays above 0.99.
"""

import numpy as np
from scipy.ndimage import gaussian_filter

from radlearn.scans.resize import resized

SAME_ABOVE = 0.97
BLUR_PX = 1.5
THUMBNAIL_PX = 32


def thumbnail_of(pixels: np.ndarray) -> np.ndarray:
    """Return an X-ray (height, width) as uint8 (32, 32): averaged, its darkest pixel 0 and its brightest 255; 0 where all are alike."""
    small = resized(np.asarray(pixels, np.float32), THUMBNAIL_PX, THUMBNAIL_PX)
    low, high = small.min(), small.max()
    return np.rint(255 * (small - low) / max(high - low, 1e-6)).astype(np.uint8)


def fingerprints(thumbnails: np.ndarray) -> np.ndarray:
    """Return the detail of thumbnails (X-rays, side, side): float32 (X-rays, side · side) of length 1; 0 for an X-ray without any.

    The product of two fingerprints is 1 for two copies and −1 for a copy and its negative.
    """
    xrays = thumbnails.astype(np.float32)
    xrays -= gaussian_filter(xrays, (0, BLUR_PX, BLUR_PX))
    flat = xrays.reshape(len(xrays), -1)
    flat -= flat.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.where(lengths > 1, flat / np.maximum(lengths, 1), 0).astype(np.float32)
