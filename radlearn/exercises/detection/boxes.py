"""Boxes as numbers: corners, mirror images, overlap."""

from collections.abc import Callable

import numpy as np

from radlearn.exercises.answers import Mistake, Number, Numbers
from radlearn.exercises.exercise import Exercise
from radlearn.exercises.functions import Case, Function
from radlearn.metrics import boxes

NO_BOXES = np.zeros((0, 4))


def _challenge_rows() -> list[Case]:
    return [
        Case("one box", (np.array([[100.0, 200.0, 50.0, 80.0]]),)),
        Case("two boxes", (np.array([[10.0, 20.0, 300.0, 40.0], [500.0, 600.0, 70.0, 400.0]]),)),
        Case("an X-ray without a box", (NO_BOXES,)),
    ]


def _corners(rows: np.ndarray) -> np.ndarray:
    return np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:]], axis=1)


def _only_with_boxes(rows: np.ndarray) -> np.ndarray:
    return np.array([[x, y, x + width, y + height] for x, y, width, height in rows])


q1 = Exercise(
    lesson="detection",
    number=1,
    title="Which four numbers are a box?",
    task="""
        The challenge's table gives x, y, width, height of each box: x and y are its left top corner, x grows to the right and y down.
        torchvision wants (x0, y0, x1, y1), the left top and the right bottom corner. Write `to_corners(boxes)`.
    """,
    answer="a function of a NumPy array (n, 4) of x, y, width, height in pixels that returns an array (n, 4) of x0, y0, x1, y1; n may be 0",
    why="a detector that is trained on mistaken boxes learns the wrong places without a word, and three X-rays in four have no box at all.",
    expects=Function(_challenge_rows, Numbers((None, 4), within=1e-3)),
    right=_corners,
    mistakes=(
        Mistake(lambda rows: rows, "These are width and height still, not the second corner."),
        Mistake(
            lambda rows: np.concatenate([rows[:, :2] - rows[:, 2:] / 2, rows[:, :2] + rows[:, 2:] / 2], axis=1),
            "This takes x and y for the centre of the box. In the challenge's table they are its left top corner (YOLO's files have "
            "centres).",
        ),
        Mistake(lambda rows: _corners(rows) - [0, 0, 1, 1], "No pixel is taken off here: x1 = x + width, so that width = x1 − x0."),
        Mistake(
            lambda rows: np.concatenate([rows[:, :2], rows[:, :2] + rows[:, :1:-1]], axis=1),
            "Width belongs to x and height to y; here they are exchanged.",
        ),
        Mistake(lambda rows: _corners(rows) + [0, 0, 1, 1], "No pixel is added here: x1 = x + width, so that width = x1 − x0."),
        Mistake(
            lambda rows: np.concatenate([rows[:, :2] + rows[:, 2:] / 2, rows[:, 2:]], axis=1),
            "This is the centre with width and height. Two corners were asked for.",
        ),
        Mistake(
            lambda rows: np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:] / 2], axis=1),
            "Half of width and height is added, as to a centre. The other corner is the whole of them away.",
        ),
        Mistake(
            lambda rows: _corners(rows)[:, [0, 2, 1, 3]], "The order is x0, y0, x1, y1: one corner, then the other. This is x0, x1, y0, y1."
        ),
        Mistake(lambda rows: _corners(rows)[:, [1, 0, 3, 2]], "x comes before y. Rows come first in arrays, not in boxes."),
        Mistake(lambda rows: _corners(rows)[:, [2, 3, 0, 1]], "The corners are exchanged: the left top one comes first."),
        Mistake(lambda rows: _corners(rows).T, "There is a row for each box, with four columns: the array is transposed here."),
        Mistake(
            lambda rows: np.concatenate([rows[:, :2], rows[:, 2:] - rows[:, :2]], axis=1),
            "The corner is subtracted from width and height. That is right for the way back; here add it.",
        ),
        Mistake(lambda rows: _corners(rows)[0], "This is the first box alone. Return a row for each box, also for one and for none."),
        Mistake(
            _only_with_boxes, "Without a box, the array has lost its second axis. `np.zeros((0, 4))` has no rows and still four columns."
        ),
    ),
    hints=(
        "x1 is x + width, y1 is y + height.",
        "Work on whole columns, `boxes[:, :2]` and `boxes[:, 2:]`, and no box is no special case. `np.concatenate([...], axis=1)` joins "
        "columns.",
    ),
    code="""
        import numpy as np

        def answer(boxes):
            return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    """,
    learned="torchvision.ops.box_convert(boxes, 'xywh', 'xyxy') does the same with tensors.",
)


def _mirrored_cases() -> list[Case]:
    return [
        Case("a box in the patient's right lung", (np.array([[100.0, 300.0, 250.0, 600.0]]), 1024)),
        Case("two boxes", (np.array([[100.0, 300.0, 250.0, 600.0], [700.0, 10.0, 900.0, 80.0]]), 1024)),
        Case("a box that touches the left edge", (np.array([[0.0, 0.0, 64.0, 32.0]]), 256)),
        Case("an X-ray without a box", (NO_BOXES, 1024)),
    ]


def _mirror(xyxy: np.ndarray, width: float) -> np.ndarray:
    return np.stack([width - xyxy[:, 2], xyxy[:, 1], width - xyxy[:, 0], xyxy[:, 3]], axis=1)


q2 = Exercise(
    lesson="detection",
    number=2,
    title="I mirror the X-ray. Where are its boxes?",
    task="""
        For augmentation an X-ray is mirrored left to right. Write `mirror(boxes, width)` for its boxes (x0, y0, x1, y1). `width` is that
        of the X-ray, in pixels. x0 stays smaller than x1.
    """,
    answer="a function of an array (n, 4) in pixels and a width that returns the boxes of the mirror image, an array (n, 4)",
    why="if the image is mirrored and its boxes are not, an opacity of the right lung is looked for in the left one.",
    expects=Function(_mirrored_cases, Numbers((None, 4), within=1e-3)),
    right=_mirror,
    mistakes=(
        Mistake(lambda xyxy, width: xyxy, "The boxes have stayed where they were: they belong to the X-ray before it was mirrored."),
        Mistake(
            lambda xyxy, width: np.stack([width - xyxy[:, 0], xyxy[:, 1], width - xyxy[:, 2], xyxy[:, 3]], axis=1),
            "x0 is now larger than x1: the width is negative. What was the right edge is the left one in the mirror.",
        ),
        Mistake(
            lambda xyxy, width: _mirror(xyxy, width - 1),
            "This is off by one pixel. width − 1 is right for the *number* of a pixel; corners lie between pixels, from 0 to width.",
        ),
        Mistake(
            lambda xyxy, width: np.stack([xyxy[:, 0], width - xyxy[:, 3], xyxy[:, 2], width - xyxy[:, 1]], axis=1),
            "This turns the X-ray upside down. Left and right are x.",
        ),
        Mistake(
            lambda xyxy, width: np.stack([width - 1 - xyxy[:, 0], xyxy[:, 1], width - 1 - xyxy[:, 2], xyxy[:, 3]], axis=1),
            "x0 is larger than x1 here, and both are off by one pixel: what was the right edge is the left one in the mirror, and corners "
            "lie between pixels, from 0 to width.",
        ),
        Mistake(
            lambda xyxy, width: np.stack([width - xyxy[:, 2], width - xyxy[:, 3], width - xyxy[:, 0], width - xyxy[:, 1]], axis=1),
            "This mirrors y as well, which turns the X-ray by 180°. Left and right are x alone.",
        ),
        Mistake(
            lambda xyxy, width: np.stack([width - xyxy[:, 0], xyxy[:, 1], xyxy[:, 2], xyxy[:, 3]], axis=1),
            "Only x0 is mirrored. Both edges have a new place, and the box keeps its width.",
        ),
        Mistake(
            lambda xyxy, width: np.stack([xyxy[:, 0], xyxy[:, 1], width - xyxy[:, 2], xyxy[:, 3]], axis=1),
            "Only x1 is mirrored. Both edges have a new place, and the box keeps its width.",
        ),
        Mistake(
            lambda xyxy, width: xyxy[:, [2, 1, 0, 3]],
            "x0 and x1 are exchanged, and not mirrored: a place x from the left edge lies x from the right edge in the mirror.",
        ),
        Mistake(
            lambda xyxy, width: np.array([_mirror(box[None], width)[0] for box in xyxy]),
            "Without a box, the array has lost its second axis: work on whole columns, and no box is no special case.",
        ),
    ),
    hints=(
        "Draw it: a box that touches the left edge touches the right edge in the mirror.",
        "The new x0 is width − x1, the new x1 is width − x0.",
    ),
    code="""
        import numpy as np

        def answer(boxes, width):
            return np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], axis=1)
    """,
    learned="torchvision's transforms.v2 does this for boxes in a tv_tensors.BoundingBoxes. The heart is on the wrong side in a mirrored "
    "chest: "
    "it is an augmentation that helps here, and would be wrong where sides matter.",
)


def _pairs_of_boxes() -> list[Case]:
    return [
        Case("one box inside the other", ((0, 0, 10, 10), (0, 0, 10, 5))),
        Case("boxes that overlap in a corner", ((100, 100, 300, 300), (200, 200, 500, 400))),
        Case("boxes that only touch", ((0, 0, 10, 10), (10, 0, 20, 10))),
        Case("boxes apart, side by side", ((0, 0, 10, 10), (30, 0, 40, 10))),
        Case("boxes apart in both directions", ((0, 0, 10, 10), (30, 40, 50, 60))),
        Case("the same box twice", ((5.5, 5.5, 9.0, 12.0), (5.5, 5.5, 9.0, 12.0))),
        Case("boxes without an area", ((3, 3, 3, 3), (3, 3, 3, 3))),
        Case("the larger box first", ((0, 0, 20, 20), (5, 5, 10, 10))),
    ]


def _iou(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    if min(one[2] - one[0], other[2] - other[0]) <= 0:
        return 0.0
    return float(boxes.iou([one], [other])[0, 0])


def _over(
    denominator: Callable[[float, float, float], float], clamped: bool = True, pixel: float = 0
) -> Callable[[tuple[float, ...], tuple[float, ...]], float]:
    """Return an IoU that divides by `denominator(area, other area, intersection)`."""

    def ratio(one: tuple[float, ...], other: tuple[float, ...]) -> float:
        width = min(one[2], other[2]) - max(one[0], other[0]) + pixel
        height = min(one[3], other[3]) - max(one[1], other[1]) + pixel
        if clamped:
            width, height = max(width, 0), max(height, 0)
        area, other_area = ((b[2] - b[0] + pixel) * (b[3] - b[1] + pixel) for b in (one, other))
        below = denominator(area, other_area, width * height)
        return width * height / below if below else 0.0

    return ratio


def _over_the_box_around_both(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    width, height = (max(one[axis + 2], other[axis + 2]) - min(one[axis], other[axis]) for axis in (0, 1))
    return _over(lambda a, b, i: width * height)(one, other)


def _dividing_by_nothing(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    return _iou(one, other) if one[2] > one[0] else 1 / 0


q3 = Exercise(
    lesson="detection",
    number=3,
    title="How far do two boxes overlap?",
    task="""
        Write `iou(box, other)`, the intersection over union of two boxes (x0, y0, x1, y1): the area that both share, divided by the area
        that they cover together. Boxes that share nothing have 0.0, and so have boxes without an area.
    """,
    answer="a function of two boxes of four numbers each, in pixels, that returns a number, 0 to 1",
    why="whether a found opacity counts as found is decided by this number alone.",
    expects=Function(_pairs_of_boxes, Number(within=1e-5, nan=True)),
    right=_iou,
    mistakes=(
        Mistake(
            _over(lambda a, b, i: a + b - i, clamped=False),
            "Where boxes are apart, the shared width or height comes out negative, and two negative lengths have a positive product: clamp "
            "each of them at 0.",
        ),
        Mistake(
            _over(lambda a, b, i: a + b), "You divided by the sum of the areas. In it the shared part counts twice; the union has it once."
        ),
        Mistake(_over(lambda a, b, i: a), "You divided by the area of the first box, not by the union."),
        Mistake(
            _over(lambda a, b, i: min(a, b)), "You divided by the smaller area, not by the union: a speck inside a large box would score 1."
        ),
        Mistake(_over(lambda a, b, i: (a + b) / 2), "This is the Dice overlap, 2 · shared / (sum of areas), and not the IoU."),
        Mistake(_over(lambda a, b, i: a + b - i, pixel=1), "No pixel is added: the width is x1 − x0. Boxes that only touch share nothing."),
        Mistake(_over(lambda a, b, i: b), "You divided by the area of the second box, not by the union."),
        Mistake(_over(lambda a, b, i: max(a, b)), "You divided by the larger area, not by the union: boxes cover more than one of them."),
        Mistake(
            _over_the_box_around_both,
            "You divided by the box around both, which has corners that neither covers. The union is area + other area − shared.",
        ),
        Mistake(_over(lambda a, b, i: 1), "This is the shared area, in pixels. Divide it by the union."),
        Mistake(lambda one, other: 1 - _iou(one, other), "This is 1 − IoU, a loss. Boxes that agree have 1."),
        Mistake(lambda one, other: 100 * _iou(one, other), "This is in percent; a share from 0 to 1 was asked for."),
        Mistake(
            lambda one, other: _iou((*one[:2], one[0] + one[2], one[1] + one[3]), (*other[:2], other[0] + other[2], other[1] + other[3])),
            "The last two numbers are taken for width and height. They are the right bottom corner.",
        ),
        Mistake(
            lambda one, other: _iou(one, other) if one[2] > one[0] else float("nan"),
            "The union of boxes without an area is 0, and 0 / 0 is NaN. Such boxes have 0.0.",
        ),
        Mistake(
            lambda one, other: 1.0 if tuple(one) == tuple(other) else _iou(one, other),
            "Boxes without an area have 0.0, also with themselves: they share nothing.",
        ),
        Mistake(_dividing_by_nothing, "The union of boxes without an area is 0. Look before you divide."),
    ),
    hints=(
        "The shared part is a box, too: its left edge is the larger x0, its right edge the smaller x1.",
        "Its width is max(0, …), its height too. union = area + other area − shared.",
    ),
    code="""
        def answer(box, other):
            width = max(0, min(box[2], other[2]) - max(box[0], other[0]))
            height = max(0, min(box[3], other[3]) - max(box[1], other[1]))
            area, other_area = ((b[2] - b[0]) * (b[3] - b[1]) for b in (box, other))
            union = area + other_area - width * height
            return width * height / union if union else 0.0
    """,
    learned="torchvision.ops.box_iou does this for all pairs of two lists of boxes at once.",
)
