"""Whether a chest can be as large as a header says, and whether its slices follow each other; what lies around it.

No voxel tells that by itself. Of 153 chest CTs that are right (150 built-in ones and three real ones) none is doubted.
"""

from collections.abc import Iterator

import numpy as np

from radlearn.amounts import verb_of
from radlearn.scans.chest_height import lung_size_doubts
from radlearn.scans.doubt import Doubt
from radlearn.scans.geometry import Volume, orientation, spacing_mm, to_orientation
from radlearn.scans.lost_slices import lost_slices

SEEN_MM, POSSIBLE_MM = (100.0, 800.0), (30.0, 3000.0)
"Of a chest CT from side to side and from front to back: beyond the first it is told, beyond the second it is refused."
LARGE = "mm large by its header"
UNIT, UNIT_WITHIN = "ct-unit", 1e-6
FILL_ABOVE_HU, LEAST_FILLED = -700, 0.05
LEAST_SLICES, LEAST_HEIGHT_MM, AVERAGED = 20, 150.0, 4
SHOWN_HU = (-1000, 200)
JUMP_ABOVE, SHUFFLED_ABOVE = 0.55, 0.6
"Difference between neighbouring slices over that of slices a third of the scan apart: the largest is 0.14 to 0.35, the median 0.1 to 0.25."
A_LITTLE_APART_MM, GROWTH_BELOW = 15.0, 1.2
"In a body slices so far apart differ more than neighbours: by a factor of 1.6 to 5. In a phantom without shape along its axis they do not."
LIKEST_ABOVE = 0.5
"Of shuffled slices each is like some other one; over the difference of slices far apart, as above."


def shape_doubts(ct: Volume, is_hounsfield: bool = True) -> Iterator[Doubt]:
    """Yield what is odd about the size of a volume (i, j, k), the filling around it and the order of its slices.

    Where its values are doubted (`is_hounsfield` False), they cannot say where lungs and body are, and its size alone is looked at.
    """
    of_size = list(_of_size(ct))
    yield from of_size
    if is_hounsfield and min(ct.voxels.shape) > 1:
        yield from lung_size_doubts(ct, is_width_told=any(LARGE in doubt.found for doubt in of_size))
        yield from _of_filling(ct)
        yield from _of_order(ct)


def _of_size(ct: Volume) -> Iterator[Doubt]:
    if np.array_equal(np.abs(ct.affine), np.eye(4)):
        found = "its affine is the identity: voxels of 1 mm, the first at 0"
        advice = "Was it saved without the affine of its source? Lengths, volumes, and what is left and right, are then wrong."
        yield Doubt("ct-size", f"{found}. {advice}")
    elif np.allclose(spacing_mm(ct.affine), 1, rtol=0, atol=UNIT_WITHIN):
        found = "its voxels are exactly 1 × 1 × 1 mm by its header"
        found += ": right where it was resampled so, but programs that know no size write that too"
        yield Doubt(UNIT, found, "Compare it with its DICOM slices: volumes follow from it.")
    letters, spacing = orientation(ct.affine), spacing_mm(ct.affine)
    across = [n * step for n, step, letter in zip(ct.voxels.shape, spacing, letters, strict=True) if letter not in "SI" and n > 1]
    if not across or (SEEN_MM[0] <= min(across) and max(across) <= SEEN_MM[1]):
        return
    size = " × ".join(f"{n * step:.3g}" for n, step in zip(ct.voxels.shape, spacing, strict=True))
    sure = min(across) < POSSIBLE_MM[0] or max(across) > POSSIBLE_MM[1]
    found = f"is {size} {LARGE} (voxels of {' × '.join(f'{step:.3g}' for step in spacing)} mm): no chest is"
    yield Doubt("ct-size", found, "Are its lengths in millimetres, and its axes in the order of its header? Convert it again.", sure)


def _of_filling(ct: Volume) -> Iterator[Doubt]:
    """Yield a doubt where all corners hold one value that air has not, and many other voxels too."""
    corners = ct.voxels[:: ct.voxels.shape[0] - 1, :: ct.voxels.shape[1] - 1, :: ct.voxels.shape[2] - 1]
    value = float(corners.flat[0])
    if value > FILL_ABOVE_HU and (corners == value).all() and (share := float((ct.voxels == value).mean())) > LEAST_FILLED:
        found = f"{share:.0%} of it, its corners among them, is filled with {value:g} where air is −1000"
        yield Doubt("ct-filled", f"{found}: the air inside of that comes out as lung", "Fill what lies outside of the scan with -1024.")


def _of_order(ct: Volume) -> Iterator[Doubt]:
    """Yield a doubt where neighbouring slices differ as slices do that lie far apart."""
    hu, affine = to_orientation(ct.voxels, ct.affine, "LPS")
    across, deep, count = hu.shape
    # In a part of a chest slices far apart are alike too.
    if count < LEAST_SLICES or count * spacing_mm(affine)[2] < LEAST_HEIGHT_MM or min(across, deep) < AVERAGED:
        return
    seen = np.zeros((across // AVERAGED, deep // AVERAGED, count), np.float32)
    for k in range(count):
        whole = np.clip(hu[: len(seen) * AVERAGED, : seen.shape[1] * AVERAGED, k], *SHOWN_HU).astype(np.float32)
        # Without its noise, in which neighbours differ as much as others.
        seen[:, :, k] = whole.reshape(len(seen), AVERAGED, -1, AVERAGED).mean(axis=(1, 3))
    # What was lost says nothing of the order: neither its own slices nor what follows them.
    lost = lost_slices(hu, 2)
    own = np.ones(count, bool)
    own[[*lost.blank, *lost.repeated]] = False
    if own.sum() < LEAST_SLICES or not (own[1:] & own[:-1]).any():
        return
    beside = _differences(seen, own, 1)
    apart = count // 3
    far = float(np.nanmedian(_differences(seen, own, apart))) if (own[apart:] & own[:-apart]).any() else 0.0
    if not far > 0 or (np.nanmax(beside) <= JUMP_ABOVE * far and np.nanmedian(beside) <= SHUFFLED_ABOVE * far):
        return
    if not _tells_order(seen, own, beside, far, spacing_mm(affine)[2]):
        return
    jumps = np.flatnonzero(beside > JUMP_ABOVE * far)
    listed = ", ".join(f"{k} and {k + 1}" for k in jumps[:3]) + (", …" if len(jumps) > 3 else "")
    found = (
        f"its slices may be out of order: {len(jumps)} of {np.isfinite(beside).sum()} neighbours (from below {listed}) "
        f"{verb_of(len(jumps), 'differ')} as slices far apart do"
    )
    yield Doubt("ct-order", found, "Convert it again from its DICOM slices, sorted by position and not by name.")


def _differences(seen: np.ndarray, own: np.ndarray, apart: int) -> np.ndarray:
    """Return how much slices (i, j, slices) so far apart differ; NaN where one of both holds nothing of its own."""
    differences = np.abs(seen[:, :, apart:] - seen[:, :, :-apart]).mean(axis=(0, 1))
    return np.where(own[apart:] & own[:-apart], differences, np.nan)


def _tells_order(seen: np.ndarray, own: np.ndarray, beside: np.ndarray, far: float, step_mm: float) -> bool:
    """Whether slices (i, j, slices) tell their order; those of a uniform phantom do not, which differ by their noise alone."""
    if np.nanmedian(beside) > SHUFFLED_ABOVE * far:
        # Shuffled slices would have their likes elsewhere.
        small = seen[:, :, own].reshape(-1, int(own.sum()))
        apart = np.array([np.abs(small - small[:, [k]]).mean(axis=0) for k in range(small.shape[1])])
        np.fill_diagonal(apart, np.inf)
        return bool(np.median(apart.min(axis=0)) < LIKEST_ABOVE * far)
    # A phantom of several uniform parts jumps from one to the next, and is the same all along each.
    little = max(2, round(A_LITTLE_APART_MM / step_mm))
    if not (own[little:] & own[:-little]).any():
        return False
    return bool(np.nanmedian(_differences(seen, own, little)) > GROWTH_BELOW * np.nanmedian(beside))
