"""Scans ready for training, and a split that is stratified by lesion burden."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from radlearn.challenges import covid19
from radlearn.errors import BadLayout, BadSetting
from radlearn.monai_parts.crop_to_lungs import NO_HULL
from radlearn.scans.ct_files import read_scan
from radlearn.scans.lungs import lung_mask
from radlearn.scans.nifti import write_volume
from radlearn.tasks.segmentation.scans import Scan, above_median_burden, scan_and_truth, split_scans
from radlearn.training.run_folder import Run
from tests.check.phantom import AFFINE, SHAPE
from tests.tasks.segmentation.conftest import OWN, prepared_scans


@pytest.fixture
def scans(small_covid19: Path) -> list[Scan]:
    return prepared_scans(covid19.find_cases(small_covid19))


def test_a_scan_knows_its_case_its_lesion_and_how_large_that_is(scans: list[Scan]) -> None:
    assert [scan.case.image_id for scan in scans][:2] == ["volume-covid19-A-0001", "volume-covid19-A-0002"]
    assert [scan.label for scan in scans] == [True] * 12 + [False] * 2
    # Voxels of the file are 4 × 4 × 6 mm.
    in_file = np.count_nonzero(read_scan(scans[0].case.path, scans[0].case.mask_path)[1].voxels) * 0.096  # type: ignore[union-attr]
    assert scans[0].lesion_ml == pytest.approx(in_file)
    assert scans[-1].lesion_ml == 0
    assert scans[0].item["mask"].sum() > 0
    source, truth = scan_and_truth(scans[0])
    assert scans[0].shape == source.voxels.shape == truth.shape
    np.testing.assert_allclose(scans[0].affine, source.affine)


def test_its_lungs_are_those_of_the_file_and_empty_where_none_were_found(scans: list[Scan], tmp_path: Path) -> None:
    for scan in scans[:2]:
        source, _ = scan_and_truth(scan)
        np.testing.assert_array_equal(scan.lungs, lung_mask(source.voxels, source.affine))
    white = replace(scans[0].case, path=tmp_path / "white_ct.nii.gz")
    body = np.random.default_rng(0).normal(40, 15, SHAPE).astype(np.int16)
    # Air around the body, and none in it.
    body[:3] = -1000
    write_volume(white.path, body, AFFINE)
    (airless,) = prepared_scans([white])
    assert airless.lungs.shape == airless.shape
    assert not airless.lungs.any()
    assert NO_HULL in airless.notes


def test_every_subset_is_stratified_by_burden_and_nobody_is_in_two(scans: list[Scan], tmp_path: Path) -> None:
    split = split_scans(scans, 0, None, Run(tmp_path, "segmentation"))
    assert sum(map(len, split.values())) == 14
    above = dict(zip((scan.case for scan in scans), above_median_burden([scan.lesion_ml for scan in scans]), strict=True))
    assert sum(above.values()) == 7
    for here in split.values():
        assert 0 < sum(above[scan.case] for scan in here) < len(here)
    persons = [{scan.case.person for scan in here} for here in split.values()]
    assert sum(map(len, persons)) == len(set.union(*persons)) == 13
    again = split_scans(scans, 5, None, Run(tmp_path, "segmentation"))
    assert {subset: [scan.case for scan in here] for subset, here in again.items()} == {
        subset: [scan.case for scan in here] for subset, here in split.items()
    }


def test_six_scans_of_six_persons_can_be_divided_even_where_their_burdens_are_equal(scans: list[Scan], tmp_path: Path) -> None:
    for seed in range(5):
        split = split_scans(scans[:6], seed, None, Run(tmp_path / str(seed), "segmentation"))
        assert all(len(here) >= 2 for here in split.values())


def test_at_another_spacing_the_same_persons_are_tested(small_covid19: Path, scans: list[Scan], tmp_path: Path) -> None:
    coarse = prepared_scans(covid19.find_cases(small_covid19), replace(OWN, spacing_mm=(10.0, 10.0, 12.0)))
    one = split_scans(scans, 3, None, Run(tmp_path / "fine", "segmentation"))
    other = split_scans(coarse, 3, None, Run(tmp_path / "coarse", "segmentation"))
    assert {subset: [scan.case for scan in here] for subset, here in one.items()} == {
        subset: [scan.case for scan in here] for subset, here in other.items()
    }


def test_every_subset_has_a_lesion_or_the_split_is_refused(scans: list[Scan], tmp_path: Path) -> None:
    few = [*scans[10:], *[replace(scan, case=replace(scan.case, person=f"other {n}")) for n in range(4) for scan in scans[12:]]]
    with pytest.raises(BadSetting, match=r"12 scans have masks, but only 2 of them show a lesion; every subset of a split needs one"):
        split_scans(few, 0, None, Run(tmp_path, "segmentation"))


def test_masks_that_are_all_empty_are_called_so_and_not_too_few(scans: list[Scan], tmp_path: Path) -> None:
    empty = [replace(scan, case=replace(scan.case, person=f"other {n}")) for n in range(10) for scan in scans[12:]]
    with pytest.raises(BadSetting, match="20 scans have masks, but all of them are empty") as refused:
        split_scans(empty, 0, None, Run(tmp_path, "segmentation"))
    assert "too few" not in str(refused.value)
    assert "check" in str(refused.value)


def test_too_few_persons_are_refused_in_words_about_scans(scans: list[Scan], tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="an above-median lesion burden"):
        split_scans(scans[:4], 0, None, Run(tmp_path, "segmentation"))


def test_a_scan_without_a_mask_has_nothing_to_find_and_cannot_be_evaluated(scans: list[Scan]) -> None:
    alone = replace(scans[0], case=replace(scans[0].case, mask_path=None))
    assert not alone.label
    assert alone.lesion_ml == 0
    with pytest.raises(BadLayout, match="has no mask"):
        scan_and_truth(alone)


def test_a_lesion_that_is_too_small_to_be_seen_is_said(small_covid19: Path, tmp_path: Path) -> None:
    case = covid19.find_cases(small_covid19)[0]
    scan, _ = read_scan(case.path)
    speck = np.zeros(scan.voxels.shape, np.uint8)
    # In a lung, off the centres of the coarse voxels.
    speck[28, 36, 20] = 1
    write_volume(tmp_path / "speck.nii.gz", speck, scan.affine)
    (found,) = prepared_scans([replace(case, mask_path=tmp_path / "speck.nii.gz")], replace(OWN, spacing_mm=(13.0, 13.0, 13.0)))
    assert not found.label
    assert found.notes == ["the mask's 0.096 ml are too small or too thin to be seen at the prepared spacing"]


def test_a_mask_that_holds_most_of_its_scan_is_said_before_the_split(
    scans: list[Scan], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    split_scans(scans, 0, None, Run(tmp_path, "segmentation"))
    assert "inside" not in capsys.readouterr().err
    source, truth = scan_and_truth(scans[0])
    case = replace(scans[0].case, mask_path=tmp_path / "inverted_seg.nii.gz")
    write_volume(case.mask_path, (~truth).astype(np.uint8), source.affine)
    (inverted,) = prepared_scans([case])
    assert inverted.share_inside == pytest.approx(1 - truth.mean())
    split_scans([inverted, *scans[1:]], 0, None, Run(tmp_path / "again", "segmentation"))
    told = " ".join(capsys.readouterr().err.split())
    assert f"1 of the 14 scans lies mostly inside its mask, such as {case.image_id} with {1 - truth.mean():.0%}" in told
