"""Resizes a picture without aliasing: area averages downward, linear interpolation upward.

Both are one small sparse matrix per axis, so non-integer factors are exact: a pixel that lies half in a target cell counts half.
(Pillow's BOX filter takes whole pixels only, and changes an image's mean.)
"""

from functools import lru_cache
from typing import Any, Literal

import numpy as np

from radlearn.errors import BadSetting

Shape = Literal["stretch", "pad"]


def fitted_px(height: int, width: int, size_px: int, shape: Shape) -> tuple[int, int]:
    """Return the (height, width) of an image inside a square of `size_px`: the whole square, or as much as its aspect ratio allows.

    >>> fitted_px(2000, 1000, 256, "stretch"), fitted_px(2000, 1000, 256, "pad")
    ((256, 256), (256, 128))
    """
    if shape == "stretch":
        return size_px, size_px
    if shape != "pad":
        raise BadSetting(f"shape is {shape!r}; expected 'stretch' or 'pad'.")
    longer = max(height, width)
    return max(1, round(height * size_px / longer)), max(1, round(width * size_px / longer))


def resized(image: np.ndarray, height: int, width: int, covered_px: tuple[float, float] | None = None) -> np.ndarray:
    """Return float32 (height, width): each axis averaged over areas where it shrinks, interpolated linearly where it grows.

    Values stay within the range of the image. `covered_px` (rows, columns) is the part of the image to use, from its top left corner, when
    its last row or column counts only in part.
    """
    rows, columns = covered_px or image.shape
    if rows != height:
        image = _weights(image.shape[0], rows, height) @ image
    if columns != width:
        image = (_weights(image.shape[1], columns, width) @ image.T).T
    return np.ascontiguousarray(image, dtype=np.float32)


def centred_in_square(image: np.ndarray, size_px: int) -> np.ndarray:
    """Return the image centred in a black (0) float32 square of `size_px`; an odd remainder goes to the right and the bottom."""
    height, width = image.shape
    square = np.zeros((size_px, size_px), np.float32)
    top, left = (size_px - height) // 2, (size_px - width) // 2
    square[top : top + height, left : left + width] = image
    return square


@lru_cache(maxsize=256)
def _weights(source: int, covered: float, target: int) -> Any:
    """Return a sparse float32 (target, source) matrix whose rows sum to 1, for the first `covered` pixels of `source`."""
    from scipy.sparse import csr_matrix

    if target < covered:
        edges = np.linspace(0, covered, target + 1)
        first = np.floor(edges[:-1]).astype(int)
        reach = int(np.ceil(covered / target)) + 1
        columns = first[:, None] + np.arange(reach)
        # The part of each source pixel [c, c + 1] that lies inside the target cell.
        parts = np.minimum(edges[1:, None], columns + 1) - np.maximum(edges[:-1, None], columns)
    else:
        centres = np.clip((np.arange(target) + 0.5) * covered / target - 0.5, 0, source - 1)
        columns = np.floor(centres).astype(int)[:, None] + np.arange(2)
        parts = 1 - np.abs(centres[:, None] - columns)
    parts = np.clip(parts, 0, None) * (columns < source)
    parts /= parts.sum(axis=1, keepdims=True)
    rows = np.broadcast_to(np.arange(target)[:, None], columns.shape)
    used = parts > 0
    return csr_matrix((parts[used].astype(np.float32), (rows[used], columns[used])), shape=(target, source))
