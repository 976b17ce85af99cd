"""Intervals of volumes hold the true one as often as promised, on cohorts that were not used to choose them."""

import numpy as np
import pytest

from radlearn.errors import BadSetting
from radlearn.metrics.conformal_volume import FEWEST_SCANS, conformal_volume


def volumes(seed: int, scans: int) -> tuple[np.ndarray, np.ndarray]:
    """Predicted and true volumes: burdens from nothing to a litre, relative errors, a bias, lesions that were missed or invented."""
    draw = np.random.default_rng(seed)
    truth = np.where(draw.random(scans) < 0.1, 0.0, draw.lognormal(4, 1.5, scans))
    predicted = truth * draw.lognormal(-0.1, 0.3, scans) + draw.exponential(1.0, scans) * (draw.random(scans) < 0.5)
    return np.where(draw.random(scans) < 0.03, 0.0, predicted), truth


@pytest.mark.parametrize("scans", [4, 6, 9, 30, 60, 200])
def test_coverage_is_what_was_promised_whatever_the_number_of_validation_scans(scans: int) -> None:
    shares, promised = [], 0.0
    for cohort in range(200):
        chosen = conformal_volume(*volumes(cohort, scans))
        assert chosen is not None
        predicted, truth = volumes(50_000 + cohort, 200)
        low, high = chosen.around(predicted)
        shares.append(((low <= truth) & (truth <= high)).mean())
        promised = chosen.coverage
    assert promised == pytest.approx(min(0.9, scans / (scans + 1)))
    assert abs(np.mean(shares) - promised) < 0.03


def test_the_interval_is_counted_by_hand() -> None:
    # Errors of square roots: 0, 1, 2, 3 and five times 0.5; of nine the ninth is needed for nine tenths.
    predicted = [100, 81, 64, 49, *[100] * 5]
    truth = [100, 100, 100, 100, *[9.5**2] * 5]
    chosen = conformal_volume(predicted, truth)
    assert chosen is not None
    assert (chosen.root_error, chosen.coverage, chosen.scans) == (3.0, 0.9, 9)
    half = conformal_volume(predicted, truth, coverage=0.5)
    assert half is not None
    assert half.root_error == pytest.approx(0.5)


def test_an_interval_holds_the_predicted_volume_and_ends_at_nothing() -> None:
    chosen = conformal_volume(*volumes(0, 40))
    assert chosen is not None
    predicted = np.array([0.0, 0.1, 5.0, 500.0])
    low, high = chosen.around(predicted)
    assert ((low >= 0) & (low <= predicted) & (predicted <= high)).all()
    assert low[0] == 0
    # Where nothing was found, something may still be there.
    assert high[0] > 0
    assert (np.diff(high - low) > 0).all()


def test_a_better_segmenter_has_narrower_intervals() -> None:
    draw = np.random.default_rng(0)
    truth = draw.lognormal(4, 1.5, 100)
    widths = [chosen.root_error for noise in (0.05, 0.2, 0.6) if (chosen := conformal_volume(truth * draw.lognormal(0, noise, 100), truth))]
    assert len(widths) == 3
    assert widths == sorted(widths)


def test_too_few_scans_have_no_interval() -> None:
    assert conformal_volume([1.0] * (FEWEST_SCANS - 1), [1.0] * (FEWEST_SCANS - 1)) is None
    assert conformal_volume([], []) is None
    assert conformal_volume([1.0] * FEWEST_SCANS, [1.0] * FEWEST_SCANS) is not None


def test_what_is_no_volume_is_refused() -> None:
    with pytest.raises(BadSetting, match="coverage is 1"):
        conformal_volume([1, 2], [1, 2], coverage=1)
    with pytest.raises(BadSetting, match="one of each per scan"):
        conformal_volume([1, 2], [1])
    with pytest.raises(BadSetting, match=r"-1\.0 ml"):
        conformal_volume([1, 2, 3, -1], [1, 2, 3, 4])
    with pytest.raises(BadSetting, match="nan ml"):
        conformal_volume([1, 2, 3, 4], [1, 2, 3, float("nan")])
