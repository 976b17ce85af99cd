"""Whether a mask is another's mirror image: turned over along an axis of its scan, its axes exchanged, inside and outside swapped.

Such a mask scores near zero and looks like a bad model. So it is compared with the truth in other ways too, and where one of them fits far
better, it is said which.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from radlearn.metrics.masks import bounding_box, dice_score

FITS_BELOW = 0.35
"From this Dice on a mask is taken for what it says."
BETTER_BY = 0.3
MOST_NAMED = 5

READINGS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "mirrored along the first axis": lambda mask: mask[::-1],
    "mirrored along the second axis": lambda mask: mask[:, ::-1],
    "with its slices in reverse order": lambda mask: mask[:, :, ::-1],
    "turned by 180° in its slices": lambda mask: mask[::-1, ::-1],
    "upside down and mirrored": lambda mask: mask[::-1, ::-1, ::-1],
    "with its first two axes exchanged": lambda mask: np.swapaxes(mask, 0, 1),
    "turned by 90° in its slices": lambda mask: np.rot90(mask, axes=(0, 1)),
    "turned by 270° in its slices": lambda mask: np.rot90(mask, 3, axes=(0, 1)),
    "with inside and outside swapped": lambda mask: ~mask,
}


def mask_reading(mask: np.ndarray, truth: np.ndarray) -> tuple[str, float] | None:
    """Return what a mask looks like and the Dice that it then has; None where it fits as it is, or nothing else fits far better.

    Both are bool (i, j, k) of one scan.
    """
    if bounding_box(mask) is None or bounding_box(truth) is None:
        return None
    own = dice_score(mask, truth)
    if own >= FITS_BELOW:
        return None
    turned = {name: read(mask) for name, read in READINGS.items()}
    fits = {name: dice_score(one, truth) for name, one in turned.items() if one.shape == truth.shape}
    best = max(fits, key=lambda name: fits[name])
    return (best, fits[best]) if fits[best] >= max(own + BETTER_BY, 2 * own) else None


def readings_note(found: Mapping[str, tuple[str, float]], scans: int) -> list[str]:
    """Return a note for each thing that masks look like; `found`: case → `mask_reading`, of `scans` scans."""
    by_words: dict[str, list[str]] = {}
    for case_id, (words, _) in found.items():
        by_words.setdefault(words, []).append(case_id)
    return [
        f"{len(cases):,} of {scans:,} scans ({_listed(cases)}): the mask looks {words}; so read, the mean Dice is "
        f"{_mean(found, cases):.2f}."
        for words, cases in by_words.items()
    ]


def _mean(found: Mapping[str, tuple[str, float]], cases: Sequence[str]) -> float:
    return sum(found[case_id][1] for case_id in cases) / len(cases)


def _listed(cases: Sequence[str]) -> str:
    more = f" and {len(cases) - MOST_NAMED:,} more" if len(cases) > MOST_NAMED else ""
    return ", ".join(cases[:MOST_NAMED]) + more
