"""Whether the boxes of a submission mean something else than they say: corners in the place of sizes, another grid, a mirrored X-ray.

Such a file scores near zero and looks like a bad model. So its numbers are read in other ways too, and where one of them fits the true
boxes far better, a note says which. The score stays that of the file as it is.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from radlearn.challenges.readings.row_orders import AS_IT_IS
from radlearn.metrics.boxes import FoundBoxes, iou

MOST_XRAYS, GRID_XRAYS = 400, 40
FITS_ABOVE = 0.4
"Mean IoU of the true boxes with the best box of their X-ray; what is read wrongly stays far below."
BETTER_BY, SHARE_OF_MISSES = 0.2, 0.5
"""Boxes near the middle of an X-ray fit well enough upside down to lie above that. Then another reading must be better by so much, and
leave half as much amiss. Of 200 submissions with a score of 0.06 to 0.85, of true boxes jittered, missed and invented, none got a note."""
FEWEST_BOXES = 2
FEW_FIT_ABOVE = 0.6
"Of fewer X-rays with boxes than `FEWEST_PAIRS`, those of another order may fit better by chance."
FEWEST_PAIRS, SHIFT_PX, SIMPLER_BY = 10, 20, 0.02
"For a grid that is fitted; and by how much it must fit better than one that has a name."
GRIDS_PX = (
    96, 128, 160, 192, 224, 240, 256, 260, 288, 299, 300, 320, 331, 336, 352, 380, 384, 416, 448, 456, 480, 512, 528, 576, 600, 608, 640,
    672, 736, 768, 800, 832, 896, 928, 960, 1024, 1152, 1200, 1280, 1333, 1344, 1536, 1792, 2048,
)  # fmt: skip
"Sizes that networks are trained at; none is further from the next than the search goes."
SEARCH, STEP, NAMED_WITHIN = 0.2, 0.01, 0.012
"How far around the best of them a grid is looked for, in which steps, and how near one must be to have its name: shares of it."

Reading = Callable[[np.ndarray], np.ndarray]


def _corners(box: np.ndarray) -> np.ndarray:
    return box


def _sizes(box: np.ndarray) -> np.ndarray:
    return np.hstack([box[:, :2], box[:, :2] + box[:, 2:]])


def _centres(box: np.ndarray) -> np.ndarray:
    return np.hstack([box[:, :2] - box[:, 2:] / 2, box[:, :2] + box[:, 2:] / 2])


def _scaled(corners: np.ndarray, factor: float) -> np.ndarray:
    middle, half = (corners[:, :2] + corners[:, 2:]) / 2, factor * (corners[:, 2:] - corners[:, :2]) / 2
    return np.hstack([middle - half, middle + half])


LAYOUTS: tuple[tuple[str, Reading], ...] = (
    ("x y width height", _sizes),
    ("corners, x0 y0 x1 y1", _corners),
    ("a centre with width and height", _centres),
    ("y x height width", lambda box: _sizes(box[:, [1, 0, 3, 2]])),
    ("corners with y first, y0 x0 y1 x1", lambda box: box[:, [1, 0, 3, 2]]),
    ("a centre with half of width and height", lambda box: np.hstack([box[:, :2] - box[:, 2:], box[:, :2] + box[:, 2:]])),
    ("x y with half of width and height", lambda box: np.hstack([box[:, :2], box[:, :2] + 2 * box[:, 2:]])),
    ("x y with twice the width and height", lambda box: np.hstack([box[:, :2], box[:, :2] + box[:, 2:] / 2])),
    ("boxes of half the width and height", lambda box: _scaled(_sizes(box), 2)),
    ("boxes of twice the width and height", lambda box: _scaled(_sizes(box), 0.5)),
)
"How four numbers may be meant; the first is the challenge's."


def other_reading(found: Sequence[FoundBoxes], truth: Sequence[np.ndarray], size_px: tuple[int, int]) -> str:
    """Return a note on what boxes look like; "" where they fit the true boxes as they are, or no other reading fits far better.

    Args:
        found: the boxes of each X-ray, as the challenge reads them.
        truth: the true boxes of each, (boxes, 4) corners in pixels.
        size_px: (height, width) of the X-rays.
    """
    both = [(one.boxes_xyxy_px, true) for one, true in zip(found, truth, strict=True) if len(one.boxes_xyxy_px) and len(true)]
    both = both[:: max(1, -(-len(both) // MOST_XRAYS))]
    if sum(len(true) for _, true in both) < FEWEST_BOXES:
        return ""
    stated = [np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]]) for boxes, _ in both]
    true_boxes = [true for _, true in both]
    own = _fit([_sizes(numbers) for numbers in stated], true_boxes)
    if own + BETTER_BY > 1:
        return ""
    best, words = max(_fits(stated, true_boxes, size_px), key=lambda one: one[0])
    if not _is_far_better(best, own):
        return ""
    asked = "The challenge wants x y width height in pixels of the X-ray, from its top left."
    said = f"The boxes look like {words}: read so, they fit the true boxes with a mean IoU of {best:.2f}"
    return f"{said}, as they stand with {own:.2f}. {asked}"


def _is_far_better(best: float, own: float) -> bool:
    if own < FITS_ABOVE:
        return best >= max(FITS_ABOVE, 2 * own)
    return best - own >= BETTER_BY and 1 - best <= SHARE_OF_MISSES * (1 - own)


def _fits(stated: Sequence[np.ndarray], truth: Sequence[np.ndarray], size_px: tuple[int, int]) -> list[tuple[float, str]]:
    """Return how well each other reading fits, with its name."""
    height, width = size_px
    edge = np.array([width, height, width, height], float)
    largest = max(float(numbers.max()) for numbers in stated)
    fits = []
    for name, read in LAYOUTS:
        boxes = [read(numbers) for numbers in stated]
        fits.append((_fit(boxes, truth), name))
        if largest <= 1:
            fits.append((_fit([one * edge for one in boxes], truth), f"{name} as shares of the X-ray, 0 to 1"))
        elif largest <= 100:
            fits.append((_fit([one * edge / 100 for one in boxes], truth), f"{name} in percent of the X-ray"))
        fit, grid, called = _on_a_grid(boxes, truth, edge, largest)
        if round(grid) not in size_px:
            fits.append((fit, f"{name} on a grid of {called}"))
    for name, flipped in (("mirrored", (True, False)), ("upside down", (False, True)), ("turned by 180°", (True, True))):
        fits.append((_fit([_flipped(_sizes(numbers), edge, *flipped) for numbers in stated], truth), f"those of X-rays that are {name}"))
    if height == width:
        for degrees, places in ((90, [1, 2, 3, 0]), (270, [3, 0, 1, 2])):
            # A corner (x, y) comes to lie at (y, side - x), or at (side - y, x).
            turned = [_turned(_sizes(numbers), places, height) for numbers in stated]
            fits.append((_fit(turned, truth), f"those of X-rays that are turned by {degrees}°"))
    if (regridded := _regridded(stated, truth)) is not None:
        fits.append(regridded)
    return fits


def _on_a_grid(boxes: Sequence[np.ndarray], truth: Sequence[np.ndarray], edge: np.ndarray, largest: float) -> tuple[float, float, str]:
    """Return how well boxes fit on the grid that fits best, its size, and what it is called: a usual size, or about how many pixels."""

    # Many sizes are tried, for each of which a few X-rays tell enough.
    apart = max(1, -(-len(boxes) // GRID_XRAYS))
    some, true = boxes[::apart], truth[::apart]

    def fit(grid: float) -> float:
        return _fit([one * edge / grid for one in some], true) if grid >= largest else 0.0

    def fit_of_all(grid: float) -> float:
        return _fit([one * edge / grid for one in boxes], truth)

    best, grid = max((fit(usual), float(usual)) for usual in GRIDS_PX)
    if best < FITS_ABOVE / 2:
        return 0.0, grid, f"{grid:.0f} px"
    # Boxes on a grid of 310 px fit one of 320 px as well, far less than they fit their own.
    around = [grid * (1 + step * STEP) for step in range(-round(SEARCH / STEP), round(SEARCH / STEP) + 1)]
    free, between = max((fit(one), one) for one in around)
    near = [(fit(usual), float(usual)) for usual in GRIDS_PX if abs(usual / between - 1) <= NAMED_WITHIN]
    named = max(near, default=(0.0, 0.0))
    if named[0] >= free - SIMPLER_BY:
        return fit_of_all(named[1]), named[1], f"{named[1]:.0f} px"
    # Millimetres and margins are told by `_regridded`, where there are boxes enough for it.
    return fit_of_all(between) - 2 * SIMPLER_BY, between, f"about {between:.0f} px"


def _turned(boxes: np.ndarray, places: Sequence[int], side: int) -> np.ndarray:
    corners = boxes[:, places]
    mirrored = [1, 3] if places[0] == 1 else [0, 2]
    corners[:, mirrored] = side - corners[:, mirrored]
    return corners


def _regridded(stated: Sequence[np.ndarray], truth: Sequence[np.ndarray]) -> tuple[float, str] | None:
    """Return how well the boxes fit with a factor and a shift for each axis, as of another grid, of millimetres, of a margin.

    These are fitted on X-rays with one box and one true box: on half of them, and judged on the other half.
    """
    pairs = [(numbers[0], true[0]) for numbers, true in zip(stated, truth, strict=True) if len(numbers) == len(true) == 1]
    if len(pairs) < FEWEST_PAIRS:
        return None
    found, true = (np.array([pair[place] for pair in pairs]) for place in (0, 1))
    middle, wanted = found[:, :2] + found[:, 2:] / 2, (true[:, :2] + true[:, 2:]) / 2
    factors, shifts = [], []
    for axis in (0, 1):
        if np.ptp(middle[::2, axis]) == 0:
            return None
        factor, shift = np.polyfit(middle[::2, axis], wanted[::2, axis], 1)
        factors.append(abs(float(factor)))
        shifts.append((float(factor), float(shift)))
    place = np.stack([middle[1::2, axis] * shifts[axis][0] + shifts[axis][1] for axis in (0, 1)], axis=1)
    half = found[1::2, 2:] * factors / 2
    fit = _fit(list(np.hstack([place - half, place + half])[:, None]), list(true[1::2, None]))
    across, down = (f"{factor:.3g}{f' {shift:+.0f} px' if abs(shift) > SHIFT_PX else ''}" for factor, shift in shifts)
    return fit - SIMPLER_BY, f"x y width height on another grid (across × {across}, down × {down})"


def order_reading(found: Sequence[FoundBoxes], orders: Mapping[str, Sequence[np.ndarray]]) -> str:
    """Return a note where boxes fit the X-rays of other rows than their own far better; "" else.

    Args:
        found: the boxes of each row, in the order of the file.
        orders: from `row_orders.orders_of`, of the true boxes (boxes, 4).
    """
    own = _fit_of_rows(found, orders[AS_IT_IS])
    fits = {words: _fit_of_rows(found, truth) for words, truth in orders.items()}
    best = max(fits, key=lambda words: fits[words])
    several = sum(len(true) > 0 for true in orders[AS_IT_IS]) >= FEWEST_PAIRS
    if not _is_far_better(fits[best], own) or (fits[best] < FEW_FIT_ABOVE and not several):
        return ""
    fit = f"a mean IoU of {fits[best]:.2f}, as they stand with {own:.2f}"
    return f"The boxes look like {best}: there they fit the true boxes with {fit}. Were ids and boxes joined by their order?"


def _fit_of_rows(found: Sequence[FoundBoxes], truth: Sequence[np.ndarray]) -> float:
    # Boxes where nothing is, and none where something is, count against an order.
    both = [(one.boxes_xyxy_px, true) for one, true in zip(found, truth, strict=True) if len(true)][:MOST_XRAYS]
    return _fit([boxes for boxes, _ in both], [true for _, true in both]) if both else 0.0


def _flipped(boxes: np.ndarray, edge: np.ndarray, across: bool, down: bool) -> np.ndarray:
    turned = edge - boxes[:, [2, 3, 0, 1]]
    columns = np.array([across, down, across, down])
    return np.where(columns, turned, boxes)


def _fit(found: Sequence[np.ndarray], truth: Sequence[np.ndarray]) -> float:
    """Return the mean over the true boxes of the highest IoU with a box of their X-ray; boxes without extent count as none."""
    best = []
    for boxes, true in zip(found, truth, strict=True):
        real = boxes[(boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])]
        best.append(iou(true, real).max(axis=1) if len(real) else np.zeros(len(true)))
    return float(np.concatenate(best).mean())
