"""From a voxel to a place in the patient: affine, RAS, LPS, and where axes go."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from radlearn import files
from radlearn.exercises.answers import Fields, Mistake, Name, Numbers
from radlearn.exercises.exercise import Exercise
from radlearn.exercises.segmentation.patient import patient

VOXEL = (30, 12, 20)
LPS = np.array([-1.0, -1.0, 1.0])


def _affine() -> np.ndarray:
    """Return the affine of the file: voxels turned by ten degrees about the long axis of the body."""
    cosine, sine = np.cos(np.deg2rad(10)), np.sin(np.deg2rad(10))
    affine = np.eye(4)
    affine[:3, :3] = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]]) @ np.diag([-5.0, -5.0, 8.0])
    affine[:3, 3] = [118.5, 96.25, -310.0]
    return affine


def _written() -> Path:
    """Write the CT into the cache folder and return its path."""
    from radlearn.scans.nifti import write_volume

    path = files.cache_folder() / "exercises" / "chest.nii.gz"
    write_volume(path, patient().hu, _affine())
    return path


def _ras() -> np.ndarray:
    return np.asarray((_affine() @ [*VOXEL, 1.0])[:3])


def _lengths() -> np.ndarray:
    return np.array(VOXEL) * np.linalg.norm(_affine()[:3, :3], axis=0)


def _of_voxel(voxel: np.ndarray) -> np.ndarray:
    return np.asarray(_affine()[:3, :3] @ voxel + _affine()[:3, 3])


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.allclose(one, other, rtol=0, atol=0.06))


q1 = Exercise(
    lesson="segmentation",
    number=1,
    title="Where in the patient is this voxel?",
    task=f"""
        Open the CT with nibabel. Where is the centre of voxel (i, j, k) = {VOXEL}, from 0, in millimetres? Give the place in NIfTI's axes
        (RAS: x to the patient's right, y to the front, z to the head) and in DICOM's (LPS: x to the left, y to the back, z to the head).
    """,
    about_given={"path": "the path of a NIfTI file"},
    answer="a dictionary {'ras_mm': three numbers, 'lps_mm': three numbers}, in millimetres, to one digit",
    why="a biopsy is planned in millimetres, and left and right are a sign.",
    given=lambda: {"path": _written()},
    expects=Fields(
        {"ras_mm": Numbers((3,), within=0.06), "lps_mm": Numbers((3,), within=0.06)},
        follows={"lps_mm": lambda given: LPS * given["ras_mm"]},
    ),
    right=lambda: {"ras_mm": _ras(), "lps_mm": LPS * _ras()},
    mistakes=(
        Mistake(lambda: {"ras_mm": LPS * _ras(), "lps_mm": _ras()}, "RAS and LPS are exchanged: nibabel's affine goes to RAS."),
        Mistake(
            lambda: {"lps_mm": _ras()},
            "LPS: the sign of x and y is the other way than in RAS. z is the same.",
            fits=lambda given: _alike(given["lps_mm"], given["ras_mm"]),
        ),
        Mistake(
            lambda: {"lps_mm": -_ras()},
            "LPS: only x and y change their sign. z grows to the head in both.",
            fits=lambda given: _alike(given["lps_mm"], -given["ras_mm"]),
        ),
        Mistake(
            lambda: {"lps_mm": _ras() * [-1, 1, 1]},
            "LPS: y changes its sign as well as x, since it grows to the back.",
            fits=lambda given: _alike(given["lps_mm"], given["ras_mm"] * [-1, 1, 1]),
        ),
        Mistake(
            lambda: {"ras_mm": LPS * _ras()}, "This is the place in LPS: x grows to the patient's left in it. nibabel's affine goes to RAS."
        ),
        Mistake(
            lambda: {"ras_mm": _ras() - _affine()[:3, 3]},
            "The origin is missing: the last column of the affine is where voxel (0, 0, 0) is.",
        ),
        Mistake(
            lambda: {"ras_mm": _affine()[:3, :3].T @ VOXEL + _affine()[:3, 3]},
            "The matrix is transposed: affine @ (i, j, k, 1), with the affine on the left.",
        ),
        Mistake(
            lambda: {"ras_mm": _lengths()},
            "These are spacings times indices. The axes have directions too, and the first voxel is not at (0, 0, 0).",
        ),
        Mistake(
            lambda: {"ras_mm": (_affine() @ [*VOXEL[::-1], 1.0])[:3]},
            "The indices are reversed: nibabel's arrays are (i, j, k). SimpleITK's arrays are (k, j, i).",
        ),
        Mistake(
            lambda: {"ras_mm": _lengths() + _affine()[:3, 3]},
            "These are spacings times indices, plus the origin. The axes have directions, too: multiply with the whole matrix.",
        ),
        Mistake(
            lambda: {"ras_mm": _lengths() * LPS + _affine()[:3, 3]},
            "Spacings and signs are right, but the axes are turned by some degrees besides: multiply with the whole matrix.",
        ),
        Mistake(
            lambda: {"ras_mm": np.diag(_affine())[:3] * VOXEL + _affine()[:3, 3]},
            "Only the diagonal of the matrix is used. The axes are turned, so that a step along i changes y, too.",
        ),
        Mistake(
            lambda: {"ras_mm": _of_voxel(np.array(VOXEL) - 1)},
            "This is the voxel before it on every axis: the indices are from 0, so nothing is taken off.",
        ),
        Mistake(
            lambda: {"ras_mm": _of_voxel(np.array(VOXEL) + 1)},
            "This is the next voxel on every axis: the indices are from 0, so nothing is added.",
        ),
        Mistake(
            lambda: {"ras_mm": _of_voxel(np.array(VOXEL) + 0.5)},
            "Half a voxel is added. The affine gives the centre of a voxel: whole indices are centres.",
        ),
        Mistake(
            lambda: {"ras_mm": _of_voxel(np.array(VOXEL) - 0.5)},
            "Half a voxel is taken off: this is a corner. The affine gives the centre of a voxel.",
        ),
        Mistake(lambda: {"ras_mm": _affine()[:3, 3]}, "This is the origin, the centre of voxel (0, 0, 0)."),
        Mistake(lambda: {"ras_mm": np.array(VOXEL, float)}, "This is the index of the voxel. Its place in millimetres was asked for."),
        Mistake(lambda: {"ras_mm": _ras() / 10}, "These are centimetres; millimetres were asked for."),
        Mistake(lambda: {"ras_mm": _ras() / 1000}, "These are metres; millimetres were asked for."),
        Mistake(
            lambda: {"ras_mm": np.linalg.solve(_affine(), [*VOXEL, 1.0])[:3]},
            "The inverse of the affine goes from millimetres to voxels. Here the way is from the voxel to millimetres.",
        ),
    ),
    hints=(
        "`nibabel.load(path).affine` is a 4 × 4 matrix. What do you multiply it with?",
        "affine @ [i, j, k, 1] is (x, y, z, 1) in RAS. For LPS change the sign of x and of y.",
    ),
    code=f"""
        import nibabel
        import numpy as np

        affine = nibabel.load(q1.data()["path"]).affine
        ras = (affine @ [*{VOXEL}, 1])[:3]
        answer = {{"ras_mm": ras, "lps_mm": ras * np.array([-1, -1, 1])}}
    """,
    learned="The affine is all that ties an array to a patient. `nibabel.affines.apply_affine` does the same for many voxels.",
)


def _scans() -> dict[str, np.ndarray]:
    return {
        "a": np.array([[-0.7, 0, 0, 120], [0, -0.7, 0, 130], [0, 0, 5, -300], [0, 0, 0, 1]]),
        "b": np.array([[0.69, 0.1, 0, -90], [-0.1, 0.69, 0, -80], [0, 0, 1.25, 40], [0, 0, 0, 1]]),
        "c": np.array([[0, 0, -3, 80], [-0.9, 0, 0, 100], [0, 0.9, 0, -20], [0, 0, 0, 1]]),
    }


_RIGHT = {"a": "LPS", "b": "RAS", "c": "PSL"}


class Letters(Name):
    """Three letters, in one text or each by itself, as nibabel's aff2axcodes returns them."""

    def read(self, answer: object) -> str:
        if isinstance(answer, list | tuple) and len(answer) > 1 and all(isinstance(letter, str) for letter in answer):
            answer = "".join(answer)
        return super().read(answer)


def _told_of(scan: str) -> Callable[[dict[str, str]], str]:
    """Return what tells of wrong letters of a scan whether the order of the axes or their direction is wrong."""

    def told(given: dict[str, str]) -> str:
        found = given[scan]
        along = ["RLAPSI".find(letter) // 2 for letter in found]
        if sorted(along) != [0, 1, 2]:
            return f"{scan!r}: there have to be three capital letters, one of each pair: R or L, A or P, S or I."
        if along != ["RLAPSI".find(letter) // 2 for letter in _RIGHT[scan]]:
            return (
                f"{scan!r}: the order of the axes is not right. Take the columns one by one: the largest number of a column, its sign left "
                "out, says whether that axis runs along right and left (first row), front and back, or head and feet."
            )
        wrong = [axis for axis, letter, right in zip("ijk", found, _RIGHT[scan], strict=True) if letter != right]
        if len(wrong) == 3:
            return f"{scan!r}: the order of the axes is right, and each direction is the opposite one. Where they *go* was asked for."
        return f"{scan!r}: the order of the axes is right, the direction of {' and '.join(wrong)} is not. Look at the sign in that column."

    return told


q2 = Exercise(
    lesson="segmentation",
    number=2,
    title="Which way do the axes of this scan run?",
    task="""
        Three scans, three affines (to RAS millimetres). For each, say where the axes i, j and k *go*, as three letters: R or L (the
        patient's right or left), A or P (front, back), S or I (head, feet). An axis that is slightly turned gets the letter that it is
        nearest to.
    """,
    about_given={"a, b, c": "float (4, 4), the affines of three scans"},
    answer="a dictionary {'a': three letters, 'b': …, 'c': …}, such as 'RAS'",
    why="two scans of one patient may run in opposite directions: who ignores it compares the left lung with the right one.",
    given=_scans,
    expects=Fields({name: Letters() for name in "abc"}),
    right=lambda: dict(_RIGHT),
    mistakes=(
        Mistake(
            lambda: {"a": "RAI", "b": "LPI", "c": "AIR"},
            "These letters say where the axes come *from*, as ITK writes it. Where they go was asked for.",
        ),
        Mistake(
            lambda: {"c": "LPS"},
            "In the third scan the axes stand in another order: its first column has its large number in the second row, so i runs along "
            "y.",
        ),
        Mistake(
            lambda: {"c": "ILA"},
            "You read the rows of the third matrix. A *column* is one step along an axis: the first column belongs to i.",
        ),
        Mistake(
            lambda: {"a": "RAS"},
            "The affine goes to RAS, but that does not make the axes run so: −0.7 in the first column is a step to the left.",
        ),
        Mistake(lambda: {"a": "LAS"}, _told_of("a"), fits=lambda given: True),
        Mistake(lambda: {"b": "LPI"}, _told_of("b"), fits=lambda given: True),
        Mistake(lambda: {"c": "SPL"}, _told_of("c"), fits=lambda given: True),
    ),
    hints=(
        "The first column is one step along i, in millimetres to the right, the front and the head. Which of the three is largest, and "
        "what is its sign?",
        "`nibabel.aff2axcodes(affine)` gives the letters.",
    ),
    code="""
        import nibabel

        answer = {name: "".join(nibabel.aff2axcodes(affine)) for name, affine in q2.data().items()}
    """,
    learned="MONAI's Orientationd turns every scan to the same letters before a network sees it, and Invertd turns the mask back.",
)
