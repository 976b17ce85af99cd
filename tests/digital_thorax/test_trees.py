"""Trees that thin toward the pleura and stay in their lung."""

from itertools import pairwise

import numpy as np
import pytest

from radlearn.digital_thorax.anatomy import Thorax
from radlearn.digital_thorax.people import REFERENCE_POSTURE, Posture, draw_person
from radlearn.digital_thorax.trees import FORKS, lung_trees, tree_cloud


@pytest.fixture(scope="module")
def thorax() -> Thorax:
    return Thorax(draw_person(0, 2, "F", 45), REFERENCE_POSTURE)


def test_vessels_thin_with_every_generation(thorax: Thorax) -> None:
    tree = lung_trees(thorax, with_bronchi=False)["right"][0]
    means = [tree.radius_mm[np.isclose(tree.generation, step / FORKS)].mean() for step in range(FORKS + 1)]
    assert all(thin < thick for thick, thin in pairwise(means))
    assert means[-1] < 1.0 < means[0]


def test_twigs_end_inside_their_lung_and_on_their_side(thorax: Thorax) -> None:
    for side, sign in (("right", -1), ("left", 1)):
        tree = lung_trees(thorax, with_bronchi=False)[side][0]
        twigs = tree.middles_mm[:, tree.generation == 1.0]
        assert (sign * twigs[0] > 0).mean() > 0.99
        assert thorax.lung_holds(side, *twigs).mean() > 0.9


def test_the_same_person_keeps_the_same_tree_in_another_breath(thorax: Thorax) -> None:
    shallow = Thorax(thorax.person, Posture(breath=0.3, arms_down=True))
    now, then = lung_trees(shallow, with_bronchi=False)["left"][0], lung_trees(thorax, with_bronchi=False)["left"][0]
    assert np.array_equal(now.middles_mm[:2], then.middles_mm[:2])
    assert (now.middles_mm[2] >= then.middles_mm[2] - 1e-3).all()


def test_a_cloud_weighs_what_its_tree_holds(thorax: Thorax) -> None:
    tree = lung_trees(thorax, with_bronchi=False)["right"][1]
    volume = (np.pi * tree.radius_mm**2 * tree.length_mm).sum()
    assert tree_cloud(tree, 0.02).weight_mm2.sum() == pytest.approx(0.02 * volume, rel=1e-3)
