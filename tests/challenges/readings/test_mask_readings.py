"""A mask that is turned over is told by how it fits when it is turned back; a bad one is not."""

from collections.abc import Callable

import numpy as np
import pytest

from radlearn.challenges.readings.mask_readings import READINGS, _stands_out, mask_reading, readings_note
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
def test_each_way_of_turning_is_told_by_the_one_that_turns_it_back(name: str) -> None:
    # Of a cube, whose axes can be exchanged and its shape stays.
    truth = lesions((30, 30, 30))
    turned = READINGS[name](truth)
    found = mask_reading(turned, truth)
    assert found is not None
    assert found[1] == 1
    assert np.array_equal(READINGS[found[0]](turned), truth)
    if "then" not in name and "reverse order" not in name:
        assert found[0] == BACK.get(name, name)


def test_the_ways_are_all_those_of_a_box_and_each_has_a_name_of_its_own() -> None:
    numbered = np.arange(27).reshape(3, 3, 3)
    turned = {READINGS[name](numbered).tobytes() for name in READINGS if "inside and outside" not in name}
    assert len(turned | {numbered.tobytes()}) == 48
    assert len(READINGS) == 48


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (lambda mask: mask[::-1, :, ::-1], "mirrored along the first axis, with its slices in reverse order"),
        (lambda mask: mask[:, ::-1, ::-1], "mirrored along the second axis, with its slices in reverse order"),
        (lambda mask: np.rot90(mask, axes=(0, 1))[:, :, ::-1], "turned by 270° in its slices, with its slices in reverse order"),
        (lambda mask: np.rot90(mask, 2).swapaxes(0, 1), "with its first two axes exchanged and turned by 180° in its slices"),
    ],
)
def test_of_two_axes_neither_is_named_alone(turn: Callable[[np.ndarray], np.ndarray], words: str) -> None:
    truth = lesions((30, 30, 12))
    assert mask_reading(turn(truth), truth) == (words, 1)


def test_lesions_that_fit_their_own_mirror_image_are_told_all_the_same() -> None:
    truth = np.zeros((30, 30, 12), bool)
    truth[4:12, 8:20, 3:8] = truth[18:26, 10:22, 3:8] = True
    assert dice_score(truth[:, ::-1], truth) > 0.6
    assert mask_reading(truth[:, ::-1], truth) == ("mirrored along the second axis", 1)
    # A fair one, and a mask that is as near to its mirror image as to itself.
    assert mask_reading(np.roll(truth, 4, axis=1) | truth, truth) is None
    assert mask_reading(truth | truth[:, ::-1], truth) is None


@pytest.mark.parametrize(
    ("move", "words"),
    [
        ((0, 0, 1), "moved by voxels: +1 along the third axis"),
        ((0, -2, 0), "moved by voxels: −2 along the second axis"),
        ((1, 1, -1), "moved by voxels: +1 along the first axis, +1 along the second axis, −1 along the third axis"),
    ],
)
def test_a_mask_that_lies_a_voxel_beside_its_place_is_told_though_it_scores(move: tuple[int, int, int], words: str) -> None:
    truth = np.zeros((40, 40, 20), bool)
    truth[4:18, 8:20, 3:9] = truth[20:34, 10:22, 4:12] = True
    moved = np.roll(truth, move, axis=(0, 1, 2))
    assert dice_score(moved, truth) > 0.5
    assert mask_reading(moved, truth) == (words, 1)


def test_a_mask_that_grew_and_one_of_a_single_lesion_are_not_moved() -> None:
    truth = np.zeros((40, 40, 20), bool)
    truth[4:18, 8:20, 3:9] = True
    assert mask_reading(np.roll(truth, 1, axis=2), truth) is None
    truth[20:34, 10:22, 4:12] = True
    assert mask_reading(truth | np.roll(truth, 1, axis=2), truth) is None
    assert mask_reading(truth & np.roll(truth, 2, axis=0), truth) is None


@pytest.mark.parametrize("kept", ["all", "a slab", "what is no lesion's neighbour"])
def test_a_mask_of_most_of_the_scan_is_told_without_a_reading(kept: str) -> None:
    truth = lesions()
    mask = np.ones_like(truth)
    if kept == "a slab":
        mask[:, :8] = False
    elif kept == "what is no lesion's neighbour":
        mask[:9] = False
        mask[20:, 20:, :4] = False
    found = mask_reading(mask, truth)
    assert found is not None
    (note,) = readings_note({"a": found}, 3)
    assert note.startswith("1 of 3 scans (a): the mask looks as if it covered too much, more than half of the scan")
    assert "mean Dice" not in note
    # Where lesions are as large, it may be right.
    large = np.zeros_like(truth)
    large[:14, :, :9] = True
    assert mask_reading(np.roll(mask, 3, axis=0), large) is None


def test_a_mask_that_fits_a_bad_one_and_an_empty_one_are_not() -> None:
    truth = lesions()
    assert mask_reading(truth, truth) is None
    assert mask_reading(truth & np.roll(truth, 1, axis=0), truth) is None
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


@pytest.mark.parametrize(("best", "other", "clear"), [(0.9, 0.8, True), (0.9, 0.81, False), (0.96, 0.9, True), (0.94, 0.9, False)])
def test_a_reading_is_clear_by_a_tenth_or_by_half_of_what_the_next_one_misses(best: float, other: float, clear: bool) -> None:
    assert _stands_out(best, other) == clear
