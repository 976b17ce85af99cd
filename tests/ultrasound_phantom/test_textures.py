"""Fixed fields of tissue structure."""

import numpy as np
import pytest

from radlearn.ultrasound_phantom.textures import SIZE, lobules, looked_up, septa, striae


@pytest.mark.parametrize("bank", [septa, striae])
def test_sheets_are_thin_and_run_sideways(bank: object) -> None:
    field = bank()  # type: ignore[operator]
    assert (field.min(), field.max()) >= (0, 0)
    assert field.max() <= 1
    assert 0.02 < (field > 0.3).mean() < 0.25
    down, across = (np.abs(np.diff(field, axis=axis)).mean() for axis in (0, 1))
    assert down > 2 * across


def test_slow_changes_have_mean_zero_and_deviation_one() -> None:
    assert abs(lobules().mean()) < 0.1
    assert lobules().std() == pytest.approx(1, abs=1e-3)


def test_a_field_repeats_beyond_its_ends_on_both_sides() -> None:
    places = np.array([3.0, 3.0 + SIZE, 3.0 - SIZE])
    assert len(set(looked_up(septa(), places, np.array([5.0])).tolist())) == 1
    assert looked_up(septa(), np.array([[700.0]]), np.array([[3.0]]))[0, 0] == septa()[700, 3]
