"""The size of a chest, what lies around it, and the order of its slices."""

from pathlib import Path

import numpy as np
import pytest

from radlearn.errors import UnreadableScan
from radlearn.scans.chest_shape import shape_doubts
from radlearn.scans.dicom_series import read_series
from radlearn.scans.geometry import Volume, spacing_mm
from radlearn.scans.hounsfield import doubts_of, refuse_no_chest_ct
from radlearn.scans.nifti import read_volume
from tests.check.phantom import AFFINE, SHAPE, chest_hu

CHEST = chest_hu(0)
SLICES = CHEST.shape[2]


def volume(voxels: np.ndarray, affine: np.ndarray = AFFINE) -> Volume:
    return Volume(voxels, affine, Path("scan.nii.gz"))


def scaled(factor: float) -> np.ndarray:
    return np.vstack([AFFINE[:3] * factor, AFFINE[3:]])


def test_a_chest_has_its_size_and_its_slices_in_order() -> None:
    assert list(shape_doubts(volume(CHEST))) == []
    assert list(shape_doubts(volume(CHEST[:, :, ::-1]))) == []


@pytest.mark.parametrize("factor", [0.001, 0.05, 20])
def test_lengths_in_other_units_are_refused(factor: float) -> None:
    with pytest.raises(UnreadableScan, match=r"is .* mm large by its header .*: no chest is\. Are its lengths in millimetres"):
        refuse_no_chest_ct(volume(CHEST, scaled(factor)))


@pytest.mark.parametrize("factor", [0.2, 2.5])
def test_a_size_that_may_be_is_said(factor: float) -> None:
    (said,) = refuse_no_chest_ct(volume(CHEST, scaled(factor)))
    assert "mm large by its header" in said


def test_the_axes_of_another_order_make_a_chest_too_thin() -> None:
    # As SimpleITK's arrays are, with the affine of nibabel: 6 slices of 4 mm from side to side.
    doubts = list(shape_doubts(volume(CHEST.transpose(2, 1, 0)[:6], AFFINE)))
    assert [doubt.rule for doubt in doubts] == ["ct-size"]
    assert doubts[0].sure


@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, -1, 1)])
def test_an_affine_that_was_left_out_is_said(signs: tuple[int, int, int]) -> None:
    found = [doubt.found for doubt in shape_doubts(volume(np.zeros((200, 200, 100), np.int16), np.diag([*signs, 1.0])))]
    assert found[0].startswith("its affine is the identity: voxels of 1 mm, the first at 0")


@pytest.mark.parametrize("turn", [(0, 1, 2), (1, 0, 2), (2, 0, 1)])
def test_voxels_of_exactly_1_mm_are_told_wherever_the_first_lies(turn: tuple[int, int, int]) -> None:
    affine = np.eye(4)[:, [*turn, 3]]
    affine[:3, 3] = [100, -80.5, 30]
    voxels = np.full((200, 200, 200), -1000, np.int16)
    (doubt,) = shape_doubts(volume(voxels, affine))
    assert (doubt.rule, doubt.sure) == ("ct-unit", False)
    assert "exactly 1 × 1 × 1 mm" in doubt.found
    for other in ((1, 1, 1.25), (0.999, 0.999, 1), (1, 1, 2)):
        assert list(shape_doubts(volume(voxels, affine @ np.diag([*other, 1])))) == []


def test_voxels_of_1_mm_do_not_hide_that_axes_were_exchanged() -> None:
    fine = CHEST.repeat(4, axis=0).repeat(4, axis=1).repeat(6, axis=2)
    affine = np.diag([-1.0, -1.0, 1.0, 1.0])
    affine[:3, 3] = 5
    upright, turned = ([doubt.rule for doubt in doubts_of(volume(hu, affine))] for hu in (fine, fine.swapaxes(0, 1)))
    assert "ct-unit" in upright
    assert "ct-unit" in turned
    assert ("ct-turned" in upright, "ct-turned" in turned) == (False, True)


@pytest.mark.parametrize("value", [0, 40, -500])
def test_a_field_that_is_filled_with_something_else_than_air_is_said(value: int) -> None:
    i, j = np.mgrid[: SHAPE[0], : SHAPE[1]]
    filled = CHEST.copy()
    filled[((i - 47.5) / 47) ** 2 + ((j - 35.5) / 35) ** 2 > 1] = value
    (doubt,) = shape_doubts(volume(filled))
    assert (doubt.rule, doubt.sure) == ("ct-filled", False)
    assert f"is filled with {value} where air is −1000" in doubt.found
    padded = np.where(filled == value, -3024, filled)
    assert list(shape_doubts(volume(padded.astype(np.int16)))) == []


ORDERS = {
    "sorted as text": sorted(range(SLICES), key=lambda k: str(k + 1)),
    "odd ones first": [*range(0, SLICES, 2), *range(1, SLICES, 2)],
    "halves exchanged": [*range(SLICES // 2, SLICES), *range(SLICES // 2)],
    "shuffled": np.random.default_rng(0).permutation(SLICES).tolist(),
}


def tapering() -> np.ndarray:
    """A body that is narrower at one end, so that slices far apart differ."""
    hu = CHEST.copy()
    i = np.arange(SHAPE[0])[:, None, None]
    hu[np.broadcast_to(abs(i - 48) > 44 - np.arange(SLICES), hu.shape)] = -1000
    return hu


def test_a_part_of_a_chest_whose_slices_are_all_alike_is_not_doubted() -> None:
    thin = AFFINE @ np.diag([1, 1, 1 / 6, 1])
    same = np.stack([CHEST[:, :, 20] + np.random.default_rng(k).integers(-40, 40, SHAPE[:2]) for k in range(40)], axis=2)
    assert list(shape_doubts(volume(same.astype(np.int16), thin))) == []


def phantom(uniform_parts: int, noise_hu: float, count: int = 60) -> np.ndarray:
    """A water cylinder of slices of 5 mm, in as many parts with other rods in them; the same along each but for its noise."""
    draw = np.random.default_rng(0)
    i, j = np.mgrid[: SHAPE[0], : SHAPE[1]]
    water = np.where(np.hypot(i - 47, j - 35) < 30, 0.0, -1000.0)
    parts = []
    for part in range(uniform_parts):
        rods = np.where(np.hypot(i - 47 - 18 * np.cos(part), j - 35 - 18 * np.sin(part)) < 8, 300.0 + 80 * part, water)
        parts += [rods] * (count // uniform_parts)
    return np.rint(np.stack(parts, axis=2) + draw.normal(0, noise_hu, (*SHAPE[:2], len(parts)))).astype(np.int16)


@pytest.mark.parametrize("noise_hu", [0.0, 0.4, 10.0, 60.0])
@pytest.mark.parametrize("uniform_parts", [1, 3])
def test_a_phantom_that_is_the_same_along_its_axis_says_nothing_of_the_order_of_its_slices(noise_hu: float, uniform_parts: int) -> None:
    steps = AFFINE @ np.diag([1, 1, 5 / spacing_mm(AFFINE)[2], 1])
    hu = phantom(uniform_parts, noise_hu)
    assert [doubt.found for doubt in shape_doubts(volume(hu, steps)) if doubt.rule == "ct-order"] == []
    # With air above and below it, too.
    in_air = np.concatenate([np.full((*SHAPE[:2], 12), -1000, np.int16), hu, np.full((*SHAPE[:2], 9), -1000, np.int16)], axis=2)
    assert [doubt.found for doubt in shape_doubts(volume(in_air, steps)) if doubt.rule == "ct-order"] == []


@pytest.mark.parametrize("order", ORDERS)
def test_slices_out_of_order_are_told(order: str) -> None:
    hu = tapering()
    assert "ct-order" not in [doubt.rule for doubt in shape_doubts(volume(hu))]
    (doubt,) = (doubt for doubt in shape_doubts(volume(hu[:, :, ORDERS[order]])) if doubt.rule == "ct-order")
    assert "may be out of order" in doubt.found
    # Along whichever axis of the array they lie.
    turned = np.moveaxis(hu[:, :, ORDERS[order]], 2, 0)
    affine = AFFINE[:, [2, 0, 1, 3]]
    assert "ct-order" in [doubt.rule for doubt in shape_doubts(volume(turned, affine))]


LOST = {
    "some blank": lambda hu: np.where(np.isin(np.arange(SLICES), (5, 6, 17)), -1000, hu),
    "blank of another value": lambda hu: np.where(np.isin(np.arange(SLICES), (3, 12, 20)), 0, hu),
    "every fifth blank": lambda hu: np.where(np.arange(SLICES) % 5 == 4, 300, hu),
    "a third repeated": lambda hu: hu[:, :, np.where((np.arange(SLICES) >= 6) & (np.arange(SLICES) < 15), 6, np.arange(SLICES))],
    "blank and repeated": lambda hu: np.where(np.arange(SLICES) == 15, 0, hu[:, :, [*range(8), 7, 7, 7, *range(11, SLICES)]]),
}


@pytest.mark.parametrize("lost", LOST)
def test_slices_that_were_lost_are_not_out_of_order(lost: str) -> None:
    for hu in (tapering(), CHEST):
        told = [doubt.rule for doubt in doubts_of(volume(LOST[lost](hu).astype(np.int16)))]
        assert "ct-gap" in told
        assert "ct-order" not in told


def test_what_is_out_of_order_is_told_beside_slices_that_were_lost() -> None:
    hu = tapering()[:, :, ORDERS["shuffled"]].copy()
    hu[:, :, 11] = 0
    assert "ct-order" in [doubt.rule for doubt in shape_doubts(volume(hu))]


def test_real_scans_are_not_doubted(shared_data: Path) -> None:
    scans = [read_volume(path) for path in sorted((shared_data / "ct_real_sample").glob("id*64.nii.gz"))]
    scans.append(read_series(shared_data / "ct_dicom_real_sample"))
    for scan in scans:
        assert list(shape_doubts(scan)) == []
        shuffled = scan.voxels[:, :, sorted(range(scan.voxels.shape[2]), key=str)]
        assert [doubt.rule for doubt in shape_doubts(Volume(shuffled, scan.affine))] == ["ct-order"]
