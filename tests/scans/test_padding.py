"""What padding a header names, in whatever form."""

from typing import Any

import pytest

from radlearn.scans.padding import padding_of

SIGNED = {"PixelRepresentation": 1, "BitsAllocated": 16}
UNSIGNED = {"PixelRepresentation": 0, "BitsAllocated": 16}


@pytest.mark.parametrize(
    ("said", "ends"),
    [
        (UNSIGNED, None),
        (UNSIGNED | {"PixelPaddingValue": 65535}, (65535, 65535)),
        (UNSIGNED | {"PixelPaddingValue": 10, "PixelPaddingRangeLimit": 0}, (0, 10)),
        (SIGNED | {"PixelPaddingValue": -2000}, (-2000, -2000)),
        (SIGNED | {"PixelPaddingValue": 63536, "PixelPaddingRangeLimit": -1990}, (-2000, -1990)),
        # As two bytes, where the value representation is OW or unknown.
        (UNSIGNED | {"PixelPaddingValue": b"\x10\x00"}, (16, 16)),
        (SIGNED | {"PixelPaddingValue": b"\x30\xf8"}, (-2000, -2000)),
        (UNSIGNED | {"PixelPaddingValue": ""}, None),
        ({"BitsAllocated": 32, "FloatPixelPaddingValue": -1.5}, (-1.5, -1.5)),
    ],
)
def test_padding_has_the_sign_of_the_pixels(said: dict[str, Any], ends: tuple[float, float] | None) -> None:
    assert padding_of(said) == (ends, "")


@pytest.mark.parametrize("value", [[0, 4095], b"\0\0\0", "none"])
def test_what_is_no_number_takes_nothing_off_and_is_said(value: Any) -> None:
    ends, said = padding_of(UNSIGNED | {"PixelPaddingValue": value})
    assert ends is None
    assert "expected a number each: no padding is taken off" in said
