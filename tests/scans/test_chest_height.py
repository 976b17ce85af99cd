"""The height of lungs, by arithmetic on ellipsoids, and on scans whose slices are as far apart as they say."""

from pathlib import Path

import numpy as np
import pytest

from radlearn.errors import UnreadableScan
from radlearn.scans.chest_height import lung_size_doubts, proportions_of
from radlearn.scans.dicom_series import read_series
from radlearn.scans.geometry import Volume
from radlearn.scans.hounsfield import refuse_no_chest_ct
from radlearn.scans.nifti import read_volume
from tests.check.phantom import AFFINE, chest_hu

CHEST = chest_hu(0)
# Of 40 slices the lungs of the phantom fill 3 to 37.
WHOLE = slice(0, 40)


def stretched(factor: float, scan: Volume | None = None, part: slice = WHOLE) -> Volume:
    scan = scan or Volume(CHEST[:, :, part], AFFINE)
    return Volume(scan.voxels, scan.affine @ np.diag([1, 1, factor, 1]), Path("scan.nii.gz"))


@pytest.mark.parametrize("factor", [1, 1.5])
def test_the_proportions_of_ellipsoids_are_those_that_they_were_made_with(factor: float) -> None:
    seen = proportions_of(stretched(factor))
    assert seen is not None
    # Radii of 17 slices of 6 mm; lungs from column 14 to 82 and a body from 6 to 90, of 4 mm.
    assert seen.height == pytest.approx(2 * 17 * 6 * factor, rel=0.1)
    assert seen.width == pytest.approx((82 - 14) * 4, abs=12)
    assert seen.body == pytest.approx((90 - 6) * 4, abs=12)
    assert (seen.is_cut_below, seen.is_cut_above) == (False, False)


@pytest.mark.parametrize("turn", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
@pytest.mark.parametrize("factor", [0.125, 0.25, 4])
def test_lungs_that_are_too_flat_or_too_tall_are_doubted_whichever_axis_the_slices_lie_along(
    turn: tuple[int, int, int], factor: float
) -> None:
    scan = stretched(factor)
    turned = Volume(scan.voxels.transpose(turn), scan.affine[:, [*turn, 3]])
    (doubt,) = lung_size_doubts(turned)
    assert (doubt.rule, doubt.sure) == ("ct-size", False)
    assert "mm high by its header" in doubt.found


@pytest.mark.parametrize("factor", [0.05, 8])
def test_a_height_that_nobody_has_is_refused(factor: float) -> None:
    with pytest.raises(
        UnreadableScan, match=r"its lungs are .* mm high by its header .*: no chest is\. Is the distance between its slices"
    ):
        refuse_no_chest_ct(stretched(factor))


@pytest.mark.parametrize("part", [slice(0, 9), slice(0, 14), slice(12, 24), slice(14, 34), slice(20, 40), slice(26, 40)])
def test_a_part_of_a_chest_is_not_doubted(part: slice) -> None:
    assert list(lung_size_doubts(stretched(1, part=part))) == []


@pytest.mark.parametrize("size", [0.75, 1, 1.2])
def test_small_and_large_people_are_not_doubted(size: float) -> None:
    assert list(lung_size_doubts(Volume(CHEST, AFFINE @ np.diag([size, size, size, 1])))) == []


@pytest.mark.parametrize(("factors", "words"), [
    ((0.5, 0.5, 0.5), "as of a small child"), ((0.4, 0.4, 0.4), "as of a small child"), ((0.5, 0.5, 1.0), "as of a small child"),
    ((2, 2, 2), "hardly any chest"), ((1.9, 1.9, 1), "hardly any chest"),
])  # fmt: skip
@pytest.mark.parametrize("part", [WHOLE, slice(14, 34)])
def test_lungs_too_narrow_or_too_wide_are_told_and_not_refused(factors: tuple[float, float, float], words: str, part: slice) -> None:
    scan = Volume(CHEST[:, :, part], AFFINE @ np.diag([*factors, 1]), Path("scan.nii.gz"))
    said = [note for note in refuse_no_chest_ct(scan) if "mm wide by its header" in note]
    assert len(said) == 1
    assert words in said[0]
    # Columns 14 to 82 of 4 mm.
    assert float(said[0].split("lungs are ")[1].split(" mm")[0]) == pytest.approx(68 * 4 * factors[0], rel=0.05)


def test_lungs_that_a_scan_cuts_off_at_its_sides_say_nothing_of_the_chest() -> None:
    assert list(lung_size_doubts(Volume(CHEST[28:68], AFFINE))) == []
    assert list(lung_size_doubts(Volume(CHEST[20:60], AFFINE))) == []


def test_a_windpipe_that_leaves_the_scan_leaves_the_lungs_whole() -> None:
    hu = CHEST.copy()
    hu[46:50, 34:38, 30:] = -980
    seen = proportions_of(Volume(hu, AFFINE))
    assert seen is not None
    assert not seen.is_cut_above
    assert len(list(lung_size_doubts(Volume(hu, AFFINE @ np.diag([1, 1, 0.2, 1]))))) == 1


@pytest.mark.parametrize("white", ["one lung", "both lungs but for the upper third", "both lungs"])
def test_white_lungs_are_not_doubted(white: str) -> None:
    hu = CHEST.copy()
    lung = (hu < -700) & (abs(np.arange(96)[:, None, None] - 48) < 36) & (abs(np.arange(72)[None, :, None] - 36) < 22)
    part = {"one lung": np.s_[48:], "both lungs": np.s_[:], "both lungs but for the upper third": np.s_[:, :, :25]}[white]
    hu[part] = np.where(lung[part], 40, hu[part])
    assert list(lung_size_doubts(Volume(hu, AFFINE))) == []


def test_real_scans_are_not_doubted_and_are_where_their_slices_are_moved(shared_data: Path) -> None:
    scans = [read_volume(path) for path in sorted((shared_data / "ct_real_sample").glob("id*64.nii.gz"))]
    scans.append(read_series(shared_data / "ct_dicom_real_sample"))
    for scan in scans:
        assert list(lung_size_doubts(scan)) == []
        assert len(list(lung_size_doubts(stretched(3, scan)))) == 1
    # Of the others the lower end of the lungs is above that of the scan, or the upper one below.
    for factor in (0.05, 0.125, 0.25):
        assert len(list(lung_size_doubts(stretched(factor, scans[-1])))) == 1
