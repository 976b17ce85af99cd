"""What every report says: where it stands, who was on which side, and that synthetic patients are synthetic."""

from matplotlib.figure import Figure

from radlearn.pictures.report import Note, Section, Table, Text
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.tasks.xray.report_parts import data_blocks
from radlearn.training.run_folder import Run
from radlearn.training.splits import write_split
from radlearn.workflow.report_frame import place_of, saved_figures, training_blocks, write_run_report

ABOUT = {"split": "test", "synthetic": True, "persons": 40}


def test_other_data_have_a_page_and_pictures_of_their_own(finished: Run) -> None:
    own, other = place_of(finished, "test"), place_of(finished, "external")
    assert (own.page.name, own.pictures) == ("report.html", finished.pictures)
    assert (other.page.name, other.pictures) == ("report-external.html", finished.pictures / "external")


def test_a_picture_is_kept_beside_the_page_under_its_name(finished: Run) -> None:
    with saved_figures(place_of(finished, "external"), 1) as picture:
        drawn = picture("empty", Figure(figsize=(1, 1)), "Nothing.", "An empty picture.")
    assert drawn.png == finished.pictures / "external" / "empty.png"
    assert drawn.png.read_bytes().startswith(b"\x89PNG")


def test_only_synthetic_patients_are_called_so(finished: Run) -> None:
    said = []
    for synthetic in (True, False):
        page = write_run_report(finished, place_of(finished, "test"), ABOUT | {"synthetic": synthetic}, "Is there?", "On X-rays.", [],
                                [Section("One", [Text("words")])])  # fmt: skip
        said.append("Synthetic patients: not comparable" in page.read_text())
    assert said == [True, False]


def test_xrays_without_known_persons_are_warned_about(finished: Run, evaluated_xrays: list[PreparedRadiograph]) -> None:
    with saved_figures(place_of(finished, "test"), 2) as picture:
        known = data_blocks(finished, evaluated_xrays, ABOUT, picture)
        ids = [xray.case.image_id for xray in evaluated_xrays]
        write_split(finished.folder / "split.csv", ids, ids, ["test"] * len(ids))
        unknown = data_blocks(finished, evaluated_xrays, ABOUT, picture)
    table = next(block for block in known if isinstance(block, Table))
    assert list(table.rows) == [["train", 0, 0], ["validation", 0, 0], ["test", 60, 40]]
    assert not any(isinstance(block, Note) for block in known)
    assert [block.kind for block in unknown if isinstance(block, Note)] == ["warning"]


def test_the_settings_stand_below_the_curve(finished: Run) -> None:
    with saved_figures(place_of(finished, "test"), 1) as picture:
        _, settings = training_blocks(finished, ("auroc_score",), "auroc_score", picture)
    assert isinstance(settings, Table)
    assert list(settings.rows) == [["network", "none"]]
