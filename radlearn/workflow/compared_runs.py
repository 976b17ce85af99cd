"""The runs and folders of repeats that are compared: opened, proved to be evaluated on the same cases, and put into one order."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from radlearn.amounts import part_of, verb_of
from radlearn.errors import BadRunFolder, BadSetting
from radlearn.file_contents import is_of_values
from radlearn.metrics.case_scores import Columns
from radlearn.progress import say
from radlearn.training.checkpoint_header import must_have_digests
from radlearn.training.run_files import CHANGED
from radlearn.training.run_folder import Run, holds_repeats, open_run
from radlearn.training.run_state import is_finished, unfinished
from radlearn.use_cases import USE_CASES
from radlearn.workflow.cases_file import CaseFormat, EvaluatedCases, cases_path, read_cases
from radlearn.workflow.repeats import open_repeats
from radlearn.workflow.scores_file import evaluate_command, interval_of, read_scores, scores_path
from radlearn.workflow.shared_truths import truths_apart

SAME_PERSONS = (
    "Runs are compared on the same persons: train them on the same data with the same split seed and fold, or one table's column split."
)
# Sums on another machine may differ in the last digits.
TOLERANCE = 1e-9
SPLITS = ("test", "external")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class ComparedRun:
    """A run, or a folder of repeats, that is compared.

    `trainings` holds the columns of each run, one for each of `seeds`, all with the cases in the same order.
    """

    # A letter: folders have long names.
    name: str
    folder: Path
    seeds: tuple[Any, ...]
    trainings: tuple[Columns, ...]


@dataclass(frozen=True)
class ComparedRuns:
    """Evaluated runs of one task, and the cases that all were evaluated on."""

    task: str
    kept: CaseFormat
    runs: tuple[ComparedRun, ...]
    cases: EvaluatedCases
    synthetic: bool


@dataclass(frozen=True)
class _Evaluated:
    """One evaluated run."""

    run: Run
    scores: Mapping[str, Any]
    cases: EvaluatedCases


def compared_runs(folders: Sequence[Path], split: str = "test") -> ComparedRuns:
    """Open what is compared.

    Args:
        folders: run folders, or folders of repeats.
        split: "test", or "external" for runs that were evaluated on other data.

    Raises:
        BadSetting: fewer than two folders, or more than there are letters; a task whose runs cannot be compared.
        BadRunFolder: a folder is no run, or of another task, or not evaluated, or on other cases; a table is damaged.
    """
    if not 2 <= len(folders) <= len(LETTERS):
        raise BadSetting(f"compare: {len(folders)} runs were named; name 2 to {len(LETTERS)}, each a run folder or a folder of repeats.")
    if split not in SPLITS:
        raise BadSetting(f"--split is {split!r}; it must be one of {', '.join(SPLITS)}.")
    groups = [_runs_in(Path(folder)) for folder in folders]
    first = groups[0][0]
    for group, folder in zip(groups, folders, strict=True):
        if group[0].task != first.task:
            raise BadRunFolder(
                f"{folder} is a run of {group[0].task}, {folders[0]} is one of {first.task}. Only runs of one task can be compared."
            )
    kept = USE_CASES[first.task].load_case_format(first) if first.task in USE_CASES else None
    if kept is None:
        raise BadSetting(f"{first.task}: its evaluation keeps no table of cases, so its runs cannot be compared.")
    for run in (run for group in groups for run in group):
        if USE_CASES[first.task].load_case_format(run).columns != kept.columns:
            raise BadRunFolder(
                f"{run.folder} and {first.folder} do not predict the same labels, so their scores measure different things and cannot be "
                "compared."
            )
    for run in (group[0] for group in groups[1:]):
        if found := truths_apart(run, first):
            of_others = " Their labels agree hardly more than by chance: are these different findings?" * found.of_another_finding
            say(f"{found.words(run, first)}{of_others}", style="bold yellow")
    evaluated = [[_evaluated(run, Path(folder), split, kept) for run in group] for group, folder in zip(groups, folders, strict=True)]
    reference = evaluated[0][0]
    compared = tuple(
        ComparedRun(
            name,
            Path(folder),
            tuple(one.run.settings.get("seed") for one in group),
            tuple(_in_order_of(reference, one, kept, Path(folder)) for one in group),
        )
        for name, folder, group in zip(LETTERS, folders, evaluated, strict=False)
    )
    synthetic = all(bool(one.scores.get("synthetic")) for group in evaluated for one in group)
    return ComparedRuns(first.task, kept, compared, reference.cases, synthetic)


def _runs_in(folder: Path) -> list[Run]:
    if holds_repeats(folder):
        return [open_run(run.folder, run.task) for run in open_repeats(folder).runs]
    return [open_run(folder)]


def _evaluated(run: Run, named: Path, split: str, kept: CaseFormat) -> _Evaluated:
    """Read what was evaluated, and prove that table and scores belong together."""
    path = scores_path(run, split)
    if split != "test" and "runs" in run.about:
        raise BadRunFolder(
            f"{run.folder}: several runs are evaluated together on the test persons that they share, and never on other data, so there is "
            f"nothing to compare with --split {split}. Name each run by its own folder."
        )
    if not path.exists() or not cases_path(run, split).exists():
        lacking = (path if not path.exists() else cases_path(run, split)).name
        if not is_finished(run) and "runs" not in run.about:
            raise BadRunFolder(unfinished(run, run.command("resume", named)))
        raise BadRunFolder(f"{run.folder}: is not evaluated yet, it has no {lacking}. Evaluate it: {evaluate_command(run, split, named)}")
    again = f"Evaluate the run again: {evaluate_command(run, split)}"
    cases = read_cases(run, split, kept)
    scores = read_scores(run, split, again)
    if "content" not in scores and must_have_digests(run):
        raise BadRunFolder(f"{path}: has no content, the digest of the cases that it is of. {CHANGED} {again}")
    if missing := [name for name in kept.scores if name not in scores["scores"]]:
        raise BadRunFolder(f"{path}: has no {missing[0]}. {CHANGED} {again}")
    written = {name: interval_of(scores["scores"][name]).value for name in kept.scores}
    differing = [f"{len(cases.image_ids)} cases, not {scores['cases']}"] * (scores["cases"] != len(cases.image_ids))
    for name, score in kept.scores.items():
        try:
            computed = score.value(cases.columns)
        except BadSetting as error:
            raise BadRunFolder(f"{cases_path(run, split)}: {name} cannot be computed from it: {error} {again}") from None
        # JSON has neither NaN nor infinity: both are written as null.
        if not (_close(computed, written[name]) or (math.isnan(written[name]) and not math.isfinite(computed))):
            differing.append(f"{name} {computed:.6g}, not {written[name]:.6g}")
    if differing:
        raise BadRunFolder(
            f"{cases_path(run, split)}: does not belong to {path.name}: it gives {differing[0]}. One of the two was changed or damaged "
            f"after it was written. {again}"
        )
    return _Evaluated(run, scores, cases)


def _close(value: float, other: float) -> bool:
    return math.isclose(value, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def _same_data(reference: _Evaluated, other: _Evaluated, named: Path, same_cases: bool) -> str:
    """Return what to do about runs that were evaluated on other data; `same_cases`: of the same names and people."""
    split, here = other.scores["split"], reference.run.folder
    command = evaluate_command(other.run, split, named)
    if split != "test":
        return f"Evaluate both on the same data: {command}, where FOLDER is what {here} was evaluated on."
    if not same_cases:
        return SAME_PERSONS
    return f"Evaluate both again, on the same data as they are now: {command} and {evaluate_command(reference.run, split)}"


def _in_order_of(reference: _Evaluated, other: _Evaluated, kept: CaseFormat, named: Path) -> Columns:
    """Return the columns of a run with its cases in the order of another's, after proving that they are the same.

    Args:
        named: the folder that the other run was named by: its own, or that of its repeats.
    """
    mine, own = ({image_id: row for row, image_id in enumerate(one.cases.image_ids.tolist())} for one in (reference, other))
    here, there = reference.run.folder, other.run.folder
    if lone := sorted(mine.keys() ^ own.keys()):
        example = f"{lone[0]} in {here if lone[0] in mine else there}"
        raise BadRunFolder(
            f"{there} and {here} were evaluated on different cases: {len(lone):,} {verb_of(len(lone), 'are')} in only one, such as "
            f"{example}. {_same_data(reference, other, named, False)}"
        )
    order = np.array([own[image_id] for image_id in mine])
    columns = {name: column[order] for name, column in other.cases.columns.items()}
    # The person of a case first: which person it belongs to decides what is drawn with it.
    compared = {"person": (other.cases.persons[order], reference.cases.persons)}
    compared |= {name: (columns[name], reference.cases.columns[name]) for name in kept.truth}
    for name, (values, expected) in compared.items():
        if len(changed := np.flatnonzero(~_same(values, expected))):
            row = changed[0]
            found = f"{name} differs in {part_of(len(changed), len(order), 'cases', 'of')}"
            example = f"{reference.cases.image_ids[row]}, for which it is {values[row]} and {expected[row]}"
            then = _same_data(reference, other, named, name != "person")
            raise BadRunFolder(f"{there} and {here} were evaluated on different data: {found}, such as {example}. {then}")
    digests = [one.scores.get("content") for one in (reference, other)]
    # A digest of stored bytes and one of values say nothing about each other.
    if all(digests) and len({is_of_values(str(digest)) for digest in digests}) == 1 and digests[0] != digests[1]:
        raise BadRunFolder(
            f"{there} and {here} were evaluated on different data: the names of the cases are the same, their images or their truth are "
            f"not. {_same_data(reference, other, named, True)}"
        )
    for name in kept.conditions:
        if other.scores.get(name) != reference.scores.get(name):
            found = f"{name} is {other.scores.get(name)} in {there} and {reference.scores.get(name)} in {here}"
            raise BadRunFolder(f"{found}: their scores measure different things and cannot be compared.")
    return columns


def _same(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "f":
        return np.isclose(values, others, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
    return values == others
