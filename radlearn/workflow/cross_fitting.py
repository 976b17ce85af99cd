"""Cross-fitting on validation persons: each fifth of them is evaluated with what was chosen on the other four fifths."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from radlearn.training.loading import case_seed

PARTS = 5


@dataclass(frozen=True)
class AblationStep:
    """The score of a postprocessing after one more step."""

    step: str
    # Chosen and evaluated on the same persons: optimistic.
    score: float
    cross_fitted: float
    taken: bool
    # Further cross-fitted values, by their key in JSON.
    further: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self, score_name: str = "score") -> dict[str, Any]:
        scores = {score_name: self.score, f"cross_fitted_{score_name}": self.cross_fitted, **self.further}
        return {"step": self.step, **scores, "taken": self.taken}


def score_of_last_taken(ablation: Sequence[Mapping[str, Any]], score_name: str = "score") -> Any:
    """Return the cross-fitted score after the last step that was taken; `ablation` as JSON values."""
    return next(step[f"cross_fitted_{score_name}"] for step in reversed(ablation) if step["taken"])


def parts_of(persons: Sequence[str], seed: int) -> np.ndarray:
    """Return the part of each case, int (cases,) from 0 to 4. All cases of a person are in one part.

    Args:
        persons: (cases,) the person of each case.
    """
    distinct, index = np.unique(np.asarray(persons, str), return_inverse=True)
    return (np.random.default_rng(case_seed(seed, len(distinct))).permutation(len(distinct)) % PARTS)[index]
