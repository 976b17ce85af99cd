"""Distances between the surfaces of two masks, in millimetres.

The surface is that of marching cubes. Between every 2×2×2 neighbouring voxel centres lies one surface element if some of the eight, but
not all, are inside the mask; its area depends on which are. Distances are measured between the centres of elements of the two surfaces,
and elements are weighted by area, so that the scores do not depend on slice thickness and pixel size. Counting border *voxels* instead, as
is also common, overweights the flat top of a thick slice and gives other numbers. Outside the array there is no mask: a lesion at its edge
is closed there.

Source: Nikolov et al. 2021, Journal of Medical Internet Research 23(7):e26151, doi:10.2196/26151, and its code, surface-distance.
"""

from dataclasses import dataclass
from functools import cache
from itertools import permutations, product

import numpy as np
from numpy.typing import ArrayLike

from radlearn.errors import BadSetting
from radlearn.metrics.masks import Spacing, bounding_box, checked_masks, checked_spacing, points_mm

# The triangles of marching cubes for the configurations of up to four of eight voxels inside, up to rotation and reflection: the voxels
# inside (voxel (i, j, k) is bit 4i + 2j + k) -> for each triangle, its area projected along each axis, in eighths of a voxel face, positive
# where the triangle faces the end of the axis. The signs matter only where the axes are not at right angles.
_TRIANGLES = {
    1: ((1, 1, 1),),
    3: ((2, 2, 0), (2, 2, 0)),
    6: ((1, 1, -1), (1, -1, 1)),
    7: ((4, 0, 0), (2, 2, 2), (1, 1, 1)),
    15: ((4, 0, 0), (4, 0, 0)),
    22: ((1, 1, -1), (1, -1, 1), (-1, 1, 1)),
    23: ((1, 1, 1), (2, 2, 2), (2, 2, 2), (1, 1, 1)),
    24: ((1, -1, -1), (-1, 1, 1)),
    25: ((0, 2, 2), (0, 2, 2), (1, -1, -1)),
    27: ((1, 1, -1), (3, 3, -3), (0, 2, 2), (2, 0, 2)),
    30: ((4, 0, 0), (-1, 1, 1), (2, -2, -2), (1, -1, -1)),
    60: ((2, -2, 0), (2, -2, 0), (-2, 2, 0), (-2, 2, 0)),
    105: ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)),
}
# Three voxels of 0.1 mm are slightly more than 0.3 mm in floating point, and must still be within 0.3 mm.
_ROUNDING = 1 + 1e-9


@dataclass(frozen=True)
class SurfaceDistances:
    """The elements of two surfaces: distance to the other surface in mm, ascending, and area in mm², each float64 (elements,).

    An empty mask has no elements; the distances to it are infinite.
    """

    predicted_mm: np.ndarray
    predicted_mm2: np.ndarray
    truth_mm: np.ndarray
    truth_mm2: np.ndarray

    def dice_score(self, tolerance_mm: float) -> float:
        """Return the share of both surfaces' area that lies within `tolerance_mm` of the other: see `surface_dice_score`."""
        if not tolerance_mm >= 0:
            raise BadSetting(f"tolerance_mm is {tolerance_mm}; expected 0 or more millimetres.")
        area = self.predicted_mm2.sum() + self.truth_mm2.sum()
        if area == 0:
            return float("nan")
        reach = tolerance_mm * _ROUNDING
        return float((self.predicted_mm2[self.predicted_mm <= reach].sum() + self.truth_mm2[self.truth_mm <= reach].sum()) / area)

    def hausdorff_mm(self, percent: float = 95.0) -> float:
        """Return the distance to the other surface within which `percent` of each surface's area lies: see `hausdorff95_mm`."""
        if not 0 < percent <= 100:
            raise BadSetting(f"percent is {percent}; expected more than 0 and at most 100.")
        ways = ((self.predicted_mm, self.predicted_mm2), (self.truth_mm, self.truth_mm2))
        return max((_area_percentile(mm, mm2, percent) for mm, mm2 in ways if len(mm)), default=float("nan"))


def surface_dice_score(predicted: ArrayLike, truth: ArrayLike, spacing_mm: Spacing, tolerance_mm: float = 1.0) -> float:
    """Return the normalised surface Dice of one scan: the share of both surfaces' area that lies within `tolerance_mm` of the other.

    In [0, 1]; 0 where one of the two is empty, NaN where both are.

    Args:
        predicted, truth: bool (or 0 and 1) of the same three-dimensional shape.
        spacing_mm: between voxel centres along the three axes of the masks; a 3 × 3 matrix of steps where these are sheared.
        tolerance_mm: distance up to which two contours count as the same, such as the variation between readers. Along an axis with a
            larger spacing, only exact agreement counts.

    >>> box = np.zeros((8, 8, 8), bool)
    >>> box[2:6, 2:6, 2:6] = True
    >>> surface_dice_score(box, np.roll(box, 1, axis=0), (3.0, 1.0, 1.0), tolerance_mm=3.0)
    1.0
    """
    return surface_distances(predicted, truth, spacing_mm).dice_score(tolerance_mm)


def hausdorff95_mm(predicted: ArrayLike, truth: ArrayLike, spacing_mm: Spacing) -> float:
    """Return the 95th-percentile Hausdorff distance of one scan in mm: 95 % of each surface's area lies within it of the other surface.

    Infinity where one of the two is empty, NaN where both are: exclude both from means, and report how many. Arguments as in
    `surface_dice_score`.

    Source: Huttenlocher et al. 1993, IEEE TPAMI 15(9):850, doi:10.1109/34.232073; the percentile by area, Nikolov et al. 2021.
    """
    return surface_distances(predicted, truth, spacing_mm).hausdorff_mm(95.0)


def surface_distances(predicted: ArrayLike, truth: ArrayLike, spacing_mm: Spacing) -> SurfaceDistances:
    """Return the distances from which both surface scores are computed; arguments as in `surface_dice_score`.

    Raises:
        BadSetting: the masks do not have the same three-dimensional shape, or the spacing does not fit them.
    """
    p, t = checked_masks(predicted, truth)
    if p.ndim != 3:
        raise BadSetting(f"masks of shape {p.shape}; expected three axes. Use mask[None] for a single slice.")
    spacing = checked_spacing(spacing_mm, 3)
    box = bounding_box(p, t)
    if box is None:
        none = np.zeros(0)
        return SurfaceDistances(none, none, none, none)
    areas = _areas_mm2(tuple(spacing.ravel().tolist()))
    here, here_mm2 = _elements(p[box], areas)
    there, there_mm2 = _elements(t[box], areas)
    here_mm, there_mm = _distances(here, there, spacing), _distances(there, here, spacing)
    near, far = np.argsort(here_mm, kind="stable"), np.argsort(there_mm, kind="stable")
    return SurfaceDistances(here_mm[near], here_mm2[near], there_mm[far], there_mm2[far])


def _elements(mask: np.ndarray, areas_mm2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where the surface of a mask has elements, bool (one more voxel along each axis), and their areas, (elements,)."""
    # One bit for each of the eight neighbours, gathered axis by axis: three passes instead of eight.
    bits: np.ndarray = np.pad(mask, 1).view(np.uint8)
    bits = bits[:, :, :-1] | bits[:, :, 1:] << 1
    bits = bits[:, :-1] | bits[:, 1:] << 2
    bits = bits[:-1] | bits[1:] << 4
    places = (bits != 0) & (bits != 255)
    return places, areas_mm2[bits[places]]


def _distances(here: np.ndarray, there: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Return the distance of every element of one surface to the nearest one of the other, in mm, float64 (elements,)."""
    apart = ~there[here]
    distances = np.where(apart, np.inf, 0.0)
    if there.any() and apart.any():
        from scipy.spatial import cKDTree

        points = points_mm(np.argwhere(here & ~there), spacing)
        # A k-d tree: a distance transform of the whole box takes ten times as long. For points on a grid, an unbalanced tree with
        # larger leaves is built twice as fast and queried up to six times as fast as a balanced one.
        tree = cKDTree(points_mm(np.argwhere(there), spacing), balanced_tree=False, compact_nodes=False, leafsize=32)
        distances[apart] = tree.query(points)[0]
    return distances


def _area_percentile(distances_mm: np.ndarray, areas_mm2: np.ndarray, percent: float) -> float:
    """Return the smallest distance within which at least `percent` of the area lies; the distances are ascending."""
    reached = np.cumsum(areas_mm2)
    place = np.searchsorted(reached, percent / 100 * reached[-1] / _ROUNDING)
    return float(distances_mm[min(place, len(distances_mm) - 1)])


@cache
def _areas_mm2(spacing_mm: tuple[float, ...]) -> np.ndarray:
    """Return the area in mm² of the surface element of each of the 256 configurations of eight voxels, float64 (256,).

    Args:
        spacing_mm: three lengths, or the nine numbers of a matrix of steps, row by row.
    """
    areas = np.zeros(256)
    for code, vectors in _area_vectors().items():
        if len(spacing_mm) == 3:
            dx, dy, dz = spacing_mm
            in_mm2 = vectors * np.array([dy * dz, dx * dz, dx * dy])
        else:
            # Areas are vectors, which a linear map takes to another through its cofactors.
            steps = np.reshape(spacing_mm, (3, 3))
            in_mm2 = vectors @ (np.linalg.det(steps) * np.linalg.inv(steps))
        # Exchanging inside and outside leaves the surface unchanged.
        areas[code] = areas[255 - code] = sum(float(np.linalg.norm(vector)) for vector in in_mm2)
    return areas


@cache
def _area_vectors() -> dict[int, np.ndarray]:
    """Return, for each configuration of up to four voxels inside, the area vectors of its triangles in voxel faces, (triangles, 3)."""
    found = {}
    for code, triangles in _TRIANGLES.items():
        inside = (code >> np.arange(8) & 1).astype(bool).reshape(2, 2, 2)
        for order, mirrored in product(permutations(range(3)), product((1, -1), repeat=3)):
            turned = inside.transpose(order)[:: mirrored[0], :: mirrored[1], :: mirrored[2]]
            turned_code = int(turned.ravel() @ (1 << np.arange(8)))
            found[turned_code] = np.array(triangles)[:, list(order)] / 8 * mirrored
    return found
