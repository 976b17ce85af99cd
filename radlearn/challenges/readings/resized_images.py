"""X-rays of the RSNA challenge that are of another size than its boxes, which are in pixels of 1024 × 1024.

Copies in other sizes go round, and originals before they were made square. Where their boxes lie inside of them all the same, nothing else
tells. The challenge's own images are known by their names, which are UUIDs of version 4: all 26,684 of its table. Who names X-rays
otherwise may have drawn boxes on them in any size; and who scaled the boxes has some that are no whole numbers or end beyond 1024. Nothing
is said of 110 X-rays of the challenge and of 60 built-in ones.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from radlearn.amounts import counted, verb_of
from radlearn.challenges.folders import holds_exact_truth

XRAY_SIZE_PX = (1024, 1024)
"(height, width) of the challenge's X-rays."
OWN_NAME = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
"RFC 9562, 5.4."
REMEDY = (
    "Use the challenge's own X-rays. Of copies that were scaled as a whole, multiply x and width by the X-ray's width / 1024, y and height "
    "by its height / 1024."
)
LEAST_SHARE = 0.75
"Of 1024: on smaller X-rays the challenge's boxes lie partly outside, which is refused; if they do not, they were scaled."


class Boxed(Protocol):
    """An X-ray, the boxes on it, and where it lies; `data_folder` is None in the challenge's layout."""

    @property
    def image_id(self) -> str: ...
    @property
    def boxes_xyxy_px(self) -> tuple[tuple[float, float, float, float], ...]: ...
    @property
    def data_folder(self) -> Path | None: ...
    @property
    def folder(self) -> Path: ...


BoxedT = TypeVar("BoxedT", bound=Boxed)


def of_other_sizes(cases: Sequence[BoxedT], sizes_px: Sequence[tuple[int, int]]) -> list[tuple[BoxedT, tuple[int, int]]]:
    """Return the challenge's X-rays that have boxes and are not 1024 × 1024 px, each with its (height, width).

    Args:
        cases: of the challenge's layout; those of a table of one's own are never meant.
        sizes_px: (cases,) (height, width).
    """
    found = [
        (case, size)
        for case, size in zip(cases, sizes_px, strict=True)
        if case.boxes_xyxy_px and size != XRAY_SIZE_PX and OWN_NAME.fullmatch(case.image_id) and case.data_folder is None
    ]
    known = [(case, size) for case, size in found if min(size) >= LEAST_SHARE * min(XRAY_SIZE_PX)]
    ends = [end for case, _ in known for box in case.boxes_xyxy_px for end in box]
    were_scaled = max(ends, default=0) > max(XRAY_SIZE_PX) or any(end != round(end) for end in ends)
    return [] if were_scaled or (known and holds_exact_truth(known[0][0].folder)) else known


def sizes_words(cases: Sequence[Boxed], sizes_px: Sequence[tuple[int, int]]) -> str:
    """Return what to say before training on such X-rays; "" where there are none."""
    found = of_other_sizes(cases, sizes_px)
    if not found:
        return ""
    case, (height, width) = found[0]
    amount = f"{counted(len(found), 'X-rays')} with boxes {verb_of(len(found), 'are')}"
    such = f"such as {case.image_id}: {_size((height, width))}"
    return f"{amount} not {_size(XRAY_SIZE_PX)}, which the challenge's boxes are for ({such}). {REMEDY}"


def _size(size_px: tuple[int, int]) -> str:
    height, width = size_px
    return f"{width} × {height} px"
