"""The right answers of the detection exercises, by torchvision and by hand, and what a learner would hand over."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score
from torchvision import ops, tv_tensors
from torchvision.ops.poolers import LevelMapper
from torchvision.transforms import v2

from radlearn.challenges.rsna.score import BOX_SCORE
from radlearn.exercises.detection import boxes, canvas, curves, detector, q1, q2, q3, q4, q5, q6, q7, q8, q9, q10, q11, q12, scores
from radlearn.metrics.froc import sensitivity_at_false_boxes


def test_corners_are_those_of_torchvision() -> None:
    assert q1.check(lambda rows: ops.box_convert(torch.tensor(rows).float(), "xywh", "xyxy")).right
    assert "width and height" in q1.check(lambda rows: rows.copy()).message
    assert "second axis" in q1.check(lambda rows: [[x, y, x + w, y + h] for x, y, w, h in rows]).message
    assert boxes.q1 is q1


def test_mirrored_boxes_are_those_of_torchvision() -> None:
    def by_torchvision(xyxy: np.ndarray, width: int) -> torch.Tensor:
        there = tv_tensors.BoundingBoxes(xyxy, format="XYXY", canvas_size=(1024, width), dtype=torch.float64)
        return v2.functional.horizontal_flip(there)

    assert q2.check(by_torchvision).right

    def naive(xyxy: np.ndarray, width: int) -> np.ndarray:
        flipped = xyxy.copy()
        flipped[:, [0, 2]] = width - flipped[:, [0, 2]]
        return flipped

    assert "larger than x1" in q2.check(naive).message


def test_the_overlap_is_that_of_torchvision() -> None:
    def by_torchvision(box: tuple[float, ...], other: tuple[float, ...]) -> float:
        found = float(ops.box_iou(torch.tensor([box]), torch.tensor([other])))
        return 0.0 if np.isnan(found) else found

    assert q3.check(by_torchvision).right

    def unclamped(a: tuple[float, ...], b: tuple[float, ...]) -> float:
        shared = (min(a[2], b[2]) - max(a[0], b[0])) * (min(a[3], b[3]) - max(a[1], b[1]))
        union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
        return shared / union if union else 0.0

    assert "clamp" in q3.check(unclamped).message


def test_a_loader_may_shuffle_in_any_way_that_keeps_pairs() -> None:
    def by_zip(images: np.ndarray, there: list[object], generator: np.random.Generator) -> tuple[np.ndarray, list[object]]:
        pairs = list(zip(images, there, strict=True))
        generator.shuffle(pairs)
        return np.array([image for image, _ in pairs]), [one for _, one in pairs]

    assert q4.check(by_zip).right
    assert "Two permutations" in q4.check(canvas._twice).message
    assert "None is no pair of images and boxes: is a `return` missing?" in q4.check(lambda images, there, generator: None).message


def test_a_box_goes_back_where_it_came_from() -> None:
    # The other way, step by step: pad, then resize.
    shape, size = (2048, 1536), 256
    on_xray = np.array([[100.0, 200.0, 900.0, 1800.0]])
    seen = (on_xray + np.array([256.0, 0, 256, 0])) * size / 2048
    assert q5.right(seen, shape, size) == pytest.approx(on_xray)
    assert "Subtract it" in q5.check(lambda there, shape, size: there * max(shape) / size).message


def test_the_level_is_that_of_torchvision() -> None:
    levels = LevelMapper(2, 5)
    assert q6.check(lambda box: int(levels([torch.tensor([box], dtype=torch.float64)])[0]) + 2).right
    assert {q6.right(case.arguments[0]) for case in detector._boxes_of_all_sizes()} == {2, 3, 4, 5}


def test_what_is_kept_is_what_torchvision_keeps() -> None:
    assert q7.check(lambda there, confidence, above: ops.nms(torch.tensor(there), torch.tensor(confidence), above)).right
    assert "not their scores" in q7.check(lambda there, confidence, above: confidence[:2]).message


def test_the_official_score_is_that_of_whole_numbers() -> None:
    data = q8.data()
    area = lambda box: int((box[2] - box[0]) * (box[3] - box[1]))  # noqa: E731
    best = []
    for found in data["predicted"]:
        shares = []
        for true in data["truth"]:
            width, height = int(min(found[2], true[2]) - max(found[0], true[0])), int(min(found[3], true[3]) - max(found[1], true[1]))
            shared = max(width, 0) * max(height, 0)
            shares.append(Fraction(shared, area(found) + area(true) - shared))
        best.append(max(shares))
    # The first two boxes lie on the first opacity, the third on the second one, exactly at a threshold; the last one on neither.
    assert Fraction(3, 4) > best[0] > Fraction(7, 10)
    assert Fraction(3, 5) > best[1] > Fraction(11, 20)
    assert best[2:] == [Fraction(3, 5), 0]
    hits = [2, 2, 2, 2, 1, 1, 1, 0]
    assert q8.right() == pytest.approx(float(sum(Fraction(hit, 6 - hit) for hit in hits) / 8))
    assert BOX_SCORE.ious_above == scores.THRESHOLDS


def test_healthy_xrays_count_only_with_a_false_box() -> None:
    # Two healthy with false boxes: 0, 0. Then 1/1, 0/1, 1/3, 2/3; the four others are left out.
    assert q9.right() == pytest.approx((0 + 0 + 1 + 0 + Fraction(1, 3) + Fraction(2, 3)) / 6)
    assert scores.q9 is q9


def test_one_opacity_of_these_xrays_has_no_box_that_overlaps_it() -> None:
    unlabelled = []
    for row in q10.data()["rows"]:
        if row["exact_box"] is not None:
            overlaps = ops.box_iou(torch.tensor([row["exact_box"]]), torch.tensor(row["label_boxes"]))
            if float(overlaps.max()) < 0.1:
                unlabelled.append(row["patientId"])
    assert unlabelled == [q10.right()]
    assert "effusion" in q10.check([row["patientId"] for row in q10.data()["rows"] if row["finding"] == "effusion"]).message


def test_the_average_precision_is_that_of_scikit_learn_times_what_was_found() -> None:
    data = q11.data()
    order = np.argsort(-data["confidence"])
    boxes = data["true_box"][order].tolist()
    hits = [box >= 0 and box not in boxes[:place] for place, box in enumerate(boxes)]
    # scikit-learn divides by the positives of the list, and three of the ten true boxes are not in it.
    listed = average_precision_score(hits, data["confidence"][order])
    assert sum(hits) == 7
    assert q11.right() == pytest.approx(listed * 7 / 10)
    # By hand: the hits are at places 1, 2, 4, 6, 8, 10 and 11.
    assert q11.right() == pytest.approx((1 + 1 + 3 / 4 + 4 / 6 + 5 / 8 + 6 / 10 + 7 / 11) / 10)
    assert "number of hits" in q11.check(listed).message
    every_box = [box >= 0 for box in boxes]
    assert "the second one is false" in q11.check(every_box_counts(every_box)).message.lower()


def every_box_counts(hits: list[bool]) -> float:
    precisions = [sum(hits[: place + 1]) / (place + 1) for place, hit in enumerate(hits) if hit]
    return sum(precisions) / 10


def test_a_point_of_the_froc_curve_is_that_of_the_library() -> None:
    data = q12.data()
    first: set[int] = set()
    hit = np.zeros(12, bool)
    for place in np.argsort(-data["confidence"]):
        box = int(data["true_box"][place])
        hit[place] = box >= 0 and box not in first
        first.add(box)
    rows = [np.flatnonzero(data["xray"] == xray) for xray in range(8)]
    confidences, hits = np.full((8, 3), np.nan), np.zeros((8, 3), bool)
    for xray, places in enumerate(rows):
        confidences[xray, : len(places)], hits[xray, : len(places)] = data["confidence"][places], hit[places]
    there = sensitivity_at_false_boxes(confidences, hits, np.r_[data["true_boxes"], np.zeros(7, int)], [0.3])
    assert q12.right() == pytest.approx(there[0])
    assert curves.q12 is q12
    assert "rounded up" in q12.check(0.5).message
    assert "precision" in q12.check(2 / 3).message


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (lambda b: (b[:, 0], b[:, 1], b[:, 0] + b[:, 3], b[:, 1] + b[:, 2]), "Width belongs to x"),
        (lambda b: (b[:, 0], b[:, 1], b[:, 0] + b[:, 2] - 1, b[:, 1] + b[:, 3] - 1), "No pixel is taken off"),
        (lambda b: (b[:, 0], b[:, 1], b[:, 0] + b[:, 2] + 1, b[:, 1] + b[:, 3] + 1), "No pixel is added"),
        (lambda b: (b[:, 0], b[:, 0] + b[:, 2], b[:, 1], b[:, 1] + b[:, 3]), "This is x0, x1, y0, y1"),
        (lambda b: (b[:, 1], b[:, 0], b[:, 1] + b[:, 3], b[:, 0] + b[:, 2]), "x comes before y"),
        (lambda b: (b[:, 0], b[:, 1], b[:, 0] + b[:, 2] / 2, b[:, 1] + b[:, 3] / 2), "Half of width"),
    ],
)
def test_each_wrong_pair_of_corners_is_told(columns: Any, says: str) -> None:
    assert says in q1.check(lambda rows: np.stack(columns(rows), axis=1)).message


def test_a_wrong_shape_of_boxes_is_told() -> None:
    message = q1.check(lambda rows: [rows[:, 0], rows[:, 1], rows[:, 0] + rows[:, 2], rows[:, 1] + rows[:, 3]]).message
    assert "the axes are the other way round" in message
    assert "transposed" in message
    assert "first box alone" in q1.check(lambda rows: [*rows[0, :2], rows[0, 0] + rows[0, 2], rows[0, 1] + rows[0, 3]]).message
    assert "lost its second axis" in q2.check(lambda there, width: [[width - c, y, width - a, z] for a, y, c, z in there]).message


@pytest.mark.parametrize(
    ("mirrored", "says"),
    [
        (lambda a, b, c, d, w: (w - 1 - c, b, w - 1 - a, d), "off by one pixel"),
        (lambda a, b, c, d, w: (w - 1 - a, b, w - 1 - c, d), "both are off by one pixel"),
        (lambda a, b, c, d, w: (w - c, w - d, w - a, w - b), "turns the X-ray by 180°"),
        (lambda a, b, c, d, w: (a, w - d, c, w - b), "upside down"),
        (lambda a, b, c, d, w: (w - a, b, c, d), "Only x0"),
        (lambda a, b, c, d, w: (a, b, w - c, d), "Only x1"),
        (lambda a, b, c, d, w: (c, b, a, d), "exchanged, and not mirrored"),
    ],
)
def test_each_wrong_mirror_is_told(mirrored: Any, says: str) -> None:
    assert says in q2.check(lambda there, width: np.stack(mirrored(*there.T, width), axis=1)).message


def test_each_wrong_overlap_is_told() -> None:
    def sides(one: Any, other: Any) -> tuple[float, float, float]:
        width, height = (max(0, min(one[k + 2], other[k + 2]) - max(one[k], other[k])) for k in (0, 1))
        return width * height, (one[2] - one[0]) * (one[3] - one[1]), (other[2] - other[0]) * (other[3] - other[1])

    def ratio(of: Any) -> Any:
        def overlap(one: Any, other: Any) -> float:
            shared, area, other_area = sides(one, other)
            below = of(shared, area, other_area)
            return shared / below if below else 0.0

        return overlap

    right = ratio(lambda s, a, b: a + b - s)
    assert q3.check(right).right
    assert "second box" in q3.check(ratio(lambda s, a, b: b)).message
    assert "larger area" in q3.check(ratio(lambda s, a, b: max(a, b))).message
    assert "This is the shared area" in q3.check(lambda one, other: sides(one, other)[0]).message
    assert "1 − IoU" in q3.check(lambda one, other: 1 - right(one, other)).message
    assert "in percent" in q3.check(lambda one, other: 100 * right(one, other)).message
    assert "also with themselves" in q3.check(lambda one, other: 1.0 if one == other else right(one, other)).message
    assert "0 / 0 is NaN" in q3.check(lambda one, other: ops.box_iou(torch.tensor([one]), torch.tensor([other]))).message
    as_sizes = lambda one, other: right(*((b[0], b[1], b[0] + b[2], b[1] + b[3]) for b in (one, other)))  # noqa: E731
    assert "taken for width and height" in q3.check(as_sizes).message


def test_each_way_to_shuffle_apart_is_told() -> None:
    def shuffled_in_place(images: np.ndarray, there: list[object], generator: np.random.Generator) -> tuple[np.ndarray, list[object]]:
        generator.shuffle(images)
        return images, there

    def boxes_in_place(images: np.ndarray, there: list[object], generator: np.random.Generator) -> tuple[np.ndarray, list[object]]:
        generator.shuffle(there)
        return images, there

    def both_in_place(images: np.ndarray, there: list[object], generator: np.random.Generator) -> tuple[np.ndarray, list[object]]:
        generator.shuffle(there)
        generator.shuffle(images)
        return images, there

    def list_changed(images: np.ndarray, there: list[object], generator: np.random.Generator) -> tuple[np.ndarray, list[object]]:
        order = generator.permutation(len(images))
        there[:] = [there[number] for number in order]
        return images[order], there

    def moved_by_one(images: np.ndarray, there: list[object], generator: np.random.Generator) -> tuple[np.ndarray, list[object]]:
        order = generator.permutation(len(images))
        return images[order], [there[number - 1] for number in order]

    def with_boxes_only(images: np.ndarray, there: list[object], generator: np.random.Generator) -> tuple[np.ndarray, list[object]]:
        order = generator.permutation(len(images))
        return images[order], [there[number] for number in order if there[number]]

    for answer, says in (
        (shuffled_in_place, "The X-rays have moved, in the array that was handed in, and the boxes have not"),
        (boxes_in_place, "The boxes have moved, in the list that was handed in, and the X-rays have not"),
        (both_in_place, "both moved, but not alike, and in what was handed in"),
        (list_changed, "has changed. The next epoch would begin with other pairs"),
        (moved_by_one, "both moved, but not alike: the order"),
        (with_boxes_only, "An X-ray without a box has an empty list, which has to stay"),
        (lambda images, there, generator: (images[generator.permutation(len(images))], there), "the boxes have not. The same order"),
        (lambda images, there, generator: (images, [there[n] for n in generator.permutation(len(there))]), "the X-rays have not: the same"),
        (lambda images, there, generator: (images, there), "Nothing has moved"),
    ):
        assert says in q4.check(answer).message


@pytest.mark.parametrize(
    ("back", "says"),
    [
        (lambda b, rows, columns, size, left, above: b * max(rows, columns) / size + [left, above] * 2, "added once more"),
        (lambda b, rows, columns, size, left, above: b * min(rows, columns) / size - [left, above] * 2, "shorter axis"),
        (lambda b, rows, columns, size, left, above: b * ([rows / size, columns / size] * 2), "that of the other axis besides"),
        (
            lambda b, rows, columns, size, left, above: np.clip(b * max(rows, columns) / size - [left, above] * 2, 0, None),
            "clipped",
        ),
        (lambda b, rows, columns, size, left, above: np.round(b * max(rows, columns) / size - [left, above] * 2), "rounded"),
    ],
)
def test_each_wrong_way_back_is_told(back: Any, says: str) -> None:
    def answer(there: np.ndarray, shape: tuple[int, int], size: int) -> np.ndarray:
        rows, columns = shape
        left, above = (max(shape) - columns) / 2, (max(shape) - rows) / 2
        return np.asarray(back(there, rows, columns, size, left, above))

    assert says in q5.check(answer).message


@pytest.mark.parametrize(
    ("level", "says"),
    [
        (lambda w, h: np.clip(np.round(4 + np.log2(np.sqrt(w * h) / 224)), 2, 5), "Rounded to the nearest"),
        (lambda w, h: np.clip(np.ceil(4 + np.log2(np.sqrt(w * h) / 224)), 2, 5), "rounded up"),
        (lambda w, h: np.clip(4 + np.log2(np.sqrt(w * h) / 224), 2, 5), "a whole number"),
        (lambda w, h: np.clip(np.floor(4 + np.log10(np.sqrt(w * h) / 224)), 2, 5), "decadic"),
        (lambda w, h: np.clip(np.floor(4 + np.log2(min(w, h) / 224)), 2, 5), "shorter side"),
        (lambda w, h: np.clip(np.floor(4 + np.log2((w + h) / 448)), 2, 5), "half of w + h"),
        (lambda w, h: np.clip(np.floor(np.log2(np.sqrt(w * h) / 224)), 2, 5), "Is the 4 of the formula there?"),
        (lambda w, h: np.clip(np.floor(5 + np.log2(np.sqrt(w * h) / 224)), 2, 5), "one level too high"),
        (lambda w, h: np.clip(np.floor(4 + np.log2(np.sqrt(w * h) / 224)), 2, 5) - 2, "counted from 0"),
        (lambda w, h: max(np.floor(4 + np.log2(np.sqrt(w * h) / 224)), 2), "no level above 5"),
        (lambda w, h: min(np.floor(4 + np.log2(np.sqrt(w * h) / 224)), 5), "no level below 2"),
    ],
)
def test_each_wrong_level_is_told(level: Any, says: str) -> None:
    assert says in q6.check(lambda box: level(box[2] - box[0], box[3] - box[1])).message


def test_each_wrong_suppression_is_told() -> None:
    def kept(there: np.ndarray, confidence: np.ndarray, above: float) -> np.ndarray:
        return np.asarray(ops.nms(torch.tensor(there), torch.tensor(confidence), above))

    def by_mask(there: np.ndarray, confidence: np.ndarray, above: float) -> np.ndarray:
        mask = np.zeros(len(there), bool)
        mask[kept(there, confidence, above)] = True
        return mask

    def places(there: np.ndarray, confidence: np.ndarray, above: float) -> list[int]:
        order = np.argsort(-confidence).tolist()
        return [order.index(number) for number in kept(there, confidence, above)]

    for answer, says in (
        (lambda there, confidence, above: kept(there, -confidence, above), "from the lowest score to the highest. Begin"),
        (lambda there, confidence, above: kept(there, confidence, above)[::-1], "The right boxes, from the lowest"),
        (by_mask, "says of each box whether it is kept"),
        (lambda there, confidence, above: kept(there, confidence, above) + 1, "numbered from 1"),
        (places, "places in the sorted list"),
        (lambda there, confidence, above: np.argsort(-confidence), "Nothing is suppressed"),
        (lambda there, confidence, above: kept(there, confidence, above)[:1], "Only the best box"),
        (lambda there, confidence, above: confidence[kept(there, confidence, above)], "scores of the right boxes"),
        (lambda there, confidence, above: there[kept(there, confidence, above)], "their numbers are asked for"),
    ):
        assert says in q7.check(answer).message


def test_each_wrong_official_score_is_told() -> None:
    data = q8.data()
    overlaps = ops.box_iou(torch.tensor(data["predicted"]), torch.tensor(data["truth"])).numpy()
    steps = [k / 20 for k in range(8, 16)]
    hits, often = (np.array([count(overlaps > step) for step in steps]) for count in (lambda over: over.any(0).sum(), np.sum))
    equal = np.array([(overlaps >= step).any(0).sum() for step in steps])
    score = hits / (6 - hits)
    assert q8.check(score.mean()).right
    for answer, says in (
        (score[0], "at 0.40 alone"),
        (score[3], "at 0.40 alone"),
        (score[4], "at 0.60 alone"),
        (score[-1], "at 0.75 alone"),
        ((equal / (6 - equal)).mean(), "It has to be greater"),
        ((often / (6 - often)).mean(), "A true box is hit once"),
        ((hits / (5 - hits)).mean(), "it is a false box"),
        (score[:-1].mean(), "The last threshold, 0.75, is missing"),
        (score[1:].mean(), "The first threshold, 0.40, is missing"),
        (score.sum(), "sum over the thresholds"),
        (overlaps.mean(), "mean IoU of all pairs"),
        (overlaps.max(0).mean(), "mean IoU of the true boxes"),
        (overlaps.max(1).mean(), "mean IoU of the found boxes"),
        ((hits / 4).mean(), "precision"),
        ((hits / 2).mean(), "sensitivity"),
        ((2 * hits / 6).mean(), "F1"),
        (100 * score.mean(), "in percent"),
        (1 - score.mean(), "the part that is lost"),
        (0.999, "too high"),
    ):
        message = q8.check(answer).message
        assert says in message
        assert "Expected" not in message


def test_each_wrong_mean_with_healthy_xrays_is_told() -> None:
    data = q9.data()
    hits, found, true = data["hits"], data["found"], data["true"]
    with np.errstate(all="ignore"):
        assert "0 / 0" in q9.check((hits / (found + true - hits)).mean()).message
        assert "sensitivity" in q9.check(np.nanmean(hits / true)).message
        assert "precision" in q9.check(np.nanmean(hits / found)).message
        assert "sum over the X-rays" in q9.check(np.nansum(hits / (found + true - hits))).message
        assert "counted twice" in q9.check(np.nanmean(hits / (found + true))).message
    assert "in percent" in q9.check(100 * q9.right()).message
    assert "too low" in q9.check(0.01).message


def test_every_patient_id_is_told_what_its_xray_has() -> None:
    rows = q10.data()["rows"]
    assert len({row["patientId"] for row in rows}) == 3
    assert "the fourth of them has no finding" in " ".join(q10.text.split())
    fourth = scores.plan_xrays(60, seed=0)[scores._PLACES[3]]
    assert fourth.image_id not in {row["patientId"] for row in rows}
    assert "no finding" in q10.check(fourth.image_id).message
    assert "oedema, the fluid" in q10.check(next(row["patientId"] for row in rows if row["finding"] == "oedema")).message
    assert "patientId of the X-ray was asked for" in q10.check("consolidation").message
    assert "No row has this patientId" in q10.check("p00001").message
