"""`cases.csv` in a run folder: a row for each evaluated case, from which the scores of `scores.json` are computed.

Numbers stand at full precision, so that what is read back gives the same scores, bit for bit. An empty cell is a number that is undefined
for its case; 0 and 1 are no and yes.
"""

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from radlearn.challenges.challenge import Case
from radlearn.csv_cells import restored
from radlearn.csv_files import write_rows
from radlearn.errors import BadRunFolder, BadSetting
from radlearn.metrics.case_scores import CaseScore, Columns
from radlearn.training.run_folder import Run
from radlearn.workflow.scores_file import evaluate_command

NAMES = ("image_id", "person")
EXPECTED = {bool: "0 or 1", int: "a whole number", float: "a number, or nothing where it is undefined", str: "text"}


class CaseQuality(NamedTuple):
    """How good the prediction for a single case is: higher is better.

    `function` takes the columns in this order and returns one number per case, (cases,).
    """

    name: str
    function: Callable[..., np.ndarray]
    columns: tuple[str, ...]

    def of(self, columns: Columns) -> np.ndarray:
        """Return the quality of each case of a table, float64 (cases,)."""
        return self.function(*(columns[name] for name in self.columns))


@dataclass(frozen=True)
class CaseFormat:
    """What a task keeps of each evaluated case, and what follows from it.

    Args:
        columns: name → kind of its values: str, bool, int or float.
        truth: columns that do not depend on the run; runs in which they differ cannot be compared.
        scores: the scores of `scores.json` by name, in its order.
        quality: of a single case, to find those in which two runs differ most.
        conditions: entries of `scores.json` without which its scores cannot be compared, such as a tolerance.
        of_ensembles: further columns, which only the table of an ensemble has: how far its runs differ.
    """

    columns: Mapping[str, type]
    truth: tuple[str, ...]
    scores: Mapping[str, CaseScore]
    quality: CaseQuality
    conditions: tuple[str, ...] = ()
    of_ensembles: Mapping[str, type] = field(default_factory=dict)

    @property
    def all_columns(self) -> dict[str, type]:
        """The columns of an ensemble's table."""
        return {**self.columns, **self.of_ensembles}


@dataclass(frozen=True)
class EvaluatedCases:
    """The rows of a table: ids and persons, str (cases,), and the columns, (cases,) each."""

    image_ids: np.ndarray
    persons: np.ndarray
    columns: dict[str, np.ndarray]


def cases_path(run: Run, split: str) -> Path:
    """Return where the table of a split is: `cases.csv` for "test", `cases-SPLIT.csv` for any other."""
    return run.folder / ("cases.csv" if split == "test" else f"cases-{split}.csv")


def write_cases(run: Run, split: str, kept: CaseFormat, cases: Sequence[Case], columns: Columns) -> Path:
    """Write the table of evaluated cases and return its path.

    Args:
        columns: those of `kept`, (cases,) each, in the order of `cases`.

    Raises:
        BadSetting: if a column is missing, or there are more.
    """
    if columns.keys() != kept.columns.keys():
        raise BadSetting(f"the columns are {', '.join(columns)}; expected {', '.join(kept.columns)}.")
    return _write(cases_path(run, split), [case.image_id for case in cases], [case.person for case in cases], columns, kept.columns)


def add_to_cases(run: Run, split: str, kept: CaseFormat, columns: Columns) -> Path:
    """Add the columns of an ensemble to the table of evaluated cases, after the others, and return its path.

    Args:
        columns: `kept.of_ensembles`, (cases,) each, in the order of the table.

    Raises:
        BadSetting: if a column is missing, or there are more.
        BadRunFolder: as `read_cases`.
    """
    if columns.keys() != kept.of_ensembles.keys():
        raise BadSetting(f"the columns are {', '.join(columns)}; expected {', '.join(kept.of_ensembles)}.")
    table = read_cases(run, split, kept)
    added = {**table.columns, **columns}
    return _write(cases_path(run, split), table.image_ids.tolist(), table.persons.tolist(), added, kept.all_columns)


def read_cases(run: Run, split: str, kept: CaseFormat) -> EvaluatedCases:
    """Read the table of evaluated cases.

    Raises:
        BadRunFolder: if there is none, or it is damaged.
    """
    path = cases_path(run, split)
    again = f"Evaluate the run again: {evaluate_command(run, split)}"
    damaged = f"It was changed or damaged after it was written. {again}"
    try:
        # A spreadsheet puts a mark before the first column.
        with open(path, newline="", encoding="utf-8-sig") as opened:
            lines = csv.reader(opened, strict=True)
            rows = [(lines.line_num, row) for row in lines]
    except FileNotFoundError:
        raise BadRunFolder(f"{path}: there is no such file; 'evaluate' writes it. {again}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadRunFolder(f"{path}: is not a CSV table ({error}). {damaged}") from None
    if rows and tuple(rows[0][1]) == (*NAMES, *kept.all_columns):
        kept = replace(kept, columns=kept.all_columns)
    header = (*NAMES, *kept.columns)
    if not rows or tuple(rows[0][1]) != header:
        raise BadRunFolder(f"{path}: the columns are {', '.join(rows[0][1]) if rows else 'none'}; expected {', '.join(header)}. {damaged}")
    values: dict[str, list[Any]] = {name: [] for name in header}
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise BadRunFolder(f"{path}, line {line}: {len(row)} values; expected {len(header)}. {damaged}")
        for (name, kind), text in zip({**dict.fromkeys(NAMES, str), **kept.columns}.items(), row, strict=True):
            try:
                values[name].append(_read(text, kind))
            except ValueError:
                raise BadRunFolder(f"{path}, line {line}: {name} is {text!r}; expected {EXPECTED[kind]}. {damaged}") from None
    ids = values["image_id"]
    if not ids or len(set(ids)) < len(ids) or not all(ids) or not all(values["person"]):
        raise BadRunFolder(f"{path}: expected at least one case, each once, with its person. {damaged}")
    columns: dict[str, np.ndarray] = {name: np.array(values[name], dtype=kind) for name, kind in kept.columns.items()}
    return EvaluatedCases(np.array(ids, dtype=str), np.array(values["person"], dtype=str), columns)


def _write(path: Path, image_ids: Sequence[str], persons: Sequence[str], columns: Columns, kinds: Mapping[str, type]) -> Path:
    shown = [[_shown(value, kind) for value in np.asarray(columns[name]).tolist()] for name, kind in kinds.items()]
    write_rows(path, [(*NAMES, *kinds), *zip(image_ids, persons, *shown, strict=True)])
    return path


def _shown(value: Any, kind: type) -> str:
    if kind is str:
        return str(value)
    if kind is float:
        # The shortest text that is read back as the same number.
        return "" if math.isnan(value) else repr(float(value))
    return str(int(value))


def _read(text: str, kind: type) -> Any:
    if kind is bool:
        return bool(("0", "1").index(text))
    if kind is float:
        return float(text) if text else math.nan
    if kind is int and not -(2**63) <= int(text) < 2**63:
        raise ValueError("more than 64 bits")
    return restored(text) if kind is str else kind(text)
