"""Whether a chest CT, or a mask on it, is the wrong way round: voxels turned over while the header stayed as it was.

No header tells that, but the body does: a chest is wider at its base than at its apex, the spine lies behind the lungs, and the liver fills
the right side under them. What is not plain is passed over: a lung that is white, a scan that ends above the liver. Of 243 chest CTs that
are right (240 built-in ones with effusions, white lungs and contrast medium, and three real ones) none is reported, nor any of 30 masks.
With livers that were made as fat as 0 HU none of 238 is, at −10 HU one. Mirrored, 235 of the 243 are told. Turned over otherwise, all real
ones are; of 60 built-in ones 57 upside down, 36 front to back, where contrast medium looks like bone; of the masks 26 of 30 in each of the
three ways. Turned by 90° or with two axes exchanged, all of 15 CTs are told, and all of 5 masks.
"""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from radlearn.scans.geometry import Volume, spacing_mm, to_orientation

GRID_MM = 4.0
AIR_BELOW_HU, BONE_ABOVE_HU = -500, 130
SOFT_HU, ANY_LIVER_HU = (20, 160), (-30, 180)
"A liver of 40 to 70 HU, or of 150 with contrast medium; fat takes it to 0 and below, where it is no longer told from what is near it."
LEAST_LUNG_ML, LEAST_LUNGS_ML = 150.0, 600.0
WIDER_THAN_DEEP = 1.05
"Of both lungs together; 1.13 to 1.9. One lung alone is as deep as it is wide, and says nothing."
BASE, APEX = (0.10, 0.25), (0.75, 0.90)
"Parts of the lungs' height."
UPSIDE_DOWN_BELOW = 0.92
"Width at the base over that at the apex; 1.13 to 1.54 where a CT is right."
MIDLINE_MM = 35.0
SPINE_FROM, NO_SPINE_BELOW = 0.45, 0.35
"Share of the slices in which a column of the midline holds bone: the spine 0.5 to 0.8, the breastbone 0.1 to 0.25."
LIVER_BELOW_MM, LIVER_UP_TO = 40.0, 0.30
LEAST_SOFT_ML, MIRRORED_BELOW, AND_BELOW = 500.0, -0.12, -0.015
"""Soft tissue under the lungs: how much more of it is on the right, as a share of both sides; 0.09 to 0.8 where a CT is right.
Where fat or much contrast medium takes the liver out of it, the stomach is left, on the other side: then the second share, of all that a
liver may be, is not below 0. It is 0 to 0.4 where a CT is right."""

DENSE_ABOVE_HU = -750.0
"Denser than air in a lung, which is near −850 HU: a lesion is, the lung on the other side mostly is not."
FITS_BETTER_BY, FITS_BELOW, FITS_ABOVE = 0.2, 0.8, 0.65
"Share of a mask that is dense: 0.7 to 1 where it lies on its lesions, 0.2 to 0.86 where it is turned over."
TURNS: dict[str, tuple[slice, slice, slice]] = {
    "mirrored from left to right": (slice(None, None, -1), slice(None), slice(None)),
    "upside down": (slice(None), slice(None), slice(None, None, -1)),
    "turned front to back": (slice(None), slice(None, None, -1), slice(None)),
    "turned by 180° in its slices": (slice(None, None, -1), slice(None, None, -1), slice(None)),
}
ON_ITS_SIDE_BELOW = 0.9
"Width of the body over its depth, in the median of its slices; 1.2 to 2 where a CT is right."


def ct_wrong_way_round(ct: Volume) -> str:
    """Return in words which way a chest CT looks turned over, and by what; "" where it looks right or nothing is plain.

    Args:
        ct: Hounsfield units with an affine; tissue is looked for along the axes that the affine names.
    """
    hu, step = _coarse(ct)
    if (wide := _body_width_to_depth(hu, step)) < ON_ITS_SIDE_BELOW:
        found = f"the body is {wide:.2f} times as wide as it is deep; a chest is wider than deep"
        return f"it looks turned by 90° in its slices, or its axes exchanged: {found}"
    lungs = _air_in_the_body(hu, step)
    if lungs.sum() * np.prod(step) / 1000 < LEAST_LUNGS_ML:
        return ""
    across, deep, along = (np.flatnonzero(lungs.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1)))
    wide = (across[-1] - across[0] + 1) * step[0] / ((deep[-1] - deep[0] + 1) * step[1])
    if wide < WIDER_THAN_DEEP:
        return ""
    base, apex = (_width(lungs, along, part) for part in (BASE, APEX))
    if apex and base / apex < UPSIDE_DOWN_BELOW:
        found = f"the lungs are {base * step[0]:.0f} mm wide near their lower end and {apex * step[0]:.0f} mm near their upper one"
        return f"it looks upside down: {found}; a chest is wider at its base"
    middle, levels = (across[0] + across[-1]) / 2, slice(int(along[0]), int(along[-1]) + 1)
    behind, before = _bone_beside_the_midline(hu[:, :, levels], middle, (deep[0] + deep[-1]) / 2, step)
    if before > SPINE_FROM and behind < NO_SPINE_BELOW:
        return f"it looks turned front to back: a column of bone runs through {before:.0%} of the slices in front, as a spine does"
    (more_right, soft_ml), (of_any, _) = _liver(hu, lungs, middle, levels, step, (SOFT_HU, ANY_LIVER_HU))
    if soft_ml > LEAST_SOFT_ML and more_right < MIRRORED_BELOW and of_any < AND_BELOW:
        left = (1 - more_right) / 2
        return f"it looks mirrored from left to right: {left:.0%} of the soft tissue under the lungs, the liver's place, is on the left"
    return ""


def mask_wrong_way_round(mask: np.ndarray, ct: Volume, hull: np.ndarray) -> str:
    """Return in words which way a mask of lesions looks turned over on its CT; "" where it looks right or nothing is plain.

    A lesion is denser than the lung around it. So a mask is turned over, along the axes of its scan, and where most of it comes to lie on
    dense lung only then, it is another way round.

    Args:
        mask: bool (i, j, k), on the grid of the CT, with a voxel inside.
        hull: bool (i, j, k), where a lesion of the lung can lie: `scans.lungs.lung_hull`.
    """
    dense, _ = to_orientation(hull & (ct.voxels > DENSE_ABOVE_HU), ct.affine, "LPS")
    turned, _ = to_orientation(mask, ct.affine, "LPS")
    inside = int(turned.sum())
    own = int(dense[turned].sum()) / inside
    # Of a large scan the other ways take half a second.
    if own >= FITS_BELOW:
        return ""
    ways = {words: turned[turn] for words, turn in TURNS.items()}
    if turned.shape[0] == turned.shape[1]:
        ways |= {
            "as if its first two axes were exchanged": turned.swapaxes(0, 1),
            "turned by 90° in its slices": np.rot90(turned),
            "turned by 270° in its slices": np.rot90(turned, 3),
        }
    fits = {words: int(dense[way].sum()) / inside for words, way in ways.items()}
    best = max(fits, key=lambda words: fits[words])
    if fits[best] < max(own + FITS_BETTER_BY, FITS_ABOVE):
        return ""
    return f"it looks {best}: so turned, {fits[best]:.0%} of it lies on lung that is denser than air; as it is, {own:.0%}"


def _coarse(ct: Volume) -> tuple[np.ndarray, np.ndarray]:
    """Return Hounsfield units (x, y, z) in LPS as means of blocks of about 4 mm, no denser than they are read, and the blocks' size."""
    hu, affine = to_orientation(ct.voxels, ct.affine, "LPS")
    step = np.array(spacing_mm(affine))
    many = np.maximum(1, np.rint(GRID_MM / step).astype(int))
    counts = np.array(hu.shape) // many
    if not counts.all():
        return np.zeros((1, 1, 1), np.float32), step
    whole = hu[tuple(slice(0, end) for end in counts * many)]
    blocks = np.maximum(whole, -1000).astype(np.float32).reshape(np.stack([counts, many], axis=1).ravel())
    return blocks.mean(axis=(1, 3, 5)), step * many


def _body_width_to_depth(hu: np.ndarray, step: np.ndarray) -> float:
    """Return the width of the largest solid over its depth, in the median of the slices of the middle half; 2 where there is none."""
    labels, count = ndimage.label(ndimage.binary_opening(hu > AIR_BELOW_HU))
    if not count:
        return 2.0
    body = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    shares = []
    for k in range(body.shape[2] // 4, max(3 * body.shape[2] // 4, 1)):
        across, deep = (np.flatnonzero(body[:, :, k].any(axis=axis)) for axis in (1, 0))
        # What reaches a side of the scan may be half a body.
        if len(across) and across[0] > 0 and across[-1] < len(body) - 1:
            shares.append((across[-1] - across[0] + 1) * step[0] / ((deep[-1] - deep[0] + 1) * step[1]))
    return float(np.median(shares)) if shares else 2.0


def _air_in_the_body(hu: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Return pieces of air as large as a lung that reach no side of the scan; none of them depends on which way up the scan is."""
    labels, count = ndimage.label(hu < AIR_BELOW_HU)
    ml = np.bincount(labels.ravel(), minlength=count + 1) * np.prod(step) / 1000
    ml[np.unique(np.concatenate([labels[side].ravel() for side in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1])]))] = 0
    ml[0] = 0
    return np.asarray(ml > LEAST_LUNG_ML)[labels]


def _width(lungs: np.ndarray, along: np.ndarray, part: tuple[float, float]) -> int:
    """Return how many columns the lungs span from left to right in a part of their height."""
    low, high = (int(along[0] + (along[-1] + 1 - along[0]) * end) for end in part)
    columns = np.flatnonzero(lungs[:, :, low : max(high, low + 1)].any(axis=(1, 2)))
    return int(columns[-1] - columns[0] + 1) if len(columns) else 0


def _bone_beside_the_midline(hu: np.ndarray, middle: float, centre: float, step: np.ndarray) -> tuple[float, float]:
    """Return the longest column of bone near the midline behind the middle of the lungs and before it, as shares of their height."""
    near = np.abs(np.arange(len(hu)) - middle) * step[0] < MIDLINE_MM
    columns = ndimage.uniform_filter((hu[near] > BONE_ABOVE_HU).mean(axis=2), 3)
    rows = np.arange(hu.shape[1])
    return float(columns[:, rows > centre].max(initial=0)), float(columns[:, rows < centre].max(initial=0))


def _liver(
    hu: np.ndarray, lungs: np.ndarray, middle: float, levels: slice, step: np.ndarray, bands: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    """Return for each band of HU how much more of it under the lungs is on the right, as a share of both sides, and its ml."""
    smooth = ndimage.uniform_filter(hu, 3)
    shadow = np.asarray(lungs.any(axis=2))
    under = np.maximum.accumulate(shadow, axis=0) & np.maximum.accumulate(shadow[::-1], axis=0)[::-1]
    low = max(0, levels.start - int(LIVER_BELOW_MM / step[2]))
    high = levels.start + int(LIVER_UP_TO * (levels.stop - levels.start))
    place, numbers = under[:, :, None] & ~lungs[:, :, low:high], np.arange(len(hu))
    found = []
    for least, most in bands:
        tissue = ndimage.binary_opening((smooth > least) & (smooth < most), iterations=2)
        columns = (tissue[:, :, low:high] & place).sum(axis=(1, 2))
        right, left = int(columns[numbers < middle].sum()), int(columns[numbers > middle].sum())
        found.append(((right - left) / max(right + left, 1), (right + left) * float(np.prod(step)) / 1000))
    return found
