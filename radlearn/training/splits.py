"""Splits by person: no person is in two subsets, and every subset gets its share of images and of positive images.

Images of one person resemble each other: the same ribs, the same wires. A network scores too high on persons that it was trained on.
Therefore persons are split, not images: 60 % of the images for training, 15 % for validation, 25 % for test. The split is a function of the
seed, the persons and their labels alone; it does not depend on the order of the images.

Names are not enough to know a case again: the CTs of two hospitals may have the same names. So `split.csv` keeps a digest of the
pixels and of the truth of each image, and the checkpoints keep a digest of `split.csv`.
"""

import csv
import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np

from radlearn.amounts import counted, verb_of
from radlearn.csv_cells import restored
from radlearn.csv_files import write_rows
from radlearn.errors import BadRunFolder, BadSetting
from radlearn.progress import say
from radlearn.training.checkpoint_header import header_of
from radlearn.training.run_folder import Run

SUBSETS = ("train", "validation", "test")
TEST_SHARE = 0.25
VALIDATION_SHARE = 0.20  # of the persons outside the test set: 15 % of all
MIN_PER_SUBSET = 2  # images with and without the finding; with fewer, scores are meaningless
SPLIT_FILE = "split.csv"
OLDER_COLUMNS = ("image_id", "person", "subset")
COLUMNS = (*OLDER_COLUMNS, "pixels", "truth")

Counts = Mapping[str, tuple[int, int]]  # person → (images without the finding, images with it)


class CaseContent(NamedTuple):
    """Digests of what a case is, whatever it is called; "" where it is not known."""

    pixels: str = ""
    truth: str = ""


def split_by_person(
    persons: Sequence[str],
    labels: Sequence[bool | int],
    seed: int,
    fold: int | None = None,
    folds: int = 5,
    least: int = MIN_PER_SUBSET,
    finding: str = "the finding",
) -> list[str]:
    """Split images by person into training, validation and test, 60/15/25 by images with and without the finding.

    Args:
        persons: (images,) the person of each image.
        labels: (images,) whether the finding is present.
        seed: seed of the split.
        fold: None for 60/15/25. Else a number from 0 to `folds` - 1: the test persons are the same as without a fold; the others are
            divided into `folds` parts, of which part `fold` is the validation set and the rest is the training set.
        folds: number of parts.
        least: minimum number of images with the finding, and of images without it, in every subset.
        finding: name of the finding, for the error message.

    Returns:
        (images,) "train", "validation" or "test".

    Raises:
        BadSetting: if a subset would hold fewer than `least` images with or without the finding; if a label is not 0 or 1; if the fold
            does not exist.
    """
    if len(persons) != len(labels):
        raise BadSetting(f"There are {len(persons):,} persons for {len(labels):,} labels; expected one of each per image.")
    if any(label not in (0, 1) for label in labels):
        raise BadSetting("A label is neither 0 nor 1. Leave out images without a label.")
    if fold is not None and not (folds >= 2 and 0 <= fold < folds):
        raise BadSetting(f"Fold {fold} of {folds} does not exist; expected at least 2 folds, numbered from 0 to {max(folds, 2) - 1}.")
    counts: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for person, label in zip(persons, labels, strict=True):
        negative, positive = counts[person]
        counts[person] = (negative + (not label), positive + bool(label))

    is_test = _assign(counts, (1 - TEST_SHARE, TEST_SHARE), (2 * least, least), f"{seed}/test")
    others = {person: images for person, images in counts.items() if not is_test[person]}
    if fold is None:
        fold, part = 1, _assign(others, (1 - VALIDATION_SHARE, VALIDATION_SHARE), (least, least), f"{seed}/validation")
    else:
        part = _assign(others, (1 / folds,) * folds, (least,) * folds, f"{seed}/{folds} folds")
    subsets = {person: SUBSETS[2] if is_test[person] else SUBSETS[1] if part[person] == fold else SUBSETS[0] for person in counts}
    _refuse_too_few(counts, subsets, least, finding)
    return [subsets[person] for person in persons]


def prove_persons_apart(persons: Sequence[str], subsets: Sequence[str]) -> dict[str, int]:
    """Check that no person is in two subsets, and return the number of persons in each.

    Raises:
        BadSetting: if a person is in two subsets.
    """
    subset_of: dict[str, str] = {}
    for person, subset in zip(persons, subsets, strict=True):
        if subset_of.setdefault(person, subset) != subset:
            raise BadSetting(f"Person {person!r} is in {subset_of[person]} and in {subset}. A person must be in one subset only.")
    found = list(subset_of.values())
    return {subset: found.count(subset) for subset in SUBSETS}


def write_split(
    path: Path, image_ids: Sequence[str], persons: Sequence[str], subsets: Sequence[str], contents: Sequence[CaseContent] | None = None
) -> None:
    """Write `split.csv` (image_id, person, subset, and digests of pixels and truth), after checking that no person is in two subsets."""
    prove_persons_apart(persons, subsets)
    known = [CaseContent()] * len(image_ids) if contents is None else contents
    rows = [(*row, *content) for *row, content in zip(image_ids, persons, subsets, known, strict=True)]
    write_rows(path, [COLUMNS, *rows])


def read_split(path: Path) -> dict[str, tuple[str, str]]:
    """Read `split.csv`, whoever wrote it; of a run, `split_of` also proves that it was not changed.

    Returns:
        image_id → (person, subset), in the order of the file.

    Raises:
        BadRunFolder: if the file is missing or is not a split, or a person is in two subsets.
    """
    return {image_id: (person, subset) for image_id, (person, subset, _) in _read_rows(path).items()}


def split_of(run: Run) -> dict[str, tuple[str, str]]:
    """Return the split of a run, as `read_split`, after proving that it is the one with which the run was trained.

    Raises:
        BadRunFolder: if it is missing or damaged, or its rows were changed since.
    """
    path = run.folder / SPLIT_FILE
    rows, recorded = _read_rows(path), _recorded_digest(run)
    if recorded is None and (run.best_weights.is_file() or run.last_checkpoint.is_file()):
        _say_unproved(path)
    if recorded is not None and recorded != _digest(rows):
        raise BadRunFolder(
            f"{path}: was changed after training began: its rows are not those that the weights were trained with, so persons that it "
            "calls test may have been trained on. Restore the file as it was written, or train again."
        )
    return {image_id: (person, subset) for image_id, (person, subset, _) in rows.items()}


def contents_in_split(run: Run) -> dict[str, CaseContent]:
    """Return the digests of each image of a run's split; empty ones where the run is older than these. Errors as `read_split`."""
    return {image_id: content for image_id, (_, _, content) in _read_rows(run.folder / SPLIT_FILE).items()}


def split_digest(run: Run) -> str | None:
    """Return a digest of the rows of a run's split, for its checkpoints; None where it has no split. Errors as `read_split`."""
    path = run.folder / SPLIT_FILE
    return _digest(_read_rows(path)) if path.exists() else None


def _digest(rows: Mapping[str, tuple[str, str, CaseContent]]) -> str:
    said = [[image_id, person, subset, *content] for image_id, (person, subset, content) in rows.items()]
    return blake2b(json.dumps(said).encode(), digest_size=16).hexdigest()


@cache
def _say_unproved(path: Path) -> None:
    # Once for each file: a command reads it several times.
    say(f"{path}: the weights of the run keep no digest of it, so whether it was changed could not be checked.", style="yellow")


def _recorded_digest(run: Run) -> str | None:
    """Return what the checkpoints of a run say of its split: the best weights, or the last state before there are any."""
    for path in (run.best_weights, run.last_checkpoint):
        # What is wrong with weights is said when they are loaded.
        if isinstance(found := (header_of(path) or {}).get("split"), str):
            return found
    return None


def _read_rows(path: Path) -> dict[str, tuple[str, str, CaseContent]]:
    """Return image_id → (person, subset, digests), in the order of the file; errors as `read_split`."""
    path = Path(path)
    damaged = "It was changed or damaged after it was written; the test persons of the run are unknown."
    try:
        # A spreadsheet puts a mark before the first column.
        with open(path, newline="", encoding="utf-8-sig") as opened:
            rows = list(csv.reader(opened))
    except FileNotFoundError:
        raise BadRunFolder(f"{path}: there is no such file. Training writes it when it starts.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadRunFolder(f"{path}: is not a CSV table ({error}). {damaged}") from None
    if not rows or tuple(rows[0]) not in (COLUMNS, OLDER_COLUMNS):
        raise BadRunFolder(f"{path}: the columns are {', '.join(rows[0]) if rows else 'none'}; expected {', '.join(COLUMNS)}. {damaged}")
    split: dict[str, tuple[str, str, CaseContent]] = {}
    for line, cells in enumerate(rows[1:], start=2):
        row = [restored(cell) for cell in cells]
        if len(row) != len(rows[0]) or row[2] not in SUBSETS or row[0] in split:
            expected = f"an image that is not listed yet, its person, and one of {', '.join(SUBSETS)}"
            raise BadRunFolder(f"{path}, line {line}: found {','.join(row)!r}; expected {expected}. {damaged}")
        split[row[0]] = (row[1], row[2], CaseContent(*row[3:]))
    try:
        prove_persons_apart([person for person, _, _ in split.values()], [subset for _, subset, _ in split.values()])
    except BadSetting as error:
        raise BadRunFolder(f"{path}: {error} {damaged}") from None
    return split


def count_by_subset(split: Mapping[str, tuple[str, str]]) -> dict[str, tuple[int, int]]:
    """Return the number of images and of people in each subset of a split.

    >>> count_by_subset({"a": ("p", "train"), "b": ("p", "train"), "c": ("q", "test")})
    {'train': (2, 1), 'validation': (0, 0), 'test': (1, 1)}
    """
    persons = {subset: [person for person, of in split.values() if of == subset] for subset in SUBSETS}
    return {subset: (len(here), len(set(here))) for subset, here in persons.items()}


def _assign(counts: Counts, shares: Sequence[float], leasts: Sequence[int], salt: str) -> dict[str, int]:
    """Assign every person to one of several parts, so that each part gets its share of the images with and without the finding.

    Persons with many images come first, each to the part that is emptiest in the kinds of image that the person adds; the many persons
    with one image then even it out. A hash shuffles persons with about the same number of images and breaks ties between equally empty
    parts, as all are for the first person: any person can get into any subset, depending on the seed.
    """
    total = np.sum(list(counts.values()), axis=0) if counts else np.zeros(2)
    quota = np.maximum(np.outer(shares, total), np.asarray(leasts, float)[:, None])
    assigned = np.zeros_like(quota)
    draws = {person: _uniform(salt, person, len(shares)) for person in counts}
    part_of: dict[str, int] = {}
    for person in sorted(counts, key=lambda person: (-sum(counts[person]).bit_length(), draws[person][0], person)):
        added = np.asarray(counts[person], float)
        weight = added / np.maximum(total, 1)
        fullness = (assigned / quota) @ weight
        has_room = np.all((added == 0) | (assigned + added <= np.ceil(quota)), axis=1)
        if not has_room.any():
            # No part has room for so many: the one that then exceeds its share least takes them.
            fullness, has_room = ((assigned + added) / quota) @ weight, np.ones(len(shares), bool)
        # An exponential race: part p wins a tie with a probability equal to its share.
        race = [-math.log(draw) / share for draw, share in zip(draws[person], shares, strict=True)]
        part = min(np.flatnonzero(has_room), key=lambda p: (round(float(fullness[p]), 9), race[p]))
        assigned[part] += added
        part_of[person] = int(part)
    return part_of


def _uniform(salt: str, person: str, count: int) -> list[float]:
    """Return `count` uniform numbers in (0, 1) that depend on the salt and the person alone."""
    digests = (blake2b(f"{salt}/{part}/{person}".encode(), digest_size=8).digest() for part in range(count))
    return [(int.from_bytes(digest) + 0.5) / 2**64 for digest in digests]


def _refuse_too_few(counts: Counts, subsets: Mapping[str, str], least: int, finding: str) -> None:
    for subset in SUBSETS:
        held = np.sum([counts[person] for person in counts if subsets[person] == subset] or [(0, 0)], axis=0)
        if min(held) < least:
            total = np.sum(list(counts.values()) or [(0, 0)], axis=0)
            raise BadSetting(
                f"{counted(len(counts), 'persons')} with {counted(total[1], 'images')} with {finding} and {total[0]:,} without "
                f"{verb_of(len(counts), 'are')} too few for a split by person: {subset} would hold {held[1]} with it "
                f"and {held[0]} without; every subset needs {least} of each. "
                "Add persons, or use these only to evaluate a model that was trained on other data."
            )
