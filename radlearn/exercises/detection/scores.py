"""The challenge's score by hand, healthy X-rays in it, and the opacity that the labels do not have."""

from functools import cache
from typing import Any

import numpy as np

from radlearn.digital_thorax.planning import plan_xrays
from radlearn.digital_thorax.readers import AGREEMENT
from radlearn.digital_thorax.xray import planned_reading
from radlearn.exercises.answers import Mistake, Name, Number
from radlearn.exercises.exercise import Exercise
from radlearn.metrics.boxes import FoundBoxes, iou
from radlearn.metrics.detection_score import detection_image_scores

THRESHOLDS = tuple(k / 20 for k in range(8, 16))


@cache
def _one_xray() -> dict[str, np.ndarray]:
    """Return the readers' boxes of one X-ray and a prediction: a box on each opacity, a second one on the first, one on no opacity.

    The box on the second opacity is displaced by a quarter of its width: 3/4 of it are shared, 5/4 covered, and the IoU is 0.60 exactly.
    """
    truth = np.array(planned_reading(plan_xrays(6, seed=0)[3])[0], float)
    (x0, y0, x1, y1), (u0, v0, u1, v1) = truth
    quarter = (u1 - u0) / 4
    predicted = [
        [x0 + 18, y0 - 18, x1 + 18, y1 - 18],
        [x0, y0, x1, y0 + 0.58 * (y1 - y0)],
        [u0 + quarter, v0, u1 + quarter, v1],
        [x0, 800, x0 + 150, 930],
    ]
    return {"truth": truth, "predicted": np.round(predicted), "confidence": np.array([0.9, 0.7, 0.6, 0.3])}


def _counts(threshold: float, equal: bool = False, once: bool = True) -> tuple[int, int, int]:
    """Return TP, FP and FN; no box of this X-ray overlaps both true ones, so that each has at most one to hit."""
    table = _one_xray()
    overlaps = iou(table["predicted"], table["truth"])
    over = overlaps >= threshold if equal else overlaps > threshold
    hits = int((over.any(axis=0) if once else over).sum())
    return hits, len(table["predicted"]) - hits, len(table["truth"]) - hits


def _mean_over(
    thresholds: tuple[float, ...], false_boxes: bool = True, missed: bool = True, equal: bool = False, once: bool = True
) -> float:
    counts = [_counts(threshold, equal, once) for threshold in thresholds]
    return float(np.mean([tp / max(tp + fp * false_boxes + fn * missed, 1) for tp, fp, fn in counts]))


def _without_second_boxes() -> float:
    found = len(_one_xray()["truth"]) + 1
    hits = np.array([_counts(threshold)[0] for threshold in THRESHOLDS])
    return float(np.mean(hits / (found + len(_one_xray()["truth"]) - hits)))


def _f1(threshold: float) -> float:
    tp, fp, fn = _counts(threshold)
    return 2 * tp / (2 * tp + fp + fn)


def _ious() -> np.ndarray:
    return iou(_one_xray()["predicted"], _one_xray()["truth"])


def _official() -> float:
    table = _one_xray()
    return float(detection_image_scores([FoundBoxes(table["predicted"], table["confidence"])], [table["truth"]], THRESHOLDS)[0])


q8 = Exercise(
    lesson="detection",
    number=8,
    title="What is the official score of this X-ray?",
    task="""
        A detector found four boxes on an X-ray with two opacities. Compute the challenge's score of this X-ray: for each threshold 0.40,
        0.45, …, 0.75 a box hits if its IoU with a true box is greater than the threshold. A true box is hit once, by the surest box; any
        other box on it is false. The score there is TP / (TP + FP + FN). Then take the mean over the eight thresholds.
    """,
    about_given={
        "truth": "float (2, 4), true boxes x0, y0, x1, y1 in pixels",
        "predicted": "float (4, 4), found boxes",
        "confidence": "float (4,), their confidences",
    },
    answer="the score, 0 to 1, to three digits",
    why="a box that is only roughly right, and a needless box, lower it as surely as a missed opacity does.",
    given=_one_xray,
    expects=Number(within=0.0006, share=True),
    right=_official,
    mistakes=(
        Mistake(
            lambda: _mean_over((0.4,)),
            "This is the score at 0.40 alone; up to 0.55 it is the same. Take the mean of all eight thresholds.",
        ),
        Mistake(
            lambda: _mean_over((0.6,)),
            "This is the score at 0.60 alone; at 0.65 and 0.70 it is the same. Take the mean of all eight thresholds.",
        ),
        Mistake(lambda: _mean_over((0.75,)), "This is the score at 0.75 alone. Take the mean of all eight thresholds."),
        Mistake(
            lambda: _mean_over(THRESHOLDS, equal=True),
            "A box whose IoU is exactly 0.60 counts as a hit at 0.60. It has to be greater.",
        ),
        Mistake(
            lambda: _mean_over(THRESHOLDS, once=False),
            "Two boxes on one opacity are both counted as hits. A true box is hit once; the second box on it is a false one.",
        ),
        Mistake(
            _without_second_boxes,
            "The second box on the first opacity is left out. It is no hit, so it is a false box (FP).",
        ),
        Mistake(lambda: _mean_over(THRESHOLDS, false_boxes=False), "False boxes (FP) are missing below the line: this is the sensitivity."),
        Mistake(lambda: _mean_over(THRESHOLDS, missed=False), "Missed opacities (FN) are missing below the line: this is the precision."),
        Mistake(
            lambda: _mean_over(tuple(0.5 + 0.05 * step for step in range(10))),
            "These are COCO's thresholds, 0.50 to 0.95. The challenge has 0.40 to 0.75: opacities have no sharp edges.",
        ),
        Mistake(
            lambda: float(_ious().max(0).mean()),
            "This is the mean IoU of the true boxes. In the score a box hits or does not hit, at each threshold.",
        ),
        Mistake(
            lambda: float(_ious().max(1).mean()),
            "This is the mean IoU of the found boxes. In the score a box hits or does not hit, at each threshold.",
        ),
        Mistake(
            lambda: float(_ious().mean()),
            "This is the mean IoU of all pairs, also of those that do not belong together. In the score a box hits or does not hit, at "
            "each threshold.",
        ),
        Mistake(
            lambda: _mean_over(THRESHOLDS[:-1]),
            "The last threshold, 0.75, is missing: `range` and `numpy.arange` leave out their end.",
        ),
        Mistake(lambda: _mean_over(THRESHOLDS[1:]), "The first threshold, 0.40, is missing."),
        Mistake(lambda: _mean_over((*THRESHOLDS, 0.8)), "There is a threshold too many: they end at 0.75."),
        Mistake(
            lambda: float(np.mean([_f1(threshold) for threshold in THRESHOLDS])),
            "Hits count twice here: this is 2 TP / (2 TP + FP + FN), the F1 score. Here they count once.",
        ),
        Mistake(
            lambda: 8 * _official(),
            "This is the sum over the thresholds, not the mean.",
            fits=lambda score: abs(score / 8 - _official()) < 6e-4,
        ),
        Mistake(lambda: 1 - _official(), "This is 1 − score, the part that is lost."),
    ),
    hints=(
        "Compute the IoU of every found box with every true one. Which of them are above 0.40? Above 0.75?",
        "Two boxes lie on one opacity, and one of them is false at every threshold. One IoU is exactly a threshold, which is not greater. "
        "Write TP, FP, FN for each threshold in a row.",
    ),
    code="""
        import numpy as np
        from radlearn.metrics.boxes import iou

        data = q8.data()
        scores = []
        for k in range(8, 16):
            overlaps, hits = iou(data["predicted"], data["truth"]), 0
            for box in np.argsort(-data["confidence"]):
                true = overlaps[box].argmax()
                if overlaps[box, true] > k / 20:
                    hits += 1
                    # Nothing overlaps a true box any more that was hit.
                    overlaps[:, true] = 0
            scores.append(hits / (len(data["predicted"]) + len(data["truth"]) - hits))
        answer = np.mean(scores)
    """,
    learned="Two of two opacities were found, and still two thirds of the score are lost: inexact edges, a second box on an opacity, and "
    "one on none. The confidence played no part but to set the order.",
)

_COUNTS = {
    "true": np.array([0, 0, 0, 0, 0, 0, 1, 1, 2, 2]),
    "found": np.array([0, 0, 0, 0, 1, 2, 1, 0, 2, 3]),
    "hits": np.array([0, 0, 0, 0, 0, 0, 1, 0, 1, 2]),
}


def _scores_of_images() -> np.ndarray:
    union = _COUNTS["true"] + _COUNTS["found"] - _COUNTS["hits"]
    return np.where(union > 0, _COUNTS["hits"] / np.maximum(union, 1), np.nan)


q9 = Exercise(
    lesson="detection",
    number=9,
    title="What do healthy X-rays count?",
    task="""
        Ten X-rays, at one IoU threshold. Compute their mean score by the challenge's rule: TP / (TP + FP + FN) for each X-ray; an X-ray
        without a true box scores 0 if anything is found on it, and is left out of the mean if nothing is.
    """,
    about_given={
        "true": "int (10,), number of true boxes",
        "found": "int (10,), number of found boxes",
        "hits": "int (10,), number of found boxes that hit a true one",
    },
    answer="the mean, 0 to 1, to three digits",
    why="three of four X-rays have no opacity: what is done with them decides whether a cautious detector or an eager one wins.",
    given=lambda: dict(_COUNTS),
    expects=Number(within=0.0006, nan=True, share=True),
    right=lambda: float(np.nanmean(_scores_of_images())),
    mistakes=(
        Mistake(
            lambda: float(np.nan_to_num(_scores_of_images(), nan=0.0).mean()),
            "Healthy X-rays on which nothing is found are counted as 0; they are left out.",
        ),
        Mistake(
            lambda: float(np.nan_to_num(_scores_of_images(), nan=1.0).mean()),
            "Healthy X-rays on which nothing is found are counted as 1; they are left out.",
        ),
        Mistake(
            lambda: float(_scores_of_images()[_COUNTS["true"] > 0].mean()),
            "All healthy X-rays are left out. Those on which something is found count, with 0: a false alarm is not free.",
        ),
        Mistake(
            lambda: float(_COUNTS["hits"].sum() / (_COUNTS["true"] + _COUNTS["found"] - _COUNTS["hits"]).sum()),
            "This pools the boxes of all X-rays. The score is computed for each X-ray, then averaged.",
        ),
        Mistake(
            lambda: float("nan"),
            "An X-ray with nothing true and nothing found gives 0 / 0, and one NaN makes the whole mean NaN. Leave such X-rays out.",
        ),
        Mistake(
            lambda: float((_COUNTS["hits"] / np.maximum(_COUNTS["true"], 1))[_COUNTS["true"] > 0].mean()),
            "This is the sensitivity (TP / (TP + FN)) of the X-rays with opacities. False boxes count below the line, too.",
        ),
        Mistake(
            lambda: float((_COUNTS["hits"] / np.maximum(_COUNTS["found"], 1))[_COUNTS["found"] > 0].mean()),
            "This is the precision (TP / (TP + FP)) of the X-rays with found boxes. Missed opacities count below the line, too.",
        ),
        Mistake(
            lambda: float(
                (_COUNTS["hits"] / np.maximum(_COUNTS["true"] + _COUNTS["found"], 1))[_COUNTS["true"] + _COUNTS["found"] > 0].mean()
            ),
            "Hits are counted twice below the line: TP + FP is what was found, TP + FN what there is, and in the sum TP is twice.",
        ),
        Mistake(
            lambda: float(np.nansum(_scores_of_images())), "This is the sum over the X-rays. Divide by the number of those that count."
        ),
    ),
    hints=(
        "FP is found − hits, FN is true − hits, so TP + FP + FN = found + true − hits. Where is that 0?",
        "Six X-rays are in the mean: four with opacities, and the two healthy ones on which something was found.",
    ),
    code="""
        import numpy as np

        data = q9.data()
        below = data["true"] + data["found"] - data["hits"]
        answer = np.mean(data["hits"][below > 0] / below[below > 0])
    """,
    learned="So a detector gains nothing on healthy X-rays and can only lose there. That is why a gate, which keeps boxes off X-rays "
    "that look healthy, helps so much.",
)

_PLACES = (42, 48, 54, 19)
"""Of cohort 0: two opacities, one of which a single reader saw; an effusion beside opacities; oedema; nothing special."""


@cache
def _read() -> list[dict[str, Any]]:
    plans = plan_xrays(60, seed=0)
    rows = []
    for place in _PLACES:
        boxes, findings = planned_reading(plans[place])
        rows += [
            {
                "patientId": plans[place].image_id,
                "finding": finding.name,
                "side": finding.side,
                "contrast": round(finding.contrast, 3),
                "exact_box": finding.exact_box_xyxy_px,
                "readers": finding.readers,
                "label_boxes": boxes,
            }
            for finding in findings
        ]
    return rows


def _unlabelled() -> str:
    return next(row["patientId"] for row in _read() if row["readers"] is not None and row["readers"] < AGREEMENT)


q10 = Exercise(
    lesson="detection",
    number=10,
    title="Which opacity do my labels not have?",
    task="""
        Built-in patients have an exact truth, which no hospital has. Each row is a finding on one of four X-rays; the fourth of them has no
        finding, and so no row. Three simulated readers read each X-ray; the labels are boxes around what at least two of them saw. On one
        of the X-rays a pneumonia has no box. Find that X-ray.
    """,
    about_given={
        "rows": "list of dictionaries with patientId, finding, side (of the patient), contrast, exact_box (x0, y0, x1, y1 of an opacity "
        "of pneumonia, else "
        "None), readers (who saw it, 0 to 3; None for other findings), label_boxes (all boxes that the X-ray has in the labels)",
    },
    answer="the patientId of that X-ray",
    why="a detector that marks this opacity is right, and is punished for a false alarm.",
    given=lambda: {"rows": _read()},
    expects=Name(),
    right=_unlabelled,
    mistakes=(
        Mistake(
            lambda: next(row["patientId"] for row in _read() if row["finding"] == "effusion"),
            "The finding without a box on this X-ray is an effusion: abnormal, but no pneumonia, and rightly without a box.",
        ),
        Mistake(
            lambda: next(row["patientId"] for row in _read() if row["finding"] == "oedema"),
            "The findings without a box on this X-ray are oedema, the fluid of heart failure: an opacity that is no pneumonia.",
        ),
        Mistake(lambda: plan_xrays(60, seed=0)[_PLACES[3]].image_id, "This X-ray has no finding: there is nothing that could have a box."),
        Mistake(
            lambda: "oedema",
            "This is what a row says of a finding. The patientId of the X-ray was asked for.",
            fits=lambda name: any(name in (row["finding"], row["side"]) for row in _read()),
        ),
        Mistake(lambda: "0", "No row has this patientId: take one from the rows as it stands there.", fits=lambda name: True),
    ),
    hints=(
        "Only findings with an exact box are pneumonia. For each of them, does a box of the labels overlap it?",
        "Two readers have to see it. Look at the column readers.",
    ),
    code="""
        rows = q10.data()["rows"]
        unseen = [row for row in rows if row["exact_box"] and row["readers"] < 2]
        answer = unseen[0]["patientId"]
    """,
    learned="Only one of three readers saw it. About one opacity in twelve is lost like this: no detector can have a perfect score, and "
    "a perfect one would be suspicious.",
)
