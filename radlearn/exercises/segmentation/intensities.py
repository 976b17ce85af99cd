"""What the numbers of a CT mean: Hounsfield units, windows, and a lesion that a window hides."""

from functools import cache

import numpy as np

from radlearn.exercises.answers import Mistake, Numbers
from radlearn.exercises.exercise import Exercise
from radlearn.exercises.functions import Case, Function, Returned
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


def _are_bytes(returned: Returned) -> bool:
    grey = returned.value
    return grey is not None and grey.size > 0 and bool((grey == np.round(grey)).all() and grey.min() >= 0 and grey.max() == 255)


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
        Mistake(
            lambda hu, centre, width: (hu.astype(float) - hu.min()) / np.ptp(hu.astype(float)),
            "This stretches each scan by its own extremes, and an empty one has none. Hounsfield units have a meaning: take the ends of "
            "the window.",
        ),
        Mistake(lambda hu, centre, width: 255 * _window(hu, centre, width), "This is 0 to 255; 0 to 1 was asked for."),
        Mistake(
            lambda hu, centre, width: (255 * _window(hu, centre, width)).astype(np.uint8),
            "These are whole numbers from 0 to 255, as in a picture file; 0 to 1 was asked for.",
            fits=_are_bytes,
        ),
        Mistake(
            lambda hu, centre, width: np.clip((hu.astype(float) - centre) / width, 0, 1),
            "This window begins at the centre. It begins half of the width below.",
        ),
        Mistake(
            lambda hu, centre, width: (hu.astype(float) - centre) / width,
            "Two things are missing: this window begins at the centre, and not half of the width below; and what lies outside has to be 0 "
            "or 1.",
        ),
        Mistake(
            lambda hu, centre, width: np.clip((hu.astype(float) - centre) / (width / 2), 0, 1),
            "This window goes from the centre to the upper end: the half below the centre is black, and the rest twice as steep.",
        ),
        Mistake(
            lambda hu, centre, width: (hu.astype(float) - centre) / (width / 2),
            "This goes from −1 to 1 over the window, and beyond. 0 belongs at the lower end, and what lies outside is 0 or 1.",
        ),
        Mistake(
            lambda hu, centre, width: np.clip((hu.astype(float) - centre) / (width / 2), -1, 1),
            "This goes from −1 to 1, with the centre at 0; 0 to 1 was asked for.",
        ),
        Mistake(
            lambda hu, centre, width: np.clip((hu.astype(float) - (centre - width / 2)) / (width / 2), 0, 1),
            "The lower end is right. The window is half as wide as it should be: divide by the whole width.",
        ),
        Mistake(
            lambda hu, centre, width: np.clip((hu.astype(float) - (centre - width)) / width, 0, 1),
            "The lower end lies a whole width below the centre. It is half of the width.",
        ),
        Mistake(
            lambda hu, centre, width: np.clip((hu.astype(float) - (centre + width / 2)) / width, 0, 1),
            "The upper end is subtracted. Subtract the lower one.",
        ),
        Mistake(
            lambda hu, centre, width: np.clip(hu.astype(float), centre - width / 2, centre + width / 2),
            "The ends are right, and the values are Hounsfield units still. Bring the lower end to 0 and the upper one to 1.",
        ),
        Mistake(
            lambda hu, centre, width: np.clip(hu.astype(float), centre - width / 2, centre + width / 2) - (centre - width / 2),
            "The lower end is 0, as it should be. The upper one has to become 1: divide by the width.",
        ),
        Mistake(lambda hu, centre, width: hu, "These are the Hounsfield units as they were handed in."),
        Mistake(lambda hu, centre, width: 1 - _window(hu, centre, width), "Black and white are exchanged: the lower end is 0."),
        Mistake(
            lambda hu, centre, width: np.minimum((hu.astype(float) - (centre - width / 2)) / width, 1),
            "What lies below the window has to be 0.",
        ),
        Mistake(
            lambda hu, centre, width: np.maximum((hu.astype(float) - (centre - width / 2)) / width, 0),
            "What lies above the window has to be 1.",
        ),
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


GROUND_GLASS_HU = (-700, -300)


def _place(voxel: np.ndarray) -> str:
    """Return what lies at a voxel: which kinds of answers there are."""
    ct = patient()
    if not _is_index(voxel):
        if _is_index(voxel[::-1]) and _place(voxel[::-1]) == "hidden lesion":
            return "reversed"
        index = voxel / SPACING_MM
        return "millimetres" if _is_index(index) and _place(index) == "hidden lesion" else "outside"
    i, j, k = voxel.astype(int)
    hidden = ct.hu[i, j, k] <= SOFT_TISSUE_HU[0]
    if ct.lesion[i, j, k]:
        return "hidden lesion" if hidden else "visible lesion"
    if not ct.lung[i, j, k]:
        return "air" if hidden else "body"
    if not hidden:
        return "vessel"
    low, high = GROUND_GLASS_HU
    return "lung" if ct.hu[i, j, k] < low else "like ground glass" if ct.hu[i, j, k] <= high else "dense"


def _is_index(voxel: np.ndarray) -> bool:
    return bool((voxel == np.round(voxel)).all() and (voxel >= 0).all() and (voxel < patient().hu.shape).all())


def _hu_at(voxel: np.ndarray) -> str:
    i, j, k = voxel.astype(int)
    return f"{patient().hu[i, j, k]}".replace("-", "−")


def _first(wanted: str) -> list[int]:
    ct = patient()
    hidden = ct.hu <= SOFT_TISSUE_HU[0]
    healthy, (low, high) = ct.lung & ~ct.lesion, GROUND_GLASS_HU
    places = {
        "hidden lesion": ct.lesion & hidden,
        "visible lesion": ct.lesion & ~hidden,
        "vessel": healthy & ~hidden,
        "lung": healthy & (ct.hu < -800),
        "like ground glass": healthy & (ct.hu > low) & (ct.hu < high),
        "dense": healthy & hidden & (ct.hu > high),
        "body": ~ct.lung & ~hidden,
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


def _deepest_mm() -> list[float]:
    """Return a voxel of a hidden lesion in millimetres, which is no index of the CT, nor one that is reversed."""
    ct = patient()
    lesion = np.argwhere(ct.lesion & (ct.hu <= SOFT_TISSUE_HU[0])) * np.array(SPACING_MM)
    return next(place.tolist() for place in lesion if _place(place) == "millimetres")


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
            lambda: _first("visible lesion"),
            lambda voxel: (
                f"This voxel is in a lesion, but the window shows it: {_hu_at(voxel)} HU is above −160. Find one that is black in it."
            ),
            fits=lambda voxel: _place(voxel) == "visible lesion",
        ),
        Mistake(
            lambda: _first("vessel"),
            lambda voxel: f"The window shows this voxel: {_hu_at(voxel)} HU is above −160. In the lung such a voxel is mostly a vessel.",
            fits=lambda voxel: _place(voxel) == "vessel",
        ),
        Mistake(
            lambda: _first("body"),
            lambda voxel: f"This voxel is not in the lungs, and the window shows it: {_hu_at(voxel)} HU.",
            fits=lambda voxel: _place(voxel) == "body",
        ),
        Mistake(
            lambda: _first("lung"),
            lambda voxel: (
                f"This is lung without a lesion: mostly air, {_hu_at(voxel)} HU. Ground glass is denser than that, about −700 to −300 HU."
            ),
            fits=lambda voxel: _place(voxel) == "lung",
        ),
        Mistake(
            lambda: _first("like ground glass"),
            lambda voxel: (
                f"The value fits: {_hu_at(voxel)} HU lies within the range of ground glass. But it is no lesion: rims, vessels and noise "
                "have such values, too. Look for a region of them."
            ),
            fits=lambda voxel: _place(voxel) == "like ground glass",
        ),
        Mistake(
            lambda: _first("dense"),
            lambda voxel: (
                f"This is lung without a lesion. {_hu_at(voxel)} HU is denser than most ground glass: a vessel or a rim of the lung that "
                "shares its voxel with air."
            ),
            fits=lambda voxel: _place(voxel) == "dense",
        ),
        Mistake(
            lambda: _first("air"),
            "This voxel is not in the lungs: air around the patient, in the windpipe or the gut, or a rim of partial volume.",
        ),
        Mistake(lambda: [999, 999, 999], "There is no such voxel: whole numbers from 0 to below data['hu'].shape were asked for."),
        Mistake(lambda: list(reversed(_deepest())), "The indices are reversed: this array is (i, j, k)."),
        Mistake(_deepest_mm, "These are millimetres, it seems. Divided by spacing_mm they are the index that was asked for."),
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
