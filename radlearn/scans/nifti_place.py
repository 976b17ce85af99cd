"""The two affines of a NIfTI, and what happens where they differ.

The *sform* is an affine, three rows of four numbers. The *qform* is a rotation, as a quaternion, with spacing (`pixdim`) and an offset.
Either may be missing (its code is 0); `pixdim` is always present. Readers differ in which they use: nibabel takes the sform, ITK the
lengths of `pixdim`. So a file with two different affines is refused: another program might show the patient mirrored.
Source: https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h, methods 2 and 3.
"""

from pathlib import Path

import numpy as np

from radlearn.errors import UnreadableScan
from radlearn.scans.geometry import orientation, spacing_mm

CONVERT = "Convert it, for example with SimpleITK or dcm2niix, or remove it."
AGREES_WITHIN = 0.01  # Relative tolerance between two spacings in one header, which are rounded


def affine_of(path: Path, header: np.void, shape: tuple[int, int, int]) -> np.ndarray:
    """Return the affine to RAS mm of a `nifti_header.HEADER`: the sform if its code is above 0, else the qform.

    Raises:
        UnreadableScan: no affine, a singular one, lengths in other units than mm, or two affines that differ.
    """
    unit = int(header["xyzt_units"]) & 7
    if unit in (1, 3):
        raise UnreadableScan(f"{path}: its lengths are in {'metres' if unit == 1 else 'micrometres'}; expected millimetres. {CONVERT}")
    places = {}
    if header["sform_code"] > 0:
        places["sform"] = np.vstack([header["srow"].astype(float), (0, 0, 0, 1)])
    if header["qform_code"] > 0:
        places["qform"] = _qform(header)
    for name, affine in places.items():
        if not np.isfinite(affine).all() or not abs(np.linalg.det(affine[:3, :3])) > 1e-9:
            raise UnreadableScan(f"{path}: its {name} is {affine[:3].tolist()}, which is singular. {CONVERT}")
    if not places:
        found = f"{path}: has no affine (sform_code and qform_code are 0), so left and right cannot be distinguished"
        raise UnreadableScan(f"{found}. Convert it again from its DICOM source.")
    _refuse_different_affines(path, header, shape, places)
    return places.get("sform", places.get("qform"))  # type: ignore[return-value]


def _refuse_different_affines(path: Path, header: np.void, shape: tuple[int, int, int], places: dict[str, np.ndarray]) -> None:
    """Raise an `UnreadableScan` where two parts of a header contradict each other."""
    again = "Programs differ in which one they use. Convert it again from its source, with one affine."
    pixdim = np.abs(header["pixdim"][1:4].astype(float))
    for name, affine in places.items():
        if not np.allclose(spacing_mm(affine), pixdim, rtol=AGREES_WITHIN):
            said = " × ".join(f"{length:.4g}" for length in spacing_mm(affine))
            other = " × ".join(f"{length:.4g}" for length in pixdim)
            raise UnreadableScan(f"{path}: the spacing is {said} mm by the {name}, but {other} mm by pixdim. {again}")
    if len(places) < 2:
        return
    sform, qform = places["sform"], places["qform"]
    # Cosines between the two directions of each axis; from 60° on they count as different axes.
    cosines = (sform[:3, :3] * qform[:3, :3]).sum(axis=0) / np.square(pixdim)
    if cosines.min() < 0.5:
        raise UnreadableScan(f"{path}: its axes are {orientation(sform)} by the sform, but {orientation(qform)} by the qform. {again}")
    # With different codes they refer to different spaces, such as the scanner's and one aligned to another scan.
    corners = np.array([(i, j, k, 1.0) for i in (0, shape[0]) for j in (0, shape[1]) for k in (0, shape[2])])
    apart_mm = float(np.linalg.norm(corners @ (sform - qform).T, axis=1).max())
    if header["sform_code"] == header["qform_code"] and apart_mm > np.linalg.norm(pixdim):
        raise UnreadableScan(f"{path}: its sform and qform are {apart_mm:.1f} mm apart in the same space. {again}")


def _qform(header: np.void) -> np.ndarray:
    """Return the affine of quaternion, spacing and offset (nifti1.h, method 2)."""
    b, c, d = header["quatern"].astype(float)
    # a is not stored; for a half turn, rounding may make the squares of the others exceed 1.
    a = np.sqrt(max(0.0, 1.0 - b * b - c * c - d * d))
    a, b, c, d = np.array([a, b, c, d]) / np.linalg.norm([a, b, c, d])
    rotation = [
        [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
        [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
        [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
    ]
    handedness = -1.0 if header["pixdim"][0] < 0 else 1.0
    affine = np.eye(4)
    affine[:3, :3] = np.array(rotation) * header["pixdim"][1:4] * (1, 1, handedness)
    affine[:3, 3] = header["qoffset"]
    return affine


def write_qform(header: np.ndarray, affine: np.ndarray) -> None:
    """Fill in the qform, for readers that use only that, where `affine` is a rotation with spacing; else leave its code at 0."""
    directions = affine[:3, :3] / spacing_mm(affine)
    if not np.allclose(directions.T @ directions, np.eye(3), atol=1e-5):
        return
    # A quaternion cannot express a reflection: pixdim[0] = -1 means that k is reversed.
    handedness = 1.0 if np.linalg.det(directions) > 0 else -1.0
    header["pixdim"][0] = handedness
    header["qform_code"] = 1
    header["quatern"] = _quaternion(directions * (1, 1, handedness))
    header["qoffset"] = affine[:3, 3]


def _quaternion(rotation: np.ndarray) -> np.ndarray:
    """Return (b, c, d) of the unit quaternion a + bi + cj + dk with a ≥ 0 of a rotation matrix.

    It is the eigenvector of the largest eigenvalue of a symmetric matrix, which also holds for half turns, where other formulas divide by
    zero. Source: Bar-Itzhack 2000, J. Guidance 23(6):1085, doi:10.2514/2.4654.
    """
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation
    symmetric = [
        [xx + yy + zz, zy - yz, xz - zx, yx - xy],
        [zy - yz, xx - yy - zz, xy + yx, xz + zx],
        [xz - zx, xy + yx, yy - xx - zz, yz + zy],
        [yx - xy, xz + zx, yz + zy, zz - xx - yy],
    ]
    quaternion = np.linalg.eigh(np.array(symmetric))[1][:, -1]
    return np.where(quaternion[0] < 0, -1, 1) * quaternion[1:]
