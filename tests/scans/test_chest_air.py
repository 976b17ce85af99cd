"""Which air is lung: each kind of other air, alone, in a body of simple shapes."""

import numpy as np
from scipy import ndimage

from radlearn.scans.chest_air import AIR_HU, body_of, lungs_of, smoothed
from radlearn.scans.geometry import Grid

SHAPE = (64, 52, 30)
GRID = Grid(SHAPE, np.diag([-5.0, -5.0, 8.0, 1.0]))
X, Y, Z = np.indices(SHAPE)
BODY = ((X - 31.5) / 28) ** 2 + ((Y - 22) / 19) ** 2 < 1
RIGHT = (X > 9) & (X < 24) & (Y > 10) & (Y < 34) & (Z > 8) & (Z < 26)
LEFT = (X > 39) & (X < 54) & (Y > 10) & (Y < 34) & (Z > 8) & (Z < 26)


def chest() -> np.ndarray:
    hu = np.full(SHAPE, -1000.0, np.float32)
    hu[BODY] = 40
    hu[RIGHT | LEFT] = -850
    return hu


def lungs_found(hu: np.ndarray) -> np.ndarray:
    smooth = smoothed(hu)
    return lungs_of(hu, smooth, body_of(hu, smooth), GRID, 32.0)


def differing(found: np.ndarray, truth: np.ndarray) -> float:
    """The share of voxels that differ; the sharp corners of a block of lung are rounded off."""
    return float((found ^ truth).sum() / truth.sum())


def test_the_body_is_all_that_the_skin_surrounds_and_no_couch() -> None:
    hu = chest()
    hu[:, 45:47] = 0
    found = body_of(hu, smoothed(hu))
    assert found[BODY].mean() > 0.99
    assert not found[~ndimage.binary_dilation(BODY)].any()


def test_lungs_of_a_healthy_chest() -> None:
    assert differing(lungs_found(chest()), RIGHT | LEFT) < 0.01


def test_air_between_the_arms_and_the_chest_is_no_lung() -> None:
    hu = chest()
    hu[0:3, 15:30] = 40  # an arm, which the rubber band around all spans
    hu[3:6, 20:24] = 40  # touching
    assert not (lungs_found(hu) & ~(RIGHT | LEFT)).any()


def test_a_hole_in_the_chest_wall_at_the_edge_of_the_field_loses_no_lung() -> None:
    hu = chest()
    hu[:14] = AIR_HU
    found = lungs_found(hu)
    seen = RIGHT & (X >= 16)
    assert (found & seen).sum() > 0.9 * seen.sum()
    assert differing(found & (X > 32), LEFT) < 0.01


def test_a_trachea_is_followed_from_the_top_and_left_out() -> None:
    hu = chest()
    trachea = (abs(X - 31.5) < 2) & (abs(Y - 22) < 2) & (Z > 12)
    hu[trachea] = -1000
    assert not (lungs_found(hu) & trachea).any()


def test_a_stomach_that_touches_the_lung_is_left_out() -> None:
    hu = chest()
    stomach = (X > 39) & (X < 53) & (Y > 12) & (Y < 30) & (Z > 2) & (Z < 9)
    hu[stomach] = -1000
    found = lungs_found(hu)
    assert (found & stomach).sum() < 0.05 * stomach.sum()
    assert (found & LEFT).sum() > 0.85 * LEFT.sum()


def test_bowel_with_contents_below_the_lungs_is_left_out() -> None:
    hu = chest()
    bowel = (X > 20) & (X < 44) & (Y > 8) & (Y < 14) & (Z > 0) & (Z < 6)
    hu[bowel] = -700
    assert differing(lungs_found(hu), RIGHT | LEFT) < 0.01


def test_dark_gas_high_up_is_emphysema_and_stays() -> None:
    hu = chest()
    bulla = (X > 12) & (X < 22) & (Y > 14) & (Y < 28) & (Z > 19) & (Z < 25)
    hu[bulla] = -990
    assert lungs_found(hu)[bulla].all()


def test_a_band_of_dense_tissue_within_the_closing_is_filled_and_the_mediastinum_is_not() -> None:
    hu = chest()
    hu[:, :, 15:17] = np.where(RIGHT, 40, hu)[:, :, 15:17]
    found = lungs_found(hu)
    assert differing(found, RIGHT | LEFT) < 0.02
    assert not found[26:38].any()


def test_no_air_no_lungs_and_no_solid_no_body() -> None:
    hu = chest()
    hu[RIGHT | LEFT] = 40
    assert not lungs_found(hu).any()
    nothing = np.full(SHAPE, AIR_HU, np.float32)
    assert not body_of(nothing, nothing).any()
