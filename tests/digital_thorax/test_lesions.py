"""Fields between 0 and 1 that end within their boxes."""

import numpy as np
import pytest

from radlearn.digital_thorax import lesions
from radlearn.digital_thorax.anatomy import Thorax
from radlearn.digital_thorax.lesions import Finding
from radlearn.digital_thorax.people import REFERENCE_POSTURE, draw_person


@pytest.fixture(scope="module")
def thorax() -> Thorax:
    return Thorax(draw_person(0, 1, "M", 45), REFERENCE_POSTURE)


def _all(thorax: Thorax, side: str) -> list[Finding]:
    draw = np.random.default_rng(5)
    return [
        *(lesions.pneumonia(thorax, side, (40, 60), 0.4, draw) for _ in range(6)),
        lesions.effusion(thorax, side, 0.4, False, draw),
        lesions.effusion(thorax, side, 0.4, True, draw),
        lesions.plate_atelectasis(thorax, side, draw),
        lesions.nodule(thorax, side, 9.0, draw),
        lesions.apical_scar(thorax, side, draw),
        lesions.oedema(thorax, side, 0.7, draw),
    ]


@pytest.mark.parametrize("side", ["right", "left"])
def test_every_finding_lies_in_its_box_on_its_side_between_nothing_and_full(thorax: Thorax, side: str) -> None:
    grid = np.meshgrid(*(np.arange(-150, 151, 9.0, dtype=np.float32),) * 3, indexing="ij")
    x, y, z = (axis.ravel() for axis in grid)
    lung = thorax.lung_holds(side, x, y, z)
    x, y, z = x[lung], y[lung], z[lung]
    for finding in _all(thorax, side):
        dense = finding.field(x, y, z)
        assert dense.min() >= 0
        assert dense.max() <= 1
        within = np.ones(len(x), bool)
        for low, high, value in zip(finding.low_mm, finding.high_mm, (x, y, z), strict=True):
            within &= (value >= low) & (value <= high)
        assert dense[~within].sum() <= 0.02 * dense.sum() + 1e-6, finding.name


def test_upright_fluid_lies_at_the_base_and_climbs_the_wall(thorax: Thorax) -> None:
    fluid = lesions.effusion(thorax, "left", 0.3, False, np.random.default_rng(0))
    z = np.linspace(-150, 100, 251, dtype=np.float32)

    def level(share: float) -> float:
        x = np.float32(share) * thorax.cage_x(z)
        return float(z[fluid.field(x, thorax.cage_y(z), z) > 0.5].max())

    assert level(0.97) > level(0.3) + 15
    assert fluid.field(np.float32([50]), np.float32([0]), np.float32([120]))[0] == 0


def test_fluid_of_the_lying_runs_to_the_back(thorax: Thorax) -> None:
    fluid = lesions.effusion(thorax, "right", 0.5, True, np.random.default_rng(0))
    x, z = np.float32([-60.0]), np.float32([-40.0])
    behind, before = thorax.cage_y(z) + 0.9 * thorax.cage_depth(z), thorax.cage_y(z) - 0.5 * thorax.cage_depth(z)
    assert fluid.field(x, behind, z)[0] > 0.9
    assert fluid.field(x, before, z)[0] == 0


def test_noise_is_even_and_repeats() -> None:
    draw = np.random.default_rng(0)
    x, y, z = draw.uniform(-100, 100, (3, 20000))
    shift = np.array([1.0, 2, 3])
    values = lesions.noise(x, y, z, 3.0, shift)
    assert abs(values.mean()) < 0.1
    assert 0.6 < values.std() < 1.2
    assert np.array_equal(values, lesions.noise(x, y, z, 3.0, shift))
