"""Seeds are a function of their parts, and neighbouring cases have unrelated ones."""

import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as some

from radlearn.sample_key import SampleKey, case_seed


@given(some.integers(-(2**63), 2**63 - 1), some.lists(some.integers(0, 10**6), max_size=4))
def test_a_seed_fits_numpy_and_depends_on_its_parts_alone(seed: int, parts: list[int]) -> None:
    assert 0 <= case_seed(seed, *parts) < 2**32
    assert case_seed(seed, *parts) == case_seed(seed, *parts)


def test_neighbouring_cases_have_unrelated_seeds() -> None:
    seeds = np.array([[case_seed(seed, 0, case) for case in range(100)] for seed in range(100)], dtype=np.uint64)
    assert len(np.unique(seeds)) == seeds.size
    # Fair coins: each of the 32 bits is set in half of the 10,000 seeds, give or take six standard deviations (50 each).
    bits = [(seeds >> np.uint64(bit) & np.uint64(1)).sum() for bit in range(32)]
    assert all(4700 < count < 5300 for count in bits)
    # And flipping from one case to the next, no bit follows the last one.
    changed = (seeds[:, 1:] ^ seeds[:, :-1]).ravel()
    assert all(4600 < (changed >> np.uint64(bit) & np.uint64(1)).sum() < 5300 for bit in range(32))


def test_a_seed_is_the_same_in_every_process() -> None:
    code = "from radlearn.sample_key import SampleKey, case_seed; print(case_seed(3, *SampleKey(2, 5)))"
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert int(said) == case_seed(3, 2, 5, 0)


def test_a_key_is_epoch_case_and_repeat() -> None:
    assert SampleKey(2, 5) == SampleKey(epoch=2, case=5, repeat=0)
    assert len({case_seed(0, *SampleKey(*parts)) for parts in [(0, 1, 2), (0, 2, 1), (1, 0, 2), (2, 1, 0)]}) == 4
