"""Distances between surfaces: boxes counted by hand, a slow and simple second way, MONAI, and what must never matter."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from radlearn.errors import BadSetting
from radlearn.metrics.surfaces import SurfaceDistances, hausdorff95_mm, surface_dice_score, surface_distances

ANISOTROPIC = (0.7, 1.1, 5.0)
EMPTY = np.zeros((5, 5, 5), bool)
MASKS = arrays(bool, (4, 5, 3))


def box(shape: tuple[int, int, int], start: tuple[int, int, int], size: tuple[int, int, int]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[tuple(slice(a, a + n) for a, n in zip(start, size, strict=True))] = True
    return mask


def blobs(seed: int, shape: tuple[int, int, int] = (24, 20, 9)) -> tuple[np.ndarray, np.ndarray]:
    """Two ragged masks that overlap in part, several pieces each, one of them at the array's edge."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    field = gaussian_filter(rng.normal(size=shape), (2, 2, 1))
    other = field + 0.5 * gaussian_filter(rng.normal(size=shape), (1, 1, 0.5)) * field.std()
    return field > np.quantile(field, 0.7), other > np.quantile(other, 0.75)


def box_area_mm2(size: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> dict[str, float]:
    """Count by hand the area of a box as marching cubes draws it: flat sides, bevelled edges, eight cut corners."""
    (n, m, k), (dx, dy, dz) = size, spacing_mm
    return {
        "top": (n - 1) * (m - 1) * dx * dy,
        "sides": 2 * (n - 1) * (k - 1) * dx * dz + 2 * (m - 1) * (k - 1) * dy * dz,
        "ring": (n - 1) * dx * math.hypot(dy, dz) + (m - 1) * dy * math.hypot(dx, dz),
        "posts": 2 * (k - 1) * dz * math.hypot(dx, dy),
        "corner": math.sqrt((dy * dz) ** 2 + (dx * dz) ** 2 + (dx * dy) ** 2) / 8,
    }


@pytest.mark.parametrize(("size", "spacing"), [((3, 4, 5), (1.0, 1.0, 1.0)), ((6, 2, 3), ANISOTROPIC), ((1, 1, 1), ANISOTROPIC)])
def test_the_area_of_a_box_is_the_one_counted_by_hand(size: tuple[int, int, int], spacing: tuple[float, float, float]) -> None:
    mask = box((9, 9, 9), (1, 2, 3), size)
    part = box_area_mm2(size, spacing)
    whole = 2 * part["top"] + part["sides"] + 2 * part["ring"] + part["posts"] + 8 * part["corner"]
    assert surface_distances(mask, mask, spacing).truth_mm2.sum() == pytest.approx(whole)


def test_a_box_one_slice_taller_at_both_ends_is_one_slice_away_there_and_nowhere_else() -> None:
    spacing = (1.0, 1.2, 0.9)  # thin slices, so that the way up is shorter than the way to a side
    small, tall = box((12, 12, 12), (2, 2, 3), (7, 6, 4)), box((12, 12, 12), (2, 2, 2), (7, 6, 6))
    found = surface_distances(tall, small, spacing)
    assert sorted(set(np.round(np.r_[found.predicted_mm, found.truth_mm], 9))) == [0, 0.9]

    inner, outer = box_area_mm2((7, 6, 4), spacing), box_area_mm2((7, 6, 6), spacing)
    # The small box's rim lies where the tall box has a side; only its lid's inside is away. The tall box's lid is away, rim and all.
    away_small, away_tall = 2 * inner["top"], 2 * (outer["top"] + outer["ring"]) + 8 * outer["corner"]
    small_mm2 = away_small + inner["sides"] + 2 * inner["ring"] + inner["posts"] + 8 * inner["corner"]
    tall_mm2 = away_tall + outer["sides"] + outer["posts"]
    assert surface_dice_score(tall, small, spacing, 0.8) == pytest.approx(1 - (away_small + away_tall) / (small_mm2 + tall_mm2))
    assert surface_dice_score(tall, small, spacing, 0.9) == 1
    assert hausdorff95_mm(tall, small, spacing) == pytest.approx(0.9)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_flat_sheet_moved_along_an_axis_is_away_by_that_axis_millimetres(axis: int) -> None:
    sheet = np.zeros((20, 20, 20), bool)
    sheet[(slice(None),) * axis + (4,)] = True
    moved = np.roll(sheet, 6, axis=axis)
    assert hausdorff95_mm(moved, sheet, ANISOTROPIC) == pytest.approx(6 * ANISOTROPIC[axis])
    # A sheet of one voxel has two sides: the one that looks at the other sheet is five steps from it, the other one six.
    step = ANISOTROPIC[axis]
    assert surface_dice_score(moved, sheet, ANISOTROPIC, 4.99 * step) == 0
    assert surface_dice_score(moved, sheet, ANISOTROPIC, 5 * step) == pytest.approx(0.5, abs=0.05)
    assert surface_dice_score(moved, sheet, ANISOTROPIC, 6 * step) == 1


def test_a_few_far_specks_move_the_hundredth_percentile_not_the_ninety_fifth() -> None:
    truth = box((60, 30, 30), (5, 5, 5), (20, 20, 20))
    predicted = truth | box((60, 30, 30), (50, 10, 10), (2, 2, 2))
    found = surface_distances(predicted, truth, (1, 1, 1))
    assert found.hausdorff_mm(95) == 0
    assert found.hausdorff_mm(100) == pytest.approx(27)  # from x = 51.5, the speck's far side, to the box's end at 24.5


def test_the_percentile_is_one_of_area_not_of_elements() -> None:
    one_way = np.array([0.0, 1.0, 2.0, 3.0]), np.array([95.0, 2.0, 2.0, 1.0])
    other_way = np.array([0.0, 0.5]), np.array([94.0, 6.0])
    found = SurfaceDistances(*one_way, *other_way)
    assert [found.hausdorff_mm(percent) for percent in (94, 95, 96, 97, 99, 100)] == [0, 0.5, 1, 1, 2, 3]
    assert found.hausdorff_mm() == 0.5
    assert found.dice_score(0.9) == pytest.approx(195 / 200)


@given(MASKS, MASKS)
@settings(max_examples=60)
def test_a_slow_and_simple_way_finds_the_same_distances(one: np.ndarray, other: np.ndarray) -> None:
    def elements(mask: np.ndarray) -> np.ndarray:
        padded = np.pad(mask, 1)
        cubes = product(*(range(n - 1) for n in padded.shape))
        return np.array([at for at in cubes if len(set(padded[tuple(slice(a, a + 2) for a in at)].ravel().tolist())) == 2])

    assume(one.any() and other.any())
    here, there = elements(one) * ANISOTROPIC, elements(other) * ANISOTROPIC
    apart = np.linalg.norm(here[:, None] - there[None], axis=-1)
    found = surface_distances(one, other, ANISOTROPIC)
    np.testing.assert_allclose(found.predicted_mm, np.sort(apart.min(axis=1)), atol=1e-9)
    np.testing.assert_allclose(found.truth_mm, np.sort(apart.min(axis=0)), atol=1e-9)


@given(MASKS, MASKS, st.sampled_from([0.0, 0.7, 1.0, 5.0, 7.5]))
@settings(max_examples=60)
def test_what_must_not_matter_does_not(one: np.ndarray, other: np.ndarray, tolerance: float) -> None:
    def both(p: np.ndarray, t: np.ndarray, spacing: tuple[float, ...] = ANISOTROPIC, reach: float = tolerance) -> tuple[float, float]:
        return surface_dice_score(p, t, spacing, reach), hausdorff95_mm(p, t, spacing)

    score, distance = both(one, other)
    same = pytest.approx((score, distance), nan_ok=True)
    assert both(other, one) == same
    assert both(one[::-1], other[::-1]) == same
    assert both(np.pad(one, 2), np.pad(other, 2)) == same
    assert both(one.transpose(2, 0, 1), other.transpose(2, 0, 1), (5.0, 0.7, 1.1)) == same
    longer = both(one, other, tuple(3 * mm for mm in ANISOTROPIC), 3 * tolerance)
    assert longer == pytest.approx((score, 3 * distance), nan_ok=True)


def test_spacing_belongs_to_its_axis() -> None:
    one, other = blobs(1)
    assert surface_dice_score(one, other, (5.0, 1.1, 0.7), 2.0) != pytest.approx(surface_dice_score(one, other, ANISOTROPIC, 2.0))


def test_a_larger_tolerance_never_lowers_the_score() -> None:
    one, other = blobs(2)
    scores = [surface_dice_score(one, other, ANISOTROPIC, tolerance) for tolerance in np.linspace(0, 40, 60)]
    assert scores == sorted(scores)
    assert scores[0] < 0.95
    assert scores[-1] == 1


def test_a_mask_is_no_distance_from_itself() -> None:
    one, _ = blobs(3)
    assert hausdorff95_mm(one, one, ANISOTROPIC) == 0
    assert surface_dice_score(one, one, ANISOTROPIC, 0.0) == 1


def test_beside_an_empty_mask_the_score_is_nothing_and_the_distance_infinite() -> None:
    for predicted, truth in ((~EMPTY, EMPTY), (EMPTY, ~EMPTY)):
        assert surface_dice_score(predicted, truth, (1, 1, 1)) == 0
        assert hausdorff95_mm(predicted, truth, (1, 1, 1)) == math.inf


def test_between_two_empty_masks_there_is_no_number() -> None:
    assert math.isnan(surface_dice_score(EMPTY, EMPTY, (1, 1, 1)))
    assert math.isnan(hausdorff95_mm(EMPTY, EMPTY, (1, 1, 1)))


def test_rounding_does_not_push_a_distance_over_its_tolerance() -> None:
    one = box((20, 12, 12), (2, 2, 2), (8, 8, 8))
    assert 3 * 0.1 > 0.3
    assert surface_dice_score(one, np.roll(one, 3, axis=0), (0.1, 1, 1), 0.3) == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: surface_dice_score(EMPTY[0], EMPTY[0], (1, 1, 1)), "expected three axes"),
        (lambda: surface_dice_score(EMPTY, EMPTY, (1, 1)), "expected 3 positive numbers"),
        (lambda: surface_dice_score(~EMPTY, ~EMPTY, (1, 1, 1), -1.0), "expected 0 or more millimetres"),
        (lambda: surface_dice_score(~EMPTY, ~EMPTY, (1, 1, 1), math.nan), "expected 0 or more millimetres"),
        (lambda: surface_distances(~EMPTY, ~EMPTY, (1, 1, 1)).hausdorff_mm(0), "more than 0 and at most 100"),
    ],
)
def test_what_makes_no_sense_is_refused(call: object, words: str) -> None:
    with pytest.raises(BadSetting, match=words):
        call()  # type: ignore[operator]


@pytest.mark.slow
def test_monai_agrees_with_anisotropic_voxels() -> None:
    import torch
    from monai.metrics import compute_hausdorff_distance, compute_surface_dice
    from monai.metrics.utils import get_edge_surface_distance

    for seed, spacing in product(range(4), ((1.0, 1.0, 1.0), ANISOTROPIC, (5.0, 0.3, 0.8))):
        one, other = blobs(seed)
        p, t = (torch.from_numpy(mask)[None, None].float() for mask in (one, other))
        found = surface_distances(one, other, spacing)
        for tolerance in (0.55, 1.05, 5.05):  # no multiple of a spacing: MONAI's distances are float32
            theirs = compute_surface_dice(p, t, [tolerance], include_background=True, spacing=spacing, use_subvoxels=True)
            assert found.dice_score(tolerance) == pytest.approx(float(theirs), abs=1e-6)

        edges, distances, areas = get_edge_surface_distance(
            torch.from_numpy(one), torch.from_numpy(other), spacing=spacing, use_subvoxels=True, symmetric=True
        )
        worst = []
        for edge, mm, mm2 in zip(edges, distances, areas, strict=True):
            # The percentile by area, found by sorting and counting square micrometres.
            order = np.argsort(mm.numpy(), kind="stable")
            count = np.round(mm2[edge.bool()].numpy()[order].astype(float) * 1e6).cumsum()
            worst.append(float(mm.numpy()[order][count >= 0.95 * count[-1] - 1][0]))
        assert found.hausdorff_mm(95) == pytest.approx(max(worst), rel=1e-5)

        # MONAI's own Hausdorff distance runs between the centres of border voxels, each within half a voxel of an element.
        voxels = compute_hausdorff_distance(p, t, include_background=True, spacing=spacing)
        assert found.hausdorff_mm(100) == pytest.approx(float(voxels), abs=math.hypot(*spacing))


SHEARED = np.array([[0.7, 0.0, 0.0], [0.0, 0.7, 1.8], [0.0, 0.0, 5.0]])  # A gantry tilted by 20°
ROTATED = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))[0] * ANISOTROPIC


def hull_area_mm2(mask: np.ndarray, steps: np.ndarray) -> float:
    """The area of a convex mask as marching cubes draws it: the hull of the middles between inside and outside."""
    from scipy.spatial import ConvexHull

    middles = [index + half for index in np.argwhere(mask) for half in 0.5 * np.concatenate([np.eye(3), -np.eye(3)])]
    return ConvexHull(np.array(middles) @ steps.T).area


def octahedron(radius: int) -> np.ndarray:
    i, j, k = np.mgrid[-4:5, -4:5, -4:5]
    return np.abs(i) + np.abs(j) + np.abs(k) <= radius


@pytest.mark.parametrize("steps", [SHEARED, ROTATED, np.array([[1, 0.5, -0.3], [0, 2, 0.4], [0.1, 0, 3]])])
@pytest.mark.parametrize(
    "mask",
    [
        box((3, 3, 3), (1, 1, 1), (1, 1, 1)),
        box((4, 4, 9), (1, 1, 2), (1, 1, 6)),
        box((9, 7, 6), (1, 1, 1), (6, 4, 3)),
        octahedron(1),
        octahedron(3),
    ],
)
def test_the_area_of_a_convex_mask_on_sheared_axes_is_that_of_its_hull(mask: np.ndarray, steps: np.ndarray) -> None:
    found = surface_distances(mask, mask, steps)
    assert found.predicted_mm2.sum() == pytest.approx(hull_area_mm2(mask, steps))


def test_every_surface_element_faces_where_the_faces_of_its_cell_say() -> None:
    # With the parts of a cell's six faces that are inside, the element closes a surface: along each axis the areas cancel.
    from radlearn.metrics.surfaces import _area_vectors

    inside_share = {0: 0.0, 1: 1 / 8, 3: 7 / 8, 4: 1.0}
    vectors = _area_vectors()
    assert len(vectors) == sum(0 < bin(code).count("1") <= 4 and code in vectors for code in range(256)) > 160
    for code, triangles in vectors.items():
        inside = (code >> np.arange(8) & 1).astype(bool).reshape(2, 2, 2)
        for axis in range(3):
            shares = []
            for side in range(2):
                face = inside.take(side, axis=axis)
                neighbours = bool(face[0, 0] == face[0, 1] or face[0, 0] == face[1, 0])
                shares.append(inside_share.get(int(face.sum()), 1 / 2 if neighbours else 1 / 4))
            assert triangles[:, axis].sum() == pytest.approx(shares[0] - shares[1]), (code, axis)


@pytest.mark.parametrize("seed", range(3))
def test_a_rotated_matrix_gives_what_its_lengths_give(seed: int) -> None:
    one, other = blobs(seed)
    by_matrix, by_lengths = surface_distances(one, other, ROTATED), surface_distances(one, other, ANISOTROPIC)
    np.testing.assert_allclose(by_matrix.predicted_mm, by_lengths.predicted_mm, atol=1e-9)
    np.testing.assert_allclose(by_matrix.predicted_mm2.sum(), by_lengths.predicted_mm2.sum())
    assert by_matrix.dice_score(2.0) == pytest.approx(by_lengths.dice_score(2.0))


def test_a_distance_across_sheared_slices_is_that_of_the_steps() -> None:
    low, high = np.zeros((5, 5, 9), bool), np.zeros((5, 5, 9), bool)
    low[2, 2, 1] = high[2, 2, 4] = True
    # Three slices on: 3 · 1.8 mm to the side and 3 · 5 mm up.
    assert hausdorff95_mm(low, high, SHEARED) == pytest.approx(math.hypot(3 * 1.8, 15))
