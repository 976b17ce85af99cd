"""`tune` of a classifier: its operating point chosen again on validation persons, for a wanted sensitivity or specificity."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from radlearn.amounts import counted, verb_of
from radlearn.errors import BadSetting
from radlearn.metrics import decisions
from radlearn.metrics.intervals import Band, Interval, bootstrap_band, bootstrap_interval
from radlearn.metrics.predictions import share
from radlearn.pictures.report import Headline, Table
from radlearn.pictures.tuning import operating_figure
from radlearn.progress import waiting
from radlearn.tasks.classification.options import TuneOptions
from radlearn.tasks.classification.postprocessing import (
    TRAIN_OTHERWISE,
    ProbabilityPostprocessing,
    postprocessing_at,
    say_if_it_ranks_nothing,
    threshold_for,
)
from radlearn.tasks.xray.radiographs import PreparedRadiograph, labels_of, persons_of
from radlearn.training.run_folder import Run
from radlearn.workflow.cross_fitting import parts_of
from radlearn.workflow.postprocessing_file import read_postprocessing, write_postprocessing
from radlearn.workflow.tuning_report import NamedFigure, Tuning, report_tuning

COLUMNS = ("threshold for", "at", "sensitivity, cross-fitted", "specificity, cross-fitted", "same persons")
CURVE_POINTS = 201
BESIDE = ((0.0, 0.0), (0.9, 0.0), (0.95, 0.0), (0.0, 0.9), (0.0, 0.95))
"(sensitivity, specificity) wanted, shown for comparison."


@dataclass(frozen=True)
class Rule:
    """A way of choosing a threshold from probabilities and labels."""

    name: str
    choose: Callable[[np.ndarray, np.ndarray], float]


def rule_of(wanted_sensitivity: float | None, wanted_specificity: float | None) -> Rule:
    """Return the rule for a wanted sensitivity or specificity; with neither, or 0, the best sensitivity + specificity (Youden).

    Raises:
        BadSetting: if both are wanted, or one is outside 0 to 1.
    """
    wanted = {"sensitivity": wanted_sensitivity or 0.0, "specificity": wanted_specificity or 0.0}
    for name, share_wanted in wanted.items():
        if not 0 <= share_wanted <= 1:
            raise BadSetting(f"wanted_{name} is {share_wanted}; it must be from 0 to 1, such as 0.9. 0 wants none.")
    if all(wanted.values()):
        raise BadSetting("Both a sensitivity and a specificity are wanted; one threshold can reach one of them. Leave one out.")
    name = next((f"{name} ≥ {share_wanted:g}" for name, share_wanted in wanted.items() if share_wanted), "best sum (Youden)")
    return Rule(name, partial(threshold_for, wanted_sensitivity=wanted["sensitivity"], wanted_specificity=wanted["specificity"]))


@dataclass(frozen=True)
class Chosen:
    """A threshold, with sensitivity and specificity at it: on the persons that chose it, and cross-fitted."""

    rule: str
    threshold: float
    own: tuple[Interval, Interval]
    crossed: tuple[Interval, Interval]

    def as_dict(self) -> dict[str, Any]:
        pairs = {"": self.own, "cross_fitted_": self.crossed}
        scores = {f"{kind}{name}": one.as_dict() for kind, pair in pairs.items() for name, one in zip(NAMES, pair, strict=True)}
        return {"rule": self.rule, "threshold": self.threshold, **scores}


NAMES = ("sensitivity", "specificity")


def chosen_by(rule: Rule, probabilities: np.ndarray, labels: np.ndarray, persons: Sequence[str], seed: int) -> Chosen:
    """Choose a threshold by a rule, and evaluate it on the same persons and cross-fitted; all arrays (cases,)."""
    threshold = rule.choose(probabilities, labels)
    parts = parts_of(persons, seed)
    called = np.full(len(labels), np.nan)
    for part in np.unique(parts):
        held_out = parts == part
        others = rule.choose(probabilities[~held_out], labels[~held_out])
        # The others are all of one class: there is no threshold, so these are not evaluated.
        called[held_out] = np.nan if np.isnan(others) else probabilities[held_out] >= others
    return Chosen(rule.name, threshold, _pair((probabilities >= threshold).astype(float), labels, persons), _pair(called, labels, persons))


def tune_threshold(
    run: Run,
    xrays: Sequence[PreparedRadiograph],
    probabilities: np.ndarray,
    options: TuneOptions = TuneOptions(),
    sensitivity_of_training: float = 0.0,
) -> dict[str, Any]:
    """Choose a run's threshold again and write it into `postprocessing.json`, and how it was found into `tuning/`.

    Args:
        xrays: those of the run's validation persons; `probabilities` (X-rays,).
        sensitivity_of_training: wanted where `options` name neither a sensitivity nor a specificity.

    Returns:
        what `tuning/tuning.json` holds.

    Raises:
        BadRunFolder: if training has not finished.
        BadSetting: if the options cannot be met; if the validation X-rays are all of one class.
    """
    as_trained = options.wanted_sensitivity is None and not options.wanted_specificity
    rule = rule_of(sensitivity_of_training if as_trained else options.wanted_sensitivity, options.wanted_specificity)
    before, fitted = read_postprocessing(run, ProbabilityPostprocessing)
    labels, persons = labels_of(xrays), persons_of(xrays).tolist()
    if labels.all() or not labels.any():
        raise BadSetting(
            f"The {counted(len(labels), 'validation X-rays')} {verb_of(len(labels), 'are')} all of one class; no "
            f"threshold can be chosen on them."
        )
    probabilities = np.asarray(probabilities, dtype=np.float64)
    others = [other for wanted in BESIDE if (other := rule_of(*wanted)).name != rule.name]
    seed = int(run.settings.get("seed", 0))
    with waiting("Choosing thresholds on validation persons, with cross-fitted scores"):
        chosen, *beside = [chosen_by(each, probabilities, labels, persons, seed) for each in (rule, *others)]
        curve = _curve(probabilities, labels, persons)
    after = postprocessing_at(chosen.threshold, probabilities, labels)
    # What the trivial baselines know came from the training persons, and stays.
    write_postprocessing(run, after, fitted)
    say_if_it_ranks_nothing(after, TRAIN_OTHERWISE)
    was = _pair((probabilities >= before.threshold).astype(float), labels, persons)
    content = {
        "threshold": chosen.threshold,
        "threshold_before": before.threshold,
        "chosen": chosen.as_dict(),
        "beside": [one.as_dict() for one in beside],
        "recalibration": {"intercept": after.intercept, "slope": after.slope},
        "curve": {"threshold": curve[0], "sensitivity": curve[1].value, "specificity": curve[2].value},
    }
    found = Tuning(
        "The threshold, chosen on validation persons",
        f"The decision is yes from a probability of {chosen.threshold:.3f} on (calibrated {after.calibrated_threshold:.3f}), chosen for "
        f"{rule.name}.",
        [Headline(f"{name.capitalize()}, cross-fitted", one, "") for name, one in zip(NAMES, chosen.crossed, strict=True)],
        [_table(chosen, beside, before.threshold, was)],
        [_drawn(curve, chosen.threshold, after)],
        [],
        content,
        after != before,
    )
    return report_tuning(run, persons, found)


def _pair(called: np.ndarray, labels: np.ndarray, persons: Sequence[str]) -> tuple[Interval, Interval]:
    """Return sensitivity and specificity of decisions, float (cases,) of 0 and 1; unknown where one of them is NaN."""
    if np.isnan(called).any():
        return Interval(float("nan")), Interval(float("nan"))
    scores = (decisions.sensitivity, decisions.specificity)
    sensitivity, specificity = (bootstrap_interval(partial(score, threshold=0.5), persons, called, labels) for score in scores)
    return sensitivity, specificity


def _table(chosen: Chosen, beside: Sequence[Chosen], before: float, was: tuple[Interval, Interval]) -> Table:
    rows: list[list[Any]] = []
    for one in (chosen, *beside):
        own = " / ".join(f"{pair.value:.2f}" for pair in one.own)
        rows.append([f"→ {one.rule}" if one is chosen else one.rule, one.threshold, *one.crossed, own])
    rows.append(["as it was before", before, None, None, " / ".join(f"{pair.value:.2f}" for pair in was)])
    caption = "→ is taken. With 95 % intervals by person. Same persons, chosen and evaluated on them: sensitivity / specificity."
    return Table(COLUMNS, rows, caption)


def _curve(probabilities: np.ndarray, labels: np.ndarray, persons: Sequence[str]) -> tuple[np.ndarray, Band, Band]:
    """Return thresholds (points,), rising, as close together as the probabilities are, with sensitivity and specificity at each."""
    thresholds = np.unique(np.r_[0.0, np.quantile(probabilities, np.linspace(0, 1, CURVE_POINTS)), min(1.0, probabilities.max() + 0.01)])

    def shares(p: ArrayLike, y: ArrayLike, weights: ArrayLike | None = None, right: bool = True) -> np.ndarray:
        here = np.asarray(y, bool) == right
        w = np.ones(len(here)) if weights is None else np.asarray(weights, float)
        hit = ((np.asarray(p)[:, None] >= thresholds) == right) & here[:, None]
        return share(w @ hit.astype(float), (w @ here.astype(float))[..., None])

    found, left = (bootstrap_band(partial(shares, right=right), persons, probabilities, labels) for right in (True, False))
    return thresholds, found, left


def _drawn(curve: tuple[np.ndarray, Band, Band], threshold: float, postprocessing: ProbabilityPostprocessing) -> NamedFigure:
    return NamedFigure(
        "threshold",
        operating_figure(curve[0].tolist(), curve[1], curve[2], threshold, postprocessing.calibrated_threshold),
        "On validation persons, with 95 % bands by person. Either of the two alone becomes perfect where the decision is always the same.",
        "Sensitivity and specificity over the threshold, the chosen one marked.",
    )
