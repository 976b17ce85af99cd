"""The columns that a table would have if it were saved as it should be, so that one which cannot be read is known for what it is."""

import codecs
import csv
import html
import re
import zipfile
from pathlib import Path

from radlearn.challenges.tables.csv_hints import EXCEL_MARK
from radlearn.challenges.tables.table_rows import PARQUET, rows_of
from radlearn.file_kinds import DAMAGED_ZIP, kind_of
from radlearn.files import opened_to_read

START_BYTES = 1 << 16
MARKS = ",;\t|"
WORKBOOK_PARTS = ("xl/sharedStrings.xml", "xl/worksheets/sheet1.xml")
"Where the texts of a workbook's cells stand, in the order in which they came."
MOST_COLUMNS = 100


def meant_columns(path: Path) -> tuple[tuple[str, ...], str]:
    """Return the columns of a table, and why they are not read as they are: "" where they are.

    What is wrong in rows alone is no such reason.
    """
    columns, _, troubles = rows_of(Path(path))
    if not troubles or len(columns) > 1 or Path(path).suffix.lower() == PARQUET:
        return columns, ""
    try:
        with opened_to_read(Path(path)) as opened:
            start = opened.read(START_BYTES)
    except OSError:
        return columns, troubles[0]
    if kind := kind_of(start):
        return _workbook_texts(Path(path)) if "workbook" in kind else (), troubles[0]
    text = _text_of(start)
    if mark := EXCEL_MARK.match(text):
        text = text[mark.end() :]
    first = text.lstrip("\r\n").partition("\n")[0].rstrip("\r")
    separator = max(MARKS, key=first.count)
    try:
        header = next(csv.reader([first], delimiter=separator), [])
    except csv.Error:
        header = first.split(separator)
    return tuple(name.strip() for name in header if name.strip()), troubles[0]


def _text_of(start: bytes) -> str:
    """Return the beginning of a text in any encoding. Columns that are read have names in ASCII, so that others need not be told apart."""
    if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return start.decode("utf-32", "ignore")
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return start.decode("utf-16", "ignore")
    if 4 * start.count(0) >= len(start):
        return start.decode("utf-16-be" if start[:1] == b"\0" else "utf-16-le", "ignore")
    return start.decode("utf-8-sig", "replace")


def _workbook_texts(path: Path) -> tuple[str, ...]:
    """Return the first texts of an Excel workbook, among which those of its header are; none where it cannot be unpacked."""
    texts: list[str] = []
    try:
        with zipfile.ZipFile(path) as packed:
            for part in WORKBOOK_PARTS:
                if part in packed.namelist():
                    with packed.open(part) as opened:
                        found = re.findall(r"<t(?:\s[^>]*)?>([^<]*)<", opened.read(START_BYTES).decode("utf-8", "replace"))
                    texts += [html.unescape(one).strip() for one in found[:MOST_COLUMNS]]
    except DAMAGED_ZIP:
        return ()
    return tuple(texts)
