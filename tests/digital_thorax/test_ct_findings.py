"""Findings other than pneumonia: where they lie, and what they do to the lung."""

import numpy as np
import pytest

from radlearn.digital_thorax import ct_findings
from radlearn.digital_thorax.anatomy import Thorax
from radlearn.digital_thorax.lesions import Finding
from radlearn.digital_thorax.people import Posture, draw_person


@pytest.fixture(scope="module")
def thorax() -> Thorax:
    return Thorax(draw_person(0, 1, "M", 45), Posture(breath=0.2, arms_down=False))


def made(thorax: Thorax, name: str, number: int = 0) -> Finding:
    draw = np.random.default_rng(number)
    return {
        "emphysema": lambda: ct_findings.emphysema(thorax, "right", 0.4, draw),
        "dependent density": lambda: ct_findings.dependent_density(thorax, "right", 0.2, draw),
        "bulla": lambda: ct_findings.bulla(thorax, "right", 20.0, draw),
        "air trapping": lambda: ct_findings.air_trapping(thorax, "right", 0.3, draw),
        "tumour": lambda: ct_findings.tumour(thorax, "right", 20.0, draw),
    }[name]()


def around(finding: Finding, count: int = 60_000) -> np.ndarray:
    """Return points (3, count) in a box that is larger than the finding's."""
    low, high = np.array(finding.low_mm), np.array(finding.high_mm)
    return np.random.default_rng(1).uniform(low - 30, high + 30, (count, 3)).astype(np.float32).T


@pytest.mark.parametrize("name", ["emphysema", "dependent density", "bulla", "air trapping", "tumour"])
def test_it_is_a_share_of_the_lung_and_no_pneumonia(thorax: Thorax, name: str) -> None:
    finding = made(thorax, name)
    assert finding.name == name
    assert not finding.pneumonia
    share = finding.field(*around(finding))
    assert share.min() >= 0
    assert 0.05 < share.max() <= 1


@pytest.mark.parametrize("name", ["bulla", "tumour"])
def test_it_ends_at_its_box_and_has_the_size_that_was_asked_for(thorax: Thorax, name: str) -> None:
    for number in range(5):
        finding = made(thorax, name, number)
        points = around(finding)
        share = finding.field(*points)
        low, high = np.array(finding.low_mm), np.array(finding.high_mm)
        outside = ((points < low[:, None]) | (points > high[:, None])).any(0)
        assert share[outside].max() < 0.02
        volume_ml = (share > 0.5).mean() * np.prod(high - low + 60) / 1000
        assert volume_ml == pytest.approx(4 / 3 * np.pi * 20**3 / 1000, rel=0.45)
        middle = (0.5 * (low + high)).astype(np.float32)
        assert thorax.lung_holds("right", *middle[:, None]).all()


def test_bullae_lie_in_the_upper_half_of_the_lung(thorax: Thorax) -> None:
    heights = [0.5 * (one.low_mm[2] + one.high_mm[2]) for one in (made(thorax, "bulla", number) for number in range(20))]
    assert min(heights) > 0.5 * (thorax.dome_z["right"] + thorax.apex_z) - 1


def test_gravity_leaves_its_strip_at_the_back(thorax: Thorax) -> None:
    strip = made(thorax, "dependent density", 2)
    points = np.random.default_rng(0).uniform((-150, -110, -160), (0, 120, 160), (40_000, 3)).astype(np.float32).T
    points = points[:, thorax.lung_holds("right", *points)]
    there = strip.field(*points) > 0.05
    assert there.any()
    assert points[1][there].min() > np.median(points[1])
