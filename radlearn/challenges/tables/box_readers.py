"""Boxes that several readers drew around one finding, each for themselves, as VinDr-CXR's training set has them.

All of them are learnt as findings of their own, and a detector that finds each finding once is said to miss the others.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from radlearn.amounts import counted
from radlearn.challenges.tables.box_columns import reader_columns
from radlearn.challenges.tables.table_files import OwnTable
from radlearn.challenges.xray_case import XrayCase
from radlearn.csv_cells import restored
from radlearn.metrics.boxes import iou

ONE_ABOVE = 0.5
"""Intersection over union of boxes that are of one finding. No two boxes have it on any of the 3,398 X-rays with
several of the Kaggle challenge."""
MOST_OF = 0.5
"Of the X-rays with several boxes, so many have such a pair."
FEWEST = 3
"X-rays with several boxes, below which two findings may lie so by chance."
MARK = "readers of one finding"


def reader_note(table: OwnTable, cases: Sequence[XrayCase]) -> str:
    """Return what to do where most X-rays with several boxes have two on one place, or readers have boxes of their own there; "" else."""
    several = [case for case in cases if len(case.boxes_xyxy_px) > 1]
    on_one_place = sum(map(_is_doubled, several))
    read_by = {column: _by_several(table, column) for column in reader_columns(table.columns)}
    column, by_several = max(read_by.items(), key=lambda one: one[1], default=("", 0))
    overlapping = len(several) >= FEWEST and on_one_place > MOST_OF * len(several)
    if not overlapping and not (by_several and on_one_place):
        return ""
    found = f"of {counted(len(several), 'X-rays')} with several boxes, {on_one_place:,} have two that overlap by half and more (IoU)"
    named = f"; the column {column} names several readers of {counted(by_several, 'X-rays')}" if by_several else ""
    keep = f"Keep the rows of one {column}, or" if by_several else "Keep"
    return (
        f"{table.path.name}: {found}{named}. These look like boxes of several {MARK}, and each is learnt and scored as a finding of its "
        f"own. {keep} one box for each finding, such as their mean."
    )


def _is_doubled(case: XrayCase) -> bool:
    boxes = np.array(case.boxes_xyxy_px)
    overlaps = iou(boxes, boxes)
    return any(overlaps[one, other] >= ONE_ABOVE for one, other in combinations(range(len(boxes)), 2))


def _by_several(table: OwnTable, column: str) -> int:
    """Return how many images have boxes of several readers."""
    names = (Counter(restored(cells.get(column, "")) for _, cells in image.rows) for image in table.images)
    return sum(len(one.keys() - {""}) > 1 for one in names)
