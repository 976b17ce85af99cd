"""The box around what COCO calls a segmentation: polygons, or a mask as run lengths, which are also packed into text.

Source: cocodataset.org/#format-data; for the text `rleFrString` and for the box `rleToBbox` of github.com/cocodataset/cocoapi.
"""

from collections.abc import Sequence
from typing import Any

from radlearn.challenges.tables.csv_hints import finite_number

Box = tuple[float, float, float, float]
CORNERS = 3
CHUNK_BITS, MORE, NEGATIVE = 5, 0x20, 0x10
"Of a number in the text: the bits of each letter, what says that another letter follows, and the sign in the last one."


def box_around(segmentation: Any) -> Box | None:
    """Return the corners (x0, y0, x1, y1) in pixels of what a segmentation covers; None where it covers nothing, or is none.

    >>> box_around([[10, 5, 30, 5, 20, 25]])
    (10.0, 5.0, 30.0, 25.0)
    >>> box_around({"size": [4, 3], "counts": [5, 2, 5]})  # rows 1 and 2 of column 1
    (1.0, 1.0, 2.0, 3.0)
    """
    if isinstance(segmentation, list) and segmentation:
        return _around_polygons(segmentation)
    if isinstance(segmentation, dict):
        return _around_mask(segmentation.get("size"), segmentation.get("counts"))
    return None


def _around_polygons(polygons: Sequence[Any]) -> Box | None:
    ends: list[float] = []
    for polygon in polygons:
        if not isinstance(polygon, list) or len(polygon) < 2 * CORNERS or len(polygon) % 2:
            return None
        ends += [finite_number(str(end)) for end in polygon]
    if any(end != end for end in ends):
        return None
    return min(ends[::2]), min(ends[1::2]), max(ends[::2]), max(ends[1::2])


def _around_mask(size: Any, counts: Any) -> Box | None:
    """Return the box around a mask of (height, width) whose columns are counted one after another, without and with by turns."""
    runs = _unpacked(counts) if isinstance(counts, str) else counts
    if not isinstance(size, list) or not isinstance(runs, list) or any(type(one) is not int or one < 0 for one in [*size, *runs]):
        return None
    if len(size) != 2 or not size[0] or sum(runs) != size[0] * size[1]:
        return None
    height, at, ends = size[0], 0, list[Box]()
    for number, run in enumerate(runs):
        if number % 2 and run:
            (first, top), (last, bottom) = divmod(at, height), divmod(at + run - 1, height)
            if last > first:
                top, bottom = 0, height - 1
            ends.append((first, top, last + 1, bottom + 1))
        at += run
    if not ends:
        return None
    left, top_, right, bottom_ = zip(*ends, strict=True)
    return float(min(left)), float(min(top_)), float(max(right)), float(max(bottom_))


def _unpacked(text: str) -> list[int] | None:
    """Return run lengths of a text: each as what it differs by from the last but one, from the fourth on."""
    runs: list[int] = []
    value = shift = 0
    for letter in text:
        chunk = ord(letter) - 48
        if not 0 <= chunk < 2 * MORE:
            return None
        value |= (chunk & (MORE - 1)) << shift
        shift += CHUNK_BITS
        if not chunk & MORE:
            if chunk & NEGATIVE:
                value -= 1 << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    return None if shift else runs
