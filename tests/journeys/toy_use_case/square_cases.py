"""What an evaluation keeps of each picture, so that runs can be compared."""

import numpy as np

from radlearn.challenges.challenge import AnyChallenge
from radlearn.metrics.case_scores import CaseScore
from radlearn.metrics.ranking import auroc_score
from radlearn.workflow.cases_file import CaseFormat, CaseQuality


def probability_of_the_truth(probability: np.ndarray, square: np.ndarray) -> np.ndarray:
    """Return how sure the right answer was."""
    return np.where(square, probability, 1 - probability)


CASES = CaseFormat(
    columns={"square": bool, "probability": float},
    truth=("square",),
    scores={"auroc_score": CaseScore(function=auroc_score, columns=("probability", "square"), headline=True)},
    quality=CaseQuality("probability of the truth", probability_of_the_truth, ("probability", "square")),
)


def case_format(challenge: AnyChallenge) -> CaseFormat:
    """Return what is kept of each picture."""
    return CASES
