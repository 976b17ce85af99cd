"""What a DICOM header says beside the picture: fields that may give the label away, and fields that may tell who somebody is.

Values that identify are never repeated: a report of an audit is passed around more freely than the X-rays.
"""

import re
from collections.abc import Sequence
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword

from radlearn.scans.stored_pixels import DAMAGE

LONGEST_TEXT = 64
LONGEST_AGE = 5
NOT_TOLD = {"UI", "SQ", "OB", "OW", "OF", "OD", "OL", "OV", "UN", "PN", "DA", "DT", "TM", "UT", "LT", "ST", "AT", "UR"}
"Value representations that are no property of the examination: identifiers, dates, pictures, long text."
FREE_TEXT = {"AE", "LO", "SH", "UC"}
"Value representations in which somebody writes what they like: a description may name a patient, a station its hospital."
OF_THE_MACHINE = {"Manufacturer", "ManufacturerModelName", "ConvolutionKernel", "SoftwareVersions"}
"Of these, what a machine writes of its kind."
PEOPLE = (
    "PatientName", "OtherPatientIDs", "OtherPatientNames", "PatientBirthName", "PatientMotherBirthName", "PatientAddress",
    "PatientTelephoneNumbers", "ReferringPhysicianName", "PerformingPhysicianName", "PhysiciansOfRecord", "RequestingPhysician",
    "NameOfPhysiciansReadingStudy", "OperatorsName", "InstitutionName", "InstitutionAddress", "AccessionNumber",
)  # fmt: skip
DATES = (
    "PatientBirthDate", "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "AcquisitionDateTime", "InstanceCreationDate",
)  # fmt: skip
"Fields that annex E of DICOM PS3.15 removes or replaces, of those that say who, when or where in plain words."
STAND_INS = ("anon", "removed", "redacted", "unknown", "none", "dummy", "test", "xxx", "n/a", "deidentified", "de-identified")
"Words that stand where a name was taken out."
IDENTIFIERS = {"PatientID", "StudyID"}
FIRST_LIKELY_YEAR = 1902
"Dates of 1900 and 1901 stand where a date was taken out."


def told(dataset: Any) -> dict[str, str]:
    """Return the fields of a header that may go with the label, keyword to text; identifiers, dates and names are left out."""
    said = {}
    for element in dataset:
        if element.tag.is_private or element.VR in NOT_TOLD or not element.keyword or element.keyword in IDENTIFIERS | set(PEOPLE):
            continue
        try:
            text = str(element.value).strip()
        except DAMAGE:
            continue
        if text and len(text) <= LONGEST_TEXT:
            said[element.keyword] = text
    return said


def shown(keyword: str, values: Sequence[str]) -> list[str]:
    """Return the values of a field as a report may show them: those of free text are numbered in the order in which they come.

    >>> shown("ViewPosition", ["AP", "PA", "AP"]), shown("StationName", ["", "St. Mary 1", "St. Mary 2", ""])
    (['AP', 'PA', 'AP'], ['', 'text 1', 'text 2', ''])
    """
    tag = tag_for_keyword(keyword)
    if keyword in OF_THE_MACHINE or (tag is not None and dictionary_VR(tag) not in FREE_TEXT):
        return list(values)
    numbers: dict[str, int] = {}
    return [value and f"text {numbers.setdefault(value, len(numbers) + 1)}" for value in values]


def age_shown(age: str) -> str:
    """Return a PatientAge for a message; longer than any age it may be a date of birth.

    >>> age_shown("155Y"), age_shown("19470613")
    ("'155Y'", 'a text of 8 characters')
    """
    return repr(age) if len(age) <= LONGEST_AGE else f"a text of {len(age)} characters"


def identifying(dataset: Any) -> tuple[str, ...]:
    """Return what in a header may tell who somebody is: keywords, not their values."""
    own = {_text(dataset, "PatientID").lower(), _text(dataset, "StudyInstanceUID"), ""}
    people = [keyword for keyword in PEOPLE if _is_name(_text(dataset, keyword), own)]
    dates = [keyword for keyword in DATES if _is_date(_text(dataset, keyword))]
    return (*people, *dates)


def burnt_in(said: dict[str, str]) -> bool:
    """Tell whether a header says that personal text stands in the pixels (BurnedInAnnotation)."""
    return said.get("BurnedInAnnotation", "").upper() == "YES"


def _text(dataset: Any, keyword: str) -> str:
    try:
        return str(dataset.get(keyword) or "").strip(" \0^")
    except DAMAGE:
        return ""


def _is_name(text: str, own: set[str]) -> bool:
    """Whether a text may be a name: not the file's own identifier, no number, no word that stands where a name was."""
    plain = text.lower()
    if plain in own or any(word in plain for word in STAND_INS):
        return False
    # What has no three letters in a row, or is one long hexadecimal number, names nobody.
    return bool(re.search(r"[^\W\d_]{3}", text)) and not re.fullmatch(r"[0-9a-f-]{16,}", plain)


def _is_date(text: str) -> bool:
    """Whether a text is a date that somebody may have had.

    >>> _is_date("20180705"), _is_date("19010101"), _is_date("")
    (True, False, False)
    """
    year = re.match(r"(\d{4})[.-]?\d{2}", text)
    return bool(year and int(year[1]) >= FIRST_LIKELY_YEAR)
