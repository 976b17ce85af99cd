"""Where a lesion of the lung can lie: in a chest whose ribs, muscles and couch are known, in built-in patients, in real ones."""

from pathlib import Path

import numpy as np
import pytest

from radlearn.digital_thorax.ct import render_ct
from radlearn.digital_thorax.ct_planning import draw_body, draw_scan, plan_cts
from radlearn.scans.chest_air import body_of, lungs_of, smoothed
from radlearn.scans.geometry import Grid, to_orientation
from radlearn.scans.lung_hull import hull_of
from radlearn.scans.lungs import find_lungs_and_hull, lung_box, lung_hull, lung_mask
from radlearn.scans.mask_files import read_mask
from radlearn.scans.nifti import read_volume

SPACING = (5.0, 5.0, 6.0)
SHAPE = (84, 72, 56)
LPS = np.array([[-5.0, 0, 0, 200], [0, -5.0, 0, 150], [0, 0, 6, -180], [0, 0, 0, 1]])
# Millimetres, x to the left, y to the back, z to the head, from the middle of the scan.
X, Y, Z = np.meshgrid(*[(np.arange(count) - (count - 1) / 2) * step for count, step in zip(SHAPE, SPACING, strict=True)], indexing="ij")


def ellipsoid(centre: tuple[float, float, float], radii: tuple[float, float, float]) -> np.ndarray:
    return sum(((axis - c) / r) ** 2 for axis, c, r in zip((X, Y, Z), centre, radii, strict=True)) < 1  # type: ignore[return-value]


def tube(across: float, down: float) -> np.ndarray:
    return (X / across) ** 2 + (Y / down) ** 2 < 1


BODY, CAGE, INSIDE = tube(172, 132), tube(148, 104), tube(140, 96)
RIGHT, LEFT = (ellipsoid((x, 0, 10), (60, 86, 125)) & tube(136, 92) for x in (-72, 72))
LUNGS = RIGHT | LEFT
COUCH = (Y > 152) & (Y < 164) & (np.abs(X) < 190)
COLLARBONES = (np.abs(np.abs(X) - 60) < 40) & (np.abs(Y + 118) < 6) & (np.abs(Z - 110) < 7)
SHOULDER_BLADES = (np.abs(np.abs(X) - 80) < 40) & (np.abs(Y - 118) < 5) & (Z > 0)
BACK_MUSCLES = BODY & (Y > 0) & ~tube(163, 119)


def chest(white: np.ndarray | None = None, ribs: bool = True) -> np.ndarray:
    """HU int16 (i, j, k) in LPS; `white` is as dense as liver."""
    hu = np.full(SHAPE, -1000.0)
    hu[COUCH] = -50
    hu[BODY] = 40
    if ribs:
        # Sloping, so that a slice cuts some of them only; in front they end in cartilage.
        hu[CAGE & ~INSIDE & ((Z + 0.4 * Y) % 24 < 12) & (Y > -96)] = 600
        hu[COLLARBONES | SHOULDER_BLADES] = 600
    hu[LUNGS] = -850
    hu[LUNGS & (((X + 3 * Z) % 40 < 5) & (Y % 30 < 6))] = 30
    if white is not None:
        hu[white] = 30
    return np.rint(hu + np.random.default_rng(0).normal(0, 15, SHAPE)).astype(np.int16)


HEALTHY = chest()


@pytest.fixture(scope="module")
def healthy() -> np.ndarray:
    return lung_hull(HEALTHY, LPS)


def test_it_holds_the_lungs_and_neither_couch_nor_back_nor_collarbones_nor_shoulder_blades(healthy: np.ndarray) -> None:
    assert healthy[LUNGS].all()
    for outside in (COUCH, BACK_MUSCLES, SHOULDER_BLADES & ~tube(158, 114)):
        assert outside.any()
        assert not healthy[outside].any()
    # Their ends at the breastbone, where ribs are cartilage, lie within its margin.
    assert healthy[COLLARBONES].mean() < 0.1
    # Above and below the lungs it ends soon.
    assert not healthy[Z > 135 + 17].any()
    assert not healthy[Z < -115 - 60].any()


def test_in_any_orientation_the_same_places_are_meant(healthy: np.ndarray) -> None:
    for code in ("RAS", "SAR", "PIL"):
        turned, affine = to_orientation(HEALTHY, LPS, code)
        np.testing.assert_array_equal(lung_hull(turned, affine), to_orientation(healthy, LPS, code)[0])


WHITE = {
    "right lung": RIGHT,
    "left lung": LEFT,
    "backs of both": LUNGS & (Y > 15),
    "bases of both": LUNGS & (Z < -80),
    "base and back of the right": RIGHT & ((Z < -60) | (Y > 0)),
    "apex of the left": LEFT & (Z > 70),
    "front of the right": RIGHT & (Y < -20),
}


@pytest.mark.parametrize("where", WHITE)
def test_white_lung_and_effusion_lie_in_it_though_no_air_shows_them(where: str) -> None:
    white = WHITE[where]
    hu = chest(white)
    assert lung_mask(hu, LPS)[white].mean() < 0.75, "the lungs found by their air would lose it"
    hull = lung_hull(hu, LPS)
    # Of an airless base, only as much is known as lungs usually are high.
    assert hull[white].mean() > (0.98 if "bases" in where else 0.995)
    assert not hull[COUCH | BACK_MUSCLES].any()


def test_what_is_calcified_in_the_lung_is_no_rib() -> None:
    stone = ellipsoid((-100, 20, 0), (10, 10, 14))
    white = RIGHT & (Y > 15)
    hu = chest(white)
    hu[stone] = 900
    # Before the last air of its rays; further out is white lung.
    hull = lung_hull(hu, LPS)
    assert hull[white].mean() > 0.97


def test_without_any_rib_it_is_what_air_shows_and_a_margin() -> None:
    lungs, _, hull = find_lungs_and_hull(chest(ribs=False), LPS)
    assert hull[lungs].all()
    assert hull[LUNGS].mean() > 0.95
    assert not hull[COUCH | BACK_MUSCLES].any()


def test_without_lungs_it_is_the_whole_scan_and_the_box_says_why() -> None:
    abdomen = np.where(BODY, 40, -1000).astype(np.int16)
    abdomen[ellipsoid((50, -60, 0), (25, 20, 20))] = -1000  # gas
    lungs, box, hull = find_lungs_and_hull(abdomen, LPS)
    assert hull.all()
    assert not lungs.any()
    assert box.is_body
    assert "no lung that holds air was found" in box.note


def test_one_search_finds_what_three_find(healthy: np.ndarray) -> None:
    lungs, box, hull = find_lungs_and_hull(HEALTHY, LPS)
    np.testing.assert_array_equal(lungs, lung_mask(HEALTHY, LPS))
    np.testing.assert_array_equal(hull, healthy)
    assert box == lung_box(HEALTHY, LPS)


def test_on_the_coarse_grid_it_is_empty_where_no_lung_holds_air() -> None:
    hu = np.where(BODY, 40.0, -1000.0)
    smooth, grid = smoothed(hu), Grid(SHAPE, LPS)
    body = body_of(hu, smooth)
    lungs = lungs_of(hu, smooth, body, grid, 42.0)
    assert not hull_of(hu, body, lungs, grid, 42.0).any()
    assert not hull_of(hu, np.zeros(SHAPE, bool), LUNGS, grid, 42.0).any()


@pytest.mark.parametrize(("number", "shows"), [(45, "white lung"), (18, "effusion"), (33, "consolidation")])
def test_no_lesion_of_a_built_in_patient_is_lost(number: int, shows: str) -> None:
    plan = plan_cts(120, 0, "small", True)[number - 1]
    body = draw_body(plan)
    ct = render_ct(body, *draw_scan(plan, body))
    assert {"white lung": plan.white_lung, "effusion": "effusion" in plan.findings, "consolidation": ct.lesion_ml > 400}[shows]
    lungs, _, hull = find_lungs_and_hull(ct.hu, ct.geometry.affine_ras)
    assert ct.lesion[~lungs].sum() > 0.3 * ct.lesion.sum(), "air alone would lose much"
    assert ct.lesion[~hull].sum() < 0.003 * ct.lesion.sum()
    assert ct.lung[~hull].sum() < 0.003 * ct.lung.sum()


@pytest.mark.parametrize("name", ["id001-128x128x64", "id002-128x128x64"])
def test_real_lungs_lie_in_it_and_the_couch_does_not(shared_data: Path, name: str) -> None:
    scan = read_volume(shared_data / "ct_real_sample" / f"{name}.nii.gz")
    truth = read_mask(shared_data / "ct_real_sample" / f"{name}-msk.nii.gz", scan).voxels
    hull = to_orientation(lung_hull(scan.voxels, scan.affine), scan.affine, "LPS")[0]
    lungs = to_orientation(truth, scan.affine, "LPS")[0]
    assert hull[lungs].mean() > 0.999
    # Behind the rearmost lung there are at most ribs.
    rearmost = int(np.flatnonzero(lungs.any(axis=(0, 2)))[-1])
    levels = lungs.any(axis=(0, 1))
    assert not hull[:, rearmost + round(25 / 3) :, levels].any()
