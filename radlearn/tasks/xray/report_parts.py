"""Parts of the report that all tasks on X-rays share."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from radlearn.pictures import groups
from radlearn.pictures.report import Block, Note, Table
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run
from radlearn.training.splits import count_by_subset, read_split
from radlearn.workflow.report_frame import SaveFigure

CATEGORIES = ("Lung Opacity", "No Lung Opacity / Not Normal", "Normal")


def data_blocks(run: Run, xrays: Sequence[PreparedRadiograph], found: Mapping[str, Any], picture: SaveFigure) -> list[Block]:
    """Return the people of the split, and the X-rays that were evaluated."""
    split = read_split(run.folder / "split.csv")
    here = Counter(xray.case.category or ("opacity" if xray.case.label else "no opacity") for xray in xrays)
    classes = {name: here[name] for name in (*CATEGORIES, "opacity", "no opacity") if here[name]}
    figure = groups.data_figure({found["split"]: classes}, {found["split"]: found["persons"]})
    blocks: list[Block] = [
        Table(
            ["subset", "X-rays", "people"],
            [[subset, images, people] for subset, (images, people) in count_by_subset(split).items()],
            "People were split, not X-rays: nobody is in two subsets.",
        ),
        picture(
            "data",
            figure,
            "The X-rays evaluated here, by the challenge's classes.",
            "Bars: how many X-rays of each class were evaluated.",
            wide=True,
        ),
    ]
    if len(split) == len({person for person, _ in split.values()}):
        blocks.append(
            Note(
                "Every X-ray counts as a person of its own. Unless that is true, the scores are too good: see persons.csv in the README.",
                "warning",
            )
        )
    return blocks
