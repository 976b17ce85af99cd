"""Lungs found by air alone, in a chest of ellipsoids whose every part is known, and in two real ones."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from radlearn.errors import BadSetting
from radlearn.scans.geometry import to_orientation
from radlearn.scans.lungs import LungBox, find_lungs, lung_box, lung_mask
from radlearn.scans.mask_files import read_mask
from radlearn.scans.nifti import read_volume

Found = tuple[np.ndarray, LungBox]

SPACING = (5.0, 4.5, 7.0)
SHAPE = (76, 70, 52)
LPS = np.array([[-5.0, 0, 0, 200], [0, -4.5, 0, 150], [0, 0, 7, -180], [0, 0, 0, 1]])
EIGHT = ["".join(letters) for letters in itertools.product("RL", "AP", "SI")]

X, Y, Z = np.meshgrid(*[(np.arange(count) - (count - 1) / 2) * step for count, step in zip(SHAPE, SPACING, strict=True)], indexing="ij")


def ellipsoid(centre: tuple[float, float, float], radii: tuple[float, float, float]) -> np.ndarray:
    """Voxels inside; millimetres, x to the left, y to the back, z to the head, from the middle of the scan."""
    return sum(((axis - c) / r) ** 2 for axis, c, r in zip((X, Y, Z), centre, radii, strict=True)) < 1  # type: ignore[return-value]


RIGHT, LEFT = ellipsoid((-72, 0, 10), (52, 78, 120)), ellipsoid((72, 0, 10), (50, 75, 115))
BODY = (X / 165) ** 2 + (Y / 115) ** 2 < 1
TRACHEA = ((X / 9) ** 2 + ((Y - 5) / 9) ** 2 < 1) & (Z > 40)
STOMACH = ellipsoid((70, -40, -145), (45, 40, 25))


def chest(**changes: np.ndarray) -> np.ndarray:
    """HU int16 (i, j, k) in LPS: `changes` are masks, by name: white, padding."""
    rng = np.random.default_rng(0)
    hu = np.full(SHAPE, -1000.0)
    hu[(Y > 122) & (Y < 134) & (np.abs(X) < 180)] = -50  # couch
    hu[BODY] = 40
    shell = ((X / 150) ** 2 + (Y / 103) ** 2 < 1) & ((X / 142) ** 2 + (Y / 95) ** 2 > 1)
    hu[shell & (Z % 24 < 12)] = 600  # ribs
    hu[RIGHT | LEFT] = -850
    hu[(RIGHT | LEFT) & (((X + 3 * Z) % 40 < 5) & (Y % 30 < 6))] = 30  # vessels
    hu[TRACHEA | STOMACH] = -1000
    hu += rng.normal(0, 15, SHAPE)
    if "white" in changes:
        hu[changes["white"]] = 30
    if "padding" in changes:
        hu[changes["padding"]] = -3024
    return np.rint(hu).astype(np.int16)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


HEALTHY = chest()


@pytest.fixture(scope="module")
def healthy() -> Found:
    return find_lungs(HEALTHY, LPS)


def test_both_lungs_are_found_with_their_vessels_and_without_trachea_and_stomach(healthy: Found) -> None:
    found = healthy[0]
    assert dice(found, RIGHT | LEFT) > 0.95
    assert found[STOMACH].mean() < 0.02
    assert found[TRACHEA].mean() < 0.02
    assert not found[~BODY].any()


def test_a_lesion_that_lung_surrounds_belongs_to_the_lung() -> None:
    nodule = ellipsoid((-72, 0, 20), (20, 20, 20))
    assert lung_mask(chest(white=nodule), LPS)[nodule].all()


def test_the_box_holds_both_lungs_and_leaves_something_out(healthy: Found) -> None:
    found = healthy[1]
    assert not found.is_body
    assert found.note == ""
    assert (RIGHT | LEFT)[found.box].sum() == (RIGHT | LEFT).sum()
    assert (RIGHT | LEFT)[found.box].size < 0.75 * BODY.size


def test_mask_and_box_alone_are_what_both_together_are(healthy: Found) -> None:
    np.testing.assert_array_equal(lung_mask(HEALTHY, LPS), healthy[0])
    assert lung_box(HEALTHY, LPS) == healthy[1]


@pytest.mark.parametrize("code", EIGHT + ["SAR", "PIL"])
def test_in_any_orientation_the_same_places_are_found(healthy: Found, code: str) -> None:
    turned, affine = to_orientation(HEALTHY, LPS, code)
    mask, found = find_lungs(turned, affine)
    np.testing.assert_array_equal(mask, to_orientation(healthy[0], LPS, code)[0])
    expected, again = np.zeros(SHAPE, bool), np.zeros(turned.shape, bool)
    expected[healthy[1].box] = again[found.box] = True
    np.testing.assert_array_equal(again, to_orientation(expected, LPS, code)[0])


def test_lungs_off_the_middle_of_the_scan_are_found_where_they_lie(healthy: Found) -> None:
    beside = ((9, 0), (0, 11), (4, 0))
    moved = LPS.copy()
    moved[:3, 3] += LPS[:3, :3] @ (-9, 0, -4)
    mask, found = find_lungs(np.pad(HEALTHY, beside, constant_values=-1000), moved)
    assert dice(mask, np.pad(healthy[0], beside)) > 0.98
    lungs = np.pad(RIGHT | LEFT, beside)
    assert lungs[found.box].sum() == lungs.sum()
    assert lungs[found.box].size < 1.1 * healthy[0][healthy[1].box].size


def test_an_oblique_scan_is_treated_along_its_own_axes(healthy: Found) -> None:
    oblique = LPS.copy()
    oblique[:3, :3] = Rotation.from_euler("xyz", (12, -8, 15), degrees=True).as_matrix() @ LPS[:3, :3]
    mask, found = find_lungs(HEALTHY, oblique)
    assert dice(mask, healthy[0]) > 0.999
    ends, expected = (np.array([(part.start, part.stop) for part in box.box]) for box in (found, healthy[1]))
    np.testing.assert_allclose(ends, expected, atol=1)  # One voxel for rounding.


@pytest.mark.parametrize("white", [RIGHT, LEFT], ids=["right", "left"])
def test_a_white_lung_is_in_the_box_though_no_air_shows_it(white: np.ndarray) -> None:
    found = lung_box(chest(white=white), LPS)
    assert (RIGHT | LEFT)[found.box].sum() == (RIGHT | LEFT).sum()


def test_white_bases_and_backs_of_both_lungs_are_in_the_box() -> None:
    white = (RIGHT | LEFT) & ((Z < -60) | (Y > 35))
    found = lung_box(chest(white=white), LPS)
    assert white[found.box].sum() == white.sum()


def test_two_white_lungs_give_the_body_and_say_so() -> None:
    found = lung_box(chest(white=RIGHT | LEFT), LPS)
    assert found.is_body
    assert found.note == "no lung that holds air was found; the block of the whole body is used"
    assert BODY[found.box].sum() == BODY.sum()


def test_a_little_air_left_gives_the_body_and_says_so() -> None:
    found = lung_box(chest(white=(RIGHT | LEFT) & (Z < 70)), LPS)
    assert found.is_body
    assert "mm high in a body" in found.note or "of the body beside them" in found.note
    assert (RIGHT | LEFT)[found.box].sum() == (RIGHT | LEFT).sum()


def test_padding_around_a_round_field_changes_nothing(healthy: Found) -> None:
    mask, found = find_lungs(chest(padding=X**2 + Y**2 > 170**2), LPS)
    assert dice(mask, healthy[0]) > 0.999
    assert found == healthy[1]


def test_a_field_that_cuts_through_the_chest_wall_loses_no_lung() -> None:
    outside = X**2 + Y**2 > 120**2
    lungs = (RIGHT | LEFT) & ~outside
    assert (RIGHT & outside).any()
    mask, found = find_lungs(chest(padding=outside), LPS)
    assert dice(mask, lungs) > 0.9
    assert lungs[found.box].sum() == lungs.sum()


def test_an_empty_scan_is_taken_whole() -> None:
    found = lung_box(np.full((20, 20, 10), -1000, np.int16), LPS)
    assert found == LungBox((slice(0, 20), slice(0, 20), slice(0, 10)), True, "no body was found; the whole scan is used")
    assert not lung_mask(np.full((20, 20, 10), -1000, np.int16), LPS).any()


def test_a_scan_has_three_axes() -> None:
    with pytest.raises(BadSetting, match=r"the scan has shape \(4, 4\)"):
        lung_mask(np.zeros((4, 4)), LPS)


@pytest.mark.parametrize("name", ["id001-128x128x64", "id002-128x128x64"])
def test_the_real_lungs_are_found_and_lie_in_the_box(shared_data: Path, name: str) -> None:
    scan = read_volume(shared_data / "ct_real_sample" / f"{name}.nii.gz")
    truth = read_mask(shared_data / "ct_real_sample" / f"{name}-msk.nii.gz", scan).voxels
    assert scan.voxels.min() < -3000, "this scan has padding"
    mask, found = find_lungs(scan.voxels, scan.affine)
    assert truth[found.box].sum() >= 0.99 * truth.sum()
    assert truth[found.box].size < 0.75 * truth.size
    assert not found.is_body
    assert dice(mask, truth) > 0.95
