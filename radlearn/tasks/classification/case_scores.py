"""What an evaluation keeps of each X-ray, and the scores that are functions of it. Imports neither torch nor MONAI, for `compare`."""

from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from radlearn.challenges.challenge import AnyChallenge
from radlearn.metrics import calibration, decisions, ranking
from radlearn.metrics.case_scores import CaseScore
from radlearn.tasks.classification.multilabel.names import labels_of_run
from radlearn.tasks.classification.multilabel.scores import labels_case_format
from radlearn.training.run_folder import Run
from radlearn.workflow.cases_file import CaseFormat, CaseQuality

RANKED, DECIDED, CALIBRATED = (("probability", "label"), ("decision", "label"), ("calibrated_probability", "label"))
# A decision is 0 or 1, so that any threshold between them reads it.
BETWEEN = 0.5

CASE_SCORES = {
    "auroc_score": CaseScore(function=ranking.auroc_score, columns=RANKED, headline=True),
    "within_view_auroc_score": CaseScore(function=ranking.within_view_auroc_score, columns=(*RANKED, "view"), headline=True),
    "average_precision_score": CaseScore(function=ranking.average_precision_score, columns=RANKED, headline=True),
    "sensitivity": CaseScore(function=partial(decisions.sensitivity, threshold=BETWEEN), columns=DECIDED, headline=True),
    "specificity": CaseScore(function=partial(decisions.specificity, threshold=BETWEEN), columns=DECIDED, headline=True),
    "accuracy": CaseScore(function=partial(decisions.accuracy, threshold=BETWEEN), columns=DECIDED),
    "brier_error": CaseScore(function=calibration.brier_error, columns=CALIBRATED, higher_is_better=False, headline=True),
    # Noise moves a bin's frequency away from its probability, never towards it, and a draw adds noise.
    "calibration_error": CaseScore(function=calibration.calibration_error, columns=CALIBRATED, higher_is_better=False, centred=True),
}


def case_format(challenge: AnyChallenge) -> CaseFormat:
    """Return the columns of an X-ray and the scores over X-rays."""
    return CASES


def case_format_of(challenge: AnyChallenge, run: Run) -> CaseFormat:
    """Return the columns of an X-ray and the scores over X-rays as a run has them, which may predict several labels."""
    names = labels_of_run(run)
    return labels_case_format(names) if names else case_format(challenge)


def probability_of_the_truth(calibrated_probability: ArrayLike, label: ArrayLike) -> np.ndarray:
    """Return the calibrated probability that was given to the true class of each X-ray, float64 (cases,), in [0, 1].

    >>> probability_of_the_truth([0.75, 0.75], [True, False]).tolist()
    [0.75, 0.25]
    """
    p = np.asarray(calibrated_probability, dtype=np.float64)
    return np.where(np.asarray(label, dtype=bool), p, 1 - p)


CASES = CaseFormat(
    columns={"label": bool, "view": str, "probability": float, "calibrated_probability": float, "decision": bool},
    truth=("label", "view"),
    scores=CASE_SCORES,
    quality=CaseQuality("calibrated probability of the true class", probability_of_the_truth, CALIBRATED),
    # The standard deviation of the probability over the runs, 0 to 0.5.
    of_ensembles={"disagreement": float},
)
