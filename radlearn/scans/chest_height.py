"""Whether the lungs of a CT have the height and the width of lungs: the size of voxels follows from nothing else that is seen.

A scan may hold a part of a chest only, so its own height says nothing. Of lungs of which apex and base are seen the height is 0.6 to 1.1
times their width and 0.5 to 0.9 times the width of the body (150 built-in CTs and a real one); lungs that go on beyond the scan are at
most 0.9 times as high as the body is wide. Newborns have the same proportions, and one lung that is white leaves the height of the other.

The width needs no end of the lungs. Of 123 CTs that are right (120 built-in ones and three real ones) none is doubted; 123 are
with all lengths halved, 122 with all doubled. Where the sides of the chest are not seen, as in a CT of the heart, nothing is said. Small
children are as narrow as a chest whose voxels are called too small, so that is told and never refused.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from radlearn.scans.doubt import Doubt
from radlearn.scans.geometry import Volume, spacing_mm, to_orientation

COARSE_MM, MOST_SLICES = 4.0, 96
SHOWN_HU = (-1400, 200)
"Padding is cut off, and the noise of air is not, which would make it brighter."
AIR_BELOW_HU, PURE_BELOW_HU = -500.0, -880.0
AS_LARGE = 0.2
"Of the largest air in the body: the other lung is."
AT_AN_END = 0.05
"Of the largest area of the lungs: levels with less hold the windpipe, or the last of a lung."
LEAST_SLICES, LEAST_WIDTH_MM = 8, 60.0
FLAT_TO_BODY, FLAT_TO_WIDTH, FLAT_APEX = 0.2, 0.25, 0.1
"Height of lungs that are seen whole, over the body's width and over their own; and of the upper part of lungs, 0.14 at least."
TALL_TO_BODY = 1.5
IMPOSSIBLE = (0.05, 3.0)
NARROW_MM, WIDE_MM = (165.0, 215.0), (420.0, 540.0)
"Of lungs and body, both. Of adults 200 to 400 and 270 to 400; one lung that is white halves the first, a scan of the heart both."
WALL_ABOVE_HU, LEAST_WALLED = -250.0, 0.7
"Fat and muscle beside a lung; and the share of its rows beside which they are seen: 0.75 at least, and 0.6 where a scan cuts lungs off."
IN_SLICES = np.pad(ndimage.generate_binary_structure(2, 1)[:, :, None], ((0, 0), (0, 0), (1, 1)))
WIDTH_ADVICE = "Is the size of its voxels right? Millilitres follow from it. Convert it again from its DICOM slices."
ADVICE = "Is the distance between its slices right? Millilitres follow from it. Convert it again from its DICOM slices."


class Proportions(NamedTuple):
    """Of the lungs, in mm: their height and width and that of the body beside them; whether they go on above and below the scan.

    `walled` is the share of their rows beside which the wall of the chest is seen, on the side with less of it.
    """

    height: float
    width: float
    body: float
    is_cut_below: bool
    is_cut_above: bool
    walled: float


def lung_size_doubts(ct: Volume, is_width_told: bool = False) -> Iterator[Doubt]:
    """Yield a doubt where the lungs of a volume (i, j, k) are too flat, too tall, too narrow or too wide for a chest.

    Where the whole scan was told to be too small or too large, `is_width_told`, its lungs are not named again.
    """
    if (seen := proportions_of(ct)) is None or not seen.body:
        return
    odd = [] if is_width_told else list(_of_width(seen, spacing_mm(ct.affine)))
    yield from odd or _of_height(seen)


def _of_width(seen: Proportions, steps: tuple[float, float, float]) -> Iterator[Doubt]:
    if seen.walled < LEAST_WALLED:
        return
    mm = " × ".join(f"{step:.3g}" for step in steps)
    found = f"its lungs are {seen.width:.3g} mm wide by its header (voxels of {mm} mm), in a body {seen.body:.3g} mm wide"
    if seen.width < NARROW_MM[0] and seen.body < NARROW_MM[1]:
        yield Doubt(
            "ct-size", f"{found}, as of a small child: of anybody older the size of its voxels is wrong, and so are ml", WIDTH_ADVICE
        )
    elif seen.width > WIDE_MM[0] and seen.body > WIDE_MM[1]:
        yield Doubt("ct-size", f"{found}: hardly any chest is", WIDTH_ADVICE)


def _of_height(seen: Proportions) -> Iterator[Doubt]:
    if seen.width < LEAST_WIDTH_MM:
        return
    to_body, to_width = seen.height / seen.body, seen.height / seen.width
    is_whole = not seen.is_cut_below and not seen.is_cut_above
    is_flat = is_whole and to_body < FLAT_TO_BODY and to_width < FLAT_TO_WIDTH
    # The base of lungs, as a CT of the abdomen shows it, is flat too.
    is_flat |= not seen.is_cut_above and to_width < FLAT_APEX
    if not is_flat and to_body <= TALL_TO_BODY:
        return
    found = f"its lungs are {seen.height:.3g} mm high by its header and {seen.width:.3g} mm wide, in a body {seen.body:.3g} mm wide"
    sure = bool((is_whole and to_body < IMPOSSIBLE[0]) or to_body > IMPOSSIBLE[1])
    yield Doubt("ct-size", f"{found}: no chest is" if sure else f"{found}: hardly any chest is", ADVICE, sure)


def proportions_of(ct: Volume) -> Proportions | None:
    """Return the proportions of the lungs in Hounsfield units (i, j, k), from a coarse look at them; None where none are seen."""
    hu, affine = to_orientation(ct.voxels, ct.affine, "LPS")
    step = np.array(spacing_mm(affine))
    if not (step > 0).all() or hu.shape[2] < LEAST_SLICES:
        return None
    # At least 32 blocks across, whatever a header says of the size.
    block = [max(1, min(round(COARSE_MM / length), count // 32)) for length, count in zip(step[:2], hu.shape[:2], strict=True)]
    every = -(-hu.shape[2] // MOST_SLICES)
    levels = range(0, hu.shape[2], every)
    across, deep = (count // size for count, size in zip(hu.shape[:2], block, strict=True))
    if min(across, deep) < 3:
        return None
    seen = np.zeros((across, deep, len(levels)), np.float32)
    for place, k in enumerate(levels):
        whole = np.clip(hu[: across * block[0], : deep * block[1], k], *SHOWN_HU).astype(np.float32)
        seen[:, :, place] = whole.reshape(across, block[0], deep, block[1]).mean(axis=(1, 3))
    lungs = _lungs(seen)
    if lungs is None:
        return None
    areas = lungs.sum(axis=(0, 1))
    rows, heights = np.flatnonzero(lungs.any(axis=(1, 2))), np.flatnonzero(areas >= AT_AN_END * areas.max())
    if len(heights) * every < LEAST_SLICES:
        return None
    widths = [_width_of_body(ndimage.binary_opening(seen[:, :, place] > AIR_BELOW_HU)) for place in heights]
    mm = step * (*block, every)
    return Proportions(
        float(heights[-1] - heights[0] + 1) * mm[2],
        float(rows[-1] - rows[0] + 1) * mm[0],
        float(np.median(widths)) * mm[0],
        bool(heights[0] == 0),
        bool(heights[-1] == len(levels) - 1),
        min(_walled(seen, lungs), _walled(seen[::-1], lungs[::-1])),
    )


def _lungs(seen: np.ndarray) -> np.ndarray | None:
    """Return the air inside of the body (x, y, z) that is as large as lungs are; None where there is none."""
    pure, _ = ndimage.label(seen < PURE_BELOW_HU, IN_SLICES)
    edges = np.concatenate([pure[0].ravel(), pure[-1].ravel(), pure[:, 0].ravel(), pure[:, -1].ravel()])
    is_outside = np.zeros(int(pure.max()) + 1, bool)
    is_outside[edges] = True
    is_outside[0] = False
    outside = ndimage.binary_dilation(is_outside[pure], IN_SLICES)
    # Opened, because between the body and the air around it lies a rim that is as dense as lung.
    labels, count = ndimage.label(ndimage.binary_opening((seen < AIR_BELOW_HU) & ~outside, IN_SLICES))
    if not count:
        return None
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0  # What is no air
    return np.asarray((sizes >= AS_LARGE * sizes.max())[labels])


def _walled(seen: np.ndarray, lungs: np.ndarray) -> float:
    """Return the share of the rows of lungs (x, y, z) that have the wall of the chest before their first voxel."""
    wall = np.maximum.accumulate(seen > WALL_ABOVE_HU, axis=0)
    first = np.take_along_axis(wall, lungs.argmax(axis=0)[None], axis=0)[0]
    return float(first[lungs.any(axis=0)].mean())


def _width_of_body(solid: np.ndarray) -> int:
    """Return how many columns the largest piece of a slice (x, y) spans: neither couch nor arms."""
    labels, count = ndimage.label(solid)
    if not count:
        return 0
    columns = np.flatnonzero((labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))).any(axis=1))
    return int(columns[-1] - columns[0] + 1)
