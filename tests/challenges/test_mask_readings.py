"""A mask that is turned over is told by how it fits when it is turned back; a bad one is not."""

import numpy as np
import pytest

from radlearn.challenges.mask_readings import READINGS, mask_reading, readings_note
from radlearn.metrics.masks import dice_score


def lesions(shape: tuple[int, int, int] = (30, 30, 12), seed: int = 0) -> np.ndarray:
    mask = np.zeros(shape, bool)
    for x, y, z in np.random.default_rng(seed).integers((2, 2, 0), (9, 20, 4), (4, 3)):
        mask[x : x + 4, y : y + 3, z : z + 3] = True
    return mask


BACK = {"turned by 90° in its slices": "turned by 270° in its slices", "turned by 270° in its slices": "turned by 90° in its slices"}


@pytest.mark.parametrize("name", READINGS)
def test_each_way_of_turning_is_named(name: str) -> None:
    truth = lesions()
    turned = READINGS[name](truth)
    found = mask_reading(turned, truth)
    assert found is not None
    assert found[0] == BACK.get(name, name)
    assert found[1] == 1


def test_a_mask_that_fits_a_bad_one_and_an_empty_one_are_not() -> None:
    truth = lesions()
    assert mask_reading(truth, truth) is None
    assert mask_reading(np.roll(truth, 1, axis=0), truth) is None
    assert mask_reading(np.roll(truth, 15, axis=1), truth) is None
    assert mask_reading(np.zeros_like(truth), truth) is None
    assert mask_reading(truth, np.zeros_like(truth)) is None


def test_where_the_slices_are_not_square_what_cannot_be_is_not_tried() -> None:
    truth = lesions((30, 26, 12))
    found = mask_reading(truth[::-1], truth)
    assert found is not None
    assert found[0] == "mirrored along the first axis"
    assert dice_score(truth[::-1], truth) < 0.1


def test_scans_of_the_same_fault_share_a_note() -> None:
    notes = readings_note({"a": ("mirrored", 0.8), "b": ("mirrored", 0.6), "c": ("swapped", 0.9)}, 9)
    assert notes == [
        "2 of 9 scans (a, b): the mask looks mirrored; so read, the mean Dice is 0.70.",
        "1 of 9 scans (c): the mask looks swapped; so read, the mean Dice is 0.90.",
    ]
