"""Parts of the report that all tasks on X-rays share."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from radlearn.pictures import groups
from radlearn.pictures.report import Block, Note, Table
from radlearn.tasks.xray.radiographs import Film
from radlearn.training.run_folder import Run
from radlearn.training.splits import SIDES, read_split
from radlearn.workflow.report_frame import Draw

CATEGORIES = ("Lung Opacity", "No Lung Opacity / Not Normal", "Normal")


def data_blocks(run: Run, films: Sequence[Film], found: Mapping[str, Any], picture: Draw) -> list[Block]:
    """Return who was trained on and who was judged."""
    split = read_split(run.folder / "split.csv")
    people = {side: len({person for person, of in split.values() if of == side}) for side in SIDES}
    counts = Counter(side for _, side in split.values())
    here = Counter(film.case.category or ("opacity" if film.case.label else "no opacity") for film in films)
    classes = {name: here[name] for name in (*CATEGORIES, "opacity", "no opacity") if here[name]}
    figure = groups.data_figure({found["split"]: classes}, {found["split"]: found["persons"]})
    blocks: list[Block] = [
        Table(
            ["side", "films", "people"],
            [[each, counts[each], people[each]] for each in SIDES],
            "People were divided, not films: nobody is on two sides.",
        ),
        picture(
            "data",
            figure,
            "The films judged here, by the challenge's classes.",
            "Bars: how many films of each class were judged.",
            wide=True,
        ),
    ]
    if len(split) == len({person for person, _ in split.values()}):
        blocks.append(
            Note(
                "Every film counts as a person of its own. Unless that is so, scores flatter: see persons.csv in the data folder's README.",
                "warning",
            )
        )
    return blocks
