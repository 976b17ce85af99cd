"""From probabilities to decisions: a threshold, predictive values, calibration."""

from functools import cache

import numpy as np

from radlearn.digital_thorax.planning import CATEGORIES, plan_xrays
from radlearn.exercises.answers import Mistake, Number
from radlearn.exercises.exercise import Exercise


@cache
def _validation() -> dict[str, np.ndarray]:
    """Return labels of a planned cohort and probabilities of a simulated model: too high, as after training on balanced batches."""
    ill = np.array([plan.category == CATEGORIES[0] for plan in plan_xrays(180, seed=34)])
    logits = -0.6 + 1.9 * ill + np.random.default_rng(34).standard_normal(len(ill))
    return {"label": ill, "probability": np.round(1 / (1 + np.exp(-logits)), 4)}


def _of(label: bool) -> np.ndarray:
    return np.sort(_validation()["probability"][_validation()["label"] == label])


def _highest(share: float) -> float:
    found = _of(True)
    return float(found[len(found) - int(np.ceil(share * len(found) - 1e-9))])


def _next_lower() -> float:
    probabilities = _validation()["probability"]
    return float(probabilities[probabilities < _highest(0.95)].max())


def _threshold_found(number_to_find: int) -> float:
    """Return the threshold that finds so many opacities."""
    return float(_of(True)[::-1][number_to_find - 1])


def _sensitivity(threshold: float) -> float:
    return float((_of(True) >= threshold).mean())


def _specificity(threshold: float) -> float:
    return float((_of(False) < threshold).mean())


def _facts(threshold: float) -> str:
    """Return what is known of a wrong threshold, and on which side of it the right one lies."""
    found = int((_of(True) >= threshold).sum())
    given = "" if (np.abs(_validation()["probability"] - threshold) < 1e-7).any() else "This is none of the given probabilities. "
    return (
        f"{given}At this threshold the sensitivity is {100 * _sensitivity(threshold):.1f} % ({found} of {len(_of(True))} opacities are "
        f"found), the specificity {100 * _specificity(threshold):.1f} %. "
        + ("A higher one reaches 95 %, too." if threshold < _highest(0.95) else "A lower one is needed.")
    )


q5 = Exercise(
    lesson="classification",
    number=5,
    title="Which threshold misses at most one opacity in twenty?",
    task="""
        An X-ray is called positive if its probability is at least the threshold. Find the highest threshold, among the given
        probabilities, with a sensitivity of 95 % or more.
    """,
    about_given={"label": "bool (180,), whether there is an opacity", "probability": "float (180,), on validation people"},
    answer="the threshold, one of the given probabilities",
    why="whoever reads only the positive X-rays never sees what lies below the threshold.",
    given=_validation,
    expects=Number(within=1e-7),
    right=lambda: _highest(0.95),
    mistakes=(
        Mistake(
            lambda: float(np.quantile(_of(False), 0.95)),
            "This gives a *specificity* of 95 %. Sensitivity is counted on X-rays with an opacity.",
        ),
        Mistake(
            lambda: float(np.quantile(_of(False), 0.95, method="higher")),
            lambda threshold: f"This gives a specificity of about 95 %, which was not asked for. {_facts(threshold)}",
            fits=lambda threshold: abs(_specificity(threshold) - 0.95) < 0.004,
        ),
        Mistake(
            lambda: float(np.quantile(_of(True), 0.05)),
            "This quantile lies between two probabilities, and misses one opacity too many: 95 % has to be reached, so round the number "
            "to be found up.",
        ),
        Mistake(
            lambda: float(np.quantile(_validation()["probability"], 0.05)),
            "This is a quantile of all X-rays. Only those with an opacity count.",
        ),
        Mistake(
            lambda: float(_of(True)[0]), "This threshold finds every opacity. 95 % is reached at a higher one, with fewer false alarms."
        ),
        Mistake(
            _next_lower,
            "This is one step too low: at least the threshold (>=), so the last opacity that is needed may have exactly this probability.",
        ),
        Mistake(
            lambda: _threshold_found(int(0.95 * len(_of(True)))),
            lambda threshold: f"This is one opacity short. {_facts(threshold)} Round the number to be found up.",
        ),
        Mistake(
            lambda: 95.0,
            "A probability lies between 0 and 1, and so does the threshold.",
            fits=lambda threshold: not 0 <= threshold <= 1,
        ),
        Mistake(lambda: 0.95, lambda threshold: f"0.95 is the sensitivity to be reached, not the threshold. {_facts(threshold)}"),
        Mistake(lambda: 0.0501, _facts, fits=lambda threshold: True),
    ),
    hints=(
        "Only the X-rays with an opacity matter. Sort their probabilities from high to low. How many of them have to be found?",
        "ceil(0.95 × number of opacities) of them: the threshold is the probability of the last one of these.",
    ),
    code="""
        import math

        data = q5.data()
        positives = sorted(data["probability"][data["label"]], reverse=True)
        answer = positives[math.ceil(0.95 * len(positives)) - 1]
    """,
    learned="On new people it will not be exactly 95 %: it was chosen on few opacities. Choose on validation people, report on test "
    "people.",
)

_STUDY = {"tp": 180, "fn": 20, "fp": 40, "tn": 160}


def _predictive_value(sensitivity: float, specificity: float, prevalence: float) -> float:
    hits, alarms = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    return hits / (hits + alarms)


q6 = Exercise(
    lesson="classification",
    number=6,
    title="The study was half ill. What is an alarm worth at my hospital?",
    task="""
        A study tested a model on 200 X-rays with an opacity and 200 without. At your hospital 2 % of the X-rays have one. Assume that
        sensitivity and specificity stay the same. Of the X-rays that the model calls positive there, what share has an opacity (the
        positive predictive value)?
    """,
    about_given={"tp, fn, fp, tn": "int, the study's counts: found and missed opacities, false alarms, and rightly negative X-rays"},
    answer="the share, 0 to 1, to three digits",
    why="it is what the doctor who gets the alarm wants to know, and no property of the model alone.",
    given=lambda: dict(_STUDY),
    expects=Number(within=0.0006, share=True),
    right=lambda: _predictive_value(0.9, 0.8, 0.02),
    mistakes=(
        Mistake(lambda: 180 / 220, "This is the predictive value in the study, where half are ill. At your hospital it is one in fifty."),
        Mistake(
            lambda: 0.9,
            "This is the sensitivity: of the X-rays with an opacity, the share that is called positive. The question goes the other way.",
        ),
        Mistake(
            lambda: 180 / 220 * 0.02 / 0.5,
            "A predictive value does not shrink in proportion to the prevalence: the false alarms change as well.",
        ),
        Mistake(
            lambda: 0.8 * 0.98 / (0.8 * 0.98 + 0.1 * 0.02),
            "This is the negative predictive value: of those called negative, the share without an opacity.",
        ),
        Mistake(
            lambda: 1 - _predictive_value(0.9, 0.8, 0.02),
            "This is the share of the false alarms. The share of the alarms with an opacity was asked for.",
        ),
        Mistake(lambda: 0.8, "This is the specificity: of the X-rays without an opacity, the share that is called negative."),
        Mistake(lambda: 0.02, "This is the prevalence: of all X-rays, the share with an opacity. An alarm raises it."),
        Mistake(
            lambda: 0.9 * 0.02,
            "This is the share of all X-rays that have an opacity and are called positive. Divide by the share that is called positive.",
        ),
        Mistake(
            lambda: 0.9 * 0.02 + 0.2 * 0.98,
            "This is the share of all X-rays that are called positive. How many of these have an opacity?",
        ),
        Mistake(lambda: 0.9 * 0.02 + 0.8 * 0.98, "This is the accuracy at your hospital: the share of all X-rays that are called rightly."),
        Mistake(
            lambda: 0.9 * 0.02 / (0.2 * 0.98),
            "These are odds, true alarms for each false one. A share has both kinds of alarms below the line.",
        ),
        Mistake(
            lambda: 0.9 * 0.02 / (0.9 * 0.02 + 0.8 * 0.98),
            "The specificity was taken for the false alarms: of the X-rays without an opacity, 1 − specificity are called positive.",
        ),
        Mistake(
            lambda: 0.9 * 0.02 / (0.9 * 0.02 + 0.2),
            "All X-rays were counted as false alarms at the study's rate. Only those without an opacity, 98 %, can be false alarms.",
        ),
    ),
    hints=(
        "Imagine 1,000 X-rays of your hospital. How many have an opacity? How many of them are found, how many of the others are alarms?",
        "20 have one, 18 are found. 980 have none, and one in five of these is a false alarm.",
    ),
    code="""
        counts = q6.data()
        sensitivity = counts["tp"] / (counts["tp"] + counts["fn"])
        specificity = counts["tn"] / (counts["tn"] + counts["fp"])
        found, false_alarms = 0.02 * sensitivity, 0.98 * (1 - specificity)
        answer = found / (found + false_alarms)
    """,
    learned="The same model: 82 % in the study, 8 % at your hospital. Eleven of twelve alarms are false.",
)


def _shift() -> float:
    from scipy.optimize import brentq

    probability, share = _validation()["probability"], _validation()["label"].mean()
    logits = np.log(probability / (1 - probability))
    return float(brentq(lambda by: np.mean(1 / (1 + np.exp(-(logits + by)))) - share, -10, 10))


def _logit(p: float) -> float:
    return float(np.log(p / (1 - p)))


def _mean_shifted(by: float) -> float:
    probability = _validation()["probability"]
    # Far beyond any logit the mean is 0 or 1, and the exponential would overflow.
    return float(np.mean(1 / (1 + (1 - probability) / probability * np.exp(-np.clip(by, -50, 50)))))


def _told_of_shift(by: float) -> str:
    return (
        f"With this number added the mean probability is {_mean_shifted(by):.3f}; the share of X-rays with an opacity is "
        f"{_validation()['label'].mean():.3f}. " + ("Add a smaller one." if by > _shift() else "Add a larger one.")
    )


def _mean_logit() -> float:
    probability = _validation()["probability"]
    return float(np.log(probability / (1 - probability)).mean())


q7 = Exercise(
    lesson="classification",
    number=7,
    title="My probabilities are too high. By how much?",
    task="""
        A model was trained on batches in which half of the X-rays have an opacity. Its probabilities are therefore too high on average
        (*calibration in the large*). Find the number which, added to all logits, makes the mean probability equal to the share of X-rays
        with an opacity. The logit of p is log(p / (1 − p)).
    """,
    about_given={"label": "bool (180,), whether there is an opacity", "probability": "float (180,), as the model gives it"},
    answer="the number to be added to every logit, to two digits; negative if the probabilities are too high",
    why="a probability that a doctor reads has to mean what it says: of all X-rays with 0.3, three in ten should have an opacity.",
    given=_validation,
    expects=Number(within=0.006),
    right=_shift,
    mistakes=(
        Mistake(lambda: -_shift(), "The size is right, the sign is not: the probabilities are too high, so logits have to fall."),
        Mistake(
            lambda: float(_validation()["label"].mean() - _validation()["probability"].mean()),
            "This is the difference of the probabilities. It is what has to be put right; the question is by which change of the logits.",
        ),
        Mistake(
            lambda: _logit(_validation()["label"].mean()) - _logit(_validation()["probability"].mean()),
            "This takes the logit of the mean. The mean of the sigmoids is not the sigmoid of the mean: search for the number instead.",
        ),
        Mistake(
            lambda: _logit(_validation()["label"].mean()),
            "This assumes batches with exactly one half, and that training reached the best fit. Measure it on these X-rays instead.",
        ),
        Mistake(
            lambda: _logit(_validation()["label"].mean()) - _mean_logit(),
            "This compares the logit of the share with the mean of the logits. The sigmoid is no straight line: the mean of the "
            "probabilities has to fit, not that of the logits.",
        ),
        Mistake(
            lambda: float(_validation()["probability"].mean() - _validation()["label"].mean()),
            "This is the difference of the probabilities, and positive. The question is by which change of the logits it goes away.",
        ),
        Mistake(
            lambda: float(np.exp(_shift())),
            "This is the factor on the odds. A number added to the logit multiplies the odds by its exponential: take the logarithm.",
        ),
        Mistake(
            lambda: _shift() / float(np.log(10)),
            "This is a decadic logarithm (log10). The logit takes the natural one, `numpy.log`.",
        ),
        Mistake(
            lambda: float(_validation()["label"].mean() / _validation()["probability"].mean()),
            "This is the factor between the means of the probabilities. A number that is added to the logits was asked for.",
        ),
        Mistake(
            lambda: float(np.log(_validation()["label"].mean() / _validation()["probability"].mean())),
            "This is the logarithm of the ratio of two probabilities. A logit is that of odds, p / (1 − p).",
        ),
        Mistake(lambda: -0.5, _told_of_shift, fits=lambda by: True),
    ),
    hints=(
        "With a number b, the probabilities become sigmoid(logit(p) + b). Their mean grows with b. Which b gives the wanted mean?",
        "Halve an interval again and again, from −10 to 10; or `scipy.optimize.brentq`, which does that.",
    ),
    code="""
        import numpy as np

        data = q7.data()
        logits = np.log(data["probability"] / (1 - data["probability"]))
        low, high = -10.0, 10.0
        for _ in range(50):
            answer = (low + high) / 2
            mean = (1 / (1 + np.exp(-(logits + answer)))).mean()
            low, high = (low, answer) if mean > data["label"].mean() else (answer, high)
    """,
    learned="The AUROC has not changed, since the order has not. Platt scaling (scikit-learn's 'sigmoid' calibration) also fits a slope.",
)
