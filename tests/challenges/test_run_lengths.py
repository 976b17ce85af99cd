"""Masks as run lengths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from radlearn.challenges.run_lengths import decoded, encoded
from radlearn.errors import BadLayout


def test_pixels_are_counted_from_one_down_the_columns() -> None:
    mask = np.zeros((4, 3), bool)
    mask[1:3, 0] = mask[3, 1] = mask[0, 2] = True
    # Column 0 is pixels 1 to 4, column 1 is 5 to 8, column 2 is 9 to 12; the last of one and the first of the next are one run.
    assert encoded(mask) == "2 2 8 2"
    assert encoded(mask.T) != encoded(mask)


def test_an_empty_mask_is_an_empty_text_and_a_full_one_a_single_run() -> None:
    assert encoded(np.zeros((420, 580), bool)) == ""
    assert encoded(np.ones((420, 580), bool)) == "1 243600"
    assert not decoded("", (420, 580)).any()


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=9)))
def test_what_was_encoded_reads_back(mask: np.ndarray) -> None:
    assert np.array_equal(decoded(encoded(mask), mask.shape), mask)


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=7)))
def test_it_is_what_a_loop_over_pixels_says(mask: np.ndarray) -> None:
    pixels = [1 + row + column * mask.shape[0] for column in range(mask.shape[1]) for row in range(mask.shape[0]) if mask[row, column]]
    numbers = list(map(int, encoded(mask).split()))
    assert [pixel for start, length in zip(numbers[::2], numbers[1::2], strict=True) for pixel in range(start, start + length)] == pixels
    # Two runs that touch are one.
    assert all(start + length < after for start, length, after in zip(numbers[::2], numbers[1::2], numbers[2::2], strict=False))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 2 3", "has 3 numbers; expected pairs"),
        ("7", "has 1 number; expected pairs"),
        ("1 x", "'x' is no whole number"),
        ("1 2.5", "'2.5' is no whole number"),
        ("0 2", "begins before the image; pixels are counted from 1"),
        ("-1 2", "begins before the image"),
        ("3 0", "has no length"),
        ("5 2 6 1", "begins before the end of the run before it"),
        ("5 2 1 2", "begins before the end of the run before it"),
        ("11 3", "reaches beyond the image of 4 × 3 pixels"),
        ("9999999999 1", "reaches beyond the image"),
        ("99999999999999999999 1", "is no whole number of at most 18 digits"),
        ("1_0 1", "is no whole number"),
    ],
)
def test_what_is_no_mask_is_refused_with_its_reason(text: str, words: str) -> None:
    with pytest.raises(BadLayout, match=words):
        decoded(text, (4, 3))


@pytest.mark.parametrize("text", ["-1", "nan", "NaN", " None ", "[]", "0", "1 0", "0 0", "<NA>"])
def test_what_others_write_for_an_empty_mask_is_told_how_to_write_it(text: str) -> None:
    with pytest.raises(BadLayout, match=r"^the runs are '.+'; where nothing was found the field is empty\. Write nothing there\.$"):
        decoded(text, (4, 3))
    # Beside runs it is a mistake of another kind.
    with pytest.raises(BadLayout) as error:
        decoded(f"1 2 {text}", (4, 3))
    assert "where nothing was found" not in str(error.value)


@given(st.text(alphabet="0123456789 -.x", max_size=12))
def test_any_text_is_a_mask_or_refused(text: str) -> None:
    try:
        mask = decoded(text, (5, 5))
    except BadLayout:
        return
    assert mask.shape == (5, 5)
