"""Fixed fields of random tissue structure, made once in a process; a person sees them from a place of its own.

Connective tissue in ultrasound is drawn by thin sheets: long ones between lobules of fat (septa), short ones between bundles of muscle
fibres (striae). Their fields are periodic, so that every part of them can be taken with indices, which is a hundred times as fast as
drawing them anew for each image.
"""

from functools import cache

import numpy as np
from scipy.ndimage import gaussian_filter

SIZE = 1024
"Of a field, in pixels in both directions; it is periodic."
BANK_SEED = 20160518
SEPTUM_WIDTH = 0.11
"Of a septum, in standard deviations of the field whose zeros it follows."
STRIA_ABOVE = 1.1


@cache
def septa() -> np.ndarray:
    """Return float32 (SIZE, SIZE) in [0, 1]: 1 on thin curved sheets that run mostly sideways and fade in and out."""
    lines = np.exp(-((_smooth(0, (11, 60)) / SEPTUM_WIDTH) ** 2))
    return (lines * np.clip(0.45 + 0.6 * _smooth(1, (14, 45)), 0, 1)).astype(np.float32)


@cache
def striae() -> np.ndarray:
    """Return float32 (SIZE, SIZE) in [0, 1]: short thin dashes that run sideways, as between the bundles of a muscle."""
    dashes = np.clip((_smooth(2, (1.8, 17)) - STRIA_ABOVE) / 1.2, 0, 1)
    return (dashes * np.clip(0.6 + 0.5 * _smooth(3, (30, 60)), 0, 1)).astype(np.float32)


@cache
def lobules() -> np.ndarray:
    """Return float32 (SIZE, SIZE) of mean 0 and standard deviation 1: slow changes of brightness within a tissue."""
    return _smooth(4, (16, 28)).astype(np.float32)


def looked_up(bank: np.ndarray, down_px: np.ndarray, across_px: np.ndarray) -> np.ndarray:
    """Return a field at places in pixels, float or int arrays that broadcast; the field repeats beyond its ends."""
    # Bits in place of a remainder, because SIZE is a power of two, and one index in place of two: a fifth of the time.
    place = (down_px.astype(np.int32) & (SIZE - 1)) * SIZE + (across_px.astype(np.int32) & (SIZE - 1))
    return bank.ravel().take(place)


def _smooth(number: int, sigma_px: tuple[float, float]) -> np.ndarray:
    noise = np.random.default_rng((BANK_SEED, number)).standard_normal((SIZE, SIZE))
    field = gaussian_filter(noise, sigma_px, mode="wrap")
    return field / field.std()
