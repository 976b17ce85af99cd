"""The recipe for boxes, chosen on validation people for the challenge's own score, and what each part of it is worth.

Devices are tried one after another: threshold, box scale, suppression, gate. One is taken up only if it helps people who did not choose
it: every fifth of the people is judged by the numbers that the other four fifths choose (cross-fitting). Chosen and judged on the same
few people, every device would seem to help.

Each film's score after its first 0, 1, 2, … boxes is worked out once; a threshold then only says how many boxes stand, so thousands of
recipes cost no more than a few.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from radlearn.metrics.boxes import FoundBoxes, matched_in_images
from radlearn.training.loading import case_seed
from radlearn.workbench.box_recipe import BoxRecipe, scaled_and_suppressed

IOUS_ABOVE = tuple(k / 20 for k in range(8, 16))
PARTS = 5
THRESHOLDS = tuple(round(0.04 + 0.02 * step, 2) for step in range(45))
# What each device may choose from; the first value leaves it unused.
CHOICES: dict[str, dict[str, tuple[float, ...]]] = {
    "score threshold": {"threshold": THRESHOLDS},
    "box scale": {"scale": (1.0, 0.8, 0.84, 0.875, 0.92, 0.96, 1.04, 1.08)},
    "suppression": {"suppression_iou": (0.3, 0.1, 0.2, 0.4, 0.5), "top_share": (0.0, 0.5, 0.7)},
}
GATES = 12
SMALLEST_GAIN = 1e-3


@dataclass(frozen=True)
class Examined:
    """Validation films with what a detector proposes for them."""

    candidates: Sequence[FoundBoxes]
    truth: Sequence[np.ndarray]
    sizes_px: Sequence[tuple[int, int]]
    # (images,) how likely each film shows anything, in [0, 1].
    image_scores: np.ndarray
    persons: Sequence[str]


@dataclass(frozen=True)
class Worth:
    """What a recipe scored with one device more."""

    device: str
    # Chosen and judged on the same people: too good.
    official: float
    # Judged on people who did not choose.
    cross_fitted: float
    taken: bool

    def as_dict(self) -> dict[str, Any]:
        return {"device": self.device, "rsna_score": self.official, "cross_fitted_rsna_score": self.cross_fitted, "taken": self.taken}


def tuned(sources: Mapping[str, Examined], seed: int = 0) -> tuple[str, BoxRecipe, list[Worth]]:
    """Choose the recipe with the best official score.

    Args:
        sources: ways in which the candidates can be made, the plainest first: one view of the film, several views fused. All are of the
            same films.
        seed: of the division of people for cross-fitting.

    Returns:
        the source chosen, the recipe, and what every step was worth, beginning with the plain recipe.
    """
    name, plain = next(iter(sources.items()))
    parts = _parts(plain.persons, seed)
    tables = {source: _Table(examined) for source, examined in sources.items()}
    choices: dict[str, tuple[float, ...]] = {}
    recipe = BoxRecipe()
    score = float(np.nanmean(tables[name].scores(recipe)))
    worth = [Worth("nothing tuned", score, score, True)]
    best = score
    for device, values in [
        *CHOICES.items(),
        *((source, {}) for source in list(sources)[1:]),
        ("gate", {"gate": _gates(plain.image_scores)}),
    ]:
        source = device if device in sources else name
        wanted = choices | values
        official, crossed, chosen = _tried(tables[source], recipe, wanted, parts)
        # The threshold has no rival: some threshold there must be.
        taken = device == "score threshold" or crossed > best + SMALLEST_GAIN
        worth.append(Worth(device, official, crossed, taken))
        if taken:
            name, choices, recipe, best = source, wanted, chosen, crossed
    return name, recipe, worth


def threshold_curve(examined: Examined, recipe: BoxRecipe) -> dict[str, list[float]]:
    """Return the official score and the false boxes per healthy film at every threshold, all else as in the recipe."""
    table = _Table(examined)
    healthy = np.array([len(boxes) == 0 for boxes in examined.truth])
    curve: dict[str, list[float]] = {"threshold": [], "rsna_score": [], "false_boxes_per_healthy_image": []}
    for threshold in THRESHOLDS:
        at = replace(recipe, threshold=threshold)
        curve["threshold"].append(threshold)
        curve["rsna_score"].append(float(np.nanmean(table.scores(at))))
        standing = table.standing(at)[healthy]
        curve["false_boxes_per_healthy_image"].append(float(standing.mean()) if len(standing) else float("nan"))
    return curve


def _parts(persons: Sequence[str], seed: int) -> np.ndarray:
    """Return which of five parts each film belongs to, (images,); a person's films are in one."""
    people, number = np.unique(np.asarray(persons, str), return_inverse=True)
    return (np.random.default_rng(case_seed(seed, len(people))).permutation(len(people)) % PARTS)[number]


def _gates(image_scores: np.ndarray) -> tuple[float, ...]:
    return (0.0, *np.unique(np.quantile(image_scores, np.linspace(0.2, 0.95, GATES)).round(4)).tolist())


def _tried(
    table: "_Table", recipe: BoxRecipe, choices: Mapping[str, tuple[float, ...]], parts: np.ndarray
) -> tuple[float, float, BoxRecipe]:
    """Return the best score of any choice, its cross-fitted score, and the best recipe."""
    of = {name: choices.get(name, (getattr(recipe, name),)) for name in ("scale", "suppression_iou", "top_share", "gate", "threshold")}
    # (choices before the threshold …, thresholds, parts): what the films of each part sum up to, and how many of them count.
    sums, counts = table.sums(of, parts)

    def best_of(columns: np.ndarray) -> tuple[int, ...]:
        means = sums[..., columns].sum(axis=-1) / np.maximum(counts[..., columns].sum(axis=-1), 1)
        return tuple(int(place) for place in np.unravel_index(np.argmax(_smooth(means)), means.shape))

    everybody = np.ones(sums.shape[-1], bool)
    best = best_of(everybody)
    crossed = np.zeros(2)
    for column in range(len(everybody)):
        others = everybody.copy()
        others[column] = len(everybody) == 1
        chosen = best_of(others)
        crossed += sums[*chosen, column], counts[*chosen, column]
    made = replace(recipe, **{name: values[place] for (name, values), place in zip(of.items(), best, strict=True)})
    return float(sums[best].sum() / max(counts[best].sum(), 1)), float(crossed[0] / max(crossed[1], 1)), made


def _smooth(means: np.ndarray) -> np.ndarray:
    """Return means over neighbouring thresholds (the last axis), because a lone peak is luck."""
    if means.shape[-1] < 3:
        return means
    padded = np.concatenate([means[..., :1], means, means[..., -1:]], axis=-1)
    return (padded[..., :-2] + padded[..., 1:-1] + padded[..., 2:]) / 3


class _Table:
    """Every film's official score after its first 0, 1, 2, … boxes, for each shape of boxes asked about."""

    def __init__(self, examined: Examined) -> None:
        self.examined = examined
        self._shaped: dict[tuple[float, float], tuple[np.ndarray, np.ndarray]] = {}

    def standing(self, recipe: BoxRecipe) -> np.ndarray:
        """Return how many boxes of each film stand, int (images,)."""
        confidences, _ = self._of(recipe.scale, recipe.suppression_iou)
        most = confidences.max(axis=1, initial=0.0)
        stands = confidences >= np.maximum(recipe.threshold, recipe.top_share * most)[:, None]
        # What only fills up the row has confidence −1, and stands nowhere.
        return np.where(self.examined.image_scores >= recipe.gate, stands.sum(axis=1), 0)

    def scores(self, recipe: BoxRecipe) -> np.ndarray:
        """Return the official score of each film, float (images,), NaN where it is left out."""
        _, prefix = self._of(recipe.scale, recipe.suppression_iou)
        return prefix[np.arange(len(prefix)), self.standing(recipe)]

    def sums(self, choices: Mapping[str, tuple[float, ...]], parts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return, for every recipe, the sum of the scores of each part's films and how many of them count, (choices …, parts) each.

        Args:
            choices: scale, suppression_iou, top_share, gate and threshold, in this order.
            parts: int (images,).
        """
        scales, suppressions, top_shares, gates, thresholds = choices.values()
        belongs = (np.unique(parts)[:, None] == parts).astype(float).T
        passes = self.examined.image_scores >= np.array(gates)[:, None]
        sums = np.zeros((*map(len, choices.values()), belongs.shape[1]))
        counts = np.zeros_like(sums)
        for a, scale in enumerate(scales):
            for b, suppression_iou in enumerate(suppressions):
                confidences, prefix = self._of(scale, suppression_iou)
                most, images = confidences.max(axis=1, initial=0.0), np.arange(len(prefix))
                for c, top_share in enumerate(top_shares):
                    for e, threshold in enumerate(thresholds):
                        standing = (confidences >= np.maximum(threshold, top_share * most)[:, None]).sum(axis=1)
                        scores = prefix[images, np.where(passes, standing, 0)]
                        sums[a, b, c, :, e], counts[a, b, c, :, e] = np.nan_to_num(scores) @ belongs, ~np.isnan(scores) @ belongs
        return sums, counts

    def _of(self, scale: float, suppression_iou: float) -> tuple[np.ndarray, np.ndarray]:
        """Return confidences (images, most), falling, and scores (images, most + 1)."""
        key = (scale, suppression_iou)
        if key not in self._shaped:
            of = self.examined
            shaped = [
                scaled_and_suppressed(candidates, scale, suppression_iou, size_px)
                for candidates, size_px in zip(of.candidates, of.sizes_px, strict=True)
            ]
            self._shaped[key] = _prefix_scores(shaped, of.truth)
        return self._shaped[key]


def _prefix_scores(found: Sequence[FoundBoxes], truth: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    matches = matched_in_images(found, truth, IOUS_ABOVE)
    most = int(matches.found_count.max(initial=0))
    place = np.arange(len(matches.image)) - np.repeat(np.cumsum(matches.found_count) - matches.found_count, matches.found_count)
    confidences = np.full((len(found), most), -1.0)
    confidences[matches.image, place] = matches.confidences
    hits = np.zeros((len(IOUS_ABOVE), len(found), most + 1))
    hits[:, matches.image, place + 1] = matches.hit >= 0
    true_positives = hits.cumsum(axis=2)
    # TP + FP + FN is the boxes found and the true ones, those in both counted once.
    either = np.arange(most + 1) + matches.true_count[:, None] - true_positives
    scores = np.where(either > 0, true_positives / np.maximum(either, 1), np.nan).mean(axis=0)
    # Boxes are matched by falling confidence, so what the first k boxes hit does not depend on those after them.
    return confidences, scores
