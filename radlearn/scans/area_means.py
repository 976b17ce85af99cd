"""Means over stretches of an axis that may begin and end inside a pixel."""

import numpy as np


def area_means(values: np.ndarray, edges: np.ndarray, axis: int) -> np.ndarray:
    """Return the mean between each edge and the next along an axis, float32: what lies half inside counts half.

    Args:
        edges: rising, in pixels from the beginning of the axis.

    >>> area_means(np.array([1.0, 3.0, 5.0, 7.0]), np.array([0.5, 1.5, 3.5]), 0).tolist()
    [2.0, 5.0]
    """
    length = values.shape[axis]
    sums = np.cumsum(values, axis=axis, dtype=np.float64)
    sums = np.concatenate([np.zeros_like(np.take(sums, [0], axis)), sums], axis)
    at = np.clip(edges, 0, length)
    whole = np.minimum(at.astype(int), length - 1)
    shape = [-1 if one == axis % values.ndim else 1 for one in range(values.ndim)]
    upto = np.take(sums, whole, axis) + np.take(values, whole, axis) * (at - whole).reshape(shape)
    return (np.diff(upto, axis=axis) / np.diff(at).reshape(shape)).astype(np.float32)
