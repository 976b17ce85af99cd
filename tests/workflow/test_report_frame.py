"""The frame of every report: its files, its sections in order, its tables, and whether the patients are synthetic."""

import pytest
from matplotlib.figure import Figure

from radlearn.pictures.report import Table, Text
from radlearn.training.run_folder import Run
from radlearn.workflow.report_frame import (
    random_order,
    saved_figures,
    score_table,
    split_table,
    training_blocks,
    write_run_report,
)


def test_other_data_have_a_page_and_pictures_of_their_own(finished: Run) -> None:
    sections = {"One": lambda picture: [picture("one", Figure(figsize=(1, 1)), "A caption.", "An alternative.")]}
    for split, page, pictures in (
        ("test", "report.html", finished.pictures),
        ("external", "report-external.html", finished.pictures / "external"),
    ):
        assert write_run_report(finished, {"split": split, "synthetic": False}, "Is there?", "", [], sections, 1) == finished.folder / page
        assert [path.name for path in pictures.glob("*.png")] == ["one.png"]


def test_a_picture_is_kept_beside_the_page_under_its_name(finished: Run) -> None:
    with saved_figures(finished.pictures / "external", 1) as picture:
        drawn = picture("empty", Figure(figsize=(1, 1)), "Nothing.", "An empty picture.")
    assert drawn.png == finished.pictures / "external" / "empty.png"
    assert drawn.png.read_bytes().startswith(b"\x89PNG")


def test_only_synthetic_patients_are_called_so(finished: Run) -> None:
    said = []
    for synthetic in (True, False):
        found = {"split": "test", "synthetic": synthetic}
        page = write_run_report(finished, found, "Is there?", "On X-rays.", [], {"One": lambda _: [Text("words")]}, pictures=0)
        said.append("Synthetic patients: not comparable" in page.read_text())
    assert said == [True, False]


def test_the_settings_stand_below_the_curve(finished: Run) -> None:
    with saved_figures(finished.pictures, 1) as picture:
        _, settings = training_blocks(finished, ("auroc_score",), "auroc_score", picture)
    assert isinstance(settings, Table)
    assert list(settings.rows) == [["network", "none"]]


def test_sections_are_drawn_in_order_beside_the_page_of_their_split(finished: Run) -> None:
    sections = {
        "First": lambda picture: [picture("one", Figure(figsize=(1, 1)), "A caption.", "An alternative.")],
        "Second": lambda _: [Text("some words")],
    }
    page = write_run_report(finished, {"split": "external", "synthetic": False}, "Is there?", "On X-rays.", [], sections, pictures=1)
    text = page.read_text()
    # Past the table of contents.
    text = text[text.index("</nav>") :]
    assert page == finished.folder / "report-external.html"
    assert text.index("First") < text.index("A caption.") < text.index("Second") < text.index("some words")
    assert (finished.pictures / "external" / "one.png").exists()


def test_scores_stand_beside_their_meanings() -> None:
    found = {"scores": {"auroc_score": {"value": 0.8, "low": None, "high": None}, "own_score": {"value": 0.2, "low": 0.1, "high": 0.3}}}
    table = score_table(found, {"auroc_score": "a", "own_score": "b"}, "All.", {"own_score": "Own"})
    assert [(row[0], row[1].value, row[2]) for row in table.rows] == [("AUROC", 0.8, "a"), ("Own", 0.2, "b")]
    with pytest.raises(KeyError):
        score_table(found, {}, "A score without a meaning.")


def test_the_split_is_counted_by_items_and_persons(finished: Run) -> None:
    table = split_table(finished, "X-rays")
    assert list(table.columns) == ["subset", "X-rays", "persons"]
    assert list(table.rows) == [["train", 0, 0], ["validation", 0, 0], ["test", 60, 40]]


def test_a_random_order_holds_each_number_once_and_is_always_the_same() -> None:
    assert sorted(random_order(50)) == list(range(50)) != random_order(50)
    assert random_order(50) == random_order(50)
