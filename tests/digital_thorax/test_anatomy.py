"""The chest's proportions, sides and scale."""

import numpy as np
import pytest

from radlearn.digital_thorax.anatomy import Thorax
from radlearn.digital_thorax.people import REFERENCE_POSTURE, Posture, draw_person


def _lung_ml(thorax: Thorax, side: str, step_mm: float = 6.0) -> float:
    low, high = thorax.sacs[side].low_mm, thorax.sacs[side].high_mm
    axes = [np.arange(a, b, step_mm, dtype=np.float32) for a, b in zip(low, high, strict=True)]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    return float(thorax.lung_holds(side, x, y, z).sum()) * step_mm**3 / 1000


@pytest.fixture(scope="module")
def man() -> Thorax:
    return Thorax(draw_person(0, 1, "M", 45), REFERENCE_POSTURE)


def test_lungs_hold_what_adult_lungs_hold_and_the_right_one_more() -> None:
    # 4.5 ± 1.3 l at full inspiration (doi:10.2147/COPD.S187596).
    volumes = []
    for number in range(8):
        thorax = Thorax(draw_person(0, number, "M" if number % 2 else "F", 40), REFERENCE_POSTURE)
        right, left = _lung_ml(thorax, "right"), _lung_ml(thorax, "left")
        assert right > left
        volumes.append(right + left)
    assert 3200 < np.mean(volumes) < 5800


def test_a_shallow_breath_raises_the_diaphragm_and_empties_the_lung(man: Thorax) -> None:
    shallow = Thorax(man.person, Posture(breath=0.2, arms_down=True))
    assert shallow.dome_z["right"] > man.dome_z["right"] + 20
    assert _lung_ml(shallow, "right") < 0.9 * _lung_ml(man, "right")


def test_the_heart_lies_to_the_left_and_the_liver_side_stands_higher(man: Thorax) -> None:
    left = max(solid.high_mm[0] for solid in man.heart)
    right = -min(solid.low_mm[0] for solid in man.heart)
    assert left > 1.3 * right > 0
    assert man.dome_z["right"] > man.dome_z["left"]


def test_no_lung_lies_in_the_heart_or_below_the_dome(man: Thorax) -> None:
    draw = np.random.default_rng(0)
    points = draw.uniform((-140, -100, -150), (140, 110, 150), (4000, 3)).astype(np.float32).T
    for side in ("right", "left"):
        inside = man.lung_holds(side, *points)
        assert inside.any()
        for solid in man.obstacles(side):
            assert not (inside & solid.holds(*points)).any()
        assert np.array_equal(inside, man.lung_level(side)(*points) < 0)


def test_a_larger_heart_is_larger(man: Thorax) -> None:
    grown = Thorax(man.person, Posture(breath=1.0, arms_down=False, heart_growth=1.3))
    assert max(s.high_mm[0] for s in grown.heart) > 1.15 * max(s.high_mm[0] for s in man.heart)
