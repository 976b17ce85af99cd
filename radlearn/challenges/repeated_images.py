"""Images of one person that show the same, frame after frame of one recording, and what their masks say of it.

Neighbouring frames look alike but for noise. Where one of two has a mask and the other has none, or the masks lie elsewhere, one of them is
wrong, and a network is taught both. The challenge Ultrasound Nerve Segmentation is known for such pairs.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

THUMBNAIL_PX = (42, 58)
"Rows and columns; a tenth of the challenge's images. Speckle is averaged away in it, an outline is not."
ALIKE_ABOVE = 0.972
"""Correlation of two thumbnails without their slow changes of brightness. Of 150 built-in images, 13 pairs of repeated frames have
0.977 and more, 695 other pairs of one person 0.966 at most."""
CONTRADICTS_BELOW = 0.5
"Dice of two masks of nearly the same picture; a hand that outlines twice agrees better."


class Frame(NamedTuple):
    """An image in the small, float32 THUMBNAIL_PX without its slow changes, and the part of each of its pixels that is in the mask."""

    name: str
    thumbnail: np.ndarray
    mask: np.ndarray


class Contradiction(NamedTuple):
    """Two images that look the same, how much so, and the Dice of their masks in the small."""

    first: str
    second: str
    correlation: float
    dice: float


def thumbnail_of(pixels: np.ndarray) -> np.ndarray:
    """Return means of blocks, float32 THUMBNAIL_PX, less their surroundings, with mean 0 and length 1; zeros for a blank image."""
    from scipy.ndimage import gaussian_filter  # half a second, and importing a challenge must stay cheap

    small = blocks_of(pixels)
    detail = gaussian_filter(small, 0.8) - gaussian_filter(small, 6)
    detail -= detail.mean()
    length = float(np.linalg.norm(detail))
    return detail / length if length > 0 else np.zeros_like(detail)


def blocks_of(pixels: np.ndarray) -> np.ndarray:
    """Return the means of an image over blocks, float32 THUMBNAIL_PX; of one that is smaller, its pixels, some several times.

    >>> bool(np.allclose(blocks_of(np.ones((100, 90))), 1)), bool(np.allclose(blocks_of(np.ones((5, 90))), 1))
    (True, True)
    """
    rows, columns = (np.linspace(0, length, count + 1).astype(int) for length, count in zip(pixels.shape, THUMBNAIL_PX, strict=True))
    sums = np.add.reduceat(np.add.reduceat(np.asarray(pixels, np.float32), rows[:-1], axis=0), columns[:-1], axis=1)
    return (sums / np.outer(np.diff(rows).clip(1), np.diff(columns).clip(1))).astype(np.float32)


def contradictions(frames: Sequence[Frame]) -> Iterator[Contradiction]:
    """Yield the pairs of one person's frames that look the same and whose masks contradict each other."""
    if len(frames) < 2:
        return
    flat = np.stack([frame.thumbnail.ravel() for frame in frames])
    for one, other in zip(*np.nonzero(np.triu(flat @ flat.T, 1) > ALIKE_ABOVE), strict=True):
        first, second = frames[one], frames[other]
        total = float(first.mask.sum() + second.mask.sum())
        dice = 2 * float(np.minimum(first.mask, second.mask).sum()) / total if total else 1.0
        if dice < CONTRADICTS_BELOW:
            yield Contradiction(first.name, second.name, float(flat[one] @ flat[other]), dice)
