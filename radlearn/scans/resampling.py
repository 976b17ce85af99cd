"""Resampling from one grid to another.

Between grids with parallel axes (nearly always: another spacing, a crop, a reorientation) each axis is resampled by one matrix product.
Downsampling averages over the width of a new voxel, so that noise does not alias; upsampling interpolates linearly. Grids rotated
against each other are resampled by SciPy.
"""

from typing import Literal

import numpy as np

from radlearn.errors import BadSetting
from radlearn.scans.geometry import Grid

Kind = Literal["linear", "nearest"]
STRAIGHT_WITHIN = 1e-4  # Axes count as parallel where the slope between them is below this: a twentieth of a voxel over 512


def are_parallel(grid: Grid, onto: Grid) -> bool:
    """Return whether each axis of one grid runs along an axis of the other, so that a volume is resampled axis by axis."""
    return _scaling(np.linalg.inv(grid.affine) @ onto.affine) is not None


def resampled(
    voxels: np.ndarray, grid: Grid, onto: Grid, kind: Kind = "linear", outside: float | None = 0.0, anti_aliasing: bool = True
) -> np.ndarray:
    """Resample a volume onto another grid: float32 for "linear", the source's type for "nearest".

    Args:
        voxels: (i, j, k) on `grid`.
        grid: of the voxels.
        onto: of the result.
        kind: "linear" for images and probabilities (values stay within their range), "nearest" for masks and labels.
        outside: the value of voxels whose centre lies outside the source; None gives them that of the nearest voxel inside.
        anti_aliasing: "linear" averages over the width of a new voxel that is wider than the old ones. Not where grids are rotated.

    Raises:
        BadSetting: `voxels` are not of the grid's shape, or an unknown kind.
    """
    if voxels.shape != grid.shape:
        raise BadSetting(f"the voxels have shape {voxels.shape}, their grid {grid.shape}; expected the same.")
    if kind not in ("linear", "nearest"):
        raise BadSetting(f"kind is {kind!r}; expected 'linear' or 'nearest'.")
    change = np.linalg.inv(grid.affine) @ onto.affine  # From an index on `onto` to one on `grid`.
    along = _scaling(change)
    if along is None:
        return _rotated(voxels, change, onto.shape, kind, outside)
    # Source axis a corresponds to target axis along[a]: this transpose brings them into the same order.
    sources = np.argsort(along)
    result = voxels.transpose(sources)
    inside = [np.empty(0, bool)] * 3
    # First what makes the volume smaller.
    for axis in sorted(range(3), key=lambda axis: onto.shape[axis] / grid.shape[sources[axis]]):
        source = sources[axis]
        at = change[source, axis] * np.arange(onto.shape[axis]) + change[source, 3]
        inside[axis] = (at >= -0.5) & (at <= grid.shape[source] - 0.5)
        if kind == "nearest":
            result = result.take(np.clip(np.rint(at), 0, grid.shape[source] - 1).astype(int), axis)
        else:
            step = abs(change[source, axis]) if anti_aliasing else 0.0
            result = _mixed(result, _weights(at, grid.shape[source], step), axis)
    if outside is None:
        return result
    covered = np.logical_and.outer(np.logical_and.outer(inside[0], inside[1]), inside[2])
    return result if covered.all() else np.where(covered, result, np.asarray(outside, result.dtype))


def _scaling(change: np.ndarray) -> np.ndarray | None:
    """Return the target axis that each source axis runs along, int (3,); None if grids are rotated against each other.

    Args:
        change: 4 × 4, from a target's index to a source's.
    """
    along = np.abs(change[:3, :3]).argmax(axis=1)
    straight = np.zeros((3, 3))
    straight[range(3), along] = change[range(3), along]
    is_rotated = len(set(along.tolist())) < 3 or np.abs(change[:3, :3] - straight).max() > STRAIGHT_WITHIN
    return None if is_rotated else along


def _weights(at: np.ndarray, count: int, step: float) -> np.ndarray:
    """Return float32 (len(at), count): the weight of each source voxel at each position.

    Linear interpolation, averaged over the width √(step² - 1) that widens a voxel from 1 to `step`, since the variances of two boxes
    add. Unlike a wider triangle, this leaves a linear ramp exactly in place. Beyond the outermost centres the outermost voxel is
    repeated.
    """
    distance = np.clip(at, 0, count - 1)[:, None] - np.arange(count)
    half = np.sqrt(max(0.0, step * step - 1)) / 2
    weights = np.maximum(0.0, 1 - np.abs(distance))
    if half > 1e-3:
        weights = _triangle_up_to(distance + half) - _triangle_up_to(distance - half)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _triangle_up_to(x: np.ndarray) -> np.ndarray:
    """Return the area up to x under the triangle with its base from -1 to 1 and its peak of 1 at 0."""
    x = np.clip(x, -1, 1)
    return np.asarray(0.5 + x - x * np.abs(x) / 2)


def _mixed(voxels: np.ndarray, weights: np.ndarray, axis: int) -> np.ndarray:
    """Return the voxels with `axis` replaced by weighted sums along it, float32."""
    if weights.shape[0] == weights.shape[1] and np.array_equal(weights, np.eye(len(weights), dtype=np.float32)):
        return voxels.astype(np.float32, copy=False)
    return np.moveaxis(np.tensordot(weights, voxels.astype(np.float32, copy=False), axes=(1, axis)), 0, axis)


def _rotated(voxels: np.ndarray, change: np.ndarray, shape: tuple[int, int, int], kind: Kind, outside: float | None) -> np.ndarray:
    from scipy import ndimage

    result = np.empty(shape, voxels.dtype if kind == "nearest" else np.float32)
    source = voxels if kind == "nearest" else voxels.astype(np.float32, copy=False)
    j, k = np.meshgrid(np.arange(shape[1]), np.arange(shape[2]), indexing="ij")
    # Plane by plane, because the coordinates of a whole volume need six times its memory.
    for i in range(shape[0]):
        at = np.tensordot(change[:3, :3], np.stack([np.full_like(j, i), j, k]), axes=1) + change[:3, 3, None, None]
        ends = np.array(voxels.shape)[:, None, None] - 0.5
        # With mode "constant", SciPy would count positions slightly beyond the last centre as outside.
        plane = ndimage.map_coordinates(source, at, order=0 if kind == "nearest" else 1, mode="nearest")
        result[i] = plane if outside is None else np.where(((at >= -0.5) & (at <= ends)).all(axis=0), plane, outside)
    return result
