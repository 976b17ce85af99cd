"""CTs and masks: what would train wrongly is told by its file, and a sound one is passed over."""

from pathlib import Path

import nibabel
import numpy as np
import pytest

from radlearn.challenges.challenge import VolumeFiles
from radlearn.challenges.folders import volume_files
from radlearn.check.volumes import loose_jobs, volume_facts, volume_findings
from radlearn.scans.nifti import write_volume
from tests.check.phantom import AFFINE, chest_hu, ellipsoid, ill_chest_hu, lesion, write_case


def found(tmp_path: Path, hu: np.ndarray | None = None, mask: np.ndarray | None = None) -> list[tuple[str, str]]:
    ct, seg = write_case(tmp_path, "a", 1, hu, mask)
    return [(one.rule, one.file) for one in volume_findings(volume_facts([VolumeFiles("a", (ct,), seg)], 1), tmp_path)]


def test_a_sound_ct_and_mask_are_passed_over(tmp_path: Path) -> None:
    assert found(tmp_path) == []


@pytest.mark.parametrize(
    ("hu", "rule"),
    [
        (chest_hu(1) + 1024, "ct-not-hu"),
        (np.clip((chest_hu(1) + 1000) / 6, 0, 255).astype(np.uint8), "ct-not-hu"),
        (np.full((96, 72, 40), -1024, np.int16), "ct-constant"),
        (chest_hu(1)[:, :, :10], "ct-flat"),
        (np.clip(chest_hu(1), -1024, None) * 2 + 1024, "ct-stretched"),
        (chest_hu(1) * 1.2, "ct-stretched"),
    ],
)
def test_numbers_that_are_no_chest_in_hounsfield_units_are_told(tmp_path: Path, hu: np.ndarray, rule: str) -> None:
    mask = np.zeros(hu.shape, np.uint8)
    mask[26, 36, 5] = 1
    assert (rule, "a_ct.nii.gz") in found(tmp_path, hu, mask)


@pytest.mark.parametrize(
    ("mask", "rule"),
    [
        (np.zeros((96, 72, 40), np.uint8), "mask-empty"),
        (lesion() * 255, "mask-grey"),
        (1 - lesion(), "mask-inverted"),
        (lesion() * 2 + ellipsoid((66, 40, 16), (4, 4, 4)).astype(np.uint8), "mask-labels"),
        (ellipsoid((10, 6, 1), (6, 6, 3)).astype(np.uint8), "mask-outside-lung"),
        # All soft tissue, the front of the chest wall, lungs as a whole, one of them, a healthy part of it.
        ((chest_hu(1) > -200).astype(np.uint8), "mask-outside-lung"),
        (ellipsoid((28, 9, 20), (10, 3, 8)).astype(np.uint8), "mask-outside-lung"),
        ((chest_hu(1) < -600).astype(np.uint8) * (ellipsoid((48, 36, 20), (38, 27, 200))), "mask-of-lung"),
        (ellipsoid((28, 36, 20), (14, 20, 17)).astype(np.uint8), "mask-of-lung"),
        (ellipsoid((30, 30, 22), (4, 5, 5)).astype(np.uint8), "mask-of-lung"),
        (lesion()[:, :, :-1], "mask-grid"),
    ],
)
def test_masks_are_told_by_what_is_wrong_with_them(tmp_path: Path, mask: np.ndarray, rule: str) -> None:
    assert found(tmp_path, mask=mask) == [(rule, "a_seg.nii.gz")]


@pytest.mark.parametrize(
    ("place", "hu"),
    [
        # A consolidation at the back, fluid at the base, a lung of which three quarters are white, a nodule at the chest wall.
        (ellipsoid((28, 48, 20), (13, 10, 12)), 30),
        (ellipsoid((28, 36, 20), (14, 20, 17)) & ellipsoid((28, 50, 6), (30, 20, 8)), 10),
        (ellipsoid((28, 36, 20), (14, 20, 17)) & ~ellipsoid((28, 30, 30), (12, 12, 9)), 30),
        (ellipsoid((28, 17, 20), (5, 4, 4)), 40),
        (ellipsoid((28, 36, 20), (9, 14, 11)), -600),
    ],
)
def test_masks_of_what_lesions_are_like_are_passed_over(tmp_path: Path, place: np.ndarray, hu: int) -> None:
    ct = np.where(place, hu + chest_hu(2) % 40, chest_hu(1)).astype(np.int16)
    assert not [rule for rule, _ in found(tmp_path, ct, place.astype(np.uint8)) if rule.startswith("mask")]


def test_real_cts_with_the_lungs_as_their_mask_are_told(shared_data: Path) -> None:
    for number in (1, 2):
        path = shared_data / f"ct_real_sample/id00{number}-128x128x64.nii.gz"
        facts = volume_facts([VolumeFiles("a", (path,), path.with_name(path.name.replace(".nii", "-msk.nii")))], 1)
        assert "mask-of-lung" in [one.rule for one in volume_findings(facts, path.parent)]


def test_blank_and_repeated_slices_and_padding_are_told(tmp_path: Path) -> None:
    hu = ill_chest_hu(1)
    hu[:, :, 12] = hu[:, :, 11]
    assert found(tmp_path, hu) == [("ct-gap", "a_ct.nii.gz")]
    hu = ill_chest_hu(1)
    hu[:8] = -3024
    assert found(tmp_path, hu) == [("ct-padding", "a_ct.nii.gz")]


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int32])
def test_the_same_voxels_saved_as_another_type_with_other_axes_are_one_group(tmp_path: Path, kind: type) -> None:
    first = write_case(tmp_path, "a", 5)[0]
    image = nibabel.as_closest_canonical(nibabel.load(first))
    voxels = np.asarray(image.dataobj).astype(kind)[::-1, :, ::-1]
    affine = image.affine @ np.array([[-1, 0, 0, voxels.shape[0] - 1], [0, 1, 0, 0], [0, 0, -1, voxels.shape[2] - 1], [0, 0, 0, 1]])
    nibabel.save(nibabel.Nifti1Image(voxels, affine), tmp_path / "b_ct.nii.gz")
    jobs = [VolumeFiles("a", (first,), None, "p"), VolumeFiles("b", (tmp_path / "b_ct.nii.gz",), None, "q")]
    found = [one for one in volume_findings(volume_facts(jobs, 1), tmp_path) if one.rule == "ct-twice"]
    assert [one.also for one in found] == [("b_ct.nii.gz",)]


def test_the_same_voxels_of_two_people_are_an_error_and_of_one_a_warning(tmp_path: Path) -> None:
    jobs = [VolumeFiles(name, write_case(tmp_path, name, 5)[:1], None, person) for name, person in (("a", "p"), ("b", "q"))]
    (one,) = volume_findings(volume_facts(jobs, 1), tmp_path)
    assert (one.rule, one.severity, one.also) == ("ct-twice", "error", ("b_ct.nii.gz",))
    same = [VolumeFiles(job.case, job.paths, None, "p") for job in jobs]
    assert next(volume_findings(volume_facts(same, 1), tmp_path)).severity == "warning"


@pytest.mark.parametrize("differ", [True, False])
def test_one_ct_with_other_masks_is_an_error(tmp_path: Path, differ: bool) -> None:
    hu, mask = ill_chest_hu(1), lesion()
    other = mask.copy()
    other[tuple(np.argwhere(mask)[0])] = 0 if differ else mask.max()
    pairs = [write_case(tmp_path, name, 1, hu, drawn) for name, drawn in (("a", mask), ("b", other))]
    jobs = [VolumeFiles(ct.name[0], (ct,), seg, "p") for ct, seg in pairs]
    (one,) = [one for one in volume_findings(volume_facts(jobs, 1), tmp_path) if one.rule.startswith("ct-")]
    assert (one.rule, "their masks differ" in one.found) == (("ct-other-masks", True) if differ else ("ct-twice", False))


def test_axes_that_go_another_way_than_most_are_noted(tmp_path: Path) -> None:
    jobs = [VolumeFiles(name, write_case(tmp_path, name, seed)[:1]) for seed, name in enumerate("abc")]
    write_volume(jobs[2].paths[0], chest_hu(9)[:, :, ::-1], AFFINE * [1, 1, -1, 1])
    (one,) = volume_findings(volume_facts(jobs, 1), tmp_path)
    assert (one.rule, one.severity, one.file) == ("ct-orientation", "note", "c_ct.nii.gz")


def test_loose_files_are_paired_by_their_names(tmp_path: Path) -> None:
    names = ("id1-64.nii.gz", "id1-64-msk.nii.gz", "x_ct.nii", "x_mask.nii", "alone.nii.gz", "lost_seg.nii.gz")
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    jobs = loose_jobs(volume_files(tmp_path))
    assert {(job.paths[0].name, job.mask.name if job.mask else None) for job in jobs} == {
        ("id1-64.nii.gz", "id1-64-msk.nii.gz"),
        ("x_ct.nii", "x_mask.nii"),
        ("alone.nii.gz", None),
        ("lost_seg.nii.gz", None),
    }


@pytest.mark.parametrize(
    ("hu", "words"),
    [
        (lesion(), "holds 0 and 1: a mask"),
        (lesion() * 255, "holds 0 and 255: a mask"),
        (lesion().astype(np.int16) * 3 + (chest_hu(1) < -500), "a label map"),
    ],
)
def test_a_mask_in_the_place_of_a_ct_is_called_one(tmp_path: Path, hu: np.ndarray, words: str) -> None:
    write_volume(tmp_path / "a.nii.gz", hu, AFFINE)
    (one,) = (one for one in volume_findings(volume_facts(loose_jobs([tmp_path / "a.nii.gz"]), 1), tmp_path) if one.severity == "error")
    assert one.rule == "ct-is-mask"
    assert words in one.found
