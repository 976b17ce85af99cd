"""The right answers of the segmentation exercises, by nibabel, SimpleITK, SciPy and MONAI, and what a learner would hand over."""

from itertools import permutations, product
from math import ceil, prod
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK
import torch
from scipy.ndimage import generate_binary_structure, label
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
        [1, 1],
    ]


def test_each_wrong_place_is_told_and_what_follows_from_it_is_not() -> None:
    affine = nibabel.load(q1.data()["path"]).affine
    matrix, origin, voxel = affine[:3, :3], affine[:3, 3], np.array(space.VOXEL)
    spacing, flip = np.linalg.norm(matrix, axis=0), np.array([-1, -1, 1])
    ras = matrix @ voxel + origin
    for answer, says in (
        (spacing * voxel + origin, "spacings times indices, plus the origin"),
        (spacing * voxel, "These are spacings times indices. The axes"),
        (spacing * flip * voxel + origin, "Spacings and signs are right"),
        (np.diag(matrix) * voxel + origin, "Only the diagonal"),
        (matrix.T @ voxel + origin, "transposed"),
        (matrix @ voxel[::-1] + origin, "reversed"),
        (matrix @ voxel, "The origin is missing"),
        (matrix @ (voxel - 1) + origin, "the voxel before it"),
        (matrix @ (voxel + 1) + origin, "the next voxel"),
        (matrix @ (voxel + 0.5) + origin, "Half a voxel is added"),
        (matrix @ (voxel - 0.5) + origin, "Half a voxel is taken off"),
        (ras / 10, "centimetres"),
        (voxel, "This is the index"),
        (origin, "This is the origin"),
        (np.linalg.inv(matrix) @ (voxel - origin), "The inverse of the affine"),
        (ras + [0, 0, 50], "'ras_mm': 2 of the 3 numbers are right"),
    ):
        message = q1.check({"ras_mm": answer, "lps_mm": flip * answer}).message
        assert says in message
        assert "lps_mm" not in message
        assert "Expected" not in message
        assert "the same" in q1.check({"ras_mm": answer, "lps_mm": answer}).message
    assert "y changes its sign as well" in q1.check({"ras_mm": ras, "lps_mm": ras * [-1, 1, 1]}).message
    assert "This is the place in LPS" in q1.check({"ras_mm": ras * flip, "lps_mm": ras * flip}).message


def test_all_letters_of_axes_are_told_whether_order_or_direction_is_wrong() -> None:
    assert q2.check({name: nibabel.aff2axcodes(affine) for name, affine in q2.data().items()}).right
    # All 48 ways in which axes can run.
    codes = [
        "".join("RLAPSI"[2 * axis + down] for axis, down in zip(order, signs, strict=True))
        for order in permutations(range(3))
        for signs in product((0, 1), repeat=3)
    ]
    pair = dict(zip("RLAPSI", "xxyyzz", strict=True))
    for scan, right in q2.right().items():
        for code in codes:
            result = q2.check(q2.right() | {scan: code})
            assert result.right == (code == right)
            same_order = [pair[letter] for letter in code] == [pair[letter] for letter in right]
            wrong = [axis for axis, letter, other in zip("ijk", code, right, strict=True) if letter != other]
            if "the order of the axes is not right" in result.message:
                assert not same_order
            if "the order of the axes is right, the direction of" in result.message:
                assert same_order
                assert f"the direction of {' and '.join(wrong)} is not" in result.message
            if "each direction is the opposite" in result.message:
                assert same_order
                assert len(wrong) == 3
            assert result.right or len(result.message) > len("Not yet. Right so far: a, b.")
    assert "read the rows" in q2.check(q2.right() | {"c": "ILA"}).message
    assert "three capital letters, one of each pair" in q2.check(q2.right() | {"b": "RRS"}).message
    assert "three capital letters, one of each pair" in q2.check(q2.right() | {"b": "ras"}).message


@pytest.mark.parametrize(
    ("shown", "says"),
    [
        (lambda hu, c, w: (hu - c) / w, "Two things are missing"),
        (lambda hu, c, w: np.clip((hu - c) / w, 0, 1), "begins at the centre. It begins half"),
        (lambda hu, c, w: np.clip((hu - c) / (w / 2), 0, 1), "from the centre to the upper end"),
        (lambda hu, c, w: (hu - c) / (w / 2), "from −1 to 1 over the window, and beyond"),
        (lambda hu, c, w: np.clip((hu - c) / (w / 2), -1, 1), "from −1 to 1, with the centre at 0"),
        (lambda hu, c, w: np.clip((hu - (c - w)) / w, 0, 1), "a whole width below"),
        (lambda hu, c, w: np.clip((hu - (c - w)) / (2 * w), 0, 1), "twice as wide"),
        (lambda hu, c, w: np.clip((hu - (c - w / 2)) / (w / 2), 0, 1), "half as wide"),
        (lambda hu, c, w: np.clip(hu, c - w / 2, c + w / 2), "Hounsfield units still"),
        (lambda hu, c, w: np.clip(hu, c - w / 2, c + w / 2) - (c - w / 2), "divide by the width"),
        (lambda hu, c, w: 1 - np.clip((hu - (c - w / 2)) / w, 0, 1), "Black and white are exchanged"),
        (lambda hu, c, w: np.round(255 * np.clip((hu - (c - w / 2)) / w, 0, 1)).astype(np.uint8), "whole numbers from 0 to 255"),
        (lambda hu, c, w: 255 * np.clip((hu - (c - w / 2)) / w, 0, 1), "This is 0 to 255"),
        (lambda hu, c, w: np.maximum((hu - (c - w / 2)) / w, 0), "above the window has to be 1"),
        (lambda hu, c, w: np.minimum((hu - (c - w / 2)) / w, 1), "below the window has to be 0"),
    ],
)
def test_each_wrong_window_is_told(shown: Any, says: str) -> None:
    assert says in q3.check(lambda hu, centre, width: shown(hu.astype(float), centre, width)).message


def test_of_every_kind_of_voxel_only_what_is_true_is_told() -> None:
    ct, data = patient.patient(), q4.data()
    told: dict[str, int] = {}
    for voxel in np.argwhere(np.ones(ct.hu.shape, bool))[::97]:
        result, hu, at = q4.check(voxel), int(ct.hu[tuple(voxel)]), tuple(voxel)
        assert result.right == bool(ct.lesion[at] and hu <= -160)
        for says, true in (
            ("mostly air, ", ct.lung[at] and hu < -700),
            ("The value fits", ct.lung[at] and -700 <= hu <= -300),
            ("denser than most ground glass", ct.lung[at] and -300 < hu <= -160),
            ("The window shows this voxel", ct.lung[at] and hu > -160),
            ("not in the lungs, and the window shows it", not ct.lung[at] and hu > -160),
            ("not in the lungs: air", not ct.lung[at] and hu <= -160),
        ):
            assert (says in result.message) == bool(true and not ct.lesion[at])
            told[says] = told.get(says, 0) + (says in result.message)
        if "HU" in result.message and not result.right and ct.lung[at]:
            assert f"{hu}".replace("-", "−") in result.message
    assert min(told.values()) > 0
    shown = np.argwhere(ct.lesion & (ct.hu > -160))[0]
    assert "in a lesion, but the window shows it" in q4.check(shown).message
    # The newcomer's voxel: first of all within the range of ground glass.
    rim = np.argwhere(data["lungs"] & (data["hu"] > -700) & (data["hu"] < -300))[0]
    assert "The value fits: −453 HU" in q4.check(rim).message
    hidden = np.argwhere(ct.lesion & (ct.hu < -400))
    assert "these are" in q4.check(hidden[:7]).message
    assert "7 answers, and one was asked for" in q4.check(hidden[:7]).message
    far = next(voxel for voxel in hidden if (voxel * patient.SPACING_MM >= ct.hu.shape).any())
    assert "millimetres" in q4.check(far * patient.SPACING_MM).message or "reversed" in q4.check(far * patient.SPACING_MM).message


def test_each_wrong_dice_is_told() -> None:
    def score(of: Any) -> Any:
        def answer(predicted: np.ndarray, truth: np.ndarray) -> float:
            p, t = predicted.astype(bool), truth.astype(bool)
            return of(int((p & t).sum()), int(p.sum()), int(t.sum())) if p.any() or t.any() else float("nan")

        return answer

    assert q5.check(score(lambda s, p, t: 2 * s / (p + t))).right
    for of, says in (
        (lambda s, p, t: 2 * s / (p + t - s), "Twice the shared voxels belongs"),
        (lambda s, p, t: s / (p + t), "factor 2"),
        (lambda s, p, t: s / p, "precision"),
        (lambda s, p, t: s / t, "sensitivity"),
        (lambda s, p, t: s / min(p, t), "smaller mask"),
        (lambda s, p, t: 100 * 2 * s / (p + t), "in percent"),
        (lambda s, p, t: 1 - 2 * s / (p + t), "1 − Dice"),
        (lambda s, p, t: 2 * s / t, "the truth alone"),
        (lambda s, p, t: 2 * s, "Divide by the sum"),
    ):
        assert says in q5.check(score(of)).message
    smoothed = lambda predicted, truth: (2 * (predicted & truth).sum() + 1e-6) / (predicted.sum() + truth.sum() + 1e-6)  # noqa: E731
    assert "a 1 here" in q5.check(smoothed).message


def test_each_wrong_mask_is_told() -> None:
    data = q6.data()
    placed = grid._placed(data["mask"], data["start"])
    for answer, says in (
        (placed[:, :, ::-1], "third axis"),
        (placed[::-1, ::-1, ::-1], "all axes"),
        (placed[::-1].T, "the axes are the other way round"),
        (grid._placed(data["mask"], (0, 0, 0)), "corner of the scan. It begins at `start`; and"),
        (~placed[::-1], "exchanged"),
        (np.zeros(data["shape"]), "No voxel is True"),
        (255 * placed[::-1], "There are other numbers"),
        (np.zeros((3, 3, 3)), "begin with an array of that shape"),
        (np.roll(placed[::-1], 1, axis=0), f"{placed.sum()} voxels are True, "),
        (np.ones(data["shape"]), f"{placed.size} voxels are True, {placed.sum()} of them in the right place"),
    ):
        message = q6.check(answer).message
        assert says in message
        assert "Expected" not in message


def test_each_wrong_volume_is_told() -> None:
    data = q7.data()
    matrix, voxels = data["affine"][:3, :3], data["voxels"]
    volume = abs(np.linalg.det(matrix))
    for answer, says in (
        (volume * voxels / 1e6, "litres"),
        (volume, "one voxel, in mm³"),
        (np.prod(np.linalg.norm(matrix, axis=0)) * voxels, "three spacings, in mm³"),
        (np.prod(np.linalg.norm(matrix, axis=1)) * voxels / 1000, "lengths of the rows"),
        (abs(np.prod(np.diag(matrix))) * voxels, "diagonal, in cubic millimetres"),
        (-volume * voxels / 1000, "not negative"),
        (voxels, "number of voxels"),
        (5 * volume * voxels / 1000, "too high"),
    ):
        message = q7.check(answer).message
        assert says in message
        assert "Expected" not in message


def test_each_wrong_distance_is_told_also_where_no_points_are_an_error() -> None:
    def apart(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
        return np.linalg.norm(predicted[:, None] - truth[None], axis=-1)

    def guarded(of: Any) -> Any:
        def answer(predicted: np.ndarray, truth: np.ndarray) -> float:
            if not len(predicted) or not len(truth):
                return float("inf") if len(predicted) or len(truth) else float("nan")
            return float(of(apart(predicted, truth)))

        return answer

    def larger(there: float, back: float) -> float:
        return max(there, back)

    assert q8.check(guarded(lambda d: larger(np.percentile(d.min(1), 95), np.percentile(d.min(0), 95)))).right
    for of, says in (
        (lambda d: max(d.min(1).max(), d.min(0).max()), "the maximum"),
        (lambda d: np.percentile(d.min(1), 95), "Only from prediction to truth"),
        (lambda d: np.percentile(d.min(0), 95), "Only from truth to prediction"),
        (lambda d: np.percentile(np.r_[d.min(1), d.min(0)], 95), "thrown together"),
    ):
        assert says in q8.check(guarded(of)).message
        assert says in q8.check(lambda predicted, truth, of=of: of(apart(predicted, truth))).message
    for of, says in (
        (lambda d: min(np.percentile(d.min(1), 95), np.percentile(d.min(0), 95)), "smaller of both ways"),
        (lambda d: max(np.percentile(d.min(1), 5), np.percentile(d.min(0), 5)), "5th percentile"),
        (lambda d: max(d.min(1).mean(), d.min(0).mean()), "mean of the distances"),
        (lambda d: np.r_[d.min(1), d.min(0)].mean(), "ASSD"),
        (lambda d: max(np.percentile(d.min(1) ** 2, 95), np.percentile(d.min(0) ** 2, 95)), "squared"),
    ):
        assert says in q8.check(guarded(of)).message
    unguarded = lambda predicted, truth: max(np.percentile(apart(predicted, truth).min(axis), 95) for axis in (0, 1))  # noqa: E731
    assert "Look for no points" in q8.check(unguarded).message
    right = guarded(lambda d: max(np.percentile(d.min(1), 95), np.percentile(d.min(0), 95)))
    either = lambda value: lambda p, t: right(p, t) if len(p) and len(t) else value  # noqa: E731
    assert "the distance is infinite" in q8.check(either(float("nan"))).message
    assert "there is no distance to measure" in q8.check(either(float("inf"))).message


@pytest.mark.parametrize(
    ("count", "says"),
    [
        (lambda s, w, o: ceil((s - w) / max(int(w * (1 - o)), 1)), "The first window is missing"),
        (lambda s, w, o: max(s - w, 0) // int(w * (1 - o)) + 1, "round up"),
        (lambda s, w, o: max(s - w, 0) // int(w * (1 - o)) + 2, "One window too many"),
        (lambda s, w, o: ceil(max(s - w, 0) / (w * (1 - o))) + 1, "rounded down to whole voxels"),
        (lambda s, w, o: ceil(max(s - w, 0) / ceil(w * (1 - o))) + 1, "The step is rounded up"),
        (lambda s, w, o: ceil(max(s - w, 0) / max(int(w * o), 1)) + 1, "steps on by the overlap"),
        (lambda s, w, o: ceil(s / w), "no part here"),
    ],
)
def test_each_wrong_count_of_windows_is_told(count: Any, says: str) -> None:
    assert says in q9.check(lambda size, window, share: prod(count(s, w, share) for s, w in zip(size, window, strict=True))).message


def test_each_wrong_count_of_lesions_is_told() -> None:
    def groups(mask: np.ndarray) -> tuple[np.ndarray, int]:
        found, total = label(mask, structure=np.ones((3, 3, 3)))
        return found, total

    for answer, says in (
        (lambda p, t: (len(np.unique(groups(t)[0][p])), groups(t)[1]), "The background is counted"),
        (lambda p, t: (sum(p[groups(t)[0] == n].all() for n in range(1, groups(t)[1] + 1)), groups(t)[1]), "predicted as a whole"),
        (lambda p, t: (groups(p & t)[1], groups(t)[1]), "Two pieces of one lesion"),
        *(
            (
                lambda p, t, least=least: (sum(p[groups(t)[0] == n].mean() >= least for n in range(1, groups(t)[1] + 1)), groups(t)[1]),
                "One voxel of it is enough",
            )
            for least in (0.5, 0.34, 0.1)
        ),
        (lambda p, t: (sum(not p[groups(t)[0] == n].any() for n in range(1, groups(t)[1] + 1)), groups(t)[1]), "that were missed"),
        (lambda p, t: (groups(t)[1], groups(t)[1]), "All lesions are counted as found"),
        (lambda p, t: (groups(p)[1], groups(t)[1]), "You counted all predicted groups"),
        (lambda p, t: (len(set(label(t)[0][p & t])), label(t)[1]), "`label` takes only faces"),
        (
            lambda p, t: (lambda found, total: (len(set(found[p & t])), total))(*label(t, generate_binary_structure(3, 2))),
            "touch by a corner only",
        ),
    ):
        assert says in q10.check(answer).message
