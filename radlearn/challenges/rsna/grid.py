"""Boxes on the grid that the RSNA challenge scores: its X-rays have 1024 × 1024 px, and copies of them are often smaller."""

from collections.abc import Mapping, Sequence

import numpy as np

from radlearn.amounts import begun, part_of, verb_of
from radlearn.challenges.readings.resized_images import XRAY_SIZE_PX
from radlearn.challenges.xray_case import XrayCase
from radlearn.metrics.boxes import FoundBoxes
from radlearn.progress import say


def on_the_challenges_grid(predictions: Mapping[str, FoundBoxes], cases: Sequence[XrayCase]) -> dict[str, FoundBoxes]:
    """Return boxes, in pixels of each case's own file, in pixels of the challenge's X-rays; which files are of another size is said.

    The challenge stretched its X-rays to squares, so a file of another shape is stretched too.
    """
    from radlearn.scans.dicom import read_header

    height, width = XRAY_SIZE_PX
    scaled, others = dict(predictions), []
    for case in cases:
        found = predictions.get(case.image_id)
        if found is None or (size := read_header(case.path).size_px) == XRAY_SIZE_PX:
            continue
        others.append((case, size))
        across, down = width / size[1], height / size[0]
        scaled[case.image_id] = FoundBoxes(found.boxes_xyxy_px * np.array([across, down, across, down]), found.confidences)
    if others:
        case, (rows, columns) = others[0]
        who = f"{begun(part_of(len(others), len(cases), 'X-rays'))} {verb_of(len(others), 'do')}"
        such = f"such as {case.path.name}: {columns} × {rows}, width × height"
        say(f"{who} not have the challenge's {width} × {height} px ({such}): their boxes are scaled to it.", style="yellow")
    return scaled
