"""The right answers of the segmentation exercises, by nibabel, SimpleITK, SciPy and MONAI, and what a learner would hand over."""

import nibabel
import numpy as np
import pytest
import SimpleITK
import torch
from scipy.ndimage import label
from scipy.spatial import cKDTree

from radlearn.exercises.segmentation import (
    grid,
    intensities,
    lesions,
    overlap,
    patient,
    q1,
    q2,
    q3,
    q4,
    q5,
    q6,
    q7,
    q8,
    q9,
    q10,
    space,
    windows,
)


def test_a_voxel_lies_where_nibabel_and_simpleitk_say() -> None:
    path = q1.data()["path"]
    ras = nibabel.affines.apply_affine(nibabel.load(path).affine, space.VOXEL)
    lps = SimpleITK.ReadImage(str(path)).TransformIndexToPhysicalPoint(space.VOXEL)
    assert q1.check({"ras_mm": ras, "lps_mm": lps}).right
    assert "sign of x and y" in q1.check({"ras_mm": ras, "lps_mm": ras}).message
    assert "exchanged" in q1.check({"ras_mm": lps, "lps_mm": ras}).message
    assert "Right so far: ras_mm" in q1.check({"ras_mm": ras, "lps_mm": [0, 0, 0]}).message


def test_the_letters_are_those_of_nibabel() -> None:
    assert q2.right() == {name: "".join(nibabel.aff2axcodes(affine)) for name, affine in q2.data().items()}
    came_from = {name: "".join("LRAPIS"["RLPASI".index(letter)] for letter in code) for name, code in q2.right().items()}
    assert "come *from*" in q2.check(came_from).message


def test_a_window_is_linear_between_its_ends() -> None:
    assert q3.right(np.array([-1350, -600, 150, 3000], np.int16), -600, 1500) == pytest.approx([0, 0.5, 1, 1])

    def interpolated(hu: np.ndarray, centre: float, width: float) -> np.ndarray:
        return np.interp(hu, (centre - width / 2, centre + width / 2), (0, 1))

    assert q3.check(interpolated).right
    assert "own extremes" in q3.check(lambda hu, centre, width: (hu - hu.min()) / (hu.max() - hu.min())).message


def test_the_hidden_lesion_is_black_in_the_soft_tissue_window() -> None:
    data, ct = q4.data(), patient.patient()
    assert (data["soft_tissue"][ct.lesion] == 0).mean() > 0.95
    assert ct.lesion_ml > 50
    for voxel in np.argwhere(ct.lesion & (ct.hu < -200))[::200]:
        assert q4.check(voxel).right
        assert q4.check(tuple(voxel.tolist())).right
        assert not q4.check(voxel + 0.5).right
        assert not q4.check(-voxel - 1).right
    assert intensities.q4 is q4


def test_dice_is_that_of_monai() -> None:
    from monai.metrics import compute_dice

    def by_monai(predicted: np.ndarray, truth: np.ndarray) -> float:
        masks = (torch.tensor(mask.astype(bool))[None, None] for mask in (predicted, truth))
        return float(compute_dice(*masks))

    assert q5.check(by_monai).right
    assert "union" in q5.check(lambda predicted, truth: (predicted & truth).sum() / max((predicted | truth).sum(), 1)).message
    assert overlap.q5 is q5


def test_the_mask_on_the_scan_is_the_exact_one() -> None:
    data = q6.data()
    assert np.array_equal(q6.right(), patient.patient().lesion)
    assert tuple(data["shape"]) == q6.right().shape
    assert data["mask"].sum() == q6.right().sum()
    # No mistake may come to the same mask: the lesions of this patient are not symmetric.
    assert "reversed back" in q6.check(grid._placed(data["mask"], data["start"])).message
    assert "The shape is" in q6.check(data["mask"][0]).message


def test_millilitres_are_those_of_the_slanted_box() -> None:
    data = q7.data()
    i, j, k = data["affine"][:3, :3].T
    assert q7.right() == pytest.approx(data["voxels"] * abs(np.dot(np.cross(i, j), k)) / 1000)
    product = data["voxels"] * np.prod([np.linalg.norm(axis) for axis in (i, j, k)]) / 1000
    assert product / q7.right() == pytest.approx(1.064, abs=0.001)
    assert "slanted" in q7.check(product).message
    assert "cubic millimetres" in q7.check(1000 * q7.right()).message


def test_a_far_lesion_drags_the_distance_from_one_share_of_the_surface_on() -> None:
    def by_tree(predicted: np.ndarray, truth: np.ndarray) -> float:
        if not len(predicted) or not len(truth):
            return float("nan") if len(predicted) == len(truth) else float("inf")
        return max(np.percentile(cKDTree(b).query(a)[0], 95) for a, b in ((predicted, truth), (truth, predicted)))

    assert q8.check(by_tree).right
    shares = [q8.right(*case.arguments) for case in overlap._surfaces()[:3]]
    assert shares == pytest.approx([1, 1, 81])


def test_windows_are_counted_as_monai_lays_them() -> None:
    from monai.data.utils import dense_patch_slices
    from monai.inferers.utils import _get_scan_interval

    for case in windows._scans():
        size, window, share = case.arguments
        padded = tuple(max(s, w) for s, w in zip(size, window, strict=True))
        laid = dense_patch_slices(padded, window, _get_scan_interval(padded, window, 3, (share,) * 3))
        assert q9.right(size, window, share) == len(laid)


def test_lesions_are_counted_by_their_groups() -> None:
    def one_by_one(predicted: np.ndarray, truth: np.ndarray) -> tuple[int, int]:
        groups, total = label(truth, structure=np.ones((3, 3, 3)))
        return sum(bool(predicted[groups == number].any()) for number in range(1, total + 1)), total

    assert q10.check(one_by_one).right
    assert [lesions.q10.right(*case.arguments) for case in lesions._lesions()] == [
        [1, 2],
        [2, 2],
        [0, 2],
        [0, 0],
        [1, 1],
        [2, 2],
        [1, 1],
        [1, 1],
    ]
