"""Whether a mask is another's mirror image: turned over along axes of its scan, its axes exchanged, inside and outside swapped, moved.

Such a mask scores near zero and looks like a bad model. So it is compared with the truth in other ways too, and where one of them fits far
better, it is said which. All 48 ways to turn and mirror a box are tried, as far as the shape stays that of the scan: 16 of a scan whose
slices are square. Left out, one of them would have the name of another that it resembles.

Of 270 masks that are another person's, on the grids of 10 built-in scans, none is called turned, mirrored or moved. Of 600 that miss
lesions and have each of the others moved by up to two voxels on its own, two are called moved: most of theirs had gone the same way.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import permutations, product

import numpy as np

from radlearn.amounts import begun, part_of
from radlearn.metrics.masks import bounding_box, dice_score

FITS_BELOW = 0.35
"From this Dice on a mask is taken for what it says."
BETTER_BY = 0.3
CLEARER_BY, SHARE_OF_MISSES = 0.1, 0.5
"By how much the best must exceed the next; near 1 it is enough if it misses half as much."
MOVED_FROM, LEAST_LESIONS = 0.75, 2
"Two blobs can be laid upon each other by chance: a mask is only called moved if it then has this Dice, and the scan several lesions."
NUDGED_FROM, NUDGES = 0.9, 8
"A mask that is moved by at most so many voxels, or turned, may still score well; what it misses must then become half as much, and few."
LARGEST_SHARE = 0.75
"Of one lesion that makes up more of all a mask may lie beside its place by chance."
MOST_OF_A_SCAN, TRUE_LESIONS = 0.5, 0.25
"A share of the scan's voxels that lesions do not reach, where the true ones have at most so many."
MOST_NAMED = 5

TOO_MUCH = "as if it covered too much, more than half of the scan: is it 1 everywhere, or of the lungs, the air or the body?"
AXES = ("first", "second", "third")
REVERSED = "with its slices in reverse order"
IN_SLICES = {
    (0, 1): {
        (False, False): "",
        (True, False): "mirrored along the first axis",
        (False, True): "mirrored along the second axis",
        (True, True): "turned by 180° in its slices",
    },
    (1, 0): {
        (False, False): "with its first two axes exchanged",
        (True, False): "turned by 90° in its slices",
        (False, True): "turned by 270° in its slices",
        (True, True): "with its first two axes exchanged and turned by 180° in its slices",
    },
}
"The order of the first two axes → those of them that are turned over afterwards → in words."
OTHER_ORDERS = {
    (2, 1, 0): "with its axes in reverse order, (k, j, i) as SimpleITK's arrays",
    (0, 2, 1): "with its last two axes exchanged",
    (2, 0, 1): "with its first axis put last",
    (1, 2, 0): "with its last axis put first",
}
UPSIDE_DOWN = "upside down and mirrored"


def _words(order: tuple[int, ...], flips: tuple[bool, ...]) -> str:
    """Return how a mask is called that has its axes in another order, of which some are then turned over."""
    if all(flips) and order == (0, 1, 2):
        return UPSIDE_DOWN
    if order[2] == 2:
        in_slices = IN_SLICES[order[0], order[1]][flips[0], flips[1]]
        return ", ".join(filter(None, [in_slices, REVERSED * flips[2]]))
    over = [axis for axis, flipped in zip(AXES, flips, strict=True) if flipped]
    return OTHER_ORDERS[order[0], order[1], order[2]] + (f", then mirrored along the {' and '.join(over)} axis" if over else "")


def _turned(order: tuple[int, ...], flips: tuple[bool, ...], mask: np.ndarray) -> np.ndarray:
    return mask.transpose(order)[tuple(slice(None, None, -1 if flipped else 1) for flipped in flips)]


_WAYS = [(order, flips) for order in permutations(range(3)) for flips in product((False, True), repeat=3)]
# Of two that fit alike, as on a mask that is its own mirror image, the first has its name: the one with the least to it.
_SIMPLEST_FIRST = sorted(_WAYS, key=lambda way: (way[0] not in ((0, 1, 2), (1, 0, 2)), sum(way[1]) + (way[0] != (0, 1, 2))))
READINGS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    **{words: partial(_turned, order, flips) for order, flips in _SIMPLEST_FIRST if (words := _words(order, flips))},
    "with inside and outside swapped": np.logical_not,
}


def mask_reading(mask: np.ndarray, truth: np.ndarray) -> tuple[str, float] | None:
    """Return what a mask looks like and the Dice that it then has; None where it fits as it is, or nothing else fits far better.

    Both are bool (i, j, k) of one scan.
    """
    box = bounding_box(truth)
    if bounding_box(mask) is None or box is None:
        return None
    own = dice_score(mask, truth)
    if own == 1:
        return None
    true, (inside, wanted) = truth[box], (int(np.count_nonzero(one)) for one in (mask, truth))

    def fit(read: Callable[[np.ndarray], np.ndarray]) -> float:
        # As `dice_score`; outside of the box there is nothing in common, and to turn a mask leaves what is in it.
        turned = read(mask)
        if turned.shape != truth.shape:
            return 0.0
        held = mask.size - inside if read is np.logical_not else inside
        return 2 * np.count_nonzero(turned[box] & true) / max(held + wanted, 1)

    fits = {words: fit(read) for words, read in READINGS.items()}
    best = max(fits, key=lambda words: fits[words])
    if own >= FITS_BELOW:
        # Lesions on both sides fit their own mirror image well enough to be taken for what they are. One alone can be mirrored
        # onto itself, or lie beside its place.
        found = (best, fits[best]) if _is_far_better(fits[best], own) else _nudged(mask, truth, own)
        return found if found and _has_lesions(truth) else None
    if fits[best] >= max(own + BETTER_BY, 2 * own):
        others = [one for one in fits.values() if one < fits[best]]
        return (best, fits[best]) if _stands_out(fits[best], max(others, default=0.0)) else None
    if inside > MOST_OF_A_SCAN * mask.size and wanted <= TRUE_LESIONS * mask.size:
        return TOO_MUCH, own
    return _moved(mask, truth)


def _stands_out(best: float, other: float) -> bool:
    return best - other >= CLEARER_BY or 1 - best <= SHARE_OF_MISSES * (1 - other)


def _is_far_better(best: float, own: float) -> bool:
    return best >= NUDGED_FROM and 1 - best <= SHARE_OF_MISSES * (1 - own) and own < 1


def _nudged(mask: np.ndarray, truth: np.ndarray, own: float) -> tuple[str, float] | None:
    """Return by how few voxels a mask that fits well has been moved; None where it fits no far better elsewhere."""
    # What is moved out of the scan has nothing in common with the truth, nor has what comes in.
    held = np.pad(mask[bounding_box(mask, truth)], NUDGES)
    true = np.flatnonzero(np.pad(truth[bounding_box(mask, truth)], NUDGES))
    strides = [held[0].size, held[0, 0].size, 1]
    flat, voxels = held.ravel(), np.count_nonzero(held) + len(true)

    def fit(steps: Sequence[int]) -> float:
        return float(2 * np.count_nonzero(flat[true + np.dot(steps, strides)]) / voxels)

    steps = [0, 0, 0]
    for axis in (0, 1, 2) * 2:
        tried = [[*steps[:axis], step, *steps[axis + 1 :]] for step in range(-NUDGES, NUDGES + 1)]
        steps = max(tried, key=lambda one: (fit(one), -sum(map(abs, one))))
    best = fit(steps)
    return (_moved_words(steps), best) if _is_far_better(best, own) else None


def _has_lesions(truth: np.ndarray) -> bool:
    """Whether there are several lesions, none of which makes up nearly all of them."""
    from scipy import ndimage  # heavy, and hardly any mask asks for it

    lesions, found = ndimage.label(truth)
    sizes = np.bincount(lesions.ravel(), minlength=2)[1:]
    return int(found) >= LEAST_LESIONS and int(sizes.max()) <= LARGEST_SHARE * int(sizes.sum())


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
    return _moved_words(steps.tolist()), min(dice, 1.0)


def _moved_words(steps: Sequence[int]) -> str:
    moves = [f"{step:+d} along the {axis} axis" for step, axis in zip(steps, AXES, strict=True) if step]
    return f"moved by voxels: {', '.join(moves)}".replace("-", "−")


def readings_note(found: Mapping[str, tuple[str, float]], scans: int) -> list[str]:
    """Return a note for each thing that masks look like; `found`: case → `mask_reading`, of `scans` scans."""
    by_words: dict[str, list[str]] = {}
    for case_id, (words, _) in found.items():
        by_words.setdefault(words, []).append(case_id)
    notes = []
    for words, cases in by_words.items():
        looks = f"{begun(part_of(len(cases), scans, 'scans', 'of'))} ({_listed(cases)}): the mask looks {words}"
        notes.append(looks if words == TOO_MUCH else f"{looks}; so read, the mean Dice is {_mean(found, cases):.2f}.")
    return notes


def _mean(found: Mapping[str, tuple[str, float]], cases: Sequence[str]) -> float:
    return sum(found[case_id][1] for case_id in cases) / len(cases)


def _listed(cases: Sequence[str]) -> str:
    more = f" and {len(cases) - MOST_NAMED:,} more" if len(cases) > MOST_NAMED else ""
    return ", ".join(cases[:MOST_NAMED]) + more
