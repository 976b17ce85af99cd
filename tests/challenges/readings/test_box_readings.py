"""Boxes that mean something else than they say are told by how they fit the true ones when they are read so."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from radlearn.challenges.readings.box_readings import order_reading, other_reading
from radlearn.challenges.readings.row_orders import AS_IT_IS, orders_of
from radlearn.challenges.rsna.scoring import score_submission
from radlearn.errors import BadLayout
from radlearn.metrics.boxes import FoundBoxes, iou, no_boxes

SIZE = (1024, 1024)


def true_numbers(count: int = 30) -> np.ndarray:
    """x, y, width, height as the challenge's boxes are: on the left or right, higher than wide."""
    rng = np.random.default_rng(2)
    side = rng.random(count) < 0.5
    x = np.where(side, rng.integers(120, 260, count), rng.integers(560, 680, count))
    return np.stack([x, rng.integers(150, 450, count), rng.integers(150, 240, count), rng.integers(240, 400, count)], axis=1).astype(float)


WRONG: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "corners, x0 y0 x1 y1": lambda n: np.c_[n[:, :2], n[:, :2] + n[:, 2:]] * 0.5,
    "a centre with width and height": lambda n: np.c_[n[:, :2] + n[:, 2:] / 2, n[:, 2:]],
    "y x height width": lambda n: n[:, [1, 0, 3, 2]],
    "x y width height on a grid of 256 px": lambda n: n / 4,
    "x y width height on a grid of 640 px": lambda n: n / 1.6,
    "x y width height in percent of the X-ray": lambda n: n / 10.24,
    "those of X-rays that are upside down": lambda n: np.c_[n[:, 0], 1024 - n[:, 1] - n[:, 3], n[:, 2:]],
    "those of X-rays that are mirrored": lambda n: np.c_[1024 - n[:, 0] - n[:, 2], n[:, 1:]],
}


def as_found(numbers: np.ndarray) -> list[FoundBoxes]:
    return [FoundBoxes(np.array([[x, y, x + w, y + h]]), np.array([0.9])) for x, y, w, h in numbers]


@pytest.mark.parametrize("words", WRONG)
def test_each_wrong_reading_is_named(words: str) -> None:
    numbers = true_numbers()
    truth = [one.boxes_xyxy_px for one in as_found(numbers)]
    # A model that is somewhat off, and some X-rays on which nothing is found or nothing is there.
    off = numbers + np.random.default_rng(1).normal(0, 8, numbers.shape)
    note = other_reading([*as_found(WRONG[words](off)), no_boxes(), *as_found(off[:1])], [*truth, truth[0], np.zeros((0, 4))], SIZE)
    expected = words if words != "corners, x0 y0 x1 y1" else "corners, x0 y0 x1 y1 on a grid of 512 px"
    assert f"The boxes look like {expected}: read so, they fit the true boxes with a mean IoU of 0." in note


@pytest.mark.parametrize("grid", [224, 299, 320, 336, 416, 600, 1333])
def test_a_usual_grid_is_named_and_no_neighbour_of_it(grid: int) -> None:
    numbers = true_numbers(6)
    truth = [one.boxes_xyxy_px for one in as_found(numbers)]
    note = other_reading(as_found((numbers * grid / 1024).round(1)), truth, SIZE)
    assert f"The boxes look like x y width height on a grid of {grid} px: read so, they fit the true boxes with a mean IoU of " in note


@pytest.mark.parametrize("grid", [205, 315, 430, 556, 1250])
def test_a_grid_without_a_name_is_told_by_its_size(grid: int) -> None:
    numbers = true_numbers(6)
    truth = [one.boxes_xyxy_px for one in as_found(numbers)]
    note = other_reading(as_found(numbers * grid / 1024), truth, SIZE)
    if grid < 1024 or note:
        words = note.partition(" on a grid of ")[2].partition(" px")[0]
        assert words.startswith("about ")
        assert abs(float(words.removeprefix("about ")) / grid - 1) < 0.02


def test_right_boxes_bad_boxes_and_no_boxes_get_no_note() -> None:
    numbers = true_numbers()
    truth = [one.boxes_xyxy_px for one in as_found(numbers)]
    rng = np.random.default_rng(3)
    assert other_reading(as_found(numbers), truth, SIZE) == ""
    assert other_reading(as_found(numbers + rng.normal(0, 25, numbers.shape)), truth, SIZE) == ""
    nonsense = np.c_[rng.uniform(0, 900, (30, 2)), rng.uniform(20, 120, (30, 2))]
    assert other_reading(as_found(nonsense), truth, SIZE) == ""
    assert other_reading([no_boxes()] * 30, truth, SIZE) == ""
    assert other_reading(as_found(numbers), [np.zeros((0, 4))] * 30, SIZE) == ""


def files(folder: Path, numbers: np.ndarray, shown: np.ndarray, confidence: float = 0.9) -> tuple[Path, Path]:
    labels = "".join(f"i{n},{x:g},{y:g},{w:g},{h:g},1\n" for n, (x, y, w, h) in enumerate(numbers))
    rows = "".join(f"i{n},{confidence} {x:g} {y:g} {w:g} {h:g}\n" for n, (x, y, w, h) in enumerate(shown))
    empty = "".join(f"h{n},,,,,0\n" for n in range(6))
    (folder / "labels.csv").write_text(f"patientId,x,y,width,height,Target\n{labels}{empty}")
    (folder / "s.csv").write_text("patientId,PredictionString\n" + rows + "".join(f"h{n},0.95 1 1 9 9\n" for n in range(6)))
    return folder / "labels.csv", folder / "s.csv"


def test_the_score_stays_that_of_the_file_and_a_note_says_what_it_looks_like(tmp_path: Path) -> None:
    numbers = true_numbers(12)
    scored = score_submission(*files(tmp_path, numbers, WRONG["a centre with width and height"](numbers)), draws=10)
    assert scored.scores["rsna_score"].value < 0.05
    assert any("look like a centre with width and height" in note for note in scored.notes)
    # The surest boxes stand on X-rays without one.
    assert any("auroc_score is 0.00, below the 0.50 of chance" in note and "1 − p" in note for note in scored.notes)


@pytest.mark.parametrize("shape", ["sizes", "corners", "centres"])
def test_shares_of_the_xray_are_refused_whatever_their_order(tmp_path: Path, shape: str) -> None:
    numbers = true_numbers(12) / 1024
    if shape == "corners":
        numbers = np.c_[numbers[:, :2], numbers[:, :2] + numbers[:, 2:]]
    if shape == "centres":
        numbers = np.c_[numbers[:, :2] + numbers[:, 2:] / 2, numbers[:, 2:]]
    labels, submission = files(tmp_path, true_numbers(12), numbers)
    text = submission.read_text().replace("0.95 1 1 9 9", "")
    submission.write_text(text)
    with pytest.raises(BadLayout, match=r"they look like shares of the X-ray, 0 to 1; expected pixels of an X-ray of 1024 × 1024 px"):
        score_submission(labels, submission)


TURNED = {
    "turned by 90°": lambda n: np.c_[1024 - n[:, 1] - n[:, 3], n[:, 0], n[:, [3, 2]]],
    "turned by 270°": lambda n: np.c_[n[:, 1], 1024 - n[:, 0] - n[:, 2], n[:, [3, 2]]],
    "a centre with half of width and height": lambda n: np.c_[n[:, :2] + n[:, 2:] / 2, n[:, 2:] / 2],
    "x y with half of width and height": lambda n: np.c_[n[:, :2], n[:, 2:] / 2],
    "x y with twice the width and height": lambda n: np.c_[n[:, :2], n[:, 2:] * 2],
    "boxes of half the width and height": lambda n: np.c_[n[:, :2] + n[:, 2:] / 4, n[:, 2:] / 2],
    "boxes of twice the width and height": lambda n: np.c_[n[:, :2] - n[:, 2:] / 2, n[:, 2:] * 2],
    # In millimetres, on grids that are on no list, in a margin.
    r"on another grid (across × 6.99, down × 6.99)": lambda n: n * 0.143,
    r"on another grid (across × 4.72, down × 4.72)": lambda n: n * 0.212,
    r"on another grid (across × 2.5, down × 2)": lambda n: n / [2.5, 2, 2.5, 2],
    r"on another grid (across × 2 -128 px, down × 2 -256 px)": lambda n: n / 2 + [64, 128, 0, 0],
}


@pytest.mark.parametrize("words", TURNED)
def test_boxes_that_were_turned_or_scaled_by_anything_are_told(words: str) -> None:
    numbers = true_numbers()
    true = [np.array([[x, y, x + w, y + h]]) for x, y, w, h in numbers]
    said = other_reading(as_found(TURNED[words](numbers)), true, SIZE)
    assert words in said
    assert "with a mean IoU of 1.00" in said or "with a mean IoU of 0.9" in said


def test_boxes_at_random_are_on_no_other_grid() -> None:
    numbers = true_numbers(60)
    true = [np.array([[x, y, x + w, y + h]]) for x, y, w, h in numbers]
    rng = np.random.default_rng(0)
    for _ in range(5):
        wrong = np.c_[rng.uniform(0, 800, (60, 2)), rng.uniform(20, 220, (60, 2))]
        assert other_reading(as_found(wrong), true, SIZE) == ""


@pytest.mark.parametrize("order", ["those of the row before", "those of the row 2 rows after", "those of the ids sorted by name"])
def test_boxes_of_other_rows_are_told(order: str) -> None:
    rng = np.random.default_rng(4)
    ids = [f"{number:04x}" for number in rng.permutation(40)]
    truth_of = {
        one: np.array([[x, y, x + w, y + h]]) if rng.random() < 0.6 else np.zeros((0, 4))
        for one, (x, y, w, h) in zip(ids, true_numbers(40), strict=True)
    }
    orders = orders_of(ids, truth_of)
    found = [FoundBoxes(boxes, np.full(len(boxes), 0.9)) for boxes in orders[order]]
    assert f"The boxes look like {order}: there they fit the true boxes with a mean IoU of 1.00" in order_reading(found, orders)
    assert order_reading([FoundBoxes(boxes, np.full(len(boxes), 0.9)) for boxes in orders[AS_IT_IS]], orders) == ""


def near_the_middle(count: int = 24) -> np.ndarray:
    """x, y, width, height of boxes in both fields, most of which overlap with their own mirror image."""
    rng = np.random.default_rng(6)
    x, y = rng.choice([180, 600], count), rng.integers(330, 470, count)
    return np.stack([x, y, rng.integers(180, 260, count), rng.integers(260, 340, count)], axis=1).astype(float)


FAIR = {
    "those of X-rays that are upside down": WRONG["those of X-rays that are upside down"],
    "boxes of half the width and height": TURNED["boxes of half the width and height"],
}


@pytest.mark.parametrize("words", FAIR)
def test_another_reading_is_told_where_the_boxes_fit_fairly_as_they_stand(words: str) -> None:
    numbers = near_the_middle()
    truth = [one.boxes_xyxy_px for one in as_found(numbers)]
    stated = FAIR[words](numbers)
    note = other_reading(as_found(stated), truth, SIZE)
    own = np.mean([iou(true, one.boxes_xyxy_px).max() for true, one in zip(truth, as_found(stated), strict=True)])
    assert f"The boxes look like {words}: read so, they fit the true boxes with a mean IoU of 1.00, as they stand with {own:.2f}." in note
    assert own > 0.4 or "half" in words


def test_boxes_of_other_rows_that_fit_fairly_are_told_and_few_that_fit_a_little_are_not() -> None:
    numbers = near_the_middle()
    numbers[:, 0] = 180
    truth_of = {f"{number:02d}": np.array([[x, y, x + w, y + h]]) for number, (x, y, w, h) in enumerate(numbers)}
    orders = orders_of(list(truth_of), truth_of)
    found = [FoundBoxes(boxes, np.full(len(boxes), 0.9)) for boxes in orders["those of the row before"]]
    assert np.mean([iou(a, b.boxes_xyxy_px).max() for a, b in zip(orders[AS_IT_IS], found, strict=True)]) > 0.4
    assert "look like those of the row before" in order_reading(found, orders)
    few = {one: np.array([[x, 100, x + 100, 400]]) for one, x in (("c", 100.0), ("a", 500.0), ("b", 800.0))}
    orders = orders_of(list(few), few)
    beside = [FoundBoxes(boxes + [40, 20, 40, 20], np.full(len(boxes), 0.9)) for boxes in orders["those of the row before"]]
    assert order_reading(beside, orders) == ""


def test_honest_boxes_of_middling_quality_get_no_note() -> None:
    numbers, scores = true_numbers(20), []
    truth = [one.boxes_xyxy_px for one in as_found(numbers)]
    for seed in range(5):
        rng = np.random.default_rng(seed)
        found = as_found(numbers + rng.normal(0, rng.uniform(15, 40), numbers.shape) + rng.normal(0, 10, 4))
        found = [no_boxes() if rng.random() < 0.3 else one for one in found]
        scores.append(float(np.mean([iou(true, one.boxes_xyxy_px).max(initial=0) for true, one in zip(truth, found, strict=True)])))
        assert other_reading(found, truth, SIZE) == ""
        assert order_reading(found, orders_of(list(map(str, range(20))), {str(n): true for n, true in enumerate(truth)})) == ""
    assert 0.2 < min(scores) < max(scores) < 0.8
