"""The distance from the training images: against scikit-learn, and its promise on made features."""

import numpy as np
import pytest

from radlearn.errors import BadSetting
from radlearn.metrics.feature_distance import MOST_DIRECTIONS, OodScores, fit_feature_distance, mean_scores


def features(seed: int, images: int, count: int = 60, shift: float = 0.0) -> np.ndarray:
    """Correlated features, as those of a network are: a few causes in many channels, with heavy tails, all 0 or more."""
    mixing = np.random.default_rng(99).normal(size=(8, count))
    draw = np.random.default_rng(seed)
    return np.maximum(draw.standard_t(6, (images, 8)) @ mixing + draw.normal(0, 0.5, (images, count)) + 3 + shift, 0)


@pytest.mark.parametrize(("images", "count"), [(300, 40), (50, 120)])
def test_it_is_the_mahalanobis_distance_of_the_shrunk_covariance(images: int, count: int) -> None:
    from sklearn.covariance import LedoitWolf

    training, new = features(0, images, count), features(1, 20, count)
    found = fit_feature_distance(training, features(2, 50, count))
    z = (training - found.mean) / found.spread
    oracle = LedoitWolf(assume_centered=True).fit(z).mahalanobis((new - found.mean) / found.spread)
    np.testing.assert_allclose(found.raw_distances(new) ** 2, oracle, rtol=2e-3)


@pytest.mark.parametrize("validation", [99, 120, 250, 1000])
def test_images_of_the_same_kind_are_flagged_as_rarely_as_promised(validation: int) -> None:
    training = features(0, 300)
    shares, promised = [], 0.0
    for cohort in range(100):
        known = fit_feature_distance(training, features(1000 + cohort, validation))
        shares.append(known.scored(features(5000 + cohort, 400)).flagged.mean())
        promised = known.promised_share
    assert promised <= 0.01
    # The standard error of the mean of 100 cohorts is about a tenth of the share.
    assert 0.6 * promised < np.mean(shares) < 1.4 * promised


def test_few_validation_images_promise_less_and_it_is_said() -> None:
    known = fit_feature_distance(features(0, 100), features(1, 7))
    assert known.promised_share == 1 / 8
    assert known.threshold == known.validation[-1]


def test_the_score_is_the_share_of_validation_images_that_are_nearer() -> None:
    validation = features(1, 100)
    known = fit_feature_distance(features(0, 300), validation)
    found = known.scored(validation)
    np.testing.assert_allclose(np.sort(found.scores), np.arange(100) / 100)
    assert (np.argsort(found.scores) == np.argsort(found.distances)).all()
    # Only what is farther than the farthest of a hundred is flagged.
    assert found.distances.max() == pytest.approx(1.0)
    assert not found.flagged.any()


def test_what_is_unlike_in_any_direction_is_flagged_and_the_farther_the_more() -> None:
    known = fit_feature_distance(features(0, 300), features(1, 200))
    shifted = [known.scored(features(2, 50, shift=shift)).distances.mean() for shift in (0, 1, 2, 4)]
    assert shifted == sorted(shifted)
    assert known.scored(features(2, 50, shift=4)).flagged.all()
    # One channel alone, which training images never have like this.
    odd = features(2, 50)
    odd[:, 7] += 40
    assert known.scored(odd).flagged.all()


def test_a_channel_that_was_silent_in_training_is_noticed_and_does_not_flag_everything() -> None:
    training, validation, new = features(0, 300), features(1, 200), features(2, 100)
    for rows in (training, validation, new):
        rows[:, 3] = 0
    known = fit_feature_distance(training, validation)
    assert known.scored(new).flagged.mean() < 0.05
    new[:, 3] = 10
    assert known.scored(new).flagged.all()


def test_a_feature_that_is_not_finite_is_infinitely_far() -> None:
    known = fit_feature_distance(features(0, 50), features(1, 20))
    odd = features(2, 2)
    odd[0, 0] = np.nan
    found = known.scored(odd)
    assert found.distances[0] == np.inf
    assert found.flagged.tolist() == [True, False]
    assert found.scores[0] == 1


def test_images_that_are_all_the_same_are_no_trouble() -> None:
    known = fit_feature_distance(np.ones((10, 5)), np.ones((4, 5)))
    assert known.scored([[1, 1, 1, 1, 1]]).flagged.tolist() == [False]
    assert known.scored([[2, 1, 1, 1, 1]]).flagged.tolist() == [True]


def test_what_is_kept_is_small_however_many_features_there_are() -> None:
    known = fit_feature_distance(features(0, 400, 600), features(1, 50, 600))
    assert known.directions.shape == (MOST_DIRECTIONS, 600)
    assert known.directions.dtype == np.float32
    assert known.scored(features(2, 100, 600)).flagged.mean() < 0.1
    assert known.scored(features(2, 50, 600, shift=4)).flagged.all()


def test_several_networks_give_their_mean() -> None:
    one = OodScores(np.array([0.2, 1.0]), np.array([0.5, 3.0]), np.array([False, True]))
    other = OodScores(np.array([0.4, 0.9]), np.array([0.7, 0.8]), np.array([False, False]))
    both = mean_scores([one, other])
    assert both.scores.tolist() == pytest.approx([0.3, 0.95])
    assert both.flagged.tolist() == [False, True]


def test_what_cannot_be_measured_is_refused() -> None:
    good = features(0, 50)
    with pytest.raises(BadSetting, match="false_flags is 0"):
        fit_feature_distance(good, good, false_flags=0)
    with pytest.raises(BadSetting, match="false_flags is 1"):
        fit_feature_distance(good, good, false_flags=1)
    with pytest.raises(BadSetting, match="2 training and 50 validation"):
        fit_feature_distance(good[:2], good)
    with pytest.raises(BadSetting, match="expected \\(images, 60\\)"):
        fit_feature_distance(good, features(1, 5, 59))
    with pytest.raises(BadSetting, match="the first is image 4"):
        fit_feature_distance(np.where(np.arange(50)[:, None] == 4, np.nan, good), good)
    with pytest.raises(BadSetting, match="expected \\(images, 60\\)"):
        fit_feature_distance(good, good).scored(good[0])
