"""Splits by person: no person is in two subsets, and every subset gets its share of images and of positive images.

Images of one person resemble each other: the same ribs, the same wires. A network scores too high on persons that it was trained on.
Therefore persons are split, not images: 60 % of the images for training, 15 % for validation, 25 % for test. The split is a function of the
seed, the persons and their labels alone; it does not depend on the order of the images.
"""

import csv
import io
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np

from radlearn.csv_cells import restored
from radlearn.errors import BadRunFolder, BadSetting
from radlearn.files import write_rows

SUBSETS = ("train", "validation", "test")
TEST_SHARE = 0.25
VALIDATION_SHARE = 0.20  # of the persons outside the test set: 15 % of all
MIN_PER_SUBSET = 2  # images with and without the finding; with fewer, scores are meaningless
COLUMNS = ("image_id", "person", "subset")

Counts = Mapping[str, tuple[int, int]]  # person → (images without the finding, images with it)


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


def write_split(path: Path, image_ids: Sequence[str], persons: Sequence[str], subsets: Sequence[str]) -> None:
    """Write `split.csv` (image_id, person, subset), after checking that no person is in two subsets."""
    prove_persons_apart(persons, subsets)
    write_rows(path, [COLUMNS, *zip(image_ids, persons, subsets, strict=True)])


def read_split(path: Path) -> dict[str, tuple[str, str]]:
    """Read `split.csv`.

    Returns:
        image_id → (person, subset), in the order of the file.

    Raises:
        BadRunFolder: if the file is missing or is not a split, or a person is in two subsets.
    """
    path = Path(path)
    damaged = "It was changed or damaged after it was written; the test persons of the run are unknown."
    try:
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
    except FileNotFoundError:
        raise BadRunFolder(f"{path}: there is no such file. Training writes it when it starts.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadRunFolder(f"{path}: is not a CSV table ({error}). {damaged}") from None
    if not rows or tuple(rows[0]) != COLUMNS:
        raise BadRunFolder(f"{path}: the columns are {', '.join(rows[0]) if rows else 'none'}; expected {', '.join(COLUMNS)}. {damaged}")
    split: dict[str, tuple[str, str]] = {}
    for line, cells in enumerate(rows[1:], start=2):
        row = [restored(cell) for cell in cells]
        if len(row) != 3 or row[2] not in SUBSETS or row[0] in split:
            expected = f"an image that is not listed yet, its person, and one of {', '.join(SUBSETS)}"
            raise BadRunFolder(f"{path}, line {line}: found {','.join(row)!r}; expected {expected}. {damaged}")
        split[row[0]] = (row[1], row[2])
    try:
        prove_persons_apart(*zip(*split.values(), strict=True)) if split else None
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
                f"{len(counts):,} persons with {total[1]:,} images with {finding} and {total[0]:,} without are too few for a split by "
                f"person: {subset} would hold {held[1]} with it and {held[0]} without; every subset needs {least} of each. "
                "Add persons, or use these only to evaluate a model that was trained on other data."
            )
