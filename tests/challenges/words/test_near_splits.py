"""A split of a study in other words than train, validation and test is asked about, and nothing else is."""

from pathlib import Path

import pytest

from radlearn.challenges.tables.xray_table import audit
from radlearn.challenges.words.near_splits import split_notes
from tests.challenges.words.test_near_columns import LABELS, table_of

SPLITS: list[dict[str, list[str]]] = [
    {"is_test": list("000111")},
    {"isTrain": ["True", "False"] * 3},
    {"cohort": ["derivation", "validation"] * 3},
    {"Kohorte": ["Trainingskohorte", "Testkohorte"] * 3},
    {"source": ["Development set", "External validation"] * 3},
    {"cohort": ["internal", "external"] * 3},
    {"subset": ["dev", "eval"] * 3},
    {"train": list("110000"), "validation": list("001100"), "test": list("000011")},
]


@pytest.mark.parametrize("columns", SPLITS, ids=str)
def test_a_split_in_other_words_is_asked_about(tmp_path: Path, columns: dict[str, list[str]]) -> None:
    table, cases = audit(table_of(tmp_path, {**LABELS, **columns}))
    (note,) = [note for note in table.notes if "not read as the split" in note]
    assert f"column{'s' * (len(columns) > 1)} {', '.join(columns)} hold" in note
    assert not table.troubles
    assert {case.split for case in cases} == {None}


@pytest.mark.parametrize(
    "columns",
    [
        {"test": list("010101")},
        {"rotation": ["internal", "external"] * 3},
        {"pacemaker": list("010101")},
        {"site": ["dev", "North"] * 3},
        {"cohort": ["2019", "2020"] * 3},
        {"phase": ["inspiration", "expiration"] * 3},
        {"is_test": ["0"] * 6},
        {"split": ["train", "validation", "test"] * 2, "is_test": list("001001")},
    ],
    ids=str,
)
def test_other_columns_are_not(columns: dict[str, list[str]]) -> None:
    rows = [{name: values[place] for name, values in columns.items()} for place in range(6)]
    assert split_notes([*columns], rows) == []


def test_what_is_refused_as_the_split_under_another_name_is_not_asked_about_too(tmp_path: Path) -> None:
    table, _ = audit(table_of(tmp_path, {**LABELS, "subset": ["train", "train", "train", "test", "test", "validation"]}))
    assert len(table.troubles) == 1
    assert not any("not read as the split" in note for note in table.notes)
