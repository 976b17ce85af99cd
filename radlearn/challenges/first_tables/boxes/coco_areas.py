"""Whether the areas beside COCO's boxes say that their four numbers are corners, in place of x, y, width and height.

The area of an outline or a mask is smaller than its box, so an area that does not fit the box proves nothing. But one after another that
is exactly that of the box between two corners is no accident.
"""

from collections.abc import Sequence
from typing import Any

from radlearn.amounts import counted
from radlearn.challenges.tables.csv_hints import finite_number

FITS_WITHIN = 0.01
FEWEST = 2
OUTLINE_WITHIN_PX = 1
"Boxes and outlines are rounded, to whole pixels or counted from one."


class CocoAreas:
    """Gathers areas of annotations that tell a size from a corner."""

    def __init__(self) -> None:
        self._as_corners: list[str] = []
        self._others = 0

    def look_at(self, bbox: Sequence[float], area: Any, where: str) -> None:
        """Note what the area of an annotation says of its `bbox`."""
        stated = finite_number(str(area))
        x, y, third, fourth = bbox
        between, size = (third - x) * (fourth - y), third * fourth
        # From the image's own corner both are one.
        if not stated > 0 or _fits(between, size):
            return
        if third > x and fourth > y and _fits(stated, between) and not _fits(stated, size):
            self._as_corners.append(where)
        else:
            self._others += 1

    def said(self) -> str:
        """Return a note where all areas are those of corners; "" else."""
        if len(self._as_corners) < FEWEST or self._others:
            return ""
        found = f"The area of each of {counted(len(self._as_corners), 'boxes')}, such as {self._as_corners[0]}"
        return (
            f"{found}, is that of the box between two corners, x0, y0, x1, y1, and not width × height: if these are corners, write x, y, "
            "width, height in bbox."
        )


def corners_by_outline(bbox: Sequence[float], around: Sequence[float] | None) -> str:
    """Return what is wrong where the outline of an annotation reaches exactly from one corner in its `bbox` to another; "" else.

    Args:
        bbox: four numbers, as they stand there.
        around: the corners of the box around its segmentation; None where there is none.

    >>> corners_by_outline((100, 200, 400, 500), (100, 200, 400, 500))[:63]
    'bbox is 100, 200, 400, 500, and its segmentation reaches from 1'
    >>> corners_by_outline((100, 200, 300, 300), (100, 200, 400, 500))
    ''
    """
    x, y, third, fourth = bbox
    if around is None or not _agree(around, bbox) or _agree(around, (x, y, x + third, y + fourth)):
        return ""
    left, top, right, bottom = (f"{end:g}" for end in around)
    found = f"bbox is {', '.join(f'{one:g}' for one in bbox)}, and its segmentation reaches from {left}, {top} to {right}, {bottom}"
    return f"{found}: these are two corners, x0, y0, x1, y1; expected x, y, width, height. Write x1 − x0 and y1 − y0 as the last two."


def _agree(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(abs(a - b) <= OUTLINE_WITHIN_PX for a, b in zip(one, other, strict=True))


def _fits(area: float, product: float) -> bool:
    return abs(area - product) <= FITS_WITHIN * max(abs(product), 1)
