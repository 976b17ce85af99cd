"""Which view of the chest words and codes name: ViewPosition as hospitals write it, the codes of DICOM, descriptions.

Frontal views are AP and PA in many spellings; what else is named stays as it was written.
"""

import re
from collections.abc import Iterable

from radlearn.scans.body_parts import NOTHING_SAID, folded, names_chest

AP, PA = "AP", "PA"
FRONTAL = {AP, PA, "FRONTAL", "FRONTALE", "FRONT", "FACE"}
POSTURES = {
    "ERECT", "UPRIGHT", "STANDING", "STEHEND", "SITTING", "SITZEND", "SEATED", "SUPINE", "LYING", "LIEGEND", "PRONE", "SEMI", "PORTABLE",
    "MOBILE", "BEDSIDE",
}  # fmt: skip
"Words that say how somebody was held, not from which side the X-ray was taken."
LATERAL = ("LATERAL", "LAT", "SEITLICH", "SEITL", "PERFIL", "PROFIL", "LATERALE", "LLAT", "RLAT")
LATERAL_OF_CHEST = ("LL", "RL")
"Beside a word for the chest; else these may be the lower limb, or a lobe."
OTHER_VIEWS = {
    *LATERAL, *LATERAL_OF_CHEST, "LLD", "RLD", "LLO", "RLO", "RAO", "LAO", "RPO", "LPO", "OBLIQUE", "OBL", "OBLIQUA", "SCHRAEG",
    "TANGENTIAL", "SAGITTAL", "DECUB", "DECUBITUS", "AXIAL",
}  # fmt: skip
"Words of views that are not frontal, whatever else is said; of one who lies on the side the X-ray looks unlike others too."
BY_CODE = {
    "399348003": AP, "R-10206": AP, "272479007": PA, "R-10214": PA, "R-40888": PA, "399033003": "FRONTAL", "R-10202": "FRONTAL",
    "399067008": "LATERAL", "R-102CD": "LATERAL", "399173006": "LEFT LATERAL", "R-10236": "LEFT LATERAL", "399198007": "RIGHT LATERAL",
    "R-10232": "RIGHT LATERAL",
}  # fmt: skip
"Code values of SNOMED CT and of the older SRT (PS3.16, CID 4010)."
SPELLINGS = (
    (re.compile(r"\bANTER(?:O|IOR|IEUR)\W*(?:TO\W*)?POST[A-Z]*"), f" {AP} "),
    (re.compile(r"\bPOST(?:ERO|ERIOR|ERIEUR)\W*(?:TO\W*)?ANT[A-Z]*"), f" {PA} "),
    (re.compile(r"\bA[-/ ]P\b"), f" {AP} "),
    (re.compile(r"\bP[-/ ]A\b"), f" {PA} "),
)
NOT_LATERAL = (*FRONTAL, "DECUB", "DECUBITUS")
"Of a series with both views, or of somebody who lies on the side, which is taken from the front."
OF_TWO_VIEWS = {"VIEWS", "VW", "VWS", "V", "AND", "UND", "ET", "TWO", "EBENEN", "EB"}
"In the description of an examination: it names all views that were taken."


def view_named(text: str) -> str:
    """Return AP or PA where a text names one of them and no other view, else the text in capitals.

    >>> view_named("AP_PORTABLE"), view_named("p.a. erect"), view_named("Postero-anterior"), view_named("chest lat"), view_named("AP/PA")
    ('AP', 'PA', 'PA', 'CHEST LAT', 'AP/PA')
    """
    words = _words(text)
    found = words & {AP, PA}
    return found.pop() if len(found) == 1 and not words & OTHER_VIEWS else text.strip().upper()


def is_frontal(view: str) -> bool:
    """Tell whether a view is frontal, of whichever of the two ways, or not named at all.

    >>> is_frontal("AP SUPINE"), is_frontal("Erect"), is_frontal(""), is_frontal("LL"), is_frontal("CHEST LAT"), is_frontal("ERECT LAT")
    (True, True, True, False, False, False)
    """
    words = _words(view)
    return words <= POSTURES | NOTHING_SAID or (bool(words & FRONTAL) and not words & OTHER_VIEWS)


def view_of_code(value: str, meaning: str) -> str:
    """Return the view that a code names, by its value or else by its meaning; "" where these are AP and PA.

    >>> view_of_code("399348003", "antero-posterior"), view_of_code("x", "Lateral projection"), view_of_code("R-10206", "PA")
    ('AP', 'LATERAL PROJECTION', '')
    """
    by_value, by_words = BY_CODE.get(value.strip().upper(), ""), view_named(meaning)
    return "" if {by_value, by_words} == {AP, PA} else by_value or by_words


def lateral_in(descriptions: Iterable[str], of_examination: Iterable[str] = ()) -> str:
    """Return the word by which the description of a series says that it is a lateral view, "" where none does.

    The description of an examination, which may name all views that were taken, counts where that of the series names none.

    >>> lateral_in(["W Chest Lat."]), lateral_in(["Chest PA and lateral"]), lateral_in(["L lateral decubitus"]), lateral_in(["LATISSIMUS"])
    ('LAT', '', '', '')
    >>> lateral_in(["Chest"], ["CHEST LATERAL"]), lateral_in(["Chest PA"], ["CHEST LATERAL"]), lateral_in([], ["CHEST 2 VIEWS LATERAL"])
    ('LATERAL', '', '')
    >>> lateral_in(["RX TORACE LL"]), lateral_in(["XR LL"])
    ('LL', '')
    """
    for number, texts in enumerate((descriptions, of_examination)):
        words = re.findall(r"[A-Z]+", _spelled(said := " ".join(texts)))
        if any(word in NOT_LATERAL or (number and word in OF_TWO_VIEWS) for word in words):
            return ""
        if found := next((word for word in words if word in (*LATERAL, *LATERAL_OF_CHEST * names_chest(said))), ""):
            return found
    return ""


def _words(text: str) -> set[str]:
    return set(re.findall(r"[A-Z]+", _spelled(text)))


def _spelled(text: str) -> str:
    """Return a text in plain capitals, with A.P., anteroposterior and the like as AP."""
    said = re.sub(r"\b([A-Z])\.\s?([A-Z])\b\.?", r"\1\2", folded(text)).replace("_", " ")
    for spelling, meant in SPELLINGS:
        said = spelling.sub(meant, said)
    return said
