"""Scores of a class of an image, held against MONAI's and counted by hand."""

import numpy as np
import pytest
import torch
from monai.metrics import compute_dice, compute_hausdorff_distance

from radlearn.errors import BadSetting
from radlearn.metrics.label_maps import area_scores, hausdorff95


def blob(draw: np.random.Generator) -> np.ndarray:
    down, across = np.mgrid[:40, :56]
    centre, radius = draw.uniform(12, 28, 2), draw.uniform(4, 11)
    return (down - centre[0]) ** 2 + (across - centre[1] * 1.4) ** 2 < radius**2


@pytest.mark.parametrize("seed", range(6))
def test_scores_are_those_of_monai(seed: int) -> None:
    draw = np.random.default_rng(seed)
    predicted, truth, spacing = blob(draw), blob(draw), (0.4, 0.7)
    as_monai = [torch.from_numpy(mask[None, None].astype(np.float32)) for mask in (predicted, truth)]
    own = area_scores(predicted, truth, spacing)
    assert own.dice_score == pytest.approx(compute_dice(*as_monai).item(), abs=1e-6)
    far = compute_hausdorff_distance(*as_monai, include_background=True, percentile=95, spacing=spacing)
    assert own.hausdorff95 == pytest.approx(far.item(), abs=1e-5)


def test_an_image_that_is_rightly_left_empty_counts_as_one_and_has_no_distance() -> None:
    nothing, something = np.zeros((8, 8), bool), np.eye(8, dtype=bool)
    both = area_scores(nothing, nothing)
    assert np.isnan([both.dice_score, both.hausdorff95]).all()
    assert (both.dice_score_with_empty, both.area_error) == (1.0, 0.0)
    for predicted, truth in ((nothing, something), (something, nothing)):
        one = area_scores(predicted, truth)
        assert (one.dice_score, one.dice_score_with_empty, one.hausdorff95) == (0.0, 0.0, np.inf)
        assert one.area_error == 8.0


def test_a_mask_at_the_edge_of_the_image_ends_there() -> None:
    mask = np.zeros((6, 6), bool)
    mask[:3] = True
    # Row 0 is a border, because the frame is outside: nothing of the lower half is nearer than two rows.
    lower = np.zeros_like(mask)
    lower[3:] = True
    assert hausdorff95(mask, lower) == 3.0
    assert hausdorff95(mask, mask) == 0.0


def test_areas_are_in_the_square_of_the_spacing() -> None:
    mask = np.ones((4, 5), bool)
    assert area_scores(mask, mask, (0.5, 0.2)).truth_area == pytest.approx(2.0)
    with pytest.raises(BadSetting, match="same shape"):
        area_scores(mask, mask[:3])
