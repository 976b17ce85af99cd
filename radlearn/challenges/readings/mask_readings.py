"""Whether a mask is another's mirror image: turned over along an axis of its scan, its axes exchanged, inside and outside swapped, moved.

Such a mask scores near zero and looks like a bad model. So it is compared with the truth in other ways too, and where one of them fits far
better, it is said which.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from radlearn.amounts import begun, part_of
from radlearn.metrics.masks import bounding_box, dice_score

FITS_BELOW = 0.35
"From this Dice on a mask is taken for what it says."
BETTER_BY = 0.3
MOVED_FROM, LEAST_LESIONS = 0.75, 2
"Two blobs can be laid upon each other by chance: a mask is only called moved if it then has this Dice, and the scan several lesions."
MOST_NAMED = 5

READINGS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "mirrored along the first axis": lambda mask: mask[::-1],
    "mirrored along the second axis": lambda mask: mask[:, ::-1],
    "with its slices in reverse order": lambda mask: mask[:, :, ::-1],
    "turned by 180° in its slices": lambda mask: mask[::-1, ::-1],
    "upside down and mirrored": lambda mask: mask[::-1, ::-1, ::-1],
    "with its first two axes exchanged": lambda mask: np.swapaxes(mask, 0, 1),
    "with its axes in reverse order, (k, j, i) as SimpleITK's arrays": lambda mask: mask.transpose(2, 1, 0),
    "with its last two axes exchanged": lambda mask: np.swapaxes(mask, 1, 2),
    "with its first axis put last": lambda mask: mask.transpose(2, 0, 1),
    "with its last axis put first": lambda mask: mask.transpose(1, 2, 0),
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
    if fits[best] >= max(own + BETTER_BY, 2 * own):
        return best, fits[best]
    return _moved(mask, truth)


def _moved(mask: np.ndarray, truth: np.ndarray) -> tuple[str, float] | None:
    """Return by how many voxels a mask must be moved to lie on the truth, and its Dice there; None where it fits nowhere.

    The overlap of two masks at every shift is their cross-correlation, here of what their bounding boxes hold. What lies outside of the
    scan after the move has no say.
    """
    from scipy import ndimage, signal  # heavy, and hardly any mask asks for them

    voxels = mask.sum(dtype=np.int64), truth.sum(dtype=np.int64)
    if 2 * min(voxels) < MOVED_FROM * sum(voxels) or ndimage.label(truth)[1] < LEAST_LESIONS:
        return None
    boxes = [bounding_box(one) for one in (mask, truth)]
    (held, from_), (wanted, to) = (
        (one[box].astype(np.float32), np.array([side.start for side in box])) for one, box in zip((mask, truth), boxes, strict=True) if box
    )
    overlaps = signal.fftconvolve(wanted, held[::-1, ::-1, ::-1])
    at = np.array(np.unravel_index(overlaps.argmax(), overlaps.shape))
    dice = 2 * float(overlaps.max()) / float(sum(voxels))
    if dice < MOVED_FROM:
        return None
    # How far the mask has been moved: against the way that brings it back.
    steps = from_ - (to + at - (np.array(held.shape) - 1))
    moves = [f"{step:+d} along the {axis} axis" for step, axis in zip(steps, ("first", "second", "third"), strict=True) if step]
    return f"moved by voxels: {', '.join(moves)}".replace("-", "−"), min(dice, 1.0)


def readings_note(found: Mapping[str, tuple[str, float]], scans: int) -> list[str]:
    """Return a note for each thing that masks look like; `found`: case → `mask_reading`, of `scans` scans."""
    by_words: dict[str, list[str]] = {}
    for case_id, (words, _) in found.items():
        by_words.setdefault(words, []).append(case_id)
    return [
        f"{begun(part_of(len(cases), scans, 'scans', 'of'))} ({_listed(cases)}): the mask looks {words}; so read, the mean Dice is "
        f"{_mean(found, cases):.2f}."
        for words, cases in by_words.items()
    ]


def _mean(found: Mapping[str, tuple[str, float]], cases: Sequence[str]) -> float:
    return sum(found[case_id][1] for case_id in cases) / len(cases)


def _listed(cases: Sequence[str]) -> str:
    more = f" and {len(cases) - MOST_NAMED:,} more" if len(cases) > MOST_NAMED else ""
    return ", ".join(cases[:MOST_NAMED]) + more
