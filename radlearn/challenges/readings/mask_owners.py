"""Whether a mask that fits badly is the mask of another scan: names exchanged, or all moved on by one.

Masks are compared coarsely, by how many of their voxels lie in each cell of a grid over the scan, so that all of them can be compared with
all scans, and need not be kept.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from radlearn.amounts import begun, part_of, verb_of
from radlearn.challenges.readings.mask_readings import FITS_BELOW
from radlearn.metrics.masks import bounding_box

CELLS = 16
"Along each axis of a scan."
FITS_FROM, BETTER_BY = 0.7, 0.25
MOST_NAMED = 5


class Places(NamedTuple):
    """Where a mask and the truth of one scan lie, as `places_of` gives it, and their Dice."""

    mask: np.ndarray
    truth: np.ndarray
    dice: float


def places_of(mask: np.ndarray) -> np.ndarray:
    """Return the number of voxels of a mask in each of 16 × 16 × 16 cells, float32 (4096,), as a share of the scan's voxels."""
    cells = np.zeros(CELLS**3, np.float32)
    if (box := bounding_box(mask)) is not None:
        places = [found + side.start for found, side in zip(np.nonzero(mask[box]), box, strict=True)]
        coarse = [place * CELLS // length for place, length in zip(places, mask.shape, strict=True)]
        cells += np.bincount(np.ravel_multi_index(coarse, (CELLS, CELLS, CELLS)), minlength=CELLS**3)
    return cells / max(mask.size, 1)


def owners_note(found: Mapping[str, Places]) -> list[str]:
    """Return a note on the masks that fit the truth of another scan far better than that of their own; `found`: case → its places."""
    owners = mask_owners(found)
    if not owners:
        return []
    shown = [f"that of {case_id} looks like {owner}" for case_id, owner in list(owners.items())[:MOST_NAMED]]
    more = f", and {len(owners) - MOST_NAMED:,} more" if len(owners) > MOST_NAMED else ""
    some = f"{begun(part_of(len(owners), len(found), 'masks', 'of'))} {verb_of(len(owners), 'seem')}"
    return [f"{some} to have the name of another scan: {', '.join(shown)}{more}. Were names exchanged?"]


def mask_owners(found: Mapping[str, Places]) -> dict[str, str]:
    """Return case → the one other case whose truth its mask fits far better; left out where none does, or several do."""
    cases, truths = list(found), np.array([places.truth for places in found.values()])
    owners = {}
    for number, (case_id, places) in enumerate(found.items()):
        if places.dice >= FITS_BELOW or not places.mask.any():
            continue
        fits = 2 * np.minimum(places.mask, truths).sum(axis=1) / (places.mask.sum() + truths.sum(axis=1))
        own, fits[number] = fits[number], 0
        *_, second, best = np.argsort(fits) if len(fits) > 1 else (0, 0)
        if fits[best] >= max(FITS_FROM, own + BETTER_BY, fits[second] + BETTER_BY * (second != best)):
            owners[case_id] = cases[best]
    return owners
