"""Tables saved with other separators or decimal commas are told what to do; numbers that are right are not."""

import pytest

from radlearn.challenges.csv_hints import comma_hint, number_hint, separator_hint


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
