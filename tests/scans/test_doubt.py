"""What is doubted of a volume has a rule that `radlearn check` knows."""

import numpy as np
import pytest

from radlearn.check.rules import RULES
from radlearn.scans.doubt import Doubt
from radlearn.scans.geometry import Volume
from radlearn.scans.hounsfield import doubts_of
from tests.check.phantom import AFFINE, chest_hu, lesion

CHEST = chest_hu(0)


@pytest.mark.parametrize("voxels", [CHEST + np.int16(1024), CHEST - np.int16(1024), lesion(), np.zeros((8, 8, 8)), CHEST[:, :, :5], -CHEST])
@pytest.mark.parametrize("affine", [AFFINE, np.eye(4)])
def test_every_doubt_has_a_rule_of_check(voxels: np.ndarray, affine: np.ndarray) -> None:
    doubts = doubts_of(Volume(voxels, affine))
    assert doubts
    assert all(isinstance(doubt, Doubt) and doubt.rule in RULES for doubt in doubts)
