"""How well scores put the ill before the healthy, whatever the threshold."""

import numpy as np

from radlearn.exercises.answers import Mistake, Number
from radlearn.exercises.exercise import Exercise
from radlearn.exercises.functions import Case, Function
from radlearn.metrics.ranking import auroc_score


def _ranked() -> list[Case]:
    return [
        Case("four X-rays, no ties", ([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1])),
        Case("equal probabilities", ([1, 1, 0, 0], [0.5, 0.4, 0.4, 0.2])),
        Case("all probabilities equal", ([1, 0, 0], [0.3, 0.3, 0.3])),
        Case("logits instead of probabilities", ([1, 0, 1], [-2.0, -5.0, 7.5])),
        Case("no X-ray with an opacity", ([0, 0], [0.2, 0.9])),
        Case("only X-rays with an opacity", ([1], [0.2])),
        Case("one positive of fifty", ([0] * 49 + [1], [*np.linspace(0, 1, 49).tolist(), 0.801])),
    ]


def _pairs(labels: list[int], scores: list[float], tie: float) -> float:
    pairs = [(a, b) for a, ill in zip(scores, labels, strict=True) if ill for b, other in zip(scores, labels, strict=True) if not other]
    return sum(1.0 if a > b else tie if a == b else 0.0 for a, b in pairs) / len(pairs) if pairs else float("nan")


def _lists_exchanged(labels: list[int], scores: list[float]) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(scores, labels))


def _average_precision(labels: list[int], scores: list[float]) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(labels, scores)) if 0 < sum(labels) < len(labels) else float("nan")


def _pairs_won(labels: list[int], scores: list[float]) -> float:
    return _pairs(labels, scores, 0.5) * sum(labels) * (len(labels) - sum(labels))


def _pairs_of_places(labels: list[int], scores: list[float]) -> float:
    """Return the mean over neighbours: what two lists in step give."""
    ill = [score for score, label in zip(scores, labels, strict=True) if label]
    well = [score for score, label in zip(scores, labels, strict=True) if not label]
    met = list(zip(ill, well, strict=False))
    return sum((a > b) + 0.5 * (a == b) for a, b in met) / len(met) if met else float("nan")


def _accuracy(labels: list[int], scores: list[float]) -> float:
    return float(np.mean((np.array(scores) >= 0.5) == np.array(labels, bool)))


q4 = Exercise(
    lesson="classification",
    number=4,
    title="What is an AUROC?",
    task="""
        Write `auroc(labels, scores)`: of all pairs of an X-ray with an opacity (label 1) and one without (label 0), the share in which
        the one with an opacity has the higher score. A tie counts half. Where there is no such pair, the question has no answer: return
        NaN.
    """,
    answer="a function of two lists of equal length that returns a number, 0 to 1, or NaN",
    why="it is the score that most papers on X-rays report, and it does not change with the share of the ill.",
    expects=Function(_ranked, Number(within=1e-5, nan=True)),
    right=lambda labels, scores: float(auroc_score(scores, labels)),
    mistakes=(
        Mistake(
            lambda labels, scores: _pairs(labels, scores, 0.0),
            "Ties count nothing here; each counts half: a model that says 0.3 every time has 0.5.",
        ),
        Mistake(
            lambda labels, scores: _pairs(labels, scores, 1.0),
            "Ties count as won here (>=); each counts half, or saying 0.3 every time is perfect.",
        ),
        Mistake(lambda labels, scores: 1 - _pairs(labels, scores, 0.5), "This is 1 − AUROC: the pairs are the other way round."),
        Mistake(
            _accuracy, "This is the accuracy at a threshold of 0.5. The AUROC needs no threshold: only the order of the scores counts."
        ),
        Mistake(
            lambda labels, scores: _pairs(labels, scores, 0.5) if 1 in labels and 0 in labels else 1 / 0,
            "No pair, no division: return NaN.",
        ),
        Mistake(
            lambda labels, scores: float(np.nan_to_num(_pairs(labels, scores, 0.5), nan=0.5)),
            "Without a pair 0.5 is an invention: it would enter a mean as if it had been measured. Return NaN.",
        ),
        Mistake(
            lambda labels, scores: float(np.nan_to_num(_pairs(labels, scores, 0.5), nan=0.0)),
            "Without a pair 0 is an invention: it would say that every pair is lost. Return NaN.",
        ),
        Mistake(
            _pairs_won,
            "This is the number of pairs that are won. Divide by the number of all pairs: it is the share that was asked for.",
        ),
        Mistake(lambda labels, scores: 100 * _pairs(labels, scores, 0.5), "This is in percent; a share from 0 to 1 was asked for."),
        Mistake(
            lambda labels, scores: _pairs_won(labels, scores) / len(labels) ** 2 if 1 in labels and 0 in labels else float("nan"),
            "You divided by all pairs of X-rays. Only pairs of one with an opacity and one without count.",
        ),
        Mistake(_average_precision, "This is the average precision, which changes with the share of the ill. The AUROC counts pairs."),
        Mistake(
            _pairs_of_places,
            "The two lists are gone through in step here (zip). Compare each X-ray with an opacity with each one without.",
        ),
        Mistake(
            _lists_exchanged, "The arguments are the other way round: scikit-learn's functions want the labels first, then the scores."
        ),
    ),
    hints=(
        "Two loops: over the scores of X-rays with an opacity, and over those without. Count 1, 0.5 or 0 for each pair.",
        "Divide by the number of pairs, which is the number of positives times that of negatives. If it is 0, return float('nan').",
    ),
    code="""
        def answer(labels, scores):
            positives = [score for label, score in zip(labels, scores) if label]
            negatives = [score for label, score in zip(labels, scores) if not label]
            if not positives or not negatives:
                return float("nan")
            won = sum((a > b) + 0.5 * (a == b) for a in positives for b in negatives)
            return won / (len(positives) * len(negatives))
    """,
    learned="scikit-learn's roc_auc_score gives the same number. With 26,684 X-rays one sorts instead of comparing all pairs.",
)
