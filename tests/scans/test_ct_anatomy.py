"""CTs and masks that were turned over are told, right ones are not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from radlearn.check.volumes import loose_jobs, volume_facts, volume_findings
from radlearn.scans.ct_anatomy import ct_wrong_way_round, mask_wrong_way_round
from radlearn.scans.dicom_series import read_series
from radlearn.scans.geometry import Volume
from radlearn.scans.hounsfield import refuse_no_chest_ct
from radlearn.scans.lungs import lung_hull
from radlearn.scans.nifti import read_volume, write_volume

SHAPE, STEP_MM = (80, 60, 60), 4.5
# LPS: the first axis goes to the left, the second to the back, the third to the head.
AFFINE = np.diag([-STEP_MM, -STEP_MM, STEP_MM, 1.0])
UPSIDE_DOWN, MIRRORED, TO_THE_BACK = np.s_[:, :, ::-1], np.s_[::-1], np.s_[:, ::-1]


def ball(centre: tuple[float, float, float], radii: tuple[float, float, float]) -> np.ndarray:
    grid = np.mgrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    return sum(((axis - at) / radius) ** 2 for axis, at, radius in zip(grid, centre, radii, strict=True)) < 1


def chest() -> tuple[np.ndarray, np.ndarray]:
    """Hounsfield units of a body with cone-shaped lungs, spine, breastbone, heart, liver at the right; and a lesion in the right lung."""
    i, j, k = np.mgrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    hu = np.full(SHAPE, -1000.0)
    hu[((i - 40) / 37) ** 2 + ((j - 30) / 25) ** 2 < 1] = -100
    hu[((i - 40) / 34) ** 2 + ((j - 30) / 22) ** 2 < 1] = 50
    narrower = np.clip(1 - (k - 12) / 75, 0.3, 1)
    for side in (24, 56):
        hu[(((i - 40) / narrower + 40 - side) / 13) ** 2 + ((j - 31) / 18) ** 2 + ((k - 30) / 26) ** 2 < 1] = -860
    hu[ball((46, 24, 24), (10, 9, 11))] = 45
    hu[((i - 40) / 4) ** 2 + ((j - 47) / 4) ** 2 < 1] = 400
    hu[(abs(i - 40) < 3) & (abs(j - 9) < 1.5) & (k > 34) & (k < 46)] = 300
    # The liver under the right lung; stomach and fat at the left.
    hu[ball((26, 30, 4), (17, 17, 12)) & (hu > -500)] = 60
    hu[(i > 42) & (k < 14) & (hu > -500) & (hu < 100)] = -70
    lesion = ball((24, 36, 24), (5, 5, 5)) & (hu < -500)
    hu[lesion] = -300
    return np.rint(hu + np.random.default_rng(0).normal(0, 12, SHAPE)).astype(np.int16), lesion


@pytest.mark.parametrize(
    ("turn", "words"),
    [(np.s_[:], ""), (UPSIDE_DOWN, "upside down"), (TO_THE_BACK, "front to back"), (MIRRORED, "mirrored from left to right")],
)
def test_a_ct_that_is_turned_over_is_told_by_what_is_in_it(turn: tuple[slice, ...], words: str) -> None:
    said = ct_wrong_way_round(Volume(chest()[0][turn], AFFINE))
    assert (words in said) if words else said == ""


@pytest.mark.parametrize(("liver_hu", "told"), [(60, True), (110, True), (140, True), (150, True), (5, False), (-10, False), (-25, False)])
def test_a_liver_with_contrast_medium_or_fat_makes_no_right_ct_a_mirrored_one(liver_hu: int, told: bool) -> None:
    hu, _ = chest()
    # The stomach is full, so that it alone is soft tissue where the liver is not.
    full = ball((56, 27, 5), (13, 12, 10)) & (hu > -500) & (hu < 200)
    liver = ball((26, 30, 4), (17, 17, 12)) & (hu > -500) & (hu < 200)
    noise = np.random.default_rng(1).normal(0, 12, SHAPE)
    changed = np.where(liver, liver_hu + noise, np.where(full, 45 + noise, hu)).astype(np.int16)
    assert ct_wrong_way_round(Volume(changed, AFFINE)) == ""
    assert ("mirrored" in ct_wrong_way_round(Volume(changed[MIRRORED], AFFINE))) is told


@pytest.mark.parametrize("axes", [(1, 1, -1), (-1, 1, 1), (1, -1, 1), (-1, -1, -1)])
def test_voxels_in_another_order_with_the_affine_that_says_so_are_right(axes: tuple[int, int, int]) -> None:
    hu, _ = chest()
    turn = tuple(slice(None, None, axis) for axis in axes)
    affine = AFFINE.copy()
    for axis, way in enumerate(axes):
        if way < 0:
            affine[:3, 3] += affine[:3, axis] * (SHAPE[axis] - 1)
            affine[:3, axis] *= -1
    assert ct_wrong_way_round(Volume(hu[turn], affine)) == ""
    # The same voxels with the affine of before are not.
    assert ct_wrong_way_round(Volume(hu[turn], AFFINE)) != ""


def test_what_shows_no_chest_is_passed_over() -> None:
    hu, _ = chest()
    for other in (np.zeros((8, 8, 8)), np.full((40, 40, 40), -1000), np.where(hu < -500, 40, hu), hu[:, :, 28:36], hu[:40]):
        assert ct_wrong_way_round(Volume(np.asarray(other, np.int16), AFFINE)) == ""


@pytest.mark.parametrize("turn", [MIRRORED, TO_THE_BACK, UPSIDE_DOWN, np.s_[::-1, ::-1]])
def test_a_mask_that_is_turned_over_on_its_ct_is_told(turn: tuple[slice, ...]) -> None:
    hu, lesion = chest()
    ct = Volume(hu, AFFINE)
    hull = lung_hull(hu, AFFINE)
    assert mask_wrong_way_round(lesion, ct, hull) == ""
    said = mask_wrong_way_round(lesion[turn], ct, hull)
    words = {0: "mirrored from left to right", 1: "front to back", 2: "upside down"}
    turned = [axis for axis, part in enumerate(turn if isinstance(turn, tuple) else (turn,)) if part.step == -1]
    assert (words[turned[0]] if len(turned) == 1 else "turned by 180° in its slices") in said


@pytest.mark.parametrize(("turn", "words"), [(UPSIDE_DOWN, "upside down"), (TO_THE_BACK, "front to back"), (MIRRORED, "mirrored")])
def test_whatever_reads_a_turned_ct_notes_it(turn: tuple[slice, ...], words: str) -> None:
    hu, _ = chest()
    right, wrong = (refuse_no_chest_ct(Volume(voxels, AFFINE, Path("ct.nii.gz"))) for voxels in (hu, hu[turn]))
    (said,) = set(wrong) - set(right)
    assert words in said
    # As with two axes exchanged.
    assert any("turned by 90°" in note for note in refuse_no_chest_ct(Volume(hu.swapaxes(0, 1), AFFINE, Path("ct.nii.gz"))))


def test_a_wrong_mask_that_fits_in_no_other_way_is_not_called_turned() -> None:
    hu, lesion = chest()
    air = np.roll(lesion, (12, -6, 6), axis=(0, 1, 2))
    assert mask_wrong_way_round(air, Volume(hu, AFFINE), lung_hull(hu, AFFINE)) == ""


def test_check_tells_both(tmp_path: Path) -> None:
    hu, lesion = chest()
    for name, ct, mask in (("a", hu, lesion), ("b", hu[UPSIDE_DOWN], lesion[UPSIDE_DOWN]), ("c", hu + 1, lesion[MIRRORED])):
        write_volume(tmp_path / f"{name}_ct.nii.gz", np.ascontiguousarray(ct), AFFINE)
        write_volume(tmp_path / f"{name}_mask.nii.gz", np.ascontiguousarray(mask).astype(np.uint8), AFFINE)
    found = list(volume_findings(volume_facts(loose_jobs(sorted(tmp_path.iterdir())), 1), tmp_path))
    turned = {(one.rule, one.file) for one in found if one.rule.endswith("turned")}
    assert turned == {("ct-turned", "b_ct.nii.gz"), ("mask-turned", "c_mask.nii.gz")}


def test_real_chests_are_right_and_turned_over_they_are_not(shared_data: Path) -> None:
    for path in sorted((shared_data / "ct_real_sample").glob("*x64.nii.gz")):
        ct = read_volume(path)
        assert ct_wrong_way_round(ct) == ""
        letters = "".join("LPS"[axis] for axis in np.argmax(np.abs(ct.affine[:3, :3]), axis=0))
        head, back = letters.index("S"), letters.index("P")
        assert "upside down" in ct_wrong_way_round(Volume(np.flip(ct.voxels, head), ct.affine))
        assert "front to back" in ct_wrong_way_round(Volume(np.flip(ct.voxels, back), ct.affine))
    series = read_series(sorted((shared_data / "ct_dicom_real_sample" / "Lung_Dx-A0002_B40f").iterdir()))
    assert ct_wrong_way_round(series) == ""
    assert "mirrored" in ct_wrong_way_round(Volume(series.voxels[::-1], series.affine))


@pytest.mark.parametrize("turn", [np.rot90, lambda hu: np.rot90(hu, 3), lambda hu: hu.swapaxes(0, 1)])
def test_a_ct_on_its_side_is_told(turn: Callable[[np.ndarray], np.ndarray]) -> None:
    said = ct_wrong_way_round(Volume(np.ascontiguousarray(turn(chest()[0])), AFFINE))
    assert "turned by 90° in its slices, or its axes exchanged" in said


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (lambda mask: mask.swapaxes(0, 1), "as if its first two axes were exchanged"),
        (lambda mask: np.rot90(mask, 3), "turned by 90° in its slices"),
        (np.rot90, "turned by 270° in its slices"),
    ],
)
def test_a_mask_with_its_axes_exchanged_is_told(turn: Callable[[np.ndarray], np.ndarray], words: str) -> None:
    hu, lesion = chest()
    # Square slices, as CTs have.
    beside = (SHAPE[0] - SHAPE[1]) // 2
    square = np.pad(hu, ((0, 0), (beside, beside), (0, 0)), constant_values=-1000)
    mask = np.pad(lesion, ((0, 0), (beside, beside), (0, 0)))
    hull = lung_hull(square, AFFINE)
    assert mask_wrong_way_round(mask, Volume(square, AFFINE), hull) == ""
    assert f"it looks {words}" in mask_wrong_way_round(np.ascontiguousarray(turn(mask)), Volume(square, AFFINE), hull)
