"""Lobes of the right size, in the right place."""

import numpy as np
import pytest

from radlearn.digital_thorax.anatomy import Thorax
from radlearn.digital_thorax.lobes import LOBES, Lobes
from radlearn.digital_thorax.people import Posture, draw_person


def _points(thorax: Thorax, step_mm: float = 7.0) -> np.ndarray:
    low = np.minimum(thorax.sacs["right"].low_mm, thorax.sacs["left"].low_mm)
    high = np.maximum(thorax.sacs["right"].high_mm, thorax.sacs["left"].high_mm)
    axes = [np.arange(a, b, step_mm, dtype=np.float32) for a, b in zip(low, high, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij")).reshape(3, -1)
    return points[:, thorax.lung_holds("right", *points) | thorax.lung_holds("left", *points)]


@pytest.fixture(scope="module")
def thorax() -> Thorax:
    return Thorax(draw_person(0, 1, "M", 45), Posture(breath=0.2, arms_down=False))


def test_lobes_take_the_shares_of_the_lung_that_lying_people_have() -> None:
    # Yamada et al. 2020, doi:10.1159/000507265: supine, means of 32 people.
    expected = np.array([17.9, 9.3, 26.5, 23.1, 23.2])
    shares = []
    for number in range(8):
        body = Thorax(draw_person(1, number, "M" if number % 2 else "F", 50), Posture(breath=0.2, arms_down=False))
        found = np.bincount(Lobes(body).labels(*_points(body)), minlength=6)
        assert found[0] == 0
        shares.append(100 * found[1:] / found.sum())
    assert np.mean(shares, axis=0) == pytest.approx(expected, abs=3.0)
    assert np.min(shares) > 2.5


def test_every_lobe_lies_where_its_name_says(thorax: Thorax) -> None:
    points = _points(thorax)
    labels = Lobes(thorax).labels(*points)
    middles = {name: points[:, labels == number].mean(1) for number, name in enumerate(LOBES, start=1)}
    for name, middle in middles.items():
        assert (middle[0] < 0) == name.startswith("right")
    for side in ("right", "left"):
        assert middles[f"{side} upper"][2] > middles[f"{side} lower"][2] + 30
        assert middles[f"{side} upper"][1] < middles[f"{side} lower"][1] - 20
    assert middles["right middle"][1] < middles["right lower"][1] - 30
    assert middles["right middle"][2] < middles["right upper"][2] - 30


def test_the_seam_changes_sign_where_the_lobe_changes(thorax: Thorax) -> None:
    lobes = Lobes(thorax)
    z = np.arange(-60, 120, 0.5, dtype=np.float32)
    x, y = np.full_like(z, 75.0), np.full_like(z, 20.0)
    labels, seam = lobes.labels(x, y, z), lobes.seam_mm(x, y, z)
    change = int(np.flatnonzero(np.diff(labels))[0])
    assert len(np.flatnonzero(np.diff(labels))) == 1
    assert seam[change] <= 0 < seam[change + 1]
    assert abs(seam[change]) < 1.0


def test_fissures_rise_with_the_diaphragm(thorax: Thorax) -> None:
    full = Thorax(thorax.person, Posture(breath=1.0, arms_down=False))
    for side in ("right", "left"):
        assert Lobes(thorax).front_z[side] > Lobes(full).front_z[side] + 10
