"""Parts of the body that the descriptions of an examination name, where BodyPartExamined is empty, as in many hospitals.

Only words that hardly mean anything else are known, in English and in the languages that share them or are common in public data; where a
description also names the chest, nothing is concluded.
"""

import re
from collections.abc import Iterable

DESCRIPTIONS = ("SeriesDescription", "ProtocolName", "StudyDescription")
CHEST = ("CHEST", "THORAX", "TORAX", "THORAC", "LUNG", "RIB", "CXR", "PULMO", "POUMON", "BRUST", "LUNGE")
"Parts of words: THORACIC, RIBS, LUNGS."
OTHERS = (
    "ABDOMEN", "ANKLE", "BECKEN", "CALCANEUS", "COCCYX", "COLON", "CRANIUM", "ELBOW", "ELLENBOGEN", "FEMUR", "FINGER", "FINGERS", "FOOT",
    "FOREARM", "FUSS", "HAND", "HANDS", "HIP", "HIPS", "HUMERUS", "KNEE", "KNEES", "KNIE", "MANDIBLE", "MASTOID", "ORBITS", "PATELLA",
    "PELVIS", "SACRUM", "SCHULTER", "SHOULDER", "SINUSES", "SKULL", "THUMB", "TIBIA", "TOE", "TOES", "WRIST",
)  # fmt: skip


def other_part_in(descriptions: Iterable[str]) -> str:
    """Return a part of the body other than the chest that descriptions name, "" where they name none or the chest too.

    >>> other_part_in(["XR HAND 2 VIEWS", ""]), other_part_in(["CHEST AND ABDOMEN"]), other_part_in(["Handheld unit"])
    ('HAND', '', '')
    """
    text = " ".join(descriptions).upper()
    if any(word in text for word in CHEST):
        return ""
    return next((word for word in re.findall(r"[A-Z]+", text) if word in OTHERS), "")


LATERAL = ("LATERAL", "LAT", "SEITLICH", "PERFIL", "PROFIL")
NOT_LATERAL = ("AP", "PA", "FRONTAL", "FACE", "DECUB", "DECUBITUS")
"Of a series with both views, or of somebody who lies on the side, which is taken from the front."


def lateral_in(descriptions: Iterable[str]) -> str:
    """Return the word by which the description of a series says that it is a lateral view, "" where none does.

    >>> lateral_in(["W Chest Lat."]), lateral_in(["Chest PA and lateral"]), lateral_in(["L lateral decubitus"]), lateral_in(["LATISSIMUS"])
    ('LAT', '', '', '')
    """
    words = re.findall(r"[A-Z]+", " ".join(descriptions).upper())
    return "" if any(word in NOT_LATERAL for word in words) else next((word for word in words if word in LATERAL), "")
