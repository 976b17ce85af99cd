"""The mean of what several runs predict for a scan, and how far their masks differ."""

import numpy as np
import pytest

from radlearn.errors import BadSetting
from radlearn.tasks.segmentation.disagreement import MaskDisagreement, mean_probability
from radlearn.tasks.segmentation.postprocessing import MaskPostprocessing

HALF = MaskPostprocessing(0.5)
# A voxel of 1 ml.
ML = (10.0, 10.0, 10.0)


def block(*voxels: tuple[int, int, int]) -> np.ndarray:
    """0.9 at some voxels, 0.1 elsewhere."""
    made = np.full((4, 4, 4), 0.1, np.float32)
    for voxel in voxels:
        made[voxel] = 0.9
    return made


def test_the_mean_is_that_of_numpy_and_what_the_runs_returned_is_left_as_it_was() -> None:
    each = [np.random.default_rng(seed).random((5, 6, 7)).astype(np.float32) for seed in range(4)]
    before = [one.copy() for one in each]
    mean, _ = mean_probability(iter(each), [HALF] * 4, ML)
    assert mean.dtype == np.float32
    np.testing.assert_allclose(mean, np.mean(np.stack(each).astype(np.float64), axis=0), atol=1e-7)
    for one, other in zip(each, before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_of_a_single_run_it_is_its_own_and_nothing_differs() -> None:
    probability = block((0, 0, 0))
    mean, differ = mean_probability([probability], [HALF], ML)
    assert mean is probability
    assert differ is None


def test_a_run_and_its_copy_are_the_run() -> None:
    probability = np.random.default_rng(0).random((5, 6, 7)).astype(np.float32)
    mean, differ = mean_probability([probability, probability.copy()], [HALF] * 2, ML)
    np.testing.assert_array_equal(mean, probability)
    assert differ == MaskDisagreement(0.0, 0.0)


def test_volumes_and_overlaps_are_counted_by_hand() -> None:
    one, two, three = block((0, 0, 0), (0, 0, 1)), block((0, 0, 0)), block((3, 3, 3), (3, 3, 2), (3, 3, 1))
    _, differ = mean_probability([one, two, three], [HALF] * 3, ML)
    assert differ is not None
    # 2, 1 and 3 ml; Dice 2/3, 0 and 0.
    assert differ.volume_sd_ml == pytest.approx((2 / 3) ** 0.5)
    assert differ.disagreement == pytest.approx(1 - 2 / 9)


def test_equal_volumes_in_other_places_differ_in_overlap_alone() -> None:
    _, differ = mean_probability([block((0, 0, 0)), block((1, 1, 1))], [HALF] * 2, ML)
    assert differ == MaskDisagreement(0.0, 1.0)


def test_two_empty_masks_agree_and_an_empty_one_differs_from_any_other() -> None:
    assert mean_probability([block(), block()], [HALF] * 2, ML)[1] == MaskDisagreement(0.0, 0.0)
    assert mean_probability([block(), block((0, 0, 0))], [HALF] * 2, ML)[1] == MaskDisagreement(0.5, 1.0)


def test_each_run_is_asked_with_its_own_postprocessing() -> None:
    _, differ = mean_probability([block((0, 0, 0))] * 2, [HALF, MaskPostprocessing(0.95)], ML)
    assert differ == MaskDisagreement(0.5, 1.0)


def test_as_many_probabilities_as_runs_are_expected() -> None:
    with pytest.raises(ValueError, match="zip"):
        mean_probability([block()] * 3, [HALF] * 2, ML)
    with pytest.raises(BadSetting, match="threshold"):
        mean_probability([block()] * 2, [MaskPostprocessing(0.0)] * 2, ML)
