"""Whether probabilities mean something else than they say: those of the other class, of the predicted class, of the row before."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from radlearn.amounts import begun, part_of, verb_of
from radlearn.challenges.readings.row_orders import AS_IT_IS
from radlearn.metrics.intervals import Interval
from radlearn.metrics.ranking import auroc_score

SURE_ERRORS = 3.0
"So many standard errors below chance no ranking falls by luck."
ORDER_ERRORS = 4.5
"As `SURE_ERRORS`, for the best of several orders: none of 5,000 weak classifiers of 20 to 300 cases ranked so well in another order."
FEWEST_OF_EACH, LOW = 3, 0.15
"Of few cases an AUROC below `LOW` is enough for a note."
FEWEST_ROWS = 10
SQUASHED_UP_TO = 1 / (1 + math.exp(-1))
"The sigmoid of 1: no sigmoid of a probability is higher, and none is below 0.5."


LOOK_AT_LABELS = "Is 1 the finding in these labels, and not 0? Else the network has learnt the contrary of it."


def ranking_notes(auroc: Interval, labels: np.ndarray, finding: str = "an opacity") -> list[str]:
    """Return what is doubtful about an evaluation's ranking: that it is the wrong way round, or that there is none.

    Args:
        auroc: of the predictions.
        labels: bool (cases,).
        finding: with its article, or what the label is called.
    """
    return one_class_notes(labels, finding) or reversed_notes(auroc, labels, LOOK_AT_LABELS, finding)


def one_class_notes(labels: np.ndarray, finding: str = "an opacity") -> list[str]:
    """Return a note where all cases are with the finding, or all without it.

    >>> one_class_notes(np.array([True, False])), one_class_notes(np.array([False, False]))[0][:40]
    ([], 'Both X-rays here are without an opacity:')
    """
    if len(set(labels.tolist())) != 1:
        return []
    which = "with" if labels[0] else "without"
    found = f"{begun(part_of(len(labels), len(labels), 'X-rays'))} here {verb_of(len(labels), 'are')} {which} {finding}"
    return [f"{found}: a score that ranks those with it above those without, such as the AUROC, needs both kinds, and is shown as –."]


def reversed_notes(auroc: Interval, labels: np.ndarray, hint: str, finding: str = "an opacity") -> list[str]:
    """Return a note where cases with the label rank below those without it; `labels`: bool (cases,), `hint` what to do."""
    positives, negatives = int(labels.sum()), int((~labels).sum())
    if not auroc.value < 0.5 or min(positives, negatives) < FEWEST_OF_EACH:
        return []
    by_luck = math.sqrt((positives + negatives + 1) / (12 * positives * negatives))
    if 0.5 - auroc.value < SURE_ERRORS * by_luck and auroc.value > LOW:
        return []
    found = f"auroc_score is {auroc.value:.2f}, below the 0.50 of chance: X-rays with {finding} rank below the others."
    return [f"{found} {hint} would score {1 - auroc.value:.2f}." if hint.endswith("p") else f"{found} {hint}"]


def shifted_notes(probabilities: np.ndarray, orders: Mapping[str, Sequence[bool]]) -> list[str]:
    """Return a note where probabilities fit the labels of other rows than their own far better.

    Args:
        probabilities: (rows,), in the order of the file.
        orders: from `row_orders.orders_of`, of the labels.
    """
    labels = np.array(orders[AS_IT_IS], bool)
    if len(labels) < FEWEST_ROWS or min(labels.sum(), (~labels).sum()) < FEWEST_OF_EACH:
        return []
    own = float(auroc_score(probabilities, labels))
    by_luck = math.sqrt((len(labels) + 1) / (12 * labels.sum() * (~labels).sum()))
    if own >= 0.5 + SURE_ERRORS * by_luck:
        return []
    moved = {words: float(auroc_score(probabilities, np.array(order, bool))) for words, order in orders.items()}
    words = max(moved, key=lambda one: moved[one])
    # By luck alone none of the orders comes so far above 0.5, however the file's own ranks.
    if not (moved[words] > max(0.8, 0.5 + ORDER_ERRORS * by_luck) and moved[words] - own > SURE_ERRORS * by_luck):
        return []
    found = f"auroc_score is {own:.2f}, but {moved[words]:.2f} in another order: the probabilities look like {words}"
    return [f"{found}. Were ids and probabilities joined by their order?"]


def oddities_of(values: Sequence[float]) -> str:
    """Return what is odd about probabilities by themselves; "" where nothing is.

    >>> oddities_of([0.9, 0.99, 0.51, 0.6, 0.8, 0.95, 0.7, 0.55, 0.52, 0.99])
    'no probability is below 0.5. Are they the confidence in whichever class was predicted? Expected is that of an opacity.'
    """
    if len(values) < FEWEST_ROWS or min(values) < 0.5:
        return ""
    if max(values) <= SQUASHED_UP_TO + 1e-6:
        return f"every probability lies from 0.5 to {SQUASHED_UP_TO:.2f}, as the sigmoid of a probability does. Was it applied twice?"
    return "no probability is below 0.5. Are they the confidence in whichever class was predicted? Expected is that of an opacity."
