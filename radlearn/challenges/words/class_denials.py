"""Which names of classes say by their words that a finding is not there: no pneumonia, non-covid, healthy lung.

A name is taken apart into words. What it denies must be a finding by a word that is known, or another class: "non-small-cell carcinoma",
"no. 4", "without contrast" and "normal pressure hydrocephalus" deny none.
"""

import re
import unicodedata
from collections.abc import Collection

WITHOUT = {"normal", "negative", "neg", "healthy", "no", "none", "0", "control", "controls", "without", "no finding", "no_finding"}
"Whole names that say so."
WELL = {"normal", "healthy", "negative", "neg", "control", "controls", "unremarkable"}
"No denial of these is one of a finding: what is not normal has one."
OF_A_PERSON = {
    "lung", "lungs", "chest", "thorax", "brain", "breast", "heart", "bone", "tissue", "body", "person", "persons", "people", "patient",
    "patients", "subject", "subjects", "case", "cases", "volunteer", "volunteers", "man", "woman", "child", "children", "adult", "adults",
    "image", "images", "scan", "scans", "film", "films", "xray", "xrays", "x", "ray", "rays", "cxr", "ct", "mri", "radiograph",
    "radiographs", "radiography", "ultrasound", "us",
}  # fmt: skip
"Words beside which a name says no more than without them."
SEEN = {"seen", "detected", "found", "present", "visible", "identified", "evident", "suspected"}
FINDINGS = {
    "abnormality", "abnormalities", "abnormal", "abscess", "aneurysm", "ards", "atelectasis", "bleed", "bleeding", "bronchitis", "cancer",
    "cancers", "cardiomegaly", "cavity", "consolidation", "copd", "covid", "coronavirus", "cyst", "cysts", "defect", "disease",
    "diseases", "edema", "oedema", "effusion", "effusions", "embolism", "emphysema", "enlargement", "fibrosis", "finding", "findings",
    "fracture", "fractures", "fractured", "hernia", "hemorrhage", "haemorrhage", "ich", "ild", "ill", "illness", "infected", "infection",
    "infarct", "infarction", "infiltrate", "infiltrates", "infiltration", "inflammation", "injury", "ischemia", "ischaemia", "lesion",
    "lesions", "lymphoma", "malignancy", "mass", "masses", "metastases", "metastasis", "ncov", "nodule", "nodules", "opacification",
    "opacities", "opacity", "pathology", "pathologies", "pathological", "pe", "plaque", "pneumonia", "pneumonias", "pneumothorax",
    "polyp", "polyps", "ptx", "sars", "scoliosis", "sepsis", "sick", "sickness", "stenosis", "stone", "stones", "stroke", "tb",
    "thickening", "thrombus", "trauma", "tuberculosis", "tumor", "tumors", "tumour", "tumours",
}  # fmt: skip
ENDINGS = re.compile(r"(?:itis|oma|omas|osis|oses|pathy|pathies|megaly|thorax|ectasis|ectasia|emia|aemia|rrhage)$")
"Of words for illnesses."
OF_A_KIND = re.compile(r"(?:ed|ic|al|ous|ive|ent|ant|ar|ary|oid|olid|ing|able|ible|ile|cell|small|hodgkin)$")
"Of words for a kind of finding, so that calcified and non-calcified are two kinds of nodules."
LED_BY = ("negative for", "neg for", "free of", "free from", "absence of", "clear of")
PARTS = re.compile(r"\s*[/,;&|()]\s*|\s+and\s+|[\s-]+(?=(?:no|not|without)[\s-])", re.IGNORECASE)
ABBREVIATED = re.compile(r"no(?:\s*[.:º°#]\s*|\s+|(?=\d))(?:\d|[ivx]+\b|[a-z]\b)", re.IGNORECASE)
"Number 4."


def denying(names: Collection[str]) -> set[str]:
    """Return those among the names of classes that say that there is no finding. What one denies may be another of them.

    >>> sorted(denying(["no wire", "wire", "No Lung Opacity / Not Normal", "noncovid", "healthy lung", "COVID-negative", "not sick"]))
    ['COVID-negative', 'No Lung Opacity / Not Normal', 'healthy lung', 'no wire', 'noncovid', 'not sick']
    >>> denying(["nodule", "non-small-cell carcinoma", "normal pressure hydrocephalus", "No. 4", "not normal", "no wire"])
    set()
    """
    beside = {"".join(_words(name)) for name in names} - {""}
    return {name for name in names if _denies(name, beside)}


def denies(name: str) -> bool:
    """Tell whether a class is called as one without a finding, whatever others are called."""
    return _denies(name, ())


def denies_all(name: str) -> bool:
    """Tell whether a class without a finding is called so as a whole, and not as one without a certain finding.

    >>> denies_all("healthy lung"), denies_all("No Finding"), denies_all("no pneumonia")
    (True, True, False)
    """
    general = {"finding", "findings", "abnormality", "abnormalities", "abnormal", "disease", "sick", "ill", "pathology"}
    words = [word for word in _words(name) if word not in OF_A_PERSON and word not in SEEN]
    if name.strip().lower() in WITHOUT:
        return True
    return denies(name) and bool(words) and (set(words) <= WELL or re.sub("^(?:non|not|no)", "", words[-1]) in general)


def _denies(name: str, beside: Collection[str]) -> bool:
    if name.strip().lower() in WITHOUT:
        return True
    parts = PARTS.split(re.sub(r"(?i)\bw/o\b", "without", name.replace("_", " ")))
    said = [_part_denies(part, beside) for part in parts if part.strip()]
    # "Not normal" names no finding and denies none.
    return True in said and False not in said


def _words(name: str) -> list[str]:
    """Return the words of a name in small letters, those that are joined by a capital letter apart; numbers are none."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])|(?<=\bno)(?=[A-Z])|(?<=\bnon)(?=[A-Z])", " ", unicodedata.normalize("NFKC", name))
    return [word for word in re.findall(r"[^\W_]+", apart.casefold()) if not word.isdigit()]


def _part_denies(part: str, beside: Collection[str]) -> bool | None:
    """Tell whether a part of a name denies a finding; None where it says neither: "not normal"."""
    words = _words(part)
    while words and words[-1] in SEEN:
        words.pop()
    bare = [word for word in words if word not in OF_A_PERSON]
    if not bare or ABBREVIATED.match(part.strip()):
        return False
    if set(bare) <= WELL:
        return True
    first, rest = bare[0], bare[1:]
    if first in {"no", "not", "non", "without"} and rest and set(rest) <= WELL:
        return None
    text = " ".join(words)
    if first in {"no", "not", "without"} or any(text.startswith(f"{start} ") for start in LED_BY):
        return bool(rest) and (_is_finding(rest[-1]) or "".join(words[1:]) in beside)
    if first == "non":
        # Enhancement that is no mass is a finding too.
        return len(rest) == 1 and rest != ["mass"] and _is_denied(rest[0], beside)
    # Of a kind of bacteria, or of a test among several, a longer name speaks.
    if len(bare) == 2 and bare[1] in {"negative", "neg", "absent", "free", "no"}:
        return _is_denied(bare[0], beside)
    joined = [first.removeprefix(start) for start in ("non", "not", "no", "un") if first.startswith(start)]
    # An ending is not enough: nocardiosis is an illness.
    return not rest and (
        first == "unaffected" or any(_bare(one) in FINDINGS or (len(one) > 2 and _is_beside(one, beside)) for one in joined)
    )


def _is_denied(word: str, beside: Collection[str]) -> bool:
    return _is_finding(word) or _is_beside(word, beside)


def _is_beside(word: str, beside: Collection[str]) -> bool:
    return word in beside and not OF_A_KIND.search(word)


def _is_finding(word: str) -> bool:
    return _bare(word) in FINDINGS or (len(word) > 5 and ENDINGS.search(_bare(word)) is not None)


def _bare(word: str) -> str:
    return word.rstrip("0123456789")
