"""Tables are read by others as they were written, and a spreadsheet computes nothing in them."""

import csv
import io
import os
from pathlib import Path

from radlearn.csv_files import csv_text, write_rows


def test_text_with_a_name_that_is_not_utf8_is_written_readably(tmp_path: Path) -> None:
    path = Path(os.fsdecode(b"/data/M\xfcller"))
    write_rows(tmp_path / "a.csv", [("path", "probability"), (str(path), "0.5")])
    assert (tmp_path / "a.csv").read_text(encoding="utf-8") == "path,probability\n/data/M\\xfcller,0.5\n"


def test_cells_that_a_spreadsheet_would_compute_are_defused_unless_they_must_be_exact() -> None:
    assert csv_text([("=1+1", None, 2)]) == "'=1+1,,2\n"
    assert csv_text([("=1+1", None, 2)], exact=True) == "=1+1,,2\n"


def test_every_reader_finds_the_same_rows_whatever_ends_a_line_in_a_cell() -> None:
    rows = [["a\rb", "c"], ["d", 'e"\n,']]
    assert list(csv.reader(io.StringIO(csv_text(rows, exact=True), newline=""))) == rows
