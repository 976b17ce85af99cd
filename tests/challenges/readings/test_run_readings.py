"""What run lengths look like that were written in another way than the challenge's."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radlearn.challenges.readings.row_orders import orders_of
from radlearn.challenges.readings.run_readings import order_reading, other_reading
from radlearn.challenges.run_lengths import decoded, encoded
from radlearn.challenges.ultrasound.scoring import score_submission

SIZE = (210, 290)


def nerves(seed: int, count: int = 12) -> list[np.ndarray]:
    """Ellipses that lie to one side and above the middle, as those of the challenge do, and every fourth image without one."""
    draw = np.random.default_rng(seed)
    down, across = np.mgrid[: SIZE[0], : SIZE[1]]
    masks = []
    for number in range(count):
        row, column, high, wide = draw.uniform((45, 60, 12, 22), (75, 110, 20, 35))
        masks.append((((down - row) / high) ** 2 + ((across - column) / wide) ** 2 < 1) & (number % 4 > 0))
    return masks


TRUTH = nerves(0)


def resized(mask: np.ndarray, rows: int, columns: int) -> np.ndarray:
    return np.asarray(Image.fromarray(mask).resize((columns, rows), Image.Resampling.NEAREST))


def from_zero(mask: np.ndarray) -> str:
    words = encoded(mask).split()
    return " ".join(str(int(word) - (place % 2 == 0)) for place, word in enumerate(words))


WRONG: dict[str, tuple[Callable[[np.ndarray], str], str]] = {
    "rows": (lambda mask: encoded(mask.T), "look encoded row by row: "),
    "inverted": (lambda mask: encoded(~mask), "look inverted: "),
    "mirrored": (lambda mask: encoded(mask[:, ::-1]), "look mirrored: "),
    "upside down": (lambda mask: encoded(mask[::-1]), "look upside down: "),
    "turned": (lambda mask: encoded(mask[::-1, ::-1]), "look turned by 180°: "),
    "small": (lambda mask: encoded(resized(mask, 96, 128)), "on a grid of 96 × 128 pixels"),
    "small by rows": (lambda mask: encoded(resized(mask, 128, 128).T), r"on a grid of 128 × 128 pixels \(rows × columns\), row by row"),
    "exchanged": (lambda mask: encoded(resized(mask, 290, 210)), "on a grid with rows and columns exchanged"),
    "from 0": (from_zero, "look counted from 0: "),
}


@pytest.mark.parametrize("kind", WRONG)
def test_masks_that_were_written_in_another_way_are_named(kind: str, tmp_path: Path) -> None:
    write, words = WRONG[kind]
    (note,) = other_reading([decoded(write(mask), SIZE) for mask in TRUTH], TRUTH)
    assert re.search(words, note)
    rows = "".join(f"{number},{write(mask)}\n" for number, mask in enumerate(TRUTH))
    (tmp_path / "s.csv").write_text(f"img,pixels\n{rows}")
    rows = "".join(f"{number},{encoded(mask)},{number}\n" for number, mask in enumerate(TRUTH))
    (tmp_path / "t.csv").write_text(f"img,pixels,person\n{rows}")
    assert score_submission(tmp_path / "t.csv", tmp_path / "s.csv", SIZE, draws=10).notes == (note,)


def moved(masks: list[np.ndarray], down: int, across: int) -> list[np.ndarray]:
    return [np.roll(mask, (down, across), (0, 1)) for mask in masks]


@pytest.mark.parametrize(
    "found",
    [TRUTH, moved(TRUTH, 2, 0), moved(TRUTH, 1, 0), moved(TRUTH, 6, -10), nerves(1), [np.zeros(SIZE, bool)] * 12, nerves(2)[::-1]],
    ids=["right", "low", "a row low", "beside", "another's", "none", "of others"],
)
def test_nothing_is_said_of_masks_that_are_only_good_or_bad(found: list[np.ndarray]) -> None:
    assert other_reading(found, TRUTH) == []


def test_the_dice_in_the_note_is_that_of_the_file_and_of_the_reading() -> None:
    (note,) = other_reading([mask[::-1] for mask in TRUTH], TRUTH)
    own = [2 * (mask & mask[::-1]).sum() / (2 * mask.sum()) for mask in TRUTH if mask.any()]
    assert f"where both masks have a nerve (9 of the 12 images) the Dice is {np.mean(own):.2f}, and 1.00 if runs are read so" in note


@pytest.mark.parametrize("order", ["those of the row before", "those of the row 2 rows after", "those of the rows in reverse order"])
def test_masks_of_other_rows_are_told(order: str, tmp_path: Path) -> None:
    masks = {f"{number:02d}": mask for number, mask in enumerate(nerves(3, 14))}
    joined = orders_of(list(masks), masks)[order]
    rows = "".join(f"{one},{encoded(mask)}\n" for one, mask in zip(masks, joined, strict=True))
    (tmp_path / "s.csv").write_text(f"img,pixels\n{rows}")
    rows = "".join(f"{one},{encoded(mask)},{one}\n" for one, mask in masks.items())
    (tmp_path / "t.csv").write_text(f"img,pixels,person\n{rows}")
    (note,) = score_submission(tmp_path / "t.csv", tmp_path / "s.csv", SIZE, draws=10).notes
    assert note.startswith(f"The masks look like {order}: there they fit the true masks with a Dice of 1.00, as they stand with 0.")


@pytest.mark.parametrize("seed", range(4))
def test_masks_of_nobody_and_fair_ones_are_in_no_other_order(seed: int) -> None:
    truth = {str(number): mask for number, mask in enumerate(TRUTH)}
    orders = orders_of(list(truth), truth)
    assert order_reading(nerves(seed + 10), orders) == []
    assert order_reading(moved(TRUTH, 3 * seed, -2 * seed), orders) == []
    assert order_reading([np.zeros(SIZE, bool)] * 12, orders) == []
