"""A table that says who is in which subset, or in which fold, is not overruled by a flag without a word."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from radlearn.challenges.rsna import find_cases
from radlearn.errors import BadSetting
from radlearn.training.run_folder import REPEATS_FILE, Run, new_run
from radlearn.training.splits import SUBSETS
from radlearn.workflow.table_splits import XRAYS, asked_for, spelled


@dataclass(frozen=True)
class Settings:
    split_seed: int | None = None


def asked(folder: Path, values: list[str], column: str | None = None, fold: int | None = None, run: Run | None = None) -> list[str]:
    """What is asked for by a table of the folder's X-rays: a column `split`, or another column."""
    cases = find_cases(folder)[: 4 * len(values)]
    told = [values[number // 4] for number in range(len(cases))]
    cases = [
        replace(case, person=str(number), **({"groups": ((column, value),)} if column else {"split": value}))
        for number, (case, value) in enumerate(zip(cases, told, strict=True))
    ]
    return asked_for(cases, fold, [number % 2 == 0 for number in range(len(cases))], [], XRAYS, run)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("column", "values"),
    [("fold", ["0", "1", "2"]), ("Fold", ["1", "2", "3"]), ("cv_fold", ["0.0", "1.0"]), ("k-fold", ["fold 1", "fold_2"])],
)
def test_a_fold_beside_a_column_of_folds_is_refused_and_without_one_nothing_is(small_rsna: Path, column: str, values: list[str]) -> None:
    with pytest.raises(BadSetting) as refused:
        asked(small_rsna, values, column, fold=0)
    assert str(refused.value).startswith(f"The table has a column {column} ({', '.join(values)}), and --fold 0 draws folds of its own.")
    assert "add a column split: validation in the rows of one fold" in str(refused.value)
    assert asked(small_rsna, values, column) == []


@pytest.mark.parametrize(("column", "values"), [("fold", ["skin", "none"]), ("site", ["0", "1"]), ("fold", ["1", "1"])])
def test_other_columns_are_no_folds(small_rsna: Path, column: str, values: list[str]) -> None:
    assert asked(small_rsna, values, column, fold=0) == []


@pytest.mark.parametrize(("seed", "repeats"), [(5, False), (0, False), (None, False), (5, True)])
def test_a_seed_of_the_split_beside_a_column_split_is_said_to_change_nothing(
    small_rsna: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int | None, repeats: bool
) -> None:
    run = new_run(tmp_path / "run", "classification", Settings(seed))
    if repeats:
        (tmp_path / REPEATS_FILE).write_text("{}")
    subsets = asked(small_rsna, list(SUBSETS), run=run)
    assert subsets == [subset for subset in SUBSETS for _ in range(4)]
    said = " ".join(capsys.readouterr().err.split())
    assert (f"--split-seed {seed} changes nothing" in said) == (seed is not None and not repeats)


def test_a_name_looks_the_same_however_it_is_composed() -> None:
    assert spelled("Jose\u0301  K") == spelled("Jos\u00e9 K ")
