"""COVID-19 lesions: where they lie, how much they are, and what is none."""

import numpy as np
import pytest

from radlearn.digital_thorax import covid
from radlearn.digital_thorax.anatomy import Thorax
from radlearn.digital_thorax.people import Posture, draw_person


@pytest.fixture(scope="module")
def thorax() -> Thorax:
    return Thorax(draw_person(0, 1, "M", 45), Posture(breath=0.2, arms_down=False))


def _lung_points(thorax: Thorax, count: int = 40_000) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    points = draw.uniform((-150, -110, -160), (150, 120, 160), (count, 3)).astype(np.float32).T
    inside = thorax.lung_holds("right", *points) | thorax.lung_holds("left", *points)
    return points[:, inside], np.array(300 * 230 * 320 / 1000 / count)


@pytest.mark.parametrize("wanted_ml", [20.0, 150.0, 600.0])
def test_lesions_are_as_large_as_wanted(thorax: Thorax, wanted_ml: float) -> None:
    points, each_ml = _lung_points(thorax)
    union = np.zeros(points.shape[1], bool)
    for lesion in covid.covid_lesions(thorax, wanted_ml, (1, 2)):
        assert lesion.parts is not None
        side = points[0] < 0 if lesion.side == "right" else points[0] >= 0
        union |= (lesion.parts(*points)[0] >= 0.5) & side
    # Overlaps count once here, and the lesions' own boxes were sampled coarsely.
    assert 0.5 * wanted_ml < union.sum() * each_ml < 1.3 * wanted_ml


def test_no_lesion_is_no_lesion(thorax: Thorax) -> None:
    assert covid.covid_lesions(thorax, 0.0, (1, 2)) == []


def test_most_lesions_are_bilateral_peripheral_basal_and_dorsal(thorax: Thorax) -> None:
    lung, _ = _lung_points(thorax)
    sac = {side: thorax.sacs[side].level for side in ("right", "left")}
    spots, both = [], 0
    for number in range(12):
        found = covid.covid_lesions(thorax, 100.0, (3, number))
        both += {lesion.side for lesion in found} == {"right", "left"}
        large = sorted(found, key=lambda one: one.low_mm[2] - one.high_mm[2])[:4]
        spots += [(one.side, 0.5 * (np.array(one.low_mm) + np.array(one.high_mm))) for one in large]
    assert both >= 8
    depth = [float(sac[side](*spot.astype(np.float32)[:, None])[0]) for side, spot in spots]
    in_lung = np.concatenate([sac["right"](*lung[:, lung[0] < 0]), sac["left"](*lung[:, lung[0] >= 0])])
    assert np.median(depth) > np.percentile(in_lung, 70)
    middles = np.array([spot for _, spot in spots])
    assert np.median(middles[:, 1]) > np.median(lung[1])
    assert np.median(middles[:, 2]) < np.median(lung[2])


@pytest.mark.parametrize("pattern", covid.PATTERNS)
def test_a_lesion_ends_at_its_box_and_its_density_lies_in_its_extent(thorax: Thorax, pattern: str) -> None:
    lesion = covid.lesion(thorax, "right", np.array([-90.0, 60.0, -20.0]), (14.0, 22.0, 18.0), pattern, np.random.default_rng(5))
    assert lesion.parts is not None
    low, high = np.array(lesion.low_mm), np.array(lesion.high_mm)
    points = np.random.default_rng(1).uniform(low - 30, high + 30, (30_000, 3)).astype(np.float32)
    extent, density = lesion.parts(*points.T)
    outside = ((points < low) | (points > high)).any(1)
    assert extent[outside].max() < 0.5
    assert (density[extent == 0] == 0).all()
    assert density.max() <= 1
    assert np.array_equal(lesion.field(*points.T), density)
    fill = float(np.median(density[extent > 0.95]))
    expected = {"ground glass": (0.05, 0.6), "crazy paving": (0.2, 0.6), "consolidation": (0.6, 1.0)}[pattern]
    assert expected[0] < fill <= expected[1]


def test_ground_glass_reaches_down_to_the_barely_visible(thorax: Thorax) -> None:
    fills = []
    for number in range(40):
        lesion = covid.lesion(thorax, "left", np.array([80.0, 60, -20]), (12.0, 18, 14), "ground glass", np.random.default_rng(number))
        points = np.array([80.0, 60, -20]) + np.random.default_rng(0).normal(0, 3, (50, 3))
        fills.append(float(np.median(lesion.field(*points.astype(np.float32).T))))
    assert min(fills) < 0.12
    assert max(fills) > 0.35


def test_a_white_lung_is_pneumonia_of_a_large_part_of_a_lung(thorax: Thorax) -> None:
    white = covid.white_lung(thorax, "left", np.random.default_rng(0))
    assert white.pneumonia
    assert white.parts is not None
    points, _ = _lung_points(thorax)
    left = points[:, points[0] > 0]
    assert (white.parts(*left)[0] >= 0.5).mean() > 0.4
