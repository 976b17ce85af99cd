"""Back to the scan: a mask on the grid of its file, and its volume in millilitres."""

from functools import cache

import numpy as np

from radlearn.exercises.answers import Mistake, Number, Numbers
from radlearn.exercises.exercise import Exercise
from radlearn.exercises.segmentation.patient import patient

Corner = tuple[int, int, int]


@cache
def _block() -> tuple[np.ndarray, Corner]:
    """Return the mask as the network gives it, and the first voxel of its block in the reversed scan."""
    seen = patient().lesion[::-1]
    low = np.maximum(np.argwhere(seen).min(0) - 1, 0)
    high = np.argwhere(seen).max(0) + 3
    return seen[tuple(slice(a, b) for a, b in zip(low, high, strict=True))], (int(low[0]), int(low[1]), int(low[2]))


def _placed(block: np.ndarray, corner: Corner) -> np.ndarray:
    whole = np.zeros(patient().lesion.shape, bool)
    part = tuple(slice(a, a + length) for a, length in zip(corner, block.shape, strict=True))
    whole[part] = block
    return whole


def _told_of_mask(mask: np.ndarray) -> str:
    truth, found = patient().lesion, mask == 1
    return (
        f"The shape is right. {int(found.sum())} voxels are True, {int((found & truth).sum())} of them in the right place; the mask of the "
        f"block has {int(truth.sum())}."
    )


q6 = Exercise(
    lesson="segmentation",
    number=6,
    title="The network's mask is on its own grid. How does it get back onto the scan?",
    task="""
        Before the network saw the scan, two things were done to it, in this order: its first axis was reversed, then a block was cut out,
        from voxel `start` on. The network returned a mask of that block. Bring it back onto the voxels of the scan.
    """,
    about_given={
        "mask": "bool (i, j, k), the mask of the block",
        "start": "three whole numbers, where the block begins in the reversed scan",
        "shape": "three whole numbers, the shape of the scan",
    },
    answer="the mask on the grid of the scan, a bool array of data['shape']",
    why="a mask that is not reversed back lies in the other lung, and looks quite plausible there.",
    given=lambda: {"mask": _block()[0], "start": _block()[1], "shape": patient().lesion.shape},
    expects=Numbers((None, None, None)),
    right=lambda: patient().lesion,
    mistakes=(
        Mistake(lambda: _placed(*_block()), "The block is in its place in the reversed scan, but the scan has not been reversed back."),
        Mistake(
            lambda: _placed(_block()[0][::-1], _block()[1]),
            "The block was reversed before it was put into its place. `start` counts in the reversed scan: undo the last step first.",
        ),
        Mistake(lambda: _block()[0], "This is the block itself. An array of the scan's shape was asked for, False outside the block."),
        Mistake(lambda: _placed(_block()[0], (0, 0, 0))[::-1], "The block was put at the corner of the scan. It begins at `start`."),
        Mistake(lambda: _placed(*_block())[:, ::-1], "This reverses the second axis; it was the first one."),
        Mistake(lambda: _placed(*_block())[:, :, ::-1], "This reverses the third axis; it was the first one."),
        Mistake(lambda: _placed(*_block())[::-1, ::-1, ::-1], "This reverses all axes; it was the first one alone."),
        Mistake(
            lambda: _placed(_block()[0], (0, 0, 0)),
            "The block was put at the corner of the scan. It begins at `start`; and the scan has not been reversed back.",
        ),
        Mistake(
            lambda: np.logical_not(patient().lesion),
            "True and False are exchanged: the lesion is True.",
        ),
        Mistake(
            lambda: patient().lesion.T,
            lambda mask: f"The shape is {mask.shape}, and the scan has {patient().lesion.shape}: the axes are the other way round.",
            fits=lambda mask: mask.shape == patient().lesion.shape[::-1],
        ),
        Mistake(
            lambda: np.zeros((2, 2, 2)),
            lambda mask: f"The shape is {mask.shape}, and the scan has {patient().lesion.shape}: begin with an array of that shape.",
            fits=lambda mask: mask.shape != patient().lesion.shape,
        ),
        Mistake(lambda: np.zeros(patient().lesion.shape), "No voxel is True: the block has not been put into the array."),
        Mistake(
            lambda: np.full(patient().lesion.shape, 0.5),
            "A mask holds True and False, or 1 and 0. There are other numbers in this one.",
            fits=lambda mask: not np.isin(mask, (0, 1)).all(),
        ),
        Mistake(
            lambda: np.roll(patient().lesion, 1, axis=2),
            _told_of_mask,
            fits=lambda mask: True,
        ),
    ),
    hints=(
        "Undo the steps from the last to the first: first the cut, then the reversal.",
        "An array of False in the scan's shape; the block goes to start … start + its shape; then `[::-1]` on the first axis.",
    ),
    code="""
        import numpy as np

        data = q6.data()
        whole = np.zeros(data["shape"], bool)
        i, j, k = data["start"]
        di, dj, dk = data["mask"].shape
        whole[i : i + di, j : j + dj, k : k + dk] = data["mask"]
        answer = whole[::-1]
    """,
    learned="It is the exact mask of the patient's lesions. MONAI's Invertd does this from the list of operations that the image "
    "remembers.",
)


def _affine() -> np.ndarray:
    """Return the affine of a scan with a tilted gantry (20°), of a patient who lies turned by 12°: the axes are not at right angles."""
    tilt, turn = np.deg2rad(20), np.deg2rad(12)
    turned = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    sheared = np.array([[-1.5, 0, 0], [0, -1.5 * np.cos(tilt), 0], [0, 1.5 * np.sin(tilt), 6.0]])
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turned @ sheared, [140.0, 150.0, -220.0]
    return affine


def _voxels() -> int:
    return int(patient().lesion.sum()) * 40


def _ml(voxel_mm3: float) -> float:
    return _voxels() * voxel_mm3 / 1000


q7 = Exercise(
    lesson="segmentation",
    number=7,
    title="How many millilitres is this lesion?",
    task="""
        The gantry of the scanner was tilted, so the axes of this scan are not at right angles. Compute the volume of the lesion from the
        number of its voxels and the affine (to mm).
    """,
    about_given={"affine": "float (4, 4), voxel index to RAS mm", "voxels": "int, number of voxels in the lesion"},
    answer="the volume in millilitres, within 0.2 %",
    why="whether a lesion has grown is read from its volume; a factor that hangs on the scanner looks like a change of the patient.",
    given=lambda: {"affine": _affine(), "voxels": _voxels()},
    expects=Number(within=0, share_within=0.002),
    right=lambda: _ml(abs(float(np.linalg.det(_affine()[:3, :3])))),
    mistakes=(
        Mistake(
            lambda: _ml(float(np.prod(np.linalg.norm(_affine()[:3, :3], axis=0)))),
            "This is the product of the three spacings. The axes are not at right angles, so a voxel is a slanted box, and smaller than "
            "that.",
        ),
        Mistake(
            lambda: _ml(abs(float(np.prod(np.diag(_affine())[:3])))),
            "This is the product of the diagonal, which is right only for axes that run straight along the patient's.",
        ),
        Mistake(lambda: 1000 * _ml(abs(float(np.linalg.det(_affine()[:3, :3])))), "These are cubic millimetres: 1 ml is 1,000 mm³."),
        Mistake(
            lambda: _ml(-abs(float(np.linalg.det(_affine()[:3, :3])))),
            "A volume is not negative. The sign of the determinant says whether the axes are a left hand or a right hand.",
        ),
        Mistake(lambda: float(_voxels()), "This is the number of voxels."),
        Mistake(
            lambda: _ml(abs(float(np.linalg.det(_affine()[:3, :3])))) / 1000, "These are litres: 1 ml is 1,000 mm³, and 1 l is 1,000 ml."
        ),
        Mistake(
            lambda: abs(float(np.linalg.det(_affine()[:3, :3]))),
            "This is the volume of one voxel, in mm³. Multiply it with the number of voxels, and turn mm³ to ml.",
        ),
        Mistake(
            lambda: 1000 * _ml(float(np.prod(np.linalg.norm(_affine()[:3, :3], axis=0)))),
            "This is the product of the three spacings, in mm³. A voxel of this scan is a slanted box, and 1 ml is 1,000 mm³.",
        ),
        Mistake(
            lambda: 1000 * _ml(abs(float(np.prod(np.diag(_affine())[:3])))),
            "This is the product of the diagonal, in cubic millimetres. The axes do not run straight along the patient's, and 1 ml is "
            "1,000 mm³.",
        ),
        Mistake(
            lambda: _ml(float(np.prod(np.linalg.norm(_affine()[:3, :3], axis=1)))),
            "This is the product of the lengths of the rows. The spacings are those of the columns, and even their product would be too "
            "large where axes are not at right angles.",
        ),
    ),
    hints=("What does a matrix do to the volume of a unit cube?", "abs(determinant) of the 3 × 3 part is the volume of a voxel in mm³."),
    code="""
        import numpy as np

        data = q7.data()
        answer = data["voxels"] * abs(np.linalg.det(data["affine"][:3, :3])) / 1000
    """,
    learned="The product of the spacings would be 6 % too large. A header's spacing alone does not tell that a gantry was tilted.",
)
