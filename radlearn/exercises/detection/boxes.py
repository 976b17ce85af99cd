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
            "Two negative lengths have a positive product: where boxes are apart in both directions, clamp width and height at 0.",
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
