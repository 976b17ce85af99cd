"""Slices of a volume that hold nothing of their own: one value only, or what the slice before holds, as where slices were lost."""

from typing import NamedTuple

import numpy as np

from radlearn.amounts import part_of, verb_of

LISTED = 8
SAMPLED_EVERY = 7
"Rows and columns."


class LostSlices(NamedTuple):
    """The numbers, from 0, of slices with one value only, and of others that repeat the slice before."""

    blank: list[int]
    repeated: list[int]


def lost_slices(voxels: np.ndarray, axis: int) -> LostSlices:
    """Return which slices along an axis of a volume hold nothing of their own."""
    slices = np.moveaxis(voxels, axis, 0)
    # A first look at few values, because nearly every slice has others at once.
    few = slices[:, ::SAMPLED_EVERY, ::SAMPLED_EVERY].reshape(len(slices), -1)
    is_flat, is_same = (few == few[:, :1]).all(axis=1), (few[1:] == few[:-1]).all(axis=1)
    blank = [k for k in np.flatnonzero(is_flat).tolist() if slices[k].min() == slices[k].max()]
    repeated = [k for k in (np.flatnonzero(is_same) + 1).tolist() if k not in blank and np.array_equal(slices[k - 1], slices[k])]
    return LostSlices(blank, repeated)


def lost_words(lost: LostSlices, count: int) -> list[str]:
    """Return in words which of so many slices are blank, and which are repeated.

    >>> lost_words(LostSlices([3, 4], []), 10)
    ['2 of 10 slices hold one value only (counted from 0: 3, 4)']
    """
    said = []
    for numbers, verb, what in ((lost.blank, "hold", "one value only"), (lost.repeated, "repeat", "the slice before")):
        if numbers:
            listed = ", ".join(map(str, numbers[:LISTED])) + (" …" if len(numbers) > LISTED else "")
            said.append(f"{part_of(len(numbers), count, 'slices', 'of')} {verb_of(len(numbers), verb)} {what} (counted from 0: {listed})")
    return said
