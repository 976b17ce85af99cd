"""A CT is known again after the most ordinary export, and another one is not."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from radlearn.scans.ct_look_alikes import SAME_ABOVE, CtLooks, layers_at_all_heights, thumbnail_of_ct

SPACING = (3.0, 3.0, 5.0)


def chest(seed: int) -> tuple[np.ndarray, np.ndarray]:
    fine = gaussian_filter(np.random.default_rng(seed).normal(size=(96, 80, 60)), (1.5, 1.5, 1))
    hu = (-850 + 900 * fine / fine.std() / 3).astype(np.float32)
    lungs = np.zeros(hu.shape, bool)
    lungs[8:88, 8:72, 4:56] = True
    return hu, lungs


def half_as_many(values: np.ndarray, axis: int) -> np.ndarray:
    even, odd = (np.take(values, np.arange(start, values.shape[axis], 2), axis) for start in (0, 1))
    return (even + odd) / 2


COPIES: dict[str, Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, tuple[float, float, float]]]] = {
    "clipped": lambda hu, lungs: (hu.clip(-1000, 400), lungs, SPACING),
    "noisier": lambda hu, lungs: (hu + np.random.default_rng(9).normal(0, 25, hu.shape), lungs, SPACING),
    "without slices at both ends": lambda hu, lungs: (hu[..., 7:-8], lungs[..., 7:-8], SPACING),
    "half the rows and columns": lambda hu, lungs: (half_as_many(half_as_many(hu, 0), 1), lungs[::2, ::2], (6.0, 6.0, 5.0)),
    "slices as thick again": lambda hu, lungs: (half_as_many(hu, 2), lungs[..., ::2], (3.0, 3.0, 10.0)),
}


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_is_known_and_another_ct_is_not(copy: str) -> None:
    chests = [chest(seed) for seed in range(4)]
    known = CtLooks(np.stack([thumbnail_of_ct(layers_at_all_heights(*one, SPACING)) for one in chests]))
    found = known.likeness(layers_at_all_heights(*COPIES[copy](*chests[2])))
    assert (found > SAME_ABOVE).tolist() == [False, False, True, False]


def test_what_is_too_low_to_be_told_is_like_none() -> None:
    hu, lungs = chest(0)
    known = CtLooks(thumbnail_of_ct(layers_at_all_heights(hu, lungs, SPACING))[None])
    assert known.likeness(layers_at_all_heights(hu[..., 10:20], None, SPACING)).tolist() == [0]
    assert known.likeness(layers_at_all_heights(hu[..., :1], None, SPACING)).tolist() == [0]
