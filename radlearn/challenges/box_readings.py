"""Whether the boxes of a submission mean something else than they say: corners in the place of sizes, another grid, a mirrored X-ray.

Such a file scores near zero and looks like a bad model. So its numbers are read in other ways too, and where one of them fits the true
boxes far better, a note says which. The score stays that of the file as it is.
"""

from collections.abc import Callable, Sequence

import numpy as np

from radlearn.metrics.boxes import FoundBoxes, iou

MOST_XRAYS = 400
FITS_ABOVE = 0.4
"Mean IoU of the true boxes with the best box of their X-ray; what is read wrongly stays far below."
FEWEST_BOXES = 2
GRIDS_PX = (128, 224, 256, 320, 384, 416, 448, 512, 640, 768, 800, 896, 1024, 1280, 1333, 2048)
"Sizes that detectors are trained at."

Reading = Callable[[np.ndarray], np.ndarray]


def _corners(box: np.ndarray) -> np.ndarray:
    return box


def _sizes(box: np.ndarray) -> np.ndarray:
    return np.hstack([box[:, :2], box[:, :2] + box[:, 2:]])


def _centres(box: np.ndarray) -> np.ndarray:
    return np.hstack([box[:, :2] - box[:, 2:] / 2, box[:, :2] + box[:, 2:] / 2])


LAYOUTS: tuple[tuple[str, Reading], ...] = (
    ("x y width height", _sizes),
    ("corners, x0 y0 x1 y1", _corners),
    ("a centre with width and height", _centres),
    ("y x height width", lambda box: _sizes(box[:, [1, 0, 3, 2]])),
    ("corners with y first, y0 x0 y1 x1", lambda box: box[:, [1, 0, 3, 2]]),
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
    if own >= FITS_ABOVE:
        return ""
    best, words = max(_fits(stated, true_boxes, size_px), key=lambda one: one[0])
    if best < max(FITS_ABOVE, 2 * own):
        return ""
    asked = "The challenge wants x y width height in pixels of the X-ray, from its top left."
    said = f"The boxes look like {words}: read so, they fit the true boxes with a mean IoU of {best:.2f}"
    return f"{said}, as they stand with {own:.2f}. {asked}"


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
        for grid in GRIDS_PX:
            if largest <= grid and grid not in size_px:
                fits.append((_fit([one * edge / grid for one in boxes], truth), f"{name} on a grid of {grid} px"))
    for name, flipped in (("mirrored", (True, False)), ("upside down", (False, True)), ("turned by 180°", (True, True))):
        fits.append((_fit([_flipped(_sizes(numbers), edge, *flipped) for numbers in stated], truth), f"those of X-rays that are {name}"))
    return fits


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
