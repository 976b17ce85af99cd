"""Cross-fitting on validation persons: each fifth of them is evaluated with what was chosen on the other four fifths."""

from collections.abc import Sequence

import numpy as np

from radlearn.training.loading import case_seed

PARTS = 5


def parts_of(persons: Sequence[str], seed: int) -> np.ndarray:
    """Return the part of each case, int (cases,) from 0 to 4. All cases of a person are in one part.

    Args:
        persons: (cases,) the person of each case.
    """
    distinct, index = np.unique(np.asarray(persons, str), return_inverse=True)
    return (np.random.default_rng(case_seed(seed, len(distinct))).permutation(len(distinct)) % PARTS)[index]
