"""Decimal numbers of a DICOM header, also where they were written with a comma."""

import re
from typing import Any

WITH_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
# One to three digits, a comma, three digits: one thousand, or one with three decimals.
AMBIGUOUS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")


def decimal(written: Any) -> float:
    """Return a number as a float.

    A decimal comma, which the standard does not know and some systems write, is read as a point, unless it may separate thousands.

    Raises:
        ValueError: no number, or `1,024`, which may be either.

    >>> decimal("60,5"), decimal("0,143"), decimal(" 350.0\\t"), decimal(7)
    (60.5, 0.143, 350.0, 7.0)
    """
    text = written.strip(" \0\t\r\n") if isinstance(written, str) else written
    if isinstance(text, str) and WITH_COMMA.fullmatch(text):
        if AMBIGUOUS.fullmatch(text):
            raise ValueError(f"{text!r} may be a decimal number or thousands")
        text = text.replace(",", ".")
    if isinstance(text, str) and "_" in text:
        raise ValueError(f"{text!r} is no number")
    return float(text)


def decimals(said: Any, keyword: str) -> list[float]:
    """Return the numbers of an element of a header; none where it is missing or empty.

    Raises:
        ValueError, TypeError: it holds something else than numbers.
    """
    value = said.get(keyword)
    if value is None or value == "":
        return []
    several = not isinstance(value, str) and hasattr(value, "__iter__")
    return [decimal(one) for one in (value if several else [value])]
