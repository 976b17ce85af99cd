"""Splits by person where images have several labels: rare labels get into every subset.

What is rarest is divided first (iterative stratification): of the persons who have the rarest label that is left, each goes to the subset
that lacks most of them; then the next label. A division by one label after another, or by all combinations, would leave a label of four
people to luck. Here persons are divided and not images, and a label that three people have, or lack, is on all sides.

Source: Sechidis, Tsoumakas & Vlahavas 2011, ECML PKDD, doi:10.1007/978-3-642-23808-6_10.
"""

import math
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from radlearn.amounts import counted, verb_of
from radlearn.errors import BadSetting
from radlearn.training.splits import SUBSETS, TEST_SHARE, VALIDATION_SHARE

ATTEMPTS = 32
"Ties are broken anew so often, while a label is missing from a subset that it could be in."


def split_by_labels(persons: Sequence[str], labels: np.ndarray, seed: int, fold: int | None = None, folds: int = 5) -> list[str]:
    """Split images by person into training, validation and test, about 60/15/25 of the persons with and without each label.

    Args:
        persons: (images,) the person of each image.
        labels: (images, labels) of 0 and 1; NaN where it is not known.
        seed: seed of the split, which depends on nothing else but the persons and their labels.
        fold: as in `split_by_person`: the test persons stay the same, the others are divided into `folds` parts.
        folds: number of parts.

    Returns:
        (images,) "train", "validation" or "test".

    Raises:
        BadSetting: if there are too few persons; if the fold does not exist; if no label has images with and without it in every subset.
    """
    if fold is not None and not (folds >= 2 and 0 <= fold < folds):
        raise BadSetting(f"Fold {fold} of {folds} does not exist; expected at least 2 folds, numbered from 0 to {max(folds, 2) - 1}.")
    names, person_of = np.unique(np.asarray(persons, str), return_inverse=True)
    values = np.asarray(labels, float)
    if len(names) < len(SUBSETS):
        raise BadSetting(f"{counted(len(names), 'persons')} cannot be divided into {', '.join(SUBSETS)}. Add persons.")
    # What a person has on any of their images: each label as there, and as not there.
    kinds = np.concatenate([values == 1, values == 0], axis=1)
    held = np.zeros((len(names), kinds.shape[1]), bool)
    np.logical_or.at(held, person_of, kinds)
    images = np.bincount(person_of, minlength=len(names))
    best: tuple[int, np.ndarray, str] | None = None
    for attempt in range(ATTEMPTS):
        salt = f"{seed}/labels/{attempt}"
        subset = np.where(_divided(names, held, images, (1 - TEST_SHARE, TEST_SHARE), (2, 1), f"{salt}/test") == 1, 2, 0)
        rest = subset == 0
        subset[rest] = _divided(
            names[rest], held[rest], images[rest], (1 - VALIDATION_SHARE, VALIDATION_SHARE), (1, 1), f"{salt}/validation"
        )
        missing = _missing(held, subset)
        if best is None or missing < best[0]:
            best = missing, subset, salt
        if not missing:
            break
    assert best is not None
    _, subset, salt = best
    if fold is not None:
        rest = subset != 2
        part = _divided(names[rest], held[rest], images[rest], (1 / folds,) * folds, (1,) * folds, f"{salt}/{folds} folds")
        subset[rest] = part == fold
    found = [SUBSETS[number] for number in subset[person_of]]
    refuse_untold(values, found)
    return found


def refuse_untold(labels: np.ndarray, subsets: Sequence[str]) -> None:
    """Prove that in every subset there is a label with images that have it and images that lack it.

    Args:
        labels: (images, labels) of 0 and 1; NaN where it is not known.

    Raises:
        BadSetting: if in one there is none, so that nothing could be learnt, chosen or evaluated.
    """
    for subset in SUBSETS:
        here = np.asarray(labels, float)[np.array([other == subset for other in subsets], bool)]
        if not ((here == 1).any(axis=0) & (here == 0).any(axis=0)).any():
            raise BadSetting(
                f"{subset} would hold {counted(len(here), 'images')}, and no label of which some have it and some do not. "
                "Add persons, or use these only to evaluate a model that was trained on other data."
            )


def _divided(
    persons: np.ndarray, held: np.ndarray, images: np.ndarray, shares: Sequence[float], leasts: Sequence[int], salt: str
) -> np.ndarray:
    """Return the part of each person, int (persons,).

    Args:
        held: bool (persons, kinds), what a person has.
        images: (persons,), how many images.
        leasts: how many persons of each kind a part gets at least, where there are enough.
    """
    parts, total = np.array(shares), held.sum(axis=0)
    wanted = np.outer(parts, total).astype(float)
    enough = total >= sum(leasts)
    wanted[:, enough] = np.maximum(wanted[:, enough], np.array(leasts)[:, None])
    # What the small parts get more, the largest gets less.
    wanted[int(parts.argmax())] -= wanted.sum(axis=0) - total
    wanted_images = parts * images.sum()
    race = np.array(
        [[-math.log(_uniform(f"{salt}/{number}/{person}")) / share for number, share in enumerate(shares)] for person in persons]
    )
    order = np.argsort(race.min(axis=1), kind="stable")
    part_of = np.full(len(persons), -1)
    while (left := part_of < 0).any():
        counts = held[left].sum(axis=0)
        rarest = min((kind for kind in range(held.shape[1]) if counts[kind]), key=lambda kind: (counts[kind], kind), default=None)
        for person in order[left[order]]:
            if rarest is not None and not held[person, rarest]:
                continue
            lacking = np.zeros(len(parts)) if rarest is None else wanted[:, rarest]
            chosen = min(
                range(len(parts)),
                key=lambda part: (-round(float(lacking[part]), 9), -round(float(wanted_images[part] / parts[part]), 9), race[person, part]),
            )
            part_of[person] = chosen
            wanted[chosen] -= held[person]
            wanted_images[chosen] -= images[person]
    return part_of


def _missing(held: np.ndarray, subset: np.ndarray) -> int:
    """Return how often a kind that enough persons have is missing from a subset."""
    enough = held.sum(axis=0) >= len(SUBSETS)
    return sum(int((~held[subset == number].any(axis=0) & enough).sum()) for number in range(len(SUBSETS)))


def _uniform(text: str) -> float:
    """Return a uniform number in (0, 1) that depends on a text alone."""
    return (int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) + 0.5) / 2**64


def words_on_rare_labels(names: Sequence[str], persons: Sequence[str], labels: np.ndarray, subsets: Sequence[str]) -> list[str]:
    """Return a sentence on each label that is missing from a subset, or that nobody has or lacks."""
    said = []
    here = np.asarray(persons, str)
    for name, column in zip(names, np.asarray(labels, float).T, strict=True):
        for value, verb in ((1.0, "have"), (0.0, "lack")):
            people = {subset: len(set(here[(column == value) & (np.asarray(subsets) == subset)].tolist())) for subset in SUBSETS}
            lacking = [subset for subset, count in people.items() if not count]
            everybody = sum(people.values())
            if len(lacking) == len(SUBSETS):
                said.append(f"{name}: nobody is known to {verb} it, so it cannot be learnt.")
            elif lacking:
                only = f"only {counted(everybody, 'persons')} {verb_of(everybody, verb)} it"
                said.append(f"{name}: {only}, so {' and '.join(lacking)} {verb_of(len(lacking), 'have')} none.")
    return said
