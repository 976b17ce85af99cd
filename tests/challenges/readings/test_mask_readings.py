"""A mask that is turned over is told by how it fits when it is turned back; a bad one is not."""

import numpy as np
import pytest

from radlearn.challenges.readings.mask_readings import READINGS, mask_reading, readings_note
from radlearn.metrics.masks import dice_score


def lesions(shape: tuple[int, int, int] = (30, 30, 12), seed: int = 0) -> np.ndarray:
    mask = np.zeros(shape, bool)
    for x, y, z in np.random.default_rng(seed).integers((2, 2, 0), (9, 20, 4), (4, 3)):
        mask[x : x + 4, y : y + 3, z : z + 3] = True
    return mask


BACK = {
    "turned by 90° in its slices": "turned by 270° in its slices",
    "turned by 270° in its slices": "turned by 90° in its slices",
    "with its first axis put last": "with its last axis put first",
    "with its last axis put first": "with its first axis put last",
}


@pytest.mark.parametrize("name", READINGS)
def test_each_way_of_turning_is_named(name: str) -> None:
    # Of a cube, whose axes can be exchanged and its shape stays.
    truth = lesions((30, 30, 30))
    turned = READINGS[name](truth)
    found = mask_reading(turned, truth)
    assert found is not None
    assert found[0] == BACK.get(name, name)
    assert found[1] == 1


def test_a_mask_that_fits_a_bad_one_and_an_empty_one_are_not() -> None:
    truth = lesions()
    assert mask_reading(truth, truth) is None
    assert mask_reading(np.roll(truth, 1, axis=0), truth) is None
    assert mask_reading(np.zeros_like(truth), truth) is None
    assert mask_reading(truth, np.zeros_like(truth)) is None


@pytest.mark.parametrize(
    ("move", "words"),
    [
        ((0, 9, 0), "moved by voxels: +9 along the second axis"),
        ((-6, 0, 0), "moved by voxels: −6 along the first axis"),
        ((5, -7, 2), "moved by voxels: +5 along the first axis, −7 along the second axis, +2 along the third axis"),
    ],
)
def test_a_mask_that_lies_beside_its_place_is_told_with_the_way(move: tuple[int, int, int], words: str) -> None:
    truth = np.zeros((60, 50, 20), bool)
    truth[20:28, 20:29, 8:10] = truth[33:36, 24:26, 8:11] = truth[22, 29:33, 9] = True
    moved = np.roll(truth, move, axis=(0, 1, 2))
    assert dice_score(moved, truth) < 0.35
    found = mask_reading(moved, truth)
    assert found is not None
    assert found[0] == words
    assert found[1] == pytest.approx(1, abs=1e-4)


def test_a_blob_beside_several_lesions_is_a_bad_mask_and_not_a_moved_one() -> None:
    truth, mask = np.zeros((2, 60, 50, 20), bool)
    truth[10:16, 10:16, 5:8] = truth[40:46, 30:38, 10:14] = truth[20:25, 35:40, 3:6] = True
    mask[30:36, 10:16, 5:8] = True
    assert mask_reading(mask, truth) is None
    # One lesion alone, and as large a false one elsewhere.
    assert mask_reading(mask, np.roll(mask, 12, axis=1)) is None


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
