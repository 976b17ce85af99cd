"""Where a voxel lies in the patient: array index, DICOM's LPS, NIfTI's RAS, millimetres. The conventions are explained here only.

**Array order.** A volume is `voxels[i, j, k]`, in the order of the file's axes, as in nibabel: reading a scan reorients nothing. Only the
affine says what a step along `i` means in the patient. (Torch and MONAI use the same order with a channel axis in front; SimpleITK's
arrays are reversed, `[k, j, i]`.)

**World.** Millimetres in the patient. NIfTI uses RAS: x grows to the patient's **R**ight, y to **A**nterior (the front), z to
**S**uperior (the head). DICOM uses LPS: x to the **L**eft, y to **P**osterior (the back), z to **S**uperior. The two differ by the signs
of x and y. radlearn's affines go to RAS, in files and in memory; LPS appears only where DICOM is read.

**Affine.** 4 × 4; `world = affine @ (i, j, k, 1)` is the *centre* of voxel (i, j, k). So the first voxel extends from index -0.5 to 0.5.
Column 0 is one step along `i` in mm; its length is the spacing along `i`.

**Orientation code.** Three letters, where the axes i, j, k *go*: "LPS" is i to the left, j to the back, k to the head. Most CTs
are LPS. It is the code of `nibabel.aff2axcodes`, which finds it here. (ITK's "RAI" names where axes come *from*.)
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from radlearn.errors import BadSetting
from radlearn.scans.doubt import Doubt

SAME_WITHIN_VOXELS = 0.1
RIGHT_ANGLE_WITHIN = 1e-3
"Cosine: 0.06°, as headers are rounded. Volumes then differ by less than a millionth."

Box = tuple[slice, slice, slice]  # A block of voxels: `voxels[box]`; each slice has a start and a stop within the volume


@dataclass(frozen=True)
class Grid:
    """Shape (i, j, k) and affine, float64 4 × 4, index to RAS mm. `str(grid)` describes it in words."""

    shape: tuple[int, int, int]
    affine: np.ndarray

    def __str__(self) -> str:
        size = " × ".join(str(count) for count in self.shape)
        spacing = " × ".join(f"{length:.3g}" for length in spacing_mm(self.affine))
        x, y, z = self.affine[:3, 3]
        return f"{size} voxels of {spacing} mm, axes {orientation(self.affine)}, the first at RAS ({x:.1f}, {y:.1f}, {z:.1f}) mm"


@dataclass(frozen=True)
class Volume:
    """A scan or a mask with its place in the patient.

    `voxels` is (i, j, k) in the order of the file; `affine` float64 4 × 4 from index to RAS mm; `path` is its file or folder; `notes` says
    what was corrected or decided to read it, and `doubts` what its headers hold against it; both are empty for nearly every file.
    """

    voxels: np.ndarray
    affine: np.ndarray
    path: Path | None = None
    notes: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()

    @property
    def grid(self) -> Grid:
        """The grid of the voxels."""
        i, j, k = self.voxels.shape
        return Grid((i, j, k), self.affine)


def spacing_mm(affine: np.ndarray) -> tuple[float, float, float]:
    """Return the distance between neighbouring voxels along i, j and k in mm.

    >>> spacing_mm(np.diag([-0.7, 0.7, 5.0, 1.0]))
    (0.7, 0.7, 5.0)
    """
    along_i, along_j, along_k = np.linalg.norm(np.asarray(affine, float)[:3, :3], axis=0).tolist()
    return along_i, along_j, along_k


def steps_mm(affine: np.ndarray) -> np.ndarray:
    """Return what one step along i, j and k is in mm: three lengths where the axes are at right angles, else the 3 × 3 matrix of an affine.

    The metrics take either. With a sheared affine, as of a tilted gantry, products of lengths are no volumes, nor is a distance their sum.

    >>> steps_mm(np.diag([-0.7, 0.7, 5.0, 1.0])).tolist()
    [0.7, 0.7, 5.0]
    >>> steps_mm(np.array([[1, 0, 0, 0], [0, 1, 1, 0], [0, 0, 2, 0], [0, 0, 0, 1]])).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 1.0], [0.0, 0.0, 2.0]]
    """
    matrix = np.asarray(affine, float)[:3, :3]
    lengths = np.array(spacing_mm(affine))
    directions = matrix / lengths
    at_right_angles = np.allclose(directions.T @ directions, np.eye(3), rtol=0, atol=RIGHT_ANGLE_WITHIN)
    return lengths if at_right_angles else matrix


def voxel_volume_ml(affine: np.ndarray) -> float:
    """Return the volume of one voxel in ml.

    >>> round(voxel_volume_ml(np.diag([-1.0, 2.0, 5.0, 1.0])), 6)
    0.01
    """
    return float(abs(np.linalg.det(np.asarray(affine, float)[:3, :3]))) / 1000


def world_mm(affine: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Return the RAS mm (..., 3) of indices (..., 3); whole numbers are voxel centres.

    A voxel of a grid whose axes go left, back and up from (100, 50, -200):

    >>> affine = np.array([[-0.7, 0, 0, 100], [0, -0.7, 0, 50], [0, 0, 5, -200], [0, 0, 0, 1]])
    >>> world_mm(affine, np.array([1, 0, 2])).tolist()
    [99.3, 50.0, -190.0]
    """
    return np.asarray(np.asarray(index, float) @ affine[:3, :3].T + affine[:3, 3])


def index_of(affine: np.ndarray, point_mm: np.ndarray) -> np.ndarray:
    """Return the fractional indices (..., 3) of points (..., 3) in RAS mm: the inverse of `world_mm`."""
    return world_mm(np.linalg.inv(affine), point_mm)


def lps_affine(affine: np.ndarray) -> np.ndarray:
    """Convert an affine to RAS mm into one to LPS mm, or the reverse: both change the same two signs."""
    return np.asarray(np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine)


def orientation(affine: np.ndarray) -> str:
    """Return the orientation code of the axes i, j and k.

    An oblique volume has the code of the closest straight one; each world axis occurs once.

    >>> orientation(np.diag([-1.0, -1.0, 1.0, 1.0]))
    'LPS'
    """
    return "".join(_nibabel().aff2axcodes(affine))


def to_orientation(voxels: np.ndarray, affine: np.ndarray, code: str) -> tuple[np.ndarray, np.ndarray]:
    """Reorient a volume to the orientation `code`: axes are swapped and reversed, nothing is resampled.

    Return a view of the voxels, and the affine that keeps every voxel in its place in the patient.

    Args:
        voxels: (..., i, j, k).
        affine: 4 × 4, index to RAS mm; it may be oblique.
        code: such as "LPS".

    Raises:
        BadSetting: `code` is not an orientation code.
    """
    turn = _nibabel().ornt_transform(_nibabel().io_orientation(affine), _axes_of(code))
    return _turned(voxels, turn), affine @ _nibabel().inv_ornt_aff(turn, voxels.shape[-3:])


def from_orientation(voxels: np.ndarray, code: str, source_affine: np.ndarray) -> np.ndarray:
    """Undo `to_orientation(source, source_affine, code)`: return a view of voxels (..., i, j, k) in the order of the source, exactly."""
    return _turned(voxels, _nibabel().ornt_transform(_axes_of(code), _nibabel().io_orientation(source_affine)))


def same_grid(a: Grid, b: Grid, tolerance_voxels: float = SAME_WITHIN_VOXELS) -> bool:
    """Whether two grids have the same shape and corners closer than `tolerance_voxels` times the smallest spacing.

    The default allows for the rounding of headers, but for nothing that moves a lesion.
    """
    if a.shape != b.shape:
        return False
    apart_mm = np.linalg.norm(_corners_mm(a) - _corners_mm(b), axis=1).max()
    return bool(apart_mm <= tolerance_voxels * min(spacing_mm(a.affine)))


def bounds_mm(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and the highest RAS mm (3,) of the outer faces of the voxels."""
    corners = _corners_mm(grid)
    return corners.min(axis=0), corners.max(axis=0)


def cropped(grid: Grid, box: Box) -> Grid:
    """Return the grid of `voxels[box]`."""
    affine = grid.affine.copy()
    affine[:3, 3] = world_mm(grid.affine, np.array([part.start for part in box]))
    i, j, k = (part.stop - part.start for part in box)
    return Grid((i, j, k), affine)


def with_spacing(grid: Grid, wanted_mm: tuple[float, float, float], counted: Callable[[float], int] = round) -> Grid:
    """Return the grid of another spacing over the same block of space: same directions, same centre, at least one voxel.

    Counts are rounded by `counted`, so the new block may be up to half a new voxel larger or smaller on each side.

    Raises:
        BadSetting: a spacing that is not above 0.
    """
    if not min(wanted_mm) > 0:
        raise BadSetting(f"the wanted spacing is {wanted_mm} mm; expected three lengths above 0.")
    factors = np.array(wanted_mm) / spacing_mm(grid.affine)
    i, j, k = (max(1, counted(count / factor)) for count, factor in zip(grid.shape, factors, strict=True))
    affine = grid.affine.copy()
    affine[:3, :3] *= factors
    centre = (np.array(grid.shape) - 1) / 2
    affine[:3, 3] = world_mm(grid.affine, centre) - affine[:3, :3] @ ((np.array([i, j, k]) - 1) / 2)
    return Grid((i, j, k), affine)


def box_around(mask: np.ndarray, margin_mm: float = 0.0, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Box | None:
    """Return the smallest box around every True voxel of (i, j, k), with a margin; None where there is none."""
    if not mask.any():
        return None
    parts = []
    for axis, (count, step_mm) in enumerate(zip(mask.shape, spacing, strict=True)):
        held = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        margin = int(np.ceil(margin_mm / step_mm))
        parts.append(slice(max(0, int(held[0]) - margin), min(count, int(held[-1]) + 1 + margin)))
    return parts[0], parts[1], parts[2]


def _corners_mm(grid: Grid) -> np.ndarray:
    """Return the eight outermost points (8, 3) of the voxels in RAS mm, always in the same order."""
    return world_mm(grid.affine, np.array(list(itertools.product(*((-0.5, count - 0.5) for count in grid.shape)))))


def _turned(voxels: np.ndarray, turn: np.ndarray) -> np.ndarray:
    # nibabel turns the first three axes.
    return np.moveaxis(_nibabel().apply_orientation(np.moveaxis(voxels, (-3, -2, -1), (0, 1, 2)), turn), (0, 1, 2), (-3, -2, -1))


def _axes_of(code: str) -> np.ndarray:
    """Return an orientation code as nibabel's array (3, 2): the world axis of each array axis, and its sign."""
    if len(code) != 3 or any(len(set(pair) & set(code)) != 1 for pair in ("RL", "AP", "SI")):
        raise BadSetting(f"the orientation code is {code!r}; expected three letters, one each of R or L, A or P, S or I, such as 'LPS'.")
    return _nibabel().axcodes2ornt(code)


def _nibabel() -> Any:
    """Return nibabel's module of orientations. Importing it takes a second, which listing the challenges need not wait for."""
    from nibabel import orientations

    return orientations
