"""Only runs of one task, evaluated on the same cases, are compared; everything else is refused with a sentence."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from radlearn import hints
from radlearn.errors import BadRunFolder, BadSetting
from radlearn.json_files import write_json
from radlearn.pictures.report import Table
from radlearn.training.run_folder import Run, new_run
from radlearn.use_cases import USE_CASES, UseCase
from radlearn.workflow.compared_runs import SAME_PERSONS, compared_runs
from radlearn.workflow.ensembles import CHOSEN, MEAN
from radlearn.workflow.scores_file import read_scores, scores_path
from radlearn.workflow.spread import spread_section
from tests.made_runs import Settings, evaluate, made_boxes, made_cases, made_masks, made_probabilities, made_repeats, made_run


@pytest.fixture
def two(tmp_path: Path) -> tuple[Run, Run]:
    """Two evaluated runs of one recipe."""
    first, second = (made_run(tmp_path / f"run {seed}", "classification", made_probabilities(seed), seed) for seed in (0, 1))
    return first, second


def refused(*runs: Run | Path, split: str = "test") -> str:
    with pytest.raises(BadRunFolder) as raised:
        compared_runs([run.folder if isinstance(run, Run) else run for run in runs], split)
    return str(raised.value)


def test_what_was_evaluated_is_opened_with_a_letter_each(two: tuple[Run, Run]) -> None:
    together = compared_runs([run.folder for run in two])
    assert (together.task, together.synthetic) == ("classification", False)
    assert [(run.name, run.folder, run.seeds) for run in together.runs] == [("A", two[0].folder, (0,)), ("B", two[1].folder, (1,))]
    assert together.cases.image_ids.tolist() == [case.image_id for case in made_cases()]
    for seed, run in enumerate(together.runs):
        np.testing.assert_array_equal(run.trainings[0]["probability"], made_probabilities(seed)["probability"])


def test_a_folder_of_repeats_is_one_with_several_trainings(two: tuple[Run, Run], tmp_path: Path) -> None:
    made_repeats(tmp_path / "repeats", "classification", {seed: made_probabilities(seed) for seed in (4, 5, 6)})
    together = compared_runs([two[0].folder, tmp_path / "repeats"])
    assert [(run.seeds, len(run.trainings)) for run in together.runs] == [((0,), 1), ((4, 5, 6), 3)]


def test_cases_in_another_order_are_put_into_that_of_the_first(two: tuple[Run, Run]) -> None:
    order = np.random.default_rng(0).permutation(len(made_cases()))
    evaluate(two[1], {name: column[order] for name, column in made_probabilities(1).items()}, [made_cases()[place] for place in order])
    second = compared_runs([run.folder for run in two]).runs[1]
    np.testing.assert_array_equal(second.trainings[0]["probability"], made_probabilities(1)["probability"])


def test_fewer_than_two_and_more_than_there_are_letters_are_refused(two: tuple[Run, Run]) -> None:
    for count in (0, 1, 27):
        with pytest.raises(
            BadSetting, match=rf"^compare: {count} runs were named; name 2 to 26, each a run folder or a folder of repeats\.$"
        ):
            compared_runs([two[0].folder] * count)


def test_another_task_is_refused(two: tuple[Run, Run], tmp_path: Path) -> None:
    other = made_run(tmp_path / "boxes", "detection", made_boxes(0))
    assert "boxes is a run of detection," in refused(two[0], other)
    assert refused(two[0], other).endswith("Only runs of one task can be compared.")


def test_other_persons_are_refused_with_their_number_and_one_of_them(two: tuple[Run, Run]) -> None:
    others = [replace(case, person="someone else") if number in (3, 8) else case for number, case in enumerate(made_cases())]
    evaluate(two[1], made_probabilities(1), others)
    said = refused(*two)
    assert "different data: person differs in 2 of 120 cases, such as image-003, for which it is someone else and person-01." in said
    assert "same data with the same split seed and fold" in said


def test_other_cases_are_refused_with_their_number_and_one_of_them(two: tuple[Run, Run]) -> None:
    others = [replace(case, image_id=f"new-{number}") if number > 116 else case for number, case in enumerate(made_cases())]
    evaluate(two[1], made_probabilities(1), others)
    assert re.search(r"different cases: 6 are in only one, such as image-117 in .*run 0\. ", refused(*two))


def test_other_labels_are_refused(two: tuple[Run, Run]) -> None:
    columns = made_probabilities(1)
    columns["label"][5] = not columns["label"][5]
    evaluate(two[1], columns)
    assert "label differs in 1 of 120 cases, such as image-005, for which it is " in refused(*two)


def test_a_repeat_on_other_cases_is_found_within_its_folder(two: tuple[Run, Run], tmp_path: Path) -> None:
    repeats = made_repeats(tmp_path / "repeats", "classification", {seed: made_probabilities(seed) for seed in (0, 1)})
    evaluate(repeats.runs[1], made_probabilities(1, persons=59), made_cases(59))
    assert "such as image-118" in refused(two[0], tmp_path / "repeats")


def test_another_tolerance_is_another_score(tmp_path: Path) -> None:
    runs = [made_run(tmp_path / f"{mm}", "segmentation", made_masks(0), tolerance_mm=mm) for mm in (1.0, 3.0)]
    assert "tolerance_mm is 3.0 in" in refused(*runs)


def test_a_run_that_is_not_evaluated_gets_the_command(two: tuple[Run, Run]) -> None:
    (two[1].folder / "scores.json").unlink()
    assert refused(*two).endswith(
        f"is not evaluated yet, it has no scores.json. Evaluate it: radlearn classification evaluate '{two[1].folder}'"
    )


def test_one_that_was_evaluated_before_there_were_tables_gets_it_too(two: tuple[Run, Run]) -> None:
    (two[0].folder / "cases.csv").unlink()
    assert f"it has no cases.csv. Evaluate it: radlearn classification evaluate '{two[0].folder}'" in refused(*two)


def test_repeats_are_evaluated_together(two: tuple[Run, Run], tmp_path: Path) -> None:
    repeats = made_repeats(tmp_path / "repeats", "classification", {seed: made_probabilities(seed) for seed in (0, 1)})
    (repeats.runs[1].folder / "scores.json").unlink()
    assert refused(two[0], repeats.folder).endswith(f"radlearn classification evaluate {repeats.folder}")
    (repeats.runs[1].folder / "postprocessing.json").unlink()
    assert refused(two[0], repeats.folder).endswith(f"has not finished. To continue: radlearn classification resume {repeats.folder}")


def test_other_data_are_compared_where_both_were_evaluated_on_them(two: tuple[Run, Run]) -> None:
    assert f"evaluate '{two[0].folder}' --data FOLDER" in refused(*two, split="external")
    for seed, run in enumerate(two):
        evaluate(run, made_probabilities(seed, persons=20), split="external")
    assert len(compared_runs([run.folder for run in two], "external").cases.image_ids) == 40


@pytest.mark.parametrize("change", ["cases", "person", "label", "content"])
@pytest.mark.parametrize("split", ["test", "external"])
def test_what_is_advised_is_what_can_help(two: tuple[Run, Run], tmp_path: Path, split: str, change: str) -> None:
    columns, cases = made_probabilities(1), made_cases()
    if change == "cases":
        columns, cases = made_probabilities(1, persons=59), made_cases(59)
    elif change == "person":
        cases = [replace(case, person="someone else") if number == 3 else case for number, case in enumerate(cases)]
    elif change == "label":
        columns["label"][5] = not columns["label"][5]
    repeats = made_repeats(tmp_path / "all", "classification", {seed: made_probabilities(seed) for seed in (4, 5)})
    for run in (two[0], repeats.runs[0]):
        evaluate(run, made_probabilities(0), split=split)
    for run in (two[1], repeats.runs[1]):
        evaluate(run, columns, cases, split=split)
        if change == "content":
            for one, digest in ((run, "a" * 32), (two[0], "b" * 32), (repeats.runs[0], "b" * 32)):
                path = scores_path(one, split)
                write_json(path, {**json.loads(path.read_text()), "content": digest})
    for other, named in ((two[1], two[1].folder), (repeats.folder, repeats.folder)):
        said = refused(two[0], other, split=split)
        evaluation = hints.command("classification", "evaluate", named)
        if split == "external":
            assert said.endswith(f"on the same data: {evaluation} --data FOLDER, where FOLDER is what {two[0].folder} was evaluated on.")
            assert "split seed" not in said
        elif change in ("cases", "person"):
            assert said.endswith(SAME_PERSONS)
        else:
            again = hints.command("classification", "evaluate", two[0].folder)
            assert said.endswith(f"Evaluate both again, on the same data as they are now: {evaluation} and {again}")


def test_of_runs_that_were_evaluated_together_the_commands_name_them_all(two: tuple[Run, Run]) -> None:
    together = made_run(two[0].folder / "ensemble", "classification", made_probabilities(2))
    about = json.loads((together.folder / "settings.json").read_text())
    write_json(together.folder / "settings.json", {**about, "runs": [str(run.folder) for run in two]})
    assert len(compared_runs([two[0].folder, together.folder]).runs) == 2
    evaluate(two[0], made_probabilities(0), split="external")
    said = refused(two[0], together, split="external")
    assert "never on other data" in said
    assert "Name each run by its own folder" in said
    command = hints.command("classification", "evaluate", *(run.folder for run in two))
    (together.folder / "cases.csv").write_text("image_id,person\n")
    assert command in refused(two[0], together)
    # Without its postprocessing too it is the runs that are evaluated: it was never trained.
    for name in ("cases.csv", "scores.json", "postprocessing.json"):
        (together.folder / name).unlink()
    assert refused(two[0], together).endswith(f"Evaluate it: {command}")


def test_a_folder_that_is_no_run_is_named(two: tuple[Run, Run], tmp_path: Path) -> None:
    assert "there is no such run folder" in refused(two[0], tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert "is not a run folder" in refused(two[0], tmp_path / "empty")


def test_a_changed_number_is_found_by_the_scores(two: tuple[Run, Run]) -> None:
    table = two[1].folder / "cases.csv"
    lines = table.read_text().splitlines()
    cells = lines[40].split(",")
    cells[4] = "0.5"
    table.write_text("\n".join([*lines[:40], ",".join(cells), *lines[41:]]) + "\n")
    said = refused(*two)
    assert "cases.csv: does not belong to scores.json: it gives " in said
    assert said.endswith(f"Evaluate the run again: radlearn classification evaluate '{two[1].folder}'")


@pytest.mark.parametrize("value", ["", "nan", "7.5"])
def test_a_probability_that_is_none_is_refused_with_its_file(two: tuple[Run, Run], value: str) -> None:
    table = two[1].folder / "cases.csv"
    lines = table.read_text().splitlines()
    cells = lines[40].split(",")
    cells[5] = value
    table.write_text("\n".join([*lines[:40], ",".join(cells), *lines[41:]]) + "\n")
    said = refused(*two)
    assert said.startswith(f"{table}: brier_error cannot be computed from it: probabilities: ")
    assert said.endswith(f"radlearn classification evaluate '{two[1].folder}'")


def test_lost_rows_are_found_by_their_number(two: tuple[Run, Run]) -> None:
    table = two[1].folder / "cases.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:-2]) + "\n")
    assert "it gives 118 cases, not 120" in refused(*two)


def test_scores_that_are_none_are_refused(two: tuple[Run, Run]) -> None:
    path = two[0].folder / "scores.json"
    scores = json.loads(path.read_text())
    for content in ("{", "[]", json.dumps({**scores, "scores": {}}), json.dumps({**scores, "scores": {"auroc_score": 3}})):
        path.write_text(content)
        assert refused(*two).endswith(f"radlearn classification evaluate '{two[0].folder}'")


def test_undefined_and_infinite_values_belong_together(tmp_path: Path) -> None:
    healthy = made_probabilities(0) | {"label": np.zeros(120, bool)}
    runs = [made_run(tmp_path / f"{number}", "classification", healthy) for number in range(2)]
    assert len(compared_runs([run.folder for run in runs]).runs) == 2


@pytest.mark.parametrize("is_registered", [True, False])
def test_a_task_that_keeps_no_table_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_registered: bool) -> None:
    if is_registered:
        monkeypatch.setitem(USE_CASES, "squares", UseCase("", "", ""))
    runs = [new_run(tmp_path / name, "squares", Settings()) for name in ("one", "two")]
    with pytest.raises(BadSetting, match="squares: its evaluation keeps no table of cases"):
        compared_runs([run.folder for run in runs])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"cases": "120"}, "cases is '120'"),
        ({"synthetic": "no"}, "synthetic is 'no'"),
        ({"content": 5}, "content is 5"),
        ({"task": "detection"}, "holds the scores of detection on test; expected classification on test"),
        ({"split": "external"}, "holds the scores of classification on external"),
        ({"scores": {"auroc_score": {"value": 10**400, "low": None, "high": None}}}, "scores.auroc_score.value is 1000"),
        ({"scores": {"auroc_score": {"value": True, "low": None, "high": None}}}, "scores.auroc_score.value is True"),
        ({"scores": {"auroc_score": {"value": 0.5}}}, "scores.auroc_score.low is missing"),
        ({"scores": {}}, "has no auroc_score"),
    ],
)
def test_scores_of_other_types_or_of_another_evaluation_are_refused(two: tuple[Run, Run], changed: dict, words: str) -> None:
    path = two[0].folder / "scores.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))
    said = refused(*two)
    assert words in said
    assert said.endswith(f"radlearn classification evaluate '{two[0].folder}'")


@pytest.mark.parametrize("split", ["tests", "", "../run 1/scores", "validation"])
def test_a_split_that_is_none_is_refused_with_those_there_are(two: tuple[Run, Run], split: str) -> None:
    with pytest.raises(BadSetting, match="it must be one of test, external"):
        compared_runs([run.folder for run in two], split)


def test_a_table_that_a_spreadsheet_wrote_is_read_and_a_folder_in_its_place_named(two: tuple[Run, Run]) -> None:
    path = two[1].folder / "cases.csv"
    content = path.read_bytes()
    path.write_bytes(b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n"))
    assert len(compared_runs([run.folder for run in two]).cases.image_ids) == 120
    path.unlink()
    path.mkdir()
    assert "cases.csv: is not a CSV table" in refused(*two)


MADE = {"classification": made_probabilities, "detection": made_boxes, "segmentation": made_masks}


def choose(run: Run, **chosen: float) -> None:
    """Write a postprocessing as `tune` does."""
    write_json(run.folder / "postprocessing.json", {"task": run.task, "postprocessing": chosen, "chosen_by": "hand"})


@pytest.mark.parametrize("split", ["test", "external"])
@pytest.mark.parametrize("task", MADE)
def test_scores_of_an_earlier_choice_are_refused_with_the_command(tmp_path: Path, task: str, split: str) -> None:
    runs = [made_run(tmp_path / f"run-{seed}", task, MADE[task](seed), seed, split=split) for seed in (0, 1)]
    choose(runs[1], threshold=0.5, slope=1)
    evaluate(runs[1], MADE[task](1), split=split)
    # How it was chosen, and how it is laid out, does not matter.
    write_json(
        runs[1].folder / "postprocessing.json", {"postprocessing": {"slope": 1.0, "threshold": 0.5}, "chosen_by": "tune", "task": task}
    )
    assert len(compared_runs([run.folder for run in runs], split).runs) == 2
    choose(runs[1], threshold=0.25, slope=1)
    said = refused(*runs, split=split)
    assert f"measured with another postprocessing than {runs[1].folder / 'postprocessing.json'} has now" in said
    assert re.search(rf"Evaluate again: .*radlearn {task} evaluate \S*run-1{' --data FOLDER' if split == 'external' else ''}$", said)


@pytest.mark.parametrize("said", [{"threshold": 0.5}, {"postprocessing": {"threshold": 0.5, "slope": 1.0}}, {}])
def test_older_scores_are_held_against_what_they_say(two: tuple[Run, Run], said: dict[str, object]) -> None:
    path = two[1].folder / "scores.json"
    older = {name: value for name, value in json.loads(path.read_text()).items() if name not in ("postprocessing_digest", *said)}
    write_json(path, {**older, **said})
    choose(two[1], threshold=0.5, slope=1)
    assert compared_runs([run.folder for run in two])
    choose(two[1], threshold=0.25, slope=1)
    if said:
        assert "another postprocessing" in refused(*two)
    else:
        assert compared_runs([run.folder for run in two])


@pytest.mark.parametrize(("origin", "counts"), [(MEAN, True), (CHOSEN, False)])
def test_a_mean_changes_with_the_choice_of_one_of_its_runs(two: tuple[Run, Run], tmp_path: Path, origin: str, counts: bool) -> None:
    about = {"data": "nowhere", "synthetic": True, "runs": [str(run.folder) for run in two]}
    ensemble = new_run(tmp_path / "ensemble", "classification", Settings(), about)
    chosen = {"task": "classification", "postprocessing": {"threshold": 0.5}, "origin": origin}
    write_json(ensemble.folder / "postprocessing.json", chosen)
    evaluate(ensemble, made_probabilities(3))
    read_scores(ensemble, "test")
    choose(two[1], threshold=0.125)
    if counts:
        with pytest.raises(BadRunFolder, match=f"evaluate {two[0].folder}".replace(" ", ".*")):
            read_scores(ensemble, "test")
    else:
        read_scores(ensemble, "test")


def test_the_scores_of_a_repeat_that_was_tuned_since_do_not_stand_beside_the_others(tmp_path: Path) -> None:
    repeats = made_repeats(tmp_path / "repeats", "classification", {seed: made_probabilities(seed) for seed in (4, 5, 6)})
    found = read_scores(repeats.runs[0], "test")
    choose(repeats.runs[2], threshold=0.1)
    section = spread_section(repeats.runs[0], found)
    assert section is not None
    (table,) = section.blocks
    assert isinstance(table, Table)
    assert str(table.caption).startswith("2 trainings that differ by their seed alone (4, 5)")
