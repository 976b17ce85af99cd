"""Who chooses and who evaluates, among validation people: every fifth of them is evaluated by what the other four fifths choose."""

from collections.abc import Sequence

import numpy as np

from radlearn.training.loading import case_seed

PARTS = 5


def parts_of(persons: Sequence[str], seed: int) -> np.ndarray:
    """Return which of five parts each case belongs to, int (cases,) from 0; a person's cases are in one part."""
    people, number = np.unique(np.asarray(persons, str), return_inverse=True)
    return (np.random.default_rng(case_seed(seed, len(people))).permutation(len(people)) % PARTS)[number]
