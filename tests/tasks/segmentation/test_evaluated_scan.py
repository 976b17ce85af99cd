"""What is kept of an evaluated scan is enough for its report, and small."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from radlearn.scans.geometry import Volume, to_orientation
from radlearn.tasks.segmentation.evaluated_scan import EvaluatedScan, PackedMask, worst_slice

STRAIGHT = np.diag([-2.0, -3.0, 5.0, 1.0])


@pytest.mark.parametrize("box", [(slice(None),) * 3, (slice(2, 4), slice(3, 4), slice(0, 3)), (slice(0, 0),) * 3])
def test_a_packed_mask_comes_back_as_it_was(box: tuple[slice, ...]) -> None:
    mask = np.zeros((5, 7, 3), bool)
    mask[box] = np.random.default_rng(0).random(mask[box].shape) > 0.4
    packed = PackedMask.of(mask)
    np.testing.assert_array_equal(packed.unpacked(), mask)
    assert packed.unpacked().dtype == bool
    assert packed.bits.nbytes <= 14


def test_a_small_mask_in_a_large_scan_takes_a_few_bytes() -> None:
    mask = np.zeros((200, 200, 50), bool)
    mask[100:108, 50:58, 20:22] = True
    assert PackedMask.of(mask).bits.nbytes == 16


def scan_of(affine: np.ndarray) -> SimpleNamespace:
    return SimpleNamespace(case=SimpleNamespace(image_id="somebody"), affine=affine)


def masks() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    hu = np.random.default_rng(1).integers(-1000, 100, (8, 6, 5)).astype(np.int16)
    truth, found = np.zeros(hu.shape, bool), np.zeros(hu.shape, bool)
    truth[1:4, 1:4, 1:4] = found[1:4, 1:4, 1:3] = True
    return hu, truth, found


@pytest.mark.parametrize("code", ["LPS", "RAI", "SPL"])
def test_the_worst_slice_is_the_one_with_most_wrong_voxels_however_the_scan_is_stored(code: str) -> None:
    hu, truth, found = masks()
    scores = SimpleNamespace(dice_score=0.8, truth_ml=3.2, predicted_ml=2.0)
    turned, affine = to_orientation(hu, STRAIGHT, code)
    true, predicted = (to_orientation(mask, STRAIGHT, code)[0] for mask in (truth, found))
    panel = worst_slice(scan_of(affine), Volume(turned, affine), true, predicted, scores)  # type: ignore[arg-type]
    np.testing.assert_array_equal(panel.hu, hu[:, :, 3].T)
    np.testing.assert_array_equal(panel.truth, truth[:, :, 3].T)
    np.testing.assert_array_equal(panel.found, found[:, :, 3].T)
    assert panel.spacing_mm == pytest.approx((3, 2))
    assert (panel.title, panel.note) == ("somebody: Dice 0.80", "slice 4 of 5; true 3 ml, found 2 ml")
    # In memory of its own: a view would keep the whole scan.
    assert all(array.base is None or array.base.size == array.size for array in (panel.hu, panel.truth, panel.found))


def test_where_nothing_is_wrong_the_slice_with_most_lesion_is_shown_and_without_a_lesion_the_middle() -> None:
    hu, truth, _ = masks()
    truth[1:6, 1:6, 3] = True
    nothing = np.zeros_like(truth)
    scores = SimpleNamespace(dice_score=float("nan"), truth_ml=0.0, predicted_ml=0.0)
    for mask, words in ((truth, "slice 4 of 5"), (nothing, "slice 3 of 5")):
        panel = worst_slice(scan_of(STRAIGHT), Volume(hu, STRAIGHT), mask, mask, scores)  # type: ignore[arg-type]
        assert panel.note.startswith(words)
    assert panel.title == "somebody: no lesion, none found"


def test_masks_are_turned_to_lps_with_the_spacing_of_their_axes() -> None:
    _, truth, found = masks()
    turned, affine = to_orientation(truth, STRAIGHT, "SRA")
    packed = [PackedMask.of(to_orientation(mask, STRAIGHT, "SRA")[0]) for mask in (truth, found, truth | found)]
    scan = EvaluatedScan(scan_of(affine), SimpleNamespace(), 0.0, *packed, SimpleNamespace())  # type: ignore[arg-type]
    assert turned.shape != truth.shape
    lungs, true, predicted, spacing = scan.masks_lps()
    for mask, expected in ((lungs, truth | found), (true, truth), (predicted, found)):
        np.testing.assert_array_equal(mask, expected)
    assert spacing == pytest.approx((2, 3, 5))


def test_a_panel_of_a_file_is_small(tmp_path: Path) -> None:
    hu = np.zeros((64, 64, 200), np.int16)
    panel = worst_slice(
        scan_of(STRAIGHT),  # type: ignore[arg-type]
        Volume(hu, STRAIGHT, tmp_path / "scan.nii.gz"),
        hu > 0,
        hu > 0,
        SimpleNamespace(dice_score=0.0, truth_ml=0.0, predicted_ml=0.0),  # type: ignore[arg-type]
    )
    assert panel.hu.nbytes == 64 * 64 * 2
