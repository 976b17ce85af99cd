"""Inside a detector: the level of the feature pyramid that sees a box, and non-maximum suppression."""

from collections.abc import Callable
from math import ceil, floor, log, log2, log10, sqrt

import numpy as np

from radlearn.exercises.answers import Kind, Mistake, NotAnAnswer, Number, Numbers
from radlearn.exercises.exercise import Exercise
from radlearn.exercises.functions import Case, Function
from radlearn.metrics.boxes import iou


def _boxes_of_all_sizes() -> list[Case]:
    return [
        Case("a box of 224 × 224 pixels", ((0, 0, 224, 224),)),
        Case("a box just smaller than that", ((10, 10, 230, 230),)),
        Case("a high, narrow box", ((100, 100, 156, 996),)),
        Case("a box of 150 × 300 pixels", ((400, 300, 550, 600),)),
        Case("a box of 100 × 100 pixels", ((512, 512, 612, 612),)),
        Case("a box of 150 × 150 pixels", ((0, 0, 150, 150),)),
        Case("a box of 60 × 360 pixels", ((200, 300, 260, 660),)),
        Case("a nodule of 20 × 20 pixels", ((0, 0, 20, 20),)),
        Case("a white lung, 900 × 1000 pixels", ((0, 0, 900, 1000),)),
    ]


def _level(of_sides: Callable[[float, float], float]) -> Callable[[tuple[float, ...]], float]:
    return lambda box: of_sides(box[2] - box[0], box[3] - box[1])


def _clamped(level: float) -> float:
    return float(min(max(level, 2), 5))


q6 = Exercise(
    lesson="detection",
    number=6,
    title="Which map of the feature pyramid looks at this box?",
    task="""
        A feature pyramid has maps of levels 2 to 5; a step on level k is 2 to the power of k pixels, so level 2 is the finest. Large
        boxes go to coarse levels. The level of a box of width w and height h is this number, rounded down, but at least 2 and at most 5:

            4 + log2(sqrt(w * h) / 224)

        Write `level(box)` for a box (x0, y0, x1, y1).
    """,
    answer="a function of four numbers in pixels that returns the level, 2, 3, 4 or 5",
    why="a nodule is smaller than one step of the coarse maps: a detector without fine levels cannot see it, however long it trains.",
    expects=Function(_boxes_of_all_sizes, Number(within=1e-9)),
    right=_level(lambda w, h: _clamped(floor(4 + log2(sqrt(w * h) / 224)))),
    mistakes=(
        Mistake(
            _level(lambda w, h: _clamped(round(4 + log2(sqrt(w * h) / 224)))),
            "Rounded to the nearest level; the formula rounds down (floor).",
        ),
        Mistake(_level(lambda w, h: floor(4 + log2(sqrt(w * h) / 224))), "There is no such level in this pyramid: at least 2, at most 5."),
        Mistake(
            _level(lambda w, h: _clamped(floor(4 + log2(w * h / 224)))), "This is the area. The formula takes its square root, a length."
        ),
        Mistake(
            _level(lambda w, h: _clamped(floor(4 + log2(max(w, h) / 224)))),
            "This is the longer side; the formula takes the mean of both, √(w·h).",
        ),
        Mistake(
            _level(lambda w, h: _clamped(floor(4 + log(sqrt(w * h) / 224)))),
            "This is the natural logarithm. Each level halves the resolution: log2.",
        ),
        Mistake(
            lambda box: _clamped(floor(4 + log2(sqrt(box[2] * box[3]) / 224))),
            "These are corners, not width and height: w = x1 − x0, h = y1 − y0.",
        ),
        Mistake(
            _level(lambda w, h: _clamped(ceil(4 + log2(sqrt(w * h) / 224)))), "This is rounded up (ceil); the formula rounds down (floor)."
        ),
        Mistake(
            _level(lambda w, h: _clamped(4 + log2(sqrt(w * h) / 224))), "The level is a whole number: the formula's number is rounded down."
        ),
        Mistake(
            _level(lambda w, h: _clamped(floor(4 + log10(sqrt(w * h) / 224)))),
            "This is the decadic logarithm. Each level halves the resolution: log2.",
        ),
        Mistake(
            _level(lambda w, h: _clamped(floor(4 + log2(min(w, h) / 224)))),
            "This is the shorter side; the formula takes the mean of both, √(w·h).",
        ),
        Mistake(
            _level(lambda w, h: _clamped(floor(4 + log2((w + h) / 2 / 224)))),
            "This is half of w + h; the formula takes the other mean, √(w·h), which is smaller for a narrow box.",
        ),
        Mistake(
            _level(lambda w, h: _clamped(floor(4 + log2(sqrt(w * h) / 224))) - 2),
            "Levels are counted from 0 here. The finest map of this pyramid is level 2.",
        ),
        Mistake(
            _level(lambda w, h: _clamped(floor(log2(sqrt(w * h) / 224)))),
            "Every box comes to level 2 here, also one of 224 pixels, which belongs to level 4. Is the 4 of the formula there?",
        ),
        Mistake(_level(lambda w, h: _clamped(floor(4 + log2(sqrt(w * h) / 224)) + 1)), "This is one level too high, up to level 5."),
        Mistake(_level(lambda w, h: float(max(floor(4 + log2(sqrt(w * h) / 224)), 2))), "There is no level above 5 in this pyramid."),
        Mistake(_level(lambda w, h: float(min(floor(4 + log2(sqrt(w * h) / 224)), 5))), "There is no level below 2 in this pyramid."),
    ),
    hints=("Width and height first, from the corners. `math.log2`, `math.floor`.", "min(5, max(2, floor(4 + log2(sqrt(w * h) / 224))))"),
    code="""
        from math import floor, log2, sqrt

        def answer(box):
            width, height = box[2] - box[0], box[3] - box[1]
            return min(5, max(2, floor(4 + log2(sqrt(width * height) / 224))))
    """,
    learned="This is equation 1 of the feature pyramid's paper (Lin et al. 2017, arXiv:1612.03144). FCOS goes by the distance to the "
    "farthest edge instead, "
    "RetinaNet has anchors of its own size on each level; the idea is the same.",
)


class Indices(Numbers):
    """Whole numbers of boxes, in order."""

    def read(self, answer: object) -> np.ndarray:
        value = super().read(answer)
        if (value != np.round(value)).any():
            raise NotAnAnswer("There are numbers in it that are not whole: the numbers of the kept boxes are asked for, not their scores")
        return value


_INDICES: Kind = Indices((None,))


def _found() -> list[Case]:
    near = np.array([[0, 0, 100, 100], [5, 0, 105, 100], [300, 300, 400, 400], [10, 5, 110, 105]], float)
    # Each overlaps its neighbour by 0.6 of the union, and the next but one by a third.
    chain = np.array([[0, 0, 100, 100], [25, 0, 125, 100], [50, 0, 150, 100]], float)
    half = np.array([[0, 0, 100, 100], [0, 0, 100, 50]], float)
    return [
        Case("boxes on two places", (near, np.array([0.9, 0.8, 0.7, 0.6]), 0.5)),
        Case("the best box is not the first", (near, np.array([0.3, 0.8, 0.5, 0.9]), 0.5)),
        Case("the best box is in the middle", (near, np.array([0.6, 0.7, 0.9, 0.8]), 0.5)),
        Case("a chain, in which a suppressed box overlaps a third", (chain, np.array([0.9, 0.8, 0.7]), 0.5)),
        Case("an IoU exactly at the threshold", (half, np.array([0.9, 0.8]), 0.5)),
        Case("boxes that only touch", (np.array([[0, 0, 10, 10], [10, 0, 20, 10]], float), np.array([0.2, 0.3]), 0.0)),
        Case("no box", (np.zeros((0, 4)), np.zeros(0), 0.5)),
    ]


def _suppressed(
    boxes: np.ndarray, scores: np.ndarray, threshold: float, sort: bool = True, equal: bool = False, by_all: bool = False
) -> list[int]:
    """Return the numbers of the boxes that non-maximum suppression keeps; the defaults are right."""
    order = np.argsort(-scores, kind="stable").tolist() if sort else list(range(len(boxes)))
    kept: list[int] = []
    for place, number in enumerate(order):
        rivals = order[:place] if by_all else kept
        overlaps = iou(boxes[number][None], boxes[rivals])[0] if rivals else np.zeros(0)
        if not ((overlaps >= threshold) if equal else (overlaps > threshold)).any():
            kept.append(number)
    return kept


q7 = Exercise(
    lesson="detection",
    number=7,
    title="Ten boxes on one opacity. Which do I keep?",
    task="""
        Write `nms(boxes, scores, threshold)`, non-maximum suppression: take the boxes from the highest score to the lowest; keep a box
        unless its IoU with a box that was *kept* before is greater than the threshold.
    """,
    answer="a function of boxes (n, 4) as x0, y0, x1, y1, scores (n,) and a threshold that returns the numbers (from 0) of the kept "
    "boxes, highest score first",
    why="in the challenge every needless box costs as much as a false alarm on a healthy X-ray.",
    expects=Function(_found, _INDICES),
    right=_suppressed,
    mistakes=(
        Mistake(
            lambda boxes, scores, threshold: _suppressed(boxes, scores, threshold, sort=False),
            "The boxes were taken in the order in which they came. Begin with the highest score.",
        ),
        Mistake(
            lambda boxes, scores, threshold: sorted(_suppressed(boxes, scores, threshold)),
            "The right boxes, in the order of their numbers. The highest score comes first.",
        ),
        Mistake(
            lambda boxes, scores, threshold: _suppressed(boxes, scores, threshold, by_all=True),
            "A box that was suppressed itself suppresses nothing: compare with the kept ones only.",
        ),
        Mistake(
            lambda boxes, scores, threshold: _suppressed(boxes, scores, threshold, equal=True),
            "An IoU equal to the threshold is kept: suppress only above it.",
        ),
        Mistake(lambda boxes, *given: boxes[_suppressed(boxes, *given)], "These are the boxes themselves; their numbers are asked for."),
        Mistake(
            lambda boxes, scores, threshold: _suppressed(boxes, -scores, threshold),
            "The boxes were taken from the lowest score to the highest. Begin with the highest: argsort sorts upwards.",
        ),
        Mistake(
            lambda boxes, scores, threshold: _suppressed(boxes, scores, threshold)[::-1],
            "The right boxes, from the lowest score to the highest. The highest comes first.",
        ),
        Mistake(
            lambda boxes, scores, threshold: np.isin(np.arange(len(boxes)), _suppressed(boxes, scores, threshold)),
            "This says of each box whether it is kept. The numbers of the kept ones were asked for.",
        ),
        Mistake(
            lambda boxes, scores, threshold: [number + 1 for number in _suppressed(boxes, scores, threshold)],
            "The boxes are numbered from 1 here; Python counts from 0.",
        ),
        Mistake(
            lambda boxes, scores, threshold: np.argsort(np.argsort(-scores, kind="stable"))[_suppressed(boxes, scores, threshold)],
            "These are places in the sorted list. The numbers in the list that was handed in were asked for.",
        ),
        Mistake(
            lambda boxes, scores, threshold: np.argsort(-scores, kind="stable"), "Nothing is suppressed here: these are all boxes, sorted."
        ),
        Mistake(
            lambda boxes, scores, threshold: _suppressed(boxes, scores, threshold)[:1],
            "Only the best box is kept. A box elsewhere, which overlaps no kept one, is kept as well.",
        ),
        Mistake(
            lambda boxes, scores, threshold: sorted(set(range(len(boxes))) - set(_suppressed(boxes, scores, threshold))),
            "These are the boxes that are suppressed. The others were asked for.",
        ),
        Mistake(
            lambda boxes, scores, threshold: scores[_suppressed(boxes, scores, threshold)],
            "The scores of the right boxes are returned.",
        ),
    ),
    hints=(
        "`order = np.argsort(-scores)`. Go through it, with a list of what has been kept.",
        "For each box compute the IoU with every kept one (your `iou` of q3). If none is above the threshold, append its number.",
    ),
    code="""
        import numpy as np

        def overlap(box, other):
            width = max(0, min(box[2], other[2]) - max(box[0], other[0]))
            height = max(0, min(box[3], other[3]) - max(box[1], other[1]))
            areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (box, other)]
            return width * height / (sum(areas) - width * height)

        def answer(boxes, scores, threshold):
            kept = []
            for number in np.argsort(-scores, kind="stable"):
                if all(overlap(boxes[number], boxes[other]) <= threshold for other in kept):
                    kept.append(int(number))
            return kept
    """,
    learned="torchvision.ops.nms does the same. Two opacities that truly lie on each other become one box: that is its price.",
)
