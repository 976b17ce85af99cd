"""The table of evaluated cases: every number as it was, and damage named with file and line."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from radlearn.errors import BadRunFolder, BadSetting
from radlearn.metrics.boxes import mean_over_images
from radlearn.metrics.case_scores import CaseScore
from radlearn.training.run_folder import Run, new_run
from radlearn.workflow.cases_file import CaseFormat, CaseQuality, add_to_cases, cases_path, read_cases, write_cases
from tests.made_runs import MadeCase, Settings

KEPT = CaseFormat(
    columns={"label": bool, "view": str, "score": float, "boxes": int},
    truth=("label",),
    scores={"mean": CaseScore(function=mean_over_images, columns=("score",))},
    quality=CaseQuality("score", np.nan_to_num, ("score",)),
)
CASES = [MadeCase("a,1", "Zoë"), MadeCase("b", 'the "other"'), MadeCase("c", "Zoë"), MadeCase("d", "line\nbreak")]
COLUMNS = {
    "label": np.array([True, False, False, True]),
    "view": np.array(["AP", "", "PA", "AP"]),
    "score": np.array([0.1 + 0.2, math.nan, math.inf, 5e-324]),
    "boxes": np.array([0, 3, -1, 12]),
}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = new_run(tmp_path / "my run", "classification", Settings(), {"data": "nowhere"})
    write_cases(run, "test", KEPT, CASES, COLUMNS)
    return run


def test_the_table_is_read_back_bit_for_bit(run: Run) -> None:
    table = read_cases(run, "test", KEPT)
    assert table.image_ids.tolist() == ["a,1", "b", "c", "d"]
    assert table.persons.tolist() == [case.person for case in CASES]
    for name, column in COLUMNS.items():
        np.testing.assert_array_equal(table.columns[name], column)
        assert table.columns[name].dtype.kind == column.dtype.kind


def test_the_table_can_be_read_by_people(run: Run) -> None:
    lines = cases_path(run, "test").read_text().splitlines()
    assert lines[:4] == [
        "image_id,person,label,view,score,boxes",
        '"a,1",Zoë,1,AP,0.30000000000000004,0',
        'b,"the ""other""",0,,,3',
        "c,Zoë,0,PA,inf,-1",
    ]


def test_float32_is_kept_exactly(run: Run) -> None:
    halves = np.random.default_rng(0).random(4).astype(np.float32)
    write_cases(run, "test", KEPT, CASES, {**COLUMNS, "score": halves})
    np.testing.assert_array_equal(read_cases(run, "test", KEPT).columns["score"].astype(np.float32), halves)


def test_every_split_has_a_table_of_its_own(run: Run) -> None:
    write_cases(run, "external", KEPT, CASES[:2], {name: column[:2] for name, column in COLUMNS.items()})
    assert cases_path(run, "external").name == "cases-external.csv"
    assert len(read_cases(run, "external", KEPT).image_ids) == 2
    assert len(read_cases(run, "test", KEPT).image_ids) == 4


def test_the_quality_of_a_case_is_a_function_of_its_columns(run: Run) -> None:
    assert KEPT.quality.of(COLUMNS)[1] == 0


def test_a_run_that_is_not_evaluated_says_how_to_do_it(run: Run) -> None:
    with pytest.raises(
        BadRunFolder, match=r"cases-external.csv: there is no such file.* radlearn classification evaluate '.*my run' --data FOLDER$"
    ):
        read_cases(run, "external", KEPT)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("label", "target", r"the columns are image_id, person, target.*; expected image_id, person, label"),
        ("c,Zoë,0,", "c,Zoë,no,", r"line 4: label is 'no'; expected 0 or 1"),
        ("PA,inf,-1", "PA,high,-1", r"line 4: score is 'high'; expected a number, or nothing where it is undefined"),
        ("inf,-1", "inf,-1.5", r"line 4: boxes is '-1.5'; expected a whole number"),
        ("PA,inf,-1", "PA,inf", r"line 4: 5 values; expected 6"),
        ("c,Zoë,", "b,Zoë,", "expected at least one case, each once"),
        ("c,Zoë,", "c,,", "with its person"),
        ('"a,1"', '"a"1', "is not a CSV table"),
    ],
)
def test_damage_is_named_with_its_place_and_what_to_do(run: Run, old: str, new: str, message: str) -> None:
    path = cases_path(run, "test")
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(BadRunFolder, match=message) as raised:
        read_cases(run, "test", KEPT)
    assert str(raised.value).endswith(f"radlearn classification evaluate '{run.folder}'")


@pytest.mark.parametrize("content", [b"", b"image_id,person,label,view,score,boxes\n", b"\xff\xfe"])
def test_an_empty_or_foreign_file_is_refused(run: Run, content: bytes) -> None:
    cases_path(run, "test").write_bytes(content)
    with pytest.raises(BadRunFolder, match=r"cases\.csv"):
        read_cases(run, "test", KEPT)


def test_columns_that_were_not_agreed_on_are_refused(run: Run) -> None:
    with pytest.raises(BadSetting, match="the columns are label; expected label, view, score, boxes"):
        write_cases(run, "test", KEPT, CASES, {"label": COLUMNS["label"]})


OF_RUNS = replace(KEPT, of_ensembles={"disagreement": float})


def test_the_columns_of_an_ensemble_come_after_the_others_which_stay_bit_for_bit(run: Run) -> None:
    before = [line.split(",") for line in cases_path(run, "test").read_text().splitlines()]
    differ = np.array([0.1, 0.0, math.nan, 1 / 3])
    add_to_cases(run, "test", OF_RUNS, {"disagreement": differ})
    after = [line.split(",") for line in cases_path(run, "test").read_text().splitlines()]
    assert after[0] == [*before[0], "disagreement"]
    table = read_cases(run, "test", OF_RUNS)
    np.testing.assert_array_equal(table.columns["disagreement"], differ)
    for name, column in COLUMNS.items():
        np.testing.assert_array_equal(table.columns[name], column)
    assert table.persons.tolist() == [case.person for case in CASES]


def test_the_table_of_a_single_run_is_read_where_ensembles_have_more_columns(run: Run) -> None:
    assert "disagreement" not in read_cases(run, "test", OF_RUNS).columns
    with pytest.raises(BadSetting, match="the columns are spread; expected disagreement"):
        add_to_cases(run, "test", OF_RUNS, {"spread": np.zeros(4)})
    add_to_cases(run, "test", OF_RUNS, {"disagreement": np.zeros(4)})
    with pytest.raises(BadRunFolder, match="the columns are"):
        read_cases(run, "test", KEPT)
