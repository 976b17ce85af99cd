"""Where a voxel lies in the patient: array index, DICOM's LPS, NIfTI's RAS, millimetres. Told once, here.

**Array order.** A volume is `voxels[i, j, k]`, in the order of the file's axes, as nibabel has it: nothing is turned when a scan is read.
What a step along `i` means in the patient is said by the affine alone. (Torch and MONAI see the same order with a channel before it;
SimpleITK's arrays are the other way round, `[k, j, i]`.)

**World.** Millimetres in the patient. NIfTI counts RAS: x grows to the patient's **R**ight, y to **A**nterior (the front), z to
**S**uperior (the head). DICOM counts LPS: x to the **L**eft, y to **P**osterior (the back), z to **S**uperior. The two differ by the signs
of x and y. radlearn's affines go to RAS, in files and in memory; LPS appears only where DICOM is read.

**Affine.** 4 × 4; `world = affine @ (i, j, k, 1)` is the *centre* of voxel (i, j, k). So the first voxel reaches from index -0.5 to 0.5.
Column 0 is one step along `i` in mm; its length is the spacing along `i`.

**Orientation code.** Three letters, where the axes i, j, k *go*: "LPS" is i to the left, j to the back, k to the head. That is what most
CTs are. (nibabel.aff2axcodes says the same. ITK's "RAI" names where axes come *from*.)
"""

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radlearn.errors import BadSetting

LETTERS = ("RL", "AP", "SI")
"World axis x goes to R, against it is L; y to A or P; z to S or I."

LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"Turns RAS coordinates into LPS; it is its own inverse."


@dataclass(frozen=True)
class Volume:
    """A scan or a mask with its place in the patient.

    `voxels` is (i, j, k) in the order of the file; `affine` float64 4 × 4 from index to RAS mm; `path` is where it came from; `notes` says
    in words what had to be mended to read it, and is empty for nearly every file.
    """

    voxels: np.ndarray
    affine: np.ndarray
    path: Path | None = None
    notes: tuple[str, ...] = ()


def spacing_mm(affine: np.ndarray) -> tuple[float, float, float]:
    """Return the distance between neighbouring voxels along i, j and k in mm.

    >>> spacing_mm(np.diag([-0.7, 0.7, 5.0, 1.0]))
    (0.7, 0.7, 5.0)
    """
    along_i, along_j, along_k = np.linalg.norm(np.asarray(affine, float)[:3, :3], axis=0).tolist()
    return along_i, along_j, along_k


def voxel_volume_ml(affine: np.ndarray) -> float:
    """Return the volume of one voxel in ml.

    >>> round(voxel_volume_ml(np.diag([-1.0, 2.0, 5.0, 1.0])), 6)
    0.01
    """
    return float(abs(np.linalg.det(np.asarray(affine, float)[:3, :3]))) / 1000


def orientation(affine: np.ndarray) -> str:
    """Return where the axes i, j and k go in the patient, each rounded to the nearest of R, L, A, P, S, I.

    An oblique volume has the code of the nearest straight one; each world axis is named once.

    >>> orientation(np.diag([-1.0, -1.0, 1.0, 1.0]))
    'LPS'
    """
    directions = np.asarray(affine, float)[:3, :3] / np.maximum(spacing_mm(affine), 1e-12)
    # The assignment of world axes to array axes that fits best as a whole: at 45° two columns may share their largest component.
    best = max(itertools.permutations(range(3)), key=lambda world: sum(abs(directions[world[axis], axis]) for axis in range(3)))
    return "".join(LETTERS[world][int(directions[world, axis] < 0)] for axis, world in enumerate(best))


def _axes_of(code: str) -> tuple[tuple[int, int], ...]:
    """Return for each array axis (world axis, sign)."""
    axes = tuple((world, 1 if letter == pair[0] else -1) for letter in code for world, pair in enumerate(LETTERS) if letter in pair)
    if len(code) != 3 or sorted(world for world, _ in axes) != [0, 1, 2]:
        raise BadSetting(f"the orientation code is {code!r}; expected three letters, one each of R or L, A or P, S or I, such as 'LPS'.")
    return axes
