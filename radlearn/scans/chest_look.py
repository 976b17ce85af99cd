"""What an X-ray shows that no chest X-ray does: a part of one grey, noise, a gradient; or a chest that is a negative, or is there twice.

It is told by the image alone. Of 410 frontal X-rays (110 and 240 real ones of two sources, 60 built-in ones), at their own size and at 512,
224, 64 and 32 pixels, none is called any of these. Of their negatives 90 % are, and most pairs side by side.
"""

import numpy as np

from radlearn.scans.resize import resized
from radlearn.scans.way_up import SIDE, WAYS, likeness, usual_chest

LOOKED_AT, LINES = 128, 32
"Rows and columns at most; and of those that are looked at whole."
ONE_STEP = 0.006
"Of the grey scale: one and a half steps of 8 bits."
GREY = (0.1, 0.9)
"What is filled up; collimators and air are black or white, or nearly so."
LEAST_FILLED = 0.25
NOISE_ABOVE = 0.6
"Mean difference of neighbours in a row over the standard deviation: white noise has 1.13, X-rays 0.07 at most, and 0.41 at 32 pixels."
COARSE, UNBENT, MOST_BENT = 64, 0.01, 0.01
"""Of so many rows and columns, how much the grey bends along them (the second difference) over its range, and at how many places it may
more: a gradient of 8 bits bends by 0.004, and one place in a hundred of an X-ray by 0.09 at least."""
LEAST_LIKE, MORE_LIKE_BY = 0.5, 0.25
"Likeness of a negative to a chest, and how much more it must be than that of the X-ray, each however it is turned: of X-rays 0.17 at most."
TWICE_LIKE, TWICE_BY = 0.45, 0.08
"Likeness of each half to a chest, and how much more than that of the whole: of X-rays it is less, by 0.04 at least."
NEGATIVE = "it looks like the negative of a chest X-ray"


def look_doubts(pixels: np.ndarray) -> tuple[str, ...]:
    """Return what is said against an image (height, width) in [0, 1], bright where dense, being one whole chest X-ray."""
    shown = _without_black_margins(pixels)
    if min(shown.shape) < SIDE:
        return ()
    few = np.ascontiguousarray(shown[tuple(slice(None, None, max(1, side // LOOKED_AT)) for side in shown.shape)])
    if float(np.ptp(few)) < ONE_STEP:
        return ()
    doubt = _filled(few) or _noise(shown) or _gradient(few) or _negative(few) or _twice(few)
    return (doubt,) if doubt else ()


def _without_black_margins(pixels: np.ndarray) -> np.ndarray:
    """Return an image without margins of 0, as padding has them, of which a few rows and columns tell where they end."""
    steps = [max(1, side // LINES) for side in pixels.shape]
    rows, columns = (np.flatnonzero(part.any(axis=axis)) for part, axis in ((pixels[:, :: steps[1]], 1), (pixels[:: steps[0]], 0)))
    return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if rows.size and columns.size else pixels[:0]


def _filled(few: np.ndarray) -> str:
    for lines, name in ((few, "rows"), (few.T, "columns")):
        levels = lines.mean(axis=1)[np.ptp(lines, axis=1) < ONE_STEP]
        levels = levels[(levels > GREY[0]) & (levels < GREY[1])]
        # All of one grey: as many greys as lines are a gradient.
        alike = np.abs(levels - np.median(levels)) < ONE_STEP if levels.size else levels
        if (share := np.count_nonzero(alike) / len(lines)) >= LEAST_FILLED:
            found = f"{share:.0%} of its {name} are of one grey from end to end ({float(np.median(levels)):.0%} white)"
            return f"{found}, as where a file was damaged or an image was padded: nothing can be seen there"
    return ""


def _noise(shown: np.ndarray) -> str:
    # Neighbours must be neighbours, so that only lines are left out.
    for lines in (shown, shown.T):
        lines = lines[:: max(1, len(lines) // LINES)]
        if float(np.abs(np.diff(lines, axis=1)).mean()) <= NOISE_ABOVE * float(lines.std()):
            return ""
    return "its pixels are as unlike their neighbours as any others, as noise is: nothing can be seen on it"


def _gradient(few: np.ndarray) -> str:
    coarse = few[tuple(slice(None, None, max(1, side // COARSE)) for side in few.shape)]
    most = UNBENT * float(np.ptp(coarse))
    if any((np.abs(np.diff(coarse, 2, axis=axis)) > most).mean() > MOST_BENT for axis in (0, 1)):
        return ""
    return "its grey changes evenly from one side to another, as that of a gradient: nothing can be seen on it"


def _negative(few: np.ndarray) -> str:
    chest, small = usual_chest(), _small(few)
    like = [likeness(np.rot90(small, quarters), chest) for quarters in range(len(WAYS))]
    if -min(like) < LEAST_LIKE or -min(like) - max(like) < MORE_LIKE_BY:
        return ""
    return f"{NEGATIVE}, on which air is bright and bone is dark. Look at it; if it is, invert it"


def _twice(few: np.ndarray) -> str:
    chest, whole = usual_chest(), _small(few)
    for axis, where in ((1, "side by side"), (0, "one above the other")):
        parts = np.array_split(few, 2, axis=axis)
        if min(map(min, (part.shape for part in parts))) < SIDE:
            continue
        least = min(likeness(_small(part), chest) for part in parts)
        if least >= TWICE_LIKE and least - likeness(whole, chest) >= TWICE_BY:
            return f"it looks like two X-rays {where}: each half is more like a chest than the whole is. Cut it, if they are"
    return ""


def _small(part: np.ndarray) -> np.ndarray:
    return resized(np.ascontiguousarray(part, dtype=np.float32), SIDE, SIDE)
