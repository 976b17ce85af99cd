"""Texts of a header as many machines write them: damaged ones, the view, the age, the orientation."""

import re
from collections.abc import Sequence
from typing import Any

from radlearn.scans.stored_pixels import DAMAGE
from radlearn.scans.views import view_named, view_of_code

OLDEST_YEARS = 110
YEARS_PER = {"Y": 1.0, "": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}


def text_in(said: Any, keyword: str) -> str:
    """Return a field as stripped text, "" where it is missing or damaged: a bad PatientID is no reason to refuse an X-ray."""
    try:
        value = said.get(keyword)
        return "" if value is None else str(value).strip(" \0")
    except DAMAGE:
        return ""


def orientation_in(said: Any) -> str:
    """Return PatientOrientation with a backslash between its two values, "" where it has others."""
    try:
        values = said.get("PatientOrientation")
        ways = [str(one).strip(" \0").upper() for one in values] if isinstance(values, Sequence) and not isinstance(values, str) else []
    except DAMAGE:
        return ""
    return "\\".join(ways) if len(ways) == 2 and all(ways) else ""


def view_in(said: Any) -> str | None:
    """Return the view, as `views` names it: ViewPosition, else what the description of the series says, else its code; None without."""
    if position := text_in(said, "ViewPosition"):
        return view_named(position)
    if written := re.search(r"\bview:\s*(\w+)", text_in(said, "SeriesDescription"), re.IGNORECASE):
        return view_named(written[1])
    views = {view_of_code(text_in(item, "CodeValue"), text_in(item, "CodeMeaning")) for item in _items(said, "ViewCodeSequence")[:1]}
    return next(filter(None, views), None)


def meanings_in(said: Any, keywords: Sequence[str]) -> list[str]:
    """Return what the codes in sequences mean, in words for people."""
    return [text_in(item, "CodeMeaning") for keyword in keywords for item in _items(said, keyword)]


def _items(said: Any, keyword: str) -> list[Any]:
    try:
        return list(said.get(keyword) or [])
    except DAMAGE:
        return []


def age_in_years(written: str) -> float | None:
    """Return the age in years of a PatientAge, None where it is unreadable or above 110 (public data have up to 155).

    >>> age_in_years("62"), age_in_years("062Y"), age_in_years("018M"), age_in_years("155"), age_in_years("old")
    (62.0, 62.0, 1.5, None, None)
    """
    said = re.fullmatch(r"(\d{1,6}(?:\.\d*)?)\s*([DWMY]?)", written.strip().upper(), re.ASCII)
    if not said:
        return None
    years = float(said[1]) * YEARS_PER[said[2]]
    return years if years <= OLDEST_YEARS else None
