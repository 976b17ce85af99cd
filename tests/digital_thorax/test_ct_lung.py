"""What fills a lung on a CT."""

import dataclasses

import numpy as np
import pytest

from radlearn.digital_thorax import ct_findings, lesions
from radlearn.digital_thorax.anatomy import Thorax
from radlearn.digital_thorax.ct_body import CtBody
from radlearn.digital_thorax.ct_grid import boxed_geometry
from radlearn.digital_thorax.ct_lung import XRAYS_VESSELS, airway_clouds, lung_filling, vessel_cloud
from radlearn.digital_thorax.people import Posture, draw_person
from radlearn.digital_thorax.projection import LUNG, SOFT_TISSUE
from radlearn.digital_thorax.trees import lung_trees, tree_cloud

GRID = boxed_geometry(np.array([-160.0, -120, -160]), np.array([160.0, 130, 170]), (4.0, 4.0, 8.0))


@pytest.fixture(scope="module")
def body() -> CtBody:
    return CtBody(Thorax(draw_person(0, 1, "M", 45), Posture(breath=0.3, arms_down=False)), gravity=0.3)


def test_vessels_weigh_on_a_ct_what_they_weigh_on_an_xray(body: CtBody) -> None:
    trees = lung_trees(body.thorax, with_bronchi=False)
    on_xray = sum(float(tree_cloud(tree, XRAYS_VESSELS * (SOFT_TISSUE - LUNG)).weight_mm2.sum()) for side in trees for tree in trees[side])
    contrast = SOFT_TISSUE - LUNG * body.lung_density
    assert float(vessel_cloud(body, 1.0).weight_mm2.sum()) * contrast == pytest.approx(on_xray, rel=1e-3)
    assert float(vessel_cloud(body, 3.0).weight_mm2.sum()) * contrast == pytest.approx(on_xray, rel=1e-3)


def test_a_bronchus_is_wider_with_its_wall(body: CtBody) -> None:
    lumen, whole = airway_clouds(body, 1.0)
    assert 1.3 < float(whole.weight_mm2.sum()) / float(lumen.weight_mm2.sum()) < 2.0


def test_gravity_makes_the_back_denser(body: CtBody) -> None:
    def back_minus_front(gravity: float) -> float:
        filling = lung_filling(dataclasses.replace(body, gravity=gravity), GRID)
        rows = filling.tissue.shape[1]
        return float(filling.tissue[:, int(0.75 * rows)].mean() - filling.tissue[:, int(0.25 * rows)].mean())

    assert back_minus_front(0.3) > 20 > abs(back_minus_front(0.0))


def test_fluid_fills_and_is_no_lesion_and_emphysema_takes_away(body: CtBody) -> None:
    draw = np.random.default_rng(0)
    plain = lung_filling(body, GRID)
    wet = lung_filling(dataclasses.replace(body, findings=((lesions.effusion(body.thorax, "right", 0.4, True, draw), 1.0),)), GRID)
    assert wet.fluid.max() > 0.9
    assert wet.fill.sum() > plain.fill.sum() + 100
    assert not wet.extent.any()
    holes = lung_filling(dataclasses.replace(body, findings=((ct_findings.emphysema(body.thorax, "left", 0.6, draw), 1.0),)), GRID)
    assert holes.tissue.mean() < plain.tissue.mean() - 0.5
    assert holes.tissue.min() >= -1000


def test_an_xrays_own_pneumonia_gets_a_mask_too(body: CtBody) -> None:
    finding = lesions.pneumonia(body.thorax, "right", (30.0, 40.0), 0.6, np.random.default_rng(4))
    filling = lung_filling(dataclasses.replace(body, findings=((finding, 0.5),)), GRID)
    assert (filling.extent >= 0.5).any()
    assert (filling.extent[..., : filling.extent.shape[2] // 2] >= 0.5).sum() == (filling.extent >= 0.5).sum()
    assert filling.fill[filling.extent >= 0.5].mean() > 3 * filling.fill[filling.extent == 0].mean()


def test_fissures_are_thin(body: CtBody) -> None:
    fill = lung_filling(body, GRID).fill
    assert 0 < np.mean(fill > 0) < 0.5
    assert fill.max() < 0.5
