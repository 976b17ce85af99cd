"""Label maps compared class by class."""

from collections.abc import Callable

import numpy as np

from radlearn.exercises.answers import Mistake, Numbers
from radlearn.exercises.exercise import Exercise
from radlearn.exercises.functions import Case, Function


def _maps() -> list[Case]:
    truth = np.zeros((6, 8), np.uint8)
    truth[1:4, 1:4], truth[3:6, 5:8], truth[0, 6] = 1, 2, 3
    swapped, shifted, third = truth.copy(), np.roll(truth, 1, axis=1), truth.copy()
    swapped[truth == 1], swapped[truth == 2], third[truth == 1] = 2, 1, 3
    both, nerve, none = np.where(truth == 3, 0, truth), np.where(truth == 1, truth, 0), np.zeros_like(truth)
    return [
        Case("all classes a column off", (shifted, truth, 3)),
        Case("every nerve called a vessel, and the other way round", (np.where(swapped == 3, 0, swapped), both, 2)),
        Case("class 1 called class 3", (third, truth, 3)),
        Case("class 2 missed", (nerve, both, 2)),
        Case("class 2 marked where there is none", (both, nerve, 2)),
        Case("an image without any class, left empty", (none, none, 2)),
        Case("a class too large", (np.where(np.roll(nerve, 1, axis=0) + nerve > 0, 1, 0).astype(np.uint8), nerve, 1)),
    ]


Scorer = Callable[[np.ndarray, np.ndarray, int], list[float]]


def _each(of: Callable[[float, float, float], float], empty: float = float("nan")) -> Scorer:
    """Return a score that is `of(pixels shared, predicted, true)` of each class, and `empty` where that is 0 / 0."""

    def score(predicted: np.ndarray, truth: np.ndarray, classes: int) -> list[float]:
        scores = []
        for number in range(1, classes + 1):
            marked, there = predicted == number, truth == number
            try:
                scores.append(of(float((marked & there).sum()), float(marked.sum()), float(there.sum())))
            except ZeroDivisionError:
                scores.append(empty)
        return scores

    return score


def _by_confusion(predicted: np.ndarray, truth: np.ndarray, classes: int) -> list[float]:
    """Return the Dice of each class from the table of pixels by true and predicted class."""
    size = max(classes, int(predicted.max()), int(truth.max())) + 1
    table = np.bincount(truth.ravel().astype(int) * size + predicted.ravel(), minlength=size**2).reshape(size, size)
    sums = table.sum(0) + table.sum(1)
    return [2 * table[number, number] / sums[number] if sums[number] else float("nan") for number in range(1, classes + 1)]


def _shared_by(shared: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Scorer:
    """Return the Dice of each class, of masks in which what is shared is counted in another way."""

    def score(predicted: np.ndarray, truth: np.ndarray, classes: int) -> list[float]:
        scores = []
        for number in range(1, classes + 1):
            marked, there = np.where(predicted == number, predicted, 0), np.where(truth == number, truth, 0)
            below = int((marked > 0).sum() + (there > 0).sum())
            scores.append(2 * float(shared(predicted, there).sum()) / below if below else float("nan"))
        return scores

    return score


def _of_union(predicted: np.ndarray, truth: np.ndarray, classes: int) -> list[float]:
    return _by_confusion((predicted > 0).astype(np.uint8), (truth > 0).astype(np.uint8), 1) * classes


def _from_zero(predicted: np.ndarray, truth: np.ndarray, classes: int) -> list[float]:
    return _by_confusion(predicted + 1, truth + 1, classes)


def _where_true(predicted: np.ndarray, truth: np.ndarray, classes: int) -> list[float]:
    scores = _by_confusion(predicted, truth, classes)
    return [score if (truth == number).any() else float("nan") for number, score in enumerate(scores, start=1)]


def _mean_for_each(predicted: np.ndarray, truth: np.ndarray, classes: int) -> list[float]:
    scores = [score for score in _by_confusion(predicted, truth, classes) if not np.isnan(score)]
    return [sum(scores) / len(scores) if scores else float("nan")] * classes


q6 = Exercise(
    lesson="ultrasound",
    number=6,
    title="Everything is found, and every nerve is called a vessel. What is the Dice?",
    task="""
        Write `class_dice(predicted, truth, classes)` for two label maps with the numbers 0 (background), 1, 2, …, classes: the Dice of each
        class but the background, which is twice the pixels that both maps give this class, divided by the sum of the pixels that each gives
        it. Where neither map has the class, return NaN for it.
    """,
    answer="a function of two label maps (arrays of bytes) and the number of classes that returns an array (classes,), 0 to 1 or NaN",
    why="a needle that is placed beside a vessel taken for a nerve injects into blood; a Dice of all that was marked does not see it.",
    expects=Function(_maps, Numbers((None,), within=1e-5, nan=True)),
    right=_by_confusion,
    mistakes=(
        Mistake(
            _of_union,
            "This is the Dice of whatever is not background: a nerve that is called a vessel counts as found. Compare class by class.",
        ),
        Mistake(
            _from_zero,
            "These are the classes from 0 on. The background is the easiest and the largest one, and was not asked for: begin at 1.",
        ),
        Mistake(
            lambda predicted, truth, classes: _from_zero(predicted, truth, classes + 1),
            "There is one number too many, the background's. It is near 1 for any prediction; leave it out.",
        ),
        Mistake(
            _each(lambda s, p, t: 2 * s / (p + t), empty=1.0),
            "Where neither map has a class, the challenge counts 1. Here NaN was asked for, so that a class which is nowhere cannot raise "
            "a mean.",
        ),
        Mistake(
            _each(lambda s, p, t: 2 * s / (p + t), empty=0.0),
            "A 0 for a class that is in neither map punishes what is right. Return NaN.",
        ),
        Mistake(
            _where_true,
            "A class that was marked and is not there has a Dice of 0. NaN is only for a class that is in neither map; else false marks "
            "would cost nothing.",
        ),
        Mistake(
            _each(lambda s, p, t: s / (p + t - s)),
            "You divided by the union: that is the IoU (Jaccard). Dice divides twice the shared pixels by the sum of both.",
        ),
        Mistake(_each(lambda s, p, t: s / (p + t)), "The factor 2 is missing: a class that is marked perfectly would have 0.5."),
        Mistake(
            _each(lambda s, p, t: s / t),
            "This is the sensitivity of each class: what share of it was found. False marks cost nothing in it.",
        ),
        Mistake(
            _each(lambda s, p, t: s / p),
            "This is the precision of each class: what share of the marks is true. What was missed costs nothing in it.",
        ),
        Mistake(
            _shared_by(lambda predicted, there: (predicted & there) > 0),
            "`&` of two label maps compares bits: 1 & 3 is 1, so class 1 and class 3 overlap. Make a mask of each class first.",
        ),
        Mistake(
            _shared_by(lambda predicted, there: (predicted > 0) & (there > 0)),
            "A pixel counts as shared if anything was predicted there. It has to be the same class.",
        ),
        Mistake(
            _shared_by(lambda predicted, there: np.where(predicted == there, there, 0)),
            "The numbers of the class were added up, so class 2 counts double above the line. Count pixels.",
        ),
        Mistake(
            lambda predicted, truth, classes: [float((predicted == truth).mean())] * classes,
            "This is the share of pixels that are right, background included.",
        ),
        Mistake(
            lambda predicted, truth, classes: [
                float(((predicted == number) == (truth == number)).mean()) for number in range(1, classes + 1)
            ],
            "This is the share of pixels on which both maps agree about the class. Nearly all agree that it is not there; only marked ones "
            "count in Dice.",
        ),
        Mistake(
            _mean_for_each,
            "These are means over the classes. A number for each class was asked for.",
        ),
        Mistake(
            lambda predicted, truth, classes: [_by_confusion(predicted, truth, 31)[number - 1] for number in np.unique(truth) if number],
            "Only the classes of this truth are there. Return a number for each class from 1 to classes, so that images can be compared.",
        ),
    ),
    hints=(
        "For each number from 1 to classes: `predicted == number` and `truth == number` are two masks.",
        "2 · (one & other).sum() / (one.sum() + other.sum()); look first whether the sum is 0.",
    ),
    code="""
        import numpy as np

        def answer(predicted, truth, classes):
            scores = []
            for number in range(1, classes + 1):
                marked, there = predicted == number, truth == number
                pixels = marked.sum() + there.sum()
                scores.append(2 * (marked & there).sum() / pixels if pixels else np.nan)
            return scores
    """,
    learned="Where nerve and vessel are exchanged, the Dice of all that is marked is 1, that of each class 0. MONAI's DiceMetric scores "
    "one-hot maps (include_background=False leaves out class 0); by default it also leaves out a class that was marked and is not there.",
)
