"""Masks as run lengths, the form in which many challenges take them: `1 3 10 5` is pixels 1 to 3 and 10 to 14.

Pixels are counted from 1, from top to bottom and then from left to right, so down the first column first. A mask with nothing inside is an
empty text.

Source: kaggle.com/c/ultrasound-nerve-segmentation/overview/evaluation.
"""

import re

import numpy as np
from numpy.typing import ArrayLike

from radlearn.amounts import counted
from radlearn.csv_cells import NOTHING
from radlearn.errors import BadLayout


def encoded(mask: ArrayLike) -> str:
    """Return a mask, bool (rows, columns), as run lengths.

    >>> encoded([[0, 1], [1, 1], [1, 0]])  # down the first column: pixels 2 and 3, then 4 and 5
    '2 4'
    >>> encoded([[0, 0], [0, 0]])
    ''
    """
    # One pixel before and after, so that a run at either end has an edge too.
    flat = np.concatenate([[False], np.asarray(mask, bool).ravel(order="F"), [False]])
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts, ends = edges[::2], edges[1::2]
    return " ".join(f"{start} {end - start}" for start, end in zip(starts.tolist(), ends.tolist(), strict=True))


def decoded(text: str, shape: tuple[int, int]) -> np.ndarray:
    """Return the mask that run lengths describe, bool `shape` (rows, columns).

    Raises:
        BadLayout: it is no list of pairs of whole numbers, a run begins before pixel 1, has no length, ends beyond the image, or begins
            before the end of the one before it. The message has no place in it.

    >>> decoded("2 4", (3, 2)).astype(int).tolist()
    [[0, 1], [1, 1], [1, 0]]
    """
    words = text.split()
    # A run of no length, or one where nothing begins, is how others write a mask with nothing inside.
    if text.strip().lower() in NOTHING or words in (["0"], ["0", "0"], ["1", "0"], ["-1", "-1"]):
        raise BadLayout(f"the runs are {text.strip()!r}; where nothing was found the field is empty. Write nothing there.")
    numbers = []
    for word in words:
        # `int` would also take 1_000 and digits of other scripts.
        if not re.fullmatch(r"-?[0-9]{1,18}", word):
            raise BadLayout(f"{word!r} is no whole number of at most 18 digits; expected pairs of start and length.")
        numbers.append(int(word))
    if len(numbers) % 2:
        raise BadLayout(f"has {counted(len(numbers), 'numbers')}; expected pairs of start and length.")
    flat = np.zeros(shape[0] * shape[1], bool)
    end = 1
    for start, length in zip(numbers[::2], numbers[1::2], strict=True):
        run = f"the run '{start} {length}'"
        if length < 1:
            raise BadLayout(f"{run} has no length; expected 1 or more.")
        if start < 1:
            raise BadLayout(f"{run} begins before the image; pixels are counted from 1.")
        if start < end:
            raise BadLayout(f"{run} begins before the end of the run before it; expected runs in their order, each pixel once.")
        end = start + length
        if end > flat.size + 1:
            raise BadLayout(f"{run} reaches beyond the image of {shape[0]} × {shape[1]} pixels (rows × columns), which has {flat.size:,}.")
        flat[start - 1 : end - 1] = True
    return flat.reshape(shape, order="F")
