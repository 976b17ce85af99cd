"""What to do about a CSV table that was saved otherwise than as UTF-8, with commas and decimal points."""

import codecs
import csv
import math
import re
from collections.abc import Sequence
from itertools import pairwise

from radlearn.file_kinds import kind_of

EXCEL_MARK = re.compile(r'"?sep=(.?)"?,*[ ]*(?=[\r\n]|$)', re.IGNORECASE)


def decoded(name: str, content: bytes) -> tuple[str, list[str]]:
    """Return a table's text, and what is wrong with it as text. A byte-order mark, as Excel writes it, is taken off."""
    if not name.lower().endswith(".json") and (kind := kind_of(content)):
        return "", [f"{name}, line 1: is {kind}. Expected a table as CSV text."]
    try:
        text = content.decode("utf-8-sig")
        if "\0" in text:
            line = text.count("\n", 0, text.index("\0")) + 1
            wide = text.count("\0") >= len(text) // 4
            what = "is UTF-16 text without its mark" if wide else "holds bytes of 0, as a file that was not written to its end does"
            return "", [f"{name}, line {line}: {what}. Save the table as CSV UTF-8."]
        if mark := EXCEL_MARK.match(text):
            comma = "" if mark[1] == "," else ", and save the table with commas"
            return "", [f"{name}, line 1: is {mark[0].strip()!r}, a word to Excel about separators and no header. Remove this line{comma}."]
        return text, []
    except UnicodeDecodeError as error:
        # Its mark begins with that of UTF-16.
        if content.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
            return "", [f"{name}, line 1: is UTF-32 text. Save the table as CSV UTF-8."]
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "", [f"{name}, line 1: is UTF-16 text, as Excel's 'Unicode text' is. Save the table as CSV UTF-8."]
        line = content.count(b"\n", 0, error.start) + 1
        return "", [f"{name}, line {line}: is not UTF-8 text (byte 0x{content[error.start]:02x}). Save the table as UTF-8 CSV."]


def separator_hint(header: Sequence[str], wanted: str = ",") -> str:
    """Return what to do about a header of one field that holds another separator than the one that is wanted; "" where there is none.

    >>> separator_hint(["patientId;probability"])
    ' It is separated by semicolons; save it with commas, and numbers with points.'
    """
    marks = {";": "semicolons", "\t": "tabs", "|": "vertical bars", ",": "commas", " ": "spaces"}
    name = next((name for mark, name in marks.items() if mark != wanted and len(header) == 1 and mark in header[0]), None)
    if name is None:
        return ""
    # Of commas alone the name of the file may be what is wrong.
    instead = " or call it .csv" * (name == "commas")
    return f" It is separated by {name}; save it with {marks[wanted]}{instead}, and numbers with points."


def finite_number(text: str) -> float:
    """Return a finite number, or NaN where a text is none.

    >>> finite_number("-2.5"), finite_number("inf"), finite_number("1_000")
    (-2.5, nan, nan)
    """
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) and "_" not in text else math.nan


def number_hint(text: str) -> str:
    """Return what to do about a number with a decimal comma; "" where a text is none.

    >>> number_hint("0,87")
    ' It has a decimal comma; write 0.87.'
    """
    number = text.strip().replace("−", "-")
    return f" It has a decimal comma; write {number.replace(',', '.')}." if re.fullmatch(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?", number) else ""


def comma_hint(row: Sequence[str]) -> str:
    """Return what to do about a row with too many fields where two of them may be one number with a decimal comma; else ""."""
    halves = any(re.fullmatch(r"\s*-?\d+", one) and re.match(r"\d+(\s|$)", other) for one, other in pairwise(row))
    return " Do its numbers have a decimal comma? Write a point." if halves else ""


def not_csv(name: str, start: int, end: int, error: csv.Error) -> str:
    """Return what is wrong with a row that is no CSV: it begins in line `start`, and the reader had come to line `end`."""
    if end > start:
        found = f"the quote that is opened in this row is not closed before line {end}, or not at the end of a field ({error})"
    else:
        found = f"{error}"
    return f"{name}, line {start}: is not CSV: {found}. The rows after it were not read."
