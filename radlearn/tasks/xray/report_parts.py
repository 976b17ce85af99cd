"""Parts of the report that all tasks on X-rays share."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from radlearn.pictures import groups
from radlearn.pictures.overlays import XrayPanel, xray_grid
from radlearn.pictures.report import Block, Note, Picture
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run
from radlearn.training.splits import split_of
from radlearn.workflow.report_frame import SaveFigure, split_table

CATEGORIES = ("Lung Opacity", "No Lung Opacity / Not Normal", "Normal")
SHOWN_XRAYS = 8


def data_blocks(run: Run, xrays: Sequence[PreparedRadiograph], found: Mapping[str, Any], picture: SaveFigure) -> list[Block]:
    """Return the persons of the split, and the X-rays that were evaluated."""
    here = Counter(xray.case.category or ("opacity" if xray.case.label else "no opacity") for xray in xrays)
    classes = {name: here[name] for name in (*CATEGORIES, "opacity", "no opacity") if here[name]}
    figure = groups.data_figure({found["split"]: classes}, {found["split"]: found["persons"]})
    caption, alt = "The X-rays evaluated here, by the challenge's classes.", "Bars: how many X-rays of each class were evaluated."
    return [split_table(run, "X-rays"), picture("data", figure, caption, alt, wide=True), *people_note(run)]


def people_note(run: Run) -> list[Block]:
    """Return a warning where every X-ray of a run counts as a person of its own; else nothing."""
    blocks: list[Block] = []
    split = split_of(run)
    if len(split) == len({person for person, _ in split.values()}):
        text = (
            "Every X-ray counts as a person of its own. Unless that is true, the scores are too good: say who is who, in the column "
            "person of your own table, or in persons.csv (patientId,person) in a challenge's folder."
        )
        blocks.append(Note(text, "warning"))
    return blocks


def xray_grids(
    shown: Sequence[tuple[str, Sequence[int] | np.ndarray, str]],
    panels: Callable[[Sequence[int]], list[XrayPanel]],
    alt: str,
    picture: SaveFigure,
) -> list[Picture]:
    """Return a grid of the first X-rays of each group: its name, the numbers of its X-rays in order, its caption; empty ones are left out.

    Args:
        panels: numbers of X-rays -> their panels.
        alt: the beginning of the alternative texts.
    """
    grids = []
    for name, ranked, caption in shown:
        if len(ranked):
            figure = xray_grid(panels([int(number) for number in ranked[:SHOWN_XRAYS]]))
            grids.append(picture(f"xrays-{name}", figure, caption, f"{alt} {caption}", wide=True))
    return grids
