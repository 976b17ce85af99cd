"""Two figures that depend on how sure a detector is: average precision, and a point of the FROC curve, both from one list of boxes."""

from typing import Any

import numpy as np

from radlearn.exercises.answers import Mistake, Number
from radlearn.exercises.exercise import Exercise

# Twelve boxes on eight X-rays: the X-ray, the confidence, and the true box that it overlaps enough; -1 where it overlaps none.
_XRAY = np.array([2, 6, 7, 0, 5, 1, 2, 3, 4, 7, 0, 1])
_CONFIDENCE = np.array([0.93, 0.55, 0.36, 0.97, 0.62, 0.22, 0.79, 0.71, 0.88, 0.48, 0.41, 0.84])
_TRUE_BOX = np.array([3, 5, 6, 0, -1, -1, 3, 4, -1, -1, 1, 2])
_XRAYS, _TRUE_BOXES = 8, 10


_ABOUT = {
    "xray": "int (12,), the X-ray that each found box is on",
    "confidence": "float (12,), in no order",
    "true_box": "int (12,), number of the true box that it overlaps enough; -1 where it overlaps none",
    "xrays, true_boxes": "int, how many there are in all",
}


def _table() -> dict[str, Any]:
    return {"xray": _XRAY, "confidence": _CONFIDENCE, "true_box": _TRUE_BOX, "xrays": _XRAYS, "true_boxes": _TRUE_BOXES}


def _hits(once: bool = True, order: bool = True) -> np.ndarray:
    """Return for each box, surest first, whether it hits; a second box on a true one does not."""
    order_of = np.argsort(-_CONFIDENCE) if order else np.arange(len(_CONFIDENCE))
    boxes = _TRUE_BOX[order_of]
    first = np.array([box not in boxes[:place] for place, box in enumerate(boxes)])
    return (boxes >= 0) & (first if once else True)


def _average_precision(hits: np.ndarray, true_boxes: int = _TRUE_BOXES, envelope: bool = False) -> float:
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    if envelope:
        precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float(precision[hits].sum() / true_boxes)


def _right_area() -> float:
    return _average_precision(_hits())


q11 = Exercise(
    lesson="detection",
    number=11,
    title="What is the average precision of this list?",
    task="""
        A detector found twelve boxes on eight X-rays, which have ten true boxes. Sort the boxes by falling confidence. A box hits if it
        lies on a true box that no surer box has hit. At each hit, take the precision so far: hits divided by boxes, both counted up to
        and including this one. The average precision is the sum of these numbers divided by the number of true boxes.
    """,
    about_given=_ABOUT,
    answer="the average precision, 0 to 1, to three digits",
    why="papers on detection report it; it rewards a detector that is surest where it is right, at no threshold in particular.",
    given=_table,
    expects=Number(within=0.0006, share=True),
    right=_right_area,
    mistakes=(
        Mistake(
            lambda: _average_precision(_hits(order=False)),
            "The boxes are in the order in which they were given. Sort them by falling confidence first.",
        ),
        Mistake(
            lambda: _average_precision(_hits(once=False)),
            "Two boxes lie on true box 3, and both are counted as hits. The second one is false, however well it fits.",
        ),
        Mistake(
            lambda: _average_precision(_hits(), int(_hits().sum())),
            "The sum was divided by the number of hits. True boxes that were never found count below the line, too: they add 0.",
        ),
        Mistake(
            lambda: float((np.cumsum(_hits()) / np.arange(1, 13)).mean()),
            "The precision is averaged over all boxes. Take it only at hits.",
        ),
        Mistake(
            lambda: _average_precision(_hits(), envelope=True),
            "This is the interpolated one (COCO, Pascal VOC since 2010): each precision is replaced by the best at the same recall or "
            "more. It is never lower; say which one you report.",
        ),
        Mistake(lambda: float(_hits().mean()), "This is the precision of the whole list: hits divided by boxes, at one threshold."),
        Mistake(lambda: float(_hits().sum() / _TRUE_BOXES), "This is the sensitivity of the whole list: hits divided by true boxes."),
        Mistake(
            lambda: _average_precision(_hits()[::-1]),
            "The least sure box comes first: `argsort` sorts upwards. Sort by the negative confidence.",
        ),
        Mistake(
            lambda: _average_precision(_hits()) * _TRUE_BOXES,
            "This is the sum of the precisions. Divide it by the number of true boxes.",
            fits=lambda value: abs(value / _TRUE_BOXES - _right_area()) < 6e-4,
        ),
    ),
    hints=(
        "Write the boxes below each other, surest first, and mark the hits. Which box lies on a true one that was hit before?",
        "`hits = np.cumsum(hit)` and `precision = hits / np.arange(1, 13)`; then only the rows where `hit` is true. Three true boxes are "
        "never found.",
    ),
    code="""
        import numpy as np

        data = q11.data()
        order, seen, hit = np.argsort(-data["confidence"]), set(), []
        for box in data["true_box"][order]:
            hit.append(box >= 0 and box not in seen)
            seen.add(box)
        hit = np.array(hit)
        precision = np.cumsum(hit) / np.arange(1, len(hit) + 1)
        answer = precision[hit].sum() / data["true_boxes"]
    """,
    learned="scikit-learn's average_precision_score gives it too, times the share of true boxes that were found at all: it does not know "
    "of boxes that nobody found.",
)


def _sensitivity_at(false_per_xray: float, once: bool = True, xrays: int = _XRAYS, per_box: bool = False) -> float:
    hits = _hits(once)
    false = np.cumsum(~hits) / (np.arange(1, len(hits) + 1) if per_box else xrays)
    return float((hits & (false <= false_per_xray)).sum() / _TRUE_BOXES)


q12 = Exercise(
    lesson="detection",
    number=12,
    title="How much is found at 0.3 false boxes per X-ray?",
    task="""
        The same boxes as in q11. A radiologist accepts at most 0.3 false boxes per X-ray on average. Lower the threshold box by box as
        long as that holds. What share of the true boxes is hit there? (It is a point of the FROC curve, a step between thresholds: nothing
        lies between two boxes.)
    """,
    about_given=_ABOUT,
    answer="the sensitivity there, 0 to 1, to three digits",
    why="average precision has no unit that a radiologist knows; false marks per X-ray are what reading with the detector costs.",
    given=_table,
    expects=Number(within=0.0006, share=True),
    right=lambda: _sensitivity_at(0.3),
    mistakes=(
        Mistake(
            lambda: _sensitivity_at(0.3, once=False),
            "The second box on a true one is counted as a hit. It is a false box, and the limit is reached earlier.",
        ),
        Mistake(
            lambda: _sensitivity_at(0.3, per_box=True),
            "This allows 0.3 false boxes per *found box*. The limit is per X-ray: of eight X-rays, those without a box included.",
        ),
        Mistake(
            lambda: _sensitivity_at(0.3, xrays=1),
            "This allows no false box at all. 0.3 per X-ray are 2.4 on eight X-rays.",
        ),
        Mistake(
            lambda: float((_hits() & (np.cumsum(~_hits()) <= 3)).sum() / _TRUE_BOXES),
            "2.4 false boxes were rounded up to 3. At most 0.3 per X-ray means at most 2.",
        ),
        Mistake(lambda: float(_hits().sum() / _TRUE_BOXES), "This is the sensitivity of the whole list, at 5 false boxes on eight X-rays."),
        Mistake(
            lambda: float(_hits()[: int((np.cumsum(~_hits()) <= 2).sum())].mean()),
            "This is the precision there: hits divided by boxes. Divide the hits by the true boxes.",
        ),
    ),
    hints=(
        "How many false boxes are 0.3 per X-ray on eight X-rays? Walk down the sorted list until one more would be too many.",
        "Two false boxes are allowed. Hits between the second and the third false box still count.",
    ),
    code="""
        import numpy as np

        data = q12.data()
        order, seen, hit = np.argsort(-data["confidence"]), set(), []
        for box in data["true_box"][order]:
            hit.append(box >= 0 and box not in seen)
            seen.add(box)
        hit = np.array(hit)
        false_per_xray = np.cumsum(~hit) / data["xrays"]
        answer = hit[false_per_xray <= 0.3].sum() / data["true_boxes"]
    """,
    learned="The lesson's report draws the whole curve (`froc`). X-rays without an opacity count below the line: on a set of ill people "
    "alone the same detector seems to cost more.",
)
