"""Numbers in headers, with commas where a point belongs."""

import pytest

from radlearn.scans.decimals import decimal, decimals


@pytest.mark.parametrize(
    ("written", "number"),
    [("60,5", 60.5), ("-1024,0", -1024), ("0,143", 0.143), ("1,5e2", 150), (",25", 0.25), ("2047,5 ", 2047.5), ("\t60\t", 60), (3, 3)],
)
def test_a_decimal_comma_is_a_point(written: object, number: float) -> None:
    assert decimal(written) == number


@pytest.mark.parametrize("written", ["1,024", "-12,000", "1,2,3", "60;5", "1_000", "", "about 60"])
def test_what_may_be_thousands_or_is_no_number_is_not_guessed(written: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (Python's own words, too)
        decimal(written)


def test_several_one_and_none() -> None:
    said = {"PixelSpacing": ["0,2", "0,3"], "WindowCenter": "40", "WindowWidth": ""}
    assert decimals(said, "PixelSpacing") == [0.2, 0.3]
    assert decimals(said, "WindowCenter") == [40]
    assert decimals(said, "WindowWidth") == decimals(said, "RescaleSlope") == []
