"""The postprocessing for boxes, chosen on validation persons for the official score, and the ablation of its steps.

Steps are tried one after another: threshold, box scale, suppression, test-time augmentation, gate. A step is kept only if it improves the
cross-fitted score (`workflow.cross_fitting`): evaluated on the same few persons, every step would seem to help.

Which steps are kept is itself chosen on these persons, so the last cross-fitted score is still a little optimistic. `nested_gain` repeats
the whole search for each fifth of the persons on the other four, and evaluates the result on that fifth.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import numpy as np

from radlearn.challenges.challenge import BoxScore
from radlearn.metrics.boxes import mean_over_images
from radlearn.metrics.intervals import Interval, bootstrap_interval
from radlearn.tasks.detection.postprocessing import BoxPostprocessing
from radlearn.tasks.detection.prefix_scores import PrefixScores, Sums, ValidationCandidates
from radlearn.workflow.cross_fitting import AblationStep, parts_of

THRESHOLDS = tuple(round(0.04 + 0.02 * step, 2) for step in range(45))
# The values that each step chooses from; the first leaves it unused.
CHOICES: dict[str, dict[str, tuple[float, ...]]] = {
    "score threshold": {"threshold": THRESHOLDS},
    "box scale": {"scale": (1.0, 0.8, 0.84, 0.875, 0.92, 0.96, 1.04, 1.08)},
    "suppression": {"suppression_iou": (0.3, 0.1, 0.2, 0.4, 0.5), "top_share": (0.0, 0.5, 0.7)},
}
GATES = 12
SMALLEST_GAIN = 1e-3
FALSE_BOXES = "cross_fitted_false_boxes_per_healthy_image"
"Key of an ablation step, beside the official score."


@dataclass(frozen=True)
class NestedGain:
    """What the whole search gains on persons who had no part in it, with intervals by person; `before` has nothing tuned."""

    before: Interval
    after: Interval
    gain: Interval
    false_boxes_before: Interval
    false_boxes_after: Interval

    def as_dict(self) -> dict[str, dict[str, float]]:
        return {
            "score_with_nothing_tuned": self.before.as_dict(),
            "score": self.after.as_dict(),
            "gain": self.gain.as_dict(),
            "false_boxes_per_healthy_image_with_nothing_tuned": self.false_boxes_before.as_dict(),
            "false_boxes_per_healthy_image": self.false_boxes_after.as_dict(),
        }


def tuned(
    sources: Mapping[str, ValidationCandidates], box_score: BoxScore, seed: int = 0, most_false_boxes: float = inf
) -> tuple[str, BoxPostprocessing, list[AblationStep]]:
    """Choose the postprocessing with the best official score.

    Args:
        sources: the candidates for the same X-rays by how they were made, the plainest first: the image alone, test-time augmentation.
        seed: of the split of persons for cross-fitting.
        most_false_boxes: the limit per healthy X-ray; where no postprocessing meets it, one of those nearest to it is chosen.

    Returns:
        the source chosen, the postprocessing, and the score after every step, beginning with the plain postprocessing.
    """
    name, plain = next(iter(sources.items()))
    parts = parts_of(plain.persons, seed)
    tables = {source: PrefixScores(of, box_score.ious_above) for source, of in sources.items()}
    choices: dict[str, tuple[float, ...]] = {}
    postprocessing = BoxPostprocessing()
    score, false_boxes = _mean(tables[name].scores(postprocessing)), _mean(tables[name].standing(postprocessing)[plain.healthy])
    ablation = [AblationStep("nothing tuned", score, score, True, {FALSE_BOXES: false_boxes})]
    best = (inf, score)
    steps = [*CHOICES.items(), *((source, {}) for source in list(sources)[1:]), ("gate", {"gate": _gates(plain.image_scores)})]
    for step, values in steps:
        source = step if step in sources else name
        wanted = choices | values
        trial = _best_trial(tables[source], postprocessing, wanted, parts, most_false_boxes)
        # A threshold is always needed.
        taken = step == "score threshold" or trial.beats(*best)
        ablation.append(AblationStep(step, trial.score, trial.crossed, taken, {FALSE_BOXES: trial.crossed_false_boxes}))
        if taken:
            name, choices, postprocessing, best = source, wanted, trial.postprocessing, (trial.too_many, trial.crossed)
    return name, postprocessing, ablation


def nested_gain(
    sources: Mapping[str, ValidationCandidates], box_score: BoxScore, seed: int = 0, most_false_boxes: float = inf
) -> NestedGain:
    """Return what `tuned`, run on all but one fifth of the persons, gains on that fifth; arguments as there."""
    plain = next(iter(sources.values()))
    tables = {source: PrefixScores(of, box_score.ious_above) for source, of in sources.items()}
    first, parts = next(iter(tables.values())), parts_of(plain.persons, seed)
    scores, standing = np.full(len(parts), np.nan), np.zeros(len(parts))
    for part in np.unique(parts):
        held_out = parts == part
        choosers = held_out if held_out.all() else ~held_out
        source, postprocessing, _ = tuned({name: of.only(choosers) for name, of in sources.items()}, box_score, seed, most_false_boxes)
        scores[held_out] = tables[source].scores(postprocessing)[held_out]
        standing[held_out] = tables[source].standing(postprocessing)[held_out]
    untuned = first.scores(BoxPostprocessing())

    def gain(before: np.ndarray, after: np.ndarray, weights: np.ndarray | None = None) -> Any:
        return mean_over_images(after, weights) - mean_over_images(before, weights)

    def false_boxes(found: np.ndarray) -> Interval:
        return bootstrap_interval(mean_over_images, plain.persons, np.where(plain.healthy, found, np.nan))

    before, after = (bootstrap_interval(mean_over_images, plain.persons, each) for each in (untuned, scores))
    return NestedGain(
        before,
        after,
        bootstrap_interval(gain, plain.persons, untuned, scores),
        false_boxes(first.standing(BoxPostprocessing()).astype(float)),
        false_boxes(standing),
    )


def threshold_curve(
    validation_candidates: ValidationCandidates, postprocessing: BoxPostprocessing, box_score: BoxScore
) -> dict[str, list[float]]:
    """Return the official score and the false boxes per healthy X-ray at every threshold, all else as in the postprocessing."""
    table, healthy = PrefixScores(validation_candidates, box_score.ious_above), validation_candidates.healthy
    curve: dict[str, list[float]] = {"threshold": [], "score": [], "false_boxes_per_healthy_image": []}
    for threshold in THRESHOLDS:
        at = replace(postprocessing, threshold=threshold)
        curve["threshold"].append(threshold)
        curve["score"].append(_mean(table.scores(at)))
        curve["false_boxes_per_healthy_image"].append(_mean(table.standing(at)[healthy]))
    return curve


@dataclass(frozen=True)
class _Trial:
    """The best of some choices, and its scores."""

    postprocessing: BoxPostprocessing
    score: float
    crossed: float
    crossed_false_boxes: float
    # False boxes per healthy X-ray above the limit, on the persons who chose.
    too_many: float

    def beats(self, too_many: float, score: float) -> bool:
        """Whether it is better: nearer to the limit first, then the higher score."""
        return self.too_many < too_many or (self.too_many == too_many and self.crossed > score + SMALLEST_GAIN)


def _gates(image_scores: np.ndarray) -> tuple[float, ...]:
    return (0.0, *np.unique(np.quantile(image_scores, np.linspace(0.2, 0.95, GATES)).round(4)).tolist())


def _best_trial(
    table: PrefixScores,
    postprocessing: BoxPostprocessing,
    choices: Mapping[str, tuple[float, ...]],
    parts: np.ndarray,
    most_false_boxes: float,
) -> _Trial:
    """Return the best of all choices, and the cross-fitted scores of choosing."""
    names = ("scale", "suppression_iou", "top_share", "gate", "threshold")
    of = {name: choices.get(name, (getattr(postprocessing, name),)) for name in names}
    sums = table.sums(of, parts)
    everyone = np.ones(len(sums.healthy), bool)
    best = _best(sums, everyone, most_false_boxes)
    crossed, false_boxes = np.zeros(2), 0.0
    for column in range(len(everyone)):
        others = everyone.copy()
        others[column] = len(everyone) == 1
        chosen = _best(sums, others, most_false_boxes)
        crossed += sums.scores[*chosen, column], sums.counted[*chosen, column]
        false_boxes += sums.false_boxes[*chosen, column]
    made = replace(postprocessing, **{name: values[place] for (name, values), place in zip(of.items(), best, strict=True)})
    healthy = max(sums.healthy.sum(), 1)
    return _Trial(
        made,
        float(sums.scores[best].sum() / max(sums.counted[best].sum(), 1)),
        float(crossed[0] / max(crossed[1], 1)),
        float(false_boxes / healthy),
        max(0.0, float(sums.false_boxes[best].sum() / healthy) - most_false_boxes),
    )


def _best(sums: Sums, columns: np.ndarray, most_false_boxes: float) -> tuple[int, ...]:
    """Return the place of the postprocessing that is best for the persons of some parts, bool (parts,), among those that meet the limit."""
    means = _smooth(sums.scores[..., columns].sum(axis=-1) / np.maximum(sums.counted[..., columns].sum(axis=-1), 1))
    false_boxes = sums.false_boxes[..., columns].sum(axis=-1) / max(sums.healthy[columns].sum(), 1)
    # Where no postprocessing meets it, those nearest to it.
    means = np.where(false_boxes <= max(most_false_boxes, float(false_boxes.min())), means, -1.0)
    return tuple(int(place) for place in np.unravel_index(np.argmax(means), means.shape))


def _smooth(means: np.ndarray) -> np.ndarray:
    """Return means over neighbouring thresholds (the last axis), because a lone peak is luck."""
    if means.shape[-1] < 3:
        return means
    padded = np.concatenate([means[..., :1], means, means[..., -1:]], axis=-1)
    return (padded[..., :-2] + padded[..., 1:-1] + padded[..., 2:]) / 3


def _mean(values: np.ndarray) -> float:
    """Return the mean of the values that are numbers, NaN where there is none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
