"""Splits by person: nobody is trained on and tested on, and every subset sees its share of images and of positives.

An X-ray tells who it is of: the same ribs, the same wires. A network tested on people that it was trained on scores too well.
So people are dealt, not images: 60 % of the images to training, 15 % to validation, 25 % to test. Who goes where is a function of the seed,
the people and their labels alone; the order in which the images are listed cannot change it.
"""

import csv
import io
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np

from radlearn.errors import BadRunFolder, BadSetting
from radlearn.files import write_text

SUBSETS = ("train", "validation", "test")
TEST_SHARE = 0.25
VALIDATION_SHARE = 0.20  # of the people that are not in the test set: 15 % of all
MIN_PER_SUBSET = 2  # images with and without the finding: fewer, and no score has a meaning
COLUMNS = ("image_id", "person", "subset")

Counts = Mapping[str, tuple[int, int]]  # person → images without the finding, images with it


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
        persons: whose image each image is.
        labels: whether the finding is there, per image.
        seed: another seed, another split.
        fold: None for 60/15/25. Else a number from 0 to `folds` - 1: the test people are the same as without a fold, and in every
            fold; the others are divided into `folds` parts, of which part `fold` is the validation set and the rest training.
        folds: how many parts.
        least: so many images with the finding, and so many without, every subset must hold.
        finding: what it is called where there are too few.

    Returns:
        "train", "validation" or "test" per image.

    Raises:
        BadSetting: if a subset would hold fewer than `least` images with the finding or without: too few people for a split.
    """
    if len(persons) != len(labels):
        raise BadSetting(f"There are {len(persons):,} persons for {len(labels):,} labels; expected one of each per image.")
    if any(label not in (0, 1) for label in labels):
        raise BadSetting("A label is neither 0 nor 1. Only images with a label can be split; leave the others out.")
    if fold is not None and not (folds >= 2 and 0 <= fold < folds):
        raise BadSetting(f"Fold {fold} of {folds} does not exist; expected at least 2 folds, numbered from 0 to {max(folds, 2) - 1}.")
    people: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for person, label in zip(persons, labels, strict=True):
        without, positive = people[person]
        people[person] = (without + (not label), positive + bool(label))

    is_test = _deal(people, (1 - TEST_SHARE, TEST_SHARE), (2 * least, least), f"{seed}/test")
    others = {person: counts for person, counts in people.items() if not is_test[person]}
    if fold is None:
        fold, part = 1, _deal(others, (1 - VALIDATION_SHARE, VALIDATION_SHARE), (least, least), f"{seed}/validation")
    else:
        part = _deal(others, (1 / folds,) * folds, (least,) * folds, f"{seed}/{folds} folds")
    subsets = {person: SUBSETS[2] if is_test[person] else SUBSETS[1] if part[person] == fold else SUBSETS[0] for person in people}
    _prove_enough(people, subsets, least, finding)
    return [subsets[person] for person in persons]


def prove_persons_apart(persons: Sequence[str], subsets: Sequence[str]) -> dict[str, int]:
    """Return the number of people per subset, having proved that nobody is on two.

    Raises:
        BadSetting: if somebody is.
    """
    subset_of: dict[str, str] = {}
    for person, subset in zip(persons, subsets, strict=True):
        if subset_of.setdefault(person, subset) != subset:
            raise BadSetting(f"Person {person!r} is in {subset_of[person]} and in {subset}. A split must keep every person in one subset.")
    found = list(subset_of.values())
    return {subset: found.count(subset) for subset in SUBSETS}


def write_split(path: Path, image_ids: Sequence[str], persons: Sequence[str], subsets: Sequence[str]) -> None:
    """Write `split.csv` (image_id, person, subset), proving first that no person is in two subsets."""
    prove_persons_apart(persons, subsets)
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(zip(image_ids, persons, subsets, strict=True))
    write_text(path, written.getvalue())


def read_split(path: Path) -> dict[str, tuple[str, str]]:
    """Read `split.csv`.

    Returns:
        image_id → (person, side), in the order of the file.

    Raises:
        BadRunFolder: if there is no such file, if it is no split, or if somebody in it is in two subsets.
    """
    path = Path(path)
    damaged = "It was changed or damaged after it was written; the run cannot say who was tested."
    try:
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
    except FileNotFoundError:
        raise BadRunFolder(f"{path}: there is no such file. A run folder holds its split from the start of its training.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadRunFolder(f"{path}: is not a CSV table ({error}). {damaged}") from None
    if not rows or tuple(rows[0]) != COLUMNS:
        raise BadRunFolder(f"{path}: the columns are {', '.join(rows[0]) if rows else 'none'}; expected {', '.join(COLUMNS)}. {damaged}")
    split: dict[str, tuple[str, str]] = {}
    for line, row in enumerate(rows[1:], start=2):
        if len(row) != 3 or row[2] not in SUBSETS or row[0] in split:
            expected = f"an image once, its person, and one of {', '.join(SUBSETS)}"
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


def _deal(people: Counts, shares: Sequence[float], leasts: Sequence[int], salt: str) -> dict[str, int]:
    """Give every person to one of several parts, so that each part holds its share of the images of both kinds.

    Those with many images come first, each to the part that is emptiest of the kinds of image they bring; the many with one image
    then level it out. A hash shuffles those with about as many images, and decides where parts are equally empty, as all are for the
    first: nobody's subset is settled before the seed is known.
    """
    total = np.sum(list(people.values()), axis=0) if people else np.zeros(2)
    quota = np.maximum(np.outer(shares, total), np.asarray(leasts, float)[:, None])
    dealt = np.zeros_like(quota)
    lots = {person: _lots(salt, person, len(shares)) for person in people}
    part_of: dict[str, int] = {}
    for person in sorted(people, key=lambda person: (-sum(people[person]).bit_length(), lots[person][0], person)):
        brought = np.asarray(people[person], float)
        weight = brought / np.maximum(total, 1)
        fullness = (dealt / quota) @ weight
        has_room = np.all((brought == 0) | (dealt + brought <= np.ceil(quota)), axis=1)
        if not has_room.any():
            # Nobody has room for so many: the part that is then least over its share takes them.
            fullness, has_room = ((dealt + brought) / quota) @ weight, np.ones(len(shares), bool)
        # An exponential race: part p wins a tie with the probability of its share.
        race = [-math.log(lot) / share for lot, share in zip(lots[person], shares, strict=True)]
        part = min(np.flatnonzero(has_room), key=lambda p: (round(float(fullness[p]), 9), race[p]))
        dealt[part] += brought
        part_of[person] = int(part)
    return part_of


def _lots(salt: str, person: str, count: int) -> list[float]:
    """Return `count` numbers in (0, 1) that depend on the salt and the person alone."""
    digests = (blake2b(f"{salt}/{part}/{person}".encode(), digest_size=8).digest() for part in range(count))
    return [(int.from_bytes(digest) + 0.5) / 2**64 for digest in digests]


def _prove_enough(people: Counts, subsets: Mapping[str, str], least: int, finding: str) -> None:
    for subset in SUBSETS:
        counts = np.sum([people[person] for person in people if subsets[person] == subset] or [(0, 0)], axis=0)
        if min(counts) < least:
            total = np.sum(list(people.values()) or [(0, 0)], axis=0)
            raise BadSetting(
                f"{len(people):,} people with {total[1]:,} images with {finding} and {total[0]:,} without are too few for a split by "
                f"person: {subset} would hold {counts[1]} with it and {counts[0]} without, and every subset needs {least} of each. "
                "Add people, or evaluate a model trained elsewhere on these."
            )
