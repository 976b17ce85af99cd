"""The two affines of a NIfTI, and what happens where they differ.

The *sform* is an affine, three rows of four numbers. The *qform* is a rotation, as a quaternion, with spacing (`pixdim`) and an offset.
Either may be missing (its code is 0); `pixdim` is always present. Readers differ in which they use: nibabel takes the sform, ITK the
lengths of `pixdim`. So a file with two different affines is refused: another program might show the patient mirrored.
Source: https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h, methods 2 and 3.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from radlearn.errors import UnreadableScan
from radlearn.scans.geometry import orientation, spacing_mm

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Header

CONVERT = "Convert it, for example with SimpleITK or dcm2niix, or remove it."
AGREES_WITHIN = 0.01  # Relative tolerance between two spacings in one header, which are rounded
TURNED_WITHIN_DEGREES = 5.0
"Between sform and qform, also where their codes name different spaces: which of them is used would show in the result."


def has_place(header: "Nifti1Header") -> bool:
    """Whether a header gives an affine at all."""
    return bool(header["sform_code"] > 0 or header["qform_code"] > 0)


@np.errstate(all="ignore")  # What is not finite is refused by name.
def affine_of(path: Path, header: "Nifti1Header", shape: tuple[int, int, int]) -> np.ndarray:
    """Return the affine to RAS mm of a header: the sform if its code is above 0, else the qform.

    Raises:
        UnreadableScan: no affine, a singular one, lengths in other units than mm, or two affines that differ.
    """
    unit = int(header["xyzt_units"]) & 7
    if unit in (1, 3):
        raise UnreadableScan(f"{path}: its lengths are in {'metres' if unit == 1 else 'micrometres'}; expected millimetres. {CONVERT}")
    affines = {"sform": header.get_sform()} if header["sform_code"] > 0 else {}
    if header["qform_code"] > 0:
        affines["qform"] = _qform(header)
    for name, affine in affines.items():
        if not np.isfinite(affine).all() or not abs(np.linalg.det(affine[:3, :3])) > 1e-9:
            raise UnreadableScan(f"{path}: its {name} is {affine[:3].tolist()}, which is singular. {CONVERT}")
    if not affines:
        found = f"{path}: has no affine (sform_code and qform_code are 0), so left and right cannot be distinguished"
        raise UnreadableScan(f"{found}. Convert it again from its DICOM source.")
    if contradiction := _contradiction(header, shape, affines):
        again = "Programs differ in what they make of it. Convert it again from its source, with one affine."
        raise UnreadableScan(f"{path}: {contradiction}. {again}")
    return next(iter(affines.values()))


def _contradiction(header: "Nifti1Header", shape: tuple[int, int, int], affines: dict[str, np.ndarray]) -> str:
    """Describe where two parts of a header contradict each other, or have no one meaning; empty where none do."""
    pixdim = header["pixdim"][1:4].astype(float)
    if int(header["dim"][0]) == 2 and "sform" in affines:
        # Of two axes the third length means nothing, and nibabel leaves it as it was.
        pixdim[2] = spacing_mm(affines["sform"])[2]
    # nibabel drops these signs, ITK mirrors the patient by them.
    if pixdim.min() < 0:
        return f"its spacing is {' × '.join(f'{length:.4g}' for length in pixdim)} mm by pixdim, and a length has no sign"
    if "sform" not in affines and header["pixdim"][0] < 0 and header["pixdim"][0] != -1:
        return f"pixdim[0], which says whether the slices are mirrored, is {header['pixdim'][0]:.4g}; expected 1 or -1"
    for name, affine in affines.items():
        if not np.allclose(spacing_mm(affine), pixdim, rtol=AGREES_WITHIN):
            said, other = (" × ".join(f"{length:.4g}" for length in lengths) for lengths in (spacing_mm(affine), pixdim))
            return f"the spacing is {said} mm by the {name}, but {other} mm by pixdim"
    if len(affines) < 2:
        return ""
    sform, qform = affines["sform"], affines["qform"]
    directions = [affine[:3, :3] / spacing_mm(affine) for affine in (sform, qform)]
    cosines = (directions[0] * directions[1]).sum(axis=0)
    if cosines.min() < 0.5:
        return f"its axes are {orientation(sform)} by the sform, but {orientation(qform)} by the qform"
    degrees = math.degrees(math.acos(min(1.0, cosines.min())))
    if degrees > TURNED_WITHIN_DEGREES:
        return f"its sform and qform are turned against each other by {degrees:.0f}°"
    # With different codes they refer to different spaces, such as the scanner's and one aligned to another scan.
    corners = np.array([(i, j, k, 1.0) for i in (0, shape[0]) for j in (0, shape[1]) for k in (0, shape[2])])
    apart_mm = float(np.linalg.norm(corners @ (sform - qform).T, axis=1).max())
    if header["sform_code"] == header["qform_code"] and apart_mm > np.linalg.norm(pixdim):
        return f"its sform and qform are {apart_mm:.1f} mm apart in the same space"
    return ""


def _qform(header: "Nifti1Header") -> np.ndarray:
    """Return the affine of quaternion, spacing and offset.

    nibabel's `get_qform` raises where rounding makes a half turn's quaternion longer than 1, and where `pixdim[0]` is 0; nifti1.h does not.
    """
    from nibabel.affines import from_matvec
    from nibabel.quaternions import quat2mat

    b, c, d = (float(header[f"quatern_{letter}"]) for letter in "bcd")
    rotation = quat2mat((math.sqrt(max(0.0, 1 - b * b - c * c - d * d)), b, c, d))
    handedness = -1 if header["pixdim"][0] < 0 else 1  # As ITK; what nibabel reads otherwise is refused.
    return from_matvec(rotation * header["pixdim"][1:4] * (1, 1, handedness), [header[f"qoffset_{axis}"] for axis in "xyz"])
