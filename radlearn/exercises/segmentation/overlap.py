"""How well a mask fits: Dice, and a Hausdorff distance that one far lesion drags away."""

from collections.abc import Callable

import numpy as np

from radlearn.exercises.answers import Mistake, Number
from radlearn.exercises.exercise import Exercise
from radlearn.exercises.functions import Case, Function
from radlearn.metrics.masks import dice_score


def _masks() -> list[Case]:
    left, whole, none = np.zeros((3, 4, 4, 4), bool)
    left[:2], whole[:] = True, True
    right, shifted = ~left, np.roll(left, 1, axis=0)
    return [
        Case("masks that overlap by half", (shifted, left)),
        Case("a prediction that is too large", (whole, left)),
        Case("a prediction that is too small", (left, whole)),
        Case("masks that share nothing", (right, left)),
        Case("an empty prediction", (none, left)),
        Case("both masks empty", (none, none)),
        Case("masks of bytes, as they come from a file", (shifted.astype(np.uint8), left.astype(np.uint8))),
    ]


def _dice(predicted: np.ndarray, truth: np.ndarray) -> float:
    return float(dice_score(predicted > 0, truth > 0))


def _ratio(of: Callable[[float, float, float], float], empty: float = float("nan")) -> Callable[[np.ndarray, np.ndarray], float]:
    """Return a score that is `of(voxels shared, predicted, true)`, and `empty` where that is 0 / 0."""

    def score(predicted: np.ndarray, truth: np.ndarray) -> float:
        shared = float((predicted.astype(bool) & truth.astype(bool)).sum())
        try:
            return of(shared, float((predicted > 0).sum()), float((truth > 0).sum()))
        except ZeroDivisionError:
            if empty == np.inf:
                raise
            return empty

    return score


q5 = Exercise(
    lesson="segmentation",
    number=5,
    title="How alike are two masks?",
    task="""
        Write `dice(predicted, truth)`: twice the number of voxels that both masks share, divided by the sum of their voxels. Where both
        are empty, the question has no answer: return NaN. Masks are arrays of bool, or of bytes 0 and 1.
    """,
    answer="a function of two masks that returns a number, 0 to 1, or NaN",
    why="it is the score of nearly every segmentation challenge; and in a patient without a lesion it is undefined, which is easily "
    "forgotten.",
    expects=Function(_masks, Number(within=1e-5, nan=True)),
    right=_dice,
    mistakes=(
        Mistake(
            _ratio(lambda s, p, t: s / (p + t - s)),
            "You divided by the union: that is the IoU (Jaccard). Dice is 2 · shared / (predicted + true).",
        ),
        Mistake(_ratio(lambda s, p, t: s / (p + t)), "The factor 2 is missing: two equal masks would have 0.5."),
        Mistake(
            _ratio(lambda s, p, t: s / t),
            "This is the sensitivity: the share of the truth that was found. A prediction of everything has 1.",
        ),
        Mistake(
            _ratio(lambda s, p, t: 2 * s / (p + t), empty=1.0),
            "Both empty is right in some sense, but a 1 here lets patients without a lesion raise the mean. Return NaN, and say how many.",
        ),
        Mistake(
            _ratio(lambda s, p, t: 2 * s / (p + t), empty=0.0),
            "A 0 punishes a network that rightly finds nothing. Return NaN where both are empty.",
        ),
        Mistake(
            _ratio(lambda s, p, t: 2 * s / (p + t), empty=np.inf), "Nothing is divided by nothing here. Look first whether both are empty."
        ),
        Mistake(
            lambda predicted, truth: float((predicted == truth).mean()),
            "This is the share of voxels that are right, air included: 99 % for a network that never finds a lesion.",
        ),
        Mistake(
            _ratio(lambda s, p, t: 2 * s / (p + t - s)),
            "You divided by the union. Twice the shared voxels belongs with the sum of both masks, in which the shared ones count twice.",
        ),
        Mistake(
            _ratio(lambda s, p, t: s / p if t else s / (p + t)),
            "This is the precision: the share of the prediction that is true. A prediction of one right voxel has 1.",
        ),
        Mistake(
            _ratio(lambda s, p, t: 100 * 2 * s / (p + t)),
            "This is in percent; a share from 0 to 1 was asked for.",
        ),
        Mistake(
            _ratio(lambda s, p, t: 1 - 2 * s / (p + t)),
            "This is 1 − Dice, a loss. Masks that agree have 1.",
        ),
        Mistake(_ratio(lambda s, p, t: 2 * s if p + t else s / (p + t)), "Divide by the sum of the voxels of both masks."),
        Mistake(
            # Bytes add up as numbers, so that only masks of bool show it.
            lambda predicted, truth: _ratio(lambda s, p, t: 2 * s / (p + t - s if predicted.dtype == bool else p + t))(predicted, truth),
            "`a + b` of two bool masks is `a or b`, so this is divided by the union. Add their sums: `a.sum() + b.sum()`.",
        ),
        Mistake(
            _ratio(lambda s, p, t: s / min(p, t) if min(p, t) else s / (p + t) if not p + t else 0.0),
            "You divided by the smaller mask: a speck inside a large mask would score 1.",
        ),
        Mistake(
            lambda predicted, truth: _ratio(lambda s, p, t: 2 * s / t)(predicted, truth) if truth.any() else float("nan"),
            "You divided by the voxels of the truth alone. Both masks are below the line.",
        ),
    ),
    hints=(
        "`(predicted & truth).sum()` is what both share, if they are bool.",
        "Turn both to bool first. If the sum below the line is 0, return float('nan').",
    ),
    code="""
        import numpy as np

        def answer(predicted, truth):
            predicted, truth = np.asarray(predicted, bool), np.asarray(truth, bool)
            voxels = predicted.sum() + truth.sum()
            return 2 * (predicted & truth).sum() / voxels if voxels else float("nan")
    """,
    learned="MONAI's DiceMetric returns NaN there too (ignore_empty=True). One wrong voxel costs a small lesion far more than a large one.",
)


def _line(count: int, y: float) -> np.ndarray:
    return np.stack([np.arange(count, dtype=float), np.full(count, y), np.zeros(count)], axis=1)


def _surfaces() -> list[Case]:
    near, truth, far = _line(100, 1.0), _line(100, 0.0), _line(100, 1.0)
    dragged, barely = near.copy(), near.copy()
    barely[:4, 1], dragged[:6, 1], far[:, 1] = 81.0, 81.0, 5.0
    return [
        Case("a contour that is 1 mm off everywhere", (near, truth)),
        Case("the same, with 4 % of the surface on a false lesion 81 mm away", (barely, truth)),
        Case("the same, with 6 % of the surface there", (dragged, truth)),
        Case("a prediction that covers half of the truth", (_line(50, 0.0), truth)),
        Case("a nearer and a farther half", (np.concatenate([near[:50], far[50:]]), truth)),
        Case("an empty prediction", (np.zeros((0, 3)), truth)),
        Case("both empty", (np.zeros((0, 3)), np.zeros((0, 3)))),
    ]


def _ways(predicted: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distance of each point to the nearest of the other surface, both ways."""
    apart = np.linalg.norm(predicted[:, None] - truth[None], axis=-1)
    return apart.min(1), apart.min(0)


def _hausdorff(
    of_ways: Callable[[np.ndarray, np.ndarray], float], empty: float = float("inf")
) -> Callable[[np.ndarray, np.ndarray], float]:
    def distance(predicted: np.ndarray, truth: np.ndarray) -> float:
        if not len(predicted) or not len(truth):
            return float("nan") if len(predicted) == len(truth) else empty
        return float(of_ways(*_ways(predicted, truth)))

    return distance


def _percentile(distances: np.ndarray) -> float:
    return float(np.percentile(distances, 95))


def _where_both_are_empty(distance: float) -> Callable[[np.ndarray, np.ndarray], float]:
    right = _hausdorff(lambda there, back: max(_percentile(there), _percentile(back)))
    return lambda predicted, truth: right(predicted, truth) if len(predicted) or len(truth) else distance


q8 = Exercise(
    lesson="segmentation",
    number=8,
    title="The contour is good, and HD95 is 80 mm. Why?",
    task="""
        Write `hd95(predicted, truth)` for two surfaces, given as points in millimetres. For each predicted point take the distance to the
        nearest true one, and of these the 95th percentile (numpy.percentile); do the same from truth to prediction; return the larger of
        the two. If one surface has no point, return infinity; if both have none, NaN.
    """,
    answer="a function of two arrays (n, 3) and (m, 3) in mm that returns a number in mm",
    why="a mean HD95 over patients is decided by the few in whom a small false lesion lies far away, not by the contours.",
    expects=Function(_surfaces, Number(within=1e-3, nan=True)),
    right=_hausdorff(lambda there, back: max(_percentile(there), _percentile(back))),
    mistakes=(
        Mistake(
            _hausdorff(lambda there, back: max(there.max(), back.max())),
            "This is the Hausdorff distance itself, the maximum. HD95 takes the 95th percentile.",
        ),
        Mistake(
            _hausdorff(lambda there, back: _percentile(there)),
            "Only from prediction to truth: a lesion that was missed would cost nothing. Do both ways, and take the larger.",
        ),
        Mistake(
            _hausdorff(lambda there, back: _percentile(back)),
            "Only from truth to prediction: a false lesion would cost nothing. Take the larger of both ways.",
        ),
        Mistake(
            _hausdorff(lambda there, back: _percentile(np.concatenate([there, back]))),
            "Both ways are thrown together before the percentile. Take a percentile of each way, then the larger.",
        ),
        Mistake(
            _hausdorff(lambda there, back: (_percentile(there) + _percentile(back)) / 2), "This is the mean of both ways; take the larger."
        ),
        Mistake(
            _hausdorff(lambda there, back: max(_percentile(there), _percentile(back)), empty=0.0),
            "0 mm would be perfect agreement. A surface that does not exist is infinitely far away; leave such patients out of means, "
            "and say how many.",
        ),
        Mistake(
            _hausdorff(lambda there, back: min(_percentile(there), _percentile(back))), "This is the smaller of both ways; take the larger."
        ),
        Mistake(
            _hausdorff(lambda there, back: max(float(np.percentile(there, 5)), float(np.percentile(back, 5)))),
            "This is the 5th percentile: 95 % of the points are farther away. Take the 95th.",
        ),
        Mistake(
            _hausdorff(lambda there, back: max(float(np.median(there)), float(np.median(back)))),
            "This is the median of the distances. HD95 takes the 95th percentile.",
        ),
        Mistake(
            _hausdorff(lambda there, back: max(float(there.mean()), float(back.mean()))),
            "This is the mean of the distances. HD95 takes their 95th percentile.",
        ),
        Mistake(
            _hausdorff(lambda there, back: float(np.concatenate([there, back]).mean())),
            "This is the mean distance of both surfaces (ASSD). HD95 takes the 95th percentile of each way, and the larger of the two.",
        ),
        Mistake(
            lambda predicted, truth: float(np.percentile(np.linalg.norm(predicted[:, None] - truth[None], axis=-1), 95)),
            "This is the percentile of all pairs of points. For each point the nearest of the other surface counts: a minimum along one "
            "axis first.",
        ),
        Mistake(
            _hausdorff(lambda there, back: max(_percentile(there**2), _percentile(back**2))),
            "These are squared distances: the root is missing.",
        ),
        Mistake(
            _hausdorff(lambda there, back: max(_percentile(there), _percentile(back)), empty=float("nan")),
            "If one surface has no point, the distance is infinite. NaN, which has no answer, is for two surfaces without a point.",
        ),
        Mistake(
            _where_both_are_empty(float("inf")),
            "Two surfaces without a point are not far apart: there is no distance to measure. Return NaN.",
        ),
        Mistake(_where_both_are_empty(0.0), "Two surfaces without a point agree in some sense, but no distance was measured. Return NaN."),
        Mistake(
            lambda predicted, truth: max(map(_percentile, _ways(predicted, truth))),
            "A surface without a point has no distances, and no minimum. Look for no points before anything else.",
            fits=lambda returned: "zero-size array" in returned.trouble or "index -1 is out of bounds" in returned.trouble,
        ),
    ),
    hints=(
        "`numpy.linalg.norm(predicted[:, None] - truth[None], axis=-1)` has all distances, (n, m). Its minimum along one axis is one way.",
        "Look for no points first. Then max(percentile(apart.min(1), 95), percentile(apart.min(0), 95)).",
    ),
    code="""
        import numpy as np

        def answer(predicted, truth):
            if len(predicted) == 0 or len(truth) == 0:
                return float("nan") if len(predicted) == len(truth) else float("inf")
            apart = np.linalg.norm(predicted[:, None] - truth[None], axis=-1)
            return max(np.percentile(apart.min(1), 95), np.percentile(apart.min(0), 95))
    """,
    learned="With 4 % of the surface on a false lesion HD95 is 1 mm, with 6 % it is 81 mm: the same contour. Report surface Dice beside "
    "it. On voxel masks, "
    "radlearn weighs each piece of surface by its area.",
)
