"""What the reports of tasks on X-rays share: the data that were evaluated, and grids of X-rays."""

import numpy as np

from radlearn.pictures.overlays import XrayPanel
from radlearn.pictures.report import Note, Table
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.tasks.xray.report_parts import SHOWN_XRAYS, data_blocks, xray_grids
from radlearn.training.run_folder import Run
from radlearn.training.splits import write_split
from radlearn.workflow.report_frame import saved_figures

ABOUT = {"split": "test", "synthetic": True, "persons": 40}


def test_xrays_without_known_persons_are_warned_about(finished: Run, evaluated_xrays: list[PreparedRadiograph]) -> None:
    with saved_figures(finished.pictures, 2) as picture:
        known = data_blocks(finished, evaluated_xrays, ABOUT, picture)
        ids = [xray.case.image_id for xray in evaluated_xrays]
        write_split(finished.folder / "split.csv", ids, ids, ["test"] * len(ids))
        unknown = data_blocks(finished, evaluated_xrays, ABOUT, picture)
    table = next(block for block in known if isinstance(block, Table))
    assert list(table.rows) == [["train", 0, 0], ["validation", 0, 0], ["test", 60, 40]]
    assert not any(isinstance(block, Note) for block in known)
    assert [block.kind for block in unknown if isinstance(block, Note)] == ["warning"]


def test_grids_show_the_first_xrays_of_each_group_and_no_empty_group(finished: Run) -> None:
    shown: list[list[int]] = []

    def panels(numbers: list[int]) -> list[XrayPanel]:
        shown.append(numbers)
        return [XrayPanel(np.zeros((8, 8))) for _ in numbers]

    groups = (("worst", np.arange(20)[::-1], "The worst."), ("alarms", [], "None."), ("best", [3], "The best."))
    with saved_figures(finished.pictures, 2) as picture:
        grids = xray_grids(groups, panels, "X-rays.", picture)  # type: ignore[arg-type]
    assert shown == [list(range(19, 19 - SHOWN_XRAYS, -1)), [3]]
    assert [(grid.caption, grid.alt) for grid in grids] == [("The worst.", "X-rays. The worst."), ("The best.", "X-rays. The best.")]
    assert {path.name for path in finished.pictures.iterdir()} == {"xrays-worst.png", "xrays-best.png"}
