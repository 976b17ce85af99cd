"""No cell that radlearn writes is computed by a spreadsheet, numbers stay numbers, and what is read back is what was written."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radlearn.csv_cells import defused, restored
from radlearn.csv_files import write_rows

FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1+1", "-12-x", "+", "\x00a", "--5", "-1,5"]
NUMBERS = ["-1", "+1", "-0.25", "-1e-05", "+.5", "-3.", "0.5"]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_compute_becomes_text(text: str) -> None:
    assert defused(text) == f"'{text}"
    assert restored(defused(text)) == text


@pytest.mark.parametrize("text", [*NUMBERS, "IM0001", "a=b", "'quoted'", "volume-covid19-A-0003", "", "é"])
def test_numbers_and_plain_text_stay_as_they_are(text: str) -> None:
    assert defused(text) == text
    assert restored(text) == text


@given(st.text(alphabet="'=+-@ \t\r\nab1.", max_size=6))
def test_any_text_comes_back(text: str) -> None:
    assert restored(defused(text)) == text
    bare = defused(text).strip()
    assert not bare or bare[0] not in "=+-@" or float(bare) == float(text)


def test_a_table_is_defused_unless_it_must_be_exact(tmp_path: Path) -> None:
    rows = [("patientId", "probability"), ("=HYPERLINK(1)", "-0.5"), ("-a", "1")]
    for exact, expected in ((False, ["'=HYPERLINK(1)", "'-a"]), (True, ["=HYPERLINK(1)", "-a"])):
        write_rows(tmp_path / "t.csv", rows, exact=exact)
        with open(tmp_path / "t.csv", newline="") as opened:
            read = list(csv.reader(opened))
        assert [row[0] for row in read[1:]] == expected
        assert float(read[1][1]) == -0.5


@pytest.mark.parametrize("cell", ["a\rb", "a\r\nb", "\r", "\ra,b", '"\r"', "a\nb", "=\r", "a\x0bb", "a\u2028b"])
@pytest.mark.parametrize("exact", [False, True])
def test_an_end_of_line_of_any_kind_in_a_cell_ends_no_row(cell: str, exact: bool, tmp_path: Path) -> None:
    write_rows(tmp_path / "t.csv", [("patientId", "probability"), (cell, "0.5"), ("next", "1")], exact=exact)
    with open(tmp_path / "t.csv", newline="", encoding="utf-8") as opened:
        _, first, second = csv.reader(opened)
    assert (first[0] if exact else restored(first[0])) == cell
    assert (first[1], second) == ("0.5", ["next", "1"])
