"""Tables saved with other separators or decimal commas are told what to do; numbers that are right are not."""

import gzip

import pytest

from radlearn.challenges.tables.csv_hints import comma_hint, decoded, number_hint, separator_hint


@pytest.mark.parametrize(
    ("text", "number"), [("0,87", 0.87), ("-1,5", -1.5), (",5", 0.5), ("1,2e-3", 0.0012), ("−0,25", -0.25), (" 3,0 ", 3.0)]
)
def test_a_decimal_comma_is_read_as_a_point(text: str, number: float) -> None:
    assert float(number_hint(text).split("write ")[1].removesuffix(".")) == number


@pytest.mark.parametrize("text", ["0.87", "1,234,567", "a,b", "", "1,", "1;5"])
def test_what_is_no_number_with_a_comma_gets_no_hint(text: str) -> None:
    assert number_hint(text) == ""


def test_only_a_header_of_one_field_is_held_to_be_separated_otherwise() -> None:
    assert separator_hint(["a", "b c"]) == separator_hint(["a"]) == separator_hint([]) == ""
    for mark, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars"), (" ", "spaces")):
        assert f"separated by {name};" in separator_hint([f"a{mark}b"])


def test_a_row_with_a_number_too_many_is_told_and_one_with_a_word_too_many_is_not() -> None:
    assert "decimal comma" in comma_hint(["a", "0", "5"])
    assert "decimal comma" in comma_hint(["a", "0", "9 10 20 30 40"])
    assert comma_hint(["a", "0.5", "b"]) == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (gzip.compress(b"patientId\n", mtime=0), "is packed with gzip. Unpack it first (gunzip). Expected a table as CSV text."),
        (b"<!DOCTYPE html><html></html>", "is an HTML page, as a failed download leaves it. Download it again."),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
        (b'[{"patientId": "a"}]', "is JSON"),
        ("patientId,probability\na,1\n".encode("utf-16-le"), "is UTF-16 text without its mark"),
        (b"patientId,probability\na,0.5\n" + bytes(3), "holds bytes of 0, as a file that was not written to its end does"),
    ],
)
def test_what_is_no_csv_text_is_named(content: bytes, words: str) -> None:
    text, (trouble,) = decoded("t.csv", content)
    assert text == ""
    assert trouble.startswith("t.csv, line ")
    assert words in trouble


@pytest.mark.parametrize(
    ("line", "advice"), [("sep=,", "Remove this line."), ('"sep=;"', "and save the table with commas."), ("SEP=\t", "commas.")]
)
def test_the_line_for_excel_about_separators_is_named(line: str, advice: str) -> None:
    text, (trouble,) = decoded("cases.csv", f"\ufeff{line}\r\npath,label\r\n".encode())
    assert text == ""
    assert trouble.startswith("cases.csv, line 1: is '")
    assert trouble.endswith(advice)


def test_a_column_that_begins_like_it_is_a_column() -> None:
    assert decoded("cases.csv", b"sep=path,label\n")[1] == []
