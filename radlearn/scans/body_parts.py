"""Parts of the body that the descriptions of an examination name, where BodyPartExamined is empty, as in many hospitals.

Only words that hardly mean anything else are known, in English and in the languages that share them or are common in public data; where a
description also names the chest, nothing is concluded.
"""

import re
import unicodedata
from collections.abc import Iterable

OF_SERIES = ("SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription")
OF_EXAMINATION = ("PerformedProcedureStepDescription", "RequestedProcedureDescription", "StudyDescription")
CODED = ("AnatomicRegionSequence", "ProcedureCodeSequence", "RequestedProcedureCodeSequence", "PerformedProtocolCodeSequence")
"Fields in which people describe what was taken, and in which machines code it."
CHEST = ("CHEST", "THORAX", "TORAX", "THORAC", "TORAC", "LUNG", "RIB", "CXR", "PULMO", "POUMON", "BRUST", "LUNGE")
"Parts of words: THORACIC, RIBS, LUNGS."
OTHERS = (
    "ABDOMEN", "ANKLE", "BECKEN", "CALCANEUS", "COCCYX", "COLON", "CRANIUM", "ELBOW", "ELLENBOGEN", "FEMUR", "FINGER", "FINGERS", "FOOT",
    "FOREARM", "FUSS", "HAND", "HANDS", "HIP", "HIPS", "HUMERUS", "KNEE", "KNEES", "KNIE", "MANDIBLE", "MASTOID", "ORBITS", "PATELLA",
    "KUB", "LUMBAR", "LWS", "PELVIS", "SACRUM", "SCHULTER", "SHOULDER", "SINUS", "SINUSES", "SKULL", "SPINE", "THUMB",
    "TIBIA", "TOE", "TOES", "WRIST",
)  # fmt: skip


FAR_FROM_LUNGS = {
    "HEAD",
    "BRAIN",
    "CRANIUM",
    "SKULL",
    "SINUS",
    "ORBIT",
    "MANDIBLE",
    "KNEE",
    "FOOT",
    "ANKLE",
    "HAND",
    "WRIST",
    "ELBOW",
    "FEMUR",
    "TIBIA",
}
"CTs of these show no lung; CTs of the abdomen show its lowest part, and may be what somebody wants to learn from."


def folded(text: str) -> str:
    """Return a text in capital letters without accents.

    >>> folded("Tórax")
    'TORAX'
    """
    return "".join(letter for letter in unicodedata.normalize("NFKD", text.upper()) if not unicodedata.combining(letter))


NOTHING_SAID = {"UNKNOWN", "UNSPECIFIED", "UNDEFINED", "OTHER", "NONE", "ANY", "NA", "NULL"}
"What machines write where somebody said nothing."


def names_chest(text: str) -> bool:
    """Tell whether a text names the chest.

    >>> names_chest("RX TORACE"), names_chest("Hand")
    (True, False)
    """
    return any(word in folded(text) for word in CHEST)


def named_part(body_part: str) -> str:
    """Return BodyPartExamined in capitals, "" where it names none.

    >>> named_part("Knee"), named_part("unknown"), named_part("N/A")
    ('KNEE', '', '')
    """
    return "" if re.sub("[^A-Z]", "", folded(body_part)) in {"", *NOTHING_SAID} else body_part.upper()


def far_part_in(body_part: str) -> str:
    """Return a part of the body whose CT shows no lung, as BodyPartExamined names it; "" where it names none, or the chest too.

    >>> far_part_in("HEAD"), far_part_in("HEAD AND CHEST"), far_part_in("ABDOMEN")
    ('HEAD', '', '')
    """
    text = folded(body_part)
    return "" if names_chest(text) else next((word for word in re.findall(r"[A-Z]+", text) if word in FAR_FROM_LUNGS), "")


def other_part_in(descriptions: Iterable[str]) -> str:
    """Return a part of the body other than the chest that descriptions name, "" where they name none or the chest too.

    >>> other_part_in(["XR HAND 2 VIEWS", ""]), other_part_in(["CHEST AND ABDOMEN"]), other_part_in(["Handheld unit"])
    ('HAND', '', '')
    """
    text = folded(" ".join(descriptions))
    if names_chest(text):
        return ""
    return next((word for word in re.findall(r"[A-Z]+", text) if word in OTHERS), "")
