"""The right answers of the detection exercises, by torchvision and by hand, and what a learner would hand over."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from torchvision import ops, tv_tensors
from torchvision.ops.poolers import LevelMapper
from torchvision.transforms import v2

from radlearn.challenges.rsna_score import BOX_SCORE
from radlearn.exercises.detection import boxes, canvas, detector, q1, q2, q3, q4, q5, q6, q7, q8, q9, q10, scores


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
    assert best[0] > Fraction(3, 4) > best[1] > Fraction(2, 5) > best[2]
    hits = [sum(share > Fraction(k, 20) for share in best) for k in range(8, 16)]
    assert q8.right() == pytest.approx(float(sum(Fraction(hit, 5 - hit) for hit in hits) / 8))
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
