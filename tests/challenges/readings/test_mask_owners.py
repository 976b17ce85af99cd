"""Masks under the names of other scans are told; bad masks are not."""

import numpy as np
import pytest

from radlearn.challenges.readings.mask_owners import CELLS, Places, mask_owners, owners_note, places_of
from radlearn.metrics.masks import dice_score

SHAPE = (64, 60, 24)


def lesions(seed: int) -> np.ndarray:
    rng, mask = np.random.default_rng(seed), np.zeros(SHAPE, bool)
    for _ in range(3):
        x, y, z = rng.integers((4, 4, 1), (50, 46, 16))
        mask[x : x + 10, y : y + 10, z : z + 6] = True
    return mask


TRUTHS = {f"case-{number}": lesions(number) for number in range(6)}


def found(masks: dict[str, np.ndarray]) -> dict[str, Places]:
    return {name: Places(places_of(mask), places_of(TRUTHS[name]), dice_score(mask, TRUTHS[name])) for name, mask in masks.items()}


def shifted(by: int) -> dict[str, np.ndarray]:
    names = list(TRUTHS)
    return {name: TRUTHS[names[(number + by) % len(names)]] for number, name in enumerate(names)}


def test_cells_hold_every_voxel_once_and_where_it_is() -> None:
    mask = TRUTHS["case-0"]
    places = places_of(mask).reshape(CELLS, CELLS, CELLS)
    assert places.sum() * mask.size == pytest.approx(mask.sum())
    # 64 voxels are 16 cells of 4.
    by_hand = mask.reshape(16, 4, *SHAPE[1:]).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(places.sum(axis=(1, 2)) * mask.size, by_hand, rtol=1e-5)
    assert not places_of(np.zeros(SHAPE, bool)).any()


def test_exchanged_names_are_told_each_with_its_owner() -> None:
    masks = TRUTHS | {"case-1": TRUTHS["case-4"], "case-4": TRUTHS["case-1"]}
    assert mask_owners(found(masks)) == {"case-1": "case-4", "case-4": "case-1"}
    assert owners_note(found(masks)) == [
        "2 of 6 masks seem to have the name of another scan: that of case-1 looks like case-4, that of case-4 looks like case-1. "
        "Were names exchanged?"
    ]


def test_the_mask_of_another_scan_is_told_beside_a_scan_without_lesions_too() -> None:
    empty = np.zeros(SHAPE, bool)
    swapped = found(TRUTHS | {"case-1": empty})
    swapped["healthy"] = Places(places_of(TRUTHS["case-1"]), places_of(empty), 0.0)
    assert mask_owners(swapped) == {"healthy": "case-1"}


def test_masks_that_were_all_moved_on_by_one_are_told_also_where_they_are_not_exact() -> None:
    moved = {name: np.roll(mask, 2, axis=0) for name, mask in shifted(1).items()}
    names = list(TRUTHS)
    assert mask_owners(found(moved)) == {name: names[(number + 1) % 6] for number, name in enumerate(names)}
    assert "and 1 more" in owners_note(found(moved))[0]


def test_one_mask_under_every_name_is_that_of_its_owner() -> None:
    assert mask_owners(found(dict.fromkeys(TRUTHS, TRUTHS["case-2"]))) == {name: "case-2" for name in TRUTHS if name != "case-2"}


def test_right_masks_bad_ones_and_empty_ones_are_passed_over() -> None:
    assert owners_note(found(dict(TRUTHS))) == []
    assert mask_owners(found({name: lesions(100 + number) for number, name in enumerate(TRUTHS)})) == {}
    assert mask_owners(found(dict.fromkeys(TRUTHS, np.zeros(SHAPE, bool)))) == {}
    assert mask_owners(found({"case-0": TRUTHS["case-3"]})) == {}


def test_where_several_scans_fit_alike_none_is_named() -> None:
    masks = {name: Places(places_of(TRUTHS["case-5"]), places_of(TRUTHS[name]), 0.1) for name in ("case-0", "case-1")}
    twins = {f"twin-{number}": Places(places_of(TRUTHS["case-5"]), places_of(TRUTHS["case-5"]), 1.0) for number in range(2)}
    assert mask_owners(masks | twins) == {}
