"""Which page of a TIFF a row of a table means."""

from pathlib import Path

from radlearn.amounts import counted
from radlearn.challenges.tables.csv_hints import finite_number, number_hint
from radlearn.csv_cells import restored
from radlearn.errors import UnreadableScan
from radlearn.scans.tiff_pages import page_file, pages_in


def page_of(file: Path, column: str, written: str | None) -> tuple[Path | None, str]:
    """Return the file that holds the page which a cell names, the file itself where it has one page; or None, and what is wrong.

    Args:
        file: the image, of any kind; what is no TIFF has one page.
        column: that of the page.
        written: the cell; None where the table has no such column.
    """
    text = restored(written or "").strip()
    pages = pages_in(file)
    amount = f"{file.name} has {counted(pages, 'pages')}"
    if text:
        number = finite_number(text)
        if not (number.is_integer() and 1 <= number <= pages):
            expected = f"a whole number from 1 to {pages}" if pages > 1 else "1, or an empty field"
            return None, f"is {text!r}, and {amount}; expected {expected}.{number_hint(text)}"
    elif pages > 1:
        if written is None:
            return None, f"{amount}; say which in a column {column}, counted from 1, with a row for each page."
        return None, f"is empty, and {amount}; expected a whole number from 1 to {pages}."
    try:
        return (file, "") if pages == 1 else (page_file(file, int(finite_number(text))), "")
    except UnreadableScan as error:
        return None, str(error)
