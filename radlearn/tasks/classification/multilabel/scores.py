"""Scores of several labels: of each where it is known, and their mean over the labels (macro). Imports neither torch nor MONAI.

A label counts where X-rays with it and without it are known; of the others there is no score, which the evaluation says. In a
bootstrap draw the mean is over the labels that the drawn persons have: where two people have a rare label, one draw in eight has none of
them, and to leave out all such draws would leave no interval.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from radlearn.metrics import calibration, decisions, ranking
from radlearn.metrics.case_scores import CaseScore
from radlearn.metrics.predictions import OneOrPerDraw
from radlearn.workflow.cases_file import CaseFormat, CaseQuality

# A decision is 0 or 1, so that any threshold between them reads it.
BETWEEN = 0.5
MACRO = "macro_"
KINDS = ("label", "probability", "calibrated_probability", "decision")
"Columns of each label, NaN where it is not known, not learnt, or no threshold could be chosen."
# Name → function, the kind of column that it takes beside the label, whether it also takes the view, whether higher is better.
SCORES: dict[str, tuple[Callable[..., Any], str, bool, bool]] = {
    "auroc_score": (ranking.auroc_score, "probability", False, True),
    "within_view_auroc_score": (ranking.within_view_auroc_score, "probability", True, True),
    "average_precision_score": (ranking.average_precision_score, "probability", False, True),
    "sensitivity": (partial(decisions.sensitivity, threshold=BETWEEN), "decision", False, True),
    "specificity": (partial(decisions.specificity, threshold=BETWEEN), "decision", False, True),
    "brier_error": (calibration.brier_error, "calibrated_probability", False, False),
}


def of_known(
    score: Callable[..., Any], predicted: ArrayLike, label: ArrayLike, *others: np.ndarray, weights: ArrayLike | None = None
) -> OneOrPerDraw:
    """Return a score over the cases of which a label and what was predicted of it are known.

    Args:
        score: takes predictions, labels, the `others` and `weights`.
        predicted: (cases,), NaN where it is not known.
        label: (cases,) of 1 and 0, NaN where it is not known.
        weights: (cases,) or (draws, cases), how often each case counts.

    Returns:
        the score, or one a draw; NaN where the known cases are all with the label, or all without it.

    >>> float(of_known(ranking.auroc_score, [0.9, 0.1, 0.8], [1, 0, np.nan]))
    1.0
    """
    p, y = np.asarray(predicted, float), np.asarray(label, float)
    here = ~np.isnan(p) & ~np.isnan(y)
    if not (y[here] == 1).any() or not (y[here] == 0).any():
        return np.full(np.shape(weights)[:-1] if weights is not None else (), np.nan)[()]
    again = {} if weights is None else {"weights": np.asarray(weights, float)[..., here]}
    return score(p[here], y[here] == 1, *(other[here] for other in others), **again)


def macro(score: Callable[..., Any], with_view: bool, *columns: np.ndarray, weights: ArrayLike | None = None) -> OneOrPerDraw:
    """Return the mean over the labels of a score, over those that have one; NaN where none has.

    Args:
        columns: what was predicted of the first label, the first label, of the second, …; the view first, if `with_view`.
        weights: as in `of_known`.
    """
    views, pairs = (columns[:1], columns[1:]) if with_view else ((), columns)
    each = [of_known(score, predicted, label, *views, weights=weights) for predicted, label in zip(pairs[::2], pairs[1::2], strict=True)]
    found = np.array(each, float)
    there = ~np.isnan(found)
    total, number = np.where(there, found, 0).sum(axis=0), there.sum(axis=0)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)[()]


def column(kind: str, name: str) -> str:
    """Return the column of a label: `probability_mass`.

    >>> column("probability", "mass")
    'probability_mass'
    """
    return f"{kind}_{name}"


def scores_of_label(name: str) -> dict[str, CaseScore]:
    """Return the scores of one label, by name."""
    return {
        score: CaseScore(
            function=partial(of_known, function),
            columns=(column(kind, name), column("label", name), *(("view",) if with_view else ())),
            higher_is_better=higher,
        )
        for score, (function, kind, with_view, higher) in SCORES.items()
    }


def macro_scores(names: Sequence[str]) -> dict[str, CaseScore]:
    """Return the means over labels, `macro_auroc_score` and so on, by name."""
    found = {}
    for score, (function, kind, with_view, higher) in SCORES.items():
        pairs = [column(one, name) for name in names for one in (kind, "label")]
        columns = (*(("view",) if with_view else ()), *pairs)
        found[MACRO + score] = CaseScore(
            function=partial(macro, function, with_view), columns=columns, higher_is_better=higher, headline=True
        )
    return found


def mean_scores(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return the macro AUROC and average precision of probabilities and labels, both (cases, labels), to watch a training."""
    pairs = [column for number in range(labels.shape[1]) for column in (probabilities[:, number], labels[:, number])]
    scores = {"auroc_score": ranking.auroc_score, "average_precision_score": ranking.average_precision_score}
    return {MACRO + name: float(macro(score, False, *pairs)) for name, score in scores.items()}


def labels_case_format(names: Sequence[str]) -> CaseFormat:
    """Return what an evaluation of several labels keeps of each X-ray, and its scores."""
    kinds: dict[str, type] = {"view": str} | {column(kind, name): float for name in names for kind in KINDS}
    pairs = tuple(column(kind, name) for name in names for kind in ("calibrated_probability", "label"))
    return CaseFormat(
        columns=kinds,
        truth=("view", *(column("label", name) for name in names)),
        scores=macro_scores(names),
        quality=CaseQuality("mean calibrated probability of what is true of each label", probability_of_the_truth, pairs),
    )


def probability_of_the_truth(*columns: np.ndarray) -> np.ndarray:
    """Return the mean over known labels of the calibrated probability that was given to what is true, float64 (cases,).

    Args:
        columns: the probability of the first label, the first label, of the second, …

    >>> probability_of_the_truth(np.array([0.75]), np.array([1.0]), np.array([0.75]), np.array([0.0])).tolist()
    [0.5]
    """
    each = np.array([np.where(label == 1, p, 1 - p) + 0 * label for p, label in zip(columns[::2], columns[1::2], strict=True)])
    there = ~np.isnan(each)
    return np.where(there.any(axis=0), np.where(there, each, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1), np.nan)
