"""How sure a score is, by person, and the mean over several labels of which some are not known."""

from functools import cache
from typing import Any

import numpy as np

from radlearn.exercises.answers import Fields, Mistake, Number
from radlearn.exercises.exercise import Exercise
from radlearn.metrics.ranking import auroc_score

# Correct calls of twelve people: of some there are many X-rays, which are right or wrong together.
_XRAYS_OF = np.array([1, 1, 2, 1, 9, 1, 2, 1, 8, 1, 2, 1])
_RIGHT_OF = np.array([1, 1, 2, 1, 1, 1, 2, 0, 8, 1, 1, 1])
_DRAWS = 4000


@cache
def _calls() -> dict[str, np.ndarray]:
    person = np.repeat([f"p{number:02d}" for number in range(1, 13)], _XRAYS_OF)
    correct = np.concatenate([np.arange(xrays) < right for xrays, right in zip(_XRAYS_OF, _RIGHT_OF, strict=True)])
    return {"person": person, "correct": correct}


def _middle(scores: np.ndarray, share: float = 95.0) -> dict[str, float]:
    low, high = np.percentile(scores, [(100 - share) / 2, (100 + share) / 2])
    return {"low": float(low), "high": float(high)}


@cache
def _drawn_people() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 12, (_DRAWS, 12))


def _by_person(share: float = 95.0) -> dict[str, float]:
    people = _drawn_people()
    return _middle(_RIGHT_OF[people].sum(1) / _XRAYS_OF[people].sum(1), share)


@cache
def _by_xray() -> dict[str, float]:
    correct = _calls()["correct"]
    return _middle(np.random.default_rng(0).choice(correct, (_DRAWS, len(correct))).mean(1))


def _of_persons_means() -> dict[str, float]:
    # Its high end is 1 as well, and right.
    return {"low": _middle((_RIGHT_OF / _XRAYS_OF)[_drawn_people()].mean(1))["low"]}


def _normal() -> dict[str, float]:
    people = _drawn_people()
    scores = _RIGHT_OF[people].sum(1) / _XRAYS_OF[people].sum(1)
    return {"high": float(scores.mean() + 1.96 * scores.std())}


q10 = Exercise(
    lesson="classification",
    number=10,
    title="How sure is this accuracy?",
    task="""
        A model was right on 20 of 30 test X-rays, which are of twelve people. Give the interval of the accuracy by the bootstrap: draw
        twelve of the twelve people with replacement, each with all their X-rays, compute the accuracy of the draw, do it 4,000 times, and
        take the middle 95 %. Any random generator will do: the answer may be off by 0.035.
    """,
    about_given={"person": "str (30,), whose X-ray it is", "correct": "bool (30,), whether the model was right"},
    answer="a dictionary with 'low' and 'high', shares from 0 to 1",
    why="X-rays of one person are right or wrong together; a thousand of ten people say little about the eleventh.",
    given=_calls,
    expects=Fields({"low": Number(within=0.035, share=True), "high": Number(within=0.035, share=True)}),
    right=_by_person,
    mistakes=(
        Mistake(
            _by_xray,
            "This takes the X-rays for thirty independent ones. Draw people: the interval becomes twice as wide.",
        ),
        Mistake(
            _normal,
            "This is 1.96 standard deviations either way, which goes beyond 1. Take percentiles of the draws: those are shares.",
            fits=lambda value: value["high"] > 1,
        ),
        Mistake(
            _of_persons_means,
            "This is the mean of the persons' accuracies. Asked for is the accuracy over all X-rays of a draw, in which a person with nine "
            "X-rays counts nine times.",
        ),
        Mistake(
            lambda: _by_person(68.3),
            "This is the middle two thirds, as of one standard deviation either way. Take the middle 95 %: percentiles 2.5 and 97.5.",
        ),
        Mistake(lambda: {"low": 2 / 3, "high": 2 / 3}, "This is the accuracy itself. How far does it move when other people are drawn?"),
    ),
    hints=(
        "One draw: `people = rng.choice(np.unique(person), 12)`, then all X-rays of each of them. Who is drawn twice counts twice.",
        "Count once for each person how many X-rays there are and how many are right; a draw is then `right[drawn].sum() / "
        "xrays[drawn].sum()`, and `np.percentile(scores, [2.5, 97.5])` the answer.",
    ),
    code="""
        import numpy as np

        data = q10.data()
        people, which = np.unique(data["person"], return_inverse=True)
        xrays, right = np.bincount(which), np.bincount(which, weights=data["correct"])
        rng = np.random.default_rng(1)
        drawn = rng.integers(0, len(people), (4000, len(people)))
        low, high = np.percentile(right[drawn].sum(axis=1) / xrays[drawn].sum(axis=1), [2.5, 97.5])
        answer = {"low": low, "high": high}
    """,
    learned="One person with nine X-rays moves the score alone. Every interval of radlearn's reports is drawn by person, for this reason.",
)

_LABELS = ("effusion", "mass", "oedema")


@cache
def _three_labels() -> dict[str, Any]:
    rng = np.random.default_rng(7)
    label = (rng.random((40, 3)) < [0.4, 0.15, 0.3]).astype(float)
    probability = np.round(1 / (1 + np.exp(-(rng.standard_normal((40, 3)) + label * [2.0, 0.4, 1.2] - [0.3, 1.8, 0.8]))), 3)
    # Of X-rays from another hospital nobody has said whether there is a mass, and on some nothing was said of oedema.
    label[25:, 1] = np.nan
    label[::6, 2] = np.nan
    return {"label": label, "probability": probability, "names": list(_LABELS)}


def _each(unknown_is_negative: bool = False) -> list[float]:
    data, found = _three_labels(), []
    for column in range(3):
        label, probability = data["label"][:, column], data["probability"][:, column]
        known = np.ones(len(label), bool) if unknown_is_negative else ~np.isnan(label)
        found.append(float(auroc_score(probability[known], label[known] == 1)))
    return found


def _known_everywhere() -> float:
    data = _three_labels()
    known = ~np.isnan(data["label"]).any(1)
    return float(np.mean([auroc_score(data["probability"][known, c], data["label"][known, c] == 1) for c in range(3)]))


def _pooled() -> float:
    data = _three_labels()
    known = ~np.isnan(data["label"])
    return float(auroc_score(data["probability"][known], data["label"][known] == 1))


def _weighted() -> float:
    return float(np.average(_each(), weights=np.nansum(_three_labels()["label"], axis=0)))


q11 = Exercise(
    lesson="classification",
    number=11,
    title="Three labels, some of them unknown: what is the macro AUROC?",
    task="""
        A model gives each X-ray three probabilities, one for each finding. Some labels are NaN: nobody has said whether the finding is
        there. Compute the AUROC of each label over the X-rays on which it is known, then the mean of the three (the macro AUROC).
    """,
    about_given={
        "label": "float (40, 3), 1, 0, or NaN where it is not known",
        "probability": "float (40, 3)",
        "names": "the findings",
    },
    answer="the macro AUROC, 0 to 1, to three digits",
    why="labels of several hospitals never name the same findings, and an unknown one is not a negative one.",
    given=_three_labels,
    expects=Number(within=0.0006, share=True),
    right=lambda: float(np.mean(_each())),
    mistakes=(
        Mistake(
            lambda: float(np.mean(_each(unknown_is_negative=True))),
            "Unknown labels were taken for negative ones (`label == 1` is False for NaN). Leave these X-rays out, label by label.",
        ),
        Mistake(
            _known_everywhere,
            "X-rays with any unknown label were left out of all three. Each label keeps the X-rays on which it is known itself.",
        ),
        Mistake(
            _pooled,
            "All three labels were put into one list (the micro AUROC). A common finding with high probabilities then makes it look better "
            "than the model is at any of them.",
        ),
        Mistake(
            _weighted,
            "The mean is weighted by the number of positives. In the macro mean a rare finding counts as much as a common one.",
        ),
        *(
            Mistake(lambda column=column: _each()[column], f"This is the AUROC of {name} alone. Take the mean of the three.")  # type: ignore[misc]
            for column, name in enumerate(_LABELS)
        ),
        Mistake(lambda: 1 - float(np.mean(_each())), "This is 1 − the macro AUROC: labels and probabilities are the wrong way round."),
    ),
    hints=(
        "Which X-rays have a label of mass? `~np.isnan(label[:, 1])`. scikit-learn's `roc_auc_score` refuses NaN.",
        "For each column: keep the known rows of label and probability, `roc_auc_score(label, probability)`, then `np.mean` of the three.",
    ),
    code="""
        import numpy as np
        from sklearn.metrics import roc_auc_score

        data = q11.data()
        scores = []
        for label, probability in zip(data["label"].T, data["probability"].T):
            known = ~np.isnan(label)
            scores.append(roc_auc_score(label[known], probability[known]))
        answer = np.mean(scores)
    """,
    learned="In training the same mask is on the loss: `binary_cross_entropy_with_logits(…, reduction='none')[known].mean()`.",
)
