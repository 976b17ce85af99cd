"""What the numbers of a CT mean: Hounsfield units, windows, and a lesion that a window hides."""

from functools import cache

import numpy as np

from radlearn.exercises.answers import Mistake, Numbers
from radlearn.exercises.exercise import Exercise
from radlearn.exercises.functions import Case, Function
from radlearn.exercises.segmentation.patient import SPACING_MM, patient

SOFT_TISSUE_HU = (-160, 240)


def _hounsfield() -> list[Case]:
    tissues = np.array([-1000, -850, -600, -100, 0, 50, 400, 1200], np.int16)
    return [
        Case("the lung window", (tissues, -600, 1500)),
        Case("the soft-tissue window", (tissues, 40, 400)),
        Case("padding of −3025 HU outside the field of view", (np.array([-3025, -3025, -500], np.int16), -600, 1500)),
        Case("a scan that lies wholly in the window", (np.array([[10.0, 60.0], [35.0, 40.0]]), 40, 400)),
        Case("no voxel", (np.zeros(0, np.int16), 40, 400)),
    ]


def _window(hu: np.ndarray, centre: float, width: float) -> np.ndarray:
    return np.clip((hu.astype(float) - (centre - width / 2)) / width, 0, 1)


q3 = Exercise(
    lesson="segmentation",
    number=3,
    title="What does a window do?",
    task="""
        Write `window(hu, centre, width)`. A window shows the values from centre − width / 2, which becomes 0 (black), to centre + width /
        2, which becomes 1 (white), linear in between; what lies outside is 0 or 1.
    """,
    answer="a function of an array of Hounsfield units, centre and width (both in HU) that returns an array of the same shape, 0 to 1",
    why="the eye can tell some dozens of greys, a CT has thousands: the window decides which tissue can be told apart.",
    expects=Function(_hounsfield, Numbers(None, within=1e-4)),
    right=_window,
    mistakes=(
        Mistake(
            lambda hu, centre, width: _window(hu, centre, 2 * width), "This window is twice as wide: half of the width lies on each side."
        ),
        Mistake(
            lambda hu, centre, width: (hu.astype(float) - (centre - width / 2)) / width,
            "What lies outside of the window has to be 0 or 1. Bone would have a brightness of several, and a network would look at "
            "nothing else.",
        ),
        Mistake(
            lambda hu, centre, width: np.clip((hu.astype(float) - centre) / (width - centre), 0, 1),
            "You took centre and width for the lower and the upper end.",
        ),
        Mistake(
            lambda hu, centre, width: (hu - hu.min()) / np.ptp(hu.astype(float)) if hu.size else hu,
            "This stretches each scan by its own extremes. Hounsfield units have a meaning: the same tissue must be equally bright in "
            "every scan.",
        ),
        Mistake(lambda hu, centre, width: 255 * _window(hu, centre, width), "This is 0 to 255; 0 to 1 was asked for."),
    ),
    hints=("Subtract the lower end, divide by the width. Then?", "`numpy.clip(x, 0, 1)`."),
    code="""
        import numpy as np

        def answer(hu, centre, width):
            return np.clip((hu - (centre - width / 2)) / width, 0, 1)
    """,
    learned="MONAI's ScaleIntensityRanged takes the two ends instead, and clips only with clip=True.",
)


@cache
def _given() -> dict[str, object]:
    ct = patient()
    low, high = SOFT_TISSUE_HU
    return {"hu": ct.hu, "soft_tissue": np.clip((ct.hu - low) / (high - low), 0, 1), "lungs": ct.lung, "spacing_mm": SPACING_MM}


def _place(voxel: np.ndarray) -> str:
    """Return what lies at a voxel: which kinds of answers there are."""
    ct = patient()
    i, j, k = voxel.astype(int)
    if (voxel != [i, j, k]).any() or (voxel < 0).any():
        return "outside"
    if (voxel >= ct.hu.shape).any():
        there = (voxel[::-1] < ct.hu.shape).all() and _place(voxel[::-1]) == "hidden lesion"
        return "reversed" if there else "outside"
    if ct.lesion[i, j, k]:
        return "hidden lesion" if ct.hu[i, j, k] <= SOFT_TISSUE_HU[0] else "visible lesion"
    return "visible" if ct.hu[i, j, k] > SOFT_TISSUE_HU[0] else "lung" if ct.lung[i, j, k] else "air"


def _first(wanted: str) -> list[int]:
    ct = patient()
    hidden = ct.hu <= SOFT_TISSUE_HU[0]
    places = {
        "hidden lesion": ct.lesion & hidden,
        "visible": ~ct.lesion & ~hidden,
        "lung": ct.lung & ~ct.lesion & (ct.hu < -800),
        "air": ~ct.lung & hidden & (ct.hu < -900),
    }
    return [int(index) for index in np.argwhere(places[wanted])[0]]


@cache
def _deepest() -> list[int]:
    """Return a voxel of a hidden lesion whose reversed index lies outside of the CT."""
    ct = patient()
    voxels = np.argwhere(ct.lesion & (ct.hu <= SOFT_TISSUE_HU[0]))
    outside = (voxels[:, ::-1] >= np.array(ct.hu.shape)).any(1)
    return [int(index) for index in voxels[outside][0]]


class Voxel(Numbers):
    """The index of a voxel. Two are the same answer if the same kind of thing lies there."""

    def same(self, value: np.ndarray, other: np.ndarray) -> bool:
        return _place(value) == _place(other)


q4 = Exercise(
    lesson="segmentation",
    number=4,
    title="The soft-tissue window shows clear lungs. Where is the lesion?",
    task=f"""
        In the soft-tissue window ({SOFT_TISSUE_HU[0]} to {SOFT_TISSUE_HU[1]} HU) the lungs of this patient are black and look clear. They
        are not. Find a voxel of a lesion which that window hides.
    """,
    about_given={
        "hu": "int16 (i, j, k), the CT in Hounsfield units",
        "soft_tissue": "float (i, j, k), the same in the soft-tissue window, 0 to 1",
        "lungs": "bool (i, j, k), the lungs, lesions included",
        "spacing_mm": "the size of a voxel, in mm",
    },
    answer="the index (i, j, k) of one voxel, three whole numbers",
    why="ground glass is the first sign of many a pneumonia, and is missed by whoever looks in one window only.",
    given=_given,
    expects=Voxel((3,)),
    right=lambda: _first("hidden lesion"),
    mistakes=(
        Mistake(
            lambda: _first("visible"), "The window shows this voxel: it is above −160 HU. In the lung such a voxel is mostly a vessel."
        ),
        Mistake(
            lambda: _first("lung"), "This is lung without a lesion: mostly air. Ground glass is denser than that, about −700 to −300 HU."
        ),
        Mistake(
            lambda: _first("air"),
            "This voxel is not in the lungs: air around the patient, in the windpipe or the gut, or a rim of partial volume.",
        ),
        Mistake(lambda: [999, 999, 999], "There is no such voxel: whole numbers from 0 to below data['hu'].shape were asked for."),
        Mistake(lambda: list(reversed(_deepest())), "The indices are reversed: this array is (i, j, k)."),
    ),
    hints=(
        "Healthy lung has about −850 HU, ground glass −700 to −300 HU. Where in the lungs are such values, in more than a voxel or two?",
        "Vessels and rims have such values too, but are thin: `scipy.ndimage.binary_erosion` removes them, `label` finds the largest "
        "region.",
    ),
    code="""
        import numpy as np
        from scipy.ndimage import binary_erosion, label

        data = q4.data()
        denser = data["lungs"] & (data["hu"] > -750) & (data["hu"] < -160)
        regions, _ = label(binary_erosion(denser))
        largest = np.bincount(regions.ravel())[1:].argmax() + 1
        answer = np.argwhere(regions == largest)[0]
    """,
    learned="Nearly all of this patient's lesions are black in the soft-tissue window. That is why the lesson's window begins at −1000 HU.",
)
