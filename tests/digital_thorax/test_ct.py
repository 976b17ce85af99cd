"""A body in voxels: tissues where they belong, partial volume, exact masks."""

import dataclasses

import numpy as np
import pytest

from radlearn.digital_thorax.ct import Ct, render_ct
from radlearn.digital_thorax.ct_body import CtBody
from radlearn.digital_thorax.ct_grid import CtGeometry, boxed_geometry
from radlearn.digital_thorax.ct_planning import draw_body, draw_scan, plan_cts
from radlearn.digital_thorax.ct_texture import Kernel

GRID = boxed_geometry(np.array([-200.0, -150, -180]), np.array([200.0, 190, 180]), (4.0, 4.0, 8.0))


@pytest.fixture(scope="module")
def body() -> CtBody:
    plan = next(plan for plan in plan_cts(20, 0, heavy=True) if plan.lesion_ml > 100 and not plan.findings)
    return draw_body(plan)


@pytest.fixture(scope="module")
def ct(body: CtBody) -> Ct:
    return render_ct(body, GRID)


def _middle_mm(mask: np.ndarray) -> np.ndarray:
    index = np.argwhere(mask).mean(0)
    middle: np.ndarray = GRID.body_from_index[:3, :3] @ index + GRID.body_from_index[:3, 3]
    return middle


def test_every_tissue_has_its_hounsfield_units(ct: Ct) -> None:
    hu, lung = ct.hu, ct.lung
    assert -1024 <= hu.min() < -990
    assert 400 < hu.max() <= 3071
    well = hu[lung & ~ct.lesion]
    assert -900 < well.mean() < -790
    assert -930 < np.median(well) < -840
    fat = ((hu > -115) & (hu < -80)).sum() / hu.size
    soft = ((hu > 20) & (hu < 80)).sum() / hu.size
    assert fat > 0.01
    assert soft > 0.08
    # Ill lung is denser than well lung.
    assert hu[ct.lesion].mean() > well.mean() + 100


def test_heart_left_liver_right_spine_behind_couch_below(body: CtBody, ct: Ct) -> None:
    matrix = GRID.body_from_index
    x, y, z = np.tensordot(matrix[:3, :3], np.indices(GRID.shape), 1) + matrix[:3, 3][:, None, None, None]
    bone = ct.hu > 350
    middle = bone & (np.abs(x) < 30) & (np.abs(z) < 60)
    assert y[middle].mean() > 30
    heart = (ct.hu > 20) & (ct.hu < 60) & (np.abs(y + 30) < 25) & (np.abs(z + 40) < 25) & (np.abs(x) < 90)
    assert x[heart].mean() > 8
    # The liver's dome stands higher than the left one: less air low on the right.
    low = z < body.thorax.dome_z["right"]
    air = ct.lung & low & (np.abs(y) < 40)
    assert (air & (x > 0)).sum() > (air & (x < 0)).sum()
    couch = (ct.hu > -600) & (y > body.back_mm() + 6)
    assert couch.any()
    assert not (couch & (z > 1000)).any()
    assert _middle_mm(ct.lung)[0] == pytest.approx(0, abs=15)


def test_masks_are_where_the_drawn_lesions_are(body: CtBody, ct: Ct) -> None:
    assert (ct.lesion <= ct.lung).all()
    places = np.argwhere(ct.lesion) @ GRID.body_from_index[:3, :3].T + GRID.body_from_index[:3, 3]
    extent = np.zeros(len(places))
    for finding, _ in body.findings:
        parts = getattr(finding, "parts", None)
        if parts is not None:
            extent = np.maximum(extent, parts(*places.T.astype(np.float32))[0])
    # The middle of a voxel stands for its mean: at borders and in thick slices they may differ.
    assert np.mean(extent >= 0.5) > 0.85
    points = np.random.default_rng(0).integers(0, np.array(GRID.shape), (4000, 3))
    well = points[~ct.lesion[tuple(points.T)] & ct.lung[tuple(points.T)]]
    places = (well @ GRID.body_from_index[:3, :3].T + GRID.body_from_index[:3, 3]).T.astype(np.float32)
    drawn = np.max([finding.parts(*places)[0] for finding, _ in body.findings if getattr(finding, "parts", None)], axis=0)
    assert np.mean(drawn >= 0.5) < 0.03


def test_a_body_without_lesions_has_an_empty_mask(body: CtBody) -> None:
    clear = dataclasses.replace(body, findings=())
    assert not render_ct(clear, GRID).lesion.any()


def test_the_same_body_on_a_flipped_grid_is_the_same_body_flipped(body: CtBody, ct: Ct) -> None:
    scanner = GRID.scanner_from_index.copy()
    scanner[:3, 3] += scanner[:3, 2] * (GRID.shape[2] - 1)
    scanner[:3, 2] *= -1
    flipped = render_ct(body, CtGeometry(GRID.shape, np.diag([-1.0, -1, 1, 1]) @ scanner, np.eye(4)))
    # Texture is laid out in slices and so differs; anatomy does not.
    assert np.mean(flipped.lung[:, :, ::-1] != ct.lung) < 0.002
    assert np.abs(flipped.hu[:, :, ::-1].astype(float) - ct.hu).mean() < 6


def test_noise_is_added_and_the_circle_padded(body: CtBody, ct: Ct) -> None:
    grid = dataclasses.replace(GRID, circle=True)
    noisy = render_ct(body, grid, Kernel(0.6, 0.0, 20.0, 1.0))
    assert (noisy.hu[0, 0] == -3025).all()
    assert noisy.hu[GRID.shape[0] // 2, GRID.shape[1] // 2].min() >= -1024
    deep = ct.lung & ~ct.lesion
    assert noisy.hu[deep].std() > 0
    again = render_ct(body, grid, Kernel(0.6, 0.0, 20.0, 1.0))
    assert np.array_equal(noisy.hu, again.hu)


def test_the_mask_of_a_thick_slice_is_what_half_of_it_holds(body: CtBody) -> None:
    grid = dataclasses.replace(GRID, affine_ras=GRID.affine_ras @ np.diag([1.0, 1, 0.5, 1]), shape=(*GRID.shape[:2], 2 * GRID.shape[2]))
    thin, thick = (render_ct(body, grid, Kernel(0.6, 0.0, 5.0, 1.0, slice_mm)) for slice_mm in (0.0, 12.0))
    # Three slices of 4 mm: the majority of three.
    held = thin.lesion.astype(int)[:, :, :-2] + thin.lesion[:, :, 1:-1] + thin.lesion[:, :, 2:]
    assert np.array_equal(thick.lesion[:, :, 1:-1], held >= 2)
    assert thick.hu[thin.lung & ~thin.lesion].std() < 1.1 * thin.hu[thin.lung & ~thin.lesion].std()


def test_a_lung_that_has_breathed_out_is_as_dense_as_it_is_said_to_be() -> None:
    means = {}
    for out in (0.0, 1.0):
        plan = dataclasses.replace(plan_cts(1, 3)[0], lesion_ml=0.0, white_lung=False, findings=(), expiration=out)
        ct = render_ct(draw_body(plan), GRID)
        means[out] = (float(ct.hu[ct.lung].mean()), ct.lung_ml)
    assert -900 < means[0.0][0] < -810
    assert -760 < means[1.0][0] < -640
    assert means[1.0][1] < 0.85 * means[0.0][1]


def test_a_small_ct_of_the_cohort_is_in_memory_order_of_the_file() -> None:
    plan = plan_cts(1, 3)[0]
    body = draw_body(plan)
    ct = render_ct(body, *draw_scan(plan, body))
    assert ct.hu.shape == ct.lesion.shape == ct.geometry.shape
    assert ct.hu.dtype == np.int16
    assert ct.hu.flags.f_contiguous
    assert 2000 < ct.lung_ml < 8000
