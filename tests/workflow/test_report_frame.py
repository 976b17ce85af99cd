"""The frame of every report: its files, its sections in order, its tables, and whether the patients are synthetic."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from radlearn.json_files import read_json
from radlearn.pictures.report import Table, Text
from radlearn.training.run_folder import Run
from radlearn.workflow.report_frame import (
    random_order,
    renew_spread,
    report_path,
    saved_figures,
    score_table,
    split_table,
    training_blocks,
    write_run_report,
)
from tests.made_runs import evaluate, made_probabilities, made_repeats


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


def test_what_is_doubtful_stands_first(finished: Run) -> None:
    found = {"split": "test", "synthetic": False, "notes": ["The labels may be reversed."]}
    text = write_run_report(finished, found, "Is there?", "", [], {"One": lambda _: [Text("words")]}, pictures=0).read_text()
    assert text.index("What is doubtful") < text.index("The labels may be reversed.") < text.index("words")


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


def test_the_report_of_one_of_several_repeats_begins_with_its_place_which_can_be_renewed(tmp_path: Path) -> None:
    columns = {seed: made_probabilities(seed) for seed in (0, 1, 2)}
    repeats = made_repeats(tmp_path / "repeats", "classification", columns)
    first, *others = repeats.runs
    found = [read_json(run.folder / "scores.json") for run in repeats.runs]
    for run in others:
        (run.folder / "scores.json").unlink()
    page = write_run_report(first, found[0], "Is there?", "On X-rays.", [], {"Evaluation data": lambda _: [Text("some words")]}, 0)
    before = page.read_text()
    assert before.index("Other seeds") < before.index("some words")
    assert f"radlearn classification evaluate {repeats.folder}" in before

    for run, seed in zip(others, (1, 2), strict=True):
        evaluate(run, columns[seed])
    renew_spread(first, found[0])
    after = page.read_text()
    mean = sum(one["scores"]["auroc_score"]["value"] for one in found) / 3
    assert "3 trainings that differ by their seed alone (0, 1, 2)" in after
    assert f'<td class="number">{mean:.3g}</td>' in after
    assert "The others are not evaluated yet" not in after
    # Nothing else has changed.
    assert after.index("Other seeds") < after.index("some words")
    assert after.count("<section") == before.count("<section") == 2
    assert after.split("some words")[1] == before.split("some words")[1]


def test_a_run_without_a_report_or_without_repeats_is_left_alone(tmp_path: Path, finished: Run) -> None:
    repeats = made_repeats(tmp_path / "repeats", "classification", {seed: made_probabilities(seed) for seed in (0, 1)})
    renew_spread(repeats.runs[0], read_json(repeats.runs[0].folder / "scores.json"))
    assert not report_path(repeats.runs[0], "test").exists()
    page = write_run_report(finished, {"split": "test", "synthetic": False}, "Is there?", "", [], {"One": lambda _: [Text("words")]}, 0)
    before = page.read_text()
    renew_spread(finished, {"split": "test", "synthetic": False, "scores": {}})
    assert page.read_text() == before
    assert "Other seeds" not in before
